package ingest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/internal/namespace"
)

// openSocketPath is a socketPath that other users can reach.
func openSocketPath(t *testing.T) string {
	t.Helper()
	path := socketPath(t)
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func identified(e *index.Entry) string {
	text := e.Instance + " by " + e.InstanceBy.String()
	if e.Flags.Has(index.FlagContradicts) {
		text += ", contradicts"
	}
	return text
}

// forger sends a message with credentials that are not its own, and tells what
// came of it, then one without any.
const forger = `
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
for pid, uid in ((1, 0), (1, 2001)):
    creds = struct.pack("iII", pid, uid, uid)
    try:
        s.sendmsg([b"<13>web_dev1: forged"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS if hasattr(socket, "SCM_CREDENTIALS") else 2, creds)])
        print("sent")
    except PermissionError:
        print("refused")
s.send(b"<13>web_dev1: honest credentials")
`

func TestCredentialsOfAnotherUserCannotBeForged(t *testing.T) {
	needRoot(t)
	python, setpriv, logger := program(t, "/usr/bin/python3"), program(t, "setpriv"), program(t, "logger")
	path := openSocketPath(t)
	sink := newFakeSink()
	start(t, Config{
		Inputs:    []string{"unixgram://" + path},
		Instances: []Instance{{Name: "web/dev1", UIDs: []int{2001}}, {Name: "web/dev2", UIDs: []int{2002}}},
	}, sink)

	cmd := exec.Command(python, "-c", forger, path)
	asUser(cmd, 2002)
	out, err := cmd.CombinedOutput()
	if got := string(out); err != nil || got != "refused\nrefused\n" {
		t.Fatalf("got %v: %q", err, got)
	}
	run(t, setpriv, "--reuid=2001", "--clear-groups", logger, "-u", path, "-t", "web_dev2", "by dev1")
	run(t, setpriv, "--reuid=2002", "--clear-groups", logger, "-u", path, "-t", "anything", "by dev2")
	for i, want := range []string{
		"honest credentials: web/dev2 by creds, contradicts",
		"by dev1: web/dev1 by creds, contradicts",
		"by dev2: web/dev2 by creds",
	} {
		e := sink.wait(t, i+1)[i]
		if got := e.Message + ": " + identified(&e); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnInputCanBelongToAnInstance(t *testing.T) {
	path := socketPath(t)
	for input, by := range map[string]string{
		"udp://127.0.0.1:0":                        "port",
		"tcp://127.0.0.1:0":                        "port",
		"tcp://127.0.0.1:0?engine=go-syslog":       "port",
		"unixgram://" + path:                       "socket",
		"unixgram://" + path + "?engine=go-syslog": "socket",
	} {
		t.Run(input, func(t *testing.T) {
			separator := "?"
			if strings.Contains(input, "?") {
				separator = "&"
			}
			sink := newFakeSink()
			r := start(t, Config{
				Inputs:    []string{input + separator + "instance=web/dev1"},
				Instances: []Instance{{Name: "web/dev2"}},
			}, sink)
			conn := dial(t, r.Addrs()[0])
			for i, step := range []struct{ tag, want string }{
				{"nginx", "web/dev1 by " + by},
				{"web_dev2", "web/dev1 by " + by + ", contradicts"},
				{"web_dev1", "web/dev1 by " + by},
			} {
				send(t, conn, "<13>"+step.tag+": x\n")
				e := sink.wait(t, i+1)[i]
				if got := identified(&e); got != step.want {
					t.Errorf("%s: got %s, want %s", step.tag, got, step.want)
				}
			}
		})
	}
}

// redisServers runs Redis servers until the test ends, and knows whose they
// are.
type redisServers struct {
	mu    sync.Mutex // held while one starts, so that it is known when it speaks
	byPID map[int]string
}

func (r *redisServers) instance(pid int) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, ok := r.byPID[pid]
	return name, ok
}

func (r *redisServers) start(t *testing.T, instance string, uid int) {
	t.Helper()
	dir := filepath.Dir(openSocketPath(t))
	_, owner := index.SplitInstance(instance)
	conf := fmt.Sprintf("port 0\nunixsocket %s/redis.sock\ndir %s\nsave \"\"\nsyslog-enabled yes\nsyslog-facility local5\nsyslog-ident redis-%s\nlogfile /dev/null\n", dir, dir, owner)
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t, "redis-server"), file)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if uid != 0 {
		asUser(cmd, uid)
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	r.mu.Lock()
	err := cmd.Start()
	if err == nil && uid == 0 {
		r.byPID[cmd.Process.Pid] = instance
	}
	r.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stop redis: %v", err)
		}
		_ = cmd.Wait() // its exit code after a signal says nothing
		if t.Failed() {
			t.Logf("redis: %s", &out)
		}
	})
}

// userExists tells whether this process can start others as the user uid:
// without root, its namespace has one user only.
func userExists(uid int) bool {
	cmd := exec.Command("/bin/true")
	asUser(cmd, uid)
	return cmd.Run() == nil
}

func TestRedisIsKnownFromItsFirstAnonymousMessageOn(t *testing.T) {
	program(t, "redis-server")
	if !namespace.Own(t, unix.CLONE_NEWNS) {
		return
	}
	ownDev(t)
	servers := &redisServers{byPID: map[int]string{}}
	instances := []Instance{{Name: "redis/dev1"}, {Name: "redis/dev2"}, {Name: "redis/dev3", UIDs: []int{2003}}}
	sink := newFakeSink()
	start(t, Config{Inputs: []string{"unixgram:///dev/log"}, Instances: instances, ProcessInstance: servers.instance}, sink)

	want := map[string]bool{"redis/dev1": true, "redis/dev2": true}
	servers.start(t, "redis/dev1", 0)
	servers.start(t, "redis/dev2", 0)
	if userExists(2003) {
		servers.start(t, "redis/dev3", 2003)
		want["redis/dev3"] = true
	}
	anonymous, ready := map[string]int{}, map[string]bool{}
	for n := 1; len(ready) < len(want); n++ {
		e := sink.wait(t, n)[n-1]
		if e.InstanceBy != index.ByCreds || !want[e.Instance] || e.Flags != 0 {
			t.Errorf("got %s: %+v", identified(&e), e)
		}
		if e.AppName == "redis-server" {
			anonymous[e.Instance]++
		}
		if strings.Contains(e.Message, "eady to accept connections") || strings.Contains(e.Message, "now ready to accept") {
			ready[e.Instance] = true
			if _, owner := index.SplitInstance(e.Instance); e.AppName != "redis-"+owner {
				t.Errorf("%s belongs to %s", e.AppName, e.Instance)
			}
		}
	}
	for name := range want {
		if anonymous[name] != 3 {
			t.Errorf("%s: got %d anonymous messages, want 3", name, anonymous[name])
		}
	}
}
