package message

import (
	"strconv"
	"time"
)

// Stamp is a time as it was written: with the digits of its fraction and its
// own offset.
type Stamp struct {
	Year, Month, Day, Hour, Minute, Second int
	// Fraction has Digits decimal places.
	Fraction, Digits int
	// Zone is '+', '-' or 'Z'.
	Zone                   byte
	ZoneHours, ZoneMinutes int
}

// stampOf is a time of our own: with microseconds.
func stampOf(t time.Time) Stamp {
	_, offset := t.Zone()
	zone := byte('+')
	if offset < 0 {
		zone, offset = '-', -offset
	}
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	return Stamp{
		Year: year, Month: int(month), Day: day, Hour: hour, Minute: minute, Second: second,
		Fraction: t.Nanosecond() / 1000, Digits: 6,
		Zone: zone, ZoneHours: offset / 3600, ZoneMinutes: offset % 3600 / 60,
	}
}

// stampOfReceived is stampOf in the zone of the options.
func (m *Message) stampOfReceived(t time.Time) Stamp {
	if second := t.Unix(); second != m.lastSecond || m.lastStamp.Digits == 0 {
		zone := m.opts.Location
		if zone == nil {
			zone = time.Local
		}
		m.lastSecond, m.lastStamp = second, stampOf(t.In(zone))
	}
	s := m.lastStamp
	s.Fraction = t.Nanosecond() / 1000
	return s
}

