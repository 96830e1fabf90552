package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"vigie/alerts"
	"vigie/cockpit"
	"vigie/internal/bus"
	"vigie/internal/ch"
	"vigie/internal/match"
	"vigie/internal/pause"
	"vigie/internal/provider"
	"vigie/internal/state"
	"vigie/runbooks"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
	"vigie/runbooks/statuspage"
)

// messaging is the crises' part of a process: what is done, what is said, to whom, and what came of it.
type messaging struct {
	cfg     *Config
	log     *slog.Logger
	bus     *bus.Bus
	owner   string
	crises  *crisis.Room
	runs    *runbooks.Room
	library *library.Library
	sends   *send.Room
	page    *statuspage.Page // nil: the house has none
	outlets *outletSet
	workers []*send.Worker
	alerts  *alerts.Room
	buckets []*state.Bucket
	lists   *bus.KV
	people  *state.Bucket                 // the audience's, loaded once ClickHouse is there
	book    atomic.Pointer[audience.Book] // nil until then
	board   atomic.Pointer[cockpit.Board] // what is watched; nil: there is none in this process
}

// State tells what was sent; for steps of runbooks.
func (m *messaging) State(crisisID, scenario, step string) (sent bool, by string, at time.Time, id string) {
	for _, s := range m.sends.Of(crisisID) {
		if s.Rendered.Scenario != scenario || string(s.Rendered.Step) != step || s.State == send.Dropped || s.State == send.Aborted {
			continue
		}
		id = s.ID
		if s.State == send.Completed || s.State == send.Faulty {
			return true, s.Second, s.Ended, s.ID
		}
	}
	return false, "", time.Time{}, id
}

