package file

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// cutAll cuts text at once, and what remains as after an idle time.
func cutAll(t *testing.T, in Input, maximum int, text string) []string {
	t.Helper()
	in.Pattern = "/logs/*.log"
	s, err := compile(&in)
	if err != nil {
		t.Fatal(err)
	}
	c := cutter{source: s, max: maximum}
	var got []string
	data, skip := []byte(text), false
	for _, e := range []end{{}, {all: true}, {all: true, last: true}} {
		for {
			p := c.next(data, skip, e.all, e.last)
			if p.end == 0 {
				break
			}
			data, skip = data[p.end:], p.skip
			if len(p.text) > 0 {
				got = append(got, string(p.text)+strings.Join(append([]string{""}, p.flags.Names()...), " !"))
			}
		}
	}
	return got
}

func TestLinesAreJoinedIntoMessages(t *testing.T) {
	const nginx = "2026/11/22 08:51:43 [error] 1#1: "
	tests := []struct {
		name, start, text string
		want              []string
	}{
		{"plain lines stand alone", "", "a\nb\r\nc\n", []string{"a", "b", "c"}},
		{"indented lines go on", "", "a\n\tb\n  c\nd\n", []string{"a\n\tb\n  c", "d"}},
		{"an nginx message ends at the next date", "", nginx + "x\nstack traceback:\n\t[C]: y\nno date\n" + nginx + "z\n",
			[]string{nginx + "x\nstack traceback:\n\t[C]: y\nno date", nginx + "z"}},
		{"a Python traceback belongs to its dated line", "", "2026-11-22 08:51:43,123 ERROR x\nTraceback (most recent call last):\n  File \"a\"\nValueError: y\n2026-11-22 08:51:44,000 INFO z\n",
			[]string{"2026-11-22 08:51:43,123 ERROR x\nTraceback (most recent call last):\n  File \"a\"\nValueError: y", "2026-11-22 08:51:44,000 INFO z"}},
		{"a start decides alone", `^E \d`, "E 1\n2026-11-22 08:51:43 x\nE 2\nb", []string{"E 1\n2026-11-22 08:51:43 x", "E 2", "b !partial"}},
		{"empty lines are no messages", "", "\n\na\n\n\nb\n", []string{"a", "b"}},
		{"NULs before a line that follows a truncation go", "", "\x00\x00\x00a\n", []string{"a"}},
		{"a long line is cut, its rest discarded", "", strings.Repeat("x", 150) + "\nb\n", []string{strings.Repeat("x", 100) + " !truncated", "b"}},
		{"also one that never ends", "", strings.Repeat("x", 150), []string{strings.Repeat("x", 100) + " !truncated"}},
		{"a long message goes on in another", "", "a\n " + strings.Repeat("y", 60) + "\n " + strings.Repeat("z", 60) + "\nb\n",
			[]string{"a\n " + strings.Repeat("y", 60) + " !truncated", " " + strings.Repeat("z", 60), "b"}},
		{"invalid UTF-8 stays", "", "\xff\xe4\xb8\n", []string{"\xff\xe4\xb8"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, cutAll(t, Input{Start: test.start}, 100, test.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzCut feeds data byte by byte and at once: the messages are the same.
func FuzzCut(f *testing.F) {
	for _, seed := range []string{
		"a\n\tb\nc\n", "2026/11/22 08:51:43 [error] 1#1: x\nstack traceback:\n\t[C]: y\n2026/11/22 08:51:44 [info] 1#1: z\n",
		strings.Repeat("x", 150) + "\nb\n", "\x00\x00a\r\n\n\n b\n", strings.Repeat(" y\n", 60) + "z\n",
	} {
		f.Add([]byte(seed))
	}
	s, err := compile(&Input{Pattern: "/logs/*.log"})
	if err != nil {
		f.Fatal(err)
	}
	c := cutter{source: s, max: 100}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got [2][]string
		for i, step := range [...]int{1, len(data) + 1} {
			var pending []byte
			skip := false
			for at := 0; at <= len(data); at += step {
				upTo := min(len(data), at+step)
				pending = append(pending, data[at:upTo]...)
				last := upTo == len(data)
				for {
					p := c.next(pending, skip, last, last)
					if p.end == 0 {
						break
					}
					if len(p.text) > c.max || p.end > len(pending) {
						t.Fatalf("got %d bytes of %d", len(p.text), p.end)
					}
					pending, skip = pending[p.end:], p.skip
					if len(p.text) > 0 {
						got[i] = append(got[i], string(p.text))
					}
				}
				if len(pending) > 2*c.max {
					t.Fatalf("%d bytes are pending", len(pending))
				}
			}
			if len(pending) > 0 {
				t.Fatalf("%q was never given out", pending)
			}
		}
		if diff := cmp.Diff(got[1], got[0]); diff != "" {
			t.Errorf("byte by byte (-at once +got):\n%s", diff)
		}
	})
}

func TestTheTimeOfALineIsRead(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	for text, want := range map[string]string{
		"2026/11/22 08:51:43 [error] 1#1: x":                            "2026-11-22T08:51:43+08:00",
		"2026-11-22 08:51:43,123 INFO x":                                "2026-11-22T08:51:43.123+08:00",
		"2026-11-22T08:51:43.5Z x":                                      "2026-11-22T08:51:43.5Z",
		"2026-11-22T08:51:43-01:00 x":                                   "2026-11-22T08:51:43-01:00",
		`1.2.3.4 - - [22/Nov/2026:08:51:43 +0000] "GET / HTTP/1.1" 200`: "2026-11-22T08:51:43Z",
		"2026/13/22 08:51:43 [error] 1#1: x":                            "",
		"[not a date] at all, but long enough to hold one":              "",
		"": "",
	} {
		got := ""
		if stamp := lineTime(text, zone); !stamp.IsZero() {
			got = stamp.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestPatternsGiveInstances(t *testing.T) {
	p, err := parsePattern("/opt/hhl/{service}/{owner}/logs/*.log")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"/opt/hhl/socketserver/dev1/logs/error.log": "socketserver/dev1",
		"/opt/hhl/socketserver/dev1/logs/error.txt": "",
		"/opt/hhl/socketserver/dev1/error.log":      "",
		"/opt/hhl/socket server/dev1/logs/a.log":    "",
		"/opt/other/socketserver/dev1/logs/a.log":   "",
	} {
		m, ok := p.matches(name)
		if ok != (want != "") || ok && m.service+"/"+m.owner != want {
			t.Errorf("%s: got %+v, %v, want %q", name, m, ok, want)
		}
	}
	for _, bad := range []string{"logs/*.log", "/a/../b.log", "/", "/a/{service}/x.log", "/a/{user}/x.log", "/a/x{service}/b", "/a/[.log"} {
		if _, err := parsePattern(bad); err == nil {
			t.Errorf("%s: got no error", bad)
		}
	}
}

func TestALineWithAPRIIsAWholeSyslogMessage(t *testing.T) {
	w := newWorld(t)
	w.write("<171>1 2026-11-22T08:58:21.199990+00:00 vm httpserver_dev2 17783 - -  line\n")
	w.settle()
	got := w.sink.entries[0]
	if got.Message != " line" || got.Severity != index.Err || got.Hostname != "vm" || got.Instance != "game/dev1" || got.InstanceBy != index.ByFile {
		t.Errorf("got %+v", got)
	}
}
