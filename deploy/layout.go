package deploy

import (
	"fmt"
	"hash/fnv"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Layout is where instances live on the disk.
type Layout struct {
	// Root holds ROOT/SERVICE/OWNER/{logs,conf,src,run}. Default /opt/hhl.
	Root string
	// RedisRoot holds etc/PORT.conf and var/. Default /opt/redis.
	RedisRoot string
}

func (l Layout) withDefaults() Layout {
	if l.Root == "" {
		l.Root = "/opt/hhl"
	}
	if l.RedisRoot == "" {
		l.RedisRoot = "/opt/redis"
	}
	l.Root, l.RedisRoot = filepath.Clean(l.Root), filepath.Clean(l.RedisRoot)
	return l
}

// namePattern is that of a service and of an owner; an owner is also a git
// branch, a unix user, a directory and part of a tag.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

const nameRule = "a name begins with a letter a-z and has at most 32 letters a-z, digits, - and _"

// Service gives the first half of the instance's name: what runs.
func (in Instance) Service() string {
	service, _, _ := strings.Cut(in.Name, "/")
	return service
}

// Owner gives the second half of the instance's name: whose it is.
func (in Instance) Owner() string {
	_, owner, _ := strings.Cut(in.Name, "/")
	return owner
}

func (l Layout) nginxInstance(service, owner string) Instance {
	prefix := filepath.Join(l.Root, service, owner)
	return Instance{
		Name:    service + "/" + owner,
		Kind:    Nginx,
		Prefix:  prefix,
		Conf:    filepath.Join(prefix, "conf", "nginx.conf"),
		PIDFile: filepath.Join(prefix, "run", "nginx.pid"),
		Tags: unique(nginxTag(service, owner, ""), service+"_"+owner, service+"-"+owner,
			nginxTag(service, owner, "_access")),
	}
}

// redisInstance needs the port: it is in every path. Without one the instance
// can be shown and not started.
func (l Layout) redisInstance(owner string, port int) Instance {
	in := Instance{
		Name: "redis/" + owner, Kind: Redis, Prefix: l.RedisRoot, Port: port,
		Tags: []string{"redis_" + owner, "redis-" + owner},
	}
	if port != 0 {
		p := strconv.Itoa(port)
		in.Conf = filepath.Join(l.RedisRoot, "etc", p+".conf")
		in.PIDFile = filepath.Join(l.RedisRoot, "var", p+".pid")
		in.Tags = append([]string{"redis-" + p}, in.Tags...)
	}
	return in
}

// nginxTag is a tag that nginx accepts: letters, digits and _ only, and 32 of
// them at most. A longer one is cut and told apart by a hash of the whole.
func nginxTag(service, owner, suffix string) string {
	const maxTag = 32
	tag := strings.ReplaceAll(service+"_"+owner, "-", "_")
	if len(tag)+len(suffix) > maxTag {
		h := fnv.New32a()
		_, _ = h.Write([]byte(tag))
		tag = fmt.Sprintf("%s_%06x", tag[:maxTag-len(suffix)-7], h.Sum32()&0xffffff)
	}
	return tag + suffix
}

func unique(list ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}
