package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/static/browsertest"
)

// counters are what the API says of an input, and /metrics by other names.
type counters struct {
	Input         string
	Received      uint64
	Dropped       uint64
	KernelDropped uint64 `json:"kernel_dropped"`
	Suppressed    uint64
}

// api asks a server as its administrator.
func api(t *testing.T, at endpoint, dir, path string) []byte {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(dir, "tagtail-data", "token"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.Server+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v: %s", path, response.Status, err, body)
	}
	return body
}

// untilCounted asks for an input's counters until they are as wanted, and stay
// so.
func untilCounted(t *testing.T, at endpoint, dir, input string, wanted func(counters) bool) counters {
	t.Helper()
	var got, last counters
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var answer struct{ Inputs []counters }
		if err := json.Unmarshal(api(t, at, dir, "/api/v1/instances"), &answer); err != nil {
			t.Fatal(err)
		}
		for _, in := range answer.Inputs {
			if in.Input == input {
				got, last = in, got
			}
		}
		if got == last && wanted(got) {
			return got
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the counters of %s never were as wanted; last they were %+v", input, got)
	return got
}

// metricsOf reads the counters of an input from /metrics.
func metricsOf(t *testing.T, text []byte, input string) counters {
	t.Helper()
	got := counters{Input: input}
	for name, value := range map[string]*uint64{
		"received": &got.Received, "dropped": &got.Dropped, "kernel_dropped": &got.KernelDropped, "suppressed": &got.Suppressed,
	} {
		name = "tagtail_input_" + name + "_total"
		if !bytes.Contains(text, []byte("\n# TYPE "+name+" counter\n")) {
			t.Errorf("%s is no counter", name)
		}
		_, rest, found := bytes.Cut(text, fmt.Appendf(nil, "\n%s{input=%q} ", name, input))
		var number float64
		if _, err := fmt.Sscan(string(rest[:min(len(rest), 30)]), &number); !found || err != nil {
			t.Errorf("%s of %s: %v", name, input, err)
		}
		*value = uint64(number)
	}
	return got
}

// inputAt is the listener of a scheme, and a connection to it.
func inputAt(t *testing.T, at endpoint, scheme string) (string, net.Conn) {
	t.Helper()
	for _, listener := range at.Syslog {
		u, err := url.Parse(listener)
		if err != nil {
			t.Fatal(err)
		}
		if u.Scheme != scheme {
			continue
		}
		conn, err := net.Dial(scheme, u.Host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return listener, conn
	}
	t.Fatalf("no %s among %v", scheme, at.Syslog)
	return "", nil
}

func TestLossesAreSeenOnThePageInTheAPIAndInTheMetrics(t *testing.T) {
	const sent, lines = 4000, 20
	dir := t.TempDir()
	file := writeFile(t, "tagtail.yaml", "rate_limit: {per_second: 1, burst: 1}\n")
	server, at := startServer(t, serverOptions{dir: dir, args: []string{"--config", file}})
	t.Cleanup(server.kill)
	udp, datagrams := inputAt(t, at, "udp")
	tcp, stream := inputAt(t, at, "tcp")

	// A server that does not run for a while loses what its socket cannot hold:
	// 240 MB.
	if err := server.process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	message := "<14>flood: " + strings.Repeat("x", 60_000)
	for range sent {
		if _, err := io.WriteString(datagrams, message); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stream, strings.Repeat("<14>web_dev1: too much\n", lines)); err != nil {
		t.Fatal(err)
	}

	lost := untilCounted(t, at, dir, udp, func(c counters) bool { return c.Received+c.Dropped+c.KernelDropped == sent })
	if lost.KernelDropped == 0 {
		t.Errorf("got %+v, want some that the kernel dropped", lost)
	}
	limited := untilCounted(t, at, dir, tcp, func(c counters) bool { return c.Received == lines && c.Suppressed > 0 })
	metrics := api(t, at, dir, "/metrics")
	for _, want := range []counters{lost, limited} {
		if diff := cmp.Diff(want, metricsOf(t, metrics, want.Input)); diff != "" {
			t.Errorf("/metrics (-instances +metrics):\n%s", diff)
		}
	}
	checkLossesOnThePage(t, server, udp)
}

// checkLossesOnThePage looks for what is said of losses in the list, in the
// details and beside the inputs.
func checkLossesOnThePage(t *testing.T, server *testServer, udp string) {
	t.Helper()
	b := browsertest.Open(t, "en")
	b.Go(server.link())
	row := func(class, text, input string) string {
		return fmt.Sprintf(`[...document.querySelectorAll('.row%s .c-msg')].some((cell) =>
			/\d+ messages %s between \S+Z and \S+Z/.test(cell.textContent) && cell.textContent.includes(%q))`, class, text, input)
	}
	b.Await(row(".lost.sev-warning", "lost", "("+udp+")"))
	b.Await(row(".lost.sev-warning", "suppressed", "(limit 1/s)"))
	b.Await(`document.querySelectorAll('.row[data-seq]:not(.lost)').length > 0`)
	b.Await(fmt.Sprintf(`[...document.querySelectorAll('.rail-inputs li')].some((item) =>
		item.textContent.includes(%q) && /[\d,]+ messages? lost/.test(item.textContent))`, udp))
	b.Await(`[...document.querySelectorAll('.rail-inputs li')].some((item) =>
		item.textContent.includes('tcp://') && /\d+ messages? over a rate limit/.test(item.textContent))`)
	b.Shoot("losses")
	search(b, `is:lost "messages lost"`)
	b.Await(`document.querySelectorAll('.row[data-seq]').length > 0 && document.querySelectorAll('.row[data-seq]:not(.lost)').length === 0`)
	b.Key("\x1b")
	b.Key("G\r")
	b.Await(`document.querySelector('#drawer .warn')?.textContent === 'Messages were lost here.'`)
}
