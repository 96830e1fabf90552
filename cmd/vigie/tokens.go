package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"vigie/internal/app"
)

func tokens(c *common) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Let devices and programs read, without anyone signing in on them",
		Long: `A token may only read. There are two kinds:

  wall  the wall's page: type it once at /wall/enter, the screen remembers it
  api   /api/v1, /export and /signals: in the header Authorization: Bearer TOKEN

Its secret is shown when it is made and never again. Revoking it takes effect within 15 seconds. Works
beside a running vigie and without one; what is done here is in the audit.`,
	}
	var kind string
	var days int
	add := &cobra.Command{
		Use: "add NAME", Short: "Make a token and print its secret, once", Args: cobra.ExactArgs(1),
		Example: `  vigie token add 'Left wall'
  vigie token add grafana --kind api --days 90`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if days < 0 || days > 3650 {
				return fmt.Errorf("--days: %d is not between 0 and 3650", days)
			}
			return c.withPeople(func(ctx context.Context, people *app.People) error {
				_, secret, err := people.MakeToken(ctx, args[0], kind, time.Duration(days)*24*time.Hour)
				if secret != "" {
					fmt.Fprintln(cmd.OutOrStdout(), secret)
				}
				return err
			})
		},
	}
	add.Flags().StringVar(&kind, "kind", "wall", "wall, api or contacts")
	add.Flags().IntVar(&days, "days", 0, "days until it expires (0: never)")

	revoke := &cobra.Command{
		Use: "revoke ID", Short: "Make a token count no more", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withPeople(func(ctx context.Context, people *app.People) error {
				t, err := people.RevokeToken(ctx, args[0])
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s (%s) is revoked.\n", t.Name, t.Kind)
				return nil
			})
		},
	}
	list := &cobra.Command{
		Use: "list", Short: "List the tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withPeople(func(ctx context.Context, people *app.People) error {
				all, err := people.Tokens(ctx)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tKIND\tNAME\tMADE\tBY\tUSED\tEXPIRES\tSTATE")
				for _, t := range all {
					state := "in use"
					switch {
					case !t.Revoked.IsZero():
						state = "revoked"
					case t.Refused(time.Now()) != nil:
						state = "expired"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Kind, t.Name, day(t.Created), t.By, day(t.LastUsed), day(t.Expires), state)
				}
				return w.Flush()
			})
		},
	}
	cmd.AddCommand(add, list, revoke)
	return cmd
}

// day is the date of a moment, "never" of none.
func day(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02")
}
