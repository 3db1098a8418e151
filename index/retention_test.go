package index

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPatternsOfInstancesStandForNames(t *testing.T) {
	for pattern, names := range map[string][2]string{ // that it fits, and that it does not
		"*": {"a/b unassigned", ""}, "a/b": {"a/b", "a/bc ab xa/b"}, "*/dev1": {"a/dev1 a/b/dev1", "a/dev10 dev1"},
		"a/*": {"a/b a/", "b/a aa/b"}, "a*b*c": {"abc a/b/c abbc", "ab acb abcd"}, "**": {"x", ""}, "unassigned": {"unassigned", "a/unassigned"},
	} {
		for _, name := range strings.Fields(names[0]) {
			if !MatchInstance(pattern, name) {
				t.Errorf("%s does not fit %s", pattern, name)
			}
		}
		for _, name := range strings.Fields(names[1]) {
			if MatchInstance(pattern, name) {
				t.Errorf("%s fits %s", pattern, name)
			}
		}
	}
	for _, pattern := range []string{"", "a b", "a?", "[a]"} {
		if CheckInstancePattern(pattern) == nil {
			t.Errorf("%q is a pattern", pattern)
		}
	}
}

func TestFirstRuleThatFitsSaysHowLongAnInstanceIsKept(t *testing.T) {
	clock := newClock()
	day := 24 * time.Hour
	cfg := Config{Dir: t.TempDir(), KeepFor: 2 * day, now: clock.now, Keep: []KeepRule{
		{Instances: "*/dev1", For: day}, {Instances: "web/*", For: 4 * day}, {Instances: "mysql/shared"},
	}}
	s := openStore(t, cfg)
	for _, instance := range []string{"web/dev1", "web/dev2", "api/dev2", "mysql/shared"} {
		sealedMessages(t, s, instance, instance)
	}
	for _, step := range []struct {
		after time.Duration
		left  []string
	}{
		{day - time.Minute, []string{"web/dev1", "web/dev2", "api/dev2", "mysql/shared"}},
		{2 * time.Minute, []string{"web/dev2", "api/dev2", "mysql/shared"}},
		{day, []string{"web/dev2", "mysql/shared"}},
		{2 * day, []string{"mysql/shared"}},
		{400 * day, []string{"mysql/shared"}},
	} {
		clock.at = clock.at.Add(step.after)
		keep(t, s)
		wantMessages(t, s, fmt.Sprint("after another ", step.after), step.left...)
	}
	// A rule that has changed counts from the next start on.
	closeStore(t, s)
	cfg.Keep = cfg.Keep[:2]
	s = openStore(t, cfg)
	keep(t, s)
	wantMessages(t, s, "without its rule")
	if left, err := os.ReadDir(filepath.Join(cfg.Dir, "days")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, error %v", left, err)
	}
}

func TestRuleBoundsEachOfItsInstancesByItself(t *testing.T) {
	s := openStore(t, Config{Dir: t.TempDir(), HeadEntries: 2, HeadBytes: 10 << 10, KeepInstanceBytes: 55 << 10, Keep: []KeepRule{
		{Instances: "*/small", Bytes: 30 << 10}, {Instances: "*/any"},
	}})
	names := []string{"a/small", "b/small", "a/other", "a/any"}
	for n := range 8 {
		for i, name := range names {
			appendMessages(t, s, name, incompressible(10<<10, n*10+i))
		}
	}
	sealAll(t, s)
	keep(t, s)
	want := map[string][2]uint64{"a/small": {1, 2}, "b/small": {1, 2}, "a/other": {3, 5}, "a/any": {8, 8}}
	for _, stats := range s.Instances() {
		if w := want[stats.Instance]; stats.Entries < w[0] || stats.Entries > w[1] {
			t.Errorf("%s has %d entries, want %d to %d", stats.Instance, stats.Entries, w[0], w[1])
		}
	}
}

func TestUnreadableBlockStaysAsLongAsAnyRuleKeeps(t *testing.T) {
	clock := newClock()
	cfg := Config{Dir: t.TempDir(), KeepFor: time.Hour, now: clock.now, Keep: []KeepRule{{Instances: "a/b", For: 96 * time.Hour}}}
	s := openStore(t, cfg)
	sealedMessages(t, s, "a/b", "x")
	closeStore(t, s)
	path := glob(t, cfg.Dir, "days/*/*.block")[0]
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, cfg)
	for _, step := range []struct {
		after time.Duration
		there bool
	}{{72 * time.Hour, true}, {72 * time.Hour, false}} {
		clock.at = clock.at.Add(step.after)
		keep(t, s)
		if _, err := os.Stat(path); (err == nil) != step.there {
			t.Errorf("%s after another %v: %v, want there %t", filepath.Base(path), step.after, err, step.there)
		}
	}
}

func TestBadKeepRuleIsRefused(t *testing.T) {
	for _, r := range []KeepRule{{Instances: "a b"}, {Instances: "a/b", For: -1}, {Instances: "a/b", Bytes: -1}} {
		if _, err := Open(Config{Dir: t.TempDir(), Keep: []KeepRule{r}}); err == nil || !strings.Contains(err.Error(), "rule 0 of Keep") {
			t.Errorf("error of %+v = %v", r, err)
		}
	}
}
