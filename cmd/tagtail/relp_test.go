package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// relpQueue is an rsyslogd that keeps on disk what RELP has not acknowledged:
// its folder, its socket, and the port of the receiver.
const relpQueue = `
global(workDirectory="%s" localHostname="relay")
module(load="imuxsock" SysSock.Use="off")
module(load="omrelp")
input(type="imuxsock" Socket="%s" UseSysTimeStamp="off" RateLimit.Interval="0")
action(type="omrelp" target="127.0.0.1" port="%s" template="RSYSLOG_ForwardFormat"
  action.resumeInterval="1" action.resumeRetryCount="-1"
  queue.type="Disk" queue.filename="relp" queue.saveOnShutdown="on" queue.maxDiskSpace="100m"
  queue.timeoutEnqueue="60000")
`

func TestEveryLineIsThereOnceOverRELPAlthoughTheServerIsKilledTenTimes(t *testing.T) {
	need(t, "rsyslogd")
	const lines, kills = 20_000, 10
	folder, port := t.TempDir(), freePort(t)
	serve := func() (*testServer, endpoint) {
		return startServer(t, serverOptions{dir: folder, args: []string{"--syslog", "relp://127.0.0.1:" + port}})
	}
	server, at := serve()
	conn := startRelay(t, port)
	sent := make(chan error, 1)
	go func() {
		for i := range lines {
			if _, err := fmt.Fprintf(conn, "<13>Nov 22 08:51:14 load: line %d", i); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for kill := range kills {
		awaitCount(t, at, (kill+1)*lines/(2*kills))
		server.kill()
		server, at = serve()
	}
	t.Cleanup(server.kill)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	awaitCount(t, at, lines)

	seen := make([]int, lines)
	for _, e := range allOf(t, at, "tag:=load") {
		number, _ := strings.CutPrefix(e.Message, "line ")
		if n, err := strconv.Atoi(number); err == nil && n < lines {
			seen[n]++
		}
	}
	for n, times := range seen {
		if times != 1 {
			t.Errorf("line %d is there %d times", n, times)
		}
	}
}

// startRelay runs rsyslogd until the test ends, and connects to it.
func startRelay(t *testing.T, port string) net.Conn {
	t.Helper()
	folder := t.TempDir()
	socket, conf := filepath.Join(folder, "in"), filepath.Join(folder, "conf")
	mustWrite(t, conf, fmt.Sprintf(relpQueue, folder, socket, port))
	cmd := exec.Command("rsyslogd", "-n", "-f", conf, "-i", filepath.Join(folder, "pid"))
	words := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = words, words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is told to end
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
			t.Logf("rsyslogd said:\n%s", words)
		}
	})
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if conn, err := net.Dial("unixgram", socket); err == nil {
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
		select {
		case <-ended:
			t.Fatalf("rsyslogd ended: %s", words)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatal("rsyslogd does not listen")
	return nil
}

// awaitCount waits until so many lines of load are there.
func awaitCount(t *testing.T, at endpoint, want int) {
	t.Helper()
	const longPatience = 4 * patience
	var answer struct{ Count int }
	c := testClient(t, at)
	for end := time.Now().Add(longPatience); time.Now().Before(end); {
		u := c.api("count", url.Values{"q": {"tag:=load"}})
		if err := c.do(t.Context(), http.MethodGet, u, &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Count >= want {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%d lines are there after %v, want %d", answer.Count, longPatience, want)
}

// allOf returns every entry that matches.
func allOf(t *testing.T, at endpoint, query string) []index.Entry {
	t.Helper()
	cmd := newSearchCommand(streams{os.Stdin, os.Stdout, os.Stderr})
	cmd.SetContext(t.Context())
	entries, _, err := testClient(t, at).search(cmd, url.Values{"q": {query}}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func testClient(t *testing.T, at endpoint) *client {
	t.Helper()
	u, err := url.Parse(at.Server)
	if err != nil {
		t.Fatal(err)
	}
	return &client{server: u, token: at.Token, http: http.DefaultClient}
}
