package index

import (
	"unsafe"

	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/words"
)

// tokens are the distinct words and ids of a block. One goroutine owns it and
// uses it for one block after the other.
type tokens struct {
	words    wordSet
	ids      hashSet // of ids and of words past the budget
	overflow bool

	line    int32
	scanner words.Scanner
	folded  []byte
}

func newTokens(budget int) *tokens { return &tokens{words: newWordSet(budget)} }

// collect replaces what t holds by the tokens of the messages.
func (t *tokens) collect(messages []string) {
	t.words.reset()
	t.ids.reset()
	t.overflow = false
	for i, message := range messages {
		t.line = int32(i)
		t.scanner.Reset(message)
		for token, more := t.scanner.Next(); more; token, more = t.scanner.Next() {
			if token.Kind != words.Other {
				t.add(token)
				continue
			}
			t.folded = words.Fold(t.folded[:0], token.Text)
			words.Each(t.folded, t.addFolded)
		}
	}
}

func (t *tokens) addFolded(token []byte, _ int, kind words.Kind) {
	t.add(words.Token{Text: unsafe.String(unsafe.SliceData(token), len(token)), Kind: kind})
}

// add adds a token, whose text it copies.
func (t *tokens) add(token words.Token) {
	if token.Kind == words.Word {
		if t.words.add(token.Text, t.line) {
			return
		}
		t.overflow = true
	}
	t.ids.add(filter.Hash(token.Text))
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
