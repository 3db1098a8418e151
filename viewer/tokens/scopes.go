package tokens

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Scopes are what a token may be used for.
type Scopes uint8

// The scopes.
const (
	Read    Scopes = 1 << iota // search, tail, look
	Control                    // start, reload, deploy
	Push                       // git
	Ingest                     // send entries by HTTP

	AllScopes = Read | Control | Push | Ingest
)

var scopeNames = [...]string{"read", "control", "push", "ingest"}

// ParseScopes reads names with commas between them.
func ParseScopes(text string) (Scopes, error) {
	var scopes Scopes
	for name := range strings.SplitSeq(text, ",") {
		scope, err := parseScope(strings.TrimSpace(name))
		if err != nil {
			return 0, err
		}
		scopes |= scope
	}
	return scopes, nil
}

func parseScope(name string) (Scopes, error) {
	for i, known := range scopeNames {
		if name == known {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("%w: the scope %.40q is none of %s", ErrInvalid, name, AllScopes)
}

// Has tells whether all of the others are among them.
func (s Scopes) Has(others Scopes) bool { return others != 0 && s&others == others }

// names is never nil.
func (s Scopes) names() []string {
	names := []string{}
	for i, name := range scopeNames {
		if s.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

func (s Scopes) String() string { return strings.Join(s.names(), ", ") }

// MarshalJSON writes an array of names.
func (s Scopes) MarshalJSON() ([]byte, error) { return json.Marshal(s.names()) }

// UnmarshalJSON reads an array of names.
func (s *Scopes) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return err
	}
	*s = 0
	for _, name := range names {
		scope, err := parseScope(name)
		if err != nil {
			return err
		}
		*s |= scope
	}
	return nil
}
