package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// says is a page that answers one word.
	says = "ngx.say(%q)\n"
	// waits is one that answers only when a file is there.
	waits = `while true do
    local file = io.open(%q)
    if file then file:close() break end
    ngx.sleep(0.01)
end
ngx.say(%q)
`
)

// TestPushes has one start for all that people see who push: what one check
// leaves is what the next one begins with.
func TestPushes(t *testing.T) {
	s := newStudio(t, "dev1", "dev2", "dev3", "dev4")
	code := s.clone(t, "dev1", "socketserver", "dev1")
	control := s.clone(t, "dev1", "serverctrl", "dev1")
	control.commit(t, "start")
	control.mustPush(t, "dev1", "socketserver/dev1: done", "httpserver/dev1: done")

	t.Run("no request fails while code is deployed and processes are reloaded", func(t *testing.T) {
		pages := s.clone(t, "dev1", "httpserver", "dev1")
		deploy := func(word string) {
			code.write(t, "src/main.lua", fmt.Sprintf(says, word))
			code.commit(t, "UP")
			code.mustPush(t, "dev1", "lua_code_cache off: live now", "socketserver/dev1: done")
			pages.write(t, "src/main.lua", fmt.Sprintf(says, word))
			pages.commit(t, "UP")
			pages.mustPush(t, "dev1", "reloaded: workers", "httpserver/dev1: done")
		}
		deploy("one")
		l := startLoad(s.url("socketserver/dev1", "/hhl"), s.url("httpserver/dev1", "/"))
		deploy("two")
		control.mustPush(t, ":refs/control/reload", "socketserver/dev1: done", "httpserver/dev1: done")
		deploy("three")
		l.end(t, "one", "two", "three")
	})

	t.Run("an open WebSocket is served after a reload", func(t *testing.T) {
		code.git(t, "checkout", "-q", "HEAD~3", "--", "src/main.lua") // the sample
		code.commit(t, "UP")
		code.mustPush(t, "dev1", "socketserver/dev1: done")
		socket, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url("socketserver/dev1", "/hhl"), "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		echo(t, socket, "before")
		code.mustPush(t, ":refs/control/reload", "still finishing their requests", "socketserver/dev1: done")
		echo(t, socket, "after")
	})

	t.Run("everybody reaches only their own", func(t *testing.T) {
		people := []string{"dev1", "dev2", "dev3", "dev4"}
		for i, person := range people {
			other := people[(i+1)%len(people)]
			w := s.clone(t, person, "serverctrl", person)
			w.commit(t, "stop")
			w.mustNotPush(t, "+HEAD:refs/heads/"+other, "the branch "+other+" is not yours: push your own, "+person)
			if person != "dev1" {
				w.mustPush(t, "HEAD:refs/heads/"+person, "does not run") // nothing of dev1's has stopped
			}
		}
		if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != "200 hello from socketserver" {
			t.Errorf("dev1's answers %q %v", answer, err)
		}
	})

	t.Run("a port in use is named with who has it", func(t *testing.T) {
		taken, err := net.Listen("tcp", "127.0.0.1:"+s.ports["socketserver/dev3"])
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		w := s.clone(t, "dev3", "socketserver", "dev3")
		words, ok := w.push(t, ":refs/control/start")
		if want := fmt.Sprintf("FAILED socketserver/dev3: port %s is in use by process %d ", s.ports["socketserver/dev3"], os.Getpid()); ok || !strings.Contains(words, want) {
			t.Errorf("git was content: %t, want %q, the terminal shows\n%s", ok, want, words)
		}
	})

	t.Run("hostile values, templates and files are refused with their place", func(t *testing.T) { s.refusesHostile(t) })
	t.Run("templates are applied, and taken back where they fail", func(t *testing.T) { s.appliesTemplates(t) })

	t.Run("five megabytes come through nginx as docs/proxy.md has it", func(t *testing.T) {
		port, host := freePort(t), strings.TrimPrefix(s.at.Server, "http://")
		startProxy(t, port, proxySample(t, port, host))
		w := s.clone(t, "dev2", "socketserver", "dev2")
		w.git(t, "remote", "set-url", "origin", strings.Replace(s.address("dev2", "socketserver"), host, "127.0.0.1:"+port+"/logs", 1))
		noise := make([]byte, 5<<20)
		_, _ = rand.Read(noise)
		w.write(t, "noise", string(noise))
		w.commit(t, "noise")
		w.mustPush(t, "dev2", "a commit with the first line UP deploys it")
	})

	// held is code that answers when the file is there.
	held := filepath.Join(s.dir, "go-on")
	hold := func(word string) *backgroundPush {
		if err := os.RemoveAll(held); err != nil {
			t.Fatal(err)
		}
		code.write(t, "src/main.lua", fmt.Sprintf(waits, held, word))
		code.commit(t, "UP")
		p := code.begin(t, "dev1")
		p.shows(t, "live now")
		return p
	}
	last := 0 // release of dev1's
	goOn := func(t *testing.T) { mustWrite(t, held, "") }

	t.Run("of two pushes at once the later one waits and is told for whom", func(t *testing.T) {
		first := hold("four")
		control.commit(t, "reload socketserver")
		second := control.begin(t, "dev1")
		second.shows(t, "waits until deploy by dev1 has ended, which runs since ")
		code.mustNotPush(t, ":refs/control/reload", "Another push of yours to this repository is under way")
		other := s.clone(t, "dev2", "socketserver", "dev2")
		other.commit(t, "UP")
		other.mustPush(t, "dev2", "socketserver/dev2: done") // others do not wait
		goOn(t)
		if words := first.end(t); !strings.Contains(words, "socketserver/dev1: done") {
			t.Errorf("the first one shows\n%s", words)
		}
		if words := second.end(t); !strings.Contains(words, "reloaded: ") {
			t.Errorf("the second one shows\n%s", words)
		}
	})

	t.Run("a client that is killed leaves the job running", func(t *testing.T) {
		p := hold("five")
		last = releaseIn(t, p.words.String())
		p.kill()
		goOn(t)
		until(t, s.at, fmt.Sprintf("deploy v%d by dev1: done", last), "search", "in:socketserver/dev1", "is:deploy")
		if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != "200 five" {
			t.Errorf("dev1's answers %q %v", answer, err)
		}
	})

	t.Run("a server that is killed leaves an abandoned job and no half release", func(t *testing.T) {
		trees := filepath.Join(s.prefix("socketserver/dev1"), "releases", fmt.Sprintf("%06d-*", last+1))
		s.killInMiddle(t, code, filepath.Join(trees, "src", "*"))
		s.start(t)
		if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != "200 five" {
			t.Errorf("dev1's answers %q %v, want what was live", answer, err)
		}
		if left, err := filepath.Glob(filepath.Join(trees, "src")); err != nil || len(left) > 0 {
			t.Errorf("of the half release there is %v %v", left, err)
		}
		until(t, s.at, fmt.Sprintf("deploy v%d by dev1: Tagtail ended before the job did", last+1), "search", "in:socketserver/dev1", "is:deploy")
		again := s.clone(t, "dev1", "socketserver", "dev1")
		again.mustPush(t, ":refs/control/up", fmt.Sprintf("v%d socketserver/dev1 ← ", last+2), "socketserver/dev1: done")
	})
}

