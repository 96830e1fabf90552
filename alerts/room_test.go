package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/alerts/webhook"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
)

const hookSecret = "a-secret-that-is-long-enough"

// hook is a receiver that counts, and does what it is told to.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	heard []webhook.Message
	how   func(n int, w http.ResponseWriter) // of the nth, from 1; nil: it is taken
}

func newHook(t testing.TB, how func(n int, w http.ResponseWriter)) *hook {
	h := &hook{how: how}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := webhook.Verify(r.Header.Get(webhook.Header), time.Now(), body, hookSecret); err != nil {
			t.Error(err)
		}
		var m webhook.Message
		if err := json.Unmarshal(body, &m); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		h.heard = append(h.heard, m)
		n := len(h.heard)
		h.mu.Unlock()
		if h.how != nil {
			h.how(n, w)
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) all() []webhook.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.heard)
}

// house is a bus with what alerts keep on it.
type house struct {
	t             testing.TB
	state, ledger *bus.KV
	trail         *bus.Stream
	policy        *route.Policy
	channels      map[string]Channel
}

func newHouse(t testing.TB, hooks ...*hook) *house {
	t.Helper()
	b := bustest.Open(t)
	h := &house{t: t, channels: map[string]Channel{}}
	var err error
	if h.state, err = b.KV(t.Context(), "alerts"); err != nil {
		t.Fatal(err)
	}
	if h.ledger, err = b.KV(t.Context(), "notifications"); err != nil {
		t.Fatal(err)
	}
	if h.trail, err = b.Stream(t.Context(), bus.StreamConfig{Name: "ALERTS", Subjects: []string{TrailSubject}}); err != nil {
		t.Fatal(err)
	}
	wait := route.Duration(0)
	h.policy = &route.Policy{Default: &route.Route{Wait: &wait}, Language: "en"}
	for i, x := range hooks {
		id := fmt.Sprint("hook", i)
		c := route.Channel{ID: id, Type: route.Webhook, URL: route.Secret(x.URL), SecretEnv: "X", Timeout: route.Duration(2 * time.Second)}
		if i+1 < len(hooks) {
			c.Next = fmt.Sprint("hook", i+1)
		}
		h.policy.Channels = append(h.policy.Channels, c)
		n, err := webhook.New(webhook.Config{URL: x.URL, Secret: hookSecret})
		if err != nil {
			t.Fatal(err)
		}
		h.channels[id] = Channel{Notifier: n}
	}
	h.policy.People = []route.Person{{ID: "marie", Name: "Marie", Contacts: []route.Contact{{Channel: "hook0", To: "m"}}}}
	h.policy.Schedules = []route.Schedule{{ID: "cdn", Layers: []route.Layer{{People: []string{"marie"}}}}}
	h.policy.Default.Also = []route.Ref{"channel:hook0"}
	if err := h.policy.Check(); err != nil {
		t.Fatal(err)
	}
	return h
}

