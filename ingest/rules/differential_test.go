package rules

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/ingest/rules/script"
)

// patience is how long another program may take; the machine may be busy.
const patience = 60 * time.Second

// endMark is the text of the message that says that all before it were read.
const endMark = "this is the end of the test"

// rsyslogdHead is for fmt.Sprintf with the work directory, the address, the
// socket and the file of endMark.
const rsyslogdHead = `
global(workDirectory="%[1]s" localHostname="collector" net.enableDNS="off" internalmsg.severity="emerg" maxMessageSize="64k")
module(load="imudp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="%[2]s" port="5514" rcvbufSize="8m")
input(type="imuxsock" Socket="%[3]s" RateLimit.Interval="0")
template(name="plain" type="string" string="%%msg%%\n")
:syslogtag, isequal, "rsyslogd:" stop
if $msg contains "` + endMark + `" then {
	action(type="omfile" file="%[4]s" template="plain")
	stop
}
`

// rsyslogd is a real one at work.
type rsyslogd struct {
	t      *testing.T
	udp    net.Conn
	local  net.Conn
	end    string
	marked int
	stop   func() // returns when all is written
}

// ownAddress is an address on which nobody else has any port.
func ownAddress() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
}

// needRsyslogd finds the program, or ends the test.
func needRsyslogd(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("rsyslogd")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/rsyslogd"); err == nil {
			return path
		}
		if os.Getenv("CI") != "" {
			t.Fatal("rsyslogd is missing")
		}
		t.Skip("rsyslogd is missing")
	}
	return path
}

// startRsyslogd runs rsyslogd with the rules until the test ends.
func startRsyslogd(t *testing.T, rules string) *rsyslogd {
	t.Helper()
	program := needRsyslogd(t)
	dir, err := os.MkdirTemp("", "rsyslogd") //nolint:usetesting // the socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address, socket, conf := ownAddress(), filepath.Join(dir, "s"), filepath.Join(dir, "conf")
	d := &rsyslogd{t: t, end: filepath.Join(dir, "end")}
	text := fmt.Sprintf(rsyslogdHead, dir, address, socket, d.end) + rules
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var words bytes.Buffer
	cmd := exec.Command(program, "-n", "-f", conf, "-i", filepath.Join(dir, "pid"))
	cmd.Stdout, cmd.Stderr = &words, &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is told to end
		close(ended)
	}()
	d.stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("rsyslogd said:\n%s", &words)
		}
	})
	for tick := time.Tick(10 * time.Millisecond); ; {
		if d.local, err = net.Dial("unixgram", socket); err == nil {
			break
		}
		select {
		case <-ended:
			t.Fatalf("rsyslogd ended: %s", &words)
		case <-tick:
		}
	}
	if d.udp, err = net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.UDPAddr{IP: net.ParseIP(address), Port: 5514}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = d.udp.Close(), d.local.Close() })
	return d
}

// send sends messages, and returns when they were read.
func (d *rsyslogd) send(conn net.Conn, messages [][]byte) {
	d.t.Helper()
	for part := range slices.Chunk(messages, 50) {
		for _, m := range part {
			if _, err := conn.Write(m); err != nil {
				d.t.Fatal(err)
			}
		}
		d.marked++
		if _, err := fmt.Fprintf(conn, "<13>Oct 11 22:14:15 host test: %s %d", endMark, d.marked); err != nil {
			d.t.Fatal(err)
		}
		want := fmt.Sprintf("%s %d\n", endMark, d.marked)
		for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
			if text, _ := os.ReadFile(d.end); strings.HasSuffix(string(text), want) {
				break
			}
			if time.Now().After(deadline) {
				d.t.Fatal("rsyslogd does not come to an end")
			}
		}
	}
}

