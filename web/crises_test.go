package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/goccy/go-yaml"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/rule"
	"vigie/internal/account"
	"vigie/internal/bus/bustest"
	"vigie/internal/state"
	"vigie/runbooks"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
	"vigie/runbooks/webhook"
)

// exampleRunbooks are those that ship.
func exampleRunbooks(t *testing.T) []*runbooks.Runbook {
	t.Helper()
	names, err := filepath.Glob("../docs/example/runbooks/*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("no runbooks: %v", err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = bytes.Replace(text, []byte("rules: [cdn-network-errors"), []byte("rules: [first-byte, cdn-network-errors"), 1) // as alerts here have it
	}
	all, err := runbooks.Read(files, func(text []byte, into any) error { return yaml.UnmarshalWithOptions(text, into, yaml.Strict()) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// crisisSite is a site with alerts, crises, runbooks and messages on real buses: p1 is an alert of Free on CloudFront.
type crisisSite struct {
	*alertSite
	crises *crisis.Room
	runs   *runbooks.Room
	sends  *send.Room
	shown  *signalsShown
}

// signalsShown is what the board shows to steps that wait for it.
type signalsShown struct {
	mu    sync.Mutex
	value float64
	since time.Time
	known bool
}

func (s *signalsShown) Value(string, map[string]string, *float64, *float64) (runbooks.Reading, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return runbooks.Reading{Value: s.value, Since: s.since}, s.known
}

func newCrisisSite(t *testing.T, more ...func(*Config)) *crisisSite {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, b, log := t.Context(), bustest.Open(t), slog.New(slog.DiscardHandler)
	kv, err := b.KV(ctx, "crises")
	must(err)
	sendsKV, err := b.KV(ctx, "sends")
	must(err)
	stream, err := b.Stream(ctx, crisis.Stream("CRISES"))
	must(err)
	s := &crisisSite{shown: &signalsShown{}}
	paris, err := time.LoadLocation("Europe/Paris")
	must(err)
	bucket, sends := state.New(kv, log), state.New(sendsKV, log)
	s.crises = crisis.New(crisis.Config{State: bucket, Lines: stream, Log: log})
	words, err := library.New(library.Config{State: bucket, Limits: houseLimits})
	must(err)
	s.runs = runbooks.New(runbooks.Config{State: bucket, Crises: s.crises, Log: log, Runbooks: exampleRunbooks(t), Signals: s.shown, Names: func(_, value string) string {
		return map[string]string{"cloudfront": "CloudFront", "akamai": "Akamai"}[value]
	}})
	s.sends = send.NewRoom(send.RoomConfig{
		Bus: b, KV: sendsKV, State: sends, Log: log,
		Accounts: []send.Account{{ID: "page", Kind: channel.Status, Name: "Page d’état"}, {ID: "page-drill", Kind: channel.Status, Name: "Page d’exercice", Drill: true}},
		Prepare:  send.PrepareConfig{Library: words, Crisis: s.crises.Get, Limits: houseLimits, Lang: "fr", Zone: func(string) *time.Location { return paris }},
		Timeline: func(ctx context.Context, id string, l crisis.Line) error { l.ID = id; return s.crises.Write(ctx, l) },
	})
	must(bucket.Load(ctx))
	must(sends.Load(ctx))
	must(s.crises.Load(ctx))
	posts, err := webhook.New(webhook.Config{URL: newTaken(t).URL + "/page", Secret: "sixteen characters"})
	must(err)
	worker := send.NewWorker(send.WorkerConfig{Room: s.sends, Channels: map[string]channel.Channel{"page": posts}, Owner: "live", Alone: true, Log: log})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{bucket.Run, sends.Run, s.crises.Run, s.runs.Run, s.sends.Run, worker.Run} {
		all.Go(func() { _ = run(running) })
	}
	t.Cleanup(func() { stop(); all.Wait() })
	scenario := playback()
	scenario.ID, scenario.When, scenario.Runbook = "cdn-isp", map[string]string{"isp": "*"}, "cdn-isp"
	_, err = words.Save(ctx, "author", scenario, 0)
	must(err)
	for step := range scenario.Messages {
		_, err := words.Submit(ctx, "author", scenario.ID, step)
		must(err)
		_, err = words.Approve(ctx, "validator", scenario.ID, step, scenario.Hash(step))
		must(err)
		_, err = words.Arm(ctx, "operator", scenario.ID, step, "finale")
		must(err)
	}
	s.alertSite = newAlertSite(t, func(c *Config) {
		c.Crises, c.Runbooks, c.Sends, c.Library, c.MessageLimits = s.crises, s.runs, s.sends, words, houseLimits
		for _, edit := range more {
			edit(c)
		}
	})
	_, err = s.accounts.Add(ctx, account.User{Name: "paul", Roles: account.Roles{account.Operator}, Display: "Paul Adam"}, password)
	must(err)
	return s
}

func (s *crisisSite) open(t *testing.T, c crisis.Crisis) *crisis.Crisis {
	t.Helper()
	if c.Title == "" {
		c.Title, c.Match, c.Labels = "Free voit des coupures", "finale", map[string]string{"cdn": "cloudfront", "isp": "Free", "channel": "TF1"}
	}
	made, err := s.crises.Open(t.Context(), "operator", c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (s *crisisSite) run(t *testing.T, of *crisis.Crisis) *runbooks.Run {
	t.Helper()
	run, err := s.runs.Start(t.Context(), "operator", runbooks.Start{Runbook: "cdn-isp", Crisis: of.ID, Drill: of.Drill})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// said prepares the first message on the status page, and has it confirmed where confirmed is true.
func (s *crisisSite) said(t *testing.T, of *crisis.Crisis, confirmed bool) *send.Send {
	t.Helper()
	sent, err := s.sends.Prepare(t.Context(), "operator", send.Draft{Crisis: of.ID, Scenario: "cdn-isp", Step: message.Initial, Channels: map[bool][]string{false: {"page"}, true: {"page-drill"}}[of.Drill], Values: map[string]string{"where": "tv"}})
	if err != nil {
		t.Fatal(err)
	}
	if !confirmed {
		return sent
	}
	for range 500 { // until the worker is known of
		if _, err = s.sends.Check(t.Context(), "operator", sent.ID); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.sends.Confirm(t.Context(), "paul", sent.ID, sent.Digest, sent.People()); err != nil {
		t.Fatal(err)
	}
	return sent
}

// doc is a page as somebody sees it.
func (s *crisisSite) doc(t *testing.T, b *http.Client, path string) *goquery.Document {
	t.Helper()
	r := s.get(t, b, path)
	d, err := goquery.NewDocumentFromReader(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", path, r.StatusCode, err)
	}
	return d
}

// posted is where a form leads, and what is said against it.
func (s *crisisSite) posted(t *testing.T, b *http.Client, path string, form url.Values) (status int, to, refused string) {
	t.Helper()
	r := s.post(t, b, path, form, nil)
	d, _ := goquery.NewDocumentFromReader(r.Body)
	return r.StatusCode, r.Header.Get("Location"), plain(d.Find(".refused"))
}

func TestPagesWithoutCrisesSayWhy(t *testing.T) {
	s := newSite(t, nil)
	b := s.signedIn(t, "viewer")
	for path, want := range map[string]string{
		"/crises?lang=fr": "n’a pas de crises", "/crises?lang=en": "has no crises", "/runbooks?lang=fr": "Aucune procédure", "/support?lang=fr": "n’a pas de crises",
	} {
		r := s.get(t, b, path)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d, without %q", path, r.StatusCode, want)
		}
	}
	for _, path := range []string{"/crises/x", "/runbooks/x", "/runs/x", "/crises/x/export", "/runs/x/export"} {
		if r := s.get(t, b, path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, r.StatusCode)
		}
	}
}

func TestACrisisIsOpenedFromAnAlertAndItsRunbookStarted(t *testing.T) {
	s := newCrisisSite(t)
	b := s.signedIn(t, "operator")
	page := s.doc(t, b, "/alerts/p1?lang=fr")
	panel := page.Find("#crisis-of")
	if got := plain(panel); !strings.Contains(got, "dans aucune crise") || !strings.Contains(got, "se dégrade chez") || !strings.Contains(got, "Lecture perturbée") {
		t.Fatalf("the panel: %s", got)
	}
	if fit := plain(panel.Find(".fit").First()); !strings.Contains(fit, "CDN") || !strings.Contains(fit, "Ouvrir une crise et lancer") {
		t.Errorf("the first runbook: %s", fit)
	}
	status, to, refused := s.posted(t, b, "/crises", url.Values{"problem": {"p1"}, "runbook": {"cdn-isp"}})
	if status != http.StatusSeeOther || !strings.HasPrefix(to, "/runs/") {
		t.Fatalf("start: %d %s %s", status, to, refused)
	}
	of := s.crises.Of("p1")
	if of == nil || of.Labels["isp"] != "Free" || of.Title != "Free × CloudFront : premier octet 0,55 s" || of.Match != "finale" || time.Since(of.Began) < 5*time.Minute {
		t.Fatalf("the crisis: %+v", of)
	}
	// Twice is once: the same run, not another crisis.
	if _, again, _ := s.posted(t, b, "/crises", url.Values{"problem": {"p1"}, "runbook": {"cdn-isp"}}); again != to+"?said=running" || len(s.crises.Current()) != 1 {
		t.Errorf("again: %s, %d crises", again, len(s.crises.Current()))
	}
	if _, again, _ := s.posted(t, b, "/crises", url.Values{"problem": {"p1"}}); again != "/crises/"+of.ID+"?said=already" {
		t.Errorf("opened again: %s", again)
	}
	if got := plain(s.doc(t, b, "/alerts/p1?lang=fr").Find("#crisis-of")); !strings.Contains(got, "Free × CloudFront") || !strings.Contains(got, "0/") {
		t.Errorf("the panel afterwards: %s", got)
	}
	if status, to, _ := s.posted(t, b, "/crises/join", url.Values{"problem": {"p2"}, "crisis": {of.ID}}); status != http.StatusSeeOther || s.crises.Of("p2") == nil {
		t.Errorf("join: %d %s", status, to)
	}
	if status, _, refused := s.posted(t, b, "/crises/"+of.ID+"/join", url.Values{"problem": {"p99"}}); status != http.StatusUnprocessableEntity || !strings.Contains(refused, "plus connue") {
		t.Errorf("an unknown alert: %d %s", status, refused)
	}
	if last := s.audit.last(t); last.What != DidJoinCrisis || last.Outcome != "denied" {
		t.Errorf("audited: %+v", last)
	}
}

// An incident is told apart by the CDN; that all its alerts are of one network is known all the same.
func TestACrisisHasWhatAllAlertsOfItsIncidentShare(t *testing.T) {
	s := newCrisisSite(t)
	member := func(id, channel string) alerts.Member {
		return alerts.Member{Alert: rule.Alert{Key: id, Rule: "first-byte", Labels: map[string]string{"cdn": "cloudfront", "isp": "Free", "channel": channel}, Status: rule.Firing, Severity: notice.Critical}}
	}
	put(t, s.state, "p.p7", alerts.Problem{
		ID: "p7", Key: "cdn/cdn=cloudfront", Group: "cdn", Rule: "first-byte", Severity: notice.Critical, Title: rule.Text{FR: "CloudFront : premier octet"},
		Labels: map[string]string{"cdn": "cloudfront"}, Began: s.now.Add(-time.Minute), Noticed: s.now, Opened: s.now, Alerts: []alerts.Member{member("a", "TF1"), member("b", "M6")},
	})
	for range 500 {
		if s.room.Snapshot().Find("p7") != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	b := s.signedIn(t, "operator")
	panel := s.doc(t, b, "/alerts/p7?lang=fr").Find("#crisis-of")
	if first := panel.Find(".fit").First(); first.Find("#start-cdn-isp").Length() != 1 || first.Find("[name^=label-]").Length() != 0 || !strings.Contains(plain(first), "se dégrade chez Free") {
		t.Errorf("offered first: %s", plain(first))
	}
	if got := plain(panel); !strings.Contains(got, "Lecture perturbée") {
		t.Errorf("without the scenario for a network: %s", got)
	}
	status, to, refused := s.posted(t, b, "/crises", url.Values{"problem": {"p7"}, "runbook": {"cdn-isp"}})
	if status != http.StatusSeeOther {
		t.Fatalf("start: %d %s", status, refused)
	}
	if of := s.crises.Of("p7"); of == nil || of.Labels["isp"] != "Free" || of.Labels["cdn"] != "cloudfront" || of.Labels["channel"] != "" {
		t.Errorf("the crisis: %+v", of)
	}
	page := s.doc(t, b, to+"?lang=fr")
	if got := plain(page.Find("#step-steer-all .machine")); !strings.Contains(got, "/rules/cloudfront/Free") {
		t.Errorf("the call: %s", got)
	}
	if page.Find("#run-unsaid").Length() != 0 || strings.Contains(page.Find("main").Text(), "{isp}") {
		t.Error("what is known is asked for")
	}
}

func TestWhatAllAlertsShare(t *testing.T) {
	over := time.Now()
	alert := func(ended time.Time, labels ...string) alerts.Member {
		of := map[string]string{}
		for _, l := range labels {
			name, value, _ := strings.Cut(l, "=")
			of[name] = value
		}
		return alerts.Member{Alert: rule.Alert{Labels: of}, Ended: ended}
	}
	for _, tt := range []struct {
		name string
		own  map[string]string
		more int
		of   []alerts.Member
		want string
	}{
		{"no alert", map[string]string{"cdn": "a"}, 0, nil, "map[cdn:a]"},
		{"one", map[string]string{"cdn": "a"}, 0, []alerts.Member{alert(time.Time{}, "cdn=a", "isp=Free")}, "map[cdn:a isp:Free]"},
		{"all the same", nil, 0, []alerts.Member{alert(time.Time{}, "isp=Free", "cdn=a"), alert(time.Time{}, "isp=Free", "cdn=b")}, "map[isp:Free]"},
		{"one of the whole CDN", map[string]string{"cdn": "a"}, 0, []alerts.Member{alert(time.Time{}, "cdn=a", "isp=Free"), alert(time.Time{}, "cdn=a")}, "map[cdn:a]"},
		{"two networks", map[string]string{"cdn": "a"}, 0, []alerts.Member{alert(time.Time{}, "cdn=a", "isp=Free"), alert(time.Time{}, "cdn=a", "isp=SFR")}, "map[cdn:a]"},
		{"another network that is over", map[string]string{"cdn": "a"}, 0, []alerts.Member{alert(time.Time{}, "cdn=a", "isp=Free"), alert(over, "cdn=a", "isp=SFR")}, "map[cdn:a isp:Free]"},
		{"all over", map[string]string{"cdn": "a"}, 0, []alerts.Member{alert(over, "cdn=a", "isp=Free"), alert(over, "cdn=a", "isp=Free")}, "map[cdn:a isp:Free]"},
		{"more than are kept", map[string]string{"cdn": "a"}, 3, []alerts.Member{alert(time.Time{}, "cdn=a", "isp=Free")}, "map[cdn:a]"},
		{"more that are over", map[string]string{"cdn": "a"}, 3, []alerts.Member{alert(time.Time{}, "cdn=a", "isp=Free"), alert(over, "cdn=a", "isp=SFR")}, "map[cdn:a isp:Free]"},
		{"its own come first", map[string]string{"isp": "SFR"}, 0, []alerts.Member{alert(time.Time{}, "isp=Free")}, "map[isp:SFR]"},
	} {
		i := alerts.Incident{Problem: alerts.Problem{Labels: tt.own, More: tt.more, Alerts: tt.of}}
		if got := fmt.Sprint(hitLabelsOf(&i)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if len(i.Labels) != len(tt.own) {
			t.Errorf("%s: the incident itself was changed", tt.name)
		}
	}
}

// What a runbook speaks of and nobody has said is asked for in words, and nothing is called without it.
func TestARunAsksForWhatNobodySaid(t *testing.T) {
	s := newCrisisSite(t)
	b := s.signedIn(t, "operator")
	of := s.open(t, crisis.Crisis{Title: "CloudFront va mal", Match: "finale", Labels: map[string]string{"cdn": "cloudfront"}})
	run := s.run(t, of)
	at := "/runs/" + run.ID
	page := s.doc(t, b, at+"?lang=fr")
	if got := plain(page.Find("#run-unsaid")); !strings.Contains(got, "À préciser : FAI.") || !strings.Contains(got, "étape 6, étape 7, étape 8, étape 11") {
		t.Errorf("what is asked for: %s", got)
	}
	if got := plain(page.Find("h1")); got != "CloudFront se dégrade chez [FAI à préciser]" {
		t.Errorf("the title: %s", got)
	}
	if got := page.Find("main").Text(); strings.Contains(got, "{isp}") {
		t.Errorf("a hole is shown as it is written: %s", got[max(0, strings.Index(got, "{isp}")-40):strings.Index(got, "{isp}")+5])
	}
	for _, step := range []string{"steer-all", "stalls-gone"} {
		if got := plain(page.Find("#step-" + step + " .machine")); !strings.Contains(got, "Préciser d’abord : FAI") {
			t.Errorf("%s: %s", step, got)
		}
	}
	for _, to := range []struct {
		path string
		form url.Values
	}{{"/confirm/tick", url.Values{"evidence": {"colonne CloudFront"}}}, {"/capacity/tick", url.Values{"evidence": {"12 Gbit/s"}}}, {"/move/choose", url.Values{"choice": {"all"}}}} {
		if status, _, refused := s.posted(t, b, at+to.path, to.form); status != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", to.path, status, refused)
		}
	}
	if s.doc(t, b, at).Find("#step-steer-all [action$='/call']").Length() != 0 {
		t.Error("a call that would be refused is offered")
	}
	if status, _, refused := s.posted(t, b, at+"/steer-all/call?lang=fr", nil); status != http.StatusUnprocessableEntity || !strings.Contains(refused, "précisez d’abord, en haut de la page : FAI") {
		t.Errorf("a call without it: %d %q", status, refused)
	}
	if status, _, refused := s.posted(t, b, at+"/labels", url.Values{"label-isp": {"Free"}}); status != http.StatusSeeOther {
		t.Fatalf("say it: %d %s", status, refused)
	}
	page = s.doc(t, b, at+"?lang=fr")
	if page.Find("#run-unsaid, .lacks").Length() != 0 || plain(page.Find("h1")) != "CloudFront se dégrade chez Free" || !strings.Contains(plain(page.Find("#step-steer-all .machine")), "/rules/cloudfront/Free") {
		t.Errorf("once it is said: %s; %s", plain(page.Find("h1")), plain(page.Find("#step-steer-all .machine")))
	}
}

func TestRunbooksThatRulesNameAreLinks(t *testing.T) {
	s := newCrisisSite(t)
	r := alertsReader{hasRunbook: s.hasRunbook()}
	for name, want := range map[string]string{"cdn-isp": "/runbooks/cdn-isp", "nothing": "", "https://wiki.example.com/a": "https://wiki.example.com/a", "javascript:alert(1)": ""} {
		if got := r.runbook(name); got != want {
			t.Errorf("%q leads to %q, want %q", name, got, want)
		}
	}
	if got := (alertsReader{}).runbook("cdn-isp"); got != "" {
		t.Errorf("without runbooks it leads to %q", got)
	}
}

func TestACrisisIsLedNotedEndedAndExported(t *testing.T) {
	s := newCrisisSite(t)
	b := s.signedIn(t, "operator")
	of := s.open(t, crisis.Crisis{})
	at := "/crises/" + of.ID
	for _, tt := range []struct {
		path    string
		form    url.Values
		status  int
		refused string
	}{
		{"/lead", url.Values{"to": {"viewer"}}, 422, "rôle d’opérateur"},
		{"/lead", url.Values{"to": {"nobody"}}, 422, "rôle d’opérateur"},
		{"/lead", url.Values{"to": {"paul"}}, 303, ""},
		{"/note", url.Values{"text": {""}}, 422, "Écrivez"},
		{"/note", url.Values{"text": {"<b>CloudFront</b> confirme"}}, 303, ""},
		{"/note", url.Values{"text": {"les appels montent"}, "at": {"xx"}}, 422, "heure passée"},
		{"/describe", url.Values{"title": {"Free coupe"}, "label-isp": {"Free"}, "label-cdn": {""}}, 303, ""},
		{"/end", url.Values{"note": {"revenu"}}, 303, ""},
		{"/end", url.Values{}, 409, "close"},
		{"/reopen", url.Values{"why": {"cela recommence"}}, 303, ""},
	} {
		status, _, refused := s.posted(t, b, at+tt.path+"?lang=fr", tt.form)
		if status != tt.status || !strings.Contains(refused, tt.refused) {
			t.Errorf("%s %v: %d %q, want %d %q", tt.path, tt.form, status, refused, tt.status, tt.refused)
		}
	}
	if now := s.crises.Get(of.ID); now.Lead != "paul" || now.Title != "Free coupe" || now.Labels["cdn"] != "" || now.Labels["channel"] != "TF1" || !now.Open() {
		t.Errorf("the crisis: %+v", now)
	}
	page := s.doc(t, b, at+"?lang=fr")
	lines := plain(page.Find("#timeline .events"))
	for _, want := range []string{"a rouvert la crise", "<b>CloudFront</b> confirme", "à Paul Adam", "a ouvert la crise"} {
		if !strings.Contains(lines, want) {
			t.Errorf("the timeline lacks %q: %s", want, lines)
		}
	}
	if n := s.doc(t, b, at+"?kind=steps").Find("#timeline .events li").Length(); n != 0 {
		t.Errorf("%d lines of steps", n)
	}
	for as, want := range map[string]string{"csv": "les plus", "md": "# Free coupe", "json": `"title": "Free coupe"`} {
		r := s.get(t, b, at+"/export?lang=fr&as="+as)
		body, _ := io.ReadAll(r.Body)
		if as == "csv" {
			want = "a rouvert la crise"
		}
		if r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) || !strings.Contains(r.Header.Get("Content-Disposition"), "crisis-"+of.ID+"."+as) {
			t.Errorf("%s: %d %s", as, r.StatusCode, body)
		}
		if as == "json" && !json.Valid(body) {
			t.Error("the JSON is none")
		}
	}
	if r := s.get(t, b, at+"/export?as=exe"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown format: %d", r.StatusCode)
	}
}

func TestAnExerciseIsDrawnOtherwise(t *testing.T) {
	s := newCrisisSite(t)
	b := s.signedIn(t, "operator")
	status, to, _ := s.posted(t, b, "/crises", url.Values{"drill": {"1"}, "title": {"répétition"}, "label-isp": {"Free"}, "label-cdn": {"akamai"}})
	if status != http.StatusSeeOther {
		t.Fatalf("open: %d", status)
	}
	page := s.doc(t, b, to+"?lang=fr")
	if got := plain(page.Find("main > .drill")); !strings.HasPrefix(got, "EXERCICE") || !page.Find("body").HasClass("drilling") {
		t.Errorf("the head: %q", got)
	}
	if got := plain(page.Find(".fit button")); !strings.Contains(got, "Simuler") || strings.Contains(got, "Lancer") {
		t.Errorf("the button: %q", got)
	}
	id := strings.TrimPrefix(to, "/crises/")
	if status, _, refused := s.posted(t, b, "/runs?lang=fr", url.Values{"crisis": {id}, "runbook": {"cdn-isp"}}); status != http.StatusUnprocessableEntity || !strings.Contains(refused, "ne devient jamais réel") {
		t.Errorf("a real run in a drill: %d %s", status, refused)
	}
}

func TestARunIsCarriedOutByMany(t *testing.T) {
	s := newCrisisSite(t)
	one, two := s.signedIn(t, "operator"), s.signedIn(t, "paul")
	of := s.open(t, crisis.Crisis{})
	run := s.run(t, of)
	at := "/runs/" + run.ID
	post := func(b *http.Client, path string, form url.Values, want int, refused string) {
		t.Helper()
		status, _, got := s.posted(t, b, at+path+"?lang=fr", form)
		if status != want || !strings.Contains(got, refused) {
			t.Errorf("%s %v: %d %q, want %d %q", path, form, status, got, want, refused)
		}
	}
	step := func(id string) string { return plain(s.doc(t, one, at+"?lang=fr").Find("#step-" + id)) }
	if got := step("capacity"); !strings.Contains(got, "attend étape 1") {
		t.Errorf("what waits: %s", got)
	}
	post(one, "/capacity/tick", url.Values{"evidence": {"12 Gbit/s"}}, 409, "étape 1")
	post(one, "/confirm/tick", url.Values{}, 422, "le demande")
	post(two, "/confirm/take", url.Values{}, 303, "")
	if got := step("confirm"); !strings.Contains(got, "Paul Adam s’en charge") {
		t.Errorf("who has it: %s", got)
	}
	post(two, "/confirm/tick", url.Values{"evidence": {"colonne CloudFront, 212 000"}}, 303, "")
	post(one, "/confirm/tick", url.Values{"evidence": {"moi aussi"}}, 409, "Déjà fait par Paul Adam à")
	if got := step("confirm"); !strings.Contains(got, "fait par Paul Adam") || !strings.Contains(got, "212 000") {
		t.Errorf("done: %s", got)
	}
	post(one, "/confirm/untick", url.Values{}, 422, "pourquoi")
	post(one, "/confirm/comment", url.Values{"text": {"vu aussi chez SFR ?"}}, 303, "")
	post(one, "/call-cdn/skip", url.Values{"reason": {""}}, 422, "pourquoi")
	post(one, "/call-cdn/skip", url.Values{"reason": {"ils ont appelé"}}, 303, "")
	post(one, "/capacity/tick", url.Values{"evidence": {"12 Gbit/s"}}, 303, "")
	post(one, "/move/choose", url.Values{"choice": {"nothing"}}, 422, "choix")
	post(one, "/move/choose", url.Values{"choice": {"wait"}}, 303, "")
	post(one, "/move/hand", url.Values{"to": {"viewer"}}, 422, "opérateur")
	post(one, "/move/fly", url.Values{}, 404, "")
	if got := step("steer-all"); !strings.Contains(got, "sans objet") {
		t.Errorf("what was decided against: %s", got)
	}
	// The signal: what is not known is said to be, and never taken for met.
	if got := step("stalls-gone"); !strings.Contains(got, "valeur inconnue") {
		t.Errorf("a signal that nobody knows: %s", got)
	}
	s.shown.mu.Lock()
	s.shown.value, s.shown.known = .031, true
	s.shown.mu.Unlock()
	if got := step("stalls-gone"); !strings.Contains(got, "pas encore") || !strings.Contains(got, "3,1") || !strings.Contains(got, "Free") {
		t.Errorf("a signal: %s", got)
	}
	s.shown.mu.Lock()
	s.shown.value, s.shown.since = .004, time.Now().Add(-3*time.Minute-5*time.Second)
	since := "vrai depuis 3 min (" + s.shown.since.UTC().Format("15:04") + ")"
	s.shown.mu.Unlock()
	if got := step("stalls-gone"); !strings.Contains(got, since) {
		t.Errorf("a signal that is as awaited: %s; without %q", got, since)
	}
	// The message: the way to prepare it, then its state.
	href, _ := s.doc(t, one, at+"?lang=fr").Find("#step-tell .machine a").Attr("href")
	if href != "/sends/new?crisis="+of.ID+"&scenario=cdn-isp&step=initial" {
		t.Errorf("prepare: %s", href)
	}
	sent := s.said(t, of, true)
	if href, _ := s.doc(t, one, at).Find("#step-tell .machine a").Attr("href"); href != "/sends/"+sent.ID {
		t.Errorf("its send: %s", href)
	}
	post(one, "/finish", url.Values{}, 409, "Pas encore")
	for as, want := range map[string]string{"md": "212 000", "json": `"runbook"`} {
		r := s.get(t, one, at+"/export?lang=fr&as="+as)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s", as, r.StatusCode, body)
		}
	}
	lines := plain(s.doc(t, one, "/crises/"+of.ID+"?lang=fr&kind=steps").Find(".events"))
	for _, want := range []string{"a passé « Appeler l’astreinte de CloudFront »", "a décidé « Ne rien déplacer, attendre CloudFront »", "a fait"} {
		if !strings.Contains(strings.ReplaceAll(lines, "\u00a0", " "), want) {
			t.Errorf("the timeline lacks %q: %s", want, lines)
		}
	}
	post(one, "/abandon", url.Values{"reason": {"c’était l’opérateur"}}, 303, "")
	post(one, "/tell/take", url.Values{}, 409, "terminée")
	viewer := s.doc(t, s.signedIn(t, "viewer"), at)
	if viewer.Find("main form").Length() != 0 {
		t.Error("a viewer is shown what only operators may do")
	}
}

func TestBoardsShowCrises(t *testing.T) {
	s := newCrisisSite(t)
	s.Publish(final(t, 0))
	b := s.signedIn(t, "operator")
	crises := func(path string) *goquery.Selection { return s.doc(t, b, path).Find("#crises") }
	if got := plain(crises("/?lang=fr")); got != "" {
		t.Errorf("without any: %q", got)
	}
	board := s.boardNow()
	drill := s.open(t, crisis.Crisis{Title: "répétition", Drill: true, Began: time.Now().Add(-20 * time.Minute)})
	s.said(t, drill, false)
	s.Publish(board)
	if got := crises("/?lang=fr"); !strings.Contains(plain(got), "EXERCICE") || got.HasClass("overdue") || got.Find(".critical:not(.due)").Length() != 0 {
		t.Errorf("an exercise that is overdue: %s", plain(got))
	}
	of := s.open(t, crisis.Crisis{Title: "Free voit des coupures", Match: "finale", Began: time.Now().Add(-3 * time.Minute)})
	s.said(t, of, false)
	now := *board
	now.At = time.Now()
	s.Publish(&now)
	if got := crises("/?lang=fr"); !strings.HasPrefix(plain(got.Find(".incident").First()), "Free voit des coupures") || !strings.Contains(plain(got), "message initial avant") || got.HasClass("overdue") {
		t.Errorf("a real one before: %s", plain(got))
	}
	late := now
	late.At = time.Now().Add(12 * time.Minute)
	s.Publish(&late)
	for _, path := range []string{"/?lang=fr", "/wall?lang=fr"} {
		if got := crises(path); !got.HasClass("overdue") || !strings.Contains(plain(got.Find(".incident.critical")), "en retard") {
			t.Errorf("%s: a real one that is overdue: %s", path, plain(got))
		}
	}
	if n := crises("/wall").Find("a").Length(); n != 0 {
		t.Errorf("a wall has %d links", n)
	}
}

// What comes from elsewhere as a key has a word in each language.
func TestWhatHappensInCrisesHasWords(t *testing.T) {
	for _, l := range mustLocales(t) {
		whats := crisis.Whats()
		for _, what := range []string{send.ActPrepare, send.ActCheck, send.ActConfirm, send.ActBegin, send.ActGate, send.ActPause, send.ActResume, send.ActAbort, send.ActDrop, send.ActRetry, send.ActAgain, send.ActEnd} {
			whats = append(whats, "send-"+what)
		}
		for _, what := range whats {
			if _, ok := l.texts["crisis.what."+what]; !ok {
				t.Errorf("%s: %q has no words", l.Code, what)
			}
		}
		for _, state := range []send.State{send.Prepared, send.Checked, send.Confirmed, send.Sending, send.Paused, send.Completed, send.Faulty, send.Aborted, send.Dropped} {
			if _, ok := l.texts["crises.send.state."+string(state)]; !ok {
				t.Errorf("%s: the state %q has no word", l.Code, state)
			}
		}
		for _, o := range send.Outcomes() {
			if _, ok := l.texts["support.outcome."+o.String()]; !ok {
				t.Errorf("%s: the outcome %q has no word", l.Code, o)
			}
		}
		for _, kind := range channel.Kinds() {
			if _, ok := l.texts["support.kind."+string(kind)]; !ok {
				t.Errorf("%s: the channel %q has no name", l.Code, kind)
			}
		}
		for _, kind := range runbooks.Kinds() {
			if _, ok := l.texts["runbooks.kind."+string(kind)]; !ok {
				t.Errorf("%s: the kind %q has no name", l.Code, kind)
			}
		}
	}
}
