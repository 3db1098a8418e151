package viewer

import (
	"context"
	"slices"
	"sync"

	"github.com/tagtail/tagtail/index"
)

// hub has a feed for each search that tails are open for, so that a hundred
// browsers with the same search cost one match and one encoding an entry.
type hub struct {
	logs   Logs
	maxLag uint64 // of a feed and of a tail, in entries; 0 is the default of Logs
	// feedBytes is how much of its newest frames a feed keeps. A tail that is
	// further behind reads the logs by itself until it has caught up.
	feedBytes int

	mu    sync.Mutex
	feeds map[feedKey]*feed
	alone uint64 // feeds that are not shared, so far
}

func newHub(logs Logs) *hub {
	return &hub{logs: logs, feedBytes: feedBytes, feeds: make(map[feedKey]*feed)}
}

// feedKey tells which tails find the same.
type feedKey struct {
	text, zone, scope string
	alone             uint64 // not 0 for one that nobody shares
}

// newFeedKey is the key of a search text as p asks it. What it says of time
// counts from the moment when it was asked, so that it is nobody else's.
func newFeedKey(p principal, text, zone string, terms []index.Term) feedKey {
	key := feedKey{text: text, zone: zone, scope: p.scope().key()}
	if slices.ContainsFunc(terms, func(t index.Term) bool { return t.Kind == "time" }) {
		key.alone = 1
	}
	return key
}

// join returns the feed of a search, which leave has to be called for.
func (h *hub) join(key feedKey, query index.Query) *feed {
	h.mu.Lock()
	defer h.mu.Unlock()
	if key.alone > 0 {
		h.alone++
		key.alone = h.alone
	}
	f := h.feeds[key]
	if f == nil || f.ended() != nil {
		f = newFeed(key, h.logs.LastSeq(), h.feedBytes)
		ctx, cancel := context.WithCancel(context.Background()) // it outlives the tail that began it
		f.stop = func() {
			cancel()
			<-f.done
		}
		req := index.FollowRequest{Query: query, After: f.read, MaxLag: h.maxLag}
		go f.run(ctx, h.logs, req)
		h.feeds[key] = f
	}
	f.users++
	return f
}

// leave ends a feed that has nobody left, and waits for its end.
func (h *hub) leave(f *feed) {
	h.mu.Lock()
	f.users--
	last := f.users == 0
	if last && h.feeds[f.key] == f {
		delete(h.feeds, f.key)
	}
	h.mu.Unlock()
	if last {
		f.stop()
	}
}

// count is how many feeds there are.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.feeds)
}
