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
	"slices"
	"strings"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/seed"
	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

const (
	// demoService is the one of the demo that is a real nginx, to push to.
	demoService = "dtserver"
	demoPage    = "/dt"
	demoLabel   = "tagtail demo"
)

func demoOwners() []string { return []string{"dev1", "dev2", "dev3", "dev4"} }

// demoReal is what of the demo is real; the zero value means nothing.
type demoReal struct {
	owner, secret string // who pushes
	redis         bool
}

// addDemoRepositories gives the demo the root that tagtail init would make, with
// a real nginx and Redis for each developer, if the machine has git and nginx and
// the configuration nothing else in mind.
func addDemoRepositories(ctx context.Context, cfg *config) (demoReal, error) {
	if _, hasNginx := deploy.FindNginx(""); !hasNginx || cfg.Repositories != "" || cfg.Serverctrl != "" {
		return demoReal{}, nil
	}
	if _, err := exec.LookPath("git"); err != nil {
		return demoReal{}, nil //nolint:nilerr // the demo is one without pushes
	}
	dir := cfg.demoDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return demoReal{}, fmt.Errorf("make folder of the demo: %w", err)
	}
	real := demoReal{owner: demoOwners()[0]}
	services := []string{demoService}
	if _, err := exec.LookPath("redis-server"); err == nil {
		real.redis = true
		services = append(services, "redis")
	}
	ports, err := demoPorts(services)
	if err != nil {
		return demoReal{}, err
	}
	cfg.Repositories = filepath.Join(dir, "git")
	cfg.Root, cfg.RedisRoot = filepath.Join(dir, "instances"), filepath.Join(dir, "redis")
	cfg.Deploys = map[string]proofConfig{demoService: {Health: demoPage}}
	_, err = seed.Make(ctx, cfg.Repositories, seed.Config{
		Owners: demoOwners(), Services: services, Port: func(service, owner string) int { return ports[service+"/"+owner] },
	})
	if err != nil {
		return demoReal{}, err
	}
	if real.secret, err = demoToken(filepath.Join(cfg.Data, accountsName), real.owner); err != nil {
		return demoReal{}, err
	}
	return real, real.followRedis(ctx, cfg)
}

// followRedis has the real Redis's log files read: it writes no syslog but to
// /dev/log. Which they are is known from the values.
func (real demoReal) followRedis(ctx context.Context, cfg *config) error {
	if !real.redis {
		return nil
	}
	if err := cfg.prepareRepositories(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(cfg.RedisRoot, "var"), 0o755); err != nil {
		return fmt.Errorf("make folder of Redis: %w", err)
	}
	instances, _, err := deploy.LoadServerctrl(cfg.Serverctrl, cfg.layout())
	if err != nil {
		return err
	}
	for _, in := range instances {
		if in.Kind == deploy.Redis && in.Owner() != "master" {
			cfg.Files = append(cfg.Files, fileConfig{
				Path: filepath.Join(cfg.RedisRoot, "var", fmt.Sprintf("%d.log", in.Port)), Instance: in.Name,
			})
		}
	}
	return nil
}

// demoDir holds all that the demo's real instances need.
func (c *config) demoDir() string { return filepath.Join(c.Data, "demo") }

// demoPorts finds a port that nobody uses now for each instance of the services.
func demoPorts(services []string) (map[string]int, error) {
	ports := map[string]int{}
	for _, service := range services {
		for _, owner := range demoOwners() {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, fmt.Errorf("find a free port: %w", err)
			}
			defer l.Close() //nolint:errcheck // open until all are found, so that they differ
			ports[service+"/"+owner] = l.Addr().(*net.TCPAddr).Port
		}
	}
	return ports, nil
}

// demoToken makes the token that the demo shows, and revokes that of the last
// time.
func demoToken(path, owner string) (secret string, err error) {
	people, err := openPeople(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, people.close()) }()
	list, err := people.tokens.List()
	if err != nil {
		return "", err
	}
	for _, t := range list {
		if t.Label == demoLabel {
			if _, err := people.tokens.Revoke(t.ID, func(tokens.Token) bool { return true }); err != nil {
				return "", err
			}
		}
	}
	return people.add(owner, accounts.Developer, demoLabel)
}

// greet says how to push, break and roll back something.
func (real demoReal) greet(a *app, words io.Writer) {
	if real.secret == "" {
		return
	}
	port := 0
	for _, in := range a.instances {
		if in.Name == demoService+"/"+real.owner {
			port = in.Port
		}
	}
	fmt.Fprintf(words, `
%[4]s/%[1]s is a real nginx: http://127.0.0.1:%[5]d%[6]s. In another terminal:
  git clone -b %[1]s -c user.name=%[1]s -c user.email=%[1]s@localhost http://%[1]s:%[2]s@%[3]s/git/%[4]s.git
  cd %[4]s
  echo 'ngx.say("mine")' >src/main.lua; git commit -am UP; git push       brings it there, live
  echo 'ngx.say(no.such)' >src/main.lua; git commit -am UP; git push      is broken, and says where
  git push origin :refs/control/rollback                                  brings the one before back
Each push is on the page too, with what it has shown.
`, real.owner, real.secret, strings.TrimPrefix(a.page, "http://"), demoService, port, demoPage)
}

// isDemo tells whether the demo starts and stops the instance.
func (a *app) isDemo(in deploy.Instance) bool {
	return in.Kind == deploy.Command || in.Owner() != "master" && strings.HasPrefix(in.Prefix, a.cfg.demoDir()+"/")
}

// isReal tells whether an instance is one of programs that the demo does not
// bring along.
func (a *app) isReal(instance string) bool {
	return slices.ContainsFunc(a.instances, func(in deploy.Instance) bool { return in.Name == instance && in.Kind != deploy.Command })
}

// deployAll brings the samples to the real instances that have no release yet:
// there is something to look at, and to go back to.
func (a *app) deployAll(ctx context.Context) error {
	for _, in := range a.instances {
		if in.Kind != deploy.Nginx || !a.isDemo(in) {
			continue
		}
		if list, err := a.controller.Releases(in.Name); err != nil || len(list) > 0 {
			continue // what is wrong is told of on the page
		}
		job, err := a.controller.Order(deploy.Order{Instance: in.Name, By: "demo", Via: "cli", Deploy: &deploy.Deploy{}})
		if err != nil {
			return fmt.Errorf("deploy %s: %w", in.Name, err)
		}
		if err := waitJob(ctx, job); err != nil {
			return err
		}
	}
	return nil
}
