package ingest

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tagtail/tagtail/index"
)

// How long is kept what was said of a process: a known one may still have
// messages on the way when it has ended; one that is not known may have been
// started only now.
const (
	keepProcess   = 5 * time.Second
	keepNoProcess = 200 * time.Millisecond
)

// maxProcesses bounds what is remembered.
const maxProcesses = 1024

// anonymousRedis is the tag of Redis's first three messages.
const anonymousRedis = "redis-server"

// processes remembers for a moment which instances processes belong to.
type processes struct {
	lookup func(pid int) (instance string, ok bool) // nil knows none

	mu    sync.Mutex
	byPID map[int]process
}

type process struct {
	instance string // "" if it is not known
	until    time.Time
}

func newProcesses(lookup func(pid int) (string, bool)) *processes {
	return &processes{lookup: lookup, byPID: map[int]process{}}
}

// of returns the instance of a process, or "", and until when that holds.
func (ps *processes) of(pid int, now time.Time) (instance string, until time.Time) {
	ps.mu.Lock()
	p, ok := ps.byPID[pid]
	ps.mu.Unlock()
	if ok && now.Before(p.until) {
		return p.instance, p.until
	}
	// Outside the lock: others need not wait for a slow look-up.
	p = process{until: now.Add(keepNoProcess)}
	if name, ok := ps.lookup(pid); ok && isInstanceName(name) {
		p = process{instance: name, until: now.Add(keepProcess)}
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.byPID) >= maxProcesses {
		clear(ps.byPID)
	}
	ps.byPID[pid] = p
	return p.instance, p.until
}

// ofText returns the instance of the process that a message of Redis names
// before it has told syslog its own name: "Redis version=7.0.15, bits=64, …,
// pid=16399, just started". It is a claim; where the kernel says which process
// sent, that counts.
func (ps *processes) ofText(e *index.Entry) string {
	if ps.lookup == nil || e.AppName != anonymousRedis || e.ProcID != "" {
		return ""
	}
	_, rest, ok := strings.Cut(e.Message, ", pid=")
	if !ok {
		return ""
	}
	digits, _, _ := strings.Cut(rest, ",")
	pid, err := strconv.Atoi(digits)
	if err != nil || pid <= 0 {
		return ""
	}
	name, _ := ps.of(pid, e.Received)
	return name
}
