package runbooks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/match"
	"vigie/internal/provider"
	"vigie/internal/state"
	"vigie/runbooks/crisis"
)

// process is a Room with its crises on the bus, as another process has them. It follows, and watches when watches is true.
func process(t *testing.T, b *bus.Bus, watches bool, cfg Config) *Room {
	t.Helper()
	kv, err := b.KV(t.Context(), "runbooks")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := b.Stream(t.Context(), crisis.Stream("CRISIS"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := state.New(kv, log)
	cfg.State, cfg.Log = s, log
	cfg.Crises = crisis.New(crisis.Config{State: s, Lines: stream, Log: log})
	r := New(cfg)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Crises.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var g sync.WaitGroup
	g.Go(func() { _ = s.Run(ctx) })
	g.Go(func() { _ = cfg.Crises.Run(ctx) })
	if watches {
		g.Go(func() { _ = r.Run(ctx) })
	}
	t.Cleanup(func() { stop(); g.Wait() })
	return r
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// written is a runbook of steps: an id and the rest of its block.
func written(t *testing.T, steps ...string) *Runbook {
	t.Helper()
	text := "---\ntitle: {fr: Essai, en: Trial}\nowner: CDN\n---\n"
	for _, s := range steps {
		id, _, _ := strings.Cut(s, "\n")
		text += "\n## " + id + "\n\n```step\nid: " + s + "\n```\n"
	}
	rb, err := Parse("trial", "trial.md", []byte(text), decode)
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

func started(t *testing.T, r *Room, s Start) *Run {
	t.Helper()
	if s.Runbook == "" {
		s.Runbook = "trial"
	}
	run, err := r.Start(t.Context(), "marie", s)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func is[E error](err error) bool { _, ok := errors.AsType[E](err); return ok }

const decision = "kind: decision\nchoices: [{id: yes, label: Oui}, {id: no, label: Non}]"

func TestARunIsCarriedOut(t *testing.T) {
	rb := written(t, "a\nkind: manual\nevidence: Quoi\ndue: +2m", "b\nneeds: [a]\n"+decision, "c\nkind: manual\nwhen: {b: yes}", "d\nkind: manual\nwhen: {b: no}", "e\nkind: manual\nneeds: [c, d]")
	r := process(t, bustest.Open(t), false, Config{Runbooks: []*Runbook{rb}})
	ctx := t.Context()
	run := started(t, r, Start{Labels: map[string]string{"cdn": "akamai"}})
	id := run.ID
	refused := func(what string, err error, ok bool) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := r.Tick(ctx, "paul", id, "a", " ")
	refused("without its evidence", err, is[Invalid](err))
	_, err = r.Choose(ctx, "paul", id, "b", "yes", "")
	refused("before its prerequisite", err, is[*BlockedError](err))
	_, err = r.Tick(ctx, "paul", id, "c", "")
	refused("before it is decided", err, is[*BlockedError](err))
	_, err = r.Tick(ctx, "paul", id, "z", "")
	refused("what is not there", err, errors.Is(err, ErrNotFound))
	_, err = r.Tick(ctx, "paul", "x.y", "a", "")
	refused("a run that is not there", err, errors.Is(err, ErrNotFound))
	_, err = r.Finish(ctx, "paul", id, "")
	refused("finished too soon", err, is[*BlockedError](err))

	do := func(_ *Run, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(r.Take(ctx, "paul", id, "a"))
	do(r.Take(ctx, "paul", id, "a")) // has it already
	do(r.HandOver(ctx, "paul", id, "a", "ines"))
	do(r.Comment(ctx, "ines", id, "a", "je regarde"))
	do(r.Tick(ctx, "ines", id, "a", "case rouge"))
	_, err = r.Tick(ctx, "paul", id, "a", "moi aussi")
	if done, ok := errors.AsType[*DoneError](err); !ok || done.By != "ines" || done.At.IsZero() {
		t.Errorf("the second one was told %v", err)
	}
	_, err = r.Untick(ctx, "paul", id, "a", "")
	refused("another's, without a reason", err, is[Invalid](err))
	do(r.Untick(ctx, "ines", id, "a", "")) // her own, within a minute
	do(r.Tick(ctx, "paul", id, "a", "case rouge"))
	_, err = r.Tick(ctx, "paul", id, "b", "x")
	refused("a decision that is ticked", err, errors.Is(err, ErrKind))
	_, err = r.Choose(ctx, "paul", id, "b", "maybe", "")
	refused("a choice that is not there", err, is[Invalid](err))
	do(r.Choose(ctx, "paul", id, "b", "no", ""))
	_, err = r.Tick(ctx, "paul", id, "c", "")
	refused("what does not apply", err, errors.Is(err, ErrApplies))
	_, err = r.Skip(ctx, "paul", id, "d", "")
	refused("skipped without a reason", err, is[Invalid](err))
	do(r.Skip(ctx, "paul", id, "d", "fait hier"))
	do(r.HandOverRun(ctx, "marie", id, "paul"))
	do(r.Tick(ctx, "paul", id, "e", ""))
	do(r.Finish(ctx, "paul", id, "fini"))
	_, err = r.Comment(ctx, "paul", id, "a", "trop tard")
	refused("after its end", err, errors.Is(err, ErrOver))

	v := r.View(id, time.Now())
	var all []string
	for _, s := range v.Steps {
		all = append(all, s.Step.ID+"="+string(s.Status))
	}
	if got := strings.Join(all, " "); got != "a=done b=done c=not_applicable d=skipped e=done" || v.Done != 4 || v.Total != 4 || v.End != Finished || v.Lead != "paul" {
		t.Errorf("%s, %d of %d, %+v", got, v.Done, v.Total, v.Run)
	}
	var told []string
	for _, l := range r.cfg.Crises.Lines(run.Crisis) {
		told = append(told, l.What)
	}
	if got, want := strings.Join(told, " "), "opened run-started step-taken step-handed step-comment step-done step-undone step-done step-chosen step-skipped run-handed step-done run-finished"; got != want {
		t.Errorf("the timeline has\n%s, want\n%s", got, want)
	}
	report := Report{Run: v.Run, Now: time.Now(), Lang: "fr"}
	var out bytes.Buffer
	if err := report.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Steps []struct{ ID, Status, By, Evidence, Reason, Choice string }
		Acts  []Act
	}
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back.Acts) != 12 || back.Steps[0].Evidence != "case rouge" || back.Steps[1].Choice != "Non" || back.Steps[3].Reason != "fait hier" {
		t.Errorf("JSON: %v\n%s", err, out.String())
	}
	out.Reset()
	if err := report.Markdown(&out); err != nil || !strings.Contains(out.String(), "1. **a** · manual · done\n") || !strings.Contains(out.String(), "evidence: case rouge") || !strings.Contains(out.String(), "· ines: je regarde") {
		t.Errorf("Markdown: %v\n%s", err, out.String())
	}
}

func TestARunIsStartedOnceInACrisisAndKeepsItsRunbook(t *testing.T) {
	first, later := written(t, "a\nkind: manual"), written(t, "a\nkind: manual", "b\nkind: manual")
	r := process(t, bustest.Open(t), false, Config{Runbooks: []*Runbook{first}})
	run := started(t, r, Start{Problem: "p1", Labels: map[string]string{"cdn": "akamai"}})
	if c := r.cfg.Crises.Get(run.Crisis); c == nil || c.Title != "Essai" || c.Problems[0] != "p1" {
		t.Errorf("opened %+v", c)
	}
	_, err := r.Start(t.Context(), "paul", Start{Runbook: "trial", Problem: "p1"})
	if running, ok := errors.AsType[*RunningError](err); !ok || running.Run != run.ID || running.By != "marie" {
		t.Errorf("started twice: %v", err)
	}
	r.SetRunbooks([]*Runbook{later})
	if len(r.Get(run.ID).Runbook.Steps) != 1 || r.Get(run.ID).Runbook.Hash != first.Hash {
		t.Error("a run has another runbook than it began with")
	}
	if _, err := r.Abandon(t.Context(), "marie", run.ID, "erreur"); err != nil {
		t.Fatal(err)
	}
	again := started(t, r, Start{Crisis: run.Crisis})
	if again.ID == run.ID || len(again.Runbook.Steps) != 2 || again.Labels["cdn"] != "akamai" {
		t.Errorf("started again: %+v", again)
	}
	if _, err := r.Start(t.Context(), "paul", Start{Runbook: "trial", Crisis: run.Crisis, Drill: true}); !is[Invalid](err) {
		t.Errorf("an exercise in what is real: %v", err)
	}
	if _, err := r.Start(t.Context(), "paul", Start{Runbook: "none"}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// Twenty people who act at once through three processes: each step is done once, each act is in the timeline once, and
// all processes show the same.
func TestTwentyPeopleAtOnce(t *testing.T) {
	var steps []string
	for i := range 12 {
		steps = append(steps, fmt.Sprintf("s%d\nkind: manual", i))
	}
	steps = append(steps, "d\n"+decision)
	rb := written(t, steps...)
	b := bustest.Open(t)
	rooms := []*Room{process(t, b, true, Config{Runbooks: []*Runbook{rb}}), process(t, b, false, Config{Runbooks: []*Runbook{rb}}), process(t, b, false, Config{Runbooks: []*Runbook{rb}})}
	run := started(t, rooms[0], Start{})
	var acts atomic.Int64
	first := make([]atomic.Int64, 13)
	var g sync.WaitGroup
	for p := range 20 {
		g.Go(func() {
			by, r := fmt.Sprint("p", p), rooms[p%3]
			for _, i := range rand.Perm(13) {
				var err error
				if i == 12 {
					_, err = r.Choose(t.Context(), by, run.ID, "d", []string{"yes", "no"}[p%2], "")
				} else {
					_, err = r.Tick(t.Context(), by, run.ID, fmt.Sprint("s", i), "")
				}
				switch {
				case err == nil:
					first[i].Add(1)
					acts.Add(1)
				case !is[*DoneError](err):
					t.Error(err)
				}
			}
			if _, err := r.Comment(t.Context(), by, run.ID, "d", "x"); err != nil {
				t.Error(err)
			}
			acts.Add(1)
		})
	}
	g.Wait()
	for i := range first {
		if n := first[i].Load(); n != 1 {
			t.Errorf("step %d was done %d times", i, n)
		}
	}
	want := int(acts.Load()) + 2 // opened, started
	texts := map[string]int{}
	for _, r := range rooms {
		until(t, "every act in each timeline", func() bool { return len(r.cfg.Crises.Lines(run.Crisis)) == want })
		until(t, "every act in each copy", func() bool { v := r.Get(run.ID); return v != nil && len(v.Acts) == want-1 })
		text, err := json.Marshal([]any{r.Get(run.ID), r.cfg.Crises.Lines(run.Crisis)})
		if err != nil {
			t.Fatal(err)
		}
		texts[string(text)]++
	}
	if len(texts) != 1 {
		t.Errorf("%d different copies", len(texts))
	}
}

// Whatever is decided, each example can be carried out to its end.
func TestTheExamplesEnd(t *testing.T) {
	all, err := Read(folder(t, "../docs/example/runbooks"), decode)
	if err != nil {
		t.Fatal(err)
	}
	r := process(t, bustest.Open(t), false, Config{Runbooks: all})
	for _, rb := range all {
		for range 4 {
			run := started(t, r, Start{Runbook: rb.ID, Labels: map[string]string{"cdn": "akamai", "isp": "Free", "service": "droits"}})
			for range MaxSteps {
				next := ""
				for _, s := range r.View(run.ID, time.Now()).Steps {
					if s.Status == Ready && (next == "" || rand.IntN(3) == 0) {
						next = s.Step.ID
					}
				}
				if next == "" {
					break
				}
				if s := rb.Step(next); s.Kind == Decision {
					_, err = r.Choose(t.Context(), "paul", run.ID, next, s.Choices[rand.IntN(len(s.Choices))].ID, "vu")
				} else {
					_, err = r.Tick(t.Context(), "paul", run.ID, next, "vu")
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.Finish(t.Context(), "marie", run.ID, ""); err != nil {
				t.Errorf("%s does not end: %v", rb.ID, err)
			}
		}
	}
}

const call = "kind: automatic\nhttp: {url: 'URL/v1/{cdn}', body: '{\"cdn\": \"{cdn}\"}', expect: {contains: ok}, wait: 1s}"

// gateway counts what it is called for.
func gateway(t *testing.T, answer http.HandlerFunc) (string, *atomic.Int64) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.Add(1); answer(w, r) }))
	t.Cleanup(s.Close)
	return s.URL, &n
}

// A call is made once, whoever watches; its values cannot be anything but values, and its secret is the house's.
func TestACallIsMadeOnce(t *testing.T) {
	var path, body, auth atomic.Value
	url, n := gateway(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		path.Store(r.URL.EscapedPath())
		body.Store(string(text))
		auth.Store(r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, "ok")
	})
	rb := written(t, "a\nkind: manual", "b\nneeds: [a]\n"+strings.ReplaceAll(call, "URL", url))
	b := bustest.Open(t)
	cfg := Config{Runbooks: []*Runbook{rb}, Poster: provider.NewPoster(provider.PostConfig{}), Allow: []Allow{{URL: url, Headers: map[string]string{"Authorization": "Bearer s3cr3t-s3cr3t"}}}}
	rooms := []*Room{process(t, b, true, cfg), process(t, b, true, cfg), process(t, b, true, cfg)} // each watches
	run := started(t, rooms[0], Start{Labels: map[string]string{"cdn": `a"/b?x`}})
	if _, err := rooms[1].Tick(t.Context(), "paul", run.ID, "a", ""); err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	for i := range 6 {
		g.Go(func() {
			if _, err := rooms[i%3].Call(t.Context(), "paul", run.ID, "b"); err != nil && !is[*CallingError](err) && !is[*DoneError](err) {
				t.Error(err)
			}
		})
	}
	g.Wait()
	for _, r := range rooms {
		until(t, "the step is done", func() bool { return r.View(run.ID, time.Now()).Step("b").Status == Done })
	}
	if n.Load() != 1 {
		t.Errorf("called %d times", n.Load())
	}
	if path.Load() != "/v1/a%22%2Fb%3Fx" {
		t.Errorf("path %v", path.Load())
	}
	if body.Load() != `{"cdn": "a\"/b?x"}` || auth.Load() != "Bearer s3cr3t-s3cr3t" {
		t.Errorf("body %v, %v", body.Load(), auth.Load())
	}
	if text, _ := json.Marshal(rooms[0].Get(run.ID)); strings.Contains(string(text), "s3cr3t") {
		t.Error("the secret is in the run")
	}
}

// What came of a call is told as far as it is known, and only a person repeats it.
func TestACallIsRepeatedByPeopleAlone(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   Status
	}{
		"an error after it may have been taken": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, Unknown},
		"no answer":                             {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Unknown},
		"refused":                               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422) }, Failed},
		"too much":                              {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, Failed},
		"another answer than expected":          {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no") }, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			var mended atomic.Bool
			url, n := gateway(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if mended.Load() {
					_, _ = io.WriteString(w, "ok")
					return
				}
				c.answer(w, r)
			})
			rb := written(t, "b\n"+strings.ReplaceAll(call, "URL", url))
			r := process(t, bustest.Open(t), true, Config{Runbooks: []*Runbook{rb}, Poster: provider.NewPoster(provider.PostConfig{}), Allow: []Allow{{URL: url}}})
			run := started(t, r, Start{Labels: map[string]string{"cdn": "akamai"}})
			until(t, string(c.want), func() bool { return r.View(run.ID, time.Now()).Step("b").Status == c.want })
			w := watch{}
			if due := w.look(r.Current(), time.Now()); len(due) != 0 || n.Load() != 1 {
				t.Errorf("would be called again by itself: %v, called %d times", due, n.Load())
			}
			mended.Store(true)
			if _, err := r.Call(t.Context(), "paul", run.ID, "b"); err != nil {
				t.Fatal(err)
			}
			until(t, "done", func() bool { return r.View(run.ID, time.Now()).Step("b").Status == Done })
			if n.Load() != 2 || r.Get(run.ID).Steps["b"].Call.Count != 2 {
				t.Errorf("called %d times", n.Load())
			}
		})
	}
}

