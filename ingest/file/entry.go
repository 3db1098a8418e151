package file

import (
	"path"
	"strings"
	"time"

	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest/syslog"
)

// labels are what all entries of a path have in common.
type labels struct {
	source, input     string
	instance, appName string
	opts              syslog.Options
	stamps            stampCache
}

func labelsOf(s *source, m match, hostname string) labels {
	l := labels{
		source:   "file:" + m.path,
		input:    "file://" + s.pattern.text,
		instance: s.Instance,
		appName:  s.AppName,
		opts:     syslog.Options{Location: s.Location, Hostname: hostname},
	}
	base := strings.TrimSuffix(path.Base(m.path), ".log")
	if m.service != "" {
		l.instance = m.service + "/" + m.owner
	}
	switch service, owner := index.SplitInstance(l.instance); {
	case l.appName != "":
	case l.instance == "":
		l.appName = base
	case base == "error":
		l.appName = service + "_" + owner
	default:
		l.appName = service + "_" + owner + "_" + base
	}
	return l
}

// fill makes e the Entry of a message's text. A text with a PRI is a whole
// syslog message, as rsyslog's RSYSLOG_SyslogProtocol23Format writes them.
func (f *Follower) fill(e *index.Entry, l *labels, p *piece, received time.Time) {
	*e = index.Entry{Received: received, Source: l.source, Input: l.input, Flags: p.flags}
	s := f.arena.String(p.text)
	if hasPRI(s) && syslog.Parse(s, &l.opts, e) && !e.Flags.Has(index.FlagRejected) {
		syslog.Refine(e)
	} else {
		*e = index.Entry{
			Received: received,
			Time:     l.stamps.lineTime(s, l.opts.Location),
			Facility: index.Local0,
			Severity: index.Notice,
			Flags:    p.flags,
			Hostname: l.opts.Hostname,
			Source:   l.source,
			AppName:  l.appName,
			Message:  s,
			Input:    l.input,
		}
		syslog.Refine(e)
	}
	f.identify(l, e)
	if f.cfg.Redact != nil {
		f.cfg.Redact(e)
	}
}

// identify sets the instance: the path is evidence, what is written in the
// file is not.
func (f *Follower) identify(l *labels, e *index.Entry) {
	e.Instance, e.InstanceBy = index.Unassigned, index.ByNothing
	if f.cfg.Identify != nil {
		f.cfg.Identify(e)
	}
	if l.instance == "" {
		return
	}
	if e.InstanceBy == index.ByContent && e.Instance != l.instance && e.AppName != l.appName {
		e.Flags |= index.FlagContradicts
	}
	e.Instance, e.InstanceBy = l.instance, index.ByFile
}

// hasPRI tells whether s begins with "<", 1 to 3 digits and ">".
func hasPRI(s string) bool {
	end := strings.IndexByte(s[:min(len(s), 5)], '>')
	if end < 2 || s[0] != '<' {
		return false
	}
	return strings.Trim(s[1:end], "0123456789") == ""
}
