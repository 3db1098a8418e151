package index

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// model is what a store should have: the entries, of which whole blocks may
// have expired.
type model struct {
	*rand.Rand
	t       *testing.T
	cfg     Config
	clock   *testClock
	store   *Store
	entries []Entry // in order of Seq, without those that may have expired
	last    uint64  // the highest Seq ever
	follows uint64  // a follower's place
}

var modelSteps = []struct {
	weight int
	run    func(*model)
}{
	{12, (*model).appendSome},
	{4, (*model).sealSome},
	{4, (*model).searchSome},
	{2, (*model).followOn},
	{2, (*model).keepBlocks},
	{2, (*model).pass},
	{1, (*model).reopen},
	{2, (*model).crash},
}

func TestRandomLivesOfAStoreAreAsTheModelSays(t *testing.T) {
	end := time.Now().Add(4 * time.Second)
	if os.Getenv("TAGTAIL_SOAK") != "" {
		end = time.Now().Add(5 * time.Minute)
	}
	for n := 0; n == 0 || time.Now().Before(end) && !t.Failed(); n++ {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			clock := newClock()
			r := rand.New(rand.NewPCG(seed, 1))
			m := &model{Rand: r, t: t, clock: clock, cfg: Config{
				Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), now: clock.now,
				HeadEntries: 2 + r.IntN(30), SegmentBytes: 1 << (8 + r.IntN(8)), RingEntries: 1 + r.IntN(50), WordsPerBlock: 1 + r.IntN(50),
			}}
			if r.IntN(2) == 0 {
				m.cfg.sealWithin = unsealed
			}
			switch r.IntN(3) {
			case 0:
				m.cfg.KeepFor = 36 * time.Hour
			case 1:
				m.cfg.KeepInstanceBytes = 4 << 10
			}
			m.store = openStore(t, m.cfg)
			for range 60 {
				m.step()
				if t.Failed() {
					return
				}
			}
			m.verify()
		})
	}
}

func (m *model) step() {
	total := 0
	for _, s := range modelSteps {
		total += s.weight
	}
	at := m.IntN(total)
	for _, s := range modelSteps {
		if at -= s.weight; at < 0 {
			s.run(m)
			return
		}
	}
}

var modelWords = []string{"alpha", "beta", "id7", "超时", "Gamma9x", "x"}

func (m *model) appendSome() {
	batch := make([]Entry, 1+m.IntN(8))
	for i := range batch {
		batch[i] = Entry{
			Instance: fmt.Sprintf("i/%d", m.IntN(3)), Severity: Severity(m.IntN(8)),
			Message: modelWords[m.IntN(len(modelWords))] + " " + modelWords[m.IntN(len(modelWords))],
		}
		if m.IntN(10) == 0 { // it comes late
			batch[i].Received = m.clock.at.Add(-time.Duration(m.IntN(30)) * time.Hour)
		}
	}
	if err := m.store.Append(batch); err != nil {
		m.t.Fatal(err)
	}
	for _, e := range batch {
		if e.Seq <= m.last {
			m.t.Fatalf("seq %d was given out behind %d", e.Seq, m.last)
		}
		m.last = e.Seq
	}
	m.entries = append(m.entries, batch...)
}

func (m *model) sealSome() {
	m.store.mu.Lock()
	for _, h := range m.store.heads {
		if m.IntN(2) == 0 {
			m.store.retireHeadLocked(h)
		}
	}
	m.store.mu.Unlock()
	for m.store.sealNext() {
	}
}

func (m *model) searchSome() {
	text := ""
	if m.IntN(4) > 0 {
		text = modelWords[m.IntN(len(modelWords))]
	}
	query := textQuery(text)
	var want []Entry
	for i := range m.entries {
		if query.Match(&m.entries[i]) {
			want = append(want, m.entries[i])
		}
	}
	if diff := cmp.Diff(want, findAll(m.t, m.store, query), sameEntry); diff != "" {
		m.t.Fatalf("entries for %q (-want +got):\n%s", text, diff)
	}
	if n, err := m.store.Count(m.t.Context(), CountRequest{Query: query}); err != nil || n != uint64(len(want)) {
		m.t.Fatalf("count of %q = %d, error %v, want %d", text, n, err, len(want))
	}
}

