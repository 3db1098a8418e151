package syslog

import "time"

// parseStamp reads the timestamp at the start of s and returns how many bytes
// it takes, 0 if there is none. It ends at a space or with s.
func parseStamp(s string, now time.Time, loc *time.Location) (time.Time, int) {
	t, n := parseRFC3339(s, loc)
	if n == 0 {
		t, n = parseBSD(s, now, loc)
	}
	if n < len(s) && s[n] == ':' { // Cisco
		n++
	}
	if n == 0 || n < len(s) && s[n] != ' ' {
		return time.Time{}, 0
	}
	return t, n
}

// parseRFC3339 reads an RFC 3339 time at the start of s: "T" and "Z" in upper
// case, as RFC 5424, section 6.2.3 asks, any number of fraction digits, of
// which nine count. Without an offset it is in loc.
func parseRFC3339(s string, loc *time.Location) (time.Time, int) {
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[10] != 'T' {
		return time.Time{}, 0
	}
	year, ok1 := number(s[0:4])
	month, ok2 := number(s[5:7])
	day, ok3 := number(s[8:10])
	c, n := parseClock(s[11:])
	if !ok1 || !ok2 || !ok3 || n == 0 || !dateExists(year, time.Month(month), day) {
		return time.Time{}, 0
	}
	n += 11
	zone, zn := parseOffset(s[n:])
	if zone == nil {
		zone = loc
	}
	return time.Date(year, time.Month(month), day, c.hour, c.minute, c.second, c.nanosecond, zone), n + zn
}

// parseOffset reads "Z" or "±hh:mm". Without either the zone is nil.
func parseOffset(s string) (*time.Location, int) {
	if s != "" && s[0] == 'Z' {
		return time.UTC, 1
	}
	if len(s) < 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return nil, 0
	}
	hours, ok1 := number(s[1:3])
	minutes, ok2 := number(s[4:6])
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return nil, 0
	}
	offset := (hours*60 + minutes) * 60
	if s[0] == '-' {
		offset = -offset
	}
	return fixedZone(offset), 6
}

// parseBSD reads "[yyyy] Mon d|dd [yyyy] hh:mm:ss[.fraction] [yyyy]", the
// month in any case (RFC 3164, section 4.1.2, and its variants).
func parseBSD(s string, now time.Time, loc *time.Location) (time.Time, int) {
	year, n := cutYear(s)
	month := monthAt(s[n:])
	if month == 0 {
		return time.Time{}, 0
	}
	n += 4
	day, dn := cutDay(s[n:])
	if dn == 0 {
		return time.Time{}, 0
	}
	n += dn
	if year == 0 {
		var yn int
		year, yn = cutYear(s[n:])
		n += yn
	}
	c, cn := parseClock(s[n:])
	if cn == 0 {
		return time.Time{}, 0
	}
	n += cn
	if year == 0 {
		// Some routers write the year last. No host is called 2007.
		if y, yn := cutYear(trimmedSpace(s[n:])); yn > 0 && s[n] == ' ' {
			year, n = y, n+yn
		}
	}
	if year == 0 {
		return nearest(month, day, c, now.In(loc)), n
	}
	if !dateExists(year, month, day) {
		return time.Time{}, 0
	}
	return c.on(year, month, day, loc), n
}

// trimmedSpace is s without its first byte.
func trimmedSpace(s string) string {
	if s == "" {
		return s
	}
	return s[1:]
}

// cutYear reads four digits and a space.
func cutYear(s string) (year, n int) {
	if len(s) < 5 || s[4] != ' ' {
		return 0, 0
	}
	year, ok := number(s[:4])
	if !ok || year < 1970 || year > 2100 {
		return 0, 0
	}
	return year, 5
}

// cutDay reads one or two digits, perhaps padded with a space, and a space.
func cutDay(s string) (day, n int) {
	if s != "" && s[0] == ' ' {
		n++
	}
	start := n
	for n < len(s) && n < start+2 && isDigit(s[n]) {
		day = day*10 + int(s[n]-'0')
		n++
	}
	if n == start || n >= len(s) || s[n] != ' ' || day < 1 || day > 31 {
		return 0, 0
	}
	return day, n + 1
}

