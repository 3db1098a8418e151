package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// outline writes what a script does, one line a statement.
func outline(s *Script) string {
	var b strings.Builder
	for _, set := range s.Rulesets {
		if set.Name != DefaultRuleset {
			fmt.Fprintf(&b, "ruleset %s\n", set.Name)
		}
		outlineBody(&b, set.Body, "")
	}
	return b.String()
}

func outlineBody(b *strings.Builder, body []Statement, indent string) {
	for i := range body {
		switch st := &body[i]; {
		case st.Disabled:
			fmt.Fprintf(b, "%s%d off\n", indent, st.At.Line)
		case st.Filter != nil:
			fmt.Fprintf(b, "%s%d if %s\n", indent, st.At.Line, st.Filter)
			outlineBody(b, st.Then, indent+"  ")
			if len(st.Else) > 0 {
				fmt.Fprintf(b, "%selse\n", indent)
				outlineBody(b, st.Else, indent+"  ")
			}
		case st.Stop:
			fmt.Fprintf(b, "%s%d stop\n", indent, st.At.Line)
		case st.Call != "":
			fmt.Fprintf(b, "%s%d call %s\n", indent, st.At.Line, st.Call)
		default:
			a := st.Action
			switch {
			case a.Kind == Tag:
				fmt.Fprintf(b, "%s%d tag %s\n", indent, st.At.Line, a.Tag)
			case a.Kind == Forward:
				fmt.Fprintf(b, "%s%d %s://%s %v %s\n", indent, st.At.Line, a.Protocol, a.Target, a.OctetCounted, a.Template.Name)
			case a.PathTemplate != nil:
				fmt.Fprintf(b, "%s%d ?%s %s\n", indent, st.At.Line, a.PathTemplate.Name, a.Template.Name)
			default:
				fmt.Fprintf(b, "%s%d %s %s\n", indent, st.At.Line, a.Path, a.Template.Name)
			}
		}
	}
}

// notes lists the notes of a script, "!" before what is refused.
func notes(s *Script) (list []string) {
	for _, n := range s.Notes {
		mark := ""
		if n.Refused {
			mark = "!"
		}
		list = append(list, fmt.Sprintf("%s%d: %s", mark, n.At.Line, n.Text))
	}
	return list
}

func TestStatementsAreRead(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"a selector", "local5.* /var/log/a", "1 if local5 at any severity\n  1 /var/log/a RSYSLOG_FileFormat\n"},
		{"a comment behind", "*.* -/var/log/a # all\n", "1 if every facility at any severity\n  1 /var/log/a RSYSLOG_FileFormat\n"},
		{"templates", "$ActionFileDefaultTemplate RSYSLOG_SyslogProtocol23Format\n$template x,\"%msg%\\n\"\n*.* /a\n& /b;x", "3 if every facility at any severity\n  3 /a RSYSLOG_SyslogProtocol23Format\n  4 /b x\n"},
		{"joined lines", "*.info;\\\n   mail.none \\\n /a\n*.=err /b", "1 if every facility but mail at info and worse\n  3 /a RSYSLOG_FileFormat\n4 if every facility at err\n  4 /b RSYSLOG_FileFormat\n"},
		{"a chain", ":programname, !isequal, \"x\" /a\n& ~\n/all", "1 if programname is not \"x\"\n  1 /a RSYSLOG_FileFormat\n  2 stop\n3 /all RSYSLOG_FileFormat\n"},
		{"blocks", "if $msg contains 'x' then {\n  /a\n  stop\n} else if prifilt('mail.*') then /b\nelse { /c }", "1 if msg contains \"x\"\n  2 /a RSYSLOG_FileFormat\n  3 stop\nelse\n  4 if mail at any severity\n    4 /b RSYSLOG_FileFormat\n  else\n    5 /c RSYSLOG_FileFormat\n"},
		{"forwarding", "*.* @h\n& @@h:10514;RSYSLOG_ForwardFormat\n& @@(o)[::1]:514\n& :omrelp:h:2514\n& action(type=\"omfwd\" target=\"h\" port=\"1\" protocol=\"tcp\" TCP_Framing=\"octet-counted\")",
			"1 if every facility at any severity\n  1 udp://h:514 false RSYSLOG_TraditionalForwardFormat\n  2 tcp://h:10514 false RSYSLOG_ForwardFormat\n  3 tcp://[::1]:514 true RSYSLOG_TraditionalForwardFormat\n  4 relp://h:2514 false RSYSLOG_ForwardFormat\n  5 tcp://h:1 true RSYSLOG_TraditionalForwardFormat\n"},
		{"our own", "local5.* tag=\"dev1\"\n:msg, contains, \"x\" action(type=\"tag\" tag=\"web/dev2\")\n& stop", "1 if local5 at any severity\n  1 tag dev1\n2 if msg contains \"x\"\n  2 tag web/dev2\n  3 stop\n"},
		{"rulesets", "ruleset(name=\"r\") {\n *.* /r\n}\n*.* call r\n$RuleSet two\n*.* /two\n$RuleSet RSYSLOG_DefaultRuleset\n/x", "4 if every facility at any severity\n  4 call r\n8 /x RSYSLOG_FileFormat\nruleset r\n2 if every facility at any severity\n  2 /r RSYSLOG_FileFormat\nruleset two\n6 if every facility at any severity\n  6 /two RSYSLOG_FileFormat\n"},
		{"comments", "/* a\nb */ *.* /a\n# c \\\n*.* /b", "2 if every facility at any severity\n  2 /a RSYSLOG_FileFormat\n4 if every facility at any severity\n  4 /b RSYSLOG_FileFormat\n"},
		{"a dynamic file", "$template d,\"/l/%programname%/%$year%\"\n*.* ?d\n& -?d;RSYSLOG_TraditionalFileFormat", "2 if every facility at any severity\n  2 ?d RSYSLOG_FileFormat\n  3 ?d RSYSLOG_TraditionalFileFormat\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Parse("t", test.text)
			if diff := cmp.Diff(test.want, outline(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(s.Notes) > 0 {
				t.Errorf("notes: %v", notes(s))
			}
		})
	}
}

