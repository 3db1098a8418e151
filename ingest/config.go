package ingest

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/tagtail/tagtail/ingest/redact"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// Config says what a Receiver listens to. The zero value of a field is its
// default.
type Config struct {
	// Inputs are the listeners as URLs: udp://HOST:PORT, tcp://HOST:PORT,
	// tls://HOST:PORT (RFC 5425), relp://HOST:PORT (rsyslog's omrelp),
	// unixgram:///PATH and unix:///PATH. Port 0 lets the system choose.
	// Options follow a "?":
	//
	//	zone=Asia/Shanghai  the zone of timestamps that name none; default local
	//	multiline=on        tcp, tls, unix: a line feed ends a message only
	//	                    before a PRI
	//	split=lf-pri        udp, unixgram: a datagram holds several messages
	//	fixups=lua          repair the Lua handler's extra field
	//	mode=0660           unixgram, unix: permissions of the socket; default 0666
	//	engine=go-syslog    tcp, unixgram: receive with a stock go-syslog Server
	//	instance=web/dev1   everything here is of this instance
	//	allow=dev1,web/dev2 only these owners and instances send here
	//	trust=claims        tls, relp: relays with a certificate say who sent
	//	tls=on              relp: by TLS, with the options of tls
	//	cert=FILE           tls: the certificate and its chain, in PEM
	//	key=FILE            tls: its key, in PEM; default is in cert's file
	//	ca=FILE             tls: who signs client certificates, in PEM
	//	client=require      tls: whether clients show a certificate: require
	//	                    (default if there is a ca), optional (one that is
	//	                    shown is verified) or none
	//
	// Certificates are read again when their files change. relp acknowledges
	// what is durable only, so its Sink has to be a Syncer; if it is also a
	// Recaller, what is sent again after a crash is stored once.
	Inputs []string
	// Files are log files to follow, besides the listeners.
	Files []FileInput
	// FileState is the file that keeps their positions; it must be given if
	// there are Files.
	FileState string
	// Instances are known by their tags. While there are none, tags of the
	// form service_owner name instances as they appear.
	Instances []Instance
	// Rules name the instances of tags that no instance has, the first that
	// fits. They are for a change from rsyslog's filters.
	Rules []Rule
	// HTTP is the URL of what an HTTP server takes for Receiver.Ingest, as
	// entries and Stats show it; "" if there is none.
	HTTP string
	// ProcessInstance tells which instance a process of this machine belongs
	// to; nil knows none. It is called from the goroutines that parse and must
	// not wait for anything slow. What it says is kept for some seconds. A
	// server's workers are processes of their own, and belong to it too.
	ProcessInstance func(pid int) (instance string, ok bool)
	// RateLimit bounds what is stored of each instance; off by default.
	RateLimit RateLimit
	// Redact takes secrets out of entries once it is known whose they are; nil
	// leaves them as they are.
	Redact *redact.Set
	// MaxMessageBytes is where a message is cut, at most 1 MiB; 0 is 64 KiB.
	MaxMessageBytes int
	// ReceiveBufferBytes is asked of the kernel for UDP; 0 is 64 MiB, or a
	// share of 128 MiB where there are more than two datagram listeners.
	ReceiveBufferBytes int
	// QueueBytes bounds what a datagram listener holds for the Sink; 0 is
	// 32 MiB, or a share of 64 MiB where there are more than two. Another
	// QueueBytes are in the parser's hands.
	QueueBytes int
	// MaxConns bounds the connections of a listener, MaxConnsPerSource those
	// from one address; 0 is 4,096 and 2,048. All Lua workers of a one-host
	// team come from one address.
	MaxConns, MaxConnsPerSource int
	// MaxOctetCount is the largest octet count of a stream that is believed;
	// a larger number is the text of a line. 0 is 1,048,576, the most.
	MaxOctetCount int
	// FirstByteWithin is how long a new connection may say nothing, 0 is 60 s.
	// StallWithin is how long one may stop in the middle of a message, or not
	// take an acknowledgement; 0 is 30 s. Between two messages a connection
	// may be silent for ever: Lua keeps pools of them, and TCP's keep-alive
	// finds those whose sender has vanished.
	FirstByteWithin, StallWithin time.Duration
	// IdleFlush is after which pause an unfinished line is taken as it is,
	// and the memory of a silent connection is freed; 0 is 2 s.
	IdleFlush time.Duration
	// HandshakeWithin is how long a TLS handshake may take; 0 is 10 s.
	HandshakeWithin time.Duration
	// MaxAcceptPause is the longest pause between two attempts to accept a
	// connection while that fails (no file descriptors); 0 is 1 s.
	MaxAcceptPause time.Duration
	// Hostname is what messages from local sockets get; "" is this machine's.
	Hostname string
	// Logger takes what the operator should know; nil discards it.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Defaults of Config.
const (
	defaultReceiveBuffer     = 64 << 20
	defaultQueueBytes        = 32 << 20
	defaultMaxConns          = 4096
	defaultMaxConnsPerSource = 2048
	defaultFirstByteWithin   = time.Minute
	defaultStallWithin       = 30 * time.Second
	defaultIdleFlush         = 2 * time.Second
	defaultHandshakeWithin   = 10 * time.Second
	defaultMaxAcceptPause    = time.Second
)

// maxMessageBytes bounds what one sender can make every stage hold at once.
const maxMessageBytes = 1 << 20

// Validate says in one sentence what is wrong with c and what is allowed.
func (c *Config) Validate() error {
	if len(c.Inputs) == 0 && len(c.Files) == 0 {
		return fmt.Errorf("--syslog: there is no input; give at least one, such as udp://127.0.0.1:5514")
	}
	for _, in := range c.Inputs {
		if _, err := parseInput(in); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		name  string
		value int
		least int
	}{
		{"max_message_bytes", c.MaxMessageBytes, 480}, // RFC 5424, section 6.1
		{"receive_buffer_bytes", c.ReceiveBufferBytes, 4096},
		{"queue_bytes", c.QueueBytes, 64 << 10},
		{"max_conns", c.MaxConns, 1},
		{"rate_limit.per_second", c.RateLimit.PerSecond, 1},
		{"rate_limit.burst", c.RateLimit.Burst, 1},
		{"max_conns_per_source", c.MaxConnsPerSource, 1},
		{"max_octet_count", c.MaxOctetCount, 480},
	} {
		if n.value != 0 && n.value < n.least {
			return fmt.Errorf("%s: %d is too small; give at least %d, or 0 for the default", n.name, n.value, n.least)
		}
	}
	if c.MaxMessageBytes > maxMessageBytes {
		return fmt.Errorf("max_message_bytes: %d is too large; give at most %d", c.MaxMessageBytes, maxMessageBytes)
	}
	if c.MaxOctetCount > syslog.MaxOctets {
		return fmt.Errorf("max_octet_count: %d is too large; give at most %d", c.MaxOctetCount, syslog.MaxOctets)
	}
	if err := c.validateTimes(); err != nil {
		return err
	}
	files := c.fileConfig()
	if err := files.Validate(); err != nil {
		return err
	}
	_, err := NewIdentifier(c)
	return err
}

func (c *Config) validateTimes() error {
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"first_byte_within", c.FirstByteWithin},
		{"stall_within", c.StallWithin},
		{"idle_flush", c.IdleFlush},
		{"handshake_within", c.HandshakeWithin},
		{"max_accept_pause", c.MaxAcceptPause},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s: %v is negative; give a duration such as 30s, or 0 for the default", d.name, d.value)
		}
	}
	return nil
}

