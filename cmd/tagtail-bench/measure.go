package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// result is what one peer did with one corpus.
type result struct {
	Corpus    string        `json:"corpus"`
	Peer      string        `json:"peer"`
	Lines     int           `json:"lines"`
	Fed       int64         `json:"fed_bytes"`
	CPU       time.Duration `json:"cpu_ns"`  // 0 if it was filled
	Wall      time.Duration `json:"wall_ns"` // the same
	Disk      int64         `json:"disk_bytes"`
	Peak      int64         `json:"peak_bytes"`       // while it was fed
	QueryPeak int64         `json:"query_peak_bytes"` // while it was asked
	Queries   []timing      `json:"queries"`
}

// bench measures what the options ask for, and prints it.
func bench(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if err := os.MkdirAll(filepath.Join(o.work, "bin"), 0o755); err != nil {
		return err
	}
	var peers []peer
	for _, name := range o.peers {
		fmt.Fprintf(stderr, "making %s\n", name)
		p, err := makePeer(ctx, name, o)
		if err != nil {
			return err
		}
		peers = append(peers, p)
	}
	if o.tail {
		return benchTails(ctx, o, peers, stdout, stderr)
	}
	if len(o.growth) > 0 {
		return benchGrowth(ctx, o, peers, stdout, stderr)
	}
	var results []result
	var trouble error
	for _, name := range o.corpora {
		of, err := benchCorpus(ctx, o, name, peers, stderr)
		if err != nil {
			trouble = errors.Join(trouble, err)
			break // what is measured already is worth printing
		}
		results = append(results, of...)
		trouble = errors.Join(trouble, compare(of))
	}
	if len(results) == 0 {
		return trouble
	}
	for _, t := range comparisonTables(results) {
		t.print(stdout, o.markdown)
	}
	return errors.Join(trouble, writeJSON(o.json, results))
}

func benchCorpus(ctx context.Context, o options, name string, peers []peer, stderr io.Writer) ([]result, error) {
	fmt.Fprintf(stderr, "making corpus %s\n", name)
	c, err := newCorpus(ctx, name, o)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(o.work, name+".log")
	defer func() { _ = os.Remove(file) }()
	if err := c.write(ctx, file, 0, c.lines); err != nil {
		return nil, err
	}
	var results []result
	for _, p := range peers {
		fmt.Fprintf(stderr, "measuring %s with %s\n", p.name(), name)
		r, err := measure(ctx, o, p, c, file)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// trial is one peer with one corpus.
type trial struct {
	options options
	peer    peer
	corpus  *corpus
	file    string // of the corpus
	dir     string // of the peer
}

// measure feeds one peer and asks it all queries of the corpus.
func measure(ctx context.Context, o options, p peer, c *corpus, file string) (r result, err error) {
	dir, err := freshDir(o, p, c.name)
	if err != nil {
		return r, err
	}
	defer func() {
		err = errors.Join(err, p.stop())
		if !o.keep {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	state, err := os.Stat(file)
	if err != nil {
		return r, err
	}
	r = result{Corpus: c.name, Peer: p.name(), Lines: c.lines, Fed: state.Size()}
	t := trial{o, p, c, file, dir}
	if f, ok := p.(filler); ok && !c.arrives {
		err = t.fill(ctx, f)
	} else {
		err = t.feed(ctx, &r)
	}
	if err != nil {
		return r, err
	}
	if r.Disk, err = diskBytes(p.store()); err != nil {
		return r, err
	}
	return r, t.ask(ctx, &r)
}

// feed leaves the peer stopped: what it had still in memory counts, on the disk
// and as work.
func (t trial) feed(ctx context.Context, r *result) error {
	if err := t.peer.start(ctx, t.dir); err != nil {
		return err
	}
	began := time.Now()
	if err := feed(ctx, t.peer, t.file, t.corpus.lines); err != nil {
		return err
	}
	r.Wall = time.Since(began)
	running := t.peer.running()
	if err := settle(ctx, running, t.options.idle); err != nil {
		return err
	}
	var err error
	if r.Peak, err = running.peakMemory(); err != nil {
		return err
	}
	if err := t.peer.stop(); err != nil {
		return err
	}
	r.CPU = running.total()
	return nil
}

// fill leaves the peer stopped, too.
func (t trial) fill(ctx context.Context, f filler) error {
	if err := f.fill(ctx, t.dir, t.corpus, t.file); err != nil {
		return err
	}
	if err := t.peer.start(ctx, t.dir); err != nil {
		return err
	}
	n, err := t.peer.stored(ctx)
	if err != nil {
		return err
	}
	if n != t.corpus.lines {
		return fmt.Errorf("fill %s: it has %d entries of %d", t.peer.name(), n, t.corpus.lines)
	}
	return errors.Join(settle(ctx, t.peer.running(), t.options.idle), t.peer.stop())
}

// ask starts the peer again.
func (t trial) ask(ctx context.Context, r *result) error {
	if err := t.peer.start(ctx, t.dir); err != nil {
		return err
	}
	for _, q := range t.corpus.queries {
		answered, err := asker{t.peer, t.dir, t.options.runs, t.options.cold}.ask(ctx, q)
		if err != nil {
			return err
		}
		r.Queries = append(r.Queries, answered)
		peak, err := t.peer.running().peakMemory()
		if err != nil {
			return err
		}
		r.QueryPeak = max(r.QueryPeak, peak)
	}
	return nil
}

func freshDir(o options, p peer, corpus string) (string, error) {
	dir := filepath.Join(o.work, p.name()+"-"+corpus)
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(dir+".log")); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// compare says where peers do not count the same, or count nothing.
func compare(results []result) error {
	var err error
	for _, t := range results[0].Queries {
		if t.Count == 0 {
			err = errors.Join(err, fmt.Errorf("corpus %s, %s: there is none", results[0].Corpus, t.Query))
		}
	}
	for _, r := range results[1:] {
		for i, t := range r.Queries {
			if first := results[0]; t.Count != first.Queries[i].Count {
				err = errors.Join(err, fmt.Errorf("corpus %s, %s: %s counts %d, %s counts %d",
					r.Corpus, t.Query, first.Peer, first.Queries[i].Count, r.Peer, t.Count))
			}
		}
	}
	return err
}

func writeJSON(path string, figures any) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
