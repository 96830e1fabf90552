package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	gateways "vigie/internal/provider/sms"
	"vigie/internal/state"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
	"vigie/runbooks/sms"
)

// people are a frozen list, as audience would give it.
type people struct {
	frozen audience.Frozen
	all    []audience.Recipient
}

func (p *people) Frozen() audience.Frozen                 { return p.frozen }
func (p *people) All() iter.Seq2[int, audience.Recipient] { return slices.All(p.all) }
func (p *people) At(i int) audience.Recipient             { return p.all[i] }
func (p *people) Find(key string) (int, bool) {
	i, ok := slices.BinarySearchFunc(p.all[p.frozen.Canary:], key, func(r audience.Recipient, key string) int { return strings.Compare(r.Key, key) })
	if ok {
		return i + p.frozen.Canary, true
	}
	i = slices.IndexFunc(p.all[:p.frozen.Canary], func(r audience.Recipient) bool { return r.Key == key })
	return i, i >= 0
}

// invented are n people, of whom the first are the house's own.
func invented(n, canary int) *people {
	p := &people{frozen: audience.Frozen{ID: fmt.Sprint("list-", n), Hash: fmt.Sprint("hash-", n), Kind: channel.SMS, Size: n, Canary: canary, ByLang: map[string]int{"fr": n}}}
	for i := range n {
		p.all = append(p.all, audience.Recipient{Key: fmt.Sprintf("k%025d", i), To: fmt.Sprintf("+336%08d", i), Lang: []string{"fr", "en"}[i%2]})
	}
	return p
}

// gateway is a provider of short messages that counts what it took.
type gateway struct {
	*httptest.Server
	// mood says what becomes of a request, by its text's recipient.
	mood func(to string) mood

	mu    sync.Mutex
	taken map[string][]time.Time // by number
	ids   map[string]string      // by number: our id
	asked int
}

type mood int

const (
	takes          mood = iota
	takesAndHangs       // the answer never comes
	takesAndFails       // 500 after it was taken
	takesAndBreaks      // the connection is closed
	refuses             // 400: certainly not taken
	isBusy              // 429 with Retry-After
	breaksBefore        // 503 with Retry-After: certainly not taken
)

func newGateway(t testing.TB) *gateway {
	g := &gateway{mood: func(string) mood { return takes }, taken: map[string][]time.Time{}, ids: map[string]string{}}
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(func() { g.CloseClientConnections(); g.Close() })
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	var m struct{ To, Text, ID string }
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&m); err != nil || m.To == "" || m.Text == "" || m.ID == "" {
		http.Error(w, "to, text, id", http.StatusBadRequest)
		return
	}
	what := g.mood(m.To)
	g.mu.Lock()
	g.asked++
	switch what {
	case takes, takesAndHangs, takesAndFails, takesAndBreaks:
		g.taken[m.To] = append(g.taken[m.To], time.Now())
		g.ids[m.To] = m.ID
	}
	g.mu.Unlock()
	switch what {
	case takes:
		fmt.Fprintf(w, `{"id":"sm-%s"}`, m.To)
	case takesAndHangs:
		<-r.Context().Done()
	case takesAndFails:
		http.Error(w, "oops", http.StatusInternalServerError)
	case takesAndBreaks:
		panic(http.ErrAbortHandler)
	case refuses:
		http.Error(w, "not a mobile", http.StatusBadRequest)
	case isBusy:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	case breaksBefore:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "later", http.StatusServiceUnavailable)
	}
}

// count is how many numbers were taken, and how many of them more than once.
func (g *gateway) count() (people, twice int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, at := range g.taken {
		if people++; len(at) > 1 {
			twice++
		}
	}
	return people, twice
}

