package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// luaConf is for fmt.Sprintf with the folder of the Lua client, the options of
// init, the socket of HTTP, more directives, and the number of workers.
const luaConf = `
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off; worker_processes %[5]d; pid nginx.pid; worker_shutdown_timeout 10s;
error_log error.log warn;
events { worker_connections 512; }
http {
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  access_log off;
  lua_package_path "%[1]s/?.lua;;";
  %[4]s
  init_by_lua_block {
    local logger = require "resty.tagtail"
    assert(logger.init { %[2]s })
    logger.notice("phase init")
  }
  init_worker_by_lua_block { require("resty.tagtail").notice("phase init_worker") }
  server {
    listen unix:%[3]s;
    location /burst { content_by_lua_block {
      local logger, refused = require "resty.tagtail", 0
      local pad = string.rep("x", tonumber(ngx.var.arg_pad or 0))
      for i = 1, tonumber(ngx.var.arg_n) do
        local taken, err = logger.info(ngx.var.arg_text, " ", i, " ", pad)
        if taken == 0 then refused = refused + 1 end
      end
      ngx.say("refused=", refused)
    } }
    location /phases {
      set_by_lua_block $x { require("resty.tagtail").info("phase set") return 1 }
      rewrite_by_lua_block { require("resty.tagtail").info("phase rewrite") }
      access_by_lua_block { require("resty.tagtail").info("phase access") }
      content_by_lua_block { require("resty.tagtail").info("phase content") ngx.say("ok") }
      header_filter_by_lua_block { require("resty.tagtail").info("phase header_filter") }
      log_by_lua_block { require("resty.tagtail").info("phase log") }
    }
    location /levels { content_by_lua_block {
      local logger = require "resty.tagtail"
      for _, name in ipairs { "emerg", "alert", "crit", "err", "warn", "notice", "info", "debug" } do
        logger[name](name, " ", 1, " ", nil, " ", true, "\n")
      end
      ngx.say("ok")
    } }
    location /dropin { content_by_lua_block {
      local logger = require "resty.tagtail"
      assert(logger.initted())
      logger.log("<134>1 2015-01-06T20:07:10.000000+08:00 HOSTNAME team_dev1 APP-NAME 9999 - - composed \n")
      logger.log("two\nlines, 中文\n")
      assert(logger.flush())
      ngx.say("ok")
    } }
    location /uncached { content_by_lua_block {
      local logger = require "resty.tagtail"
      if not logger.initted() then assert(logger.init { %[2]s }) end
      logger.info("uncached ", ngx.var.arg_n)
      ngx.say("ok")
    } }
    location /large { content_by_lua_block {
      require("resty.tagtail").err(string.rep("中", tonumber(ngx.var.arg_n)))
      ngx.say("ok")
    } }
  }
}
`

// luaPeer is an nginx with the Lua client in it.
type luaPeer struct {
	dir, socket string
}

// startLua runs nginx with the given options of init and one worker until the
// test ends.
func startLua(t *testing.T, options string) luaPeer {
	t.Helper()
	return startLuaWith(t, options, "", 1)
}

// startLuaWith does so with more directives and workers.
func startLuaWith(t *testing.T, options, directives string, workers int) luaPeer {
	t.Helper()
	dir := filepath.Dir(socketPath(t))
	// Workers of an nginx that was started by root are somebody else.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(dir, "lib")
	if err := os.CopyFS(lib, os.DirFS("../deploy/openresty/lib")); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "http.sock")
	startNginx(t, dir, fmt.Sprintf(luaConf, lib, options, socket, directives, workers))
	t.Cleanup(func() {
		text, err := os.ReadFile(filepath.Join(dir, "error.log"))
		if t.Failed() {
			t.Logf("nginx's log (%v):\n%s", err, text)
		}
	})
	waitForSocket(t, socket)
	return luaPeer{dir: dir, socket: socket}
}

