package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// ErrNoEntry is returned for a Seq that no entry has, or none that may be seen.
var ErrNoEntry = errors.New("there is no such entry")

// ContextRequest asks for the neighbours of an entry.
type ContextRequest struct {
	Seq uint64
	// Before and After are how many neighbours to return of each side.
	Before, After int
	// Visible is what the caller may see, of the entry and of its neighbours. It
	// is no filter: the zero Query shows everything.
	Visible Query
}

// ContextResult is an entry between its neighbours: those of the same instance,
// by arrival.
type ContextResult struct {
	// Entries are oldest first; the one asked for is at At.
	Entries []Entry
	At      int
	// MoreBefore and MoreAfter tell that the instance has further entries.
	MoreBefore, MoreAfter bool
	Stats                 SearchStats
}

// Context returns an entry and what its instance said before and after it,
// whatever it was searched by. It returns ErrNoEntry if there is no such entry.
func (s *Store) Context(ctx context.Context, req ContextRequest) (ContextResult, error) {
	if err := s.begin(); err != nil {
		return ContextResult{}, err
	}
	defer s.inUse.Done()
	start := time.Now()
	if err := s.takeSlot(ctx); err != nil {
		return ContextResult{}, err
	}
	defer s.freeSlot()
	defer s.leases.give(s.leases.take())
	result, err := s.neighbours(ctx, req)
	result.Stats.Took = time.Since(start)
	return result, err
}

func (s *Store) neighbours(ctx context.Context, req ContextRequest) (result ContextResult, err error) {
	pages := func(search SearchRequest, limit int) (SearchResult, error) {
		search.Limit = limit
		page, err := s.page(ctx, search, time.Time{})
		result.Stats.ScannedBlocks += page.Stats.ScannedBlocks
		result.Stats.SkippedBlocks += page.Stats.SkippedBlocks
		return page, err
	}
	if req.Seq == 0 || req.Seq == math.MaxUint64 {
		return result, fmt.Errorf("find entry %d: %w", req.Seq, ErrNoEntry)
	}
	found, err := pages(SearchRequest{Query: req.Visible, After: req.Seq - 1, Before: req.Seq + 1, ByArrival: true}, 1)
	if err != nil {
		return result, err
	}
	if len(found.Entries) == 0 {
		return result, fmt.Errorf("find entry %d: %w", req.Seq, ErrNoEntry)
	}
	query := InstanceQuery(found.Entries[0].Instance).And(req.Visible)
	before, err := pages(SearchRequest{Query: query, Before: req.Seq}, max(0, req.Before))
	if err != nil {
		return result, err
	}
	after, err := pages(SearchRequest{Query: query, After: req.Seq, Order: OldestFirst}, max(0, req.After))
	if err != nil {
		return result, err
	}
	slices.Reverse(before.Entries)
	result.Entries = slices.Concat(before.Entries, found.Entries, after.Entries)
	result.At = len(before.Entries)
	result.MoreBefore, result.MoreAfter = before.More, after.More
	return result, nil
}
