package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// tails are the followers of one trial.
type tails struct {
	cancel  context.CancelFunc
	ended   sync.WaitGroup
	arrived atomic.Int64
	changed chan struct{} // holds one token after an arrival
	each    []tailLags
	once    sync.Once
	err     error // of those that have ended by themselves; valid after close
}

// tailLags are what one tail has measured; the goroutine that follows owns it
// until it has ended.
type tailLags struct {
	seen map[int]time.Duration
	err  error
}

// openTails returns once every tail is connected.
func openTails(ctx context.Context, p tailer, trial lagTrial, clock *probeClock) (*tails, error) {
	ctx, cancel := context.WithCancel(ctx)
	t := &tails{cancel: cancel, changed: make(chan struct{}, 1), each: make([]tailLags, trial.tails)}
	ready := make(chan error, trial.tails)
	for i := range t.each {
		one := &t.each[i]
		one.seen = make(map[int]time.Duration, trial.probes)
		t.ended.Go(func() {
			told := sync.OnceFunc(func() { ready <- nil })
			one.err = p.tail(ctx, trial.kind, probeSearch(i), told, func(data []byte) {
				clock.arrived(data, func(number int, took time.Duration) { t.take(one, number, took) })
			})
			if ctx.Err() != nil {
				one.err = nil
			}
			ready <- errors.Join(one.err, errors.New("a tail has ended"))
		})
	}
	for range t.each {
		select {
		case err := <-ready:
			if err != nil {
				return nil, errors.Join(err, t.close())
			}
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), t.close())
		}
	}
	return t, nil
}

func (t *tails) take(one *tailLags, number int, took time.Duration) {
	if _, again := one.seen[number]; again {
		return
	}
	one.seen[number] = took
	t.arrived.Add(1)
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// await waits until every tail has every probe, or nothing more has come for a
// while.
func (t *tails) await(ctx context.Context, probes int, late time.Duration) {
	for t.arrived.Load() < int64(probes*len(t.each)) {
		select {
		case <-t.changed:
		case <-ctx.Done():
			return
		case <-time.After(late):
			return
		}
	}
}

// close ends the tails. It may be called again.
func (t *tails) close() error {
	t.once.Do(func() {
		t.cancel()
		t.ended.Wait()
		for _, one := range t.each {
			t.err = errors.Join(t.err, one.err)
		}
	})
	return t.err
}

// lags are those of all tails, after close.
func (t *tails) lags() []time.Duration {
	var all []time.Duration
	for _, one := range t.each {
		for _, took := range one.seen {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return all
}

func (t *tagtail) kinds() []string { return []string{"tagtail, WebSocket"} }

// tail reads the WebSocket that the page reads.
func (t *tagtail) tail(ctx context.Context, _, search string, ready func(), take func([]byte)) error {
	address := "ws" + t.client.base[len("http"):] + "/api/v1/tail?" + url.Values{"q": {search}}.Encode()
	conn, resp, err := websocket.DefaultDialer.DialContext(ctx, address, http.Header{"Authorization": {"Bearer " + t.client.token}})
	if err != nil {
		return fmt.Errorf("open tail: %w", err)
	}
	_ = resp.Body.Close()
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	for {
		_, data, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		ready() // the first message is a status
		take(data)
	}
}

// VictoriaLogs asks its store again and again: as often and as far behind as it
// does by default, and as often and as near as its options allow in practice.
const (
	victoriaLogsUsual = "victorialogs, as it is"
	victoriaLogsQuick = "victorialogs, every 100 ms"
)

func (v *victoriaLogs) kinds() []string { return []string{victoriaLogsUsual, victoriaLogsQuick} }

func (v *victoriaLogs) tail(ctx context.Context, kind, search string, ready func(), take func([]byte)) error {
	params := url.Values{"query": {search}}
	if kind == victoriaLogsQuick {
		params.Set("refresh_interval", "100ms")
		params.Set("offset", "1ms") // the least it takes
	}
	return v.client.get(ctx, "/select/logsql/tail", params, func(body io.Reader) error {
		ready()
		buffer := make([]byte, 64<<10)
		kept := 0 // of a line that has not ended
		for {
			n, err := body.Read(buffer[kept:])
			n += kept
			end := lastLine(buffer[:n])
			take(buffer[:end])
			kept = copy(buffer, buffer[end:n])
			if err != nil {
				return err
			}
		}
	})
}

// lastLine is where the last whole line ends. A line that fills all of it is
// taken as one that ends there.
func lastLine(data []byte) int {
	for i := len(data); i > 0; i-- {
		if data[i-1] == '\n' {
			return i
		}
	}
	if len(data) == 64<<10 {
		return len(data)
	}
	return 0
}