// room is one process's.
func (h *house) room() *Room {
	h.t.Helper()
	r, err := OpenRoom(h.t.Context(), RoomConfig{State: h.state, Ledger: h.ledger, Trail: h.trail, Policy: h.policy, Groups: []*rule.Group{{ID: "cdn", Sensitivity: 5}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(h.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	h.t.Cleanup(func() { stop(); <-ended })
	return r
}

// deliver runs a process that says what is due; the func kills it, as far as that can be in this one.
func (h *house) deliver(r *Room, owner string) (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan struct{})
	d := NewDeliverer(DelivererConfig{Room: r, Channels: h.channels, Owner: owner, Alone: true, Log: slog.New(slog.DiscardHandler)})
	go func() { defer close(ended); d.Run(ctx) }()
	stop = func() { cancel(); <-ended }
	h.t.Cleanup(stop)
	return stop
}

// problem puts an open one there, as the process that judges would.
func (h *house) problem(r *Room, id string) *Problem {
	h.t.Helper()
	p := &Problem{ID: id, Key: id, Group: "cdn", Title: rule.Text{EN: "Maison answers errors"}, Severity: notice.Critical, Began: night, Noticed: night, Opened: night,
		Turns: []Turn{{At: night, Why: TurnOpened, As: notice.Critical}}, Labels: map[string]string{"cdn": "maison"},
		Alerts: []Member{{Alert: rule.Alert{Key: "a", Rule: "errors", Group: "cdn", Labels: map[string]string{"cdn": "maison"}, Severity: notice.Critical}}}}
	raw, err := json.Marshal(p)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.state.Put(h.t.Context(), keyProblem+id, raw); err != nil {
		h.t.Fatal(err)
	}
	until(h.t, "the problem is known", func() bool { return r.Snapshot().Find(id) != nil })
	return p
}

func (h *house) enter(r *Room, problem string, channel string, fallbacks ...route.Target) Entry {
	h.t.Helper()
	e := Entry{ID: idOf(problem, channel, time.Now()), Problem: problem, Kind: notice.Firing, Target: route.Target{Channel: channel, Language: "en", Zone: "Europe/Paris", Fallbacks: fallbacks}, State: Queued, Made: time.Now().UTC()}
	if err := r.enter(h.t.Context(), &e); err != nil {
		h.t.Fatal(err)
	}
	return e
}

func entry(t *testing.T, r *Room, id string) Entry {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries[id]
}

func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatal("not within 30 s: ", what)
}

func TestTwoPeopleWhoTakeTheSameProblem(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	here, there := h.room(), h.room()
	h.problem(here, "p1")
	until(t, "the other process knows it", func() bool { return there.Snapshot().Find("p1") != nil })
	if err := here.Acknowledge(t.Context(), "p1", "marie", "on it"); err != nil {
		t.Fatal(err)
	}
	var taken Taken
	if err := there.Acknowledge(t.Context(), "p1", "paul", ""); !errors.As(err, &taken) || taken.By != "marie" {
		t.Errorf("the second one: %v", err)
	}
	until(t, "the other process knows who has it", func() bool {
		i := there.Snapshot().Find("p1")
		return i != nil && i.Acked != nil && i.Acked.By == "marie"
	})
	for name, act := range map[string]func() error{
		"nobody of the policy": func() error { return here.HandOver(t.Context(), "p1", "nobody", "marie", "") },
		"an empty note":        func() error { return here.Note(t.Context(), "p1", "marie", " \n") },
		"a note too long":      func() error { return here.Note(t.Context(), "p1", "marie", strings.Repeat("x", 501)) },
		"no such problem":      func() error { return here.Acknowledge(t.Context(), "p2", "marie", "") },
		"a dial beyond":        func() error { return here.TurnDial(t.Context(), "cdn", 11, "marie") },
		"no such dial":         func() error { return here.TurnDial(t.Context(), "x", 1, "marie") },
		"a silence of all": func() error {
			_, err := here.Silence(t.Context(), route.Silence{Reason: "x", By: "marie", From: night, To: night.Add(time.Hour), Matchers: matchers(t, "cdn=~.*")})
			return err
		},
	} {
		if act() == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := here.HandOver(t.Context(), "p1", "marie", "paul", "yours"); err != nil {
		t.Fatal(err)
	}
	if i := here.Snapshot().Find("p1"); i.Acked != nil || len(i.History) != 2 {
		t.Errorf("handed over: %+v", i.Care)
	}
	if lines := here.Trail("p1"); len(lines) != 2 || lines[0].What != ActAck || lines[1].What != ActHandOver || lines[1].Args["to"] != "marie" {
		t.Errorf("the trail: %+v", lines)
	}
	until(t, "the other process has the trail", func() bool { return len(there.Trail("p1")) == 2 })
}

func TestASilenceAndADialReachTheOtherProcess(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	here, there := h.room(), h.room()
	h.problem(here, "p1")
	silence := route.Silence{Reason: "known", By: "marie", From: time.Now(), To: time.Now().Add(time.Hour), Matchers: matchers(t, "cdn=maison")}
	if hit, err := here.WouldMute(silence); err != nil || len(hit) != 1 {
		t.Errorf("would mute %v %v", hit, err)
	}
	made, err := here.Silence(t.Context(), silence)
	if err != nil {
		t.Fatal(err)
	}
	if err := here.TurnDial(t.Context(), "cdn", 8, "marie"); err != nil {
		t.Fatal(err)
	}
	if err := here.SetDrill(t.Context(), true, "marie"); err != nil {
		t.Fatal(err)
	}
	until(t, "the other process knows", func() bool {
		s := there.Snapshot()
		return len(s.Silences) == 1 && s.Dials["cdn"].At == 8 && s.Dials["cdn"].By == "marie" && s.Drill.On
	})
	if err := there.EndSilence(t.Context(), made.ID, "paul"); err != nil {
		t.Fatal(err)
	}
	if err := there.EndSilence(t.Context(), made.ID, "paul"); !errors.Is(err, ErrOver) {
		t.Errorf("ended twice: %v", err)
	}
}

func TestWhatIsSaidOfAChannel(t *testing.T) {
	cut := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name    string
		how     func(n int, w http.ResponseWriter)
		state   EntryState
		heard   int
		repeats int
		tries   string
	}{
		{"it takes it", nil, Accepted, 1, 0, "accepted"},
		{"it takes it and its answer is lost", func(n int, w http.ResponseWriter) {
			if n == 1 {
				cut(w)
			}
		}, Accepted, 2, 1, "ambiguous accepted"},
		{"its answers are always lost", func(_ int, w http.ResponseWriter) { cut(w) }, Failed, 2, 1, "ambiguous ambiguous"},
		{"it says that it was the wrong request", func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusBadRequest) }, Failed, 1, 0, "permanent"},
		{"it asks for a second", func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}, Accepted, 2, 0, "temporary accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := newHook(t, c.how)
			h := newHouse(t, to)
			r := h.room()
			h.problem(r, "p1")
			e := h.enter(r, "p1", "hook0")
			h.deliver(r, "one")
			until(t, "it is settled", func() bool { s := entry(t, r, e.ID).State; return s == Accepted || s == Failed })
			got := entry(t, r, e.ID)
			var tries []string
			for _, x := range got.Tries {
				tries = append(tries, x.Outcome)
			}
			heard := to.all()
			repeats := 0
			for _, m := range heard {
				if m.Repeat {
					repeats++
				}
				if m.ID != e.ID || m.Problem != "p1" {
					t.Errorf("said as %s of %s", m.ID, m.Problem)
				}
			}
			if got.State != c.state || len(heard) != c.heard || repeats != c.repeats || strings.Join(tries, " ") != c.tries {
				t.Errorf("%s after %v, heard %d times, %d repeats; want %s after %s, %d, %d", got.State, tries, len(heard), repeats, c.state, c.tries, c.heard, c.repeats)
			}
		})
	}
}

