package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
)

// PurgeRequest says what is deleted: all that is there of an instance when Purge
// is called.
type PurgeRequest struct {
	Instance string
	// Before bounds Received; zero is unbounded.
	Before time.Time
}

// Validate says in one sentence what is wrong.
func (r *PurgeRequest) Validate() error {
	if service, owner := SplitInstance(r.Instance); r.Instance != Unassigned && (service == "" || owner == "") {
		return fmt.Errorf("%q is no instance: its name is SERVICE/OWNER, such as socketserver/dev1, or %s", r.Instance, Unassigned)
	}
	return nil
}

// PurgeContent is what a Purge deletes, or has deleted.
type PurgeContent struct {
	Entries uint64 `json:"entries"`
	// Blocks are deleted, Rewritten ones are left with what was not asked for;
	// Bytes are what all of them take on the disk, with their filters.
	Blocks    int   `json:"blocks"`
	Rewritten int   `json:"rewritten_blocks"`
	Bytes     int64 `json:"bytes"`
	// First and Last are when the oldest and the newest entry were received,
	// FirstSeq and LastSeq the lowest and highest number. Zero without entries.
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	FirstSeq uint64    `json:"first_seq,omitempty"`
	LastSeq  uint64    `json:"last_seq,omitempty"`
}

// PurgeReport is what was deleted, and what a look at everything that remains has
// found.
type PurgeReport struct {
	Instance string       `json:"instance"`
	Before   time.Time    `json:"before,omitzero"`
	UpTo     uint64       `json:"up_to_seq"` // what came later was not asked for
	Deleted  PurgeContent `json:"deleted"`
	Proof    PurgeProof   `json:"proof"`
}

// purge is what is being deleted. It is in a file until that is done.
type purge struct {
	Instance string    `json:"instance"`
	Before   time.Time `json:"before,omitzero"`
	UpTo     uint64    `json:"up_to_seq"`
	// Imports tells that what was imported goes, whatever its Seq.
	Imports bool `json:"imports,omitempty"`
	// Days have what is derived from deleted blocks, perhaps.
	Days []string `json:"days,omitempty"`
}

// has tells whether the entry is deleted.
func (p *purge) has(e *Entry) bool {
	return e.Instance == p.Instance && p.hasAt(e.Seq, e.Received.UnixNano())
}

// covers tells whether the Seq was there when the purge began.
func (p *purge) covers(seq uint64) bool {
	if Imported(seq) {
		return p.Imports
	}
	return seq <= p.UpTo
}

func (p *purge) hasAt(seq uint64, received int64) bool {
	return p.covers(seq) && (p.Before.IsZero() || received < p.Before.UnixNano())
}

// purged tells whether an entry that somebody has read was deleted since.
func (s *Store) purged(e *Entry) bool {
	list := s.purges.Load()
	return list != nil && slices.ContainsFunc(*list, func(p purge) bool { return p.has(e) })
}

// leave takes out of entries what was deleted since they were read.
func (s *Store) leave(entries []Entry) []Entry {
	if s.purges.Load() == nil {
		return entries
	}
	return slices.DeleteFunc(entries, func(e Entry) bool { return s.purged(&e) })
}

