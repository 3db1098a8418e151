package index

import (
	"strings"

	"github.com/tagtail/tagtail/index/content"
)

// The kinds of messages, as kind: finds them.
const (
	kindNginxError = "nginx-error"
	kindAccess     = "nginx-access"
	kindLua        = "lua"
	kindRedis      = "redis"
	kindPython     = "python"
	kindJSON       = "json"
	kindSyslog     = "syslog"
)

var kindNames = [...]string{
	content.Other:      kindSyslog,
	content.NginxError: kindNginxError,
	content.Lua:        kindLua,
	content.Access:     kindAccess,
	content.Redis:      kindRedis,
	content.Python:     kindPython,
	content.JSON:       kindJSON,
}

// Kind is what kind of message e is, given what its Message says: nginx-error,
// nginx-access, lua, redis, python, json, or syslog for every other one.
// Redis's messages say nothing of it, so that its name has to.
func (e *Entry) Kind(said content.Message) string {
	kind := said.Kind()
	if kind == content.Other && strings.HasPrefix(e.AppName, "redis") {
		return kindRedis
	}
	return kindNames[kind]
}
