package viewer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

// Each of these tests fails if the guard that it is about is removed.

const otherSite = "another site's page"

func TestNoRouteChangesAnythingForAnotherSite(t *testing.T) {
	ts := team(t, nil)
	cookie := []string{"Cookie", ts.cookieName() + "=" + newSession(t, ts.Server, "boss")}
	token := []string{"Authorization", "Bearer " + adminToken}
	checked := 0
	for _, r := range ts.routes() {
		if r.method == http.MethodGet {
			continue
		}
		checked++
		for _, header := range [][]string{
			append(cookie, "Sec-Fetch-Site", "cross-site"), append(cookie, "Sec-Fetch-Site", "same-site"),
			append(cookie, "Origin", "https://evil.example"), append(cookie, "Origin", "null"), append(token, "Origin", "https://evil.example"),
		} {
			path, body := ofDev1Request(t, ts, r)
			got := ts.do(t, r.method, path, body, header...)
			if got.status != 403 || !strings.Contains(got.detail(t), otherSite) || got.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s with %v = %d %s, want 403", r.method, r.path, header[2:], got.status, got.body)
			}
		}
	}
	if checked < 20 {
		t.Errorf("%d routes change something, want more", checked)
	}
}

func TestNoSocketIsOpenedForAnotherSite(t *testing.T) {
	ts := team(t, nil)
	cookie := ts.cookieName() + "=" + newSession(t, ts.Server, "boss")
	if _, err := ts.controls.(*fakeDeployer).Do("socketserver/dev1", "reload", "dev1"); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, r := range ts.routes() {
		if !r.socket {
			continue
		}
		checked++
		path, _ := ofDev1Request(t, ts, r)
		for _, origin := range []string{"https://evil.example", "null", ts.url + ".evil.example"} {
			_, res, err := ts.dial(t, path, "Cookie", cookie, "Origin", origin)
			if err == nil || res == nil || res.StatusCode != 403 {
				t.Errorf("%s from %s: %v, %v, want 403", r.path, origin, res, err)
			}
		}
		c, _, err := ts.dial(t, path, "Cookie", cookie, "Origin", ts.url)
		if err != nil {
			t.Errorf("%s from our own page: %v", r.path, err)
			continue
		}
		closeTest(t, c)
	}
	if checked < 3 {
		t.Errorf("%d routes are WebSockets, want more", checked)
	}
}

func TestNoAnswerCanBeFramed(t *testing.T) {
	ts := team(t, nil)
	pages := 0
	for _, r := range ts.routes() {
		path, body := ofDev1Request(t, ts, r)
		for _, header := range [][]string{nil, {"Authorization", "Bearer " + adminToken}} {
			got := ts.do(t, r.method, path, body, header...)
			if policy := got.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") {
				t.Errorf("%s %s = %d with the policy %q", r.method, r.path, got.status, policy)
			}
			if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
				pages++
			}
		}
	}
	if pages < 3 {
		t.Errorf("%d answers are pages, want the page and the login", pages)
	}
}

// Whoever has put a session into somebody's browser must not share it afterwards.
func TestALogInBeginsASessionOfItsOwn(t *testing.T) {
	ts := startTest(t, 0)
	newPerson(t, ts.Server, "dev1", accounts.Developer, tokens.Push)
	newPerson(t, ts.Server, "evil", accounts.Developer, tokens.Push)
	if _, err := ts.accounts.SetPassword("dev1", "the right password", time.Now()); err != nil {
		t.Fatal(err)
	}
	for name, fixed := range map[string]string{"made up": strings.Repeat("A", 43), "the attacker's own": newSession(t, ts.Server, "evil"), "the person's own": newSession(t, ts.Server, "dev1")} {
		planted := ts.cookieName() + "=" + fixed
		got := ts.do(t, "POST", "/api/v1/login", `{"name":"dev1","password":"the right password"}`, "Cookie", planted)
		if cookie := cookieOf(t, got); got.status != 204 || cookie.Value == fixed || len(cookie.Value) < 40 {
			t.Errorf("%s: logged in with %d and the session %s, want a new one", name, got.status, cookie.Value)
		}
		if got := ts.do(t, "GET", "/api/v1/me", "", "Cookie", planted); got.status != 401 {
			t.Errorf("%s: the session from before is answered %d %s, want 401", name, got.status, got.body)
		}
	}
}

