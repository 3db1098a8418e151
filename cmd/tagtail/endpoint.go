package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Files in the data folder by which the commands on the same machine find the
// server that runs there and are let in: clientFile is there while it runs,
// tokenFile, readable by its owner only, for good.
const (
	clientFile = "client.json"
	tokenFile  = "token"
)

// endpoint is where a server of this machine is.
type endpoint struct {
	Server string `json:"server"` // the page's URL, without a final slash
	// Cert is the file of the page's certificate, which may be of any name; empty
	// if it speaks plain HTTP.
	Cert string `json:"cert,omitempty"`
	// Syslog lists the listeners with their real ports.
	Syslog []string `json:"syslog"`
	Token  string   `json:"-"` // of tokenFile
}

// write leaves clientFile in the data folder.
func (e endpoint) write(data string) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", clientFile, err)
	}
	temporary := filepath.Join(data, clientFile+".new")
	if err := os.WriteFile(temporary, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", clientFile, err)
	}
	return os.Rename(temporary, filepath.Join(data, clientFile))
}

// readEndpoint finds the server that runs on a data folder.
func readEndpoint(data string) (endpoint, error) {
	var e endpoint
	text, err := os.ReadFile(filepath.Join(data, clientFile))
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("decode %s: %w", clientFile, err)
	}
	token, err := os.ReadFile(filepath.Join(data, tokenFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return e, err
	}
	e.Token = strings.TrimSpace(string(token))
	return e, nil
}

// localToken returns the token in tokenFile, made at the first start. Who may
// read the data folder may read every log in it anyway.
func localToken(data string) (string, error) {
	path := filepath.Join(data, tokenFile)
	text, err := os.ReadFile(path)
	if token := strings.TrimSpace(string(text)); token != "" {
		return token, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read token: %w", err)
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	token := base64.RawURLEncoding.EncodeToString(random[:])
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write token: %w", err)
	}
	return token, nil
}
