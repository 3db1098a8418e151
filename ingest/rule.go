package ingest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Rule names the instance of messages by their APP-NAME. It is a claim, no
// proof.
type Rule struct {
	// Pattern is a regular expression of package regexp, found anywhere in
	// the APP-NAME unless ^ and $ hold it.
	Pattern string
	// Instance is "service/owner", in which $1 or ${name} stand for the
	// pattern's groups.
	Instance string
}

type rule struct {
	pattern  *regexp.Regexp
	template string
	literal  bool // the template has no groups
}

var groupReference = regexp.MustCompile(`\$(?:\{(\w+)\}|(\w+))`)

func compileRule(r Rule) (rule, error) {
	pattern, err := regexp.Compile(r.Pattern)
	if err != nil {
		return rule{}, fmt.Errorf("rule %q: it is no regular expression: %w", r.Pattern, err)
	}
	for _, match := range groupReference.FindAllStringSubmatch(r.Instance, -1) {
		name := match[1] + match[2]
		n, err := strconv.Atoi(name)
		if err == nil && n > pattern.NumSubexp() || err != nil && pattern.SubexpIndex(name) < 0 {
			return rule{}, fmt.Errorf("rule %q: its instance %q uses the group %q, which the pattern lacks; write ${1} where letters follow", r.Pattern, r.Instance, name)
		}
	}
	literal := !strings.Contains(r.Instance, "$")
	if literal && !isInstanceName(r.Instance) {
		return rule{}, fmt.Errorf("rule %q: its instance %q has to be service/owner, such as git-server/$1", r.Pattern, r.Instance)
	}
	return rule{pattern: pattern, template: r.Instance, literal: literal}, nil
}

// apply returns the instance that the rule gives tag, or "".
func (r *rule) apply(tag string) string {
	match := r.pattern.FindStringSubmatchIndex(tag)
	if match == nil {
		return ""
	}
	if r.literal {
		return r.template
	}
	name := string(r.pattern.ExpandString(nil, r.template, tag, match))
	if !isInstanceName(name) {
		return ""
	}
	return name
}

const (
	// maxRuleTags bounds what is remembered of tags; strangers choose them.
	maxRuleTags = 4096
	// maxRuleTagBytes bounds a tag that rules look at.
	maxRuleTagBytes = 256
)

// ruleBook applies rules in order and remembers what came of each tag.
type ruleBook struct {
	rules []rule

	mu    sync.Mutex
	byTag map[string]string
}

func newRuleBook(rules []rule) *ruleBook {
	return &ruleBook{rules: rules, byTag: map[string]string{}}
}

// claim returns the instance of the first rule that gives one, or "".
func (b *ruleBook) claim(tag string) string {
	if len(b.rules) == 0 || len(tag) > maxRuleTagBytes {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	name, ok := b.byTag[tag]
	if ok {
		return name
	}
	for i := range b.rules {
		if name = b.rules[i].apply(tag); name != "" {
			break
		}
	}
	if len(b.byTag) >= maxRuleTags {
		clear(b.byTag)
	}
	b.byTag[strings.Clone(tag)] = name // the tag is part of an arena
	return name
}
