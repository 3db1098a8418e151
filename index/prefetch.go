package index

import (
	"cmp"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

// prefetchBytes bounds what the kernel is asked to read at the start.
const prefetchBytes = 64 << 20

// prefetchWords asks the kernel to read the days' indexes of words, the newest
// first, before a search has to wait for the disk, day after day. It waits for
// none.
func (s *Store) prefetchWords() {
	s.mu.Lock()
	days := make([]*day, 0, len(s.days))
	for _, d := range s.days {
		days = append(days, d)
	}
	s.mu.Unlock()
	slices.SortFunc(days, func(a, b *day) int { return cmp.Compare(b.number, a.number) })
	left := int64(prefetchBytes)
	for _, d := range days {
		for _, path := range blockindex.Files(d.dir) {
			if left -= prefetch(path, left); left <= 0 {
				return
			}
		}
	}
}

// prefetch returns how many bytes of the file, of which there are at most so
// many, will be read. Trouble is met again by who reads it.
func prefetch(path string, most int64) int64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // it is only read
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	n := min(info.Size(), most)
	_ = unix.Fadvise(int(f.Fd()), 0, n, unix.FADV_WILLNEED)
	return n
}