// readFolder reads all files below a folder.
func readFolder(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		files[name] = string(text)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// runRules puts messages through rules of ours, and returns when all is
// written.
func runRules(t *testing.T, rules string, in Input, messages [][]byte) {
	t.Helper()
	s := script.Parse("test.conf", rules)
	for _, n := range s.Notes {
		if n.Refused {
			t.Errorf("note: %s", n)
		}
	}
	s.Options.Hostname = "collector"
	e, err := Open(Config{Script: s, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	sorter := e.NewSorter(in)
	for _, m := range messages {
		sorter.Sort(m, "127.0.0.1", time.Now())
	}
	sorter.Flush()
	runUntilWritten(e)
}

// compare feeds the same to a real rsyslogd and to us, and compares the files.
// "$OUT" in the rules is the folder of the files.
func compare(t *testing.T, rules string, local bool, messages [][]byte) {
	t.Helper()
	theirs, ours := t.TempDir(), t.TempDir()
	began := time.Now()
	d := startRsyslogd(t, strings.ReplaceAll(rules, "$OUT", theirs))
	conn, in := d.udp, Input{URL: "udp://127.0.0.1:514"}
	if local {
		conn, in = d.local, Input{URL: "unixgram:///dev/log", Local: true}
	}
	d.send(conn, messages)
	// It writes to the files one after the other, when it has read many messages.
	d.stop()
	runRules(t, strings.ReplaceAll(rules, "$OUT", ours), in, messages)
	want, got := readFolder(t, theirs), readFolder(t, ours)
	if len(want) == 0 {
		t.Fatal("rsyslogd has written nothing")
	}
	for name := range want {
		want[name] = maskNow(want[name], began)
	}
	for name := range got {
		got[name] = maskNow(got[name], began)
	}
	for name, text := range want {
		if got[name] == text {
			continue
		}
		w, g := strings.SplitAfter(text, "\n"), strings.SplitAfter(got[name], "\n")
		if len(w) != len(g) {
			t.Errorf("%s has %d lines, want %d", name, len(g), len(w))
		}
		shown := 0
		for i := range min(len(w), len(g)) {
			if w[i] != g[i] && shown < 5 {
				t.Errorf("%s, line %d:\n got %q\nwant %q", name, i+1, g[i], w[i])
				shown++
			}
		}
	}
	if diff := cmp.Diff(names(want), names(got)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func names(files map[string]string) []string {
	var list []string
	for name := range files {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

var (
	isoTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:[+-]\d\d:\d\d)`)
	bsdTime = regexp.MustCompile(`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`)
)

// maskNow replaces the times since began: both programs have their own.
func maskNow(text string, began time.Time) string {
	from, to := began.Add(-2*time.Second), time.Now().Add(2*time.Second)
	text = isoTime.ReplaceAllStringFunc(text, func(s string) string {
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil && at.After(from) && at.Before(to) {
			return "NOW"
		}
		return s
	})
	return bsdTime.ReplaceAllStringFunc(text, func(s string) string {
		at, err := time.ParseInLocation("2006 Jan _2 15:04:05", fmt.Sprintf("%d %s", began.Year(), s), time.Local)
		if err == nil && at.After(from) && at.Before(to) {
			return "NOW"
		}
		return s
	})
}

// longFraction is more than microseconds, of which rsyslogd 8.2302 writes bytes
// that are no digits. We write microseconds.
var longFraction = regexp.MustCompile(`:\d\d\.\d{7,}`)

// openPRI ends before rsyslogd 8.2302 stops to look for the end of a PRI: its
// rawmsg-after-pri depends on what was in memory before.
var openPRI = regexp.MustCompile(`^<.?[^>]{0,2}$`)

// parserCases are the messages of ingest/syslog's cases that come by transport.
func parserCases(t testing.TB, transport string) (messages [][]byte) {
	t.Helper()
	eachLine(t, "../syslog/testdata/syslog_cases.jsonl", func(line []byte) {
		var c struct {
			Transport, Raw string
			RawB64         string `json:"raw_b64"`
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		raw := []byte(c.Raw)
		if c.RawB64 != "" {
			var err error
			if raw, err = base64.StdEncoding.DecodeString(c.RawB64); err != nil {
				t.Fatal(err)
			}
		}
		if c.Transport == transport && len(raw) > 0 && len(raw) < 60_000 && !longFraction.Match(raw) {
			messages = append(messages, raw)
		}
	})
	return messages
}

// captures are the datagrams of a real sender.
func captures(t testing.TB, sender string) (messages [][]byte) {
	t.Helper()
	eachLine(t, "../syslog/testdata/"+sender+"_datagrams.jsonl", func(line []byte) {
		var c struct{ Hex string }
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, raw)
	})
	return messages
}

func eachLine(t testing.TB, path string, do func([]byte)) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		do(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// formats writes every message in each of the forms.
const formats = `
$template mine,"%PRI-text%|%pri%|%syslogfacility%|%syslogfacility-text%|%syslogseverity%|%syslogpriority-text%|%timereported:::date-rfc3339%|%hostname%|%fromhost-ip%|%syslogtag%|%programname%|%app-name%|%procid%|%msgid%|%structured-data%|%msg:::drop-last-lf%|%rawmsg%|%rawmsg-after-pri%|%inputname%|%protocol-version%\n"
*.* $OUT/traditional;RSYSLOG_TraditionalFileFormat
*.* -$OUT/file;RSYSLOG_FileFormat
*.* $OUT/sysklogd;RSYSLOG_SysklogdFileFormat
*.* $OUT/protocol23;RSYSLOG_SyslogProtocol23Format
*.* $OUT/forward;RSYSLOG_TraditionalForwardFormat
*.* $OUT/mine;mine
`

func TestFilesAreThoseOfRsyslogd(t *testing.T) {
	sets := map[string][][]byte{
		"cases": parserCases(t, "udp"), "stream cases": parserCases(t, "tcp"),
		"nginx": captures(t, "nginx"), "redis": captures(t, "redis"), "mariadb": captures(t, "mariadb"),
	}
	for name, messages := range sets {
		t.Run(name, func(t *testing.T) { compare(t, formats, false, messages) })
	}
	local := slices.Concat(parserCases(t, "unix"), captures(t, "redis"), captures(t, "mariadb"))
	t.Run("local", func(t *testing.T) { compare(t, formats, true, local) })
}

// generated are messages made of parts that matter to filters, in an order that
// that the seed decides.
func generated(count int, seed uint64) (messages [][]byte) {
	random := rand.New(rand.NewPCG(8, seed))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for range count {
		pri := pick("<"+strconv.Itoa(random.IntN(192))+">", "<"+strconv.Itoa(168+random.IntN(8))+">", "<"+strconv.Itoa(random.IntN(192))+">", "", "<999>")
		text := pick("boom", "bang", " boom", "BOOM bang", "", "x/y:z", "say \"hi\"", "a\tb\nc", "ünï", "uid=123 took 5 ms", "../../etc/passwd", "a.b", "aXb", "back\\slash", "50%", "  two  spaces ", "42", "7\r\n")
		if random.IntN(4) == 0 {
			messages = append(messages, []byte(pri+"1 "+pick("2026-10-11T22:14:15Z", "2026-01-02T03:04:05.678+08:00", "-", "bad")+" "+
				pick("web1", "web2", "-", "a/b")+" "+pick("game-proxy", "hhl-git-server", "-", "App/x")+" "+pick("12", "-", "p")+" "+pick("ID7", "-")+" "+
				pick("-", `[a b="c"]`, `[a b="c\"]d"][e]`, "")+" "+text))
			continue
		}
		messages = append(messages, []byte(pri+pick("Oct 11 22:14:15 ", "Oct  1 02:04:05 ", "2026-10-11T22:14:15.5+02:00 ", "oct 11 2025 22:14:15.123: ", "")+
			pick("web1 ", "web2 ", "10.0.0.7 ", "", "fe80::1 ")+
			pick("game-proxy[12]: ", "game-proxy-req: ", "hhl-git-server[7]: ", "other:", "a/b[1]: ", "no colon here ", "..: ", "[x]: ", "tag[: ", "ünï: ")+text))
	}
	return messages
}

// ruleSets are configurations; each rule writes what it matches.
var ruleSets = map[string]string{
	"property filters": `
:msg, contains, "" $OUT/contains-nothing;raw
:msg, isequal, " boom" $OUT/isequal;raw
:msg, !contains, "boom" $OUT/not-contains;raw
:msg,startswith," bo" $OUT/startswith;raw
:msg, isempty, "" $OUT/isempty;raw
:msg, !isempty, "" $OUT/not-isempty;raw
:msg, contains, "say \"hi\"" $OUT/quotes;raw
:msg, contains, "back\\slash" $OUT/backslash;raw
:msg, regex, "a\.b" $OUT/regex-one-backslash;raw
:msg, regex, "a\\.b" $OUT/regex-two;raw
:msg, regex, "^ \(boom\|bang\)$" $OUT/regex-group;raw
:msg, regex, "bo\\{2\\}m" $OUT/regex-count;raw
:msg, regex, "[[:digit:]]\\+ ms" $OUT/regex-class;raw
:msg, regex, "o+" $OUT/regex-plus-is-plus;raw
:msg, ereregex, "(bo+m|ba.g)$" $OUT/ereregex;raw
:msg, ereregex, "^.{3,6}$" $OUT/ereregex-count;raw
:syslogtag, isequal, "game-proxy[12]:" $OUT/tag;raw
:programname, isequal, "a" $OUT/programname-slash;raw
:programname, isempty, "" $OUT/programname-empty;raw
:app-name, startswith, "App/" $OUT/appname;raw
:structured-data, contains, "b=" $OUT/data;raw
:structured-data, isequal, "-" $OUT/no-data;raw
:msgid, isequal, "ID7" $OUT/msgid;raw
:hostname, regex, "^web[12]$" $OUT/hostname;raw
:HOSTNAME, isequal, "web1" $OUT/upper-case-name;raw
:pri-text, isequal, "local5.info" $OUT/pri-text;raw
:syslogfacility-text, isequal, "local5" $OUT/facility-text;raw
:timereported, contains, "Oct" $OUT/time;raw
:$year, !isequal, "1999" $OUT/year;raw
`,
	"selectors": `
*.=debug $OUT/only-debug;raw
*.info;*.!err $OUT/info-to-warning;raw
local5,local6.=info;mail.* $OUT/lists;raw
*.info;mail,news.none;authpriv.none $OUT/none;raw
kern.warn,user.error $OUT/commas;raw
LOCAL5.INFO $OUT/upper-case;raw
*.*;local5.!=info;local5.!=err $OUT/all-but;raw
security.panic $OUT/old-names;raw
*.!none $OUT/not-none;raw
local0.*;local1.*;\
	local2.* $OUT/continued;raw
mark.* $OUT/mark;raw
`,
	"chains": `
:programname, isequal, "hhl-git-server" $OUT/git;raw
& ~
*.err $OUT/errors;raw
& $OUT/errors-again;raw
:msg, contains, "bang" stop
*.* $OUT/rest;raw
if $syslogfacility-text == "local5" then {
	if $syslogseverity <= 3 then $OUT/local5-bad;raw
	else $OUT/local5-good;raw
	stop
} else if $programname startswith 'game' then $OUT/game;raw
*.* { action(type="omfile" file="$OUT/last" template="raw")
:msg, contains, "boom" stop
}
*.* $OUT/very-last;raw
`,
	"expressions": `
if $msg == " boom" then $OUT/equal;raw
if $msg != 'boom' and not ($hostname == 'web1' or $hostname == 'web2') then $OUT/not-or;raw
if $msg contains_i 'BOOM' then $OUT/contains_i;raw
if $programname startswith_i "GAME" and $programname != "" then $OUT/startswith_i;raw
if $programname == ["game-proxy","other"] then $OUT/list;raw
if $programname != ["game-proxy","other"] then $OUT/not-list;raw
if $msg contains ["boom","hi"] then $OUT/contains-list;raw
if $syslogseverity-text == 'err' or $syslogseverity >= 6 then $OUT/severity;raw
if $msg == 42 then $OUT/number;raw
if $msg < 50 then $OUT/below;raw
if $msg > "b" then $OUT/text-above;raw
if 4 > $syslogseverity then $OUT/mirrored;raw
if re_match($msg, '^ ?b[ao]+') then $OUT/re_match;raw
if prifilt("local5.*;*.=debug") then $OUT/prifilt;raw
if $procid == '12' or $msgid <> '-' then $OUT/procid;raw
if ($msg contains "\"hi\"") or ($msg contains '\\') then $OUT/escapes;raw
if $fromhost-ip == '127.0.0.1' and $inputname == 'imudp' then $OUT/from;raw
if $hostname == "web1" and $msg contains "b" or $hostname == "web2" then $OUT/precedence;raw
`,
	"templates": `
template(name="list" type="list") {
	property(name="timereported" dateFormat="rfc3339") constant(value="\t")
	property(name="msg" position.from="2" position.to="4" caseConversion="upper") constant(value=" 100%\n")
}
template(name="string" type="string" string="%syslogtag:1:8%|%msg:3:$%|%msg:F,32:2%|%msg:::uppercase%|%$year%\n")
$template cuts,"%msg:2:5%|%msg:1:12:fixed-width%|%hostname:::lowercase%|%msg:::compressspace%|\101\\|\%|\"\n"
$template paths,"%programname:::secpath-drop%|%programname:::secpath-replace%|%msg:2:$:secpath-replace%\n"
$template quoted,"%msg:::csv%|%msg:::json%|%msg:::jsonf%|%syslogtag:::secpath-drop%|%syslogtag:::secpath-replace%|%msg:::escape-cc%|%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf,drop-cc%\n"
$template Pri,"<%syslogpriority%>%syslogfacility%|%PRI%|%msg:F:2%|%msg:F,47:1%\n"
$template star,"%msg:2:5%\n" *
*.* $OUT/star;star
*.* $OUT/list;list
*.* $OUT/string;string
*.* $OUT/cuts;cuts
*.* $OUT/paths;paths
*.* $OUT/quoted;quoted
*.* $OUT/pri;Pri
$ActionFileDefaultTemplate RSYSLOG_SyslogProtocol23Format
*.* $OUT/default
local5.* -$OUT/local5
`,
	"rulesets": `
ruleset(name="other") {
	*.err $OUT/other-errors;raw
	:programname, isequal, "other" stop
}
*.* call other
*.* $OUT/behind;raw
`,
	"dynamic": `
$template byprogram,"$OUT/by/%programname%.log"
$template byhost,"$OUT/hosts/%HOSTNAME%/%$year%"
:programname, regex, "^[a-z-]+$" ?byprogram;raw
:hostname, startswith, "web" action(type="omfile" dynaFile="byhost" template="raw")
`,
}

func TestRulesWriteWhatRsyslogdWrites(t *testing.T) {
	messages := append(selectorMessages(t), generated(600, seedOf(t))...)
	for name, rules := range ruleSets {
		t.Run(name, func(t *testing.T) {
			compare(t, "$template raw,\"%rawmsg%\\n\"\n"+rules, false, messages)
		})
	}
	t.Run("dates", func(t *testing.T) {
		dated := slices.DeleteFunc(slices.Clone(messages), func(m []byte) bool { return !bytes.Contains(m, []byte(":")) || !hasTime.Match(m) })
		compare(t, dateRules, false, slices.Concat(dated, captures(t, "redis")))
	})
	t.Run("every selector case", func(t *testing.T) {
		var rules strings.Builder
		for i, c := range selectorCases(t) {
			fmt.Fprintf(&rules, "%s $OUT/%d-%s;raw\n", c.Rule, i, ruleName(c.Rule))
		}
		compare(t, "$template raw,\"%rawmsg%\\n\"\n"+rules.String(), false, messages)
	})
}

// hasTime finds messages whose time is read, so that nothing of now is written.
var hasTime = regexp.MustCompile(`^(<1?\d?\d>)?(1 )?(oct|Oct|2026).*(22:14:15|02:04:05|03:04:05)`)

const dateRules = `$template dates,"%timereported:::date-mysql%|%timereported:::date-pgsql%|%timereported:::date-rfc3164-buggyday%|%timereported:::date-subseconds%|%timereported:::date-year%-%timereported:::date-month%-%timereported:::date-day%|%timereported:::date-hour%%timereported:::date-minute%%timereported:::date-second%|%timereported:::date-unixtimestamp%\n"
*.* $OUT/dates;dates
`
