package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/internal/namespace"
)

// floodConf is an nginx that logs all it can: its own folder, where its log
// goes to, and the port of HTTP.
const floodConf = `
daemon off; worker_processes 1; pid nginx.pid; user root root;
error_log syslog:server=%s,facility=local5,tag=socketserver_dev1 debug;
events { worker_connections 256; }
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log off;
  server { listen 127.0.0.1:%s; location / { return 200 "ok\n"; } }
}
`

// datagramsSent reads how many datagrams this network has seen.
func datagramsSent(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	_, udp, _ := strings.Cut(string(text), "\nUdp: In")
	_, udp, _ = strings.Cut(udp, "\nUdp: ")
	fields := strings.Fields(udp) // InDatagrams NoPorts InErrors OutDatagrams
	n, err := strconv.ParseUint(fields[3], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestADebuggingNginxUnderLoadLosesNothingUnseen floods a whole server, which
// receives, stores and indexes on the same machine. Each datagram is stored,
// or reported as lost. That none is lost is asked for where nothing else runs.
func TestADebuggingNginxUnderLoadLosesNothingUnseen(t *testing.T) {
	need(t, "nginx", "wrk")
	if !namespace.Own(t, unix.CLONE_NEWNET) {
		return
	}
	dir, web := t.TempDir(), freePort(t)
	server, at := startServer(t, serverOptions{dir: dir})
	t.Cleanup(server.kill)
	input, conn := inputAt(t, at, "udp")
	before := datagramsSent(t)

	conf := filepath.Join(dir, "nginx.conf")
	mustWrite(t, conf, fmt.Sprintf(floodConf, conn.RemoteAddr(), web))
	nginx := exec.Command("nginx", "-p", dir, "-c", conf, "-e", filepath.Join(dir, "start.log"))
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		_ = nginx.Process.Signal(os.Interrupt) // it may have ended
		_ = nginx.Wait()
	}
	t.Cleanup(stop)
	awaitPort(t, web)
	seconds := "1"
	if os.Getenv("TAGTAIL_SOAK") != "" {
		seconds = "5"
	}
	if out, err := exec.Command("wrk", "-t1", "-c16", "-d"+seconds, "http://127.0.0.1:"+web+"/").CombinedOutput(); err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	stop()
	sent := datagramsSent(t) - before

	got := untilCounted(t, at, dir, input, func(c counters) bool { return c.Received+c.Dropped+c.KernelDropped == sent })
	lost := got.Dropped + got.KernelDropped
	t.Logf("nginx sent %d datagrams in %s s: %d are lost", sent, seconds, lost)
	if os.Getenv("TAGTAIL_SOAK") != "" && lost > 0 {
		t.Errorf("%d of %d datagrams are lost: %+v", lost, sent, got)
	}
	var stored struct{ Count uint64 }
	answer := api(t, at, dir, "/api/v1/count?"+url.Values{"q": {"instance:socketserver/dev1"}}.Encode())
	if err := json.Unmarshal(answer, &stored); err != nil {
		t.Fatal(err)
	}
	if stored.Count != got.Received {
		t.Errorf("%d entries are stored, %d were received", stored.Count, got.Received)
	}
}

// awaitPort returns when somebody listens.
func awaitPort(t *testing.T, port string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("nobody listens on port %s", port)
}
