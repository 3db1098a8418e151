package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// need skips the test without a program, and fails it under CI.
func need(t *testing.T, programs ...string) {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed, and needed under CI", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

// freePort is a TCP port on which nobody listened a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// team is the original's serverctrl folder with free ports, and a place for
// the instances. dev1 and dev2 have the handler of testdata/src.
type team struct {
	folder, serverctrl, root, redisRoot string
	http, redis                         map[string]string // port by owner
}

func newTeam(t *testing.T) *team {
	t.Helper()
	folder := t.TempDir()
	// nginx's workers, who are nobody when we are root, read below it.
	for _, path := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tm := &team{
		folder: folder, serverctrl: filepath.Join(folder, "serverctrl"),
		root: filepath.Join(folder, "hhl"), redisRoot: filepath.Join(folder, "redis"),
		http: map[string]string{}, redis: map[string]string{},
	}
	files, err := filepath.Glob("testdata/serverctrl/*")
	if err != nil || len(files) != 4 {
		t.Fatalf("found %d template files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, filepath.Join(tm.serverctrl, filepath.Base(file)), tm.movedHere(t, string(text)))
	}
	handler, err := os.ReadFile("testdata/src/main.lua")
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"dev1", "dev2"} {
		mustWrite(t, filepath.Join(tm.root, "socketserver", owner, "src", "main.lua"), string(handler))
	}
	return tm
}

var originalPort = regexp.MustCompile(`\b(108[0-4]|6379|638[1-4])\b`)

// movedHere is a file of the original with our folders and free ports.
func (tm *team) movedHere(t *testing.T, text string) string {
	owners := map[byte]string{'0': "master", '9': "master", '1': "dev1", '2': "dev2", '3': "dev3", '4': "dev4"}
	text = originalPort.ReplaceAllStringFunc(text, func(port string) string {
		ports := tm.http
		if port[0] == '6' {
			ports = tm.redis
		}
		owner := owners[port[3]]
		ports[owner] = freePort(t)
		return ports[owner]
	})
	return strings.NewReplacer("/opt/hhl", tm.root, "/opt/redis", tm.redisRoot, " 192.168.18.18", "").Replace(text)
}

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (tm *team) serve(t *testing.T, args ...string) (*testServer, endpoint) {
	t.Helper()
	server, at := startServer(t, serverOptions{dir: tm.folder, args: append(args,
		"--serverctrl", tm.serverctrl, "--root", tm.root, "--redis-root", tm.redisRoot,
	)})
	t.Cleanup(func() {
		server.kill()
		if t.Failed() {
			t.Logf("serve said:\n%s", server.words)
		}
	})
	return server, at
}

// request sends a request to a developer's socketserver.
func (tm *team) request(t *testing.T, owner, query string) {
	t.Helper()
	response, err := http.Get("http://127.0.0.1:" + tm.http[owner] + "/hhl?" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
}

// endsNginx makes sure that a developer's nginx ends with the test.
func (tm *team) endsNginx(t *testing.T, owner string) {
	pidFile := filepath.Join(tm.root, "socketserver", owner, "run", "nginx.pid")
	t.Cleanup(func() {
		text, err := os.ReadFile(pidFile)
		if err != nil {
			return // it has ended
		}
		if err := exec.Command("kill", strings.TrimSpace(string(text))).Run(); err != nil {
			t.Logf("nginx of %s: %v", owner, err)
		}
	})
}
