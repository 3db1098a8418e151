package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/tagtail/tagtail/ingest/rules"
	"github.com/tagtail/tagtail/ingest/rules/script"
	"github.com/tagtail/tagtail/viewer"
)

// maxRuleWarnings is how many notes on the rules the log has; tagtail check has
// all.
const maxRuleWarnings = 20

// readRules reads the rules and adds the inputs that they ask for. It returns
// nil if there are none. What is wrong in them is said and left out.
func (a *app) readRules() (*script.Script, error) {
	if len(a.cfg.Rules.Files) == 0 {
		return nil, nil
	}
	s, err := script.Read(a.cfg.Rules.Files)
	if err != nil {
		return nil, err
	}
	refused := 0
	for _, n := range s.Notes {
		if !n.Refused {
			continue
		}
		if refused++; refused <= maxRuleWarnings {
			a.logger.Warn("rule is left out", "err", n.String())
		}
	}
	if refused > maxRuleWarnings {
		a.logger.Warn("more rules are left out: tagtail check lists them", "count", refused-maxRuleWarnings)
	}
	return s, a.cfg.addInputs(s)
}

// addInputs adds the inputs of rules to the listeners, but for those that are
// there, and checks that nothing is forwarded to ourselves.
func (c *config) addInputs(s *script.Script) error {
	for _, in := range s.Inputs {
		if !slices.ContainsFunc(c.Syslog, func(l string) bool { return withoutOptions(l) == in.URL }) {
			c.Syslog = append(c.Syslog[:len(c.Syslog):len(c.Syslog)], in.URL)
		}
	}
	for _, a := range s.Actions {
		if a.Kind != script.Forward {
			continue
		}
		for _, l := range c.Syslog {
			if u, err := url.Parse(l); err == nil && u.Scheme == a.Protocol && isSelf(a.Target, u) {
				return fmt.Errorf("%s forwards to %s, where Tagtail listens itself: every message would come back for ever", a.At, a.Target)
			}
		}
	}
	return nil
}

// isSelf tells whether a listener takes what goes to the target.
func isSelf(target string, listener *url.URL) bool {
	host, port, err := net.SplitHostPort(target)
	if err != nil || port != listener.Port() || port == "0" {
		return false
	}
	if host == listener.Hostname() {
		return true
	}
	at, err := netip.ParseAddr(listener.Hostname())
	if err != nil {
		return false
	}
	to, err := netip.ParseAddr(host)
	if err != nil {
		name, _ := os.Hostname()
		ours := strings.EqualFold(host, "localhost") || strings.EqualFold(host, name)
		return ours && (at.IsUnspecified() || at.IsLoopback())
	}
	return to == at || at.IsUnspecified() && (to.IsUnspecified() || isOurs(to)) || to.IsUnspecified() && at.IsLoopback()
}

// isOurs tells whether an address is one of this machine's.
func isOurs(address netip.Addr) bool {
	if address.IsLoopback() {
		return true
	}
	addresses, _ := net.InterfaceAddrs() // without them, only what is plain is found
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr() == address
	})
}

func withoutOptions(listener string) string {
	u, err := url.Parse(listener)
	if err != nil {
		return listener
	}
	u.RawQuery = ""
	return u.String()
}

// openRules makes the rules ready for the receiver.
func (a *app) openRules(s *script.Script) error {
	if s == nil {
		return nil
	}
	for i := range s.Inputs {
		for j, listener := range a.cfg.Syslog {
			if withoutOptions(listener) == s.Inputs[i].URL {
				s.Inputs[i].URL = a.receiver.Stats()[j].Input // as it was bound
				break
			}
		}
	}
	engine, err := rules.Open(rules.Config{
		Script: s, Dir: filepath.Join(a.cfg.Data, "forward"), Logger: a.logger, Announce: a.receiver.Announce,
	})
	if err != nil {
		return err
	}
	a.rules = engine
	a.receiver.SetRules(engine)
	return nil
}

// runRules lets the rules work beside everything else. Nothing may come from
// the receiver any more when end is called, and the store must still be there.
// A hangup opens their files anew, as rsyslogd does.
func (a *app) runRules(ctx context.Context) (end func()) {
	if a.rules == nil {
		return func() {}
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		a.rules.Run(ctx)
		close(done)
	}()
	go func() {
		for {
			select {
			case <-hangups:
				a.rules.Reopen()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		stop()
		<-done
	}
}

// ruleStats are the actions' counters for the metrics.
func (a *app) ruleStats() []viewer.RuleStatus {
	if a.rules == nil {
		return nil
	}
	stats := a.rules.Stats()
	out := make([]viewer.RuleStatus, len(stats))
	for i, s := range stats {
		out[i] = viewer.RuleStatus{Rule: s.Rule, Kind: s.Kind, Target: s.Target, Done: s.Done, Dropped: s.Dropped, Waiting: s.Waiting}
	}
	return out
}
