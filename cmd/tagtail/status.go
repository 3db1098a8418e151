package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/release"
	"github.com/tagtail/tagtail/index"
)

func newStatusCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:     "status [INSTANCE]",
		Short:   "Tell what the instances do, or one of them",
		Example: "  tagtail status\n  tagtail status socketserver/dev1",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef(cmd, "status takes one instance at most, as in: tagtail status socketserver/dev1")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			only := ""
			if len(args) == 1 {
				only = args[0]
			}
			return c.status(cmd.Context(), only, std.Out)
		},
	}
	cmd.ValidArgsFunction = completeInstance(&at, nil)
	at.add(cmd)
	return cmd
}

// status prints a line for each instance that can be moved, or for one.
func (c *client) status(ctx context.Context, only string, out io.Writer) error {
	var answer struct {
		Instances []struct {
			Instance, Kind, Detail string
			State                  deploy.State
			PID, Port              int
			Started                time.Time
			Release                *release.Release
		}
	}
	if err := c.do(ctx, http.MethodGet, c.api("instances", nil), &answer); err != nil {
		return err
	}
	found := only == ""
	var problems error
	for _, in := range answer.Instances {
		moved := in.Kind != "" && in.Kind != string(deploy.Shared) && in.Instance != index.Unassigned
		if only != in.Instance && (only != "" || !moved) {
			continue
		}
		found = true
		live, since, process := "", "", ""
		if in.Release != nil {
			live = fmt.Sprintf("v%d", in.Release.Number)
		}
		if in.State == deploy.Running {
			since, process = in.Started.In(localZone()).Format("2006-01-02 15:04:05"), fmt.Sprintf("%d", in.PID)
		}
		port := ""
		if in.Port != 0 {
			port = fmt.Sprintf(":%d", in.Port)
		}
		line := fmt.Appendf(nil, "%-24s %-8s %-6s %-7s %-5s %-19s  ", in.Instance, in.State, port, process, live, since)
		_, err := fmt.Fprintf(out, "%s\n", bytes.TrimRight(appendVisible(line, in.Detail), " "))
		problems = errors.Join(problems, err)
	}
	if !found {
		return fmt.Errorf("there is no instance %s: tagtail status lists those that are", only)
	}
	return problems
}
