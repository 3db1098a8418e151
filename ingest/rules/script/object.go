package script

import (
	"fmt"
	"io/fs"
	"net"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/template"
)

// object is NAME(key="value" …) of RainerScript.
type object struct {
	params []param
}

type param struct {
	key    string // in lower case
	value  string
	used   bool
	values []string // of a list
}

// get returns a parameter, "" if it is missing, and notes that it was seen.
func (o *object) get(key string) string {
	for i := range o.params {
		if o.params[i].key == key {
			o.params[i].used = true
			return o.params[i].value
		}
	}
	return ""
}

// atObject tells whether a name and a parenthesis come next, but no "if (".
func (p *parser) atObject() bool {
	w := p.word()
	switch strings.ToLower(w) {
	case "", "if", "not", "stop", "and", "or", "else", "then":
		return false
	}
	return strings.HasPrefix(strings.TrimLeft(p.text[p.i+len(w):], " \t"), "(")
}

// readObject reads the parameters. It stops behind the parenthesis, or where
// it cannot go on.
func (p *parser) readObject() (*object, error) {
	p.i += len(p.word())
	p.accept("(")
	o := &object{}
	for !p.accept(")") {
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		if !p.accept("=") {
			return nil, fmt.Errorf("%s is not followed by =", key)
		}
		one := param{key: strings.ToLower(key)}
		if p.skip(); p.peek() == '[' {
			list, err := p.list()
			if err != nil {
				return nil, err
			}
			one.values = list.Texts
			one.value = strings.Join(list.Texts, ",")
		} else if one.value, err = p.constant(); err != nil {
			return nil, err
		}
		o.params = append(o.params, one)
	}
	return o, nil
}

func (p *parser) key() (string, error) {
	p.skip()
	start := p.i
	for !p.end() && (isWordByte(p.peek()) || p.peek() == '.' || p.peek() == '-') {
		p.i++
	}
	if p.i == start {
		return "", fmt.Errorf(`%q is not of the form name="value"`, short(firstWord(p.rest())))
	}
	return p.text[start:p.i], nil
}

// object reads a part of RainerScript that is no statement.
func (p *parser) object(at Position) {
	name := strings.ToLower(p.word())
	if name == "ruleset" {
		p.rulesetObject(at)
		return
	}
	start := p.i
	var read func(Position, *object)
	switch name {
	case "template":
		read = p.templateObject
	case "input":
		read = p.inputObject
	case "module":
		read = p.moduleObject
	case "global":
		read = p.globalObject
	case "include":
		read = p.includeObject
	default:
		p.skipObject()
		if why, ok := ignoredObjects[name]; ok {
			p.warn(at, fmt.Sprintf("%s() is passed over: %s", name, why))
		} else {
			p.refuse(at, fmt.Sprintf("%s() is not supported", name))
		}
		return
	}
	o, err := p.readObject()
	if err != nil {
		p.refuse(at, fmt.Sprintf("%s(): %v; it is left out", name, err))
		p.i = start
		p.skipObject()
		return
	}
	read(at, o)
}

// skipObject passes over NAME(…), and over a block behind it.
func (p *parser) skipObject() {
	at := p.here()
	for !p.end() && p.peek() != '(' && p.peek() != '\n' && p.peek() != '{' {
		p.i++
	}
	if p.peek() == '(' {
		p.balanced(at)
	}
	end := p.i
	if p.skip(); p.peek() != '{' {
		p.i = end
		return
	}
	p.balanced(at)
}

// unused warns of the parameters that nothing has asked for.
func (p *parser) unused(at Position, name string, o *object) {
	for i := range o.params {
		if !o.params[i].used {
			p.warn(at, fmt.Sprintf("%s(): the parameter %s is passed over", name, o.params[i].key))
		}
	}
}

