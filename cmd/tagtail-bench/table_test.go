package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTableAlignsItsColumns(t *testing.T) {
	tbl := table{title: "T", head: []string{"query", "ms"}, rows: [][]string{{"超时", "1.00"}, {"a phrase", "12"}}}
	tests := map[string]struct {
		markdown bool
		want     string
	}{
		"as text":     {false, "T\nquery       ms\n--------  ----\n超时        1.00\na phrase    12\n\n"},
		"as Markdown": {true, "### T\n\n| query    |   ms |\n| -------- | ---: |\n| 超时       | 1.00 |\n| a phrase |   12 |\n\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			tbl.print(&out, test.markdown)
			if out.String() != test.want {
				t.Errorf("got\n%q, want\n%q", out.String(), test.want)
			}
		})
	}
}

func TestFiguresAreShort(t *testing.T) {
	for got, want := range map[string]string{
		thousands(7): "7", thousands(1000): "1,000", thousands(1234567): "1,234,567",
		megabytes(4_560_000): "4.6", megabytes(45_600_000): "46",
		milliseconds(1234 * time.Microsecond): "1.23 ms", milliseconds(1234 * time.Millisecond): "1234 ms",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func sample(peer string, cpu time.Duration, disk int64, latency time.Duration, count int) result {
	return result{
		Corpus: "ids", Peer: peer, Lines: 1000, CPU: cpu, Disk: disk, Peak: 1, QueryPeak: 1,
		Queries: []timing{{"a rare word", latency, latency, latency, latency, count}},
	}
}

func TestMissedTargetsAreMarked(t *testing.T) {
	tables := targetTables([]result{
		sample("tagtail", 2*time.Second, 200, 5*time.Millisecond, 1),
		sample("victorialogs", 8*time.Second, 100, 10*time.Millisecond, 1),
		sample("rsyslog", time.Second, 100, 0, 1),
	})
	var out strings.Builder
	for _, tbl := range tables {
		for _, row := range tbl.rows {
			out.WriteString(strings.Join(row, "|") + "\n")
		}
	}
	want := `ids: CPU, of rsyslog's|**2.00**|1.30
ids: CPU, of VictoriaLogs'|0.25|0.33
ids: disk, of VictoriaLogs'|**2.00**|1.00
ids: peak memory fed, of VictoriaLogs'|1.00|1.00
ids: peak memory asked, of VictoriaLogs'|1.00|1.00
ids: a rare word|0.50|0.50|**0.50**|**0.50**
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestPeersThatCountDifferentlyOrNothingAreAnError(t *testing.T) {
	tests := map[string]struct {
		counts []int
		fails  bool
	}{
		"all the same": {[]int{3, 3, 3}, false},
		"one differs":  {[]int{3, 3, 4}, true},
		"none":         {[]int{0, 0, 0}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var results []result
			for i, n := range test.counts {
				results = append(results, sample(peerNames[i], 1, 1, 1, n))
			}
			if err := compare(results); (err != nil) != test.fails {
				t.Errorf("got %v, want an error: %t", err, test.fails)
			}
		})
	}
}

func TestWrongOptionsAreRefusedWithASentence(t *testing.T) {
	for args, want := range map[string]string{
		"-lines 10":            "-lines must be 1000 or more, -runs and -cold 1 or more",
		"-peers grep":          `-peers has "grep": name some of tagtail,victorialogs,rsyslog`,
		"-corpora ids,novel":   `-corpora has "novel": name some of nginx-debug,ids,mixed,quiet`,
		"-growth 3000,2000":    `-growth has "2000": give rising numbers of lines from 1000 on, separated by commas`,
		"extra":                `"extra" is not a flag: see -h`,
		"-root . -growth many": `-growth has "many": give rising numbers of lines from 1000 on, separated by commas`,
	} {
		_, err := parseOptions(strings.Fields(args), io.Discard)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", args, err, want)
		}
	}
	if _, err := parseOptions([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h: got %v", err)
	}
}

func TestDiskBytesCountsWhatSmallFilesTake(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := diskBytes(dir)
	if err != nil || got < 2 {
		t.Errorf("got %d bytes, %v", got, err)
	}
	if err := forget(dir); err != nil {
		t.Error(err)
	}
	if got, err := diskBytes(filepath.Join(dir, "nowhere")); got != 0 || err != nil {
		t.Errorf("of a folder that is not there: %d bytes, %v", got, err)
	}
}