// followOn reads what came since the last time.
func (m *model) followOn() {
	var got []uint64
	errEnough := errors.New("enough")
	if m.store.LastSeq() > m.follows {
		err := m.store.Follow(m.t.Context(), FollowRequest{After: m.follows, MaxLag: 1 << 40}, func(b FollowBatch) error {
			for _, e := range b.Entries {
				got = append(got, e.Seq)
			}
			if m.follows = b.Seq; b.Seq >= m.last {
				return errEnough
			}
			return nil
		})
		if !errors.Is(err, errEnough) {
			m.t.Fatal(err)
		}
	}
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		m.t.Fatalf("followed %v, want each once and in order", got)
	}
}

func (m *model) pass() { m.clock.at = m.clock.at.Add(time.Duration(m.IntN(20)) * time.Hour) }

// keepBlocks merges and expires. What goes by age is old enough, and may have
// come late, behind what stays; what goes for its size are the oldest entries of
// an instance and day. It is as many as the store says.
func (m *model) keepBlocks() {
	before := m.store.Stats().ExpiredEntries
	keep(m.t, m.store)
	expired := int(m.store.Stats().ExpiredEntries - before)
	left := make(map[uint64]bool)
	for _, e := range findAll(m.t, m.store, Query{}) {
		left[e.Seq] = true
	}
	kept := make(map[headKey]bool) // there is an older one that was kept
	gone := 0
	m.entries = slices.DeleteFunc(m.entries, func(e Entry) bool {
		if left[e.Seq] {
			kept[keyOf(&e)] = true
			return false
		}
		switch age := m.clock.at.Sub(e.Received); {
		case m.cfg.KeepFor > 0 && age < m.cfg.KeepFor:
			m.t.Errorf("seq %d of %s has expired after %v", e.Seq, e.Instance, age)
		case m.cfg.KeepFor == 0 && kept[keyOf(&e)]:
			m.t.Errorf("seq %d of %s has expired before older ones", e.Seq, e.Instance)
		}
		gone++
		return true
	})
	if gone != expired {
		m.t.Errorf("%d entries are gone, want the %d that have expired", gone, expired)
	}
}

func (m *model) reopen() {
	instances := m.store.Instances()
	closeStore(m.t, m.store)
	m.open(instances)
}

// crash goes on with the folder as it is now, without Close.
func (m *model) crash() {
	instances := m.store.Instances()
	m.cfg.Dir = copyDir(m.t, m.cfg.Dir)
	closeStore(m.t, m.store)
	m.open(instances)
}

func (m *model) open(want []InstanceStats) {
	m.store = openStore(m.t, m.cfg)
	if got := m.store.LastSeq(); got < m.last {
		m.t.Fatalf("last seq = %d, want %d at least", got, m.last)
	}
	for i := range want {
		want[i].Rate = 0
	}
	if diff := cmp.Diff(want, m.store.Instances()); diff != "" {
		m.t.Fatalf("instances (-want +got):\n%s", diff)
	}
	m.searchSome()
}

// verify closes the store and reads all of it.
func (m *model) verify() {
	m.searchSome()
	sealAll(m.t, m.store) // Close does not wait for their words
	if err := m.store.Rebuild(m.t.Context(), nil); err != nil {
		m.t.Fatal(err)
	}
	closeStore(m.t, m.store)
	report, err := Verify(m.t.Context(), m.cfg, nil)
	if err != nil || len(report.Findings) > 0 {
		m.t.Errorf("findings = %v, error %v", report.Findings, err)
	}
}
