package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("TAGTAIL_TEST_PURGE"); dir != "" {
		purgeChild(dir, os.Getenv("TAGTAIL_TEST_STEP"))
		os.Exit(0)
	}
	if dir := os.Getenv("TAGTAIL_TEST_CRASH"); dir != "" {
		crashChild(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

var sameEntry = cmp.Comparer(func(a, b time.Time) bool {
	_, aOffset := a.Zone()
	_, bOffset := b.Zone()
	return a.Equal(b) && a.IsZero() == b.IsZero() && aOffset == bOffset
})

// logBuffer is a log that a test reads.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func openStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.wordsWithin == 0 {
		cfg.wordsWithin = -1 // bleve takes half a second
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

// unsealed makes Close leave what is in heads to the journal, as a crash does.
const unsealed = -1

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func appendMessages(t testing.TB, s *Store, instance string, messages ...string) []Entry {
	t.Helper()
	entries := make([]Entry, len(messages))
	for i, message := range messages {
		entries[i] = Entry{Instance: instance, Message: message, Severity: Info}
	}
	if err := s.Append(entries); err != nil {
		t.Fatal(err)
	}
	return entries
}

// sealAll turns all heads into blocks.
func sealAll(t testing.TB, s *Store) {
	t.Helper()
	s.mu.Lock()
	for _, h := range s.heads {
		s.retireHeadLocked(h)
	}
	s.mu.Unlock()
	for s.sealNext() {
	}
	if stats := s.Stats(); stats.Pending > 0 || stats.Heads > 0 {
		t.Fatalf("%d heads are left, %d pending", stats.Heads, stats.Pending)
	}
}

func findAll(t testing.TB, s *Store, query Query) []Entry {
	t.Helper()
	result, err := s.Search(context.Background(), SearchRequest{Query: query, Order: OldestFirst, Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	return result.Entries
}

func TestAppendedEntriesAreFoundAtOnceAndAfterReopening(t *testing.T) {
	dir := t.TempDir()
	for _, sealed := range []bool{false, true} {
		t.Run(fmt.Sprintf("sealed %v", sealed), func(t *testing.T) {
			cfg := Config{Dir: filepath.Join(dir, fmt.Sprint(sealed)), sealWithin: unsealed}
			s := openStore(t, cfg)
			want := []Entry{
				{
					Received: time.Date(2026, 11, 22, 10, 42, 31, 102_000_001, time.UTC),
					Time:     time.Date(2026, 11, 22, 18, 42, 31, 0, time.FixedZone("", 8*3600)),
					Facility: Local5, Severity: Err, Format: FormatRFC5424, InstanceBy: ByCreds, Flags: FlagTruncated,
					Hostname: "vm", Source: "127.0.0.1:4711", AppName: "socketserver_dev1", ProcID: "99", MsgID: "login",
					StructuredData: `[x y="a"]`, Message: "超时\x00\xff\n", Instance: "socketserver/dev1", Input: "udp://127.0.0.1:5514",
				},
				{Received: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Instance: "socketserver/dev1", Time: time.Date(9999, 1, 2, 3, 4, 5, 999, time.UTC)},
				{Received: time.Date(2026, 11, 22, 23, 59, 59, 999_999_999, time.UTC), Instance: "../../etc/p%asswd\x00", Time: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)},
				{Received: time.Date(2026, 11, 22, 23, 59, 59, 999_999_999, time.UTC), Instance: "socketserver/dev1"},
			}
			if err := s.Append(want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, findAll(t, s, Query{}), sameEntry); diff != "" {
				t.Errorf("entries in the heads (-want +got):\n%s", diff)
			}
			if sealed {
				sealAll(t, s)
				if diff := cmp.Diff(want, findAll(t, s, Query{}), sameEntry); diff != "" {
					t.Errorf("entries in blocks (-want +got):\n%s", diff)
				}
			}
			instances := s.Instances()
			closeStore(t, s)

			s = openStore(t, cfg)
			if diff := cmp.Diff(want, findAll(t, s, Query{}), sameEntry); diff != "" {
				t.Errorf("entries after reopening (-want +got):\n%s", diff)
			}
			for i := range instances {
				instances[i].Rate = 0
			}
			if diff := cmp.Diff(instances, s.Instances()); diff != "" {
				t.Errorf("instances after reopening (-want +got):\n%s", diff)
			}
			next := appendMessages(t, s, "a/b", "next")
			if got, last := next[0].Seq, want[len(want)-1].Seq; got <= last {
				t.Errorf("seq after reopening = %d, want above %d", got, last)
			}
		})
	}
}

func TestReceivedHasNoMonotonicReading(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	entries := []Entry{{Instance: "a/b"}, {Instance: "a/b", Received: time.Now()}}
	if err := s.Append(entries); err != nil {
		t.Fatal(err)
	}
	for _, e := range append(entries, findAll(t, s, Query{})...) {
		if e.Received != e.Received.Round(0) {
			t.Errorf("received = %v, want it without a monotonic reading", e.Received)
		}
	}
}

func TestSeqGoesOnWhenEverythingIsGoneFromTheJournal(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	s := openStore(t, cfg)
	last := appendMessages(t, s, "a/b", "one", "two")[1].Seq
	sealAll(t, s)
	closeStore(t, s)
	s = openStore(t, cfg)
	closeStore(t, s)
	if err := os.RemoveAll(filepath.Join(cfg.Dir, "days")); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, cfg)
	if got := appendMessages(t, s, "a/b", "three")[0].Seq; got != last+1 {
		t.Errorf("seq = %d, want %d", got, last+1)
	}
}

func TestSeqSkipsWhatAPowerCutMayHaveTaken(t *testing.T) {
	dir, boot := t.TempDir(), "one"
	cfg := Config{Dir: dir, bootID: func() string { return boot }}
	s := openStore(t, cfg)
	last := appendMessages(t, s, "a/b", "one")[0].Seq
	if err := s.lock.release(false); err != nil { // as if the process were gone
		t.Fatal(err)
	}
	boot = "two"
	s2 := openStore(t, cfg)
	if got := appendMessages(t, s2, "a/b", "two")[0].Seq; got <= last+seqReserve {
		t.Errorf("seq = %d, want above %d", got, last+seqReserve)
	}
	s.lock, _ = lockDir(t.TempDir(), "one") // for the first store's Close
}

func TestSeqSkipsWhatAPowerCutTookAlsoWhenTheFirstOpenFails(t *testing.T) {
	var disk fullDisk
	boot := "one"
	cfg := Config{Dir: t.TempDir(), bootID: func() string { return boot }, createFile: disk.createFile}
	s := openStore(t, cfg)
	last := appendMessages(t, s, "a/b", "one")[0].Seq

	crashed := cfg
	crashed.Dir = t.TempDir()
	if err := os.CopyFS(crashed.Dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	boot = "two"
	disk.full.Store(true)
	if _, err := Open(crashed); !errors.Is(err, errFull) {
		t.Fatalf("error = %v, want %v", err, errFull)
	}
	disk.full.Store(false)
	s = openStore(t, crashed)
	if got := appendMessages(t, s, "a/b", "two")[0].Seq; got <= last+seqReserve {
		t.Errorf("seq = %d, want above %d", got, last+seqReserve)
	}
}

func TestJournalIsRemovedOnceItsEntriesAreInBlocks(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), SegmentBytes: 4096})
	for range 100 {
		appendMessages(t, s, "a/b", strings.Repeat("x", 500))
	}
	if stats := s.Stats(); stats.JournalSegments < 10 {
		t.Fatalf("%d segments, want at least 10", stats.JournalSegments)
	}
	sealAll(t, s)
	if stats := s.Stats(); stats.JournalSegments != 1 {
		t.Errorf("%d segments after sealing, want only the active one", stats.JournalSegments)
	}
}

