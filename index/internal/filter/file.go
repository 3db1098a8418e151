package filter

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"
)

// magic ends with the version of the format and of what is put in: another
// tokeniser is another version.
const magic = "TTFILT\x00\x05"

const (
	fixedHead = 24 // bytes, up to the first slot
	slotHead  = 6  // bytes of a slot without its name
	sumBytes  = 4  // of a chunk, before its buckets
	// likelyHead is read at once: what most files begin with fits in.
	likelyHead = 4096
	// chunkBuckets is how many buckets of a filter are in a chunk at least, if it
	// has so many; there are fewer than twice as many.
	chunkBuckets = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Head is what a file begins with: whose filters are in it, and where. It is
// immutable.
type Head struct {
	// Names are what the filters are of, by slot.
	Names []string
	// Gone tells of each slot whether its filter was given up when the head was read.
	Gone []bool

	buckets []int // of each filter
	first   []int // of each filter, its first bucket in every chunk
	width   int   // buckets of a chunk
	chunks  int
	bytes   int // of the head
}

// ReadHead reads the head of a file of so many bytes.
func ReadHead(file io.ReaderAt, size int64) (*Head, error) {
	data := make([]byte, min(size, likelyHead))
	if err := readAt(file, data, 0); err != nil {
		return nil, err
	}
	if len(data) < fixedHead || string(data[:8]) != magic {
		return nil, ErrDamaged
	}
	total := int64(binary.LittleEndian.Uint32(data[20:]))
	if total < fixedHead || total > size {
		return nil, ErrDamaged
	}
	if total > int64(len(data)) {
		data = make([]byte, total)
		if err := readAt(file, data, 0); err != nil {
			return nil, err
		}
	}
	h, err := parseHead(data[:total])
	// The first bound keeps the second from overflowing.
	if err != nil || int64(h.width) > size/bucketBytes/int64(h.chunks) || h.fileBytes() != size {
		return nil, ErrDamaged
	}
	return h, nil
}

func parseHead(data []byte) (*Head, error) {
	chunks, slots := binary.LittleEndian.Uint32(data[12:]), int(binary.LittleEndian.Uint32(data[16:]))
	states := len(data) - slots
	if states < fixedHead || binary.LittleEndian.Uint32(data[8:]) != headSum(data[:states]) || bits.OnesCount32(chunks) != 1 {
		return nil, ErrDamaged
	}
	var names []string
	var buckets []int
	rest := data[fixedHead:states]
	for range slots {
		if len(rest) < slotHead {
			return nil, ErrDamaged
		}
		n, length := binary.LittleEndian.Uint32(rest), int(binary.LittleEndian.Uint16(rest[4:]))
		rest = rest[slotHead:]
		if len(rest) < length || n%chunks != 0 {
			return nil, ErrDamaged
		}
		names, buckets = append(names, string(rest[:length])), append(buckets, int(n))
		rest = rest[length:]
	}
	if len(rest) > 0 {
		return nil, ErrDamaged
	}
	h := newHead(names, buckets, int(chunks))
	for slot, state := range data[states:] {
		h.Gone[slot] = state != 0
	}
	return h, nil
}

func newHead(names []string, buckets []int, chunks int) *Head {
	h := &Head{
		Names: names, Gone: make([]bool, len(names)), buckets: buckets, first: make([]int, len(names)),
		chunks: chunks, bytes: fixedHead,
	}
	for slot, name := range names {
		h.first[slot] = h.width
		h.width += buckets[slot] / chunks
		h.bytes += slotHead + len(name) + 1
	}
	return h
}

func (h *Head) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	for _, field := range []int{0, h.chunks, len(h.Names), h.bytes} {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(field))
	}
	for slot, name := range h.Names {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(h.buckets[slot]))
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(name)))
		dst = append(dst, name...)
	}
	binary.LittleEndian.PutUint32(dst[start+8:], headSum(dst[start:]))
	return append(dst, make([]byte, len(h.Names))...)
}

// headSum is the checksum of a head without itself and the states.
func headSum(head []byte) uint32 {
	return crc32.Update(crc32.Checksum(head[:8], castagnoli), castagnoli, head[12:])
}

// Chunks is how many chunks the file has.
func (h *Head) Chunks() int { return h.chunks }

// FilterBytes is what the filter of a slot takes in the file.
func (h *Head) FilterBytes(slot int) int64 {
	return int64(h.buckets[slot])*bucketBytes + int64(slotHead+len(h.Names[slot])+1)
}

