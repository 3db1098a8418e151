package file

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// memory is a Sink that keeps the messages, and refuses some batches. Of every
// second one of those it has the entries all the same.
type memory struct {
	entries []index.Entry
	refuse  func() bool
	refused int
}

func (m *memory) Append(entries []index.Entry) error {
	var err error
	if m.refuse != nil && m.refuse() {
		err = os.ErrInvalid
		if m.refused++; m.refused%2 > 0 {
			return err
		}
	}
	for i := range entries {
		entries[i].Seq = uint64(len(m.entries) + 1)
		m.entries = append(m.entries, entries[i])
	}
	return err
}

func (m *memory) messages() []string {
	var list []string
	for i := range m.entries {
		list = append(list, m.entries[i].Message)
	}
	return list
}

// world is a log folder, its writer, and a Follower that is stepped by hand.
type world struct {
	t        *testing.T
	dir      string
	now      time.Time
	sink     *memory
	follower *Follower
	cfg      Config

	out     *os.File
	unsaid  string // of the line that is half written
	want    []string
	history []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), sink: &memory{}}
	w.cfg = Config{
		Inputs:    []Input{{Pattern: w.dir + "/app.log", Instance: "game/dev1"}},
		StatePath: filepath.Join(t.TempDir(), "positions"),
		Now:       func() time.Time { return w.now },
	}
	w.create()
	w.restart()
	w.step()
	t.Cleanup(func() { w.kill() })
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v, after\n%s", err, strings.Join(w.history, "\n"))
	}
}

func (w *world) log() string { return filepath.Join(w.dir, "app.log") }

// create opens a new file, as a server does that reopens its log.
func (w *world) create() {
	w.t.Helper()
	if w.out != nil {
		w.must(w.out.Close())
	}
	var err error
	w.out, err = os.OpenFile(w.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	w.must(err)
}

// kill ends the Follower without any last words.
func (w *world) kill() {
	if w.follower != nil {
		for g := range w.follower.opened {
			_ = w.follower.closeFile(g)
		}
		_ = w.follower.state.close()
	}
	w.follower = nil
}

func (w *world) restart() {
	w.t.Helper()
	w.kill()
	var err error
	w.follower, err = newFollower(w.cfg, w.sink)
	w.must(err)
}

func (w *world) step() {
	w.t.Helper()
	w.now = w.now.Add(pollEvery)
	for w.follower.step(context.Background()) == 0 {
	}
}

// settle steps until nothing is pending.
func (w *world) settle() {
	w.t.Helper()
	for range 4 {
		w.now = w.now.Add(time.Second)
		w.step()
	}
}

// write appends text, of which every line that ends is a wanted message.
func (w *world) write(text string) {
	w.t.Helper()
	_, err := w.out.WriteString(text)
	w.must(err)
	w.unsaid += text
	for {
		line, rest, ok := strings.Cut(w.unsaid, "\n")
		if !ok {
			return
		}
		w.want, w.unsaid = append(w.want, line), rest
	}
}

// finishLine ends the line that is half written.
func (w *world) finishLine() {
	if w.unsaid != "" {
		w.write("\n")
	}
}

// shift renames app.log to app.log.1, and so on, as logrotate does.
func (w *world) shift() {
	w.t.Helper()
	for n := 6; n > 0; n-- {
		from := fmt.Sprintf("%s.%d", w.log(), n)
		if _, err := os.Lstat(from); err == nil {
			w.must(os.Rename(from, fmt.Sprintf("%s.%d", w.log(), n+1)))
		}
	}
	w.must(os.Rename(w.log(), w.log()+".1"))
}

// checkOrder looks whether what has come so far is how the wanted begins.
func (w *world) checkOrder() {
	w.t.Helper()
	got := w.sink.messages()
	for i := range got {
		if i >= len(w.want) || got[i] != w.want[i] {
			w.t.Fatalf("got message %d %.40q after %.40q, want %.40q, after\n%s",
				i, got[i], append([]string{""}, got...)[i], append(w.want, "")[min(i, len(w.want))], strings.Join(w.history, "\n"))
		}
	}
}

func (w *world) check() {
	w.t.Helper()
	w.checkOrder()
	if diff := cmp.Diff(w.want, w.sink.messages()); diff != "" {
		w.t.Fatalf("lines differ (-want +got):\n%s\nafter\n%s", diff, strings.Join(w.history, "\n"))
	}
}

func TestEveryLineComesOnceAndInOrderWhateverHappensToTheFile(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t)
			r := rand.New(rand.NewPCG(seed, 1))
			if seed%3 == 0 {
				w.sink.refuse = func() bool { return r.IntN(4) == 0 }
			}
			if seed%5 == 0 {
				w.cfg.MaxOpen = 1
			}
			number := 0
			for range 120 {
				w.act(r, &number)
			}
			w.sink.refuse = nil
			w.finishLine()
			w.settle()
			w.settle()
			w.check()
		})
	}
}

// act does something at random.
func (w *world) act(r *rand.Rand, number *int) {
	lines := func() {
		for range r.IntN(4) {
			*number++
			text := fmt.Sprintf("line %d %s\n", *number, strings.Repeat("x", r.IntN(300)))
			cut := r.IntN(len(text) + 1)
			w.write(text[:cut])
			if r.IntN(3) == 0 {
				w.step()
			}
			w.write(text[cut:])
		}
		if r.IntN(3) == 0 {
			*number++
			w.write(fmt.Sprintf("line %d, torn ", *number))
		}
	}
	defer w.checkOrder()
	switch r.IntN(14) {
	case 0, 1, 2, 3:
		w.history = append(w.history, fmt.Sprint("write from ", *number+1))
		lines()
	case 4, 5, 6:
		w.history = append(w.history, "step")
		w.step()
	case 7:
		w.history = append(w.history, "later")
		w.now = w.now.Add(time.Duration(r.IntN(8)) * time.Second)
	case 8, 9:
		w.history = append(w.history, fmt.Sprint("rename ", *number))
		w.shift()
		lines() // the server has not reopened its log yet
		w.finishLine()
		if r.IntN(3) == 0 {
			w.step()
		}
		w.create()
		lines()
	case 10:
		w.history = append(w.history, "copytruncate")
		w.finishLine()
		w.drain()
		old, err := os.ReadFile(w.log())
		w.must(err)
		w.must(os.WriteFile(w.log()+".copy", old, 0o600))
		w.must(os.Truncate(w.log(), 0))
		lines()
	case 11:
		w.history = append(w.history, "delete and create")
		w.finishLine()
		w.drain()
		if w.follower.cfg.MaxOpen > 1 {
			lines() // read from the deleted file, which is held open
			w.finishLine()
		}
		w.must(os.Remove(w.log()))
		w.create()
		lines()
		w.drain() // or what was written to the deleted file is gone with a restart
	case 12:
		w.history = append(w.history, "restart")
		w.follower.checkpoint(context.Background())
		w.restart()
	case 13:
		w.history = append(w.history, "kill")
		w.restart()
	}
}

// drain steps until all whole lines were taken: what is truncated away before
// that is lost, unless the Follower lives on.
func (w *world) drain() {
	w.t.Helper()
	refuse := w.sink.refuse
	w.sink.refuse = nil
	w.now = w.now.Add(retryAfter)
	w.step()
	w.step() // a message that may go on has to wait
	w.sink.refuse = refuse
}
