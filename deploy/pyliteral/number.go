package pyliteral

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// number reads an int or a float with at most one sign: literal_eval allows the
// sign before a number and nowhere else.
func (p *parser) number(v Value) (Value, error) {
	negative := false
	if b := p.peek(0); b == '+' || b == '-' {
		negative = b == '-'
		p.next()
		if err := p.skipBlanks(sameLineUnless(p.depth)); err != nil {
			return v, err
		}
		if b := p.peek(0); !isDigit(b) && (b != '.' || !isDigit(p.peek(1))) {
			return v, p.errorf("expected a number after the sign, found %s", p.here())
		}
	}
	text := p.numberText()
	if b := p.peek(0); isWord(b) || b == '.' || b >= 0x80 {
		return v, p.errorf("%s%s is not a number", text, strings.Trim(p.here(), "'"))
	}
	if err := v.setNumber(text); err != "" {
		return v, p.errorAt(v, "%s", err)
	}
	if negative && v.Kind == Int {
		v.Int.Neg(v.Int)
	} else if negative {
		v.Float = -v.Float
	}
	return v, nil
}

func sameLineUnless(depth int) lines { return lines(depth > 0) }

// numberText takes the longest run that could be a number.
func (p *parser) numberText() string {
	start := p.pos
	if p.peek(0) == '0' && strings.IndexByte("xXoObB", p.peek(1)) >= 0 && p.peek(1) != 0 {
		p.skip(2)
		for isWord(p.peek(0)) {
			p.next()
		}
		return string(p.src[start:p.pos])
	}
	p.digits()
	if p.peek(0) == '.' {
		p.next()
		p.digits()
	}
	if e := p.peek(0); e == 'e' || e == 'E' {
		n := 1
		if s := p.peek(1); s == '+' || s == '-' {
			n = 2
		}
		if isDigit(p.peek(n)) {
			p.skip(n)
			p.digits()
		}
	}
	return string(p.src[start:p.pos])
}

// digits takes digits with single underscores between them.
func (p *parser) digits() {
	for isDigit(p.peek(0)) || p.peek(0) == '_' && isDigit(p.peek(1)) && p.pos > 0 && isDigit(p.src[p.pos-1]) {
		p.next()
	}
}

// setNumber sets Kind and value from text; the answer is what is wrong with it.
func (v *Value) setNumber(text string) string {
	shown := text
	if len(shown) > 40 {
		shown = shown[:40] + "…"
	}
	if len(text) > MaxIntDigits {
		return "a number of more than " + strconv.Itoa(MaxIntDigits) + " digits"
	}
	based := len(text) > 1 && text[0] == '0' && strings.IndexByte("xXoObB", text[1]) >= 0
	if !based && strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
		if err != nil {
			return shown + " is too large a number"
		}
		v.Kind, v.Float = Float, f
		return ""
	}
	base := 0 // understands the prefixes and the underscores as Python does
	if !based {
		text = strings.ReplaceAll(text, "_", "")
		if text[0] == '0' && strings.Trim(text, "0") != "" {
			return shown + ": a number may not begin with 0; an octal one is written 0o" + strings.TrimLeft(shown, "0")
		}
		base = 10
	}
	n, ok := new(big.Int).SetString(text, base)
	if !ok {
		return shown + " is not a number"
	}
	v.Kind, v.Int = Int, n
	return ""
}

// floatIdentity writes a whole number as the int that Python finds equal.
func floatIdentity(f float64) string {
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		n, _ := big.NewFloat(f).Int(nil)
		return n.String()
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}
