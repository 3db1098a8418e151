package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func newLoginCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Print a link that logs one browser in, once",
		Long: "Print a link that opens the page, logged in. It works once, within a day: make one for\n" +
			"each colleague and each browser.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			var answer struct{ Link string }
			if err := c.do(cmd.Context(), http.MethodPost, c.api("links", nil), &answer); err != nil {
				return err
			}
			_, err = fmt.Fprintln(std.Out, answer.Link)
			return err
		},
	}
	at.add(cmd)
	return cmd
}
