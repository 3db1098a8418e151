package ingest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func tlsInput(cert, key, ca, client string) string {
	q := url.Values{"cert": {cert}, "key": {key}}
	if ca != "" {
		q.Set("ca", ca)
	}
	if client != "" {
		q.Set("client", client)
	}
	return "tls://127.0.0.1:0?" + q.Encode()
}

// serveCaptured accepts connections of input until the test ends and gives
// their peers.
func serveCaptured(t *testing.T, listen func(serve serveFunc) (*streamListener, error)) (addr net.Addr, peers <-chan *peer) {
	t.Helper()
	found := make(chan *peer, 10)
	l, err := listen(func(_ context.Context, conn net.Conn, from *peer) {
		found <- from
		_ = conn.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	return l.addr(), found
}

// testInput is an input as bind makes it, and its complete Config.
func testInput(t *testing.T, url string) (*input, *Config) {
	t.Helper()
	spec, err := parseInput(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := Config{Inputs: []string{url}, Hostname: "collector"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return &input{name: url, spec: spec, maxBytes: cfg.MaxMessageBytes, limits: cfg.limits(), now: time.Now, log: cfg.Logger}, &cfg
}

func TestThePeerOfATLSConnectionHasItsCertificate(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	cert, key := ca.server(t, "server")
	clientCert, clientKey := ca.issue(t, "client", clientTemplate(t))
	strangeCert, strangeKey := stranger.issue(t, "client", clientTemplate(t))
	loopback := sender{addr: netip.MustParseAddr("127.0.0.1")}
	known := &peer{
		sender: loopback, source: "127.0.0.1", fingerprint: fingerprintOf(t, clientCert),
		names: []string{"dev1.example", "dev1@example", "spiffe://team/dev1", "192.0.2.1"},
	}
	plainCert, plainKey := ca.issue(t, "plain", x509.Certificate{Subject: clientTemplate(t).Subject})
	plain := &peer{sender: loopback, source: "127.0.0.1", fingerprint: fingerprintOf(t, plainCert), names: []string{"socketserver/dev1"}}
	unknown := &peer{sender: loopback, source: "127.0.0.1"}
	tests := []struct {
		name, client string
		cert, key    string
		want         *peer // nil: refused
	}{
		{"require, shown", "require", clientCert, clientKey, known},
		{"require, only a common name", "require", plainCert, plainKey, plain},
		{"require, none", "require", "", "", nil},
		{"require, a stranger's", "require", strangeCert, strangeKey, nil},
		{"optional, shown", "optional", clientCert, clientKey, known},
		{"optional, none", "optional", "", "", unknown},
		{"optional, a stranger's", "optional", strangeCert, strangeKey, nil},
		{"none, shown", "none", clientCert, clientKey, unknown},
		{"the default with a ca is require", "", "", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in, cfg := testInput(t, tlsInput(cert, key, ca.file, test.client))
			var logged bytes.Buffer
			in.log = testLogger(&logged)
			addr, peers := serveCaptured(t, func(serve serveFunc) (*streamListener, error) {
				serve, err := in.overTLS(serve)
				if err != nil {
					return nil, err
				}
				return newTCPListener(in, cfg, serve)
			})
			conn := tls.Client(dial(t, addr), ca.clientConfig(t, test.cert, test.key))
			// In TLS 1.3 the client learns of a refusal when it reads.
			_, err := conn.Read(make([]byte, 1))
			if test.want == nil {
				if err == nil || errors.Is(err, io.EOF) {
					t.Errorf("the client learns %v, want a refusal", err)
				}
				return
			}
			got := <-peers
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(peer{}, sender{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTLSCertificatesAreReadAgainWhenTheyChange(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.server(t, "server")
	var logged bytes.Buffer
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{tlsInput(cert, key, "", "")}, Logger: testLogger(&logged)}, sink)
	serial := func() int64 {
		t.Helper()
		conn := tls.Client(dial(t, r.Addrs()[0]), ca.clientConfig(t, "", ""))
		if err := conn.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		send(t, conn, "<13>app: x\n")
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	steps := []struct {
		name   string
		change func()
		want   int64
	}{
		{"the first", func() {}, 2},
		{"a new one", func() { ca.server(t, "server") }, 3},
		{"a broken file leaves the old one", func() { overwrite(t, cert, "broken") }, 3},
		{"a missing file leaves the old one", func() { remove(t, key) }, 3},
		{"a repaired one", func() { ca.server(t, "server") }, 4},
	}
	for i, step := range steps {
		step.change()
		if got := serial(); got != step.want {
			t.Errorf("%s: got serial %d, want %d", step.name, got, step.want)
		}
		sink.wait(t, i+1)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "the new certificate cannot be used, the old one stays in use"; strings.Count(logged.String(), want) != 1 {
		t.Errorf("logged %s", &logged)
	}
}

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestListenRefusesCertificatesThatCannotBeUsed(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.server(t, "server")
	_, otherKey := ca.issue(t, "other", x509.Certificate{Subject: pkix.Name{CommonName: "x"}})
	tests := []struct{ name, input, want string }{
		{"no file", tlsInput(cert+"x", key, "", ""), "no such file"},
		{"another's key", tlsInput(cert, otherKey, "", ""), "private key does not match"},
		{"no ca file", tlsInput(cert, key, ca.file+"x", ""), "read ca"},
		{"a ca without a certificate", tlsInput(cert, key, key, ""), "there is no certificate in it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Listen(Config{Inputs: []string{test.input}}, newFakeSink())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "has certificates that cannot be used") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAClientThatNeverFinishesItsHandshakeHoldsNobodyUp(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.server(t, "server")
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{tlsInput(cert, key, "", "")}}, sink)
	silent := dial(t, r.Addrs()[0])
	half := dial(t, r.Addrs()[0])
	send(t, half, "\x16\x03\x01\x02\x00\x01")
	conn := tls.Client(dial(t, r.Addrs()[0]), ca.clientConfig(t, "", ""))
	send(t, conn, "11 <13>app: ab<13>app: c\n")
	if got := sink.wait(t, 2); got[0].Message != "ab" || got[1].Message != "c" {
		t.Errorf("got %+v", got)
	}
	// Both are still in their handshake: the end of the receiver ends that.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{silent, half} {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("an unfinished handshake is answered")
		}
	}
}

func TestAHandshakeEndsInTime(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.server(t, "server")
	synctest.Test(t, func(t *testing.T) {
		in, _ := testInput(t, tlsInput(cert, key, "", ""))
		serve, err := in.overTLS(func(context.Context, net.Conn, *peer) { t.Error("served without a handshake") })
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			serve(context.Background(), ours, newPeer(sender{}))
		}()
		// A byte now and then does not help.
		for _, b := range []byte("\x16\x03\x01") {
			if _, err := theirs.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
		}
		if isClosed(ended) {
			t.Fatal("closed too early")
		}
		time.Sleep(defaultHandshakeWithin - 9*time.Second + time.Millisecond)
		if !isClosed(ended) {
			t.Error("still shaking hands")
		}
		_ = theirs.Close()
	})
}
