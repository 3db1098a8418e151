package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// grown is what one peer answered when it had so many lines.
type grown struct {
	Corpus  string   `json:"corpus"`
	Peer    string   `json:"peer"`
	Lines   int      `json:"lines"`
	Disk    int64    `json:"disk_bytes"`
	Queries []timing `json:"queries"`
}

// benchGrowth asks the same questions while a store grows. What is rare is
// among the first lines, and so stays as rare.
func benchGrowth(ctx context.Context, o options, peers []peer, stdout, stderr io.Writer) error {
	o.lines = o.growth[len(o.growth)-1]
	var all []grown
	for _, name := range o.corpora {
		c, err := newCorpus(ctx, name, o)
		if err != nil {
			return err
		}
		if !c.arrives {
			continue // its lines are as many as two weeks have
		}
		c.rare = o.growth[0]
		for _, p := range peers {
			steps, err := grow(ctx, o, p, c, stderr)
			if err != nil {
				return err
			}
			all = append(all, steps...)
		}
	}
	for _, t := range growthTables(all) {
		t.print(stdout, o.markdown)
	}
	return errors.Join(compareGrown(all), writeJSON(o.json, all))
}

func grow(ctx context.Context, o options, p peer, c *corpus, stderr io.Writer) (steps []grown, err error) {
	dir, err := freshDir(o, p, c.name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(o.work, c.name+".log")
	defer func() {
		err = errors.Join(err, p.stop(), os.RemoveAll(file))
		if !o.keep {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := p.start(ctx, dir); err != nil {
		return nil, err
	}
	fed := 0
	for _, lines := range o.growth {
		fmt.Fprintf(stderr, "growing %s with %s to %d lines\n", p.name(), c.name, lines)
		if err := c.write(ctx, file, fed, lines); err != nil {
			return nil, err
		}
		if err := feed(ctx, p, file, lines); err != nil {
			return nil, err
		}
		fed = lines
		if err := settle(ctx, p.running(), o.idle); err != nil {
			return nil, err
		}
		step := grown{Corpus: c.name, Peer: p.name(), Lines: lines}
		if step.Disk, err = diskBytes(p.store()); err != nil {
			return nil, err
		}
		for _, q := range c.queries {
			t, err := asker{peer: p, dir: dir, runs: o.runs}.ask(ctx, q)
			if err != nil {
				return nil, err
			}
			step.Queries = append(step.Queries, t)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func compareGrown(all []grown) error {
	var err error
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Corpus != b.Corpus || a.Lines != b.Lines {
				continue
			}
			err = errors.Join(err, compare([]result{
				{Corpus: a.Corpus, Peer: a.Peer, Queries: a.Queries}, {Corpus: b.Corpus, Peer: b.Peer, Queries: b.Queries},
			}))
		}
	}
	return err
}

// growthTables has a table a corpus and peer: queries down, sizes across.
func growthTables(all []grown) []table {
	var tables []table
	for i := 0; i < len(all); {
		end := i
		for end < len(all) && all[end].Corpus == all[i].Corpus && all[end].Peer == all[i].Peer {
			end++
		}
		tables = append(tables, growthTable(all[i:end]))
		i = end
	}
	return tables
}

func growthTable(steps []grown) table {
	t := table{title: fmt.Sprintf("%s, growing: %s (median of the first %d hits / of the count, warm)", steps[0].Corpus, steps[0].Peer, firstHits), head: []string{"query"}}
	disk := []string{"bytes on disk, MB"}
	for _, s := range steps {
		t.head = append(t.head, thousands(s.Lines)+" lines")
		disk = append(disk, megabytes(s.Disk))
	}
	t.rows = append(t.rows, disk)
	for i, q := range steps[0].Queries {
		row := []string{q.Query}
		for _, s := range steps {
			row = append(row, milliseconds(s.Queries[i].FirstWarm)+" / "+milliseconds(s.Queries[i].CountWarm))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// milliseconds has three digits where there are so many.
func milliseconds(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case ms < 10:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.0f ms", ms)
	}
}
