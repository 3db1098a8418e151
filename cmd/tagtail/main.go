// Command tagtail is a log collector and viewer with deploy controls for a
// team of developers on one server.
//
//	serve = ingest → index → viewer, with deploy beside them
//
// This package is the only one that knows flags, the environment and the
// configuration file; it wires the others together and holds the terminal
// clients of the HTTP API. Start reading at run, then serve.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = "dev"

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// streams are where a command reads and writes: data on Out, words on Err.
type streams struct {
	In       io.Reader
	Out, Err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if name, ok := hookOf(os.Args[0]); ok {
		os.Exit(runHook(ctx, name, os.Stdin, os.Stdout))
	}
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, std streams) int {
	root := newRootCommand(std)
	root.SetArgs(args)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	err := root.ExecuteContext(ctx)
	var usage *usageError
	var code exitError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(std.Err, "tagtail: %v\nSee: tagtail %s-h\n", err, usage.command)
		return exitUsage
	default:
		fmt.Fprintf(std.Err, "tagtail: %v\n", err)
		return exitFailed
	}
}

// usageError is a command line that cannot be understood.
type usageError struct {
	command string // the subcommand and a space, or nothing
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef returns a usageError of cmd.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	name := ""
	if cmd.HasParent() {
		name = cmd.Name() + " "
	}
	return &usageError{name, fmt.Errorf(format, args...)}
}

func newRootCommand(std streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "tagtail",
		Short: "A team's logs and deploys on one page",
		Long: "Tagtail receives syslog, tags every message with the developer instance it came\n" +
			"from, keeps and indexes it, shows it live in the browser and drives the instances.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef(cmd, "there is no command %q", args[0])
			}
			return nil
		},
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usagef(cmd, "%w", err) })
	root.AddCommand(
		newServeCommand(std), newInitCommand(std), newDemoCommand(std), newDemoInstanceCommand(),
		newCheckCommand(std), newConfigCommand(std), newRenderCommand(std), newUnitsCommand(std), newStatusCommand(std),
		newSearchCommand(std), newCountCommand(std), newExportCommand(std), newTailCommand(std), newCtlCommand(std), newReleasesCommand(std), newRollbackCommand(std), newLoginCommand(std), newUserCommand(std), newTokenCommand(std), newHookCommand(std), newGitServeCommand(std),
		newVerifyCommand(std), newRebuildCommand(std), newPurgeCommand(std), newImportCommand(std), newBackupCommand(std), newRestoreCommand(std),
		newManCommand(std), newVersionCommand(std),
	)
	return root
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd, "%s takes no arguments, but got %q", cmd.Name(), args[0])
	}
	return nil
}

func newVersionCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(std.Out, "tagtail", version)
			return err
		},
	}
}
