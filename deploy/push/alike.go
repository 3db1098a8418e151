package push

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tagtail/tagtail/deploy"
)

const (
	// manyOrders of one push are shown by kind: one in full, the others by name.
	manyOrders = 3
	// maxAlikeNames are listed of those that went the same way.
	maxAlikeNames = 5
)

// alike are jobs that printed the same, but for names and numbers.
type alike struct {
	key    string
	failed bool
	shown  string   // the instance whose output is on the terminal
	others []string // the others
}

// alikes are the kinds of a push, in the order in which they were met.
type alikes struct{ list []*alike }

// add notes a job and tells whether it is the first of its kind.
func (a *alikes) add(instance, key string, failed bool) bool {
	key = fmt.Sprint(failed, " ", key)
	for _, kind := range a.list {
		if kind.key == key {
			kind.others = append(kind.others, instance)
			return false
		}
	}
	a.list = append(a.list, &alike{key: key, failed: failed, shown: instance})
	return true
}

// lines tell of those that are not shown.
func (a *alikes) lines() []string {
	var lines []string
	for _, kind := range a.list {
		if len(kind.others) == 0 {
			continue
		}
		line := fmt.Sprintf("as %s, and done: %s", kind.shown, NameList(kind.others))
		if kind.failed {
			line = fmt.Sprintf("FAILED as %s: %s", kind.shown, NameList(kind.others))
		}
		lines = append(lines, line)
	}
	return lines
}

// NameList names the first of many.
func NameList(names []string) string {
	if len(names) <= maxAlikeNames+1 { // one more is as short as its count
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, … (%d more)", strings.Join(names[:maxAlikeNames], ", "), len(names)-maxAlikeNames)
}

var (
	digits      = regexp.MustCompile(`\b[0-9a-f]{12}\b|\d+`) // a generation, or a number
	numberLists = regexp.MustCompile(`N(?:, N)+`)
)

// alikeKey is what an output is about. In a diff the changed lines count, and
// each number in them but the instance's port; elsewhere no number does, nor what
// differs from one reload to the next.
func alikeKey(in deploy.Instance, lines []string) string {
	var b strings.Builder
	b.WriteString(in.Service() + "\n")
	for _, line := range lines {
		switch {
		case line == "", line[0] == ' ', strings.HasPrefix(line, "@@"), strings.HasPrefix(line, "still finishing their requests"):
			continue
		case line[0] != '+' && line[0] != '-':
			line = numberLists.ReplaceAllString(digits.ReplaceAllString(in.Anonymous(line), "N"), "N")
		default:
			line = in.Anonymous(line)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