func TestSecondOpenIsRefusedWithOneSentence(t *testing.T) {
	cfg := Config{Dir: t.TempDir()}
	openStore(t, cfg)
	_, err := Open(cfg)
	want := fmt.Sprintf("the folder %s is in use by another tagtail process (pid %d): stop it, or name another with --data", cfg.Dir, os.Getpid())
	if !errors.Is(err, ErrLocked) || err.Error() != want {
		t.Errorf("error = %v, want ErrLocked as %q", err, want)
	}
	if err := os.Truncate(filepath.Join(cfg.Dir, lockName), 0); err != nil {
		t.Fatal(err)
	}
	_, err = Open(cfg)
	want = fmt.Sprintf("the folder %s is in use by another tagtail process: stop it, or name another with --data", cfg.Dir)
	if !errors.Is(err, ErrLocked) || err.Error() != want {
		t.Errorf("error = %v, want ErrLocked as %q", err, want)
	}
}

func TestOpenRefusesAFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: filepath.Join(file, "data")}); err == nil || !strings.Contains(err.Error(), "cannot be made") {
		t.Errorf("error = %v, want that the folder cannot be made", err)
	}
}

func TestConfigValidateNamesTheField(t *testing.T) {
	for name, cfg := range map[string]Config{
		"data folder": {},
		"HeadEntries": {Dir: "x", HeadEntries: -1},
		"HeadAge":     {Dir: "x", HeadAge: -time.Second},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error = %v, want one about %s", err, name)
		}
	}
}

