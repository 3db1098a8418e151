package ingest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// tlsSpec is the part of an inputSpec that is about TLS.
type tlsSpec struct {
	on     bool // relp: tls=on; always so with the scheme tls
	cert   string
	key    string
	ca     string
	client string
}

// checkTLS checks the options of TLS that depend on each other, and sets the
// defaults that do.
func (s *inputSpec) checkTLS() error {
	t := &s.tls
	if s.scheme == schemeTLS {
		t.on = true
	}
	if !t.on {
		if t.cert+t.key+t.ca+t.client != "" {
			return s.wrong("has certificates but no TLS; add tls=on")
		}
		return nil
	}
	if t.cert == "" {
		return s.wrong("has no certificate; add cert=FILE and key=FILE")
	}
	if t.key == "" {
		t.key = t.cert
	}
	if t.client == "" {
		t.client = "none"
		if t.ca != "" {
			t.client = "require"
		}
	}
	switch t.client {
	case "none":
		return nil
	case "optional", "require":
		if t.ca == "" {
			return s.wrong("has client=%s but does not say who signs client certificates; add ca=FILE", t.client)
		}
		return nil
	}
	return s.wrong("has client=%q; it can be require, optional or none", t.client)
}

// certificates is a TLS configuration that follows its files: it is read again
// when one of them has another size, inode or time of change. A look at three
// files is cheap beside a handshake.
type certificates struct {
	spec *inputSpec // immutable

	mu     sync.Mutex
	config *tls.Config
	seen   [3]fileStamp // what config was read from, or last tried to be
}

// fileStamp tells one version of a file from another.
type fileStamp struct {
	changed time.Time
	size    int64
	inode   uint64
}

// openCertificates reads the files for the first time.
func openCertificates(spec *inputSpec) (*certificates, error) {
	c := &certificates{spec: spec, seen: stampsOf(&spec.tls)}
	var err error
	if c.config, err = c.read(); err != nil {
		return nil, spec.wrong("has certificates that cannot be used: %w", err)
	}
	return c, nil
}

// current returns the configuration of now. If the files have changed and
// cannot be used, it says so once, and the old configuration stays: a renewal
// that is half done, or went wrong, must not stop reception.
func (c *certificates) current() (*tls.Config, error) {
	stamps := stampsOf(&c.spec.tls)
	c.mu.Lock()
	defer c.mu.Unlock()
	if stamps == c.seen {
		return c.config, nil
	}
	c.seen = stamps
	config, err := c.read()
	if err != nil {
		return c.config, fmt.Errorf("the new certificate cannot be used, the old one stays in use: %w", err)
	}
	c.config = config
	return config, nil
}

func (c *certificates) read() (*tls.Config, error) {
	t := &c.spec.tls
	certificate, err := tls.LoadX509KeyPair(t.cert, t.key)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", t.cert, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		// A resumed session would not be held to a ca that has changed, and
		// connections last long enough for a full handshake each.
		SessionTicketsDisabled: true,
	}
	if t.client == "none" {
		return config, nil
	}
	pem, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, fmt.Errorf("read ca: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca %s: there is no certificate in it", t.ca)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	if t.client == "optional" {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

func stampsOf(t *tlsSpec) (stamps [3]fileStamp) {
	for i, path := range [...]string{t.cert, t.key, t.ca} {
		info, err := os.Stat(path)
		if err != nil {
			continue // a missing file has the zero stamp
		}
		stamps[i] = fileStamp{changed: info.ModTime(), size: info.Size()}
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			stamps[i].inode = sys.Ino
		}
	}
	return stamps
}
