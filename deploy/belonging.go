package deploy

import (
	"path/filepath"
	"strconv"
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
	mu    sync.Mutex
	seen  time.Time
	byPID map[int]string      // the proven processes
	redis map[string]Instance // by configuration, and by ":PORT"
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
		if name, ok := c.belonging.startingRedis(p, c.accounts); ok {
			return name, true
		}
		pid = p.parent
	}
	return "", false
}

// startingRedis knows a Redis that nothing proves yet, because it has no pid
// file and does not listen: by its program, its user, and its title, which is
// its command line at first and then "redis-server ADDRESS:PORT".
func (b *belonging) startingRedis(p process, who *accounts) (instance string, ok bool) {
	if !strings.HasPrefix(filepath.Base(p.exe), "redis") {
		return "", false
	}
	for _, word := range strings.Fields(p.title) {
		in, ok := b.redis[word]
		if i := strings.LastIndexByte(word, ':'); !ok && i >= 0 {
			in, ok = b.redis[word[i:]]
		}
		if !ok {
			continue
		}
		if as, _ := who.of(in); p.maySignal(in.Prefix, as) == "" {
			return in.Name, true
		}
	}
	return "", false
}

func (b *belonging) refreshLocked(c *Controller) {
	now := time.Now()
	if b.byPID != nil && now.Sub(b.seen) < belongingLife {
		return
	}
	b.seen, b.byPID, b.redis = now, map[int]string{}, map[string]Instance{}
	table := readProcessTable()
	for _, in := range c.instances() {
		for _, p := range c.drivers[in.Kind].observe(table, in).processes {
			b.byPID[p.pid] = in.Name
		}
		if in.Kind == Redis && in.Conf != "" {
			b.redis[in.Conf] = in
			b.redis[":"+strconv.Itoa(in.Port)] = in
		}
	}
}
