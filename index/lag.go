package index

import (
	"context"
	"slices"
	"sort"
)

// lag is how far a follower is behind, in entries. Numbers do not tell it: a
// power cut, dropped batches and damage leave holes in them.
type lag struct{ sources []source }

func (s *Store) lag() lag {
	imported := func(src source) bool { return Imported(src.first) }
	return lag{slices.DeleteFunc(s.sources(), imported)}
}

// after is about how many entries are behind seq. Of a block that seq lies in
// only the header is looked at.
func (l lag) after(seq uint64) uint64 {
	total := uint64(0)
	for i := range l.sources {
		total += l.sources[i].after(seq)
	}
	return total
}

// place is the lowest Seq above at, up to newest, that has about keep entries
// or fewer behind it.
func (l lag) place(at, newest, keep uint64) uint64 {
	for at < newest {
		middle := at + (newest-at)/2
		if l.after(middle) <= keep {
			newest = middle
		} else {
			at = middle + 1
		}
	}
	return at
}

func (src *source) after(seq uint64) uint64 {
	switch {
	case seq >= src.last || src.block != nil && src.block.damaged.Load():
		return 0
	case src.block == nil:
		seqs := src.columns.Seq
		return uint64(len(seqs) - sort.Search(len(seqs), func(i int) bool { return seqs[i] > seq }))
	case seq < src.first:
		return uint64(src.block.header.Entries)
	}
	part := float64(src.last-seq) / float64(src.last-src.first+1)
	return uint64(part * float64(src.block.header.Entries))
}

// countBetween is how many entries there are with after < Seq ≤ upTo.
func (s *Store) countBetween(ctx context.Context, after, upTo uint64) (uint64, error) {
	n, _, err := s.count(ctx, SearchRequest{After: after, Before: upTo + 1, Order: OldestFirst})
	return n, err
}
