package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/bus/bustest"
	"vigie/internal/state"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/statuspage"
)

// publicPage is a status page on a real bus, as a process with a house has it.
type publicPage struct{ *statuspage.Page }

func newPublicPage(t *testing.T, components ...statuspage.Component) publicPage {
	t.Helper()
	kv, err := bustest.Open(t).KV(t.Context(), "status")
	if err != nil {
		t.Fatal(err)
	}
	page, err := statuspage.New(statuspage.Config{
		Name: statuspage.Words{"fr": "Télé", "en": "Télé"}, Components: components, Healthy: func(context.Context) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	bucket := state.New(kv, slog.New(slog.DiscardHandler))
	page.Use(bucket)
	if err := bucket.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{bucket.Run, page.Run} {
		all.Go(func() { _ = run(running) })
	}
	t.Cleanup(func() { stop(); all.Wait() })
	p := publicPage{page}
	for range 500 { // until it knows that the bus answers
		if len(components) == 0 || page.Components()[0].Shown != statuspage.Unknown {
			return p
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the page does not know that the bus answers")
	return p
}

func publicServices() []statuspage.Component {
	watch := statuspage.Words{"fr": "Regarder", "en": "Watch"}
	return []statuspage.Component{
		{ID: "live", Name: statuspage.Words{"fr": "Direct", "en": "Live"}, Group: watch},
		{ID: "replay", Name: statuspage.Words{"fr": "Replay", "en": "Catch-up"}, Group: watch},
		{ID: "login", Name: statuspage.Words{"fr": "Connexion au compte", "en": "Sign-in"}},
	}
}

func (p publicPage) Components() []Component {
	var all []Component
	for _, c := range p.Page.Components() {
		all = append(all, Component{ID: c.ID, Name: c.Name, Group: c.Group, Said: string(c.Said.State), By: c.Said.By, At: c.Said.Last(), Shown: string(c.Shown)})
	}
	return all
}

func (p publicPage) States() []string {
	var all []string
	for _, s := range statuspage.States() {
		all = append(all, string(s))
	}
	return all
}

func (p publicPage) Word(lang, state string) string { return statuspage.State(state).In(lang) }

func (p publicPage) Set(ctx context.Context, by, component, state string) error {
	return p.SetComponent(ctx, by, component, statuspage.State(state))
}

// says is what anybody reads of components: states by id.
func (p publicPage) says(t *testing.T) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	p.Handler("/status").ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/status/status.json", nil))
	var page struct{ Components []struct{ ID, State string } }
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
		t.Fatalf("the status page: %d, %v", w.Code, err)
	}
	states := map[string]string{}
	for _, c := range page.Components {
		states[c.ID] = c.State
	}
	return states
}

// incident publishes that something is wrong, as a message does.
func (p publicPage) incident(t *testing.T, at time.Time) {
	t.Helper()
	if _, err := p.Status().Send(t.Context(), "", &channel.Message{ID: "night-1", Thread: "night", Step: "initial", Lang: "fr", Text: "Lecture perturbée", At: at}); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if p.Page.Components()[2].Shown == statuspage.Unsure {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the incident is not on the page")
}

func newComponentsSite(t *testing.T) (*crisisSite, publicPage) {
	t.Helper()
	page := newPublicPage(t, publicServices()...)
	return newCrisisSite(t, func(c *Config) { c.StatusPage = page }), page
}

func TestAnOperatorSaysInPublicWhatStateAServiceIsIn(t *testing.T) {
	s, page := newComponentsSite(t)
	page.incident(t, time.Now().Add(-time.Minute))
	of := s.open(t, crisis.Crisis{})
	at := "/crises/" + of.ID
	b, viewer := s.signedIn(t, "operator"), s.signedIn(t, "viewer")
	row := func(id string) string {
		t.Helper()
		return strings.ReplaceAll(plain(s.doc(t, b, at+"?lang=fr").Find("#component-"+id+" > p")), "\u00a0", " ")
	}
	if got := row("live"); got != "Direct Peut être touché : voir l’incident en cours personne n’en a rien dit" {
		t.Errorf("before: %s", got)
	}
	form := s.doc(t, b, at).Find("#component-live form")
	seen, _ := form.Find("[name=seen]").Attr("value")
	if n := form.Find("button[name=state]").Length(); n != len(statuspage.States()) || form.Find("[aria-pressed=true]").Length() != 0 {
		t.Errorf("%d choices, of which some is made", n)
	}
	degraded := url.Values{"state": {"degraded"}, "seen": {seen}}
	for _, again := range []string{"once", "twice"} { // a second submit is the same
		if status, to, refused := s.posted(t, b, at+"/components/live", degraded); status != http.StatusSeeOther || to != at+"#components" {
			t.Fatalf("%s: %d %s %s", again, status, to, refused)
		}
	}
	if got := page.says(t); got["live"] != "degraded" || got["replay"] != "" {
		t.Errorf("the public reads %v", got)
	}
	if got := row("live"); !strings.HasPrefix(got, "Direct Perturbé dit par Marie Lefèvre à ") {
		t.Errorf("who said it: %s", got)
	}
	if got := s.doc(t, b, at).Find("#component-live [aria-pressed=true]").AttrOr("value", ""); got != "degraded" {
		t.Errorf("chosen now: %q", got)
	}
	if last := s.audit.last(t); last.What != DidSetComponent || last.On != of.ID+" live degraded" || last.Outcome != "ok" {
		t.Errorf("audited: %+v", last)
	}
	// Another one whose page is old does not undo it unknowingly, and is told who was first.
	if status, _, refused := s.posted(t, s.signedIn(t, "paul"), at+"/components/live?lang=fr", url.Values{"state": {"operational"}, "seen": {seen}}); status != http.StatusConflict || !strings.Contains(refused, "Marie Lefèvre vient de dire") || page.says(t)["live"] != "degraded" {
		t.Errorf("from an old page: %d %s", status, refused)
	}
	// Without what was seen, as a program says it, the last word holds.
	if status, _, refused := s.posted(t, b, at+"/components/live", url.Values{"state": {"operational"}}); status != http.StatusSeeOther || page.says(t)["live"] != "operational" {
		t.Errorf("well again: %d %s", status, refused)
	}
	lines := strings.ReplaceAll(plain(s.doc(t, viewer, at+"?lang=fr&kind=messages").Find("#timeline .events")), "\u00a0", " ")
	if strings.Count(lines, "a dit sur la page d’état") != 2 || !strings.Contains(lines, "Direct « Perturbé »") || !strings.Contains(lines, "Direct « Fonctionne normalement », avant « Perturbé »") {
		t.Errorf("the timeline: %s", lines)
	}
	for _, tt := range []struct {
		component, state, refused string
	}{{"nothing", "degraded", "n’a pas ce service"}, {"live", "fine", "n’a pas cet état"}, {"live", "", "n’a pas cet état"}, {"live", "unsure", "n’a pas cet état"}} {
		if status, _, refused := s.posted(t, b, at+"/components/"+tt.component+"?lang=fr", url.Values{"state": {tt.state}}); status != http.StatusUnprocessableEntity || !strings.Contains(refused, tt.refused) {
			t.Errorf("%s %q: %d %q, want %q", tt.component, tt.state, status, refused, tt.refused)
		}
	}
	if status, _, _ := s.posted(t, b, "/crises/none/components/live", degraded); status != http.StatusNotFound {
		t.Errorf("in no crisis: %d", status)
	}
	// Viewers see all of it, and can do nothing.
	if panel := s.doc(t, viewer, at+"?lang=fr").Find("#components"); panel.Find("form, button").Not(".info *").Length() != 0 || !strings.Contains(plain(panel), "Marie Lefèvre") {
		t.Errorf("a viewer's panel: %s", plain(panel))
	}
	if status, _, _ := s.posted(t, viewer, at+"/components/live", degraded); status != http.StatusForbidden || page.says(t)["live"] != "operational" {
		t.Errorf("by a viewer: %d", status)
	}
}

// That a service was well before the incident is not what the public reads during it; the panel says both.
func TestWhatWasSaidBeforeAnIncidentIsSaidAgain(t *testing.T) {
	s, page := newComponentsSite(t)
	if err := page.Set(t.Context(), "paul", "live", "operational"); err != nil {
		t.Fatal(err)
	}
	page.incident(t, time.Now().Add(2*time.Second))
	of := s.open(t, crisis.Crisis{})
	b := s.signedIn(t, "operator")
	row := s.doc(t, b, "/crises/"+of.ID+"?lang=en").Find("#component-live")
	if got := plain(row.Find("p")); !strings.HasPrefix(got, "Live May be affected: see the ongoing incident Paul Adam said “Working normally” at ") || row.Find("[aria-pressed=true]").Length() != 0 {
		t.Errorf("during it: %s", got)
	}
}

func TestAnExerciseSaysNothingOfRealServices(t *testing.T) {
	s, page := newComponentsSite(t)
	of := s.open(t, crisis.Crisis{Title: "répétition", Drill: true})
	at := "/crises/" + of.ID
	b := s.signedIn(t, "operator")
	panel := s.doc(t, b, at+"?lang=fr").Find("#components")
	if panel.Find("form").Length() != 0 || panel.Find("li").Length() != 3 || !strings.Contains(plain(panel), "services sont réels") {
		t.Errorf("the panel: %s", plain(panel))
	}
	if status, _, refused := s.posted(t, b, at+"/components/live?lang=fr", url.Values{"state": {"major"}}); status != http.StatusUnprocessableEntity || !strings.Contains(refused, "un exercice ne change rien") {
		t.Errorf("set: %d %s", status, refused)
	}
	if got := page.says(t); got["live"] != "" || len(s.crises.Lines(of.ID)) != 1 {
		t.Errorf("the public reads %v", got)
	}
}

func TestWhoEndsACrisisIsToldWhatThePublicStillReads(t *testing.T) {
	s, page := newComponentsSite(t)
	of := s.open(t, crisis.Crisis{})
	at := "/crises/" + of.ID
	b := s.signedIn(t, "operator")
	if got := plain(s.doc(t, b, at+"?lang=fr").Find("#crisis-end")); strings.Contains(got, "page d’état") {
		t.Errorf("nothing is ill, and before the end it says %s", got)
	}
	if err := page.Set(t.Context(), "paul", "live", "degraded"); err != nil {
		t.Fatal(err)
	}
	still := "La page d’état dit encore : Direct « Perturbé »"
	said := func(selector string) string {
		t.Helper()
		return strings.ReplaceAll(plain(s.doc(t, b, at+"?lang=fr").Find(selector)), "\u00a0", " ")
	}
	if got := said("#crisis-end"); !strings.Contains(got, still) {
		t.Errorf("before the end: %s", got)
	}
	if _, err := s.crises.End(t.Context(), "operator", of.ID, ""); err != nil {
		t.Fatal(err)
	}
	if got := said("#components"); !strings.Contains(got, still) || !strings.Contains(got, "Remettez") {
		t.Errorf("after the end: %s", got)
	}
	if status, _, refused := s.posted(t, b, at+"/components/live?lang=fr", url.Values{"state": {"operational"}}); status != http.StatusSeeOther || page.says(t)["live"] != "operational" {
		t.Errorf("set back: %d %s", status, refused)
	}
	if got := said("#components"); got != "" {
		t.Errorf("all is well, and it says %s", got)
	}
}

func TestAPageWithoutComponentsShowsNoPanel(t *testing.T) {
	for name, edit := range map[string]func(*Config){"no page": func(*Config) {}, "no components": func(c *Config) { c.StatusPage = newPublicPage(t) }} {
		s := newCrisisSite(t, edit)
		of := s.open(t, crisis.Crisis{})
		b := s.signedIn(t, "operator")
		if s.doc(t, b, "/crises/"+of.ID).Find("#components").Length() != 0 {
			t.Errorf("%s: there is a panel", name)
		}
		status, _, _ := s.posted(t, b, "/crises/"+of.ID+"/components/live", url.Values{"state": {"major"}})
		if status != http.StatusNotFound && status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, status)
		}
	}
}
