package index

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/blockindex"
)

// purgedWord is in every message of the instance that is purged, and in no other.
const (
	purgedWord     = "zebrafish"
	purgedInstance = "web/dev1"
)

// fillForPurge makes three days of entries of three instances: in blocks, merged
// ones, and in the journal.
func fillForPurge(t testing.TB, s *Store, clock *testClock) {
	t.Helper()
	n := 0
	add := func() {
		for _, instance := range []string{purgedInstance, "web/dev2", "web/dev10"} {
			word := map[bool]string{true: purgedWord, false: "capybara"}[instance == purgedInstance]
			var messages []string
			for range 5 {
				n++
				messages = append(messages, fmt.Sprintf("%s common %s%d id=%d7x%s took=%dms", word, word[:4], n, n, word[:3], n))
			}
			appendMessages(t, s, instance, messages...)
		}
		clock.at = clock.at.Add(time.Hour)
	}
	for range 3 {
		for range 8 {
			add()
			sealAll(t, s)
			add()
			sealAll(t, s)
			clock.at = clock.at.Add(-time.Hour)
		}
		clock.at = clock.at.Add(16 * time.Hour)
		keep(t, s)
	}
	add()
	sealAll(t, s)
	add()
}

func purgeConfig(dir string, clock *testClock) Config {
	return Config{Dir: dir, now: clock.now, HeadEntries: 64}
}

