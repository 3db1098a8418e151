package ingest

import (
	"sync"
	"time"
)

// maxQueuedDatagrams bounds a queue of tiny datagrams.
const maxQueuedDatagrams = 128 << 10

// keptBytes is what an empty slab may keep of its memory when it has needed
// little of it: a flood passes.
const keptBytes = 1 << 20

// shareFactor bounds what one source may hold of a queue that is more than
// half full: that many times what is free. So one that floods leaves a ninth
// for the others, two leave a seventeenth, and whoever holds less than is free
// never loses a message to those who hold more.
const shareFactor = 8

// crowdedFraction is the part of a queue whose messages nobody minds waiting
// for. With more than that in it, small senders overtake.
const crowdedFraction = 16

// overtakeEvery is after how many datagrams those that overtake are looked for.
const overtakeEvery = 256

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

// reset empties the slab. One that is empty has not shown what it needs.
func (s *slab) reset() {
	if n := len(s.data); n > 0 && cap(s.data) > keptBytes && n < cap(s.data)/8 {
		s.data, s.marks = nil, nil
	}
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

// share returns what the source of d holds.
func (s *slab) share(d *datagram) int {
	s.count()
	return s.held[d.source()]
}

// count makes held, if it is not there.
func (s *slab) count() {
	if s.held != nil {
		return
	}
	s.held = map[source]int{}
	for i := range s.marks {
		m := &s.marks[i]
		s.held[source{m.from, m.port}] += m.cost
	}
}

// isLight tells whether the source of d holds little of a slab that was
// counted.
func (s *slab) isLight(d *datagram) bool { return s.held[d.source()] <= s.used/crowdedFraction }

// all gives every datagram in order; each is valid until the next.
func (s *slab) all(yield func(int, *datagram) bool) {
	start := 0
	var d datagram
	for i := range s.marks {
		m := &s.marks[i]
		d = datagram{data: s.data[start:m.end:m.end], from: m.from, port: m.port, received: m.received, truncated: m.truncated}
		if !yield(i, &d) {
			return
		}
		start = m.end
	}
}

// queue stands between a socket, which must never wait, and its parser. The
// reader appends to one slab while the parser works on the other, so a
// datagram costs one copy and no allocation, and a full queue is bounded by
// its bytes. Rejected: a channel of pooled buffers, which costs a wake-up and
// 64 KiB of slack a datagram; a queue for each source, which costs memory for
// each.
//
// In a crowded queue small senders overtake, and the order of each one's own
// datagrams stays: the parser begins a crowded slab with the light sources in
// it, and what those send from then on goes into a third slab, express, which
// it empties first.
type queue struct {
	maxBytes int
	ready    chan struct{} // holds a token if there may be something to take

	// spares are empty; they belong to the parser.
	spare, spareExpress *slab

	mu      sync.Mutex
	filling *slab
	parsing *slab // the parser's, but nobody changes it
	express *slab
	closed  bool
}

func newQueue(maxBytes int) *queue {
	return &queue{
		maxBytes: maxBytes, ready: make(chan struct{}, 1),
		filling: new(slab), parsing: new(slab), express: new(slab), spare: new(slab), spareExpress: new(slab),
	}
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
	if q.mayOvertakeLocked(d) && q.express.admits(d, cost, q.maxBytes/8) {
		q.express.add(d, cost)
		return true
	}
	if !q.filling.admits(d, cost, q.maxBytes) {
		return false
	}
	q.filling.add(d, cost)
	return true
}

// mayOvertakeLocked tells whether d would wait for others, and nothing of its
// own source is before it but what the parser takes before express.
func (q *queue) mayOvertakeLocked(d *datagram) bool {
	full := q.isCrowded(q.parsing)
	return (full || q.isCrowded(q.filling)) && q.filling.share(d) == 0 && (!full || q.parsing.isLight(d))
}

// isCrowded tells whether small senders in s would wait too long.
func (q *queue) isCrowded(s *slab) bool { return s.used > q.maxBytes/crowdedFraction }

// next waits for datagrams, calls parse for all there are, and tells whether
// there may be more: not after the queue was closed and is empty. What parse
// gets is valid during the call.
func (q *queue) next(parse func(*datagram)) bool {
	full, express := q.take()
	if full == nil {
		return false
	}
	for _, d := range express.all {
		parse(d)
	}
	q.spareExpress = express
	q.spare = full
	if !q.isCrowded(full) {
		for _, d := range full.all {
			parse(d)
		}
		return true
	}
	for _, d := range full.all {
		if full.isLight(d) {
			parse(d)
		}
	}
	for i, d := range full.all {
		if i%overtakeEvery == 0 {
			q.overtake(parse)
		}
		if !full.isLight(d) {
			parse(d)
		}
	}
	return true
}

// take waits for datagrams and gives the two slabs that have them, either of
// which may be empty. It gives nil when the queue is closed and empty.
func (q *queue) take() (full, express *slab) {
	q.mu.Lock()
	for len(q.filling.marks) == 0 && len(q.express.marks) == 0 {
		q.parsing.reset() // is done
		if q.closed {
			q.mu.Unlock()
			return nil, nil
		}
		q.mu.Unlock()
		<-q.ready
		q.mu.Lock()
	}
	defer q.mu.Unlock()
	q.spare.reset()
	q.spareExpress.reset()
	full, express = q.filling, q.express
	q.filling, q.express, q.parsing = q.spare, q.spareExpress, full
	if q.isCrowded(full) {
		full.count()
	}
	return full, express
}

// overtake calls parse for the datagrams that go first.
func (q *queue) overtake(parse func(*datagram)) {
	q.mu.Lock()
	express := q.express
	if len(express.marks) == 0 {
		q.mu.Unlock()
		return
	}
	q.spareExpress.reset()
	q.express = q.spareExpress
	q.mu.Unlock()
	for _, d := range express.all {
		parse(d)
	}
	q.spareExpress = express
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
