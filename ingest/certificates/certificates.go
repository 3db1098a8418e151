// Package certificates reads TLS certificates from files, and again when these
// change.
package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// Files are where a server's certificate and its key are, and who signs the
// certificates of its clients.
type Files struct {
	Cert, Key string
	// CA is empty if clients need none. Optional lets those in who have none.
	CA       string
	Optional bool
}

// Reader is a TLS configuration that follows its files: it is read again when one
// of them has another size, inode or time of change. A look at three files is
// cheap beside a handshake. Its methods may be called from several goroutines.
type Reader struct {
	files Files // immutable

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

// Open reads the files for the first time.
func Open(files Files) (*Reader, error) {
	r := &Reader{files: files, seen: files.stamps()}
	var err error
	if r.config, err = r.read(); err != nil {
		return nil, err
	}
	return r, nil
}

// Current returns the configuration of now. If the files have changed and
// cannot be used, it says so once, and the old configuration stays: a renewal
// that is half done, or went wrong, must not stop a server.
func (r *Reader) Current() (*tls.Config, error) {
	stamps := r.files.stamps()
	r.mu.Lock()
	defer r.mu.Unlock()
	if stamps == r.seen {
		return r.config, nil
	}
	r.seen = stamps
	config, err := r.read()
	if err != nil {
		return r.config, fmt.Errorf("the new certificate cannot be used, the old one stays in use: %w", err)
	}
	r.config = config
	return config, nil
}

// renewWithin is how long before its end a certificate should have been renewed.
const renewWithin = 14 * 24 * time.Hour

// Trouble tells whom nobody will trust at that time or soon after; nil if the
// certificate is valid for longer.
func (r *Reader) Trouble(now time.Time) error {
	r.mu.Lock()
	leaf := r.config.Certificates[0].Leaf
	r.mu.Unlock()
	const day = "2006-01-02 15:04 MST"
	switch {
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate %s is not valid before %s: use one that is, or set the clock", r.files.Cert, leaf.NotBefore.Format(day))
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate %s has expired on %s: renew it", r.files.Cert, leaf.NotAfter.Format(day))
	case now.Add(renewWithin).After(leaf.NotAfter):
		return fmt.Errorf("the certificate %s expires on %s: renew it in time", r.files.Cert, leaf.NotAfter.Format(day))
	}
	return nil
}

func (r *Reader) read() (*tls.Config, error) {
	f := &r.files
	certificate, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", f.Cert, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		// A resumed session would not be held to a ca that has changed, and
		// connections last long enough for a full handshake each.
		SessionTicketsDisabled: true,
	}
	if f.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, fmt.Errorf("read ca: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca %s: there is no certificate in it", f.CA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	if f.Optional {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

func (f *Files) stamps() (stamps [3]fileStamp) {
	for i, path := range [...]string{f.Cert, f.Key, f.CA} {
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
