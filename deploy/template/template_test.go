package template

import (
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type caseFile struct {
	Mapping map[string]any
	Cases   []struct {
		Name        string
		Template    string
		Recommended struct {
			OK      *string
			Error   string
			Message string
		}
	}
}

// loadCases also gives the values: only text and whole numbers can be values,
// so the mapping's other types are left out.
func loadCases(t testing.TB) (caseFile, map[string]string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/template_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file caseFile
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 25 {
		t.Fatalf("%d cases, want at least 25", len(file.Cases))
	}
	values := map[string]string{}
	for key, v := range file.Mapping {
		switch v := v.(type) {
		case string:
			values[key] = v
		case float64:
			values[key] = strconv.Itoa(int(v))
		}
	}
	return file, values
}

func TestExpandDoesAsRecommendedInEveryCase(t *testing.T) {
	file, values := loadCases(t)
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			got, err := Expand("t.conf", []byte(c.Template), values)
			if c.Recommended.OK != nil {
				if err != nil || string(got) != *c.Recommended.OK {
					t.Fatalf("got %q, %v, want %q", got, err, *c.Recommended.OK)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 {
				t.Fatalf("got %q, %v, want an *Error", got, err)
			}
			name := strings.Trim(strings.SplitN(c.Recommended.Message, ":", 2)[0], "'")
			if !strings.Contains(e.Msg, name) {
				t.Errorf("got %q, want it to name %s", e.Msg, name)
			}
		})
	}
}

func TestExpandTellsWhereAndWhat(t *testing.T) {
	values := map[string]string{"USER_NAME": "dev1", "LISTEN": "1081 default", "DOLLAR": "$LISTEN"}
	for _, c := range []struct{ name, text, want string }{
		{"typo", "a\n  listen $LISTNE;", "t.conf:2:10: $LISTNE has no value; write $$ for a dollar sign that stays"},
		{"glued name", "中 $USER_NAME_socketserver", "t.conf:1:3: $USER_NAME_socketserver has no value; if $USER_NAME is meant, write ${USER_NAME}_socketserver"},
		{"wrong type", "listen $LISTEN;", `t.conf:1:8: LISTEN: value "1081 default" is not a port from 1 to 65535, or ADDRESS:PORT`},
		{"dollar in a value", "$DOLLAR", `t.conf:1:1: DOLLAR: value "$LISTEN" has a forbidden character: $`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Expand("t.conf", []byte(c.text), values)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestCheckValue(t *testing.T) {
	for _, c := range []struct {
		key   string
		good  []string
		wrong []string
	}{
		{"ANY", []string{"", "off", "a b", "中", "10m"}, []string{"a;b", "a{", "}", `"`, "'", `\`, "$x", "#", "a\nb", "a\rb", "\x00", "\x7f", "\u0085", "\u2028", "\xff", strings.Repeat("x", 1025)}},
		{"LISTEN", []string{"1", "1081", "65535", "127.0.0.1:1081", "[::1]:1081"}, []string{"", "0", "65536", "01081", "-1", "1081 ssl", "localhost:1", "::1:1081", "127.0.0.1:", "unix:/tmp/x"}},
		{"PORT", []string{"6379"}, []string{"", "0", "70000", "127.0.0.1:1"}},
		{"BIND", []string{"127.0.0.1", "127.0.0.1 192.168.18.18", "* -::*", "-::1"}, []string{"", "  ", "localhost", "127.0.0.1,10.0.0.1"}},
		{"SERVER_NAME", []string{"localhost", "a.example *.b.example _"}, []string{"", "~^www", "a/b", "中"}},
		{"WORKER_PROCESSES", []string{"1", "4"}, []string{"", "0", "5", "auto", "10"}},
		{"LUA_CODE_CACHE", []string{"on", "off"}, []string{"", "On", "true"}},
	} {
		for _, v := range c.good {
			if err := CheckValue(c.key, v); err != nil {
				t.Errorf("%s=%q: got %v, want none", c.key, v, err)
			}
		}
		for _, v := range c.wrong {
			if err := CheckValue(c.key, v); err == nil {
				t.Errorf("%s=%q is accepted, want an error", c.key, v)
			}
		}
	}
}

func TestNamesGivesEachPlaceholderOnce(t *testing.T) {
	got := Names([]byte("$B ${A} $$C $B $ $1 $remote_addr ${D"))
	if diff := cmp.Diff(got, []string{"A", "B", "remote_addr"}); diff != "" {
		t.Error(diff)
	}
}

func FuzzExpand(f *testing.F) {
	file, values := loadCases(f)
	for _, c := range file.Cases {
		f.Add([]byte(c.Template), "LISTEN", "1081")
	}
	f.Fuzz(func(t *testing.T, text []byte, key, value string) {
		values := map[string]string{key: value, "USER_NAME": values["USER_NAME"]}
		out, err := Expand("t.conf", text, values)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Col < 1 {
				t.Fatalf("got %#v, want an *Error with a position", err)
			}
			return
		}
		if used := Names(text); len(used) == 0 && strings.Count(string(out), "\n") != strings.Count(string(text), "\n") {
			t.Fatalf("%q became %q", text, out)
		}
		// No value can bring a line end or the end of a directive with it.
		for _, sep := range []string{"\n", ";", "{", "}"} {
			if strings.Count(string(out), sep) > strings.Count(string(text), sep) {
				t.Fatalf("%q with %q=%q became %q", text, key, value, out)
			}
		}
	})
}
