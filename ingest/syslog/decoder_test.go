package syslog

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tagtail/tagtail/index"
)

func TestADecoderGivesWhatParseGives(t *testing.T) {
	frames := steadyFrames()
	cases := loadCases(t)
	for i := range cases {
		frames = append(frames, []byte(cases[i].data()))
	}
	for _, s := range []string{
		"", "\n", "<175>Nov 22 08:53:08 vm socketserver_dev1: ", "<175>Nov 22 08:53:08 vm socketserver_dev1: \n\x00",
		"<175>Nov 22 08:53:08 vm socketserver_dev1:", "<175>Nov 22 08:53:08 vm socketserver_dev1: a: b", "<175>Nov 22 08:53:08 vm socketserver_dev1:b",
		"<175>Nov 22 08:53:08 vm socketserver_dev1: <13>Nov 22 08:53:08 x y: z", "<175>Nov 22 08:53:08 socketserver_dev1: b",
		"<13>1 2026-11-22T08:51:14Z a b: ", "<13>1 2026-11-22T08:51:14Z a b: c d", "<13>1 2026-11-22T08:51:14Z a b: - - c",
		"<13>Nov 22 08:53:08 2007 h t: x", "<13>Nov 22 08:53:08 h t[7]: x", "<13>Nov 22 08:53:08 h t[7]: y",
	} {
		frames = append(frames, []byte(s))
	}
	for _, opts := range []Options{{}, {Local: true}, {Hostname: "here"}, {LuaFixups: true}} {
		var d Decoder
		r := rand.New(rand.NewPCG(1, 2))
		at := time.Date(2026, 12, 31, 22, 0, 0, 0, time.UTC)
		for i := range 20_000 {
			frame := frames[r.IntN(len(frames))]
			if i%2 == 1 { // the header of one with the text of another
				frame = append(frame[:len(frame):len(frame)], frames[r.IntN(len(frames))]...)
			}
			at = at.Add(time.Duration(r.IntN(3)) * time.Minute)
			for range 1 + r.IntN(3) {
				compareDecoder(t, &d, &opts, frame, at, fmt.Sprint("peer", r.IntN(2)))
			}
		}
	}
}

func TestADecoderReadsTheYearOfAnOldTimeAnew(t *testing.T) {
	var d Decoder
	frame := []byte("<13>May 24 08:30:00 h t: half a year ago, then half a year ahead")
	for _, minute := range []int{20, 40} {
		at := time.Date(2026, 11, 22, 20, minute, 0, 0, time.UTC)
		compareDecoder(t, &d, &Options{Location: time.UTC}, frame, at, "peer")
	}
}

func compareDecoder(t *testing.T, d *Decoder, opts *Options, frame []byte, at time.Time, source string) {
	t.Helper()
	want := index.Entry{Received: at, Source: source, Flags: index.FlagTruncated}
	got := want
	wantOK, gotOK := Parse(string(frame), opts, &want), d.Parse(frame, opts, &got)
	if gotOK != wantOK {
		t.Fatalf("%q: got %v, want %v", frame, gotOK, wantOK)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%q (-Parse +Decoder):\n%s", frame, diff)
	}
}

func FuzzDecoder(f *testing.F) {
	for _, frame := range steadyFrames() {
		f.Add(string(frame), "a: b", 7)
	}
	f.Fuzz(func(t *testing.T, first, second string, keep int) {
		var d Decoder
		at := time.Date(2026, 11, 22, 8, 53, 9, 0, time.UTC)
		for _, opts := range []Options{{}, {Local: true}} {
			d = Decoder{}
			compareDecoder(t, &d, &opts, []byte(first), at, "peer")
			compareDecoder(t, &d, &opts, []byte(first[:max(0, min(keep, len(first)))]+second), at, "peer")
		}
	})
}
