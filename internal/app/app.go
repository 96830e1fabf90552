// Package app is the only wiring: it turns a configuration into running parts, in an order that
// can be read from top to bottom, and ends them in the opposite one.
//
// The collectors come up first and need the bus alone: a ClickHouse that is away costs the board,
// never a log line. What it leaves to others is everything else.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"vigie/alerts"
	"vigie/cockpit"
	"vigie/ingest"
	"vigie/ingest/explain"
	"vigie/ingest/settings"
	"vigie/internal/account"
	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/match"
	"vigie/web"
)

// Options are what a caller adds to the configuration.
type Options struct {
	Log       *slog.Logger
	DemoToken string                                  // signs its bearer in as DemoUser; see web.Config
	DemoUser  string                                  //
	Ready     func(Addresses)                         // called once all doors are open and the first board is made; may be nil
	stage     func(context.Context, *messaging) error // of the demo: what it plays; nil: nothing
}

// Addresses are where the doors came to be.
type Addresses struct{ People, Machines string }

// stopWait bounds the whole of an orderly end.
const stopWait = 20 * time.Second

// Run runs a process of Vigie until ctx ends, or a part of it cannot go on.
func Run(ctx context.Context, cfg *Config, opt Options) error {
	log := opt.Log
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	unlock, err := lockFolder(cfg.Data)
	if err != nil {
		return err
	}
	defer unlock()

	// The bus, and what it keeps.
	b, err := bus.Open(ctx, bus.Config{
		URL: cfg.NATS.URL, Credentials: cfg.NATS.Credentials, Replicas: cfg.NATS.Replicas,
		Dir: filepath.Join(cfg.Data, "nats"), Log: log,
	})
	if err != nil {
		return err
	}
	defer b.Close()
	streams, err := ingest.OpenStreams(ctx, b, cfg.Stream.StreamsConfig)
	if err != nil {
		return err
	}
	kept, err := openBuckets(ctx, b)
	if err != nil {
		return err
	}
	audit, err := openAudit(ctx, b, log)
	if err != nil {
		return err
	}
	book, err := match.OpenBook(ctx, matchBucket{kept.matches}, cfg.Calendar, log)
	if err != nil {
		return err
	}

	// Parts outlive ctx until the doors are closed and what is on its way has settled.
	parts, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, parts := errgroup.WithContext(parts)
	context.AfterFunc(ctx, func() { log.Info("stopping") })
	doors := &doors{log: log}
	defer doors.close()

	var shown boardState
	replay := &replayDoor{audit: audit.record}
	alerting, err := openAlerting(ctx, cfg, b, kept, metrics, log)
	if err != nil {
		return err
	}
	crises, err := openMessaging(ctx, cfg, b, book, alerting.room, metrics, log)
	if err != nil {
		return err
	}
	if opt.stage != nil {
		g.Go(func() error { return opt.stage(parts, crises) })
	}
	controls := controlled{map[string]account.KV{"accounts": kept.accounts, "tokens": kept.tokens}, audit.record}
	g.Go(func() error { return serveControl(parts, cfg.Data, controls, replay, log) })

	// Doors for machines.
	room := func() error { return nil }
	if cfg.NATS.URL == "" {
		room = (&disk{folder: cfg.Data, min: cfg.Stream.MinFree}).room
	}
	ingests, shows, judges := slices.Contains(cfg.Roles, RoleIngest), slices.Contains(cfg.Roles, RoleCockpit), slices.Contains(cfg.Roles, RoleAlerts)
	sends := slices.Contains(cfg.Roles, RoleMessages)
	var addresses Addresses
	collected := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	var collector *ingest.Collector
	if ingests {
		certificates, err := cfg.Collectors.TLS.load()
		if err != nil {
			return err
		}
		collector, err = ingest.NewCollector(ingest.CollectorConfig{
			Sources: cfg.Sources, CDNs: cfg.CDNs, Streams: streams, Imports: kept.imports, Doors: kept.doors, Owner: owner(cfg), Room: room,
			MaxBody: cfg.Collectors.MaxBody, MaxMemory: cfg.Collectors.MaxMemory,
			TrustedProxies: cfg.Collectors.TrustedProxies, Beacons: cfg.Collectors.Beacons,
			SyslogUDP: address(cfg.Listen.SyslogUDP), SyslogTCP: address(cfg.Listen.SyslogTCP), SyslogTLS: address(cfg.Listen.SyslogTLS), TLS: certificates,
			Log: log, Metrics: metrics,
		})
		if err != nil {
			return err
		}
		mux.Handle("/", collector.Handler())
	}
	if judges {
		(&alerts.Receiver{Room: alerting.room, Sources: cfg.Alerts.Receive}).Register(mux)
		g.Go(func() error { return alerting.tell(parts) })
	}
	if sends {
		crises.register(mux)
		g.Go(func() error { return crises.work(parts) })
	}
	if ingests || judges || sends {
		if addresses.Machines, err = doors.open(g, "listen.machines", cfg.Listen.Machines, machineServer(mux, log)); err != nil {
			return err
		}
	}
	if ingests {
		collecting, stopCollecting := context.WithCancel(parts)
		doors.after(stopCollecting, collected)
		g.Go(func() error {
			defer close(collected)
			return collector.Run(collecting)
		})
	}
	if shows || sends {
		g.Go(func() error { return crises.follow(parts) })
	}
	if shows || judges || sends {
		g.Go(func() error { return alerting.room.Run(parts) })
	}
	if shows || judges || sends {
		g.Go(func() error { return book.Run(parts) })
	}

	// Doors for people. The board comes when ClickHouse does.
	var site *web.Server
	var looks sights
	if shows {
		site, err = web.New(web.Config{
			Accounts: account.NewStore(kept.accounts), Tokens: account.NewTokens(kept.tokens), Sessions: kept.sessions,
			Audit: audit.record, Trail: audit, Matches: book, Alerts: alerting.room,
			Crises: crises.crises, Runbooks: crises.runs, Library: crises.library, Audience: crises.book.Load, Sends: crises.sends, StatusPage: crises.statusPage(),
			ParseScenario: parseScenario, WriteScenario: writeScenario, Scenarios: cfg.Messages.Scenarios, MessageLimits: crises.limits, LastApproved: crises.library.LastApproved, Look: looks.look, Samples: looks.samples,
			Log: log, Metrics: metrics, MetricsHandler: promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}),
			Healthy: b.Healthy, Ready: shown.ready,
			Secure: cfg.Web.HTTPS, Origins: cfg.Web.Origins, Proxies: cfg.Web.Proxies, Screens: cfg.Web.Screens,
			DemoToken: opt.DemoToken, DemoUser: opt.DemoUser,
		})
		if err != nil {
			return err
		}
		if addresses.People, err = doors.open(g, "listen.people", cfg.Listen.People, web.NewHTTPServer(site.Handler(), log)); err != nil {
			return err
		}
		doors.site = site
		g.Go(func() error { return kept.sessions.tidy(parts) })
	}

	// ClickHouse, and what stands on it.
	g.Go(func() error {
		db, err := openClickHouse(parts, cfg, log)
		if err != nil {
			if parts.Err() != nil {
				return nil
			}
			return err
		}
		defer db.Close()
		audit.Use(db)
		g, ctx := errgroup.WithContext(parts)
		g.Go(func() error { return db.Run(ctx) })
		if ingests {
			g.Go(func() error { return write(ctx, cfg, db, streams, kept, replay, metrics, log) })
			g.Go(func() error { return audit.Archive(ctx, db) })
		}
		if judges {
			g.Go(func() error { return alerting.judge(ctx, db, book) })
		}
		if shows || sends {
			g.Go(func() error { return crises.know(ctx, db) })
		}
		if shows {
			g.Go(func() error {
				return show(ctx, cfg, db, kept, book, &looks, site, metrics, log, func(board *cockpit.Board) {
					if site.Publish(board); board.Sight != (cockpit.Sight{}) {
						return
					}
					crises.board.Store(board)
					shown.board.Store(board.At.Unix())
					if opt.Ready != nil {
						opt.Ready(addresses)
						opt.Ready = nil
					}
				})
			})
		} else if opt.Ready != nil {
			opt.Ready(addresses)
		}
		return g.Wait()
	})
	log.Info("vigie is up", "people", addresses.People, "machines", addresses.Machines, "data", cfg.Data)

	select {
	case <-ctx.Done():
	case <-parts.Done():
	}
	doors.close()
	stop()
	return g.Wait()
}

