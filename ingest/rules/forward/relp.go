package forward

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/tagtail/tagtail/ingest/relp"
	"github.com/tagtail/tagtail/ingest/rules/spool"
)

// relpWindow is how many messages may be unanswered.
const relpWindow = 128

// maxAnswerBytes bounds what a server may answer.
const maxAnswerBytes = 64 << 10

// sent is a message that was not answered yet.
type sent struct {
	txnr  int
	after spool.Position
}

// sendRELP sends records until ctx ends or the connection does. One has
// arrived when the server says so.
func (f *Forwarder) sendRELP(ctx context.Context, conn net.Conn) error {
	var client relp.Client
	answers, gone := make(chan int, relpWindow), make(chan error, 1)
	over := make(chan struct{})
	defer close(over)
	go func() { gone <- readAnswers(conn, answers, over) }()
	if err := write(conn, client.Open(nil)); err != nil {
		return err
	}
	select {
	case <-answers:
	case err := <-gone:
		return err
	case <-time.After(dialWithin):
		return errors.New("the server does not answer")
	case <-ctx.Done():
		return nil
	}
	var open []sent
	var frames []byte
	var left []spool.Record
	for ctx.Err() == nil {
		var err error
		switch {
		case len(open) > 0: // the next window is for when all is answered
			if open, err = f.answered(ctx, answers, gone, open); err != nil {
				return err
			}
			continue
		case len(left) == 0:
			if left, err = f.spool.Read(readBytes); err != nil {
				return err
			}
		}
		if len(left) == 0 {
			if err := f.pause(ctx, gone, nil, false); err != nil {
				return err
			}
			continue
		}
		frames = frames[:0]
		n := min(relpWindow, len(left))
		for _, r := range left[:n] {
			var txnr int
			frames, txnr = client.Message(frames, r.Data)
			open = append(open, sent{txnr, r.After})
		}
		left = left[n:]
		if err := write(conn, frames); err != nil {
			return err
		}
	}
	return nil
}

// answered waits for an answer, if one is owed.
func (f *Forwarder) answered(ctx context.Context, answers chan int, gone chan error, open []sent) ([]sent, error) {
	if len(open) == 0 {
		return open, nil
	}
	timer := time.NewTimer(writeWithin)
	defer timer.Stop()
	select {
	case txnr := <-answers:
		if txnr != open[0].txnr {
			return open, errors.New("the server answers what was not asked")
		}
		return open[1:], f.ack(open[0].after, 1)
	case err := <-gone:
		return open, err
	case <-timer.C:
		return open, errors.New("the server does not answer")
	case <-ctx.Done():
		return open, nil
	}
}

// readAnswers hands on the numbers of what the server confirms.
func readAnswers(conn net.Conn, answers chan<- int, over <-chan struct{}) error {
	r := relp.NewReader(maxAnswerBytes)
	for {
		for {
			frame, ok, err := r.Next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			txnr, err := relp.Answered(frame)
			if err != nil {
				return err
			}
			if txnr == 0 {
				continue
			}
			select {
			case answers <- txnr:
			case <-over:
				return nil
			}
		}
		if _, err := r.Fill(conn); err != nil {
			return err
		}
	}
}

func write(conn net.Conn, data []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := conn.Write(data)
	return err
}
