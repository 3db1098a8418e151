package file

import (
	"strings"
	"time"
)

// stamps are the dates that lines begin with: the shape, as hasShape takes it,
// and the layout. A fraction may follow each (time.Parse accepts one behind
// seconds, with a point or a comma).
var stamps = [...]struct{ shape, layout string }{
	{"dddd/dd/dd dd:dd:dd", "2006/01/02 15:04:05"},
	{"dddd-dd-ddTdd:dd:dd", "2006-01-02T15:04:05"},
	{"dddd-dd-dd dd:dd:dd", "2006-01-02 15:04:05"},
}

// stampCache remembers the last date of an nginx error log: a busy one has
// thousands of lines a second.
type stampCache struct {
	text string // with the space behind it
	time time.Time
}

func (c *stampCache) lineTime(text string, loc *time.Location) time.Time {
	const shape = "dddd/dd/dd dd:dd:dd "
	if c.text != "" && strings.HasPrefix(text, c.text) {
		return c.time
	}
	t := lineTime(text, loc)
	if hasShape(text, shape) {
		// A clone: the text is part of an arena, which would be kept.
		c.text, c.time = strings.Clone(text[:len(shape)]), t
	}
	return t
}

// lineTime reads the date that text begins with, or that an access log has
// between brackets. It is zero if there is none.
func lineTime(text string, loc *time.Location) time.Time {
	for _, s := range stamps {
		if !hasShape(text, s.shape) {
			continue
		}
		end := len(s.shape)
		end += fraction(text[end:])
		if t, n := withOffset(text, end, s.layout); n > 0 {
			return t
		}
		t, err := time.ParseInLocation(s.layout, text[:end], loc)
		if err != nil {
			return time.Time{}
		}
		return t
	}
	return accessTime(text)
}

// fraction is the length of ".123" or ",123" at the start of s.
func fraction(s string) int {
	if len(s) < 2 || s[0] != '.' && s[0] != ',' {
		return 0
	}
	n := 1
	for n < len(s) && n < 10 && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n == 1 {
		return 0
	}
	return n
}

// withOffset reads a date that "Z" or "+08:00" follows.
func withOffset(text string, end int, layout string) (time.Time, int) {
	n := end
	switch rest := text[end:]; {
	case strings.HasPrefix(rest, "Z"):
		n++
	case len(rest) >= 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':':
		n += 6
	default:
		return time.Time{}, 0
	}
	t, err := time.Parse(layout+"Z07:00", text[:n])
	if err != nil {
		return time.Time{}, 0
	}
	return t, n
}

// accessTime reads nginx's $time_local: "[22/Nov/2026:08:51:43 +0000]".
func accessTime(text string) time.Time {
	const layout = "02/Jan/2006:15:04:05 -0700"
	start := strings.IndexByte(text[:min(len(text), 256)], '[') + 1
	if start == 0 || len(text) < start+len(layout)+1 || text[start+len(layout)] != ']' {
		return time.Time{}
	}
	t, err := time.Parse(layout, text[start:start+len(layout)])
	if err != nil {
		return time.Time{}
	}
	return t
}