func TestWhatIsNotToBeSaidAnyMoreIsNotAndSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, h *house, r *Room, p *Problem)
		reason string
	}{
		{"somebody has it", func(t *testing.T, _ *house, r *Room, p *Problem) {
			if err := r.Acknowledge(t.Context(), p.ID, "paul", ""); err != nil {
				t.Fatal(err)
			}
		}, UnsaidAcked},
		{"it is over", func(t *testing.T, h *house, _ *Room, p *Problem) { p.Ended = time.Now(); h.put(p) }, UnsaidOver},
		{"it was silenced", func(t *testing.T, h *house, _ *Room, p *Problem) {
			p.Mute = &Mute{Kind: Silenced, Text: "known"}
			h.put(p)
		}, UnsaidMuted},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := newHook(t, nil)
			h := newHouse(t, to)
			r := h.room()
			p := h.problem(r, "p1")
			c.change(t, h, r, p)
			e := h.enter(r, "p1", "hook0")
			h.deliver(r, "one")
			until(t, "it is settled", func() bool { return entry(t, r, e.ID).State != Queued })
			if got := entry(t, r, e.ID); got.State != Suppressed || got.Reason != c.reason || len(to.all()) != 0 {
				t.Errorf("%s for %q, heard %d times", got.State, got.Reason, len(to.all()))
			}
			until(t, "the trail says why", func() bool {
				return slices.ContainsFunc(r.Trail("p1"), func(l Line) bool { return l.What == "suppressed" && l.Args["reason"] == c.reason })
			})
		})
	}
}

