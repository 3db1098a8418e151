package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// docNotRun are commands that TestCommandsOfTheDocumentsRun leaves out, by the
// document and the beginning of the command, and why. They are looked up by
// TestCommandsInTheDocumentsExist all the same.
var docNotRun = map[string]string{
	"README.md: make":                                      "builds and tests everything",
	"docs/migrating.md: systemctl":                         "ends and starts the rsyslog of the machine",
	"docs/BENCHMARKS.md: make bench":                       "takes long",
	"docs/deploy.md: for name in alice bob; do useradd":    "needs root",
	"docs/deploy.md: useradd":                              "needs root: systemd_test.go runs it on a machine of its own",
	"docs/deploy.md: cp -r units":                          "the same",
	"docs/deploy.md: install -m 644 units":                 "the same",
	"deploy/seed/samples/serverctrl/README.md: git commit": "docs/deploy.md has it",
}

// docUsesInstance are the documents that take alice's socketserver to run.
var docUsesInstance = []string{"docs/api.md", "docs/deploy.md", "docs/developers.md"}

// docStdin is what a person types.
var docStdin = map[string]string{
	"tagtail user passwd dev1": "a long enough password\n",
}

// docExpects is what has to be printed in the end, where it is not enough that
// the command is content.
var docExpects = map[string]string{
	"bin/tagtail tail":                                  `notice  socketserver/dev1 +hello`,
	"git push origin :refs/control/rollback":            `socketserver/alice: done`,
	"grep -c 'moving in' /var/log/hhl/all.log":          `^1$`,
	`tagtail count 'tag:socketserver_dev1 "moving in"'`: `^1$`,
	"tagtail search 'facility:local5 last:1h'":          "moving in",
}

// docWorld is where the commands of a document run: a studio whose addresses
// stand for those that the document has.
type docWorld struct {
	*studio
	code, values, templates *worktree // clones of alice's code and values, and of an administrator
}

func newDocWorld(t *testing.T, file string) *docWorld {
	owners := []string{"alice", "bob"}
	if file == "README.md" {
		owners = append(owners, "dev1")
	}
	w := &docWorld{studio: newStudio(t, owners...)}
	w.code = w.clone(t, "alice", "socketserver", "alice")
	w.values = w.clone(t, "alice", "serverctrl", "alice")
	w.templates = w.clone(t, "boss", "serverctrl", "master")
	return w
}

// stands is what of a command is another thing here.
func (w *docWorld) stands(command string) string {
	syslog := w.port("udp")
	if strings.Contains(command, " -T ") {
		syslog = w.port("tcp")
	}
	if strings.HasPrefix(command, "logger ") && !strings.Contains(command, " -P ") {
		command = strings.Replace(command, "logger ", "logger -u "+w.socket()+" ", 1)
	}
	return strings.NewReplacer(
		"http://alice@127.0.0.1:8514/git/socketserver.git", w.address("alice", "socketserver"),
		"http://127.0.0.1:8514", w.at.Server,
		"/srv/backup", filepath.Join(w.dir, "backup"),
		"-P 5514", "-P "+syslog,
		"bin/tagtail", "tagtail",
		"curl ", "curl --fail-with-body ",
		"/srv/tagtail", filepath.Join(w.dir, "srv"),
		"/etc/rsyslog.d", filepath.Join(w.dir, "rsyslog.d"),
		"/var/log/", filepath.Join(w.dir, "log")+"/",
		"revoke ID", "revoke $(tagtail token list | grep laptop | cut -d' ' -f1)",
	).Replace(command)
}

// port is that of the server's listener.
func (w *docWorld) port(scheme string) string {
	i := slices.IndexFunc(w.at.Syslog, func(input string) bool { return strings.HasPrefix(input, scheme) })
	return w.at.Syslog[i][strings.LastIndex(w.at.Syslog[i], ":")+1:]
}

