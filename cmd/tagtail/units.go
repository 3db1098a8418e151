package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy"
)

func newUnitsCommand(std streams) *cobra.Command {
	user := "tagtail"
	cmd := &cobra.Command{
		Use:   "units FOLDER",
		Short: "Write the units of systemd and the rule of polkit for supervisor: systemd",
		Long: "Write, into a folder, what systemd needs to start the configuration's instances (supervisor: systemd),\n" +
			"and the rule with which polkit lets Tagtail's OS user move them and nothing else.",
		Example: "  tagtail units units --config /srv/tagtail/tagtail.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd, "units takes one folder to write to, as in: tagtail units units")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			instances, problems, err := cfg.instances()
			if err != nil {
				return err
			}
			for _, p := range problems {
				fmt.Fprintln(std.Err, p.Error())
			}
			files, err := deploy.Config{Instances: instances, Layout: cfg.layout(), RunAs: cfg.RunAs}.UnitFiles(user)
			if err != nil {
				return err
			}
			if len(files) == 2 {
				return errors.New("there is no instance of nginx or Redis: name the templates with --serverctrl, or the file with --config")
			}
			for _, name := range slices.Sorted(maps.Keys(files)) {
				path := filepath.Join(args[0], name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return fmt.Errorf("make a folder for units: %w", err)
				}
				if err := os.WriteFile(path, []byte(files[name]), 0o644); err != nil {
					return fmt.Errorf("write a unit: %w", err)
				}
				fmt.Fprintln(std.Out, path)
			}
			fmt.Fprintf(std.Err, `Now, as root:
  cp -r %[1]s/tagtail-* /etc/systemd/system && systemctl daemon-reload
  install -m 644 %[1]s/50-tagtail.rules /etc/polkit-1/rules.d
  usermod -aG GROUP %[2]s     for the group of each developer's OS user; then start Tagtail again
`, args[0], user)
			return nil
		},
	}
	addServeFlags(cmd)
	cmd.Flags().StringVar(&user, "user", user, "OS `user` that Tagtail runs as")
	return cmd
}
