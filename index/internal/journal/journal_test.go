package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// frame holds one number and a text.
func frame(text string) []byte { return append(make([]byte, HeaderBytes), text...) }

// opened is what an Open has replayed.
type opened struct {
	journal *Journal
	frames  []string
	damage  []Damage
}

func open(t *testing.T, cfg Config) opened {
	t.Helper()
	var o opened
	last := uint64(0)
	var err error
	o.journal, o.damage, err = Open(cfg, func(first uint64, payload []byte) (uint64, error) {
		o.frames = append(o.frames, fmt.Sprintf("%d %s", first, payload))
		last = first
		return first, nil
	}, func([]Damage) uint64 { return max(last+1, LastName(cfg.Dir)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.journal.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *opened) close(t *testing.T) {
	t.Helper()
	if err := o.journal.Close(); err != nil {
		t.Error(err)
	}
}

func add(t *testing.T, j *Journal, first uint64, texts ...string) {
	t.Helper()
	for i, text := range texts {
		seq := first + uint64(i)
		if err := j.Append(frame(text), seq, seq); err != nil {
			t.Fatal(err)
		}
	}
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestFramesComeBackInOrderAcrossSegments(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: 100}
	o := open(t, cfg)
	var want []string
	for seq := uint64(1); seq <= 20; seq++ {
		add(t, o.journal, seq, "text")
		want = append(want, fmt.Sprintf("%d text", seq))
	}
	if err := o.journal.Close(); err != nil {
		t.Fatal(err)
	}
	o = open(t, cfg)
	if diff := cmp.Diff(want, o.frames); diff != "" || len(o.damage) > 0 {
		t.Errorf("damage %v, frames (-want +got):\n%s", o.damage, diff)
	}
	if n := len(segments(t, cfg.Dir)); n < 5 {
		t.Errorf("%d segments, want at least 5", n)
	}
	if err := o.journal.Remove(15); err != nil {
		t.Fatal(err)
	}
	o.close(t)
	o = open(t, cfg)
	if len(o.frames) == 0 || len(o.frames) >= 20 || o.frames[len(o.frames)-1] != "20 text" {
		t.Errorf("frames after Remove = %q, want the last few", o.frames)
	}
	if first, _, _ := strings.Cut(o.frames[0], " "); len(first) == 2 && first > "15" {
		t.Errorf("Remove(15) took frame 15: the first is %q", o.frames[0])
	}
}

func TestTornTailIsCutAtEveryByteOfTheLastFrame(t *testing.T) {
	master := t.TempDir()
	o := open(t, Config{Dir: master})
	add(t, o.journal, 1, "one", "two", "three")
	o.close(t)
	path := segments(t, master)[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	start := len(data) - len(frame("three"))
	for size := start; size <= len(data); size++ {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		o := open(t, Config{Dir: dir})
		want := []string{"1 one", "2 two"}
		if size == len(data) {
			want = append(want, "3 three")
		}
		if diff := cmp.Diff(want, o.frames); diff != "" {
			t.Fatalf("cut at %d (-want +got):\n%s", size, diff)
		}
		torn := size > start && size < len(data)
		if torn != (len(o.damage) == 1) || torn && (!o.damage[0].Torn || o.damage[0].Offset != int64(start)) {
			t.Fatalf("cut at %d: damage = %v", size, o.damage)
		}
		add(t, o.journal, 10, "after")
		o.close(t)
		o = open(t, Config{Dir: dir})
		if diff := cmp.Diff(append(want, "10 after"), o.frames); diff != "" || len(o.damage) > 0 {
			t.Fatalf("cut at %d, opened again: damage %v (-want +got):\n%s", size, o.damage, diff)
		}
	}
}

func TestFlippedByteCostsItsFrameOnly(t *testing.T) {
	master := t.TempDir()
	o := open(t, Config{Dir: master})
	add(t, o.journal, 1, "one", "two", "three")
	o.close(t)
	path := segments(t, master)[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next")
	o = open(t, Config{Dir: next})
	add(t, o.journal, 50, "next segment")
	o.close(t)
	nextPath := segments(t, next)[0]

	from := segmentHeaderBytes + len(frame("one"))
	for at := range data {
		dir := t.TempDir()
		flipped := bytes.Clone(data)
		flipped[at] ^= 0x10
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(nextPath, filepath.Join(dir, segmentName(50))); err != nil {
			t.Fatal(err)
		}
		want := []string{"1 one", "2 two", "3 three", "50 next segment"}
		switch {
		case at < segmentHeaderBytes:
			want = want[3:]
		case at < from:
			want = append(want[:0:0], want[1:]...)
		case at < from+len(frame("two")):
			want = append(want[:1:1], want[2:]...)
		default:
			want = append(want[:2:2], want[3])
		}
		o := open(t, Config{Dir: dir})
		if diff := cmp.Diff(want, o.frames); diff != "" || len(o.damage) != 1 {
			t.Fatalf("flipped at %d: damage %v (-want +got):\n%s", at, o.damage, diff)
		}
	}
}

func TestUnreadableSegmentIsReportedAndKept(t *testing.T) {
	for name, test := range map[string]struct {
		content       string
		damaged, kept bool
	}{
		"empty":            {"", false, false},
		"another version":  {"TTJRNL\x00\x02 and more than a header", true, true},
		"part of a header": {"TTJ", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, segmentName(1))
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, segmentName(9)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			o := open(t, Config{Dir: dir})
			if got := len(o.damage) > 0; got != test.damaged {
				t.Errorf("damage = %v, want %v", o.damage, test.damaged)
			}
			if err := o.journal.Remove(100); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); (err == nil) != test.kept {
				t.Errorf("stat = %v, want that it is kept: %v", err, test.kept)
			}
		})
	}
}

func TestWholeFrameThatIsRefusedIsSkippedAndKept(t *testing.T) {
	dir := t.TempDir()
	o := open(t, Config{Dir: dir})
	add(t, o.journal, 1, "one", "strange", "three", "strange")
	o.close(t)
	path := segments(t, dir)[0]
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	errStrange := errors.New("strange")
	for range 2 {
		var got []string
		j, damage, err := Open(Config{Dir: dir}, func(first uint64, payload []byte) (uint64, error) {
			if string(payload) == "strange" {
				return 0, errStrange
			}
			got = append(got, string(payload))
			return first, nil
		}, func([]Damage) uint64 { return 5 })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"one", "three"}, got); diff != "" {
			t.Errorf("frames (-want +got):\n%s", diff)
		}
		if len(damage) != 2 || damage[1].Torn || !errors.Is(damage[1].Err, errStrange) || damage[1].Bytes != int64(len(frame("strange"))) {
			t.Errorf("damage = %v, want the two frames, not torn", damage)
		}
		if err := errors.Join(j.Remove(100), j.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the segment of %d bytes has %d, error %v", len(before), len(after), err)
	}
}

func TestForgedFrameInsideADamagedOneIsNotTaken(t *testing.T) {
	dir := t.TempDir()
	o := open(t, Config{Dir: dir})
	forged := frame("forged")
	putHeader(forged, 7, 0) // a sender does not know the salt
	add(t, o.journal, 1, "before"+string(forged), "last")
	o.close(t)
	path := segments(t, dir)[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[segmentHeaderBytes+HeaderBytes] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	o = open(t, Config{Dir: dir})
	if diff := cmp.Diff([]string{"2 last"}, o.frames); diff != "" {
		t.Errorf("frames (-want +got):\n%s", diff)
	}
}

// faultyFile fails when its switch says so, after half of a write.
type faultyFile struct {
	File
	faults *faults
}

type faults struct {
	mu                    sync.Mutex
	write, truncate, sync error
	syncs                 int
}

func (f *faults) get() faults {
	f.mu.Lock()
	defer f.mu.Unlock()
	return faults{write: f.write, truncate: f.truncate, sync: f.sync}
}

func (f *faults) create(path string) (File, error) {
	file, err := createFile(path)
	return faultyFile{file, f}, err
}

func (f faultyFile) Write(p []byte) (int, error) {
	if err := f.faults.get().write; err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}

func (f faultyFile) Truncate(size int64) error {
	if err := f.faults.get().truncate; err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f faultyFile) Sync() error {
	f.faults.mu.Lock()
	f.faults.syncs++
	f.faults.mu.Unlock()
	if err := f.faults.get().sync; err != nil {
		return err
	}
	return f.File.Sync()
}

var errFull = errors.New("no space left")

func TestFullDiskCostsTheFramesOfThatTimeOnly(t *testing.T) {
	for _, canTruncate := range []bool{true, false} {
		t.Run(fmt.Sprintf("truncate works %v", canTruncate), func(t *testing.T) {
			var f faults
			cfg := Config{Dir: t.TempDir(), Create: f.create}
			o := open(t, cfg)
			add(t, o.journal, 1, "one")
			f.write = errFull
			if !canTruncate {
				f.truncate = errFull
			}
			for seq := uint64(2); seq < 4; seq++ {
				if err := o.journal.Append(frame("lost"), seq, seq); !errors.Is(err, errFull) {
					t.Fatalf("error = %v, want %v", err, errFull)
				}
			}
			f.write, f.truncate = nil, nil
			add(t, o.journal, 4, "four")
			if err := o.journal.Close(); err != nil {
				t.Fatal(err)
			}
			o = open(t, Config{Dir: cfg.Dir})
			if diff := cmp.Diff([]string{"1 one", "4 four"}, o.frames); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			if got := len(o.damage) > 0; got == canTruncate {
				t.Errorf("damage = %v", o.damage)
			}
		})
	}
}

func TestFailedSyncIsToldAndNotForgotten(t *testing.T) {
	var f faults
	o := open(t, Config{Dir: t.TempDir(), Create: f.create})
	add(t, o.journal, 1, "one")
	f.sync = errFull
	if err := o.journal.Sync(context.Background()); !errors.Is(err, errFull) {
		t.Fatalf("error = %v, want %v", err, errFull)
	}
	f.sync = nil
	add(t, o.journal, 2, "two")
	if err := o.journal.Sync(context.Background()); !errors.Is(err, errFull) || o.journal.Unsynced() != 1 {
		t.Errorf("later error = %v, unsynced up to %d, want %v and 1", err, o.journal.Unsynced(), errFull)
	}
	if n := len(segments(t, o.journal.cfg.Dir)); n != 2 {
		t.Errorf("%d segments, want a new one after the failed sync", n)
	}
	if err := o.journal.Remove(2); err != nil {
		t.Fatal(err)
	}
	if err := o.journal.Sync(context.Background()); err != nil || o.journal.Unsynced() != 0 {
		t.Errorf("error once the segment is gone = %v, unsynced up to %d", err, o.journal.Unsynced())
	}
}

func TestCloseTellsOfAFailedSync(t *testing.T) {
	var f faults
	j, _, err := Open(Config{Dir: t.TempDir(), Create: f.create},
		func(first uint64, _ []byte) (uint64, error) { return first, nil }, func([]Damage) uint64 { return 1 })
	if err != nil {
		t.Fatal(err)
	}
	add(t, j, 1, "one")
	f.sync = errFull
	if err := j.Sync(context.Background()); !errors.Is(err, errFull) {
		t.Fatalf("error = %v, want %v", err, errFull)
	}
	f.sync = nil
	if err := j.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close = %v, want %v", err, errFull)
	}
}

// appendingFile appends to the journal, past the end of the segment, right
// after its fsync.
type appendingFile struct {
	File
	synced func()
}

func (f appendingFile) Sync() error {
	err := f.File.Sync()
	f.synced()
	return err
}

func TestWhatComesDuringASyncIsSyncedByTheNextOneAlsoInAFullSegment(t *testing.T) {
	var o opened
	var syncs []string
	armed := false
	create := func(path string) (File, error) {
		file, err := createFile(path)
		return appendingFile{file, func() {
			syncs = append(syncs, filepath.Base(path))
			if armed {
				armed = false
				add(t, o.journal, 2, "in the same segment", strings.Repeat("in the next one", 10))
			}
		}}, err
	}
	o = open(t, Config{Dir: t.TempDir(), SegmentBytes: 100, Create: create})
	add(t, o.journal, 1, "one")
	armed = true
	for range 2 {
		if err := o.journal.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{segmentName(1), segmentName(1), segmentName(3)}
	if diff := cmp.Diff(want, syncs); diff != "" {
		t.Errorf("synced (-want +got):\n%s", diff)
	}
}

func TestSyncIsSharedByThoseWhoWait(t *testing.T) {
	var f faults
	o := open(t, Config{Dir: t.TempDir(), Create: f.create})
	var wg sync.WaitGroup
	for seq := range uint64(50) {
		wg.Go(func() {
			if err := o.journal.Append(frame("x"), seq+1, seq+1); err != nil {
				t.Error(err)
			}
			if err := o.journal.Sync(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.mu.Lock()
	syncs := f.syncs
	f.mu.Unlock()
	if err := o.journal.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	if f.mu.Lock(); f.syncs != syncs {
		t.Error("a Sync with nothing new went to the disk")
	}
	f.mu.Unlock()
}

func TestSegmentAfterAFailedSyncOfAnEmptyOneOfItsNameStays(t *testing.T) {
	var f faults
	o := open(t, Config{Dir: t.TempDir(), Create: f.create})
	f.sync = errFull
	if err := o.journal.Sync(context.Background()); !errors.Is(err, errFull) {
		t.Fatalf("error = %v, want %v", err, errFull)
	}
	f.sync = nil
	add(t, o.journal, 1, "one")
	if err := o.journal.Remove(1); err != nil {
		t.Fatal(err)
	}
	if names := segments(t, o.journal.cfg.Dir); len(names) != 1 {
		t.Errorf("segments = %v, want the one with the frame", names)
	}
}
