package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/lease"
	"vigie/internal/match"
)

// noTape is that of a team without rules of its own.
type noTape struct {
	Tape
	err error
}

func (n noTape) Tick(context.Context, time.Time) error { return n.err }
func (noTape) Fill(context.Context) error              { return nil }
func (noTape) Series(rule.View) []rule.Series          { return nil }
func (noTape) Impact(context.Context, map[string]string, time.Time) (float64, bool, error) {
	return 1e6, true, nil
}

// term is a process that judges, between two seconds.
func (h *house) term(t testing.TB, r *Room, tape Tape) *term {
	t.Helper()
	e := NewEngine(EngineConfig{Room: r, Matches: &match.Book{}, Owner: "one", Alone: true, Channels: h.channels, Log: slog.New(slog.DiscardHandler)})
	l := lease.New[leadState](h.state, keyLead, "one", true, leadTime, slog.New(slog.DiscardHandler))
	if err := l.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	x := &term{
		Engine: e, lease: l, tape: tape, judge: rule.NewEvaluator(nil, nil), revisions: map[string]uint64{}, book: book{}, zone: time.UTC,
		facts: make(chan found, factsMost), mirrored: map[string]time.Time{}, mirroring: make(chan struct{}, mostPerRoad), settled: map[string]bool{}, beats: map[int]time.Time{}, sick: map[int]bool{},
	}
	if err := x.takeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	return x
}

