package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// benchToken is the API token of the Tagtail that is measured; it listens on
// loopback only.
const benchToken = "tagtail-bench-token"

type tagtail struct {
	root    string
	program string

	process *process
	client  *client
	address string
	dir     string
}

func newTagtail(ctx context.Context, o options) (*tagtail, error) {
	program, err := build(ctx, o, o.root, "tagtail", "./cmd/tagtail")
	return &tagtail{root: o.root, program: program}, err
}

func (t *tagtail) name() string      { return "tagtail" }
func (t *tagtail) running() *process { return t.process }
func (t *tagtail) syslog() string    { return t.address }
func (t *tagtail) store() string     { return filepath.Join(t.dir, "logs") }

func (t *tagtail) start(ctx context.Context, dir string) error {
	page, err := freeAddress()
	if err != nil {
		return err
	}
	if t.address, err = freeAddress(); err != nil {
		return err
	}
	t.dir = dir
	t.process, err = startProcess(dir+".log", []string{"TAGTAIL_ADMIN_TOKEN=" + benchToken},
		t.program, "serve", "--data", dir, "--http", page, "--syslog", "tcp://"+t.address)
	if err != nil {
		return err
	}
	t.client = newClient(page, benchToken)
	return t.process.await(ctx, func() bool {
		ready := func(io.Reader) error { return nil }
		return t.client.get(ctx, "/readyz", nil, ready) == nil
	})
}

func (t *tagtail) stop() error {
	p := t.process
	t.process = nil
	return p.stop()
}

// fill makes a store whose entries were received when they say. Blocks are as
// small as a quiet instance's, which are cut every five minutes.
func (t *tagtail) fill(ctx context.Context, dir string, c *corpus, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	cuts := int(c.span().Minutes()/5) * len(c.apps)
	cmd := exec.CommandContext(ctx, "go", "run", "./cmd/tagtail-bench/fill/fill.go",
		"-dir", filepath.Join(dir, "logs"), "-head", strconv.Itoa(max(1, c.lines/max(1, cuts))))
	cmd.Dir, cmd.Stdin = t.root, in
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fill %s: %w\n%s", dir, err, out)
	}
	return nil
}

func (t *tagtail) stored(ctx context.Context) (int, error) { return t.count(ctx, query{}) }

func (t *tagtail) count(ctx context.Context, q query) (int, error) {
	var answer struct{ Count int }
	err := t.client.get(ctx, "/api/v1/count", url.Values{"q": {q.tagtail}}, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&answer)
	})
	return answer.Count, err
}

func (t *tagtail) first(ctx context.Context, q query) (int, error) {
	var answer struct{ Entries []json.RawMessage }
	params := url.Values{"q": {q.tagtail}, "limit": {strconv.Itoa(firstHits)}}
	err := t.client.get(ctx, "/api/v1/search", params, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&answer)
	})
	return len(answer.Entries), err
}
