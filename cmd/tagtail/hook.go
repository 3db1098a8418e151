package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/deploy/push"
)

// exitError ends the program with a code, without a word: git has shown what
// there is to say.
type exitError int

func (exitError) Error() string { return "git's hook refuses" }

// hookOf tells whether git has called this program by a hook's name.
func hookOf(argv0 string) (string, bool) {
	name := filepath.Base(argv0)
	return name, slices.Contains(push.HookNames(), name)
}

// runHook is git's hook of a push that Tagtail has begun.
func runHook(ctx context.Context, name string, in io.Reader, out io.Writer) int {
	return push.Hook(ctx, name, os.Getenv(push.SocketVariable), in, out)
}

func newHookCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook pre-receive|post-receive",
		Short: "Be the hook of a repository to which people push over a path",
		Long: "Be git's hook: ask the server that runs on the data folder what becomes of the push, and\n" +
			"show what it says. Let hooks/pre-receive and hooks/post-receive of the repository be a\n" +
			"script each that calls this. Who pushes is known from their user: see people in the\n" +
			"configuration.",
		Example: "  exec tagtail hook pre-receive --data /srv/tagtail/data",
		Args:    oneArg("hook takes the hook's name, as in: tagtail hook pre-receive"),
		RunE: func(cmd *cobra.Command, args []string) error {
			socket := os.Getenv(push.SocketVariable)
			if cmd.Flags().Changed("data") || cmd.Flags().Changed("config") || socket == "" {
				cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
				if err != nil {
					return err
				}
				socket = cfg.pushSocket()
			}
			if code := push.Hook(cmd.Context(), args[0], socket, std.In, std.Out); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
	addDataFlags(cmd)
	return cmd
}

func newGitServeCommand(std streams) *cobra.Command {
	var admin bool
	cmd := &cobra.Command{
		Use:   "git-serve PERSON",
		Short: "Be the forced command of a person's SSH key, for fetches and pushes",
		Long: "Serve one fetch or push over SSH, as the person whom the key belongs to. It runs as the\n" +
			"server's own user, from its authorized_keys:\n\n" +
			"  restrict,command=\"tagtail git-serve dev1 --data /srv/tagtail/data\" ssh-ed25519 AAAA…",
		Args: oneArg("git-serve takes one person, as in: tagtail git-serve dev1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := loadConfig(cmd.Flags(), os.LookupEnv)
			if err != nil {
				return err
			}
			shell := push.Shell{
				Person: push.Person{Name: args[0], Admin: admin}, Socket: cfg.pushSocket(),
				Command: os.Getenv("SSH_ORIGINAL_COMMAND"), Protocol: os.Getenv("GIT_PROTOCOL"),
			}
			if code := shell.Serve(cmd.Context(), std.In, std.Out, std.Err); code != 0 {
				return exitError(code)
			}
			return nil
		},
	}
	addDataFlags(cmd)
	cmd.Flags().BoolVar(&admin, "admin", false, "the person may push every branch and every repository")
	return cmd
}

// addDataFlags adds the flags by which a data folder is found.
func addDataFlags(cmd *cobra.Command) {
	cmd.Flags().String("data", "", "data `folder` of the server (default tagtail-data)")
	cmd.Flags().String("config", "", "configuration `file` of the server")
}