// PurgePreview tells what a Purge would delete now.
func (s *Store) PurgePreview(ctx context.Context, req PurgeRequest) (PurgeContent, error) {
	if err := req.Validate(); err != nil {
		return PurgeContent{}, err
	}
	c := PurgeContent{}
	var err error
	if c.Entries, err = s.Count(ctx, CountRequest{Query: InstanceQuery(req.Instance), To: req.Before}); err != nil {
		return c, err
	}
	for order, at := range map[Order]func(*Entry){
		OldestFirst: func(e *Entry) { c.First, c.FirstSeq = e.Received, e.Seq },
		NewestFirst: func(e *Entry) { c.Last, c.LastSeq = e.Received, e.Seq },
	} {
		page, err := s.Search(ctx, SearchRequest{Query: InstanceQuery(req.Instance), To: req.Before, Order: order, Limit: 1})
		if err != nil {
			return c, err
		}
		for i := range page.Entries {
			at(&page.Entries[i])
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := purge{Instance: req.Instance, Before: req.Before, UpTo: s.lastSeq, Imports: true}
	for _, d := range s.days {
		for _, b := range d.blocks {
			switch p.part(&b.header) {
			case purgeAll:
				c.Blocks++
				c.Bytes += b.size + b.filterBytes()
			case purgeSome:
				c.Rewritten++
			}
		}
	}
	return c, nil
}

// purgePart is how much of a block is deleted.
type purgePart uint8

const (
	purgeNone purgePart = iota
	purgeSome
	purgeAll
)

// part is what the header tells; of purgeSome it may be nothing or all.
func (p *purge) part(h *block.Header) purgePart {
	switch {
	case h.Instance != p.Instance || !p.covers(h.First) || !p.Before.IsZero() && h.MinReceived >= p.Before.UnixNano():
		return purgeNone
	case p.covers(h.Last) && (p.Before.IsZero() || h.MaxReceived < p.Before.UnixNano()):
		return purgeAll
	}
	return purgeSome
}

// moved is what became of a block that was purged.
type moved struct{ to *storedBlock } // nil: nothing is left of it

// Purge deletes what is there of an instance from all files, and reads all that
// remains to prove it. What others have is not touched. The store goes on
// meanwhile; whoever reads at that time is shown nothing of it any more when
// Purge returns. After an error, or a crash, it is continued by the next Open or
// Purge. progress, which may be nil, is called from the calling goroutine.
//
// The order matters: what is to be deleted is written down first, then the
// journal goes, then the blocks, then what is derived from them.
func (s *Store) Purge(ctx context.Context, req PurgeRequest, progress func(Progress)) (PurgeReport, error) {
	if err := req.Validate(); err != nil {
		return PurgeReport{}, err
	}
	if err := s.begin(); err != nil {
		return PurgeReport{}, err
	}
	defer s.inUse.Done()
	if err := s.lockBlocks(ctx); err != nil {
		return PurgeReport{}, err
	}
	defer s.unlockBlocks()
	if _, err := s.resumePurge(ctx); err != nil {
		return PurgeReport{}, fmt.Errorf("finish an earlier purge: %w", err)
	}
	s.mu.Lock()
	p := purge{Instance: req.Instance, Before: req.Before, UpTo: s.lastSeq, Imports: true}
	for _, h := range s.heads { // so that none has entries from before and after
		if h.key.instance == p.Instance {
			s.retireHeadLocked(h)
		}
	}
	s.mu.Unlock()
	if err := writePurge(s.cfg.Dir, p); err != nil {
		return PurgeReport{}, fmt.Errorf("write down what is purged: %w", err)
	}
	return s.purge(ctx, p, progress)
}

// resumePurge does what a crash or an error has left; nil if that is nothing.
func (s *Store) resumePurge(ctx context.Context) (*PurgeReport, error) {
	p, err := readPurge(s.cfg.Dir)
	if err != nil || p == nil {
		return nil, err
	}
	if last := s.LastSeq(); p.UpTo > last { // whatever somebody has written there
		p.UpTo = last
		s.purges.Store(nil)
	}
	s.cfg.Logger.Info("finishing a purge that was begun before", slog.String("instance", p.Instance))
	report, err := s.purge(ctx, *p, nil)
	report.Deleted.Entries += s.replayPurged
	return &report, err
}

// Resumed is the report of a purge that a crash has broken off and Open has
// finished, nil if there was none. What was deleted before is not in it.
func (s *Store) Resumed() *PurgeReport { return s.resumed }

// purge deletes what is written down. Nobody else changes blocks meanwhile.
func (s *Store) purge(ctx context.Context, p purge, progress func(Progress)) (PurgeReport, error) {
	report := PurgeReport{Instance: p.Instance, Before: p.Before, UpTo: p.UpTo}
	var hidden []purge
	if old := s.purges.Load(); old != nil {
		hidden = slices.Clone(*old)
	}
	hidden = append(slices.DeleteFunc(hidden, func(old purge) bool { return old.UpTo == p.UpTo && old.Instance == p.Instance }), p)
	s.purges.Store(&hidden)
	s.ring.drop(p.has)
	s.atPurge("begun")
	if err := s.emptyJournal(ctx, p.UpTo); err != nil {
		return report, fmt.Errorf("empty the journal: %w", err)
	}
	s.atPurge("journal")
	s.bury()
	s.purgeDays(&p)
	if err := writePurge(s.cfg.Dir, p); err != nil {
		return report, err
	}
	// What was merged or expired before may still have files.
	if err := s.purgeRemains(&p); err != nil {
		return report, err
	}
	if err := s.purgeBlocks(ctx, &p, &report.Deleted); err != nil {
		return report, err
	}
	if err := s.purgeDerived(ctx, &p, progress); err != nil {
		return report, err
	}
	if err := s.awaitReaders(ctx); err != nil {
		return report, err
	}
	s.atPurge("proof")
	var err error
	if report.Proof, err = s.provePurge(ctx, &p); err != nil {
		return report, fmt.Errorf("prove that nothing is left: %w", err)
	}
	if err := report.Proof.Err(); err != nil {
		return report, err
	}
	return report, removePurge(s.cfg.Dir)
}

// atPurge tells a test how far it is.
func (s *Store) atPurge(step string) {
	if s.cfg.atPurge != nil {
		s.cfg.atPurge(step)
	}
}

// emptyJournal sees to it that no file of the journal has a number up to last:
// everything is in blocks then.
func (s *Store) emptyJournal(ctx context.Context, last uint64) error {
	if err := s.leaveJournal(ctx, last); err != nil {
		return err
	}
	for s.journal.Holding(last) > 0 {
		if err := s.stopped(ctx); err != nil {
			return err
		}
		s.mu.Lock()
		for slices.ContainsFunc(s.pending, func(h *head) bool { return h.sealing && h.first() <= last }) {
			s.sealEnd.Wait()
		}
		waits := slices.ContainsFunc(s.pending, func(h *head) bool { return h.first() <= last })
		before := s.firstUnsealedLocked()
		s.mu.Unlock()
		if waits && !s.sealNext() {
			return errors.New("blocks cannot be written now: see that the disk has room, then try again")
		}
		// A file that is being synced stays until that is over.
		if err := s.sync(ctx, 0); err != nil {
			return err
		}
		if err := s.journal.Remove(before); err != nil {
			return err
		}
	}
	return block.SyncDir(filepath.Join(s.cfg.Dir, "journal"))
}

// purgeDays notes the days that have something of what is deleted.
func (s *Store) purgeDays(p *purge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	note := func(d *day) {
		if name := filepath.Base(d.dir); !slices.Contains(p.Days, name) {
			p.Days = append(p.Days, name)
		}
	}
	for _, r := range s.remains {
		if p.part(&r.block.header) != purgeNone {
			note(r.day)
		}
	}
	s.placing.Lock()
	defer s.placing.Unlock()
	for _, d := range s.days {
		if slices.ContainsFunc(d.blocks, func(b *storedBlock) bool { return p.part(&b.header) != purgeNone }) ||
			slices.ContainsFunc(d.filters, func(f *filterFile) bool { return slices.ContainsFunc(f.head.Names, p.hadBlockOf(d)) }) ||
			slices.ContainsFunc(d.unread, func(path string) bool { return p.named(d, path) }) {
			note(d)
		}
	}
}

// purgeRemains deletes the files of blocks of the instance that are in the store
// no more: those that a search still reads, and those that cannot be read.
func (s *Store) purgeRemains(p *purge) error {
	s.mu.Lock()
	old := slices.Clone(s.remains)
	var unread []remains
	for _, d := range s.days {
		for _, path := range d.unread {
			if p.named(d, path) {
				unread = append(unread, remains{block: &storedBlock{path: path}, day: d})
			}
		}
	}
	s.mu.Unlock()
	for _, r := range old {
		if p.part(&r.block.header) == purgeNone {
			continue
		}
		if err := s.eraseBlock(r.block, nil); err != nil {
			return err
		}
		s.mu.Lock()
		s.remains = slices.DeleteFunc(s.remains, func(other remains) bool { return other.block == r.block })
		r.day.remains--
		s.mu.Unlock()
	}
	for _, r := range unread {
		if err := s.eraseBlock(r.block, nil); err != nil {
			return err
		}
		s.written(r.day, r.block.path)
	}
	return nil
}

// named tells whether a block that cannot be read goes by its name, which is all
// that is known of it: if it can only have what is deleted.
func (p *purge) named(d *day, path string) bool {
	name := filepath.Base(path)
	first, last, ok := block.ParseFileName(name)
	end := time.Unix((d.number+1)*24*60*60, 0)
	return ok && name == block.FileName(first, last, p.Instance) && p.covers(last) && (p.Before.IsZero() || !end.After(p.Before))
}

// purgeBlocks deletes blocks, and writes those again of which a part stays.
func (s *Store) purgeBlocks(ctx context.Context, p *purge, deleted *PurgeContent) error {
	for _, d := range s.allDays() {
		if !slices.Contains(p.Days, filepath.Base(d.dir)) {
			continue
		}
		s.mu.Lock()
		blocks := slices.Clone(d.blocks)
		s.mu.Unlock()
		for _, b := range blocks {
			if err := s.stopped(ctx); err != nil {
				return err
			}
			if err := s.purgeBlock(p, deleted, d, b); err != nil {
				return err
			}
		}
		if err := syncDirIfThere(d.dir); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) purgeBlock(p *purge, deleted *PurgeContent, d *day, b *storedBlock) error {
	part := p.part(&b.header)
	if part == purgeNone {
		return nil
	}
	var rest *storedBlock
	if part == purgeSome {
		left, err := s.restOf(p, b)
		if err != nil {
			return fmt.Errorf("%s cannot be read, so what stays of it is not known: purge all of the instance, or delete the file: %w", b.path, err)
		}
		if len(left.Seq) == b.header.Entries {
			return nil
		}
		if len(left.Seq) > 0 {
			if rest, err = s.writeRest(d, b, left); err != nil {
				return fmt.Errorf("write what stays of %s: %w", b.path, err)
			}
		}
	}
	s.atPurge("block")
	deleted.add(b, rest)
	if err := s.eraseBlock(b, rest); err != nil {
		return err
	}
	s.takeOut(d, b, rest)
	return nil
}

// syncDirIfThere makes what was deleted in a folder stay so.
func syncDirIfThere(dir string) error {
	if err := block.SyncDir(dir); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// add counts a block that goes, but for its rest.
func (c *PurgeContent) add(b, rest *storedBlock) {
	h := &b.header
	c.Entries += uint64(h.Entries)
	c.Bytes += b.size + b.filterBytes()
	last := h.MaxReceived
	if rest == nil {
		c.Blocks++
	} else {
		c.Rewritten++
		c.Entries -= uint64(rest.header.Entries)
		c.Bytes -= rest.size
		last = max(h.MinReceived, min(last, rest.header.MinReceived))
	}
	if first := time.Unix(0, h.MinReceived).UTC(); c.First.IsZero() || first.Before(c.First) {
		c.First = first
	}
	if last := time.Unix(0, last).UTC(); last.After(c.Last) {
		c.Last = last
	}
	if c.FirstSeq == 0 || h.First < c.FirstSeq {
		c.FirstSeq = h.First
	}
	c.LastSeq = max(c.LastSeq, h.Last)
}

// restOf reads what stays of a block.
func (s *Store) restOf(p *purge, b *storedBlock) (*block.Columns, error) {
	all, err := s.load(b)
	if err != nil {
		return nil, err
	}
	rest := block.NewColumns(all.Instance, len(all.Seq))
	r := rows{columns: all}
	for i := range all.Seq {
		if !p.hasAt(r.seq(i), r.received(i)) {
			appendEntry(&rest, r.at(i))
		}
	}
	return &rest, nil
}

// writeRest makes a durable block of what stays of old. If it has the same name it
// gets that when the old one goes, and a temporary one until then.
func (s *Store) writeRest(d *day, old *storedBlock, left *block.Columns) (*storedBlock, error) {
	t := s.tokens.Get().(*tokens)
	defer s.tokens.Put(t)
	t.collect(left.Message)
	file, header := s.codec.Encode(nil, left, &t.shapes)
	b := &storedBlock{
		path: filepath.Join(d.dir, block.FileName(header.First, header.Last, header.Instance)),
		size: int64(len(file)), header: header,
	}
	if b.path == old.path {
		return b, s.cfg.writeFile(b.path+purgeSuffix, file)
	}
	return b, s.writeBlock(d, b, file)
}

// purgeSuffix ends the temporary name of a rest. Open deletes what has it.
const purgeSuffix = ".rest.tmp"

// eraseBlock deletes the files of a block, in the place of which rest comes if it
// is not nil. Whoever reads it from then on reads the rest.
func (s *Store) eraseBlock(b, rest *storedBlock) error {
	s.rebuilding.Lock() // or a search writes its filter again
	defer s.rebuilding.Unlock()
	s.moving.Lock()
	defer s.moving.Unlock()
	same := rest != nil && rest.path == b.path
	if same {
		if err := os.Rename(rest.path+purgeSuffix, rest.path); err != nil {
			return err
		}
	}
	b.moved.Store(&moved{to: rest})
	if err := s.dropFilter(b); err != nil {
		return err
	}
	if same {
		return nil
	}
	return removeFile(b.path)
}

// takeOut puts rest, if it is not nil, in the place of a block that was erased.
func (s *Store) takeOut(d *day, b, rest *storedBlock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, bytes := uint64(b.header.Entries), b.header.TextBytes
	blocks := make([]*storedBlock, 0, len(d.blocks))
	for _, other := range d.blocks {
		switch {
		case other != b:
			blocks = append(blocks, other)
		case rest != nil:
			blocks = append(blocks, rest)
			entries -= uint64(rest.header.Entries)
			bytes -= min(bytes, rest.header.TextBytes)
		}
	}
	d.blocks = blocks
	state := s.instanceLocked(b.header.Instance)
	state.entries -= min(state.entries, entries)
	state.bytes -= min(state.bytes, bytes)
	s.lookBackLocked(map[string]bool{b.header.Instance: true})
}

// purgeDerived makes the word indexes and filters of the days again, because both
// keep what is only marked as deleted.
func (s *Store) purgeDerived(ctx context.Context, p *purge, progress func(Progress)) error {
	var days []*day
	done := Progress{}
	for _, d := range s.allDays() {
		if slices.Contains(p.Days, filepath.Base(d.dir)) {
			days = append(days, d)
			s.mu.Lock()
			done.Total += len(d.blocks)
			s.mu.Unlock()
		}
	}
	for _, d := range days {
		s.atPurge("day")
		s.removeEmpty(d)
		if _, err := os.Stat(d.dir); os.IsNotExist(err) {
			continue
		}
		err := s.rebuildDayLocked(ctx, d, func() {
			done.Done++
			if progress != nil {
				progress(done)
			}
		})
		if err != nil {
			return fmt.Errorf("rebuild index of %s: %w", filepath.Base(d.dir), err)
		}
		s.dropFilterFiles(p, d)
		if err := syncDirIfThere(d.dir); err != nil {
			return err
		}
	}
	s.filters.clear()
	return block.SyncDir(filepath.Join(s.cfg.Dir, "days"))
}

// dropFilterFiles deletes the files that still have the filter of a block that is
// deleted, because other blocks in them could not be read to make theirs again.
func (s *Store) dropFilterFiles(p *purge, d *day) {
	there := make(map[string]bool)
	s.mu.Lock()
	for _, b := range d.blocks {
		there[b.stem()] = true
	}
	s.mu.Unlock()
	s.placing.Lock()
	defer s.placing.Unlock()
	had := p.hadBlockOf(d)
	for _, f := range slices.Clone(d.filters) {
		if slices.ContainsFunc(f.head.Names, func(name string) bool { return !there[name] && had(name) }) {
			s.forgetFileLocked(f)
		}
	}
}

// hadBlockOf returns what tells whether a name without its ending is that of a
// block of the instance, on a day of which something is deleted.
func (p *purge) hadBlockOf(d *day) func(stem string) bool {
	begins := time.Unix(d.number*24*60*60, 0)
	return func(stem string) bool {
		name := stem + block.Suffix
		first, last, ok := block.ParseFileName(name)
		return ok && p.covers(first) && name == block.FileName(first, last, p.Instance) && (p.Before.IsZero() || begins.Before(p.Before))
	}
}

// awaitReaders waits for the calls that may have read what is deleted now. An
// export, which takes as long as its reader likes, leaves it out itself.
func (s *Store) awaitReaders(ctx context.Context) error {
	last := s.leases.newest()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !s.leases.overShort(last) {
		if err := s.stopped(ctx); err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

// String is the report in lines for people.
func (r PurgeReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Deleted %s\n", r.Deleted.describe(r.Instance))
	b.WriteString(r.Proof.String())
	return b.String()
}

// Describe says in one sentence what of the instance there is.
func (c PurgeContent) describe(instance string) string {
	if c.Entries == 0 {
		return "nothing: there is no such entry of " + instance + "."
	}
	text := fmt.Sprintf("%d entries of %s in %d blocks, %d bytes, received from %s to %s, seq %d to %d", c.Entries, instance,
		c.Blocks+c.Rewritten, c.Bytes, c.First.Format(time.RFC3339), c.Last.Format(time.RFC3339), c.FirstSeq, c.LastSeq)
	if c.Rewritten > 0 {
		text += fmt.Sprintf("; %d blocks have others too and are written again", c.Rewritten)
	}
	return text + "."
}

// Describe says in one sentence what would be deleted of the instance.
func (c PurgeContent) Describe(instance string) string { return c.describe(instance) }