// folder is where a person would be who types the command.
func (w *docWorld) folder(t *testing.T, c docCommand) string {
	if !strings.HasPrefix(c.text, "git") {
		return w.dir
	}
	at := w.code
	switch {
	case strings.Contains(c.text, "HEAD:master"):
		at = w.templates
	case strings.HasPrefix(c.about, "in serverctrl"), strings.Contains(c.text, "two workers"), strings.Contains(c.text, "-m reload"), strings.Contains(c.text, "-m start"):
		at = w.values
	}
	// There is always something to commit.
	if at == w.code {
		note, err := os.ReadFile(filepath.Join(at.dir, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		at.write(t, "README.md", string(note)+"changed\n")
	}
	if at == w.values && strings.Contains(c.text, "commit -am") {
		name := filepath.Join(at.dir, "nginx.socketserver.sub.py")
		values, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, name, regexp.MustCompile(`'alice' *: *\{`).ReplaceAllString(string(values), "$0 'WORKER_PROCESSES': 2, "))
	}
	return at.dir
}

// TestCommandsOfTheDocumentsRun types the commands of each document, in their
// order, on a server of its own. What is added to a document runs too, or gets
// its reason in docNotRun.
func TestCommandsOfTheDocumentsRun(t *testing.T) {
	need(t, "git", "nginx", "logger", "curl")
	used := map[string]bool{}
	for _, file := range documents(t) {
		_, blocks := readDocument(t, file)
		var commands []docCommand
		for _, b := range blocks {
			if b.isSynopsis() || file == "docs/query-language.md" {
				continue
			}
			for _, c := range b.commands() {
				if reason := notRun(file, c.text); reason != "" {
					used[reason] = true
				} else {
					commands = append(commands, c)
				}
			}
		}
		if len(commands) > 0 {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".md"), func(t *testing.T) {
				w := newDocWorld(t, file)
				w.prepare(t, file)
				for _, c := range commands {
					w.run(t, c)
				}
			})
		}
	}
	for key := range docNotRun {
		if !used[key] {
			t.Errorf("docNotRun has %q, which is in no document", key)
		}
	}
}

// notRun is the key of docNotRun that fits, or nothing.
func notRun(file, command string) string {
	for key := range docNotRun {
		if strings.HasPrefix(file+": "+command, key) {
			return key
		}
	}
	return ""
}

// prepare makes what a document takes to be there.
func (w *docWorld) prepare(t *testing.T, file string) {
	t.Helper()
	mustWrite(t, filepath.Join(w.dir, "rsyslog.d", "10.conf"), "local5.* "+filepath.Join(w.dir, "log", "all.log")+"\n")
	out, err := exec.Command("tagtail", "init", filepath.Join(w.dir, "srv"), "--developers", "alice,bob").CombinedOutput()
	if err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	if file == "docs/migrating.md" {
		w.startRsyslog(t, file)
	}
	if file == "docs/import.md" {
		w.writeOldLogs(t)
	}
	mustWrite(t, filepath.Join(w.dir, "tagtail.yaml"), "data: tagtail-data\nserverctrl: "+w.templates.dir+"\nroot: root/instances\n")
	if slices.Contains(docUsesInstance, file) {
		w.values.commit(t, "start socketserver")
		w.values.mustPush(t, "alice", "socketserver/alice: done")
		for range 2 { // to go back to
			w.code.commit(t, "UP")
			w.code.mustPush(t, "alice", "socketserver/alice: done")
		}
	}
}

// writeOldLogs makes the files that the document imports.
func (w *docWorld) writeOldLogs(t *testing.T) {
	t.Helper()
	for _, name := range []string{"nginx/error.log.1", "nginx/access.log", "dev1/access.log.2.gz", "httpserver/dev1/error.log", "messages.1", "hhl/all.log"} {
		path := filepath.Join(w.dir, "log", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, path, "Nov 22 08:51:43 box socketserver_alice: "+name+"\n")
	}
}

