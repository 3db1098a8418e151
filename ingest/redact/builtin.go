package redact

import (
	"regexp"
	"slices"
	"strings"
)

// builtin is a rule that is there by name. It looks for literals, and behind
// each, or from its start on, for the secret: so its cost grows with the text
// and with nothing else.
type builtin struct {
	name, about string
	clues       []clue
	finder      finder
}

// clue is a literal, in lower case, and where the secret is then: text[from:to],
// none if they are the same. at and after are where the literal begins and ends.
type clue struct {
	literal string
	secret  func(text string, at, after int, cut bool) (from, to int)
}

var builtins = makeBuiltins()

func makeBuiltins() []*builtin {
	list := []*builtin{
		{name: "passwords", about: "password=, passwd=, pwd=, pass=, secret=, token=, api_key= and alike, in queries, forms, JSON and key=value",
			clues: append(clues(namedSecret(afterName), "password", "passwd", "passphrase", "pwd", "secret", "token",
				"apikey", "api_key", "api-key", "accesskey", "access_key", "access-key", "privatekey", "private_key", "private-key", "密码"),
				clues(namedSecret(afterPass), "pass")...)},
		{name: "authorization", about: "Authorization and Proxy-Authorization headers, and Bearer tokens wherever they are",
			clues: append(clues(authorization, "authorization"), clues(bearer, "bearer")...)},
		{name: "cookies", about: "Cookie and Set-Cookie headers", clues: clues(cookie, "cookie")},
		{name: "jwt", about: "JSON Web Tokens, which begin with eyJ", clues: clues(webToken, "eyj")},
		{name: "url_credentials", about: "the password in scheme://user:password@host", clues: clues(urlPassword, "://")},
		{name: "tagtail", about: "Tagtail's own API tokens and login links",
			clues: append(clues(ownToken, "tagtail_"), clues(loginLink, "/login#")...)},
	}
	for _, b := range list {
		var literals []literal
		for _, c := range b.clues {
			literals = append(literals, literal{text: c.literal})
		}
		b.finder = newFinder(literals)
	}
	return list
}

func clues(secret func(string, int, int, bool) (int, int), literals ...string) (list []clue) {
	for _, l := range literals {
		list = append(list, clue{l, secret})
	}
	return list
}

// Builtins are the names of the rules that need no pattern.
func Builtins() (names []string) {
	for _, b := range builtins {
		names = append(names, b.name)
	}
	return names
}

func builtinNamed(name string) *builtin {
	for _, b := range builtins {
		if b.name == name {
			return b
		}
	}
	return nil
}

func (b *builtin) literals() (texts []string) {
	for _, c := range b.clues {
		texts = append(texts, c.literal)
	}
	return texts
}

func (b *builtin) spans(text string, cut bool, by string) (spans []span) {
	for at := 0; ; {
		place, which := b.finder.next(text, at)
		if which < 0 {
			return spans
		}
		c := &b.clues[which]
		after := place + len(c.literal)
		from, to := c.secret(text, place, after, cut)
		at = max(after, to)
		if from < to && !strings.HasPrefix(text[from:], by) {
			spans = append(spans, span{from, to, by})
		}
	}
}

// window is how much of the text between a literal and its secret is looked at.
const window = 96

func ahead(text string, from int) string { return text[from:min(len(text), from+window)] }

const (
	quotes    = `(?:["'\\\])]|%2[27]|%5[dD])`
	separator = `\s{0,16}(?:=>|:=|==?|:|：|%3[aAdD])\s{0,32}`
	opening   = `((?:\\|%5[cC]){0,3}(?:["']|%2[27]))?`
)

var (
	// afterName is what may stand between the name of a secret and itself: the
	// groups are what closes the name, and what opens the value.
	afterName = regexp.MustCompile(`\A(?:[_-]?(?:confirm(?:ation)?|key|value|hash|[0-9]{1,2}))?(` + quotes + `{0,6})` + separator + opening)
	// afterPass is the same for a word that is also a part of others.
	afterPass   = regexp.MustCompile(`\A(?:(` + quotes + `{1,6})` + separator + `|(?:=|%3[dD]))` + opening)
	afterHeader = regexp.MustCompile(`\A2?` + quotes + `{0,4}` + separator + opening)
	scheme      = regexp.MustCompile(`\A([A-Za-z][A-Za-z0-9-]{0,31})(?:\s|\+|%20){1,4}`)
	space       = regexp.MustCompile(`\A(?:\s|\+|%20){1,4}`)
)

// namedSecret finds the value behind a name. One that is not quoted ends at a
// space or &, so that no end of it stays; in JSON also at a comma or bracket.
func namedSecret(head *regexp.Regexp) func(string, int, int, bool) (int, int) {
	return func(text string, _, after int, _ bool) (from, to int) {
		m := head.FindStringSubmatchIndex(ahead(text, after))
		if m == nil {
			return 0, 0
		}
		from = after + m[1]
		if m[4] >= 0 {
			return from, closing(text, from, text[after+m[4]:after+m[5]])
		}
		stops := "&\"<> \t\r\n\v\f"
		if m[2] >= 0 && strings.ContainsAny(text[after+m[2]:after+m[3]], `"'`) {
			stops += ",}]"
		}
		return from, until(text, from, stops)
	}
}

// until is where the first of the bytes is, or the end. A backslash that escapes
// it stays with it.
func until(text string, from int, stops string) int {
	i := strings.IndexAny(text[from:], stops)
	if i < 0 {
		return len(text)
	}
	if i > 0 && text[from+i] == '"' && text[from+i-1] == '\\' {
		i--
	}
	return from + i
}

