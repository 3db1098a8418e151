package script

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/template"
)

// ignoredDirectives have no meaning here; those that end with * by their
// beginning.
var ignoredDirectives = []string{
	"workdirectory", "repeatedmsgreduction", "privdrop*", "mainmsgqueue*", "actionqueue*", "actionresume*", "umask", "abortonuncleanconfig",
	"systemlog*", "omitlocallogging", "imuxsock*", "imjournal*", "klog*", "debug*", "optimizeforuniprocessor", "markmessageperiod",
	"actionfileenablesync", "omfile*", "actionwriteallmarkmessages", "actionname", "resetconfigvariables", "preservefqdn",
	"udpserverratelimit*", "inputtcpmaxsessions", "inputtcpserverkeepalive*", "inputtcpserversupportoctetcountedframing", "defaultnetstream*",
	"generateconfiggraph", "inputname", "inputudpserverinputname", "inputtcpserverinputname", "failonchownfailure", "moddir", "maxopenfiles",
	"allowedsender",
}

// directive reads a line that begins with "$".
func (p *parser) directive(at Position) {
	line := p.line()
	name, value, _ := strings.Cut(line[1:], " ")
	if i := strings.IndexByte(name, '\t'); i >= 0 {
		name, value = name[:i], name[i+1:]+" "+value
	}
	value = strings.TrimSpace(value)
	lower := strings.ToLower(strings.TrimSpace(name))
	if lower != "template" {
		if i := strings.IndexByte(value, '#'); i >= 0 {
			value = strings.TrimSpace(value[:i])
		}
	}
	if lower == "includeconfig" {
		p.include(at, value, false, p.includes)
		return
	}
	if strings.HasPrefix(lower, "actionexec") {
		p.refuse(at, fmt.Sprintf("$%s is not supported", name))
		p.disableNext = fmt.Sprintf("the action is left out, because $%s, which is not supported, stands before it", name)
		return
	}
	if set := directives[lower]; set != nil {
		if err := set(p, at, value); err != nil {
			p.refuse(at, fmt.Sprintf("$%s: %v", name, err))
		}
		return
	}
	for _, known := range ignoredDirectives {
		begin, open := strings.CutSuffix(known, "*")
		if lower == known || open && strings.HasPrefix(lower, begin) {
			p.warn(at, fmt.Sprintf("$%s is passed over", name))
			return
		}
	}
	p.refuse(at, fmt.Sprintf("$%s is not known", short(name)))
}

