package index

import (
	"regexp"
	"strings"
	"testing"
)

// TestRegexThatBeginsWithATextMatchesAsAWhole: only the places of the text are
// tried, each as if the message began there.
func TestRegexThatBeginsWithATextMatchesAsAWhole(t *testing.T) {
	sources := []string{
		`took=9+us`, `took\b`, `took\B=`, `(took|tool)=9`, `to(?-i)OK`, `took$`, `took^`, `(?m)took=1$`, `(?s)took.1`, `k=9`,
		`(to)+k=1`, `took=[^9]`, `too|k=1`, `(?i)TOOK=\d`, `aa.*b`, `is`, `ſt`, `Kelvin`, `took=9{2,}us|took=1`,
	}
	values := []string{
		"", "took", "TOOK=99us", "tooktook=1", "to took=1\nx", "tool=9 took=9us", "toOK", "took\n1", "xtook", "\u212aelvin", "kelvin",
		"took=1\u0130", "IS", "\u017ft", "st", strings.Repeat("a", 40) + "b", strings.Repeat("a", 40), strings.Repeat("took=x ", 20) + "took=1",
	}
	prefixes := 0
	for _, source := range sources {
		x, err := newRegex(source)
		if err != nil {
			t.Fatal(err)
		}
		if x.prefix != nil {
			prefixes++
		}
		whole := regexp.MustCompile("(?i)" + source)
		for _, value := range values {
			if got, want := x.in(value), whole.MatchString(value); got != want {
				t.Errorf("%s in %q = %v, want %v", source, value, got, want)
			}
		}
	}
	if prefixes < len(sources)/2 {
		t.Errorf("only %d expressions have a prefix: the test has lost its point", prefixes)
	}
}

func TestRegexMayEndWithinAQuotation(t *testing.T) {
	for source, texts := range map[string][2]string{
		`\Qab[c`:             {"xab[cx", "abc"},
		`ab\Q[c\E.d`:         {"ab[cxd", "ab[cd"},
		`ab\\Q`:              {`ab\q`, "abq"},
		`ab\Q\`:              {`ab\`, "ab"},
		`ab\Qc\Ed\Q(\E)?\Q|`: {"", ""},
	} {
		x, err := newRegex(source)
		if texts[0] == "" {
			if err == nil {
				t.Errorf("%s is no error", source)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if !x.in(texts[0]) || x.in(texts[1]) {
			t.Errorf("%s: in %q %v, in %q %v", source, texts[0], x.in(texts[0]), texts[1], x.in(texts[1]))
		}
	}
}
