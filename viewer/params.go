package viewer

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tagtail/tagtail/index"
)

const (
	maxQueryBytes = 8 << 10
	defaultLimit  = 100
	maxLimit      = 1000
	maxInstances  = 1000
)

// params reads the parameters of a URL. The first that is wrong is remembered
// in err, in a sentence that names it, its value and what is allowed; what is
// read after that does not matter.
type params struct {
	values url.Values
	now    time.Time
	err    error
}

func readParams(r *http.Request, now time.Time) *params {
	values, err := url.ParseQuery(r.URL.RawQuery)
	p := &params{values: values, now: now}
	if err != nil {
		p.fail("The URL's parameters cannot be read (%v): escape them as percent-encoding asks.", err)
	}
	return p
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = newProblem(http.StatusBadRequest, format, args...)
	}
}

// text returns a parameter as it is, empty if it is not given.
func (p *params) text(name string) string {
	given := p.values[name]
	if len(given) > 1 {
		p.fail("The parameter %s is given %d times: give it once.", name, len(given))
	}
	if len(given) == 0 {
		return ""
	}
	return given[0]
}

// rename lets a parameter be given by another name, too.
func (p *params) rename(other, name string) {
	if given, ok := p.values[other]; ok {
		p.values[name] = append(p.values[name], given...)
	}
}

// instances returns the parameters i, as the page's address has them: none is
// all, and so is *.
func (p *params) instances() []string {
	given := p.values["i"]
	if len(given) > maxInstances {
		p.fail("The parameter i is given %d times: name up to %d instances.", len(given), maxInstances)
	}
	if slices.Contains(given, "*") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(given), func(name string) bool { return name == "" })
}

// searchText is a search text, and the zone of the times in it that name none.
type searchText struct {
	text string
	zone *time.Location
}

// query returns the search text. Its zone is the parameter tz, or else home.
func (p *params) query(home *time.Location) searchText {
	q := p.text("q")
	if len(q) > maxQueryBytes {
		p.fail("The parameter q has %d bytes: a search text may have up to %d.", len(q), maxQueryBytes)
	}
	return searchText{q, p.zone(home)}
}

// number returns a parameter between least and most, or absent if it is not given.
func (p *params) number(name string, absent, least, most uint64) uint64 {
	text := p.text(name)
	if text == "" {
		return absent
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < least || n > most {
		p.fail("The parameter %s is %s: give a whole number from %d to %d.", name, shown(text), least, most)
		return absent
	}
	return n
}

// seq returns a parameter that is an entry's Seq, and whether it is given.
func (p *params) seq(name string) (uint64, bool) {
	text := p.text(name)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		p.fail("The parameter %s is %s: give the seq of an entry, a whole number.", name, shown(text))
	}
	return n, true
}

// moment returns a time given as RFC 3339 or as a duration back from now; zero
// if it is not given.
func (p *params) moment(name string) time.Time {
	text := p.text(name)
	if text == "" {
		return time.Time{}
	}
	if back, ok := parseSpan(text); ok {
		return p.now.Add(-back)
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		p.fail("The parameter %s is %s: give a time such as 2026-11-22T10:42:31Z, or a duration back from now such as 15m, 2h, 7d or 1w.", name, shown(text))
	}
	return t
}

// window returns the parameters from and to.
func (p *params) window() (from, to time.Time) {
	from, to = p.moment("from"), p.moment("to")
	if !from.IsZero() && !to.IsZero() && from.After(to) {
		p.fail("The parameter from (%s) is later than to (%s): swap them.", shown(p.text("from")), shown(p.text("to")))
	}
	return from, to
}

// within returns the parameter within_ms, how long a search may look; 0 if it is
// not given.
func (p *params) within() time.Duration {
	most := uint64(searchTimeout / time.Millisecond)
	return time.Duration(p.number("within_ms", 0, 1, most)) * time.Millisecond //nolint:gosec // at most a minute
}

// order returns the parameter order.
func (p *params) order() index.Order {
	switch text := p.text("order"); text {
	case "", "desc":
		return index.NewestFirst
	case "asc":
		return index.OldestFirst
	default:
		p.fail("The parameter order is %s: give desc (newest first) or asc.", shown(text))
		return index.NewestFirst
	}
}

// maxSpan keeps durations, and the times they lead to, far from overflow.
const maxSpan = 100 * 366 * 24 * time.Hour

// parseSpan reads a duration of whole numbers with units: "15m", "7d", "1h30m".
func parseSpan(text string) (time.Duration, bool) {
	var sum time.Duration
	for rest := text; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == len(rest) {
			return 0, false
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		unit := spanUnit(rest[digits])
		if err != nil || unit == 0 || n > int64(maxSpan/unit) {
			return 0, false
		}
		sum += time.Duration(n) * unit
		if sum > maxSpan {
			return 0, false
		}
		rest = rest[digits+1:]
	}
	return sum, text != ""
}

func spanUnit(b byte) time.Duration {
	switch b {
	case 's':
		return time.Second
	case 'm':
		return time.Minute
	case 'h':
		return time.Hour
	case 'd':
		return 24 * time.Hour
	case 'w':
		return 7 * 24 * time.Hour
	}
	return 0
}

// shown quotes a value for a sentence, cut to a readable length.
func shown(text string) string {
	const most = 60
	if len(text) <= most {
		return strconv.Quote(text)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "…"
}