func address(at string) string {
	if at == off {
		return ""
	}
	return at
}

// openClickHouse waits for a server that is away, and for an engine that was killed while it
// started; an engine that cannot start is an error.
func openClickHouse(ctx context.Context, cfg *Config, log *slog.Logger) (*ch.DB, error) {
	c := ch.Config{DSN: cfg.ClickHouse.DSN, Log: log}
	if c.DSN == "" {
		c.Engine = ch.Engine{
			DataDir: filepath.Join(cfg.Data, "clickhouse"), Binary: cfg.ClickHouse.Binary, Library: cfg.ClickHouse.Library,
			Listen: cfg.ClickHouse.Listen, Threads: cfg.ClickHouse.Threads, Memory: cfg.ClickHouse.Memory,
		}
	}
	begun := time.Now()
	for delay := time.Second; ; delay = min(2*delay, 15*time.Second) {
		db, err := ch.Open(ctx, c)
		if err == nil {
			if err = db.Prepare(ctx, cfg.Retention); err == nil {
				return db, nil
			}
			db.Close()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		missing := (*fs.PathError)(nil) // the engine or its library; a socket that is not there yet is a net.OpError
		if errors.As(err, &missing) || !ch.IsUnavailable(err) && !engineComes(err, time.Since(begun)) {
			return nil, err
		}
		log.Warn("ClickHouse is away; collectors go on and it is asked again", "error", err, "in", delay)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(delay):
		}
	}
}

