package ingest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/internal/namespace"
)

// debugConf is for fmt.Sprintf with the syslog server and the port of HTTP. A
// namespace that was made without root has no other user.
const debugConf = `
daemon off; worker_processes 1; pid nginx.pid; user root root;
error_log syslog:server=%s,facility=local5,tag=socketserver_dev1 debug;
events { worker_connections 256; }
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log off;
  server { listen 127.0.0.1:%d; location / { return 200 "ok\n"; } }
}
`

// TestEveryDatagramOfADebuggingNginxIsReceivedOrReported floods a Receiver as
// a developer does who debugs under load. The network namespace is the test's
// own, so its kernel counts exactly what nginx has sent.
func TestEveryDatagramOfADebuggingNginxIsReceivedOrReported(t *testing.T) {
	program(t, "nginx")
	wrk := program(t, "wrk")
	if !namespace.Own(t, unix.CLONE_NEWNET) {
		return
	}
	sink := new(lossSink)
	r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0"}}, sink)

	dir := filepath.Dir(openSocketPath(t))
	port := freePort(t)
	before := udpCounter(t, "OutDatagrams")
	stop := startNginx(t, dir, fmt.Sprintf(debugConf, r.Addrs()[0], port))
	waitForPort(t, port)
	duration := 3 * time.Second
	if testing.Short() {
		duration = time.Second
	}
	out, err := exec.Command(wrk, "-t1", "-c16", "-d"+strconv.Itoa(int(duration.Seconds())), fmt.Sprintf("http://127.0.0.1:%d/", port)).CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	stop()
	sent := udpCounter(t, "OutDatagrams") - before
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	s := r.Stats()[0]
	t.Logf("nginx sent %d datagrams in %v; received %d; lost %d in the kernel and %d in the queue: %.3f %%",
		sent, duration, s.Received, s.KernelDropped, s.Dropped, 100*float64(s.KernelDropped+s.Dropped)/float64(sent))
	if sent < 1000 {
		t.Errorf("nginx sent only %d datagrams", sent)
	}
	if got := s.Received + s.KernelDropped + s.Dropped; got != sent {
		t.Errorf("%d datagrams are accounted for, %d were sent", got, sent)
	}
	if got := sink.received.Load(); got != s.Received {
		t.Errorf("the Sink has %d entries, %d were received", got, s.Received)
	}
	if got := sink.lost.Load(); got != s.KernelDropped+s.Dropped {
		t.Errorf("%d lost datagrams were announced, %d counted", got, s.KernelDropped+s.Dropped)
	}
	if got := sink.strangers.Load(); got != 0 {
		t.Errorf("%d entries are not nginx's", got)
	}
}

// lossSink only counts.
type lossSink struct {
	received, lost, strangers atomic.Uint64
}

func (s *lossSink) Append(entries []index.Entry) error {
	var strangers, lost, announcements uint64
	for i := range entries {
		e := &entries[i]
		switch {
		case e.Flags.Has(index.FlagLost):
			n, err := strconv.ParseUint(strings.Fields(e.Message)[0], 10, 64)
			if err != nil {
				return err
			}
			lost += n
			announcements++
		case e.Instance != "socketserver/dev1":
			strangers++
		}
	}
	s.received.Add(uint64(len(entries)) - announcements)
	s.lost.Add(lost)
	s.strangers.Add(strangers)
	return nil
}

// freePort is a TCP port; nobody else can take it in this namespace.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// waitForPort returns when somebody accepts connections.
func waitForPort(t *testing.T, port int) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			return
		}
	}
	t.Fatalf("nobody listens on port %d", port)
}

// udpCounter reads a counter of this network namespace.
func udpCounter(t *testing.T, name string) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/net/snmp")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if fields[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		for i := range names {
			if names[i] == name {
				n, err := strconv.ParseUint(fields[i], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
		}
	}
	t.Fatalf("there is no counter %s", name)
	return 0
}
