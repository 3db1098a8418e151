package push

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/deploy"
)

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{7,40}$`)
)

// Upgrade is the command UP of a service's repository.
type Upgrade struct {
	// Rev is the branch or the commit to deploy; empty means the branch that
	// was pushed.
	Rev string
}

// ParseUpgrade reads the first line of a commit's message: exactly UP,
// UP BRANCH or UP COMMIT. Anything else is an ordinary push. hint is a sentence
// about what looks like a mistyped command.
func ParseUpgrade(subject string) (u Upgrade, ok bool, hint string) {
	if subject == "UP" {
		return Upgrade{}, true, ""
	}
	rev, found := strings.CutPrefix(subject, "UP ")
	if found && (namePattern.MatchString(rev) || commitPattern.MatchString(rev)) {
		return Upgrade{rev}, true, ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(subject), " ")
	if strings.EqualFold(first, "UP") || strings.HasPrefix(first, "UP") {
		hint = fmt.Sprintf("%s is no command, so nothing is deployed: the first line must be exactly UP, UP BRANCH or UP COMMIT", quote(subject))
	}
	return Upgrade{}, false, hint
}

// Signal is a command of the repository serverctrl.
type Signal struct {
	Action deploy.Action
	// Services are those that were named; none means all of OpenResty.
	Services []string
}

// signals are the actions that a commit's message can ask for.
func signals() []deploy.Action {
	return []deploy.Action{deploy.Start, deploy.Stop, deploy.Quit, deploy.Reopen, deploy.Reload, deploy.Restart}
}

// ParseSignal reads the first line of a commit's message: exactly one of the
// actions, and the services' names after it, each after one space. hint is a
// sentence about what is not, which on a developer's branch has no other use.
func ParseSignal(subject string) (s Signal, ok bool, hint string) {
	hint = fmt.Sprintf("%s is no command: the first line must be exactly one of %s, and may name services after it", quote(subject), wordList(signals()))
	words := strings.Split(subject, " ")
	if !slices.Contains(signals(), deploy.Action(words[0])) {
		return Signal{}, false, hint
	}
	s.Action = deploy.Action(words[0])
	for _, service := range words[1:] {
		if !namePattern.MatchString(service) {
			return Signal{}, false, hint
		}
		if !slices.Contains(s.Services, service) {
			s.Services = append(s.Services, service)
		}
	}
	return s, true, ""
}

func wordList[T ~string](words []T) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return strings.Join(list, ", ")
}

// quote shows what a stranger wrote: on one line, of bounded length, without
// control characters.
func quote(text string) string {
	const limit = 60
	runes := []rune(strings.ToValidUTF8(text, "\ufffd"))
	if len(runes) > limit {
		return fmt.Sprintf("%q…", string(runes[:limit]))
	}
	return fmt.Sprintf("%q", string(runes))
}
