package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func open(t *testing.T, cfg Config) *Spool {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func appendAll(t *testing.T, s *Spool, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := s.Append([][]byte{[]byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
}

// drain reads everything, and acknowledges it if ack.
func drain(t *testing.T, s *Spool, ack bool) (texts []string) {
	t.Helper()
	for {
		records, err := s.Read(64)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return texts
		}
		for _, r := range records {
			texts = append(texts, string(r.Data))
		}
		if ack {
			if err := s.Ack(records[len(records)-1].After, len(records)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWhatIsNotAcknowledgedIsThereAfterARestart(t *testing.T) {
	cfg := Config{Dir: filepath.Join(t.TempDir(), "q"), MaxBytes: 1 << 20}
	s := open(t, cfg)
	appendAll(t, s, "one", "two", strings.Repeat("long", 100), "")
	records, err := s.Read(64)
	if err != nil || len(records) < 2 {
		t.Fatalf("got %d records, %v", len(records), err)
	}
	if err := s.Ack(records[0].After, 1); err != nil {
		t.Fatal(err)
	}
	s.Rewind()
	want := []string{"two", strings.Repeat("long", 100), ""}
	if diff := cmp.Diff(want, drain(t, s, false)); diff != "" {
		t.Errorf("after Rewind (-want +got):\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg)
	if got := s.Len(); got != 3 {
		t.Errorf("got %d records that wait, want 3", got)
	}
	if diff := cmp.Diff(want, drain(t, s, true)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = open(t, cfg); s.Len() != 0 {
		t.Errorf("got %d records that wait, want none", s.Len())
	}
}

// A crash behind a quiet time repeats nothing.
func TestWhatIsAcknowledgedIsSavedSoonWithoutAnother(t *testing.T) {
	cfg := Config{Dir: filepath.Join(t.TempDir(), "q"), MaxBytes: 1 << 20}
	s := open(t, cfg)
	appendAll(t, s, "one", "two", "three")
	drain(t, s, true)
	for end := time.Now().Add(time.Minute); s.readPosition() != s.acked; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the saved position is %v, want %v", s.readPosition(), s.acked)
		}
	}
	if s = open(t, cfg); s.Len() != 0 { // the other was not closed
		t.Errorf("got %d records that wait, want none", s.Len())
	}
}

func TestAFullDiskLosesOnlyWhatHasNoRoom(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("only root can make a small disk: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	cfg := Config{Dir: filepath.Join(dir, "q"), MaxBytes: 64 << 20}
	s := open(t, cfg)
	var want []string
	put := func(n int) {
		text := fmt.Sprintf("%06d %s", n, strings.Repeat("x", 1000))
		switch err := s.Append([][]byte{[]byte(text)}); {
		case err == nil:
			want = append(want, text)
		case !errors.Is(err, unix.ENOSPC):
			t.Fatal(err)
		}
	}
	const records = 400
	for n := range records {
		put(n)
	}
	if len(want)+int(s.Lost()) != records || s.Lost() == 0 {
		t.Fatalf("%d are kept and %d lost, want %d together", len(want), s.Lost(), records)
	}
	if err := s.Close(); err != nil && !errors.Is(err, unix.ENOSPC) { // of the position
		t.Fatal(err)
	}
	s = open(t, cfg)
	if diff := cmp.Diff(want, drain(t, s, false)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	s.Rewind()
	drain(t, s, true)
	want = nil
	for n := range 10 {
		put(n)
	}
	if diff := cmp.Diff(want, drain(t, s, true)); diff != "" || len(want) < 10 {
		t.Errorf("when there is room again (-want +got):\n%s", diff)
	}
}

func TestAFullQueueDropsTheOldestOrTheNewestAndCounts(t *testing.T) {
	const maxBytes, records = 1 << 20, 3000
	for _, newest := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "q")
		s := open(t, Config{Dir: dir, MaxBytes: maxBytes, DropNewest: newest})
		for i := range records {
			err := s.Append([][]byte{fmt.Appendf(nil, "%06d %s", i, strings.Repeat("x", 1000))})
			if err != nil && (!newest || !errors.Is(err, ErrFull)) {
				t.Fatal(err)
			}
		}
		var bytes int64
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, name := range files {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			bytes += info.Size()
		}
		if bytes > maxBytes+100 || bytes < maxBytes/2 {
			t.Errorf("the files have %d bytes, want nearly %d", bytes, maxBytes)
		}
		got := drain(t, s, true)
		if len(got)+int(s.Lost()) != records || s.Lost() == 0 {
			t.Errorf("%d are there and %d lost, want %d together", len(got), s.Lost(), records)
		}
		first, last := got[0][:6], got[len(got)-1][:6]
		if newest && first != "000000" || !newest && last != "002999" {
			t.Errorf("from %s to %s is there, with the newest dropped: %v", first, last, newest)
		}
	}
}

func TestDamageCostsWhatIsBehindIt(t *testing.T) {
	for _, damage := range []string{"cut", "flipped", "position"} {
		t.Run(damage, func(t *testing.T) {
			cfg := Config{Dir: filepath.Join(t.TempDir(), "q"), MaxBytes: 1 << 20}
			s := open(t, cfg)
			appendAll(t, s, "one", "two", "three")
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			names, _ := filepath.Glob(filepath.Join(cfg.Dir, "*"+suffix))
			name, want := names[0], []string{"one", "two", "four"}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			switch damage {
			case "cut":
				data = data[:len(data)-1]
			case "flipped":
				data[len(data)-1] ^= 1
			case "position":
				name, want = filepath.Join(cfg.Dir, positionFile), []string{"one", "two", "three", "four"}
				data = []byte("nonsense")
			}
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			s = open(t, cfg)
			appendAll(t, s, "four")
			if diff := cmp.Diff(want, drain(t, s, true)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRandomLivesLoseNothingThatWasNotAcknowledged(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 1))
		cfg := Config{Dir: filepath.Join(t.TempDir(), "q"), MaxBytes: 64 << 20}
		s := open(t, cfg)
		s.limit = 200 // many segments
		next, acked := 0, 0
		for range 300 {
			switch random.IntN(4) {
			case 0, 1:
				var batch [][]byte
				for range random.IntN(20) {
					batch = append(batch, fmt.Appendf(nil, "%d", next))
					next++
				}
				if err := s.Append(batch); err != nil {
					t.Fatal(err)
				}
			case 2:
				records, err := s.Read(1 + random.IntN(200))
				if err != nil {
					t.Fatal(err)
				}
				if len(records) == 0 {
					continue
				}
				if got, want := string(records[0].Data), fmt.Sprint(acked); got != want {
					t.Fatalf("seed %d: got %s, want %s", seed, got, want)
				}
				n := 1 + random.IntN(len(records))
				if err := s.Ack(records[n-1].After, n); err != nil {
					t.Fatal(err)
				}
				acked += n
				s.Rewind()
			case 3:
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = open(t, cfg)
				s.limit = 200
			}
			if got := s.Len(); got != next-acked {
				t.Fatalf("seed %d: %d wait, want %d", seed, got, next-acked)
			}
		}
	}
}
