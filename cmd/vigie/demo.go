package main

import (
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"vigie/internal/app"
)

func demo() *cobra.Command {
	opt := app.DemoOptions{}
	var level string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch a simulated World Cup final: everything embedded, nothing to set up",
		Long: `Starts collectors, JetStream, ClickHouse and the board in a temporary folder, then sends a simulated
final to the collectors in the senders' own formats: Akamai posts gzip batches, the in-house CDN is nginx over
syslog, measuring tools post their beacons, a Prometheus sends what it saw of thirty services. An hour of history is told
first-hand in the first seconds, then the semi-final of four days before, to compare with.

The printed link signs you in. Keys 1 to 7, then Enter, start incidents.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt.Out, opt.Log = cmd.OutOrStdout(), logger(app.LogConfig{Level: level})
			if term.IsTerminal(int(os.Stdin.Fd())) {
				opt.Keys = io.Reader(os.Stdin)
			}
			return app.Demo(cmd.Context(), opt)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.People, "people", "127.0.0.1:8080", "address of the board")
	f.StringVar(&opt.Machines, "machines", "127.0.0.1:8081", "address of the collectors")
	f.StringVar(&opt.Syslog, "syslog", "127.0.0.1:5514", "address of the syslog doors")
	f.StringVar(&opt.Control, "control", "127.0.0.1:8082", "address at which incidents are started by HTTP; off: none")
	f.IntVar(&opt.Viewers, "viewers", 0, "viewers at the peak (default the scenario's 2,400,000)")
	f.Float64Var(&opt.Speed, "speed", 1, "of the match's clock")
	f.Float64Var(&opt.Rate, "rate", 0, "log lines a second at the peak; each stands for as many requests as it takes (default 1,500)")
	f.Uint64Var(&opt.Seed, "seed", 0, "the same seed is the same match")
	f.DurationVar(&opt.History, "history", time.Hour, "how much of the past is there at the start")
	f.BoolVar(&opt.NoEarlier, "no-earlier", false, "leave out the semi-final of four days before (at another speed than 1 it always is)")
	f.DurationVar(&opt.Lead, "lead", 3*time.Minute, "from the start to kick-off; -40m starts in the match")
	f.StringVar(&opt.Folder, "folder", "", "where to keep the data (default a temporary folder, removed at the end)")
	f.StringVar(&level, "log", "warn", "debug, info, warn or error")
	return cmd
}