// startRsyslog runs an rsyslogd with a rule and the configuration of the
// document.
func (w *docWorld) startRsyslog(t *testing.T, file string) {
	t.Helper()
	need(t, "rsyslogd")
	_, blocks := readDocument(t, file)
	i := slices.IndexFunc(blocks, func(b docBlock) bool { return b.language == "rsyslog" })
	conf := filepath.Join(w.dir, "rsyslog.conf")
	mustWrite(t, conf, fmt.Sprintf("global(workDirectory=%q)\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=%q)\nlocal5.* %s\n%s\n",
		w.dir, w.socket(), filepath.Join(w.dir, "log", "hhl", "all.log"),
		strings.Replace(strings.Join(blocks[i].lines, "\n"), `port="5514"`, `port="`+w.port("tcp")+`"`, 1)))
	if err := os.MkdirAll(filepath.Join(w.dir, "log", "hhl"), 0o755); err != nil {
		t.Fatal(err)
	}
	said := new(lockedBuffer)
	cmd := exec.Command("rsyslogd", "-n", "-f", conf, "-i", filepath.Join(w.dir, "rsyslogd.pid"))
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	eventually(t, func() bool { _, err := os.Stat(w.socket()); return err == nil }, said.String)
}

// socket is rsyslog's.
func (w *docWorld) socket() string { return filepath.Join(w.dir, "devlog") }

// run types one command.
func (w *docWorld) run(t *testing.T, c docCommand) {
	t.Helper()
	command := w.stands(c.text)
	if strings.HasPrefix(command, "rm ") { // it has to be there
		mustWrite(t, strings.Fields(command)[1], "")
	}
	folder := w.folder(t, c)
	said := new(lockedBuffer)
	start := func() *exec.Cmd {
		said = new(lockedBuffer)
		cmd := exec.Command("bash", "-euc", "set -o pipefail\n"+command)
		cmd.Dir = folder
		cmd.Stdin = strings.NewReader(docStdin[c.text])
		cmd.Env = append(gitCommand("").Env, "PATH="+os.Getenv("PATH"), "TZ=UTC", "TAGTAIL_TOKEN="+w.at.Token, "GORACE=atexit_sleep_ms=0")
		cmd.Stdout, cmd.Stderr = said, said
		return cmd
	}
	want, asks := docExpects[c.text], regexp.MustCompile(`^(grep|tagtail (search|count)) `).MatchString(c.text)
	pattern := regexp.MustCompile(`(?m)` + want)
	_, lasting, _ := strings.Cut(c.text, "tagtail ")
	lasting, _, _ = strings.Cut(lasting, " ")
	if lasting == "serve" || lasting == "tail" || lasting == "demo" {
		cmd := start()
		w.runLasting(t, c, cmd, said, pattern)
		return
	}
	// What was sent is there a moment later.
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := start().Run()
		if err == nil && pattern.MatchString(said.String()) && !strings.Contains(said.String(), "FAILED") {
			return
		}
		if !asks || want == "" || time.Now().After(end) {
			t.Errorf("%s: %s: %v; want %q of\n%s", c.block, c.text, err, want, said)
			return
		}
	}
}

