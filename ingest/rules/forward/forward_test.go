package forward

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/ingest/rules/spool"
)

const patience = 60 * time.Second

// running is a Forwarder at work, and what it said.
type running struct {
	*Forwarder
	t    *testing.T
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	words []string
}

// start runs a Forwarder until the test ends.
func start(t *testing.T, cfg Config) *running {
	t.Helper()
	r := &running{t: t, done: make(chan struct{})}
	cfg.MinPause = 10 * time.Millisecond
	if cfg.QueueBytes == 0 {
		cfg.QueueBytes = 1 << 20
	}
	cfg.Trouble = func(text string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.words = append(r.words, text)
	}
	var err error
	if r.Forwarder, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() {
		r.Run(ctx)
		close(r.done)
	}()
	t.Cleanup(r.end)
	return r
}

func (r *running) end() {
	r.stop()
	<-r.done
}

func (r *running) send(from, to int) {
	for i := from; i < to; i++ {
		r.Put(nil, fmt.Appendf(nil, "<13>message %d", i))
	}
	r.Wake()
}

func (r *running) await(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("%s does not come: %v", what, r.words)
		}
	}
}

// ownAddress is an address that nobody else has.
func ownAddress() string {
	return fmt.Sprintf("127.%d.%d.%d:5514", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
}

// server takes lines and can go away.
type server struct {
	t       *testing.T
	address string
	mu      sync.Mutex
	lines   map[string]int
	l       net.Listener
	conns   []net.Conn
}

func (s *server) listen() {
	s.t.Helper()
	address := s.address
	if address == "" { // one that nobody else takes while the server is away
		address = ownAddress()
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.l, s.address = l, l.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			go s.read(c)
		}
	}()
}

func (s *server) read(c net.Conn) {
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		s.mu.Lock()
		s.lines[lines.Text()]++
		s.mu.Unlock()
	}
}

func (s *server) close() {
	_ = s.l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines)
}

func TestTCPReachesAServerThatComesAndGoes(t *testing.T) {
	s := &server{t: t, lines: map[string]int{}}
	s.listen()
	dir := filepath.Join(t.TempDir(), "q")
	cfg := Config{Protocol: "tcp", Target: s.address, Spool: spool.Config{Dir: dir}}
	r := start(t, cfg)
	r.send(0, 1000)
	r.await("the first", func() bool { return s.count() == 1000 })
	r.await("their acknowledgement", func() bool { return r.spool.Len() == 0 })

	s.close()
	r.send(1000, 2000)
	r.await("the trouble", func() bool { _, _, _, wrong := r.Stats(); return wrong != "" })
	r.end() // restarted while the server is away
	if _, dropped, waiting, _ := r.Stats(); dropped != 0 || waiting != 1000 {
		t.Errorf("%d are dropped and %d wait, want 0 and 1000", dropped, waiting)
	}
	r = start(t, cfg)
	s.listen()
	r.send(2000, 3000)
	r.await("the rest", func() bool { return s.count() == 3000 })
	r.await("their acknowledgement", func() bool { return r.spool.Len() == 0 })
	s.close()
	for i := range 3000 {
		if s.lines[fmt.Sprintf("<13>message %d", i)] == 0 {
			t.Fatalf("message %d is missing", i)
		}
	}
}

func TestOctetsAreCountedAndLineFeedsNotDoubled(t *testing.T) {
	for _, counted := range []bool{false, true} {
		f := Forwarder{cfg: Config{OctetCounted: counted}}
		got := string(f.appendFrame(f.appendFrame(nil, []byte("one\n")), []byte("two")))
		want := "one\ntwo\n"
		if counted {
			want = "4 one\n3 two"
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestUDPSendsADatagramAMessage(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := start(t, Config{Protocol: "udp", Target: conn.LocalAddr().String(), Spool: spool.Config{Dir: filepath.Join(t.TempDir(), "q")}})
	r.Put(nil, []byte("<13>one\ntwo"))
	r.Put(nil, bytes.Repeat([]byte("x"), 100_000))
	r.Put(nil, []byte("three"))
	r.Wake()
	var got []int
	buf := make([]byte, 1<<17)
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for range 3 {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if diff := cmp.Diff([]int{11, maxDatagramBytes, 5}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAFullQueueIsCountedAndSaid(t *testing.T) {
	r := start(t, Config{Protocol: "tcp", Target: "127.0.0.1:1", QueueBytes: 64 << 10, Spool: spool.Config{Dir: filepath.Join(t.TempDir(), "q"), MaxBytes: 1 << 20}})
	const messages = 3000
	for i := range messages {
		r.Put(nil, fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 1000)))
		if i%20 == 0 {
			r.Wake()
			r.await("the disk", func() bool { return r.queue.Waiting() == 0 })
		}
	}
	r.Wake()
	r.end()
	_, dropped, waiting, _ := r.Stats()
	if int(dropped)+waiting != messages || dropped == 0 {
		t.Errorf("%d are dropped and %d wait, want %d together", dropped, waiting, messages)
	}
	if last := r.words[len(r.words)-1]; !strings.Contains(last, "were not forwarded to tcp://127.0.0.1:1, because their queue is full") {
		t.Errorf("it says at last %q", last)
	}
}

// relpServer is a real rsyslogd that writes what comes by RELP to a file.
type relpServer struct {
	t            *testing.T
	dir, address string
	cmd          *exec.Cmd
}

func (s *relpServer) start() {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.address)
	conf := filepath.Join(s.dir, "conf")
	text := fmt.Sprintf(`global(workDirectory="%[1]s" net.enableDNS="off")
module(load="imrelp")
input(type="imrelp" address="%[3]s" port="%[2]s")
template(name="t" type="string" string="%%msg%%\n")
:msg, contains, "message" action(type="omfile" file="%[1]s/out" template="t" asyncWriting="off")
`, s.dir, port, host)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command("rsyslogd", "-n", "-f", conf, "-i", filepath.Join(s.dir, "pid"))
	s.cmd.Stdout, s.cmd.Stderr = io.Discard, io.Discard
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *relpServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *relpServer) seen() map[int]int {
	seen := map[int]int{}
	text, _ := os.ReadFile(filepath.Join(s.dir, "out"))
	for line := range strings.Lines(string(text)) {
		if n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(line), "message ")); err == nil {
			seen[n]++
		}
	}
	return seen
}

func TestRELPBringsEverythingToARealRsyslogdThatIsStopped(t *testing.T) {
	if _, err := exec.LookPath("rsyslogd"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("rsyslogd is missing")
		}
		t.Skip("rsyslogd is missing")
	}
	s := &relpServer{t: t, dir: t.TempDir(), address: ownAddress()}
	s.start()
	t.Cleanup(func() { s.kill() })
	r := start(t, Config{Protocol: "relp", Target: s.address, Spool: spool.Config{Dir: filepath.Join(t.TempDir(), "q")}})
	put := func(from, to int) {
		for i := from; i < to; i++ {
			r.Put(nil, fmt.Appendf(nil, "<13>2026-10-11T22:14:15Z host app: message %d", i))
		}
		r.Wake()
	}
	put(0, 500)
	r.await("the first", func() bool { return len(s.seen()) == 500 })
	s.kill()
	put(500, 1500)
	r.await("the trouble", func() bool { _, _, _, wrong := r.Stats(); return wrong != "" })
	s.start()
	r.await("the rest", func() bool { return len(s.seen()) == 1500 })
	r.await("their answers", func() bool { _, _, waiting, wrong := r.Stats(); return waiting == 0 && wrong == "" })
}