// directives are those with a meaning here.
var directives = map[string]func(p *parser, at Position, value string) error{
	"template": (*parser).templateDirective,
	"actionfiledefaulttemplate": func(p *parser, _ Position, v string) (err error) {
		p.fileTemplate, err = p.templateNamed(v)
		return err
	},
	"actionforwarddefaulttemplate": func(p *parser, _ Position, v string) (err error) {
		p.forwardTemplate, err = p.templateNamed(v)
		return err
	},
	"filecreatemode":    func(p *parser, _ Position, v string) error { return setMode(&p.reader.file.FileMode, v) },
	"dircreatemode":     func(p *parser, _ Position, v string) error { return setMode(&p.reader.file.DirMode, v) },
	"fileowner":         func(p *parser, _ Position, v string) error { return setUser(&p.reader.file.Owner, v) },
	"filegroup":         func(p *parser, _ Position, v string) error { return setGroup(&p.reader.file.Group, v) },
	"dirowner":          func(p *parser, _ Position, v string) error { return setUser(&p.reader.file.DirOwner, v) },
	"dirgroup":          func(p *parser, _ Position, v string) error { return setGroup(&p.reader.file.DirGroup, v) },
	"createdirs":        func(p *parser, _ Position, v string) error { p.reader.file.CreateDirs = isOn(v); return nil },
	"dynafilecachesize": func(p *parser, _ Position, v string) error { return setCacheSize(&p.reader.file.CacheSize, v) },
	"actionqueuemaxdiskspace": func(p *parser, _ Position, v string) (err error) {
		p.nextMaxBytes, err = diskSpace(v)
		return err
	},
	"localhostname":       func(p *parser, _ Position, v string) error { p.script.Options.Hostname = v; return nil },
	"addunixlistensocket": func(_ *parser, _ Position, v string) error { return errors.New(socketElsewhere(v)) },
	"maxmessagesize":      func(p *parser, at Position, v string) error { p.maxMessageSize(at, v); return nil },
	"modload":             func(p *parser, at Position, v string) error { p.module(at, v); return nil },
	"escapecontrolcharactersonreceive": func(p *parser, _ Position, v string) error {
		p.script.Options.KeepControls = !isOn(v)
		return nil
	},
	"escapecontrolcharactertab": func(p *parser, _ Position, v string) error {
		p.script.Options.KeepTabs = !isOn(v)
		return nil
	},
	"escape8bitcharactersonreceive": func(p *parser, _ Position, v string) error {
		p.script.Options.EscapeHigh = isOn(v)
		return nil
	},
	"droptrailinglfonreception": func(p *parser, _ Position, v string) error {
		p.script.Options.KeepLF = !isOn(v)
		return nil
	},
	"ruleset": func(p *parser, _ Position, v string) error {
		p.current, p.last = p.ruleset(v), nil
		return nil
	},
	"defaultruleset": func(p *parser, _ Position, v string) error {
		p.script.Default = p.ruleset(v).Name
		return nil
	},
	"udpserveraddress":          func(p *parser, _ Position, v string) error { p.udpAddress = v; return nil },
	"inputudpserverbindruleset": func(p *parser, _ Position, v string) error { p.udpRuleset = v; return nil },
	"inputtcpserverbindruleset": func(p *parser, _ Position, v string) error { p.tcpRuleset = v; return nil },
	"udpserverrun":              func(p *parser, at Position, v string) error { return p.run(at, "udp", p.udpAddress, v, p.udpRuleset) },
	"inputtcpserverrun":         func(p *parser, at Position, v string) error { return p.run(at, "tcp", "", v, p.tcpRuleset) },
	"inputptcpserverrun":        func(p *parser, at Position, v string) error { return p.run(at, "tcp", "", v, "") },
	"inputrelpserverrun":        func(p *parser, at Position, v string) error { return p.run(at, "relp", "", v, "") },
}

// run makes a listener of a legacy directive.
func (p *parser) run(at Position, scheme, address, port, ruleset string) error {
	if address == "" || address == "*" {
		address = "0.0.0.0"
	}
	if err := checkTarget(address, port); err != nil {
		return err
	}
	p.addInput(Input{At: at, URL: scheme + "://" + net.JoinHostPort(address, port), Ruleset: ruleset})
	return nil
}

// templateDirective reads `NAME,"text"`.
func (p *parser) templateDirective(_ Position, value string) error {
	name, rest, ok := strings.Cut(value, ",")
	name, rest = strings.TrimSpace(name), strings.TrimSpace(rest)
	if !ok || name == "" || !strings.HasPrefix(rest, `"`) {
		return fmt.Errorf(`a template is written NAME,"text"`)
	}
	end := -1
	for i := 1; i < len(rest); i++ {
		if rest[i] == '\\' {
			i++
		} else if rest[i] == '"' {
			end = i
			break
		}
	}
	if end < 0 {
		return fmt.Errorf("the text of the template has no closing quote")
	}
	// rsyslogd passes over what no comma begins; a star is in many manuals.
	if options, ok := strings.CutPrefix(strings.TrimLeft(rest[end+1:], " \t"), ","); ok {
		return fmt.Errorf("the options %q of a template are not supported", short(options))
	}
	return p.defineTemplate(name, strings.ReplaceAll(rest[1:end], `\"`, `"`))
}

// defineTemplate keeps the first of two templates with the same name, as
// rsyslog does.
func (p *parser) defineTemplate(name, text string) error {
	t, err := template.Parse(name, text)
	if err != nil {
		return err
	}
	return p.keepTemplate(t)
}

func (p *parser) keepTemplate(t *template.Template) error {
	if p.templates[t.Name] != nil {
		return fmt.Errorf("there is a template %q already; that one is used", t.Name)
	}
	p.templates[t.Name] = t
	return nil
}
