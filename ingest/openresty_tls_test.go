package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// luaOverTLS starts an input with a certificate that the one authority has
// signed, and nginx with the Lua client that sends there and trusts the other.
func luaOverTLS(t *testing.T, options string, ca, trusted *authority) (*fakeSink, luaPeer) {
	t.Helper()
	cert, key := ca.server(t, "server")
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{tlsInput(cert, key, "", "")}}, sink)
	_, port := hostPort(t, r.Addrs()[0])
	peer := startLuaWith(t, fmt.Sprintf(`host = "127.0.0.1", port = %s, ssl = true, instance = "socketserver/dev1", %s`, port, options),
		"lua_ssl_trusted_certificate "+readable(t, trusted.file)+";", 1)
	return sink, peer
}

// readable copies a file to where nginx's workers, which are somebody else,
// can read it.
func readable(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(socketPath(t))
	file = filepath.Join(dir, filepath.Base(file))
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(file, text, 0o644)); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheLuaClientSendsOverTLSToAReceiverThatItHasVerified(t *testing.T) {
	const count = 2000
	ca := newAuthority(t)
	sink, peer := luaOverTLS(t, `sni_host = "collector"`, ca, ca)
	get(t, peer.socket, fmt.Sprintf("/burst?n=%d&pad=100&text=message", count))
	get(t, peer.socket, "/large?n=20000")
	await(t, sink, "中中中")
	next := 1
	for _, e := range sink.wait(t, count+3) { // init, init_worker and the large one
		if !strings.HasPrefix(e.Input, "tls://") || e.Flags != 0 || e.Format != index.FormatRFC5424 || e.Instance != "socketserver/dev1" {
			t.Fatalf("got %+v", e)
		}
		var i int
		if _, err := fmt.Sscanf(e.Message, "message %d", &i); err != nil {
			continue
		}
		if i != next || !strings.HasSuffix(e.Message, strings.Repeat("x", 100)) {
			t.Fatalf("got %.200q, want message %d", e.Message, next)
		}
		next++
	}
	if next != count+1 {
		t.Errorf("got %d messages, want %d", next-1, count)
	}
}

func TestTheLuaClientSendsNothingToAReceiverThatItCannotVerify(t *testing.T) {
	tests := []struct {
		name, options string
		stranger      bool // the receiver's certificate is another authority's
		want          string
	}{
		{"another authority", `sni_host = "collector"`, true, "certificate verify error"},
		{"another name", `sni_host = "elsewhere"`, false, "does not match host"},
		{"no name but the address", ``, false, "does not match host"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ca := newAuthority(t)
			trusted := ca
			if test.stranger {
				trusted = newAuthority(t)
			}
			sink, peer := luaOverTLS(t, `retry_interval = 10, `+test.options, ca, trusted)
			get(t, peer.socket, "/burst?n=10&text=secret")
			awaitText(t, filepath.Join(peer.dir, "error.log"), "messages are waiting")
			text, err := os.ReadFile(filepath.Join(peer.dir, "error.log"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), "tagtail: cannot send to 127.0.0.1:") || !strings.Contains(string(text), test.want) {
				t.Errorf("nginx's log does not say %q:\n%s", test.want, text)
			}
			if strings.Contains(string(text), "assertion") {
				t.Errorf("nginx's log has an assertion:\n%s", text)
			}
			sink.mu.Lock()
			defer sink.mu.Unlock()
			if len(sink.entries) > 0 {
				t.Errorf("got %+v", sink.entries)
			}
		})
	}
}

// awaitText waits until the file holds the text.
func awaitText(t *testing.T, path, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pause := backoff{most: 50 * time.Millisecond}
	for {
		got, err := os.ReadFile(path)
		if strings.Contains(string(got), text) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s (%v) does not say %q:\n%s", path, err, text, got)
		}
		pause.wait(ctx)
	}
}
