package index

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/index/content"
)

// operator is what stands between the name and the value of a field.
type operator string

// The operators.
const (
	opIs      operator = ":"
	opExactly operator = ":="
	opNot     operator = "!="
	opMore    operator = ">"
	opAtLeast operator = ">="
	opLess    operator = "<"
	opAtMost  operator = "<="
)

// operatorSpellings are what is typed for an operator, longest first where one
// begins another.
var operatorSpellings = []struct {
	typed string
	op    operator
}{
	{":>=", opAtLeast}, {":<=", opAtMost}, {":>", opMore}, {":<", opLess}, {":=", opExactly}, {":", opIs},
	{">=", opAtLeast}, {"<=", opAtMost}, {"!=", opNot}, {">", opMore}, {"<", opLess},
}

// fieldKind says how the values of a field are compared and what operators it
// takes.
type fieldKind uint8

const (
	// idKind compares whole values.
	idKind fieldKind = iota
	// nameKind and textKind look for a part of the value. They differ in that
	// name:(a b) asks for either and text:(a b) for both.
	nameKind
	textKind
	// orderedKind has an order, so that it takes > and a..b.
	orderedKind
	// flagKind has keywords, such as is:trace.
	flagKind
	// timeKind bounds Received.
	timeKind
	// optionKind does not select entries.
	optionKind
	// ignoredKind is known from LogAnalyzer and means nothing here.
	ignoredKind
)

// field is a name that a query can ask about.
type field struct {
	name    string
	aliases []string
	kind    fieldKind
	// get are the values of an entry; any of them may match. Unused by the
	// kinds that have a compile of their own.
	get []func(e *Entry) string
	// said is the value that a message's text gives, for compileContent.
	said func(m content.Message) string
	// compile overrides how one value is compiled. It returns a problem, in
	// words, if the field has no such value: the part is plain text then.
	compile func(f *field, op operator, o operand, opts ParseOptions) (x expr, problem string)
}

// fields is every name that a query knows. To make another value of an entry
// searchable, add a row.
var fields = []field{
	{name: "instance", aliases: []string{"in"}, kind: idKind, compile: compileInstance},
	{name: "service", kind: idKind, compile: compileInstance},
	{name: "owner", aliases: []string{"user"}, kind: idKind, compile: compileInstance},
	{name: "host", aliases: []string{"hostname", "source", "sender", "from"}, kind: nameKind, get: []func(*Entry) string{
		func(e *Entry) string { return e.Hostname },
		func(e *Entry) string { return e.Source },
	}},
	{name: "tag", aliases: []string{"app_name", "program", "app", "syslogtag"}, kind: nameKind, get: []func(*Entry) string{
		func(e *Entry) string { return e.AppName },
	}},
	{name: "severity", aliases: []string{"level", "sev", "priority"}, kind: orderedKind, compile: compileSeverity},
	{name: "facility", kind: orderedKind, compile: compileFacility},
	{name: "pid", aliases: []string{"proc_id", "processid"}, kind: idKind, compile: compilePID},
	{name: "msg_id", kind: idKind, get: []func(*Entry) string{
		func(e *Entry) string { return e.MsgID },
	}},
	{name: "msg", aliases: []string{"message", "_msg"}, kind: textKind, compile: compileMessage},
	{name: "sd", aliases: []string{"structured_data"}, kind: textKind, get: []func(*Entry) string{
		func(e *Entry) string { return e.StructuredData },
	}},
	{name: "input", kind: nameKind, get: []func(*Entry) string{
		func(e *Entry) string { return e.Input },
	}},
	{name: "format", kind: idKind, get: []func(*Entry) string{
		func(e *Entry) string { return e.Format.String() },
	}},
	{name: "instance_by", kind: idKind, get: []func(*Entry) string{
		func(e *Entry) string { return e.InstanceBy.String() },
	}},
	{name: "seq", kind: orderedKind, compile: compileSeq},

	{name: "kind", kind: idKind, compile: compileKind},
	{name: "conn", kind: idKind, said: content.Message.Conn, compile: compileContent},
	{name: "req", aliases: []string{"rid"}, kind: idKind, said: content.Message.RequestID, compile: compileContent},
	{name: "client", aliases: []string{"ip"}, kind: idKind, said: content.Message.Client, compile: compileClient},
	{name: "method", aliases: []string{"http_method"}, kind: idKind, said: content.Message.Method, compile: compileContent},
	{name: "path", aliases: []string{"url", "http_url"}, kind: textKind, said: content.Message.Path, compile: compileContent},
	{name: "http_host", kind: textKind, said: content.Message.Host, compile: compileContent},
	{name: "ua", aliases: []string{"http_useragent"}, kind: textKind, said: content.Message.UserAgent, compile: compileContent},
	{name: "referer", aliases: []string{"http_referer"}, kind: textKind, said: content.Message.Referrer, compile: compileContent},
	{name: "upstream", kind: textKind, said: content.Message.Upstream, compile: compileContent},
	{name: "server", kind: textKind, said: content.Message.Server, compile: compileContent},
	{name: "status", aliases: []string{"http_status"}, kind: orderedKind, compile: compileStatus},
	{name: "bytes", aliases: []string{"http_bytessend"}, kind: orderedKind, compile: compileNumber},
	{name: "took", kind: orderedKind, compile: compileNumber},
	{name: "file", kind: nameKind, compile: compileFile},
	{name: "line", kind: orderedKind, compile: compileNumber},

	{name: "is", kind: flagKind, compile: compileFlag},
	{name: "has", kind: flagKind, compile: compileFlag},

	{name: "deploy", aliases: []string{"release"}, kind: idKind, compile: compileDeploy},

	{name: "last", aliases: []string{"datelastxx", "datelastx"}, kind: timeKind, compile: compileTime},
	{name: "since", kind: timeKind, compile: compileTime},
	{name: "after", aliases: []string{"newer_than", "datefrom"}, kind: timeKind, compile: compileTime},
	{name: "before", aliases: []string{"older_than", "dateto"}, kind: timeKind, compile: compileTime},
	{name: "time", aliases: []string{"timereported"}, kind: timeKind, compile: compileTime},
	{name: "limit", kind: optionKind},

	{name: "messagetype", kind: ignoredKind},
	{name: "eventid", kind: ignoredKind},
	{name: "eventlogtype", kind: ignoredKind},
	{name: "eventlogsource", kind: ignoredKind},
	{name: "eventcategory", kind: ignoredKind},
	{name: "eventuser", kind: ignoredKind},
	{name: "systemid", kind: ignoredKind},
	{name: "checksum", kind: ignoredKind},
}

