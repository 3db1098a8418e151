package index

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/tagtail/tagtail/index/internal/shape"
	"github.com/tagtail/tagtail/index/internal/words"
)

// finds is the definition of what text means, word for word.
func finds(text, message string) bool {
	t, m := string(words.Fold(nil, text)), string(words.Fold(nil, message))
	alphanumeric := func(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
	run := func(s string, step int) bool {
		for i := 0; i < len(s); i++ {
			c := s[i]
			if step < 0 {
				c = s[len(s)-1-i]
			}
			if !alphanumeric(c) {
				return false
			}
			if '0' <= c && c <= '9' {
				return true
			}
		}
		return false
	}
	for i := 0; i+len(t) <= len(m); i++ {
		if m[i:i+len(t)] != t {
			continue
		}
		end := i + len(t)
		if run(t, 1) && i > 0 && alphanumeric(m[i-1]) {
			continue
		}
		if run(t, -1) && end < len(m) && alphanumeric(m[end]) {
			continue
		}
		return true
	}
	return false
}

func TestPatternFindsWhatTheDefinitionFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 60_000 {
		message := randomText(r, 12)
		text := randomPart(r, message)
		if r.IntN(3) == 0 {
			text = randomText(r, 3)
		}
		got := newPattern([]chunk{{text: text}}, false).in(message)
		want := finds(text, message)
		if got != want {
			t.Fatalf("%q in %q = %v, want %v", text, message, got, want)
		}
		if got {
			found++
		}
	}
	if found < 6_000 {
		t.Errorf("only %d texts were found: the test has lost its point", found)
	}
}

// globs is the definition of wildcards, by trying everything. Both are folded.
func globs(chunks []chunk, m []rune, whole bool) bool {
	if len(chunks) == 0 {
		return !whole || len(m) == 0
	}
	space := func(r rune) bool { return r < 128 && isSpace(byte(r)) }
	c := chunks[0]
	switch c.wild {
	case '*':
		return globs(chunks[1:], m, whole) || len(m) > 0 && !space(m[0]) && globs(chunks, m[1:], whole)
	case '?':
		return len(m) > 0 && !space(m[0]) && globs(chunks[1:], m[1:], whole)
	}
	text := []rune(c.text)
	return len(m) >= len(text) && string(m[:len(text)]) == string(text) && globs(chunks[1:], m[len(text):], whole)
}

func TestPatternFollowsItsWildcards(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	letters := []string{"a", "b", "c", "A", "超", "é", "É", " ", "-", "\u212a"}
	random := func(n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	found := 0
	for range 50_000 {
		var chunks, folded []chunk
		for range 1 + r.IntN(5) {
			if r.IntN(2) == 0 {
				c := chunk{wild: "*?"[r.IntN(2)]}
				chunks, folded = append(chunks, c), append(folded, c)
			} else if text := random(4); text != "" {
				chunks = append(chunks, chunk{text: text})
				folded = append(folded, chunk{text: string(words.Fold(nil, text))})
			}
		}
		if len(chunks) == 0 {
			continue
		}
		value := random(9)
		m := []rune(string(words.Fold(nil, value)))
		whole := r.IntN(2) == 0
		want := globs(folded, m, whole)
		for i := range m {
			want = want || !whole && globs(folded, m[i:], false)
		}
		p := newPattern(chunks, whole)
		if len(p.pieces) == 0 {
			continue // a lone star, which asks for any value
		}
		if got := p.in(value); got != want {
			t.Fatalf("%+v in %q, whole %v: %v, want %v", chunks, value, whole, got, want)
		}
		if want {
			found++
		}
	}
	if found < 5_000 {
		t.Errorf("only %d patterns were found: the test has lost its point", found)
	}
}

func TestPatternIsLinearInHostileText(t *testing.T) {
	message := strings.Repeat("a1", 64<<10) + " bz"
	start := time.Now()
	for _, text := range []string{"a*b", "a*a*a*a*b", "1a1a", "a?a?a*z", "a1*a1*bz"} {
		if parse(text).Match(&Entry{Message: message}) {
			t.Errorf("%s finds", text)
		}
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("took %v, which is the square of the length", d) // in truth milliseconds
	}
}

func TestRegexMatchesAsWithoutItsProbe(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	found, probed := 0, 0
	for range 40_000 {
		message := randomText(r, 12)
		source := regexMeta.Replace(randomPart(r, message)) + []string{"", ".*", `\d+`, "|x", "?", "+"}[r.IntN(6)] + regexMeta.Replace(randomPart(r, message))
		x, err := newRegex(source)
		if err != nil {
			continue
		}
		want := x.re.MatchString(message)
		if got := x.in(message); got != want {
			t.Fatalf("/%s/ in %q = %v, want %v", source, message, got, want)
		}
		if want {
			found++
		}
		if x.probe != nil && !x.probe.in(message) {
			probed++
		}
	}
	if found < 4_000 || probed < 1_000 {
		t.Errorf("%d found, %d excluded by the probe: the test has lost its point", found, probed)
	}
}

func TestFoldIsWhatSearchingUnfoldedTextRestsOn(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		lower := unicode.ToLower(r)
		if unicode.ToLower(lower) != lower {
			t.Errorf("%U folds to %U, which folds on", r, lower)
		}
		if r >= 128 && lower < 128 && string(r) != shape.KelvinSign && string(r) != shape.DottedI {
			t.Errorf("%U folds to ASCII", r)
		}
		if lower != r && lower >= 128 && !hasUpper(lower) {
			t.Errorf("%U folds to %U, which hasUpper does not know", r, lower)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	e := benchEntry()
	for name, text := range benchQueries {
		if name == "regex" {
			continue // package regexp pools its machines, and the pool forgets them when it likes
		}
		q := parse(text)
		if n := testing.AllocsPerRun(100, func() { q.Match(e) }); n != 0 {
			t.Errorf("%s: %s allocates %v times", name, text, n)
		}
	}
}

var benchQueries = map[string]string{
	"word":      "counter",
	"miss":      "kubernetes",
	"id":        "4139",
	"phrase":    `"log(): latency=0.056"`,
	"and":       "error counter latency",
	"field":     "severity>=warning tag:socketserver in:dev1 counter",
	"wildcard":  "lat*056",
	"cjk":       "超时",
	"regex":     `/latency=\d/`,
	"cased":     "ärger",
	"timebound": "last:15m error",
}

func benchEntry() *Entry {
	return &Entry{
		Severity: Err, AppName: "socketserver_dev1", Instance: "socketserver/dev1", Received: testNow,
		Message: "2026/09/01 10:42:31 [error] 31497#31497: *4139 [lua] Counter.lua:66: log(): latency=0.056, client: 127.0.0.1",
	}
}

func BenchmarkMatch(b *testing.B) {
	e := benchEntry()
	for name, text := range benchQueries {
		b.Run(name, func(b *testing.B) {
			q := parse(text)
			b.ReportAllocs()
			b.SetBytes(int64(len(e.Message)))
			for b.Loop() {
				q.Match(e)
			}
		})
	}
}
