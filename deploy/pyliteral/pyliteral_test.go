package pyliteral

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

type literalCase struct {
	Name   string `json:"name"`
	Src    string `json:"src"`
	Python struct {
		OK    *string `json:"ok"`
		Error string  `json:"error"`
	} `json:"python_literal_eval"`
}

func loadCases(t testing.TB) []literalCase {
	t.Helper()
	raw, err := os.ReadFile("testdata/pyliteral_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []literalCase }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 40 {
		t.Fatalf("%d cases, want at least 40", len(file.Cases))
	}
	return file.Cases
}

// differences are the cases in which we do not do as Python does, on purpose:
// what we answer (a value, or the text of an error) and why.
var differences = map[string]struct{ value, err, why string }{
	"BOM":           {value: "{'a': 1}", why: "nobody sees the mark, so nobody could mend it"},
	"b prefix":      {err: "prefix b", why: "a template is filled with text"},
	"rb prefix":     {err: "prefix rb", why: "a template is filled with text"},
	"complex":       {err: "not a number", why: "no setting is complex"},
	"ellipsis":      {err: "expected a value", why: "no setting is an ellipsis"},
	"dup keys":      {err: "twice: in line 1 and in line 1", why: "Python lets the last one win silently"},
	"True key":      {err: "twice", why: "True and 1 are the same key, and the last one would win silently"},
	"surrogate esc": {err: "U+d83d is not a character", why: "half a character cannot be written as UTF-8"},
}

func TestParseAgreesWithPythonButForTheNamedDifferences(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range loadCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			got, err := Parse("sub.py", []byte(c.Src))
			if d, ok := differences[c.Name]; ok {
				seen[c.Name] = true
				if d.err == "" && (err != nil || repr(got) != d.value) {
					t.Fatalf("got %s, %v, want %s", repr(got), err, d.value)
				}
				if d.err != "" && (err == nil || !strings.Contains(err.Error(), d.err)) {
					t.Fatalf("got error %v, want one with %q", err, d.err)
				}
				return
			}
			if c.Python.OK == nil {
				if err == nil {
					t.Fatalf("got %s, Python says %s", repr(got), c.Python.Error)
				}
				checkPosition(t, err)
				return
			}
			if err != nil {
				t.Fatalf("got error %v, Python gives %s", err, *c.Python.OK)
			}
			if repr(got) != *c.Python.OK {
				t.Fatalf("got %s, Python gives %s", repr(got), *c.Python.OK)
			}
		})
	}
	for name := range differences {
		if !seen[name] {
			t.Errorf("the difference %q has no case", name)
		}
	}
}

func checkPosition(t testing.TB, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 || e.Msg == "" || e.Name == "" {
		t.Fatalf("got %#v, want an *Error with name, line and column", err)
	}
}

func TestParseTellsWhereAndWhat(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"missing comma", "{\n 'a':1\n 'b':2}", `s.py:3:2: expected ',' or '}'`},
		{"missing colon", "{'a' 1}", `s.py:1:6: expected ':' after the key`},
		{"key twice", "{'a':1,\n\n'a':2}", `s.py:3:1: the key 'a' is there twice: in line 1 and in line 3`},
		{"columns count characters", "{'中文':x}", `s.py:1:7: expected a value, found 'x'`},
		{"open string", "{'a':'x", `s.py:1:6: this string is not closed`},
		{"open raw string after a backslash", `{'a':r'x\`, `s.py:1:6: this string is not closed`},
		{"open escape", `{'a':'x\`, `s.py:1:8: this string is not closed`},
		{"empty file", " \n", `s.py:2:1: expected a value, found the end of the file`},
		{"comma after the dict", "{},", `s.py:1:3: unexpected ',' after the end of the value`},
		{"two signs", "--1", `s.py:1:2: expected a number after the sign, found '-'`},
		{"sign before True", "-True", `s.py:1:2: expected a number after the sign, found 'True'`},
		{"old octal", "{'a': 017}", `s.py:1:7: 017: a number may not begin with 0; an octal one is written 0o17`},
		{"half number", "1__0", `s.py:1:2: 1__0 is not a number`},
		{"half hex", "0x", `s.py:1:1: 0x is not a number`},
		{"huge float", "1e999", `s.py:1:1: 1e999 is too large a number`},
		{"short escape", `'\x4'`, `s.py:1:2: this escape needs 2 hexadecimal digits`},
		{"not UTF-8", "{'a':\n'\xff'}", `s.py:2:2: byte 0xFF is not UTF-8`},
		{"NUL", "{\x00}", `s.py:1:2: a NUL byte is not allowed`},
		{"too deep", strings.Repeat("[", 33), `s.py:1:33: more than 32 brackets inside each other`},
		{"too long", strings.Repeat(" ", MaxBytes+1), `s.py:1:1: the file has 65537 bytes, more than 65536`},
		{"strings on two lines outside brackets", "'a'\n'b'", `s.py:2:1: unexpected ''' after the end of the value`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := Parse("s.py", []byte(c.src))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %s, %v\nwant %s", repr(v), err, c.want)
			}
		})
	}
}

