package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
)

func newCheckCommand(std streams) *cobra.Command {
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
			wrong := 0
			for _, p := range problems {
				fmt.Fprintln(std.Err, p.Error())
				if !p.Warning {
					wrong++
				}
			}
			for _, in := range instances {
				if err := checkRender(in, cfg.Serverctrl); err != nil {
					fmt.Fprintf(std.Err, "%s: %v\n", in.Name, err)
					wrong++
				}
			}
			for _, in := range instances {
				fmt.Fprintf(std.Out, "%-24s %-8s %v\n", in.Name, in.Kind, in.Tags)
			}
			if wrong > 0 {
				return errors.New("the configuration has errors: see above")
			}
			return nil
		},
	}
	addServeFlags(cmd)
	return cmd
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
