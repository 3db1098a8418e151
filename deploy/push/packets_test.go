package push

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheSentenceOfAPushThatIsTooLargeStandsBetweenGitsPackets(t *testing.T) {
	const git = "0009\x02one\n" + "002f\x02fatal: pack exceeds maximum allowed size\n\n" + "000b\x01unpack" + "0000"
	const want = "0009\x02one\n" + "002f\x02fatal: pack exceeds maximum allowed size\n\n" + "0009\x02why\n" + "000b\x01unpack" + "0000"
	for _, size := range []int{1, 2, 3, 7, 50, len(git)} {
		var out bytes.Buffer
		asked := 0
		g := &Packets{Out: &out, Refuse: func() string { asked++; return "why" }}
		for rest := git; rest != ""; {
			n := min(size, len(rest))
			if wrote, err := g.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatalf("wrote %d, %v, want %d", wrote, err, n)
			}
			rest = rest[n:]
		}
		if out.String() != want || asked != 1 || !g.Over {
			t.Errorf("in pieces of %d: got %q, asked %d times", size, out.String(), asked)
		}
	}
}

func TestWhatIsNoPacketsPassesAsItIs(t *testing.T) {
	for _, text := range []string{"ERR no", "xxxx" + overSize, "fff5" + strings.Repeat("a", 100), "0005\x01" + "zzzz\x02" + overSize} {
		var out bytes.Buffer
		g := &Packets{Out: &out, Refuse: func() string { return "why" }}
		for _, part := range []string{text, "more"} {
			if _, err := g.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != text+"more" || g.Over {
			t.Errorf("got %q, want %q", out.String(), text+"more")
		}
	}
}
