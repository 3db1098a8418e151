package index

import (
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/index/content"
)

const minStatus, maxStatus = 100, 599

// statusSet has the statuses that are asked for.
type statusSet [maxStatus + 1]bool

// compileStatus reads a status, 5xx, a range, wildcards or a regex.
func compileStatus(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	set, ok := readStatuses(op, o)
	if !ok {
		return nil, "status is a number from 100 to 599, 5xx, or a range such as 500..504"
	}
	return contentExpr{
		source: f.name + string(op) + o.typed,
		test: func(_ *Entry, said content.Message) bool {
			status := said.Status()
			if status == "" {
				return false
			}
			n, err := strconv.Atoi(status)
			return err == nil && set[n]
		},
		needs: set.plan(),
		probe: mayHaveStatus,
	}, ""
}

var statusKey = newPattern([]chunk{{text: "status"}}, false)

// mayHaveStatus is a cheap look at a message: a status is behind the quoted
// request of an access line, or has a key with this word.
func mayHaveStatus(message string) bool {
	return strings.Contains(message, "\" ") || statusKey.in(message)
}

func readStatuses(op operator, o operand) (*statusSet, bool) {
	var set statusSet
	add := func(low, high int) {
		for n := max(low, minStatus); n <= min(high, maxStatus); n++ {
			set[n] = true
		}
	}
	low, high, ok := statusRange(o.plain)
	switch {
	case o.kind == regexOperand || !ok && o.kind == wordOperand && strings.ContainsAny(o.plain, "*?%"):
		test, any := o.test(true), false
		for n := minStatus; n <= maxStatus; n++ {
			set[n] = test(strconv.Itoa(n))
			any = any || set[n]
		}
		return &set, any
	case !ok:
		return nil, false
	case op == opMore:
		add(high+1, maxStatus)
	case op == opAtLeast:
		add(low, maxStatus)
	case op == opLess:
		add(minStatus, low-1)
	case op == opAtMost:
		add(minStatus, high)
	default:
		add(low, high)
	}
	return &set, true
}

// statusRange reads "502", "5xx", "50x", or "500..504", one end of which may
// be missing.
func statusRange(text string) (low, high int, ok bool) {
	if from, to, found := strings.Cut(text, ".."); found && from+to != "" {
		low, high = minStatus, maxStatus
		okFrom, okTo := true, true
		if from != "" {
			low, _, okFrom = statusRange(from)
		}
		if to != "" {
			_, high, okTo = statusRange(to)
		}
		return low, high, okFrom && okTo
	}
	digits := strings.TrimRight(text, "xX")
	if len(text) != 3 || digits == "" {
		return 0, 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 16)
	low, high = int(first), int(first)
	for range len(text) - len(digits) {
		low, high = 10*low, 10*high+9
	}
	return low, high, err == nil && low >= minStatus && high <= maxStatus
}

// plan plans for messages that hold one of the statuses.
func (s *statusSet) plan() plan {
	var ways []plan
	for n := minStatus; n <= maxStatus; n++ {
		if s[n] {
			ways = append(ways, plan{op: planID, text: strconv.Itoa(n)})
		}
	}
	if len(ways) > maxPlanIDs {
		return plan{op: planAll}
	}
	return planAnyOf(ways)
}
