package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/tagtail/tagtail/internal/machine"
)

// What docs/deploy.md says to do for systemd, word by word, on a machine with a
// real one; then pushes to a server that is not root.
func TestPushesMoveInstancesThatSystemdStarts(t *testing.T) {
	need(t, "git", "nginx", "redis-server")
	if !machine.Own(t, machine.Config{User: "tagtail", Setup: `
		ln -s /run/test/program /usr/local/bin/tagtail
		cd /run/test/folder
		useradd --system --user-group tagtail
		mkdir /srv/tagtail
		chown tagtail: /srv/tagtail
		as() { setpriv --reuid tagtail --regid tagtail --init-groups env HOME=/tmp GORACE=atexit_sleep_ms=0 "$@"; }
		as tagtail init /srv/tagtail --developers alice,bob >/srv/tagtail/secrets
		echo 'supervisor: systemd' >>/srv/tagtail/tagtail.yaml
		useradd --system --user-group alice && usermod -aG alice tagtail
		cd /srv/tagtail
		as tagtail units units --config tagtail.yaml
		cp -r units/tagtail-* /etc/systemd/system && systemctl daemon-reload
		install -D -m 644 units/50-tagtail.rules -t /etc/polkit-1/rules.d
		chown tagtail: secrets
		systemctl start polkit`}) {
		return
	}
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	s := &studio{dir: t.TempDir(), secrets: map[string]string{}}
	secrets, err := os.ReadFile("/srv/tagtail/secrets")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(secrets)) {
		person, secret, _ := strings.Cut(strings.TrimSpace(line), " ")
		s.secrets[person] = secret
	}
	if err := os.Symlink("/srv/tagtail/data", filepath.Join(s.dir, "tagtail-data")); err != nil {
		t.Fatal(err)
	}
	s.server, s.at = startServer(t, serverOptions{dir: s.dir, args: []string{"--config", "/srv/tagtail/" + configName}})
	t.Cleanup(func() {
		s.server.kill()
		if t.Failed() {
			t.Logf("serve said:\n%s", s.server.words)
		}
	})
	if uid := os.Getuid(); uid == 0 {
		t.Fatal("the test is root: it proves nothing")
	}
	control := s.clone(t, "alice", "serverctrl", "alice")
	control.commit(t, "start socketserver httpserver redis")
	control.mustPush(t, "alice", "$ systemctl start tagtail-nginx-socketserver@alice.service", "socketserver/alice: done", "httpserver/alice: done", "redis/alice: done")
	code := s.clone(t, "alice", "socketserver", "alice")
	code.write(t, "src/main.lua", "ngx.say('shut in')\n")
	code.commit(t, "UP")
	code.mustPush(t, "alice", "live now", "health GET /hhl → 200", "socketserver/alice: done")
	if answer, err := get("http://127.0.0.1:1081/hhl"); err != nil || answer != "200 shut in" {
		t.Errorf("alice's answers %q %v", answer, err)
	}
	alice, err := user.Lookup("alice")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile("/srv/tagtail/instances/socketserver/alice/run/nginx.pid")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat("/proc/" + strings.TrimSpace(string(pid)))
	if err != nil || uidOf(info) != alice.Uid {
		t.Errorf("process %s is not alice's: %v", pid, err)
	}
	code.mustPush(t, ":refs/control/reload", "answered 5 new connections in a row", "socketserver/alice: done")
	boss := s.clone(t, "boss", "serverctrl", "master")
	template := filepath.Join(boss.dir, "nginx.socketserver.templ.conf")
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, template, strings.Replace(string(text), "1024", "512", 1))
	boss.commit(t, "fewer connections")
	boss.mustPush(t, "master", "+    worker_connections  512;", "reloaded: workers", "socketserver/alice: done")

	// bob has no OS user yet.
	other := s.clone(t, "bob", "serverctrl", "bob")
	other.commit(t, "start socketserver")
	other.mustPush(t, "bob", "socketserver/bob cannot be started: there is no OS user bob")
	control.commit(t, "stop socketserver httpserver redis")
	control.mustPush(t, "alice", "socketserver/alice: done", "httpserver/alice: done", "redis/alice: done")
}

func uidOf(info os.FileInfo) string {
	return strconv.FormatUint(uint64(info.Sys().(*syscall.Stat_t).Uid), 10)
}
