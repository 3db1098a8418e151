// Package script reads the rules of rsyslog.d: selectors, property filters and
// RainerScript, in the scope that docs/rules.md lists.
//
//	files → Read → Script: rulesets of statements, actions, inputs, and notes
//
// What is not understood is refused with its file and line, and what it would
// have done is left out: a filter that cannot be read never lets more through.
// What has no meaning here is warned of and passed over. Invariants: no text
// makes it panic; size, depth and number of everything are bounded. The package
// does nothing but read. Start reading at Read, then parser.statement.
package script

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"

	"github.com/tagtail/tagtail/ingest/rules/filter"
	"github.com/tagtail/tagtail/ingest/rules/message"
	"github.com/tagtail/tagtail/ingest/rules/template"
)

// Script is what was read.
type Script struct {
	// Rulesets are those with a name; the first, DefaultRuleset, takes every
	// message of an input that is bound to no other.
	Rulesets []*Ruleset
	// Default is the ruleset of inputs that name none.
	Default string
	Inputs  []Input
	Options message.Options
	// Actions are those of all statements, in the order of the files.
	Actions []*Action
	// Notes are what was refused and what was passed over.
	Notes []Note
	// Files are the names of those that were read.
	Files []string
}

// DefaultRuleset is rsyslog's name of the ruleset that is always there.
const DefaultRuleset = "RSYSLOG_DefaultRuleset"

// Position is a place in a file.
type Position struct {
	File string
	Line int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Note is a sentence about a place.
type Note struct {
	At Position
	// Refused tells that something is left out that was asked for; otherwise
	// it has no meaning here.
	Refused bool
	Text    string
}

func (n Note) String() string { return n.At.String() + ": " + n.Text }

// Printable is a text of a file as a terminal may have it: a control character
// becomes a question mark.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text)
}

// Ruleset is a list of statements that a message goes through.
type Ruleset struct {
	Name string
	Body []Statement
}

// Statement is one of: a filter with what is done, an action, the end of a
// message's way, or a call of a ruleset.
type Statement struct {
	At Position

	Filter     filter.Filter // nil for the others
	Then, Else []Statement

	Action *Action
	Stop   bool
	Call   string
	// Disabled tells that the statement, or its filter, was refused.
	Disabled bool
}

// Kind is what an action does.
type Kind uint8

// The kinds of actions.
const (
	File Kind = iota + 1
	Forward
	Tag
)

// Action is something that is done with a message.
type Action struct {
	At   Position
	Kind Kind
	// Template is how the message is written; nil for Tag.
	Template *template.Template

	// Path is the file's name; PathTemplate makes one for each message.
	Path         string
	PathTemplate *template.Template
	FileMode     fs.FileMode
	DirMode      fs.FileMode
	// Owner, Group, DirOwner and DirGroup are numbers, -1 leaves them.
	Owner, Group, DirOwner, DirGroup int
	CreateDirs                       bool
	// CacheSize is how many files of a PathTemplate are open at once.
	CacheSize int
	Sync      bool

	// Protocol is udp, tcp or relp, Target host:port.
	Protocol, Target string
	OctetCounted     bool
	// MaxBytes bounds the queue on disk; 0 is the default.
	MaxBytes int64
	// DropNewest drops new messages of a full queue, not old ones.
	DropNewest bool

	// Tag is "service/owner" or an owner.
	Tag string
}

// Input is a listener that the rules ask for.
type Input struct {
	At Position
	// URL is as Tagtail's own inputs are written.
	URL string
	// Name is what $inputname shows, or "".
	Name string
	// Ruleset is "" for the default.
	Ruleset string
}

// Limits of what is read.
const (
	maxFileBytes  = 1 << 20
	maxFiles      = 256
	maxDepth      = 32
	maxStatements = 10_000
	maxNotes      = 1_000
	maxActions    = 1_000
	// maxSteps is how many statements a message may go through, with those of
	// the rulesets that are called.
	maxSteps = 100_000
)

// Defaults of files, as rsyslog has them.
const (
	defaultFileMode  fs.FileMode = 0o644
	defaultDirMode   fs.FileMode = 0o700
	defaultCacheSize             = 10
	maxCacheSize                 = 10_000
)
