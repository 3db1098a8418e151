package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// debugLines are like what one nginx worker writes at error_log … debug: many
// short lines a request, few of them new.
func debugLines(count int) []Entry {
	templates := []string{
		"[debug] 4711#4711: *%[1]d http process request line",
		"[debug] 4711#4711: *%[1]d http header: \"Host: dev1.example.org\"",
		"[debug] 4711#4711: *%[1]d malloc: 000055D0C0A%05[2]X:1024",
		"[debug] 4711#4711: *%[1]d rewrite phase: 1",
		"[debug] 4711#4711: *%[1]d test location: \"/websocket\"",
		"[debug] 4711#4711: *%[1]d lua run write event handler: timedout:0, ready:1, writing_raw_req_headers:0",
		"[debug] 4711#4711: *%[1]d event timer add: 12: 60000:%[2]d",
		"[debug] 4711#4711: *%[1]d http set discard body",
		"[debug] 4711#4711: *%[1]d post event 000055D0C0%06[2]X",
		"[debug] 4711#4711: *%[1]d free: 000055D0C0A%05[2]X, unused: 8",
	}
	r := rand.New(rand.NewPCG(7, 7))
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	entries := make([]Entry, count)
	for i := range entries {
		message := fmt.Sprintf(templates[i%len(templates)], i/100+1, r.IntN(1<<20))
		message, _, _ = strings.Cut(message, "%!(EXTRA")
		received := start.Add(time.Duration(i/64) * 320 * time.Microsecond)
		entries[i] = Entry{
			Received: received, Time: received.Truncate(time.Second), Facility: Local5, Severity: Debug, Format: FormatRFC3164,
			InstanceBy: BySocket, Hostname: "server", Source: "unix:uid=1001,pid=4711", AppName: "socketserver_dev1",
			ProcID: "4711", Message: message, Instance: "socketserver/dev1", Input: "unixgram:///run/tagtail/log",
		}
	}
	return entries
}

// benchStore appends the lines in batches of 64, with Run in the background.
func benchStore(b *testing.B, s *Store, lines []Entry, count int) {
	b.Helper()
	batch := make([]Entry, 64)
	for done := 0; done < count; done += len(batch) {
		at := done % (len(lines) - len(batch))
		copy(batch, lines[at:])
		if err := s.Append(batch); err != nil {
			b.Fatal(err)
		}
	}
}

func runStore(b *testing.B, s *Store) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = s.Run(ctx); close(ended) }()
	b.Cleanup(func() { cancel(); <-ended })
}

func BenchmarkAppend(b *testing.B) {
	lines := debugLines(400_000)
	s := openStore(b, Config{Dir: b.TempDir()})
	runStore(b, s)
	before := cpuSeconds(b)
	b.ResetTimer()
	benchStore(b, s, lines, b.N)
	sealAllBench(s) // what is not sealed has not been paid for
	b.StopTimer()
	b.ReportMetric((cpuSeconds(b)-before)/float64(b.N)*1e6, "cpu-s/M")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	reportBytes(b, s)
}

func sealAllBench(s *Store) {
	s.mu.Lock()
	for _, h := range s.heads {
		s.retireHeadLocked(h)
	}
	s.mu.Unlock()
	for s.Stats().Pending > 0 {
		if !s.sealNext() {
			time.Sleep(time.Millisecond) // another goroutine has the last one
		}
	}
}

func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func reportBytes(b *testing.B, s *Store) {
	stats := s.Stats()
	entries := float64(stats.Appended)
	b.ReportMetric(float64(stats.BlockBytes)/entries, "block-B/entry")
	for name, pattern := range map[string]string{"filter-B/entry": "days/*/*.filter", "words-B/entry": "days/*/bleve-*/*.zap"} {
		var size int64
		paths, _ := filepath.Glob(filepath.Join(s.cfg.Dir, pattern)) // the pattern is valid
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil {
				size += info.Size()
			}
		}
		b.ReportMetric(float64(size)/entries, name)
	}
	text := uint64(0)
	for _, i := range s.Instances() {
		text += i.Bytes
	}
	b.ReportMetric(float64(text)/entries, "text-B/entry")
}

func BenchmarkSearch(b *testing.B) {
	lines := debugLines(400_000)
	s := openStore(b, Config{Dir: b.TempDir()})
	benchStore(b, s, lines, len(lines)/2)
	needle := []Entry{{Instance: "socketserver/dev1", Message: "segfault in request 7f3a9c0d"}}
	if err := s.Append(needle); err != nil {
		b.Fatal(err)
	}
	benchStore(b, s, lines, len(lines)/2)
	sealAllBench(s)
	for name, query := range map[string]Query{
		"rare word": textQuery("segfault"), "id": textQuery("7f3a9c0d"), "part of a word": textQuery("segfau"), "all": {},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				result, err := s.Search(context.Background(), SearchRequest{Query: query})
				if err != nil || len(result.Entries) == 0 {
					b.Fatalf("%d entries, error %v", len(result.Entries), err)
				}
			}
		})
	}
}

// BenchmarkMatchContent is what it costs to ask a line of nginx's debug log
// that an index could not exclude.
func BenchmarkMatchContent(b *testing.B) {
	messages := storedMessages(b)
	for _, text := range []string{"timeout", "status:5xx", "client:10.0.0.0/8", "path:/api", "file:main.lua:12", "took>1s"} {
		b.Run(text, func(b *testing.B) {
			q := parse(text)
			entries := make([]Entry, len(messages))
			for i := range entries {
				entries[i].Message = messages[i]
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i = (i + 1) % len(entries) {
				q.Match(&entries[i])
			}
		})
	}
}

// BenchmarkCollect cuts the lines of a block into its words and ids.
func BenchmarkCollect(b *testing.B) {
	debug := make([]string, 8192)
	for i, e := range debugLines(len(debug)) {
		debug[i] = e.Message
	}
	requests := make([]string, len(debug))
	r := rand.New(rand.NewPCG(3, 3))
	for i := range requests {
		requests[i] = fmt.Sprintf(`10.0.%d.%d - - "GET /api/v1/users/%08x/orders/%d HTTP/1.1" 200 %d "-" rid=%016x-%08x took=0.%03d 超时`,
			r.IntN(256), r.IntN(256), r.Uint32(), r.IntN(1e6), r.IntN(1e5), r.Uint64(), r.Uint32(), r.IntN(1000))
	}
	for name, lines := range map[string][]string{"debug": debug, "requests": requests} {
		b.Run(name, func(b *testing.B) {
			t := newTokens(16384)
			for b.Loop() {
				t.collect(lines)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/line")
		})
	}
}

// BenchmarkCount counts in 400,000 entries, of which each block has all
// severities.
func BenchmarkCount(b *testing.B) {
	lines := debugLines(400_000)
	for i := range lines {
		lines[i].Severity = Severity(i % 8)
	}
	s := openStore(b, Config{Dir: b.TempDir()})
	benchStore(b, s, lines, len(lines))
	sealAllBench(s)
	for name, text := range map[string]string{
		"all": "", "severity": "severity>=err", "word": "rewrite", "part of a word": "reque", "two words": "rewrite phase", "regex": "/rewr.te/",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := s.Count(b.Context(), CountRequest{Query: textQuery(text)}); err != nil || n == 0 {
					b.Fatalf("%d entries, error %v", n, err)
				}
			}
		})
	}
}
