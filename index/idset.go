package index

import (
	"math/bits"
	"slices"
)

// idSet gathers the hashes of a block's ids. They are told apart at the end, by
// their first bits: a table of all of them would not fit into the processor's
// cache.
type idSet struct {
	all   []uint64 // may hold one several times
	parts []uint64 // the same, by their first bits
	table [idTable]uint64
}

const (
	// idParts is how many parts there are, by the first 8 bits.
	idParts = 1 << 8
	// idTable is the size of an open-addressing table for a part that is not
	// larger than half of it.
	idTable = 1 << 11
)

func (s *idSet) reset() { s.all = s.all[:0] }

func (s *idSet) add(hash uint64) { s.all = append(s.all, hash) }

// values returns each hash once, in any order, until the next add.
func (s *idSet) values() []uint64 {
	var begin [idParts + 1]int
	for _, hash := range s.all {
		begin[hash>>56+1]++
	}
	for i := range idParts {
		begin[i+1] += begin[i]
	}
	s.parts = slices.Grow(s.parts[:0], len(s.all))[:len(s.all)]
	next := begin
	for _, hash := range s.all {
		part := hash >> 56
		s.parts[next[part]] = hash
		next[part]++
	}
	s.all = s.all[:0]
	for i := range idParts {
		s.distinct(s.parts[begin[i]:begin[i+1]])
	}
	return s.all
}

// distinct appends a part to all, each hash once.
func (s *idSet) distinct(part []uint64) {
	if len(part) > idTable/2 {
		slices.Sort(part)
		s.all = append(s.all, slices.Compact(part)...)
		return
	}
	if len(part) == 0 {
		return
	}
	table := s.table[:1<<bits.Len(uint(2*len(part)-1))]
	mask := uint64(len(table) - 1)
	clear(table)
	zero := false
	for _, hash := range part {
		if hash == 0 {
			zero = true
			continue
		}
		slot := hash & mask
		for table[slot] != hash && table[slot] != 0 {
			slot = (slot + 1) & mask
		}
		if table[slot] == 0 {
			table[slot] = hash
			s.all = append(s.all, hash)
		}
	}
	if zero {
		s.all = append(s.all, 0)
	}
}
