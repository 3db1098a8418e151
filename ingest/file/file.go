// Package file follows log files as they grow, as rsyslog's imfile does.
//
//	inotify, poll → Follower → generation (an inode) → cut → index.Entry → Sink
//
// Invariants: every line becomes part of exactly one Entry, in the order of
// the file; a line waits for its line feed; a rotated file is read to its end
// before the new one; memory and open files are bounded however many files
// there are; nothing but regular files is opened, and no symbolic link is
// followed behind the first wildcard of a pattern: who owns a log folder must
// not be able to have another's files read as his own. One goroutine does
// everything, so there are no locks but the notifier's.
//
// # Nothing lost, nothing twice
//
// The position of a file is the end of the last Entry that the Sink took: what
// waits (a torn line, a message that may go on) lies behind it and is read
// again after a restart. A refused Append moves nothing and is tried again.
// Right behind each Append the new position is appended to the state file, so
// a killed process repeats at most the one batch that was between the two.
//
// A machine that loses its power may keep the state and lose the entries. So a
// checkpoint asks the Sink to make durable what it has (Syncer), and only then
// marks the state as such; the state also names the boot that wrote it. After
// a restart within the same boot the last position counts, for the page cache
// outlives the process; after a reboot the last marked one: some entries may
// come twice then, none is lost.
//
// A position belongs to an inode with its birth time and the hash of its first
// bytes, since file systems give inodes of deleted files to new ones, and
// since copytruncate empties a file that may have outgrown its position by the
// time somebody looks.
//
// What is lost: bytes that are truncated away, or whose file is deleted,
// before they were read; copytruncate itself loses such lines. Start reading
// at Follower.
package file

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/tagtail/tagtail/index"
)

// Sink takes the entries of a file and sets Seq in place. It may not keep the
// slice. If it returns an error it gets them again later, unless all of them
// have a Seq: then it has taken them.
type Sink interface {
	Append(entries []index.Entry) error
}

// Syncer is implemented by a Sink whose entries are not durable at once.
type Syncer interface {
	Sync(ctx context.Context) error
}

// Input is a pattern of files.
type Input struct {
	// Pattern is an absolute path, in which each part may have the wildcards
	// of path.Match, or be {service} or {owner}: those match any name and
	// give the instance, as in /opt/hhl/{service}/{owner}/logs/*.log.
	Pattern string
	// Instance is "service/owner" for all files, if the pattern does not say.
	Instance string
	// AppName is that of the entries. "" is service_owner, with the file's
	// name behind it unless that is error.log, or the file's name.
	AppName string
	// Start matches the first line of a message. Without it, a message that
	// begins with a date goes on until the next line that begins so, and
	// others until the next line that is not indented.
	Start string
	// Location is the zone of dates that name none; nil is time.Local.
	Location *time.Location
}

// Config says what a Follower follows. The zero value of a field is its
// default.
type Config struct {
	Inputs []Input
	// StatePath is the file that keeps the positions. Its folder exists.
	StatePath string
	// MaxMessageBytes is where a message is cut; 0 is 64 KiB.
	MaxMessageBytes int
	// MaxOpen bounds the open files; 0 is 512. A file that is deleted while
	// it is not open may lose its last lines.
	MaxOpen int
	// Hostname is that of the entries.
	Hostname string
	// Identify gives an entry its instance when the path does not; nil leaves
	// it unassigned.
	Identify func(e *index.Entry)
	// Redact takes secrets out of an entry, when its instance is known; nil
	// leaves it as it is.
	Redact func(e *index.Entry)
	// Logger takes what the operator should know; nil discards it.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Defaults of Config.
const (
	defaultMaxMessage = 64 << 10
	defaultMaxOpen    = 512
)

// Patience, all measured by Config.Now.
const (
	// idleFlush is when a message that may go on is taken as it is.
	idleFlush = 250 * time.Millisecond
	// lingerRotated is how long a rotated file must be silent to be done
	// with: the workers of a server reopen their log one after the other.
	lingerRotated = 5 * time.Second
	// scanEvery is how often patterns are looked at for new files, pollEvery
	// how often all files where the kernel does not tell of changes.
	scanEvery = 5 * time.Second
	pollEvery = 500 * time.Millisecond
	// scanPause is between two looks for new files that the kernel tells of.
	scanPause = 100 * time.Millisecond
	// checkpointEvery is how often the state is made durable.
	checkpointEvery = 5 * time.Second
	// retryAfter is when a refused Append is tried again.
	retryAfter = time.Second
)

// Bounds of memory.
const (
	// readBytes are read at once, and one file's part before it is another's
	// turn.
	readBytes = 256 << 10
	// batchEntries is the most that is given to the Sink at once.
	batchEntries = 512
	// maxPendingBytes is what all unfinished messages together may take;
	// beyond it they are taken as they are.
	maxPendingBytes = 32 << 20
	// maxFiles bounds the files of all patterns.
	maxFiles = 20_000
)

// Validate says in one sentence what is wrong with c and what is allowed.
func (c *Config) Validate() error {
	if len(c.Inputs) > 0 && c.StatePath == "" {
		return errors.New("files: there is no state file; give the path of one, so that positions outlive a restart")
	}
	for i := range c.Inputs {
		if _, err := compile(&c.Inputs[i]); err != nil {
			return err
		}
	}
	return nil
}

// source is an Input, compiled.
type source struct {
	Input
	pattern pattern
	start   *regexp.Regexp // nil is by dates and indentation
}

func compile(in *Input) (*source, error) {
	p, err := parsePattern(in.Pattern)
	if err != nil {
		return nil, err
	}
	s := &source{Input: *in, pattern: p}
	if in.Start != "" {
		if s.start, err = regexp.Compile(in.Start); err != nil {
			return nil, fmt.Errorf("file %q: start: %w", in.Pattern, err)
		}
	}
	if in.Instance != "" {
		service, owner := index.SplitInstance(in.Instance)
		if service == "" || owner == "" {
			return nil, fmt.Errorf("file %q: the instance %q must be service/owner", in.Pattern, in.Instance)
		}
	}
	if s.Location == nil {
		s.Location = time.Local
	}
	return s, nil
}
