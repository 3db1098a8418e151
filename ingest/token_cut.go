package ingest

import (
	"strings"

	"github.com/tagtail/tagtail/index"
)

// takeToken cuts tokens out of e and returns the instances that the first one
// proves. A token counts in the structured data, or as an SD-ELEMENT that a
// message without structured data begins with; it is cut out anywhere.
func (k *known) takeToken(e *index.Entry) []string {
	var token string
	if e.StructuredData != "" {
		e.StructuredData, token, _ = cutTokens(e.StructuredData)
		return k.tokens.of(token)
	}
	message, token, at := cutTokens(e.Message)
	if len(message) == len(e.Message) {
		return nil
	}
	e.Message = message
	if at > 0 {
		return nil
	}
	e.Message = strings.TrimPrefix(message, " ")
	return k.tokens.of(token)
}

// enterprise is what the SD-IDs of tokens end with. 32473 is the number for
// examples of RFC 5612.
const enterprise = "@32473"

// tokenNames are the SD-IDs, without enterprise, that have a token in their
// SD-PARAM "key". The second is what other collectors' users have.
var tokenNames = [...]string{"[tagtail", "[lv"}

// cutTokens cuts every token out of s, and its SD-ELEMENT if nothing else is
// in that. It returns the first token and where its element began. It
// allocates only if text is left on more than one side.
func cutTokens(s string) (rest, token string, at int) {
	var kept pieces
	done := 0 // what is before it is kept or cut
	for from := 0; ; {
		start, params := findElement(s, from)
		if start < 0 {
			break
		}
		el := readElement(s, params)
		from = el.end
		if !el.keyed {
			continue
		}
		if done == 0 {
			token, at = el.token, start
		}
		if !el.others {
			kept.add(s[done:start])
			done = el.end
			continue
		}
		for pos := params; pos < el.end; {
			p, ok := readParam(s, pos)
			if !ok {
				break
			}
			if p.isKey(s) {
				kept.add(s[done:pos])
				done = p.end
			}
			pos = p.end
		}
	}
	if done == 0 {
		return s, "", 0
	}
	kept.add(s[done:])
	return kept.text(), token, at
}

// findElement finds an SD-ELEMENT that may have a token, and where its
// SD-PARAMs begin, with the space before the first.
func findElement(s string, from int) (start, params int) {
	for {
		i := strings.Index(s[from:], enterprise)
		if i < 0 {
			return -1, 0
		}
		params = from + i + len(enterprise)
		for _, name := range tokenNames {
			if strings.HasSuffix(s[from:from+i], name) {
				return from + i - len(name), params
			}
		}
		from = params
	}
}

// element is an SD-ELEMENT that was found.
type element struct {
	end    int // behind its bracket
	token  string
	keyed  bool // it has a token
	others bool // it has other SD-PARAMs
}

// readElement reads the SD-PARAMs at pos. One that is broken or cut off ends
// with its bracket, or with s, and may hold a part of a token.
func readElement(s string, pos int) element {
	var el element
	for {
		if pos < len(s) && s[pos] == ']' {
			el.end = pos + 1
			return el
		}
		p, ok := readParam(s, pos)
		if !ok {
			break
		}
		if p.isKey(s) {
			if !el.keyed {
				el.token, el.keyed = s[p.value:p.end-1], true
			}
		} else {
			el.others = true
		}
		pos = p.end
	}
	el.end = len(s)
	if i := strings.IndexByte(s[pos:], ']'); i >= 0 {
		el.end = pos + i + 1
	}
	if strings.Contains(s[pos:el.end], keyName+"=") {
		el.keyed, el.others = true, false
	}
	return el
}

// param is an SD-PARAM in a string.
type param struct {
	name, value int // where they begin
	end         int // behind the closing quote
}

// keyName is the PARAM-NAME of a token.
const keyName = "key"

func (p param) isKey(s string) bool { return s[p.name:p.value-2] == keyName }

// readParam reads a space, PARAM-NAME, "=" and the quoted PARAM-VALUE
// (RFC 5424, section 6.3.3).
func readParam(s string, pos int) (p param, ok bool) {
	if pos >= len(s) || s[pos] != ' ' {
		return p, false
	}
	for pos < len(s) && s[pos] == ' ' {
		pos++
	}
	p.name = pos
	for pos < len(s) && s[pos] != '=' && s[pos] != ']' && s[pos] != '"' && s[pos] != ' ' {
		pos++
	}
	if !strings.HasPrefix(s[pos:], `="`) {
		return p, false
	}
	p.value = pos + 2
	for pos = p.value; pos < len(s); pos++ {
		switch s[pos] {
		case '\\':
			pos++
		case '"':
			p.end = pos + 1
			return p, true
		}
	}
	return p, false
}

// pieces joins strings; a single one costs nothing.
type pieces struct {
	only   string
	joined []byte
}

func (p *pieces) add(s string) {
	switch {
	case s == "":
	case p.joined != nil:
		p.joined = append(p.joined, s...)
	case p.only == "":
		p.only = s
	default:
		p.joined = append(append(p.joined, p.only...), s...)
	}
}

func (p *pieces) text() string {
	if p.joined != nil {
		return string(p.joined)
	}
	return p.only
}
