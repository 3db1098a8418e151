// Package logfile appends lines to files, as rsyslog's omfile does.
//
//	Queue → Writer → open files → write(2)
//
// Invariants: a file that was moved or deleted is opened anew within a second,
// and all are when Reopen is called; no more files are open than the cache may
// hold; a file that cannot be written to costs no memory beyond the queue and
// no receiver's time. Start reading at Writer.
package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/ingest/rules/queue"
)

// checkEvery is how often an open file is compared with its name.
const checkEvery = time.Second

// Pauses between attempts to write to a file.
const (
	minPause = time.Second / 4
	maxPause = 15 * time.Second
)

// Config says how files are made.
type Config struct {
	// Path is the file; "" takes those that come with the lines.
	Path              string
	FileMode, DirMode fs.FileMode
	// Owner, Group, DirOwner and DirGroup are numbers; -1 leaves them.
	Owner, Group, DirOwner, DirGroup int
	CreateDirs                       bool
	// CacheSize is how many files are open at once.
	CacheSize int
	// Sync makes each write durable.
	Sync bool
	// QueueBytes bounds what waits.
	QueueBytes int
	// Trouble takes a sentence about what is wrong, and one when it is right
	// again. It is called from Run's goroutine and may not be called often:
	// the Writer sees to that.
	Trouble func(text string)
}

// Writer writes the lines of one action.
type Writer struct {
	cfg   Config
	queue *queue.Queue
	files cache

	generation atomic.Uint64 // counts Reopen
	written    atomic.Uint64
	failed     atomic.Uint64 // lines that could not be written
	wrong      atomic.Pointer[string]

	opened  uint64 // the generation of files
	gather  []byte
	told    uint64 // of dropped and failed
	since   time.Time
	silence time.Time // until then, no more sentences
}

// New returns a Writer. It opens nothing.
func New(cfg Config) *Writer {
	return &Writer{cfg: cfg, queue: queue.New(cfg.QueueBytes), files: newCache(max(1, cfg.CacheSize))}
}

// Put hands over a line. It never waits.
func (w *Writer) Put(path, line []byte) { w.queue.Put(path, line) }

// Wake says that lines were put.
func (w *Writer) Wake() { w.queue.Wake() }

// Reopen closes all files; they are opened again when they are written to.
func (w *Writer) Reopen() {
	w.generation.Add(1)
	w.queue.Wake()
}

// Stats are counters since the start, and what waits now.
func (w *Writer) Stats() (written, dropped uint64, waiting int, wrong string) {
	if text := w.wrong.Load(); text != nil {
		wrong = *text
	}
	return w.written.Load(), w.queue.Dropped() + w.failed.Load(), w.queue.Waiting(), wrong
}

// Run writes until ctx ends, then what is left, once.
func (w *Writer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-w.queue.Ready():
		case <-ctx.Done():
		}
		w.takeAll(ctx)
	}
	w.queue.Close()
	w.takeAll(ctx)
	w.files.closeAll()
	w.report(time.Now(), true)
}

func (w *Writer) takeAll(ctx context.Context) {
	for {
		if g := w.generation.Load(); g != w.opened {
			w.opened = g
			w.files.closeAll()
		}
		slab := w.queue.Take()
		if slab.Len() == 0 {
			return
		}
		if w.cfg.Path != "" {
			w.writeOne(ctx, slab)
		} else {
			w.writeMany(slab)
		}
		w.report(time.Now(), false)
	}
}

// writeOne writes to the one file there is, and waits until that is possible.
func (w *Writer) writeOne(ctx context.Context, slab *queue.Slab) {
	data := slab.Data()
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		n, err := w.write(w.cfg.Path, data)
		data = data[n:]
		if err == nil {
			w.right()
			w.written.Add(uint64(slab.Len()))
			return
		}
		w.trouble(w.cfg.Path, err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			if n, err := w.write(w.cfg.Path, data); err != nil {
				w.failed.Add(lines(data[n:]))
				return
			}
			w.written.Add(uint64(slab.Len()))
			return
		}
		w.files.closeAll()
	}
}

// lines counts, for a text that is a whole number of them but for the first.
func lines(data []byte) (n uint64) {
	for _, c := range data {
		if c == '\n' {
			n++
		}
	}
	return max(1, n)
}

// writeMany writes each line to its file, neighbours of a file at once. What
// cannot be written is counted: one file must not hold up the others.
func (w *Writer) writeMany(slab *queue.Slab) {
	for i := 0; i < slab.Len(); {
		path, line := slab.At(i)
		w.gather = append(w.gather[:0], line...)
		count := 1
		for i += 1; i < slab.Len(); i++ {
			next, line := slab.At(i)
			if string(next) != string(path) {
				break
			}
			w.gather = append(w.gather, line...)
			count++
		}
		if n, err := w.write(string(path), w.gather); err != nil {
			whole := min(count, bytes.Count(w.gather[:n], lineFeed)) // a template may have none, or many
			w.written.Add(uint64(whole))
			w.failed.Add(uint64(count - whole))
			w.tear(string(path), w.gather[:n])
			w.trouble(string(path), err)
			continue
		}
		w.written.Add(uint64(count))
	}
	if cap(w.gather) > 1<<20 {
		w.gather = nil
	}
}