func TestClosedStoreSaysSo(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	closeStore(t, s)
	closeStore(t, s)
	ctx := context.Background()
	_, searchErr := s.Search(ctx, SearchRequest{})
	_, countErr := s.Count(ctx, CountRequest{})
	for name, err := range map[string]error{
		"Append": s.Append([]Entry{{}}), "Sync": s.Sync(ctx), "Search": searchErr, "Count": countErr,
		"Follow": s.Follow(ctx, FollowRequest{}, func(FollowBatch) error { return nil }),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s = %v, want %v", name, err, ErrClosed)
		}
	}
}

func TestRunSealsFullAndOldHeads(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 2, HeadAge: 10 * time.Millisecond, now: clock})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	appendMessages(t, s, "a/full", "1", "2")
	appendMessages(t, s, "a/young", "1")
	waitFor(t, func() bool { return s.Stats().Blocks == 1 })
	mu.Lock()
	now = now.Add(time.Second)
	mu.Unlock()
	waitFor(t, func() bool { return s.Stats().Blocks == 2 })
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestHeadsTogetherAreBounded(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), HeadsBytes: 4000})
	appendMessages(t, s, "a/large", strings.Repeat("x", 3000))
	appendMessages(t, s, "a/small", "x")
	appendMessages(t, s, "a/middle", strings.Repeat("x", 1000))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retireLargeLocked()
	if len(s.pending) != 1 || s.pending[0].key.instance != "a/large" {
		t.Errorf("%d heads were retired, want only the largest", len(s.pending))
	}
}

// waitFor polls for what has no event to wait for.
func waitFor(t testing.TB, ready func() bool) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("timed out")
		}
	}
}

func TestInstancesTellRateAndLastError(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	s := openStore(t, Config{Dir: t.TempDir(), now: func() time.Time { return now }})
	if err := s.Append([]Entry{
		{Instance: "a/b", Message: "four", Severity: Err}, {Instance: "a/b", Message: "x", Severity: Info},
		{Message: "nobody's", Severity: Debug},
	}); err != nil {
		t.Fatal(err)
	}
	want := []InstanceStats{
		{Instance: "a/b", Entries: 2, Bytes: 5, Last: now, LastError: now, Rate: 2.0 / 60},
		{Instance: Unassigned, Entries: 1, Bytes: 8, Last: now, Rate: 1.0 / 60},
	}
	if diff := cmp.Diff(want, s.Instances()); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	now = now.Add(time.Minute)
	if got := s.Instances()[0].Rate; got != 0 {
		t.Errorf("rate a minute later = %v, want 0", got)
	}
}

func TestASeverityThatNoPRIHasIsTheSameInAHeadAndInABlock(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir()})
	if err := s.Append([]Entry{{Message: "a", Severity: 8 + Err}}); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"head", "block"} {
		n, err := s.Count(t.Context(), CountRequest{Query: parse("severity:err")})
		if err != nil || n != 1 {
			t.Errorf("in a %s: got %d, %v; want 1", where, n, err)
		}
		sealAll(t, s)
	}
}
