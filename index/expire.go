package index

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

// placed is a block with its day, and what it takes on the disk: its file, its
// filter and its part of the day's word index.
type placed struct {
	*storedBlock
	day   *day
	bytes int64
}

// expire lets go of the blocks that the Config does not keep.
func (s *Store) expire(ctx context.Context) error {
	if expires, _ := s.cfg.expires(); !expires {
		return nil
	}
	victims := s.cfg.expired(s.placedBlocks())
	if len(victims) == 0 {
		return nil
	}
	last := uint64(0)
	for _, v := range victims {
		if !Imported(v.header.Last) { // those were never in the journal
			last = max(last, v.header.Last)
		}
	}
	var err error
	if last > 0 {
		err = s.leaveJournal(ctx, last)
	}
	// What the journal still has would come back at the next start: later.
	first := s.journal.First()
	victims = slices.DeleteFunc(victims, func(v placed) bool { return !Imported(v.header.Last) && v.header.Last >= first })
	s.letGo(victims)
	return err
}

// placedBlocks lists all blocks, oldest first.
func (s *Store) placedBlocks() []placed {
	var all []placed
	var sources []source
	_, bounded := s.cfg.expires()
	for _, d := range s.allDays() {
		s.mu.Lock()
		begin := len(all)
		total := int64(0)
		for _, b := range d.blocks {
			all = append(all, placed{storedBlock: b, day: d, bytes: b.size + b.filterBytes()})
			sources = append(sources, b.source(d))
			total += b.size
		}
		s.mu.Unlock()
		if total == 0 || !bounded {
			continue
		}
		words := folderBytes(filepath.Join(d.dir, blockindex.Folder))
		for i := begin; i < len(all); i++ {
			all[i].bytes += int64(float64(words) * float64(all[i].size) / float64(total))
		}
	}
	order := stretches(sources)
	in := func(p placed) int {
		return slices.IndexFunc(order, func(st stretch) bool { return st.has(p.header.First) })
	}
	slices.SortFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(in(a), in(b)), cmp.Compare(a.header.First, b.header.First))
	})
	return all
}

// folderBytes is the size of the files in a folder, 0 if it is not there.
func folderBytes(dir string) (total int64) {
	files, _ := os.ReadDir(dir)
	for _, file := range files {
		if info, err := file.Info(); err == nil {
			total += info.Size()
		}
	}
	return total
}

// expired chooses the blocks that are not kept: first by age, then those of
// instances that take too much, then, while all take too much, the oldest of
// the instance that takes most.
func (c *Config) expired(blocks []placed) []placed {
	var victims []placed
	held := make(map[string][]placed)
	sizes := make(map[string]int64)
	total := int64(0)
	now := c.now()
	keep := make(map[string]KeepRule)
	for _, b := range blocks {
		name := b.header.Instance
		rule, known := keep[name]
		if !known {
			rule = c.keepOf(name)
			keep[name] = rule
		}
		if rule.For > 0 && b.header.MaxReceived < now.Add(-rule.For).UnixNano() {
			victims = append(victims, b)
			continue
		}
		held[name] = append(held[name], b)
		sizes[name] += b.bytes
		total += b.bytes
	}
	drop := func(name string) {
		b := held[name][0]
		held[name] = held[name][1:]
		sizes[name] -= b.bytes
		total -= b.bytes
		victims = append(victims, b)
	}
	for name := range held {
		for limit := keep[name].Bytes; limit > 0 && sizes[name] > limit; {
			drop(name)
		}
	}
	for c.KeepBytes > 0 && total > c.KeepBytes {
		drop(largest(sizes))
	}
	return victims
}

// largest is the name with the highest number.
func largest(sizes map[string]int64) (name string) {
	most := int64(-1)
	for n, size := range sizes {
		if size > most || size == most && n < name {
			name, most = n, size
		}
	}
	return name
}

// leaveJournal sees to it that the journal has no entry up to the Seq, as far
// as that is possible now.
func (s *Store) leaveJournal(ctx context.Context, last uint64) error {
	upTo := s.journal.Holding(last)
	if upTo > 0 || !s.journal.Active() {
		s.mu.Lock()
		for _, h := range s.heads {
			if h.first() <= upTo {
				s.retireHeadLocked(h)
			}
		}
		err := s.journal.Turn(s.lastSeq + 1)
		s.mu.Unlock()
		if err != nil {
			return err
		}
		for s.stopped(ctx) == nil && s.sealNext() {
		}
	}
	// The name of a segment is what remembers the highest number, once the
	// blocks are gone.
	if err := s.sync(ctx, 0); err != nil {
		return err
	}
	s.mu.Lock()
	before := s.firstUnsealedLocked()
	s.mu.Unlock()
	return s.journal.Remove(before)
}

// letGo takes blocks out of the store. Their files go when no search can be
// reading them.
func (s *Store) letGo(victims []placed) {
	if len(victims) == 0 {
		return
	}
	gone := make(map[*storedBlock]bool, len(victims))
	days := make(map[*day]bool)
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make(map[string]bool)
	for _, v := range victims {
		gone[v.storedBlock], days[v.day], names[v.header.Instance] = true, true, true
		state := s.instanceLocked(v.header.Instance)
		state.entries -= min(state.entries, uint64(v.header.Entries))
		state.bytes -= min(state.bytes, v.header.TextBytes)
		s.counters.expiredBlocks.Add(1)
		s.counters.expiredEntries.Add(uint64(v.header.Entries))
		s.counters.expiredBytes.Add(uint64(v.size))
	}
	for d := range days {
		s.replaceLocked(d, gone, nil)
	}
	s.lookBackLocked(names)
}

