package main

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startSSH starts a real sshd with a key of dev1, whose forced command is
// Tagtail, and gives what git needs to go there, and the address.
func startSSH(t *testing.T, data string) (env, address string) {
	t.Helper()
	need(t, "ssh", "ssh-keygen")
	const sshd = "/usr/sbin/sshd"
	need(t, sshd)
	program, err := exec.LookPath("tagtail")
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // which its package makes at each boot
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "dev1"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file(key)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	public, err := os.ReadFile(file("dev1.pub"))
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, file("authorized_keys"), fmt.Sprintf(`restrict,command="%s git-serve dev1 --data %s" %s`, program, data, public))
	port := freePort(t)
	mustWrite(t, file("config"), fmt.Sprintf(`ListenAddress 127.0.0.1:%s
HostKey %s
AuthorizedKeysFile %s
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
AcceptEnv GIT_PROTOCOL
`, port, file("host"), file("authorized_keys")))
	log, err := os.Create(file("log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sshd, "-D", "-e", "-f", file("config"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it is killed
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if said, _ := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("sshd said:\n%s", said)
		}
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	return "GIT_SSH_COMMAND=ssh -F none -i " + file("dev1") + " -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR -o UserKnownHostsFile=" + file("known"),
		fmt.Sprintf("ssh://%s@127.0.0.1:%s/socketserver.git", me.Username, port)
}

// pushTo pushes over whatever the address says, and gives what the terminal shows.
func (w *worktree) pushTo(env, address, ref string) (string, error) {
	cmd := gitCommand(w.dir, "push", address, ref)
	cmd.Env = append(cmd.Env, env)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// noise commits what cannot be made smaller.
func (w *worktree) noise(t *testing.T, megabytes int) {
	t.Helper()
	bytes := make([]byte, megabytes<<20)
	_, _ = rand.Read(bytes)
	mustWrite(t, filepath.Join(w.dir, "noise"), string(bytes))
	w.git(t, "config", "core.compression", "0")
	w.commit(t, "noise")
}

func TestAPushOverSSHAndOverAPathIsToldWhatItIsOverHTTP(t *testing.T) {
	s := newStudio(t, "dev1", "dev2")
	s.server.kill()
	config, err := os.ReadFile(s.root(configName))
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s.root(configName), fmt.Sprintf("%s\npeople:\n  - {name: dev1, uid: %d}\n", config, os.Getuid()))
	s.start(t)
	program, err := exec.LookPath("tagtail")
	if err != nil {
		t.Fatal(err)
	}
	repository := s.root("git", "socketserver.git")
	for _, hook := range []string{"pre-receive", "post-receive"} {
		path := filepath.Join(repository, "hooks", hook)
		mustWrite(t, path, fmt.Sprintf("#!/bin/sh\nexec %s hook %s --data %s\n", program, hook, s.root("data")))
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env, address := startSSH(t, s.root("data"))
	w := s.clone(t, "dev1", "socketserver", "dev1")
	for i, way := range []struct {
		name, env, address string
		large              []int // megabytes; the client has more to send when git gives up
	}{{"SSH", env, address, []int{65, 130}}, {"a path", "", repository, []int{65}}} {
		w.write(t, "src/main.lua", fmt.Sprintf(says, way.name))
		w.commit(t, "UP")
		out, err := w.pushTo(way.env, way.address, "HEAD:dev1")
		for _, part := range []string{fmt.Sprintf("v%d socketserver/dev1 ← ", i+1), "exported 1 file", "socketserver/dev1: done"} {
			if err != nil || !strings.Contains(out, part) {
				t.Errorf("over %s: %v, want %q in\n%s", way.name, err, part, out)
			}
		}
		if out, err := w.pushTo(way.env, way.address, "HEAD:dev2"); err == nil || !strings.Contains(out, "refused, and nothing is stored: the branch dev2 is not yours") {
			t.Errorf("over %s: %v\n%s", way.name, err, out)
		}
		w.noise(t, 5)
		if out, err := w.pushTo(way.env, way.address, "HEAD:dev1"); err != nil {
			t.Errorf("5 MB over %s: %v\n%s", way.name, err, out)
		}
		before := gitOutput(t, repository, "rev-parse", "dev1")
		for _, megabytes := range way.large {
			w.noise(t, megabytes)
			out, err := w.pushTo(way.env, way.address, "HEAD:dev1")
			if err == nil || !strings.Contains(out, "remote: [git-server] refused, and nothing is stored: this push has more than 64 MB, which is the most that is taken at once: push it in parts") {
				t.Errorf("%d MB over %s: %v\n%s", megabytes, way.name, err, out)
			}
			w.git(t, "reset", "-q", "--hard", "HEAD^")
		}
		if after := gitOutput(t, repository, "rev-parse", "dev1"); after != before {
			t.Errorf("over %s the branch went from %s to %s", way.name, before, after)
		}
	}
	until(t, s.at, "3", "count", `msg_id:REFUSED "more than 64 MB"`)
}

func gitOutput(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := gitCommand(dir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
