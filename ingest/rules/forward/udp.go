package forward

import (
	"context"
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// maxDatagramBytes is what fits into a datagram of IPv4.
const maxDatagramBytes = 65507

// sendUDP sends each record as a datagram, until ctx ends. Nobody says whether
// one has arrived.
func (f *Forwarder) sendUDP(ctx context.Context, conn net.Conn) error {
	for ctx.Err() == nil {
		records, err := f.spool.Read(readBytes)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			select {
			case <-f.spool.Ready():
			case <-ctx.Done():
			}
			continue
		}
		for _, r := range records {
			_, err := conn.Write(r.Data[:min(len(r.Data), maxDatagramBytes)])
			// Refused is what an earlier datagram was.
			if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
				return err
			}
			if err := f.ack(r.After, 1); err != nil {
				return err
			}
		}
	}
	return nil
}
