package main

import (
	"os"

	"github.com/spf13/cobra"

	"vigie/internal/app"
)

func simulation(c *common) *cobra.Command {
	var opt app.SimulateOptions
	var truth string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Send a simulated match to running collectors, in the senders' own formats",
		Long: `Plays a scenario (the World Cup final, or --scenario FILE) against the collectors of a configuration, as
the sources named maison, akamai, cloudfront, npaw, mux and vigie-player: see docs/simulator.md. It ends with the
match, or when interrupted, and then writes the truth it sent to --truth.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			opt.Out, opt.Log = cmd.OutOrStdout(), logger(app.LogConfig{Level: "info"})
			if truth != "" {
				f, err := os.Create(truth)
				if err != nil {
					return err
				}
				defer f.Close()
				opt.Truth = f
			}
			return cfg.Simulate(cmd.Context(), opt)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opt.Scenario, "scenario", "", "file of the match (default the final)")
	f.StringVar(&opt.Collector, "to", "", "base URL of the collectors (default listen.machines of the configuration)")
	f.StringVar(&opt.Syslog, "syslog", "", "address of the syslog door (default listen.syslog_udp of the configuration)")
	f.BoolVar(&opt.SyslogTCP, "syslog-tcp", false, "send syslog by TCP, which loses nothing")
	f.IntVar(&opt.Viewers, "viewers", 0, "viewers at the peak (default the scenario's)")
	f.Float64Var(&opt.Speed, "speed", 1, "of the match's clock, 0.1 to 600")
	f.Float64Var(&opt.Rate, "rate", 0, "log lines a second at the peak (default 1,500)")
	f.Uint64Var(&opt.Seed, "seed", 0, "the same seed is the same match")
	f.DurationVar(&opt.History, "history", 0, "how much of the past to send first")
	f.StringVar(&opt.Control, "control", "127.0.0.1:8082", "address at which incidents are started by HTTP; off: none")
	f.StringVar(&truth, "truth", "", "file for the totals sent, by second, CDN and network, as NDJSON")
	return cmd
}