func (g *gateway) channel(t testing.TB) channel.Channel {
	c, err := sms.New(sms.Config{Gateway: gateways.Config{
		Provider: "generic", URL: g.URL + "/send", Answer: "id", Fields: map[string]string{"to": "{to}", "text": "{text}", "id": "{id}"},
	}, Receipts: sms.Receipts{}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// house is a room of one process, with what all processes share.
type house struct {
	*Room
	bus      *bus.Bus
	kv       *bus.KV
	lists    map[string]*people
	timeline []crisis.Line
	mu       *sync.Mutex
	stop     func()
}

func newHouse(t testing.TB, b *bus.Bus, accounts []Account, lists ...*people) *house {
	t.Helper()
	kv, err := b.KV(t.Context(), "sends")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := state.New(kv, log)
	h := &house{bus: b, kv: kv, lists: map[string]*people{}, mu: &sync.Mutex{}}
	for _, l := range lists {
		h.lists[l.frozen.ID] = l
	}
	h.Room = NewRoom(RoomConfig{
		Bus: b, KV: kv, State: s, Accounts: accounts, Log: log,
		Lists: func(_ context.Context, id string) (audience.List, error) {
			if l := h.lists[id]; l != nil {
				return l, nil
			}
			return nil, audience.ErrNotFound
		},
		Timeline: func(_ context.Context, _ string, l crisis.Line) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.timeline = append(h.timeline, l)
			return nil
		},
	})
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var g sync.WaitGroup
	g.Go(func() { _ = s.Run(ctx) })
	g.Go(func() { _ = h.Run(ctx) })
	h.stop = func() { stop(); g.Wait() }
	t.Cleanup(h.stop)
	return h
}

// staff runs a worker until the test ends, or it is let go.
func (h *house) staff(t testing.TB, cfg WorkerConfig) (letGo func()) {
	cfg.Room, cfg.Log = h.Room, slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := NewWorker(cfg).Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	letGo = sync.OnceFunc(func() { stop(); <-done })
	t.Cleanup(letGo)
	return letGo
}

// confirmed is a send that two people confirmed.
func confirmed(id string, drill bool, legs ...Leg) *Send {
	s := &Send{
		ID: id, Crisis: "night", Drill: drill, Authors: []string{"ana"}, Approved: "val", By: "sam", Second: "sue", FirstLang: "fr", Legs: legs,
		At: time.Now().UTC(), Confirmed: time.Now().UTC(), State: Confirmed,
		Rendered: message.Rendered{Scenario: "cdn-lost", Step: message.Initial, Hash: "h", Digest: "d", Texts: map[channel.Kind]map[string]message.Output{
			channel.SMS:    {"fr": {Text: "Des perturbations sont en cours."}, "en": {Text: "There are disruptions."}},
			channel.Status: {"fr": {Subject: "Perturbations", Text: "En cours"}, "en": {Subject: "Disruptions", Text: "Going on"}},
		}},
	}
	s.Digest = s.digest()
	return s
}

func (p *people) leg(account string) Leg {
	return Leg{Channel: account, Kind: channel.SMS, List: p.frozen}
}

func (h *house) begin(t testing.TB, s *Send) {
	t.Helper()
	if err := h.sends.Create(t.Context(), s.ID, s); err != nil {
		t.Fatal(err)
	}
}

// until waits for f, for as long as a slow machine needs.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 2*time.Minute; {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func (h *house) ended(t testing.TB, id string) *Send {
	t.Helper()
	until(t, id+" has ended", func() bool { s := h.Get(id); return s != nil && !s.Ended.IsZero() })
	return h.Get(id)
}

// The tally of a send that ended adds up, and has nobody open.
func whole(t testing.TB, s *Send) (all Tally) {
	t.Helper()
	for i := range s.Legs {
		tally, sum := s.Legs[i].Tally, 0
		if tally == nil {
			t.Fatalf("%s ended without a tally", s.Legs[i].Channel)
		}
		for o := range outcomes {
			sum += tally.Of[o]
			all.Of[o] += tally.Of[o]
		}
		all.Size += tally.Size
		if sum != tally.Size || tally.Size != s.Legs[i].Size() {
			t.Errorf("%s: %v adds up to %d of %d", s.Legs[i].Channel, tally.Of, sum, s.Legs[i].Size())
		}
		if tally.OpenNow() > 0 {
			t.Errorf("%s ended with %d open", s.Legs[i].Channel, tally.OpenNow())
		}
	}
	return all
}

var account = Account{ID: "sms", Kind: channel.SMS, Parallel: 8}

// hurried is account with calls that are soon given up.
func hurried(timeout time.Duration) Account {
	a := account
	a.Timeout = timeout
	return a
}

func chance(p float64) bool { return rand.Float64() < p }

func oneBus(t testing.TB) *bus.Bus { return bustest.Open(t) }