func TestAnExerciseCallsNothingThatIsReal(t *testing.T) {
	url, n := gateway(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	drill, exercises := gateway(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	real := strings.ReplaceAll(call, "URL", url)
	rb := written(t, "a\n"+real, "b\n"+strings.Replace(real, "body", "drill_url: '"+drill+"/{cdn}', body", 1))
	r := process(t, bustest.Open(t), true, Config{Runbooks: []*Runbook{rb}, Poster: provider.NewPoster(provider.PostConfig{}), Allow: []Allow{{URL: url}, {URL: drill}}})
	run := started(t, r, Start{Drill: true, Labels: map[string]string{"cdn": "akamai"}})
	for _, id := range []string{"a", "b"} {
		until(t, id+" is done", func() bool { return r.View(run.ID, time.Now()).Step(id).Status == Done })
	}
	if n.Load() != 0 || exercises.Load() != 1 || r.Get(run.ID).Steps["a"].Call.State != NotCalled {
		t.Errorf("the real one was called %d times, the exercise's %d", n.Load(), exercises.Load())
	}
	told := false
	for _, l := range r.cfg.Crises.Lines(run.Crisis) {
		told = told || l.What == ActCallDrill && l.Drill
	}
	if !told {
		t.Error("nobody is told that nothing was called")
	}
}

func TestACallWaitsForItsVariables(t *testing.T) {
	url, n := gateway(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	rb := written(t, "b\n"+strings.ReplaceAll(call, "URL", url))
	r := process(t, bustest.Open(t), false, Config{Runbooks: []*Runbook{rb}, Poster: provider.NewPoster(provider.PostConfig{}), Allow: []Allow{{URL: url + "/v1"}}})
	run := started(t, r, Start{})
	if _, err := r.Call(t.Context(), "paul", run.ID, "b"); !is[*UnsaidError](err) || !strings.Contains(err.Error(), "cdn") {
		t.Error(err)
	}
	if of := r.Get(run.ID); !slices.Equal(of.Unsaid(), []string{"cdn"}) || !slices.Equal(of.Lacks(rb.Step("b")), []string{"cdn"}) {
		t.Errorf("asks for %v, the call lacks %v", of.Unsaid(), of.Lacks(rb.Step("b")))
	}
	if _, err := r.SetLabels(t.Context(), "paul", run.ID, map[string]string{"cdn": ".."}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Call(t.Context(), "paul", run.ID, "b"); !is[Invalid](err) {
		t.Errorf("a value that leads out of the path: %v", err)
	}
	if n.Load() != 0 {
		t.Errorf("called %d times", n.Load())
	}
}

// People read what a CDN is called; calls, links and what is to be copied have its id.
func TestARunIsWrittenAsPeopleCallThings(t *testing.T) {
	rb := written(t, "a\nkind: manual", "b\n"+strings.ReplaceAll(call, "URL", "https://x.example"))
	r := process(t, bustest.Open(t), false, Config{Runbooks: []*Runbook{rb}, Names: func(label, value string) string {
		return map[string]string{"cdn=akamai": "Akamai", "cdn=fastly": "Fastly"}[label+"="+value]
	}})
	run := started(t, r, Start{Labels: map[string]string{"cdn": "akamai", "isp": "Free"}})
	if got := run.Fill("{cdn} chez {isp}, {region}"); got != "Akamai chez Free, {region}" {
		t.Errorf("in words: %s", got)
	}
	if got := run.Address("https://x.example/{cdn}"); got != "https://x.example/akamai" {
		t.Errorf("an address: %s", got)
	}
	if got, want := run.HTML("**{cdn}** `purge {cdn}` [voir](https://x.example/?cdn={cdn}) {cdn}"),
		`<p><strong>Akamai</strong> <code>purge akamai</code> <a href="https://x.example/?cdn=akamai">voir</a> Akamai</p>`; strings.TrimSpace(got) != want {
		t.Errorf("a text: %s", got)
	}
	req, _, err := run.request(rb.Step("b").Call, rb.Step("b").Call.URL, []Allow{{URL: "https://x.example"}})
	if err != nil || req.URL != "https://x.example/v1/akamai" || string(req.Body) != `{"cdn": "akamai"}` {
		t.Errorf("a call: %+v, %v", req, err)
	}
	if run, err = r.SetLabels(t.Context(), "paul", run.ID, map[string]string{"cdn": "fastly"}); err != nil || run.Fill("{cdn}") != "Fastly" {
		t.Errorf("filled in: %v, %v", run.Fill("{cdn}"), err)
	}
	if run, err = r.SetLabels(t.Context(), "paul", run.ID, map[string]string{"cdn": "maison"}); err != nil || run.Fill("{cdn}") != "maison" {
		t.Errorf("one without a name: %v, %v", run.Fill("{cdn}"), err)
	}
}

// board is what signals and messages say, for a time.
type board struct {
	value float64
	known bool
	sent  map[string]time.Time
}

func (b *board) Value(name string, labels map[string]string, _, _ *float64) (Reading, bool) {
	return Reading{Value: b.value}, b.known && name == "errors" && labels["cdn"] == "akamai"
}

func (b *board) State(_, scenario, step string) (bool, string, time.Time, string) {
	at, ok := b.sent[scenario+"/"+step]
	return ok, "paul", at, "send1"
}

// A signal must hold for its time; what is not known never does.
func TestASignalMustHold(t *testing.T) {
	rb := written(t, "a\nkind: automatic\nsignal: {name: errors, where: {cdn: \"{cdn}\"}, below: 0.01, for: 10s}")
	synctest.Test(t, func(t *testing.T) {
		now := &board{value: 0.5, known: true}
		w := watch{signals: now}
		run := &Run{ID: "r", Runbook: rb, Started: time.Now(), Labels: map[string]string{"cdn": "akamai"}}
		look := func(seconds int) (due int) {
			for range seconds {
				due += len(w.look([]*Run{run}, time.Now()))
				time.Sleep(time.Second)
			}
			return due
		}
		for _, c := range []struct {
			what    string
			value   float64
			known   bool
			seconds int
			want    int
		}{
			{"above", 0.5, true, 20, 0}, {"below, not long enough", 0, true, 10, 0}, {"not known", 0, false, 1, 0},
			{"below again, from the begin", 0, true, 10, 0}, {"long enough", 0, true, 1, 1},
		} {
			now.value, now.known = c.value, c.known
			if got := look(c.seconds); got != c.want {
				t.Errorf("%s: due %d times, want %d", c.what, got, c.want)
			}
		}
		run.Labels = nil
		if got := look(20); got != 0 {
			t.Errorf("a variable that nobody has said: due %d times", got)
		}
	})
}

// A message that was sent ticks its step, whatever comes before it, and as of when it was sent.
func TestAMessageTicksItself(t *testing.T) {
	rb := written(t, "a\nkind: manual", "m\nkind: message\nscenario: cdn-lost\nstep: initial\nneeds: [a]")
	at := time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	sent := &board{sent: map[string]time.Time{}}
	r := process(t, bustest.Open(t), false, Config{Runbooks: []*Runbook{rb}, Messages: sent})
	run := started(t, r, Start{})
	w := watch{messages: sent}
	if due := w.look(r.Current(), time.Now()); len(due) != 0 {
		t.Fatalf("due before it was sent: %v", due)
	}
	sent.sent["cdn-lost/initial"] = at
	due := w.look(r.Current(), time.Now())
	if len(due) != 1 {
		t.Fatalf("due %v", due)
	}
	for range 2 { // the second one finds it done
		if err := r.carryOut(t.Context(), due[0]); err != nil {
			t.Fatal(err)
		}
	}
	m := r.Get(run.ID).Steps["m"]
	if m.Done == nil || m.Done.By != "paul" || !m.Done.At.Equal(at) || m.Done.Send != "send1" || len(r.Get(run.ID).Acts) != 2 {
		t.Errorf("%+v", m)
	}
}

// A call whose process died is unknown once it can no longer be on its way, and nobody repeats it.
func TestACallWhoseProcessDiedIsUnknown(t *testing.T) {
	rb := written(t, "b\n"+strings.ReplaceAll(call, "URL", "https://x.example"))
	r := process(t, bustest.Open(t), false, Config{Runbooks: []*Runbook{rb}})
	run := started(t, r, Start{Labels: map[string]string{"cdn": "akamai"}})
	if _, err := r.edit(t.Context(), "", run.ID, func(run *Run, now time.Time) (*Act, error) {
		run.tick("b").Call = &Call{ID: "x", State: Calling, At: now.Add(-callFor - time.Second), Count: 1}
		return &Act{What: ActCalling, Step: "b"}, nil
	}); err != nil {
		t.Fatal(err)
	}
	w := watch{}
	for _, d := range w.look(r.Current(), time.Now()) {
		if err := r.carryOut(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if c := r.Get(run.ID).Steps["b"].Call; c.State != CallUnknown || r.View(run.ID, time.Now()).Step("b").Status != Unknown {
		t.Errorf("%+v", c)
	}
}

func TestDueMovesWithTheMatch(t *testing.T) {
	rb := written(t, "a\nkind: manual\ndue: +5m", "b\nkind: manual\ndue: half_time+2m", "c\nkind: manual\ndue: extra_first", "d\nkind: manual\ndue: kick_off-10m")
	begun := time.Date(2026, 7, 19, 21, 10, 0, 0, time.UTC)
	phases := map[match.Phase]time.Time{match.PhaseFirstHalf: begun.Add(-10 * time.Minute), match.PhaseHalfTime: begun.Add(38 * time.Minute)}
	clock := func(_ string, p match.Phase) (time.Time, bool) { at, ok := phases[p]; return at, ok }
	run := &Run{Runbook: rb, Started: begun, Match: "finale"}
	v := run.View(begun.Add(6*time.Minute), clock)
	if a := v.Step("a"); a.Overdue != time.Minute || v.Overdue != 2 {
		t.Errorf("%s, %d overdue", a.Overdue, v.Overdue)
	}
	if b := v.Step("b"); !b.Due.Equal(begun.Add(40*time.Minute)) || b.Overdue != 0 {
		t.Errorf("half-time: %+v", b)
	}
	if c := v.Step("c"); !c.Due.IsZero() || !c.Unknown {
		t.Errorf("extra time that nobody knows of: %+v", c)
	}
	if d := v.Step("d"); !d.Due.Equal(begun) {
		t.Errorf("what was due before the run began is due at %s", d.Due)
	}
	phases[match.PhaseHalfTime] = phases[match.PhaseHalfTime].Add(4 * time.Minute)
	phases[match.PhaseExtraFirst] = begun.Add(2 * time.Hour)
	run.Steps = map[string]*Tick{"a": {Done: &Mark{At: begun.Add(7 * time.Minute)}}}
	v = run.View(begun.Add(45*time.Minute), clock)
	if !v.Step("b").Due.Equal(begun.Add(44*time.Minute)) || v.Step("b").Overdue != time.Minute || v.Step("c").Unknown || v.Step("a").Late != 2*time.Minute || v.Step("a").Overdue != 0 {
		t.Errorf("moved: %+v", v.Steps)
	}
}
