package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/redact"
	"github.com/tagtail/tagtail/ingest/rules"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// batchEntries is the most that is given to the Sink at once. A batch is never
// waited for: it goes when there is nothing more to read.
const batchEntries = 512

// batchBytes is how much text makes a batch go earlier, so that a sender of
// large messages costs no more memory than others.
const batchBytes = 512 << 10

// input is a listener's part of the pipeline that all its goroutines share.
type input struct {
	name     string // its URL, as entries and Stats have it
	spec     inputSpec
	opts     syslog.Options
	maxBytes int
	limits   limits

	sink     Sink
	identify *Identifier
	rates    *limiter                      // nil limits nothing
	redact   *redact.Set                   // nil leaves everything
	rules    *atomic.Pointer[rules.Engine] // nil, and nil in it, is none
	now      func() time.Time
	log      *slog.Logger
	trouble  trouble

	received, dropped, kernelDropped, rejected, suppressed atomic.Uint64
}

// lost is how many messages were not stored.
func (in *input) lost() uint64 { return in.dropped.Load() + in.kernelDropped.Load() }

// clock is the time of reception: in UTC, without the monotonic reading.
func (in *input) clock() time.Time { return in.now().UTC().Round(0) }

// feed turns frames into entries and gives them to the Sink. It belongs to one
// goroutine.
type feed struct {
	*input
	decoder  syslog.Decoder
	batch    []index.Entry
	bytes    int    // of the frames in batch
	headless uint64 // rejected ones in batch
	peers    map[sender]*peer
	sorter   *rules.Sorter // nil before the first message, and without rules
}

func newFeed(in *input) *feed {
	return &feed{input: in, peers: map[sender]*peer{}}
}

// add parses a frame that came from a peer. It may call the Sink, and returns
// when that has.
func (f *feed) add(frame []byte, received time.Time, from *peer, flags index.Flags) {
	if len(frame) > f.maxBytes {
		frame = frame[:f.maxBytes]
		flags |= index.FlagTruncated
	}
	if len(f.batch) == cap(f.batch) || f.bytes >= batchBytes {
		f.makeRoom()
	}
	n := len(f.batch)
	f.batch = f.batch[:n+1]
	e := &f.batch[n]
	*e = index.Entry{Received: received, Source: from.source, Input: f.name, Flags: flags}
	if !f.decoder.Parse(frame, &f.opts, e) {
		f.batch = f.batch[:n]
		return
	}
	syslog.Refine(e)
	if from.evidence == nil {
		from.evidence = newEvidence(&f.spec, from)
	}
	f.identify.identify(e, from.evidence, f.sort(frame, received, from))
	if !f.rates.allow(e) {
		f.unsort()
		f.batch = f.batch[:n]
		f.received.Add(1)
		f.suppressed.Add(1)
		return
	}
	f.redact.Apply(e) // before a RELP session compares it with what is stored
	f.bytes += len(frame)
	if e.Flags.Has(index.FlagRejected) {
		f.headless++
	}
}

// makeRoom makes room for an entry: a batch that has its full size goes to the
// Sink, a smaller one, which a quiet connection keeps, doubles.
func (f *feed) makeRoom() {
	if cap(f.batch) >= batchEntries || f.bytes >= batchBytes {
		f.flush()
		return
	}
	grown := make([]index.Entry, len(f.batch), max(8, 2*cap(f.batch)))
	copy(grown, f.batch)
	f.batch = grown
}

// flush gives the batch to the Sink. What that does not keep is lost.
func (f *feed) flush() {
	if len(f.batch) == 0 {
		return
	}
	f.received.Add(uint64(len(f.batch)))
	f.rejected.Add(f.headless)
	if err := f.sink.Append(f.batch); err != nil {
		f.dropped.Add(unkept(f.batch))
		f.report("append entries", err)
	}
	if f.sorter != nil {
		f.sorter.Flush()
	}
	f.forget()
}

// store gives the batch to a Sink that is a Syncer, and returns when it and
// all before it is durable; then it calls stored with it. What is not durable
// is not lost: its sender has it still.
func (f *feed) store(ctx context.Context, sink Syncer, stored func([]index.Entry)) error {
	defer f.forget()
	if f.sorter != nil { // what is not stored comes again
		defer f.sorter.Discard()
	}
	if len(f.batch) > 0 {
		// What is kept needs no more than the Sync.
		if err := f.sink.Append(f.batch); err != nil && unkept(f.batch) > 0 {
			return fmt.Errorf("append entries: %w", err)
		}
	}
	if err := sink.Sync(ctx); err != nil {
		return fmt.Errorf("sync entries: %w", err)
	}
	f.received.Add(uint64(len(f.batch)))
	f.rejected.Add(f.headless)
	if f.sorter != nil {
		f.sorter.Flush()
	}
	stored(f.batch)
	return nil
}

// dropLast takes the last entry out of the batch.
func (f *feed) dropLast() {
	n := len(f.batch) - 1
	if f.batch[n].Flags.Has(index.FlagRejected) {
		f.headless--
	}
	clear(f.batch[n:])
	f.batch = f.batch[:n]
	f.unsort()
}

// full tells that the next add would give the batch to the Sink.
func (f *feed) full() bool { return len(f.batch) >= batchEntries || f.bytes >= batchBytes }

// forget empties the batch.
func (f *feed) forget() {
	clear(f.batch) // lets go of the text
	f.batch, f.bytes, f.headless = f.batch[:0], 0, 0
}

// release lets go of the memory of a feed that has nothing to do.
func (f *feed) release() {
	if len(f.batch) == 0 {
		f.batch, f.decoder, f.sorter = nil, syslog.Decoder{}, nil
	}
}

// drain parses everything that comes out of the queue until it is closed.
func (f *feed) drain(q *queue) {
	for q.next(f.addDatagram) {
		f.flush()
	}
}

func (f *feed) addDatagram(d *datagram) {
	var flags index.Flags
	if d.truncated {
		flags = index.FlagTruncated
	}
	from := f.peer(d.from)
	for rest := d.data; len(rest) > 0; {
		message := rest
		rest = nil
		if f.spec.splitLinePRI {
			message, rest = syslog.CutLinePRI(message)
		}
		f.add(message, d.received, from, flags)
	}
}

// maxPeers bounds the memory of senders; UDP addresses can be forged.
const maxPeers = 1024

// peer returns the peer of a datagram's sender.
func (f *feed) peer(from sender) *peer {
	if p, ok := f.peers[from]; ok {
		return p
	}
	if len(f.peers) >= maxPeers {
		clear(f.peers)
	}
	p := newPeer(from)
	f.peers[from] = p
	return p
}