const monthNames = "janfebmaraprmayjunjulaugsepoctnovdec"

// monthAt returns the month whose English abbreviation and a space begin s, 0
// if none does.
func monthAt(s string) time.Month {
	if len(s) < 4 || s[3] != ' ' {
		return 0
	}
	name := [3]byte{s[0] | 0x20, s[1] | 0x20, s[2] | 0x20}
	for m := 0; m < 12; m++ {
		if monthNames[3*m] == name[0] && monthNames[3*m+1] == name[1] && monthNames[3*m+2] == name[2] {
			return time.Month(m + 1)
		}
	}
	return 0
}

// clock is a time of day.
type clock struct{ hour, minute, second, nanosecond int }

func (c clock) on(year int, month time.Month, day int, loc *time.Location) time.Time {
	return time.Date(year, month, day, c.hour, c.minute, c.second, c.nanosecond, loc)
}

// parseClock reads "hh:mm:ss[.fraction]". Second 60 is a leap second.
func parseClock(s string) (c clock, n int) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return clock{}, 0
	}
	var ok1, ok2, ok3 bool
	c.hour, ok1 = number(s[0:2])
	c.minute, ok2 = number(s[3:5])
	c.second, ok3 = number(s[6:8])
	if !ok1 || !ok2 || !ok3 || c.hour > 23 || c.minute > 59 || c.second > 60 {
		return clock{}, 0
	}
	n = 8
	if len(s) < 10 || s[8] != '.' || !isDigit(s[9]) {
		return c, n
	}
	unit := 100_000_000
	for n = 9; n < len(s) && isDigit(s[n]); n++ {
		c.nanosecond += int(s[n]-'0') * unit
		unit /= 10
	}
	return c, n
}

// nearest puts a date without a year into the year that brings it nearest to
// now: a message of 31 December that is read in January is of last year. The
// 29th of February goes to a leap year.
func nearest(month time.Month, day int, c clock, now time.Time) time.Time {
	loc := now.Location()
	best := c.on(now.Year(), month, day, loc)
	if gap := best.Sub(now).Abs(); gap < 180*24*time.Hour && dateExists(now.Year(), month, day) {
		return best
	}
	found := dateExists(now.Year(), month, day)
	for _, shift := range [...]int{-1, 1, -2, 2, -3, 3, -4, 4} {
		year := now.Year() + shift
		if !dateExists(year, month, day) {
			continue
		}
		t := c.on(year, month, day, loc)
		if !found || t.Sub(now).Abs() < best.Sub(now).Abs() {
			best, found = t, true
		}
	}
	return best
}

func dateExists(year int, month time.Month, day int) bool {
	switch month {
	case time.April, time.June, time.September, time.November:
		return 1 <= day && day <= 30
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 1 <= day && day <= 29
		}
		return 1 <= day && day <= 28
	}
	return month >= time.January && month <= time.December && 1 <= day && day <= 31
}

// number reads a string of digits. Callers bound its length.
func number(digits string) (n int, ok bool) {
	for i := 0; i < len(digits); i++ {
		if !isDigit(digits[i]) {
			return 0, false
		}
		n = n*10 + int(digits[i]-'0')
	}
	return n, true
}

// zoneStep is the spacing of the zones table in seconds: all zones in use are
// a multiple of a quarter of an hour from UTC.
const (
	zoneStep = 15 * 60
	zoneSpan = 14 * 60 * 60
)

// zones holds the offsets from -14:00 to +14:00, so that a message's offset
// costs no allocation.
var zones = makeZones()

func makeZones() (table [2*zoneSpan/zoneStep + 1]*time.Location) {
	for i := range table {
		table[i] = time.FixedZone("", i*zoneStep-zoneSpan)
	}
	table[zoneSpan/zoneStep] = time.UTC
	return table
}

func fixedZone(offset int) *time.Location {
	if offset%zoneStep == 0 && -zoneSpan <= offset && offset <= zoneSpan {
		return zones[(offset+zoneSpan)/zoneStep]
	}
	return time.FixedZone("", offset)
}
