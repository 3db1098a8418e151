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
}

func (s *Store) openRows(src *source, part block.Part) (*partRows, error) {
	r := &partRows{rows: rows{entries: src.entries}, store: s, block: src.block, part: block.PartAll}
	if src.block == nil {
		return r, nil
	}
	if !src.block.damaged.Load() {
		// Of a damaged block every part is wanted: what a search cannot show is not
		// counted.
		r.part = part
	}
	var err error
	r.columns, r.file, err = s.loadPart(src.block, r.part)
	return r, err
}

// complete reads the rest.
func (r *partRows) complete() error {
	if r.part == block.PartAll {
		return nil
	}
	if err := r.store.codec.DecodeRest(r.columns, r.file, r.part); err != nil {
		r.store.reportBlock(r.block, err)
		return err
	}
	r.part = block.PartAll
	return nil
}
