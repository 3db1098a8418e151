package viewer

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// LogAnalyzer keeps a search in its address as filter=…, and people keep such
// addresses as bookmarks. They lead to the same search here: the search text
// knows LogAnalyzer's fields and modifiers, so that little has to be changed.

// logAnalyzerPages are the pages of LogAnalyzer that have a place here.
var logAnalyzerPages = []string{
	"/index.php", "/search.php", "/details.php", "/statistics.php", "/reports.php", "/export.php", "/asktheoracle.php", "/login.php",
}

// logAnalyzerRoutes are the addresses of LogAnalyzer's pages.
func (s *Server) logAnalyzerRoutes() []route {
	routes := make([]route, len(logAnalyzerPages))
	for i, path := range logAnalyzerPages {
		routes[i] = route{method: http.MethodGet, path: path, access: page, handler: s.logAnalyzer, head: true}
	}
	return routes
}

// logAnalyzer sends an address of LogAnalyzer to the page with its search.
func (s *Server) logAnalyzer(c echo.Context, _ principal) error {
	// What cannot be read has come without a search. A semicolon is text here.
	values, err := url.ParseQuery(strings.ReplaceAll(c.Request().URL.RawQuery, ";", "%3B"))
	if err != nil {
		values = url.Values{}
	}
	if values.Get("uid") != "" {
		return s.logAnalyzerMessage(c)
	}
	text := logAnalyzerQuery(values.Get("filter"))
	if search := values.Get("q"); text == "" && search != "" {
		text = search // somebody has rewritten the address by hand
	}
	// Relative, so that it leads to the page below any base path.
	target := "./"
	if text != "" {
		target += "?" + url.Values{"q": {text}}.Encode()
	}
	return c.Redirect(http.StatusFound, target)
}

// home serves the page, or leads LogAnalyzer's /?filter=… to its search.
func (s *Server) home(c echo.Context, p principal) error {
	if c.Request().URL.Query().Has("filter") {
		return s.logAnalyzer(c, p)
	}
	return s.page("index.html")(c, p)
}

// noSuchMessage is for people who come from a bookmark of one message.
const noSuchMessage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Tagtail</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="static/css/theme.css">
<link rel="stylesheet" href="static/css/login.css">
<body>
<main class="login">
<h1>This address is one of LogAnalyzer’s</h1>
<p>It names a message by a number of LogAnalyzer’s database, which means nothing here. <a href="./">Search for its text instead.</a></p>
<p lang="zh-CN">这是 LogAnalyzer 的地址，其中的编号只在它的数据库里有意义。<a href="./">请改为搜索消息的内容。</a></p>
</main>
</body>
</html>
`

// logAnalyzerMessage says that a message cannot be found by its number there.
func (s *Server) logAnalyzerMessage(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.HTML(http.StatusNotFound, noSuchMessage)
}

// logAnalyzerQuery turns the text of a filter into a search text. Fields, their
// modifiers, and + in their values are read by the search itself; but % stands
// for any text in every word there, and a colon that is text has a backslash.
func logAnalyzerQuery(filter string) string {
	var out strings.Builder
	for _, term := range splitFilter(strings.TrimSpace(filter)) {
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(logAnalyzerTerm(term))
	}
	return out.String()
}

// logAnalyzerTerm translates one term. In quotes and behind a field's colon it
// stays as it is.
func logAnalyzerTerm(term string) string {
	word := strings.TrimPrefix(term, "-")
	switch {
	case word == "", strings.ContainsAny(word[:1], `"'(`):
		return term
	case word == "OR" || word == "AND" || word == "NOT":
		return strings.ToLower(term) // is text there
	case hasFieldColon(word):
		return term
	}
	sign := term[:len(term)-len(word)]
	if strings.IndexByte("/!", word[0]) >= 0 {
		sign += `\` // is no regular expression and no NOT
	}
	return sign + logAnalyzerWildcards.Replace(word)
}

// logAnalyzerWildcards makes ours of LogAnalyzer's, and text of what is none there.
var logAnalyzerWildcards = strings.NewReplacer("%", "*", "*", `\*`, "?", `\?`)

// hasFieldColon tells whether a colon without a backslash follows a name.
func hasFieldColon(word string) bool {
	name, _, ok := strings.Cut(word, ":")
	return ok && name != "" && !strings.HasSuffix(name, `\`)
}

// splitFilter cuts a filter at its spaces, but not in "…", '…' and (…).
func splitFilter(filter string) []string {
	var terms []string
	start, until := 0, byte(0)
	for i := 0; i < len(filter); i++ {
		switch c := filter[i]; {
		case until != 0:
			if c == until {
				until = 0
			}
		case c == '"' || c == '\'':
			// An apostrophe inside a word is one.
			if i == start || strings.IndexByte(`-:=,~`, filter[i-1]) >= 0 {
				until = c
			}
		case c == '(' && (i == start || strings.IndexByte(`-:=,~`, filter[i-1]) >= 0):
			until = ')'
		case c == ' ':
			if i > start {
				terms = append(terms, filter[start:i])
			}
			start = i + 1
		}
	}
	if start < len(filter) {
		terms = append(terms, filter[start:])
	}
	return terms
}
