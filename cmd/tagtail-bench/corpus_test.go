package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// testSeed is a debug log as cleanSeed leaves it.
var testSeed = [][]byte{
	[]byte(`[debug] 7#7: accept on 127.0.0.1:8080, ready: 0`),
	[]byte(`[debug] 7#7: *3 event timer add: 6: 75000:14923120`),
	[]byte(`[debug] 7#7: *3 malloc: 00005567317341C0:1024`),
	[]byte(`[debug] 7#7: *3 http process request line`),
	[]byte(`[debug] 7#7: *3 http request line: "GET /api/orders/3?rid=0123456789abcdef HTTP/1.1"`),
	[]byte(`[error] 7#7: *3 open() "/missing/1" failed (2: No such file or directory)`),
	[]byte(`[info] 7#7: *3 client 127.0.0.1 closed keepalive connection`),
}

func testCorpus(t *testing.T, name string, lines int) *corpus {
	t.Helper()
	if name == "nginx-debug" {
		c := &corpus{name: name, lines: lines, rare: lines, arrives: true, step: time.Millisecond}
		c.useDebugLog(testSeed)
		c.begin = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		return c
	}
	c, err := newCorpus(t.Context(), name, options{lines: lines, work: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func linesOf(t *testing.T, c *corpus, from, to int) [][]byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "corpus.log")
	if err := c.write(context.Background(), file, from, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'})
}

func TestCorpusHasItsLinesWhereverItIsCut(t *testing.T) {
	for _, name := range corpusNames {
		t.Run(name, func(t *testing.T) {
			c := testCorpus(t, name, 5000)
			whole := linesOf(t, c, 0, 5000)
			parts := append(linesOf(t, c, 0, 1234), linesOf(t, c, 1234, 5000)...)
			if len(whole) != 5000 {
				t.Errorf("it has %d lines, want 5000", len(whole))
			}
			if !bytes.Equal(bytes.Join(whole, nil), bytes.Join(parts, nil)) {
				t.Error("a corpus written in two parts differs")
			}
		})
	}
}

func TestLineIsSyslogWithoutControlCharacters(t *testing.T) {
	heads := map[string]*regexp.Regexp{
		"nginx-debug": regexp.MustCompile(`^<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d server nginx_dev[12]: 2026/\d\d/\d\d \d\d:\d\d:\d\d \[`),
		"":            regexp.MustCompile(`^<\d+>1 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z server [a-z]+_[a-z0-9]+ - - - `),
	}
	for _, name := range corpusNames {
		t.Run(name, func(t *testing.T) {
			head := heads[name]
			if head == nil {
				head = heads[""]
			}
			for _, line := range linesOf(t, testCorpus(t, name, 5000), 0, 5000) {
				if !head.Match(line) || bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' }) {
					t.Fatalf("not a line of syslog: %q", line)
				}
			}
		})
	}
}

// What is asked must be found the same whether letters match inside words or
// not, and in whatever case.
func TestWordsOfQueriesStandAloneAndInOneCase(t *testing.T) {
	for _, name := range corpusNames {
		c := testCorpus(t, name, 20_000)
		lines := linesOf(t, c, 0, 20_000)
		for _, q := range c.queries {
			if q.grep[0] != "-F" || strings.HasPrefix(q.name, "a field") {
				continue
			}
			t.Run(name+"/"+q.name, func(t *testing.T) {
				text := q.grep[2]
				anywhere := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(text))
				alone := regexp.MustCompile(`(^|[^\pL\pN_])` + regexp.QuoteMeta(text) + `($|[^\pL\pN_])`)
				found := 0
				for _, line := range lines {
					if !anywhere.Match(line) {
						continue
					}
					found++
					if !alone.Match(line) {
						t.Fatalf("only inside of something else: %q", line)
					}
				}
				if found == 0 {
					t.Error("nowhere")
				}
			})
		}
	}
}

func TestRareWordIsOnTenLinesAndItsIDOnOne(t *testing.T) {
	for _, lines := range []int{1000, 12_345} {
		c := testCorpus(t, "ids", lines)
		words, ids := 0, 0
		for _, line := range linesOf(t, c, 0, lines) {
			words += bytes.Count(line, []byte("/srv/www/"+rareWord))
			ids += bytes.Count(line, []byte(rareID(3)))
		}
		if words != rareLines || ids != 1 {
			t.Errorf("of %d lines, %d have the word and %d the id, want %d and 1", lines, words, ids, rareLines)
		}
	}
}

func TestQuietCorpusTakesTwoWeeks(t *testing.T) {
	c := testCorpus(t, "quiet", 1000)
	if got, want := c.span(), 14*24*time.Hour; got.Round(time.Minute) != want {
		t.Errorf("it takes %v, want %v", got, want)
	}
}

func TestRepetitionMovesWhatChangesFromRequestToRequest(t *testing.T) {
	tests := map[string]struct{ line, want string }{
		"connection":     {"*3 http close", "*1603 http close"},
		"timer":          {"event timer add: 6: 75000:14923120", "event timer add: 6: 75000:14925120"},
		"pointer":        {"free: 00005567317341C0, unused: 8", "free: 00005567317361C0, unused: 8"},
		"null pointer":   {"hc busy: 0000000000000000 0", "hc busy: 0000000000000000 0"},
		"request id":     {"rid=0123456789abcdef", fmt.Sprintf("rid=%016x", mix(0x0123456789abcdef+2))},
		"process":        {"31497#31497: done", "31497#31497: done"},
		"nothing at all": {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := string(appendRepeated(nil, []byte(test.line), 2)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSeedHasOneEntryALineAndOnlyThoseOfRequests(t *testing.T) {
	log := "2026/11/22 10:42:30 [notice] 1#1: start\n" +
		"2026/11/22 10:42:31 [debug] 7#7: accept on 127.0.0.1:80, ready: 0\n" +
		"2026/11/22 10:42:31 [debug] 7#7: *1 HTTP/1.1 200 OK\r\nServer: nginx\r\n\n" +
		"2026/11/22 10:42:31 [debug] 7#7: *1 http close request\n" +
		"2026/11/22 10:42:32 [notice] 1#1: signal 15\n" +
		"2026/11/22 10:42:32 [debug] 7#7: free\n"
	want := "[debug] 7#7: accept on 127.0.0.1:80, ready: 0\n" +
		"[debug] 7#7: *1 HTTP/1.1 200 OK#015#012Server: nginx#015#012\n" +
		"[debug] 7#7: *1 http close request\n"
	if got := string(cleanSeed([]byte(log))); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