var releaseLine = regexp.MustCompile(`v(\d+) socketserver/dev1 ← `)

// releaseIn is the number of the release that a push has shown.
func releaseIn(t *testing.T, words string) int {
	t.Helper()
	found := releaseLine.FindStringSubmatch(words)
	if found == nil {
		t.Fatalf("there is no release in\n%s", words)
	}
	number, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// refusesHostile has an administrator and a developer push what harms.
func (s *studio) refusesHostile(t *testing.T) {
	const values = "nginx.httpserver.sub.py"
	w := s.clone(t, "boss", "serverctrl", "master")
	good, err := os.ReadFile(filepath.Join(w.dir, values))
	if err != nil {
		t.Fatal(err)
	}
	for value, sentence := range map[string]string{
		`'localhost; include /etc/passwd'`:     `:1:75: SERVER_NAME: value "localhost; include /etc/passwd" has a forbidden character: ;`,
		`'localhost\n}\nserver { listen 1'`:    ":1:75: SERVER_NAME: value \"localhost\\n}\\nserver { listen 1\" has a forbidden control character",
		`'a"b'`:                                `has a forbidden character: "`,
		`__import__('os').system('id')`:        ":1:75: expected a value, found '__import__'",
		`'localhost`:                           ":1:88: expected ',' or '}'",
		`'localhost', 'USER_NAME': '../../x'`:  "USER_NAME",
		`'localhost', 'LISTEN': '/etc/passwd'`: "LISTEN",
	} {
		w.write(t, values, strings.Replace(string(good), "'localhost'", value, 1))
		w.commit(t, "harm")
		w.mustNotPush(t, "master", sentence)
		w.git(t, "reset", "-q", "--hard", "origin/master")
	}
	w.write(t, "nginx.httpserver.templ.conf", "events {}\nhttp { server { listen $LISTNE; } }\n")
	w.commit(t, "typo")
	w.mustNotPush(t, "master", "nginx.httpserver.templ.conf:2:24: ")
	w.git(t, "reset", "-q", "--hard", "origin/master")
	if err := os.Remove(filepath.Join(w.dir, values)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(w.dir, values)); err != nil {
		t.Fatal(err)
	}
	w.commit(t, "link")
	w.mustNotPush(t, "master", `"`+values+`" is refused: it is a symbolic link`)

	code := s.clone(t, "dev4", "socketserver", "dev4")
	if err := os.Symlink("/etc/passwd", filepath.Join(code.dir, "src", "leak.lua")); err != nil {
		t.Fatal(err)
	}
	code.commit(t, "UP")
	code.mustPush(t, "dev4", "FAILED socketserver/dev4: ", `"src/leak.lua" is refused: it is a symbolic link`, "what was live stays live")
	code.git(t, "rm", "-q", "src/leak.lua")
	code.git(t, "update-index", "--add", "--cacheinfo", "160000,"+code.git(t, "rev-parse", "HEAD")+",src/other")
	code.git(t, "commit", "-q", "-m", "UP")
	code.mustPush(t, "dev4", "FAILED socketserver/dev4: ", `"src/other" is refused: it is a submodule, which is not fetched`, "what was live stays live")
	code.git(t, "rm", "-q", "--cached", "src/other")
	code.mustNotPush(t, "HEAD:refs/heads/x/dev4", "is no branch of a developer: push to refs/heads/NAME")
	code.mustNotPush(t, "HEAD:refs/tags/dev4", "tags are not taken here: push a branch")
	code.mustNotPush(t, ":dev4", "refs are not deleted here")
	// git refuses to make such a tree, and ours to take it.
	blob := code.git(t, "hash-object", "-w", "README.md")
	file := filepath.Join(code.dir, "tree")
	raw, err := hex.DecodeString(blob)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, file, "100644 ..\x00"+string(raw))
	tree := code.git(t, "hash-object", "-t", "tree", "--literally", "-w", file)
	harm := code.git(t, "commit-tree", "-p", "HEAD", "-m", "UP", tree)
	code.mustNotPush(t, harm+":refs/heads/dev4", "contains '..'")
}

