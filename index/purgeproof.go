package index

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/files"
	"github.com/tagtail/tagtail/index/internal/filter"
	"github.com/tagtail/tagtail/index/internal/journal"
)

// PurgeProof is what was read again after a Purge, and where something was found
// that should be gone, or could not be read.
type PurgeProof struct {
	JournalEntries uint64 `json:"journal_entries"`
	MemoryEntries  uint64 `json:"memory_entries"`
	Blocks         int    `json:"blocks"`
	BlockEntries   uint64 `json:"block_entries"` // of the instance, read one by one
	Filters        int    `json:"filters"`
	WordIndexes    int    `json:"word_indexes"`
	// Remaining entries of the instance were not asked for: they are newer.
	Remaining uint64   `json:"remaining_entries"`
	Left      []string `json:"left"`
}

// Err says that something is left.
func (p PurgeProof) Err() error {
	if len(p.Left) == 0 {
		return nil
	}
	return fmt.Errorf("%d places may still have purged entries: %s", len(p.Left), strings.Join(p.Left, "; "))
}

// String is what was looked at, in one sentence.
func (p PurgeProof) String() string {
	text := fmt.Sprintf("Read again: %d entries of the journal, %d in memory, %d blocks, %d filters, %d word indexes: ",
		p.JournalEntries, p.MemoryEntries, p.Blocks, p.Filters, p.WordIndexes)
	if len(p.Left) > 0 {
		return text + fmt.Sprintf("%d places may have something left.", len(p.Left))
	}
	return text + fmt.Sprintf("nothing of it is left; %d newer entries of the instance stay.", p.Remaining)
}

// prover is one look at everything.
type prover struct {
	store *Store
	purge *purge
	proof PurgeProof
}

// provePurge reads what remains, from the files and not from what is known of
// them.
func (s *Store) provePurge(ctx context.Context, p *purge) (PurgeProof, error) {
	v := &prover{store: s, purge: p}
	for _, look := range []func(context.Context) error{v.journal, v.memory, v.days, v.search} {
		if err := look(ctx); err != nil {
			return v.proof, err
		}
	}
	return v.proof, nil
}

func (v *prover) left(path, what string) {
	if rel, err := filepath.Rel(v.store.cfg.Dir, path); err == nil {
		path = rel
	}
	v.proof.Left = append(v.proof.Left, path+": "+what)
}