// Whatever is refused, the statements behind it are read, and none of them is
// for more messages than it says.
func TestWhatIsRefusedDoesNothingAndTheRestGoesOn(t *testing.T) {
	const last = "\n*.=emerg /last"
	tests := []struct{ name, text, want, note string }{
		{"an unknown property", ":nonsense, isequal, \"x\" /a\n& /b", "1 off\n", `!1: there is no property "nonsense"; its actions are not taken`},
		{"an unknown comparison", ":msg, endswith, \"x\" /a", "1 off\n", `!1: there is no comparison "endswith"; rsyslog 8.2302 has contains, isequal, startswith, regex, ereregex and isempty; its actions are not taken`},
		{"a value without quotes", ":msg, isequal, x /a", "1 off\n", `!1: the property filter is not of the form :property, operation, "value"; its actions are not taken`},
		{"a regular expression", ":msg, regex, \"\\\\(a\" /a", "1 off\n", ""},
		{"a reference", ":msg, regex, \"\\\\(a\\\\)\\\\1\" /a", "1 off\n", `!1: the regular expression "\\(a\\)\\1" cannot be used: references such as \1 are not supported; its actions are not taken`},
		{"an unknown facility", "local9.* /a\n& stop", "1 off\n", `!1: there is no facility "local9"; its actions are not taken`},
		{"an unknown priority", "local5.fatal { /a\n /b\n}", "1 off\n", `!1: there is no priority "fatal"; there are emerg, alert, crit, err, warning, notice, info, debug, * and none; its actions are not taken`},
		{"an unknown function", "if lookup('x', $msg) == 'y' then {\n /a\n} else {\n /b\n}", "1 off\n", "!1: the function lookup() is not supported; there are re_match() and prifilt(); what depends on it is not done"},
		{"a variable", "if $!json == 'y' then\n /a\nelse\n /b", "1 off\n", "!1: variables such as $!json are not supported; what depends on it is not done"},
		{"not before a comparison", "if not $msg contains 'x' then /a", "1 off\n", "!1: not binds stronger than a comparison; write not (…); what depends on it is not done"},
		{"calculating", "if $msg == 1 + 2 then /a", "1 off\n", "!1: calculating with + is not supported; what depends on it is not done"},
		{"a module", "*.* action(type=\"ommysql\" server=\"x\"\n uid=\"y\")", "1 if every facility at any severity\n", "!1: the output module ommysql is not supported"},
		{"a program", "*.* ^/bin/sh", "1 if every facility at any severity\n", "!1: ^/bin/sh is not supported: Tagtail starts no programs for messages and writes to no databases"},
		{"two actions in a line", "local5.* /a /b", "1 if local5 at any severity\n", `!1: "/b" stands behind the action; the line is left out`},
		{"a relative file", "*.* action(type=\"omfile\" file=\"a\")", "1 if every facility at any severity\n", `!1: the file "a" is not an absolute path`},
		{"a file above", "*.* /var/log/../../etc/passwd", "1 if every facility at any severity\n", `!1: the file "/var/log/../../etc/passwd" has . or .. or a slash too many in it; write "/etc/passwd"`},
		{"a device", "*.* /dev/tty1", "1 if every facility at any severity\n", `!1: "/dev/tty1" is no file of messages; Tagtail writes to no devices`},
		{"a dangerous file", "$template d,\"/l/%msg%\"\n*.* ?d", "2 if every facility at any severity\n", `!2: template "d" makes a file's name of %msg%, which anybody can write; use programname, hostname, fromhost-ip, $year, $month and $day`},
		{"a file above that senders name", "$template d,\"/l/../%programname%\"\n*.* ?d", "2 if every facility at any severity\n", `!2: template "d" has .. in a file's name; write where the file is`},
		{"devices that senders name", "$template d,\"/proc/%programname%\"\n*.* ?d", "2 if every facility at any severity\n", `!2: template "d" names devices; Tagtail writes to no devices`},
		{"an unknown template", "*.* /a;none", "1 if every facility at any severity\n", `!1: there is no template "none" above it`},
		{"TLS", "*.* action(type=\"omfwd\" target=\"h\" protocol=\"tcp\" StreamDriverMode=\"1\")", "1 if every facility at any severity\n", "!1: forwarding by TLS is not supported; in the clear it would not be what was asked for"},
		{"a condition of an action", "$ActionExecOnlyWhenPreviousIsSuspended on\n/a", "", "!1: $ActionExecOnlyWhenPreviousIsSuspended is not supported"},
		{"foreach", "foreach ($.x in $!y) do {\n  /a\n}", "", ""},
		{"set", "set $!x = \"y\";", "", "!1: set is not supported"},
		{"lookup tables", "lookup_table(name=\"x\" file=\"y\")", "", "!1: lookup_table() is not supported"},
		{"BSD blocks", "!prog\n*.* /a\n& /b\n+host\n/c\n!*", "", `!1: BSD-style blocks such as "!prog" are not supported; the rules behind it are left out, up to "!*"`},
		{"an unknown block", "what is this {\n /a\n}", "", `!1: "what is this {" is no action that is known`},
		{"an unknown block in the next line", "what is this\n{\n /a\n}", "", `!1: "what is this" is no action that is known`},
		{"nonsense", "what is this", "", `!1: "what is this" is no action that is known`},
		{"no such ruleset", "call r", "1 call r\n", `!1: there is no ruleset "r"; its call does nothing`},
		{"a call of nothing", "call ''", "", `!1: a name is missing`},
		{"a tag that is none", "*.* tag=\"../x\"", "1 if every facility at any severity\n", `!1: tag="../x" is neither an owner, such as dev1, nor an instance, such as web/dev1`},
		{"a socket elsewhere", "$AddUnixListenSocket /x/log", "", "!1: $AddUnixListenSocket: the socket /x/log is not made from here; give it to syslog, as unixgram:///x/log"},
		{"a queue of nothing", "*.* action(type=\"omfwd\" target=\"h\" queue.maxDiskSpace=\"x\")", "1 if every facility at any severity\n", `!1: the size "x" of a queue is not possible; give at least 1m`},
		{"an escape in a name", "*.* /a\x1b[31m", "1 if every facility at any severity\n", "!1: the file's name is not possible"},
		{"an unknown directive", "$Nonsense on", "", "!1: $Nonsense is not known"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Parse("t", test.text+last)
			line := strings.Count(test.text, "\n") + 2
			want := test.want + fmt.Sprintf("%d if every facility at emerg\n  %d /last RSYSLOG_FileFormat\n", line, line)
			if diff := cmp.Diff(want, outline(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			got := notes(s)
			if len(got) == 0 || !strings.HasPrefix(got[0], "!") || test.note != "" && got[0] != test.note {
				t.Errorf("got notes %q, want %q first", got, test.note)
			}
		})
	}
}

// The action may stand on the next line, so that what stands there is not taken
// for every message.
func TestAFilterWithAnOpenQuoteTakesTheNextActionWithIt(t *testing.T) {
	s := Parse("t", ":msg, isequal, \"x\n  /a\n*.=emerg /last")
	if diff := cmp.Diff("1 off\n3 if every facility at emerg\n  3 /last RSYSLOG_FileFormat\n", outline(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsNeverClosedTakesTheRestWithIt(t *testing.T) {
	for _, text := range []string{"if $x then\n", "action(type=\"omfile\" file=\"/a\"\n", "if $msg == \"x then {\n", "template(name=\"x"} {
		s := Parse("t", text+"*.* /b\n")
		if len(s.Actions) != 0 && text != "if $x then\n" {
			t.Errorf("%q: got %s", text, outline(s))
		}
		if got := notes(s); len(got) == 0 || !strings.HasPrefix(got[0], "!") {
			t.Errorf("%q: got notes %q", text, got)
		}
	}
}

func TestWhatHasNoMeaningHereIsWarnedOf(t *testing.T) {
	s := Parse("t", `$WorkDirectory /var/spool/rsyslog
$ActionQueueType LinkedList
module(load="imklog")
$ModLoad immark
*.emerg :omusrmsg:*
*.* |/dev/xconsole
local5.!err /never
main_queue(queue.size="1")
*.* action(type="omfile" file="/a" ioBufferSize="8k")
`)
	want := []string{
		"1: $WorkDirectory is passed over", "2: $ActionQueueType is passed over", "3: the module imklog is passed over",
		"4: the module immark is passed over", "5: terminals of users are passed over: the page shows the messages",
		"6: |/dev/xconsole is passed over: Tagtail writes to no pipes and no terminals",
		"7: local5.!err matches nothing: it only takes away from what stands before it",
		"8: main_queue() is passed over: Tagtail has a queue of its own",
		"9: action(): the parameter iobuffersize is passed over",
	}
	if diff := cmp.Diff(want, notes(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestInputsAndOptionsAreRead(t *testing.T) {
	s := Parse("t", `$UDPServerAddress 127.0.0.1
$UDPServerRun 514
$InputTCPServerRun 10514
input(type="imptcp" port="601" name="x" ruleset="r")
input(type="imuxsock" Socket="/run/a.sock")
input(type="imrelp" port="20514" address="::1")
$ActionQueueMaxDiskSpace 2m
*.* tag="dev1"
*.* @h
*.* @h
ruleset(name="r") { *.* /r
}
global(maxMessageSize="8k" localHostname="me" parser.escapeControlCharactersOnReceive="off")
$EscapeControlCharacterTab off
`)
	var got []string
	for _, in := range s.Inputs {
		got = append(got, strings.TrimSpace(in.URL+" "+in.Name+" "+in.Ruleset))
	}
	want := []string{"udp://127.0.0.1:514", "tcp://0.0.0.0:10514", "tcp://0.0.0.0:601 x r", "unixgram:///run/a.sock", "relp://[::1]:20514"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if o := s.Options; o.MaxBytes != 8192 || o.Hostname != "me" || !o.KeepControls || !o.KeepTabs {
		t.Errorf("got options %+v", o)
	}
	if len(s.Notes) > 0 {
		t.Errorf("notes: %v", notes(s))
	}
	if a := s.Actions; a[0].MaxBytes != 0 || a[1].MaxBytes != 2<<20 || a[2].MaxBytes != 0 {
		t.Errorf("got %d, %d and %d bytes of queues", a[0].MaxBytes, a[1].MaxBytes, a[2].MaxBytes)
	}
}

func TestFilesAreReadInTheOrderOfTheirNamesAndIncludeOthers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"20-b.conf": "/b\n$IncludeConfig more/*.inc\n/b2", "10-a.conf": "/a\ninclude(file=\"none\" mode=\"optional\")\n", "more/x.inc": "/x", "more/y.inc": "/y\n$IncludeConfig y.inc",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Read([]string{filepath.Join(dir, "*.conf")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range s.Actions {
		if n := len(got); n == 0 || got[n-1] != a.Path {
			got = append(got, a.Path)
		}
	}
	if diff := cmp.Diff([]string{"/a", "/b", "/x", "/y", "/b2"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := notes(s); len(got) != 1 || !strings.Contains(got[0], "files include each other without end") {
		t.Errorf("got notes %q", got)
	}
	if _, err := Read([]string{filepath.Join(dir, "none.conf")}); err == nil {
		t.Error("a file that is missing is no error")
	}
}

func TestRulesetsThatCallThemselvesAreLeftOut(t *testing.T) {
	s := Parse("t", "ruleset(name=\"a\") {\n call b\n}\nruleset(name=\"b\") {\n call a\n /b\n}\n*.* call a\n*.* /x")
	if diff := cmp.Diff([]string{`!2: ruleset "a" calls itself; it is left out`}, notes(s)); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	want := "8 if every facility at any severity\n  8 call a\n9 if every facility at any severity\n  9 /x RSYSLOG_FileFormat\nruleset a\nruleset b\n5 call a\n6 /b RSYSLOG_FileFormat\n"
	if diff := cmp.Diff(want, outline(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRulesetsThatCallEachOtherWithoutMeasureAreLeftOut(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "ruleset(name=\"r%d\") {\n call r%d\n call r%d\n}\n", i, i+1, i+1)
	}
	text.WriteString("ruleset(name=\"r60\") {\n /last\n}\n*.* call r0\n")
	got := notes(Parse("t", text.String()))
	if len(got) == 0 || !strings.HasSuffix(got[0], "sends a message through more than 100000 statements; it is left out") {
		t.Errorf("got notes %q", got)
	}
}

// What cannot be read is said in a sentence, and nothing is waited for.
func TestWhatIsNoFileOfRulesIsSaid(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, size := range map[string]int{"large.conf": 10 << 20, "nul.conf": 1 << 10} {
		if err := os.WriteFile(path(name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(path("folder.conf"), 0o700), unix.Mkfifo(path("pipe.conf"), 0o600), os.Symlink(path("none"), path("broken.conf")),
		os.WriteFile(path("secret.conf"), []byte("*.* /a\n"), 0)); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"large.conf": "large.conf is larger than 1048576 bytes, and was not read", "folder.conf": "folder.conf is a folder; write " + path("folder.conf/*.conf"),
		"pipe.conf": "pipe.conf is not a file", "broken.conf": "no such file", "secret.conf": "permission denied", "[.conf": "the pattern cannot be read", "none.conf": "there is no such file",
	}
	if os.Getuid() == 0 {
		delete(tests, "secret.conf") // is ours to read
	}
	for name, want := range tests {
		if _, err := Read([]string{path(name)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	if s, err := Read([]string{path("folder*")}); err != nil || len(s.Files) > 0 {
		t.Errorf("a pattern that fits a folder: got %v", err)
	}
	s, err := Read([]string{path("nul.conf")})
	if err != nil || len(s.Actions) > 0 || len(s.Notes) != 1 {
		t.Errorf("NUL bytes: got %d actions, %d notes, %v", len(s.Actions), len(s.Notes), err)
	}
}

// A text of a million bytes costs no more than reading it, whatever is in it.
func TestHostileTextsAreReadInTime(t *testing.T) {
	for _, part := range []string{
		"{", "(", "}", "if ", "if $msg == 'x' then ", "if ($msg == 'x' or ", "not ", "& ", "*.* ", "!x\n", "\"", "*.* /a\n", ":msg, contains, \"x\" { ", "action(", "\\\n", "/*", "$x\n", "a b\n",
		"$template x,\"%msg%", "ruleset(name=\"a\") { ", "*.*;", "else ", "if $msg == [", "then ", "\x00", "foreach {", "input(type=\"imudp\" port=\"1\")\n",
	} {
		text := strings.Repeat(part, maxFileBytes/len(part))
		began := time.Now()
		s := Parse("t", text)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("a text of %q takes %v", part, took)
		}
		if len(s.Actions) > maxActions || len(s.Notes) > maxNotes {
			t.Errorf("a text of %q has %d actions and %d notes", part, len(s.Actions), len(s.Notes))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("local5.* /var/log/a\n:msg, contains, \"x\" @@h\n& stop\n")
	f.Add("if $msg == 'x' and not (re_match($msg, 'a[b]')) then { action(type=\"omfile\" file=\"/a\") } else stop")
	f.Add("template(name=\"t\" type=\"list\") { property(name=\"msg\" position.from=\"2\") constant(value=\"\\n\") }\n$template x,\"%msg:1:2:lowercase%\"\n*.* ?x")
	f.Add("ruleset(name=\"r\"){ *.* call r }\n$RuleSet r\n*.err \\\n /a;x\n!p\n+h\n*.* tag=\"dev1\"")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToLower(text), "include") {
			return // of files of this machine
		}
		s := Parse("t", text)
		if len(s.Actions) > maxActions || len(s.Notes) > maxNotes {
			t.Fatalf("%d actions, %d notes", len(s.Actions), len(s.Notes))
		}
		_ = outline(s)
		for _, n := range s.Notes {
			if n.At.Line < 1 && n.At.File != "" {
				t.Fatalf("the note %q has no line", n)
			}
		}
	})
}
