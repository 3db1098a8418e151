package syslog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

// cut gives the frames of a stream that comes in pieces as "text [flags]".
func cut(framing Framing, pieces ...string) []string {
	r := NewReader(framing)
	var frames []string
	drain := func() {
		for f, ok := r.Next(); ok; f, ok = r.Next() {
			s := string(f.Bytes)
			if f.Flags != 0 {
				s += " [" + strings.Join(f.Flags.Names(), " ") + "]"
			}
			frames = append(frames, s)
		}
	}
	for _, piece := range pieces {
		for src := strings.NewReader(piece); src.Len() > 0; drain() {
			_ = r.Fill(src)
		}
	}
	r.End()
	drain()
	return frames
}

func TestStreamsAreCut(t *testing.T) {
	tests := []struct {
		name    string
		framing Framing
		text    string
		want    []string
	}{
		{"lines", Framing{}, "<1>a\n<2>b\r\n\n\r\n\x00<3>c\n", []string{"<1>a", "<2>b", "<3>c"}},
		{"a line that starts with a date is no count", Framing{}, "2026-01-01 app text\n2026 app\n<1>b\n", []string{"2026-01-01 app text", "2026 app", "<1>b"}},
		{"counts and lines mixed", Framing{}, "4 <1>a<2>b\n6 <3>c\nd\n<4>e", []string{"<1>a", "<2>b", "<3>c\nd", "<4>e [partial]"}},
		{"a count that is too large is text", Framing{}, "1048577 <1>a\n<2>b\n", []string{"1048577 <1>a", "<2>b"}},
		{"a count of eight digits is text", Framing{}, "00000004 <1>a\n12345678 <1>b\n", []string{"00000004 <1>a", "12345678 <1>b"}},
		{"an oversize line is cut and discarded", Framing{MaxBytes: 6}, "<1>abcdefgh\n<2>b\n", []string{"<1>abc [truncated]", "<2>b"}},
		{"a line of just the largest size is whole", Framing{MaxBytes: 6}, "<1>abc\n<2>b\n", []string{"<1>abc", "<2>b"}},
		{"an oversize counted frame is cut and discarded", Framing{MaxBytes: 6}, "10 <1>abc\n<9>4 <2>b", []string{"<1>abc [truncated]", "<2>b"}},
		{"an oversize line without an end", Framing{MaxBytes: 6}, "<1>abcdefgh", []string{"<1>abc [truncated]"}},
		{"an incomplete count at the end", Framing{}, "30 <1>a", []string{"<1>a [partial]"}},
		{"digits at the end", Framing{}, "<1>a\n30", []string{"<1>a", "30 [partial]"}},
		{"multiline", Framing{Multiline: true}, "<1>a\n\tb\n<x\n<2>c\n<3>d\n", []string{"<1>a\n\tb\n<x", "<2>c", "<3>d"}},
		{"multiline with a PRI that never ends", Framing{Multiline: true}, "<1>a\n<12", []string{"<1>a\n<12 [partial]"}},
		{"multiline oversize ends at the next PRI", Framing{Multiline: true, MaxBytes: 6}, "<1>abcdefgh\nxyz\n<2>b\n", []string{"<1>abc [truncated]", "<2>b"}},
		{"a first frame with NUL keeps line feeds", Framing{}, "<1>a\x00<2>b\nc\x00<3>d\x00", []string{"<1>a", "<2>b\nc", "<3>d"}},
		{"and still ends at a line feed before a PRI", Framing{}, "<1>a\x00<2>b\n<3>c\n<4>d\n", []string{"<1>a", "<2>b", "<3>c", "<4>d"}},
		{"a first message with line feeds and a NUL is whole", Framing{}, "<1>a\nb\n\nc\x00<2>d\ne\x00", []string{"<1>a\nb\n\nc", "<2>d\ne"}},
		{"lines without a PRI before lines with one", Framing{}, "<1>a\nb\n<2>c\x00<3>d\ne\n", []string{"<1>a", "b", "<2>c", "<3>d", "e"}},
		{"a NUL inside of a line without a PRI", Framing{}, "<1>a\nb\x00c\n<2>d\ne\n", []string{"<1>a", "b", "c", "<2>d", "e"}},
		{"a line and a counted frame with a NUL", Framing{}, "<1>a\n6 <2>\x00bc<3>d\ne\n", []string{"<1>a", "<2>\x00bc", "<3>d", "e"}},
		{"text without a PRI before a NUL", Framing{}, "a\nb\x00<2>c\nd\x00", []string{"a", "b", "<2>c", "d"}},
		{"a first message with NUL above the largest size is cut", Framing{MaxBytes: 8}, "<1>a\nbcdefgh\x00<2>d\ne\x00", []string{"<1>a\nbcd [truncated]", "<2>d\ne"}},
		{"one that is larger than the buffer comes by line", Framing{MaxBytes: 8}, "<1>a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nlmnopq\x00<2>d\ne\x00",
			[]string{"<1>a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "lmnopq", "<2>d\ne"}},
		{"a NUL later does not keep line feeds", Framing{}, "<1>a\n<2>b\x00c\nd\n", []string{"<1>a", "<2>b", "c", "d"}},
		{"nothing", Framing{}, "\n\n\x00\r\n", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, cut(test.framing, test.text)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPauseGivesOutAnUnfinishedLineButNoCountedFrame(t *testing.T) {
	r := NewReader(Framing{})
	next := func() string {
		f, ok := r.Next()
		if !ok {
			return "-"
		}
		return fmt.Sprint(string(f.Bytes), f.Flags.Names())
	}
	steps := []struct {
		name, bytes, before, after string
	}{
		{"a line without an end", "<1>a", "-", "<1>a[partial]"},
		{"an incomplete counted frame", "8 <1>a", "-", "-"},
		{"the rest of it", "bcde", "<1>abcde[]", "-"},
		{"digits", "12", "-", "12[partial]"},
	}
	for _, step := range steps {
		if err := r.Fill(strings.NewReader(step.bytes)); err != nil {
			t.Fatal(err)
		}
		if got := next(); got != step.before {
			t.Errorf("%s: got %q, want %q", step.name, got, step.before)
		}
		r.Flush()
		if got := next(); got != step.after {
			t.Errorf("%s, after a pause: got %q, want %q", step.name, got, step.after)
		}
	}
}

func TestPythonsFirstMessageIsWholeUnlessTheStreamPausesBehindOneOfItsLines(t *testing.T) {
	first := "<171>app[7]: boom\nTraceback (most recent call last):\n  File \"app.py\", line 9, in <module>\n\nZeroDivisionError: division by zero"
	others := []string{"<174>plain message", "<171>app[7]: again\nTraceback\n  File", "<172>last"}
	stream := first + "\x00" + strings.Join(others, "\x00") + "\x00"
	whole := append([]string{first}, others...)
	var torn []string // a line at a time
	for line := range strings.Lines(first) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			torn = append(torn, line)
		}
	}
	torn = append(torn, others...)
	tornAt := 0
	for n := range len(stream) {
		want := whole
		if n <= len(first) && strings.HasSuffix(stream[:n], "\n") {
			want = torn
			tornAt++
		}
		if diff := cmp.Diff(want, cut(Framing{}, stream[:n], stream[n:])); diff != "" {
			t.Errorf("split at byte %d (-want +got):\n%s", n, diff)
		}
	}
	if lines := strings.Count(first, "\n"); tornAt != lines {
		t.Errorf("torn at %d places, want %d", tornAt, lines)
	}
	if diff := cmp.Diff(torn, cut(Framing{}, strings.Split(stream, "")...)); diff != "" {
		t.Errorf("byte by byte (-want +got):\n%s", diff)
	}
	long := strings.Replace(first, "app.py", strings.Repeat("x/", 20000), 1)
	if diff := cmp.Diff(append([]string{long}, others...), cut(Framing{}, long+stream[len(first):])); diff != "" {
		t.Errorf("longer than the buffer (-want +got):\n%s", diff)
	}
}

func TestWholeLinesAreNeverWaitedBehind(t *testing.T) {
	for text, want := range map[string][]string{
		"<1>a\n":                    {"<1>a"},
		"<1>a\nb\n":                 {"<1>a", "b"},
		"<1>a\n<":                   {"<1>a"},
		"<1>a\n<2>b\nc":             {"<1>a", "<2>b"},
		"<1>a\nb\n<2>":              {"<1>a", "b"},
		"<1>a\n30 <2>b":             {"<1>a"},
		"a\nb\nc":                   {"a", "b"},
		"7 <1>\na\nb<1>a\nb\nc\nd":  {"<1>\na\nb", "<1>a", "b", "c"},
		"<1>a\nbegun":               nil, // its rest is under way
		"<1>a\nbegun\nand so on\n<": {"<1>a", "begun", "and so on"},
	} {
		r := NewReader(Framing{})
		if err := r.Fill(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		next := func() (got []string) {
			for f, ok := r.Next(); ok; f, ok = r.Next() {
				got = append(got, string(f.Bytes))
			}
			return got
		}
		if diff := cmp.Diff(want, next()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if r.Flush(); want == nil {
			if diff := cmp.Diff([]string{"<1>a", "begun"}, next()); diff != "" {
				t.Errorf("%q, after a pause (-want +got):\n%s", text, diff)
			}
		}
	}
}

func TestALongMessageComesInOnePieceAndMemoryIsBounded(t *testing.T) {
	// One 9 KB line became 834 messages in a release of rsyslog.
	for _, size := range []int{9 << 10, DefaultMaxBytes, DefaultMaxBytes + 1, 10 * DefaultMaxBytes} {
		line := "<13>" + strings.Repeat("1", size-4)
		for _, text := range []string{line + "\n<1>b\n", fmt.Sprintf("%d %s<1>b\n", size, line)} {
			r := NewReader(Framing{})
			var got []int
			for src := strings.NewReader(text); src.Len() > 0; {
				if err := r.Fill(src); err != nil {
					t.Fatal(err)
				}
				for f, ok := r.Next(); ok; f, ok = r.Next() {
					got = append(got, len(f.Bytes))
					if truncated := size > DefaultMaxBytes && len(got) == 1; truncated != f.Flags.Has(index.FlagTruncated) {
						t.Errorf("%d bytes: flags %v", size, f.Flags.Names())
					}
				}
			}
			if diff := cmp.Diff([]int{min(size, DefaultMaxBytes), 4}, got); diff != "" {
				t.Errorf("%d bytes (-want +got):\n%s", size, diff)
			}
			if len(r.buf) > DefaultMaxBytes+2*maxHeaderBytes {
				t.Errorf("%d bytes: the buffer has %d", size, len(r.buf))
			}
		}
	}
}

func TestDatagramsAreSplitAtLinesWithAPRI(t *testing.T) {
	for text, want := range map[string][]string{
		"<1>a\nb":            {"<1>a\nb"},
		"<1>a \n<2>b\n":      {"<1>a ", "<2>b\n"},
		"<1>a\n<1234>\n<3>":  {"<1>a\n<1234>", "<3>"},
		"<1>a\n<12":          {"<1>a\n<12"},
		"\n<1>a":             {"", "<1>a"},
		"<1>a\n\n<2>b\n<3>c": {"<1>a\n", "<2>b", "<3>c"},
	} {
		var got []string
		for rest := []byte(text); rest != nil; {
			var message []byte
			message, rest = CutLinePRI(rest)
			got = append(got, string(message))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, c := range loadCases(f) {
		if c.Transport == "tcp" {
			f.Add([]byte(c.data()), 5, false)
		}
	}
	f.Add([]byte("-5 x\n9223372036854775807 x\n999999 <"), 1, true)
	f.Fuzz(func(t *testing.T, data []byte, step int, multiline bool) {
		framing := Framing{MaxBytes: 64, Multiline: multiline}
		r := NewReader(framing)
		var whole int
		drain := func() {
			for frame, ok := r.Next(); ok; frame, ok = r.Next() {
				if n := len(frame.Bytes); n == 0 || n > framing.MaxBytes {
					t.Fatalf("a frame of %d bytes", n)
				}
				if !bytes.Contains(data, frame.Bytes) {
					t.Fatalf("frame %q is not in the stream", frame.Bytes)
				}
				whole += len(frame.Bytes)
			}
		}
		step = 1 + int(uint(step)%100)
		for rest := data; len(rest) > 0; {
			piece := bytes.NewReader(rest[:min(step, len(rest))])
			for piece.Len() > 0 {
				_ = r.Fill(piece)
				drain()
			}
			rest = rest[min(step, len(rest)):]
		}
		r.End()
		drain()
		if r.Pending() != 0 {
			t.Fatalf("%d bytes are left", r.Pending())
		}
		if whole > len(data) {
			t.Fatalf("%d bytes became %d", len(data), whole)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, c := range loadCases(f) {
		f.Add(c.data())
	}
	f.Fuzz(func(t *testing.T, frame string) {
		for _, transport := range []string{"udp", "unix"} {
			opts := testOptions(transport)
			e := index.Entry{Received: testNow, Source: testPeer}
			if !Parse(frame, &opts, &e) {
				if strings.Trim(frame, "\x00\r\n") != "" {
					t.Fatalf("Parse(%q) says there is nothing in it", frame)
				}
				return
			}
			if !strings.HasSuffix(strings.TrimRight(frame, "\x00\r\n"), e.Message) {
				t.Fatalf("Parse(%q): message %q is not its end", frame, e.Message)
			}
			if e.Facility > 23 || e.Severity > 7 || e.Hostname == "" {
				t.Fatalf("Parse(%q) = %+v", frame, e)
			}
			Refine(&e)
			AppendMsg(AppendTag(nil, &e), &e)
			ProgramName(&e)
		}
	})
}
