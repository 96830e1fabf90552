package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"vigie/alerts"
	"vigie/alerts/tape"
	"vigie/cockpit"
	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/match"
	"vigie/runbooks"
	"vigie/web"
)

// alerting is the alerts' part of a process.
type alerting struct {
	cfg      *Config
	room     *alerts.Room
	channels map[string]alerts.Channel
	links    alerts.Links
	owner    string
	log      *slog.Logger
	metrics  prometheus.Registerer
}

// openAlerting opens the room that all processes share.
func openAlerting(ctx context.Context, cfg *Config, b *bus.Bus, kept *buckets, metrics prometheus.Registerer, log *slog.Logger) (*alerting, error) {
	trail, err := b.Stream(ctx, bus.StreamConfig{Name: "ALERTS", Subjects: []string{alerts.TrailSubject}, MaxAge: alerts.TrailMaxAge, MaxBytes: alerts.TrailMaxBytes})
	if err != nil {
		return nil, err
	}
	room, err := alerts.OpenRoom(ctx, alerts.RoomConfig{State: kept.alerts, Ledger: kept.ledger, Trail: trail, Groups: cfg.Alerts.Rules, Policy: cfg.Alerts.Policy, Log: log})
	if err != nil {
		return nil, err
	}
	made, err := channels(cfg.Alerts.Policy)
	if err != nil {
		return nil, fmt.Errorf("routing: %w", err)
	}
	a := &alerting{cfg: cfg, room: room, channels: made, log: log, metrics: metrics}
	a.owner = processName()
	if base := strings.TrimSuffix(cfg.Web.PublicURL, "/"); base != "" {
		a.links = alerts.Links{
			Board: func(labels map[string]string, at time.Time) string { return base + web.BoardURL(labels, at) },
			Ack:   func(secret string) string { return base + "/ack/" + url.PathEscape(secret) },
		}
	}
	return a, nil
}

// tell says what is due; it needs the bus alone.
func (a *alerting) tell(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	d := alerts.NewDeliverer(alerts.DelivererConfig{
		Room: a.room, Channels: a.channels, Links: a.links, Owner: a.owner, Alone: a.cfg.NATS.URL == "", Log: a.log, Metrics: a.metrics,
	})
	g.Go(func() error { return d.Run(ctx) })
	g.Go(func() error { return (&alerts.Watchdog{Room: a.room}).Run(ctx) })
	return g.Wait()
}

// judge judges the rules, in the one process that does.
func (a *alerting) judge(ctx context.Context, db *ch.DB, book *match.Book) error {
	watch := watchedByRunbooks(a.cfg.Runbooks.All)
	c := tape.Config{DB: db, Groups: a.cfg.Alerts.Rules, Matches: book, Logins: cockpit.LoginServices(), Log: a.log, Metrics: &again{Registerer: a.metrics}}
	for _, w := range watch {
		c.Watch = append(c.Watch, w.View)
	}
	for _, cdn := range a.cfg.CDNs {
		c.CDNs = append(c.CDNs, cdn.ID)
	}
	for _, s := range sourceInfos(a.cfg) {
		c.Sources = append(c.Sources, tape.Source{ID: s.ID, CDN: s.CDN, Tool: s.Tool, Services: s.CDN == "" && s.Tool == ""})
	}
	return alerts.NewEngine(alerts.EngineConfig{
		Room: a.room, Matches: book, Owner: a.owner, Alone: a.cfg.NATS.URL == "", Links: a.links, Channels: a.channels, Log: a.log, Metrics: a.metrics,
		Watch: watch,
		Tape:  func() (alerts.Tape, error) { return alerts.OpenTape(c) },
		Names: called(a.cfg),
	}).Run(ctx)
}

// called is what people call the value of a label: a CDN's id is its name.
func called(cfg *Config) func(label, value string) string {
	names := map[string]string{}
	for _, cdn := range cfg.CDNs {
		names[cdn.ID] = cdn.Name
	}
	return func(label, value string) string {
		if name := names[value]; label == "cdn" && name != "" {
			return name
		}
		return value
	}
}

// again registers what is made anew each time that this process begins to judge.
type again struct {
	prometheus.Registerer
	mu   sync.Mutex
	made []prometheus.Collector
}

// MustRegister takes the place of what was registered by the last one.
func (a *again) MustRegister(made ...prometheus.Collector) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, old := range a.made {
		a.Unregister(old)
	}
	a.made = made
	a.Registerer.MustRegister(made...)
}

// watchedByRunbooks are the signals that steps of runbooks wait for, and what for.
func watchedByRunbooks(all []*runbooks.Runbook) (out []alerts.Awaited) {
	for _, rb := range all {
		for _, s := range rb.Steps {
			if s.Signal == nil {
				continue
			}
			v := alerts.WatchView(s.Signal.Name, slices.Sorted(maps.Keys(s.Signal.Where)))
			i := slices.IndexFunc(out, func(w alerts.Awaited) bool { return w.View == v })
			if i < 0 {
				i, out = len(out), append(out, alerts.Awaited{View: v})
			}
			out[i].Limits = append(out[i].Limits, alerts.Limit{Above: s.Signal.Above, Below: s.Signal.Below})
		}
	}
	return out
}
