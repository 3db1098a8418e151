package ingest

import (
	"context"
	"net"
	"time"

	"github.com/tagtail/tagtail/ingest/syslog"
)

// keepAlive finds senders that have vanished. There is no other limit for
// connections that have sent something: Lua keeps pools of them.
const keepAlive = 30 * time.Second

func listenTCP(in *input, cfg *Config) (*streamListener, error) {
	return newTCPListener(in, cfg, in.lines(cfg))
}

// newTCPListener binds a TCP socket whose connections are served by serve.
func newTCPListener(in *input, cfg *Config, serve serveFunc) (*streamListener, error) {
	lc := net.ListenConfig{KeepAlive: keepAlive}
	socket, err := lc.Listen(context.Background(), "tcp", in.spec.address)
	if err != nil {
		return nil, bindError(&in.spec, err)
	}
	return newStreamListener(in, cfg, socket.(*net.TCPListener), addrSender, serve), nil
}

// lines serves connections that are framed by line or octet count.
func (in *input) lines(cfg *Config) serveFunc {
	framing := framingOf(in, cfg)
	return func(ctx context.Context, conn net.Conn, from *peer) {
		newStream(in, framing, conn, from).run(ctx)
	}
}

func framingOf(in *input, cfg *Config) syslog.Framing {
	return syslog.Framing{MaxBytes: cfg.MaxMessageBytes, MaxOctets: cfg.MaxOctetCount, Multiline: in.spec.multiline}
}
