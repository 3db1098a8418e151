package rules

import (
	"fmt"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/filter"
	"github.com/tagtail/tagtail/ingest/rules/script"
)

// Explain says in a sentence for each rule what it will do.
func Explain(s *script.Script) []string {
	var x explainer
	for _, in := range s.Inputs {
		text := "Messages are received at " + in.URL
		if in.Ruleset != "" {
			text += ", for the ruleset " + in.Ruleset
		}
		x.say(in.At, text)
	}
	for _, set := range s.Rulesets {
		x.ruleset = ""
		if !strings.EqualFold(set.Name, s.Default) {
			x.ruleset = set.Name
		}
		x.body(set.Body, nil)
	}
	return x.sentences
}

// explainer gathers sentences.
type explainer struct {
	sentences []string
	ruleset   string
}

func (x *explainer) say(at script.Position, text string) {
	if x.ruleset != "" {
		text = "In the ruleset " + x.ruleset + ": " + text
	}
	x.sentences = append(x.sentences, fmt.Sprintf("%s: %s.", at, script.Printable(text)))
}

// body explains statements that are for the messages that all filters above
// match.
func (x *explainer) body(body []script.Statement, above []filter.Filter) {
	var done []string
	var at script.Position
	flush := func() {
		if len(done) > 0 {
			x.say(at, subject(above)+" "+join(done))
		}
		done = nil
	}
	for i := range body {
		s := &body[i]
		if s.Disabled {
			continue
		}
		if s.Filter != nil {
			flush()
			x.body(s.Then, append(above[:len(above):len(above)], s.Filter))
			if len(s.Else) > 0 {
				x.body(s.Else, append(above[:len(above):len(above)], filter.Not{Filter: s.Filter}))
			}
			continue
		}
		if len(done) == 0 {
			at = s.At
		}
		done = append(done, deed(s))
	}
	flush()
}

// deed is what an action does, in words.
func deed(s *script.Statement) string {
	switch {
	case s.Stop:
		return "goes through no further rule"
	case s.Call != "":
		return "goes through the ruleset " + s.Call
	}
	a := s.Action
	switch a.Kind {
	case script.Tag:
		if strings.Contains(a.Tag, "/") {
			return "is taken for " + a.Tag + " if nothing better says whose it is"
		}
		return "is taken for one of " + a.Tag + "'s if nothing better says whose it is"
	case script.Forward:
		return fmt.Sprintf("is forwarded to %s://%s as %s", a.Protocol, a.Target, a.Template.Name)
	}
	if a.PathTemplate != nil {
		return fmt.Sprintf("is written to a file of its own, %s, as %s", a.PathTemplate, a.Template.Name)
	}
	return fmt.Sprintf("is written to %s as %s", a.Path, a.Template.Name)
}

// subject is what the filters leave, in words.
func subject(list []filter.Filter) string {
	if len(list) == 0 {
		return "Every message"
	}
	all := list[0]
	for _, f := range list[1:] {
		all = filter.And{Left: all, Right: f}
	}
	if s, ok := all.(*filter.Selector); ok {
		return "What is of " + s.String()
	}
	return "If " + all.String() + ", a message"
}

// join lists deeds.
func join(deeds []string) string {
	if len(deeds) == 1 {
		return deeds[0]
	}
	return strings.Join(deeds[:len(deeds)-1], ", ") + ", and " + deeds[len(deeds)-1]
}
