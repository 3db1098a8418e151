package index

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// operatorLike are lines that paste as more than text: the parts that rule 2
// leaves out.
var operatorLike = regexp.MustCompile(`(^|[\s(])([-!][^\s]|NOT|OR|/[^/]*/i?([\s)]|$))`)

func TestPastingAStoredLineFindsIt(t *testing.T) {
	pasted := 0
	for _, message := range storedMessages(t) {
		lines := append(strings.Split(message, "\n"), message, message+"\n")
		for _, line := range lines {
			if operatorLike.MatchString(line) && !strings.Contains(strings.TrimSpace(line), "\n") {
				continue
			}
			pasted++
			q := parse(line)
			if e := (&Entry{Message: message}); !q.Match(e) {
				t.Errorf("%q = %s misses itself", line, q)
			} else if !keeps(q.plan(), e) {
				t.Errorf("%q is excluded by its plan %s", line, q.plan())
			}
		}
	}
	if pasted < 100 {
		t.Errorf("only %d lines were pasted", pasted)
	}
}

func TestPastingAPartOfALineFindsIt(t *testing.T) {
	for _, message := range storedMessages(t) {
		if operatorLike.MatchString(message) {
			continue
		}
		for from := 0; from < len(message); from += 3 {
			if from > 0 && message[from-1] != ' ' {
				continue
			}
			rest := message[from:]
			if i := strings.LastIndexByte(rest, ' '); i > 0 && from%2 == 0 {
				rest = rest[:i]
			}
			if q := parse(rest); !q.Match(&Entry{Message: message}) {
				t.Errorf("%q = %s misses %q", rest, q, message)
			}
		}
	}
}

func TestHostileTextsAreQueriesToo(t *testing.T) {
	e := &Entry{Message: "a", Received: testNow}
	for name, text := range map[string]string{
		"deep groups":          strings.Repeat("(", 100_000),
		"deep closed groups":   strings.Repeat("(", 10_000) + "a" + strings.Repeat(")", 10_000),
		"spaced groups":        strings.Repeat("( ", 15_000) + "a",
		"many NOT":             strings.Repeat("NOT ", 8_000) + "a",
		"many signs":           strings.Repeat("-(", 10_000),
		"many words":           strings.Repeat("a ", 16_000),
		"many field groups":    strings.Repeat("tag:( ", 5_000),
		"bad field groups":     strings.Repeat("severity:( err ", 2_000) + "x",
		"a long list":          "tag:" + strings.Repeat("a,", 15_000),
		"a list of statuses":   "status:" + strings.Repeat("5xx,", 2_000),
		"a list of files":      "file:" + strings.Repeat("a.lua:1,", 4_000),
		"many quotes":          strings.Repeat(`" `, 16_000),
		"many slashes":         strings.Repeat("/ ", 16_000),
		"many backslashes":     strings.Repeat(`\`, 32_000),
		"many stars":           strings.Repeat("*a", 16_000),
		"nothing but NUL":      strings.Repeat("\x00", 1_000),
		"nothing but bad UTF8": strings.Repeat("\xff", 1_000),
	} {
		start := time.Now()
		q := parse(text)
		q.Match(e)
		q.plan()
		q.Highlights()
		if len(q.Terms()) > 2*maxTerms+4*maxDepth {
			t.Errorf("%s: %d terms", name, len(q.Terms()))
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s: took %v", name, d)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, text := range []string{
		`("something bad" program:ssh -noise) OR severity:error`, `tag:(a "b" -c) -/x/i NOT`, `a\*b* time:10:42..11:00 limit:3`,
		`)(`, `host:-=~/a/`, `tag:a,`, "severity:-", "client:10.0.0.0/8,::1 took>1.5s line:3..", `file:"a b.lua:12" status:5xx,/4/ bytes<1.5MB`, `datelastx:9`, "a\nb", `"\`, `/\`, "((",
	} {
		f.Add(text, "some message 42")
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		q := parse(text)
		q.Match(&Entry{Message: message, AppName: message, Instance: message})
		q.plan()
		q.Bounds()
		q.Highlights()
		_ = q.String()
		for _, term := range q.Terms() {
			if term.Kind != "group" && !strings.Contains(text, term.Text) {
				t.Errorf("term %+v of %q", term, text)
			}
		}
	})
}

// TestExamplesOfTheUserPageAreRead checks the indented examples of the page:
// a query, two or more spaces, what it means.
func TestExamplesOfTheUserPageAreRead(t *testing.T) {
	page, err := os.ReadFile("../docs/query-language.md")
	if err != nil {
		t.Fatal(err)
	}
	fieldLike := regexp.MustCompile(`^[a-z_]+(:|[<>]=?|!=)`)
	examples := 0
	for line := range strings.Lines(string(page)) {
		example, indented := strings.CutPrefix(line, "    ")
		if !indented {
			continue
		}
		examples++
		example, meaning, _ := strings.Cut(example, "  ")
		for _, term := range parse(example).Terms() {
			switch {
			case strings.Contains(meaning, "ignored"):
			case term.Hint != "":
				t.Errorf("%s: %s has the hint %q", example, term.Text, term.Hint)
			case term.Kind == "text" && fieldLike.MatchString(term.Text) && !strings.Contains(meaning, "text"):
				t.Errorf("%s: %s is read as text", example, term.Text)
			}
		}
	}
	if examples < 40 {
		t.Errorf("the page has %d examples", examples)
	}
}
