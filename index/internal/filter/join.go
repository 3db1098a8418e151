package filter

import (
	"bufio"
	"encoding/binary"
	"io"
)

// Part is a file whose filters are to be joined with others.
type Part struct {
	*Head
	File io.ReaderAt
	Drop []bool // the slots that are left out
}

// Join writes one file of the filters of several, in their order, such that what
// decides about a hash in all of them is one chunk. The files' own checksums are
// compared.
func Join(w io.Writer, parts []Part) (*Head, error) {
	var names []string
	var buckets []int
	chunks := 0
	for _, p := range parts {
		if chunks == 0 || p.chunks < chunks {
			chunks = p.chunks
		}
		for slot, name := range p.Names {
			if !p.Drop[slot] {
				names, buckets = append(names, name), append(buckets, p.buckets[slot])
			}
		}
	}
	h := newHead(names, buckets, chunks)
	out := bufio.NewWriterSize(w, 256<<10)
	_, _ = out.Write(h.append(nil)) // Flush has the error
	chunk := make([]byte, h.chunkBytes())
	var data []byte
	for number := range h.chunks {
		dst := chunk[:sumBytes]
		for _, p := range parts {
			var err error
			if dst, data, err = p.appendChunks(dst, data, number, h.chunks); err != nil {
				return nil, err
			}
		}
		binary.LittleEndian.PutUint32(chunk, chunkSum(number, dst[sumBytes:]))
		_, _ = out.Write(dst)
	}
	return h, out.Flush()
}

// appendChunks appends to dst what of the part goes into a chunk of a file of so
// many chunks: of each filter what is in one or more chunks of this one. data is
// memory to read them into.
func (p *Part) appendChunks(dst, data []byte, number, chunks int) (chunk, read []byte, err error) {
	n := p.chunks / chunks
	each := p.chunkBytes()
	if cap(data) < n*each {
		data = make([]byte, n*each)
	}
	data = data[:n*each]
	if err := readAt(p.File, data, int64(p.bytes)+int64(number*n)*int64(each)); err != nil {
		return dst, data, err
	}
	opened := make([][]byte, n)
	for i := range opened {
		if opened[i], err = p.open(data[i*each:][:each], number*n+i); err != nil {
			return dst, data, err
		}
	}
	for slot := range p.Names {
		if p.Drop[slot] {
			continue
		}
		for _, buckets := range opened {
			dst = append(dst, p.part(buckets, slot)...)
		}
	}
	return dst, data, nil
}