func (p *parser) rulesetObject(at Position) {
	start := p.i
	o, err := p.readObject()
	name := ""
	if err == nil {
		if name = o.get("name"); name == "" {
			err = fmt.Errorf("it has no name")
		}
	}
	if err != nil {
		p.refuse(at, fmt.Sprintf("ruleset(): %v; it is left out", err))
		p.i = start
		p.skipObject()
		return
	}
	p.unused(at, "ruleset", o)
	outer := p.current
	p.current = p.ruleset(name)
	defer func() { p.current, p.last = outer, nil }()
	p.blockOrAction(&p.current.Body, false)
}

func (p *parser) includeObject(at Position, o *object) {
	mode := o.get("mode")
	file := o.get("file")
	p.unused(at, "include", o)
	if file == "" {
		p.refuse(at, `include() is supported with file="…" only`)
		return
	}
	p.include(at, file, mode == "optional", p.includes)
}

// modules that Tagtail does the work of, and those that have none to do here.
var (
	knownModules   = []string{"imudp", "imtcp", "imptcp", "imuxsock", "imrelp", "omrelp", "omfwd", "omfile", "builtin:omfile", "builtin:omfwd", "builtin:omusrmsg", "builtin:omdiscard", "lmnet"}
	ignoredModules = []string{"imklog", "immark", "imjournal", "impstats", "imkmsg", "omusrmsg", "imfile"}
)

func (p *parser) moduleObject(at Position, o *object) {
	name := o.get("load")
	if strings.EqualFold(name, "builtin:omfile") {
		if t := o.get("template"); t != "" {
			var err error
			if p.fileTemplate, err = p.templateNamed(t); err != nil {
				p.refuse(at, err.Error())
			}
		}
	}
	p.module(at, name)
	for i := range o.params {
		if o.params[i].key == "syssock.name" {
			p.refuse(at, socketElsewhere(o.params[i].value))
		}
	}
}

// socketElsewhere says where a socket has to be named that another program's
// folder may have, or not.
func socketElsewhere(path string) string {
	return fmt.Sprintf("the socket %s is not made from here; give it to syslog, as unixgram://%[1]s", path)
}

func (p *parser) module(at Position, name string) {
	name = strings.TrimSuffix(strings.ToLower(name), ".so")
	switch {
	case slices.Contains(knownModules, name):
	case slices.Contains(ignoredModules, name):
		p.warn(at, fmt.Sprintf("the module %s is passed over", name))
	default:
		p.refuse(at, fmt.Sprintf("the module %s is not supported", name))
	}
}

// globalOptions have a meaning here.
func (p *parser) globalObject(at Position, o *object) {
	if v := o.get("localhostname"); v != "" {
		p.script.Options.Hostname = v
	}
	if v := o.get("maxmessagesize"); v != "" {
		p.maxMessageSize(at, v)
	}
	for key, to := range map[string]*bool{
		"parser.escapecontrolcharactersonreceive": nil, "parser.escapecontrolcharactertab": nil, "parser.droptrailinglfonreception": nil,
		"parser.escape8bitcharactersonreceive": &p.script.Options.EscapeHigh, "parser.permitslashinprogramname": &p.script.Options.SlashInProgramName,
	} {
		v := o.get(key)
		if v == "" {
			continue
		}
		switch on := isOn(v); key {
		case "parser.escapecontrolcharactersonreceive":
			p.script.Options.KeepControls = !on
		case "parser.escapecontrolcharactertab":
			p.script.Options.KeepTabs = !on
		case "parser.droptrailinglfonreception":
			p.script.Options.KeepLF = !on
		default:
			*to = on
		}
	}
	p.unused(at, "global", o)
}

func isOn(value string) bool {
	switch strings.ToLower(value) {
	case "on", "yes", "true", "1":
		return true
	}
	return false
}

func (p *parser) maxMessageSize(at Position, value string) {
	n, ok := bytesOf(value)
	if !ok || n < 128 || n > 1<<20 {
		p.refuse(at, fmt.Sprintf("the largest message %q is not possible; give a number of bytes from 128 to 1m", value))
		return
	}
	p.script.Options.MaxBytes = int(n)
}

