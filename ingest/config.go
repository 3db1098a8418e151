package ingest

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/tagtail/tagtail/ingest/syslog"
)

// Config says what a Receiver listens to. The zero value of a field is its
// default.
type Config struct {
	// Inputs are the listeners as URLs: udp://HOST:PORT, tcp://HOST:PORT and
	// unixgram:///PATH. Port 0 lets the system choose. Options follow a "?":
	//
	//	zone=Asia/Shanghai  the zone of timestamps that name none; default local
	//	multiline=on        tcp: a line feed ends a message only before a PRI
	//	split=lf-pri        udp, unixgram: a datagram holds several messages
	//	fixups=lua          repair the Lua handler's extra field
	//	mode=0660           unixgram: permissions of the socket; default 0666
	//	engine=go-syslog    tcp, unixgram: receive with a stock go-syslog Server
	Inputs []string
	// Files are log files to follow, besides the listeners.
	Files []FileInput
	// FileState is the file that keeps their positions; it must be given if
	// there are Files.
	FileState string
	// Instances are known by their tags. While there are none, tags of the
	// form service_owner name instances as they appear.
	Instances []Instance
	// MaxMessageBytes is where a message is cut, at most 1 MiB; 0 is 64 KiB.
	MaxMessageBytes int
	// ReceiveBufferBytes is asked of the kernel for UDP; 0 is 8 MiB.
	ReceiveBufferBytes int
	// QueueBytes bounds what a datagram listener holds for the Sink; 0 is
	// 8 MiB. Another QueueBytes are in the parser's hands.
	QueueBytes int
	// MaxConns bounds the connections of a listener, MaxConnsPerSource those
	// from one address; 0 is 4,096 and 2,048. All Lua workers of a one-host
	// team come from one address.
	MaxConns, MaxConnsPerSource int
	// Hostname is what messages from local sockets get; "" is this machine's.
	Hostname string
	// Logger takes what the operator should know; nil discards it.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Defaults of Config.
const (
	defaultReceiveBuffer     = 8 << 20
	defaultQueueBytes        = 8 << 20
	defaultMaxConns          = 4096
	defaultMaxConnsPerSource = 2048
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
		{"max_conns_per_source", c.MaxConnsPerSource, 1},
	} {
		if n.value != 0 && n.value < n.least {
			return fmt.Errorf("%s: %d is too small; give at least %d, or 0 for the default", n.name, n.value, n.least)
		}
	}
	if c.MaxMessageBytes > maxMessageBytes {
		return fmt.Errorf("max_message_bytes: %d is too large; give at most %d", c.MaxMessageBytes, maxMessageBytes)
	}
	files := c.fileConfig()
	if err := files.Validate(); err != nil {
		return err
	}
	_, err := NewIdentifier(c.Instances)
	return err
}

// withDefaults returns c with every zero field replaced.
func (c Config) withDefaults() (Config, error) {
	orDefault(&c.MaxMessageBytes, syslog.DefaultMaxBytes)
	orDefault(&c.ReceiveBufferBytes, defaultReceiveBuffer)
	orDefault(&c.QueueBytes, defaultQueueBytes)
	c.QueueBytes = max(c.QueueBytes, c.MaxMessageBytes+1) // or the largest would never fit
	orDefault(&c.MaxConns, defaultMaxConns)
	orDefault(&c.MaxConnsPerSource, defaultMaxConnsPerSource)
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

func orDefault(field *int, value int) {
	if *field == 0 {
		*field = value
	}
}
