package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/tagtail/tagtail/ingest/rules"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// ErrClosed says that a Receiver was closed, or is running already.
var ErrClosed = errors.New("receiver is closed or running")

// listener is one bound socket.
type listener interface {
	addr() net.Addr
	// run receives until ctx ends, then takes what the kernel holds and
	// returns when the Sink has all of it.
	run(ctx context.Context)
	// sample updates the counters that only the kernel knows, and returns
	// what is worth saying about the socket.
	sample() (detail string)
	// close frees the socket. It may be called again, and during run.
	close() error
}

// Receiver is a set of bound inputs. Run makes it receive.
type Receiver struct {
	// immutable after Listen
	sink      Sink
	identify  *Identifier
	rates     *limiter // nil limits nothing
	inputs    []*input
	listeners []listener
	losses    *losses
	rules     atomic.Pointer[rules.Engine]
	http      *input // nil without Config.HTTP; one of inputs

	mu     sync.Mutex
	stop   context.CancelFunc // nil before Run
	done   chan struct{}      // closed when Run ends
	closed bool
}

// Listen binds all inputs of cfg, or none.
func Listen(cfg Config, sink Sink) (*Receiver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	id, err := NewIdentifier(&cfg)
	if err != nil {
		return nil, err
	}
	r := &Receiver{sink: sink, identify: id, rates: newLimiter(cfg.RateLimit), done: make(chan struct{})}
	for _, text := range cfg.Inputs {
		if err := r.bind(text, &cfg); err != nil {
			return nil, errors.Join(err, r.closeSockets())
		}
	}
	if err := r.bindFiles(&cfg); err != nil {
		return nil, errors.Join(err, r.closeSockets())
	}
	r.bindHTTP(&cfg)
	r.losses = newLosses(r, &cfg)
	return r, nil
}

func (r *Receiver) bind(text string, cfg *Config) error {
	spec, err := parseInput(text)
	if err != nil {
		return err
	}
	in := &input{
		spec:     spec,
		opts:     syslog.Options{Location: spec.zone, LuaFixups: spec.luaFixups},
		maxBytes: cfg.MaxMessageBytes,
		limits:   cfg.limits(),
		sink:     r.sink,
		identify: r.identify,
		rates:    r.rates,
		redact:   cfg.Redact,
		rules:    &r.rules,
		now:      cfg.Now,
		log:      cfg.Logger,
	}
	l, err := listen(in, cfg)
	if err != nil {
		return err
	}
	in.name = spec.name(l.addr())
	r.inputs = append(r.inputs, in)
	r.listeners = append(r.listeners, l)
	return nil
}

// listen binds the socket of in.
func listen(in *input, cfg *Config) (listener, error) {
	if in.spec.isLocal() {
		in.opts.Local, in.opts.Hostname = true, cfg.Hostname
	}
	if in.spec.goSyslog {
		return listenEngine(in, cfg)
	}
	switch in.spec.scheme {
	case schemeUnixgram:
		return listenUnixgram(in, cfg)
	case schemeUnix:
		return listenUnix(in, cfg)
	case schemeTCP:
		return listenTCP(in, cfg)
	case schemeTLS:
		return listenTLS(in, cfg)
	case schemeRELP:
		return listenRELP(in, cfg)
	}
	return listenUDP(in, cfg)
}

// Addrs are the addresses that were bound, in the order of Config.Inputs, and
// the pattern of Config.Files and Config.HTTP behind them.
func (r *Receiver) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(r.listeners))
	for i, l := range r.listeners {
		addrs[i] = l.addr()
	}
	return addrs
}

// SetInstances replaces the known instances for all messages from now on.
func (r *Receiver) SetInstances(instances []Instance) error {
	return r.identify.SetInstances(instances)
}

// Run receives until ctx ends or Close is called, gives the Sink everything
// that was received by then, frees the sockets and returns. It can be called
// once.
func (r *Receiver) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if !r.begin(stop) {
		return ErrClosed
	}
	defer close(r.done)
	var wg sync.WaitGroup
	for _, l := range r.listeners {
		wg.Go(func() { l.run(ctx) })
	}
	wg.Go(func() { r.losses.watch(ctx) })
	wg.Wait()
	for _, l := range r.listeners {
		l.sample()
	}
	r.losses.announce()
	return r.closeSockets()
}

func (r *Receiver) begin(stop context.CancelFunc) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.stop != nil {
		return false
	}
	r.stop = stop
	return true
}

// Close ends Run and waits for it, or frees the sockets if Run was never
// called.
func (r *Receiver) Close() error {
	r.mu.Lock()
	r.closed = true
	stop := r.stop
	r.mu.Unlock()
	if stop == nil {
		return r.closeSockets()
	}
	stop()
	<-r.done
	return nil
}

func (r *Receiver) closeSockets() error {
	var errs []error
	for i, l := range r.listeners {
		if err := l.close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", r.inputs[i].name, err))
		}
	}
	return errors.Join(errs...)
}

// Suppressed returns how many entries of each instance its RateLimit has kept
// from being stored. Instances without any are left out.
func (r *Receiver) Suppressed() map[string]uint64 { return r.rates.suppressed() }

// InputStats are an input's counters since it was bound.
type InputStats struct {
	// Input is its URL, as in Entry.Input.
	Input string
	// Received messages were read from the socket whole and parsed. Dropped
	// ones were read but had no room in the queue, or the Sink refused them;
	// the refused ones are also among Received. KernelDropped ones had no
	// room in the socket's buffer. Rejected ones had no header and are stored
	// all the same.
	// Suppressed ones are among Received and over their instance's RateLimit.
	Received, Dropped, KernelDropped, Rejected, Suppressed uint64
	// Detail is a sentence about what is not as it should be, or empty.
	Detail string
}

// Stats returns the counters of all inputs, in the order of Addrs.
func (r *Receiver) Stats() []InputStats {
	stats := make([]InputStats, len(r.inputs))
	for i, in := range r.inputs {
		detail := r.listeners[i].sample()
		stats[i] = InputStats{
			Input:         in.name,
			Received:      in.received.Load(),
			Dropped:       in.dropped.Load(),
			KernelDropped: in.kernelDropped.Load(),
			Rejected:      in.rejected.Load(),
			Suppressed:    in.suppressed.Load(),
			Detail:        detail,
		}
	}
	return stats
}
