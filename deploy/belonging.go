package deploy

import (
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// belongingLife is how long what was seen of the processes is used again.
	belongingLife = 200 * time.Millisecond
	// maxParents is how far up InstanceOf looks: a worker's master, a script's
	// shell, and a few more.
	maxParents = 8
)

// belonging remembers which processes are the instances' own.
type belonging struct {
	mu     sync.Mutex
	seen   time.Time
	byPID  map[int]string    // the proven processes
	byConf map[string]string // the configurations of Redis
}

// InstanceOf tells which instance a process of this machine belongs to: its own
// ones, and their descendants, such as nginx's workers. It may be called often.
func (c *Controller) InstanceOf(pid int) (instance string, ok bool) {
	c.belonging.mu.Lock()
	defer c.belonging.mu.Unlock()
	c.belonging.refreshLocked(c)
	for range maxParents {
		if name, ok := c.belonging.byPID[pid]; ok {
			return name, true
		}
		p, err := readProcess(pid)
		if err != nil || pid <= 1 {
			return "", false
		}
		if name, ok := c.belonging.startingRedis(p); ok {
			return name, true
		}
		pid = p.parent
	}
	return "", false
}

// startingRedis knows a Redis that has no pid file and no title of its own yet
// by its program and its argument. Another program may say what it likes.
func (b *belonging) startingRedis(p process) (instance string, ok bool) {
	if !strings.HasPrefix(filepath.Base(p.exe), "redis") {
		return "", false
	}
	for _, word := range strings.Fields(p.title) {
		if name, ok := b.byConf[word]; ok {
			return name, true
		}
	}
	return "", false
}

func (b *belonging) refreshLocked(c *Controller) {
	now := time.Now()
	if b.byPID != nil && now.Sub(b.seen) < belongingLife {
		return
	}
	b.seen, b.byPID, b.byConf = now, map[int]string{}, map[string]string{}
	table := readProcessTable()
	for _, in := range c.instances() {
		for _, p := range c.drivers[in.Kind].observe(table, in).processes {
			b.byPID[p.pid] = in.Name
		}
		if in.Kind == Redis && in.Conf != "" {
			b.byConf[in.Conf] = in.Name
		}
	}
}
