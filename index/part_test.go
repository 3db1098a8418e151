package index

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
)

// partStore has one block, and the messages in it.
func partStore(t *testing.T) (cfg Config, all []string) {
	t.Helper()
	cfg = Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	s := openStore(t, cfg)
	for i := range 200 {
		all = append(all, fmt.Sprintf("recv fd:%d from host%d", i, i%7))
		if i%50 == 0 {
			all = append(all, fmt.Sprintf("seldom %d", i))
		}
	}
	sealedMessages(t, s, "a/b", all...)
	closeStore(t, s)
	return cfg, all
}

var partQueries = []string{"recv", "fd:7", "host3", "seldom", `/fd:1\d* from/`, "recv -host3", "severity:info recv", "none"}

func TestBlockThatTheBoundsCutAnswersForWhatIsInside(t *testing.T) {
	cfg, all := partStore(t)
	s := openStore(t, cfg)
	last := uint64(len(all))
	for _, bounds := range [][2]uint64{{0, 0}, {0, last}, {1, 0}, {50, 120}, {last - 1, 0}} {
		for _, text := range partQueries {
			q := parse(text)
			req := SearchRequest{Query: q, After: bounds[0], Before: bounds[1], Limit: len(all)}
			want := uint64(0)
			for i, message := range all {
				seq := uint64(i + 1)
				if seq > req.After && (req.Before == 0 || seq < req.Before) && q.Match(&Entry{Message: message, Seq: seq, Severity: Info}) {
					want++
				}
			}
			found, err := s.Search(t.Context(), req)
			if err != nil || uint64(len(found.Entries)) != want {
				t.Errorf("%q within %v: found %d, %v, want %d", text, bounds, len(found.Entries), err, want)
			}
			n, _, err := s.count(t.Context(), req)
			if err != nil || n != want {
				t.Errorf("%q within %v: counted %d, %v, want %d", text, bounds, n, err, want)
			}
		}
	}
}

// TestOfABlockThatASearchMeetsDamagedNothingIsCounted flips bytes all over it.
func TestOfABlockThatASearchMeetsDamagedNothingIsCounted(t *testing.T) {
	whole, all := partStore(t)
	size := int(sizeOf(t, glob(t, whole.Dir, "days/*/*.block")[0]))
	for at := size / 3; at < size; at += 41 {
		cfg := whole
		cfg.Dir = copyDir(t, whole.Dir)
		flip(t, glob(t, cfg.Dir, "days/*/*.block")[0], at)
		s := openStore(t, cfg)
		for _, text := range slices.Concat([]string{"recv"}, partQueries) {
			q := parse(text)
			found, err := s.Search(t.Context(), SearchRequest{Query: q, Limit: len(all)})
			if err != nil {
				t.Fatal(err)
			}
			n, err := s.Count(t.Context(), CountRequest{Query: q})
			if err != nil || n != uint64(len(found.Entries)) {
				t.Errorf("flipped at %d: %q finds %d and counts %d, %v", at, text, len(found.Entries), n, err)
			}
		}
		if got := s.Stats().DamagedBlocks; got != 1 {
			t.Errorf("flipped at %d: %d blocks are damaged, want 1", at, got)
		}
		closeStore(t, s)
	}
}
