package script

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/tagtail/tagtail/ingest/rules/template"
)

// action reads what is done with a message, in any of the notations, and adds
// it to list, unless off: then it belongs to a filter that was refused.
func (p *parser) action(at Position, list *[]Statement, off bool) {
	p.skip()
	if p.end() || p.peek() == '}' {
		p.refuse(at, "the action is missing")
		return
	}
	s := Statement{At: p.here()}
	if why := p.disableNext; why != "" {
		p.disableNext = ""
		p.refuse(s.At, why)
		off = true
	}
	ok, err := p.readAction(&s)
	if err != nil {
		p.refuse(s.At, err.Error())
		p.skipRemains()
		return
	}
	if !ok || off {
		return
	}
	if s.Action != nil && s.Action.Kind != Tag { // of $ActionQueue… the next action has it
		if s.Action.MaxBytes == 0 {
			s.Action.MaxBytes = p.nextMaxBytes
		}
		p.nextMaxBytes = 0
	}
	if s.Action != nil {
		if len(p.script.Actions) >= maxActions {
			p.refuse(s.At, fmt.Sprintf("there are more than %d actions; this one is left out", maxActions))
			return
		}
		s.Action.At = s.At
		p.script.Actions = append(p.script.Actions, s.Action)
	}
	*list = append(*list, s)
}

// skipRemains passes over what is left of a wrong action on its line.
func (p *parser) skipRemains() {
	for !p.end() && p.peek() != '\n' && p.peek() != '}' {
		if p.peek() == '{' { // what is in it is for fewer messages than all
			p.balanced(p.here())
			return
		}
		p.i++
	}
}

// readAction fills s. It returns false for what is nothing to do.
func (p *parser) readAction(s *Statement) (bool, error) {
	switch c := p.peek(); {
	case c == '/' || c == '?' || c == '@' || c == '~' || c == '|' || c == '^' || c == '>' || c == '*' || c == ':' || c == '-':
		return p.legacyAction(s)
	case p.atObject() && strings.EqualFold(p.word(), "action"):
		var err error
		s.Action, err = p.actionObject(s.At)
		return s.Action != nil, err
	}
	start, word := p.i, strings.ToLower(p.word())
	switch p.i += len(word); word {
	case "stop":
		s.Stop = true
		return true, p.endOfAction()
	case "continue":
		return false, nil
	case "call":
		p.skipBlanks()
		name, err := p.name()
		if err != nil {
			return false, err
		}
		s.Call = name
		p.calls = append(p.calls, call{s.At, name})
		return true, p.endOfAction()
	case "tag":
		if p.accept("=") {
			value, err := p.constant()
			if err != nil {
				return false, err
			}
			if s.Action, err = tagAction(value); err != nil {
				return false, err
			}
			return true, p.endOfAction()
		}
	case "set", "unset", "reset", "foreach", "call_indirect", "reload_lookup_table":
		return false, fmt.Errorf("%s is not supported", word)
	}
	p.i = start
	if p.atObject() {
		p.skipObject()
		return false, fmt.Errorf("%s() is not possible here", word)
	}
	return false, fmt.Errorf("%q is no action that is known", short(p.restOfLine()))
}

// name reads a word, or a text in quotes.
func (p *parser) name() (string, error) {
	if c := p.peek(); c == '"' || c == '\'' {
		name, err := p.constant()
		if err == nil && name == "" {
			err = errors.New("a name is missing")
		}
		return name, err
	}
	start := p.i
	for !p.end() && (isWordByte(p.peek()) || p.peek() == '-' || p.peek() == '.') {
		p.i++
	}
	if start == p.i {
		return "", errors.New("a name is missing")
	}
	return p.text[start:p.i], nil
}

// endOfAction makes sure that nothing else stands on the line: it would count
// for every message.
func (p *parser) endOfAction() error {
	p.skipBlanks()
	if c := p.peek(); p.end() || c == '\n' || c == '#' || c == '}' || c == '&' || strings.HasPrefix(p.rest(), "/*") || strings.EqualFold(p.word(), "else") {
		return nil
	}
	return fmt.Errorf("%q stands behind the action; the line is left out", short(p.restOfLine()))
}

// legacyAction reads an action of one sign.
func (p *parser) legacyAction(s *Statement) (bool, error) {
	start := p.i
	for !p.end() && strings.IndexByte(" \t\n;", p.peek()) < 0 {
		p.i++
	}
	text := p.text[start:p.i]
	var tpl string
	if p.peek() == ';' {
		p.i++
		begin := p.i
		for !p.end() && strings.IndexByte(" \t\n", p.peek()) < 0 {
			p.i++
		}
		tpl = p.text[begin:p.i]
	}
	if text[0] == '|' || text[0] == '^' || strings.HasPrefix(text, ":omusrmsg") || text[0] == '*' {
		p.skipLine()
	} else if err := p.endOfAction(); err != nil {
		return false, err
	}
	switch {
	case text == "~":
		s.Stop = true
		return true, nil
	case strings.HasPrefix(text, "@"):
		return true, p.legacyForward(s, text, tpl)
	case strings.HasPrefix(text, ":"):
		return p.legacyModule(s, text, tpl)
	case text[0] == '|' || text[0] == '*':
		p.warn(s.At, fmt.Sprintf("%s is passed over: Tagtail writes to no pipes and no terminals", text))
		return false, nil
	case text[0] == '^' || text[0] == '>':
		return false, fmt.Errorf("%s is not supported: Tagtail starts no programs for messages and writes to no databases", text)
	}
	return true, p.legacyFile(s, text, tpl)
}

