package index

import (
	"context"
	"errors"

	"github.com/tagtail/tagtail/index/internal/blockindex"
	"github.com/tagtail/tagtail/index/internal/words"
)

// A count of a text takes the frequencies of bleve, which are the lines of a
// block with a word. This is exact where every place of the text in a message
// lies inside of a word of the index, and only one word of the block has the
// text inside of it: lines may hold two words. It is not for ids, which are in
// no index of words, nor for a text of several tokens.

// countable returns the folded text if all of its places in any message are
// inside of words; whole tells that it can only be such a word itself.
func (p *pattern) countable() (text string, whole, ok bool) {
	if !p.valid || !p.plain() {
		return "", false, false
	}
	text = p.pieces[0][0].text
	words.Each([]byte(text), func(token []byte, _ int, kind words.Kind) {
		if kind != words.Word || len(token) != len(text) {
			return
		}
		// As a part of a message's token it has to be usable: the letters of an
		// id are words from MinInner on.
		key := wordKey{text: text}
		ok = key.usable()
		whole = key.anchor != 0
	})
	return text, whole, ok
}

// linesWith is how many entries of a block have the text, if the index knows.
func (m *scan) linesWith(ctx context.Context, src *source, x textExpr) (lines uint64, known bool) {
	if len(x.readings) != 1 {
		return 0, false
	}
	text, whole, ok := x.readings[0].countable()
	if !ok {
		return 0, false
	}
	l, known := m.pruner.lines(ctx, src, text, whole)
	if !known {
		return 0, false
	}
	entries := uint64(src.block.header.Entries)
	if l.Least == entries {
		return entries, true // whatever the other words are
	}
	return l.Most, l.Words <= 1 && l.Most <= entries
}

// lines says in how many lines of the block the text is inside of words, if
// all letters of the block that can have it are in words of the index.
func (p *pruner) lines(ctx context.Context, src *source, text string, whole bool) (blockindex.Lines, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.dayLocked(ctx, src.day)
	if d.words == nil || !d.indexed[src.block] || src.block.marked(blockindex.Overflow) ||
		!whole && words.Hex(text) && src.block.marked(blockindex.Hex) {
		return blockindex.Lines{}, false
	}
	blocks := p.linesLocked(d, src.day, text, whole)
	return blocks[src.block.id()], blocks != nil
}

// linesKey is what an index of words is asked for lines of.
type linesKey struct {
	text  string
	whole bool
}

// linesLocked asks a day's index, once. It returns nil if that does not know.
func (p *pruner) linesLocked(d *prunerDay, of *day, text string, whole bool) map[string]blockindex.Lines {
	key := linesKey{text, whole}
	blocks, asked := d.lines[key]
	if asked {
		return blocks
	}
	blocks, err := d.words.Lines(text, whole)
	if err != nil {
		blocks = nil
		if !errors.Is(err, blockindex.ErrTooMany) {
			p.store.reportIndex("read it", of, err)
		}
	}
	d.lines[key] = blocks
	return blocks
}
