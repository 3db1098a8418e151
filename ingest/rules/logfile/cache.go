package logfile

import (
	"container/list"
	"io/fs"
	"os"
	"time"
)

// openFile is a file and what it was when it was opened.
type openFile struct {
	file    *os.File
	info    fs.FileInfo
	checked time.Time
	torn    bool // it ends within a line, which has no room
}

// isStill tells whether the name still belongs to the open file.
func (f *openFile) isStill(path string) bool {
	info, err := os.Stat(path)
	return err == nil && os.SameFile(info, f.info)
}

// cache keeps the files that were used last open.
type cache struct {
	most   int
	order  *list.List // of *cached, the newest first
	byPath map[string]*list.Element
}

type cached struct {
	path string
	*openFile
}

func newCache(most int) cache {
	return cache{most: most, order: list.New(), byPath: map[string]*list.Element{}}
}

func (c *cache) get(path string) *openFile {
	e := c.byPath[path]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).openFile
}

func (c *cache) add(path string, f *openFile) {
	for c.order.Len() >= c.most {
		c.drop(c.order.Back().Value.(*cached).path)
	}
	c.byPath[path] = c.order.PushFront(&cached{path, f})
}

func (c *cache) drop(path string) {
	e := c.byPath[path]
	if e == nil {
		return
	}
	_ = c.order.Remove(e).(*cached).file.Close() // every write was checked
	delete(c.byPath, path)
}

func (c *cache) closeAll() {
	for c.order.Len() > 0 {
		c.drop(c.order.Back().Value.(*cached).path)
	}
}
