package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// rareLines is how many lines of a corpus have rareWord, whatever its size.
const rareLines = 10

// rareWord is nowhere else, neither alone nor in another word.
const rareWord = "wombat"

var corpusNames = []string{"nginx-debug", "ids", "mixed", "quiet"}

// corpus is a log whose line i is always the same, but for its time.
type corpus struct {
	name    string
	about   string
	lines   int
	rare    int       // the lines with rareWord are among so many first ones
	begin   time.Time // of line 0
	step    time.Duration
	arrives bool     // as it is fed; if not, lines are from when they say
	apps    []string // service_owner
	queries []query
	// body appends what a line says, and says of which app and how severe it is.
	body func(dst []byte, i int) (text []byte, app string, severity int)
}

// newCorpus makes a corpus that ends now, so that no peer takes it for too old
// or for the future.
func newCorpus(ctx context.Context, name string, o options) (*corpus, error) {
	c := &corpus{name: name, lines: o.lines, rare: o.lines, arrives: true, step: time.Millisecond}
	switch name {
	case "nginx-debug":
		seed, err := debugSeed(ctx, o.work)
		if err != nil {
			return nil, err
		}
		c.useDebugLog(seed)
	case "ids":
		c.useIDs()
	case "mixed":
		c.useMixed()
		c.about = "nginx, Redis, Lua, Python tracebacks and Chinese game logs"
	default:
		c.useMixed()
		c.about = "the same over two weeks"
		c.arrives = false
		c.step = 14 * 24 * time.Hour / time.Duration(o.lines)
	}
	c.begin = time.Now().Add(-c.span())
	return c, nil
}

// span is how much time the lines take.
func (c *corpus) span() time.Duration { return time.Duration(c.lines) * c.step }

// appendLine appends line i as syslog, with its line feed.
func (c *corpus) appendLine(dst []byte, i int) []byte {
	at := c.begin.Add(time.Duration(i) * c.step).UTC()
	var buffer [4096]byte
	text, app, severity := c.body(buffer[:0], i)
	if n, ok := c.rareAt(i); ok {
		text, severity = c.rareText(buffer[:0], n), 3
	}
	dst = append(dst, '<')
	dst = strconv.AppendInt(dst, int64(23<<3|severity), 10) // local7
	if c.name == "nginx-debug" {                            // as nginx writes it
		dst = append(dst, '>')
		dst = at.AppendFormat(dst, time.Stamp)
		dst = append(dst, " server "...)
		dst = append(dst, app...)
		dst = append(dst, ": "...)
		dst = at.AppendFormat(dst, "2006/01/02 15:04:05 ")
	} else {
		dst = append(dst, ">1 "...)
		dst = at.AppendFormat(dst, "2006-01-02T15:04:05.000000Z07:00")
		dst = append(dst, " server "...)
		dst = append(dst, app...)
		dst = append(dst, " - - - "...)
	}
	return append(append(dst, text...), '\n')
}

// rareAt says whether line i has the rare word, and which of these lines it is.
func (c *corpus) rareAt(i int) (int, bool) {
	gap := c.rare / rareLines
	return i / gap, i < gap*rareLines && i%gap == gap/2
}

func (c *corpus) rareText(dst []byte, n int) []byte {
	dst = append(dst, `[error] 31497#31497: *4139 open() "/srv/www/wombat" failed (2: No such file or directory), request: "GET /wombat?rid=`...)
	dst = append(dst, rareID(n)...)
	return append(dst, ` HTTP/1.1", host: "server"`...)
}

// rareID is the id in the nth line with rareWord. It has a digit, so that it is
// one id, and only that, for all.
func rareID(n int) string { return string(appendHex([]byte("7e"), mix(uint64(n)+1<<40), 16)) }

// write makes a file of the lines from one number up to another.
func (c *corpus) write(ctx context.Context, path string, from, to int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	w := bufio.NewWriterSize(f, 1<<20)
	var line []byte
	for i := from; i < to; i++ {
		if i%100_000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		line = c.appendLine(line[:0], i)
		if _, err := w.Write(line); err != nil {
			return fmt.Errorf("write corpus %s: %w", c.name, err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write corpus %s: %w", c.name, err)
	}
	return f.Close()
}

// mix makes numbers that look random of numbers that follow each other.
func mix(x uint64) uint64 { // the finalizer of splitmix64
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// appendHex appends the lowest digits of n in lower case.
func appendHex(dst []byte, n uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[n>>shift&15])
	}
	return dst
}

// dice gives several random numbers for one line.
type dice struct{ state uint64 }

func (d *dice) next() uint64 {
	d.state++
	return mix(d.state)
}

func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// of picks one.
func (d *dice) of(choices []string) string { return choices[d.below(len(choices))] }

// dataOf is the dice of line i.
func dataOf(i int) dice { return dice{mix(uint64(i)) << 8} }
