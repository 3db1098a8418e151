package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// studio is a root that tagtail init has made, with free ports and a running
// server.
type studio struct {
	dir     string
	secrets map[string]string // tokens by person
	ports   map[string]string // by instance
	server  *testServer
	at      endpoint
}

// studioServices are those of the samples that stay, with their lua_code_cache.
var studioServices = map[string]string{"socketserver": "off", "httpserver": "on"}

// newStudio makes a root for the owners.
func newStudio(t *testing.T, owners ...string) *studio {
	t.Helper()
	need(t, "git", "nginx")
	t.Setenv("GORACE", "atexit_sleep_ms=0") // each command would end a second late
	s := &studio{dir: t.TempDir(), secrets: map[string]string{}, ports: map[string]string{}}
	// nginx's workers, who are nobody when we are root, read below it.
	for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("tagtail", "init", s.root(), "--developers", strings.Join(owners, ","))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		person, secret, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.secrets[person] = secret
	}
	s.choosePorts(t, owners)
	if err := os.Symlink(s.root("data"), filepath.Join(s.dir, "tagtail-data")); err != nil {
		t.Fatal(err)
	}
	s.start(t)
	t.Cleanup(func() {
		s.server.kill()
		killBelow(s.dir)
		if t.Failed() {
			t.Logf("serve said:\n%s", s.server.words)
		}
	})
	return s
}

func (s *studio) root(below ...string) string {
	return filepath.Join(append([]string{s.dir, "root"}, below...)...)
}

// prefix is the folder of an instance.
func (s *studio) prefix(instance string) string { return s.root("instances", instance) }

// start starts the server, also again.
func (s *studio) start(t *testing.T) {
	t.Helper()
	s.server, s.at = startServer(t, serverOptions{dir: s.dir, args: []string{"--config", s.root(configName)}})
}

// choosePorts commits values with free ports, before there is a server to ask.
func (s *studio) choosePorts(t *testing.T, owners []string) {
	t.Helper()
	w := s.cloneOf(t, s.root("git", "serverctrl.git"), "master")
	for service, cache := range studioServices {
		w.write(t, "nginx."+service+".sub.py", s.values(t, service, cache, owners))
	}
	for _, service := range []string{"nginx.dtserver", "redis"} {
		w.git(t, "rm", "-q", service+".sub.py", service+".templ.conf")
	}
	w.commit(t, "ports")
	w.git(t, "push", "-q", "origin", "HEAD:master")
}

// values is a file of values; an instance keeps its port if it has one.
func (s *studio) values(t *testing.T, service, cache string, owners []string) string {
	t.Helper()
	port := func(owner string) string {
		name := service + "/" + owner
		if s.ports[name] == "" {
			s.ports[name] = freePort(t)
		}
		return s.ports[name]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{'master': {'WORKER_PROCESSES': 1, 'LUA_CODE_CACHE': '%s', 'SERVER_NAME': 'localhost', 'LISTEN': %s},\n", cache, port("master"))
	for _, owner := range owners {
		fmt.Fprintf(&b, "'%s': {'LISTEN': %s},\n", owner, port(owner))
	}
	return b.String() + "}\n"
}

// url is a page of an instance.
func (s *studio) url(instance, path string) string {
	return "http://127.0.0.1:" + s.ports[instance] + path
}

// worktree is a clone to push from.
type worktree struct{ dir string }

// clone is one of a person's.
func (s *studio) clone(t *testing.T, person, repo, branch string) *worktree {
	t.Helper()
	return s.cloneOf(t, s.address(person, repo), branch)
}

// address is a repository's, with a person's token.
func (s *studio) address(person, repo string) string {
	return fmt.Sprintf("http://%s:%s@%s/git/%s.git", person, s.secrets[person], strings.TrimPrefix(s.at.Server, "http://"), repo)
}

func (s *studio) cloneOf(t *testing.T, address, branch string) *worktree {
	t.Helper()
	w := &worktree{filepath.Join(t.TempDir(), "clone")}
	out, err := gitCommand("", "clone", "-q", "-b", branch, address, w.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("clone %s: %v\n%s", address, err, out)
	}
	return w
}

// gitCommand is git without anybody's settings.
func gitCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LANG=C.UTF-8", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@example.com",
		"GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@example.com",
	}
	return cmd
}

func (w *worktree) git(t *testing.T, args ...string) string {
	t.Helper()
	out, err := gitCommand(w.dir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w *worktree) write(t *testing.T, name, text string) {
	t.Helper()
	mustWrite(t, filepath.Join(w.dir, name), text)
}

// commit commits all there is, and what was said.
func (w *worktree) commit(t *testing.T, message string) {
	t.Helper()
	w.git(t, "add", "-A")
	w.git(t, "commit", "-q", "--allow-empty", "-m", message)
}

// push pushes and returns what the person's terminal shows, and whether git was
// content.
func (w *worktree) push(t *testing.T, args ...string) (words string, ok bool) {
	t.Helper()
	out, err := gitCommand(w.dir, append([]string{"push", "-q", "origin"}, args...)...).CombinedOutput()
	return string(out), err == nil
}

// mustPush fails the test unless git was content and all the sentences are
// shown.
func (w *worktree) mustPush(t *testing.T, ref string, sentences ...string) string {
	t.Helper()
	words, ok := w.push(t, ref)
	for _, sentence := range sentences {
		ok = ok && strings.Contains(words, sentence)
	}
	if !ok {
		t.Fatalf("push of %s: want %q, the terminal shows\n%s", ref, sentences, words)
	}
	return words
}

// mustNotPush fails the test unless the push is refused with the sentence.
func (w *worktree) mustNotPush(t *testing.T, ref, sentence string) {
	t.Helper()
	if words, ok := w.push(t, ref); ok || !strings.Contains(words, sentence) {
		t.Errorf("push of %s: stored %t, want a refusal with %q, the terminal shows\n%s", ref, ok, sentence, words)
	}
}

// backgroundPush is a push that is under way.
type backgroundPush struct {
	cmd   *exec.Cmd
	words *lockedBuffer
}

// begin pushes and does not wait.
func (w *worktree) begin(t *testing.T, ref string) *backgroundPush {
	t.Helper()
	p := &backgroundPush{gitCommand(w.dir, "push", "-q", "origin", ref), new(lockedBuffer)}
	p.cmd.Stderr = p.words
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // with git's helpers
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.kill()
		}
	})
	return p
}

// shows waits until the terminal shows the text.
func (p *backgroundPush) shows(t *testing.T, text string) {
	t.Helper()
	eventually(t, func() bool { return strings.Contains(p.words.String(), text) }, func() string {
		return fmt.Sprintf("the terminal never shows %q:\n%s", text, p.words)
	})
}

// end waits for git and returns what the terminal shows.
func (p *backgroundPush) end(t *testing.T) string {
	t.Helper()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("push: %v\n%s", err, p.words)
	}
	return p.words.String()
}

// kill ends git as a closed terminal would.
func (p *backgroundPush) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	_ = p.cmd.Wait() // it was killed
}

// eventually waits for what happens soon.
func eventually(t *testing.T, happened func() bool, otherwise func() string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatal(otherwise())
}

// get asks a page for its status and text.
func get(address string) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return ask(&client, address)
}
