package deploy

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	probeSocket = "run/probe.sock" // below the prefix
	// maxSocketPath is what a unix socket's address holds.
	maxSocketPath = 107
	// probeTries in a row have to be answered by the new workers: for a moment
	// old and new ones accept together.
	probeTries   = 5
	probeTimeout = 2 * time.Second
)

// probe is a page that tells which configuration answers.
type probe struct {
	socket, generation string
	as                 account // who may have put the socket there
}

var (
	probePattern     = regexp.MustCompile(`\blisten unix:(/\S+/run/probe\.sock); .*\breturn 200 "([0-9a-f]{12})";`)
	probePathPattern = regexp.MustCompile(`^/[A-Za-z0-9_./-]+$`)
)

// probeLine is the server of an instance's probe; nothing if its socket cannot
// have the name. The generation is that of all the rest, so that the same
// configuration is the same text each time. It logs nothing: five connections at
// debug are hundreds of lines.
func probeLine(in Instance, rest ...string) (line string, ok bool) {
	path := filepath.Join(in.Prefix, probeSocket)
	if len(path) > maxSocketPath || !probePathPattern.MatchString(path) {
		return "", false
	}
	sum := sha256.Sum256([]byte(strings.Join(rest, "\n")))
	return fmt.Sprintf(`server { listen unix:%s; access_log off; error_log %s crit; location = / { return 200 "%s"; } }`, path, nginxErrorLog, hex.EncodeToString(sum[:6])), true
}

// findProbe reads the probe of a configuration.
func (a account) findProbe(conf []byte) (probe, bool) {
	m := probePattern.FindSubmatch(conf)
	if m == nil {
		return probe{}, false
	}
	return probe{string(m[1]), string(m[2]), a}, true
}

// answers tells whether each of several new connections is served by the
// probe's generation.
func (p probe) answers(ctx context.Context) bool {
	for range probeTries {
		if got, err := p.ask(ctx); err != nil || !strings.Contains(got, p.generation) {
			return false
		}
	}
	return true
}

func (p probe) ask(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", p.socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := p.as.listens(conn); err != nil {
		return "", err
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return "", err
	}
	r := bufio.NewReader(io.LimitReader(conn, 4096))
	for { // the headers
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	body, err := io.ReadAll(r)
	return strings.TrimSpace(string(body)), err
}

// listens checks who has made the socket at the other end: a link in its place
// could lead to anybody's.
func (a account) listens(conn net.Conn) error {
	socket, ok := conn.(*net.UnixConn)
	if !a.foreign() || !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) { peer, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, credErr); err != nil {
		return err
	}
	if peer.Uid != a.uid {
		return fmt.Errorf("user %d listens in place of %s", peer.Uid, a.name)
	}
	return nil
}

// removeStaleProbe removes the socket that a killed nginx has left, on which
// the next one could not listen. The caller knows that no master runs.
func removeStaleProbe(in Instance) error {
	path := filepath.Join(in.Prefix, probeSocket)
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return nil //nolint:nilerr // there is nothing to remove
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		return errors.Join(fmt.Errorf("somebody listens on %s already", path), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return nil // nginx itself will say what is wrong
	}
	return os.Remove(path)
}
