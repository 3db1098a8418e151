package deploy

import (
	"errors"
	"fmt"
	"strings"
)

// addToNginx adds what a template needs to run as one of many instances on a
// packaged nginx, each only where the template has not its own: compiled-in
// paths of the package are the machine's one nginx's, not ours.
func addToNginx(in Instance, conf []byte, opts RenderOptions) ([]byte, error) {
	directives := scanNginx(conf)
	main := mainDirectives(directives)
	if err := checkNginx(directives); err != nil {
		return nil, err
	}
	var out strings.Builder
	before := mainLines(in, main, directives, opts)
	writeAdded(&out, "", before)
	rest := conf
	for _, d := range directives {
		if d.path != "" || d.name != "http" || d.body == 0 {
			continue
		}
		out.Write(conf[:d.body])
		out.WriteString("\n")
		inside := httpLines(in, directives, opts)
		if line, ok := probeLine(in, append(append(before, inside...), string(conf))...); ok {
			inside = append(inside, line)
		}
		writeAdded(&out, "    ", inside)
		rest = conf[d.body:]
		if len(rest) > 0 && rest[0] == '\n' {
			rest = rest[1:]
		}
		break
	}
	out.Write(rest)
	return []byte(out.String()), nil
}

// checkNginx refuses what would break the way in which we run it.
func checkNginx(directives []directive) error {
	for _, d := range directives {
		if d.path == "" && len(d.args) == 1 && d.args[0] == "off" && (d.name == "daemon" || d.name == "master_process") {
			return errors.New(d.name + " off: Tagtail needs a master process in the background; remove the line")
		}
	}
	return nil
}

func mainDirectives(directives []directive) map[string]bool {
	found := map[string]bool{}
	for _, d := range directives {
		if d.path == "" {
			found[d.name] = true
		}
	}
	return found
}

func writeAdded(out *strings.Builder, indent string, lines []string) {
	if len(lines) == 0 {
		return
	}
	for _, line := range append(append([]string{addedBegin}, lines...), addedEnd) {
		out.WriteString(indent + line + "\n")
	}
}

// mainLines are added before the template, outside all blocks.
func mainLines(in Instance, main map[string]bool, all []directive, opts RenderOptions) []string {
	var lines []string
	if usesLua(all) && !main["load_module"] {
		for _, m := range opts.Modules {
			lines = append(lines, "load_module "+m+";")
		}
	}
	if !main["pid"] {
		lines = append(lines, "pid run/nginx.pid;")
	}
	if !main["worker_shutdown_timeout"] {
		lines = append(lines, "worker_shutdown_timeout 10s;")
	}
	level, toFile, toSyslog := errorLogs(all)
	if !toFile {
		// A reload that fails is told nowhere else than in the error log.
		lines = append(lines, "error_log logs/error.log crit;")
	}
	if opts.Syslog != "" && !toSyslog {
		lines = append(lines, fmt.Sprintf("error_log syslog:server=%s,facility=local5,tag=%s %s;",
			opts.Syslog, nginxTag(in.Service(), in.Owner(), ""), level))
	}
	return lines
}

// errorLogs reads the main error_log lines: the level for ours is the
// template's own. At debug, nginx's core fills 97 lines of 100; giving ours
// debug_mutex, which only lets ngx.DEBUG of Lua pass, would not help, because
// one log at debug makes nginx format the core's lines for all.
func errorLogs(all []directive) (level string, toFile, toSyslog bool) {
	level = "info"
	for _, d := range all {
		if d.path != "" || d.name != "error_log" || len(d.args) == 0 {
			continue
		}
		level = "error" // nginx's default
		if len(d.args) > 1 {
			level = d.args[1]
		}
		if strings.HasPrefix(d.args[0], "syslog:") {
			toSyslog = true
		} else {
			toFile = true
		}
	}
	return level, toFile, toSyslog
}

// httpLines are added at the top of the http block.
func httpLines(in Instance, all []directive, opts RenderOptions) []string {
	has := map[string]bool{}
	logged := false
	for _, d := range all {
		if d.path != "http" {
			continue
		}
		has[d.name] = true
		logged = logged || d.name == "access_log" && len(d.args) > 0 && strings.HasPrefix(d.args[0], "syslog:")
	}
	var lines []string
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		if !has[name+"_temp_path"] {
			lines = append(lines, name+"_temp_path run/"+name+"_temp;")
		}
	}
	switch {
	case opts.Syslog != "" && !logged:
		lines = append(lines, fmt.Sprintf("access_log syslog:server=%s,facility=local5,severity=info,tag=%s combined;",
			opts.Syslog, nginxTag(in.Service(), in.Owner(), "_access")))
	case opts.Syslog == "" && !has["access_log"]:
		lines = append(lines, "access_log logs/access.log;")
	}
	return lines
}

func usesLua(all []directive) bool {
	for _, d := range all {
		if strings.HasPrefix(d.name, "lua_") || strings.Contains(d.name, "_by_lua") {
			return true
		}
	}
	return false
}