// openMessaging opens what all processes share.
func openMessaging(ctx context.Context, cfg *Config, b *bus.Bus, book *match.Book, alerting *alerts.Room, metrics prometheus.Registerer, log *slog.Logger) (*messaging, error) {
	m := &messaging{cfg: cfg, log: log, bus: b, alerts: alerting, owner: strings.NewReplacer("/", "-", ".", "-", " ", "-").Replace(processName())}
	h := cfg.Messages.House
	bucket := func(name string) (*bus.KV, *state.Bucket, error) {
		kv, err := b.KV(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		s := state.New(kv, log)
		m.buckets = append(m.buckets, s)
		return kv, s, nil
	}
	lines, err := b.Stream(ctx, crisis.Stream("CRISES"))
	if err != nil {
		return nil, err
	}
	crisesKV, crises, err := bucket("crises")
	if err != nil {
		return nil, err
	}
	m.crises = crisis.New(crisis.Config{State: crises, Lines: lines, Log: log})
	m.runs = runbooks.New(runbooks.Config{
		State: crises, Crises: m.crises, Lease: crisesKV, Owner: m.owner, Alone: cfg.NATS.URL == "", Log: log, Runbooks: cfg.Runbooks.All,
		Clock: phaseClock(book), Signals: signals{alerting}, Messages: m, Poster: provider.NewPoster(provider.PostConfig{}), Allow: cfg.allowed(),
		Names: called(cfg),
	})
	_, messages, err := bucket("messages")
	if err != nil {
		return nil, err
	}
	if m.library, err = library.New(library.Config{State: messages, Limits: m.limits}); err != nil {
		return nil, err
	}
	sendsKV, sends, err := bucket("sends")
	if err != nil {
		return nil, err
	}
	lang := "fr"
	if h != nil && len(h.Languages) > 0 {
		lang = h.Languages[0]
	}
	keep := time.Duration(0)
	if h != nil {
		keep = time.Duration(h.Lists) * 24 * time.Hour
	}
	m.sends = send.NewRoom(send.RoomConfig{
		Bus: b, Keep: keep, KV: sendsKV, State: sends, Accounts: accountsOf(h), Log: log,
		Lists: func(ctx context.Context, id string) (audience.List, error) {
			if book := m.book.Load(); book != nil {
				return book.Load(ctx, id)
			}
			return nil, errors.New("lists of people cannot be read until ClickHouse is there")
		},
		Timeline: func(ctx context.Context, id string, l crisis.Line) error {
			l.ID = id
			return m.crises.Write(ctx, l)
		},
		Prepare: send.PrepareConfig{
			Library: m.library, Audience: m.book.Load, Crisis: m.crises.Get, Crises: m.crises.Current, Limits: m.limits, Lang: lang,
			Live: func(labels map[string]string) map[string]string { return liveOf(m.board.Load(), labels) },
			Zone: func(id string) *time.Location {
				if found := book.Find(id); found != nil {
					return found.Zone()
				}
				return time.UTC
			},
		},
	})
	if m.lists, m.people, err = func() (*bus.KV, *state.Bucket, error) {
		kv, err := b.KV(ctx, "lists")
		if err != nil {
			return nil, nil, err
		}
		people, err := b.KV(ctx, "audience")
		if err != nil {
			return nil, nil, err
		}
		return kv, state.New(people, log), nil
	}(); err != nil {
		return nil, err
	}
	if h != nil && (h.Has(channel.Status) || h.Has(channel.Banner)) {
		page := h.Status
		page.File, page.Healthy, page.Log = filepath.Join(cfg.Data, "status.json"), b.Healthy, log
		page.Labels = func(thread string) map[string]string {
			if c := m.crises.Get(thread); c != nil {
				return c.Labels
			}
			return nil
		}
		if m.page, err = statuspage.New(page); err != nil {
			return nil, fmt.Errorf("messages: status: %w", err)
		}
		_, published, err := bucket("status")
		if err != nil {
			return nil, err
		}
		m.page.Use(published)
	}
	if h != nil {
		if m.outlets, err = outlets(h, m.page, sendsKV, strings.TrimSuffix(cfg.Collectors.PublicURL, "/")); err != nil {
			return nil, fmt.Errorf("messages: %w", err)
		}
	}
	for _, s := range m.buckets {
		if err := s.Load(ctx); err != nil {
			return nil, err
		}
	}
	if err := m.crises.Load(ctx); err != nil {
		return nil, err
	}
	if m.outlets != nil {
		for _, drill := range []bool{false, true} {
			labels := prometheus.Labels{"drill": fmt.Sprint(drill)}
			m.workers = append(m.workers, send.NewWorker(send.WorkerConfig{
				Room: m.sends, Channels: m.outlets.of(drill), Drill: drill, Owner: m.owner + map[bool]string{true: "-drill"}[drill], Alone: cfg.NATS.URL == "",
				Suppressed: m.suppressed, Cap: m.cap(), Unsubscribe: m.unsubscribe, Log: log, Metrics: prometheus.WrapRegistererWith(labels, metrics),
			}))
		}
	}
	return m, nil
}

// cap is how many first messages one person may get in a match: what the audience's lists go by, too.
func (m *messaging) cap() int {
	if h := m.cfg.Messages.House; h != nil && h.Cap > 0 {
		return h.Cap
	}
	return audience.UsualCap
}

// limits are what messages may hold.
func (m *messaging) limits() message.Limits {
	if h := m.cfg.Messages.House; h != nil {
		return h.Limits()
	}
	return message.Limits{}
}

func (m *messaging) suppressed(_ channel.Kind, key string) bool {
	book := m.book.Load()
	if book == nil {
		return false // no list can be read without it, so that nobody gets here
	}
	_, is := book.Suppressed(key)
	return is
}

func (m *messaging) unsubscribe(key string) string {
	book, public := m.book.Load(), strings.TrimSuffix(m.cfg.Collectors.PublicURL, "/")
	if book == nil || public == "" {
		return ""
	}
	return public + "/unsubscribe?t=" + book.UnsubscribeToken(key)
}

// phaseClock is when phases of matches begin, as planned and moved.
func phaseClock(book *match.Book) runbooks.Clock {
	return func(id string, phase match.Phase) (time.Time, bool) {
		for _, mark := range book.Timeline(id) {
			if mark.Phase == phase {
				return mark.At, true
			}
		}
		return time.Time{}, false
	}
}

// follow keeps this process's copies.
func (m *messaging) follow(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range m.buckets {
		g.Go(func() error { return s.Run(ctx) })
	}
	g.Go(func() error { return m.crises.Run(ctx) })
	g.Go(func() error { return m.sends.Run(ctx) })
	if m.page != nil {
		g.Go(func() error { return m.page.Run(ctx) })
	}
	return g.Wait()
}

// work sends, and carries out what runbooks do by themselves.
func (m *messaging) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.runs.Run(ctx) })
	g.Go(func() error { return m.tellAlerts(ctx) })
	for _, w := range m.workers {
		g.Go(func() error { return w.Run(ctx) })
	}
	return g.Wait()
}

