package relp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// cut reads text and gives its frames as "txnr command data".
func cut(limit int, text string) (frames []string, err error) {
	r := NewReader(limit)
	src := strings.NewReader(text)
	for {
		for {
			f, ok, err := r.Next()
			if err != nil {
				return frames, err
			}
			if !ok {
				break
			}
			s := fmt.Sprintf("%d %s %q", f.Txnr, f.Command, f.Data)
			if f.Cut {
				s += " cut"
			}
			frames = append(frames, s)
		}
		if src.Len() == 0 {
			if r.Pending() {
				frames = append(frames, "unfinished")
			}
			return frames, nil
		}
		if _, err := r.Fill(iotest.OneByteReader(src)); err != nil {
			return frames, err
		}
	}
}

func TestFramesAreCut(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
		wantErr    string
	}{
		{"a session", "1 open 3 a=b\n2 syslog 5 a\nb c\n3 close 0\n", []string{`1 open "a=b"`, `2 syslog "a\nb c"`, `3 close ""`}, ""},
		{"a space behind no data", "1 close 0 \n2 close 0\n", []string{`1 close ""`, `2 close ""`}, ""},
		{"long data is cut and the next frame is whole", "1 syslog 10 0123456789\n2 syslog 1 x\n", []string{`1 syslog "01234567" cut`, `2 syslog "x"`}, ""},
		{"data of just the limit", "1 syslog 8 01234567\n", []string{`1 syslog "01234567"`}, ""},
		{"an end in the data", "1 syslog 8 0123", []string{"unfinished"}, ""},
		{"an end in cut data", "1 syslog 9 01234567", []string{`1 syslog "01234567" cut`, "unfinished"}, ""},
		{"the largest numbers", "999999999 syslog 000000001 x\n", []string{`999999999 syslog "x"`}, ""},
		{"ten digits", "1234567890 syslog 1 x\n", nil, "more than 9 digits"},
		{"a length of ten digits", "1 syslog 1234567890", nil, "more than 9 digits"},
		{"a negative length", "1 syslog -1 x\n", nil, "no number"},
		{"no number", "GET / HTTP/1.1\r\n", nil, "no number"},
		{"digits only", "1\n", nil, "no space behind the transaction number"},
		{"no command", "1  1 x\n", nil, "no command"},
		{"a command of 33 letters", "1 " + strings.Repeat("x", 33) + " 0\n", nil, "more than 32 letters"},
		{"a command of 32 letters", "1 " + strings.Repeat("x", 32) + " 0\n", []string{"1 " + strings.Repeat("x", 32) + ` ""`}, ""},
		{"a digit in the command", "1 sys2log 0\n", nil, "no command of letters"},
		{"a length without data", "1 syslog 1\n", nil, "no space behind the length"},
		{"no line feed", "1 syslog 1 xy\n", nil, "no line feed behind the 1 bytes of syslog"},
		{"no line feed behind nothing", "1 close 0x", nil, "no space behind the length"},
		{"no line feed behind a long one", "1 syslog 9 0123456789\n", []string{`1 syslog "01234567" cut`}, "no line feed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := cut(8, test.text)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (err != nil) != (test.wantErr != "") || err != nil && (!errors.Is(err, ErrFraming) || !strings.Contains(err.Error(), test.wantErr)) {
				t.Errorf("got error %v, want %q", err, test.wantErr)
			}
		})
	}
}

// endless never ends and never has a line feed.
type endless struct{ c byte }

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.c
	}
	return len(p), nil
}

func TestTheBufferIsBoundedAndLetGo(t *testing.T) {
	const limit = 10_000
	r := NewReader(limit)
	if _, err := r.Fill(strings.NewReader("1 syslog 999999999 ")); err != nil {
		t.Fatal(err)
	}
	var frames int
	for range 1000 {
		if _, err := r.Fill(endless{'x'}); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := r.Next(); err != nil {
			t.Fatal(err)
		} else if ok {
			frames++
		}
		if got := len(r.buf); got > limit+maxHeaderBytes+1 {
			t.Fatalf("the buffer has %d bytes", got)
		}
	}
	if frames != 1 || !r.Pending() {
		t.Errorf("got %d frames, pending %v; want the one that was cut", frames, r.Pending())
	}
	if r.Release(); r.buf != nil {
		t.Errorf("%d bytes are kept with nothing in them", len(r.buf))
	}
}

func TestASenderThatFillsTheBufferIsReadInLargerPieces(t *testing.T) {
	r := NewReader(64 << 10)
	src := strings.NewReader(strings.Repeat("0 syslog 6 abcdef\n", 10_000))
	var fills int
	for ; src.Len() > 0; fills++ {
		if _, err := r.Fill(src); err != nil {
			t.Fatal(err)
		}
		for ok := true; ok; {
			var err error
			if _, ok, err = r.Next(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if fills > 10 {
		t.Errorf("180,000 bytes took %d reads", fills)
	}
}

func FuzzReader(f *testing.F) {
	f.Add("1 open 3 a=b\n2 syslog 5 a\nb c\n3 close 0\n", 3)
	f.Add("1 syslog 10 0123456789\n2 syslog 1 x\n", 100)
	f.Add("999999999 syslog 999999999 x", 1)
	f.Fuzz(func(t *testing.T, text string, piece int) {
		whole, wholeErr := cut(16, text)
		var session Session
		r := NewReader(16)
		var frames int
		for rest := text; rest != ""; {
			n := min(max(piece, 1), len(rest))
			if n, _ = r.Fill(strings.NewReader(rest[:n])); n == 0 {
				t.Fatal("no room")
			}
			rest = rest[n:]
			for {
				fr, ok, err := r.Next()
				if err != nil {
					if wholeErr == nil {
						t.Fatalf("got %v in pieces, no error at once", err)
					}
					return
				}
				if !ok {
					break
				}
				frames++
				_, _ = session.Take(fr) // must not panic
			}
			if len(r.buf) > minBufferBytes {
				t.Fatalf("the buffer has %d bytes", len(r.buf))
			}
		}
		if wholeErr != nil {
			t.Fatalf("got %v byte by byte, no error in pieces", wholeErr)
		}
		if r.Pending() {
			frames++
		}
		if frames != len(whole) {
			t.Fatalf("got %d frames in pieces, %d byte by byte", frames, len(whole))
		}
	})
}
