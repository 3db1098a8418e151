package words

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func tokens(s string) []string {
	var out []string
	Each(Fold(nil, s), func(token []byte, _ int, kind Kind) {
		prefix := "w:"
		if kind == ID {
			prefix = "id:"
		}
		out = append(out, prefix+string(token))
	})
	return out
}

func TestEachCutsRuns(t *testing.T) {
	tests := map[string][]string{
		"":                           nil,
		"ReadTimeouts  -- a":         {"w:readtimeouts", "w:a"},
		"socketserver_dev1":          {"w:socketserver", "id:dev1", "w:dev"},
		"uid=123 7ebbf4f":            {"w:uid", "id:123", "id:7ebbf4f"},
		"ab1cde2":                    {"id:ab1cde2"},
		"abc1cdg2":                   {"id:abc1cdg2", "w:abc", "w:cdg"},
		"日志超时":                       {"w:日志", "w:志超", "w:超时"},
		"超":                          {"w:超"},
		"naïve Ärger":                {"w:na", "w:ï", "w:ve", "w:ä", "w:rger"},
		"x超时y":                       {"w:x", "w:超时", "w:y"},
		"bad\xff\xfebytes\x00here":   {"w:bad", "w:bytes", "w:here"},
		"10.0.0.7":                   {"id:10", "id:0", "id:0", "id:7"},
		"K (Kelvin) is a k, İ is i̇": {"w:k", "w:kelvin", "w:is", "w:a", "w:k", "w:i", "w:is", "w:i"},
	}
	for text, want := range tests {
		if diff := cmp.Diff(want, tokens(text)); diff != "" {
			t.Errorf("tokens of %q (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzInteriorTokensOfAPartAreTokensOfTheWhole checks the guarantee that the
// package document gives.
func FuzzInteriorTokensOfAPartAreTokensOfTheWhole(f *testing.F) {
	f.Add("a b c socketserver_dev1 日志超时", 3, 20)
	f.Add("\xff\xe8\xb6 K1", 0, 2)
	f.Fuzz(func(t *testing.T, s string, from, to int) {
		whole := Fold(nil, s)
		if from < 0 || to < from || to > len(whole) {
			return
		}
		part := whole[from:to]
		if !utf8.Valid(part) {
			return
		}
		have := tokens(string(whole))
		Each(part, func(token []byte, at int, kind Kind) {
			if at == 0 || at+len(token) == len(part) || kind != Word {
				return
			}
			if !slices.Contains(have, "w:"+string(token)) {
				t.Errorf("%q is a token of %q but not of %q", token, part, whole)
			}
		})
	})
}
