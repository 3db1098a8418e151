package ingest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// helper starts the test program as one of the helpers, which is killed at the
// end of the test.
func helper(t *testing.T, name string, env ...string) (cmd *exec.Cmd, lines *bufio.Reader) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), helperVariable+"="+name), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // the test may have done so
		_ = cmd.Wait()
	})
	return cmd, bufio.NewReader(out)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// fileSink writes messages to a file, a line each, and tells on stdout how
// many there are each time it has synced.
type fileSink struct {
	mu   sync.Mutex
	file *os.File
	n    int
}

// kept is an entry in the file.
type kept struct {
	Time                             time.Time
	Facility, Severity               uint8
	Hostname, App, Message, Instance string
}

func openFileSink(path string) (*fileSink, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	// The last line may be torn.
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	return &fileSink{file: file, n: bytes.Count(whole, []byte{'\n'})}, file.Truncate(int64(len(whole)))
}

// messagesOf reads what a fileSink has written.
func messagesOf(path string) (entries []kept, err error) {
	text, err := os.ReadFile(path)
	for line := range bytes.Lines(text) {
		var k kept
		if json.Unmarshal(line, &k) == nil { // not so the torn last one
			entries = append(entries, k)
		}
	}
	return entries, err
}

func (s *fileSink) Append(entries []index.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text []byte
	for i := range entries {
		e := &entries[i]
		line, err := json.Marshal(kept{e.Time, uint8(e.Facility), uint8(e.Severity), e.Hostname, e.AppName + "[" + e.ProcID, e.Message, e.Instance})
		if err != nil {
			return err
		}
		text = append(append(text, line...), '\n')
		s.n++
	}
	_, err := s.file.Write(text)
	return err
}

func (s *fileSink) Recall(_ context.Context, _, _ string, limit int, yield func(*index.Entry)) error {
	all, err := messagesOf(s.file.Name())
	if err != nil {
		return err
	}
	for _, k := range slices.Backward(all[max(0, len(all)-limit):]) {
		app, proc, _ := strings.Cut(k.App, "[")
		yield(&index.Entry{
			Time: k.Time, Facility: index.Facility(k.Facility), Severity: index.Severity(k.Severity), Instance: k.Instance,
			Hostname: k.Hostname, AppName: app, ProcID: proc, Message: k.Message,
		})
	}
	return nil
}

func (s *fileSink) Sync(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.file.Sync(); err != nil {
		return err
	}
	fmt.Println(s.n)
	return nil
}

// helpRELP receives RELP on an address into a file until it is killed. Its
// first line is the address.
func helpRELP() {
	sink, err := openFileSink(os.Getenv("RELP_FILE"))
	if err != nil {
		fail(err)
	}
	r, err := Listen(Config{Inputs: []string{"relp://" + os.Getenv("RELP_ADDRESS")}}, sink)
	if err != nil {
		fail(err)
	}
	fmt.Println(r.Addrs()[0])
	fail(r.Run(context.Background()))
}

// helpCrowd opens connections until it is killed: CROWD_IDLE of them say
// something long and are silent from then on, CROWD_SLOW write a byte at a
// time, one writes a line that never ends, to CROWD_ADDRESS; and one begins a
// handshake with CROWD_TLS. It says when all are open.
func helpCrowd() {
	greeting := []byte("<13>idle: " + strings.Repeat("hello ", 2000) + "\n")
	for range crowdCount("CROWD_IDLE") {
		if _, err := crowdDial("CROWD_ADDRESS").Write(greeting); err != nil {
			fail(err)
		}
	}
	slow := make([]net.Conn, crowdCount("CROWD_SLOW"))
	for i := range slow {
		slow[i] = crowdDial("CROWD_ADDRESS")
	}
	if _, err := crowdDial("CROWD_TLS").Write([]byte("\x16\x03\x01\x02\x00\x01")); err != nil {
		fail(err)
	}
	endless := crowdDial("CROWD_ADDRESS")
	go func() {
		for block := bytes.Repeat([]byte("endless "), 8<<10); ; {
			if _, err := endless.Write(block); err != nil {
				fail(err)
			}
		}
	}()
	for i, text := 0, "<13>slow: crawling along\n"; ; i++ {
		for _, conn := range slow {
			if _, err := conn.Write([]byte{text[i%len(text)]}); err != nil {
				fail(err)
			}
		}
		if i == len(text) {
			fmt.Println("open")
		}
	}
}

// crowd keeps connections from being collected and so closed.
var crowd []net.Conn

func crowdDial(variable string) net.Conn {
	conn, err := net.Dial("tcp", os.Getenv(variable))
	if err != nil {
		fail(err)
	}
	crowd = append(crowd, conn)
	return conn
}

func crowdCount(variable string) int {
	n, err := strconv.Atoi(os.Getenv(variable))
	if err != nil {
		fail(err)
	}
	return n
}
