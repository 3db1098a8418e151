package viewer

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/tagtail/tagtail/deploy/push"
)

// TestMain is git's hook when git calls it by a hook's name, as it calls
// tagtail.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); slices.Contains(push.HookNames(), name) {
		os.Exit(push.Hook(context.Background(), name, os.Getenv(push.SocketVariable), os.Stdin, os.Stdout))
	}
	goleak.VerifyTestMain(m)
}

const adminToken = "correct-horse-battery-staple"

// testServer is a running Server and its fakes.
type testServer struct {
	*Server
	url      string
	logs     *fakeLogs
	deployer *fakeDeployer
	stop     func() error // ends Run and returns what it returned
}

func testConfig(t *testing.T, logs Logs) Config {
	t.Helper()
	return Config{
		Addr: "127.0.0.1:0", Logs: logs, AdminToken: adminToken,
		DataDir: t.TempDir(), Version: "1.2.3", Static: testPage(), Sink: &fakeSink{},
		Inputs: func() []InputStatus {
			return []InputStatus{{Input: "udp://127.0.0.1:5514", Received: 7, Dropped: 2, KernelDropped: 1, Suppressed: 5}}
		},
	}
}

func testPage() fstest.MapFS {
	return fstest.MapFS{
		"index.html":   {Data: []byte("<!doctype html><title>page</title>")},
		"login.html":   {Data: []byte("<!doctype html><title>login</title>")},
		"js/app.js":    {Data: []byte(strings.Repeat("export const one = 1;\n", 500))},
		"css/page.css": {Data: []byte("body{}")},
	}
}

func closeTest(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func listenTest(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// startTest runs a server with n entries until the test ends.
func startTest(t *testing.T, n int) *testServer {
	t.Helper()
	logs := newFakeLogs(n)
	return startConfig(t, testConfig(t, logs), logs)
}

// startConfig runs a server until the test ends.
func startConfig(t *testing.T, cfg Config, logs *fakeLogs) *testServer {
	t.Helper()
	s := listenTest(t, cfg)
	deployer := newFakeDeployer()
	s.controls = deployer
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	ts := &testServer{
		Server: s, url: "http://" + s.Addr().String(), logs: logs, deployer: deployer,
		stop: func() error {
			if stopped {
				return nil
			}
			stopped = true
			cancel()
			return <-ended
		},
	}
	t.Cleanup(func() {
		if err := ts.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return ts
}

// answerOf is an HTTP response that is read whole.
type answerOf struct {
	status int
	header http.Header
	body   []byte
}

// decode reads the body as JSON.
func (a answerOf) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %.200s", err, a.body)
	}
}

// detail is the sentence of a problem.
func (a answerOf) detail(t *testing.T) string {
	t.Helper()
	if got, want := a.header.Get("Content-Type"), "application/problem+json"; got != want {
		t.Errorf("content type = %q, want %q, of %d %.100s", got, want, a.status, a.body)
	}
	var p problem
	a.decode(t, &p)
	if p.Status != a.status || p.Title != http.StatusText(a.status) || p.Type != "about:blank" {
		t.Errorf("problem = %+v, want one of status %d", p, a.status)
	}
	return p.Detail
}

// do sends a request without credentials and holds the answer to the
// OpenAPI document.
func (ts *testServer) do(t *testing.T, method, path, body string, header ...string) answerOf {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, ts.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTest(t, res.Body)
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answerOf{res.StatusCode, res.Header, data}
	checkDocumented(t, method, req.URL.Path, a)
	return a
}

// get sends a GET with the admin token.
func (ts *testServer) get(t *testing.T, path string, header ...string) answerOf {
	t.Helper()
	return ts.do(t, http.MethodGet, path, "", append(header, "Authorization", "Bearer "+adminToken)...)
}

// post sends a POST with the admin token.
func (ts *testServer) post(t *testing.T, path, body string) answerOf {
	t.Helper()
	return ts.do(t, http.MethodPost, path, body, "Authorization", "Bearer "+adminToken)
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	good := testConfig(t, newFakeLogs(0))
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"address without port": {func(c *Config) { c.Addr = "localhost" }, `http address "localhost" is not HOST:PORT`},
		"no logs":              {func(c *Config) { c.Logs = nil }, "needs Logs"},
		"no page":              {func(c *Config) { c.Static = nil }, "Static"},
		"negative rate":        {func(c *Config) { c.IngestRate = -1 }, "rate of -1 lines a second"},
		"no data folder":       {func(c *Config) { c.DataDir = "" }, "DataDir"},
		"short token":          {func(c *Config) { c.AdminToken = "secret" }, "has 6 characters: use at least 16"},
		"token with a space":   {func(c *Config) { c.AdminToken = "sixteen characters" }, "printable ASCII"},
		"half a page":          {func(c *Config) { c.Static = fstest.MapFS{"index.html": {}} }, "login.html is missing"},
		"no such data folder":  {func(c *Config) { c.DataDir += "/none" }, "accounts.db"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := good
			tt.change(&cfg)
			s, err := Listen(cfg)
			if err == nil {
				t.Fatalf("Listen accepts it: %v", s.Close())
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %q, want %q in it", err, tt.want)
			}
		})
	}
}

func TestListenSaysThatThePortIsInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closeTest(t, taken)
	cfg := testConfig(t, newFakeLogs(0))
	cfg.Addr = taken.Addr().String()
	_, err = Listen(cfg)
	want := "listen on http address " + cfg.Addr + ": another program already uses this port: stop it, or choose another address"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestListenSaysThatTheDataFolderIsInUse(t *testing.T) {
	cfg := testConfig(t, newFakeLogs(0))
	listenTest(t, cfg)
	_, err := Listen(cfg)
	if err == nil || !strings.Contains(err.Error(), "another tagtail uses it") {
		t.Errorf("error = %v, want it to say that another tagtail uses the folder", err)
	}
}

func TestCloseEndsRunAndMayBeRepeated(t *testing.T) {
	s := listenTest(t, testConfig(t, newFakeLogs(0)))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestHealthAndReadiness(t *testing.T) {
	ts := startTest(t, 0)
	if got := ts.do(t, "GET", "/healthz", ""); got.status != 200 || string(got.body) != "ok\n" {
		t.Errorf("healthz = %d %q", got.status, got.body)
	}
	// Run is in another goroutine and may not have got so far.
	deadline := time.Now().Add(2 * time.Minute)
	for !ts.serving.Load() && time.Now().Before(deadline) {
		ts.do(t, "GET", "/healthz", "")
	}
	if got := ts.do(t, "GET", "/readyz", ""); got.status != 200 {
		t.Errorf("readyz = %d while serving", got.status)
	}
	ts.serving.Store(false)
	if got := ts.do(t, "GET", "/readyz", ""); got.status != 503 {
		t.Errorf("readyz = %d while stopping, want 503", got.status)
	}
}
