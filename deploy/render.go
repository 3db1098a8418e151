package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/tagtail/tagtail/deploy/template"
)

// RenderOptions say how an instance's configuration is written.
type RenderOptions struct {
	// Plain leaves out all that Tagtail adds to the template.
	Plain bool
	// Syslog is Tagtail's own address as nginx writes it, HOST:PORT or
	// unix:/PATH, and the value of $SYSLOG. Empty: nothing is sent.
	Syslog string
	// Modules are the files for load_module, absolute; see FindModules.
	Modules []string
	// Generation is the value of $GENERATION. Default "0".
	Generation string
}

// The frame around what Tagtail adds, so that a reader can tell it apart.
const (
	addedBegin = "# Added by Tagtail; \"tagtail render --plain\" shows the template without it."
	addedEnd   = "# End of what Tagtail added."
)

// Render gives the configuration of in as it is written to in.Conf: the
// service's template in dir, filled with master's values, the owner's over them
// and the built-in ones. An error of a file is a Problem with its position.
func Render(in Instance, dir string, opts RenderOptions) ([]byte, error) {
	if in.Kind != Nginx && in.Kind != Redis {
		return nil, fmt.Errorf("%s is of the kind %s, which has no template", in.Name, in.Kind)
	}
	if err := checkSyslog(opts.Syslog); err != nil {
		return nil, err
	}
	subName, templName := serviceFiles(in.Service())
	text, err := readLimited(filepath.Join(dir, templName), maxTemplateBytes)
	if err != nil {
		return nil, err
	}
	values, err := templateValues(in, dir, subName, opts)
	if err != nil {
		return nil, err
	}
	filled, err := template.Expand(templName, text, values)
	if err != nil {
		return nil, problemOf(templName, err)
	}
	if in.Kind == Nginx {
		if err := sameDirectives(text, filled); err != nil {
			return nil, Problem{File: templName, Text: err.Error()}
		}
	}
	if opts.Plain {
		return filled, nil
	}
	heading := fmt.Sprintf("# %s, rendered from %s and %s.\n", in.Name, templName, subName)
	if in.Kind == Redis {
		return append([]byte(heading), addToRedis(in, filled)...), nil
	}
	added, err := addToNginx(in, filled, opts)
	if err != nil {
		return nil, Problem{File: templName, Text: err.Error()}
	}
	return append([]byte(heading), added...), nil
}

// templateValues merges the values of in. What is wrong with another owner's
// does not concern it.
func templateValues(in Instance, dir, subName string, opts RenderOptions) (map[string]string, error) {
	f, err := readSubFile(dir, subName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, problemOf(subName, err)
	}
	if _, ok := f.root.Get(in.Owner()); !ok {
		return nil, f.problem(f.root, "there is no entry for "+in.Owner())
	}
	merged, problems := f.merged(in.Owner())
	if len(problems) > 0 {
		return nil, problems[0]
	}
	values := map[string]string{
		"USER_NAME": in.Owner(), "SERVER": in.Service(), "PREFIX": in.Prefix, "GENERATION": "0",
	}
	if opts.Generation != "" {
		values["GENERATION"] = opts.Generation
	}
	if opts.Syslog != "" {
		values["SYSLOG"] = opts.Syslog
	}
	for key, s := range merged {
		values[key] = s.text
	}
	return values, nil
}

func checkSyslog(address string) error {
	if strings.ContainsAny(address, " \t\r\n;,{}\"'\\$#") {
		return fmt.Errorf("the syslog address %q cannot be written into a configuration", address)
	}
	return nil
}

// renderedPIDFile is the pid file that a configuration names, or the usual one.
func renderedPIDFile(in Instance, conf []byte) string {
	path := ""
	switch in.Kind {
	case Nginx:
		for _, d := range scanNginx(conf) {
			if d.path == "" && d.name == "pid" && len(d.args) == 1 {
				path = d.args[0]
			}
		}
	case Redis:
		path = parseRedisConf(conf).last("pidfile")
	}
	if path == "" {
		return in.PIDFile
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(in.Prefix, path)
	}
	return filepath.Clean(path)
}
