package main

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// patience bounds how long a test waits for something that happens soon.
const patience = 2 * time.Minute

// fataler is testing.T or testscript.TestScript.
type fataler interface {
	Fatalf(format string, args ...any)
}

// serverOptions say how to start a testServer.
type serverOptions struct {
	command string   // serve or demo; empty means serve
	dir     string   // working directory; the data is in tagtail-data there
	args    []string // further flags
	env     []string // further variables
	wrapper []string // a program to run it by, such as unshare
}

// testServer is a tagtail serve that runs as a process of its own.
type testServer struct {
	process *os.Process
	words   *lockedBuffer
	exited  chan struct{}
	err     error // how it ended; valid when exited is closed
}

// startServer starts a server on free ports and waits until it is ready.
func startServer(t fataler, opts serverOptions) (*testServer, endpoint) {
	data := filepath.Join(opts.dir, "tagtail-data")
	program, err := exec.LookPath("tagtail")
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.RemoveAll(filepath.Join(data, clientFile)); err != nil {
		t.Fatalf("%v", err)
	}
	if opts.command == "" {
		opts.command = "serve"
	}
	argv := append(opts.wrapper[:len(opts.wrapper):len(opts.wrapper)], program,
		opts.command, "--data", data, "--http", "127.0.0.1:0", "--syslog", "udp://127.0.0.1:0", "--syslog", "tcp://127.0.0.1:0",
		"--syslog", "unixgram://"+filepath.Join(data, "log.sock"))
	cmd := exec.Command(argv[0], append(argv[1:], opts.args...)...)
	cmd.Dir = opts.dir
	cmd.Env = append(append(os.Environ(), "TZ=UTC"), opts.env...)
	words := new(lockedBuffer)
	cmd.Stderr = words
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v", err)
	}
	s := &testServer{process: cmd.Process, words: words, exited: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		close(s.exited)
	}()
	return s, s.waitReady(t, data)
}

// waitReady waits until the server has said where it is and answers there.
func (s *testServer) waitReady(t fataler, data string) endpoint {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		select {
		case <-s.exited:
			t.Fatalf("serve ended before it was ready: %v\n%s", s.err, s.words)
		case <-time.After(10 * time.Millisecond):
		}
		at, err := readEndpoint(data)
		if err != nil {
			continue
		}
		response, err := client.Get(at.Server + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return at
		}
	}
	s.kill()
	t.Fatalf("serve was not ready after %v\n%s", patience, s.words)
	return endpoint{}
}

// stop ends the server as Ctrl-C would.
func (s *testServer) stop(t fataler) {
	if err := s.process.Signal(os.Interrupt); err != nil {
		t.Fatalf("interrupt serve: %v", err)
	}
	select {
	case <-s.exited:
		if s.err != nil {
			t.Fatalf("serve ended with %v\n%s", s.err, s.words)
		}
	case <-time.After(patience):
		s.kill()
		t.Fatalf("serve did not end within %v\n%s", patience, s.words)
	}
}

// kill ends the server as kill -9 would.
func (s *testServer) kill() {
	_ = s.process.Kill() // it may have ended
	<-s.exited
}

var loginLink = regexp.MustCompile(`https?://\S+/login#\S+`)

// link is the login link that the server printed at its start.
func (s *testServer) link() string { return loginLink.FindString(s.words.String()) }

// lockedBuffer is a bytes.Buffer for a writer and readers at the same time.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
