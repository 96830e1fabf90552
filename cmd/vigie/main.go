// Command vigie is the cockpit of a war room: it takes in what CDNs, players and services report
// while a match streams, and shows it live. `vigie --help` tells what it can do.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // matches have time zones, small images have no tables of them

	"github.com/spf13/cobra"

	"vigie/internal/app"
)

// version is set by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "vigie:", err)
		os.Exit(1)
	}
}

// flags that every command understands.
type common struct {
	config string
	data   string
}

func root() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "vigie",
		Short: "The cockpit of a war room, while a match streams live",
		Long: `Vigie takes in CDN logs, players' beacons and measuring tools' exports, keeps them in ClickHouse, and
shows a war room, live: traffic by network and CDN, errors, what viewers experience, how late each source is.

  vigie demo                      a simulated World Cup final, everything embedded, nothing to set up
  vigie serve --config room.yaml  the real thing; without clickhouse.dsn and nats.url both are embedded
  vigie check --config room.yaml  says what is wrong before the match does`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.PersistentFlags().StringVarP(&c.config, "config", "c", "", "configuration file, or a folder with vigie.yaml in it")
	cmd.PersistentFlags().StringVar(&c.data, "data", "", "folder of what is embedded (default ./vigie-data)")
	cmd.AddCommand(serve(&c), demo(), simulation(&c), imports(&c), replays(&c), follows(), check(&c), users(&c), tokens(&c))
	return cmd
}

// load reads the configuration, with flags before environment before file.
func (c *common) load() (*app.Config, error) {
	cfg, err := app.Load(c.config, func(name string) (string, bool) {
		if name == "VIGIE_DATA" && c.data != "" {
			return c.data, true
		}
		return os.LookupEnv(name)
	})
	if err != nil {
		return nil, err
	}
	return cfg, nil
}

func logger(cfg app.LogConfig) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo
	}
	opt := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opt))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opt))
}
