package index

import (
	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/words"
)

// tokens are the distinct words and ids of a block. One goroutine owns it and
// uses it for one block after the other.
type tokens struct {
	budget   int // of words
	overflow bool

	index map[string]int32 // of words in list
	list  []blockindex.Word
	seen  []int32 // for each of list, the last line it was in
	ids   hashSet // of ids and of words past the budget

	line   int32
	folded []byte
}

func newTokens(budget int) *tokens {
	return &tokens{budget: budget, index: make(map[string]int32)}
}

// collect replaces what t holds by the tokens of the messages.
func (t *tokens) collect(messages []string) {
	clear(t.index)
	t.list, t.seen, t.overflow = t.list[:0], t.seen[:0], false
	t.ids.reset()
	add := t.add
	for i, message := range messages {
		t.line = int32(i)
		t.folded = words.Fold(t.folded[:0], message)
		words.Each(t.folded, add)
	}
}

func (t *tokens) add(token []byte, _ int, kind words.Kind) {
	if kind == words.ID {
		t.ids.add(filter.Hash(token))
		return
	}
	if at, ok := t.index[string(token)]; ok {
		if t.seen[at] != t.line {
			t.seen[at] = t.line
			t.list[at].Lines++
		}
		return
	}
	if len(t.list) >= t.budget {
		t.overflow = true
		t.ids.add(filter.Hash(token))
		return
	}
	text := string(token)
	t.index[text] = int32(len(t.list))
	t.list = append(t.list, blockindex.Word{Text: text, Lines: 1})
	t.seen = append(t.seen, t.line)
}

// filter builds the filter of what was collected.
func (t *tokens) filter() (*filter.Filter, error) { return filter.Build(t.ids.values(), t.overflow) }

// hashSet is an open-addressing set of hashes: half the cost of a map.
type hashSet struct {
	slots []uint64 // 0 is free
	count int
	zero  bool // 0 is in the set
	list  []uint64
}

func (h *hashSet) reset() {
	clear(h.slots)
	h.count, h.zero = 0, false
}

func (h *hashSet) add(hash uint64) {
	if hash == 0 {
		h.zero = true
		return
	}
	if 2*h.count >= len(h.slots) {
		h.grow()
	}
	mask := uint64(len(h.slots) - 1)
	for i := (hash ^ hash>>32) & mask; ; i = (i + 1) & mask {
		switch h.slots[i] {
		case hash:
			return
		case 0:
			h.slots[i] = hash
			h.count++
			return
		}
	}
}

func (h *hashSet) grow() {
	old := h.slots
	h.slots = make([]uint64, max(1024, 2*len(old)))
	h.count = 0
	for _, hash := range old {
		if hash != 0 {
			h.add(hash)
		}
	}
}

// values lists the set, until the next reset.
func (h *hashSet) values() []uint64 {
	h.list = h.list[:0]
	if h.zero {
		h.list = append(h.list, 0)
	}
	for _, hash := range h.slots {
		if hash != 0 {
			h.list = append(h.list, hash)
		}
	}
	return h.list
}
