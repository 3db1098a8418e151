package viewer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tagtail/tagtail/index"
)

const (
	// feedBytes is hub.feedBytes.
	feedBytes = 1 << 20
	// feedProgress is how often a feed to which nothing comes notes how far it
	// has read, and lets go of frames that nobody needs any more.
	feedProgress = time.Second
)

// feed follows the logs for all tails of one search. It is as fast as the
// store: a slow tail loses frames of it, and never holds it up.
type feed struct {
	key   feedKey
	users int    // guarded by hub.mu
	stop  func() // ends run and waits for it
	done  chan struct{}
	room  int // bytes of frames that it keeps, and one frame at least

	mu      sync.Mutex
	frames  []*feedFrame  // the newest, oldest first
	first   uint64        // the number of the first of them
	bytes   int           // of all of them
	read    uint64        // the Seq up to which it has read, and given frames
	told    uint64        // how far the newest frame has read
	counted tally         // of all frames there ever were
	resting bool          // no frame has come since the last tick
	changed chan struct{} // closed when there is a frame more or it has ended, then replaced
	err     error         // why it has ended

	pace pace // of publish
}

// feedFrame is what a feed sends to all of its tails.
type feedFrame struct {
	gap     index.Gap // comes before the entries
	message           // empty if there is only a gap
	// sample is what a person is shown instead, nil unless that is too much to
	// read.
	sample *message
	// A tail that has read up to any Seq from before to first-1 misses nothing.
	before, first uint64
	seq           uint64 // how far it reads
	// What the feed had counted before this frame, and with it.
	countedBefore, counted tally
}

// message is a frame of entries, compressed once for all tails.
type message struct {
	data     []byte
	count    int // entries
	prepared *websocket.PreparedMessage
}

func newMessage(data []byte, count int) (message, error) {
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
	if err != nil {
		return message{}, fmt.Errorf("prepare frame: %w", err)
	}
	return message{data, count, prepared}, nil
}

func newFeed(key feedKey, seq uint64, room int) *feed {
	return &feed{key: key, room: room, read: seq, told: seq, done: make(chan struct{}), changed: make(chan struct{})}
}

// run follows the logs until ctx ends.
func (f *feed) run(ctx context.Context, logs Logs, req index.FollowRequest) {
	defer close(f.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newOutbox(req.After)
	followed := make(chan error, 1)
	go func() {
		followed <- logs.Follow(ctx, req, func(batch index.FollowBatch) error { return out.put(ctx, batch) })
	}()
	tick := time.NewTicker(feedProgress)
	defer tick.Stop()
	err := out.pump(ctx, pump{
		deliver: f.publish,
		tick:    tick.C,
		ticked: func() error {
			if seq, idle := out.read(); idle {
				f.rest(seq)
				out.shrink()
			}
			return nil
		},
		ended: followed,
	})
	cancel()
	if !errors.Is(err, errFollowed) {
		<-followed //nolint:errcheck // it says no more than err
	}
	f.end(err)
}

// publish makes a frame of the mail, whose memory it copies.
func (f *feed) publish(m mail) error {
	n := &feedFrame{gap: m.gap, first: m.first, seq: m.seq}
	if m.count > 0 {
		var err error
		if n.message, err = newMessage(bytes.Clone(m.frame), m.count); err != nil {
			return err
		}
		if shown := f.pace.add(time.Now(), m.count); f.pace.fast {
			sample, err := newMessage(sampleOf(m, shown), shown)
			if err != nil {
				return err
			}
			n.sample = &sample
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n.before = f.told
	n.countedBefore = f.counted
	f.counted = f.counted.plus(m.tally())
	n.counted = f.counted
	f.frames = append(f.frames, n)
	f.bytes += len(n.data)
	for len(f.frames) > 1 && f.bytes > f.room {
		f.bytes -= len(f.frames[0].data)
		f.frames[0] = nil
		f.frames = f.frames[1:]
		f.first++
	}
	f.read, f.told, f.resting = n.seq, n.seq, false
	f.tellLocked()
	return nil
}

// rest notes how far nothing more was found, and lets go of the frames.
func (f *feed) rest(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = max(f.read, seq)
	if f.resting {
		f.first += uint64(len(f.frames))
		f.frames, f.bytes = nil, 0
	}
	f.resting = true
}

func (f *feed) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	f.tellLocked()
}

func (f *feed) tellLocked() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// ended is why the feed has ended, nil while it goes on.
func (f *feed) ended() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// feedView is what a feed has for a tail.
type feedView struct {
	frame *feedFrame // or nil
	// Without a frame: told is how far the newest one has read, read how far the
	// feed has since without finding more. changed is closed when there is more.
	told, read uint64
	counted    tally // up to told
	changed    <-chan struct{}
}

// from returns the frame with the number, or the next one that is there, and
// the number behind it.
func (f *feed) from(number uint64) (v feedView, next uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	number = max(number, f.first)
	if at := number - f.first; at < uint64(len(f.frames)) {
		return feedView{frame: f.frames[at]}, number + 1, nil
	}
	return feedView{told: f.told, read: f.read, counted: f.counted, changed: f.changed}, number, f.err
}

// position is the number of the frame that comes next, how far those before it
// have read and what they counted.
func (f *feed) position() (number, read uint64, counted tally) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.first + uint64(len(f.frames)), f.read, f.counted
}
