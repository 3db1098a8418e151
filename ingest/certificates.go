package ingest

import (
	"errors"
	"time"

	"github.com/tagtail/tagtail/ingest/certificates"
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

// openCertificates reads the files for the first time.
func openCertificates(spec *inputSpec) (*certificates.Reader, error) {
	t := &spec.tls
	files := certificates.Files{Cert: t.cert, Key: t.key, Optional: t.client == "optional"}
	if t.client != "none" {
		files.CA = t.ca
	}
	reader, err := certificates.Open(files)
	if err != nil {
		return nil, spec.wrong("has certificates that cannot be used: %w", err)
	}
	return reader, nil
}

// CheckCertificates reads the files of the inputs, which Validate does not: wrong
// is what keeps New from starting, odd what senders will not trust, or not for long.
func (c *Config) CheckCertificates(now time.Time) (wrong, odd error) {
	for _, in := range c.Inputs {
		spec, err := parseInput(in)
		if err != nil || !spec.tls.on {
			continue // Validate tells
		}
		reader, err := openCertificates(&spec)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		if err := reader.Trouble(now); err != nil {
			odd = errors.Join(odd, spec.wrong("needs care: %w", err))
		}
	}
	return wrong, odd
}