// tellAlerts writes what happens to the alerts of a crisis into its timeline, each thing once.
func (m *messaging) tellAlerts(ctx context.Context) error {
	for pause.For(ctx, time.Second) == nil {
		now := m.alerts.Snapshot()
		for _, c := range m.crises.Current() {
			for _, id := range c.Problems {
				i := now.Find(id)
				if i == nil {
					continue
				}
				tell := func(what, by string, at time.Time) {
					line := crisis.Line{
						ID: fmt.Sprintf("%s-%s-%s-%d", c.ID, id, what, at.Unix()), At: at, Crisis: c.ID, What: what, By: by, Problem: id, Drill: c.Drill,
						Args: map[string]string{"title": provider.Line(cmp.Or(i.Title.FR, i.Title.EN), 300)},
					}
					if m.crises.Has(line.ID) {
						return
					}
					if at.Before(c.Opened) { // it is what the crisis was opened for
						line.Written = time.Now().UTC()
					}
					if err := m.crises.Write(ctx, line); err != nil && ctx.Err() == nil {
						m.log.Warn("an alert is not in a crisis's timeline", "crisis", c.ID, "problem", id, "error", err)
					}
				}
				tell("alert-firing", "", i.Began)
				if a := i.Acked; a != nil {
					tell("alert-taken", a.By, a.At)
				}
				if !i.Ended.IsZero() {
					tell("alert-ended", "", i.Ended)
				}
			}
		}
	}
	return nil
}

// register opens what viewers, and providers, reach.
func (m *messaging) register(mux *http.ServeMux) {
	if m.page != nil {
		for path, h := range map[string]http.Handler{"/status": m.page.Handler("/status"), "/exercice": m.page.Exercise("/exercice")} {
			mux.Handle(path, h)
			mux.Handle(path+"/", h)
		}
	}
	for i, w := range m.workers {
		path, h := receiptsPath(i == 1), w.Receipts()
		mux.Handle(path+"{account}", h)
		mux.Handle(path+"{account}/{token}", h)
	}
	mux.HandleFunc("/unsubscribe", func(w http.ResponseWriter, r *http.Request) {
		if book := m.book.Load(); book != nil {
			book.Unsubscribe().ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "30")
		http.Error(w, "try again in a minute", http.StatusServiceUnavailable)
	})
}

// know opens the audience once ClickHouse is there, and keeps it until ctx ends.
func (m *messaging) know(ctx context.Context, db *ch.DB) error {
	c := audience.Config{DB: db, State: m.people, Lists: m.lists, Log: m.log}
	if h := m.cfg.Messages.House; h != nil {
		c.Lang, c.Country, c.Cap = cmp.Or(append(h.Languages, "fr")...), h.Country, h.Cap
		c.Contacts, c.KeepLists = time.Duration(h.Contacts)*24*time.Hour, time.Duration(h.Lists)*24*time.Hour
		if h.Mapping != nil {
			mapping, err := audience.NewMapping(h.Mapping.MappingConfig)
			if err != nil {
				return fmt.Errorf("messages: mapping: %w", err)
			}
			c.Mapping = mapping
		}
	}
	book, err := audience.New(c)
	if err != nil {
		return err
	}
	if err := m.people.Load(ctx); err != nil {
		return err
	}
	if err := book.Open(ctx); err != nil {
		return err
	}
	m.book.Store(book)
	defer m.book.Store(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.people.Run(ctx) })
	g.Go(func() error { return book.Run(ctx) })
	return g.Wait()
}

// signals are what the rules' data say, for conditions of runbooks.
type signals struct{ room *alerts.Room }

// Value is a signal's over the last complete minute.
func (s signals) Value(name string, labels map[string]string, above, below *float64) (runbooks.Reading, bool) {
	value, since, known := s.room.Watched(name, labels, alerts.Limit{Above: above, Below: below})
	return runbooks.Reading{Value: value, Since: since}, known
}
