package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
)

// victoriaLogsPackage is the program; its version is in go.mod.
const victoriaLogsPackage = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs"

type victoriaLogs struct {
	program string

	process *process
	client  *client
	address string
	dir     string
}

func newVictoriaLogs(ctx context.Context, o options) (*victoriaLogs, error) {
	program, err := build(ctx, o, filepath.Join(o.root, "cmd", "tagtail-bench"), "victoria-logs", victoriaLogsPackage)
	return &victoriaLogs{program: program}, err
}

func (v *victoriaLogs) name() string      { return "victorialogs" }
func (v *victoriaLogs) running() *process { return v.process }
func (v *victoriaLogs) syslog() string    { return v.address }
func (v *victoriaLogs) store() string     { return v.dir }

func (v *victoriaLogs) start(ctx context.Context, dir string) error {
	page, err := freeAddress()
	if err != nil {
		return err
	}
	if v.address, err = freeAddress(); err != nil {
		return err
	}
	v.dir = dir
	// By default it keeps a week, and the quiet corpus has two.
	v.process, err = startProcess(dir+".log", nil, v.program, "-storageDataPath="+dir, "-retentionPeriod=5w",
		"-httpListenAddr="+page, "-syslog.listenAddr.tcp="+v.address)
	if err != nil {
		return err
	}
	v.client = newClient(page, "")
	return v.process.await(ctx, func() bool {
		_, err := v.stored(ctx)
		return err == nil && connectable(v.address)
	})
}

func (v *victoriaLogs) stop() error {
	p := v.process
	v.process = nil
	return p.stop()
}

func (v *victoriaLogs) stored(ctx context.Context) (int, error) {
	return v.count(ctx, query{victorialogs: "*"})
}

func (v *victoriaLogs) count(ctx context.Context, q query) (int, error) {
	var answer struct{ N string }
	params := url.Values{"query": {q.victorialogs + " | stats count() n"}}
	err := v.client.get(ctx, "/select/logsql/query", params, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&answer)
	})
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(answer.N)
	if err != nil {
		return 0, fmt.Errorf("read count: %w", err)
	}
	return n, nil
}

// first uses limit, which makes VictoriaLogs look for the newest hits as its
// own page does.
func (v *victoriaLogs) first(ctx context.Context, q query) (int, error) {
	lines := 0
	params := url.Values{"query": {q.victorialogs}, "limit": {strconv.Itoa(firstHits)}}
	err := v.client.get(ctx, "/select/logsql/query", params, func(r io.Reader) error {
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			lines++
		}
		return scanner.Err()
	})
	return lines, err
}