func TestParseReads(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"depth 32", strings.Repeat("[", 32) + strings.Repeat("]", 32), strings.Repeat("[", 32) + strings.Repeat("]", 32)},
		{"wrapped value", "((1))", "1"},
		{"tuple of one", "(1,)", "(1,)"},
		{"empty tuple", "()", "()"},
		{"signs", "[-1, +2, - 3, -.5]", "[-1, 2, -3, -0.5]"},
		{"joined line", "[1, \\\n2]", "[1, 2]"},
		{"raw quote", `r'a\'b'`, `'a\\\'b'`},
		{"line end in long string", "'''a\r\nb'''", `'a\nb'`},
		{"whole float key is not another int", "{1.5:1, 2:2}", "{1.5: 1, 2: 2}"},
		{"comment at the end", "1 # one", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := Parse("s.py", []byte(c.src))
			if err != nil || repr(v) != c.want {
				t.Errorf("got %s, %v, want %s", repr(v), err, c.want)
			}
		})
	}
}

func TestEveryCutOfEveryCaseEndsInAValueOrAPlacedError(t *testing.T) {
	for _, c := range loadCases(t) {
		src := c.Src
		if len(src) > 1000 {
			src = src[:1000]
		}
		for i := range src {
			if _, err := Parse("sub.py", []byte(src[:i])); err != nil {
				checkPosition(t, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range loadCases(f) {
		f.Add([]byte(c.Src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		begin := time.Now()
		v, err := Parse("sub.py", src)
		if took := time.Since(begin); took > 20*time.Second {
			t.Fatalf("%d bytes took %s", len(src), took)
		}
		if err != nil {
			checkPosition(t, err)
			return
		}
		again, err := Parse("sub.py", []byte(repr(v)))
		if err != nil || repr(again) != repr(v) {
			t.Fatalf("%s read again is %s, %v", repr(v), repr(again), err)
		}
	})
}

// repr writes a value as Python's repr does.
func repr(v Value) string {
	switch v.Kind {
	case None:
		return "None"
	case Bool:
		if v.Bool {
			return "True"
		}
		return "False"
	case Int:
		return v.Int.String()
	case Float:
		s := strconv.FormatFloat(v.Float, 'g', -1, 64)
		if v.Float == math.Trunc(v.Float) && math.Abs(v.Float) < 1e16 {
			s = strconv.FormatFloat(v.Float, 'f', 1, 64)
		}
		return s
	case Str:
		return reprString(v.Str)
	case List, Tuple:
		var items []string
		for _, item := range v.Items {
			items = append(items, repr(item))
		}
		if v.Kind == List {
			return "[" + strings.Join(items, ", ") + "]"
		}
		if len(items) == 1 {
			return "(" + items[0] + ",)"
		}
		return "(" + strings.Join(items, ", ") + ")"
	case Dict:
		var pairs []string
		for _, p := range v.Pairs {
			pairs = append(pairs, repr(p.Key)+": "+repr(p.Value))
		}
		return "{" + strings.Join(pairs, ", ") + "}"
	}
	return fmt.Sprintf("<%s>", v.Kind)
}

func reprString(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