func (p *parser) legacyFile(s *Statement, text, tpl string) error {
	a := p.reader.file
	a.Kind = File
	text = strings.TrimPrefix(text, "-")
	var err error
	if a.Template, err = p.fileTemplateNamed(tpl); err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(text, "?"); ok {
		if a.PathTemplate, err = p.pathTemplateNamed(name); err != nil {
			return err
		}
	} else if a.Path, err = safePath(text); err != nil {
		return err
	}
	s.Action = &a
	return nil
}

func (p *parser) fileTemplateNamed(name string) (*template.Template, error) {
	if name != "" {
		return p.templateNamed(name)
	}
	if p.fileTemplate != nil {
		return p.fileTemplate, nil
	}
	return p.templateNamed(template.FileDefault)
}

func (p *parser) pathTemplateNamed(name string) (*template.Template, error) {
	t, err := p.templateNamed(name)
	if err != nil {
		return nil, err
	}
	return t, t.CheckPath()
}

// safePath checks the name of a file that is always the same.
func safePath(path string) (string, error) {
	switch {
	case !filepath.IsAbs(path):
		return "", fmt.Errorf("the file %q is not an absolute path", path)
	case path != filepath.Clean(path):
		return "", fmt.Errorf("the file %q has . or .. or a slash too many in it; write %q", path, filepath.Clean(path))
	case strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/"):
		return "", fmt.Errorf("%q is no file of messages; Tagtail writes to no devices", path)
	case len(path) > 1024 || strings.ContainsFunc(path, unicode.IsControl):
		return "", fmt.Errorf("the file's name is not possible")
	}
	return path, nil
}

// legacyForward reads "@[@][(options)]host[:port]".
func (p *parser) legacyForward(s *Statement, text, tpl string) error {
	a := &Action{Kind: Forward, Protocol: "udp"}
	text = text[1:]
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		a.Protocol, text = "tcp", rest
	}
	if strings.HasPrefix(text, "(") {
		options, rest, ok := strings.Cut(text[1:], ")")
		if !ok {
			return fmt.Errorf("the options of %q are never closed", text)
		}
		for option := range strings.SplitSeq(options, ",") {
			switch {
			case option == "o":
				a.OctetCounted = true
			case strings.HasPrefix(option, "z"):
				p.warn(s.At, "messages are forwarded without compression")
			default:
				return fmt.Errorf("the option %q of forwarding is not supported", option)
			}
		}
		text = rest
	}
	host, port, err := splitTarget(text)
	if err != nil {
		return err
	}
	a.Target = net.JoinHostPort(host, port)
	if a.Template, err = p.forwardTemplateNamed(tpl, template.ForwardDefault); err != nil {
		return err
	}
	s.Action = a
	return nil
}

func (p *parser) forwardTemplateNamed(name, otherwise string) (*template.Template, error) {
	if name != "" {
		return p.templateNamed(name)
	}
	if p.forwardTemplate != nil {
		return p.forwardTemplate, nil
	}
	return p.templateNamed(otherwise)
}

// splitTarget splits "host", "host:port", "[::1]:port".
func splitTarget(text string) (host, port string, err error) {
	host, port = text, "514"
	if inside, rest, ok := strings.Cut(strings.TrimPrefix(text, "["), "]"); ok && strings.HasPrefix(text, "[") {
		host = inside
		if rest != "" {
			port = strings.TrimPrefix(rest, ":")
		}
	} else if h, p, ok := strings.Cut(text, ":"); ok {
		host, port = h, p
	}
	return host, port, checkTarget(host, port)
}

func checkTarget(host, port string) error {
	if host == "" || strings.ContainsAny(host, "/ ") {
		return fmt.Errorf("the host %q to forward to is not possible", host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("the port %q is not possible; a port is a number from 1 to 65535", port)
	}
	return nil
}

// isModuleAction tells whether text begins with ":module:".
func isModuleAction(text string) bool {
	name, _, ok := strings.Cut(text[1:], ":")
	return ok && name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

func (p *parser) legacyModule(s *Statement, text, tpl string) (bool, error) {
	name, rest, _ := strings.Cut(text[1:], ":")
	switch strings.ToLower(name) {
	case "omusrmsg":
		p.warn(s.At, "terminals of users are passed over: the page shows the messages")
		return false, nil
	case "omfile":
		if name, ok := strings.CutPrefix(rest, "$"); ok {
			rest = "?" + name
		}
		return true, p.legacyFile(s, rest, tpl)
	case "omrelp":
		if !strings.Contains(strings.TrimPrefix(rest, "["), ":") {
			rest += ":2514"
		}
		if err := p.legacyForward(s, "@"+rest, tpl); err != nil {
			return false, err
		}
		s.Action.Protocol = "relp"
		if tpl == "" && p.forwardTemplate == nil {
			s.Action.Template, _ = template.Named(template.RELPDefault)
		}
		return true, nil
	case "omdiscard":
		s.Stop = true
		return true, nil
	}
	return false, fmt.Errorf("the output module %s is not supported", name)
}

// tagAction is our own: it says whose the message is.
func tagAction(value string) (*Action, error) {
	service, owner, both := strings.Cut(value, "/")
	if !both {
		owner, service = service, "x"
	}
	if !isName(service) || !isName(owner) {
		return nil, fmt.Errorf("tag=%q is neither an owner, such as dev1, nor an instance, such as web/dev1", value)
	}
	return &Action{Kind: Tag, Tag: value}, nil
}

func isName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := isWordByte(c) && c != '_'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return true
}
