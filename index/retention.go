package index

import (
	"fmt"
	"time"
)

// KeepRule says how much is kept of some instances, in the place of
// Config.KeepFor and Config.KeepInstanceBytes.
type KeepRule struct {
	// Instances is a pattern as MatchInstance has it: "*/dev1".
	Instances string
	// For is how long entries are kept, Bytes about how much those of each
	// instance by itself may take on the disk; 0 is without a limit.
	For   time.Duration
	Bytes int64
}

func (r *KeepRule) validate() error {
	if err := CheckInstancePattern(r.Instances); err != nil {
		return err
	}
	if r.For < 0 || r.Bytes < 0 {
		return fmt.Errorf("the rule for %s keeps %v and %d bytes: both must be positive, or 0 for no limit", r.Instances, r.For, r.Bytes)
	}
	return nil
}

// keepOf is what is kept of an instance: the first rule that fits says, else the
// Config.
func (c *Config) keepOf(instance string) KeepRule {
	for _, r := range c.Keep {
		if MatchInstance(r.Instances, instance) {
			return r
		}
	}
	return KeepRule{For: c.KeepFor, Bytes: c.KeepInstanceBytes}
}

// Oldest is the earliest Received that is kept of an instance: what is older is
// not imported.
func (c *Config) Oldest(instance string, now time.Time) time.Time {
	if keep := c.keepOf(instance).For; keep > 0 {
		return now.Add(-keep)
	}
	return ImportStart
}

// longestKeep is after which time nothing is kept of any instance; 0 if never.
func (c *Config) longestKeep() time.Duration {
	longest := c.KeepFor
	for _, r := range c.Keep {
		if longest == 0 || r.For == 0 {
			return 0
		}
		longest = max(longest, r.For)
	}
	return longest
}

// expires tells whether anything is let go of at all, bounded whether its size
// matters for that.
func (c *Config) expires() (expires, bounded bool) {
	bounded = c.KeepBytes > 0 || c.KeepInstanceBytes > 0
	expires = c.KeepFor > 0 || bounded
	for _, r := range c.Keep {
		bounded = bounded || r.Bytes > 0
		expires = expires || r.For > 0 || r.Bytes > 0
	}
	return expires, bounded
}