// What somebody writes into an address ends up in no header, no log line and no
// path of its own.
func TestNothingInAnAddressBecomesAHeaderOrALine(t *testing.T) {
	var log lockedBuffer
	ts := team(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	const auth = "Authorization: Bearer " + adminToken
	for _, r := range ts.routes() {
		for _, evil := range []string{"a%0d%0aX-Injected:%20yes", "a%0aX-Injected:%20yes", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc", "a%00b", "a%e2%80%a8b"} {
			path := strings.NewReplacer(":service", evil, ":owner", evil, ":action", evil, ":id", evil, ":order", evil,
				":number", evil, ":seq", evil, ":scope", evil, ":name", evil, ":repo", evil, "*", evil).Replace(r.path)
			path += "?q=" + evil + "&i=" + evil + "&fmt=" + evil + "&next=" + evil + "&instance=" + evil + "&filename=" + evil + "&from=" + evil
			res := ts.raw(t, fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", r.method, path, auth))
			for name, values := range res.Header {
				if name == "X-Injected" || strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
					t.Errorf("%s %s has the header %s: %q", r.method, path, name, values)
				}
			}
			if body, _ := io.ReadAll(res.Body); res.StatusCode >= 500 && res.StatusCode != 503 || bytes.Contains(body, []byte("root:")) {
				t.Errorf("%s %s = %d %.200s", r.method, path, res.StatusCode, body)
			}
			if next, err := url.Parse(res.Header.Get("Location")); err != nil || next.Scheme != "" || next.Host != "" {
				t.Errorf("%s %s leads to %s, %v", r.method, path, next, err)
			}
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(log.String()), "\n") {
		if !strings.HasPrefix(line, "time=") {
			t.Fatalf("the log has the line %q", line)
		}
	}
}

// lockedBuffer is written to by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// No route reads more than its limit, whether or not the length is told before.
func TestNoRouteTakesMoreThanItsLimit(t *testing.T) {
	ts := team(t, nil)
	for _, r := range ts.routes() {
		if r.method != http.MethodPost && r.method != http.MethodPut || r.access == gitUser {
			continue // which has limits of its own
		}
		limit := max(r.maxBody, maxBodyBytes)
		path, _ := ofDev1Request(t, ts, r)
		big := `{"x":"` + strings.Repeat("x", int(limit)) + `"}`
		for _, chunked := range []bool{false, true} {
			var body io.Reader = strings.NewReader(big)
			if chunked {
				body = io.MultiReader(body)
			}
			req, err := http.NewRequest(r.method, ts.url+path, body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+adminToken)
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Errorf("%s %s: %v", r.method, r.path, err)
				continue
			}
			answer, _ := io.ReadAll(res.Body)
			closeTest(t, res.Body)
			// Who reads no body has nothing to refuse.
			if ignored := chunked && res.StatusCode < 300; res.StatusCode != 413 && !ignored {
				t.Errorf("%s %s, chunked %t: %d bytes are answered %d %.200s, want 413", r.method, r.path, chunked, len(big), res.StatusCode, answer)
			}
		}
	}
}

// slowTest serves over pipes, where hours take no time.
func slowTest(t *testing.T, test func(s *Server, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := listenTest(t, testConfig(t, newFakeLogs(3)))
		pipes := newPipeListener()
		served := make(chan error, 1)
		go func() { served <- s.http.Serve(pipes) }()
		test(s, func() net.Conn {
			conn, err := pipes.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			return conn
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestSlowSendersAreCutOffAndOthersAreServed(t *testing.T) {
	for name, tt := range map[string]struct {
		start  string
		within time.Duration
	}{
		"nothing at all":    {"", readHeaderTimeout},
		"a slow header":     {"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Slow: ", readHeaderTimeout},
		"a slow body":       {"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n", readTimeout},
		"slow ingest":       {"POST /api/v1/ingest HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + adminToken + "\r\nContent-Length: 10000\r\n\r\n", readTimeout},
		"a slow push":       {"POST /git/x/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n", readTimeout},
		"an idle keepalive": {"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			slowTest(t, func(_ *Server, dial func() net.Conn) {
				slow := dial()
				began := time.Now()
				ended := make(chan time.Duration, 1)
				go func() {
					_, _ = io.Copy(io.Discard, slow)
					ended <- time.Since(began)
				}()
				var sender sync.WaitGroup
				sender.Go(func() { // a byte a second, for ever
					_, err := io.WriteString(slow, tt.start)
					for err == nil && tt.within != idleTimeout && tt.start != "" {
						time.Sleep(time.Second)
						_, err = io.WriteString(slow, "x")
					}
				})
				time.Sleep(5 * time.Second)
				other := dial()
				if _, err := io.WriteString(other, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if res, err := http.ReadResponse(bufio.NewReader(other), nil); err != nil || res.StatusCode != 200 {
					t.Errorf("beside it another is answered %v, %v", res, err)
				}
				closeTest(t, other)
				if took := <-ended; took > tt.within+time.Second {
					t.Errorf("it is cut off after %v, want %v", took, tt.within)
				}
				closeTest(t, slow)
				sender.Wait()
			})
		})
	}
}

func TestSlowReadersAreCutOff(t *testing.T) {
	slowTest(t, func(_ *Server, dial func() net.Conn) {
		slow := dial()
		began := time.Now()
		if _, err := io.WriteString(slow, "GET /static/js/app.js HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeTimeout + time.Second)
		// What was written before it was cut off is nothing: a pipe holds none.
		if n, err := io.Copy(io.Discard, slow); n > 0 {
			t.Errorf("after %v there are %d bytes, %v, want it cut off", time.Since(began), n, err)
		}
		closeTest(t, slow)
	})
}

// A storm from one address and from many, on one name: the passwords that are
// compared are bounded, and whoever is elsewhere logs in meanwhile.
func TestALogInStormIsBoundedAndKeepsNobodyOut(t *testing.T) {
	newGuessing := func() *guessing {
		return &guessing{clients: &failures{}, names: failures{free: freeNameFailures}, room: make(chan struct{}, maxGuesses)}
	}
	nobody := func() (bool, error) { return false, nil }
	t.Run("one address, all at once", func(t *testing.T) {
		g, let := newGuessing(), 0
		for range 1000 {
			if _, err := g.begin("evil", "dev1", nobody, someTime); err == nil {
				let++
			}
		}
		if let != freeFailures {
			t.Errorf("%d guesses of one address are compared at once, want %d", let, freeFailures)
		}
		if try, err := g.begin("good", "dev2", nobody, someTime); err != nil {
			t.Errorf("another address: %v", err)
		} else {
			try.end(true, nil, someTime)
		}
	})
	t.Run("many addresses, one name", func(t *testing.T) {
		g, let := newGuessing(), 0
		for i := range 1000 {
			try, err := g.begin(fmt.Sprint("evil", i), "dev1", nobody, someTime)
			if err == nil {
				let++
				try.end(false, nil, someTime)
			}
		}
		if let != freeNameFailures {
			t.Errorf("%d passwords of one person are tried at once, want %d", let, freeNameFailures)
		}
		if _, err := g.begin("good", "dev1", func() (bool, error) { return true, nil }, someTime); err != nil {
			t.Errorf("the person themselves, where they are logged in: %v", err)
		}
		if _, err := g.begin("good", "dev2", nobody, someTime); err != nil {
			t.Errorf("another person: %v", err)
		}
	})
	t.Run("many addresses, many names", func(t *testing.T) {
		g, let := newGuessing(), 0
		for i := range 1000 {
			_, err := g.begin(fmt.Sprint("evil", i), fmt.Sprint("name", i), nobody, someTime)
			var p *problem
			if err == nil {
				let++
			} else if !errors.As(err, &p) || p.Status != 503 || p.retry != 1 {
				t.Fatalf("guess %d: %v, want 503 and to try again in a second", i, err)
			}
		}
		if let != maxGuesses {
			t.Errorf("%d passwords are compared at once, want %d", let, maxGuesses)
		}
	})
	t.Run("through the server", func(t *testing.T) {
		ts := startTest(t, 0)
		newPerson(t, ts.Server, "dev1", accounts.Developer, tokens.Push)
		if _, err := ts.accounts.SetPassword("dev1", "the right password", time.Now()); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		answers := make(map[int]int)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				res, err := http.Post(ts.url+"/api/v1/login", "application/json", strings.NewReader(`{"name":"dev1","password":"some wrong password"}`))
				if err != nil {
					t.Error(err)
					return
				}
				closeTest(t, res.Body)
				mu.Lock()
				defer mu.Unlock()
				answers[res.StatusCode]++
			})
		}
		wg.Wait()
		if answers[401] > freeFailures || answers[401]+answers[429] != 100 {
			t.Errorf("100 guesses at once are answered %v, want at most %d times 401, else 429", answers, freeFailures)
		}
		cookie := ts.cookieName() + "=" + newSession(t, ts.Server, "dev1")
		if got := ts.do(t, "GET", "/api/v1/me", "", "Cookie", cookie); got.status != 200 {
			t.Errorf("who is in already gets %d, want 200", got.status)
		}
	})
}

func TestAGuessIsCountedOnceAndRoomIsGivenBack(t *testing.T) {
	g := &guessing{clients: &failures{}, names: failures{free: freeNameFailures}, room: make(chan struct{}, 1)}
	nobody := func() (bool, error) { return false, nil }
	for i, tt := range []struct {
		ok   bool
		err  error
		left int
	}{{false, nil, 1}, {false, nil, 2}, {false, errors.New("disk"), 2}, {true, nil, 0}} {
		try, err := g.begin("a", "dev1", nobody, someTime)
		if err != nil {
			t.Fatalf("guess %d: %v", i, err)
		}
		try.end(tt.ok, tt.err, someTime)
		if got := g.clients.client["a"]; got.count != tt.left || got.pending != 0 {
			t.Errorf("after guess %d the address has %+v, want %d failures", i, got, tt.left)
		}
		if got := g.names.client["dev1"]; got.count != tt.left || got.pending != 0 {
			t.Errorf("after guess %d the name has %+v, want %d failures", i, got, tt.left)
		}
	}
	if len(g.clients.client)+len(g.names.client) != 0 {
		t.Errorf("after a success %v and %v are remembered", g.clients.client, g.names.client)
	}
}