// hashOfOthers is of an export of all that is not purged.
func hashOfOthers(t testing.TB, s *Store, before time.Time) (sum string, entries int) {
	t.Helper()
	h := sha256.New()
	err := s.Export(context.Background(), ExportRequest{}, func(batch []Entry) error {
		for i := range batch {
			if e := &batch[i]; e.Instance != purgedInstance || !before.IsZero() && !e.Received.Before(before) {
				_, _ = h.Write(append(e.AppendJSON(nil), '\n')) // never fails
				entries++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), entries
}

// wantPurged looks for what is purged in all files, as they are.
func wantPurged(t *testing.T, dir, when string) {
	t.Helper()
	codec, err := block.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if strings.HasSuffix(path, block.Suffix) {
			columns, err := codec.Decode(data)
			if err != nil {
				t.Errorf("%s: %s: %v", when, path, err)
				return nil
			}
			if columns.Instance == purgedInstance {
				t.Errorf("%s: %s is there", when, path)
			}
			data = []byte(strings.Join(columns.Message, "\n"))
		}
		for _, word := range []string{purgedWord, "zebr", "web%2Fdev1.", "web/dev1\x00", "web/dev1\""} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s: %q is in %s", when, word, path)
			}
		}
		return nil
	})
	if err != nil || files < 3 {
		t.Errorf("%s: looked at %d files, %v", when, files, err)
	}
	for _, words := range glob(t, dir, "days/*/"+blockindex.Folder) {
		x, err := blockindex.OpenReadOnly(words)
		if err != nil {
			continue // a live store has it open
		}
		for _, text := range []string{purgedWord, "zebr", "zeb"} {
			if found, err := x.Containing(text, false, false); err != nil || len(found) > 0 {
				t.Errorf("%s: the words of %s have %q: %v, %v", when, words, text, found, err)
			}
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
}

func wantSound(t *testing.T, s *Store, when string) {
	t.Helper()
	report, err := s.Verify(t.Context(), nil)
	if err != nil || report.Err() != nil {
		t.Errorf("%s: %v: %v", when, err, report.Findings)
	}
	if stats := s.Stats(); stats.DamagedBlocks+stats.DamagedFrames > 0 {
		t.Errorf("%s: stats = %+v", when, stats)
	}
}

func TestPurgeDeletesAnInstanceFromEveryFileAndNothingElse(t *testing.T) {
	clock := newClock()
	cfg := purgeConfig(t.TempDir(), clock)
	s := openStore(t, cfg)
	s.ring.join() // as a tail does
	defer s.ring.leave()
	fillForPurge(t, s, clock)
	if n := len(findAll(t, s, textQuery(purgedWord))); n != 250 {
		t.Fatalf("%d entries, want 250", n)
	}
	want, others := hashOfOthers(t, s, time.Time{})
	preview, err := s.PurgePreview(t.Context(), PurgeRequest{Instance: purgedInstance})
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	report, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance}, func(Progress) { steps++ })
	if err != nil {
		t.Fatal(err)
	}
	got := report.Deleted
	if got.Entries != 250 || got.Entries != preview.Entries || got.First != preview.First || got.Last != preview.Last ||
		got.FirstSeq != preview.FirstSeq || got.LastSeq != preview.LastSeq || got.Blocks < 4 || got.Bytes < 1000 || got.Rewritten != 0 {
		t.Errorf("deleted %+v, previewed %+v", got, preview)
	}
	if p := report.Proof; p.Remaining != 0 || p.Blocks < 8 || p.Filters == 0 || p.WordIndexes < 4 || p.MemoryEntries == 0 || len(p.Left) > 0 || steps == 0 {
		t.Errorf("proof %+v after %d steps", p, steps)
	}
	check := func(when string, s *Store) {
		if sum, n := hashOfOthers(t, s, time.Time{}); sum != want || n != others {
			t.Errorf("%s: the %d others are %d and %s, want %s", when, others, n, sum, want)
		}
		if n := len(findAll(t, s, InstanceQuery(purgedInstance))) + len(findAll(t, s, textQuery("zebr"))); n != 0 {
			t.Errorf("%s: %d are found", when, n)
		}
		if n := len(findAll(t, s, textQuery("capybara"))); n != 500 {
			t.Errorf("%s: %d others are found by a word, want 500", when, n)
		}
		if n := len(findAll(t, s, textQuery("capy7"))) + len(findAll(t, s, textQuery("id=67xcap"))); n != 2 {
			t.Errorf("%s: %d others are found by an id, want 2", when, n)
		}
		for _, stats := range s.Instances() {
			if stats.Instance == purgedInstance {
				t.Errorf("%s: %+v", when, stats)
			}
		}
	}
	check("afterwards", s)
	for _, e := range s.ring.all() {
		if e.Instance == purgedInstance {
			t.Errorf("entry %d is in the ring", e.Seq)
		}
	}
	wantSound(t, s, "afterwards")
	last := s.LastSeq()
	appended := appendMessages(t, s, purgedInstance, "a new one")
	if appended[0].Seq != last+1 {
		t.Errorf("the next seq is %d, want %d", appended[0].Seq, last+1)
	}
	wantCount := func(want int) {
		t.Helper()
		if n := len(findAll(t, s, InstanceQuery(purgedInstance))); n != want {
			t.Errorf("%d entries of it came since, want %d", n, want)
		}
	}
	wantCount(1)
	if report, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance}, nil); err != nil || report.Deleted.Entries != 1 {
		t.Errorf("a second purge deletes %+v, %v, want 1", report.Deleted, err)
	}
	wantCount(0)
	closeStore(t, s)
	wantPurged(t, cfg.Dir, "closed")
	s = openStore(t, cfg)
	check("after a restart", s)
	wantSound(t, s, "after a restart")
	if s.LastSeq() < last+1 {
		t.Errorf("last seq = %d, want %d", s.LastSeq(), last+1)
	}
}

