package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"vigie/ingest"
	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/simulate"
)

// WithRoles is the configuration for a process with these roles.
func (c *Config) WithRoles(roles []string) (*Config, error) {
	with := *c
	with.Roles = roles
	return &with, with.check()
}

// Check connects to the servers that a configuration names, and leaves nothing behind.
func Check(ctx context.Context, cfg *Config, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var errs []error
	if cfg.NATS.URL != "" {
		b, err := bus.Open(ctx, bus.Config{URL: cfg.NATS.URL, Credentials: cfg.NATS.Credentials, Replicas: cfg.NATS.Replicas, Log: log})
		if err == nil {
			b.Close()
		}
		errs = append(errs, err)
	}
	if cfg.ClickHouse.DSN != "" {
		db, err := ch.Open(ctx, ch.Config{DSN: cfg.ClickHouse.DSN, Log: log})
		if err == nil {
			err = db.Close()
		}
		errs = append(errs, err)
	} else if _, err := ch.FindLibrary(cfg.ClickHouse.Library); err != nil {
		errs = append(errs, err)
	}
	if _, err := ingest.OpenASNs(cfg.Enrich.ASNFiles, log); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Ask asks a running process how it is, at its /healthz or /readyz; nil: well.
func Ask(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}

// Explain writes how a sample of a source's logs is read, and tells how many records were refused.
func (c *Config) Explain(w io.Writer, id string, sample []byte, lines int, full bool) (refused int, err error) {
	all := slices.Concat(c.Sources, ingest.PublicSources(c.Collectors.Beacons, c.Sources))
	i := slices.IndexFunc(all, func(s ingest.Source) bool { return s.ID == id })
	if i < 0 {
		return 0, fmt.Errorf("%q is not among the configured sources", id)
	}
	sum, err := all[i].Explain(w, sample, lines, full)
	return sum.Refused, err
}

// ImportOptions say what a file is.
type ImportOptions struct {
	Source, Format, Collector string // Format, Collector "": the configuration's
	Progress                  func(bytes int64)
}

// Import sends a file to running collectors.
func (c *Config) Import(ctx context.Context, file io.Reader, opt ImportOptions) (*ingest.Imported, error) {
	i := slices.IndexFunc(c.Sources, func(s ingest.Source) bool { return s.ID == opt.Source })
	if i < 0 {
		return nil, fmt.Errorf("--source: %q is not among the configured sources", opt.Source)
	}
	source := c.Sources[i]
	source.Format = cmp.Or(opt.Format, source.Format)
	if source.Token == "" {
		return nil, fmt.Errorf("source %q has no token_file or token_env: an import proves itself as its sender does", source.ID)
	}
	im, err := ingest.NewImport(ingest.ImportConfig{
		Source: source, Collector: cmp.Or(opt.Collector, "http://"+c.Listen.Machines), Progress: opt.Progress,
	})
	if err != nil {
		return nil, err
	}
	return im.Send(ctx, file)
}

// SimulateOptions are what `vigie simulate` may be told.
type SimulateOptions struct {
	Scenario, Collector, Syslog, Control string
	SyslogTCP                            bool
	Viewers                              int
	Speed, Rate                          float64
	Seed                                 uint64
	History                              time.Duration
	Truth, Out                           io.Writer
	Log                                  *slog.Logger
}

// Simulate plays a match against the collectors of the configuration, until it or ctx ends.
func (c *Config) Simulate(ctx context.Context, opt SimulateOptions) error {
	var scenario *simulate.Scenario
	if opt.Scenario != "" {
		f, err := os.Open(opt.Scenario)
		if err != nil {
			return err
		}
		defer f.Close()
		if scenario, err = simulate.Load(f); err != nil {
			return fmt.Errorf("%s: %w", opt.Scenario, err)
		}
	}
	tokens := map[string]string{}
	for _, s := range c.Sources {
		tokens[s.ID] = s.Token
		if s.User != "" {
			tokens[s.ID] = s.User + ":" + s.Token
		}
	}
	now := time.Now().Truncate(time.Second)
	cfg := simulate.Config{
		Scenario: scenario, Seed: opt.Seed, Viewers: opt.Viewers, Speed: opt.Speed, Rate: opt.Rate, Start: now,
		Collectors: cmp.Or(opt.Collector, "http://"+c.Listen.Machines), Syslog: cmp.Or(opt.Syslog, c.Listen.SyslogUDP),
		SyslogNetwork: "udp", Tokens: tokens, Truth: opt.Truth, Log: opt.Log, Progress: progressLine(opt.Out, "The past is being told"),
	}
	if opt.SyslogTCP {
		cfg.SyslogNetwork = "tcp"
	}
	if m := nextMatch(c.Calendar, now); m != nil && opt.Speed <= 1 {
		cfg.KickOff = m.KickOff
	}
	match, err := simulate.New(cfg)
	if err != nil {
		return err
	}
	requests, sessions := match.Weights()
	fmt.Fprintf(opt.Out, "  One line stands for %d requests, one session for %d: the syslog source and /beacon need those weights.\n", requests, sessions)
	if opt.History > 0 {
		if err := match.History(ctx, now.Add(-opt.History), now); err != nil {
			return ended(ctx, err)
		}
	}
	return play(ctx, match, time.Time{}, now, DemoOptions{Control: opt.Control, Out: opt.Out})
}
