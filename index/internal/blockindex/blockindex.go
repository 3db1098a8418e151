// Package blockindex knows which blocks of a day hold which words. It is the
// only package that imports bleve.
//
//	words of a block → Add → bleve, one document a block → Containing → blocks
//
// The words go to bleve as ready token frequencies, so no analyzer runs. The
// frequency of a word in a document is the number of lines in the block that
// contain it. The index is derived from the blocks: what does not open is
// deleted and built again, and a block that is not in IDs is added again. Add
// does not wait for the disk for the same reason, nor even for bleve: blocks go
// there in batches, at the latest when somebody asks. Start reading at Open.
package blockindex

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/document"
	"github.com/blevesearch/bleve/v2/index/scorch"
	bleve "github.com/blevesearch/bleve_index_api"

	"github.com/tagtail/tagtail/index/internal/files"
)

// Folder is the name of an index's folder. It ends with the version of the
// tokeniser and of the document: another one begins a new folder.
const Folder = "bleve-3"

// MaxTerms is how many words of the dictionary a search text may be part of:
// past that, asking for the blocks of each costs more than it saves.
const MaxTerms = 4096

// persistNapMilliseconds lets segments gather in memory, to be merged there
// instead of on the disk.
const persistNapMilliseconds = 500

// floorBlocks is the size up to which segments count as equally small when
// they are merged. A document is a block: with bleve's 2,000 a day's whole
// index is one small segment, which is written again with each new block.
const floorBlocks = 16

const (
	// batchBlocks and batchWords are how much goes to bleve at once. Each batch
	// makes a segment, whose merging with others costs more than itself.
	batchBlocks = 32
	batchWords  = 64 << 10
	// pendingWords bounds what waits while bleve does not take it.
	pendingWords = 4 * batchWords
)

// ErrTooMany is returned by Containing if a text is part of too many words.
var ErrTooMany = errors.New("text is part of too many words")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("word index is closed")

// Index is safe for use by several goroutines. One of a Pool may be at rest:
// then it holds neither files nor goroutines, and its next use opens it again.
//
// It is open for reading only until something is written: a bleve that may write
// begins with that, and waits for the disk twice.
type Index struct {
	dir   string
	pool  *Pool        // nil if it never rests
	dirty atomic.Int64 // batches that bleve has in memory only

	mu      sync.RWMutex   // held for reading while bleve is used; taken before pendingMu
	bleve   *scorch.Scorch // nil at rest
	writing bool           // bleve may write
	queue   *bleve.AnalysisQueue
	closed  bool
	docs    uint64 // how many it had when it was closed to be opened again

	merges sync.WaitGroup // begun under mu while it is not closed; Close waits

	dictionary dictionary

	pendingMu sync.Mutex
	pending   []*document.Document // not in bleve yet
	words     int                  // in pending
}

// Open opens the index in dir and makes one if there is none.
func Open(dir string) (*Index, error) { return (*Pool)(nil).Open(dir) }

// openLocked opens what is in the folder. Where there is nothing, only an index
// that may write can be made.
func (x *Index) openLocked(write bool) (err error) {
	defer recovered("open word index", &err)
	if err := verify(x.dir); err != nil {
		return err
	}
	queue := bleve.NewAnalysisQueue(1)
	made, err := scorch.NewScorch(scorch.Name, map[string]any{
		"path":                   x.dir,
		"read_only":              !write,
		"unsafe_batch":           true,
		"bolt_timeout":           "5s",
		"scorchPersisterOptions": map[string]any{"PersisterNapTimeMSec": persistNapMilliseconds},
		"scorchMergePlanOptions": map[string]any{"FloorSegmentSize": floorBlocks},
	}, queue)
	s, _ := made.(*scorch.Scorch)
	if err == nil {
		err = s.Open()
	}
	if err != nil {
		queue.Close()
		return fmt.Errorf("open word index: %w", err)
	}
	x.bleve, x.queue, x.writing = s, queue, write
	return nil
}

// closeLocked frees what openLocked has taken.
func (x *Index) closeLocked() error {
	if x.bleve == nil {
		return nil
	}
	s, queue := x.bleve, x.queue
	x.bleve, x.queue = nil, nil
	x.dictionary.forget()
	defer queue.Close()
	if err := s.Close(); err != nil {
		return fmt.Errorf("close word index: %w", err)
	}
	return nil
}

// verify compares the checksum that ends each segment of bleve's, which bleve
// itself does not: a damaged segment would not fail but hide blocks.
func verify(dir string) error {
	for _, path := range files.Glob(dir, "*.zap") {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("verify word index: %w", err)
		}
		n := len(data) - 4
		if n < 0 || crc32.ChecksumIEEE(data[:n]) != binary.BigEndian.Uint32(data[n:]) {
			return fmt.Errorf("verify word index: %s: checksum does not match", path)
		}
	}
	return nil
}

// Marks say of a block what its words do not. Each is a word of its document
// that no tokeniser makes.
type Marks uint8

// The marks.
const (
	// Overflow: the block has more words than are in the index.
	Overflow Marks = 1 << iota
	// Hex: ids of the block have letters that are in no word of the index,
	// because all letters of the id are a to f.
	Hex
)