func TestPurgeUpToATimeLeavesTheRestOfABlock(t *testing.T) {
	clock := newClock()
	cfg := purgeConfig(t.TempDir(), clock)
	s := openStore(t, cfg)
	fillForPurge(t, s, clock)
	before := newClock().at.Add(25*time.Hour + 30*time.Minute) // within the second day, whose blocks are merged
	want, _ := hashOfOthers(t, s, before)
	mine := len(findAll(t, s, InstanceQuery(purgedInstance)))
	preview, err := s.PurgePreview(t.Context(), PurgeRequest{Instance: purgedInstance, Before: before})
	if err != nil || preview.Rewritten == 0 {
		t.Fatalf("preview = %+v, %v, want that a block is cut", preview, err)
	}
	// An export that has begun goes on with what stays.
	x := startExport(t, s)
	report, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance, Before: before}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := report.Deleted; d.Rewritten == 0 || d.Entries != preview.Entries || d.Entries == 0 || report.Proof.Remaining != uint64(mine)-d.Entries {
		t.Errorf("deleted %+v, previewed %+v, remaining %d of %d", d, preview, report.Proof.Remaining, mine)
	}
	for _, e := range x.rest() {
		if e.Instance == purgedInstance && e.Received.Before(before) {
			t.Errorf("an export that goes on has entry %d", e.Seq)
		}
	}
	if got := uint64(len(x.found)); got < uint64(mine)-report.Deleted.Entries {
		t.Errorf("an export that goes on has %d of the instance", got)
	}
	for range 2 {
		if got, _ := hashOfOthers(t, s, before); got != want {
			t.Errorf("what stays is %s, want %s", got, want)
		}
		for _, e := range findAll(t, s, InstanceQuery(purgedInstance)) {
			if e.Received.Before(before) {
				t.Errorf("entry %d is there", e.Seq)
			}
		}
		if n := len(findAll(t, s, textQuery(purgedWord))); n != mine-int(report.Deleted.Entries) {
			t.Errorf("%d are found by a word", n)
		}
		wantSound(t, s, "afterwards")
		closeStore(t, s)
		s = openStore(t, cfg)
	}
}

// halfExport is an export that waits after its first batch.
type halfExport struct {
	t     *testing.T
	goOn  chan struct{}
	ended chan error
	found []Entry // of the instance, after the first batch
}

func startExport(t *testing.T, s *Store) *halfExport {
	t.Helper()
	x := &halfExport{t: t, goOn: make(chan struct{}), ended: make(chan error, 1)}
	begun := make(chan struct{})
	go func() {
		first := true
		x.ended <- s.Export(context.Background(), ExportRequest{}, func(batch []Entry) error {
			if first {
				first = false
				close(begun)
				<-x.goOn
				return nil
			}
			for _, e := range batch {
				if e.Instance == purgedInstance {
					x.found = append(x.found, e)
				}
			}
			return nil
		})
	}()
	<-begun
	return x
}

func (x *halfExport) rest() []Entry {
	x.t.Helper()
	close(x.goOn)
	if err := <-x.ended; err != nil {
		x.t.Error(err)
	}
	return x.found
}

