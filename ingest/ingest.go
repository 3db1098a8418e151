// Package ingest receives syslog messages and says who sent them.
//
//	socket → frame → index.Entry (ingest/syslog) → Identifier → Sink
//	log files → ingest/file → Sink
//	HTTP server → Receiver.Ingest → Identifier → Sink
//
// Invariants: nothing that a sender writes can stop the program; a connection
// costs bounded memory; a datagram socket is always read, so that no sender
// ever waits, and what there is no room for is dropped and counted; a stream
// is read only as fast as the Sink takes it; every loss is counted, shown by
// Stats and announced in the log itself; nobody's instance is decided by what
// he writes where anything else shows it. The package stores nothing. It runs
// on Linux only. Start reading at Listen, then feed, then Identifier.
package ingest

import (
	"context"

	"github.com/tagtail/tagtail/index"
)

// Sink takes the entries that were received. Append may be called from several
// goroutines at once. It sets Seq in place and may not keep the slice; the
// strings may be kept. If it returns an error, the entries without a Seq are
// lost and counted as dropped; those with one are kept, but may not outlive a
// power cut.
type Sink interface {
	Append(entries []index.Entry) error
}

// unkept is how many of the entries a Sink that returned an error has not kept.
func unkept(entries []index.Entry) (count uint64) {
	for i := range entries {
		if entries[i].Seq == 0 {
			count++
		}
	}
	return count
}

// Syncer is implemented by a Sink that can tell when entries are safe. Inputs
// that acknowledge messages (relp) need one.
type Syncer interface {
	// Sync returns when everything that was appended before the call outlives
	// a crash. If it returns an error, nothing is known of what was appended,
	// and its senders are asked to send it again.
	Sync(ctx context.Context) error
}
