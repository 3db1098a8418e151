package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/index"
	"github.com/tagtail/tagtail/ingest"
)

// instances are those of the serverctrl folder and those of the configuration
// file, which replace instances of the same name. The problems are about
// single files or developers: the rest is there all the same.
func (c *config) instances() ([]deploy.Instance, []deploy.Problem, error) {
	var all []deploy.Instance
	var problems []deploy.Problem
	if c.Serverctrl != "" {
		var err error
		if all, problems, err = deploy.LoadServerctrl(c.Serverctrl, c.layout()); err != nil {
			return nil, nil, fmt.Errorf("read serverctrl: %w", err)
		}
	}
	fromFiles := len(all)
	at := make(map[string]int, len(all))
	for i, in := range all {
		at[in.Name] = i
	}
	for i, described := range c.Instances {
		in, err := described.instance()
		if err != nil {
			return nil, nil, fmt.Errorf("instances[%d]: %w", i, err)
		}
		if k, ok := at[in.Name]; ok && k >= fromFiles {
			return nil, nil, fmt.Errorf("instances[%d]: %s is there twice", i, in.Name)
		} else if ok {
			all[k] = in
			continue
		}
		at[in.Name] = len(all)
		all = append(all, in)
	}
	return all, problems, nil
}

func (c *config) layout() deploy.Layout { return deploy.Layout{Root: c.Root, RedisRoot: c.RedisRoot} }

// instance fills in what the configuration leaves out.
func (c instanceConfig) instance() (deploy.Instance, error) {
	service, owner := index.SplitInstance(c.Name)
	if service == "" || owner == "" || strings.Count(c.Name, "/") > 1 {
		return deploy.Instance{}, fmt.Errorf("name %q is not SERVICE/OWNER, such as mysql/shared", c.Name)
	}
	in := deploy.Instance{
		Name: c.Name, Kind: deploy.Kind(c.Kind), Tags: c.Tags, Port: c.Port, Argv: c.Command,
		Prefix: c.Prefix, Conf: c.Conf, PIDFile: c.PIDFile, RunAs: c.RunAs,
	}
	if in.Kind == "" {
		in.Kind = deploy.Shared
	}
	if len(in.Tags) == 0 {
		in.Tags = []string{service + "_" + owner, service + "-" + owner}
	}
	switch in.Kind {
	case deploy.Shared:
		return in, nil
	case deploy.Command:
		if len(in.Argv) == 0 {
			return in, fmt.Errorf("%s is of kind command: name its program with command: [PROGRAM, ARGUMENTS…]", c.Name)
		}
	case deploy.Nginx, deploy.Redis:
	default:
		return in, fmt.Errorf("kind %q of %s is not known: use nginx, redis, command or shared", c.Kind, c.Name)
	}
	if !filepath.IsAbs(in.Prefix) {
		return in, fmt.Errorf("prefix %q of %s is not an absolute path: name its directory", c.Prefix, c.Name)
	}
	if in.Kind == deploy.Nginx {
		if in.Conf == "" {
			in.Conf = "conf/nginx.conf"
		}
		if in.PIDFile == "" {
			in.PIDFile = "run/nginx.pid"
		}
	}
	if in.Kind == deploy.Redis && in.Conf == "" {
		return in, fmt.Errorf("%s has no conf: name its redis.conf", c.Name)
	}
	for _, path := range []*string{&in.Conf, &in.PIDFile} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(in.Prefix, *path)
		}
	}
	return in, nil
}

// ingestConfig is the receiver's part of the configuration.
func (c *config) ingestConfig(instances []deploy.Instance) ingest.Config {
	cfg := ingest.Config{
		Inputs: c.Syslog, Instances: c.senders(instances), HTTP: "http://" + c.HTTP + "/api/v1/ingest",
		RateLimit: ingest.RateLimit{PerSecond: c.RateLimit.PerSecond, Burst: c.RateLimit.Burst},
	}
	for _, r := range c.Rules.Tags {
		cfg.Rules = append(cfg.Rules, ingest.Rule{Pattern: r.Pattern, Instance: r.Instance})
	}
	for _, f := range c.Files {
		cfg.Files = append(cfg.Files, ingest.FileInput{
			Pattern: f.Path, Instance: f.Instance, AppName: f.AppName, Start: f.Start,
		})
	}
	if len(cfg.Files) > 0 {
		cfg.FileState = filepath.Join(c.Data, "files.state")
	}
	return cfg
}

// senders is what the receiver has to know of the instances: their tags, and
// the evidence for each. Evidence may be of an instance that nothing else names.
func (c *config) senders(instances []deploy.Instance) []ingest.Instance {
	out := make([]ingest.Instance, 0, len(instances))
	at := map[string]int{}
	for _, in := range instances {
		at[in.Name] = len(out)
		out = append(out, ingest.Instance{Name: in.Name, Tags: in.Tags})
	}
	for _, e := range c.Evidence {
		i, ok := at[e.Instance]
		if !ok {
			i = len(out)
			at[e.Instance] = i
			out = append(out, ingest.Instance{Name: e.Instance})
		}
		in := &out[i]
		in.UIDs = append(in.UIDs, e.UIDs...)
		in.Certs = append(in.Certs, e.Certs...)
		in.Addresses = append(in.Addresses, e.Addresses...)
		for _, token := range e.Tokens {
			in.Tokens = append(in.Tokens, ingest.Token(token))
		}
	}
	return out
}