func (v *prover) journal(ctx context.Context) error {
	parts, err := v.store.journal.Parts()
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := v.store.stopped(ctx); err != nil {
			return err
		}
		damage, err := journal.Check(part, func(first uint64, payload []byte) error {
			entries, err := decodeRecord(first, payload)
			for i := range entries {
				v.proof.JournalEntries++
				if v.purge.has(&entries[i]) {
					v.left(part.Path, fmt.Sprintf("entry %d", entries[i].Seq))
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, d := range damage {
			if !d.Torn { // else it is being written
				v.left(d.Path, fmt.Sprintf("%d bytes cannot be read: delete the file if you need nothing of it", d.Bytes))
			}
		}
	}
	return nil
}

func (v *prover) memory(context.Context) error {
	s := v.store
	look := func(where string, seq uint64, received int64) {
		v.proof.MemoryEntries++
		if v.purge.hasAt(seq, received) {
			v.left(where, fmt.Sprintf("entry %d", seq))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lookAt := func(h *head) {
		for i, seq := range h.columns.Seq {
			if h.key.instance == v.purge.Instance {
				look("memory", seq, h.columns.Received[i])
			} else {
				v.proof.MemoryEntries++
			}
		}
	}
	for _, h := range s.heads {
		lookAt(h)
	}
	for _, h := range s.pending {
		lookAt(h)
	}
	for _, e := range s.ring.all() {
		if e.Instance == v.purge.Instance {
			look("recent entries", e.Seq, e.Received.UnixNano())
		} else {
			v.proof.MemoryEntries++
		}
	}
	return nil
}

// days reads the headers of all blocks, and all of those of the instance; and
// which blocks there are filters and words of.
func (v *prover) days(ctx context.Context) error {
	for _, dir := range files.Glob(v.store.cfg.Dir, "days/*") {
		if err := v.store.stopped(ctx); err != nil {
			return err
		}
		stems, ids := make(map[string]bool), make(map[string]bool)
		for _, path := range files.Glob(dir, "*") {
			switch {
			case strings.HasSuffix(path, block.Suffix):
				if err := v.block(path, ids); err != nil {
					return err
				}
				stems[strings.TrimSuffix(filepath.Base(path), block.Suffix)] = true
			case strings.HasSuffix(path, purgeSuffix):
				v.left(path, "it was not renamed")
			}
		}
		start, err := time.Parse(dayLayout, filepath.Base(dir))
		if err != nil {
			continue // it is not ours
		}
		day := v.store.newDay(dayNumber(start))
		v.filters(day, stems)
		if err := v.words(day, ids); err != nil {
			return err
		}
	}
	return nil
}

func (v *prover) block(path string, ids map[string]bool) error {
	header, _, err := block.ReadHeader(path)
	if err != nil {
		if day, e := time.Parse(dayLayout, filepath.Base(filepath.Dir(path))); e == nil && v.purge.named(v.store.newDay(dayNumber(day)), path) {
			v.left(path, err.Error())
		}
		return nil
	}
	v.proof.Blocks++
	b := &storedBlock{path: path, header: header}
	ids[b.id()] = true
	if header.Instance != v.purge.Instance {
		return nil
	}
	columns, err := v.store.load(b)
	if err != nil {
		if v.purge.part(&header) != purgeNone {
			v.left(path, err.Error())
		}
		return nil
	}
	for i, seq := range columns.Seq {
		v.proof.BlockEntries++
		if v.purge.hasAt(seq, columns.Received[i]) {
			v.left(path, fmt.Sprintf("entry %d", seq))
		}
	}
	return nil
}

// filters looks for filters of blocks that are not there, also given up ones. A
// block may just be written: the store knows it then.
func (v *prover) filters(d *day, stems map[string]bool) {
	had := v.purge.hadBlockOf(d)
	for _, path := range append(files.Glob(d.dir, "*"+filter.Suffix), files.Glob(d.dir, "*"+joinedSuffix)...) {
		f, err := readFilterFile(nil, path)
		if err != nil {
			continue // it is written now, or Verify tells of it
		}
		v.proof.Filters++
		for _, name := range f.head.Names {
			if !stems[name] && had(name) {
				v.left(path, "it has the ids of "+name)
			}
		}
	}
}

// words looks for words of blocks that are not there.
func (v *prover) words(of *day, ids map[string]bool) error {
	s := v.store
	s.mu.Lock()
	d := s.days[of.number]
	known := make(map[string]bool)
	if d != nil {
		for _, b := range d.blocks {
			known[b.id()] = true
		}
		for _, r := range s.remains {
			known[r.block.id()] = true
		}
	}
	s.mu.Unlock()
	if d == nil || len(known) == 0 {
		return nil
	}
	words := s.openWords(d)
	if words == nil {
		return nil // nothing is asked of one that cannot be opened; it is built anew
	}
	found, err := words.IDs()
	if err != nil {
		return err
	}
	v.proof.WordIndexes++
	for id := range found {
		var first, last uint64
		if _, err := fmt.Sscanf(id, "%d-%d", &first, &last); err == nil && !ids[id] && !known[id] && v.purge.covers(first) {
			v.left(d.dir, "its word index has the words of block "+id)
		}
	}
	return nil
}

// search asks as everybody does.
func (v *prover) search(ctx context.Context) error {
	p := v.purge
	query := InstanceQuery(p.Instance)
	n, err := v.store.Count(ctx, CountRequest{Query: query})
	if err != nil {
		return err
	}
	v.proof.Remaining = n
	requests := []SearchRequest{{Query: query, To: p.Before, Before: p.UpTo + 1, Limit: 1, ByArrival: true}}
	if p.Imports {
		requests = append(requests, SearchRequest{Query: query, To: p.Before, After: importedBit - 1, Limit: 1, ByArrival: true})
	}
	for _, req := range requests {
		page, err := v.store.Search(ctx, req)
		if err != nil {
			return err
		}
		for i := range page.Entries {
			v.left("a search", fmt.Sprintf("entry %d", page.Entries[i].Seq))
		}
	}
	return nil
}