// Time is the moment that s means.
func (s *Stamp) Time() time.Time {
	offset := (s.ZoneHours*60 + s.ZoneMinutes) * 60
	if s.Zone == '-' {
		offset = -offset
	}
	return time.Date(s.Year, time.Month(s.Month), s.Day, s.Hour, s.Minute, s.Second, 0, time.UTC).Add(-time.Duration(offset) * time.Second)
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

// AppendBSD appends RFC 3164's form, "Jan  2 15:04:05". zeroPadded pads the day
// with a zero.
func (s *Stamp) AppendBSD(dst []byte, zeroPadded bool) []byte {
	m := (s.Month - 1) * 3
	dst = append(dst, monthNames[m:m+3]...)
	dst = append(dst, ' ')
	if s.Day < 10 && !zeroPadded {
		dst = append(dst, ' ', byte('0'+s.Day))
	} else {
		dst = appendPair(dst, s.Day)
	}
	dst = append(dst, ' ')
	return s.appendClock(dst)
}

// AppendRFC3339 appends RFC 3339's form, with the fraction and the offset that
// were written.
func (s *Stamp) AppendRFC3339(dst []byte) []byte {
	dst = s.appendDate(dst)
	dst = append(dst, 'T')
	dst = s.appendClock(dst)
	if s.Digits > 0 {
		dst = append(dst, '.')
		dst = s.AppendFraction(dst)
	}
	if s.Zone == 'Z' {
		return append(dst, 'Z')
	}
	dst = append(dst, s.Zone)
	dst = appendPair(dst, s.ZoneHours)
	dst = append(dst, ':')
	return appendPair(dst, s.ZoneMinutes)
}

// AppendSQL appends "2006-01-02 15:04:05".
func (s *Stamp) AppendSQL(dst []byte) []byte {
	dst = s.appendDate(dst)
	dst = append(dst, ' ')
	return s.appendClock(dst)
}

// AppendPlain appends "20060102150405", as MySQL likes it.
func (s *Stamp) AppendPlain(dst []byte) []byte {
	dst = appendPair(appendPair(dst, s.Year/100), s.Year%100)
	for _, n := range [...]int{s.Month, s.Day, s.Hour, s.Minute, s.Second} {
		dst = appendPair(dst, n)
	}
	return dst
}

// AppendFraction appends the digits behind the second, "0" if there are none.
func (s *Stamp) AppendFraction(dst []byte) []byte {
	if s.Digits == 0 {
		return append(dst, '0')
	}
	start := len(dst)
	dst = strconv.AppendInt(dst, int64(s.Fraction), 10)
	for n := len(dst) - start; n < s.Digits; n++ {
		dst = append(dst, 0)
		copy(dst[start+1:], dst[start:])
		dst[start] = '0'
	}
	return dst
}

func (s *Stamp) appendDate(dst []byte) []byte {
	dst = appendPair(appendPair(dst, s.Year/100), s.Year%100)
	dst = append(dst, '-')
	dst = appendPair(dst, s.Month)
	dst = append(dst, '-')
	return appendPair(dst, s.Day)
}

func (s *Stamp) appendClock(dst []byte) []byte {
	dst = appendPair(dst, s.Hour)
	dst = append(dst, ':')
	dst = appendPair(dst, s.Minute)
	dst = append(dst, ':')
	return appendPair(dst, s.Second)
}

func appendPair(dst []byte, n int) []byte {
	return append(dst, byte('0'+n/10%10), byte('0'+n%10))
}

// cursor reads at the front of a text.
type cursor struct{ s []byte }

// number reads digits, of which there may be none: then it is 0. What does not
// fit is too large for every field.
func (c *cursor) number() (n, digits int) {
	for digits < len(c.s) && isDigit(c.s[digits]) {
		if n < 1<<28 {
			n = n*10 + int(c.s[digits]-'0')
		}
		digits++
	}
	c.s = c.s[digits:]
	return n, digits
}

func (c *cursor) take(want byte) bool {
	if len(c.s) == 0 || c.s[0] != want {
		return false
	}
	c.s = c.s[1:]
	return true
}

// field reads a number between least and most, and the byte behind it.
func (c *cursor) field(least, most int, behind byte) (int, bool) {
	n, _ := c.number()
	return n, n >= least && n <= most && c.take(behind)
}

// fraction reads a dot and digits, if they are there. Of more than six, six
// count.
func (c *cursor) fraction(s *Stamp) {
	s.Fraction, s.Digits = 0, 0
	if !c.take('.') {
		return
	}
	for len(c.s) > 0 && isDigit(c.s[0]) {
		if s.Digits < 6 {
			s.Fraction = s.Fraction*10 + int(c.s[0]-'0')
			s.Digits++
		}
		c.s = c.s[1:]
	}
}

// end reads the space that follows a time, or the end of the text.
func (c *cursor) end() bool { return len(c.s) == 0 || c.take(' ') }

// rfc3339 reads a time of RFC 3339, which must have an offset. One and two
// digits are the same to rsyslog.
func rfc3339(text []byte, into *Stamp) (rest []byte, ok bool) {
	c := cursor{text}
	s := *into
	if s.Year, ok = c.field(0, 2099, '-'); !ok {
		return text, false
	}
	for _, f := range [...]struct {
		to          *int
		least, most int
		behind      byte
	}{{&s.Month, 1, 12, '-'}, {&s.Day, 1, 31, 'T'}, {&s.Hour, 0, 23, ':'}, {&s.Minute, 0, 59, ':'}} {
		if *f.to, ok = c.field(f.least, f.most, f.behind); !ok {
			return text, false
		}
	}
	if s.Second, _ = c.number(); s.Second > 60 {
		return text, false
	}
	c.fraction(&s)
	if !c.zone(&s) || !c.end() {
		return text, false
	}
	*into = s
	return c.s, true
}

func (c *cursor) zone(s *Stamp) bool {
	switch {
	case c.take('Z'):
		s.Zone, s.ZoneHours, s.ZoneMinutes = 'Z', 0, 0
		return true
	case c.take('+'):
		s.Zone = '+'
	case c.take('-'):
		s.Zone = '-'
	default:
		return false
	}
	var ok bool
	if s.ZoneHours, ok = c.field(0, 23, ':'); !ok {
		return false
	}
	s.ZoneMinutes, _ = c.number()
	return s.ZoneMinutes <= 59
}

// bsd reads "[yyyy] Mon d|dd [yyyy] hh:mm:ss[.fraction][:]". What it does not
// say stays as it was: the year and the offset of the reception.
func bsd(text []byte, into *Stamp) (rest []byte, ok bool) {
	c := cursor{text}
	s := *into
	hasYear := false
	if len(text) < 3 {
		return text, false
	}
	if isDigit(text[0]) {
		if s.Year, hasYear = c.field(1970, 2100, ' '); !hasYear {
			return text, false
		}
	}
	if s.Month = monthAt(c.s); s.Month == 0 {
		return text, false
	}
	c.s = c.s[3:]
	if !c.take(' ') {
		return text, false
	}
	c.take(' ')
	if s.Day, ok = c.field(1, 31, ' '); !ok {
		return text, false
	}
	s.Hour, _ = c.number()
	if !hasYear && s.Hour > 1970 && s.Hour < 2100 {
		s.Year = s.Hour
		if !c.take(' ') {
			return text, false
		}
		s.Hour, _ = c.number()
	}
	if s.Hour > 23 || !c.take(':') {
		return text, false
	}
	if s.Minute, ok = c.field(0, 59, ':'); !ok {
		return text, false
	}
	if s.Second, _ = c.number(); s.Second > 60 {
		return text, false
	}
	c.fraction(&s)
	c.take(':') // Cisco
	if !c.end() {
		return text, false
	}
	*into = s
	return c.s, true
}

// monthAt is the month whose English abbreviation, in any case, begins s, or 0.
func monthAt(s []byte) int {
	if len(s) < 3 {
		return 0
	}
	for m := 0; m < len(monthNames); m += 3 {
		if s[0]|0x20 == monthNames[m]|0x20 && s[1]|0x20 == monthNames[m+1]|0x20 && s[2]|0x20 == monthNames[m+2]|0x20 {
			return m/3 + 1
		}
	}
	return 0
}
