package index

import (
	"context"
	"time"
)

const (
	defaultMaxLag = 100_000
	// followBatch is how many entries a follower takes from the ring at once:
	// few enough that Append never waits long for the copy.
	followBatch = 256
	// historyBatch is how many matches it takes from blocks at once.
	historyBatch = 1000
	// progressInterval is how often a follower to which nothing matches is
	// told how far it has read.
	progressInterval = time.Second
)

// Follow calls yield, from the calling goroutine, with every entry that
// matches as it arrives, each once and in order, until ctx ends or the store
// is closed. An error from yield ends it and is returned. yield may keep the
// entries. Append never waits for a follower: one that falls too far behind is
// moved forward and told of the Gap.
func (s *Store) Follow(ctx context.Context, req FollowRequest, yield func(FollowBatch) error) error {
	f := &follower{
		store: s, query: req.Query, maxLag: req.MaxLag, yield: yield,
		at: req.After, told: s.cfg.now(), buffer: make([]*Entry, 0, followBatch),
	}
	if f.maxLag == 0 {
		f.maxLag = defaultMaxLag
	}
	s.ring.join()
	defer s.ring.leave()
	// A place that was never reached belongs to another store's past.
	f.at = min(f.at, s.LastSeq())
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		change, err := f.step(ctx)
		if err != nil {
			return err
		}
		if change == nil {
			continue
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return ErrClosed
		}
	}
}

// follower is one call of Follow.
type follower struct {
	store  *Store
	query  Query
	maxLag uint64
	yield  func(FollowBatch) error

	at     uint64 // the Seq up to which it has read
	near   uint64 // no newest entry up to this Seq is too far away
	gap    Gap    // not told yet
	told   time.Time
	buffer []*Entry
}

// step reads on. If there is nothing it returns what to wait for.
func (f *follower) step(ctx context.Context) (change <-chan struct{}, err error) {
	v := f.store.ring.read(f.at, f.buffer)
	switch {
	case v.newest > f.near && v.newest > f.at && v.newest-f.at > f.maxLag:
		return nil, f.keepUp(ctx, v.newest)
	case f.at < v.base:
		return nil, f.history(ctx, v.base)
	case len(v.entries) == 0:
		return v.change, nil
	}
	var matches []Entry
	for _, e := range v.entries {
		if f.query.Match(e) {
			matches = append(matches, *e)
		}
	}
	return nil, f.tell(matches, v.entries[len(v.entries)-1].Seq)
}

// history reads a page from heads and blocks, where everything up to the Seq
// is, whatever has left the ring since.
func (f *follower) history(ctx context.Context, upTo uint64) error {
	result, err := f.store.Search(ctx, SearchRequest{
		Query: f.query, Order: OldestFirst, After: f.at, Before: upTo + 1, Limit: historyBatch, ByArrival: true,
	})
	if err != nil {
		return err
	}
	if result.More {
		upTo = result.Entries[len(result.Entries)-1].Seq
	}
	return f.tell(result.Entries, upTo)
}

// keepUp looks how far it is behind the newest entry, and gives up what it
// cannot read in time.
func (f *follower) keepUp(ctx context.Context, newest uint64) error {
	behind := f.store.lag()
	if n := behind.after(f.at); n <= f.maxLag {
		f.near = newest + f.maxLag - n
		return nil
	}
	to := behind.place(f.at, newest, f.maxLag/2)
	count, err := f.store.countBetween(ctx, f.at, to)
	if err != nil {
		return err
	}
	if count > 0 {
		if f.gap.Count == 0 {
			f.gap.FromSeq = f.at + 1
		}
		f.gap.Count += count
		f.gap.ToSeq = to
	}
	f.at, f.near = to, newest
	return nil
}

// tell yields what there is to tell.
func (f *follower) tell(entries []Entry, seq uint64) error {
	f.at = seq
	entries = f.store.leave(entries)
	now := f.store.cfg.now()
	if len(entries) == 0 && f.gap.Count == 0 && now.Sub(f.told) < progressInterval {
		return nil
	}
	batch := FollowBatch{Gap: f.gap, Entries: entries, Seq: seq}
	f.gap, f.told = Gap{}, now
	return f.yield(batch)
}
