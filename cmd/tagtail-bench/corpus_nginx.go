package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

const (
	// seedRequests is how many requests nginx answers for the seed, about 100
	// lines each.
	seedRequests = 400
	// seedConnections is how far connection numbers move with each repetition.
	seedConnections = 2 * seedRequests
)

// debugConfig is a site with a static page and a proxy, logging everything.
const debugConfig = `daemon off;
pid %[1]s/nginx.pid;
error_log %[1]s/debug.log debug;
worker_processes 1;
events { worker_connections 512; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	upstream backend { server %[3]s; keepalive 8; }
	server {
		listen %[2]s;
		root %[1]s/www;
		keepalive_requests 5;
		location /api/ { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }
	}
	server { listen %[3]s; location / { return 200 "{}"; } }
}
`

// debugSeed is the debug log of a real nginx, one entry a line and without the
// time. It is made once.
func debugSeed(ctx context.Context, work string) ([][]byte, error) {
	dir := filepath.Join(work, "nginx")
	path := filepath.Join(dir, "seed.log")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if text, err = recordDebugLog(ctx, dir); err == nil {
			err = os.WriteFile(path, text, 0o644)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("record nginx debug log: %w", err)
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'}), nil
}

func recordDebugLog(ctx context.Context, dir string) ([]byte, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			return nil, errors.New("nginx is missing: install Debian's package nginx, or leave the corpus out with -corpora")
		}
	}
	front, err := freeAddress()
	if err != nil {
		return nil, err
	}
	back, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "www"), 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	for path, text := range map[string]string{
		config:                                  fmt.Sprintf(debugConfig, dir, front, back),
		filepath.Join(dir, "www", "index.html"): "<p>hello",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	p, err := startProcess(filepath.Join(dir, "nginx.out"), nil, program, "-p", dir, "-c", config)
	if err != nil {
		return nil, err
	}
	err = p.await(ctx, func() bool { return connectable(front) })
	for i := 0; i < seedRequests && err == nil; i++ {
		err = visit(ctx, front, i)
	}
	if err = errors.Join(err, p.stop()); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "debug.log"))
	return cleanSeed(text), err
}

// visit asks for something that nginx has, proxies or, once in a while, lacks.
func visit(ctx context.Context, address string, i int) error {
	d := dataOf(i)
	path := fmt.Sprintf("/api/orders/%d?rid=%016x", d.below(100_000), d.next())
	switch {
	case i%50 == 49:
		path = fmt.Sprintf("/missing/%d", d.below(1000))
	case i%3 == 0:
		path = "/index.html"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// cleanSeed leaves what workers wrote while they served. A message of several
// lines becomes one as rsyslog relays it.
func cleanSeed(log []byte) []byte {
	const timeBytes = len("2026/11/22 10:42:31 ")
	var seed []byte
	for line := range bytes.Lines(log) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		line = bytes.ReplaceAll(line, []byte{'\r'}, []byte("#015"))
		first := len(line) > timeBytes && line[4] == '/' && line[timeBytes] == '['
		switch {
		case first && bytes.Contains(line, []byte(" accept on ")) || first && len(seed) > 0:
			if len(seed) > 0 {
				seed = append(seed, '\n')
			}
			seed = append(seed, line[timeBytes:]...)
		case !first && len(seed) > 0:
			seed = append(append(seed, "#012"...), line...)
		}
	}
	// What follows is nginx taking itself apart.
	if end := bytes.Index(seed, []byte("\n[notice]")); end >= 0 {
		seed = seed[:end]
	}
	return append(seed, '\n')
}

func (c *corpus) useDebugLog(seed [][]byte) {
	c.about = "nginx with error_log … debug"
	c.apps = []string{"nginx_dev1", "nginx_dev2"}
	c.body = func(dst []byte, i int) ([]byte, string, int) {
		repetition, line := i/len(seed), seed[i%len(seed)]
		severity := 7
		switch {
		case bytes.HasPrefix(line, []byte("[error]")):
			severity = 3
		case bytes.HasPrefix(line, []byte("[info]")):
			severity = 6
		}
		app := c.apps[0]
		if i/1000%4 == 3 {
			app = c.apps[1]
		}
		return appendRepeated(dst, line, uint64(repetition)), app, severity
	}
	c.queries = []query{
		rareIDQuery(),
		rareWordQuery(),
		wordQuery("a common word", "timer"),
		phraseQuery("http process request line"),
		regexQuery("event timer add: [0-9]+: 75000:[0-9]+"),
		severityQuery(),
		instanceQuery("nginx_dev2"),
	}
}

// appendRepeated appends a line of the seed as it would look in a later part of
// the log: other connections, requests, addresses in memory and times.
func appendRepeated(dst, line []byte, repetition uint64) []byte {
	for at := 0; at < len(line); {
		end := at
		for end < len(line) && isAlphanumeric(line[end]) {
			end++
		}
		run := line[at:end]
		switch {
		case len(run) == 0:
			dst = append(dst, line[at])
			at++
			continue
		case at > 0 && line[at-1] == '*' && isDigits(run):
			n, _ := strconv.ParseUint(string(run), 10, 64) // it is digits
			dst = strconv.AppendUint(dst, n+repetition*seedConnections, 10)
		case len(run) == 16 && bytes.HasPrefix(run, []byte("0000")):
			dst = appendPointer(dst, run, repetition)
		case len(run) == 16 && at >= 4 && string(line[at-4:at]) == "rid=":
			n, _ := strconv.ParseUint(string(run), 16, 64) // visit wrote it
			dst = appendHex(dst, mix(n+repetition), 16)
		case len(run) >= 7 && isDigits(run): // a timer, in milliseconds
			n, _ := strconv.ParseUint(string(run), 10, 64)
			dst = strconv.AppendUint(dst, n+repetition*1000, 10)
		default:
			dst = append(dst, run...)
		}
		at = end
	}
	return dst
}

// appendPointer moves an address by a page each repetition: memory is used
// again, but not for ever at the same place.
func appendPointer(dst, run []byte, repetition uint64) []byte {
	n, err := strconv.ParseUint(string(run), 16, 64)
	if err != nil || n == 0 {
		return append(dst, run...)
	}
	return append(dst, fmt.Sprintf("%016X", n+repetition%64<<12)...)
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func isDigits(text []byte) bool {
	for _, b := range text {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}
