package ingest

import (
	"sync"
	"time"
)

// maxQueuedDatagrams bounds a queue of tiny datagrams.
const maxQueuedDatagrams = 32 << 10

// shareFactor bounds what one source may hold of a queue that is more than
// half full: that many times what is free. So one that floods leaves a ninth
// for the others, two leave a seventeenth, and whoever holds less than is free
// never loses a message to those who hold more.
const shareFactor = 8

// crowdedFraction is the part of a queue whose messages nobody minds waiting
// for. With more than that in it, small senders overtake.
const crowdedFraction = 16

// datagram is one as it was received.
type datagram struct {
	data      []byte
	from      sender
	port      uint16 // of from's address, which tells processes apart
	received  time.Time
	truncated bool
}

func (d *datagram) source() source { return source{d.from, d.port} }

// source is whom a share of the queue belongs to: a socket at an address, or a
// process of this machine.
type source struct {
	sender
	port uint16
}

// slab holds datagrams behind each other. It belongs to the queue while it is
// filled and to the parser while it is emptied.
type slab struct {
	data  []byte
	marks []mark
	used  int            // what the datagrams cost
	held  map[source]int // of that by source; nil while there is room for all
}

type mark struct {
	end       int // of its bytes in data
	cost      int
	from      sender
	port      uint16
	received  time.Time
	truncated bool
}

func (s *slab) reset() {
	s.data, s.marks, s.used, s.held = s.data[:0], s.marks[:0], 0, nil
}

func (s *slab) add(d *datagram, cost int) {
	s.data = append(s.data, d.data...)
	s.marks = append(s.marks, mark{end: len(s.data), cost: cost, from: d.from, port: d.port, received: d.received, truncated: d.truncated})
	s.used += cost
	if s.held != nil {
		s.held[d.source()] += cost
	}
}

// admits tells whether there is room for d in maxBytes.
func (s *slab) admits(d *datagram, cost, maxBytes int) bool {
	free := maxBytes - s.used
	return cost <= free && (free >= maxBytes/2 || s.share(d)+cost <= shareFactor*free)
}

// share returns what the source of d holds. The first call counts.
func (s *slab) share(d *datagram) int {
	if s.held == nil {
		s.held = map[source]int{}
		for i := range s.marks {
			m := &s.marks[i]
			s.held[source{m.from, m.port}] += m.cost
		}
	}
	return s.held[d.source()]
}

// all gives every datagram in order.
func (s *slab) all(yield func(int, datagram) bool) {
	start := 0
	for i := range s.marks {
		m := &s.marks[i]
		if !yield(i, datagram{data: s.data[start:m.end:m.end], from: m.from, port: m.port, received: m.received, truncated: m.truncated}) {
			return
		}
		start = m.end
	}
}

// queue stands between a socket, which must never wait, and its parser. The
// reader appends to one slab while the parser works on the other, so a
// datagram costs one copy and no allocation, and a full queue is bounded by
// its bytes. While either is crowded, those who have nothing in them overtake:
// what they send goes into a third slab, which the parser
// empties first, so the order of each source's datagrams stays. Rejected: a
// channel of pooled buffers, which costs a wake-up and 64 KiB of slack a
// datagram; a queue for each source, which costs memory for each.
type queue struct {
	maxBytes int
	ready    chan struct{} // holds a token if there may be something to take

	mu      sync.Mutex
	filling *slab
	parsing *slab // is the parser's; only held may be changed here
	express *slab
	closed  bool
}

func newQueue(maxBytes int) *queue {
	return &queue{maxBytes: maxBytes, ready: make(chan struct{}, 1), filling: new(slab), parsing: new(slab), express: new(slab)}
}

// put copies the datagrams and returns how many there was no room for.
func (q *queue) put(list []datagram) (dropped int) {
	q.mu.Lock()
	for i := range list {
		if !q.putLocked(&list[i]) {
			dropped++
		}
	}
	q.mu.Unlock()
	q.wake()
	return dropped
}

func (q *queue) putLocked(d *datagram) bool {
	// A tiny datagram costs as much as a small one, which bounds the marks.
	cost := max(len(d.data), q.maxBytes/maxQueuedDatagrams)
	crowded := max(q.filling.used, q.parsing.used) >= q.maxBytes/crowdedFraction
	if crowded && q.filling.share(d) == 0 && q.parsing.share(d) == 0 && q.express.admits(d, cost, q.maxBytes/8) {
		q.express.add(d, cost)
		return true
	}
	if !q.filling.admits(d, cost, q.maxBytes) {
		return false
	}
	q.filling.add(d, cost)
	return true
}

// take waits for datagrams and gives all there are, in exchange for an empty
// slab; it may be none if there is something to overtake. It returns nil when
// the queue is closed and empty.
func (q *queue) take(empty *slab) *slab {
	for {
		q.mu.Lock()
		empty.reset()
		full, express, closed := q.filling, len(q.express.marks) > 0, q.closed
		if len(full.marks) > 0 || express {
			q.filling, q.parsing = empty, full
			q.mu.Unlock()
			return full
		}
		q.parsing = empty
		q.mu.Unlock()
		if closed {
			return nil
		}
		<-q.ready
	}
}

// overtake gives the datagrams that go first, in exchange for an empty slab,
// and nil if there are none. It does not wait.
func (q *queue) overtake(empty *slab) *slab {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.express
	if len(full.marks) == 0 {
		return nil
	}
	empty.reset()
	q.express = empty
	return full
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
