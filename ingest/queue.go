package ingest

import (
	"sync"
	"time"
)

// maxQueuedDatagrams bounds a queue of tiny datagrams.
const maxQueuedDatagrams = 32 << 10

// datagram is one as it was received.
type datagram struct {
	data      []byte
	from      sender
	received  time.Time
	truncated bool
}

// slab holds datagrams behind each other. It belongs to the queue while it is
// filled and to the parser while it is emptied.
type slab struct {
	data  []byte
	marks []mark
}

type mark struct {
	end       int // of its bytes in data
	from      sender
	received  time.Time
	truncated bool
}

func (s *slab) reset() {
	s.data, s.marks = s.data[:0], s.marks[:0]
}

// each calls f for every datagram in order.
func (s *slab) each(f func(datagram)) {
	start := 0
	for _, m := range s.marks {
		f(datagram{data: s.data[start:m.end:m.end], from: m.from, received: m.received, truncated: m.truncated})
		start = m.end
	}
}

// queue stands between a socket, which must never wait, and its parser. The
// reader appends to one slab while the parser works on the other, so a
// datagram costs one copy and no allocation, and a full queue is bounded by
// its bytes. Rejected: a channel of pooled buffers, which costs a wake-up and
// 64 KiB of slack a datagram.
type queue struct {
	maxBytes int
	ready    chan struct{} // holds a token if there may be something to take

	mu      sync.Mutex
	filling *slab
	closed  bool
}

func newQueue(maxBytes int) *queue {
	return &queue{maxBytes: maxBytes, ready: make(chan struct{}, 1), filling: new(slab)}
}

// put copies the datagrams and returns how many there was no room for.
func (q *queue) put(list []datagram) (dropped int) {
	q.mu.Lock()
	s := q.filling
	for i := range list {
		d := &list[i]
		if len(s.data)+len(d.data) > q.maxBytes || len(s.marks) >= maxQueuedDatagrams {
			dropped++
			continue
		}
		s.data = append(s.data, d.data...)
		s.marks = append(s.marks, mark{end: len(s.data), from: d.from, received: d.received, truncated: d.truncated})
	}
	q.mu.Unlock()
	q.wake()
	return dropped
}

// take waits for datagrams and gives all there are, in exchange for an empty
// slab. It returns nil when the queue is closed and empty.
func (q *queue) take(empty *slab) *slab {
	empty.reset()
	for {
		q.mu.Lock()
		full, closed := q.filling, q.closed
		if len(full.marks) > 0 {
			q.filling = empty
			q.mu.Unlock()
			return full
		}
		q.mu.Unlock()
		if closed {
			return nil
		}
		<-q.ready
	}
}

// close says that nothing will be put any more.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