// appliesTemplates has an administrator push templates that work, and one that
// nginx accepts and cannot carry out.
func (s *studio) appliesTemplates(t *testing.T) {
	const name, page = "nginx.socketserver.templ.conf", "200 hello from socketserver"
	w := s.clone(t, "boss", "serverctrl", "master")
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	good := "worker_shutdown_timeout 1s;\n" + strings.Replace(string(text), "1024", "512", 1)
	w.write(t, name, good)
	w.commit(t, "fewer connections")
	words := w.mustPush(t, "master", "-    worker_connections  1024;", "+    worker_connections  512;",
		"reloaded: workers", "socketserver/dev1: done", "socketserver/dev3 does not run; it has the new configuration when it is started")
	if strings.Contains(words, "httpserver") {
		t.Errorf("what does not change is told of:\n%s", words)
	}
	s.closesInTime(t)

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	w.write(t, name, strings.Replace(good, "server_name", "listen "+taken.Addr().String()+"; server_name", 1))
	w.commit(t, "one more port")
	w.mustPush(t, "master", "still could not bind()", "RESTORED: ", "FAILED socketserver/dev1: ", "the old configuration is RESTORED and serves")
	if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != page {
		t.Errorf("dev1's answers %q %v", answer, err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	control := s.clone(t, "dev1", "serverctrl", "dev1")
	control.mustPush(t, ":refs/control/up", "reloaded: workers", "httpserver/dev1 has this configuration already")
	if answer, err := get("http://" + taken.Addr().String() + "/hhl"); err != nil || answer != page {
		t.Errorf("the port that is free now answers %q %v", answer, err)
	}
}

// closesInTime tells that a WebSocket that stays open through a reload is
// served for worker_shutdown_timeout, which is a second.
func (s *studio) closesInTime(t *testing.T) {
	t.Helper()
	socket, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.url("socketserver/dev1", "/hhl"), "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	echo(t, socket, "before")
	begin := time.Now()
	code := s.clone(t, "dev1", "socketserver", "dev1")
	code.mustPush(t, ":refs/control/reload", "socketserver/dev1: done")
	if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, _, err = socket.ReadMessage()
	var late net.Error
	if took := time.Since(begin); err == nil || errors.As(err, &late) && late.Timeout() || took < time.Second {
		t.Errorf("the WebSocket ends after %v with %v, want a second and its end", took, err)
	}
}

// echo sends a message and waits for its return.
func echo(t *testing.T, socket *websocket.Conn, text string) {
	t.Helper()
	if err := socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := socket.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
	_, got, err := socket.ReadMessage()
	if err != nil || string(got) != text {
		t.Fatalf("the WebSocket answers %q %v, want %q", got, err, text)
	}
}

// killInMiddle pushes so many files that the server can be killed while it
// writes them, as soon as there is one.
func (s *studio) killInMiddle(t *testing.T, w *worktree, written string) {
	t.Helper()
	for i := range 1500 {
		w.write(t, fmt.Sprintf("src/many/%d.lua", i), "return {}\n")
	}
	w.write(t, "src/main.lua", fmt.Sprintf(says, "many"))
	w.commit(t, "UP")
	p := w.begin(t, "dev1")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if found, _ := filepath.Glob(written); len(found) > 0 {
			break
		}
	}
	s.server.kill()
	_ = p.cmd.Wait() // its server is gone
}
