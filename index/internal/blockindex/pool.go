package blockindex

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	bleve "github.com/blevesearch/bleve_index_api"
)

// Pool bounds how many indexes are open at the same time. Past that those that
// were used least recently rest, unless they are in use or have documents in
// memory only: then there are more for a while. A nil Pool lets none rest.
type Pool struct {
	most int // immutable

	mu   sync.Mutex // an index's lock may be held when it is taken, not the other way
	open []*Index   // the one that was used last comes last
}

// NewPool returns a pool of which so many indexes are open.
func NewPool(most int) *Pool { return &Pool{most: most} }

// Open opens the index in dir and makes one if there is none.
func (p *Pool) Open(dir string) (*Index, error) {
	x := &Index{dir: dir, pool: p}
	_, err := os.Stat(rootFile(dir))
	if err := x.openLocked(err != nil); err != nil { // nobody else has it
		return nil, err
	}
	p.opened(x)
	return x, nil
}

// Size is how many indexes are open now.
func (p *Pool) Size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// opened adds x, and lets others rest.
func (p *Pool) opened(x *Index) {
	if p == nil {
		return
	}
	p.forget(x)
	p.mu.Lock()
	p.open = append(p.open, x)
	p.mu.Unlock()
	p.Trim()
}

// Trim lets indexes rest that could not when others were opened.
func (p *Pool) Trim() {
	p.mu.Lock()
	spare := slices.Clone(p.open[:max(0, len(p.open)-p.most)])
	p.mu.Unlock()
	for _, x := range spare {
		x.rest()
	}
}

// touch tells that x is used.
func (p *Pool) touch(x *Index) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.open) - 1
	if last >= 0 && p.open[last] == x {
		return
	}
	if i := slices.Index(p.open, x); i >= 0 {
		p.open = append(slices.Delete(p.open, i, i+1), x)
	}
}

// forget takes x out.
func (p *Pool) forget(x *Index) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.open, x); i >= 0 {
		p.open = slices.Delete(p.open, i, i+1)
	}
}

// acquire makes bleve open and holds x.mu for reading, unless it fails.
func (x *Index) acquire() error {
	for {
		x.mu.RLock()
		if x.closed {
			x.mu.RUnlock()
			return ErrClosed
		}
		if x.bleve != nil {
			x.pool.touch(x)
			return nil
		}
		x.mu.RUnlock()
		if err := x.wake(); err != nil {
			return err
		}
	}
}

// acquireToWrite is acquire with a bleve that may write.
func (x *Index) acquireToWrite() error {
	for {
		if err := x.acquire(); err != nil || x.writing {
			return err
		}
		x.mu.RUnlock()
		if err := x.startWriting(); err != nil {
			return err
		}
	}
}

// startWriting opens an index that is open for reading again.
func (x *Index) startWriting() (err error) {
	defer recovered("open word index", &err)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || x.bleve == nil || x.writing {
		return nil
	}
	docs, err := x.countLocked()
	if err != nil {
		return err
	}
	x.docs = docs
	if err := x.closeLocked(); err != nil {
		return err
	}
	if err := x.openLocked(true); err != nil {
		return err
	}
	return x.sameLocked()
}

// wake opens an index that rests.
func (x *Index) wake() error {
	x.mu.Lock()
	if x.closed || x.bleve != nil {
		x.mu.Unlock()
		return nil
	}
	err := x.openLocked(false)
	if err == nil {
		err = x.sameLocked()
	}
	x.mu.Unlock()
	if err == nil {
		x.pool.opened(x)
	}
	return err
}

// sameLocked closes the index again if it has not all that it had when it came
// to rest: bleve makes a new one where the folder is gone, and goes without a
// segment that is missing. Who has added a block would miss it.
func (x *Index) sameLocked() (err error) {
	defer recovered("open word index", &err)
	docs, err := x.countLocked()
	if err == nil && docs == x.docs {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("open word index: %s: it has %d blocks instead of %d: rebuild it", x.dir, docs, x.docs)
	}
	return errors.Join(err, x.closeLocked())
}

// countLocked is how many blocks are in.
func (x *Index) countLocked() (docs uint64, err error) {
	r, err := x.bleve.Reader()
	if err != nil {
		return 0, fmt.Errorf("read word index: %w", err)
	}
	docs, err = r.DocCount()
	return docs, errors.Join(err, r.Close())
}

// rest frees the files if nobody uses them and closing loses nothing, and
// tells whether it did: bleve drops what it has not written.
func (x *Index) rest() bool {
	if !x.mu.TryLock() {
		return false
	}
	defer x.mu.Unlock()
	if x.closed || x.bleve != nil && !x.writtenLocked() {
		return false
	}
	if x.bleve != nil {
		docs, err := x.countLocked()
		if err != nil {
			return false
		}
		x.docs = docs
	}
	_ = x.closeLocked() // all is written
	x.pool.forget(x)
	return true
}

// Rest frees the files and goroutines until the next use, if nobody uses the
// index now and nothing is lost by it.
func (x *Index) Rest() {
	if x.pool != nil {
		x.rest()
	}
}

// Written tells whether nothing would be lost by closing now. If something
// would, it gives bleve what waits.
func (x *Index) Written() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.bleve == nil || x.writtenLocked()
}

func (x *Index) writtenLocked() bool {
	return x.flush() == nil && x.dirty.Load() == 0
}

// commit hands a batch to bleve and remembers until it is written. x.mu is held
// for reading.
func (x *Index) commit(batch *bleve.Batch) error {
	x.dirty.Add(1)
	batch.SetPersistedCallback(func(error) { x.dirty.Add(-1) })
	if err := x.bleve.Batch(batch); err != nil {
		x.dirty.Add(-1)
		return err
	}
	return nil
}
