package main

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/tagtail/tagtail/ingest/certificates"
)

// httpTLS is the page's side of TLS, whose files are read again when they change;
// nil if it speaks plain HTTP.
func (c *config) httpTLS(logger *slog.Logger) (*tls.Config, error) {
	if c.HTTPCert == "" {
		return nil, nil //nolint:nilnil // as the comment says
	}
	files, err := c.httpCertificate()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now, err := files.Current()
			if err != nil {
				logger.Error("certificate of the page", "err", err)
			}
			return now, nil
		},
	}, nil
}

func (c *config) httpCertificate() (*certificates.Reader, error) {
	files, err := certificates.Open(certificates.Files{Cert: c.HTTPCert, Key: cmp.Or(c.HTTPKey, c.HTTPCert)})
	if err != nil {
		return nil, fmt.Errorf("http_cert cannot be used: %w", err)
	}
	return files, nil
}

// checkHTTPS reads the page's certificate: wrong keeps the server from starting,
// odd is what browsers will not trust, or not for long.
func (c *config) checkHTTPS(now time.Time) (wrong, odd error) {
	if c.HTTPCert == "" {
		return nil, nil
	}
	files, err := c.httpCertificate()
	if err != nil {
		return err, nil
	}
	if err := files.Trouble(now); err != nil {
		return nil, fmt.Errorf("http_cert needs care: %w", err)
	}
	return nil, nil
}
