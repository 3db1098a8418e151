package index

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/tagtail/tagtail/index/internal/block"
)

// mergeFanIn is how many small blocks of a day that goes on become one: less
// often would write the same entries again and again.
const mergeFanIn = 8

// mergeRuns lists the neighbouring blocks of an instance that are to become one.
func (s *Store) mergeRuns(d *day, over bool) (runs [][]*storedBlock) {
	s.mu.Lock()
	all := slices.Clone(d.blocks)
	waiting := make(map[string][]seqRange) // what is in no block yet
	wait := func(h *head) {
		if h.key.day == d.number {
			r := seqRange{first: h.first(), last: h.last()}
			waiting[h.key.instance] = append(waiting[h.key.instance], r)
		}
	}
	for _, h := range s.heads {
		wait(h)
	}
	for _, h := range s.pending {
		wait(h)
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b *storedBlock) int {
		return cmp.Or(cmp.Compare(a.header.Instance, b.header.Instance), cmp.Compare(a.header.First, b.header.First))
	})
	for len(all) > 0 {
		n := s.cfg.runLength(all, waiting[all[0].header.Instance])
		if run := worthMerging(all[:n], over); len(run) > 0 {
			runs = append(runs, run)
		}
		all = all[n:]
	}
	return runs
}

// runLength is how many of the first blocks could become one: a replay takes
// what is between the first and the last Seq of a block for stored, so nothing
// may be between them that is not in them.
func (c *Config) runLength(blocks []*storedBlock, waiting []seqRange) int {
	first := blocks[0]
	entries, bytes := first.header.Entries, first.header.TextBytes
	reach := first.header.Last
	for n, b := range blocks[1:] {
		h := &b.header
		entries += h.Entries
		bytes += h.TextBytes
		between := func(r seqRange) bool { return r.first < h.Last && r.last > first.header.First }
		if h.Instance != first.header.Instance || h.First <= reach || entries > c.HeadEntries || bytes > uint64(c.HeadBytes) ||
			first.damaged.Load() || b.damaged.Load() || Imported(h.Last) != Imported(first.header.First) || slices.ContainsFunc(waiting, between) {
			return n + 1
		}
		reach = h.Last
	}
	return len(blocks)
}

// worthMerging is the part of a run that is worth the work: of a day that is
// over all of it, before that as many of its newest blocks as can be had of
// which none has most of the entries already. So a block is written again only
// as part of one twice as large, and the small ones do not wait for that.
func worthMerging(run []*storedBlock, over bool) []*storedBlock {
	if over && len(run) > 1 {
		return run
	}
	if over {
		return nil
	}
	total, most, from := 0, 0, len(run)
	for i := len(run) - 1; i >= 0; i-- {
		total += run[i].header.Entries
		most = max(most, run[i].header.Entries)
		if len(run)-i >= mergeFanIn && total >= 2*most {
			from = i
		}
	}
	return run[from:]
}

// merge makes one block of a run. The order matters: it is durable before the
// old ones go, and a start that finds both keeps the new one.
func (s *Store) merge(d *day, run []*storedBlock) error {
	columns, err := s.join(run)
	if err != nil {
		return nil // load has reported it, and the next run ends there
	}
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(columns.Message)
	file, header := s.codec.Encode(nil, columns, &t.shapes)
	b := &storedBlock{
		path: filepath.Join(d.dir, block.FileName(header.First, header.Last, header.Instance)),
		size: int64(len(file)), header: header,
	}
	if err := s.writeBlock(d, b, file); err != nil {
		return fmt.Errorf("write merged block: %w", err)
	}
	if _, err := s.writeFilter(d, b, t); err != nil {
		s.reportIndex("write a filter", d, err) // it is built when it is needed
	}
	if words := s.openWords(d); words != nil {
		if err := addWords(words, b, t); err != nil {
			s.reportIndex("add a block", d, err) // it is searched without
		}
	}
	gone := make(map[*storedBlock]bool, len(run))
	for _, old := range run {
		gone[old] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaceLocked(d, gone, b)
	s.counters.mergedBlocks.Add(uint64(len(run)))
	return nil
}

// join reads the blocks of a run as one.
func (s *Store) join(run []*storedBlock) (*block.Columns, error) {
	all := &block.Columns{}
	all.Instance = run[0].header.Instance
	for _, b := range run {
		c, err := s.load(b)
		if err != nil {
			return nil, err
		}
		all.Append(c)
	}
	return all, nil
}

// settle takes those blocks of a day out that a merge has replaced but not
// deleted: their entries are all in another one. They are deleted now. What only
// lies between the numbers of another block stays.
func (s *Store) settle(d *day) {
	blocks := d.blocks
	sorted := slices.Clone(blocks)
	slices.SortFunc(sorted, func(a, b *storedBlock) int {
		return cmp.Or(cmp.Compare(a.header.Instance, b.header.Instance),
			cmp.Compare(a.header.First, b.header.First), cmp.Compare(b.header.Last, a.header.Last), cmp.Compare(a.path, b.path))
	})
	gone := make(map[*storedBlock]bool)
	var around []*storedBlock // those that may reach over the next
	for _, b := range sorted {
		around = slices.DeleteFunc(around, func(o *storedBlock) bool {
			return o.header.Instance != b.header.Instance || o.header.Last < b.header.First
		})
		for _, o := range around {
			if o.header.Last >= b.header.Last && s.hasAll(o, b) {
				gone[b] = true
				break
			}
		}
		if !gone[b] {
			around = append(around, b)
		}
	}
	for b := range gone {
		_ = s.removeBlock(b) // what stays is left out again at the next start
	}
	d.blocks = nil
	for _, b := range blocks {
		switch {
		case gone[b]:
		case b.damaged.Load():
			d.unread = append(d.unread, b.path)
		default:
			d.blocks = append(d.blocks, b)
		}
	}
}

// hasAll tells whether every entry of b is in the outer block, and that can be
// read.
func (s *Store) hasAll(outer, b *storedBlock) bool {
	if outer.damaged.Load() {
		return false
	}
	all, err := s.load(outer)
	if err != nil {
		return false
	}
	part, err := s.load(b)
	if err != nil {
		return false
	}
	for _, seq := range part.Seq {
		if _, found := slices.BinarySearch(all.Seq, seq); !found {
			return false
		}
	}
	return true
}
