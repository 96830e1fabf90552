package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"vigie/internal/app"
)

func serve(c *common) *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run Vigie: collectors, writers, board",
		Long: `Runs everything in one process, or with --roles a part of it on a machine of its own (then with
nats.url and clickhouse.dsn set, for embedded ones cannot be shared).

Doors, all on loopback unless configured otherwise:
  127.0.0.1:8080  people: the board
  127.0.0.1:8081  machines: POST /ingest/{source}, POST /beacon
  127.0.0.1:5514  syslog, UDP and TCP

Nobody can sign in at first: vigie user add NAME --role admin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			if len(roles) > 0 {
				if cfg, err = cfg.WithRoles(roles); err != nil {
					return err
				}
			}
			log := logger(cfg.Log)
			for _, w := range cfg.Warnings() {
				log.Warn(w)
			}
			return app.Run(cmd.Context(), cfg, app.Options{Log: log})
		},
	}
	cmd.Flags().StringSliceVar(&roles, "roles", nil, "ingest, cockpit, alerts, messages; none is all")
	return cmd
}

func check(c *common) *cobra.Command {
	var connect bool
	var url string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with the configuration; the exit code says whether something is",
		Long: "Say what is wrong with the configuration, and run the tests that are in the files of rules; the exit code says\n" +
			"whether something is wrong. What should only be looked at before a match is told as a warning.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if url != "" {
				return app.Ask(cmd.Context(), url)
			}
			cfg, err := c.load()
			if err != nil {
				return err
			}
			if connect {
				if err := app.Check(cmd.Context(), cfg, logger(app.LogConfig{Level: "error"})); err != nil {
					return err
				}
			}
			for _, w := range cfg.Warnings() {
				fmt.Fprintln(cmd.OutOrStdout(), "warning:", w)
			}
			tests, err := cfg.CheckRules()
			if err != nil {
				return fmt.Errorf("rules' tests that failed:\n%w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "The configuration is sound: %d CDNs, %d sources.\n", len(cfg.CDNs), len(cfg.Sources))
			if n := len(cfg.Alerts.Rules); n > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%d files of rules; %s.\n", n, testsPassed(tests))
			}
			return nil
		},
	}
	cmd.AddCommand(checkSource(c))
	cmd.Flags().BoolVar(&connect, "connect", false, "also connect to clickhouse.dsn and nats.url, where they are set")
	cmd.Flags().StringVar(&url, "url", "", "instead ask a running vigie, as http://127.0.0.1:8080/healthz or /readyz")
	return cmd
}

func testsPassed(n int) string {
	switch n {
	case 0:
		return "they have no tests"
	case 1:
		return "1 rules' test passed"
	}
	return fmt.Sprintf("%d rules' tests passed", n)
}
