package index

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestTermsSayWhereTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		"a -b NOT c !d":                   "a|-b|NOT c|!d",
		"  日志 -超时  b":                     "日志|-超时|b",
		"x OR NOT -y AND z":               "x|OR|NOT -y|AND|z",
		"-(a OR tag:(b -c)) d":            "-(|a|OR|tag:(b -c)|)|d",
		`-tag:x tag:-y "a -b" /c d/ -/e/`: `-tag:x|tag:-y|"a -b"|/c d/|-/e/`,
		"(a (b":                           "(|a|(|b||",
		"a )stray( NOT":                   "a|)stray(|NOT",
		"tag:a,b limit:5 last:1h":         "tag:a,b|limit:5|last:1h",
		"\n one\ntwo ":                    "one\ntwo",
		`-"unclosed phrase`:               `-"unclosed phrase`,
		"NOT  (a)":                        "NOT  (|a|)",
	} {
		var got []string
		for _, term := range parse(text).Terms() {
			got = append(got, text[term.From:term.To])
		}
		if got := strings.Join(got, "|"); got != want {
			t.Errorf("%q has %q, want %q", text, got, want)
		}
	}
}

func TestTermsOfAnyTextFollowEachOther(t *testing.T) {
	pieces := []string{
		"a", "超时", " ", "  ", "-", "!", "NOT ", "OR ", " AND ", "(", ")", `"`, "'", "tag:", "severity:", "/", "x,y", "err", "last:1h", "tag:(",
		"\\", "limit:", "\xff", "level=error", "\n", ":", "..", "*",
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		text, end := b.String(), 0
		for _, term := range parse(text).Terms() {
			if term.From < end || term.To < term.From || term.To > len(text) {
				t.Fatalf("%q: %+v does not follow byte %d", text, term, end)
			}
			part := text[term.From:term.To]
			if !strings.HasSuffix(part, term.Text) && (term.Text != ")" || part != "") {
				t.Fatalf("%q: %+v stands at %q", text, term, part)
			}
			if !term.Not && term.Kind != "group" && strings.TrimLeft(part, "-! NOT") != strings.TrimLeft(term.Text, "-! NOT") {
				t.Fatalf("%q: %+v stands at %q", text, term, part)
			}
			end = term.To
		}
	}
}