var lineFeed = []byte{'\n'}

// tear remembers that a file ends within a line, so that the next one does not
// become a part of it.
func (w *Writer) tear(path string, written []byte) {
	if f := w.files.get(path); f != nil && len(written) > 0 {
		f.torn = written[len(written)-1] != '\n'
	}
}

// mend ends the line that a file ends within.
func (w *Writer) mend(path string) error {
	f := w.files.get(path)
	if f == nil || !f.torn {
		return nil
	}
	_, err := f.file.Write(lineFeed)
	f.torn = err != nil
	return err
}

// write appends to a file, and returns how much of data is there.
func (w *Writer) write(path string, data []byte) (n int, err error) {
	f, err := w.file(path, time.Now())
	if err != nil {
		return 0, err
	}
	if err := w.mend(path); err != nil {
		return 0, err
	}
	if n, err = f.Write(data); err != nil {
		return n, err
	}
	if w.cfg.Sync {
		err = f.Sync()
	}
	return n, err
}

// file returns the open file of that name.
func (w *Writer) file(path string, now time.Time) (*os.File, error) {
	f := w.files.get(path)
	if f != nil && now.Sub(f.checked) < checkEvery {
		return f.file, nil
	}
	if f != nil {
		if f.isStill(path) {
			f.checked = now
			return f.file, nil
		}
		w.files.drop(path)
	}
	f, err := w.open(path)
	if err != nil {
		return nil, err
	}
	f.checked = now
	w.files.add(path, f)
	return f.file, nil
}

// errNoFile says that a name belongs to something that is no file.
var errNoFile = errors.New("it is not a file")

func (w *Writer) open(path string) (*openFile, error) {
	// O_NONBLOCK: a pipe that nobody reads must not stop us.
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NONBLOCK | unix.O_NOCTTY
	if w.cfg.Path == "" { // a name that messages have made does not follow links
		flags |= unix.O_NOFOLLOW
	}
	created := false
	f, err := os.OpenFile(path, flags&^os.O_CREATE, 0)
	if errors.Is(err, fs.ErrNotExist) {
		created = true
		f, err = os.OpenFile(path, flags, w.cfg.FileMode)
		if errors.Is(err, fs.ErrNotExist) && w.cfg.CreateDirs {
			if err = w.makeDirs(path); err != nil {
				return nil, err
			}
			f, err = os.OpenFile(path, flags, w.cfg.FileMode)
		}
	}
	if err != nil {
		return nil, err
	}
	o := &openFile{file: f}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err == nil && created && (w.cfg.Owner >= 0 || w.cfg.Group >= 0) {
		err = f.Chown(w.cfg.Owner, w.cfg.Group)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	o.info = info
	return o, nil
}

// makeDirs makes the folders above path that are missing.
func (w *Writer) makeDirs(path string) error {
	var missing []string
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil || dir == "/" {
			break
		}
		missing = append(missing, dir)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], w.cfg.DirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if w.cfg.DirOwner < 0 && w.cfg.DirGroup < 0 {
			continue
		}
		if err := os.Chown(missing[i], w.cfg.DirOwner, w.cfg.DirGroup); err != nil {
			return err
		}
	}
	return nil
}

// troubleEvery is how often the same trouble is told.
const troubleEvery = 10 * time.Second

// trouble tells of an error, but not again and again.
func (w *Writer) trouble(path string, err error) {
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	text := fmt.Sprintf("%s cannot be written to: %v; the messages are in Tagtail's own store", path, err)
	w.wrong.Store(&text)
	now := time.Now()
	if w.since.IsZero() {
		w.since = now
	}
	if now.Before(w.silence) {
		return
	}
	w.silence = now.Add(troubleEvery)
	w.cfg.Trouble(text)
}

// right tells that trouble is over.
func (w *Writer) right() {
	if w.wrong.Swap(nil) == nil || w.cfg.Path == "" {
		return
	}
	w.cfg.Trouble(w.cfg.Path + " is written to again")
	w.report(time.Now(), true)
	w.since = time.Time{}
}

// report tells how many lines are missing, if any are and it is time.
func (w *Writer) report(now time.Time, atOnce bool) {
	lost := w.queue.Dropped() + w.failed.Load()
	if lost == w.told || !atOnce && now.Before(w.silence) {
		return
	}
	name := w.cfg.Path
	if name == "" {
		name = "the files of a rule"
	}
	w.cfg.Trouble(fmt.Sprintf("%d messages are missing in %s; they are in Tagtail's own store", lost-w.told, name))
	w.told = lost
	w.silence = now.Add(troubleEvery)
}
