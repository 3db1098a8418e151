package main

import (
	"log/slog"
	"os"

	"github.com/spf13/cobra"
)

func newServeCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Receive, keep and show logs, and drive the instances",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			a, err := openApp(cfg, slog.New(slog.NewTextHandler(std.Err, nil)), nil)
			if err != nil {
				return err
			}
			a.greet(std.Err)
			return a.run(cmd.Context())
		},
	}
	addServeFlags(cmd)
	return cmd
}

// addServeFlags adds the flags of every command that reads the configuration.
func addServeFlags(cmd *cobra.Command) {
	cmd.Flags().String("config", "", "configuration `file`, YAML")
	cfg := defaultConfig()
	cfg.addFlags(cmd.Flags())
}