// waitForSocket waits until somebody answers there.
func waitForSocket(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pause := backoff{}
	for {
		conn, err := net.Dial("unix", path)
		if err == nil {
			_ = conn.Close()
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("nobody answers at %s: %v", path, err)
		}
		pause.wait(ctx)
	}
}

// relay accepts on a unix stream socket and passes the bytes to a TCP address,
// until the test ends. It returns the socket's path.
func relay(t *testing.T, to net.Addr) string {
	t.Helper()
	path := socketPath(t)
	if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer func() { _ = in.Close() }()
				out, err := net.Dial(to.Network(), to.String())
				if err != nil {
					t.Error(err)
					return
				}
				defer func() { _ = out.Close() }()
				_, _ = io.Copy(out, in)
			})
		}
	})
	return path
}

// luaTransports are the options of init for every way to send, with an input
// that receives it.
func luaTransports(t *testing.T) map[string]func(sink *fakeSink) (options string) {
	listen := func(input string, sink *fakeSink) net.Addr {
		return start(t, Config{Inputs: []string{input}}, sink).Addrs()[0]
	}
	port := func(addr net.Addr) string {
		_, port, err := net.SplitHostPort(addr.String())
		if err != nil {
			t.Fatal(err)
		}
		return `host = "127.0.0.1", port = ` + port
	}
	return map[string]func(*fakeSink) string{
		"tcp": func(sink *fakeSink) string { return port(listen("tcp://127.0.0.1:0", sink)) },
		"udp": func(sink *fakeSink) string {
			return port(listen("udp://127.0.0.1:0", sink)) + `, sock_type = "udp"`
		},
		"unix stream": func(sink *fakeSink) string {
			return fmt.Sprintf("path = %q", relay(t, listen("tcp://127.0.0.1:0", sink)))
		},
		"unix datagram": func(sink *fakeSink) string {
			path := socketPath(t)
			if err := os.Chmod(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			listen("unixgram://"+path, sink)
			return fmt.Sprintf(`path = %q, sock_type = "udp"`, path)
		},
	}
}

// await returns the first entry with the text, waiting for it.
func await(t *testing.T, sink *fakeSink, text string) index.Entry {
	t.Helper()
	for n := 1; ; n++ {
		if e := sink.wait(t, n)[n-1]; strings.Contains(e.Message, text) {
			return e
		}
	}
}

func TestTheLuaClientSendsWholeTaggedMessagesOverEveryTransport(t *testing.T) {
	for name, listen := range luaTransports(t) {
		t.Run(name, func(t *testing.T) {
			sink := newFakeSink()
			peer := startLua(t, listen(sink)+`, instance = "socketserver/dev1", hostname = "game", facility = "local3"`)
			before := time.Now().Add(-time.Second)
			get(t, peer.socket, "/phases")
			await(t, sink, "phase log")
			get(t, peer.socket, "/levels")
			await(t, sink, "debug 1")
			get(t, peer.socket, "/dropin")
			await(t, sink, "two")
			get(t, peer.socket, "/large?n=20000")
			await(t, sink, "中中中")

			var got []string
			entries := sink.wait(t, 1)
			for _, e := range entries {
				got = append(got, e.Message)
				if e.Flags != 0 || e.Format != index.FormatRFC5424 {
					t.Errorf("got %+v", e)
				}
				if strings.Contains(e.Message, "composed") {
					if e.Instance != "team/dev1" || e.Facility != index.Local0 {
						t.Errorf("a message with a header of its own: got %+v", e)
					}
					continue
				}
				if e.Instance != "socketserver/dev1" || e.Hostname != "game" || e.Facility != index.Local0+3 ||
					e.AppName != "socketserver_dev1" || e.ProcID == "" {
					t.Errorf("got %+v", e)
				}
				if e.Time.Before(before) && !strings.Contains(e.Message, "init") || e.Time.After(time.Now()) || e.Time.Location() != time.UTC {
					t.Errorf("%s: got time %v", e.Message, e.Time)
				}
			}
			want := "phase init|phase init_worker|phase set|phase rewrite|phase access|phase content|phase header_filter|phase log|" +
				"emerg 1 nil true|alert 1 nil true|crit 1 nil true|err 1 nil true|warn 1 nil true|notice 1 nil true|info 1 nil true|debug 1 nil true|" +
				"- composed |two\nlines, 中文|"
			if text := strings.Join(got, "|"); !strings.HasPrefix(text, want) {
				t.Errorf("got %.1000q\nwant %q", text, want)
			}
			for i, e := range entries[8:16] {
				if int(e.Severity) != i {
					t.Errorf("%s: got severity %v", e.Message, e.Severity)
				}
			}
			if large := got[len(got)-1]; len(large) != 60000 {
				t.Errorf("got %d bytes of the large message", len(large))
			}
		})
	}
}

func TestABurstOfTheLuaClientArrivesCompletelyAndInOrder(t *testing.T) {
	const count = 10000
	for name, listen := range luaTransports(t) {
		if name == "udp" {
			continue // promises nothing
		}
		t.Run(name, func(t *testing.T) {
			sink := newFakeSink()
			peer := startLua(t, listen(sink)+`, instance = "socketserver/dev1"`)
			get(t, peer.socket, fmt.Sprintf("/burst?n=%d&pad=100&text=message", count))
			next := 1
			for _, e := range sink.wait(t, count+2) {
				var i int
				if _, err := fmt.Sscanf(e.Message, "message %d", &i); err != nil {
					continue
				}
				if i != next || e.Flags != 0 || !strings.HasSuffix(e.Message, strings.Repeat("x", 100)) {
					t.Fatalf("got %+v, want message %d", e, next)
				}
				next++
			}
			if next != count+1 {
				t.Errorf("got %d messages, want %d", next-1, count)
			}
		})
	}
}

func TestTheLuaClientCountsWhatFindsNoRoom(t *testing.T) {
	sink := newFakeSink()
	peer := startLua(t, luaTransports(t)["tcp"](sink)+`, drop_limit = 20000`)
	get(t, peer.socket, "/burst?n=1000&pad=100&text=message")
	report := await(t, sink, "messages dropped between").Message
	arrived := 0
	for _, e := range sink.wait(t, 1) {
		if strings.HasPrefix(e.Message, "message ") {
			arrived++
		}
	}
	want := fmt.Sprintf("%d messages dropped between ", 1000-arrived)
	if !strings.HasPrefix(report, want) || arrived == 0 {
		t.Errorf("got report %q and %d messages, want the report %q", report, arrived, want)
	}
	if !regexp.MustCompile(`between \S+Z and \S+Z: the buffer of 20000 bytes was full$`).MatchString(report) {
		t.Errorf("got %q", report)
	}
	get(t, peer.socket, "/burst?n=1&text=after")
	await(t, sink, "after 1")
}

func TestAMessageThatIsTooLargeForTheLuaClientIsCutBetweenCharacters(t *testing.T) {
	for name, listen := range luaTransports(t) {
		t.Run(name, func(t *testing.T) {
			sink := newFakeSink()
			peer := startLua(t, listen(sink))
			get(t, peer.socket, "/large?n=30000")
			get(t, peer.socket, "/burst?n=1&text=after")
			await(t, sink, "after 1")
			got := await(t, sink, "中中中")
			text, ok := strings.CutSuffix(got.Message, " [cut: 90000 bytes]")
			if !ok || strings.Trim(text, "中") != "" || len(text) < 65000 || got.Flags != 0 {
				t.Errorf("got %d bytes, flags %v, end %q", len(text), got.Flags.Names(), got.Message[len(got.Message)-40:])
			}
		})
	}
}

func TestNoRequestWaitsForAReceiverThatDoesNotRead(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	peer := startLua(t, `host = "127.0.0.1", drop_limit = 20000000, port = `+port)
	conn, err := listener.Accept() // and never read: the kernel takes some megabytes at most
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var slowest time.Duration
	for range 50 {
		begun := time.Now()
		get(t, peer.socket, "/burst?n=1000&pad=500&text=message")
		slowest = max(slowest, time.Since(begun))
	}
	if slowest > 20*time.Second { // a stall lasts 30 s
		t.Errorf("a request took %v", slowest)
	}
}

// restartable is a receiver on a port that stays the same.
type restartable struct {
	r     *Receiver
	ended chan error
}

func startAt(t *testing.T, input string, sink Sink) *restartable {
	t.Helper()
	r, err := Listen(Config{Inputs: []string{input}, Hostname: "collector"}, sink)
	if err != nil {
		t.Fatal(err)
	}
	s := &restartable{r: r, ended: make(chan error, 1)}
	go func() { s.ended <- r.Run(context.Background()) }()
	return s
}

func (s *restartable) stop(t *testing.T) {
	t.Helper()
	if err := errors.Join(s.r.Close(), <-s.ended); err != nil {
		t.Fatal(err)
	}
}

func TestTheLuaClientOutlivesARestartOfTheReceiver(t *testing.T) {
	const rounds, each = 20, 500
	sink := newFakeSink()
	receiver := startAt(t, "tcp://127.0.0.1:0", sink)
	addr := receiver.r.Addrs()[0].String()
	_, port, _ := net.SplitHostPort(addr)
	peer := startLua(t, `host = "127.0.0.1", instance = "socketserver/dev1", port = `+port)
	for round := range rounds {
		get(t, peer.socket, fmt.Sprintf("/burst?n=%d&pad=200&text=round%d", each, round))
		if round%5 == 2 {
			receiver.stop(t)
			get(t, peer.socket, fmt.Sprintf("/burst?n=%d&pad=200&text=down%d", each, round))
			receiver = startAt(t, "tcp://"+addr, sink)
		}
	}
	get(t, peer.socket, "/burst?n=1&text=last")
	await(t, sink, "last 1")
	receiver.stop(t)

	seen := map[string]int{}
	whole := regexp.MustCompile(`^(round|down)\d+ \d+ x{200}$`)
	for _, e := range sink.wait(t, 1) {
		if e.Flags.Has(index.FlagPartial) || strings.HasPrefix(e.Message, "phase") || strings.HasPrefix(e.Message, "last") {
			continue // a receiver that stops keeps the begun message, and says so
		}
		if !whole.MatchString(e.Message) {
			t.Fatalf("got a split message %+v", e)
		}
		seen[e.Message]++
	}
	twice := 0
	for _, n := range seen {
		twice += n - 1
	}
	if want := (rounds + rounds/5) * each; len(seen) != want {
		t.Errorf("got %d messages, want %d", len(seen), want)
	}
	t.Logf("%d messages came twice", twice)
}

func TestAWorkerThatExitsSendsWhatItHas(t *testing.T) {
	for name, listen := range luaTransports(t) {
		t.Run(name, func(t *testing.T) {
			sink := newFakeSink()
			// Without the exit nothing would be sent for an hour.
			peer := startLua(t, listen(sink)+`, flush_limit = 10000000, periodic_flush = 3600`)
			get(t, peer.socket, "/burst?n=500&text=message")
			signalNginx(t, peer.dir, syscall.SIGHUP)
			await(t, sink, "message 500")
		})
	}
}

func TestTheLuaClientWorksWithoutTheCodeCache(t *testing.T) {
	sink := newFakeSink()
	peer := startLuaWith(t, luaTransports(t)["tcp"](sink), "lua_code_cache off;", 1)
	for i := range 20 {
		get(t, peer.socket, fmt.Sprintf("/uncached?n=%d.", i))
	}
	for i := range 20 {
		await(t, sink, fmt.Sprintf("uncached %d.", i))
	}
}

func TestOnlyOneWorkerSendsWhatTheMasterLogged(t *testing.T) {
	sink := newFakeSink()
	startLuaWith(t, luaTransports(t)["tcp"](sink), "", 2)
	for n := 3; ; n++ { // init, and two workers
		entries := sink.wait(t, n)
		counts := map[string]int{}
		for _, e := range entries {
			counts[e.Message]++
		}
		if counts["phase init"] > 1 {
			t.Fatalf("got %v", counts)
		}
		if counts["phase init_worker"] == 2 {
			return
		}
	}
}

// breakingServer accepts octet-counted messages and resets every connection
// after some bytes, in the middle of a message. It returns its port and the
// whole messages that it has read.
type breakingServer struct {
	listener *net.TCPListener

	mu      sync.Mutex
	whole   map[string]int
	changed chan struct{}
}

func newBreakingServer(t *testing.T) *breakingServer {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s := &breakingServer{listener: listener, whole: map[string]int{}, changed: make(chan struct{})}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for n := 5000; ; n = n * 3 / 2 {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			wg.Go(func() { s.read(conn, n) })
		}
	})
	return s
}

