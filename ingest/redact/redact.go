// Package redact takes secrets out of entries before anybody keeps them.
//
//	[]Rule → Compile → Set;  Entry → Apply → literals → patterns → Entry without them
//
// Invariants: a rule looks at everything that the sender has written, whatever
// field it was read into; an entry that was changed has index.FlagRedacted; a
// pattern only runs where one of the texts is that it cannot match without, and
// what a sender writes bounds its cost (see maxPlaces). A nil Set changes
// nothing and costs nothing. The package knows neither sockets nor the store.
// Start reading at Rule, then Set.Apply.
package redact

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tagtail/tagtail/index"
)

// Mark is what stands in the place of a secret, unless a rule says otherwise.
const Mark = "[redacted]"

const (
	// maxRules is how many there can be: a uint64 has a bit for each.
	maxRules = 64
	// maxPlaces is how often a pattern is replaced in a field. A pattern may look
	// at all of the text for each of its matches, so what comes behind that many
	// is replaced as a whole.
	maxPlaces = 128
)

// Rule says what is taken out of which entries.
type Rule struct {
	// Name is what metrics, errors and tests call it by. Without a Pattern it is
	// one of Builtins.
	Name string
	// Pattern is a regular expression of package regexp. All of what it matches
	// is replaced.
	Pattern string
	// Replace is put there; "" is Mark. In it $1 and ${name} stand for groups of
	// the Pattern.
	Replace string
	// Instances and Services are whose entries it is for, with * for any run of
	// characters; none are all.
	Instances, Services []string
	// Fields are where it looks, as Fields lists them; none are all.
	Fields []string
}

// fields are what a sender has written of an entry, by their names in JSON.
var fields = [...]struct {
	name string
	of   func(e *index.Entry) *string
}{
	{"message", func(e *index.Entry) *string { return &e.Message }},
	{"structured_data", func(e *index.Entry) *string { return &e.StructuredData }},
	{"hostname", func(e *index.Entry) *string { return &e.Hostname }},
	{"app_name", func(e *index.Entry) *string { return &e.AppName }},
	{"proc_id", func(e *index.Entry) *string { return &e.ProcID }},
	{"msg_id", func(e *index.Entry) *string { return &e.MsgID }},
}

