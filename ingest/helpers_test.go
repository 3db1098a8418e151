package ingest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

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
// many it has synced.
type fileSink struct {
	mu   sync.Mutex
	file *os.File
	n    int
}

func (s *fileSink) Append(entries []index.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text []byte
	for i := range entries {
		if entries[i].AppName == "load" {
			text = append(text, entries[i].Message...)
			text = append(text, '\n')
			s.n++
		}
	}
	_, err := s.file.Write(text)
	return err
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
	file, err := os.OpenFile(os.Getenv("RELP_FILE"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fail(err)
	}
	r, err := Listen(Config{Inputs: []string{"relp://" + os.Getenv("RELP_ADDRESS")}}, &fileSink{file: file})
	if err != nil {
		fail(err)
	}
	fmt.Println(r.Addrs()[0])
	fail(r.Run(context.Background()))
}

func helpCrowd() {}
