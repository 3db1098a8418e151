package index

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/tagtail/tagtail/index/internal/block"
	"github.com/tagtail/tagtail/index/internal/journal"
)

// Config says where a Store is and how it trades memory for files. The zero
// value of every field but Dir is a good default.
type Config struct {
	// Dir is the folder of the store, made if it is missing. A store owns it
	// alone.
	Dir string
	// Logger gets trouble; nil means slog.Default. Its handler must not
	// append to this store.
	Logger *slog.Logger

	// HeadEntries and HeadBytes are how much of an instance is gathered in
	// memory before it becomes a block; 0 means 8,192 and 1 MiB.
	HeadEntries int
	HeadBytes   int
	// HeadsBytes is about how much memory all heads together may take before
	// the largest become blocks early; 0 means 256 MiB.
	HeadsBytes int
	// HeadAge is how long an entry may wait for its block, and so how long a
	// quiet instance holds on to journal segments; 0 means 5 minutes.
	HeadAge time.Duration
	// Sync is when the journal is synced without a call of Sync; the zero value
	// is IntervalSync.
	Sync SyncMode
	// SyncInterval is how much time's entries a power cut may cost those who
	// do not call Sync, with IntervalSync; 0 means half a second. A crash of the
	// process costs nothing.
	SyncInterval time.Duration
	// SegmentBytes is the size of a journal segment; 0 means 4 MiB. What is in
	// blocks takes room until all of its segment is.
	SegmentBytes int64
	// RingEntries is how many of the newest entries are kept for followers;
	// 0 means 32,768. Who is further behind reads blocks.
	RingEntries int
	// WordsPerBlock is how many distinct words of a block go to the word
	// index; 0 means 16,384. The others go to its filter.
	WordsPerBlock int
	// FilterBytes is about how much memory the chunks of filters may take that
	// searches have used last; 0 means 64 MiB. An id needs about half a KiB for
	// each block.
	FilterBytes int

	// KeepFor is how long entries are kept, by Received; 0 means for ever.
	KeepFor time.Duration
	// KeepBytes is about how much all blocks may take on the disk, with their
	// filters and their part of the word index; 0 means any size. Over it the
	// instance that takes most loses its oldest block, and so on: a noisy one
	// costs the others nothing. The journal comes on top.
	KeepBytes int64
	// KeepInstanceBytes is the same for each instance by itself.
	KeepInstanceBytes int64
	// Keep are rules of their own for some instances; of those that fit, the
	// first. What they keep counts for KeepBytes like all else.
	Keep []KeepRule

	now        func() time.Time                        // time.Now if nil
	createFile func(path string) (journal.File, error) // the seam for faults of the journal
	writeFile  func(path string, data []byte) error    // and of blocks
	bootID     func() string                           // and of the machine
	openToSync func(path string) (syncCloser, error)   // and of filters that are given up
	atPurge    func(step string)                       // is told how far a Purge is
	atImport   func(step string)                       // and an Import

	sealWithin  time.Duration // how long Close seals heads; 0 means 5 s, less than 0 not at all
	wordsWithin time.Duration // how long it waits for bleve to write; 0 means 2 s, less than 0 not at all
	flushWithin time.Duration // how long a Rebuild waits for a word index to be written; 0 means a minute
}

// syncCloser is what syncing needs of a file.
type syncCloser interface {
	Sync() error
	Close() error
}

// Validate says what is wrong with the configuration, in one sentence.
func (c *Config) Validate() error {
	if c.Dir == "" {
		return errors.New("no data folder is set: name one")
	}
	for name, value := range map[string]int64{
		"HeadEntries": int64(c.HeadEntries), "HeadBytes": int64(c.HeadBytes), "HeadsBytes": int64(c.HeadsBytes),
		"HeadAge":      int64(c.HeadAge),
		"SyncInterval": int64(c.SyncInterval), "SegmentBytes": c.SegmentBytes,
		"RingEntries": int64(c.RingEntries), "WordsPerBlock": int64(c.WordsPerBlock),
		"FilterBytes": int64(c.FilterBytes),
		"KeepFor":     int64(c.KeepFor), "KeepBytes": c.KeepBytes, "KeepInstanceBytes": c.KeepInstanceBytes,
	} {
		if value < 0 {
			return fmt.Errorf("%s is %d: it must be positive, or 0 for the default", name, value)
		}
	}
	for i := range c.Keep {
		if err := c.Keep[i].validate(); err != nil {
			return fmt.Errorf("rule %d of Keep: %w", i, err)
		}
	}
	if int(c.Sync) >= len(syncModeNames) {
		return fmt.Errorf("Sync is %d: it must be IntervalSync, BatchSync or NoSync", c.Sync)
	}
	return nil
}

func (c Config) withDefaults() Config {
	orDefault(&c.Logger, slog.Default())
	orDefault(&c.HeadEntries, 8192)
	orDefault(&c.HeadBytes, 1<<20)
	orDefault(&c.HeadsBytes, 256<<20)
	orDefault(&c.HeadAge, 5*time.Minute)
	orDefault(&c.SyncInterval, 500*time.Millisecond)
	orDefault(&c.SegmentBytes, journal.DefaultSegmentBytes)
	orDefault(&c.RingEntries, 32768)
	orDefault(&c.WordsPerBlock, 16384)
	orDefault(&c.FilterBytes, 64<<20)
	orDefault(&c.sealWithin, 5*time.Second)
	orDefault(&c.wordsWithin, 2*time.Second)
	orDefault(&c.flushWithin, time.Minute)
	if c.now == nil {
		c.now = time.Now
	}
	if c.writeFile == nil {
		c.writeFile = block.WriteFile
	}
	if c.openToSync == nil {
		c.openToSync = func(path string) (syncCloser, error) { return os.OpenFile(path, os.O_WRONLY, 0) }
	}
	if c.bootID == nil {
		c.bootID = bootID
	}
	return c
}

func orDefault[T comparable](value *T, def T) {
	var zero T
	if *value == zero {
		*value = def
	}
}
