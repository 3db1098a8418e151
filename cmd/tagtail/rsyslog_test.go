package main

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// originalRules are the original's three, as its operator wrote them; OUT is
// the folder of the files.
const originalRules = `$ActionFileDefaultTemplate RSYSLOG_SyslogProtocol23Format
local5.* OUT/all.log
:programname,isequal,"hhl-git-serverctrl" OUT/serverctrl.log
:programname,isequal,"hhl-git-server" OUT/server.log
`

// besideHead is an rsyslogd for the same messages: its folder, address, port,
// socket and again its folder.
const besideHead = `global(workDirectory="%s" net.enableDNS="off")
module(load="imudp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="%s" port="%s")
input(type="imuxsock" Socket="%s" RateLimit.Interval="0")
if $syslogtag startswith "rsyslogd" or $rawmsg contains "are you there" then {
  action(type="omfile" file="%s/probe" template="RSYSLOG_DebugFormat")
  stop
}
`

// originalHook logs through Python's SysLogHandler, as the original's hooks do,
// to the sockets and addresses of LOG_TO.
const originalHook = `#!/usr/bin/env python3
import logging, logging.handlers, os, subprocess, sys
name = os.path.basename(os.getcwd()).removesuffix(".git")
log = logging.getLogger()
log.setLevel(logging.DEBUG)
for to in os.environ["LOG_TO"].split():
    host, _, port = to.rpartition(":")
    handler = logging.handlers.SysLogHandler((host, int(port)) if host else to, logging.handlers.SysLogHandler.LOG_LOCAL5)
    handler.setFormatter(logging.Formatter("%(asctime)s hhl-git-" + name + "[%(process)d]: %(message)s", "%b %e %H:%M:%S"))
    log.addHandler(handler)
for line in sys.stdin:
    old, new, ref = line.split()
    subject = subprocess.run(["git", "log", "-1", "--format=%B", new], capture_output=True, text=True).stdout
    log.info("%s is pushed: %s", ref, subject)
    log.debug("by %s", os.environ.get("USER"))
    if name == "server" and not subject.startswith("UP"):
        log.error("it is no command:\n\t%s", subject.splitlines()[0])
`

// startBeside runs an rsyslogd with rules until the test ends, and returns its
// UDP address, its socket, and how to end it.
func startBeside(t *testing.T, rules string) (udp, socket string, stop func()) {
	t.Helper()
	folder, err := os.MkdirTemp("", "beside") //nolint:usetesting // the socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket, conf := filepath.Join(folder, "log"), filepath.Join(folder, "conf")
	udp = ownAddress()
	host, port, _ := net.SplitHostPort(udp)
	mustWrite(t, conf, fmt.Sprintf(besideHead, folder, host, port, socket, folder)+rules)
	cmd := exec.Command("rsyslogd", "-n", "-f", conf, "-i", filepath.Join(folder, "pid"))
	words := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = words, words
	cmd.Env = append(os.Environ(), "TZ=UTC")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is told to end
		close(ended)
	}()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("rsyslogd said:\n%s", words)
		}
	})
	for network, address := range map[string]string{"udp": udp, "unixgram": socket} {
		probe := fmt.Sprintf("<13>Oct 11 22:14:15 h probe-%s: are you there", network)
		awaitFile(t, filepath.Join(folder, "probe"), "probe-"+network+":", func() {
			if conn, err := net.Dial(network, address); err == nil {
				_, _ = conn.Write([]byte(probe)) // it may not listen yet
				_ = conn.Close()
			}
		})
	}
	return udp, socket, stop
}

// awaitFile calls again until the file has the text.
func awaitFile(t *testing.T, path, text string, again func()) {
	t.Helper()
	var got []byte
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if got, _ = os.ReadFile(path); bytes.Contains(got, []byte(text)) {
			return
		}
		again()
	}
	t.Fatalf("%s never had %q; last it was\n%s", path, text, got)
}

