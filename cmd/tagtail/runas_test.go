package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// As root, all that a person starts by pushing is another user's.
func TestWhatIsPushedRunsAsTheInstancesUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can start processes of other users")
	}
	const uid = 54321 // no machine need know it
	t.Setenv("TAGTAIL_RUN_AS", fmt.Sprint(uid))
	s := newStudio(t, "dev1")
	code := s.clone(t, "dev1", "socketserver", "dev1")
	code.write(t, "src/main.lua", `
local function may(name)
    local f = io.open(name, "w")
    return f and f:close() and "yes" or "no"
end
local prefix = ngx.config.prefix()
ngx.say("code ", may(prefix .. "src/main.lua"), ", conf ", may(prefix .. "conf/nginx.conf"), ", new ", may(prefix .. "releases/x"),
    ", values ", io.open("`+s.root("data", "serverctrl", "current", "nginx.socketserver.sub.py")+`") and "yes" or "no",
    ", log ", may(prefix .. "logs/own.log"), ", tokens ", io.open("`+s.root("data", "accounts.db")+`") and "yes" or "no")
`)
	code.commit(t, "UP")
	code.mustPush(t, "dev1", "socketserver/dev1: done")
	control := s.clone(t, "dev1", "serverctrl", "dev1")
	control.commit(t, "start socketserver")
	words := control.mustPush(t, "dev1", fmt.Sprintf(" of %d on port", uid), "socketserver/dev1: done")
	if strings.Contains(words, "[warn]") {
		t.Errorf("nginx warns:\n%s", words)
	}
	if answer, err := get(s.url("socketserver/dev1", "/hhl")); err != nil || answer != "200 code no, conf no, new no, values no, log yes, tokens no" {
		t.Errorf("the code may: %q %v", answer, err)
	}
	for name, want := range map[string]uint32{"src/main.lua": 0, "conf/nginx.conf": 0, "logs/own.log": uid, "run/nginx.pid": uid} {
		info, err := os.Stat(filepath.Join(s.prefix("socketserver/dev1"), name))
		if err != nil || info.Sys().(*syscall.Stat_t).Uid != want {
			t.Errorf("%s is not of %d: %v %v", name, want, info, err)
		}
	}
	boss := s.clone(t, "boss", "serverctrl", "master")
	template := filepath.Join(boss.dir, "nginx.socketserver.templ.conf")
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, template, strings.Replace(string(text), "1024", "512", 1))
	boss.commit(t, "fewer connections")
	boss.mustPush(t, "master", "+    worker_connections  512;", "reloaded: workers", "socketserver/dev1: done")
	code.mustPush(t, ":refs/control/stop", "socketserver/dev1: done")
}
