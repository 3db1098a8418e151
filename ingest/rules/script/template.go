package script

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/template"
)

// templateObject reads template(…), of type string or list.
func (p *parser) templateObject(at Position, o *object) {
	name, kind, text := o.get("name"), strings.ToLower(o.get("type")), o.get("string")
	var parts []template.Part
	var err error
	if p.skip(); kind == "list" && p.peek() == '{' {
		start := p.i
		if parts, err = p.templateParts(); err != nil {
			p.i = start
			p.balanced(at)
		}
	}
	for i := range o.params {
		if key := o.params[i].key; strings.HasPrefix(key, "option.") && isOn(o.params[i].value) {
			err = fmt.Errorf("%s is not supported", key)
		}
	}
	switch {
	case err != nil:
	case name == "":
		err = fmt.Errorf("it has no name")
	case kind == "string":
		err = p.defineTemplate(name, text)
	case kind == "list":
		err = p.keepTemplate(template.New(name, parts))
	default:
		err = fmt.Errorf("the type %q is not supported; there are string and list", kind)
	}
	if err != nil {
		p.refuse(at, fmt.Sprintf("template(): %v", err))
	}
}

// templateParts reads "{ property(…) constant(…) }".
func (p *parser) templateParts() (parts []template.Part, err error) {
	p.accept("{")
	for !p.accept("}") {
		kind := strings.ToLower(p.word())
		if !p.atObject() {
			return nil, fmt.Errorf("%q is neither property() nor constant()", short(firstWord(p.rest())))
		}
		o, err := p.readObject()
		if err != nil {
			return nil, err
		}
		var part template.Part
		switch kind {
		case "constant":
			part.Text = []byte(o.get("value"))
		case "property":
			if err := setPart(&part, o); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s() is not supported", kind)
		}
		o.get("outname")
		for i := range o.params {
			if !o.params[i].used {
				return nil, fmt.Errorf("%s of %s() is not supported", o.params[i].key, kind)
			}
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// setPart sets a property and what is done with it.
func setPart(part *template.Part, o *object) error {
	if err := part.SetProperty(o.get("name")); err != nil {
		return err
	}
	if v := o.get("outname"); v != "" {
		part.OutName = v
	}
	if v := o.get("dateformat"); v != "" {
		if err := part.SetDate(strings.TrimPrefix(v, "date-")); err != nil {
			return err
		}
	}
	for key, to := range map[string]*int{"position.from": &part.From, "position.to": &part.To, "field.number": &part.Field} {
		v := o.get(key)
		if v == "" || v == "$" {
			continue
		}
		n, err := strconv.ParseUint(v, 10, 20)
		if err != nil {
			return fmt.Errorf("%s=%q is not supported", key, v)
		}
		*to = int(n)
	}
	if part.Field > 0 {
		part.Delimiter = '\t'
	}
	if v := o.get("field.delimiter"); v != "" {
		n, err := strconv.ParseUint(v, 10, 8)
		if err != nil {
			return fmt.Errorf("field.delimiter=%q is not the number of a byte", v)
		}
		part.Delimiter, part.Field = byte(n), max(1, part.Field)
	}
	part.SpaceIfNone = isOn(o.get("spifno1stsp"))
	part.DropLastLF = isOn(o.get("droplastlf"))
	part.CompressSpace = isOn(o.get("compressspace"))
	part.FixedWidth = isOn(o.get("fixedwidth"))
	return setWords(part, o)
}

// setWords sets what is one of some words.
func setWords(part *template.Part, o *object) error {
	for key, set := range map[string]func(string) bool{
		"caseconversion":    func(v string) bool { return choose(&part.Case, v, "", "lower", "upper") },
		"controlcharacters": func(v string) bool { return choose(&part.Controls, v, "", "escape", "space", "drop") },
		"securepath":        func(v string) bool { return choose(&part.SecurePath, v, "", "drop", "replace") },
		"format":            func(v string) bool { return choose(&part.Quote, v, "", "csv", "json", "jsonf") },
	} {
		if v := strings.ToLower(o.get(key)); v != "" && !set(v) {
			return fmt.Errorf("%s=%q is not supported", key, v)
		}
	}
	return nil
}

// choose sets a value to the place of word among words.
func choose[T ~uint8](to *T, word string, words ...string) bool {
	for i, w := range words {
		if w == word {
			*to = T(i)
			return true
		}
	}
	return false
}