// engineComes tells whether an engine that ended while it started is worth another try: it was
// killed, or found its folder held by the engine of a vigie that was killed a moment ago.
func engineComes(err error, since time.Duration) bool {
	const heldByAnother = 3 // vigie-engine's exit code
	ended := (*exec.ExitError)(nil)
	return errors.As(err, &ended) && (!ended.Exited() || ended.ExitCode() == heldByAnother && since < stopWait)
}

func write(ctx context.Context, cfg *Config, db *ch.DB, streams []*bus.Stream, kept *buckets, replay *replayDoor, metrics prometheus.Registerer, log *slog.Logger) error {
	isps, err := cfg.Enrich.ISPTable()
	if err != nil {
		return err
	}
	asns, err := ingest.OpenASNs(cfg.Enrich.ASNFiles, log)
	if err != nil {
		return err
	}
	w, err := ingest.NewWriter(ingest.WriterConfig{
		DB: db, Streams: streams, Leases: kept.writers, Owner: owner(cfg), Alone: cfg.NATS.URL == "", Keep: cfg.Stream.Keep,
		Sources: cfg.Sources, CDNs: cfg.CDNs, Beacons: cfg.Collectors.Beacons, Enrich: cfg.Enrich, Services: cfg.Services, ISPs: isps, ASNs: asns,
		Log: log, Metrics: metrics,
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return asns.Run(ctx) })
	replay.writer.Store(w)
	g.Go(func() error { return w.Run(ctx) })
	return g.Wait()
}

// owner names this process among those that share a bus.
func owner(cfg *Config) string {
	if cfg.NATS.URL == "" {
		return "embedded"
	}
	return processName()
}

// processName is another one after each start: what a process left is nobody's.
func processName() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s/%d/%d", host, os.Getpid(), time.Now().UnixNano())
}

