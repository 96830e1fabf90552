package library

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

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/state"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
)

// open is a library of a process of its own, which hears of the others.
func open(t testing.TB, b *bus.Bus, cfg Config) *Library {
	t.Helper()
	kv, err := b.KV(t.Context(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	cfg.State = state.New(kv, slog.New(slog.DiscardHandler))
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.State.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = cfg.State.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return l
}

func texts(fr, en string) map[channel.Kind]map[string]message.Text {
	return map[channel.Kind]map[string]message.Text{channel.SMS: {"fr": {Body: fr}, "en": {Body: en}}}
}

// trouble is a whole scenario. Its initial and update messages use {next}.
func trouble(id string) *message.Scenario {
	return &message.Scenario{ID: id, Title: message.Words{"fr": "Panne", "en": "Trouble"}, Audience: "impact",
		Variables: map[string]*message.Variable{
			"next":  {Type: message.Time, Label: message.Words{"fr": "Prochain point", "en": "Next update"}, Default: "+20m"},
			"ended": {Type: message.Time, Label: message.Words{"fr": "Fin", "en": "End"}},
		},
		Messages: map[message.Step]*message.Message{
			message.Initial:    {Texts: texts("Panne. Point à {next}", "Trouble. Update by {next}")},
			message.Update:     {Texts: texts("Toujours. Point à {next}", "Still. Update by {next}")},
			message.Resolved:   {Texts: texts("Fini à {ended}", "Over at {ended}")},
			message.Correction: {Texts: texts("Erreur", "Mistake")},
		}}
}

func edited(s *message.Scenario, step message.Step, fr string) *message.Scenario {
	c := copied(s)
	c.Messages[step].Texts[channel.SMS]["fr"] = message.Text{Body: fr}
	return c
}

func why(t testing.TB, err error) Why {
	t.Helper()
	if err == nil {
		return ""
	}
	r, ok := errors.AsType[*Refused](err)
	if !ok {
		t.Fatalf("%v is no Refused", err)
	}
	return r.Why
}

// approved takes a message from draft to approved, and armed for the final.
func approved(t testing.TB, l *Library, id string, step message.Step) {
	t.Helper()
	ctx := t.Context()
	if _, err := l.Submit(ctx, "ana", id, step); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Approve(ctx, "val", id, step, l.Get(id).Scenario.Hash(step)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Arm(ctx, "val", id, step, "final"); err != nil {
		t.Fatal(err)
	}
}

func stateOf(l *Library, id string, step message.Step) State {
	return l.Get(id).State(step, "final", time.Now())
}

func TestAMessageLives(t *testing.T) {
	l := open(t, bustest.Open(t), Config{})
	ctx := t.Context()
	if _, err := l.Save(ctx, "ana", trouble("cdn"), 0); err != nil {
		t.Fatal(err)
	}
	hash := l.Get("cdn").Scenario.Hash(message.Initial)
	expect := func(what string, err error, want Why, at State) {
		t.Helper()
		if got := why(t, err); got != want {
			t.Fatalf("%s: %q, want %q", what, got, want)
		}
		if got := stateOf(l, "cdn", message.Initial); got != at {
			t.Fatalf("after %s it is %s, want %s", what, got, at)
		}
	}
	do := func(e *Entry, err error) error { return err }
	step := message.Initial
	expect("arming a draft", do(l.Arm(ctx, "op", "cdn", step, "final")), NotApproved, Draft)
	expect("approving a draft", do(l.Approve(ctx, "val", "cdn", step, hash)), NotInReview, Draft)
	expect("rejecting a draft", do(l.Reject(ctx, "val", "cdn", step, "no")), NotInReview, Draft)
	expect("submitting", do(l.Submit(ctx, "ana", "cdn", step)), "", InReview)
	expect("submitting again", do(l.Submit(ctx, "ana", "cdn", step)), Already, InReview)
	expect("approving one's own", do(l.Approve(ctx, "ana", "cdn", step, hash)), OwnWork, InReview)
	expect("approving one's own, in capitals", do(l.Approve(ctx, "ANA", "cdn", step, hash)), OwnWork, InReview)
	expect("approving as nobody", do(l.Approve(ctx, " ", "cdn", step, hash)), Nobody, InReview)
	expect("approving what was not seen", do(l.Approve(ctx, "val", "cdn", step, "x")), Changed, InReview)
	expect("rejecting without a word", do(l.Reject(ctx, "val", "cdn", step, " \u200b")), TextSize, InReview)
	expect("rejecting", do(l.Reject(ctx, "val", "cdn", step, "trop long")), "", Draft)
	expect("submitting once more", do(l.Submit(ctx, "ana", "cdn", step)), "", InReview)
	expect("approving", do(l.Approve(ctx, "val", "cdn", step, hash)), "", Approved)
	expect("approving again", do(l.Approve(ctx, "eve", "cdn", step, hash)), Already, Approved)
	expect("disarming what is not armed", do(l.Disarm(ctx, "op", "cdn", step, "final")), NotArmed, Approved)
	expect("arming for a path", do(l.Arm(ctx, "op", "cdn", step, "../x")), Invalid, Approved)
	expect("arming for another match", do(l.Arm(ctx, "op", "cdn", step, "semi-final")), "", Approved)
	expect("arming", do(l.Arm(ctx, "op", "cdn", step, "final")), "", Armed)
	expect("arming again", do(l.Arm(ctx, "op", "cdn", step, "final")), Already, Armed)
	expect("disarming", do(l.Disarm(ctx, "op", "cdn", step, "final")), "", Approved)
	expect("arming once more", do(l.Arm(ctx, "op", "cdn", step, "final")), "", Armed)
	expect("commenting", do(l.Comment(ctx, "eve", "cdn", step, "bien")), "", Armed)
	expect("commenting at length", do(l.Comment(ctx, "eve", "cdn", step, strings.Repeat("x", 1001))), TextSize, Armed)
	expect("reviving what lives", do(l.Revive(ctx, "eve", "cdn", step)), Already, Armed)
	expect("taking the approval back", do(l.Reject(ctx, "eve", "cdn", step, "faux")), "", Draft)
	expect("retiring", do(l.Retire(ctx, "eve", "cdn", step)), "", Retired)
	expect("submitting what is retired", do(l.Submit(ctx, "ana", "cdn", step)), IsRetired, Retired)
	expect("reviving", do(l.Revive(ctx, "eve", "cdn", step)), "", Draft)
	expect("another scenario", do(l.Submit(ctx, "ana", "none", step)), Unknown, Draft)
	expect("another step", do(l.Submit(ctx, "ana", "cdn", message.Cancel)), NoMessage, Draft)
	var said []string
	for _, act := range l.Get("cdn").Steps[step].Thread {
		said = append(said, act.By+" "+act.What+" "+act.Note)
	}
	want := []string{"ana edited ", "ana submitted ", "val rejected trop long", "ana submitted ", "val approved ", "op armed semi-final", "op armed final", "op disarmed final",
		"op armed final", "eve comment bien", "eve rejected faux", "eve retired ", "eve revived "}
	if !slices.Equal(said, want) {
		t.Errorf("the thread: %q", said)
	}
}

func TestAnEditEndsTheApprovalOfWhatItIsOf(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*message.Scenario)
		ends []message.Step // approvals
	}{
		{"nothing", func(*message.Scenario) {}, nil},
		{"what a form does to a text", func(s *message.Scenario) {
			s.Messages[message.Initial].Texts[channel.SMS]["fr"] = message.Text{Body: "Panne. Point à {next} \r\n"}
			s.Messages[message.Initial].Texts[channel.X] = map[string]message.Text{"fr": {}}
		}, nil},
		{"the title", func(s *message.Scenario) { s.Title["fr"] = "Autre" }, nil},
		{"one text", func(s *message.Scenario) {
			s.Messages[message.Initial].Texts[channel.SMS]["fr"] = message.Text{Body: "Panne ! Point à {next}"}
		}, []message.Step{message.Initial}},
		{"a shared variable", func(s *message.Scenario) { s.Variables["next"].Default = "+30m" }, []message.Step{message.Initial, message.Update}},
		{"a variable of one", func(s *message.Scenario) { s.Variables["ended"].Label["fr"] = "Heure de fin" }, []message.Step{message.Resolved}},
		{"the audience", func(s *message.Scenario) { s.Audience = "everyone" }, []message.Step{message.Initial, message.Update, message.Resolved, message.Correction}},
		{"a step that goes", func(s *message.Scenario) { delete(s.Messages, message.Update) }, []message.Step{message.Update}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := open(t, bustest.Open(t), Config{})
			ctx := t.Context()
			if _, err := l.Save(ctx, "ana", trouble("cdn"), 0); err != nil {
				t.Fatal(err)
			}
			all := []message.Step{message.Initial, message.Update, message.Resolved, message.Correction}
			for _, step := range all {
				approved(t, l, "cdn", step)
			}
			s := l.Export("cdn")
			c.edit(s)
			before := l.Get("cdn")
			e, err := l.Save(ctx, "bob", s, before.Version)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range all {
				ended := slices.Contains(c.ends, step)
				want, authors := Armed, []string{"ana"}
				if ended {
					want, authors = Draft, []string{"bob"} // ana's words have an approver: what follows is bob's
				}
				if e.Scenario.Messages[step] == nil {
					want = ""
				}
				if got := stateOf(l, "cdn", step); got != want || !slices.Equal(e.Steps[step].Authors, authors) {
					t.Errorf("%s is %s by %v, want %s by %v", step, got, e.Steps[step].Authors, want, authors)
				}
				_, err := l.ForSend(ctx, "cdn", step, "final")
				if (err != nil) != ended {
					t.Errorf("%s may be sent: %v", step, err)
				}
			}
			if c.name == "nothing" && e.Version != before.Version {
				t.Error("a save that changes nothing made a version")
			}
		})
	}
}

