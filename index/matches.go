package index

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
)

// matches are the entries that come first, one more than the page has. Once
// there are so many it is a heap with the one that comes last on top.
type matches struct {
	newest bool
	limit  int
	list   []Entry
}

// wants tells whether an entry of this Seq would be one of them.
func (b *matches) wants(seq uint64) bool {
	if len(b.list) <= b.limit {
		return true
	}
	if b.newest {
		return seq > b.list[0].Seq
	}
	return seq < b.list[0].Seq
}

// add copies e, and takes the place of the last one if there are enough.
func (b *matches) add(e *Entry, ofBlock bool) {
	kept := e.own(ofBlock)
	if len(b.list) <= b.limit {
		if b.list = append(b.list, kept); len(b.list) > b.limit {
			heap.Init(b)
		}
		return
	}
	b.list[0] = kept
	heap.Fix(b, 0)
}

// own copies e. Of a block's text it copies its own part only: the message of an
// entry would keep those of all.
func (e *Entry) own(ofBlock bool) Entry {
	kept := *e
	if ofBlock {
		kept.Message = strings.Clone(kept.Message)
	}
	return kept
}

// page is the result, in order.
func (b *matches) page() SearchResult {
	slices.SortFunc(b.list, func(a, c Entry) int {
		if b.newest {
			return cmp.Compare(c.Seq, a.Seq)
		}
		return cmp.Compare(a.Seq, c.Seq)
	})
	more := len(b.list) > b.limit
	return SearchResult{Entries: b.list[:min(len(b.list), b.limit)], More: more}
}

func (b *matches) Len() int { return len(b.list) }

func (b *matches) Less(i, j int) bool {
	if b.newest {
		return b.list[i].Seq < b.list[j].Seq
	}
	return b.list[i].Seq > b.list[j].Seq
}

func (b *matches) Swap(i, j int) { b.list[i], b.list[j] = b.list[j], b.list[i] }

// Push and Pop are there for heap.Interface: the list only grows until it is a
// heap, and then keeps its length.
func (b *matches) Push(e any) { b.list = append(b.list, e.(Entry)) }

// Pop is like Push.
func (b *matches) Pop() any {
	last := len(b.list) - 1
	e := b.list[last]
	b.list = b.list[:last]
	return e
}
