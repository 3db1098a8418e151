package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// privateDevLog runs a program with a /dev of its own, in which /dev/log can
// be made: libc's syslog(3), which Redis calls, knows no other address.
const privateDevLog = `set -e
mkdir "$1"
mount -t tmpfs none "$1"
for node in null zero full random urandom tty; do
	touch "$1/$node"
	mount --bind "/dev/$node" "$1/$node"
done
mount --move "$1" /dev
shift
exec "$@"`

func TestRedisIsDrivenAndItsMessagesAreTagged(t *testing.T) {
	need(t, "redis-server", "unshare", "mount")
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("not root: CI needs to give a process a /dev/log of its own")
		}
		t.Skip("only root can give a process a /dev/log of its own")
	}
	team := newTeam(t)
	server, at := startServer(t, serverOptions{
		dir: team.folder,
		wrapper: []string{"unshare", "--mount", "--propagation", "private",
			"sh", "-c", privateDevLog, "sh", filepath.Join(team.folder, "dev")},
		args: []string{"--syslog", "unixgram:///dev/log",
			"--serverctrl", team.serverctrl, "--root", team.root, "--redis-root", team.redisRoot},
	})
	t.Cleanup(func() {
		tagtail(t, at, "ctl", "redis/dev1", "stop")
		server.kill()
		if t.Failed() {
			t.Logf("serve said:\n%s", server.words)
		}
	})

	if out, err := tagtail(t, at, "ctl", "redis/dev1", "start"); err != nil {
		t.Fatalf("start: %v\n%s", err, out)
	}
	until(t, at, "Ready to accept connections", "search", "in:redis/dev1", "ready")
	// Redis's first lines come under its program's name: the kernel says whose
	// process wrote them.
	until(t, at, "redis-server", "search", "--json", "in:redis/dev1", "tag:redis-server", "instance_by:creds")
	out, err := tagtail(t, at, "ctl", "redis/dev1", "start")
	if err == nil {
		t.Errorf("a second start was not refused: %s", out)
	}
	out, err = tagtail(t, at, "ctl", "redis/dev1", "stop")
	if err != nil {
		t.Errorf("stop: %v\n%s", err, out)
	}
	until(t, at, "ready to exit", "search", "in:redis/dev1", "exit")
	until(t, at, "stop by admin: done", "search", "in:redis/dev1", "tag:git-serverctrl", "stop")
}

// tagtail runs a client command against a server.
func tagtail(t *testing.T, at endpoint, args ...string) (output string, err error) {
	t.Helper()
	cmd := exec.Command("tagtail", args...)
	cmd.Env = append(os.Environ(), "TAGTAIL_SERVER="+at.Server, "TAGTAIL_TOKEN="+at.Token, "TZ=UTC")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// until runs a client command until its output has the text.
func until(t *testing.T, at endpoint, want string, args ...string) {
	t.Helper()
	var out string
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if out, _ = tagtail(t, at, args...); strings.Contains(out, want) {
			return
		}
	}
	t.Fatalf("tagtail %q never showed %q; last it showed\n%s", args, want, out)
}
