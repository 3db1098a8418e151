package deploy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Proof says how a deploy of a service is proven, and what becomes of one that
// fails.
type Proof struct {
	// Health is the path of a page that has to answer with a status below 400.
	// Empty: nothing is asked.
	Health string
	// AutoRollback makes the release before live again if the new one fails.
	AutoRollback bool
}

const (
	healthTries   = 3
	healthPause   = 300 * time.Millisecond
	healthTimeout = 5 * time.Second
	maxErrorLines = 12 // of a failed check
)

func isHealthPath(path string) bool {
	u, err := url.ParseRequestURI(path)
	return err == nil && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && u.Host == ""
}

// prove loads the new code into the running processes and asks whether it
// answers. An instance that does not run has nothing to prove.
func (c *Controller) prove(ctx context.Context, j *Job) error {
	in := j.in
	if len(c.drivers[in.Kind].observe(readProcessTable(), in).processes) == 0 {
		j.printf("%s does not run; the new code runs when it is started", in.Name)
		return nil
	}
	log := filepath.Join(in.Prefix, nginxErrorLog)
	offset := fileSize(log)
	if conf, err := readLimited(in.Conf, 2*maxTemplateBytes); err == nil && codeCacheOff(conf) {
		j.printf("lua_code_cache off: live now, no reload needed")
	} else {
		if err := c.drivers[in.Kind].act(ctx, in, Reload, j); err != nil {
			return fmt.Errorf("the new code is in place and is not loaded: %w", err)
		}
		j.printf("live now")
	}
	path := c.cfg.Deploys[in.Service()].Health
	if path == "" {
		return nil
	}
	err := askHealth(ctx, in, path, j)
	if as, accountErr := c.accountNow(in); err != nil && accountErr == nil {
		for _, line := range errorLines(as.linesSince(log, offset, 5000), in.Prefix) {
			j.printf("%s: %s", nginxErrorLog, line)
		}
	}
	return err
}

// codeCacheOff tells whether nginx reads Lua anew for each request, everywhere.
func codeCacheOff(conf []byte) bool {
	off := false
	for _, d := range scanNginx(conf) {
		if d.name != "lua_code_cache" {
			continue
		}
		if len(d.args) != 1 || d.args[0] != "off" {
			return false
		}
		off = true
	}
	return off
}

// askHealth asks the page up to three times: an old worker may have answered
// the first one.
func askHealth(ctx context.Context, in Instance, path string, j *Job) error {
	client := http.Client{
		Timeout:       healthTimeout,
		Transport:     &http.Transport{DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	address := "http://" + healthHost(in) + path
	var err error
	for try := range healthTries {
		if try > 0 {
			select {
			case <-time.After(healthPause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var answer string
		if answer, err = askOnce(ctx, &client, address); err == nil {
			j.printf("health GET %s → %s", path, answer)
			return nil
		}
	}
	j.printf("health GET %s → %v", path, err)
	return fmt.Errorf("health GET %s: %w", path, err)
}

func askOnce(ctx context.Context, client *http.Client, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("User-Agent", "tagtail-health")
	resp, err := client.Do(req)
	if err != nil {
		var words *url.Error
		if errors.As(err, &words) {
			err = words.Err // the address is told already
		}
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		line, _, _ := bufio.NewReader(io.LimitReader(resp.Body, 200)).ReadLine()
		words := cleanLine(string(line))
		if words == "" || strings.HasPrefix(words, "<") { // nginx's own page says no more
			words = http.StatusText(resp.StatusCode)
		}
		return "", fmt.Errorf("%d %s", resp.StatusCode, words)
	}
	return strconv.Itoa(resp.StatusCode), nil
}

// healthHost is the address on which the configuration listens for the
// instance's port.
func healthHost(in Instance) string {
	port := strconv.Itoa(in.Port)
	conf, err := readLimited(in.Conf, 2*maxTemplateBytes)
	if err != nil {
		return net.JoinHostPort("127.0.0.1", port)
	}
	for _, d := range scanNginx(conf) {
		if d.name != "listen" || len(d.args) == 0 {
			continue
		}
		host, listen, err := net.SplitHostPort(d.args[0])
		if ip := net.ParseIP(host); err == nil && listen == port && ip != nil && !ip.IsUnspecified() {
			return d.args[0]
		}
	}
	return net.JoinHostPort("127.0.0.1", port)
}

var (
	// logLineStart is up to nginx's own number of the request.
	logLineStart = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\w*)\] \d+#\d+: (?:\*\d+ )?`)
	// logLineEnd says which request it was, which the check knows.
	logLineEnd = regexp.MustCompile(`, client: \S+, server: .*$`)
	// shortened is how Lua names a file whose path is long.
	shortened = regexp.MustCompile(`\.\.\.[^\s:"']*/` + codeFolder + "/")
)

// errorLines picks nginx's errors, each with the traceback that follows it, and
// leaves of them what helps: each only once, as a check asks several times, and
// files by their names below prefix.
func errorLines(lines []string, prefix string) []string {
	var found []string
	seen := map[string]bool{}
	taken := false
	for _, line := range lines {
		if m := logLineStart.FindStringSubmatch(line); m != nil {
			line = logLineEnd.ReplaceAllString(line[len(m[0]):], "")
			taken = (m[1] == "error" || m[1] == "crit" || m[1] == "emerg") && !seen[line]
			seen[line] = true
		}
		line = shortened.ReplaceAllString(strings.ReplaceAll(line, prefix+"/", ""), codeFolder+"/")
		if taken && len(found) < maxErrorLines {
			found = append(found, logLineEnd.ReplaceAllString(line, ""))
		}
	}
	return found
}
