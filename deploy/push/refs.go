package push

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tagtail/tagtail/deploy"
)

// MaxRefs is how many refs one push may change.
const MaxRefs = 20

// update is one line that git gives its hooks.
type update struct {
	old, new string // all digits of the commits; zeros if there is none
	ref      string
}

var hashPattern = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// parseUpdate reads "OLD NEW REF". A ref may hold nearly any byte but a space.
func parseUpdate(line string) (update, error) {
	parts := strings.SplitN(line, " ", 3)
	if len(parts) != 3 || !hashPattern.MatchString(parts[0]) || !hashPattern.MatchString(parts[1]) || parts[2] == "" {
		return update{}, refusef("git's hook was called with %s, which is no update of a ref", quote(line))
	}
	return update{parts[0], parts[1], parts[2]}, nil
}

func (u update) deletes() bool { return strings.Trim(u.new, "0") == "" }

// branch is the name below refs/heads, if it can be one of ours.
func (u update) branch() string {
	name, ok := strings.CutPrefix(u.ref, "refs/heads/")
	if !ok || !namePattern.MatchString(name) {
		return ""
	}
	return name
}

// controlPrefix begins the refs whose deletion is a command: deleting a ref
// that does not exist stores nothing and runs pre-receive each time, so that it
// needs no commit.
const controlPrefix = "refs/control/"

// verb is the command of a control ref, or nothing.
func (u update) verb() string {
	verb, ok := strings.CutPrefix(u.ref, controlPrefix)
	if !ok {
		return ""
	}
	return verb
}

// Verbs of control refs beside the signals.
const (
	verbUp       = "up"
	verbRollback = "rollback"
)

// verbs lists the control refs that a repository takes.
func (r Repository) verbs() []string {
	var list []string
	for _, action := range signals() {
		list = append(list, string(action))
	}
	switch r.Kind {
	case Code:
		return append(list, verbUp, verbRollback)
	case Control:
		return append(list, verbUp)
	default:
		return nil
	}
}

// refusal is why a push or its command is not carried out: one sentence.
type refusal struct{ sentence string }

func (r *refusal) Error() string { return r.sentence }

func refusef(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// checkUpdates decides about all updates of a push at once. owners are the
// people with instances.
func checkUpdates(p Person, r Repository, owners []string, updates []update) error {
	if len(updates) == 0 {
		return refusef("git's hook was called without an update")
	}
	if len(updates) > MaxRefs {
		return refusef("this push changes %d refs: push at most %d at once", len(updates), MaxRefs)
	}
	if r.Kind == Library && !p.Admin {
		return refusef("only administrators push to %s", r.Name)
	}
	controls := 0
	for _, u := range updates {
		if err := checkUpdate(p, r, owners, u); err != nil {
			return err
		}
		if u.verb() != "" {
			controls++
		}
	}
	if controls > 0 && len(updates) > 1 {
		return refusef("a ref below %s is pushed alone: push the others without it", controlPrefix)
	}
	return nil
}

func checkUpdate(p Person, r Repository, owners []string, u update) error {
	if strings.HasPrefix(u.ref, controlPrefix) {
		return checkControl(p, r, owners, u)
	}
	branch := u.branch()
	switch {
	case u.deletes():
		return refusef("%s stays: refs are not deleted here", quote(u.ref))
	case strings.HasPrefix(u.ref, "refs/tags/"):
		return refusef("%s is a tag, and tags are not taken here: push a branch", quote(u.ref))
	case branch == "":
		return refusef("%s is no branch of a developer: push to refs/heads/NAME, where NAME is one of %s", quote(u.ref), branchList(owners))
	case branch != Base && !slices.Contains(owners, branch):
		return refusef("there is no developer %s: the branches are %s", branch, branchList(owners))
	case p.Admin:
		if r.Kind == Library && branch != Base {
			return refusef("%s has the branch %s only", r.Name, Base)
		}
		return nil
	case branch == Base:
		return refusef("only administrators push %s: push your own branch, %s", Base, p.Name)
	case branch != p.Name:
		return refusef("the branch %s is not yours: push your own, %s", branch, p.Name)
	}
	return nil
}

func checkControl(p Person, r Repository, owners []string, u update) error {
	verbs := r.verbs()
	switch {
	case !slices.Contains(verbs, u.verb()) && len(verbs) == 0:
		return refusef("%s takes no commands", r.Name)
	case !slices.Contains(verbs, u.verb()):
		return refusef("%s is no command of %s: there are %s", quote(u.ref), r.Name, wordList(verbs))
	case !u.deletes():
		return refusef("%s cannot be stored: delete it, as in git push origin :%s%s", quote(u.ref), controlPrefix, u.verb())
	case !slices.Contains(owners, p.Name):
		return refusef("%s has no instances to %s", p.Name, u.verb())
	}
	return nil
}

func branchList(owners []string) string {
	return strings.Join(append(slices.Clone(owners), Base), ", ")
}

// isSignal tells whether a verb of a control ref is one.
func isSignal(verb string) bool { return slices.Contains(signals(), deploy.Action(verb)) }