// A content that comes back is not the approval that comes back.
func TestAnApprovalDoesNotComeBack(t *testing.T) {
	l := open(t, bustest.Open(t), Config{})
	ctx := t.Context()
	_, _ = l.Save(ctx, "ana", trouble("cdn"), 0)
	approved(t, l, "cdn", message.Initial)
	if _, err := l.Save(ctx, "bob", edited(trouble("cdn"), message.Initial, "x {next}"), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Save(ctx, "bob", trouble("cdn"), 2); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(l, "cdn", message.Initial); got != Draft {
		t.Errorf("it is %s", got)
	}
	if _, err := l.ForSend(ctx, "cdn", message.Initial, "final"); why(t, err) != NotApproved {
		t.Errorf("it may be sent: %v", err)
	}
}

func TestWhoSavedMeanwhileIsTold(t *testing.T) {
	l := open(t, bustest.Open(t), Config{})
	ctx := t.Context()
	if _, err := l.Save(ctx, "ana", trouble("cdn"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Save(ctx, "bob", edited(trouble("cdn"), message.Update, "x {next}"), 1); err != nil {
		t.Fatal(err)
	}
	_, err := l.Save(ctx, "cat", edited(trouble("cdn"), message.Update, "y {next}"), 1)
	if r, ok := errors.AsType[*Refused](err); !ok || r.Why != Conflict || r.By != "bob" || r.Version != 2 || r.At.IsZero() {
		t.Errorf("%+v", err)
	}
	_, err = l.Save(ctx, "cat", edited(trouble("cdn"), message.Update, "y {next}"), 0)
	if r, ok := errors.AsType[*Refused](err); !ok || r.Why != Taken || r.By != "ana" {
		t.Errorf("%+v", err)
	}
	if _, err = l.Save(ctx, "cat", l.Export("cdn"), 1); err != nil {
		t.Errorf("the same as is kept, from an old form: %v", err)
	}
	bad := trouble("cdn")
	bad.Messages["initail"] = bad.Messages[message.Initial]
	if _, err = l.Save(ctx, "cat", bad, 2); why(t, err) != Invalid || !strings.Contains(err.Error(), "messages.initail: ") {
		t.Errorf("%v", err)
	}
	if _, err = l.Save(ctx, "", trouble("new"), 0); why(t, err) != Nobody {
		t.Errorf("%v", err)
	}
}

// What is not complete can be kept, and not reviewed; what has errors neither approved nor armed nor sent.
func TestFaultsStopAtEachGate(t *testing.T) {
	house := message.Limits{House: []string{"https://tele.example"}}
	var mu sync.Mutex
	limits := func() message.Limits { mu.Lock(); defer mu.Unlock(); return house }
	l := open(t, bustest.Open(t), Config{Limits: limits})
	ctx := t.Context()
	s := edited(trouble("cdn"), message.Initial, "Panne : tele.example. Point à {next}")
	delete(s.Messages, message.Correction)
	if _, err := l.Save(ctx, "ana", s, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Submit(ctx, "ana", "cdn", message.Initial); why(t, err) != Invalid || !strings.Contains(err.Error(), "messages.correction: is missing") {
		t.Fatalf("without its correction: %v", err)
	}
	s.Messages[message.Correction] = trouble("cdn").Messages[message.Correction]
	if _, err := l.Save(ctx, "ana", s, 1); err != nil {
		t.Fatal(err)
	}
	change := func(prefix string) { mu.Lock(); defer mu.Unlock(); house.House = []string{prefix} }
	change("https://other.example")
	if _, err := l.Submit(ctx, "ana", "cdn", message.Initial); why(t, err) != Faulty || !strings.Contains(err.Error(), "none of the house's addresses") {
		t.Fatalf("submitted: %v", err)
	}
	change("https://tele.example")
	if _, err := l.Submit(ctx, "ana", "cdn", message.Initial); err != nil {
		t.Fatal(err)
	}
	hash := s.Hash(message.Initial)
	change("https://other.example")
	if _, err := l.Approve(ctx, "val", "cdn", message.Initial, hash); why(t, err) != Faulty {
		t.Fatalf("approved: %v", err)
	}
	change("https://tele.example")
	if _, err := l.Approve(ctx, "val", "cdn", message.Initial, hash); err != nil {
		t.Fatal(err)
	}
	change("https://other.example")
	if _, err := l.Arm(ctx, "val", "cdn", message.Initial, "final"); why(t, err) != Faulty {
		t.Fatalf("armed: %v", err)
	}
	change("https://tele.example")
	if _, err := l.Arm(ctx, "val", "cdn", message.Initial, "final"); err != nil {
		t.Fatal(err)
	}
	if c, err := l.ForSend(ctx, "cdn", message.Initial, "final"); err != nil || c.Hash != hash || c.Approver != "val" || c.ArmedBy != "val" || !slices.Equal(c.Authors, []string{"ana"}) || c.Drill {
		t.Fatalf("%+v, %v", c, err)
	}
	change("https://other.example")
	if _, err := l.ForSend(ctx, "cdn", message.Initial, "final"); why(t, err) != Faulty {
		t.Fatalf("sent: %v", err)
	}
	if r := l.Readiness("final"); r.Approved != 1 || r.Armed != 0 || r.Missing[0].Why != Faulty || len(r.Missing[0].Findings) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestAnApprovalExpires(t *testing.T) {
	l := open(t, bustest.Open(t), Config{Valid: time.Nanosecond})
	ctx := t.Context()
	_, _ = l.Save(ctx, "ana", trouble("cdn"), 0)
	hash := l.Get("cdn").Scenario.Hash(message.Initial)
	_, _ = l.Submit(ctx, "ana", "cdn", message.Initial)
	if _, err := l.Approve(ctx, "val", "cdn", message.Initial, hash); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Arm(ctx, "val", "cdn", message.Initial, "final"); why(t, err) != Expired {
		t.Errorf("armed: %v", err)
	}
	if _, err := l.ForSend(ctx, "cdn", message.Initial, "final"); why(t, err) != Expired {
		t.Errorf("sent: %v", err)
	}
	if r := l.Readiness("final"); r.Missing[0].Why != Expired || r.Approved != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := l.Submit(ctx, "ana", "cdn", message.Initial); err != nil {
		t.Errorf("reviewed again: %v", err)
	}
}

// "4 of 31 messages not validated", and which.
func TestReadiness(t *testing.T) {
	l := open(t, bustest.Open(t), Config{})
	ctx := t.Context()
	for _, id := range []string{"cdn", "login"} {
		if _, err := l.Save(ctx, "ana", trouble(id), 0); err != nil {
			t.Fatal(err)
		}
	}
	adhoc := trouble("tonight")
	adhoc.Adhoc = true
	if _, err := l.Save(ctx, "ana", adhoc, 0); err != nil {
		t.Fatal(err)
	}
	approved(t, l, "cdn", message.Initial)
	approved(t, l, "cdn", message.Update)
	_, _ = l.Disarm(ctx, "op", "cdn", message.Update, "final")
	_, _ = l.Submit(ctx, "ana", "cdn", message.Resolved)
	_, _ = l.Retire(ctx, "ana", "login", message.Update)
	r := l.Readiness("final")
	if r.Total != 7 || r.Approved != 2 || r.Armed != 1 || len(r.Missing) != 6 {
		t.Fatalf("%+v", r)
	}
	var got []string
	for _, m := range r.Missing {
		got = append(got, fmt.Sprint(m.Scenario, " ", m.Step, " ", m.State, " ", m.Why))
	}
	want := []string{"cdn update approved not_armed", "cdn resolved in_review not_approved", "cdn correction draft not_in_review",
		"login initial draft not_in_review", "login resolved draft not_in_review", "login correction draft not_in_review"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if r := l.Readiness("semi-final"); r.Armed != 0 || r.Approved != 2 {
		t.Errorf("for another match: %+v", r)
	}
	if _, err := l.ForSend(ctx, "cdn", message.Initial, ""); why(t, err) != NotArmed {
		t.Errorf("outside of matches: %v", err)
	}
}

func TestFilesAreDraftsOfWhoImportsThem(t *testing.T) {
	l := open(t, bustest.Open(t), Config{})
	ctx := t.Context()
	got, err := l.Import(ctx, "ana", []*message.Scenario{trouble("a"), trouble("b")})
	if err != nil || len(got.Created) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	approved(t, l, "a", message.Initial)
	got, err = l.Import(ctx, "val", []*message.Scenario{trouble("a"), edited(trouble("b"), message.Update, "x {next}")})
	if err != nil || !slices.Equal(got.Same, []string{"a"}) || !slices.Equal(got.Changed, []string{"b"}) || len(got.Created) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got := stateOf(l, "a", message.Initial); got != Armed {
		t.Errorf("the same file again: %s", got)
	}
	if _, err := l.Submit(ctx, "ana", "b", message.Update); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Approve(ctx, "val", "b", message.Update, l.Get("b").Scenario.Hash(message.Update)); why(t, err) != OwnWork {
		t.Errorf("who imported it approved it: %v", err)
	}
	bad := trouble("c")
	bad.ID = "../c"
	if _, err := l.Import(ctx, "ana", []*message.Scenario{bad, trouble("d")}); why(t, err) != Invalid || l.Get("d") != nil {
		t.Errorf("%v", err)
	}
	s := l.Export("a")
	s.Title["fr"] = "changed by whoever has it"
	if l.Get("a").Scenario.Title["fr"] != "Panne" || l.Export("none") != nil {
		t.Error("what was exported is what is kept")
	}
}

func TestAnExerciseNeedsNoApproval(t *testing.T) {
	l := open(t, bustest.Open(t), Config{})
	ctx := t.Context()
	_, _ = l.Save(ctx, "ana", trouble("cdn"), 0)
	c, err := l.ForDrill(ctx, "cdn", message.Initial)
	if err != nil || !c.Drill || c.Approver != "" || c.ArmedBy != "" {
		t.Errorf("%+v, %v", c, err)
	}
	_, _ = l.Retire(ctx, "ana", "cdn", message.Initial)
	if _, err := l.ForDrill(ctx, "cdn", message.Initial); why(t, err) != IsRetired {
		t.Errorf("%v", err)
	}
	if _, err := l.ForDrill(ctx, "none", message.Initial); why(t, err) != Unknown {
		t.Errorf("%v", err)
	}
	if _, err := l.ForSend(ctx, "../x", message.Initial, ""); why(t, err) != Unknown {
		t.Errorf("%v", err)
	}
}

// The next review shows what was approved before, whatever became of it since.
func TestWhatWasApprovedLastIsRemembered(t *testing.T) {
	b := bustest.Open(t)
	l := open(t, b, Config{})
	s := trouble("cdn-lost")
	if _, err := l.Save(t.Context(), "ana", s, 0); err != nil {
		t.Fatal(err)
	}
	if l.LastApproved("cdn-lost", message.Initial) != nil {
		t.Error("something was approved before anybody did")
	}
	approved(t, l, "cdn-lost", message.Initial)
	e, err := l.Save(t.Context(), "ana", edited(s, message.Initial, "D’autres mots."), l.Get("cdn-lost").Version)
	if err != nil {
		t.Fatal(err)
	}
	was := l.LastApproved("cdn-lost", message.Initial)
	if was == nil || was.Hash(message.Initial) != s.Hash(message.Initial) || was.Hash(message.Initial) == e.Scenario.Hash(message.Initial) {
		t.Errorf("remembered %v", was)
	}
	if again := open(t, b, Config{}).LastApproved("cdn-lost", message.Initial); again == nil || again.Hash(message.Initial) != s.Hash(message.Initial) {
		t.Errorf("another process remembers %v", again)
	}
}
