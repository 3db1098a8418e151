package deploy

import (
	"regexp"
	"strconv"
	"strings"

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

var wordPattern = regexp.MustCompile(`[A-Za-z0-9]+`)

// Anonymous leaves the instance's own names and its port out of a text, so that
// two instances' texts can be compared.
func (in Instance) Anonymous(text string) string {
	if in.Prefix != "" {
		text = strings.ReplaceAll(text, in.Prefix, "PREFIX")
	}
	owner, port := in.Owner(), ""
	if in.Port != 0 {
		port = strconv.Itoa(in.Port)
	}
	if owner != "" && strings.ContainsAny(owner, "-_") {
		text = strings.ReplaceAll(text, owner, "OWNER")
	}
	return wordPattern.ReplaceAllStringFunc(text, func(word string) string {
		switch word {
		case owner:
			return "OWNER"
		case port:
			return "PORT"
		}
		return word
	})
}
