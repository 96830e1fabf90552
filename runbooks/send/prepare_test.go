package send

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/state"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// desk is a room with a library of messages, contacts and crises of its own: all of it real.
type desk struct {
	*Room
	library *library.Library
	book    *audience.Book
	crises  *crisis.Room
	live    map[string]string
}

var deskAccounts = []Account{
	{ID: "sms", Kind: channel.SMS, Parallel: 8, Timeout: time.Second, Price: 0.06, Rate: 100},
	{ID: "sms", Kind: channel.SMS, Parallel: 8, Timeout: time.Second, Drill: true},
}

func newDesk(t *testing.T, crew bool) *desk {
	t.Helper()
	b, log := oneBus(t), slog.New(slog.DiscardHandler)
	ctx, stop := context.WithCancel(t.Context())
	var g sync.WaitGroup
	t.Cleanup(func() { stop(); g.Wait() })
	bucket := func(name string) *state.Bucket {
		kv, err := b.KV(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return state.New(kv, log)
	}
	d := &desk{live: map[string]string{}}
	var err error
	messages := bucket("messages")
	if d.library, err = library.New(library.Config{State: messages}); err != nil {
		t.Fatal(err)
	}
	lines, err := b.Stream(t.Context(), crisis.Stream("CRISES"))
	if err != nil {
		t.Fatal(err)
	}
	crises := bucket("crises")
	d.crises = crisis.New(crisis.Config{State: crises, Lines: lines, Log: log})
	lists, err := b.KV(t.Context(), "lists")
	if err != nil {
		t.Fatal(err)
	}
	people := bucket("audience")
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	if d.book, err = audience.New(audience.Config{DB: db, State: people, Lists: lists, Log: log}); err != nil {
		t.Fatal(err)
	}
	kv, err := b.KV(t.Context(), "sends")
	if err != nil {
		t.Fatal(err)
	}
	sends := state.New(kv, log)
	d.Room = NewRoom(RoomConfig{
		Bus: b, KV: kv, State: sends, Accounts: deskAccounts, Log: log, Lists: d.book.Load,
		Timeline: func(ctx context.Context, id string, l crisis.Line) error { l.ID = id; return d.crises.Write(ctx, l) },
		Prepare: PrepareConfig{
			Library: d.library, Audience: func() *audience.Book { return d.book }, Crisis: d.crises.Get, Crises: d.crises.Current, Lang: "fr",
			Live: func(map[string]string) map[string]string { return d.live },
		},
	})
	for _, s := range []*state.Bucket{messages, crises, people, sends} {
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.Go(func() { _ = s.Run(ctx) })
	}
	if err := errors.Join(d.crises.Load(t.Context()), d.book.Open(t.Context())); err != nil {
		t.Fatal(err)
	}
	g.Go(func() { _ = d.crises.Run(ctx) })
	g.Go(func() { _ = d.Run(ctx) })

	rows := "id,email,phone,lang,email_agree,sms_agree,role\n"
	for i := range 300 {
		role := ""
		if i < 4 {
			role = "crew"
		}
		rows += fmt.Sprintf("p%d,,+336%08d,%s,0,%d,%s\n", i, i, []string{"fr", "en"}[i%2], min(1, i%10), role) // one in ten did not agree
	}
	if _, err := d.book.Import(t.Context(), strings.NewReader(rows), audience.ImportOptions{Format: "csv", By: "ada"}); err != nil {
		t.Fatal(err)
	}
	segments := []audience.Segment{{ID: "everyone", Name: "Tous", By: "ada"}}
	if crew {
		segments = append(segments, audience.Segment{ID: "crew", Name: "La maison", By: "ada", Canary: true, Where: []audience.Condition{{Attribute: "role", Values: []string{"crew"}}}})
	}
	for _, s := range segments {
		if _, err := d.book.SaveSegment(t.Context(), s, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func texts(fr, en string) *message.Message {
	return &message.Message{Texts: map[channel.Kind]map[string]message.Text{channel.SMS: {"fr": {Body: fr}, "en": {Body: en}}}}
}

func outage() *message.Scenario {
	return &message.Scenario{
		ID: "outage", Title: message.Words{"fr": "Panne", "en": "Outage"}, Audience: "everyone",
		Timing:    message.Timing{Initial: 5 * time.Minute, Every: 15 * time.Minute},
		Variables: map[string]*message.Variable{"next": {Type: message.Time, Live: "next_by", Label: message.Words{"fr": "Prochain point", "en": "Next update"}}},
		Messages: map[message.Step]*message.Message{
			message.Initial: texts("Direct perturbe. Prochain point a {next}.", "Live disrupted. Next update by {next}."), message.Update: texts("Toujours perturbe. Point a {next}.", "Still disrupted. Update by {next}."),
			message.Resolved: texts("Le direct est retabli.", "The live stream is back."), message.Correction: texts("Le precedent message etait errone.", "The previous message was wrong."),
			message.Cancel: texts("Il n'y a pas de panne.", "There is no outage."),
		},
	}
}

// written keeps the messages that ana wrote; val approves and arms them.
func (d *desk) written(t *testing.T, approve ...message.Step) {
	t.Helper()
	if _, err := d.library.Save(t.Context(), "ana", outage(), 0); err != nil {
		t.Fatal(err)
	}
	for _, step := range approve {
		d.approve(t, step)
	}
}

func (d *desk) approve(t *testing.T, step message.Step) {
	t.Helper()
	_, err := d.library.Submit(t.Context(), "ana", "outage", step)
	if err == nil {
		_, err = d.library.Approve(t.Context(), "val", "outage", step, d.library.Get("outage").Scenario.Hash(step))
	}
	if err == nil {
		_, err = d.library.Arm(t.Context(), "val", "outage", step, "")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) opened(t *testing.T, drill bool) *crisis.Crisis {
	t.Helper()
	c, err := d.crises.Open(t.Context(), "sam", crisis.Crisis{Title: "Panne", Drill: drill, Began: time.Now().Add(-3 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (d *desk) work(t *testing.T, g *gateway, drill bool, owner string) {
	h := &house{Room: d.Room}
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: owner, Drill: drill, Alone: true})
	until(t, "a worker is there", func() bool { return len(d.live0(drill)) > 0 })
}

func (d *desk) live0(drill bool) []string { return d.Room.live(drill) }

// Words that somebody approved who did not write them, prepared by a third person, confirmed by a fourth: exactly
// those who agreed are told, and the end goes to exactly those who got the beginning.
func TestFromWordsToPeople(t *testing.T) {
	t.Parallel()
	d, g := newDesk(t, true), newGateway(t)
	d.written(t, message.Initial, message.Resolved)
	d.work(t, g, false, "w")
	c := d.opened(t, false)
	for _, by := range []string{"ana", "val"} {
		if _, err := d.Prepare(t.Context(), by, Draft{Crisis: c.ID, Scenario: "outage", Step: message.Initial}); !errors.As(err, new(SamePerson)) {
			t.Errorf("%s, who wrote or approved it, prepares it: %v", by, err)
		}
	}
	s, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Initial})
	if err != nil {
		t.Fatal(err)
	}
	leg := s.Legs[0]
	if leg.List.Size != 270 || leg.List.Canary != 3 || leg.List.Disagreed != 30 || leg.Units != 270 || leg.Takes != 2700*time.Millisecond && leg.Takes != 3*time.Second || s.Approved != "val" || !slices.Equal(s.Authors, []string{"ana"}) {
		t.Errorf("prepared %+v of %+v", s, leg)
	}
	if !s.NextBy.After(time.Now().Add(14*time.Minute)) || s.NextBy.Minute()%5 != 0 {
		t.Errorf("the next one is promised for %s", s.NextBy)
	}
	if err := d.Confirm(t.Context(), "sue", s.ID, s.Digest, 270); !errors.As(err, new(NotNow)) {
		t.Errorf("confirmed before it was checked: %v", err)
	}
	if _, err := d.Check(t.Context(), "sue", s.ID); !errors.As(err, new(SamePerson)) {
		t.Errorf("another person than the sender checks it: %v", err)
	}
	if found, err := d.Check(t.Context(), "sam", s.ID); err != nil {
		t.Fatal(err, found)
	}
	for name, refused := range map[string]struct {
		by, digest string
		typed      int
	}{
		"the same person": {"sam", s.Digest, 270}, "a wrong number": {"sue", s.Digest, 27}, "something else than was seen": {"sue", "x" + s.Digest[1:], 270},
	} {
		if err := d.Confirm(t.Context(), refused.by, s.ID, refused.digest, refused.typed); err == nil {
			t.Fatalf("confirmed by %s", name)
		}
	}
	if n, _ := g.count(); n > 0 {
		t.Fatalf("%d were told before anybody confirmed", n)
	}
	if err := d.Confirm(t.Context(), "sue", s.ID, s.Digest, 270); err != nil {
		t.Fatal(err)
	}
	h := &house{Room: d.Room}
	if s = h.ended(t, s.ID); s.State != Completed {
		t.Fatalf("%s: %v", s.State, whole(t, s).Of)
	}
	n, twice := g.count()
	if n != 270 || twice > 0 {
		t.Errorf("%d were told, %d twice", n, twice)
	}

	// Somebody who got it asks never to be told again; the others are told of the end, and nobody else.
	if err := d.book.Suppress(t.Context(), audience.Whom{Kind: channel.SMS, Address: "+33600000007"}, "by_hand", "ada"); err != nil {
		t.Fatal(err)
	}
	end, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Resolved})
	if err != nil {
		t.Fatal(err)
	}
	if end.Legs[0].List.Size != 269 || end.Legs[0].List.Suppressed != 1 || end.Previous != s.ID || !end.NextBy.IsZero() {
		t.Errorf("the end goes to %+v, after %s", end.Legs[0].List, end.Previous)
	}
	if _, err := d.Check(t.Context(), "sam", end.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.Confirm(t.Context(), "sue", end.ID, end.Digest, 269); err != nil {
		t.Fatal(err)
	}
	h.ended(t, end.ID)
	first, second := map[string]bool{}, 0
	g.mu.Lock()
	for to, at := range g.taken {
		first[to] = true
		if len(at) == 2 {
			second++
		}
	}
	never := len(g.taken["+33600000007"])
	g.mu.Unlock()
	if len(first) != 270 || second != 269 || never != 1 {
		t.Errorf("%d got the first, %d both; who asked not to be told got %d", len(first), second, never)
	}
	count := func(what string) (n int) {
		for _, l := range d.crises.Lines(c.ID) {
			if l.What == what {
				n++
			}
		}
		return n
	}
	until(t, "the end is in the timeline", func() bool { return count("send-end") == 2 })
	d.retell(t.Context(), false) // as a process does that does not know what another one told
	for _, want := range []string{"send-prepare", "send-check", "send-confirm", "send-begin", "send-end"} {
		if n := count(want); n != 2 {
			t.Errorf("the timeline has %s %d times, want once for each send", want, n)
		}
	}
}

// What was edited after it was approved is not sent: not prepared, nor checked, nor confirmed.
func TestWhatWasEditedAfterItWasApprovedIsNotSent(t *testing.T) {
	t.Parallel()
	d, g := newDesk(t, false), newGateway(t)
	d.written(t, message.Initial)
	d.work(t, g, false, "w")
	c := d.opened(t, false)
	draft := Draft{Crisis: c.ID, Scenario: "outage", Step: message.Initial}
	edit := func(fr string) {
		t.Helper()
		e := d.library.Get("outage")
		s := outage()
		s.Messages[message.Initial] = texts(fr, "Changed. Next update by {next}.")
		if _, err := d.library.Save(t.Context(), "ana", s, e.Version); err != nil {
			t.Fatal(err)
		}
	}
	prepared, err := d.Prepare(t.Context(), "sam", draft)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := d.Prepare(t.Context(), "sam", draft)
	if err == nil {
		_, err = d.Check(t.Context(), "sam", checked.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	edit("Autre chose. Point a {next}.")
	if _, err := d.Prepare(t.Context(), "sam", draft); err == nil {
		t.Error("it was prepared")
	}
	if _, err := d.Check(t.Context(), "sam", prepared.ID); !errors.As(err, new(Blocked)) {
		t.Errorf("it was checked: %v", err)
	}
	if err := d.Confirm(t.Context(), "sue", checked.ID, checked.Digest, checked.People()); !errors.As(err, new(Blocked)) {
		t.Errorf("it was confirmed: %v", err)
	}
	d.approve(t, message.Initial) // other words, approved: not those that were prepared
	if err := d.Confirm(t.Context(), "sue", checked.ID, checked.Digest, checked.People()); !errors.As(err, new(Blocked)) {
		t.Errorf("other words than those that are approved were confirmed: %v", err)
	}
	if n, _ := g.count(); n > 0 {
		t.Errorf("%d were told", n)
	}
	if _, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: "broadcast"}); err == nil {
		t.Error("a step that there is not was prepared")
	}
	if _, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Cancel}); err == nil {
		t.Error("a message that nobody approved was prepared")
	}
}

// An exercise goes to the house's own people, by the accounts of exercises, and one person may do all of it.
func TestAnExerciseIsOfTheHouseAlone(t *testing.T) {
	t.Parallel()
	d, live, drill := newDesk(t, true), newGateway(t), newGateway(t)
	d.written(t)
	d.work(t, live, false, "live")
	d.work(t, drill, true, "drill")
	c := d.opened(t, true)
	s, err := d.Prepare(t.Context(), "ana", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Initial})
	if err != nil {
		t.Fatal(err)
	}
	for lang, out := range s.Rendered.Texts[channel.SMS] {
		if !strings.HasPrefix(out.Text, map[string]string{"fr": "EXERCICE", "en": "DRILL"}[lang]) {
			t.Errorf("%s does not say that it is an exercise: %q", lang, out.Text)
		}
	}
	if s.People() != 3 {
		t.Errorf("it goes to %d people", s.People())
	}
	if _, err := d.Check(t.Context(), "ana", s.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.Confirm(t.Context(), "ana", s.ID, s.Digest, 3); err != nil {
		t.Fatal(err)
	}
	(&house{Room: d.Room}).ended(t, s.ID)
	if n, _ := live.count(); n > 0 {
		t.Errorf("an exercise told %d for real", n)
	}
	if n, _ := drill.count(); n != 3 {
		t.Errorf("%d of the house were told", n)
	}
}

// An update that is due is prepared by the system, once, with what the board says now; a person takes it from there.
func TestWhatIsDueIsPreparedByItself(t *testing.T) {
	t.Parallel()
	d, g := newDesk(t, false), newGateway(t)
	d.written(t, message.Initial, message.Update)
	d.work(t, g, false, "w")
	c := d.opened(t, false)
	s, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Initial, NextBy: time.Now().Add(3 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.Check(t.Context(), "sam", s.ID); err == nil {
		err = d.Confirm(t.Context(), "sue", s.ID, s.Digest, s.People())
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Update}); !errors.Is(err, ErrUnderWay) && d.Get(s.ID).Ended.IsZero() {
		t.Errorf("the next one was prepared before it was known who got the first: %v", err)
	}
	(&house{Room: d.Room}).ended(t, s.ID)
	until(t, "the update is prepared", func() bool { return len(d.Of(c.ID)) == 2 })
	update := d.Of(c.ID)[0]
	if update.ID == s.ID {
		update = d.Of(c.ID)[1]
	}
	if update.Rendered.Step != message.Update || update.By != "" || update.State != Prepared || update.Legs[0].List.Size != s.People() {
		t.Fatalf("prepared %+v", update)
	}
	if due := d.Due(c, time.Now()); len(due) != 1 || due[0].Send != update.ID || due[0].Step != message.Update {
		t.Errorf("due are %+v", due)
	}
	if _, err := d.Check(t.Context(), "val", update.ID); !errors.As(err, new(SamePerson)) {
		t.Errorf("who approved it takes it: %v", err)
	}
	if _, err := d.Check(t.Context(), "sue", update.ID); err != nil || d.Get(update.ID).By != "sue" {
		t.Errorf("sue takes it: %v, by %q", err, d.Get(update.ID).By)
	}
	if err := d.Drop(t.Context(), "sue", update.ID, "not yet"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * remindEvery)
	if n := len(d.Of(c.ID)); n != 2 {
		t.Errorf("what somebody dropped was prepared again: %d sends", n)
	}
}

// A first message that was aborted and sent again: nobody gets it twice, and the end goes to all who got either.
func TestWhatWasAbortedAndSentAgainReachesNobodyTwice(t *testing.T) {
	t.Parallel()
	d, g := newDesk(t, false), newGateway(t)
	slow := true
	g.mood = func(string) mood {
		g.mu.Lock()
		defer g.mu.Unlock()
		if slow {
			time.Sleep(20 * time.Millisecond)
		}
		return takes
	}
	d.written(t, message.Initial, message.Resolved)
	d.work(t, g, false, "w")
	c := d.opened(t, false)
	h := &house{Room: d.Room}
	go1 := func(step message.Step) *Send {
		t.Helper()
		s, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: step})
		if err == nil {
			_, err = d.Check(t.Context(), "sam", s.ID)
		}
		if err == nil {
			err = d.Confirm(t.Context(), "sue", s.ID, s.Digest, s.People())
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one := go1(message.Initial)
	until(t, "some are told", func() bool { n, _ := g.count(); return n > 20 })
	if err := d.Abort(t.Context(), "sue", one.ID, "a name is wrong"); err != nil {
		t.Fatal(err)
	}
	if s := h.ended(t, one.ID); s.State != Aborted {
		t.Fatalf("it is %s", s.State)
	}
	got, _ := g.count()
	g.mu.Lock()
	slow = false
	g.mu.Unlock()
	two := go1(message.Initial)
	if two.People() != 270-got {
		t.Errorf("%d of 270 were told; it goes to %d", got, two.People())
	}
	h.ended(t, two.ID)
	if n, twice := g.count(); n != 270 || twice > 0 {
		t.Errorf("%d were told, %d twice", n, twice)
	}
	third, err := d.Prepare(t.Context(), "sam", Draft{Crisis: c.ID, Scenario: "outage", Step: message.Initial})
	if err == nil {
		_, err = d.Check(t.Context(), "sam", third.ID)
	}
	if !errors.As(err, new(Blocked)) {
		t.Errorf("the same message was to be sent once more: %v", err)
	}
	if end := go1(message.Resolved); end.People() != 270 {
		t.Errorf("the end goes to %d of those who got the beginning", end.People())
	}
}

// Sends that were frozen at the same time do not get around the cap on a person: it is looked at again before each claim.
func TestTheCapHoldsForSendsPreparedTogether(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(30, 0)
	h := newHouse(t, b, []Account{account}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w", Cap: 2})
	for i := range 4 {
		s := confirmed(fmt.Sprint("s", i), false, list.leg("sms"))
		s.Crisis = s.ID
		h.begin(t, s)
		h.ended(t, s.ID)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for to, at := range g.taken {
		if len(at) != 2 {
			t.Fatalf("%s was told %d times, want 2", to, len(at))
		}
	}
	if tally := whole(t, h.Get("s3")); tally.Get(Suppressed) != 30 || h.Get("s3").State != Completed {
		t.Errorf("%s: %v", h.Get("s3").State, tally.Of)
	}
}

// That a repeat was certainly not taken says nothing of the call before it: they stay unknown.
func TestDoubtStays(t *testing.T) {
	t.Parallel()
	b, g, list := oneBus(t), newGateway(t), invented(10, 0)
	now := takesAndBreaks
	g.mood = func(string) mood { g.mu.Lock(); defer g.mu.Unlock(); return now }
	h := newHouse(t, b, []Account{account}, list)
	h.staff(t, WorkerConfig{Channels: map[string]channel.Channel{"sms": g.channel(t)}, Owner: "w"})
	leg := list.leg("sms")
	leg.Forgiven = time.Now().Add(time.Hour)
	h.begin(t, confirmed("s1", false, leg))
	if got := whole(t, h.ended(t, "s1")).Get(Unknown); got != 10 {
		t.Fatalf("%d unknown", got)
	}
	g.mu.Lock()
	now = refuses
	g.mu.Unlock()
	if err := h.RetryUnknown(t.Context(), "sam", "s1", "", 10); err != nil {
		t.Fatal(err)
	}
	h.ended(t, "s1")
	if got := whole(t, h.ended(t, "s1")); got.Get(Unknown) != 10 {
		t.Errorf("after a repeat that was refused: %v", got.Of)
	}
	g.mu.Lock()
	now = takes
	g.mu.Unlock()
	if err := h.Retry(t.Context(), "sam", "s1", ""); err != nil {
		t.Fatal(err)
	}
	h.ended(t, "s1")
	if _, twice := g.count(); twice > 0 {
		t.Errorf("%d of whom nobody knows were told again by a retry of the refused", twice)
	}
}
