package main

import (
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tagtail/tagtail/viewer/accounts"
	"github.com/tagtail/tagtail/viewer/tokens"
)

func newTokenCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens of people's git and scripts",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTokenAddCommand(std), newTokenListCommand(std), newTokenRevokeCommand(std))
	return cmd
}

func newTokenAddCommand(std streams) *cobra.Command {
	var at clientFlags
	var label, scopes string
	var admin bool
	cmd := &cobra.Command{
		Use:   "add PERSON",
		Short: "Make a token and print it, once",
		Long: "Make a token and print it, once: it is the password that git asks for, with the person's\n" +
			"name as the user, and the token of scripts. A person pushes the branch of that name; an\n" +
			"administrator any branch. Whoever has no account gets one, without a password.",
		Example: "  tagtail token add dev1 --label laptop\n  tagtail token add dev1 --scope read,control --label script",
		Args:    oneArg("token add takes one person, as in: tagtail token add dev1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			role := accounts.Developer
			if admin {
				role = accounts.Admin
			}
			may, err := tokens.ParseScopes(scopes)
			if err != nil {
				return usagef(cmd, "--scope: %v", err)
			}
			question := map[string]any{"owner": args[0], "role": role, "label": label, "scopes": may}
			var answer struct{ Secret string }
			if err := c.post(cmd.Context(), c.api("tokens", nil), question, &answer); err != nil {
				return err
			}
			_, err = fmt.Fprintln(std.Out, answer.Secret)
			return err
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&label, "label", "", "what it is for, such as laptop")
	cmd.Flags().StringVar(&scopes, "scope", "push", "what it may be used for: read, control, push, ingest")
	cmd.Flags().BoolVar(&admin, "admin", false, "a new account is an administrator's")
	return cmd
}

func newTokenListCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens of everybody, with their last use",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			var answer struct{ Tokens []tokens.Token }
			if err := c.do(cmd.Context(), http.MethodGet, c.api("tokens", nil), &answer); err != nil {
				return err
			}
			return printTokens(std.Out, answer.Tokens)
		},
	}
	at.add(cmd)
	return cmd
}

func printTokens(out io.Writer, list []tokens.Token) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, t := range list {
		used := "never used"
		if !t.LastUsed.IsZero() {
			used = "used " + t.LastUsed.In(time.Local).Format(time.DateTime)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\tmade %s\t%s\t%s\n", t.ID, t.Owner, t.Scopes, t.Created.In(time.Local).Format(time.DateOnly), used, t.Label)
	}
	return table.Flush()
}

func newTokenRevokeCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Make a token void",
		Example: "  tagtail token revoke 5f2c0d9b1e77",
		Args:    oneArg("token revoke takes one id, which tagtail token list shows"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			if err := c.do(cmd.Context(), http.MethodDelete, c.api("tokens", nil).JoinPath(args[0]), nil); err != nil {
				return err
			}
			fmt.Fprintf(std.Err, "The token %s is void.\n", args[0])
			return nil
		},
	}
	at.add(cmd)
	return cmd
}

// oneArg wants one argument; otherwise the sentence says what it is.
func oneArg(sentence string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef(cmd, "%s", sentence)
		}
		return nil
	}
}