// Fields are the words of Rule.Fields.
func Fields() (names []string) {
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// Set is rules that are ready. It may be used from several goroutines at once.
type Set struct {
	rules  []*rule
	finder finder
	always uint64 // the rules without a literal, a bit each
}

// rule is a Rule that is ready.
type rule struct {
	Rule
	builtin  *builtin       // nil: pattern
	pattern  *regexp.Regexp // nil: builtin
	replace  string
	expands  bool // replace has groups
	fields   uint // a bit for each of fields
	replaced atomic.Uint64
}

// Compile makes a Set of the rules; without any it is nil.
func Compile(rules []Rule) (*Set, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	if len(rules) > maxRules {
		return nil, fmt.Errorf("there are %d redact rules: at most %d are possible, so join some patterns with |", len(rules), maxRules)
	}
	s := &Set{}
	var literals []literal
	names := map[string]bool{}
	for i, r := range rules {
		c, needed, err := compile(r)
		if err != nil {
			return nil, err
		}
		if names[c.Name] {
			return nil, fmt.Errorf("redact rule %q is there twice: give each a name of its own", c.Name)
		}
		names[c.Name] = true
		s.rules = append(s.rules, c)
		if len(needed) == 0 {
			s.always |= 1 << i
		}
		for _, text := range needed {
			literals = append(literals, literal{text: text, rules: 1 << i})
		}
	}
	s.finder = newFinder(literals)
	return s, nil
}

func compile(r Rule) (c *rule, needed []string, err error) {
	c = &rule{Rule: r, replace: r.Replace}
	if r.Name == "" {
		return nil, nil, fmt.Errorf("the redact rule with the pattern %q has no name: give it one, for metrics and errors", r.Pattern)
	}
	if c.replace == "" {
		c.replace = Mark
	}
	if needed, err = c.setPattern(); err != nil {
		return nil, nil, err
	}
	for _, pattern := range slices.Concat(r.Instances, r.Services) {
		if err := index.CheckInstancePattern(pattern); err != nil {
			return nil, nil, fmt.Errorf("redact rule %q: %w", r.Name, err)
		}
	}
	for _, name := range r.Fields {
		i := slices.Index(Fields(), name)
		if i < 0 {
			return nil, nil, fmt.Errorf("redact rule %q: %q is no field: use %s", r.Name, name, strings.Join(Fields(), ", "))
		}
		c.fields |= 1 << i
	}
	if len(r.Fields) == 0 {
		c.fields = 1<<len(fields) - 1
	}
	return c, needed, nil
}

var groupReference = regexp.MustCompile(`\$(?:\{(\w+)\}|(\w+))`)

// setPattern finds the built-in rule, or compiles the pattern, and returns the
// texts of which one is wherever it matches; none if there are no such texts.
func (c *rule) setPattern() (needed []string, err error) {
	if c.Pattern == "" {
		if c.builtin = builtinNamed(c.Name); c.builtin == nil {
			return nil, fmt.Errorf("there is no redact rule %q: use %s, or give it a pattern", c.Name, strings.Join(Builtins(), ", "))
		}
		return c.builtin.literals(), nil
	}
	if c.pattern, err = regexp.Compile(c.Pattern); err != nil {
		return nil, fmt.Errorf("redact rule %q: its pattern is no regular expression of RE2: %w; tagtail check --redact TEXT tries a mended one", c.Name, err)
	}
	if c.pattern.MatchString("") {
		return nil, fmt.Errorf("redact rule %q: its pattern %q also matches nothing at all: put + in the place of * or ?", c.Name, c.Pattern)
	}
	for _, match := range groupReference.FindAllStringSubmatch(c.replace, -1) {
		name := match[1] + match[2]
		if !slices.Contains(c.pattern.SubexpNames(), name) && !isGroup(name, c.pattern.NumSubexp()) {
			return nil, fmt.Errorf("redact rule %q: replace uses the group %q, which the pattern lacks; write ${1} where letters follow, and $$ for a dollar", c.Name, name)
		}
		c.expands = true
	}
	c.expands = c.expands || strings.Contains(c.replace, "$$")
	return requiredLiterals(c.Pattern), nil
}

func isGroup(name string, groups int) bool {
	n := 0
	_, err := fmt.Sscanf(name, "%d", &n)
	return err == nil && fmt.Sprint(n) == name && n <= groups
}

// Apply takes out of e what the rules say.
func (s *Set) Apply(e *index.Entry) {
	if s == nil {
		return
	}
	var found [len(fields)]uint64 // rules that may match there
	any := s.always
	for i := range fields {
		found[i] = s.finder.find(*fields[i].of(e))
		any |= found[i]
	}
	if any == 0 {
		return
	}
	cut := e.Flags&(index.FlagTruncated|index.FlagPartial) != 0
	for n, r := range s.rules {
		if any&(1<<n) == 0 || !r.concerns(e.Instance) {
			continue
		}
		if (found[fieldHostname]|found[fieldAppName])&(1<<n) != 0 {
			r.redactAcross(e, cut)
		}
		for i := range fields {
			if r.fields&(1<<i) == 0 || (found[i]|s.always)&(1<<n) == 0 {
				continue
			}
			text := fields[i].of(e)
			if clean, places := r.redact(*text, cut && i == fieldMessage); places > 0 {
				*text = clean
				r.count(e, places)
			}
		}
	}
}

// The fields that a syslog header is read into, and the message.
const (
	fieldMessage  = 0
	fieldHostname = 2
	fieldAppName  = 3
)

func (r *rule) count(e *index.Entry, places int) {
	e.Flags |= index.FlagRedacted
	r.replaced.Add(uint64(places))
}

// concerns tells whether the rule is for the instance's entries.
func (r *rule) concerns(instance string) bool {
	service, _ := index.SplitInstance(instance)
	fits := func(patterns []string, name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return index.MatchInstance(p, name) })
	}
	return len(r.Instances) == 0 && len(r.Services) == 0 || fits(r.Instances, instance) || fits(r.Services, service)
}

// span is a part of a text that is replaced.
type span struct {
	from, to int
	by       string
}

