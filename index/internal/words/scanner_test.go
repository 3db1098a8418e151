package words

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scanned is what a Scanner gives, in the form of tokens.
func scanned(t *testing.T, s string) (out []string) {
	t.Helper()
	var scanner Scanner
	scanner.Reset(s)
	for {
		token, more := scanner.Next()
		if !more {
			return out
		}
		if token.Kind == Other {
			out = append(out, tokens(token.Text)...)
			continue
		}
		prefix := "w:"
		if token.Kind == ID {
			prefix = "id:"
		}
		out = append(out, prefix+token.Text)
	}
}

func FuzzAScannerGivesTheSameTokens(f *testing.F) {
	for _, text := range []string{
		"", " ", "a", "ReadTimeouts  -- a", "socketserver_dev1", "uid=123 7EBBF4f", "ab1CDE2", "x1", "1", "abc1",
		"[error] 12#12: *9 open() \"/a\"\x00\x7f", "ab 超时 cd", "超时,日志x", "1K2 İx", "bad\xff\xfebytes\x00here", "Ärger-naïve",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if diff := cmp.Diff(tokens(s), scanned(t, s)); diff != "" {
			t.Fatalf("%q (-Each +Scanner):\n%s", s, diff)
		}
	})
}