func (h *house) put(p *Problem) {
	h.t.Helper()
	raw, err := json.Marshal(p)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.state.Put(h.t.Context(), keyProblem+p.ID, raw); err != nil {
		h.t.Fatal(err)
	}
}

// It was claimed by a process that is no more: nobody knows whether it was heard, so it is said, and says so.
func TestWhatADeadProcessWasSayingIsSaidOnceMore(t *testing.T) {
	to := newHook(t, nil)
	h := newHouse(t, to)
	r := h.room()
	h.problem(r, "p1")
	e := h.enter(r, "p1", "hook0")
	e.State, e.Owner, e.Claimed = Claiming, "the dead one", time.Now().UTC()
	raw, _ := json.Marshal(e)
	if err := h.ledger.Put(t.Context(), e.ID, raw); err != nil {
		t.Fatal(err)
	}
	until(t, "the claim is known", func() bool { return entry(t, r, e.ID).State == Claiming })
	h.deliver(r, "the living one")
	until(t, "it is said", func() bool { return entry(t, r, e.ID).State == Accepted })
	if heard := to.all(); len(heard) != 1 || !heard[0].Repeat || !strings.Contains(heard[0].Title, "repeat") {
		t.Errorf("heard %+v", heard)
	}
}

// Several processes deliver from one ledger: each line is said by one of them.
func TestSeveralProcessesSayEachLineOnce(t *testing.T) {
	to := newHook(t, nil)
	h := newHouse(t, to)
	rooms := []*Room{h.room(), h.room(), h.room()}
	h.problem(rooms[0], "p1")
	for i, r := range rooms {
		until(t, "all know the problem", func() bool { return r.Snapshot().Find("p1") != nil })
		ctx, cancel := context.WithCancel(t.Context())
		d := NewDeliverer(DelivererConfig{Room: r, Channels: h.channels, Owner: fmt.Sprint("node", i), Log: slog.New(slog.DiscardHandler)})
		ended := make(chan struct{})
		go func() { defer close(ended); d.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-ended })
	}
	const lines = 60
	ids := map[string]bool{}
	for i := range lines {
		e := Entry{ID: idOf("many", i), Problem: "p1", Kind: notice.Firing, Target: route.Target{Channel: "hook0", To: fmt.Sprint(i)}, State: Queued, Made: time.Now().UTC()}
		ids[e.ID] = true
		if err := rooms[i%3].enter(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all are said", func() bool {
		n := 0
		for id := range ids {
			if entry(t, rooms[0], id).State == Accepted {
				n++
			}
		}
		return n == lines
	})
	if n := len(to.all()); n != lines {
		t.Errorf("%d lines were heard %d times", lines, n)
	}
}

func TestTestFireTriesEveryWay(t *testing.T) {
	first, second := newHook(t, nil), newHook(t, nil)
	h := newHouse(t, first, second)
	r := h.room()
	h.deliver(r, "one")
	for ref, want := range map[route.Ref][2]int{"person:marie": {1, 0}, "channel:hook1": {0, 1}, "oncall:cdn": {1, 0}, "route:default": {1, 1}} {
		before := [2]int{len(first.all()), len(second.all())}
		entries, err := r.TestFire(t.Context(), ref, "paul")
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		until(t, "the tests are said", func() bool {
			return !slices.ContainsFunc(entries, func(e Entry) bool { return entry(t, r, e.ID).State != Accepted })
		})
		if got := [2]int{len(first.all()) - before[0], len(second.all()) - before[1]}; got != want {
			t.Errorf("%s: heard %v times, want %v", ref, got, want)
		}
	}
	for _, ref := range []route.Ref{"person:nobody", "route:routes[9]", "nonsense"} {
		if _, err := r.TestFire(t.Context(), ref, "paul"); err == nil {
			t.Errorf("%s was tried", ref)
		}
	}
}

