package index

import (
	"log/slog"
	"os"

	"github.com/tagtail/tagtail/index/internal/block"
)

// loadPart reads a part of a block's columns, and returns the file for the
// rest. The first error is reported; after that the block counts as damaged.
func (s *Store) loadPart(b *storedBlock, part block.Part) (*block.Columns, []byte, error) {
	file, err := os.ReadFile(b.path)
	if err == nil {
		var columns *block.Columns
		if columns, err = s.codec.DecodePart(file, part); err == nil {
			return columns, file, nil
		}
	}
	s.reportBlock(b, err)
	return nil, nil, err
}

func (s *Store) reportBlock(b *storedBlock, err error) {
	if b.damaged.CompareAndSwap(false, true) {
		s.counters.damagedBlocks.Add(1)
		s.cfg.Logger.Error("block cannot be read", slog.String("file", b.path), slog.Any("err", err))
	}
}

// partRows are rows of which only a part is read until the rest is wanted.
type partRows struct {
	rows
	store *Store
	block *storedBlock // nil for those of a head, which are whole
	part  block.Part   // what is there
	file  []byte

	left []expr // what is to be asked of the entries of each shape, nil without shapes
}

// openRows reads a part of a source's columns, and of its messages those that
// may match what is left to ask, if the query or the part needs them. It leaves
// in left what the shapes do not answer.
func (s *Store) openRows(src *source, part block.Part, left expr) (*partRows, error) {
	r := &partRows{rows: rows{entries: src.entries}, store: s, block: src.block, part: block.PartAll}
	if src.block == nil {
		return r, nil
	}
	asked := needs(left)
	all := part | asked
	shaped := left != nil && asked&block.PartMessage != 0
	if src.block.damaged.Load() {
		// Of a damaged block every part is wanted: what a search cannot show is not
		// counted.
		all, shaped = block.PartAll, false
	}
	r.part = all
	if shaped {
		r.part = all&^block.PartMessage | block.PartShapes
		if asked == block.PartAll {
			r.part = block.PartShapes // the others if a shape fits
		}
	}
	var err error
	if r.columns, r.file, err = s.loadPart(src.block, r.part); err != nil || !shaped {
		return r, err
	}
	return r, r.askShapes(left, all)
}

// askShapes asks the shapes, and then reads what of the part is not there yet.
func (r *partRows) askShapes(left expr, part block.Part) error {
	if r.columns.Shapes == nil { // a block of format 1 has none
		return r.read(part)
	}
	texts := r.columns.Shapes.Texts
	r.left = make([]expr, len(texts))
	possible, open := false, block.Part(0)
	for i, text := range texts {
		x := reduceShape(left, text)
		r.left[i] = x
		if _, none := x.(noneExpr); !none {
			possible = true
			open |= needs(x)
		}
	}
	if !possible {
		return nil
	}
	if open&block.PartMessage == 0 {
		part &^= block.PartMessage &^ r.part // until a match is wanted whole
	}
	return r.read(part | open)
}

// read adds what of a part is not there yet.
func (r *partRows) read(part block.Part) error {
	missing := part &^ (r.part | block.PartAlways)
	if missing == 0 {
		return nil
	}
	codec := r.store.codec
	var err error
	if missing&block.PartMessage != 0 {
		err = codec.DecodeMessages(r.columns, r.file, r.wanted())
		missing &^= block.PartMessage
	}
	if err == nil && missing != 0 {
		err = codec.DecodeMore(r.columns, r.file, missing)
	}
	if err != nil {
		r.store.reportBlock(r.block, err)
		return err
	}
	r.part |= part
	return nil
}

// wanted tells of which shapes a message can match; nil stands for all.
func (r *partRows) wanted() []bool {
	if r.left == nil {
		return nil
	}
	wanted := make([]bool, len(r.left))
	for i, x := range r.left {
		_, none := x.(noneExpr)
		wanted[i] = !none
	}
	return wanted
}

// leftOf is what is to be asked of entry i, if left is to be asked of the source.
func (r *partRows) leftOf(i int, left expr) expr {
	if r.left == nil {
		return left
	}
	return r.left[r.columns.Shapes.Of[i]]
}

// complete reads the rest.
func (r *partRows) complete() error { return r.read(block.PartAll) }