func findField(name string) (*field, bool) {
	for i := range fields {
		if fields[i].name == name || slices.Contains(fields[i].aliases, name) {
			return &fields[i], true
		}
	}
	return nil, false
}

// takes tells whether the operator has a meaning for the field.
func (f *field) takes(op operator) bool {
	switch f.kind {
	case idKind, nameKind, textKind:
		return op == opIs || op == opExactly || op == opNot
	case orderedKind:
		return true
	}
	return op == opIs
}

// matches tells whether the field's values are compared with text, so that
// LogAnalyzer's modifiers and a group may follow the colon.
func (f *field) matches() bool { return f.kind <= orderedKind }

// compileOne compiles a comparison with one value. The parser has turned opNot
// into the negation of opExactly.
func (f *field) compileOne(op operator, o operand, opts ParseOptions) (expr, string) {
	if f.compile != nil {
		return f.compile(f, op, o, opts)
	}
	test := o.test(op == opExactly || f.kind == idKind)
	get := f.get
	return testExpr{source: f.name + string(op) + o.typed, test: func(e *Entry) bool {
		for _, value := range get {
			if test(value(e)) {
				return true
			}
		}
		return false
	}}, ""
}

// test returns the comparison with a value: whole, or a part of it. A regex
// says itself what it wants.
func (o operand) test(whole bool) func(value string) bool {
	if o.kind == regexOperand {
		return o.regex.in
	}
	patterns := o.patterns(whole)
	return func(value string) bool {
		for _, p := range patterns {
			if p.in(value) {
				return true
			}
		}
		return false
	}
}

// compileInstance compares the name or its parts. instance:dev1 is short for
// all instances of dev1, instance:redis for all of that service.
func compileInstance(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	test := o.test(true)
	x := instanceExpr{source: f.name + string(op) + o.typed}
	switch {
	case f.name == "service":
		x.test = func(name string) bool { service, _ := SplitInstance(name); return test(service) }
	case f.name == "owner":
		x.test = func(name string) bool { _, owner := SplitInstance(name); return test(owner) }
	case op == opExactly:
		x.test = test
	default:
		x.test = func(name string) bool {
			service, owner := SplitInstance(name)
			return test(name) || service != "" && test(service) || owner != "" && test(owner)
		}
	}
	return x, ""
}

