package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newManCommand makes the manual pages out of the commands themselves.
func newManCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:     "man FOLDER",
		Short:   "Write the manual pages",
		Long:    "Write a manual page for each command into a folder, such as /usr/local/share/man/man1.",
		Example: "  tagtail man /usr/local/share/man/man1",
		Args:    oneArg("man takes a folder, as in: tagtail man /usr/local/share/man/man1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := args[0]
			if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // everybody reads manuals
				return fmt.Errorf("make folder of the manual: %w", err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			header := &doc.GenManHeader{Section: "1", Source: "Tagtail " + version, Manual: "Tagtail"}
			if err := doc.GenManTree(root, header, folder); err != nil {
				return fmt.Errorf("write manual: %w", err)
			}
			_, err := fmt.Fprintf(std.Out, "%s has the manual: man %s/tagtail.1\n", folder, folder)
			return err
		},
	}
}
