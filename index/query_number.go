package index

import (
	"math"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/index/content"
)

// maxPlanIDs bounds the numbers of a range that are looked for one by one: a
// filter is wrong about one in 250 of them.
const maxPlanIDs = 128

// number is how a field of the content is compared by size.
type number struct {
	parse func(text string) (uint64, bool)
	// any tells whether one of the message's values is within a range.
	any     func(m content.Message, within span64) bool
	written bool // in the message as digits and no other way
	problem string
}

// span64 are the numbers from low to high, both included.
type span64 struct{ low, high uint64 }

func (s span64) has(n uint64) bool { return s.low <= n && n <= s.high }

var numbers = map[string]number{
	"bytes": {parse: parseSize, any: anyBytes, written: true, problem: "bytes is a size such as 512, 10k or 1.5MB, or a range such as 1k..2k"},
	"took":  {parse: parseTook, any: anyTook, problem: "took is a time such as 200ms, 1.5s or 1.5, or a range such as 1s..5s"},
	"line":  {parse: parseLine, any: anyLine, written: true, problem: "line is a number or a range such as 10..20"},
}

// compileNumber compares sizes, times and lines.
func compileNumber(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	n := numbers[f.name]
	within, ok := n.span(op, o)
	if !ok {
		return nil, n.problem
	}
	x := contentExpr{
		source: f.name + string(op) + o.typed,
		test:   func(_ *Entry, said content.Message) bool { return n.any(said, within) },
	}
	if n.written {
		x.needs = planNumbers(within)
	}
	return x, ""
}

// span reads what is asked for. A lone * is any number.
func (n *number) span(op operator, o operand) (span64, bool) {
	all := span64{0, math.MaxUint64}
	equal := op == opIs || op == opExactly
	if o.kind == regexOperand {
		return all, false
	}
	if equal && o.plain == "*" {
		return all, true
	}
	if from, to, ok := strings.Cut(o.plain, ".."); ok && equal && from+to != "" {
		s, okFrom, okTo := all, true, true
		if from != "" {
			s.low, okFrom = n.parse(from)
		}
		if to != "" {
			s.high, okTo = n.parse(to)
		}
		return s, okFrom && okTo
	}
	value, ok := n.parse(o.plain)
	switch op {
	case opMore:
		return span64{value + 1, math.MaxUint64}, ok && value < math.MaxUint64
	case opAtLeast:
		return span64{value, math.MaxUint64}, ok
	case opLess:
		if value == 0 {
			return span64{1, 0}, ok // nothing is less
		}
		return span64{0, value - 1}, ok
	case opAtMost:
		return span64{0, value}, ok
	}
	return span64{value, value}, ok
}

// planNumbers plans for messages with one of the numbers as an id.
func planNumbers(within span64) plan {
	switch {
	case within.low > within.high:
		return plan{op: planNone}
	case within.high-within.low >= maxPlanIDs:
		return plan{op: planAll}
	}
	var ways []plan
	for n := within.low; ; n++ {
		ways = append(ways, plan{op: planID, text: strconv.FormatUint(n, 10)})
		if n == within.high {
			return planAnyOf(ways)
		}
	}
}

// parseSize reads a number of bytes. The units are powers of 1,024, as nginx's.
func parseSize(text string) (uint64, bool) {
	digits := strings.TrimRight(text, "kKmMgGbB")
	var unit float64
	switch strings.ToLower(text[len(digits):]) {
	case "", "b":
		n, err := strconv.ParseUint(digits, 10, 64)
		return n, err == nil
	case "k", "kb":
		unit = 1 << 10
	case "m", "mb":
		unit = 1 << 20
	case "g", "gb":
		unit = 1 << 30
	default:
		return 0, false
	}
	if strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(digits, 64)
	return uint64(math.Round(n * unit)), err == nil && n*unit < 1<<62
}

func anyBytes(m content.Message, within span64) bool {
	bytes := m.Bytes()
	if bytes == "" {
		return false
	}
	n, err := strconv.ParseUint(bytes, 10, 64)
	return err == nil && within.has(n)
}

// parseTook returns nanoseconds.
func parseTook(text string) (uint64, bool) {
	d, ok := content.ParseDuration(text)
	return uint64(d), ok && d >= 0
}

func anyTook(m content.Message, within span64) bool {
	d, ok := m.Took()
	return ok && d >= 0 && within.has(uint64(d))
}

func parseLine(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

func anyLine(m content.Message, within span64) bool {
	for l := range m.Locations {
		if l.Line == "" {
			continue
		}
		if n, err := strconv.ParseUint(l.Line, 10, 64); err == nil && within.has(n) {
			return true
		}
	}
	return false
}
