package deploy

import (
	"errors"
	"fmt"

	"github.com/tagtail/tagtail/deploy/pyliteral"
	"github.com/tagtail/tagtail/deploy/template"
)

// Problem is something wrong in the serverctrl files, and where.
type Problem struct {
	File      string // base name
	Line, Col int    // from 1; 0 if the file as a whole is meant
	Text      string
	// Warning marks what is odd and hinders nothing.
	Warning bool
}

func (p Problem) Error() string {
	text := p.Text
	if p.Warning {
		text = "warning: " + text
	}
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, text)
}

// problemOf makes an error of reading file a Problem, with its position if it
// has one.
func problemOf(file string, err error) Problem {
	var literal *pyliteral.Error
	var templ *template.Error
	var placed Problem
	switch {
	case errors.As(err, &placed):
		return placed
	case errors.As(err, &literal):
		return Problem{File: literal.Name, Line: literal.Line, Col: literal.Col, Text: literal.Msg}
	case errors.As(err, &templ):
		return Problem{File: templ.Name, Line: templ.Line, Col: templ.Col, Text: templ.Msg}
	}
	return Problem{File: file, Text: err.Error()}
}
