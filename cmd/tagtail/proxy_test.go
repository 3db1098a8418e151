package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/static/browsertest"
)

// proxySample is the configuration in docs/proxy.md, for a port without TLS and
// a Tagtail at an address.
func proxySample(t *testing.T, port, tagtail string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatal("docs/proxy.md has no sample")
	}
	sample := string(found[1])
	sample = regexp.MustCompile(`(?m)^ *ssl_certificate.*\n`).ReplaceAllString(sample, "")
	for from, to := range map[string]string{"listen 443 ssl": "listen 127.0.0.1:" + port, "127.0.0.1:8514": tagtail} {
		if !strings.Contains(sample, from) {
			t.Fatalf("the sample has no %q", from)
		}
		sample = strings.ReplaceAll(sample, from, to)
	}
	return sample
}

// startProxy runs an nginx with a server block.
func startProxy(t *testing.T, port, block string) {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	mustWrite(t, conf, fmt.Sprintf("daemon off;\nmaster_process off;\npid %s/pid;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path %[1]s;\nproxy_temp_path %[1]s;\n"+
		"fastcgi_temp_path %[1]s;\nuwsgi_temp_path %[1]s;\nscgi_temp_path %[1]s;\n%s}\n", dir, block))
	var said bytes.Buffer
	cmd := exec.Command("nginx", "-e", "stderr", "-p", dir, "-c", conf)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-exited
	})
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-exited:
			exited <- nil
			t.Fatalf("nginx ended: %s", said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not answer: %v", err)
		}
	}
}

// say sends a line to the server's TCP input.
func say(t *testing.T, at endpoint, text string) {
	t.Helper()
	i := slices.IndexFunc(at.Syslog, func(input string) bool { return strings.HasPrefix(input, "tcp://") })
	conn, err := net.Dial("tcp", strings.TrimPrefix(at.Syslog[i], "tcp://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "<13>1 - - game_dev1 - - - %s\n", text); err != nil {
		t.Fatal(err)
	}
}

func TestThePageWorksBelowAPathOfNginx(t *testing.T) {
	need(t, "nginx")
	server, at := startServer(t, serverOptions{dir: t.TempDir()})
	t.Cleanup(server.kill)
	port := freePort(t)
	startProxy(t, port, proxySample(t, port, strings.TrimPrefix(at.Server, "http://")))

	_, token, ok := strings.Cut(server.link(), "/login#")
	if !ok {
		t.Fatalf("no link to log in: %s", server.words)
	}
	b := browsertest.Open(t, "en")
	b.Go("http://127.0.0.1:" + port + "/logs/login#" + token)
	b.Await(`location.pathname === '/logs/' && document.getElementById('pulse')?.classList.contains('is-live')`)
	b.Eval("window.sameDocument = true")
	say(t, at, "through nginx")
	b.AwaitLine("through nginx")
	b.Await(`window.sameDocument && document.getElementById('banner').hidden`)
}

func TestAPushThroughNginxIsTakenOrToldItsLimit(t *testing.T) {
	s := newStudio(t, "dev1")
	port := freePort(t)
	startProxy(t, port, proxySample(t, port, strings.TrimPrefix(s.at.Server, "http://")))
	w := s.cloneOf(t, "http://dev1:"+s.secrets["dev1"]+"@127.0.0.1:"+port+"/logs/git/socketserver.git", "dev1")
	w.write(t, "src/main.lua", fmt.Sprintf(says, "through nginx"))
	w.commit(t, "UP")
	w.mustPush(t, "dev1", "exported 1 file", "socketserver/dev1: done")
	noise := make([]byte, 90<<20)
	_, _ = rand.Read(noise)
	mustWrite(t, filepath.Join(w.dir, "noise"), string(noise))
	w.git(t, "config", "core.compression", "0")
	w.commit(t, "UP")
	w.mustNotPush(t, "dev1", "remote: [git-server] refused, and nothing is stored: this push has more than 64 MB")
	until(t, s.at, "more than 64 MB", "search", "msg_id:REFUSED")
}
