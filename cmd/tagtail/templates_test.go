package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
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

func TestDevelopersSetTheirOwnValuesOnTheirBranch(t *testing.T) {
	s := newStudio(t, "dev1", "dev2")
	const name = "nginx.socketserver.sub.py"
	conf := func(owner string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(s.prefix("socketserver/"+owner), "conf", "nginx.conf"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, person := range []string{"dev1", "dev2"} {
		code := s.clone(t, person, "socketserver", person)
		code.commit(t, "UP")
		code.mustPush(t, person, "socketserver/"+person+": done")
		s.clone(t, person, "serverctrl", person).mustPush(t, ":refs/control/start", "socketserver/"+person+": done")
	}
	before := conf("dev2")
	w := s.clone(t, "dev1", "serverctrl", "dev1") // where the ports are those of the sample
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	set := func(own, message string) {
		t.Helper()
		changed := regexp.MustCompile(`'dev1': *\{`).ReplaceAllString(string(text), "'dev1': {"+own)
		if changed == string(text) {
			t.Fatalf("%s has no dev1:\n%s", name, text)
		}
		w.write(t, name, changed)
		w.commit(t, message)
	}
	set("'WORKER_PROCESSES': 2, ", "two workers")
	words := w.mustPush(t, "dev1", "-worker_processes  1;", "+worker_processes  2;", "reloaded: workers", "socketserver/dev1: done")
	if strings.Contains(words, "dev2") || conf("dev2") != before {
		t.Errorf("dev2's has changed:\n%s", words)
	}
	if text := conf("dev1"); !strings.Contains(text, s.ports["socketserver/dev1"]) {
		t.Errorf("the port is another one:\n%s", text)
	}
	if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != "200 hello from socketserver" {
		t.Errorf("dev1's answers %q %v", answer, err)
	}

	// It stays when master changes, and after a restart of the server.
	boss := s.clone(t, "boss", "serverctrl", "master")
	template, err := os.ReadFile(filepath.Join(boss.dir, "nginx.socketserver.templ.conf"))
	if err != nil {
		t.Fatal(err)
	}
	boss.write(t, "nginx.socketserver.templ.conf", strings.Replace(string(template), "1024", "512", 1))
	boss.commit(t, "fewer connections")
	boss.mustPush(t, "master", "+    worker_connections  512;", "socketserver/dev1: done")
	if text := conf("dev1"); !strings.Contains(text, "worker_processes  2;") || !strings.Contains(text, "512") {
		t.Errorf("the value is lost:\n%s", text)
	}
	s.server.kill()
	s.start(t)
	w = s.clone(t, "dev1", "serverctrl", "dev1")
	w.mustPush(t, ":refs/control/up", "socketserver/dev1: done") // Tagtail's own address is another one
	if text := conf("dev1"); !strings.Contains(text, "worker_processes  2;") {
		t.Errorf("the value is lost after a restart:\n%s", text)
	}

	set("'WORKER_PROCESSES': 9, ", "nine workers")
	w.mustNotPush(t, "dev1", `WORKER_PROCESSES: value "9" is not a number from 1 to 4`)
	w.git(t, "reset", "-q", "--hard", "origin/dev1")
	set("'WORKER_PROCESSES': 2, 'SERVER_NAME': 'other', ", "my name")
	w.mustNotPush(t, "dev1", "SERVER_NAME of dev1 is not to be set on a developer's branch, where LUA_CODE_CACHE, WORKER_PROCESSES may")
	w.git(t, "reset", "-q", "--hard", "origin/dev1")
	set("'WORKER_PROCESSES': 1, ", "restart socketserver")
	w.mustPush(t, "dev1", "+worker_processes  1;", "socketserver/dev1: restart by dev1", "socketserver/dev1: done")
}
