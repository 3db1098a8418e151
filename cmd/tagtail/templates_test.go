package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What an administrator pushes to serverctrl is loaded, refused or taken back
// while pages of two developers are asked without a pause.
func TestNoRequestFailsWhileTemplatesArePushed(t *testing.T) {
	s := newStudio(t, "dev1", "dev2")
	for _, person := range []string{"dev1", "dev2"} {
		for _, service := range []string{"socketserver", "httpserver"} {
			w := s.clone(t, person, service, person)
			w.write(t, "src/main.lua", "ngx.say('from the code')\n")
			w.commit(t, "UP")
			w.mustPush(t, person, service+"/"+person+": done")
		}
		w := s.clone(t, person, "serverctrl", person)
		w.commit(t, "start")
		w.mustPush(t, person, "socketserver/"+person+": done", "httpserver/"+person+": done")
	}
	w := s.clone(t, "boss", "serverctrl", "master")
	change := func(from, to string) {
		t.Helper()
		for _, name := range []string{"nginx.socketserver.templ.conf", "nginx.httpserver.templ.conf"} {
			text, err := os.ReadFile(filepath.Join(w.dir, name))
			if err != nil || !strings.Contains(string(text), from) {
				t.Fatalf("%s has no %q: %v", name, from, err)
			}
			w.write(t, name, strings.ReplaceAll(string(text), from, to))
		}
		w.commit(t, to)
	}
	l := startLoad(s.url("socketserver/dev1", "/hhl"), s.url("httpserver/dev1", "/"), s.url("socketserver/dev2", "/hhl"), s.url("httpserver/dev2", "/"))

	change("content_by_lua_file  src/main.lua", "return 200 'from the template'")
	words := w.mustPush(t, "master", "4 instances: of those that go the same way one is shown", "httpserver/dev1: done", "socketserver/dev1: done",
		"as httpserver/dev1, and done: httpserver/dev2", "as socketserver/dev1, and done: socketserver/dev2")
	if n := strings.Count(words, "+            return 200 'from the template';"); n != 2 {
		t.Errorf("the change is shown %d times, want 2:\n%s", n, words)
	}
	if n := strings.Count(words, "remote: [git-serverctrl] reloaded: workers "); n != 2 {
		t.Errorf("a reload is shown %d times, want 2:\n%s", n, words)
	}

	change("from the template", "from the same template")
	w.mustPush(t, "master", "socketserver/dev1: done")

	change("server_name", "sever_name")
	w.mustPush(t, "master", "unknown directive \"sever_name\"", "FAILED socketserver/dev1", "FAILED as socketserver/dev1: socketserver/dev2")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	change("sever_name", "listen "+taken.Addr().String()+"; server_name")
	w.mustPush(t, "master", "still could not bind()", "the old configuration is RESTORED and serves")

	l.end(t, "from the code", "from the template", "from the same template")
}
