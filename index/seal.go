package index

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// sealRetry is the pause after a block could not be written.
const sealRetry = time.Second

// runSealer writes the blocks of pending heads as they come, and looks for old
// heads.
func (s *Store) runSealer(ctx context.Context) {
	ticker := time.NewTicker(min(s.cfg.HeadAge, sealRetry))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.done:
			return
		case <-s.sealWake:
		case <-ticker.C:
			s.mu.Lock()
			s.retireOldLocked(s.cfg.now().Add(-s.cfg.HeadAge))
			s.retireLargeLocked()
			s.mu.Unlock()
		}
		for ctx.Err() == nil && s.begin() == nil {
			more := s.sealNext()
			s.inUse.Done()
			if !more {
				break
			}
		}
	}
}

// sealNext writes the block of the first pending head that nobody works on. It
// tells whether there was one and it went well. After an error nobody tries for
// a while, and then with another head, if there is one.
func (s *Store) sealNext() bool {
	s.mu.Lock()
	now := s.cfg.now()
	if now.Before(s.retrySeal) {
		s.mu.Unlock()
		return false
	}
	i := slices.IndexFunc(s.pending, func(h *head) bool { return !h.sealing })
	if i < 0 {
		s.mu.Unlock()
		return false
	}
	h := s.pending[i]
	h.sealing = true
	d := s.dayLocked(h.key.day)
	s.mu.Unlock()

	if err := s.seal(h, d); err != nil {
		s.sealFailed(h, err)
		return false
	}
	s.joinNewFilters(d)
	return true
}

func (s *Store) sealFailed(h *head, err error) {
	s.counters.sealErrors.Add(1)
	now := s.cfg.now()
	s.mu.Lock()
	h.sealing, h.failed = false, true
	// Behind the others: it may be the only one that cannot be written.
	s.pending = append(withoutHead(s.pending, h), h)
	s.retrySeal = now.Add(sealRetry)
	s.sealEnd.Broadcast()
	s.mu.Unlock()
	if s.sealReport.allow(now) {
		s.cfg.Logger.Error("block cannot be written: trying again", slog.Any("err", err))
	}
}

func withoutHead(heads []*head, h *head) []*head {
	return slices.DeleteFunc(heads, func(other *head) bool { return other == h })
}

// fileKeep is how large a buffer may be to be used for a further block's file.
const fileKeep = 2 << 20

// seal turns a pending head into a block. The order matters: the block is
// durable before the head is gone, and the head is gone before the journal is.
func (s *Store) seal(h *head, d *day) error {
	buffer := s.files.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= fileKeep {
			s.files.Put(buffer)
		}
	}()
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(h.columns.Message)
	file, header := s.codec.Encode((*buffer)[:0], &h.columns, &t.shapes)
	*buffer = file
	b := &storedBlock{
		path: filepath.Join(d.dir, block.FileName(header.First, header.Last, header.Instance)),
		size: int64(len(file)), header: header,
	}
	if err := s.writeBlock(d, b, file); err != nil {
		return fmt.Errorf("write block: %w", err)
	}
	if _, err := s.writeFilter(d, b, t); err != nil {
		s.reportIndex("write a filter", d, err) // it is built when it is needed
	}

	s.mu.Lock()
	d.blocks = append(d.blocks, b)
	s.pending = withoutHead(s.pending, h)
	s.sealEnd.Broadcast()
	recovered := h.failed && !slices.ContainsFunc(s.pending, func(p *head) bool { return p.failed })
	s.retrySeal = time.Time{}
	before := s.firstUnsealedLocked()
	s.mu.Unlock()
	s.counters.sealedBlocks.Add(1)
	if recovered {
		s.cfg.Logger.Info("blocks can be written again")
	}

	if words := s.openWords(d); words != nil {
		if err := addWords(words, b, t); err != nil {
			s.reportIndex("add a block", d, err) // it is searched without
		}
	}
	if err := s.journal.Remove(before); err != nil {
		s.cfg.Logger.Warn("journal segment stays", slog.Any("err", err))
	}
	return nil
}

// writeBlock makes the block and its name durable.
func (s *Store) writeBlock(d *day, b *storedBlock, file []byte) error {
	if _, err := os.Stat(d.dir); err != nil {
		if err := os.MkdirAll(d.dir, 0o750); err != nil {
			return err
		}
		if err := block.SyncDir(filepath.Dir(d.dir)); err != nil {
			return err
		}
	}
	if err := s.cfg.writeFile(b.path, file); err != nil {
		return err
	}
	s.written(d, b.path)
	return block.SyncDir(d.dir)
}
