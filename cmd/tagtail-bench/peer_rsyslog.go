package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// rsyslog writes a flat file, and grep searches it.
type rsyslog struct {
	program string

	process *process
	address string
	dir     string
	counted int   // lines of the file up to read
	read    int64 // bytes
}

func newRsyslog() (*rsyslog, error) {
	for _, program := range []string{"rsyslogd", "/usr/sbin/rsyslogd"} {
		if path, err := exec.LookPath(program); err == nil {
			return &rsyslog{program: path}, nil
		}
	}
	return nil, errors.New("rsyslogd is missing: install Debian's package rsyslog, or leave it out with -peers")
}

func (r *rsyslog) name() string      { return "rsyslog" }
func (r *rsyslog) running() *process { return r.process }
func (r *rsyslog) syslog() string    { return r.address }
func (r *rsyslog) store() string     { return r.file() }
func (r *rsyslog) file() string      { return filepath.Join(r.dir, "all.log") }

// rsyslogConfig keeps the priority in the file, to be able to ask for it.
const rsyslogConfig = `global(workDirectory=%[1]q)
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="%[2]s")
action(type="omfile" file=%[3]q template="RSYSLOG_SyslogProtocol23Format")
`

func (r *rsyslog) start(ctx context.Context, dir string) error {
	if r.dir != dir {
		r.dir, r.counted, r.read = dir, 0, 0
	}
	var err error
	if r.address, err = freeAddress(); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(r.address)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	config := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, rsyslogConfig, dir, port, r.file()), 0o644); err != nil {
		return err
	}
	r.process, err = startProcess(dir+".log", nil, r.program, "-n", "-f", config, "-i", filepath.Join(dir, "pid"))
	if err != nil {
		return err
	}
	return r.process.await(ctx, func() bool { return connectable(r.address) })
}

func (r *rsyslog) stop() error {
	p := r.process
	r.process = nil
	return p.stop()
}

// stored counts the lines that came since it was asked last, at our own
// expense.
func (r *rsyslog) stored(ctx context.Context) (int, error) {
	f, err := os.Open(r.file())
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(r.read, io.SeekStart); err != nil {
		return 0, err
	}
	for buffer := make([]byte, 1<<20); ctx.Err() == nil; {
		n, err := f.Read(buffer)
		r.counted += bytes.Count(buffer[:n], []byte{'\n'})
		r.read += int64(n)
		if errors.Is(err, io.EOF) {
			return r.counted, nil
		}
		if err != nil {
			return r.counted, err
		}
	}
	return r.counted, ctx.Err()
}

func (r *rsyslog) count(ctx context.Context, q query) (int, error) {
	out, err := grep(exec.CommandContext(ctx, "grep", append(append([]string{"-c"}, q.grep...), r.file())...))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// first reads the file from its end.
func (r *rsyslog) first(ctx context.Context, q query) (int, error) {
	script := `file=$1; shift; tac "$file" | grep "$@"`
	args := append([]string{"-c", script, "sh", r.file(), "-m", strconv.Itoa(firstHits)}, q.grep...)
	out, err := grep(exec.CommandContext(ctx, "sh", args...))
	return bytes.Count(out, []byte{'\n'}), err
}

// grep runs it without a locale, in which it is fastest. Exit status 1 means
// no line matched.
func grep(cmd *exec.Cmd) ([]byte, error) {
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Args[0], err)
	}
	return out, nil
}
