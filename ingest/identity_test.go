package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

func TestACertificateProvesTheInstance(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.server(t, "server")
	byName := func(name string) *tls.Config {
		cert, key := ca.issue(t, name, x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name + ".example"}})
		return ca.clientConfig(t, cert, key)
	}
	byPrint, byPrintKey := ca.issue(t, "print", x509.Certificate{DNSNames: []string{"anything"}})
	options := "?cert=" + url.QueryEscape(cert) + "&key=" + url.QueryEscape(key) + "&ca=" + url.QueryEscape(ca.file) + "&client=optional"
	sink := newFakeSink()
	r := start(t, Config{
		Inputs: []string{"tls://127.0.0.1:0" + options, "tls://127.0.0.1:0" + options + "&trust=claims&allow=dev1"},
		Instances: []Instance{
			{Name: "web/dev1", Certs: []string{"DEV1.example"}},
			{Name: "web/dev2", Certs: []string{"sha256:" + fingerprintOf(t, byPrint)}},
			{Name: "web/dev3"}, {Name: "chat/dev1"},
		},
	}, sink)
	plain, relays := r.Addrs()[0], r.Addrs()[1]
	for i, test := range []struct {
		name   string
		addr   net.Addr
		config *tls.Config
		tag    string
		want   string
	}{
		{"a name", plain, byName("dev1"), "nginx", "web/dev1 by cert"},
		{"a name and a forged tag", plain, byName("dev1"), "web_dev3", "web/dev1 by cert, contradicts"},
		{"a fingerprint", plain, ca.clientConfig(t, byPrint, byPrintKey), "nginx", "web/dev2 by cert"},
		{"a stranger's name", plain, byName("stranger"), "web_dev3", "web/dev3 by content"},
		{"none", plain, ca.clientConfig(t, "", ""), "web_dev3", "web/dev3 by content"},
		{"a relay", relays, byName("relay"), "chat_dev1", "chat/dev1 by cert"},
		{"a relay for others than it may", relays, byName("relay"), "web_dev3", "unassigned by , contradicts"},
		{"no relay", relays, ca.clientConfig(t, "", ""), "chat_dev1", "chat/dev1 by content"},
	} {
		conn, err := tls.Dial("tcp", test.addr.String(), test.config)
		if err != nil {
			t.Fatal(err)
		}
		send(t, conn, "<13>"+test.tag+": x\n")
		e := sink.wait(t, i+1)[i]
		if got := identified(&e); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAStreamIsItsUsersWhateverItSays(t *testing.T) {
	needRoot(t)
	python := program(t, "/usr/bin/python3")
	path := openSocketPath(t)
	sink := newFakeSink()
	start(t, Config{
		Inputs:    []string{"unix://" + path},
		Instances: []Instance{{Name: "web/dev1", UIDs: []int{2001}}, {Name: "web/dev2", UIDs: []int{2002}}},
	}, sink)
	for i, uid := range []int{2001, 2002} {
		cmd := exec.Command(python, "-c", `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.send(b"<13>web_dev1: x\n")
`, path)
		asUser(cmd, uid)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		e := sink.wait(t, i+1)[i]
		if got, want := identified(&e), []string{"web/dev1 by creds", "web/dev2 by creds, contradicts"}[i]; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTokensInMessagesAreNeverStored(t *testing.T) {
	const secret = "0123456789-very-secret"
	sink := newFakeSink()
	r := start(t, Config{
		Inputs:    []string{"tcp://127.0.0.1:0"},
		Instances: []Instance{{Name: "web/dev1", Tokens: []Token{secret}}, {Name: "web/dev2"}},
	}, sink)
	conn := dial(t, r.Addrs()[0])
	for i, test := range []struct{ line, want string }{
		{`<13>1 2026-11-22T08:51:14Z h web_dev1 - - [tagtail@32473 key="` + secret + `"] x`, "web/dev1 by token"},
		{`<13>1 2026-11-22T08:51:14Z h web_dev2 - - [a b="c"][tagtail@32473 key="` + secret + `"] x`, "web/dev1 by token, contradicts"},
		{`<13>Nov 22 08:51:14 h any: [tagtail@32473 key="` + secret + `"] x`, "web/dev1 by token"},
		{`<13>1 2026-99-99T08:51:14Z h web_dev1 - - [tagtail@32473 key="` + secret + `"] x`, ""},
		{`<999>1 - h web_dev1 - - [tagtail@32473 key="` + secret + `"] x`, ""},
		{`<13>1 2026-11-22T08:51:14Z h web_dev1 - - [tagtail@32473 key="` + secret, ""},
	} {
		send(t, conn, test.line+"\n")
		e := sink.wait(t, i+1)[i]
		if got := identified(&e); test.want != "" && got != test.want {
			t.Errorf("%s: got %s, want %s", test.line, got, test.want)
		}
		if text := string(e.AppendJSON(nil)); strings.Contains(text, "very-secret") {
			t.Errorf("%s is stored as %s", test.line, text)
		}
	}
	if s := r.Stats()[0]; s.Received != 6 {
		t.Errorf("got %+v", s)
	}
}
