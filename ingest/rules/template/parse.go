package template

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tagtail/tagtail/ingest/rules/message"
)

// Bounds of a template, which nobody needs to reach.
const (
	maxParts    = 256
	maxPosition = 1 << 20
)

// Parse reads the text of a template: constants, and properties between
// percent signs.
func Parse(name, text string) (*Template, error) {
	t := &Template{Name: name}
	for text != "" {
		if len(t.parts) == maxParts {
			return nil, fmt.Errorf("template %q has more than %d parts", name, maxParts)
		}
		if text[0] != '%' {
			var constant []byte
			constant, text = cutConstant(text)
			t.parts = append(t.parts, Part{Text: constant})
			continue
		}
		end := strings.IndexByte(text[1:], '%')
		if end < 0 {
			return nil, fmt.Errorf("template %q has a %% without a second one; write \\%% for the sign itself", name)
		}
		p, err := parseProperty(text[1 : end+1])
		if err != nil {
			return nil, fmt.Errorf("template %q: %w", name, err)
		}
		t.parts = append(t.parts, p)
		text = text[end+2:]
	}
	return t, nil
}

// cutConstant reads up to the next percent sign and resolves backslashes.
func cutConstant(text string) (constant []byte, rest string) {
	i := 0
	for i < len(text) && text[i] != '%' {
		if text[i] != '\\' {
			constant = append(constant, text[i])
			i++
			continue
		}
		i++
		if i == len(text) {
			return append(constant, '\\'), ""
		}
		switch c := text[i]; {
		case c == 'n':
			constant = append(constant, '\n')
		case c == 'r':
			constant = append(constant, '\r')
		case c == '\\' || c == '%':
			constant = append(constant, c)
		case '0' <= c && c <= '9': // decimal, up to three digits
			n := 0
			for digits := 0; digits < 3 && i < len(text) && '0' <= text[i] && text[i] <= '9'; digits++ {
				n = n*10 + int(text[i]-'0')
				i++
			}
			constant = append(constant, byte(n))
			continue
		default:
			constant = append(constant, '\\', c)
		}
		i++
	}
	return constant, text[i:]
}

// parseProperty reads "name:from:to:options".
func parseProperty(text string) (Part, error) {
	fields := strings.SplitN(text, ":", 5)
	var p Part
	if err := p.SetProperty(fields[0]); err != nil {
		return p, err
	}
	if len(fields) == 5 {
		return p, fmt.Errorf("%%%s%% names a field of JSON, which is not supported", text)
	}
	fields = append(fields, "", "", "")
	if err := p.setPositions(fields[1], fields[2]); err != nil {
		return p, fmt.Errorf("%%%s%%: %w", text, err)
	}
	for option := range strings.SplitSeq(fields[3], ",") {
		if option = strings.TrimSpace(option); option == "" {
			continue
		}
		if err := p.setOption(strings.ToLower(option)); err != nil {
			return p, fmt.Errorf("%%%s%%: %w", text, err)
		}
	}
	return p, nil
}

// SetProperty sets which property it is.
func (p *Part) SetProperty(name string) error {
	if strings.HasPrefix(name, "$!") || strings.HasPrefix(name, "$.") || strings.HasPrefix(name, "$/") {
		return fmt.Errorf("variables such as %q are not supported", name)
	}
	var ok bool
	if p.Property, ok = message.PropertyNamed(name); !ok {
		return fmt.Errorf("there is no property %q", name)
	}
	p.OutName = name
	return nil
}

func (p *Part) setPositions(from, to string) error {
	if strings.HasPrefix(from, "R") {
		return fmt.Errorf("regular expressions in a template are not supported")
	}
	if strings.HasPrefix(from, "F") {
		p.Field, p.Delimiter = 1, '\t'
		if code, ok := strings.CutPrefix(from, "F,"); ok {
			n, err := strconv.ParseUint(strings.TrimSuffix(code, "+"), 10, 8)
			if err != nil || strings.HasSuffix(code, "+") {
				return fmt.Errorf("the field delimiter %q is not the number of a byte", code)
			}
			p.Delimiter = byte(n)
		}
		if to != "" {
			n, err := strconv.ParseUint(to, 10, 16)
			if err != nil || n == 0 {
				return fmt.Errorf("the field %q is no number", to)
			}
			p.Field = int(n)
		}
		return nil
	}
	var err error
	if p.From, err = position(from); err != nil {
		return err
	}
	p.To, err = position(to)
	return err
}

// position reads a number, or nothing or "$", which is the end: 0.
func position(text string) (int, error) {
	if text == "" || text == "$" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxPosition {
		return 0, fmt.Errorf("the position %q is no number from 1 to %d", text, maxPosition)
	}
	return n, nil
}

func (p *Part) setOption(option string) error {
	if date, ok := strings.CutPrefix(option, "date-"); ok {
		return p.SetDate(date)
	}
	switch option {
	case "lowercase":
		p.Case = CaseLower
	case "uppercase":
		p.Case = CaseUpper
	case "escape-cc":
		p.Controls = ControlsEscaped
	case "space-cc":
		p.Controls = ControlsSpace
	case "drop-cc":
		p.Controls = ControlsDropped
	case "drop-last-lf":
		p.DropLastLF = true
	case "secpath-drop":
		p.SecurePath = SlashesDropped
	case "secpath-replace":
		p.SecurePath = SlashesReplaced
	case "sp-if-no-1st-sp":
		p.SpaceIfNone = true
	case "compressspace":
		p.CompressSpace = true
	case "fixed-width":
		p.FixedWidth = true
	case "csv":
		p.Quote = QuoteCSV
	case "json":
		p.Quote = QuoteJSON
	case "jsonf":
		p.Quote = QuoteJSONField
	default:
		return fmt.Errorf("the option %q is not supported", option)
	}
	return nil
}

// SetDate sets the form of a time by its name, such as "rfc3339".
func (p *Part) SetDate(name string) error {
	format, ok := dateOptions[strings.ToLower(name)]
	if !ok {
		return fmt.Errorf("the form %q of a time is not supported", name)
	}
	p.Date = format
	return nil
}
