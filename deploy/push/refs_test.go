package push

import (
	"fmt"
	"strings"
	"testing"
)

const (
	zeros  = "0000000000000000000000000000000000000000"
	oldSHA = "1111111111111111111111111111111111111111"
	newSHA = "2222222222222222222222222222222222222222"
)

var (
	team       = []string{"dev1", "dev2"}
	dev1       = Person{Name: "dev1"}
	boss       = Person{Name: "boss", Admin: true}
	codeRepo   = Repository{Name: "socketserver", Kind: Code}
	ctrlRepo   = Repository{Name: "serverctrl", Kind: Control}
	sharedRepo = Repository{Name: "lib", Kind: Library}
)

func changes(refs ...string) []update {
	var list []update
	for _, ref := range refs {
		list = append(list, update{oldSHA, newSHA, ref})
	}
	return list
}

func deletion(ref string) []update { return []update{{zeros, zeros, ref}} }

func TestOwnBranchAndControlRefsAreLetThrough(t *testing.T) {
	tests := []struct {
		person  Person
		repo    Repository
		updates []update
	}{
		{dev1, codeRepo, changes("refs/heads/dev1")},
		{dev1, ctrlRepo, changes("refs/heads/dev1")},
		{boss, codeRepo, changes("refs/heads/dev1", "refs/heads/dev2", "refs/heads/master")},
		{boss, ctrlRepo, changes("refs/heads/master")},
		{boss, sharedRepo, changes("refs/heads/master")},
		{dev1, codeRepo, deletion("refs/control/up")},
		{dev1, codeRepo, deletion("refs/control/rollback")},
		{dev1, ctrlRepo, deletion("refs/control/restart")},
	}
	for _, test := range tests {
		if err := checkUpdates(test.person, test.repo, team, test.updates); err != nil {
			t.Errorf("%s to %s, %v: %v", test.person.Name, test.repo.Name, test.updates, err)
		}
	}
}

func TestEveryOtherRefIsRefusedWithItsReason(t *testing.T) {
	many := make([]string, MaxRefs+1)
	for i := range many {
		many[i] = fmt.Sprintf("refs/heads/dev%d", i)
	}
	tests := map[string]struct {
		person  Person
		repo    Repository
		updates []update
		says    string
	}{
		"nothing":             {dev1, codeRepo, nil, "without an update"},
		"too many":            {boss, codeRepo, changes(many...), "changes 21 refs: push at most 20"},
		"other's branch":      {dev1, codeRepo, changes("refs/heads/dev2"), "the branch dev2 is not yours: push your own, dev1"},
		"one of two":          {dev1, codeRepo, changes("refs/heads/dev1", "refs/heads/dev2"), "dev2 is not yours"},
		"base branch":         {dev1, ctrlRepo, changes("refs/heads/master"), "only administrators push master"},
		"unknown developer":   {boss, codeRepo, changes("refs/heads/dev9"), "there is no developer dev9: the branches are dev1, dev2, master"},
		"tag":                 {boss, codeRepo, changes("refs/tags/dev1"), "is a tag"},
		"deletion":            {dev1, codeRepo, deletion("refs/heads/dev1"), "refs are not deleted here"},
		"deletion of a tag":   {boss, codeRepo, deletion("refs/tags/x"), "refs are not deleted here"},
		"library":             {dev1, sharedRepo, changes("refs/heads/master"), "only administrators push to lib"},
		"library's branch":    {boss, sharedRepo, changes("refs/heads/dev1"), "lib has the branch master only"},
		"library's command":   {boss, sharedRepo, deletion("refs/control/up"), "lib takes no commands"},
		"unknown verb":        {dev1, codeRepo, deletion("refs/control/kill"), "is no command of socketserver: there are start, stop"},
		"verb and a path":     {dev1, codeRepo, deletion("refs/control/up/dev2"), "is no command"},
		"rollback of no code": {dev1, ctrlRepo, deletion("refs/control/rollback"), "is no command of serverctrl"},
		"stored control ref":  {dev1, codeRepo, changes("refs/control/up"), "cannot be stored: delete it, as in git push origin :refs/control/up"},
		"control and others":  {dev1, codeRepo, append(deletion("refs/control/up"), changes("refs/heads/dev1")...), "is pushed alone"},
		"two controls":        {dev1, codeRepo, append(deletion("refs/control/up"), deletion("refs/control/stop")...), "is pushed alone"},
		"who has no instance": {boss, codeRepo, deletion("refs/control/stop"), "boss has no instances to stop"},
		"nobody":              {Person{}, codeRepo, changes("refs/heads/dev1"), "is not yours"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := checkUpdates(test.person, test.repo, team, test.updates)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want %q", err, test.says)
			}
		})
	}
}

func TestHostileRefNamesAreRefusedEvenForAdministrators(t *testing.T) {
	for _, ref := range []string{
		"refs/heads/-x", "refs/heads/--upload-pack=id", "refs/heads/$(id)", "refs/heads/;id", "refs/heads/a'b\"c", "refs/heads/a<b>",
		"refs/heads/中文", "refs/heads/HEAD", "HEAD", "refs/foo/x", "refs/heads/x/dev1", "refs/heads/dev1/x", "refs/heads/Dev1",
		"refs/heads/dev1 ", "refs/heads/dev1\n", "refs/heads/", "refs/heads", "dev1", "refs/remotes/origin/dev1", "refs/heads/../dev1",
		"refs/heads/dev1\x00", "refs/notes/commits", "refs/replace/" + newSHA, "refs/heads/" + strings.Repeat("a", 33), "refs//heads/dev1",
		"refs/control/", "refs/control/../heads/dev1", "refs/control/reload\n", "",
	} {
		for _, updates := range [][]update{changes(ref), deletion(ref)} {
			err := checkUpdates(boss, codeRepo, team, updates)
			if err == nil {
				t.Errorf("%q is let through", ref)
			} else if strings.ContainsAny(err.Error(), "\n\x00\x1b") {
				t.Errorf("%q is shown raw: %q", ref, err)
			}
		}
	}
}

func TestLinesThatGitDoesNotWriteAreRefused(t *testing.T) {
	for _, line := range []string{
		"", "x", oldSHA + " " + newSHA, oldSHA + " " + newSHA + " ", "1 2 refs/heads/dev1", strings.ToUpper("a"+oldSHA[1:]) + " " + newSHA + " refs/heads/dev1",
		"HEAD HEAD refs/heads/dev1", oldSHA + "  " + newSHA + " refs/heads/dev1",
	} {
		if u, err := parseUpdate(line); err == nil {
			t.Errorf("%q is read as %+v", line, u)
		}
	}
	if u, err := parseUpdate(oldSHA + " " + newSHA + " refs/heads/a b"); err != nil || u.ref != "refs/heads/a b" {
		t.Errorf("a ref with a space is %+v %v", u, err)
	}
}
