package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// facilities are those that rsyslog counts, with that of a bad PRI.
const facilities = 25

// Selector is "facility.priority;…": a set of severities for each facility.
type Selector struct {
	masks [facilities]uint8 // a bit a severity
}

const allSeverities = 0xff

var severityNumbers = map[string]int{
	"emerg": 0, "panic": 0, "alert": 1, "crit": 2, "err": 3, "error": 3, "warning": 4, "warn": 4,
	"notice": 5, "info": 6, "debug": 7,
}

var facilityNumbers = map[string]int{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "security": 4, "syslog": 5, "lpr": 6, "news": 7,
	"uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11, "ntp": 12, "audit": 13,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

var facilityWords = [facilities]string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit",
	"alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", "a bad PRI",
}

var severityWords = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// ParseSelector reads a selector. Its parts change what those before them have
// chosen: "!" and "none" only take away.
func ParseSelector(text string) (*Selector, error) {
	f := new(Selector)
	for rest := strings.TrimLeft(text, ",;"); rest != ""; {
		names, behind, ok := strings.Cut(rest, ".")
		if !ok {
			return nil, fmt.Errorf("the selector %q has no dot; write facility.priority, such as local5.*", rest)
		}
		end := strings.IndexAny(behind, ",;")
		if end < 0 {
			end = len(behind)
		}
		if err := f.change(names, behind[:end]); err != nil {
			return nil, err
		}
		rest = strings.TrimLeft(behind[end:], ",;")
	}
	if text == "" {
		return nil, errors.New("the selector is empty")
	}
	return f, nil
}

// change takes one part.
func (f *Selector) change(names, priority string) error {
	rest, take := strings.CutPrefix(priority, "!")
	rest, single := strings.CutPrefix(rest, "=")
	severities, err := severityMask(rest, single)
	if err != nil {
		return err
	}
	if strings.EqualFold(rest, "none") {
		take = !take
	}
	some := false
	for name := range strings.SplitSeq(names, ",") {
		if name == "" {
			continue
		}
		some = true
		if name == "*" {
			for i := range f.masks {
				f.set(i, severities, take)
			}
			continue
		}
		if strings.EqualFold(name, "mark") {
			continue // there are no messages of it
		}
		i, ok := facilityNumbers[strings.ToLower(name)]
		if !ok {
			return fmt.Errorf("there is no facility %q", name)
		}
		f.set(i, severities, take)
	}
	if !some {
		return fmt.Errorf("the selector %q names no facility", names+"."+priority)
	}
	return nil
}

func (f *Selector) set(facility int, severities uint8, take bool) {
	if take {
		f.masks[facility] &^= severities
	} else {
		f.masks[facility] |= severities
	}
}

// severityMask is a priority without its signs: that and all that is worse, or
// it alone.
func severityMask(name string, single bool) (uint8, error) {
	lower := strings.ToLower(name)
	if lower == "*" || lower == "none" {
		return allSeverities, nil
	}
	n, ok := severityNumbers[lower]
	if !ok {
		return 0, fmt.Errorf("there is no priority %q; there are %s, * and none", name, strings.Join(severityWords[:], ", "))
	}
	if single {
		return 1 << n, nil
	}
	return uint8(1<<(n+1) - 1), nil
}

// Match looks up the message's PRI.
func (f *Selector) Match(m *message.Message) bool {
	return f.masks[m.Facility]&(1<<(m.Severity&7)) != 0
}

// MatchesNothing tells whether no message can match.
func (f *Selector) MatchesNothing() bool { return f.masks == [facilities]uint8{} }

// String puts the facilities with the same severities together.
func (f *Selector) String() string {
	if f.MatchesNothing() {
		return "no message at all"
	}
	var masks []uint8
	for _, mask := range f.masks {
		if mask != 0 && !slices.Contains(masks, mask) {
			masks = append(masks, mask)
		}
	}
	var parts []string
	for _, mask := range masks {
		parts = append(parts, f.names(mask)+severityText(mask))
	}
	return strings.Join(parts, ", and ")
}

// names lists the facilities that have exactly mask.
func (f *Selector) names(mask uint8) string {
	var with, without []string
	for i, m := range f.masks {
		if m == mask {
			with = append(with, facilityWords[i])
		} else {
			without = append(without, facilityWords[i])
		}
	}
	switch {
	case len(without) == 0:
		return "every facility"
	case len(without) <= 8:
		return "every facility but " + strings.Join(without, ", ")
	}
	return strings.Join(with, ", ")
}

func severityText(mask uint8) string {
	if mask == allSeverities {
		return " at any severity"
	}
	if mask&(mask+1) == 0 {
		n := 0
		for mask>>(n+1) != 0 {
			n++
		}
		if n == 0 {
			return " at emerg"
		}
		return " at " + severityWords[n] + " and worse"
	}
	var words []string
	for n, word := range severityWords {
		if mask&(1<<n) != 0 {
			words = append(words, word)
		}
	}
	return " at " + strings.Join(words, ", ")
}
