package file

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// date is one without a year, as RFC 3164 has it.
type date struct {
	month  time.Month
	day    int
	second int // of the day
}

// stragglers is how far behind the line before one may be: workers write in turns,
// and clocks are set. What seems to be further behind is of the next year.
const stragglers = 31 * 24 * time.Hour

// leapYears is within how many years there is a 29 February.
const leapYears = 8

// dateOf reads "Nov 22 08:51:43" at the start of a line.
func dateOf(s string) (d date, ok bool) {
	if len(s) < 15 || s[3] != ' ' || s[6] != ' ' || !hasShape(s[7:], "dd:dd:dd") {
		return d, false
	}
	i := slices.Index(months[:], strings.ToLower(s[:3]))
	if i < 0 {
		return d, false
	}
	d.month = time.Month(i + 1)
	two := func(at int) int { return int(s[at]-'0')*10 + int(s[at+1]-'0') }
	switch tens, ones := s[4], s[5]; {
	case ones < '0' || ones > '9':
		return d, false
	case tens == ' ':
		d.day = int(ones - '0')
	case tens >= '0' && tens <= '3':
		d.day = two(4)
	default:
		return d, false
	}
	d.second = two(7)*3600 + two(10)*60 + two(13)
	return d, d.day >= 1 && d.day <= 31
}

var months = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// on is the date in a year; ok tells whether that has it.
func (d date) on(year int, loc *time.Location) (t time.Time, ok bool) {
	t = time.Date(year, d.month, d.day, 0, 0, d.second, 0, loc)
	return t, time.Date(year, d.month, d.day, 0, 0, 0, 0, time.UTC).Month() == d.month
}

// after is the earliest moment of the date that is not before last, but for
// stragglers.
func (d date) after(last time.Time, loc *time.Location) time.Time {
	year := last.In(loc).Year()
	for y := year - 1; y <= year+leapYears; y++ {
		if t, ok := d.on(y, loc); ok && !t.Before(last.Add(-stragglers)) {
			return t
		}
	}
	t, _ := d.on(year, loc)
	return t
}

// dated gives a date its year: by the line before, or for the first one by Year,
// or the latest up to End.
func (p *Past) dated(d date) time.Time {
	loc := p.labels.opts.Location
	if !p.State.Last.IsZero() {
		return d.after(p.State.Last, loc)
	}
	if p.Year > 0 {
		t, _ := d.on(p.Year, loc)
		return t
	}
	year := p.End.In(loc).Year()
	for y := year + 1; y > year-leapYears; y-- {
		if t, ok := d.on(y, loc); ok && t.Before(p.End.Add(24*time.Hour)) {
			return t
		}
	}
	t, _ := d.on(year, loc)
	return t
}

// FirstYear finds the year of the first date of an old file, whose dates have none:
// the latest with which the last one is not after end, when the file was written to
// last. It is 0 if no line begins with such a date. It reads all of r.
func FirstYear(r io.Reader, end time.Time, loc *time.Location) (int, error) {
	if loc == nil {
		loc = time.Local
	}
	dates, err := datesOf(r)
	if err != nil || len(dates) == 0 {
		return 0, err
	}
	latest := end.In(loc).Year() + 1
	for year := latest; year > 1970; year-- {
		last, ok := dates[0].on(year, loc)
		if !ok {
			continue
		}
		newest := last
		for _, d := range dates[1:] {
			if last = d.after(last, loc); last.After(newest) {
				newest = last
			}
		}
		if newest.Before(end.Add(24 * time.Hour)) {
			return year, nil
		}
	}
	return end.In(loc).Year(), nil
}

// datesOf lists the days of a file in their order.
func datesOf(r io.Reader) ([]date, error) {
	var dates []date
	lines := bufio.NewReaderSize(r, readBytes)
	for whole := true; ; {
		line, err := lines.ReadSlice('\n')
		if whole && len(line) >= 15 {
			if line[0] == '<' {
				if i := slices.Index(line[:5], '>'); i > 0 {
					line = line[i+1:]
				}
			}
			if d, ok := dateOf(string(line[:min(len(line), 15)])); ok {
				if n := len(dates); n == 0 || dates[n-1].month != d.month || dates[n-1].day != d.day {
					dates = append(dates, d)
				}
			}
		}
		whole = !errors.Is(err, bufio.ErrBufferFull)
		if errors.Is(err, io.EOF) {
			return dates, nil
		}
		if err != nil && whole {
			return nil, err
		}
	}
}
