package index

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// dateLayouts are how a moment can be written, with the time it covers.
var dateLayouts = []struct {
	layout string
	covers time.Duration
}{
	{"2006-01-02T15:04:05.999999999Z07:00", 0},
	{"2006-01-02T15:04Z07:00", time.Minute},
	{"2006-01-02T15:04:05.999999999", 0},
	{"2006-01-02T15:04", time.Minute},
	{"2006/01/02T15:04:05", 0},
	{"2006/01/02T15:04", time.Minute},
}

// dayLayouts are how a day can be written.
var dayLayouts = []string{"2006-01-02", "2006/01/02"}

// clockLayouts are how a time of the day can be written.
var clockLayouts = []struct {
	layout string
	covers time.Duration
}{{"15:04", time.Minute}, {"15:04:05", 0}}

// durationUnits are the units of a duration.
var durationUnits = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// logAnalyzerPeriods are what datelastx:1 to datelastx:5 mean.
var logAnalyzerPeriods = map[string]string{"1": "1h", "2": "12h", "3": "24h", "4": "7d", "5": "31d"}

const timeProblem = "times are 15m, 2h, 7d, 10:42, 2026-09-01, 2026-09-01T10:42, yesterday, deploy, deploy~1"

// compileTime compiles the fields that bound Received.
func compileTime(f *field, _ operator, o operand, opts ParseOptions) (expr, string) {
	x := spanExpr{source: f.name + ":" + o.plain}
	if strings.HasPrefix(o.plain, "deploy") {
		return compileDeployMoment(f, o, opts)
	}
	if f.name == "last" {
		d, ok := parseDuration(o.plain)
		if !ok {
			return nil, "last: takes a duration such as 15m, 2h, 7d"
		}
		x.when.from = opts.Now.Add(-d)
		return x, ""
	}
	if f.name == "time" {
		when, ok := parseSpan(o.plain, opts)
		if !ok {
			return nil, timeProblem
		}
		x.when = when
		return x, ""
	}
	when, ok := parseMoment(o.plain, opts)
	if !ok {
		return nil, timeProblem
	}
	if f.name == "before" {
		x.when.to = when.from
	} else {
		x.when.from = when.from
	}
	return x, ""
}

// normalizeTime rewrites LogAnalyzer's datelastxx:12 (hours) and datelastx:2
// (the second of five periods) to durations.
func normalizeTime(name string, o operand) operand {
	switch name {
	case "datelastxx":
		if hours, err := strconv.ParseFloat(o.plain, 64); err == nil && hours > 0 && hours < 1e6 {
			o.plain = strconv.FormatInt(int64(math.Ceil(hours*3600)), 10) + "s"
		}
	case "datelastx":
		o.plain = logAnalyzerPeriods[o.plain]
	}
	return o
}

// parseSpan reads a..b, or one moment, which covers its minute or day. Either
// side of a range may be missing.
func parseSpan(text string, opts ParseOptions) (span, bool) {
	from, to, isRange := strings.Cut(text, "..")
	if !isRange {
		s, ok := parseMoment(text, opts)
		if !s.to.After(s.from) {
			s.to = s.from.Add(time.Second)
		}
		return s, ok
	}
	var s span
	if from != "" {
		a, ok := parseMoment(from, opts)
		if !ok {
			return span{}, false
		}
		s.from = a.from
	}
	if to != "" {
		b, ok := parseMoment(to, opts)
		if !ok {
			return span{}, false
		}
		s.to = b.to
		if s.to.Before(s.from) && strings.IndexByte(to, ':') > 0 && len(to) <= len("15:04:05") {
			s.to = s.to.AddDate(0, 0, 1) // 23:50..00:10 goes past midnight
		}
	}
	return s, from+to != "" && (s.to.IsZero() || !s.to.Before(s.from))
}

// parseMoment reads a moment and returns the time it covers: a day, a minute,
// or from = to.
func parseMoment(text string, opts ParseOptions) (span, bool) {
	zone := opts.Location
	if zone == nil {
		zone = time.UTC
	}
	now := opts.Now.In(zone)
	if d, ok := parseDuration(text); ok {
		t := opts.Now.Add(-d)
		return span{t, t}, true
	}
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	switch text {
	case "now":
		return span{opts.Now, opts.Now}, true
	case "today":
		return span{midnight, midnight.AddDate(0, 0, 1)}, true
	case "yesterday":
		return span{midnight.AddDate(0, 0, -1), midnight}, true
	}
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range dayLayouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return span{t, t.AddDate(0, 0, 1)}, true
		}
	}
	for _, l := range dateLayouts {
		if t, err := time.ParseInLocation(l.layout, text, zone); err == nil {
			return span{t, t.Add(l.covers)}, true
		}
	}
	for _, l := range clockLayouts {
		t, err := time.ParseInLocation(l.layout, text, zone)
		if err != nil {
			continue
		}
		t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
		if t.After(now) {
			t = t.AddDate(0, 0, -1) // at 00:10, 23:50 was yesterday
		}
		return span{t, t.Add(l.covers)}, true
	}
	return span{}, false
}

// parseDuration reads 90s, 15m, 2h, 7d, 1w and sums such as 1h30m.
func parseDuration(text string) (time.Duration, bool) {
	var total time.Duration
	for rest := text; rest != ""; {
		i := 0
		for i < len(rest) && (isDigit(rest[i]) || rest[i] == '.') {
			i++
		}
		n, err := strconv.ParseFloat(rest[:i], 64)
		if err != nil || i == len(rest) {
			return 0, false
		}
		unit, ok := durationUnits[rest[i]]
		if !ok || n*float64(unit) > float64(100*365*24*time.Hour) {
			return 0, false
		}
		total += time.Duration(n * float64(unit))
		if total > 100*365*24*time.Hour {
			return 0, false
		}
		rest = rest[i+1:]
	}
	return total, text != ""
}
