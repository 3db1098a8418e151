package index

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/shape"
	"github.com/tagtail/tagtail/index/internal/words"
)

// source is a run of entries that a search may have to look through: a block,
// or a head.
type source struct {
	instance         string
	first, last      uint64 // Seq
	minTime, maxTime int64  // Received
	severities       uint8  // bit n: there may be an entry of severity n

	columns *block.Columns // of a head
	block   *storedBlock   // or nil
	day     *day           // of the block
}

func (b *storedBlock) source(d *day) source {
	h := &b.header
	src := source{
		instance: h.Instance, first: h.First, last: h.Last,
		minTime: h.MinReceived, maxTime: h.MaxReceived, block: b, day: d,
	}
	for severity, n := range h.Severity {
		if n > 0 {
			src.severities |= 1 << severity
		}
	}
	return src
}

// source is the head as it is now.
func (h *head) source() source {
	columns := h.columns
	return source{
		instance: h.key.instance, first: h.first(), last: h.last(),
		minTime: h.minTime, maxTime: h.maxTime, severities: h.severities, columns: &columns,
	}
}

// pruner evaluates a plan for the sources of one search.
type pruner struct {
	store   *Store
	sources []source
	root    *prunerNode
	counts  bool // lines will be asked for too, so that the index is asked for both at once
	bounds  bounds

	aheadMu sync.Mutex // guards ahead of the nodes; taken before mu

	mu   sync.Mutex // guards days, and sets of the nodes
	days map[*day]*prunerDay
}

// prunerNode is a part of the plan.
type prunerNode struct {
	plan
	kids  []*prunerNode       // cheapest first
	hash  uint64              // of text
	sets  map[*day]*prunerSet // of planWord
	ahead int                 // the first of sources whose filter was not read ahead
}

// prunerDay is a day's index of words, and which blocks were in it before it
// was asked anything: only those can be excluded by what it says.
type prunerDay struct {
	words   *blockindex.Index // nil excludes nothing
	indexed map[*storedBlock]bool
	lines   map[linesKey]map[string]blockindex.Lines // by block; nil if it is not known
}

// prunerSet is the blocks of a day that have a word.
type prunerSet struct {
	blocks map[string]bool
	known  bool
}

func newPruner(s *Store, p plan, sources []source, b bounds) *pruner {
	return &pruner{store: s, sources: sources, bounds: b, root: newPrunerNode(p), days: make(map[*day]*prunerDay)}
}

func newPrunerNode(p plan) *prunerNode {
	n := &prunerNode{plan: p}
	switch p.op {
	case planID:
		n.hash = shape.Hash(p.text)
	case planWord:
		n.hash = filter.Hash(p.text)
		n.sets = make(map[*day]*prunerSet)
	}
	for _, kid := range p.kids {
		n.kids = append(n.kids, newPrunerNode(kid))
	}
	slices.SortStableFunc(n.kids, func(a, b *prunerNode) int { return a.cost() - b.cost() })
	return n
}

// cost orders what is in memory before a look at the index, and that before
// the reading of a file.
func (n *prunerNode) cost() int {
	switch n.op {
	case planWord:
		return 1
	case planID:
		return 2
	case planAnd, planOr:
		cost := 0
		for _, kid := range n.kids {
			cost = max(cost, kid.cost())
		}
		return cost
	default:
		return 0
	}
}

// keeps tells whether the source can hold a match.
func (p *pruner) keeps(ctx context.Context, src *source) bool {
	return p.eval(ctx, p.root, src, p.filterMayContain)
}

// askFilter tells whether the filter of a source's block may have a node's text.
type askFilter func(ctx context.Context, n *prunerNode, src *source) bool

func (p *pruner) eval(ctx context.Context, n *prunerNode, src *source, ask askFilter) bool {
	switch n.op {
	case planNone:
		return false
	case planAnd:
		for _, kid := range n.kids {
			if !p.eval(ctx, kid, src, ask) {
				return false
			}
		}
		return true
	case planOr:
		for _, kid := range n.kids {
			if p.eval(ctx, kid, src, ask) {
				return true
			}
		}
		return false
	case planInstance:
		return n.instance(src.instance)
	case planSeverity:
		return n.severity&src.severities != 0
	case planWord:
		return src.block == nil || p.mayHaveWord(ctx, n, src, ask)
	case planID:
		return src.block == nil || ask(ctx, n, src)
	default:
		return true
	}
}

func (p *pruner) mayHaveWord(ctx context.Context, n *prunerNode, src *source, ask askFilter) bool {
	whole := n.anchor == anchorStart|anchorEnd
	if !whole && len(n.text) < words.MinInner {
		return true // it may be a part of an id that is too short to be a word
	}
	if has, known := p.hasWord(ctx, n, src); has || !known {
		return true
	}
	if !whole && words.Hex(n.text) && src.block.marked(blockindex.Hex) {
		return true
	}
	if src.block.marked(blockindex.Overflow) {
		return !whole || ask(ctx, n, src)
	}
	return false
}

// hasWord tells whether the index knows the source's block, and then whether
// the block has the word in the index.
func (p *pruner) hasWord(ctx context.Context, n *prunerNode, src *source) (has, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.dayLocked(ctx, src.day)
	if d.words == nil || !d.indexed[src.block] {
		return false, false
	}
	whole := n.anchor == anchorStart|anchorEnd
	if p.counts && (whole || n.anchor == 0) {
		blocks := p.linesLocked(d, src.day, n.text, whole)
		return blocks[src.block.id()].Words > 0, blocks != nil
	}
	set := n.sets[src.day]
	if set == nil {
		set = p.wordSet(n, d.words, src.day)
		n.sets[src.day] = set
	}
	return set.blocks[src.block.id()], set.known
}

func (p *pruner) dayLocked(ctx context.Context, d *day) *prunerDay {
	if known := p.days[d]; known != nil {
		return known
	}
	var blocks []*storedBlock
	for i := range p.sources {
		if p.sources[i].day == d {
			blocks = append(blocks, p.sources[i].block)
		}
	}
	known := &prunerDay{words: p.store.openWords(d), indexed: make(map[*storedBlock]bool, len(blocks)), lines: make(map[linesKey]map[string]blockindex.Lines)}
	if known.words != nil {
		p.store.completeWords(ctx, d, known.words, blocks)
	}
	for _, b := range blocks {
		known.indexed[b] = known.words != nil && b.indexed.Load() == known.words
	}
	p.days[d] = known
	return known
}

func (p *pruner) wordSet(n *prunerNode, index *blockindex.Index, d *day) *prunerSet {
	blocks, err := index.Containing(n.text, n.anchor&anchorStart != 0, n.anchor&anchorEnd != 0)
	if err == nil {
		return &prunerSet{blocks: blocks, known: true}
	}
	if !errors.Is(err, blockindex.ErrTooMany) {
		p.store.reportIndex("read it", d, err)
	}
	return &prunerSet{}
}

func (p *pruner) filterMayContain(ctx context.Context, n *prunerNode, src *source) bool {
	chunk, slot := p.store.cachedChunk(src.block, n.hash)
	if chunk == nil {
		p.readAhead(ctx, n)
		chunk, slot = p.store.filterChunk(src, n.hash)
	}
	return chunk == nil || chunk.MayContain(slot, n.hash)
}