// bytesOf reads "8192", "8k", "64m".
func bytesOf(value string) (int64, bool) {
	value = strings.ToLower(strings.TrimSpace(value))
	unit := int64(1)
	for suffix, size := range map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30} {
		if digits, ok := strings.CutSuffix(value, suffix); ok {
			value, unit = digits, size
			break
		}
	}
	n, err := strconv.ParseInt(value, 10, 40)
	return n * unit, err == nil && n >= 0
}

// inputObject makes a listener.
func (p *parser) inputObject(at Position, o *object) {
	in := Input{At: at, Name: o.get("name"), Ruleset: o.get("ruleset")}
	kind := strings.ToLower(o.get("type"))
	address, port, socket := o.get("address"), o.get("port"), o.get("socket")
	scheme := map[string]string{"imudp": "udp", "imtcp": "tcp", "imptcp": "tcp", "imrelp": "relp"}[kind]
	p.unused(at, "input", o)
	switch {
	case kind == "imuxsock" && strings.HasPrefix(socket, "/"):
		in.URL = "unixgram://" + socket
	case scheme == "":
		p.refuse(at, fmt.Sprintf("the input %q is not supported", kind))
		return
	default:
		if address == "" || address == "*" {
			address = "0.0.0.0"
		}
		if err := checkTarget(address, port); err != nil {
			p.refuse(at, fmt.Sprintf("input(): %v", err))
			return
		}
		in.URL = scheme + "://" + net.JoinHostPort(address, port)
	}
	p.addInput(in)
}

func (p *parser) addInput(in Input) {
	if in.Ruleset != "" {
		p.bindings = append(p.bindings, call{in.At, in.Ruleset})
	}
	p.script.Inputs = append(p.script.Inputs, in)
}

// actionObject reads action(…).
func (p *parser) actionObject(at Position) (*Action, error) {
	start := p.i
	o, err := p.readObject()
	if err != nil {
		p.i = start
		p.skipObject()
		return nil, fmt.Errorf("action(): %w; it is left out", err)
	}
	o.get("name")
	var a *Action
	switch kind := strings.ToLower(strings.TrimPrefix(o.get("type"), "builtin:")); kind {
	case "omfile":
		a, err = p.fileObject(o)
	case "omfwd", "omrelp":
		a, err = p.forwardObject(o, kind)
	case "omdiscard":
		return nil, fmt.Errorf("action(type=%q): write stop", kind)
	case "omusrmsg", "ompipe":
		p.warn(at, fmt.Sprintf("the action %s is passed over: Tagtail writes to no pipes and no terminals", kind))
		return nil, nil
	case "tag", "":
		if tag := o.get("tag"); tag != "" {
			a, err = tagAction(tag)
			break
		}
		return nil, fmt.Errorf("action() has no type")
	default:
		return nil, fmt.Errorf("the output module %s is not supported", kind)
	}
	if err != nil {
		return nil, err
	}
	for i := range o.params {
		key := o.params[i].key
		if strings.HasPrefix(key, "action.exec") {
			return nil, fmt.Errorf("action(): %s is not supported; the action is left out", key)
		}
	}
	p.unused(at, "action", o)
	return a, nil
}

