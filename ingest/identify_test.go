package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/index"
)

func identifier(t testing.TB, instances ...Instance) *Identifier {
	t.Helper()
	id, err := NewIdentifier(&Config{Instances: instances})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func identify(id *Identifier, tag string) string {
	e := index.Entry{AppName: tag}
	id.Identify(&e, new(Evidence))
	if (e.Instance == index.Unassigned) != (e.InstanceBy == index.ByNothing) {
		return fmt.Sprintf("%s by %s", e.Instance, e.InstanceBy)
	}
	return e.Instance
}

func TestKnownInstancesAreFoundByTheirTags(t *testing.T) {
	id := identifier(t,
		Instance{Name: "socketserver/dev1"},
		Instance{Name: "redis/dev1", Tags: []string{"redis-6381"}},
		Instance{Name: "chat/dev1", Tags: []string{"team1201", "odd_access"}})
	for tag, want := range map[string]string{
		"socketserver_dev1":        "socketserver/dev1",
		"socketserver-dev1":        "socketserver/dev1",
		"socketserver_dev1_access": "socketserver/dev1",
		"socketserver_dev1_error":  "socketserver/dev1",
		"redis-6381":               "redis/dev1",
		"team1201":                 "chat/dev1",
		"odd_access":               "chat/dev1",
		"socketserver_dev2":        index.Unassigned,
		"socketserver_dev10":       index.Unassigned,
		"socketserver/dev1":        index.Unassigned,
		"redis-6382":               index.Unassigned,
		"odd":                      index.Unassigned,
		"":                         index.Unassigned,
	} {
		if got := identify(id, tag); got != want {
			t.Errorf("%q: got %s, want %s", tag, got, want)
		}
	}
}

func TestATagThatFollowsFromTwoNamesStandsForNeither(t *testing.T) {
	id := identifier(t, Instance{Name: "a-b/c"}, Instance{Name: "a/b-c"}, Instance{Name: "x-y/z", Tags: []string{"x-y-z"}}, Instance{Name: "x/y-z"})
	for tag, want := range map[string]string{
		"a-b-c": index.Unassigned,
		"a-b_c": "a-b/c",
		"a_b-c": "a/b-c",
		"x-y-z": "x-y/z",
	} {
		if got := identify(id, tag); got != want {
			t.Errorf("%q: got %s, want %s", tag, got, want)
		}
	}
}

func TestTagsNameInstancesWhileNoneAreKnown(t *testing.T) {
	id := identifier(t)
	long := strings.Repeat("x", 65)
	for tag, want := range map[string]string{
		"socketserver_dev1":        "socketserver/dev1",
		"socketserver-dev1":        "socketserver/dev1",
		"socketserver_dev1_access": "socketserver/dev1",
		"my-game_dev1":             "my-game/dev1",
		"a.b_c.d":                  "a.b/c.d",
		"nginx":                    index.Unassigned,
		"_dev1":                    index.Unassigned,
		"socketserver_":            index.Unassigned,
		"../etc_passwd":            index.Unassigned,
		"x_..":                     index.Unassigned,
		"a/b_c":                    index.Unassigned,
		"spiel_müller":             index.Unassigned,
		"a\n_b":                    index.Unassigned,
		long + "_dev1":             index.Unassigned,
		"s_" + long:                index.Unassigned,
	} {
		if got := identify(id, tag); got != want {
			t.Errorf("%q: got %s, want %s", tag, got, want)
		}
	}
}

func TestNoMoreThanAThousandInstancesAreLearned(t *testing.T) {
	id := identifier(t)
	for i := range maxLearned {
		if got, want := identify(id, fmt.Sprintf("s_dev%d", i)), fmt.Sprintf("s/dev%d", i); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	for tag, want := range map[string]string{"s_one_more": index.Unassigned, "s_dev0": "s/dev0", "s_dev999_access": "s/dev999"} {
		if got := identify(id, tag); got != want {
			t.Errorf("%q: got %s, want %s", tag, got, want)
		}
	}
}

func TestInstancesCanBeReplaced(t *testing.T) {
	id := identifier(t)
	if got := identify(id, "a_b"); got != "a/b" {
		t.Fatalf("got %s", got)
	}
	if err := id.SetInstances([]Instance{{Name: "c/d"}}); err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"a_b": index.Unassigned, "c_d": "c/d"} {
		if got := identify(id, tag); got != want {
			t.Errorf("%q: got %s, want %s", tag, got, want)
		}
	}
	err := id.SetInstances([]Instance{{Name: "e/f"}, {Name: "bad"}})
	if err == nil || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("got %v", err)
	}
	if got := identify(id, "e_f"); got != index.Unassigned {
		t.Errorf("a refused change has an effect: got %s", got)
	}
}

func TestInstancesThatCannotBeAreRefused(t *testing.T) {
	for _, list := range [][]Instance{
		{{Name: "dev1"}},
		{{Name: "/dev1"}},
		{{Name: "a/b/c"}},
		{{Name: "a/../b"}},
		{{Name: "a/b", Tags: []string{"x"}}, {Name: "a/c", Tags: []string{"x"}}},
		{{Name: "a/b"}, {Name: "a/c", Tags: []string{"a_b"}}},
	} {
		if _, err := NewIdentifier(&Config{Instances: list}); err == nil {
			t.Errorf("%+v is accepted", list)
		}
	}
}

func TestIdentifyAllocatesNothing(t *testing.T) {
	known := identifier(t, Instance{Name: "a/b"})
	learning := identifier(t)
	var knownEvidence, learningEvidence Evidence
	e := index.Entry{AppName: "a_b_access"}
	unknown := index.Entry{AppName: "nginx"}
	n := testing.AllocsPerRun(100, func() {
		known.Identify(&e, &knownEvidence)
		known.Identify(&unknown, &knownEvidence)
		learning.Identify(&e, &learningEvidence)
		learning.Identify(&unknown, &learningEvidence)
	})
	if n != 0 {
		t.Errorf("got %v allocations", n)
	}
}
