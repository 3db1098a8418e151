package file

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// identity tells one inode from another, also from one that gets its number
// later where the file system knows when files were born.
type identity struct {
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
	Born int64  `json:"born,omitempty"` // Unix time in ns, 0 if unknown
}

// fingerprintBytes are compared to notice that a file was truncated and has
// outgrown its old position.
const fingerprintBytes = 1024

// fingerprint is the hash of the first N bytes of a file.
type fingerprint struct {
	N    int    `json:"n"`
	Hash uint64 `json:"hash"`
}

func fingerprintOf(head []byte) fingerprint {
	h := fnv.New64a()
	_, _ = h.Write(head) // never fails
	return fingerprint{N: len(head), Hash: h.Sum64()}
}

// fits tells whether a file that begins with head has the fingerprint.
func (p fingerprint) fits(head []byte) bool {
	return len(head) >= p.N && fingerprintOf(head[:p.N]) == p
}

// fileInfo is what the kernel says of a file.
type fileInfo struct {
	id      identity
	size    int64
	mtime   int64 // Unix time in ns
	links   uint32
	regular bool
}

// statPath does not follow a link at the end of path.
func statPath(path string) (fileInfo, error) {
	return statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW)
}

func statFile(f *os.File) (fileInfo, error) {
	return statx(int(f.Fd()), "", unix.AT_EMPTY_PATH)
}

func statx(fd int, path string, flags int) (fileInfo, error) {
	var st unix.Statx_t
	if err := unix.Statx(fd, path, flags, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		return fileInfo{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	info := fileInfo{
		id:      identity{Dev: unix.Mkdev(st.Dev_major, st.Dev_minor), Ino: st.Ino},
		size:    int64(st.Size),
		mtime:   st.Mtime.Sec*1e9 + int64(st.Mtime.Nsec),
		links:   st.Nlink,
		regular: st.Mode&unix.S_IFMT == unix.S_IFREG,
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		info.id.Born = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return info, nil
}

// errNotRegular is why a file is refused.
var errNotRegular = errors.New("is no regular file")

// openBelow opens a regular file by the parts of its path below root, without
// following a link in any of them and without waiting for a FIFO's writer.
func openBelow(root string, rel []string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", root, err)
	}
	for i, part := range rel {
		flags := unix.O_PATH | unix.O_DIRECTORY
		if i == len(rel)-1 {
			flags = unix.O_RDONLY | unix.O_NONBLOCK
		}
		next, err := unix.Openat(dir, part, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		_ = unix.Close(dir) // of an O_PATH descriptor: there is nothing to fail
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", part, err)
		}
		dir = next
	}
	f := os.NewFile(uintptr(dir), rel[len(rel)-1])
	info, err := statFile(f)
	if err == nil && !info.regular {
		err = errNotRegular
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}

// generation is one inode of a path: the file that is written to, or one that
// was until the logs were rotated.
type generation struct {
	id    identity
	rel   []string // where it was last seen, below the pattern's root
	pos   int64    // the end of the last Entry that the Sink took
	skip  bool     // pos is inside a line whose beginning was taken
	print fingerprint

	file *os.File // nil while it is not open
	// limit is the size that the path's file had before its forerunners were
	// looked at, 0 if there are none: what a server wrote to it behind that
	// may be younger than what it wrote to them in the meantime.
	limit   int64
	pending []byte    // what was read behind pos
	grew    time.Time // when something was last read, or its first look
	mtime   int64     // of the file when it was last looked at
}

// end is how far the file was read.
func (g *generation) end() int64 { return g.pos + int64(len(g.pending)) }

// truncated tells whether the file was, since it was last read.
func (g *generation) truncated(info fileInfo) bool {
	if info.size < g.end() {
		return true
	}
	if g.print.N == 0 {
		return false
	}
	head, err := g.head()
	return err == nil && !g.print.fits(head)
}

// head reads the first bytes.
func (g *generation) head() ([]byte, error) {
	head := make([]byte, fingerprintBytes)
	n, err := g.file.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head[:n], err
}

// unlinked tells whether the file has no name any more.
func (g *generation) unlinked() bool {
	if g.file == nil {
		return false
	}
	info, err := statFile(g.file)
	return err == nil && info.links == 0
}

// learn extends the fingerprint to what was read by now.
func (g *generation) learn() {
	if g.print.N == fingerprintBytes || g.end() <= int64(g.print.N) {
		return
	}
	head, err := g.head()
	if err != nil || !g.print.fits(head) {
		return // the next look will see it
	}
	g.print = fingerprintOf(head[:min(int64(len(head)), g.end())])
}

// restart goes back to the start of a file that was truncated.
func (g *generation) restart() {
	g.pos, g.skip, g.print, g.pending, g.limit = 0, false, fingerprint{}, nil, 0
}
