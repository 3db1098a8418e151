package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newLoginCommand(std streams) *cobra.Command {
	var at clientFlags
	var person string
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Print a link that logs one browser in, once",
		Long: "Print a link that opens the page, logged in as the administrator or as somebody with an\n" +
			"account. It works once, within a day: make one for each colleague and each browser.",
		Example: "  tagtail login --person dev1",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			link, err := c.link(cmd.Context(), person)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(std.Out, link)
			return err
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&person, "person", "", "log in as the person with that `account`")
	return cmd
}
