package ingest

import (
	"context"
	"fmt"
	"net"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/file"
)

// filesScheme is that of the input that follows log files.
const filesScheme = "file"

// FileInput is a pattern of log files to follow.
type FileInput = file.Input

// fileListener follows the files of Config.Files. It has no socket.
type fileListener struct {
	*input
	follower *file.Follower
}

// filesAddr stands where sockets have their address.
type filesAddr string

func (a filesAddr) Network() string { return filesScheme }
func (a filesAddr) String() string  { return string(a) }

// fileConfig is the part of c that the follower needs.
func (c *Config) fileConfig() file.Config {
	return file.Config{
		Inputs:          c.Files,
		StatePath:       c.FileState,
		MaxMessageBytes: c.MaxMessageBytes,
		Hostname:        c.Hostname,
		Logger:          c.Logger,
		Now:             c.Now,
	}
}

// bindFiles opens the positions of the files, if any are to be followed.
func (r *Receiver) bindFiles(cfg *Config) error {
	if len(cfg.Files) == 0 {
		return nil
	}
	name := cfg.Files[0].Pattern
	if len(cfg.Files) > 1 {
		name = fmt.Sprintf("%s and %d others", name, len(cfg.Files)-1)
	}
	in := &input{
		name:     filesScheme + "://" + name,
		spec:     inputSpec{text: name, scheme: filesScheme, address: name},
		sink:     r.sink,
		identify: r.identify,
		now:      cfg.Now,
		log:      cfg.Logger,
	}
	fc := cfg.fileConfig()
	nothing := new(Evidence) // it remembers its verdict; the follower has one goroutine
	fc.Identify = func(e *index.Entry) { r.identify.Identify(e, nothing) }
	fc.Redact = cfg.Redact.Apply
	follower, err := file.Open(fc, r.sink)
	if err != nil {
		return fmt.Errorf("follow files: %w", err)
	}
	r.inputs = append(r.inputs, in)
	r.listeners = append(r.listeners, &fileListener{input: in, follower: follower})
	return nil
}

func (l *fileListener) addr() net.Addr { return filesAddr(l.spec.address) }

// run returns with what was read in the Sink. What was written since is read
// by the next run of the program.
func (l *fileListener) run(ctx context.Context) {
	if err := l.follower.Run(ctx); err != nil {
		l.report("follow files", err)
	}
}

func (l *fileListener) sample() string {
	s := l.follower.Stats()
	l.received.Store(s.Entries)
	if s.Lost > 0 {
		return fmt.Sprintf("%d files were gone before they were read to the end.", s.Lost)
	}
	return ""
}

func (l *fileListener) close() error { return l.follower.Close() }
