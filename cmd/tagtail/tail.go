package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/index"
)

// tailFrame is any frame of the tail WebSocket.
type tailFrame struct {
	Type    string        `json:"type"`
	Seq     uint64        `json:"seq"`
	Entries []index.Entry `json:"entries"`
	Count   uint64        `json:"count"`
	Detail  string        `json:"detail"`
}

func newTailCommand(std streams) *cobra.Command {
	var at clientFlags
	var last int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tail [QUERY]",
		Short: "Print matching entries as they arrive",
		Example: "  tagtail tail\n" +
			"  tagtail tail 'in:socketserver/dev1 severity>=err'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 0 || last > maxPage {
				return usagef(cmd, "last %d is not possible: give 0 to %d", last, maxPage)
			}
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			t := tail{
				client: c, query: strings.Join(args, " "), last: last,
				printer: newEntryPrinter(std.Out, asJSON), words: std.Err,
			}
			return t.run(cmd.Context())
		},
	}
	at.add(cmd)
	cmd.Flags().IntVarP(&last, "last", "n", 10, "begin with this `number` of the newest matches")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line, with every field")
	return cmd
}

// tail follows the log over one WebSocket after another.
type tail struct {
	client  *client
	query   string
	last    int
	printer *entryPrinter
	words   io.Writer

	connected bool   // it has once been connected
	seq       uint64 // how far it has read
}

// run follows until ctx ends. A connection that was once open is opened again
// where it broke off; the first one must succeed.
func (t *tail) run(ctx context.Context) error {
	const firstPause, maxPause = time.Second, 10 * time.Second
	pause := firstPause
	for {
		before := t.seq
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Ctrl-C is how a tail ends
		}
		var refused *tailRefused
		switch {
		case !t.connected || errors.As(err, &refused):
			return err
		case t.seq != before:
			pause = firstPause
		}
		fmt.Fprintf(t.words, "tagtail: disconnected, trying again: %v\n", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// tailRefused is what the server says when another try would not help.
type tailRefused struct{ detail string }

func (e *tailRefused) Error() string { return e.detail }

// follow reads one connection to its end.
func (t *tail) follow(ctx context.Context) error {
	query := url.Values{"q": {t.query}}
	if t.connected {
		query.Set("after", strconv.FormatUint(t.seq, 10))
	} else {
		query.Set("last", strconv.Itoa(t.last))
	}
	conn, err := t.client.dial(ctx, t.client.api("tail", query))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	for {
		var frame tailFrame
		if err := conn.ReadJSON(&frame); err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) && closed.Code == websocket.ClosePolicyViolation {
				return &tailRefused{closed.Text}
			}
			return fmt.Errorf("read tail: %w", err)
		}
		if err := t.show(&frame); err != nil {
			return err
		}
	}
}

func (t *tail) show(frame *tailFrame) error {
	switch frame.Type {
	case "dropped":
		fmt.Fprintf(t.words, "tagtail: %d entries were not shown: the tail was too far behind\n", frame.Count)
	case "error":
		return &tailRefused{frame.Detail}
	}
	for i := range frame.Entries {
		if err := t.printer.print(&frame.Entries[i]); err != nil {
			return &tailRefused{err.Error()}
		}
	}
	t.connected = true
	if frame.Seq > 0 {
		t.seq = frame.Seq
	}
	return nil
}
