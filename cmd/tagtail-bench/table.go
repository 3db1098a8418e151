package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// table is what people read. Rows have as many cells as head.
type table struct {
	title string
	head  []string
	rows  [][]string
}

// print writes the table with aligned columns, the first to the left and the
// others to the right.
func (t table) print(w io.Writer, markdown bool) {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	left, between, right := "", "  ", ""
	if markdown {
		left, between, right = "| ", " | ", " |"
		fmt.Fprintf(w, "### %s\n\n", t.title)
	} else {
		fmt.Fprintf(w, "%s\n", t.title)
	}
	line := func(cells []string) {
		padded := make([]string, len(cells))
		for i, cell := range cells {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				padded[i] = cell + space
			} else {
				padded[i] = space + cell
			}
		}
		fmt.Fprintln(w, left+strings.Join(padded, between)+right)
	}
	line(t.head)
	rule := make([]string, len(t.head))
	for i := range rule {
		rule[i] = strings.Repeat("-", max(3, widths[i]))
		if markdown && i > 0 {
			rule[i] = rule[i][1:] + ":"
		}
	}
	fmt.Fprintln(w, left+strings.Join(rule, between)+right)
	for _, row := range t.rows {
		line(row)
	}
	fmt.Fprintln(w)
}

// comparisonTables has one table of what feeding costs, one of queries a
// corpus, and the ratios that are the targets.
func comparisonTables(results []result) []table {
	tables := []table{feedTable(results)}
	for _, of := range byCorpus(results) {
		tables = append(tables, queryTable(of))
	}
	return append(tables, targetTables(results)...)
}

func byCorpus(results []result) [][]result {
	var groups [][]result
	for _, r := range results {
		if n := len(groups); n > 0 && groups[n-1][0].Corpus == r.Corpus {
			groups[n-1] = append(groups[n-1], r)
		} else {
			groups = append(groups, []result{r})
		}
	}
	return groups
}

func feedTable(results []result) table {
	t := table{
		title: "Feeding: one TCP connection",
		head:  []string{"corpus, peer", "lines", "bytes/line", "CPU-s per 1M lines", "wall s", "disk MB", "peak MB fed", "peak MB asked"},
	}
	for _, r := range results {
		row := []string{
			r.Corpus + ", " + r.Peer, thousands(r.Lines), fmt.Sprintf("%.0f", float64(r.Fed)/float64(r.Lines)),
			"–", "–", megabytes(r.Disk), "–", megabytes(r.QueryPeak),
		}
		if r.CPU > 0 {
			row[3] = fmt.Sprintf("%.2f", r.CPU.Seconds()*1e6/float64(r.Lines))
			row[4] = fmt.Sprintf("%.1f", r.Wall.Seconds())
			row[6] = megabytes(r.Peak)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func queryTable(results []result) table {
	t := table{
		title: fmt.Sprintf("Queries: %s, %s lines (ms: cold / warm)", results[0].Corpus, thousands(results[0].Lines)),
		head:  []string{"query", "hits"},
	}
	for _, kind := range []string{"first 100", "count"} {
		for _, r := range results {
			t.head = append(t.head, kind+", "+r.Peer)
		}
	}
	for i, q := range results[0].Queries {
		row := []string{q.Query, thousands(q.Count)}
		for _, r := range results {
			row = append(row, pair(r.Queries[i].FirstCold, r.Queries[i].FirstWarm))
		}
		for _, r := range results {
			row = append(row, pair(r.Queries[i].CountCold, r.Queries[i].CountWarm))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func pair(cold, warm time.Duration) string {
	trim := func(d time.Duration) string { return strings.TrimSuffix(milliseconds(d), " ms") }
	return trim(cold) + " / " + trim(warm)
}

func megabytes(n int64) string {
	if n < 10e6 {
		return fmt.Sprintf("%.1f", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f", float64(n)/1e6)
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
