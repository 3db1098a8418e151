package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tagtail/tagtail/index"
)

// entryPrinter writes entries for people or, with json, for programs.
type entryPrinter struct {
	out    io.Writer
	json   bool
	colour bool
	zone   *time.Location
	buf    []byte
}

// newEntryPrinter colours only what goes to a terminal, and nothing if
// NO_COLOR is set.
func newEntryPrinter(out io.Writer, json bool) *entryPrinter {
	p := &entryPrinter{out: out, json: json, zone: time.Local}
	if file, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" {
		info, err := file.Stat()
		p.colour = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// print writes one entry: a line of JSON, or
//
//	2026-11-22 10:42:31.102 err    socketserver/dev1  lua entry thread aborted: …
//
// where a message of several lines goes on below, indented.
func (p *entryPrinter) print(e *index.Entry) error {
	p.buf = p.buf[:0]
	if p.json {
		p.buf = append(e.AppendJSON(p.buf), '\n')
	} else {
		p.appendText(e)
	}
	_, err := p.out.Write(p.buf)
	return err
}

func (p *entryPrinter) appendText(e *index.Entry) {
	const column = 20
	p.buf = e.Received.In(p.zone).AppendFormat(p.buf, "2006-01-02 15:04:05.000 ")
	p.appendColoured(severityColour(e.Severity), pad(e.Severity.String(), 7))
	p.buf = append(p.buf, ' ')
	p.buf = append(p.buf, pad(e.Instance, column)...)
	p.buf = append(p.buf, ' ')
	if _, owner := index.SplitInstance(e.Instance); owner == "" && e.AppName != "" {
		p.buf = appendVisible(p.buf, e.AppName)
		p.buf = append(p.buf, ": "...)
	}
	for i, line := range strings.Split(strings.TrimRight(e.Message, "\n"), "\n") {
		if i > 0 {
			p.buf = append(p.buf, "\n    "...)
		}
		p.buf = appendVisible(p.buf, line)
	}
	p.buf = append(p.buf, '\n')
}

func (p *entryPrinter) appendColoured(colour, text string) {
	if !p.colour || colour == "" {
		p.buf = append(p.buf, text...)
		return
	}
	p.buf = append(p.buf, "\x1b["...)
	p.buf = append(p.buf, colour...)
	p.buf = append(p.buf, 'm')
	p.buf = append(p.buf, text...)
	p.buf = append(p.buf, "\x1b[0m"...)
}

func severityColour(s index.Severity) string {
	switch {
	case s <= index.Crit:
		return "1;31"
	case s == index.Err:
		return "31"
	case s == index.Warning:
		return "33"
	case s == index.Debug:
		return "90"
	default:
		return ""
	}
}

func pad(s string, width int) string {
	if n := utf8.RuneCountInString(s); n < width {
		return s + strings.Repeat(" ", width-n)
	}
	return s
}

// appendVisible appends text that cannot drive a terminal: control characters
// but TAB are shown as #ooo, as rsyslog writes them, and bytes that are not
// UTF-8 as U+FFFD.
func appendVisible(dst []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '\t' || r >= ' ' && r < 0x7f || r >= 0xa0 && r != utf8.RuneError:
			dst = utf8.AppendRune(dst, r)
		case r == utf8.RuneError:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, '#')
			octal := strconv.FormatInt(int64(r), 8)
			dst = append(dst, "000"[min(len(octal), 3):]...)
			dst = append(dst, octal...)
		}
	}
	return dst
}