var marks = [...]Marks{Overflow, Hex}

// word is the word of one mark.
func (m Marks) word() string { return string(rune(bits.TrailingZeros8(uint8(m)))) }

func isMark(word string) bool { return len(word) == 1 && int(word[0]) < len(marks) }

// Add puts the words of a block in, and its marks.
func (x *Index) Add(id string, words []Word, marked Marks) (err error) {
	defer recovered("index words", &err)
	if err := x.acquireToWrite(); err != nil {
		return err
	}
	defer x.mu.RUnlock()
	doc := document.NewDocument(id)
	words = words[:len(words):len(words)] // the caller's
	for _, m := range marks {
		if marked&m != 0 {
			words = append(words, Word{Text: m.word(), Lines: 1})
		}
	}
	doc.AddField(newField(words))
	x.pendingMu.Lock()
	defer x.pendingMu.Unlock()
	if x.words > pendingWords {
		if err := x.flushLocked(); err != nil {
			return err
		}
	}
	x.pending = append(x.pending, doc)
	x.words += len(words)
	if len(x.pending) >= batchBlocks || x.words >= batchWords {
		return x.flushLocked()
	}
	return nil
}

// flush gives bleve what waits. After an error it waits on.
func (x *Index) flush() error {
	x.pendingMu.Lock()
	defer x.pendingMu.Unlock()
	return x.flushLocked()
}

func (x *Index) flushLocked() error {
	if len(x.pending) == 0 {
		return nil
	}
	batch := bleve.NewBatch()
	for _, doc := range x.pending {
		batch.Update(doc)
	}
	if err := x.commit(batch); err != nil {
		return fmt.Errorf("index words: %w", err)
	}
	x.pending, x.words = nil, 0
	x.dictionary.forget()
	return nil
}

// read calls f with a consistent view of all that was added.
func (x *Index) read(f func(bleve.IndexReader) error) (err error) {
	defer recovered("read word index", &err)
	if err := x.acquire(); err != nil {
		return err
	}
	defer x.mu.RUnlock()
	if err := x.flush(); err != nil {
		return err
	}
	r, err := x.bleve.Reader()
	if err != nil {
		return fmt.Errorf("read word index: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return f(r)
}

// IDs returns all blocks that are in.
func (x *Index) IDs() (map[string]bool, error) {
	ids := make(map[string]bool)
	err := x.read(func(r bleve.IndexReader) (err error) {
		all, err := r.DocIDReaderAll()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, all.Close()) }()
		for {
			internal, err := all.Next()
			if err != nil || internal == nil {
				return err
			}
			id, err := r.ExternalID(internal)
			if err != nil {
				return err
			}
			ids[id] = true
		}
	})
	return ids, err
}

// Marked returns the marks of the blocks that have some.
func (x *Index) Marked() (map[string]Marks, error) {
	marked := make(map[string]Marks)
	for _, m := range marks {
		blocks, err := x.Containing(m.word(), true, true)
		if err != nil {
			return nil, err
		}
		for id := range blocks {
			marked[id] |= m
		}
	}
	return marked, nil
}

// Containing returns the blocks with a word that has text in it; start and end
// ask for a word that begins and ends with it.
func (x *Index) Containing(text string, start, end bool) (map[string]bool, error) {
	ids := make(map[string]bool)
	age := x.dictionary.now()
	add := func(id string, _ uint64) { ids[id] = true }
	err := x.read(func(r bleve.IndexReader) error {
		if start && end {
			return eachBlock(context.Background(), r, text, false, add)
		}
		terms, err := x.termsWith(r, age, text, start, end)
		if err != nil {
			return err
		}
		for _, term := range terms {
			if err := eachBlock(context.Background(), r, term, false, add); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// eachBlock calls yield with the blocks that have the word and, if frequencies
// are asked for, in how many of its lines.
func eachBlock(ctx context.Context, r bleve.IndexReader, word string, frequencies bool, yield func(id string, lines uint64)) (err error) {
	postings, err := r.TermFieldReader(ctx, []byte(word), fieldName, frequencies, false, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postings.Close()) }()
	var doc bleve.TermFieldDoc
	for {
		next, err := postings.Next(doc.Reset())
		if err != nil || next == nil {
			return err
		}
		id, err := r.ExternalID(next.ID)
		if err != nil {
			return err
		}
		yield(id, next.Freq)
	}
}

// Close waits for whoever uses the index. It may be called again.
func (x *Index) Close() (err error) {
	defer x.merges.Wait() // once the lock is free
	defer recovered("close word index", &err)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil
	}
	x.closed = true
	x.pool.forget(x)
	if x.bleve == nil {
		return nil
	}
	return errors.Join(x.flush(), x.closeLocked())
}

// recovered turns a panic into an error: bleve reads damaged files without
// checking every offset.
func recovered(what string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: bleve panicked: %v", what, r)
	}
}

// Files are those of the index in a day's folder.
func Files(day string) []string { return files.Glob(filepath.Join(day, Folder), "*") }
