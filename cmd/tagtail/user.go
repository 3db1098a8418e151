package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tagtail/tagtail/viewer/accounts"
)

func newUserCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Make, list and change the accounts of people",
		Long: "Make, list and change the accounts of people. A developer sees and moves the instances of\n" +
			"that name, NAME/dev1, and sees those called NAME/shared; a viewer only sees; an\n" +
			"administrator does everything.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newUserAddCommand(std), newUserListCommand(std), newUserRoleCommand(std), newUserLinkCommand(std), newUserPasswdCommand(std),
		newUserDisableCommand(std, "disable", true), newUserDisableCommand(std, "enable", false),
		newUserGrantCommand(std), newUserRevokeCommand(std))
	return cmd
}

func newUserAddCommand(std streams) *cobra.Command {
	var at clientFlags
	var role string
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Make an account and print a link that logs its person in, once",
		Long:    "Make an account and print a link that logs its person in, once, within a day. On the page\nthe person can set a password, and make tokens for git and scripts.",
		Example: "  tagtail user add dev1\n  tagtail user add carol --role viewer",
		Args:    oneArg("user add takes one name, as in: tagtail user add dev1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			list, err := c.people(cmd.Context())
			if err != nil {
				return err
			}
			for _, p := range list {
				if p.Name == args[0] {
					return fmt.Errorf("there is an account %s already: tagtail login --person %[1]s prints a new link, tagtail user role changes what it may do", p.Name)
				}
			}
			if err := c.put(cmd.Context(), c.person(args[0]), map[string]string{"role": role}, nil); err != nil {
				return err
			}
			link, err := c.link(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(std.Out, link)
			return err
		},
	}
	at.add(cmd)
	cmd.Flags().StringVar(&role, "role", string(accounts.Developer), "admin, developer or viewer")
	return cmd
}

func newUserListCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts of everybody",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			list, err := c.people(cmd.Context())
			if err != nil {
				return err
			}
			return printPeople(std.Out, list)
		},
	}
	at.add(cmd)
	return cmd
}

func printPeople(out io.Writer, list []accounts.Person) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, p := range list {
		login := "no password"
		switch {
		case p.Disabled:
			login = "disabled"
		case p.HasPassword:
			login = "password"
		}
		grants := make([]string, len(p.Grants))
		for i, g := range p.Grants {
			grants[i] = g.Instance
			if g.Control {
				grants[i] += " (control)"
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\tmade %s\t%s\n", p.Name, p.Role, login, p.Created.In(time.Local).Format(time.DateOnly), strings.Join(grants, ", "))
	}
	return table.Flush()
}

func newUserRoleCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:     "role NAME ROLE",
		Short:   "Make somebody an admin, a developer or a viewer",
		Example: "  tagtail user role dev1 admin",
		Args:    twoArgs("user role takes a name and a role, as in: tagtail user role dev1 admin"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.changePerson(cmd, std, args[0], map[string]any{"role": args[1]}, "%s is %s now.\n", args[0], args[1])
		},
	}
	at.add(cmd)
	return cmd
}

func newUserLinkCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:   "link NAME SUBJECT",
		Short: "Let somebody log in as who they are at the provider, or for the proxy",
		Long: "Links an account to who its person is at the provider of OpenID Connect (the claim sub), or to\n" +
			"what the proxy calls them. Nobody is linked by an equal name alone. The server's log says what\n" +
			"the provider calls somebody whom it did not let in.",
		Example: "  tagtail user link dev1 248289761001",
		Args:    twoArgs("user link takes a name and what the provider calls that person, as in: tagtail user link dev1 248289761001"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.changePerson(cmd, std, args[0], map[string]any{"login": map[string]string{"subject": args[1]}}, "%s is %s at the provider.\n", args[0], args[1])
		},
	}
	at.add(cmd)
	return cmd
}

func newUserDisableCommand(std streams, name string, disabled bool) *cobra.Command {
	var at clientFlags
	short, said := "Let somebody in again", "%s may come in again.\n"
	if disabled {
		short, said = "Keep somebody out, and end their sessions and tails", "%s is kept out.\n"
	}
	cmd := &cobra.Command{
		Use:     name + " NAME",
		Short:   short,
		Example: "  tagtail user " + name + " dev1",
		Args:    oneArg("user " + name + " takes one name, as in: tagtail user " + name + " dev1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return at.changePerson(cmd, std, args[0], map[string]any{"disabled": disabled}, said, args[0])
		},
	}
	at.add(cmd)
	return cmd
}

func newUserPasswdCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:     "passwd NAME",
		Short:   "Set somebody's password, and end their sessions",
		Long:    "Set somebody's password, which is read from the terminal or from a line of the standard\ninput, and end their sessions.",
		Example: "  tagtail user passwd dev1",
		Args:    oneArg("user passwd takes one name, as in: tagtail user passwd dev1"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			password, err := readPassword(std, args[0])
			if err != nil {
				return err
			}
			if err := c.put(cmd.Context(), c.person(args[0]).JoinPath("password"), map[string]string{"new": password}, nil); err != nil {
				return err
			}
			fmt.Fprintf(std.Err, "%s has a new password.\n", args[0])
			return nil
		},
	}
	at.add(cmd)
	return cmd
}

// readPassword asks for a password twice at a terminal, and reads a line
// elsewhere.
func readPassword(std streams, name string) (string, error) {
	file, ok := std.In.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(std.In).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var typed [2]string
	for i, again := range []string{"New password", "Once more"} {
		fmt.Fprintf(std.Err, "%s of %s: ", again, name)
		line, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(std.Err)
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		typed[i] = string(line)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two are not the same: nothing is changed, try again")
	}
	return typed[0], nil
}

func newUserGrantCommand(std streams) *cobra.Command {
	var at clientFlags
	var control bool
	cmd := &cobra.Command{
		Use:     "grant NAME INSTANCE",
		Short:   "Let somebody see an instance that is not theirs",
		Example: "  tagtail user grant dev1 socketserver/dev2\n  tagtail user grant dev1 socketserver/dev2 --control",
		Args:    twoArgs("user grant takes a name and an instance, as in: tagtail user grant dev1 socketserver/dev2"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.Count(args[1], "/") != 1 {
				return usagef(cmd, "%q is no instance: its name is SERVICE/OWNER, as in: tagtail user grant dev1 socketserver/dev2", args[1])
			}
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			if err := c.put(cmd.Context(), c.person(args[0]).JoinPath("grants", args[1]), map[string]bool{"control": control}, nil); err != nil {
				return err
			}
			fmt.Fprintf(std.Err, "%s sees %s.\n", args[0], args[1])
			return nil
		},
	}
	at.add(cmd)
	cmd.Flags().BoolVar(&control, "control", false, "let them move it too")
	return cmd
}

func newUserRevokeCommand(std streams) *cobra.Command {
	var at clientFlags
	cmd := &cobra.Command{
		Use:     "revoke NAME INSTANCE",
		Short:   "Take a grant back",
		Example: "  tagtail user revoke dev1 socketserver/dev2",
		Args:    twoArgs("user revoke takes a name and an instance, as in: tagtail user revoke dev1 socketserver/dev2"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := at.connect(cmd)
			if err != nil {
				return err
			}
			if err := c.do(cmd.Context(), http.MethodDelete, c.person(args[0]).JoinPath("grants", args[1]), nil); err != nil {
				return err
			}
			fmt.Fprintf(std.Err, "%s sees %s no more, unless it is theirs.\n", args[0], args[1])
			return nil
		},
	}
	at.add(cmd)
	return cmd
}

// changePerson changes an account that there is.
func (f *clientFlags) changePerson(cmd *cobra.Command, std streams, name string, change map[string]any, said string, args ...any) error {
	c, err := f.connect(cmd)
	if err != nil {
		return err
	}
	list, err := c.people(cmd.Context())
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Name != name {
			continue
		}
		if err := c.put(cmd.Context(), c.person(name), change, nil); err != nil {
			return err
		}
		fmt.Fprintf(std.Err, said, args...)
		return nil
	}
	return fmt.Errorf("there is no account %s: tagtail user list shows them, tagtail user add makes one", name)
}

func (c *client) people(ctx context.Context) ([]accounts.Person, error) {
	var answer struct{ People []accounts.Person }
	err := c.do(ctx, http.MethodGet, c.api("people", nil), &answer)
	return answer.People, err
}

func (c *client) person(name string) *url.URL {
	return c.api("people", nil).JoinPath(url.PathEscape(name))
}

// link makes a login link for a person; "" is whoever asks.
func (c *client) link(ctx context.Context, person string) (string, error) {
	var answer struct{ Link string }
	err := c.post(ctx, c.api("links", nil), map[string]string{"person": person}, &answer)
	return answer.Link, err
}

// twoArgs wants two arguments; otherwise the sentence says which.
func twoArgs(sentence string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 2 {
			return usagef(cmd, "%s", sentence)
		}
		return nil
	}
}
