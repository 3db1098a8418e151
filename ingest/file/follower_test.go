package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tagtail/tagtail/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestATornLineWaitsForItsLineFeed(t *testing.T) {
	w := newWorld(t)
	w.write("one\ntwo, to")
	w.settle()
	if diff := cmp.Diff([]string{"one"}, w.sink.messages()); diff != "" {
		t.Fatal(diff)
	}
	w.restart()
	w.write("rn\n")
	w.settle()
	w.check()
}

func TestAFileThatOutgrewItsPositionAfterATruncationIsReadFromTheStart(t *testing.T) {
	w := newWorld(t)
	w.write("first\n")
	w.settle()
	w.must(os.Truncate(w.log(), 0))
	w.write("second, which is longer\n")
	w.settle()
	w.check()
}

func TestLinksAndFIFOsAreRefused(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret.log")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"dev1", "dev2"} {
		if err := os.MkdirAll(filepath.Join(dir, "game", user, "logs"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(
		os.Symlink(secret, filepath.Join(dir, "game/dev1/logs/link.log")),
		syscall.Mkfifo(filepath.Join(dir, "game/dev1/logs/fifo.log"), 0o600),
		os.Mkdir(filepath.Join(dir, "game/dev1/logs/folder.log"), 0o700),
		os.Symlink(filepath.Dir(secret), filepath.Join(dir, "game/dev1/linked")),
		os.Symlink(filepath.Join(dir, "game/dev2"), filepath.Join(dir, "game/dev3")),
		os.WriteFile(filepath.Join(dir, "game/dev2/logs/a.log"), []byte("mine\n"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	sink := new(memory)
	now := time.Unix(1e9, 0)
	f, err := newFollower(Config{
		Inputs:    []Input{{Pattern: dir + "/{service}/{owner}/*/*.log"}},
		StatePath: filepath.Join(t.TempDir(), "positions"),
		Now:       func() time.Time { return now },
	}, sink)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		f.step(context.Background())
		now = now.Add(time.Second)
	}
	if err := f.release(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"mine"}, sink.messages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := openBelow(dir, []string{"game", "dev3", "logs", "a.log"}); err == nil {
		t.Error("a link in the middle of a path was followed")
	}
}

func TestThousandsOfFilesNeedFewDescriptors(t *testing.T) {
	const files, allowed = 2000, 50
	dir := t.TempDir()
	for i := range files {
		if err := os.WriteFile(fmt.Sprintf("%s/%d.log", dir, i), fmt.Appendf(nil, "file %d\n", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sink := new(memory)
	now := time.Unix(1e9, 0)
	f, err := newFollower(Config{
		Inputs: []Input{{Pattern: dir + "/*.log"}}, StatePath: filepath.Join(t.TempDir(), "positions"),
		MaxOpen: allowed, Now: func() time.Time { return now },
	}, sink)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		f.step(context.Background())
		if len(f.opened) > allowed || f.open.Len() != len(f.opened) {
			t.Fatalf("got %d open files, want at most %d", len(f.opened), allowed)
		}
		now = now.Add(time.Second)
	}
	seen := map[string]bool{}
	for _, m := range sink.messages() {
		seen[m] = true
	}
	if len(seen) != files || len(sink.entries) != files || f.pending != 0 {
		t.Errorf("got %d messages, %d different, %d bytes pending", len(sink.entries), len(seen), f.pending)
	}
	if err := f.release(); err != nil {
		t.Fatal(err)
	}
}

func TestATornStateIsReadUpToTheTear(t *testing.T) {
	path := filepath.Join(t.TempDir(), "positions")
	s, _, err := openState(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := s.put(record{Path: "/a.log", Gens: []savedGen{{Pos: int64(i)}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		records := s.parse(whole[:cut])
		want := max(0, strings.Count(string(whole[:cut]), "\n")-1) // the first line names the boot
		switch r, ok := records["/a.log"]; {
		case ok != (want > 0):
			t.Fatalf("cut at %d: got %v", cut, records)
		case ok && r.Gens[0].Pos != int64(want-1):
			t.Fatalf("cut at %d: got position %d, want %d", cut, r.Gens[0].Pos, want-1)
		}
	}
}

func TestAfterARebootOnlyDurablePositionsCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "positions")
	s, _, err := openState(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(pos int64) {
		if err := s.put(record{Path: "/a.log", Gens: []savedGen{{Pos: pos}}}); err != nil {
			t.Fatal(err)
		}
	}
	put(1)
	if err := s.mark(); err != nil {
		t.Fatal(err)
	}
	put(2)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.parse(data)["/a.log"].Gens[0].Pos; got != 2 {
		t.Errorf("in the same boot: got %d, want 2", got)
	}
	s.boot = "another"
	if got := s.parse(data)["/a.log"].Gens[0].Pos; got != 1 {
		t.Errorf("after a reboot: got %d, want 1", got)
	}
}

// channel is a Sink that passes messages on.
type channel chan string

func (c channel) Append(entries []index.Entry) error {
	for i := range entries {
		c <- entries[i].Message
	}
	return nil
}

func TestTheKernelTellsOfNewFilesAndLines(t *testing.T) {
	dir := t.TempDir()
	sink := make(channel)
	f, err := Open(Config{Inputs: []Input{{Pattern: dir + "/*/*.log"}}, StatePath: filepath.Join(t.TempDir(), "positions")}, sink)
	if err != nil {
		t.Fatal(err)
	}
	if f.notify == nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the kernel has no inotify")
		}
		t.Skip("the kernel has no inotify")
	}
	ended := make(chan error, 1)
	go func() { ended <- f.Run(context.Background()) }()
	if err := os.Mkdir(filepath.Join(dir, "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(dir, "new", "a.log"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		want := fmt.Sprintf("line %d", i)
		if _, err := fmt.Fprintln(out, want); err != nil {
			t.Fatal(err)
		}
		if got := <-sink; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := errors.Join(out.Close(), f.Close(), f.Close(), <-ended); err != nil {
		t.Error(err)
	}
	if err := f.Run(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v of a second run", err)
	}
}