// replaceLocked puts b, if it is not nil, in the place of the blocks that are
// gone from the day.
func (s *Store) replaceLocked(d *day, gone map[*storedBlock]bool, b *storedBlock) {
	kept := make([]*storedBlock, 0, len(d.blocks))
	last := s.leases.newest()
	for _, old := range d.blocks {
		if !gone[old] {
			kept = append(kept, old)
			continue
		}
		if b != nil {
			kept, b = append(kept, b), nil
		}
		s.remains = append(s.remains, remains{block: old, day: d, last: last})
		d.remains++
	}
	d.blocks = kept
}

// lookBackLocked finds the newest entries of the instances again, after blocks
// have gone. An instance of which nothing is left is forgotten.
func (s *Store) lookBackLocked(names map[string]bool) {
	for name := range names {
		state := s.instances[name]
		state.last, state.lastError = 0, 0
		if state.entries == 0 {
			delete(s.instances, name)
		}
	}
	for _, d := range s.days {
		for _, b := range d.blocks {
			if state := s.instances[b.header.Instance]; state != nil && names[b.header.Instance] {
				state.seenBlock(&b.header)
			}
		}
	}
	look := func(h *head) {
		if !names[h.key.instance] {
			return
		}
		state := s.instanceLocked(h.key.instance)
		state.last = max(state.last, h.maxTime)
		state.lastError = max(state.lastError, h.columns.LastError)
	}
	for _, h := range s.heads {
		look(h)
	}
	for _, h := range s.pending {
		look(h)
	}
}

// remains are the files of a block that is no longer in the store.
type remains struct {
	block *storedBlock
	day   *day
	last  lease // of the searches that may read it
}

// bury deletes the files of blocks that no search reads any more, and days of
// which nothing is left.
func (s *Store) bury() {
	s.mu.Lock()
	var ready, waiting []remains
	for _, r := range s.remains {
		if s.leases.over(r.last) {
			ready = append(ready, r)
		} else {
			waiting = append(waiting, r)
		}
	}
	s.remains = waiting
	ids := make(map[*day][]string)
	for _, r := range ready {
		if len(r.day.blocks) > 0 { // else all of its index goes
			ids[r.day] = append(ids[r.day], r.block.id())
		}
	}
	s.mu.Unlock()
	for d, list := range ids {
		if words := s.openWords(d); words != nil {
			if err := words.Remove(list); err != nil {
				s.reportIndex("remove blocks", d, err) // a search does not ask for them
			}
		}
	}
	marked := make(map[*day]bool)
	for _, r := range ready {
		if err := s.dropFilter(r.block); err == nil { // else deleteFiles tells
			marked[r.day] = true
		}
	}
	for d := range marked {
		s.syncFilters(d)
	}
	for _, r := range ready {
		s.deleteFiles(r)
	}
	for _, d := range s.allDays() {
		s.removeEmpty(d)
	}
}

func (s *Store) deleteFiles(r remains) {
	err := s.removeBlock(r.block)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		r.day.remains--
		return
	}
	s.remains = append(s.remains, r)
	if s.keepReport.allow(s.cfg.now()) {
		s.cfg.Logger.Warn("expired or merged block stays", slog.String("file", r.block.path), slog.Any("err", err))
	}
}

// removeBlock deletes a block and its filter, the block last: a filter without a
// block tells that one is missing.
func (s *Store) removeBlock(b *storedBlock) error {
	if err := s.dropFilter(b); err != nil {
		return err
	}
	return removeFile(b.path)
}

// removeFile is no error if the file is not there.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove file: %w", err)
	}
	return nil
}

// removeEmpty deletes the folder of a day that has no blocks. One that cannot
// be read stays until its time is over.
func (s *Store) removeEmpty(d *day) {
	s.mu.Lock()
	empty := s.isEmptyLocked(d)
	s.mu.Unlock()
	if !empty {
		return
	}
	// First, or bleve would go on writing to the folder of this name, which may
	// be that of a new day then. Only who seals a block could open it again.
	_ = d.rest() // its files are deleted
	s.mu.Lock()
	if !s.isEmptyLocked(d) {
		s.mu.Unlock()
		return
	}
	// Under another name, because a block of the day may still come.
	leftover := d.dir + ".tmp"
	err := os.Rename(d.dir, leftover)
	if err != nil && !os.IsNotExist(err) {
		s.mu.Unlock()
		return
	}
	delete(s.days, d.number)
	s.mu.Unlock()
	_ = d.close()              // so that nobody opens it again
	_ = os.RemoveAll(leftover) // or at the next start
}

func (s *Store) isEmptyLocked(d *day) bool {
	if len(d.blocks) > 0 || d.remains > 0 {
		return false
	}
	for key := range s.heads {
		if key.day == d.number {
			return false
		}
	}
	for _, h := range s.pending {
		if h.key.day == d.number {
			return false
		}
	}
	if longest := s.cfg.longestKeep(); longest > 0 && d.number < dayNumber(s.cfg.now().Add(-longest-24*time.Hour)) {
		return true
	}
	return len(d.unread) == 0
}
