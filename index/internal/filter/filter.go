// Package filter remembers a set of tokens in nine bits each, to say which
// blocks cannot hold a token.
//
//	tokens → Hash → Build → AppendTo → file → Parse → MayContain
//
// MayContain is never false for a token that was put in, and true for one in
// 256 that was not. A filter is derived from its block: what does not parse is
// built again. FORMAT.md, beside the index package, has the layout.
package filter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/FastFilter/xorfilter"
)

// Suffix ends the name of every filter's file.
const Suffix = ".filter"

// magic ends with the version of the format and of what is put in: another
// tokeniser is another version.
const magic = "TTFILT\x00\x01"

const headerBytes = 16

const (
	flagOverflow = 1 << iota
	flagEmpty
)

var errDamaged = errors.New("filter is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Filter is immutable.
type Filter struct {
	// Overflow tells that the block has more words than its word index
	// took: the others are in this filter.
	Overflow bool
	fuse     *xorfilter.BinaryFuse8 // nil if nothing was put in
}

// Hash is FNV-1a, 64 bits.
func Hash[T string | []byte](token T) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(token); i++ {
		h ^= uint64(token[i])
		h *= 1099511628211
	}
	return h
}

// Build puts the hashes into a filter; it may reorder them.
func Build(hashes []uint64, overflow bool) (*Filter, error) {
	f := &Filter{Overflow: overflow}
	if len(hashes) == 0 {
		return f, nil
	}
	fuse, err := xorfilter.PopulateBinaryFuse8(hashes)
	if err != nil {
		return nil, fmt.Errorf("build filter: %w", err)
	}
	f.fuse = fuse
	return f, nil
}

// MayContain tells whether a token with that hash may have been put in.
func (f *Filter) MayContain(hash uint64) bool { return f.fuse != nil && f.fuse.Contains(hash) }

// Bytes is about what the filter takes in memory.
func (f *Filter) Bytes() int {
	const beside = 128
	if f.fuse == nil {
		return beside
	}
	return beside + len(f.fuse.Fingerprints)
}

// AppendTo writes the filter: magic, flags, checksum, and the filter as its
// library saves it.
func (f *Filter) AppendTo(dst []byte) ([]byte, error) {
	var flags uint32
	if f.Overflow {
		flags |= flagOverflow
	}
	var body bytes.Buffer
	if f.fuse == nil {
		flags |= flagEmpty
	} else if err := f.fuse.Save(&body); err != nil {
		return dst, fmt.Errorf("save filter: %w", err)
	}
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, flags)
	sum := crc32.Update(crc32.Checksum(dst[start:], castagnoli), castagnoli, body.Bytes())
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	return append(dst, body.Bytes()...), nil
}

// Parse reads what AppendTo has written.
func Parse(data []byte) (*Filter, error) {
	if len(data) < headerBytes || string(data[:8]) != magic {
		return nil, errDamaged
	}
	body := data[headerBytes:]
	sum := crc32.Update(crc32.Checksum(data[:12], castagnoli), castagnoli, body)
	if sum != binary.LittleEndian.Uint32(data[12:]) {
		return nil, errDamaged
	}
	flags := binary.LittleEndian.Uint32(data[8:])
	f := &Filter{Overflow: flags&flagOverflow != 0}
	if flags&flagEmpty != 0 {
		return f, nil
	}
	fuse, err := xorfilter.LoadBinaryFuse8(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("load filter: %w", err)
	}
	f.fuse = fuse
	return f, nil
}
