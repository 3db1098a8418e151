package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/deploy/release"
)

func newReleasesCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:     "releases INSTANCE",
		Short:   "List what has been deployed to an instance, the newest first",
		Example: "  tagtail releases socketserver/dev1",
		Args:    oneArg("releases takes an instance, as in: tagtail releases socketserver/dev1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			return c.releases(cmd.Context(), args[0], std.Out)
		},
	}
	cmd.ValidArgsFunction = completeInstance(&at, nil)
	at.add(cmd)
	return cmd
}

func newRollbackCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:     "rollback INSTANCE [NUMBER]",
		Short:   "Make an older release of an instance live again",
		Long:    "Without a number it is the good release before the one that is live.",
		Example: "  tagtail rollback socketserver/dev1\n  tagtail rollback socketserver/dev1 41",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef(cmd, "rollback takes an instance and perhaps a release, as in: tagtail rollback socketserver/dev1 41")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			number := 0
			if len(args) == 2 {
				var err error
				if number, err = strconv.Atoi(strings.TrimPrefix(args[1], "v")); err != nil || number < 1 {
					return usagef(cmd, "release %q is not a number: see tagtail releases %s", args[1], args[0])
				}
			}
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			return c.rollback(cmd.Context(), args[0], number, std.Out)
		},
	}
	cmd.ValidArgsFunction = completeInstance(&at, nil)
	at.add(cmd)
	return cmd
}

// instancePath is where the API has an instance.
func instancePath(instance string) (string, error) {
	service, owner, ok := strings.Cut(instance, "/")
	if !ok || service == "" || owner == "" || strings.Contains(owner, "/") {
		return "", fmt.Errorf("instance %q is not SERVICE/OWNER, such as socketserver/dev1", instance)
	}
	return "instances/" + instance, nil
}

func (c *client) releases(ctx context.Context, instance string, out io.Writer) error {
	path, err := instancePath(instance)
	if err != nil {
		return err
	}
	var answer struct{ Releases []release.Release }
	if err := c.do(ctx, http.MethodGet, c.api(path+"/releases", nil), &answer); err != nil {
		return err
	}
	var problems error
	for _, r := range answer.Releases {
		live := ""
		if r.Live {
			live = "live"
		}
		_, err := fmt.Fprintf(out, "%-6s %-4s %s  %-9s %-9s %.7s  %-12s %s\n", fmt.Sprintf("v%d", r.Number), live,
			r.When.In(localZone()).Format("2006-01-02 15:04:05"), r.Kind, r.Result, r.SHA, r.By, appendVisible(nil, r.Subject))
		problems = errors.Join(problems, err)
	}
	return problems
}

func (c *client) rollback(ctx context.Context, instance string, number int, out io.Writer) error {
	path, err := instancePath(instance)
	if err != nil {
		return err
	}
	var job deploy.JobView
	order := struct {
		Release int `json:"release"`
	}{number}
	if err := c.post(ctx, c.api(path+"/rollback", nil), order, &job); err != nil {
		return err
	}
	return c.watch(ctx, job, func(line string) { fmt.Fprintf(out, "%s\n", appendVisible(nil, line)) })
}
