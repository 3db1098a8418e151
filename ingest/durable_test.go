package ingest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// durableSink is a Sink that loses what was not synced when it "crashes".
type durableSink struct {
	mu      sync.Mutex
	pending []index.Entry
	durable []index.Entry
	changed chan struct{} // closed and replaced when durable grows
	syncs   int
	failing int // so many of the next Syncs crash
}

func newDurableSink() *durableSink { return &durableSink{changed: make(chan struct{})} }

func (s *durableSink) Append(entries []index.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, entries...)
	return nil
}

func (s *durableSink) Sync(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncs++
	if s.failing > 0 {
		s.failing--
		s.pending = nil
		return errors.New("the disk is gone")
	}
	s.durable = append(s.durable, s.pending...)
	s.pending = nil
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// wait returns the durable entries when there are at least n.
func (s *durableSink) wait(t *testing.T, n int) []index.Entry {
	t.Helper()
	timeout := time.After(2 * patience)
	for {
		s.mu.Lock()
		entries, changed := s.durable, s.changed
		s.mu.Unlock()
		if len(entries) >= n {
			return entries
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("got %d durable entries, want %d", len(entries), n)
		}
	}
}

// committed makes every Append durable at once, for inputs that do not Sync.
type committed struct{ *durableSink }

func (s committed) Append(entries []index.Entry) error {
	if err := s.durableSink.Append(entries); err != nil {
		return err
	}
	return s.Sync(context.Background())
}

func testLogger(out *bytes.Buffer) *slog.Logger { return slog.New(slog.NewTextHandler(out, nil)) }