// git runs git as dev1 with further variables.
func gitAsDev1(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{"HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "USER=dev1", "TZ=UTC",
		"GIT_AUTHOR_NAME=dev1", "GIT_AUTHOR_EMAIL=dev1@example.com", "GIT_COMMITTER_NAME=dev1", "GIT_COMMITTER_EMAIL=dev1@example.com"}, env)
	if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("Traceback")) {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

// The hooks of both of the original's repositories log to an rsyslogd and to
// Tagtail at once, which have the same rules.
func TestTheOriginalsRulesAndHooksWriteTheFilesThatRsyslogdWrites(t *testing.T) {
	need(t, "git", "python3", "rsyslogd")
	commits := []struct{ repository, message string }{
		{"serverctrl", "reload"}, {"server", "UP"}, {"server", "UP allen"}, {"server", "fixed: naïve 超时\n\nand\ta tab"},
		{"serverctrl", "stop"}, {"server", "UP 7ebbf4f"}, {"serverctrl", "quit\n"}, {"server", "50% of \\ \"quotes\" #012"},
	}
	for _, transport := range []string{"udp", "unixgram"} {
		t.Run(transport, func(t *testing.T) {
			dir := t.TempDir()
			theirs, ours := filepath.Join(dir, "theirs"), filepath.Join(dir, "ours")
			udp, socket, stop := startBeside(t, strings.ReplaceAll(originalRules, "OUT", theirs))
			mustWrite(t, filepath.Join(dir, "10-hhl.conf"), strings.ReplaceAll(originalRules, "OUT", ours))
			server, at := startServer(t, serverOptions{dir: dir, args: []string{"--rules", filepath.Join(dir, "*.conf")}})
			t.Cleanup(server.kill)
			to := []string{udp, strings.TrimPrefix(at.Syslog[0], "udp://")}
			if transport == "unixgram" {
				to = []string{socket, strings.TrimPrefix(at.Syslog[2], "unixgram://")}
			}
			env := []string{"LOG_TO=" + strings.Join(to, " ")}
			for _, name := range []string{"serverctrl", "server"} {
				gitAsDev1(t, dir, env, "init", "-q", "--bare", name+".git")
				mustWrite(t, filepath.Join(dir, name+".git/hooks/post-receive"), originalHook)
				if err := os.Chmod(filepath.Join(dir, name+".git/hooks/post-receive"), 0o755); err != nil {
					t.Fatal(err)
				}
				gitAsDev1(t, dir, env, "init", "-q", name)
			}
			for _, c := range commits {
				gitAsDev1(t, filepath.Join(dir, c.repository), env, "commit", "-q", "--allow-empty", "-m", c.message)
				gitAsDev1(t, filepath.Join(dir, c.repository), env, "push", "-q", "../"+c.repository+".git", "HEAD:dev1")
			}
			last := "it is no command:#012#01150% of"
			for _, folder := range []string{theirs, ours} {
				awaitFile(t, filepath.Join(folder, "server.log"), last, func() {})
				awaitFile(t, filepath.Join(folder, "all.log"), last, func() {})
			}
			until(t, at, "it is no command", "search", "no command quotes")
			stop()
			server.stop(t)
			want, got := logs(t, theirs, transport), logs(t, ours, transport)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files (-rsyslogd +Tagtail):\n%s", diff)
			}
			if n := strings.Count(want["all.log"], "\n"); n != 2*len(commits)+2 || len(want) != 3 {
				t.Errorf("all.log has %d lines and there are the files %v, want %d and three", n, slices.Sorted(maps.Keys(want)), 2*len(commits)+2)
			}
		})
	}
}

// arrival is the time that a local socket's message gets when it is read: each
// program has its own.
var arrival = regexp.MustCompile(`(?m)^(<\d+>1 )\S+`)

// logs reads a folder of files.
func logs(t *testing.T, folder, transport string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if transport == "unixgram" {
			text = arrival.ReplaceAll(text, []byte("${1}NOW"))
		}
		files[entry.Name()] = string(text)
	}
	return files
}
