package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/rules"
)

// httpScheme is that of the input whose entries come from an HTTP server.
const httpScheme = "http"

var errNoHTTP = errors.New("the receiver has no input for HTTP")

// httpListener is the input whose entries Receiver.Ingest is given. It has no
// socket.
type httpListener struct{ *input }

// bindHTTP adds the input of Config.HTTP, if there is one.
func (r *Receiver) bindHTTP(cfg *Config) {
	if cfg.HTTP == "" {
		return
	}
	r.http = &input{
		name:     cfg.HTTP,
		spec:     inputSpec{text: cfg.HTTP, scheme: httpScheme, address: cfg.HTTP},
		sink:     r.sink,
		identify: r.identify,
		rates:    r.rates,
		redact:   cfg.Redact,
		now:      cfg.Now,
		log:      cfg.Logger,
	}
	r.inputs = append(r.inputs, r.http)
	r.listeners = append(r.listeners, httpListener{r.http})
}

// Admits tells whether Ingest takes entries of the instance. Where no
// instances are known, a new name is taken up, up to as many as tags may name.
func (r *Receiver) Admits(instance string) bool { return r.identify.admit(instance) }

// Ingest stores entries that somebody else has received and read, as one
// batch: if it returns an error, none is stored, and the sender has them still.
// instance is whose they are, proven by a token, or "" if their own words have
// to say; from is the sender's address. It sets Received, Source, Input,
// Instance, InstanceBy and, of those that are stored, Seq: the others are over
// the RateLimit of their instance, and counted. It does not keep the slice,
// but the strings. It may be called from several goroutines at once.
func (r *Receiver) Ingest(from netip.Addr, instance string, entries []index.Entry) error {
	in := r.http
	if in == nil {
		return errNoHTTP
	}
	ev := &Evidence{Instance: instance, By: index.ByToken, Addr: from}
	p := newPeer(sender{addr: from})
	received := in.clock()
	batch := make([]index.Entry, 0, len(entries))
	at := make([]int, 0, len(entries)) // where those of batch are in entries
	var sorter *rules.Sorter
	if engine := r.rules.Load(); engine != nil {
		sorter = engine.NewSorter(rules.Input{URL: in.name})
	}
	for i := range entries {
		e := &entries[i]
		e.Seq, e.Received, e.Source, e.Input = 0, received, p.source, in.name
		tag := ""
		if sorter != nil {
			written := *e
			r.identify.known.Load().takeToken(&written)
			tag = sorter.SortEntry(&written, p.source)
		}
		in.identify.identify(e, ev, tag)
		if in.rates.allow(e) {
			in.redact.Apply(e)
			batch, at = append(batch, *e), append(at, i)
		} else if sorter != nil {
			sorter.Undo()
		}
	}
	if len(batch) > 0 {
		if err := in.sink.Append(batch); err != nil {
			in.report("append entries", err)
			if unkept(batch) > 0 {
				return fmt.Errorf("append entries: %w", err)
			}
		}
	}
	if sorter != nil {
		sorter.Flush()
	}
	for i := range batch {
		entries[at[i]].Seq = batch[i].Seq
	}
	in.received.Add(uint64(len(entries)))
	in.suppressed.Add(uint64(len(entries) - len(batch)))
	return nil
}

// admit tells whether name is an instance. It may become one by that.
func (id *Identifier) admit(name string) bool {
	if k := id.known.Load(); k.names[name] || k.learned[name] {
		return true
	}
	if !isInstanceName(name) {
		return false
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	k := id.known.Load()
	if k.names[name] || k.learned[name] {
		return true
	}
	if !k.learning || len(k.learned) >= maxLearned {
		return false
	}
	next := *k
	next.learned = maps.Clone(k.learned)
	next.learned[name] = true
	id.known.Store(&next)
	return true
}

// httpAddr stands where sockets have their address.
type httpAddr string

func (a httpAddr) Network() string { return httpScheme }
func (a httpAddr) String() string  { return string(a) }

func (l httpListener) addr() net.Addr { return httpAddr(l.name) }

func (l httpListener) run(ctx context.Context) { <-ctx.Done() }

func (l httpListener) sample() string { return "" }

func (l httpListener) close() error { return nil }