// GoneAt is the place of the byte in the file that, not zero, says that the
// filter of a slot is given up.
func (h *Head) GoneAt(slot int) int64 { return int64(h.bytes - len(h.Names) + slot) }

func (h *Head) chunkBytes() int { return sumBytes + h.width*bucketBytes }

func (h *Head) fileBytes() int64 { return int64(h.bytes) + int64(h.chunks)*int64(h.chunkBytes()) }

// Chunk tells which chunk decides about a hash, in all filters of the file, and
// where in the file that is.
func (h *Head) Chunk(hash uint64) (number int, offset int64, n int) {
	number = bucketOf(hash, h.chunks)
	return number, int64(h.bytes) + int64(number)*int64(h.chunkBytes()), h.chunkBytes()
}

// Chunk is what decides about some hashes in all filters of a file. It is
// immutable.
type Chunk struct {
	head    *Head
	buckets []byte
}

// Parse reads a chunk. It keeps a copy.
func (h *Head) Parse(data []byte, number int) (*Chunk, error) {
	buckets, err := h.open(data, number)
	if err != nil {
		return nil, err
	}
	return &Chunk{head: h, buckets: slices.Clone(buckets)}, nil
}

// open returns the buckets of a chunk.
func (h *Head) open(data []byte, number int) ([]byte, error) {
	if len(data) != h.chunkBytes() || binary.LittleEndian.Uint32(data) != chunkSum(number, data[sumBytes:]) {
		return nil, ErrDamaged
	}
	return data[sumBytes:], nil
}

// chunkSum begins with the number, so that a chunk in another place is noticed.
func chunkSum(number int, buckets []byte) uint32 {
	return crc32.Update(uint32(number), castagnoli, buckets)
}

// MayContain tells whether a token with that hash, about which this chunk
// decides, may have been put into the filter of a slot.
func (c *Chunk) MayContain(slot int, hash uint64) bool {
	h := c.head
	n := h.buckets[slot]
	if n == 0 {
		return false
	}
	at := (h.first[slot] + bucketOf(hash, n)%(n/h.chunks)) * bucketBytes
	b := bucketFrom(c.buckets[at:])
	return b.has(hash)
}

// Bytes is about what the chunk takes in memory.
func (c *Chunk) Bytes() int {
	const beside = 64
	return beside + len(c.buckets)
}

// Check compares all checksums of a file.
func (h *Head) Check(file io.ReaderAt) error {
	data := make([]byte, h.chunkBytes())
	for number := range h.chunks {
		if _, err := h.read(data, file, number); err != nil {
			return err
		}
	}
	return nil
}

// read reads a chunk into data, and returns its buckets.
func (h *Head) read(data []byte, file io.ReaderAt, number int) ([]byte, error) {
	if err := readAt(file, data, int64(h.bytes)+int64(number)*int64(h.chunkBytes())); err != nil {
		return nil, err
	}
	return h.open(data, number)
}

// Read reads the filter of a slot.
func (h *Head) Read(file io.ReaderAt, slot int) (*Filter, error) {
	f := &Filter{}
	data := make([]byte, h.chunkBytes())
	for number := range h.chunks {
		buckets, err := h.read(data, file, number)
		if err != nil {
			return nil, err
		}
		part := h.part(buckets, slot)
		for at := 0; at < len(part); at += bucketBytes {
			f.buckets = append(f.buckets, bucketFrom(part[at:]))
		}
	}
	return f, nil
}

// part is what of a chunk's buckets is of the filter of a slot.
func (h *Head) part(buckets []byte, slot int) []byte {
	n := h.buckets[slot] / h.chunks
	return buckets[h.first[slot]*bucketBytes:][:n*bucketBytes]
}

// chunksOf is into how many chunks a filter of so many buckets is cut, give or
// take a few of them.
func chunksOf(buckets int) int {
	if buckets < 2*chunkBuckets {
		return 1
	}
	return 1 << (bits.Len(uint(buckets/chunkBuckets)) - 1)
}

// evenly is the number of buckets next to this one that can be cut into chunks.
func evenly(buckets int) int {
	chunks := chunksOf(buckets)
	return (buckets + chunks/2) / chunks * chunks
}

// readAt fills data from a file.
func readAt(file io.ReaderAt, data []byte, offset int64) error {
	_, err := file.ReadAt(data, offset)
	if errors.Is(err, io.EOF) {
		return ErrDamaged
	}
	return err
}
