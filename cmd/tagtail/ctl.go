package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
)

func newCtlCommand(std streams) *cobra.Command {
	var at clientFlags
	var actions []string
	for _, action := range deploy.Actions() {
		actions = append(actions, string(action))
	}
	cmd := &cobra.Command{
		Use:     "ctl INSTANCE ACTION",
		Short:   "Start, stop or reload an instance and print what it says",
		Long:    "The actions are " + strings.Join(actions, ", ") + ".",
		Example: "  tagtail ctl socketserver/dev1 reload",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef(cmd, "ctl takes an instance and an action, as in: tagtail ctl socketserver/dev1 reload")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			return c.control(cmd.Context(), args[0], args[1], std.Out)
		},
	}
	cmd.ValidArgsFunction = completeInstance(&at, possible)
	at.add(cmd)
	return cmd
}

// control runs an action and copies its output until it is done.
func (c *client) control(ctx context.Context, instance, action string, out io.Writer) error {
	service, owner, ok := strings.Cut(instance, "/")
	if !ok {
		return fmt.Errorf("instance %q is not SERVICE/OWNER, such as socketserver/dev1", instance)
	}
	var job deploy.JobView
	u := c.server.JoinPath("api/v1/instances", service, owner, "actions", action)
	if err := c.do(ctx, http.MethodPost, u, &job); err != nil {
		return err
	}
	return c.watch(ctx, job, func(line string) { fmt.Fprintf(out, "%s\n", appendVisible(nil, line)) })
}

// watch calls print with each line of a job's output until it is done.
func (c *client) watch(ctx context.Context, job deploy.JobView, print func(line string)) error {
	conn, err := c.dial(ctx, c.api("jobs/"+job.ID+"/output", nil))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	for {
		var frame struct {
			Type  string
			Lines []string
			Job   deploy.JobView
		}
		if err := conn.ReadJSON(&frame); err != nil {
			return fmt.Errorf("read output of job %s, which goes on: %w", job.ID, err)
		}
		for _, line := range frame.Lines {
			print(line)
		}
		if frame.Type != "done" {
			continue
		}
		if frame.Job.State == deploy.JobFailed {
			return errors.New(frame.Job.Error)
		}
		return nil
	}
}
