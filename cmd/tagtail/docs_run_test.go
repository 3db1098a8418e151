package main

import (
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
	"docs/BENCHMARKS.md: make bench":                       "takes long",
	"docs/deploy.md: for name in alice bob; do useradd":    "needs root",
	"docs/deploy.md: useradd":                              "needs root: systemd_test.go runs it on a machine of its own",
	"docs/deploy.md: cp -r units":                          "the same",
	"docs/deploy.md: install -m 644 units":                 "the same",
	"deploy/seed/samples/serverctrl/README.md: git commit": "docs/deploy.md has it",
}

// docStdin is what a person types.
var docStdin = map[string]string{
	"tagtail user passwd dev1": "a long enough password\n",
}

// docExpects is what has to be printed in the end, where it is not enough that
// the command is content.
var docExpects = map[string]string{
	"bin/tagtail tail":                       `notice  socketserver/dev1 +hello`,
	"git push origin :refs/control/rollback": `socketserver/alice: done`,
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
	port := func(scheme string) string {
		i := slices.IndexFunc(w.at.Syslog, func(input string) bool { return strings.HasPrefix(input, scheme) })
		return w.at.Syslog[i][strings.LastIndex(w.at.Syslog[i], ":")+1:]
	}
	syslog := port("udp")
	if strings.Contains(command, " -T ") {
		syslog = port("tcp")
	}
	return strings.NewReplacer(
		"http://127.0.0.1:8514", w.at.Server,
		"-P 5514", "-P "+syslog,
		"bin/tagtail", "tagtail",
		"/srv/tagtail", filepath.Join(w.dir, "srv"),
		"/etc/rsyslog.d", filepath.Join(w.dir, "rsyslog.d"),
		"/var/log/", filepath.Join(w.dir, "log")+"/",
		"revoke ID", "revoke $(tagtail token list | grep laptop | cut -d' ' -f1)",
	).Replace(command)
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
	mustWrite(t, filepath.Join(w.dir, "tagtail.yaml"), "data: tagtail-data\nserverctrl: "+w.templates.dir+"\nroot: root/instances\n")
	if file == "docs/deploy.md" {
		w.values.commit(t, "start socketserver")
		w.values.mustPush(t, "alice", "socketserver/alice: done")
	}
}

// run types one command.
func (w *docWorld) run(t *testing.T, c docCommand) {
	t.Helper()
	command := w.stands(c.text)
	cmd := exec.Command("bash", "-euc", "set -o pipefail\n"+command)
	cmd.Dir = w.folder(t, c)
	cmd.Stdin = strings.NewReader(docStdin[c.text])
	cmd.Env = append(gitCommand("").Env, "PATH="+os.Getenv("PATH"), "TZ=UTC", "TAGTAIL_TOKEN="+w.at.Token, "GORACE=atexit_sleep_ms=0")
	said := new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = said, said
	want := regexp.MustCompile(`(?m)` + docExpects[c.text])
	_, lasting, _ := strings.Cut(c.text, "tagtail ")
	lasting, _, _ = strings.Cut(lasting, " ")
	if lasting == "serve" || lasting == "tail" || lasting == "demo" {
		w.runLasting(t, c, cmd, said, want)
		return
	}
	if err := cmd.Run(); err != nil || !want.MatchString(said.String()) || strings.Contains(said.String(), "FAILED") {
		t.Errorf("%s: %s: %v; want %q of\n%s", c.block, c.text, err, want, said)
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
