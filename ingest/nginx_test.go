package ingest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// nginxConf is for fmt.Sprintf with the syslog server, twice, and the socket of HTTP.
const nginxConf = `
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off; worker_processes 1; pid nginx.pid;
error_log syslog:server=%s,facility=local5,tag=socketserver_dev1 info;
events { worker_connections 64; }
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log syslog:server=%s,facility=local5,severity=info,tag=socketserver_dev1_access combined;
  server {
    listen unix:%s;
    root .;
    location /lua { content_by_lua_block { local t; t.x = 1 } }
    location /stderr { content_by_lua_block { ngx.log(ngx.STDERR, "look here"); ngx.say("ok") } }
  }
}
`

// startNginx runs nginx in dir until stop is called, or the test ends.
func startNginx(t *testing.T, dir, conf string) (stop func()) {
	t.Helper()
	nginx := program(t, "nginx")
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-p", dir, "-c", file, "-e", filepath.Join(dir, "start.log"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("stop nginx: %v", err)
		}
		_ = cmd.Wait() // its exit code after a signal says nothing
		if t.Failed() {
			t.Logf("nginx: %s", &out)
		}
	})
	t.Cleanup(stop)
	return stop
}

// get asks nginx for a path, raw, and waits for the answer's end.
func get(t *testing.T, socket, path string) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	send(t, conn, fmt.Sprintf("GET %s HTTP/1.0\r\nHost: x\r\n\r\n", path))
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(conn); err != nil {
		t.Fatal(err)
	}
}

// find returns the entry whose message has the text, waiting for it.
func find(t *testing.T, sink *fakeSink, text string) index.Entry {
	t.Helper()
	for n := 1; ; n++ {
		if e := sink.wait(t, n)[n-1]; strings.Contains(e.Message, text) {
			return e
		}
	}
}

func TestARealNginxIsUnderstood(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	inputSocket := filepath.Join(dir, "log.sock")
	for _, input := range []string{"udp://127.0.0.1:0", "unixgram://" + inputSocket} {
		t.Run(input, func(t *testing.T) {
			sink := newFakeSink()
			r := start(t, Config{Inputs: []string{input}, Hostname: "collector"}, sink)
			server := r.Addrs()[0].String()
			if strings.HasPrefix(input, "unixgram") {
				server = "unix:" + server
			}
			socket := filepath.Join(dir, "http.sock")
			startNginx(t, dir, fmt.Sprintf(nginxConf, server, server, socket))
			if e := find(t, sink, "start worker process "); e.Severity != index.Notice || e.ProcID == "" {
				t.Errorf("got %+v", e)
			}
			get(t, socket, "/lua")
			get(t, socket, "/a%0a<10>Nov%2022%2008:51:43%20root:%20forged")
			get(t, socket, "/stderr")

			e := find(t, sink, "attempt to index")
			if !strings.Contains(e.Message, "\nstack traceback:\n") || e.Severity != index.Err || e.Facility != index.Local5 {
				t.Errorf("a Lua error: got %+v", e)
			}
			e = find(t, sink, "\n<10>Nov")
			if !strings.Contains(e.Message, "failed (2: No such file") || e.AppName != "socketserver_dev1" {
				t.Errorf("a forged line: got %+v", e)
			}
			e = find(t, sink, "look here")
			if e.Facility != index.Local5 || e.Severity != index.Notice {
				t.Errorf("ngx.STDERR: got %+v", e)
			}
			e = find(t, sink, "GET /stderr")
			for _, e := range sink.wait(t, int(e.Seq)) {
				if e.Instance != "socketserver/dev1" || e.Time.IsZero() || e.Flags != 0 {
					t.Errorf("got %+v", e)
				}
			}
		})
	}
}
