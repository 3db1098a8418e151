package index

import (
	"github.com/tagtail/tagtail/index/internal/block"
)

// numberedDays is how many days' numbers are kept in memory.
const numberedDays = 8

// numbered is those that imported entries of a day have: for each second, how
// many. Store.keeping guards them.
type numbered map[int64]uint64

// numberImported gives each entry the next free Seq of its second.
func (s *Store) numberImported(entries []Entry) error {
	if s.numbered == nil || len(s.numbered) > numberedDays {
		s.numbered = make(map[int64]numbered)
	}
	for i := range entries {
		e := &entries[i]
		for second := e.Received.Unix(); ; second++ {
			used, err := s.numbersOf(second / secondsPerDay)
			if err != nil {
				return err
			}
			if n := used[second]; n < importedPerSecond {
				e.Seq = importedFrom(second) + n
				used[second] = n + 1
				break
			}
		}
	}
	return nil
}

// forgetNumbers makes the next import look again, after entries that have
// numbers were not kept.
func (s *Store) forgetNumbers() { clear(s.numbered) }

// numbersOf reads which numbers of a day there are in blocks.
func (s *Store) numbersOf(day int64) (numbered, error) {
	if known := s.numbered[day]; known != nil {
		return known, nil
	}
	used := make(numbered)
	first, end := importedFrom(day*secondsPerDay), importedFrom((day+1)*secondsPerDay)
	for _, src := range s.sources() {
		if src.block == nil || src.last < first || src.first >= end {
			continue
		}
		if err := s.readNumbers(src.block, used, first, end); err != nil {
			return nil, err
		}
	}
	s.numbered[day] = used
	return used, nil
}

// readNumbers takes a block's numbers as used; of one that cannot be read all of
// its seconds.
func (s *Store) readNumbers(b *storedBlock, used numbered, first, end uint64) error {
	take := func(seq uint64) {
		if seq >= first && seq < end {
			second := importedSecond(seq)
			used[second] = max(used[second], seq-importedFrom(second)+1)
		}
	}
	file, err := s.codec.OpenFile(b.path, &b.header)
	if err == nil {
		columns := &block.Columns{}
		err = file.Read(columns, block.PartSeq)
		_ = file.Close() // it was only read
		for _, seq := range columns.Seq {
			take(seq)
		}
	}
	if err == nil {
		return nil
	}
	if passes(err) {
		return err
	}
	s.reportBlock(b, err)
	for second := importedSecond(b.header.First); second <= importedSecond(b.header.Last); second++ {
		take(importedFrom(second) + importedPerSecond - 1)
	}
	return nil
}
