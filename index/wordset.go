package index

import (
	"hash/maphash"
	"strings"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

// wordSet is the distinct words of a block, at most budget, and how many lines
// have each. It is an open-addressing table: a word that is known costs no
// allocation and half of what a map does.
type wordSet struct {
	budget int
	seed   maphash.Seed
	slots  []int32  // 1 and more: that word of list, counted from 1
	hashes []uint64 // of list
	list   []blockindex.Word
	seen   []int32 // for each of list, the last stamp it was counted with, and 1 more
}

func newWordSet(budget int) wordSet { return wordSet{budget: budget, seed: maphash.MakeSeed()} }

func (s *wordSet) reset() {
	clear(s.slots)
	clear(s.list)
	s.hashes, s.list, s.seen = s.hashes[:0], s.list[:0], s.seen[:0]
}

// find returns which of the list a word is, which it adds if there is room.
func (s *wordSet) find(word string) (at int32, fits bool) {
	hash := maphash.String(s.seed, word)
	if 2*len(s.list) >= len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	slot := hash & mask
	for ; s.slots[slot] != 0; slot = (slot + 1) & mask {
		at := s.slots[slot] - 1
		if s.hashes[at] == hash && s.list[at].Text == word {
			return at, true
		}
	}
	if len(s.list) >= s.budget {
		return 0, false
	}
	s.list = append(s.list, blockindex.Word{Text: strings.Clone(word)})
	s.hashes = append(s.hashes, hash)
	s.seen = append(s.seen, 0)
	s.slots[slot] = int32(len(s.list))
	return s.slots[slot] - 1, true
}

// count adds lines to a word, unless it was counted with the same stamp last,
// and tells whether it did.
func (s *wordSet) count(at, stamp int32, lines int) bool {
	if s.seen[at] == stamp+1 {
		return false
	}
	s.seen[at] = stamp + 1
	s.list[at].Lines += lines
	return true
}

func (s *wordSet) grow() {
	s.slots = make([]int32, max(1024, 2*len(s.slots)))
	mask := uint64(len(s.slots) - 1)
	for i, hash := range s.hashes {
		slot := hash & mask
		for s.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		s.slots[slot] = int32(i + 1)
	}
}