// leastShare is what every datagram listener gets at least, in bytes.
const leastShare = 8 << 20

// share is what each datagram listener gets of what two may have: a flood of
// all of them must not take the machine's memory.
func (c *Config) share(each int) int {
	datagrams := 0
	for _, input := range c.Inputs {
		if strings.HasPrefix(input, "udp:") || strings.HasPrefix(input, "unixgram:") {
			datagrams++
		}
	}
	return max(leastShare, min(each, 2*each/max(1, datagrams)))
}

// withDefaults returns c with every zero field replaced.
func (c Config) withDefaults() (Config, error) {
	orDefault(&c.MaxMessageBytes, syslog.DefaultMaxBytes)
	orDefault(&c.ReceiveBufferBytes, c.share(defaultReceiveBuffer))
	orDefault(&c.QueueBytes, c.share(defaultQueueBytes))
	c.QueueBytes = max(c.QueueBytes, c.MaxMessageBytes+1) // or the largest would never fit
	orDefault(&c.MaxConns, defaultMaxConns)
	orDefault(&c.MaxConnsPerSource, defaultMaxConnsPerSource)
	orDefault(&c.MaxOctetCount, syslog.MaxOctets)
	orDefault(&c.FirstByteWithin, defaultFirstByteWithin)
	orDefault(&c.StallWithin, defaultStallWithin)
	orDefault(&c.IdleFlush, defaultIdleFlush)
	orDefault(&c.HandshakeWithin, defaultHandshakeWithin)
	orDefault(&c.MaxAcceptPause, defaultMaxAcceptPause)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Hostname == "" {
		name, err := os.Hostname()
		if err != nil {
			return c, fmt.Errorf("read own hostname: %w", err)
		}
		c.Hostname = name
	}
	return c, nil
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// limits is Config's patience with streams, all set.
type limits struct {
	firstByte, stall, idleFlush, handshake, acceptPause time.Duration
}

func (c *Config) limits() limits {
	return limits{
		firstByte:   c.FirstByteWithin,
		stall:       c.StallWithin,
		idleFlush:   c.IdleFlush,
		handshake:   c.HandshakeWithin,
		acceptPause: c.MaxAcceptPause,
	}
}
