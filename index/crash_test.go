package index

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// crashChild appends from several goroutines until it is killed, and says on
// stdout what Append has returned for: the message and its Seq.
func crashChild(dir string) {
	s, err := Open(Config{Dir: dir, HeadEntries: 256, HeadAge: 5 * time.Millisecond, SegmentBytes: 64 << 10})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() { _ = s.Run(context.Background()) }()
	go func() {
		for s.keep(context.Background()) == nil { // merges are cut short as well
			runtime.Gosched()
		}
	}()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				batch := make([]Entry, 1+n%7)
				for i := range batch {
					batch[i] = Entry{Instance: fmt.Sprintf("s/%d", (g+i)%3), Message: fmt.Sprintf("%d.%d.%d.%d", os.Getpid(), g, n, i)}
				}
				if err := s.Append(batch); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				var out strings.Builder
				for _, e := range batch {
					fmt.Fprintf(&out, "%d %s\n", e.Seq, e.Message)
				}
				mu.Lock()
				_, err := os.Stdout.WriteString(out.String())
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestKilledProcessLosesNothingThatWasAcknowledged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	acknowledged := make(map[string]uint64)
	last := uint64(0)
	rounds := 10
	if os.Getenv("TAGTAIL_SOAK") != "" {
		rounds = 100
	}
	for round := range rounds {
		runUntilKilled(t, dir, 500+1000*(round%6), acknowledged)

		s := openStore(t, Config{Dir: dir})
		seen := make(map[string]uint64)
		previous := uint64(0)
		for _, e := range findAll(t, s, Query{}) {
			if e.Seq <= previous {
				t.Fatalf("seq %d comes after %d", e.Seq, previous)
			}
			previous = e.Seq
			if _, twice := seen[e.Message]; twice {
				t.Fatalf("%q is there twice", e.Message)
			}
			seen[e.Message] = e.Seq
		}
		for message, seq := range acknowledged {
			if seen[message] != seq {
				t.Fatalf("%q has seq %d, want %d", message, seen[message], seq)
			}
		}
		if got := appendMessages(t, s, "own/test", fmt.Sprintf("round %d", round))[0].Seq; got <= previous || got <= last {
			t.Fatalf("next seq = %d, want above %d and %d", got, previous, last)
		}
		last = previous
		if stats := s.Stats(); round == rounds-1 && (stats.Blocks == 0 || stats.DamagedBlocks > 0) {
			t.Errorf("stats = %+v, want whole blocks", stats)
		}
		closeStore(t, s)
	}
}

// runUntilKilled starts this test binary as crashChild and kills it after so
// many acknowledgements.
func runUntilKilled(t *testing.T, dir string, count int, acknowledged map[string]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TAGTAIL_TEST_CRASH="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		seq, message, ok := strings.Cut(lines.Text(), " ")
		number, err := strconv.ParseUint(seq, 10, 64)
		if ok && err == nil && strings.Count(message, ".") == 3 {
			acknowledged[message] = number
		}
		if n == count {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("child ended with %v, want that it was killed", err)
	}
}
