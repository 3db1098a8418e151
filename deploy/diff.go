package deploy

import (
	"regexp"

	"github.com/rogpeppe/go-internal/diff"
)

var generationPattern = regexp.MustCompile(`(\blisten unix:/\S+/run/probe\.sock; .*\breturn 200 ")[0-9a-f]{12}(";)`)

// Diff shows how a configuration changes, as diff -u does; nothing if it does
// not. The generation of which the probe tells is another one in each, and left
// out.
func Diff(fromName string, from []byte, toName string, to []byte) string {
	const left = "${1}generation${2}"
	from, to = generationPattern.ReplaceAll(from, []byte(left)), generationPattern.ReplaceAll(to, []byte(left))
	return string(diff.Diff(fromName, from, toName, to))
}
