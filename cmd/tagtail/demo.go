package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
)

func newDemoCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve, with four developers' worth of traffic to look at",
		Long: "Serve, with a process for each of four developers' services that logs what the real\n" +
			"one would: requests, slow queries, Lua errors with their tracebacks. They can be\n" +
			"stopped and reloaded on the page. With git and nginx, and Redis, there are real ones too, to\n" +
			"push to. Without --data everything is forgotten at the end.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if !cfg.ownData {
				folder, err := os.MkdirTemp("", "tagtail-demo-")
				if err != nil {
					return fmt.Errorf("make folder: %w", err)
				}
				defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
				if err := os.Chmod(folder, 0o711); err != nil { // nginx's workers may be others
					return fmt.Errorf("make folder: %w", err)
				}
				cfg.setData(folder)
			}
			if cfg.RunAs == "" {
				cfg.RunAs = "root" // if root it is: nothing strange runs here
			}
			real, err := addDemoRepositories(cmd.Context(), &cfg)
			if err != nil {
				return err
			}
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find own program: %w", err)
			}
			// Jobs are on the page; here one reads how to go on.
			logger := slog.New(slog.NewTextHandler(std.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
			a, err := openApp(cfg, logger, func(listeners []string) []deploy.Instance {
				return demoInstances(program, cfg.Data, listeners, real.redis)
			})
			if err != nil {
				return err
			}
			a.greet(std.Err)
			real.greet(a, std.Err)
			return runDemo(cmd.Context(), a)
		},
	}
	addServeFlags(cmd)
	return cmd
}

// runDemo serves, with the demo's processes around it: they start when the
// receiver is there and end before it.
func runDemo(ctx context.Context, a *app) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := make(chan error, 1)
	go func() { done <- a.run(serving) }()
	err := a.deployAll(ctx)
	if err == nil {
		err = a.doAll(ctx, deploy.Start)
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-done:
			// The controller has ended with the rest: end the processes by
			// one of their own.
			return errors.Join(err, a.stopDemo())
		}
	}
	if ctx.Err() != nil {
		err = nil // Ctrl-C in the middle of the start
	}
	err = errors.Join(err, a.doAll(serving, deploy.Stop))
	stop()
	return errors.Join(err, <-done)
}

// stopDemo stops what was started when the app's own controller is gone.
func (a *app) stopDemo() error {
	controller, err := deploy.NewController(deploy.Config{Instances: a.instances, Logger: a.logger, RunAs: a.cfg.RunAs})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- controller.Run(ctx) }()
	a.controller = controller
	err = a.doAll(ctx, deploy.Stop)
	cancel()
	return errors.Join(err, <-ended)
}

// doAll does an action on every instance of the demo for which it is possible, at
// the same time, and waits for the ends.
func (a *app) doAll(ctx context.Context, action deploy.Action) error {
	var jobs []*deploy.Job
	var problems error
	for _, status := range a.controller.Status(ctx) {
		if !a.isDemo(status.Instance) || status.Refused[action] != "" {
			continue
		}
		job, err := a.controller.Do(status.Instance.Name, action, "demo")
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		jobs = append(jobs, job)
	}
	for _, job := range jobs {
		if err := waitJob(ctx, job); err != nil {
			return errors.Join(problems, err)
		}
		switch view := job.View(); {
		case view.State != deploy.JobFailed:
		case action == deploy.Start && a.isReal(view.Instance):
			// The rest of the demo can be looked at without it.
			a.logger.Warn("instance of the demo does not start", "instance", view.Instance, "err", view.Error)
		default:
			problems = errors.Join(problems, fmt.Errorf("%s %s: %s", action, view.Instance, view.Error))
		}
	}
	return problems
}

// waitJob waits for a job's end.
func waitJob(ctx context.Context, job *deploy.Job) error {
	for done, from := false, 0; !done; {
		lines, ended, err := job.Wait(ctx, from)
		if err != nil {
			return err
		}
		done, from = ended, from+len(lines)
	}
	return nil
}

// demoInstances are four developers' nginx and Redis, one that logs by TCP,
// and a shared MySQL. Without a listener of the kind that they need there are
// none, and no Redis beside a real one.
func demoInstances(program, data string, listeners []string, realRedis bool) []deploy.Instance {
	address := func(scheme string) string {
		i := slices.IndexFunc(listeners, func(listener string) bool {
			u, err := url.Parse(listener)
			return err == nil && u.Scheme == scheme
		})
		if i < 0 {
			return ""
		}
		return listeners[i]
	}
	var instances []deploy.Instance
	add := func(service, owner, syslog string, tags ...string) {
		if syslog == "" {
			return
		}
		name := service + "/" + owner
		instances = append(instances, deploy.Instance{
			Name: name, Kind: deploy.Command, Prefix: data + "/demo/" + name, PIDFile: data + "/demo/" + name + "/pid",
			Tags: append(tags, service+"_"+owner, service+"_"+owner+"_access"),
			Argv: []string{program, "demo-instance", name, "--syslog", syslog},
		})
	}
	for _, owner := range []string{"dev1", "dev2", "dev3", "dev4"} {
		add("socketserver", owner, address("udp"))
		if !realRedis {
			add("redis", owner, address("udp"), "redis-"+demoPort(owner))
		}
	}
	add("httpserver", "shared", address("tcp"))
	add("mysql", "shared", address("udp"), "mysqld")
	return instances
}
