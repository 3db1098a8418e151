package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/index"
)

// newDemoInstanceCommand is the process behind each instance of the demo: it
// does nothing but log, in the exact form of the program that it stands for.
func newDemoInstanceCommand() *cobra.Command {
	var syslog string
	cmd := &cobra.Command{
		Use:    "demo-instance INSTANCE",
		Short:  "Log what an instance of the demo would",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := newDemoInstance(args[0], syslog)
			if err != nil {
				return err
			}
			defer d.conn.Close()
			hangup := make(chan os.Signal, 1)
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			return d.run(cmd.Context(), hangup)
		},
	}
	cmd.Flags().StringVar(&syslog, "syslog", "", "`URL` to log to")
	return cmd
}

// demoInstance logs over one socket like one program.
type demoInstance struct {
	service, owner string
	conn           net.Conn
	counted        bool // octet counting: the connection is a stream
	random         *rand.Rand
	buf            []byte
	requests       int
}

func newDemoInstance(name, syslog string) (*demoInstance, error) {
	service, owner := index.SplitInstance(name)
	if owner == "" {
		return nil, fmt.Errorf("instance %q is not SERVICE/OWNER", name)
	}
	u, err := url.Parse(syslog)
	if err != nil {
		return nil, fmt.Errorf("parse syslog URL: %w", err)
	}
	conn, err := net.Dial(u.Scheme, u.Host)
	if err != nil {
		return nil, fmt.Errorf("reach syslog: %w", err)
	}
	var seed uint64
	for _, c := range []byte(name) {
		seed = seed*31 + uint64(c)
	}
	return &demoInstance{
		service: service, owner: owner, conn: conn, counted: u.Scheme == "tcp",
		random: rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // traffic to look at, not secrets
	}, nil
}

// run logs until ctx ends or the receiver is gone.
func (d *demoInstance) run(ctx context.Context, hangup <-chan os.Signal) error {
	script := d.script()
	for _, line := range script.start {
		if err := d.log(line); err != nil {
			return err
		}
	}
	for {
		pause := time.Duration(float64(script.every) * (0.1 + 1.8*d.random.Float64()))
		var lines []demoLine
		select {
		case <-ctx.Done():
			for _, line := range script.stop {
				if err := d.log(line); err != nil {
					return err
				}
			}
			return nil
		case <-hangup:
			lines = script.reload
		case <-time.After(pause):
			lines = script.next()
		}
		for _, line := range lines {
			if err := d.log(line); err != nil {
				return err
			}
		}
	}
}

// log sends one message as the instance's program would frame it.
func (d *demoInstance) log(line demoLine) error {
	now := time.Now()
	d.buf = d.buf[:0]
	switch {
	case d.service == "mysql":
		d.buf = fmt.Appendf(d.buf, "<%d>%s mysqld: %s 0 [Warning] %s", index.PRI(index.Daemon, index.Err),
			now.Format(time.Stamp), now.Format("2006-01-02 15:04:05"), line.text)
	case d.service == "redis":
		d.buf = fmt.Appendf(d.buf, "<%d>%s redis-%s[%d]: %s", index.PRI(index.Local5, line.severity),
			now.Format(time.Stamp), demoPort(d.owner), os.Getpid(), line.text)
	case d.counted:
		d.buf = fmt.Appendf(d.buf, "<%d>1 %s demo %s_%s %d - - %s", index.PRI(index.Local5, line.severity),
			now.Format(time.RFC3339Nano), d.service, d.owner, os.Getpid(), line.text)
	case strings.HasPrefix(line.text, "127."):
		d.buf = fmt.Appendf(d.buf, "<%d>%s demo %s_%s_access: %s", index.PRI(index.Local5, line.severity),
			now.Format(time.Stamp), d.service, d.owner, line.text)
	default:
		d.buf = fmt.Appendf(d.buf, "<%d>%s demo %s_%s: %s [%s] %d#%d: %s", index.PRI(index.Local5, line.severity),
			now.Format(time.Stamp), d.service, d.owner, now.Format("2006/01/02 15:04:05"),
			nginxLevel(line.severity), os.Getpid(), os.Getpid(), line.text)
	}
	if d.counted {
		d.buf = append(fmt.Appendf(nil, "%d ", len(d.buf)), d.buf...)
	}
	if _, err := d.conn.Write(d.buf); err != nil {
		return fmt.Errorf("send to syslog: %w", err)
	}
	return nil
}

// nginxLevel is the word that nginx uses for a severity.
func nginxLevel(s index.Severity) string {
	switch s {
	case index.Err:
		return "error"
	case index.Warning:
		return "warn"
	default:
		return s.String()
	}
}

// demoPort is the Redis port of an owner, as in the sample templates.
func demoPort(owner string) string { return "638" + strings.TrimPrefix(owner, "dev") }