// The process ended after it had written that a problem was over, and before it had written whom that is told.
func TestAnEndThatWasNotToldIsToldAnHourLater(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	yes := true
	h.policy.Default.Resolved = &yes
	if err := h.policy.Check(); err != nil {
		t.Fatal(err)
	}
	r := h.room()
	p := h.problem(r, "p1")
	e := h.line("l1", "p1")
	e.State = Accepted
	h.keep(r, e)
	p.Ended = time.Now().Add(-time.Hour)
	h.put(p)
	x := h.term(t, r, noTape{})
	for range 2 {
		if err := x.second(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	var told []Entry
	for _, e := range r.lines("p1") {
		if e.Kind == notice.Resolved {
			told = append(told, e)
		}
	}
	if len(told) != 1 || told[0].Target.Channel != "hook0" {
		t.Errorf("the end is told to %+v", told)
	}
}

// A disk that has been full for eight days calls nobody anew because its lines have grown old.
func TestWhatWasSaidOfAProblemIsKeptWhileItLasts(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r := h.room()
	h.problem(r, "p1")
	for _, id := range []string{"first", "reminder", "test"} {
		e := h.line(id, "p1")
		e.State, e.Made = Accepted, time.Now().Add(-8*24*time.Hour)
		switch id {
		case "reminder":
			e.Kind = notice.Reminder
		case "test":
			e.Kind, e.Problem = notice.Test, ""
		}
		h.keep(r, e)
	}
	r.tidy(t.Context(), time.Now())
	if entry(t, r, "first").ID == "" {
		t.Error("what was said first is forgotten: it would be said again")
	}
	if entry(t, r, "reminder").ID != "" || entry(t, r, "test").ID != "" {
		t.Error("nothing is forgotten")
	}
}

// A link must not be one that everybody can make.
func TestASecretThatSomebodyDeletedStillCounts(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r := h.room()
	h.problem(r, "p1")
	link := r.ackLink("p1", "Marie")
	r.hear(keySecret, nil, true)
	if _, _, err := r.AckLink(link); err != nil {
		t.Error(err)
	}
}

func TestSomebodyCanAlwaysSayThatTheyHaveIt(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r := h.room()
	h.problem(r, "p1")
	raw, _ := json.Marshal(Care{History: make([]CareAct, maxHistory)})
	if err := h.state.Put(t.Context(), keyCare+"p1", raw); err != nil {
		t.Fatal(err)
	}
	if err := r.Note(t.Context(), "p1", "paul", "one more"); !errors.Is(err, ErrFull) {
		t.Errorf("a note: %v", err)
	}
	if err := r.Acknowledge(t.Context(), "p1", "marie", ""); err != nil {
		t.Error(err)
	}
}

func TestTheWatchdog(t *testing.T) {
	lead := func(ago time.Duration) []byte {
		raw, _ := json.Marshal(leadState{Judged: time.Now().Add(-ago)})
		return raw
	}
	for _, c := range []struct {
		name string
		kept []byte // the lease when it begins to look on
		look time.Duration
		then []byte // on the bus, not heard of
		want int
	}{
		{"a start after hours without any process", lead(8 * time.Hour), 5 * time.Second, nil, 0},
		{"nobody judged since it looked on", lead(8 * time.Hour), 61 * time.Second, nil, 1},
		{"nobody judged ever", nil, 61 * time.Second, nil, 1},
		{"nobody ever, a moment after its start", nil, 5 * time.Second, nil, 0},
		{"it was cut off, and others judged", lead(2 * time.Minute), 61 * time.Second, lead(0), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, newHook(t, nil))
			put := func(value []byte) {
				if value != nil {
					if err := h.state.Put(t.Context(), keyLead, value); err != nil {
						t.Fatal(err)
					}
				}
			}
			put(c.kept)
			r, err := OpenRoom(t.Context(), RoomConfig{State: h.state, Ledger: h.ledger, Trail: h.trail, Policy: h.policy, Groups: []*rule.Group{{ID: "cdn"}}, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			put(c.then)
			r.seenAt = time.Now().Add(-c.look)
			for range 2 { // once
				if err := (&Watchdog{Room: r}).look(t.Context(), time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(r.lines("")); n != c.want {
				t.Errorf("%d are told, want %d", n, c.want)
			}
			for _, e := range r.lines("") {
				e.State, e.Target.Fallbacks = Failed, []route.Target{{Channel: "other"}}
				h.keep(r, e)
			}
			if err := (&Watchdog{Room: r}).look(t.Context(), time.Now()); err != nil {
				t.Fatal(err)
			}
			if n := len(r.lines("")); n != 2*c.want {
				t.Errorf("after that failed there are %d lines, want another way for each", n)
			}
		})
	}
}

// toldOf is one alert of another system.
func toldOf(name string, ends time.Time) []Received {
	return []Received{{Labels: map[string]string{"alertname": name}, Ends: ends}}
}

func TestHowLongAnotherSystemsAlertLives(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r := h.room()
	now := time.Now()
	tell := func(name string, at, ends time.Duration) {
		t.Helper()
		if err := r.receive(t.Context(), "prometheus", toldOf(name, now.Add(ends)), now.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	fires := func(name string, at time.Duration) bool {
		return slices.ContainsFunc(r.firingElsewhere(now.Add(at)), func(f *firing) bool { return f.Rule == name })
	}
	tell("Webhook", 0, hookTime)
	r.tidy(t.Context(), now.Add(3*time.Hour))
	if !fires("Webhook", 3*time.Hour) {
		t.Error("it is told every four hours, and ended after one")
	}
	for at := time.Duration(0); at <= 70*time.Second; at += 10 * time.Second { // by a sender whose alerts hold for 30 s
		tell("Short", at, at+30*time.Second)
		if !fires("Short", at+10*time.Second) {
			t.Errorf("it was told %s ago and does not fire", at)
		}
	}
	if r.tidy(t.Context(), now.Add(2*time.Hour)); len(r.received) != 1 {
		t.Errorf("%d are kept", len(r.received))
	}
}

// What ended does not stand in the way of what fires.
func TestTwoThousandThatEndedMakeRoom(t *testing.T) {
	h := newHouse(t, newHook(t, nil))
	r := h.room()
	now := time.Now().UTC()
	r.mu.Lock()
	for i := range 2 * receivedKept {
		r.received[fmt.Sprint(i)] = Received{ID: fmt.Sprint(i), Told: now, Ends: now.Add(-time.Second)}
	}
	r.mu.Unlock()
	if err := r.receive(t.Context(), "prometheus", toldOf("Disk", now.Add(time.Hour)), now); err != nil {
		t.Error(err)
	}
	if n := len(r.received); n != 1 {
		t.Errorf("%d are kept", n)
	}
	r.mu.Lock()
	for i := range receivedKept {
		r.received[fmt.Sprint(i)] = Received{ID: fmt.Sprint(i), Told: now, Ends: now.Add(time.Hour)}
	}
	r.mu.Unlock()
	if err := r.receive(t.Context(), "prometheus", toldOf("Full", now.Add(time.Hour)), now); !errors.Is(err, ErrFull) {
		t.Errorf("beyond: %v", err)
	}
}

// A problem of fifty such alerts must be kept by a bus that takes a megabyte.
func TestLabelsAreBoundedTogether(t *testing.T) {
	labels := map[string]string{"alertname": "Disk"}
	for i := range receivedLabels - 1 {
		labels[fmt.Sprint("a", i)] = strings.Repeat("é", receivedText)
	}
	body, err := json.Marshal([]map[string]any{{"labels": labels, "startsAt": time.Now().Add(time.Hour), "endsAt": time.Now().Add(1e6 * time.Hour)}})
	if err != nil {
		t.Fatal(err)
	}
	read, err := readAlerts(body)
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := json.Marshal(read[0].Labels); len(raw)*maxMembers > 1<<20 || read[0].Labels["alertname"] != "Disk" {
		t.Errorf("%d bytes of labels", len(raw))
	}
	if !read[0].Starts.IsZero() || time.Until(read[0].Ends) > hookTime {
		t.Errorf("from %s to %s", read[0].Starts, read[0].Ends)
	}
}

// What thousands of alerts and a week of lines cost each second.
func BenchmarkSecond(b *testing.B) {
	h := newHouse(b, newHook(b, nil))
	r := h.room()
	x := h.term(b, r, noTape{})
	now := time.Now().UTC()
	r.mu.Lock()
	for i := range receivedKept {
		id := fmt.Sprint(i)
		r.received[id] = Received{ID: id, Source: "prometheus", Labels: map[string]string{"alertname": "A" + id, "severity": "page", "instance": id}, Starts: now, Ends: now.Add(24 * time.Hour)}
	}
	r.mu.Unlock()
	w := &world{now: now, policy: h.policy, cares: map[string]Care{}}
	x.book.update(x.active(now), w)
	i := 0
	for _, p := range x.book {
		raw, _ := json.Marshal(p)
		r.hear(keyProblem+p.ID, raw, false)
		for n := range 10 {
			e := Entry{ID: fmt.Sprint("l", i), Problem: p.ID, Kind: notice.Firing, Target: route.Target{Channel: "hook0", To: fmt.Sprint(n), Via: "channel:hook0"}, State: Accepted, Made: now, Tries: []Try{{At: now, Outcome: OutcomeAccepted}}}
			for _, due := range due(p, &asked{now: now, policy: h.policy, care: &Care{}}) {
				if n == 0 {
					e.ID, e.Target, e.Why = due.ID, due.Target, due.Why
				}
			}
			raw, _ := json.Marshal(e)
			r.hearLedger(e.ID, raw, false)
			i++
		}
	}
	for b.Loop() {
		w.now = w.now.Add(time.Millisecond)
		x.book.update(x.active(w.now), w)
		if err := x.sayDue(b.Context(), w.now, w, &Snapshot{}); err != nil {
			b.Fatal(err)
		}
		r.tell()
		if n := len(r.Snapshot().Open); n != receivedKept {
			b.Fatal(n)
		}
	}
	if len(r.entries) != 10*receivedKept {
		b.Fatalf("%d lines", len(r.entries))
	}
}
