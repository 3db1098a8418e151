package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
)

// retention is how much is kept, as index.Config has it: 0 is without a limit.
type retention struct {
	age                  time.Duration
	bytes, instanceBytes int64
	rules                []index.KeepRule
}

// retentionConfig is what is kept of some instances.
type retentionConfig struct {
	// Instances is a pattern, such as `*/dev1` or `socketserver/*`.
	Instances string `yaml:"instances"`
	// Keep is the age at which their entries are let go of. Default: that of all.
	Keep *string `yaml:"keep"`
	// KeepBytes is what each of them may take. Default: `keep_instance_bytes`.
	KeepBytes *string `yaml:"keep_bytes"`
}

// retention reads what the configuration says of it.
func (c *config) retention() (r retention, err error) {
	if r.age, err = parseAge(c.Keep); err != nil {
		return retention{}, fmt.Errorf("keep %q %w", c.Keep, err)
	}
	if r.bytes, err = parseSize(c.KeepBytes); err != nil {
		return retention{}, fmt.Errorf("keep_bytes %q %w", c.KeepBytes, err)
	}
	if r.instanceBytes, err = parseSize(c.KeepInstanceBytes); err != nil {
		return retention{}, fmt.Errorf("keep_instance_bytes %q %w", c.KeepInstanceBytes, err)
	}
	for i := range c.Retention {
		rule, err := c.Retention[i].rule(&r)
		if err != nil {
			return retention{}, fmt.Errorf("retention[%d]: %w", i, err)
		}
		r.rules = append(r.rules, rule)
	}
	return r, nil
}

// rule is the rule, with what is kept of all where it does not say.
func (c *retentionConfig) rule(all *retention) (rule index.KeepRule, err error) {
	rule = index.KeepRule{Instances: c.Instances, For: all.age, Bytes: all.instanceBytes}
	if err := index.CheckInstancePattern(c.Instances); err != nil {
		return rule, fmt.Errorf("instances: %w", err)
	}
	if c.Keep == nil && c.KeepBytes == nil {
		return rule, fmt.Errorf("the rule for %s says nothing: give it keep, keep_bytes or both", c.Instances)
	}
	if c.Keep != nil {
		if rule.For, err = parseAge(*c.Keep); err != nil {
			return rule, fmt.Errorf("keep %q %w", *c.Keep, err)
		}
	}
	if c.KeepBytes != nil {
		if rule.Bytes, err = parseSize(*c.KeepBytes); err != nil {
			return rule, fmt.Errorf("keep_bytes %q %w", *c.KeepBytes, err)
		}
	}
	return rule, nil
}

// explainRetention says of each rule what it keeps, and of which known instances.
func (c *config) explainRetention(words io.Writer, names []string) error {
	keep, err := c.retention()
	if err != nil {
		return err
	}
	taken := make(map[string]bool)
	for i, rule := range keep.rules {
		fits := "no instance that is known now"
		var list []string
		for _, name := range names {
			if !taken[name] && index.MatchInstance(rule.Instances, name) {
				taken[name] = true
				list = append(list, name)
			}
		}
		if len(list) > 0 {
			fits = strings.Join(list, ", ")
		}
		for _, earlier := range keep.rules[:i] {
			if earlier.Instances == rule.Instances || earlier.Instances == "*" {
				return fmt.Errorf("retention[%d] for %s never applies, because the rule for %s before it fits first: put it further up", i, rule.Instances, earlier.Instances)
			}
		}
		fmt.Fprintf(words, "keep %-18s %s; fits %s\n", rule.Instances, describeKeep(rule.For, rule.Bytes, " each"), fits)
	}
	if len(keep.rules) > 0 {
		fmt.Fprintf(words, "keep %-18s %s\n", "all others", describeKeep(keep.age, keep.instanceBytes, " each"))
		if keep.bytes > 0 {
			fmt.Fprintf(words, "keep %-18s %s\n", "in all", describeKeep(0, keep.bytes, ": past that the largest instance loses its oldest, whatever rule it has"))
		}
	}
	return nil
}

func describeKeep(age time.Duration, bytes int64, each string) string {
	text := "for ever"
	if age >= 24*time.Hour && age%(24*time.Hour) == 0 {
		text = fmt.Sprintf("%dd", age/(24*time.Hour))
	} else if age > 0 {
		text = age.String()
	}
	if bytes > 0 {
		text += fmt.Sprintf(", %.4g MB%s", float64(bytes)/1e6, each)
	}
	return text
}

// indexConfig is the configuration of the store.
func (c *config) indexConfig(logger *slog.Logger) (index.Config, error) {
	keep, err := c.retention()
	if err != nil {
		return index.Config{}, err
	}
	mode, err := index.ParseSyncMode(c.Sync)
	return index.Config{
		Dir: filepath.Join(c.Data, "logs"), Logger: logger, Sync: mode,
		KeepFor: keep.age, KeepBytes: keep.bytes, KeepInstanceBytes: keep.instanceBytes,
		Keep: keep.rules,
	}, err
}

// parseAge reads days and weeks beside what time.ParseDuration does.
func parseAge(text string) (time.Duration, error) {
	bad := errors.New("is not an age: give one such as 14d, 12h or 8w, or 0 to keep everything")
	text = strings.TrimSpace(text)
	if text == "" || text == "0" {
		return 0, nil
	}
	unit := time.Duration(0)
	switch text[len(text)-1] {
	case 'd':
		unit = 24 * time.Hour
	case 'w':
		unit = 7 * 24 * time.Hour
	}
	if unit == 0 {
		age, err := time.ParseDuration(text)
		if err != nil || age < 0 {
			return 0, bad
		}
		return age, nil
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	if err != nil || time.Duration(n) > math.MaxInt64/unit {
		return 0, bad
	}
	return time.Duration(n) * unit, nil
}

// parseSize reads a number of bytes with a unit: KB, MB, GB, TB are powers of
// 1,000, KiB, MiB, GiB, TiB of 1,024.
func parseSize(text string) (int64, error) {
	bad := errors.New("is not a size: give one such as 500MB, 10GB or 1.5TB, or 0 for no limit")
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, nil
	}
	number := strings.TrimRight(text, "BKMGTIbkmgti ")
	factor, known := map[string]float64{
		"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	}[strings.ToLower(strings.TrimSpace(text[len(number):]))]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || n < 0 || !(n*factor < math.MaxInt64) {
		return 0, bad
	}
	return int64(n * factor), nil
}