func TestALinkAcknowledgesOneProblemAsOnePerson(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r, other := h.room(), h.room()
	h.problem(r, "p1")
	until(t, "the other process knows it", func() bool { return other.Snapshot().Find("p1") != nil })
	secret := r.ackLink("p1", "Marie")
	if problem, person, err := other.AckLink(secret); err != nil || problem != "p1" || person != "Marie" {
		t.Errorf("%s %s %v", problem, person, err)
	}
	text, signature, _ := strings.Cut(secret, ".")
	forged, _, _ := strings.Cut(r.ackLink("p1", "Paul"), ".")
	for name, bad := range map[string]string{
		"another person's": forged + "." + signature, "no signature": text, "nothing": "", "half a signature": secret[:len(secret)-4], "a problem that is not known": r.ackLink("p2", "Marie"), "rubbish": "%%%.%%%",
	} {
		if _, _, err := r.AckLink(bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOtherSystemsAlerts(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r := h.room()
	mux := http.NewServeMux()
	(&Receiver{Room: r, Sources: []Source{{ID: "prometheus", Token: "the-token-of-prometheus"}}}).Register(mux)
	post := func(path, token, body string) int {
		req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, req)
		return w.Code
	}
	const token = "the-token-of-prometheus"
	soon, before := time.Now().Add(time.Hour).Format(time.RFC3339), time.Now().Add(-time.Second).Format(time.RFC3339)
	one := func(name, ends string) string {
		return fmt.Sprintf(`[{"labels":{"alertname":%q,"severity":"page"},"annotations":{"summary":"x"},"startsAt":%q,"endsAt":%q}]`, name, before, ends)
	}
	for _, c := range []struct {
		name, path, token, body string
		want                    int
		firing                  string
	}{
		{"a wrong token", "/api/v2/alerts", "x", one("A", soon), 401, ""},
		{"no list", "/api/v2/alerts", token, `{"labels":{}}`, 400, ""},
		{"an alert without a name", "/api/v2/alerts", token, `[{"labels":{"a":"b"}}]`, 400, ""},
		{"one too many", "/api/v2/alerts", token, "[" + strings.Repeat(`{"labels":{"alertname":"x"}},`, receivedMost) + `{"labels":{"alertname":"x"}}]`, 400, ""},
		{"too large", "/api/v2/alerts", token, strings.Repeat(" ", receivedBody+1), 413, ""},
		{"an end of what never began", "/api/v2/alerts", token, one("A", before), 200, ""},
		{"one that fires", "/api/v2/alerts", token, one("A", soon), 200, "A critical"},
		{"the same again", "/api/v2/alerts", token, one("A", soon), 200, "A critical"},
		{"its end", "/api/v2/alerts", token, one("A", before), 200, ""},
		{"a webhook of another version", "/api/v2/alerts/webhook", token, `{"version":"3","alerts":[]}`, 400, ""},
		{"a webhook's", "/api/v2/alerts/webhook", token, fmt.Sprintf(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"B\nX"},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z"}]}`, before), 200, "B X warning"},
		{"a webhook's end", "/api/v2/alerts/webhook", token, fmt.Sprintf(`{"version":"4","alerts":[{"status":"resolved","labels":{"alertname":"B\nX"},"startsAt":%q,"endsAt":%q}]}`, before, before), 200, ""},
	} {
		if got := post(c.path, c.token, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		var firing []string
		for _, f := range r.firingElsewhere(time.Now()) {
			firing = append(firing, f.Rule+" "+string(f.Severity))
		}
		if got := strings.Join(firing, ", "); got != c.firing {
			t.Errorf("%s: %q fires, want %q", c.name, got, c.firing)
		}
	}
}

func FuzzOtherSystemsAlerts(f *testing.F) {
	f.Add([]byte(`[{"labels":{"alertname":"A"},"annotations":{},"startsAt":"2026-07-19T20:41:00Z","endsAt":"0001-01-01T00:00:00Z"}]`))
	f.Add([]byte(`{"version":"4","alerts":[{"status":"resolved","labels":{"alertname":"A"}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func([]byte) ([]Received, error){readAlerts, readWebhook} {
			told, err := read(body)
			for _, a := range told {
				if err != nil || a.Labels["alertname"] == "" && len(a.Labels) > receivedLabels || a.Ends.IsZero() {
					t.Errorf("%+v %v", a, err)
				}
			}
		}
	})
}