func (p *parser) fileObject(o *object) (*Action, error) {
	a := p.reader.file
	a.Kind = File
	var err error
	if a.Template, err = p.fileTemplateNamed(o.get("template")); err != nil {
		return nil, err
	}
	path, dynamic := o.get("file"), o.get("dynafile")
	switch {
	case path != "" && dynamic != "" || path == "" && dynamic == "":
		return nil, fmt.Errorf("an omfile action needs either file or dynaFile")
	case path != "":
		a.Path, err = safePath(path)
	default:
		a.PathTemplate, err = p.pathTemplateNamed(dynamic)
	}
	if err != nil {
		return nil, err
	}
	for key, set := range map[string]func(string) error{
		"filecreatemode": func(v string) error { return setMode(&a.FileMode, v) },
		"dircreatemode":  func(v string) error { return setMode(&a.DirMode, v) },
		"fileowner":      func(v string) error { return setUser(&a.Owner, v) },
		"filegroup":      func(v string) error { return setGroup(&a.Group, v) },
		"dirowner":       func(v string) error { return setUser(&a.DirOwner, v) },
		"dirgroup":       func(v string) error { return setGroup(&a.DirGroup, v) },
		"fileownernum":   func(v string) error { return setNumber(&a.Owner, v) },
		"filegroupnum":   func(v string) error { return setNumber(&a.Group, v) },
		"dirownernum":    func(v string) error { return setNumber(&a.DirOwner, v) },
		"dirgroupnum":    func(v string) error { return setNumber(&a.DirGroup, v) },
		"createdirs":     func(v string) error { a.CreateDirs = isOn(v); return nil },
		"sync":           func(v string) error { a.Sync = isOn(v); return nil },
		"dynafilecachesize": func(v string) error {
			return setCacheSize(&a.CacheSize, v)
		},
	} {
		if v := o.get(key); v != "" {
			if err := set(v); err != nil {
				return nil, err
			}
		}
	}
	return &a, nil
}

func setMode(to *fs.FileMode, value string) error {
	n, err := strconv.ParseUint(value, 8, 32)
	if err != nil || n > 0o7777 {
		return fmt.Errorf("the mode %q is not possible; give octal digits, such as 0640", value)
	}
	*to = fs.FileMode(n) & fs.ModePerm
	return nil
}

func setUser(to *int, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("there is no user %q", name)
	}
	return setNumber(to, u.Uid)
}

func setGroup(to *int, name string) error {
	g, err := user.LookupGroup(name)
	if err != nil {
		return fmt.Errorf("there is no group %q", name)
	}
	return setNumber(to, g.Gid)
}

func setNumber(to *int, value string) error {
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		return fmt.Errorf("%q is not the number of a user or group", value)
	}
	*to = int(n)
	return nil
}

func setCacheSize(to *int, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxCacheSize {
		return fmt.Errorf("the number %q of open files is not possible; give one from 1 to %d", value, maxCacheSize)
	}
	*to = n
	return nil
}

func (p *parser) forwardObject(o *object, kind string) (*Action, error) {
	a := &Action{Kind: Forward, Protocol: "udp"}
	otherwise, port := template.ForwardDefault, "514"
	if kind == "omrelp" {
		a.Protocol, otherwise, port = "relp", template.RELPDefault, "2514"
	} else if v := o.get("protocol"); v != "" {
		a.Protocol = strings.ToLower(v)
	}
	if a.Protocol != "udp" && a.Protocol != "tcp" && a.Protocol != "relp" {
		return nil, fmt.Errorf("the protocol %q is not supported; there are udp and tcp", a.Protocol)
	}
	if v := o.get("port"); v != "" {
		port = v
	}
	host := o.get("target")
	if err := checkTarget(host, port); err != nil {
		return nil, err
	}
	a.Target = net.JoinHostPort(host, port)
	a.OctetCounted = strings.EqualFold(o.get("tcp_framing"), "octet-counted")
	for _, key := range []string{"streamdriver", "streamdrivermode", "tls", "streamdriver.name", "streamdriver.mode"} {
		if v := strings.ToLower(o.get(key)); v != "" && v != "0" && v != "off" && v != "ptcp" {
			return nil, fmt.Errorf("forwarding by TLS is not supported; in the clear it would not be what was asked for")
		}
	}
	var err error
	if v := o.get("queue.maxdiskspace"); v != "" {
		if a.MaxBytes, err = diskSpace(v); err != nil {
			return nil, err
		}
	}
	a.DropNewest = strings.EqualFold(o.get("queue.drop"), "newest")
	a.Template, err = p.forwardTemplateNamed(o.get("template"), otherwise)
	return a, err
}

// diskSpace reads the size of a queue.
func diskSpace(value string) (int64, error) {
	n, ok := bytesOf(value)
	if !ok || n < 1<<20 {
		return 0, fmt.Errorf("the size %q of a queue is not possible; give at least 1m", value)
	}
	return n, nil
}
