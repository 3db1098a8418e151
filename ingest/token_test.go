package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tagtail/tagtail/index"
)

func TestTokensAreCutOutOfWhatIsStored(t *testing.T) {
	id := ladder(t)
	const q = `"`
	key := `key="` + tokenOne + q
	tests := []struct {
		name             string
		sd, message      string
		wantSD, wantText string
		identified       bool
	}{
		{"alone", sdToken(tokenOne), "x", "", "x", true},
		{"the other name", `[lv@32473 ` + key + `]`, "x", "", "x", true},
		{"first", sdToken(tokenOne) + `[a b="c"]`, "x", `[a b="c"]`, "x", true},
		{"last", `[a b="c"]` + sdToken(tokenOne), "x", `[a b="c"]`, "x", true},
		{"between", `[a b="c"]` + sdToken(tokenOne) + `[d e="f"]`, "x", `[a b="c"][d e="f"]`, "x", true},
		{"with others behind", `[tagtail@32473 ` + key + ` seq="5"]`, "x", `[tagtail@32473 seq="5"]`, "x", true},
		{"with others before", `[tagtail@32473 seq="5" ` + key + `]`, "x", `[tagtail@32473 seq="5"]`, "x", true},
		{"with others around", `[tagtail@32473 a="\"]" ` + key + ` b="2"][c d="e"]`, "x", `[tagtail@32473 a="\"]" b="2"][c d="e"]`, "x", true},
		{"twice", sdToken(tokenOne) + `[a b="c"]` + sdToken(tokenTwo), "x", `[a b="c"]`, "x", true},
		{"twice in one", `[tagtail@32473 ` + key + ` a="b" key="` + tokenTwo + `"]`, "x", `[tagtail@32473 a="b"]`, "x", true},
		{"wrong", sdToken("0123456789abcdef-bad"), "x", "", "x", false},
		{"short", sdToken("short"), "x", "", "x", false},
		{"long", sdToken(strings.Repeat("x", 300)), "x", "", "x", false},
		{"empty", sdToken(""), "x", "", "x", false},
		{"none", `[tagtail@32473 seq="5"]`, "x", `[tagtail@32473 seq="5"]`, "x", false},
		{"a stranger's", `[other@32473 ` + key + `]`, "x", `[other@32473 ` + key + `]`, "x", false},
		{"before the text", "", sdToken(tokenOne) + " x", "", "x", true},
		{"before the text, with others", "", `[tagtail@32473 ` + key + ` a="b"] x`, "", `[tagtail@32473 a="b"] x`, true},
		{"in the text", "", "x " + sdToken(tokenOne) + " y", "", "x  y", false},
		{"cut off in the text", "", `x [tagtail@32473 key="0123456789`, "", "x ", false},
		{"cut off after the name", "", `x [tagtail@32473 key=`, "", "x ", false},
		{"broken", "", `[tagtail@32473 key=` + tokenOne + `] y`, "", "y", false},
		{"a name in a text", "", `about [tagtail@32473 and] others`, "", `about [tagtail@32473 and] others`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := index.Entry{StructuredData: test.sd, Message: test.message}
			id.Identify(&e, new(Evidence))
			if e.StructuredData != test.wantSD || e.Message != test.wantText || (e.InstanceBy == index.ByToken) != test.identified {
				t.Errorf("got %q, %q by %q", e.StructuredData, e.Message, e.InstanceBy)
			}
		})
	}
}

func TestManyTokensCostNoMoreThanTheirLength(t *testing.T) {
	id := ladder(t)
	e := index.Entry{StructuredData: strings.Repeat(sdToken(tokenOne)+`[a b="c"]`, 20000)}
	id.Identify(&e, new(Evidence))
	if e.StructuredData != strings.Repeat(`[a b="c"]`, 20000) {
		t.Errorf("got %d bytes", len(e.StructuredData))
	}
}

func FuzzTokensNeverStay(f *testing.F) {
	f.Add(`[a b="c"]`, ` seq="5"`, "")
	f.Add("", `"`, ` a="\`)
	f.Add(`[tagtail@32473 `, `]`, `[lv@32473 key="`)
	f.Fuzz(func(t *testing.T, before, inside, after string) {
		rest, _, _ := cutTokens(before + `[tagtail@32473 key="` + tokenOne + `"` + inside + `]` + after)
		if !strings.Contains(before+inside+after, "key") && strings.Contains(rest, tokenOne) && !strings.Contains(before, enterprise) {
			t.Errorf("got %q", rest)
		}
	})
}

func TestTokensAreNeverShown(t *testing.T) {
	in := Instance{Name: "a/b", Tokens: []Token{tokenOne}}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "instance", in, "token", in.Tokens[0])
	shown := fmt.Sprintf("%v %+v %#v %s %q", in, in, in, in.Tokens, in.Tokens[0]) + logged.String()
	for _, bad := range []Token{"short-secret", Token(strings.Repeat("secret", 99)), "secret with a blank", `secret-with-"-quote`} {
		_, err := NewIdentifier(&Config{Instances: []Instance{{Name: "a/b", Tokens: []Token{bad}}}})
		if err == nil {
			t.Fatalf("a token of %d bytes is accepted", len(bad))
		}
		shown += err.Error()
	}
	if strings.Contains(shown, tokenOne) || strings.Contains(shown, "secret") {
		t.Errorf("a token is shown: %s", shown)
	}
}
