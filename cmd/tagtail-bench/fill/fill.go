//go:build ignore

// Fill appends the RFC 5424 lines of its standard input to a store, as if each
// had been received when it says. tagtail-bench runs it in Tagtail's own
// module:
//
//	go run cmd/tagtail-bench/fill/fill.go -dir FOLDER -head ENTRIES < LINES
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/syslog"
)

func main() {
	dir := flag.String("dir", "", "`folder` of the store")
	head := flag.Int("head", 0, "entries of a block")
	flag.Parse()
	if err := fill(*dir, *head, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func fill(dir string, head int, lines io.Reader) error {
	store, err := index.Open(index.Config{Dir: dir, HeadEntries: head})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	// An Append writes a block itself when too many are due. If it brings no
	// more than one, none waits for long.
	err = appendLines(store, max(1, head), lines)
	cancel()
	return errors.Join(err, <-ended, store.Close())
}

func appendLines(store *index.Store, batch int, lines io.Reader) error {
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(nil, 1<<20)
	var entries []index.Entry
	for scanner.Scan() {
		var e index.Entry
		syslog.Parse(scanner.Text(), &syslog.Options{}, &e)
		e.Received, e.Instance = e.Time, strings.Replace(e.AppName, "_", "/", 1)
		if entries = append(entries, e); len(entries) == batch {
			if err := store.Append(entries); err != nil {
				return err
			}
			entries = entries[:0]
		}
	}
	return errors.Join(store.Append(entries), scanner.Err())
}
