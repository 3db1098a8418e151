package deploy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// directive is one directive of an nginx configuration.
type directive struct {
	path string // of the blocks around it: "", "http", "http/server"
	name string
	args []string
	body int // offset behind its opening brace, 0 if it has none
}

// scanNginx lists the directives of conf. It is no judge of a configuration
// ("nginx -t" is): on nonsense it stops, and gives what came before.
func scanNginx(conf []byte) []directive {
	s := &nginxScanner{src: conf}
	var list []directive
	var path, words []string
	for {
		token, plain := s.token()
		switch {
		case token == "" && plain:
			return list
		case plain && token == ";":
			if len(words) > 0 {
				list = append(list, directive{path: strings.Join(path, "/"), name: words[0], args: words[1:]})
			}
			words = nil
		case plain && token == "{":
			if len(words) == 0 {
				return list
			}
			list = append(list, directive{path: strings.Join(path, "/"), name: words[0], args: words[1:], body: s.pos})
			if strings.HasSuffix(words[0], "_by_lua_block") {
				s.skipLua()
			} else {
				path = append(path, words[0])
			}
			words = nil
		case plain && token == "}":
			if len(path) == 0 {
				return list
			}
			path, words = path[:len(path)-1], nil
		default:
			words = append(words, token)
		}
	}
}

// masterOnly are directives that read other files, load code, or take the
// instance out of our hands: a value may not be one.
var masterOnly = []string{"include", "load_module", "user", "pid", "error_log", "env", "daemon", "master_process", "lua_package_path", "lua_package_cpath"}

// sameDirectives tells whether values have changed no more of a template than
// words: single values cannot, and this is to hold for all of them.
func sameDirectives(template, filled []byte) error {
	before, after := scanNginx(template), scanNginx(filled)
	if len(before) != len(after) {
		return fmt.Errorf("with its values it has %d directives, and without %d: a value may not add or take away one", len(after), len(before))
	}
	for i, d := range after {
		switch was := before[i].name; {
		case was == d.name:
		case !strings.Contains(was, "$"):
			return fmt.Errorf("with its values the directive %s becomes %s: a value may not do that", cutText(was, 40), cutText(d.name, 40))
		case slices.Contains(masterOnly, d.name) || strings.Contains(d.name, "_by_lua"):
			return fmt.Errorf("the value at %s makes it the directive %s, which only the template itself may have", cutText(was, 40), cutText(d.name, 40))
		}
	}
	return nil
}

// nginxScanner cuts a configuration into words and the marks ; { }.
type nginxScanner struct {
	src []byte
	pos int
}

// token gives the next word or mark; plain means that it was not quoted. An
// empty plain token is the end.
func (s *nginxScanner) token() (token string, plain bool) {
	for s.pos < len(s.src) {
		switch b := s.src[s.pos]; b {
		case ' ', '\t', '\r', '\n':
			s.pos++
		case '#':
			s.skipPast("\n")
		case ';', '{', '}':
			s.pos++
			return string(b), true
		case '"', '\'':
			return s.quoted(b), false
		default:
			return s.word(), true
		}
	}
	return "", true
}

func (s *nginxScanner) word() string {
	start := s.pos
	for s.pos < len(s.src) {
		switch b := s.src[s.pos]; {
		case b == '\\':
			s.pos++
		case b == '$' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '{':
			s.pos++ // the brace of ${name} opens no block
		case strings.IndexByte(" \t\r\n;{", b) >= 0:
			return string(s.src[start:s.pos])
		}
		s.pos++
	}
	s.pos = len(s.src)
	return string(s.src[start:])
}

func (s *nginxScanner) quoted(quote byte) string {
	var b []byte
	for s.pos++; s.pos < len(s.src) && s.src[s.pos] != quote; s.pos++ {
		if s.src[s.pos] == '\\' && s.pos+1 < len(s.src) {
			s.pos++
		}
		b = append(b, s.src[s.pos])
	}
	s.pos = min(s.pos+1, len(s.src))
	return string(b)
}

func (s *nginxScanner) skipPast(mark string) {
	i := bytes.Index(s.src[s.pos:], []byte(mark))
	if i < 0 {
		s.pos = len(s.src)
		return
	}
	s.pos += i + len(mark)
}

// skipLua passes the body of a *_by_lua_block up to its closing brace: braces
// in Lua's strings and comments do not count.
func (s *nginxScanner) skipLua() {
	for depth := 1; s.pos < len(s.src) && depth > 0; {
		switch b := s.src[s.pos]; {
		case b == '"' || b == '\'':
			s.quoted(b)
		case bytes.HasPrefix(s.src[s.pos:], []byte("--")):
			s.pos += 2
			if !s.longBracket() {
				s.skipPast("\n")
			}
		case b == '[' && s.longBracket():
		case b == '{':
			depth++
			s.pos++
		case b == '}':
			depth--
			s.pos++
		default:
			s.pos++
		}
	}
}

// longBracket passes [[…]] or [==[…]==] if one begins here.
func (s *nginxScanner) longBracket() bool {
	rest := s.src[s.pos:]
	if len(rest) == 0 || rest[0] != '[' {
		return false
	}
	level := 1
	for level < len(rest) && rest[level] == '=' {
		level++
	}
	if level >= len(rest) || rest[level] != '[' {
		return false
	}
	s.pos += level + 1
	s.skipPast("]" + strings.Repeat("=", level-1) + "]")
	return true
}
