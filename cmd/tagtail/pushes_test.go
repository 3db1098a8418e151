package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
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
	s := newStudio(t, "deploys:\n  socketserver: {health: /hhl}\n", "dev1", "dev2", "dev3", "dev4")
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
		p.kill()
		goOn(t)
		until(t, s.at, "deploy v6 by dev1: done", "search", "in:socketserver/dev1", "is:deploy")
		if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != "200 five" {
			t.Errorf("dev1's answers %q %v", answer, err)
		}
	})

	t.Run("a server that is killed leaves an abandoned job and no half release", func(t *testing.T) {
		s.killInMiddle(t, code)
		s.start(t)
		if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != "200 five" {
			t.Errorf("dev1's answers %q %v, want what was live", answer, err)
		}
		if left, err := filepath.Glob(filepath.Join(s.prefix("socketserver/dev1"), "releases", "000007-*", "src")); err != nil || len(left) > 0 {
			t.Errorf("of the half release there is %v %v", left, err)
		}
		until(t, s.at, "deploy v7 by dev1: Tagtail ended before the job did", "search", "in:socketserver/dev1", "is:deploy")
		again := s.clone(t, "dev1", "socketserver", "dev1")
		again.mustPush(t, ":refs/control/up", "v8 socketserver/dev1 ← ", "socketserver/dev1: done")
	})
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
// writes them.
func (s *studio) killInMiddle(t *testing.T, w *worktree) {
	t.Helper()
	for i := range 4000 {
		w.write(t, fmt.Sprintf("src/many/%d.lua", i), "return {}\n")
	}
	w.write(t, "src/main.lua", fmt.Sprintf(says, "many"))
	w.commit(t, "UP")
	p := w.begin(t, "dev1")
	trees := filepath.Join(s.prefix("socketserver/dev1"), "releases", "000007-*", "src", "*")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if found, _ := filepath.Glob(trees); len(found) > 0 {
			break
		}
	}
	s.server.kill()
	_ = p.cmd.Wait() // its server is gone
}
