package ingest

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
)

// listenTLS binds a TCP socket for syslog over TLS (RFC 5425). The framing is
// that of TCP: RFC 5425 counts octets, and many senders write lines.
func listenTLS(in *input, cfg *Config) (*streamListener, error) {
	serve, err := in.overTLS(in.lines(cfg))
	if err != nil {
		return nil, err
	}
	return newTCPListener(in, cfg, serve)
}

// overTLS makes serve get the inside of a TLS connection. The handshake runs
// in the connection's own goroutine and ends in time: a client that never
// finishes it costs nobody else anything.
func (in *input) overTLS(serve serveFunc) (serveFunc, error) {
	certificates, err := openCertificates(&in.spec)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			config, err := certificates.Current()
			if err != nil {
				in.report("reload certificates", err)
			}
			return config, nil
		},
	}
	return func(ctx context.Context, conn net.Conn, from *peer) {
		secure := tls.Server(conn, config)
		if err := in.handshake(ctx, secure); err != nil {
			in.report("shake hands", fmt.Errorf("%s: %w", from.source, err))
			_ = conn.Close() // it never carried anything
			return
		}
		serve(ctx, secure, from.withCertificate(secure.ConnectionState()))
	}, nil
}

func (in *input) handshake(ctx context.Context, conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, in.limits.handshake)
	defer cancel()
	return conn.HandshakeContext(ctx)
}

// withCertificate is p with the client certificate that was verified, if any.
func (p *peer) withCertificate(state tls.ConnectionState) *peer {
	if len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return p
	}
	known := *p
	certificate := state.PeerCertificates[0]
	known.names = certificateNames(certificate)
	sum := sha256.Sum256(certificate.Raw)
	known.fingerprint = hex.EncodeToString(sum[:])
	return &known
}

// certificateNames are the subject alternative names. The common name counts
// only where there is none: it is a name that people read, and who signs need
// not have checked it (RFC 6125, section 6.4.4).
func certificateNames(c *x509.Certificate) []string {
	names := slices.Concat(c.DNSNames, c.EmailAddresses)
	for _, uri := range c.URIs {
		names = append(names, uri.String())
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if cn := c.Subject.CommonName; cn != "" && len(names) == 0 {
		names = append(names, cn)
	}
	return names
}
