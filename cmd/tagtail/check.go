package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
	"github.com/tagtail/tagtail/ingest/rules"
	"github.com/tagtail/tagtail/ingest/rules/script"
)

func newCheckCommand(std streams) *cobra.Command {
	var sample string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read the configuration and the templates, and say what is wrong",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return err
			}
			instances, problems, err := cfg.instances()
			if err != nil {
				return err
			}
			c := checker{words: std.Err}
			for _, p := range problems {
				c.note(p, p.Warning)
			}
			c.rules(std.Out, &cfg)
			c.note(cfg.explainLogins(cmd.Context(), std.Out), true)
			inputs := cfg.ingestConfig(instances)
			c.note(inputs.Validate(), false)
			now := time.Now()
			for _, check := range []func(time.Time) (wrong, odd error){cfg.checkHTTPS, inputs.CheckCertificates} {
				wrong, odd := check(now)
				c.note(wrong, false)
				c.note(odd, true)
			}
			c.note(deploy.Config{Instances: instances, Deploys: cfg.proofs(), RunAs: cfg.RunAs}.Validate(), false)
			users, odd := deploy.Config{Instances: instances, RunAs: cfg.RunAs, Supervision: deploy.Supervision(cfg.Supervisor)}.CheckUsers()
			for _, err := range users {
				c.note(err, false)
			}
			c.note(odd, true)
			if hasNginx(instances) {
				c.note(cfg.checkReadable(os.Getuid()), true)
			}
			for _, in := range instances {
				if err := checkRender(in, cfg.Serverctrl); err != nil {
					c.note(fmt.Errorf("%s: %w", in.Name, err), false)
				}
				fmt.Fprintf(std.Out, "%-24s %-8s %s\n", in.Name, in.Kind, strings.Join(in.Tags, " "))
			}
			names := make([]string, 0, len(instances))
			for _, in := range instances {
				names = append(names, in.Name)
			}
			c.note(cfg.explainRetention(std.Out, names), false)
			c.note(cfg.explainRedaction(std.Out, sample, cmd.Flags().Changed("redact")), false)
			if c.wrong > 0 {
				return errors.New("the configuration has errors: see above")
			}
			fmt.Fprintf(std.Err, "The configuration is right: page on %s, %d listeners, %d instances known.\n",
				cfg.HTTP, len(cfg.Syslog), len(instances))
			return nil
		},
	}
	addServeFlags(cmd)
	cmd.Flags().StringVar(&sample, "redact", "", "`message` to try the redact rules on, such as 'GET /?password=x'")
	return cmd
}

// checker prints what is found and counts what is wrong.
type checker struct {
	words io.Writer
	wrong int
}

func (c *checker) note(err error, warning bool) {
	if err == nil {
		return
	}
	fmt.Fprintln(c.words, err)
	if !warning {
		c.wrong++
	}
}

// rules says what the rules will do, and what is wrong with them.
func (c *checker) rules(out io.Writer, cfg *config) {
	if len(cfg.Rules.Files) == 0 {
		return
	}
	read, err := script.Read(cfg.Rules.Files)
	if err != nil {
		c.note(err, false)
		return
	}
	for _, n := range read.Notes {
		c.note(errors.New(n.String()), !n.Refused)
	}
	c.note(cfg.addInputs(read), false)
	for _, sentence := range rules.Explain(read) {
		fmt.Fprintln(out, sentence)
	}
}

// checkRender renders an instance that has a template there.
func checkRender(in deploy.Instance, serverctrl string) error {
	if serverctrl == "" || in.Kind != deploy.Nginx && in.Kind != deploy.Redis {
		return nil
	}
	_, err := deploy.Render(in, serverctrl, deploy.RenderOptions{Plain: true})
	if errors.Is(err, os.ErrNotExist) {
		return nil // its configuration is kept by hand
	}
	return err
}
