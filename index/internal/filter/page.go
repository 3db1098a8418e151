package filter

import (
	"encoding/binary"
	"hash/crc32"
)

// magic ends with the version of the format and of what is put in: another
// tokeniser is another version.
const magic = "TTFILT\x00\x04"

const (
	// pageBytes is what a disk and the kernel read at least.
	pageBytes = 4096
	// pageHead is as long as a bucket, so that none is in two pages.
	pageHead    = bucketBytes
	pageBuckets = (pageBytes - pageHead) / bucketBytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Page is a part of a filter, which decides about the hashes that PageOf says.
// It is immutable.
type Page struct {
	total   int // buckets of the whole filter
	first   int
	buckets []bucket
}

// PageOf tells which page of a filter's file of that size decides about a hash,
// and where in the file that is. n is 0 if no such file has so many bytes.
func PageOf(hash uint64, fileBytes int64) (number int, offset int64, n int) {
	if total := bucketsOf(fileBytes); total > 0 {
		number = bucketOf(hash, total) / pageBuckets
	}
	offset = int64(number) * pageBytes
	return number, offset, int(max(0, min(pageBytes, fileBytes-offset)))
}

// ParsePage reads a page of a file of that size. The Page does not keep data.
func ParsePage(data []byte, number int, fileBytes int64) (*Page, error) {
	if len(data) < pageHead || string(data[:8]) != magic ||
		binary.LittleEndian.Uint32(data[8:]) != checksum(data) ||
		binary.LittleEndian.Uint32(data[12:]) != uint32(number) {
		return nil, errDamaged
	}
	p := &Page{total: int(binary.LittleEndian.Uint32(data[16:])), first: number * pageBuckets}
	words := data[pageHead:]
	if fileSize(p.total) != fileBytes || len(words) != bucketBytes*min(pageBuckets, p.total-p.first) {
		return nil, errDamaged
	}
	p.buckets = make([]bucket, len(words)/bucketBytes)
	for i := range p.buckets {
		for k := range p.buckets[i] {
			p.buckets[i][k] = binary.LittleEndian.Uint32(words[i*bucketBytes+4*k:])
		}
	}
	return p, nil
}

// MayContain tells whether a token with that hash, about which this page decides,
// may have been put in.
func (p *Page) MayContain(hash uint64) bool {
	if p.total == 0 {
		return false
	}
	at := bucketOf(hash, p.total) - p.first
	return at < 0 || at >= len(p.buckets) || p.buckets[at].has(hash)
}

// Bytes is about what the page takes in memory.
func (p *Page) Bytes() int {
	const beside = 64
	return beside + len(p.buckets)*bucketBytes
}

func appendPage(dst []byte, number, total int, buckets []bucket) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint32(dst, 0) // the checksum
	dst = binary.LittleEndian.AppendUint32(dst, uint32(number))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(total))
	dst = append(dst, make([]byte, start+pageHead-len(dst))...)
	for i := range buckets {
		for _, word := range buckets[i] {
			dst = binary.LittleEndian.AppendUint32(dst, word)
		}
	}
	binary.LittleEndian.PutUint32(dst[start+8:], checksum(dst[start:]))
	return dst
}

// checksum is that of all of a page but itself.
func checksum(page []byte) uint32 {
	return crc32.Update(crc32.Checksum(page[:8], castagnoli), castagnoli, page[12:])
}

// pagesOf is how many pages so many buckets take: one if there are none.
func pagesOf(buckets int) int { return max(1, (buckets+pageBuckets-1)/pageBuckets) }

// fileSize is that of a filter of so many buckets.
func fileSize(buckets int) int64 {
	return int64(pagesOf(buckets))*pageHead + int64(buckets)*bucketBytes
}

func numberOfPages(fileBytes int64) int { return int(max(1, (fileBytes+pageBytes-1)/pageBytes)) }

// bucketsOf is how many buckets a file of that size has.
func bucketsOf(fileBytes int64) int {
	return int((fileBytes - int64(numberOfPages(fileBytes))*pageHead) / bucketBytes)
}