func (s *breakingServer) read(conn *net.TCPConn, limit int) {
	var text bytes.Buffer
	_, _ = io.CopyN(&text, conn, int64(limit))
	_ = conn.SetLinger(0) // so that Close resets
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		var size int
		if _, err := fmt.Fscanf(&text, "%d ", &size); err != nil || size > text.Len() {
			break
		}
		s.whole[string(text.Next(size))]++
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func TestAConnectionThatBreaksInsideAMessageLosesAndSplitsNothing(t *testing.T) {
	const count = 3000
	s := newBreakingServer(t)
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	peer := startLua(t, `host = "127.0.0.1", retry_interval = 10, port = `+port)
	get(t, peer.socket, fmt.Sprintf("/burst?n=%d&pad=50&text=message", count))
	timeout := time.After(patience)
	for {
		s.mu.Lock()
		changed, texts := s.changed, map[string]bool{}
		for message := range s.whole {
			_, text, _ := strings.Cut(message, " - - ")
			if strings.HasPrefix(text, "message") {
				texts[text] = true
			}
		}
		s.mu.Unlock()
		for text := range texts {
			if !regexp.MustCompile(`^message \d+ x{50}$`).MatchString(text) {
				t.Fatalf("got %q", text)
			}
		}
		if len(texts) == count {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("got %d messages, want %d", len(texts), count)
		}
	}
}

func TestTheSampleConfigurationOfOpenRestyWorks(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "logs"), 0o755),
		os.CopyFS(filepath.Join(dir, "lib"), os.DirFS("../deploy/openresty/lib"))); err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile("../deploy/openresty/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	sink := newFakeSink()
	r := start(t, Config{Inputs: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}}, sink)
	_, port, _ := net.SplitHostPort(r.Addrs()[1].String())
	socket := filepath.Join(dir, "http.sock")
	conf := strings.NewReplacer(
		"/opt/hhl/lib", filepath.Join(dir, "lib"),
		"server=127.0.0.1:5514", "server="+r.Addrs()[0].String(),
		"port = 5514", "port = "+port,
		"listen 127.0.0.1:1081", "listen unix:"+socket,
	).Replace(string(sample))
	startNginx(t, dir, "daemon off;\n"+conf)
	waitForSocket(t, socket)
	await(t, sink, "worker started")
	get(t, socket, "/hhl?player=7")
	e := await(t, sink, "player 7 connected")
	if e.Instance != "socketserver/dev1" || e.Severity != index.Debug || !strings.HasPrefix(e.Input, "tcp://") {
		t.Errorf("got %+v", e)
	}
	if e := await(t, sink, "GET /hhl?player=7"); e.Instance != "socketserver/dev1" || !strings.HasPrefix(e.Input, "udp://") {
		t.Errorf("got %+v", e)
	}
}
