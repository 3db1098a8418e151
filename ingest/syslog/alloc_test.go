package syslog

import (
	"strings"
	"testing"
	"time"

	"github.com/tagtail/tagtail/index"
)

// steadyFrames are what a busy server sends, one of each sender.
func steadyFrames() [][]byte {
	var frames [][]byte
	for _, s := range []string{
		"<171>Nov 22 08:53:08 vm socketserver_dev1: 2026/11/22 08:53:08 [error] 18331#18331: *9 [lua] log.lua:2: x, client: 127.0.0.1",
		"<173>Nov 22 08:53:07  socketserver_dev1: 2026/11/22 08:53:07 [notice] 18329#18329: using the \"epoll\" event method",
		"<174>Nov 22 08:53:08 vm socketserver_dev1_access: 127.0.0.1 - - [22/Nov/2026:08:53:08 +0000] \"GET /hhl HTTP/1.1\" 200 27 \"-\" \"-\"",
		"<134>1 2015-01-06T20:07:10.000000+08:00 HOSTNAME team1201 APP-NAME 9999 - - hello \n",
		"<171>1 2026-11-22T08:51:14.395837+00:00 vm game-proxy - - [timeQuality tzKnown=\"1\" isSynced=\"0\"] remote default",
		"<173>Nov 22 09:13:44 redis-16381[30800]: Ready to accept connections",
		"<171>Nov 22 09:15:18 mysqld: 2026-11-22  9:15:18 0 [Note] InnoDB: Number of transaction pools: 1",
		"<13>2026-07-23T09:30:45.123+05:45 fe80::1 daemon: timestamp variant",
		"plain text without anything",
		"<999>bad",
	} {
		frames = append(frames, []byte(s))
	}
	return frames
}

func TestParsingAllocatesNothing(t *testing.T) {
	opts := Options{Location: time.Local, LuaFixups: true}
	frames := steadyFrames()
	var arena Arena
	var e index.Entry
	got := testing.AllocsPerRun(10_000, func() {
		for _, f := range frames {
			e = index.Entry{Received: testNow, Source: testPeer}
			Parse(arena.String(f), &opts, &e)
			Refine(&e)
		}
	})
	if got != 0 { // the arena's chunks are less than one in a run
		t.Errorf("got %v allocations for %d frames", got, len(frames))
	}
}

func TestArenaStringsDoNotChange(t *testing.T) {
	var arena Arena
	var got, want []string
	for i := range 5000 {
		b := []byte(strings.Repeat(string(rune('a'+i%26)), 1+i*7%4000))
		want = append(want, string(b))
		got = append(got, arena.String(b))
		clear(b)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("string %d has changed", i)
		}
	}
	if arena.String(nil) != "" {
		t.Error("an empty string is not empty")
	}
}

func BenchmarkParse(b *testing.B) {
	opts := Options{Location: time.Local}
	frames := steadyFrames()
	var bytes int64
	for _, f := range frames {
		bytes += int64(len(f))
	}
	b.SetBytes(bytes / int64(len(frames)))
	b.ReportAllocs()
	var arena Arena
	var e index.Entry
	i := 0
	for b.Loop() {
		e = index.Entry{Received: testNow, Source: testPeer}
		Parse(arena.String(frames[i]), &opts, &e)
		Refine(&e)
		if i++; i == len(frames) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkReader(b *testing.B) {
	line := string(steadyFrames()[0]) + "\n"
	text := strings.Repeat(line, 1000)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	r := NewReader(Framing{})
	src := strings.NewReader(text)
	for b.Loop() {
		for {
			if _, ok := r.Next(); ok {
				break
			}
			if src.Len() == 0 {
				src.Reset(text)
			}
			if err := r.Fill(src); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}
