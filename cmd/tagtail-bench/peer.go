package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"time"
)

// firstHits is how many hits the first page of a search has.
const firstHits = 100

var peerNames = []string{"tagtail", "victorialogs", "rsyslog"}

// peer is one of the programs that are compared. It may be started again in
// the same folder after it has stopped.
type peer interface {
	name() string
	// start runs the program on a folder and returns when it answers.
	start(ctx context.Context, dir string) error
	stop() error
	// running is nil before start and after stop.
	running() *process
	// syslog is the TCP address for lines.
	syslog() string
	// store is the part of the folder that has the entries.
	store() string
	// stored is how many entries a query would see.
	stored(ctx context.Context) (int, error)
	// first reads the newest hits, at most firstHits, and says how many.
	first(ctx context.Context, q query) (int, error)
	count(ctx context.Context, q query) (int, error)
}

// filler is a peer that dates entries by their arrival, and so must be given
// old ones in another way than by syslog.
type filler interface {
	fill(ctx context.Context, dir string, c *corpus, file string) error
}

// makePeer builds or finds the program of a peer.
func makePeer(ctx context.Context, name string, o options) (peer, error) {
	switch name {
	case "tagtail":
		return newTagtail(ctx, o)
	case "victorialogs":
		return newVictoriaLogs(ctx, o)
	default:
		return newRsyslog()
	}
}

// build compiles a package into the work folder and returns the program.
func build(ctx context.Context, o options, dir, name, pkg string) (string, error) {
	program := filepath.Join(o.work, "bin", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return program, nil
}

// connectable says whether something listens on the address.
func connectable(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// client asks a peer over HTTP. Answers are not compressed: what is measured is
// the search.
type client struct {
	base  string
	token string
	http  http.Client
}

func newClient(address, token string) *client {
	return &client{base: "http://" + address, token: token, http: http.Client{Transport: &http.Transport{DisableCompression: true}}}
}

// get hands the answer's body to read.
func (c *client) get(ctx context.Context, path string, params url.Values, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path+"?"+params.Encode(), nil)
	if err != nil {
		return err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // it only explains
		return fmt.Errorf("get %s: %s: %s", path, resp.Status, text)
	}
	return read(resp.Body)
}