// runLasting runs what ends by Ctrl-C: until a server is ready, or what is
// expected is there.
func (w *docWorld) runLasting(t *testing.T, c docCommand, cmd *exec.Cmd, said *lockedBuffer, want *regexp.Regexp) {
	t.Helper()
	ready := func() bool { return want.MatchString(said.String()) }
	if !strings.Contains(c.text, "tagtail tail") {
		data := filepath.Join(t.TempDir(), "data")
		if config := regexp.MustCompile(`--config (\S+/tagtail.yaml)`).FindStringSubmatch(cmd.Args[2]); config != nil {
			data = filepath.Join(filepath.Dir(config[1]), "data")
		}
		cmd.Env = append(cmd.Env, "TAGTAIL_DATA="+data, "TAGTAIL_HTTP=127.0.0.1:0", "TAGTAIL_SYSLOG=udp://127.0.0.1:0")
		ready = func() bool {
			at, err := readEndpoint(data)
			if err != nil {
				return false
			}
			answer, err := get(at.Server + "/readyz")
			return err == nil && strings.HasPrefix(answer, "200 ")
		}
	}
	cmd.Args[2] = strings.Replace(cmd.Args[2], "tagtail ", "exec tagtail ", 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for end := time.Now().Add(patience); !ready() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-exited:
			t.Errorf("%s: %s ended: %v\n%s", c.block, c.text, err, said)
			return
		default:
		}
	}
	if !ready() {
		t.Errorf("%s: %s: not ready after %v\n%s", c.block, c.text, patience, said)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	select {
	case <-exited:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		t.Errorf("%s: %s does not end", c.block, c.text)
	}
}

// TestSettingsOfSendersInTheREADMEWork gives each row of its table to the
// program that it is for.
func TestSettingsOfSendersInTheREADMEWork(t *testing.T) {
	need(t, "nginx", "rsyslogd", "python3", "curl")
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string][]string{} // what is between backquotes, by program
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| (.*) \|$`).FindAllStringSubmatch(string(raw), -1) {
		for _, code := range docCode.FindAllStringSubmatch(m[2], -1) {
			settings[m[1]] = append(settings[m[1]], code[1])
		}
	}
	dir := t.TempDir()
	server, at := startServer(t, serverOptions{dir: dir})
	t.Cleanup(server.kill)
	w := &docWorld{studio: &studio{dir: dir, at: at}}
	finds := func(text, query string) {
		t.Helper()
		eventually(t, func() bool {
			cmd := exec.Command("tagtail", "search", query)
			cmd.Dir = dir
			out, err := cmd.Output()
			return err == nil && strings.Contains(string(out), text)
		}, func() string { return text + " never arrives" })
	}
	used := map[string]func(setting []string){
		"nginx": func(setting []string) {
			conf := filepath.Join(dir, "nginx.conf")
			mustWrite(t, conf, fmt.Sprintf("pid %s/nginx.pid;\n%s\nevents {}\n", dir, setting[0]))
			if out, err := exec.Command("nginx", "-t", "-p", dir, "-c", conf).CombinedOutput(); err != nil {
				t.Errorf("nginx: %v\n%s", err, out)
			}
		},
		"Redis": func([]string) {}, // redis_test.go
		"rsyslog": func(setting []string) {
			conf := filepath.Join(dir, "rsyslog.conf")
			mustWrite(t, conf, setting[0]+"\n")
			if out, err := exec.Command("rsyslogd", "-N1", "-f", conf).CombinedOutput(); err != nil {
				t.Errorf("rsyslog: %v\n%s", err, out)
			}
		},
		"Python": func(setting []string) {
			program := "import logging, logging.handlers\n" + strings.ReplaceAll(strings.Join(setting, "\n"), "5514", w.port("udp")) +
				"\nlogging.getLogger().addHandler(handler)\nlogging.error('from Python')\n"
			if out, err := exec.Command("python3", "-c", program).CombinedOutput(); err != nil {
				t.Errorf("Python: %v\n%s", err, out)
			}
			finds("from Python", "in:httpserver/dev1")
		},
		"anything with HTTP": func(setting []string) {
			cmd := exec.Command("bash", "-euc", w.stands(setting[0]))
			cmd.Env = append(os.Environ(), "TAGTAIL_TOKEN="+at.Token)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("curl: %v\n%s", err, out)
			}
			finds("hello", "in:game/dev1")
		},
	}
	for program, try := range used {
		if len(settings[program]) == 0 {
			t.Errorf("README.md has no setting for %s", program)
			continue
		}
		try(settings[program])
	}
}
