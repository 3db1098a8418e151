package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/seed"
	"github.com/tagtail/tagtail/viewer/tokens"
)

const (
	// demoService is the one of the demo that is a real nginx, to push to.
	demoService = "dtserver"
	demoLabel   = "tagtail demo"
)

func demoOwners() []string { return []string{"dev1", "dev2", "dev3", "dev4"} }

// demoPush is what one needs to push to the demo; the zero value means that
// one cannot.
type demoPush struct{ owner, secret string }

// addDemoRepositories gives the demo repositories and a real nginx for each
// developer, if the machine has git and nginx and the configuration nothing
// else in mind.
func addDemoRepositories(ctx context.Context, cfg *config) (demoPush, error) {
	if _, hasNginx := deploy.FindNginx(""); !hasNginx || cfg.Repositories != "" || cfg.Serverctrl != "" {
		return demoPush{}, nil
	}
	if _, err := exec.LookPath("git"); err != nil {
		return demoPush{}, nil //nolint:nilerr // the demo is one without pushes
	}
	dir := cfg.demoDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return demoPush{}, fmt.Errorf("make folder of the demo: %w", err)
	}
	ports, err := freePorts(demoOwners())
	if err != nil {
		return demoPush{}, err
	}
	cfg.Repositories = filepath.Join(dir, "git")
	cfg.Root, cfg.RedisRoot = filepath.Join(dir, "instances"), filepath.Join(dir, "redis")
	_, err = seed.Make(ctx, cfg.Repositories, seed.Config{
		Owners: demoOwners(), Services: []string{demoService}, Port: func(_, owner string) int { return ports[owner] },
	})
	if err != nil {
		return demoPush{}, err
	}
	p := demoPush{owner: demoOwners()[0]}
	p.secret, err = demoToken(filepath.Join(cfg.Data, accountsName), p.owner)
	return p, err
}

// demoDir holds all that the demo's real instances need.
func (c *config) demoDir() string { return filepath.Join(c.Data, "demo") }

// freePorts finds a port for each that nobody uses now.
func freePorts(names []string) (map[string]int, error) {
	ports := map[string]int{}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() //nolint:errcheck // open until all are found, so that they differ
		ports[name] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// demoToken makes the token that the demo shows, and revokes that of the last
// time.
func demoToken(path, owner string) (secret string, err error) {
	store, closeFile, err := tokens.OpenFile(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closeFile()) }()
	list, err := store.List()
	if err != nil {
		return "", err
	}
	for _, t := range list {
		if t.Label == demoLabel {
			if _, err := store.Revoke(t.ID); err != nil {
				return "", err
			}
		}
	}
	_, secret, err = store.Add(owner, tokens.Developer, demoLabel, time.Now())
	return secret, err
}

// greet says how to push.
func (p demoPush) greet(a *app, words io.Writer) {
	if p.secret == "" {
		return
	}
	port := 0
	for _, in := range a.instances {
		if in.Name == demoService+"/"+p.owner {
			port = in.Port
		}
	}
	host := strings.TrimPrefix(a.page, "http://")
	fmt.Fprintf(words, `  push    git clone -b %[1]s http://%[1]s:%[2]s@%[3]s/git/%[4]s.git && cd %[4]s
          edit src/main.lua; git commit -am UP; git push: it runs at http://127.0.0.1:%[5]d/dt
`, p.owner, p.secret, host, demoService, port)
}

// isDemo tells whether the demo starts and stops the instance.
func (a *app) isDemo(in deploy.Instance) bool {
	return in.Kind == deploy.Command || in.Owner() != "master" && strings.HasPrefix(in.Prefix, a.cfg.demoDir()+"/instances/")
}