// redact returns the text without what the rule takes out, and in how many
// places that was. cut tells that the text ends in the middle.
func (r *rule) redact(text string, cut bool) (string, int) {
	spans := r.spans(text, cut)
	if len(spans) == 0 {
		return text, 0
	}
	var b strings.Builder
	at := 0
	for _, s := range spans {
		b.WriteString(text[at:s.from])
		b.WriteString(s.by)
		at = s.to
	}
	b.WriteString(text[at:])
	return b.String(), len(spans)
}

// spans lists what is replaced, in order.
func (r *rule) spans(text string, cut bool) (spans []span) {
	if r.builtin != nil {
		return r.builtin.spans(text, cut, r.replace)
	}
	for _, m := range r.pattern.FindAllStringSubmatchIndex(text, maxPlaces+1) {
		if m[0] == m[1] {
			continue
		}
		if len(spans) == maxPlaces {
			return append(spans, span{m[0], len(text), Mark})
		}
		by := r.replace
		if r.expands {
			by = string(r.pattern.ExpandString(nil, r.replace, text, m))
		}
		if by != text[m[0]:m[1]] {
			spans = append(spans, span{m[0], m[1], by})
		}
	}
	return spans
}

// redactAcross looks at the header and the message as one text, as they were
// sent: in "Authorization: Bearer x" the first word is read as a program's name.
func (r *rule) redactAcross(e *index.Entry, cut bool) {
	var parts []part
	var joined []byte
	add := func(field int, between string) {
		text := fields[field].of(e)
		if r.fields&(1<<field) != 0 && *text != "" {
			parts = append(parts, part{text, len(joined), len(joined) + len(*text)})
			joined = append(append(joined, *text...), between...)
		}
	}
	after := ": "
	if e.Flags.Has(index.FlagBareTag) {
		after = " "
	}
	add(fieldHostname, " ")
	add(fieldAppName, after)
	add(fieldMessage, "")
	text := string(joined)
	spans := r.spans(text, cut)
	for i := range spans {
		spans[i] = spans[i].narrow(text)
	}
	done := make([]bool, len(spans))
	for _, p := range parts {
		p.replace(spans, done)
	}
	for _, done := range done {
		if done {
			r.count(e, 1)
		}
	}
}

// part is a field in a joined text.
type part struct {
	text     *string
	from, to int
}

// narrow leaves out what stays at either end.
func (s span) narrow(text string) span {
	for s.by != "" && s.from < s.to && text[s.from] == s.by[0] {
		s.from, s.by = s.from+1, s.by[1:]
	}
	for s.by != "" && s.from < s.to && text[s.to-1] == s.by[len(s.by)-1] {
		s.to, s.by = s.to-1, s.by[:len(s.by)-1]
	}
	return s
}

// replace takes the spans out of a part. Of a span that reaches into several,
// what stands in its place is in the first.
func (p part) replace(spans []span, done []bool) {
	var clean []byte
	text, at := *p.text, 0
	for i, s := range spans {
		from, to := max(s.from, p.from)-p.from, min(s.to, p.to)-p.from
		if from >= to {
			continue
		}
		clean = append(clean, text[at:from]...)
		if !done[i] {
			clean = append(clean, s.by...)
		}
		at, done[i] = to, true
	}
	if at > 0 {
		*p.text = string(append(clean, text[at:]...))
	}
}

// Explanation is what Explain says of a rule.
type Explanation struct {
	Name, About string
	// Literals are the texts of which one has to be there; without any the
	// pattern is tried on every entry.
	Literals []string
	// Places is how often the rule has replaced something in the sample.
	Places int
}

// Explain tells of each rule what it is for, and what becomes of a sample that is
// a message of no instance in particular.
func (s *Set) Explain(sample string) (clean string, rules []Explanation) {
	if s == nil {
		return sample, nil
	}
	clean = sample
	for _, r := range s.rules {
		x := Explanation{Name: r.Name, About: r.Pattern}
		if r.builtin != nil {
			x.About, x.Literals = r.builtin.about, r.builtin.literals()
		} else {
			x.Literals = requiredLiterals(r.Pattern)
		}
		clean, x.Places = r.redact(clean, false)
		rules = append(rules, x)
	}
	return clean, rules
}

// Counts is how many places each rule has replaced, by its name.
func (s *Set) Counts() map[string]uint64 {
	counts := make(map[string]uint64)
	if s != nil {
		for _, r := range s.rules {
			counts[r.Name] = r.replaced.Load()
		}
	}
	return counts
}