func show(ctx context.Context, cfg *Config, db *ch.DB, kept *buckets, book *match.Book, looks *sights, site *web.Server, metrics prometheus.Registerer, log *slog.Logger, publish func(*cockpit.Board)) error {
	c := cockpit.Config{
		DB: db, Sources: sourceInfos(cfg), Matches: book, Limits: cfg.Board, Watched: site.Watched, Publish: publish, Log: log, Metrics: metrics,
		Doors: func(ctx context.Context) (map[string]cockpit.DoorState, error) {
			visits, err := ingest.AllVisits(ctx, kept.doors)
			out := map[string]cockpit.DoorState{}
			for id, v := range visits {
				out[id] = cockpit.DoorState(v)
			}
			return out, err
		},
		Mask: explain.Mask,
	}
	for _, cdn := range cfg.CDNs {
		c.CDNs = append(c.CDNs, cockpit.CDN{ID: cdn.ID, Name: cdn.Name, Colour: cdn.Colour})
	}
	board, err := cockpit.New(c)
	if err != nil {
		return err
	}
	looks.cockpit.Store(board)
	return board.Run(ctx)
}

// sourceInfos are the sources as the board shows them, those that are built in too.
func sourceInfos(cfg *Config) (out []cockpit.SourceInfo) {
	all := cfg.Sources
	if !cfg.Collectors.Beacons.Disabled {
		public := ingest.PublicSources(cfg.Collectors.Beacons, cfg.Sources)
		all = slices.Concat(all, slices.DeleteFunc(public, func(s ingest.Source) bool {
			return slices.ContainsFunc(cfg.Sources, func(of ingest.Source) bool { return of.ID == s.ID })
		}))
	}
	for _, s := range all {
		info := cockpit.SourceInfo{ID: s.ID, CDN: s.CDN, Tool: s.Tool, Format: s.Format, Weight: max(s.Weight, 1), BuiltIn: s.Public && !slices.ContainsFunc(cfg.Sources, func(of ingest.Source) bool { return of.ID == s.ID })}
		if file, err := os.Stat(s.TokenFile); err == nil {
			info.TokenSince = file.ModTime()
		}
		for _, text := range settings.For(s.Format, settings.Data{
			URL: cmp.Or(strings.TrimSuffix(cfg.Collectors.PublicURL, "/"), "http://"+cfg.Listen.Machines), Source: s.ID, Public: s.Public,
			SyslogPort: port(cfg.Listen.SyslogUDP), TLSPort: port(cfg.Listen.SyslogTLS),
		}) {
			info.Settings = append(info.Settings, cockpit.SettingInfo(text))
		}
		out = append(out, info)
	}
	return out
}

// port is that of an address; "" where there is none.
func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// boardState is what readiness is judged by.
type boardState struct{ board atomic.Int64 }

// ready tells whether a board was made lately.
func (s *boardState) ready(context.Context) error {
	if at := s.board.Load(); time.Now().Unix()-at > 10 {
		return errors.New("no board was made in the last 10 seconds")
	}
	return nil
}

// machineServer has the limits that senders get: bodies are read within the collector's own.
func machineServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// doors are the HTTP servers, closed before the parts behind them.
type doors struct {
	log     *slog.Logger
	servers []*http.Server
	site    *web.Server
	settle  func() // ends the collector once no request can reach it
	settled <-chan struct{}
	closed  bool
}

func (d *doors) open(g *errgroup.Group, key, at string, s *http.Server) (string, error) {
	if at == off {
		return "", nil
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	d.servers = append(d.servers, s)
	g.Go(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	return l.Addr().String(), nil
}

func (d *doors) after(settle func(), settled <-chan struct{}) { d.settle, d.settled = settle, settled }

// close tells screens to come back, lets requests end, then what they left settle.
func (d *doors) close() {
	if d.closed {
		return
	}
	d.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	if d.site != nil {
		if err := d.site.Close(ctx); err != nil {
			d.log.Warn("close screens", "error", err)
		}
	}
	for _, s := range d.servers {
		if err := s.Shutdown(ctx); err != nil {
			d.log.Warn("close a door", "error", err)
		}
	}
	if d.settle != nil {
		d.settle()
		select {
		case <-d.settled:
		case <-ctx.Done():
			d.log.Warn("what is on its way to the stream did not settle in time")
		}
	}
}