func TestReadersOfAPurgedInstanceNeitherFailNorSeeIt(t *testing.T) {
	clock := newClock()
	s := openStore(t, purgeConfig(t.TempDir(), clock))
	fillForPurge(t, s, clock)
	ctx, stop := context.WithCancel(t.Context())
	x := startExport(t, s)
	var done atomic.Bool // the purge has answered
	var readers sync.WaitGroup
	seen := func(where string, entries []Entry, after bool) {
		for i := range entries {
			if after && entries[i].Instance == purgedInstance {
				t.Errorf("%s shows entry %d", where, entries[i].Seq)
			}
		}
	}
	for _, q := range []Query{{}, textQuery(purgedWord), textQuery("id=17xzeb"), textQuery("zebr OR capy"), InstanceQuery(purgedInstance)} {
		readers.Go(func() {
			for ctx.Err() == nil {
				after := done.Load()
				r, err := s.Search(ctx, SearchRequest{Query: q, Limit: 1000})
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				seen("a search", r.Entries, after)
				if _, err := s.Count(ctx, CountRequest{Query: q}); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		err := s.Follow(ctx, FollowRequest{}, func(b FollowBatch) error {
			seen("a tail", b.Entries, done.Load())
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	readers.Go(func() {
		for n := 0; n < 3000 && ctx.Err() == nil; n++ {
			if err := s.Append([]Entry{{Instance: "web/dev2", Message: fmt.Sprint("meanwhile ", n)}}); err != nil {
				t.Error(err)
			}
			s.sealNext()
		}
	})
	if _, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance}, nil); err != nil {
		t.Error(err)
	}
	done.Store(true)
	if rest := x.rest(); len(rest) > 0 {
		t.Errorf("an export that goes on has %d entries of it", len(rest))
	}
	if n := len(findAll(t, s, InstanceQuery(purgedInstance))); n != 0 {
		t.Errorf("%d are found", n)
	}
	stop()
	readers.Wait()
	wantSound(t, s, "afterwards")
}

// purgeChild purges, and stops at the step of that number until it is killed.
func purgeChild(dir, step string) {
	clock := newClock()
	stop, err := strconv.Atoi(step)
	if err == nil {
		n := 0
		cfg := purgeConfig(dir, clock)
		cfg.Logger = slog.New(slog.DiscardHandler)
		cfg.atPurge = func(string) {
			if n++; n == stop {
				fmt.Println("here")
				select {}
			}
		}
		var s *Store
		if s, err = Open(cfg); err == nil {
			_, err = s.Purge(context.Background(), PurgeRequest{Instance: purgedInstance}, nil)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func TestPurgeThatIsKilledIsFinishedByTheNextStart(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	s := openStore(t, purgeConfig(dir, clock))
	fillForPurge(t, s, clock)
	want, _ := hashOfOthers(t, s, time.Time{})
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	filled := filepath.Join(t.TempDir(), "filled") // as a kill leaves it, with a journal
	if err := os.CopyFS(filled, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	steps := 0
	for step := 1; ; step += 1 + step/4*2 { // all would take long
		killed := filepath.Join(t.TempDir(), "killed")
		if err := os.CopyFS(killed, os.DirFS(filled)); err != nil {
			t.Fatal(err)
		}
		if !killPurgeAt(t, killed, step) {
			break
		}
		steps++
		when := fmt.Sprintf("killed at step %d", step)
		if _, err := os.Stat(filepath.Join(killed, purgeName)); err != nil {
			t.Errorf("%s: what it does is not written down: %v", when, err)
		}
		for round := range 1 + step%2 {
			s := openStore(t, purgeConfig(killed, clock))
			if got, _ := hashOfOthers(t, s, time.Time{}); got != want {
				t.Errorf("%s: the others are %s, want %s", when, got, want)
			}
			if n := len(findAll(t, s, InstanceQuery(purgedInstance))); n != 0 {
				t.Errorf("%s: %d are found", when, n)
			}
			if n := len(findAll(t, s, textQuery("capybara"))); n != 500 {
				t.Errorf("%s: %d others are found by a word, want 500", when, n)
			}
			wantSound(t, s, when)
			if _, err := os.Stat(filepath.Join(killed, purgeName)); !os.IsNotExist(err) {
				t.Errorf("%s: it is not finished: %v", when, err)
			}
			if r := s.Resumed(); (r == nil) != (round > 0) {
				t.Errorf("%s: start %d has finished %+v", when, round, r)
			}
			closeStore(t, s)
			wantPurged(t, killed, when)
		}
	}
	if steps < 6 {
		t.Errorf("it has %d steps", steps)
	}
}

// killPurgeAt tells whether there was such a step.
func killPurgeAt(t *testing.T, dir string, step int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TAGTAIL_TEST_PURGE="+dir, "TAGTAIL_TEST_STEP="+fmt.Sprint(step))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	here := lines.Text() == "here"
	if here {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); !here && err != nil {
		t.Fatal(err)
	}
	return here
}

func TestPurgeDeletesAlsoWhatCannotBeRead(t *testing.T) {
	clock := newClock()
	cfg := purgeConfig(t.TempDir(), clock)
	s := openStore(t, cfg)
	sealedMessages(t, s, purgedInstance, purgedWord+" one")
	sealedMessages(t, s, "web/dev2", "capybara")
	closeStore(t, s)
	for _, path := range glob(t, cfg.Dir, "days/*/*dev1.block") {
		if err := os.WriteFile(path, []byte("damaged "+purgedWord), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s = openStore(t, cfg)
	if _, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance}, nil); err != nil {
		t.Error(err)
	}
	wantMessages(t, s, "afterwards", "capybara")
	closeStore(t, s)
	wantPurged(t, cfg.Dir, "afterwards")
}

func TestPurgeSaysWhereSomethingMayBeLeft(t *testing.T) {
	clock := newClock()
	cfg := purgeConfig(t.TempDir(), clock)
	s := openStore(t, cfg)
	sealedMessages(t, s, purgedInstance, purgedWord)
	garbage := filepath.Join(cfg.Dir, "journal", "00000000000000000000.journal")
	if err := os.WriteFile(garbage, []byte("no segment, with "+purgedWord), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance}, nil)
	if want := "00000000000000000000.journal: 26 bytes cannot be read: delete the file"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want it to say %q", err, want)
	}
	if err := os.Remove(garbage); err != nil {
		t.Fatal(err)
	}
	if report, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance}, nil); err != nil || len(report.Proof.Left) > 0 {
		t.Errorf("then %+v, %v", report, err)
	}
	if _, err := s.Purge(t.Context(), PurgeRequest{Instance: "dev1"}, nil); err == nil || !strings.Contains(err.Error(), "its name is SERVICE/OWNER") {
		t.Errorf("error of a bad name = %v", err)
	}
}

func TestProofFindsWhatIsLeftInEachPlace(t *testing.T) {
	clock := newClock()
	s := openStore(t, purgeConfig(t.TempDir(), clock))
	s.ring.join()
	defer s.ring.leave()
	sealedMessages(t, s, purgedInstance, purgedWord)
	sealedMessages(t, s, purgedInstance, purgedWord+" two")
	d := s.allDays()[0]
	if words := s.openWords(d); words == nil || words.Add("1-1", []blockindex.Word{{Text: purgedWord, Lines: 1}}, 0) != nil {
		t.Fatal("no words")
	}
	appendMessages(t, s, purgedInstance, purgedWord+" in a head")
	p := &purge{Instance: purgedInstance, UpTo: s.LastSeq()}
	found := func() string {
		t.Helper()
		proof, err := s.provePurge(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(proof.Left, "\n")
	}
	all := found()
	for _, want := range []string{".journal: entry 3", "memory: entry 3", "recent entries: entry 1", "dev1.block: entry 1", "a search: entry"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
	// A block that is gone, of which the filter and the words are left.
	blocks := glob(t, s.cfg.Dir, "days/*/*.block")
	slices.Sort(blocks)
	s.mu.Lock()
	d.blocks = d.blocks[1:]
	s.mu.Unlock()
	if err := os.Remove(blocks[0]); err != nil {
		t.Fatal(err)
	}
	all = found()
	for _, want := range []string{"filter: it has the ids of 00000000000000000001-", "its word index has the words of block 1-1"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in\n%s", want, all)
		}
	}
}

func TestRestOfAPurgedBlockMayHaveItsName(t *testing.T) {
	clock := newClock()
	cfg := purgeConfig(t.TempDir(), clock)
	s := openStore(t, cfg)
	at := clock.at
	var entries []Entry
	for i, hours := range []int{2, 0, 3} { // the clock was turned back
		entries = append(entries, Entry{Instance: purgedInstance, Received: at.Add(time.Duration(hours) * time.Minute), Message: fmt.Sprint("entry ", i)})
	}
	if err := s.Append(entries); err != nil {
		t.Fatal(err)
	}
	sealAll(t, s)
	x := startExport(t, s)
	report, err := s.Purge(t.Context(), PurgeRequest{Instance: purgedInstance, Before: at.Add(time.Minute)}, nil)
	if err != nil || report.Deleted.Entries != 1 || report.Deleted.Rewritten != 1 {
		t.Errorf("report %+v, %v", report, err)
	}
	x.rest()
	for range 2 {
		if diff := cmp.Diff([]string{"entry 0", "entry 2"}, messages(findAll(t, s, Query{}))); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		wantSound(t, s, "afterwards")
		closeStore(t, s)
		s = openStore(t, cfg)
	}
}