func compileMessage(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	source := f.name + string(op) + o.typed
	if o.kind == regexOperand {
		return regexExpr{regex: o.regex, source: source}, ""
	}
	return textExpr{readings: o.patterns(op == opExactly), shown: o.literals(), source: source}, ""
}

// compileSeverity orders by urgency: more is more severe, so a smaller number.
func compileSeverity(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	const known = "severities are emerg, alert, crit, err, warning, notice, info, debug"
	x := severityExpr{source: f.name + string(op) + o.typed}
	s, ok := ParseSeverity(o.plain)
	switch {
	case op == opIs || op == opExactly:
		mask := keywordSet(o, severityNames[:], func(text string) (int, bool) {
			s, ok := ParseSeverity(text)
			return int(s), ok
		})
		if mask == 0 {
			return nil, known
		}
		x.mask = uint8(mask)
		return x, ""
	case !ok:
		return nil, known
	case isDigit(o.plain[0]):
		return nil, "is more a bigger number or more severe? Write " + f.name + string(op) + s.String() + ", or " + f.name + ":0.." + o.plain
	}
	for n := Emerg; n <= Debug; n++ {
		if op == opAtLeast && n <= s || op == opMore && n < s || op == opAtMost && n >= s || op == opLess && n > s {
			x.mask |= 1 << n
		}
	}
	return x, ""
}

func compileFacility(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	const known = "facilities are kern, user, mail, daemon and so on to local7, or 0 to 23"
	var mask uint32
	if op == opIs || op == opExactly {
		mask = keywordSet(o, facilityNames[:], func(text string) (int, bool) {
			n, ok := ParseFacility(text)
			return int(n), ok
		})
		if mask == 0 {
			return nil, known
		}
	} else {
		n, ok := ParseFacility(o.plain)
		if !ok {
			return nil, known
		}
		for i := range facilityNames {
			if compare(op, uint64(i), uint64(n)) {
				mask |= 1 << i
			}
		}
	}
	return testExpr{source: f.name + string(op) + o.typed, test: func(e *Entry) bool { return mask>>e.Facility&1 != 0 }}, ""
}

// keywordSet returns the bits of the keywords that a value means: one, a
// range a..b or LogAnalyzer's a-b, a regex or wildcards. 0 if there is none.
func keywordSet(o operand, names []string, parse func(string) (int, bool)) uint32 {
	if n, ok := parse(o.plain); ok && o.kind != regexOperand {
		return 1 << n
	}
	for _, sep := range []string{"..", "-"} {
		a, b, ok := strings.Cut(o.plain, sep)
		from, okFrom := parse(a)
		to, okTo := parse(b)
		if ok && okFrom && okTo {
			if from > to {
				from, to = to, from
			}
			return (1<<(to+1) - 1) &^ (1<<from - 1)
		}
	}
	if o.kind == wordOperand && !strings.ContainsAny(o.plain, "*?%") {
		return 0
	}
	test := o.test(true)
	var mask uint32
	for i, name := range names {
		if test(name) {
			mask |= 1 << i
		}
	}
	return mask
}

func compileSeq(f *field, op operator, o operand, _ ParseOptions) (expr, string) {
	const problem = "seq is a number or a range such as 100..200"
	source := f.name + string(op) + o.typed
	if from, to, ok := strings.Cut(o.plain, ".."); ok && (op == opIs || op == opExactly) && from+to != "" {
		low, okLow := parseBound(from, 0)
		high, okHigh := parseBound(to, math.MaxUint64)
		if !okLow || !okHigh {
			return nil, problem
		}
		return testExpr{source: source, test: func(e *Entry) bool { return low <= e.Seq && e.Seq <= high }}, ""
	}
	n, err := strconv.ParseUint(o.plain, 10, 64)
	if err != nil {
		return nil, problem
	}
	return testExpr{source: source, test: func(e *Entry) bool { return compare(op, e.Seq, n) }}, ""
}

func parseBound(text string, open uint64) (uint64, bool) {
	if text == "" {
		return open, true
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

func compare(op operator, a, b uint64) bool {
	switch op {
	case opMore:
		return a > b
	case opAtLeast:
		return a >= b
	case opLess:
		return a < b
	case opAtMost:
		return a <= b
	}
	return a == b
}
