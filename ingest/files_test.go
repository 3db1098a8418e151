package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// filesConf is for fmt.Sprintf with the socket of HTTP.
const filesConf = `
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off; worker_processes 1; pid nginx.pid;
error_log logs/error.log info;
events { worker_connections 64; }
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log logs/access.log combined;
  server {
    listen unix:%s;
    location /log { content_by_lua_block { ngx.log(ngx.ERR, "message ", ngx.var.arg_n) ngx.say("ok") } }
    location /lua { content_by_lua_block { local t; t.x = 1 } }
  }
}
`

func TestTheLogsOfARealNginxAreFollowedThroughARotation(t *testing.T) {
	root := filepath.Dir(socketPath(t))
	prefix := filepath.Join(root, "socketserver", "dev1")
	for _, dir := range []string{root, filepath.Join(root, "socketserver"), prefix, filepath.Join(prefix, "logs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sink := newFakeSink()
	cfg := Config{
		Files:     []FileInput{{Pattern: root + "/{service}/{owner}/logs/*.log"}},
		FileState: filepath.Join(t.TempDir(), "positions"),
		Hostname:  "collector",
	}
	first := start(t, cfg, sink)
	socket := filepath.Join(root, "http.sock")
	startNginx(t, prefix, fmt.Sprintf(filesConf, socket))
	find(t, sink, "start worker process ")

	const count, rotations = 40, 4
	log := filepath.Join(prefix, "logs", "error.log")
	for i := range count * rotations {
		get(t, socket, fmt.Sprintf("/log?n=%d.", i))
		if i%count != count/2 {
			continue
		}
		if err := os.Rename(log, fmt.Sprintf("%s.%d", log, i)); err != nil {
			t.Fatal(err)
		}
		get(t, socket, "/log?n=renamed.")
		signalNginx(t, prefix, syscall.SIGUSR1)
		waitForFile(t, log)
		if i/count == 2 { // and Tagtail restarts
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			get(t, socket, "/log?n=away.")
			start(t, cfg, sink)
		}
	}
	get(t, socket, "/lua")
	trace := find(t, sink, "attempt to index")
	if !strings.Contains(trace.Message, "\nstack traceback:\n") || !strings.Contains(trace.Message, ", client: unix:") {
		t.Errorf("got %q", trace.Message)
	}
	if trace.Severity != index.Err || trace.Instance != "socketserver/dev1" || trace.InstanceBy != index.ByFile ||
		trace.AppName != "socketserver_dev1" || trace.ProcID == "" || time.Since(trace.Time) > time.Minute || trace.Source != "file:"+log {
		t.Errorf("got %+v", trace)
	}
	access := find(t, sink, `] "GET /lua HTTP`)
	if access.AppName != "socketserver_dev1_access" || access.Time.IsZero() || access.Instance != "socketserver/dev1" {
		t.Errorf("got %+v", access)
	}
	next := 0
	for _, e := range sink.wait(t, 1) {
		_, rest, ok := strings.Cut(e.Message, "message ")
		if n, _, _ := strings.Cut(rest, "."); ok && n != "renamed" && n != "away" {
			if n != strconv.Itoa(next) {
				t.Fatalf("got message %s, want %d", n, next)
			}
			next++
		}
	}
	if next != count*rotations {
		t.Errorf("got %d messages, want %d", next, count*rotations)
	}
}

// signalNginx sends a signal to the master that runs in prefix.
func signalNginx(t *testing.T, prefix string, sig syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(prefix, "nginx.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	pause := backoff{}
	for deadline := time.Now().Add(patience); ; {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", path)
		}
		pause.wait(t.Context())
	}
}
