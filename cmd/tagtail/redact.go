package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/ingest/redact"
)

// redactConfig is a rule for what is taken out of entries before they are kept:
// the name of a built-in one, or a pattern.
type redactConfig struct {
	// Name is what `/metrics` (`tagtail_redactions_total`) and errors call it by.
	Name string `yaml:"name"`
	// Pattern is a regular expression of RE2: all that it matches is replaced; it
	// should match a value that is cut off, too.
	Pattern string `yaml:"pattern"`
	// Replace is what stands there then, with `$1` for a group. Default:
	// `[redacted]`.
	Replace string `yaml:"replace"`
	// Instances are whose messages, with `*` for any name. Default: all.
	Instances []string `yaml:"instances"`
	// Services are the services whose messages. Default: all.
	Services []string `yaml:"services"`
	// Fields are of `message`, `structured_data`, `hostname`, `app_name`,
	// `proc_id` and `msg_id`. Default: all, because a sender's header may be
	// anything.
	Fields []string `yaml:"fields"`
}

// everyBuiltin stands for all built-in rules.
const everyBuiltin = "all"

// UnmarshalYAML reads a name alone, or all of it.
func (r *redactConfig) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&r.Name) == nil {
		return nil
	}
	type plain redactConfig
	var known map[string]any
	if err := unmarshal(&known); err != nil {
		return err
	}
	for key := range known {
		if keys := []string{"name", "pattern", "replace", "instances", "services", "fields"}; !slices.Contains(keys, key) {
			return fmt.Errorf("unknown field %q of a redact rule: there are %s", key, strings.Join(keys, ", "))
		}
	}
	return unmarshal((*plain)(r))
}

// redaction is what the configuration takes out of entries; nil if nothing.
func (c *config) redaction() (*redact.Set, error) {
	var rules []redact.Rule
	for _, r := range c.Redact {
		if r.Name == everyBuiltin && r.Pattern == "" {
			for _, name := range redact.Builtins() {
				rules = append(rules, redact.Rule{Name: name, Replace: r.Replace, Instances: r.Instances, Services: r.Services, Fields: r.Fields})
			}
			continue
		}
		rules = append(rules, redact.Rule(r))
	}
	return redact.Compile(rules)
}

// explainRedaction says what each rule does, and what becomes of a sample.
func (c *config) explainRedaction(words io.Writer, sample string, given bool) error {
	rules, err := c.redaction()
	if err != nil {
		return err
	}
	if given && rules == nil {
		return errors.New("there are no redact rules to try: put some into the configuration, such as redact: [passwords, authorization]")
	}
	clean, explained := rules.Explain(sample)
	for _, x := range explained {
		cost := "tried on every entry: a fixed word in the pattern would spare most"
		if len(x.Literals) > 0 {
			cost = "tried where an entry has " + strings.Join(x.Literals, ", ")
		}
		fmt.Fprintf(words, "redact %-16s %s; %s", x.Name, x.About, cost)
		if given {
			fmt.Fprintf(words, "; replaces %d in the sample", x.Places)
		}
		fmt.Fprintln(words)
	}
	if given {
		fmt.Fprintf(words, "%s\n", appendVisible(nil, clean))
	}
	return nil
}