// closing is where the quote that closes a value begins, or the end. The quote is
// escaped as often as the one that has opened the value; one that is escaped more
// often is inside.
func closing(text string, from int, open string) int {
	if open[0] == '%' || open[len(open)-1] != '"' && open[len(open)-1] != '\'' {
		if i := strings.Index(text[from:], open[len(open)-3:]); i >= 0 {
			return from + i
		}
		return len(text)
	}
	slashes := len(open) - 1
	for i := from; i < len(text); i++ {
		if text[i] != open[len(open)-1] {
			continue
		}
		before := 0
		for before < i-from && text[i-1-before] == '\\' {
			before++
		}
		// An even number more are escaped backslashes at the value's end.
		if before >= slashes && (before-slashes)%(2*(slashes+1)) == 0 {
			return i - slashes
		}
	}
	return len(text)
}

// authorization finds the credentials behind their scheme, which stays. Those of
// schemes that have several parts reach to the end of the line.
func authorization(text string, _, after int, _ bool) (from, to int) {
	m := afterHeader.FindStringSubmatchIndex(ahead(text, after))
	if m == nil {
		return 0, 0
	}
	from = after + m[1]
	quoted := m[2] >= 0
	name := ""
	if s := scheme.FindStringSubmatchIndex(ahead(text, from)); s != nil {
		name = strings.ToLower(text[from : from+s[3]])
		from += s[1]
	}
	switch {
	case quoted:
		return from, closing(text, from, text[after+m[2]:after+m[3]])
	case slices.Contains(schemesOfParts, name):
		return from, until(text, from, "\r\n")
	}
	return from, until(text, from, "\"<>\r\n \t")
}

// schemesOfParts have credentials of several parts, which are quoted themselves.
var schemesOfParts = []string{"digest", "hawk", "oauth", "signature", "aws4-hmac-sha256"}

// bearer finds a token behind its scheme where no header is named. Words are
// none.
func bearer(text string, _, after int, cut bool) (from, to int) {
	m := space.FindStringIndex(ahead(text, after))
	if m == nil {
		return 0, 0
	}
	from = after + m[1]
	for to = from; to < len(text) && (isTokenByte(text[to]) || strings.IndexByte("~+/=.", text[to]) >= 0); to++ {
	}
	if to-from >= 20 || to-from >= 8 && strings.ContainsAny(text[from:to], "0123456789") || cut && to == len(text) {
		return from, to
	}
	return 0, 0
}

// cookie finds the value of a header, up to the end of the line or of the string
// that it is in.
func cookie(text string, _, after int, _ bool) (from, to int) {
	m := afterHeader.FindStringSubmatchIndex(ahead(text, after))
	if m == nil {
		return 0, 0
	}
	from = after + m[1]
	if m[2] >= 0 {
		return from, closing(text, from, text[after+m[2]:after+m[3]])
	}
	for to = from; to < len(text); to++ {
		switch c := text[to]; {
		case c == '\r' || c == '\n':
			return from, to
		case c == '\\':
			to++
		case c == '"' && to > from && text[to-1] == '=': // a quoted cookie
			if end := strings.IndexAny(text[to+1:], "\"\r\n"); end >= 0 {
				to += end + 1
			}
		case c == '"':
			return from, to
		}
	}
	return from, len(text)
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// webToken finds header.payload.signature, each in base64url. The header of each
// is a JSON object, which makes it begin with eyJ.
func webToken(text string, at, after int, cut bool) (from, to int) {
	if text[at:after] != "eyJ" {
		return 0, 0
	}
	dots := 0
	for to = after; to < len(text); to++ {
		if c := text[to]; c == '.' {
			dots++
		} else if !isTokenByte(c) {
			break
		}
	}
	atCut := cut && to == len(text)
	if dots == 0 && !atCut || to-at < 12 && !cut {
		return to, to
	}
	for text[to-1] == '.' && dots > 1 { // the end of a sentence
		to, dots = to-1, dots-1
	}
	return at, to
}

// longestPassword bounds how far the @ is looked for behind a password that has
// what ends a host.
const longestPassword = 256

// urlPassword finds what is between a colon and the last @ before the path. What
// is no port may have a slash in it.
func urlPassword(text string, _, after int, cut bool) (from, to int) {
	end := until(text, after, "/?#\"'<> \t\r\n\\")
	host := text[after:end]
	colon, at := strings.IndexByte(host, ':'), strings.LastIndexByte(host, '@')
	if colon < 0 || strings.HasPrefix(host, "[") {
		return 0, 0
	}
	from = after + colon + 1
	switch {
	case at >= 0:
		to = after + at
	case strings.Trim(text[from:end], "0123456789") == "": // a port
		return 0, 0
	case cut && end == len(text):
		to = end
	default:
		rest := text[from:min(len(text), from+longestPassword)]
		rest = rest[:until(rest, 0, "\"'<> \t\r\n")]
		to = from + max(0, strings.LastIndexByte(rest, '@'))
	}
	if to <= from {
		return 0, 0
	}
	return from, to
}

// ownToken finds an API token: 32 random bytes in base64url.
func ownToken(text string, at, after int, cut bool) (from, to int) {
	for to = after; to < len(text) && isTokenByte(text[to]); to++ {
	}
	if to-after >= 40 || cut && to == len(text) {
		return at, to
	}
	return 0, 0
}

func loginLink(text string, _, after int, cut bool) (from, to int) {
	for to = after; to < len(text) && isTokenByte(text[to]); to++ {
	}
	if to-after >= 16 || cut && to == len(text) {
		return after, to
	}
	return 0, 0
}
