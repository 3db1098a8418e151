package ingest

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// rsyslogHead is for fmt.Sprintf with the work directory and the socket that
// messages are written to.
const rsyslogHead = `
global(workDirectory="%s" localHostname="relay" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="%s" UseSysTimeStamp="off" RateLimit.Interval="0")
`

// startRsyslog runs rsyslogd with the head and the rest of its configuration
// until the test ends, and connects to it.
func startRsyslog(t *testing.T, rest string) net.Conn {
	t.Helper()
	rsyslogd := program(t, "rsyslogd")
	dir, socket := t.TempDir(), socketPath(t)
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, rsyslogHead+rest, dir, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(rsyslogd, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its exit code after a signal says nothing
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("rsyslogd: %s", &out)
		}
	})
	for tick := time.Tick(10 * time.Millisecond); ; {
		conn, err := net.Dial("unixgram", socket)
		if err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
		select {
		case <-ended:
			t.Fatalf("rsyslogd ended: %s", &out)
		case <-tick:
		}
	}
}

// rsyslogTarget is the part of an action that says where to.
func rsyslogTarget(t *testing.T, r *Receiver) string {
	t.Helper()
	host, port := hostPort(t, r.Addrs()[0])
	return fmt.Sprintf(`target="%s" port="%s" action.resumeInterval="1" action.resumeRetryCount="-1"`, host, port)
}

func TestRsyslogForwardsByEveryTransport(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.server(t, "server")
	clientCert, clientKey := ca.issue(t, "client", x509.Certificate{Subject: pkix.Name{CommonName: "relay"}, DNSNames: []string{"relay"}})
	secured := fmt.Sprintf("cert=%s&key=%s&ca=%s&client=require", url.QueryEscape(cert), url.QueryEscape(key), url.QueryEscape(ca.file))
	gtls := fmt.Sprintf(`
global(defaultNetstreamDriverCAFile="%s" defaultNetstreamDriverCertFile="%s" defaultNetstreamDriverKeyFile="%s")
action(type="omfwd" protocol="tcp" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="collector" `,
		ca.file, clientCert, clientKey)
	relpTLS := fmt.Sprintf(`module(load="omrelp" tls.tlslib="openssl")
action(type="omrelp" tls="on" tls.caCert="%s" tls.myCert="%s" tls.myPrivKey="%s" tls.authMode="name" tls.permittedPeer="collector" `,
		ca.file, clientCert, clientKey)
	tests := []struct{ name, input, action, format string }{
		{"UDP", "udp://127.0.0.1:0", `action(type="omfwd" protocol="udp" `, "rfc3164"},
		{"TCP by line", "tcp://127.0.0.1:0", `action(type="omfwd" protocol="tcp" `, "rfc3164"},
		{"TCP by octet count", "tcp://127.0.0.1:0", `action(type="omfwd" protocol="tcp" TCP_Framing="octet-counted" `, "rfc3164"},
		{"TCP by octet count in RFC 5424", "tcp://127.0.0.1:0", `action(type="omfwd" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format" `, "rfc5424"},
		{"TLS", "tls://127.0.0.1:0?" + secured, gtls, "rfc3164"},
		{"TLS by octet count in RFC 5424", "tls://127.0.0.1:0?" + secured, gtls + `TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format" `, "rfc5424"},
		{"RELP", "relp://127.0.0.1:0", `module(load="omrelp")
action(type="omrelp" template="RSYSLOG_ForwardFormat" `, "rfc3164"},
		{"RELP over TLS", "relp://127.0.0.1:0?tls=on&" + secured, relpTLS, "rfc3164"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sink := newDurableSink()
			var logged bytes.Buffer
			r := start(t, Config{Inputs: []string{test.input}, Logger: testLogger(&logged)}, committed{sink})
			conn := startRsyslog(t, test.action+rsyslogTarget(t, r)+")\n")
			send(t, conn, "<171>Nov 22 08:51:14 socketserver_dev1[77]: first\tmessage")
			send(t, conn, "<13>Nov 22 08:51:14 app: "+strings.Repeat("long ", 1000)+"end")
			var got []index.Entry
			for n := 1; len(got) < 2; n++ { // rsyslog also says that it has started
				if e := sink.wait(t, n)[n-1]; e.AppName != "rsyslogd" {
					got = append(got, e)
				}
			}
			want := sent{Pri: "local5.err", Format: test.format, App: "socketserver_dev1", Proc: "77", Message: "first#011message", Instance: "socketserver/dev1", HasTime: true}
			wantBytes := len("long ")*1000 + len("end")
			if test.format == "rfc5424" { // rsyslog keeps the space behind the tag, and adds RFC 5424's
				want.Message = " " + want.Message
				wantBytes++
			}
			if diff := cmp.Diff(want, sentOf(&got[0])); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got[0].Hostname != "relay" || got[0].Source != "127.0.0.1" {
				t.Errorf("got host %q, source %q", got[0].Hostname, got[0].Source)
			}
			if n := len(got[1].Message); n != wantBytes || got[1].Flags != 0 {
				t.Errorf("got %d bytes, flags %v", n, got[1].Flags.Names())
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if s := r.Stats()[0]; s.Rejected+s.Dropped != 0 || logged.Len() > 0 {
				t.Errorf("got stats %+v, logged %s", s, &logged)
			}
		})
	}
}
