package syslog

import (
	"strings"

	"github.com/tagtail/tagtail/index"
)

// levels are the words that nginx, MariaDB and MySQL write between brackets,
// and the severities that they mean: NOTE is LOG_INFO in MySQL's own syslog
// sink. An empty level is ngx.STDERR, which has no severity at all.
var levels = [...]struct {
	word     string
	severity index.Severity
}{
	{"debug", index.Debug},
	{"info", index.Info},
	{"notice", index.Notice},
	{"warn", index.Warning},
	{"error", index.Err},
	{"crit", index.Crit},
	{"alert", index.Alert},
	{"emerg", index.Emerg},
	{"", index.Notice},
	{"Note", index.Info},
	{"System", index.Notice},
	{"Warning", index.Warning},
	{"ERROR", index.Err},
}

// cacheIsOff is what nginx says, as an alert, whenever it reads a configuration
// that has Lua load its code anew for every request. For a developer's
// instance that is what was asked for, and no alarm.
const cacheIsOff = " lua_code_cache is off"

// Refine corrects an Entry by what its text says of itself, where a program's
// PRI is known to be wrong: the level in the error logs of nginx, whose PRI is
// off by one facility for ngx.STDERR, and of mysqld, which is piped through
// logger(1) as daemon.err whatever it says. It also takes nginx's process id,
// and lowers what nginx itself ranks too high.
func Refine(e *index.Entry) {
	if len(e.Message) < 22 || !isDigit(e.Message[0]) {
		return
	}
	if level, pid, text, ok := nginxLevel(e.Message); ok {
		refineNginx(e, level, pid)
		if level == "alert" && strings.HasPrefix(text, cacheIsOff) {
			e.Severity = index.Notice
		}
		return
	}
	if !strings.HasPrefix(e.AppName, "mysqld") && !strings.HasPrefix(e.AppName, "mariadbd") {
		return
	}
	if level, ok := mysqlLevel(e.Message); ok {
		setLevel(e, level)
	}
}

func refineNginx(e *index.Entry, level, pid string) {
	if level == "" && e.Severity == index.Debug && e.Facility < index.Local7 {
		// PRI is facility*8 + level-1, and the level is 0.
		e.Facility++
	}
	setLevel(e, level)
	if e.ProcID == "" {
		e.ProcID = pid
	}
}

func setLevel(e *index.Entry, level string) {
	for i := range levels {
		if levels[i].word == level {
			e.Severity = levels[i].severity
			return
		}
	}
}

// nginxLevel reads "2026/11/22 08:51:43 [error] 18331#18331: text". The text
// begins with the space.
func nginxLevel(s string) (level, pid, text string, ok bool) {
	if s[4] != '/' || s[7] != '/' || s[10] != ' ' || s[13] != ':' || s[16] != ':' || s[19] != ' ' || s[20] != '[' {
		return "", "", "", false
	}
	level, rest, ok := cutLevel(s[21:])
	if !ok {
		return "", "", "", false
	}
	n := digits(rest)
	if n == 0 || n == len(rest) || rest[n] != '#' {
		return "", "", "", false
	}
	pid, rest = rest[:n], rest[n+1:]
	n = digits(rest)
	if n == 0 || n == len(rest) || rest[n] != ':' {
		return "", "", "", false
	}
	return level, pid, rest[n+1:], true
}

// mysqlLevel reads "2026-11-22  9:15:18 0 [Note] ", MariaDB's form, and
// "2026-11-22T09:15:18.123456Z 0 [Note] ", MySQL's.
func mysqlLevel(s string) (level string, ok bool) {
	if s[4] != '-' || s[7] != '-' || s[10] != ' ' && s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return "", false
	}
	_, rest := cutField(s[13:])
	n := digits(rest)
	if n == 0 || !strings.HasPrefix(rest[n:], " [") {
		return "", false
	}
	level, _, ok = cutLevel(rest[n+2:])
	return level, ok
}

// cutLevel cuts "word] " off s.
func cutLevel(s string) (level, rest string, ok bool) {
	const longest = 8
	end := strings.IndexByte(s[:min(len(s), longest+1)], ']')
	if end < 0 || end+1 >= len(s) || s[end+1] != ' ' {
		return "", "", false
	}
	return s[:end], s[end+2:], true
}

// digits counts the digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}
