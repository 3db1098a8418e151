package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tagtail/tagtail/ingest/rules/spool"
)

const (
	// maxInFlight is how many bytes may be on their way.
	maxInFlight = 1 << 20
	// lookEvery is how often the kernel is asked what has arrived.
	lookEvery = 20 * time.Millisecond
)

// flight is a batch that was written and may not have arrived.
type flight struct {
	end   int64 // of its bytes, from the beginning of the connection
	after spool.Position
	count int
}

// sendTCP sends records until ctx ends or the connection does. A record has
// arrived when the other side's kernel has acknowledged its bytes: what is only
// in our own socket's buffer would be lost with it.
func (f *Forwarder) sendTCP(ctx context.Context, conn *net.TCPConn) error {
	gone := make(chan error, 1)
	go func() { gone <- discard(conn) }()
	var flights []flight
	var total int64
	var frame []byte
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var err error
		if flights, err = f.land(conn, flights, total); err != nil {
			return err
		}
		select {
		case err := <-gone:
			return err
		default:
		}
		if len(flights) > 0 && total-flights[0].end > maxInFlight || ctx.Err() != nil {
			if ctx.Err() != nil {
				return nil
			}
			<-tick.C
			continue
		}
		records, err := f.spool.Read(readBytes)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			if err := f.pause(ctx, gone, tick.C, len(flights) > 0); err != nil {
				return err
			}
			continue
		}
		frame = frame[:0]
		for _, r := range records {
			frame = f.appendFrame(frame, r.Data)
		}
		if err := conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
			return err
		}
		n, err := conn.Write(frame)
		total += int64(n)
		if err != nil {
			return err
		}
		flights = append(flights, flight{end: total, after: records[len(records)-1].After, count: len(records)})
	}
}

// pause waits for more to send, for the end of the connection or, if something
// is on its way, for the time to look again.
func (f *Forwarder) pause(ctx context.Context, gone chan error, tick <-chan time.Time, flying bool) error {
	if !flying {
		tick = nil
	}
	select {
	case err := <-gone:
		return err
	case <-f.spool.Ready():
	case <-tick:
	case <-ctx.Done():
	}
	return nil
}

// discard reads what nobody asked for, until the connection ends.
func discard(conn net.Conn) error {
	_, err := io.Copy(io.Discard, conn)
	if err == nil {
		err = errors.New("the server has closed the connection")
	}
	return err
}

// appendFrame appends a message as it is framed. A line feed that is there
// already is not written twice.
func (f *Forwarder) appendFrame(dst, line []byte) []byte {
	if f.cfg.OctetCounted {
		dst = strconv.AppendInt(dst, int64(len(line)), 10)
		dst = append(dst, ' ')
		return append(dst, line...)
	}
	dst = append(dst, line...)
	if len(line) == 0 || line[len(line)-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst
}

// land acknowledges the flights whose bytes have arrived.
func (f *Forwarder) land(conn *net.TCPConn, flights []flight, total int64) ([]flight, error) {
	if len(flights) == 0 {
		return flights, nil
	}
	waiting, err := unacknowledged(conn)
	if err != nil {
		return flights, err
	}
	for len(flights) > 0 && flights[0].end <= total-int64(waiting) {
		if err := f.ack(flights[0].after, flights[0].count); err != nil {
			return flights, err
		}
		flights = flights[1:]
	}
	return flights, nil
}

// unacknowledged is how many bytes the other side's kernel has not confirmed.
func unacknowledged(conn *net.TCPConn) (n int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("look into the socket: %w", err)
	}
	var inner error
	err = raw.Control(func(fd uintptr) { n, inner = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) })
	if err := errors.Join(err, inner); err != nil {
		return 0, fmt.Errorf("look into the socket: %w", err)
	}
	return n, nil
}
