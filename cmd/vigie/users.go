package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"vigie/internal/app"
)

// withPeople opens accounts and tokens for one command.
func (c *common) withPeople(run func(ctx context.Context, people *app.People) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	people, err := app.OpenPeople(context.Background(), cfg, logger(app.LogConfig{Level: "error"}))
	if err != nil {
		return err
	}
	defer people.Close()
	return run(context.Background(), people)
}

const rolesHelp = `What people may do is a set of roles, separated by commas:

  viewer     sees the board
  operator   acts on it: phases of the match, notes, acknowledgements
  author     writes runbooks and messages
  validator  approves what authors wrote
  admin      manages people, tokens and the system

Each role includes viewer, and admin includes operator. Nobody writes or approves messages by being an
admin: give those roles to the people who do it.`

func users(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Say who may sign in",
		Long: "Works beside a running vigie and without one: whoever may read the data folder may change its accounts.\n" +
			"What is done here is in the audit. One admin always stays.\n\n" + rolesHelp,
	}

	var display, role, language string
	var stdin bool
	add := &cobra.Command{
		Use: "add NAME", Short: "Make an account; its password is asked for", Args: cobra.ExactArgs(1),
		Long: "Make an account; its password is asked for.\n\n" + rolesHelp,
		Example: `  vigie user add claire --role operator,validator --display 'Claire B.'
  vigie user add ana --role admin`,
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := readPassword(cmd, stdin)
			if err != nil {
				return err
			}
			return c.withPeople(func(ctx context.Context, people *app.People) error {
				if err := people.Add(ctx, args[0], display, role, language, password); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s may sign in, as %s.\n", args[0], role)
				return nil
			})
		},
	}
	add.Flags().StringVar(&display, "display", "", "name that others see")
	add.Flags().StringVar(&role, "role", "viewer", "viewer, operator, author, validator, admin; several with commas")
	add.Flags().StringVar(&language, "language", "", "fr or en (default the browser's)")
	add.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")

	password := &cobra.Command{
		Use: "password NAME", Short: "Give an account another password; its sessions end", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, err := readPassword(cmd, stdin)
			if err != nil {
				return err
			}
			return c.withPeople(func(ctx context.Context, people *app.People) error { return people.SetPassword(ctx, args[0], secret) })
		},
	}
	password.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")

	setRole := &cobra.Command{
		Use: "role NAME ROLES", Short: "Give an account other roles, in place of those that it has", Args: cobra.ExactArgs(2),
		Long:    "Give an account other roles, in place of those that it has.\n\n" + rolesHelp,
		Example: "  vigie user role claire operator,author",
		RunE: func(_ *cobra.Command, args []string) error {
			return c.withPeople(func(ctx context.Context, people *app.People) error { return people.SetRoles(ctx, args[0], args[1]) })
		},
	}
	disable := &cobra.Command{
		Use: "disable NAME", Short: "Let someone sign in no more; the account stays", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.withPeople(func(ctx context.Context, people *app.People) error { return people.SetDisabled(ctx, args[0], true) })
		},
	}
	enable := &cobra.Command{
		Use: "enable NAME", Short: "Let someone sign in again", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.withPeople(func(ctx context.Context, people *app.People) error { return people.SetDisabled(ctx, args[0], false) })
		},
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove an account; its sessions end", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.withPeople(func(ctx context.Context, people *app.People) error { return people.Remove(ctx, args[0]) })
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withPeople(func(ctx context.Context, people *app.People) error {
				all, err := people.List(ctx)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "NAME\tROLES\tDISPLAY\tSINCE\tSTATE")
				for _, u := range all {
					state := "enabled"
					if u.Disabled {
						state = "disabled"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", u.Name, u.Roles, u.Display, u.Created.Local().Format("2006-01-02"), state)
				}
				return w.Flush()
			})
		},
	}
	cmd.AddCommand(add, password, setRole, disable, enable, remove, list)
	return cmd
}

// readPassword asks twice on a terminal, and reads one line elsewhere.
func readPassword(cmd *cobra.Command, stdin bool) (string, error) {
	if stdin || !term.IsTerminal(int(os.Stdin.Fd())) {
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if password := strings.TrimRight(line, "\r\n"); password != "" {
			return password, nil
		}
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(os.Stderr, prompt)
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(os.Stderr)
		return string(b), err
	}
	first, err := ask("Password (12 characters or more): ")
	if err != nil {
		return "", err
	}
	again, err := ask("Again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}
