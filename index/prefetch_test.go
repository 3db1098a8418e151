package index

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/index/internal/blockindex"
)

func TestStartAsksTheKernelForTheWordsOfAllDays(t *testing.T) {
	clock := newClock()
	s := openStore(t, Config{Dir: t.TempDir(), now: clock.now})
	for range 3 {
		oneBlockEach(t, s, "some words", "other words")
		clock.at = clock.at.Add(24 * time.Hour)
	}
	for _, d := range s.allDays() {
		if err := s.openWords(d).Flush(t.Context().Err); err != nil {
			t.Fatal(err)
		}
	}
	dir := s.cfg.Dir
	closeStore(t, s)
	paths, err := filepath.Glob(filepath.Join(dir, "days", "*", blockindex.Folder, "*.zap"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d segments, error %v, want one a day", len(paths), err)
	}
	for _, path := range paths {
		drop(t, path)
	}
	s = openStore(t, Config{Dir: dir, now: clock.now})
	for _, path := range paths {
		waitFor(t, func() bool { return cached(t, path) })
	}
	closeStore(t, s)
}

func TestPrefetchTakesNoMoreThanItMay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int64]int64{1000: 100, 10: 10} {
		if got := prefetch(path, most); got != want {
			t.Errorf("of %d bytes, %d are read, want %d", most, got, want)
		}
	}
	if got := prefetch(path+"-missing", 1000); got != 0 {
		t.Errorf("of no file, %d bytes are read", got)
	}
}

// drop makes the kernel forget a file, where its file system is on a disk.
func drop(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

// cached tells whether the kernel has the first page of the file in memory.
func cached(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, err := unix.Mmap(int(f.Fd()), 0, 1, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(page)
	var resident [1]byte
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&page[0])), 1, uintptr(unsafe.Pointer(&resident)))
	if errno != 0 {
		t.Fatal(errno)
	}
	return resident[0]&1 != 0
}
