package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
