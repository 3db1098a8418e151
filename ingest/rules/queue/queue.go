// Package queue holds lines for an action that must never make its message's
// receiver wait.
//
//	many receivers → Put → Queue → Next → one writer
//
// Invariants: Put never waits; a queue costs bounded memory, and what there is
// no room for is dropped and counted. Start reading at Queue.
package queue

import "sync"

// lineCost is what a line costs besides its bytes.
const lineCost = 16

// keptBytes is what an empty slab may keep of its memory.
const keptBytes = 256 << 10

// Slab holds lines behind each other. It belongs to the Queue while it is
// filled and to the writer while it is emptied.
type Slab struct {
	data  []byte
	marks []mark
}

// mark is a line: its path and its text are behind those of the one before.
type mark struct{ path, end int }

// Len is the number of lines.
func (s *Slab) Len() int { return len(s.marks) }

// Data is all lines in a row if none has a path.
func (s *Slab) Data() []byte { return s.data }

// At is a line and the path that was put with it.
func (s *Slab) At(i int) (path, line []byte) {
	start := 0
	if i > 0 {
		start = s.marks[i-1].end
	}
	m := s.marks[i]
	return s.data[start:m.path], s.data[m.path:m.end]
}

func (s *Slab) cost() int { return len(s.data) + lineCost*len(s.marks) }

func (s *Slab) reset() {
	if cap(s.data) > keptBytes {
		*s = Slab{}
	}
	s.data, s.marks = s.data[:0], s.marks[:0]
}

// Queue stands between receivers and a writer.
type Queue struct {
	maxBytes int
	ready    chan struct{} // holds a token if there may be something to do

	mu      sync.Mutex
	filling *Slab
	spare   *Slab
	dropped uint64
	closed  bool
}

// New returns an empty Queue that holds up to maxBytes; the writer has as many
// in its hands.
func New(maxBytes int) *Queue {
	return &Queue{maxBytes: maxBytes, ready: make(chan struct{}, 1), filling: new(Slab), spare: new(Slab)}
}

// Put copies a line, or drops and counts it. Wake has to follow.
func (q *Queue) Put(path, line []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.filling
	if q.closed || s.cost()+len(path)+len(line)+lineCost > q.maxBytes {
		q.dropped++
		return
	}
	s.data = append(s.data, path...)
	at := len(s.data)
	s.data = append(s.data, line...)
	s.marks = append(s.marks, mark{path: at, end: len(s.data)})
}

// Wake makes Ready ready.
func (q *Queue) Wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// Ready has a token if Take may have something.
func (q *Queue) Ready() <-chan struct{} { return q.ready }

// Take gives the writer what is there, perhaps nothing. The Slab is valid until
// the next Take.
func (q *Queue) Take() *Slab {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.spare.reset()
	q.filling, q.spare = q.spare, q.filling
	return q.spare
}

// Waiting is the number of lines that are not taken, and Dropped that of those
// that there was no room for, ever.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.filling.marks)
}

// Dropped is how many lines there was no room for.
func (q *Queue) Dropped() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// Close says that nothing will be put any more.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.Wake()
}

// Closed tells whether Close was called.
func (q *Queue) Closed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}
