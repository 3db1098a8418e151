package deploy

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// redisConf is a Redis configuration: the lines, split into words.
type redisConf struct{ lines [][]string }

// parseRedisConf reads one file's text, without what it includes.
func parseRedisConf(text []byte) redisConf {
	var c redisConf
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		words[0] = strings.ToLower(words[0])
		for i := range words {
			words[i] = strings.Trim(words[i], `"'`)
		}
		c.lines = append(c.lines, words)
	}
	return c
}

// last gives the value of the last line of a directive, as Redis takes it.
func (c redisConf) last(name string) string {
	value := ""
	for _, words := range c.lines {
		if words[0] == name {
			value = strings.Join(words[1:], " ")
		}
	}
	return value
}

// includes lists the files that are read too.
func (c redisConf) includes() []string {
	var list []string
	for _, words := range c.lines {
		if words[0] == "include" && len(words) == 2 {
			list = append(list, words[1])
		}
	}
	return list
}

// readRedisConf reads a configuration with all that it includes, in the order
// in which Redis reads them.
func readRedisConf(path string, depth int) (redisConf, error) {
	var all redisConf
	if depth > 8 {
		return all, fmt.Errorf("%s: includes are nested too deeply", path)
	}
	text, err := readLimited(path, maxTemplateBytes)
	if err != nil {
		return all, err
	}
	for _, words := range parseRedisConf(text).lines {
		if words[0] != "include" || len(words) != 2 {
			all.lines = append(all.lines, words)
			continue
		}
		inner, err := readRedisConf(words[1], depth+1)
		if err != nil {
			return all, fmt.Errorf("include in %s: %w", path, err)
		}
		all.lines = append(all.lines, inner.lines...)
	}
	return all, nil
}

// addToRedis adds what the template lacks so that the instance runs in the
// background, can be found again, and logs to us under its own tag.
func addToRedis(in Instance, conf []byte) []byte {
	c := parseRedisConf(conf)
	var lines []string
	for _, add := range [][2]string{
		{"daemonize", "yes"},
		{"pidfile", in.PIDFile},
		{"dir", filepath.Join(in.Prefix, "var")},
		{"logfile", fmt.Sprintf("%d.log", in.Port)},
		{"syslog-enabled", "yes"},
		{"syslog-ident", fmt.Sprintf("redis-%d", in.Port)},
		{"syslog-facility", "local5"},
	} {
		if c.last(add[0]) == "" && add[1] != "" {
			lines = append(lines, add[0]+" "+add[1])
		}
	}
	if len(lines) == 0 {
		return conf
	}
	var out strings.Builder
	writeAdded(&out, "", lines)
	return append([]byte(out.String()), conf...)
}

// redisBase is what a missing base file is made with.
const redisBase = `# The base of every Redis instance here: each etc/PORT.conf includes it first, so
# its own lines win. Made by Tagtail, because redis-server does not start while an
# included file is missing. A good place for maxmemory and requirepass.
`

// ensureIncludes makes the missing base file below our own root; one that is
// missing elsewhere is somebody else's to write.
func ensureIncludes(in Instance, say func(string, ...any)) error {
	text, err := readLimited(in.Conf, maxTemplateBytes)
	if err != nil {
		return err
	}
	for _, path := range parseRedisConf(text).includes() {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if filepath.Dir(path) != filepath.Join(in.Prefix, "etc") {
			return fmt.Errorf("%s includes %s, which does not exist; write that file or remove the line", in.Conf, path)
		}
		if err := writeFile(path, []byte(redisBase)); err != nil {
			return err
		}
		say("made %s, which %s includes", path, in.Conf)
	}
	return nil
}
