package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
)

func newRenderCommand(std streams) *cobra.Command {
	var plain bool
	cmd := &cobra.Command{
		Use:     "render INSTANCE",
		Short:   "Print the configuration of an instance as it would be written",
		Example: "  tagtail render socketserver/dev1 --serverctrl /srv/serverctrl",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd, "render takes one instance, as in: tagtail render socketserver/dev1")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if cfg.Serverctrl == "" {
				return usagef(cmd, "there are no templates: name their folder with --serverctrl")
			}
			instances, problems, err := cfg.instances()
			if err != nil {
				return err
			}
			for _, in := range instances {
				if in.Name != args[0] {
					continue
				}
				opts := deploy.RenderOptions{Plain: plain, Syslog: nginxSyslog(cfg.Syslog)}
				if program, ok := deploy.FindNginx(""); ok {
					opts.Modules = deploy.FindModules(cmd.Context(), program)
				}
				text, err := deploy.Render(in, cfg.Serverctrl, opts)
				if err != nil {
					return err
				}
				_, err = std.Out.Write(text)
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(std.Err, p.Error())
			}
			return errors.New("there is no instance " + args[0] + ": see tagtail check --serverctrl " + cfg.Serverctrl)
		},
	}
	addServeFlags(cmd)
	cmd.Flags().BoolVar(&plain, "plain", false, "only the template with its values, without what Tagtail adds")
	return cmd
}
