package web

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/internal/account"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/provider/sms"
	"vigie/internal/state"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
	smschannel "vigie/runbooks/sms"
	"vigie/runbooks/webhook"
)

// taken is a gateway of short messages, and a receiver of posts, that counts what it took.
type taken struct {
	*httptest.Server
	mu    sync.Mutex
	all   map[string]int
	last  time.Time
	drill bool // something of an exercise came
	slow  time.Duration
	// answer is the status for a number; 0: it is taken; -1: it is taken, and the connection breaks.
	answer func(to string) int
}

func newTaken(t *testing.T) *taken {
	g := &taken{all: map[string]int{}, answer: func(string) int { return 0 }}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct{ To, Text string }
		_ = json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&m)
		g.mu.Lock()
		slow, status := g.slow, g.answer(m.To)
		if status <= 0 {
			g.all[m.To]++
			g.last = time.Now()
		}
		g.drill = g.drill || strings.Contains(m.Text, "EXERCICE") || r.Header.Get(webhook.Drill) == "true"
		g.mu.Unlock()
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
		}
		switch {
		case status < 0:
			panic(http.ErrAbortHandler)
		case status > 0:
			http.Error(w, "not a mobile", status)
		default:
			_, _ = fmt.Fprintf(w, `{"id":"sm-%s"}`, strings.TrimPrefix(m.To, "+"))
		}
	}))
	t.Cleanup(func() { g.CloseClientConnections(); g.Close() })
	return g
}

// count is how many were told, and how many of them twice.
func (g *taken) count() (told, twice int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for to, n := range g.all {
		if to == "" {
			continue // a post
		}
		if told++; n > 1 {
			twice++
		}
	}
	return told, twice
}

// sendSite is a site on which everything is real: the bus, the database of contacts, the library, the room of sends,
// the workers of what is real and of exercises, and who is called by them.
type sendSite struct {
	*site
	room    *send.Room
	crises  *crisis.Room
	library *library.Library
	book    *audience.Book
	live    *taken // what viewers would get
	drill   *taken // what exercises reach
}

const matchOfSends = "finale"

func newSendSite(t *testing.T, contacts int, edit func(*send.Account)) *sendSite {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, b, log := t.Context(), bustest.Open(t), slog.New(slog.DiscardHandler)
	db := chtest.Open(t)
	must(db.Prepare(ctx, ch.Retention{}))
	kvs := map[string]*bus.KV{}
	for _, name := range []string{"crises", "sends", "audience", "lists"} {
		kv, err := b.KV(ctx, name)
		must(err)
		kvs[name] = kv
	}
	stream, err := b.Stream(ctx, crisis.Stream("CRISES"))
	must(err)
	s := &sendSite{live: newTaken(t), drill: newTaken(t)}
	crises, sends, people := state.New(kvs["crises"], log), state.New(kvs["sends"], log), state.New(kvs["audience"], log)
	s.crises = crisis.New(crisis.Config{State: crises, Lines: stream, Log: log})
	s.library, err = library.New(library.Config{State: crises, Limits: houseLimits})
	must(err)
	s.book, err = audience.New(audience.Config{DB: db, State: people, Lists: kvs["lists"], Country: "33", Log: log})
	must(err)
	accounts := []send.Account{
		{ID: "page", Kind: channel.Status, Name: "Page d’état"}, {ID: "sms", Kind: channel.SMS, Name: "SMS Opérateur", Rate: 2000, Price: .05},
		{ID: "page-drill", Kind: channel.Status, Name: "Page d’exercice", Drill: true}, {ID: "sms-drill", Kind: channel.SMS, Name: "SMS d’exercice", Drill: true},
	}
	for i := range accounts {
		if edit != nil {
			edit(&accounts[i])
		}
	}
	s.room = send.NewRoom(send.RoomConfig{
		Bus: b, KV: kvs["sends"], State: sends, Accounts: accounts, Log: log, Lists: s.book.Load,
		Timeline: func(ctx context.Context, id string, l crisis.Line) error { l.ID = id; return s.crises.Write(ctx, l) },
		Prepare: send.PrepareConfig{
			Library: s.library, Audience: func() *audience.Book { return s.book }, Crisis: s.crises.Get, Limits: houseLimits, Lang: "fr",
			Zone: func(string) *time.Location { return time.FixedZone("Paris", 3600) },
			Live: func(map[string]string) map[string]string { return map[string]string{"viewers": "104212"} },
		},
	})
	for _, bucket := range []*state.Bucket{crises, sends, people} {
		must(bucket.Load(ctx))
	}
	must(s.book.Open(ctx))
	must(s.crises.Load(ctx))
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var all sync.WaitGroup
	for _, run := range []func(context.Context) error{crises.Run, sends.Run, people.Run, s.crises.Run, s.room.Run, s.worker(t, s.live, "page", "sms", false).Run, s.worker(t, s.drill, "page-drill", "sms-drill", true).Run} {
		all.Go(func() { _ = run(running) })
	}
	t.Cleanup(func() { stop(); all.Wait() })

	var lines strings.Builder
	lines.WriteString("id;email;phone;lang;email_agree;sms_agree;role\n")
	for i := range contacts {
		role := "viewer"
		if i < 3 {
			role = "crew"
		}
		fmt.Fprintf(&lines, "c%d;c%d@example.com;+336399%05d;%s;1;1;%s\n", i, i, i, []string{"fr", "en"}[i%2], role)
	}
	lines.WriteString("refuses;refuses@example.com;+33639899999;fr;1;0;viewer\n")
	_, err = s.book.Import(ctx, strings.NewReader(lines.String()), audience.ImportOptions{Format: "csv", Name: "abonnés.csv", By: "admin"})
	must(err)
	for _, of := range []audience.Segment{
		{ID: "everybody", Name: "Tous les abonnés", By: "operator"},
		{ID: "crew", Name: "La maison", Where: []audience.Condition{{Attribute: "role", Values: []string{"crew"}}}, Canary: true, By: "operator"},
	} {
		_, err := s.book.SaveSegment(ctx, of, time.Time{})
		must(err)
	}
	scenario := playback()
	scenario.Audience = "everybody"
	_, err = s.library.Save(ctx, "author", scenario, 0)
	must(err)
	for step := range scenario.Messages {
		_, err := s.library.Submit(ctx, "author", scenario.ID, step)
		must(err)
		_, err = s.library.Approve(ctx, "validator", scenario.ID, step, scenario.Hash(step))
		must(err)
		_, err = s.library.Arm(ctx, "operator", scenario.ID, step, matchOfSends)
		must(err)
	}
	s.site = newSite(t, func(c *Config) {
		c.Crises, c.Library, c.Sends, c.MessageLimits = s.crises, s.library, s.room, houseLimits
		c.Audience = func() *audience.Book { return s.book }
		c.Matches = season(t, time.Now().Add(-30*time.Minute), newMemoryMatches())
	})
	for name, display := range map[string]string{"second": "", "third": "Théo Tiers"} {
		_, err := s.accounts.Add(ctx, account.User{Name: name, Roles: account.Roles{account.Operator}, Display: display}, password)
		must(err)
	}
	_, err = s.accounts.Change(ctx, "author", func(u *account.User) error { u.Display = "Aude Autrice"; return nil })
	must(err)
	return s
}

func (s *sendSite) worker(t *testing.T, to *taken, page, text string, drill bool) *send.Worker {
	t.Helper()
	texts, err := smschannel.New(smschannel.Config{Gateway: sms.Config{
		Provider: "generic", URL: to.URL + "/send", Answer: "id", Fields: map[string]string{"to": "{to}", "text": "{text}", "id": "{id}"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	posts, err := webhook.New(webhook.Config{URL: to.URL + "/page", Secret: "sixteen characters"})
	if err != nil {
		t.Fatal(err)
	}
	owner := "live"
	if drill {
		owner = "drill"
	}
	return send.NewWorker(send.WorkerConfig{
		Room: s.room, Channels: map[string]channel.Channel{page: posts, text: texts}, Drill: drill, Owner: owner, Alone: true, Log: slog.New(slog.DiscardHandler),
	})
}

func (s *sendSite) crisis(t *testing.T, drill bool) *crisis.Crisis {
	t.Helper()
	c, err := s.crises.Open(t.Context(), "operator", crisis.Crisis{Title: "CDN perdu chez Free", Match: matchOfSends, Drill: drill, Labels: map[string]string{"cdn": "akamai", "isp": "Free"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hiddenOf are the fields of a message's form that nobody sees.
func hiddenOf(page *goquery.Document) url.Values {
	form := url.Values{}
	page.Find("#send-form input[type=hidden]").Each(func(_ int, i *goquery.Selection) { form.Add(i.AttrOr("name", ""), i.AttrOr("value", "")) })
	return form
}

// form is the form of a message, as a browser would send it.
func (s *sendSite) form(t *testing.T, b *http.Client, c *crisis.Crisis, step message.Step) url.Values {
	t.Helper()
	page := s.page(t, b, "/sends/new?lang=fr&crisis="+c.ID+"&scenario=lecture&step="+string(step))
	form := hiddenOf(page)
	page.Find("#send-form input[type=checkbox][checked]").Each(func(_ int, i *goquery.Selection) { form.Add(i.AttrOr("name", ""), i.AttrOr("value", "")) })
	if len(form) < 5 {
		t.Fatalf("there is no form: %s", plain(page.Find("main")))
	}
	form.Set("v.where", "tv")
	return form
}

// prepared is a send that somebody prepared by the form.
func (s *sendSite) prepared(t *testing.T, b *http.Client, c *crisis.Crisis, step message.Step) *send.Send {
	t.Helper()
	r := s.post(t, b, "/sends", s.form(t, b, c, step), nil)
	if r.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(r.Body)
		t.Fatalf("prepare: %d %s", r.StatusCode, body)
	}
	return s.room.Get(strings.TrimPrefix(r.Header.Get("Location"), "/sends/"))
}

// confirmed is one that a second person confirmed.
func (s *sendSite) confirmed(t *testing.T, c *crisis.Crisis) *send.Send {
	t.Helper()
	of := s.prepared(t, s.signedIn(t, "operator"), c, message.Initial)
	if _, err := s.room.Check(t.Context(), "operator", of.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.room.Confirm(t.Context(), "second", of.ID, of.Digest, of.People()); err != nil {
		t.Fatal(err)
	}
	return of
}

func (s *sendSite) until(t *testing.T, what string, f func() bool) {
	t.Helper()
	eventually(t, what, f)
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func (s *sendSite) stands(t *testing.T, id string, at send.State) {
	t.Helper()
	s.until(t, id+" is "+string(at), func() bool { return s.room.Get(id).State == at })
}

func TestSendsWithoutAConfigurationSayWhy(t *testing.T) {
	s := newSite(t, nil)
	for path, want := range map[string]string{"/sends": "Aucun message n’est configuré", "/audience": "Les contacts ne sont pas configurés", "/audience/segments": "Les contacts ne sont pas configurés", "/audience/never": "Les contacts ne sont pas configurés"} {
		if got := plain(s.page(t, s.signedIn(t, "viewer"), path+"?lang=fr").Find(".calm")); !strings.Contains(got, want) {
			t.Errorf("%s says %q", path, got)
		}
	}
	if got := plain(s.page(t, s.signedIn(t, "operator"), "/sends/new?lang=fr").Find(".calm")); !strings.Contains(got, "Aucun message") {
		t.Errorf("/sends/new says %q", got)
	}
}

// What is pressed, typed or asked instead of the confirmation sends nothing: not "cancel", not an act that does not
// exist, not one that is for another state.
func TestNoOtherVerbSends(t *testing.T) {
	s := newSendSite(t, 40, nil)
	operator, second := s.signedIn(t, "operator"), s.signedIn(t, "second")
	of := s.prepared(t, operator, s.crisis(t, false), message.Initial)
	at := "/sends/" + of.ID
	if r := s.post(t, operator, at+"/check", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("check: %d", r.StatusCode)
	}
	for _, verb := range []string{"cancel", "Confirm", "confirmed", "confirm/now", "send", "go", "resume", "retry", "unknown", "abort", "pause", ""} {
		r := s.post(t, second, at+"/"+verb, url.Values{"digest": {of.Digest}, "count": {"40"}}, nil)
		if r.StatusCode < 400 {
			t.Errorf("%q is answered %d", verb, r.StatusCode)
		}
		if now := s.room.Get(of.ID); now.State != send.Checked || !now.Confirmed.IsZero() {
			t.Fatalf("after %q it is %s", verb, now.State)
		}
	}
	if n, _ := s.live.count(); n != 0 {
		t.Errorf("%d were told", n)
	}
}

func TestASendNeedsTwoPeopleWhoReadIt(t *testing.T) {
	t.Parallel()
	s := newSendSite(t, 40, nil)
	c := s.crisis(t, false)
	operator, second := s.signedIn(t, "operator"), s.signedIn(t, "second")
	if got := plain(s.page(t, operator, "/sends/new?lang=fr&crisis="+c.ID).Find(".scenarios")); !strings.Contains(got, "Lecture perturbée") || !strings.Contains(got, "le premier message n’a pas été envoyé") {
		t.Errorf("what can be chosen: %q", got)
	}
	form := s.form(t, operator, c, message.Initial)
	preview := s.post(t, operator, "/sends/preview", form, nil)
	seen := document(t, preview)
	if got := plain(seen.Find("#send-preview")); !strings.Contains(got, "le direct est perturbe sur la box TV") || !strings.Contains(got, "40 personnes") || !strings.Contains(got, "sans accord") {
		t.Errorf("the preview: %q", got)
	}
	if n := len(s.room.All()); n != 0 {
		t.Fatalf("a preview kept %d sends", n)
	}
	once := s.post(t, operator, "/sends", form, nil).Header.Get("Location")
	if again := s.post(t, operator, "/sends", form, nil).Header.Get("Location"); once == "" || again != once || len(s.room.All()) != 1 {
		t.Fatalf("the same form twice made %q and %q", once, again)
	}
	of := s.room.Get(strings.TrimPrefix(once, "/sends/"))

	page := s.page(t, operator, once+"?lang=fr")
	if plain(page.Find("#check-do")) == "" || page.Find("#confirm").Length() != 0 || !strings.Contains(plain(page.Find("#plan")), "40 personnes") || !strings.Contains(plain(page.Find("#texts")), "box TV") {
		t.Errorf("prepared: %s", plain(page.Find("main")))
	}
	if r := s.post(t, operator, once+"/check", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("check: %d", r.StatusCode)
	}
	if r := s.post(t, operator, once+"/check", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("check, pressed twice: %d", r.StatusCode)
	}
	// The same person has no button, and is refused.
	page = s.page(t, operator, once+"?lang=fr")
	if page.Find("#confirm").Length() != 0 || !strings.Contains(plain(page.Find("#not-yours")), "Vous l’avez préparée") {
		t.Errorf("the sender sees: %s", plain(page.Find(".send-head")))
	}
	confirm := url.Values{"digest": {of.Digest}, "count": {"40"}}
	refused := s.post(t, operator, once+"/confirm", confirm, nil)
	if got := plain(document(t, refused).Find(".refused")); refused.StatusCode != http.StatusForbidden || !strings.Contains(got, "une autre personne") {
		t.Errorf("the sender confirms: %d %q", refused.StatusCode, got)
	}
	// Another one must have read it, and types how many.
	page = s.page(t, second, once+"?lang=fr")
	if got := plain(page.Find("#confirm-do")); got != "Diffuser à 40 personnes" || page.Find("#confirm").HasClass("exercise") {
		t.Errorf("the button: %q", got)
	}
	for name, bad := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"a wrong count":      {url.Values{"digest": {of.Digest}, "count": {"4"}}, 422, "vous avez tapé 4, ce serait 40"},
		"no number":          {url.Values{"digest": {of.Digest}, "count": {"tous"}}, 422, "tapez un nombre"},
		"what was not seen":  {url.Values{"digest": {"0000"}, "count": {"40"}}, 409, "ce que vous avez lu a changé"},
		"a number too large": {url.Values{"digest": {of.Digest}, "count": {strings.Repeat("9", 30)}}, 422, "tapez un nombre"},
	} {
		r := s.post(t, second, once+"/confirm", bad.form, nil)
		if got := plain(document(t, r).Find(".refused")); r.StatusCode != bad.status || !strings.Contains(got, bad.says) {
			t.Errorf("%s: %d %q", name, r.StatusCode, got)
		}
	}
	if told, _ := s.live.count(); told != 0 || s.room.Get(of.ID).State != send.Checked {
		t.Fatalf("%d were told before anybody confirmed", told)
	}
	if r := s.post(t, second, once+"/confirm", confirm, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("confirm: %d", r.StatusCode)
	}
	if a := s.audit.last(t); a.What != DidConfirmSend || a.Who != "second" || a.On != of.ID+" 40" || a.Outcome != "ok" {
		t.Errorf("audit: %+v", a)
	}
	s.stands(t, of.ID, send.Completed)
	if told, twice := s.live.count(); told != 40 || twice != 0 {
		t.Errorf("%d were told, %d twice", told, twice)
	}
	page = s.page(t, s.signedIn(t, "viewer"), once+"?lang=fr")
	if got := plain(page.Find(".outcomes li.out-accepted").Last()); !strings.HasPrefix(got, "40 ") {
		t.Errorf("progress: %q", got)
	}
	if r := s.post(t, second, once+"/abort", nil, nil); r.StatusCode != http.StatusConflict {
		t.Errorf("an abort of what is over: %d", r.StatusCode)
	}
}

func TestAnExerciseLooksOtherwiseAndReachesNobody(t *testing.T) {
	s := newSendSite(t, 40, nil)
	c := s.crisis(t, true)
	operator := s.signedIn(t, "operator")
	of := s.prepared(t, operator, c, message.Initial)
	if r := s.post(t, operator, "/sends/"+of.ID+"/check", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("check: %d", r.StatusCode)
	}
	page := s.page(t, operator, "/sends/"+of.ID+"?lang=fr")
	button := page.Find("#confirm-do")
	if plain(button) != "Simuler" || !button.HasClass("go-drill") || button.HasClass("go") || !page.Find("body").HasClass("drilling") || !strings.Contains(plain(page.Find(".drill-band")), "EXERCICE") {
		t.Errorf("an exercise looks like: %s", plain(page.Find(".send-head")))
	}
	if !strings.Contains(plain(page.Find("#texts")), "EXERCICE") {
		t.Error("its texts do not say that it is one")
	}
	if r := s.post(t, operator, "/sends/"+of.ID+"/confirm", url.Values{"digest": {of.Digest}, "count": {"3"}}, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("confirm: %d", r.StatusCode)
	}
	s.stands(t, of.ID, send.Completed)
	real, _ := s.live.count()
	exercise, _ := s.drill.count()
	if real != 0 || s.live.drill || exercise != 3 {
		t.Errorf("an exercise told %d viewers and %d of the house", real, exercise)
	}
}

func TestAnAbortStopsWithinASecondAndOffersTheCorrection(t *testing.T) {
	t.Parallel()
	s := newSendSite(t, 600, func(a *send.Account) {
		if a.ID == "sms" {
			a.Rate = 60
		}
	})
	c := s.crisis(t, false)
	of := s.confirmed(t, c)
	s.until(t, "some are told", func() bool { n, _ := s.live.count(); return n >= 3 })
	if r := s.post(t, s.signedIn(t, "third"), "/sends/"+of.ID+"/abort", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("abort: %d", r.StatusCode)
	}
	aborted := time.Now()
	s.until(t, "it has ended", func() bool { return !s.room.Get(of.ID).Ended.IsZero() })
	told, twice := s.live.count()
	s.live.mu.Lock()
	last := s.live.last
	s.live.mu.Unlock()
	if last.Sub(aborted) > time.Second || told >= 600 || twice != 0 {
		t.Errorf("%v after the abort somebody was told; %d of 600 in all, %d twice", last.Sub(aborted), told, twice)
	}
	page := s.page(t, s.signedIn(t, "operator"), "/sends/"+of.ID+"?lang=fr")
	if got := spaced(plain(page.Find("#gone"))); !strings.Contains(got, fmt.Sprintf("rappel possible : %d personnes · 2 publications", told)) || !strings.Contains(got, "Théo Tiers") {
		t.Errorf("what is gone: %q, %d were told", got, told)
	}
	if href := page.Find("#correct").AttrOr("href", ""); href != "/sends/new?crisis="+c.ID+"&scenario=lecture&step=correction" {
		t.Errorf("the correction: %q", href)
	}
	// The correction goes to those who were told, and to nobody else.
	correction := s.prepared(t, s.signedIn(t, "operator"), c, message.Correction)
	if n := correction.People(); n != told {
		t.Errorf("the correction goes to %d, %d were told", n, told)
	}
	if r := s.post(t, s.signedIn(t, "third"), "/sends/"+of.ID+"/abort", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("an abort that was pressed twice: %d", r.StatusCode)
	}
}

func TestFailuresAreTriedAgainAndUnknownOnesByAPersonAlone(t *testing.T) {
	t.Parallel()
	s := newSendSite(t, 60, nil)
	s.live.answer = func(to string) int {
		switch {
		case strings.HasSuffix(to, "21") || strings.HasSuffix(to, "33"):
			return http.StatusBadRequest
		case strings.HasSuffix(to, "42"):
			return -1
		}
		return 0
	}
	of := s.confirmed(t, s.crisis(t, false))
	for { // the canary stops for too many failures: a person goes on
		s.until(t, "it stands", func() bool { st := s.room.Get(of.ID).State; return st == send.Paused || st == send.Faulty })
		if s.room.Get(of.ID).State == send.Faulty {
			break
		}
		if r := s.post(t, s.signedIn(t, "third"), "/sends/"+of.ID+"/resume", nil, nil); r.StatusCode != http.StatusSeeOther {
			t.Fatalf("resume: %d", r.StatusCode)
		}
	}
	operator, viewer := s.signedIn(t, "operator"), s.signedIn(t, "viewer")
	page := s.page(t, operator, "/sends/"+of.ID+"?lang=fr")
	if got := plain(page.Find("#retry-do")); got != "Réessayer les 2 échecs" {
		t.Errorf("the button: %q", got)
	}
	if got := plain(page.Find("#persons")); !strings.Contains(got, "Aude Autrice") {
		t.Errorf("who wrote it: %q", got)
	}
	if got := spaced(plain(page.Find("#history"))); !strings.Contains(got, "Page d’état : 2 publications · SMS Opérateur : maison, 3 personnes") || strings.Contains(got, " / ") || strings.Contains(got, "sms") {
		t.Errorf("what was done: %q", got)
	}
	if got := plain(page.Find(".why-list")); !strings.Contains(got, "2 demande refusée") || !strings.Contains(got, "not a mobile") {
		t.Errorf("reasons: %q", got)
	}
	if got := plain(s.page(t, viewer, "/sends/"+of.ID+"?lang=en").Find(".why-list")); !strings.Contains(got, "2 request refused") {
		t.Errorf("reasons, in English: %q", got)
	}
	if got := plain(page.Find("#unknown")); !strings.Contains(got, "1 issue inconnue") || !strings.Contains(got, "peut-être pris") {
		t.Errorf("unknown: %q", got)
	}
	// Who did not get it: whole for operators, masked for the others, and never the provider's words about them.
	leg := slices.IndexFunc(of.Legs, func(l send.Leg) bool { return l.Kind == channel.SMS })
	failed := linesURL(of.ID, leg, "failed", 1)
	if got := plain(s.page(t, operator, failed+"&lang=fr").Find("tbody")); strings.Count(got, "+336399000") != 2 {
		t.Errorf("an operator sees %q", got)
	}
	if got := plain(s.page(t, viewer, failed+"&lang=fr").Find("tbody")); strings.Contains(got, "6399") || !strings.Contains(got, "+33•••••••21") || strings.Contains(got, "mobile") {
		t.Errorf("a viewer sees %q", got)
	}
	file := strings.Replace(failed, "/lines?", "/lines.csv?", 1)
	if r := s.get(t, viewer, file); r.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer exports: %d", r.StatusCode)
	}
	rows, err := csv.NewReader(s.get(t, operator, file).Body).ReadAll()
	if err != nil || len(rows) != 3 || rows[1][2] != "refused" {
		t.Errorf("the export: %q, %v", rows, err)
	}
	if a := s.audit.last(t); a.What != DidExportSend || a.Who != "operator" || !strings.HasSuffix(a.On, " sms failed 2") {
		t.Errorf("audit: %+v", a)
	}
	for _, bad := range []string{"?leg=9", "?leg=-1", "?leg=x", "?of=everything", "?page=0", "?page=99999999"} {
		if r := s.get(t, operator, "/sends/"+of.ID+"/lines"+bad); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, r.StatusCode)
		}
	}
	s.live.mu.Lock()
	s.live.answer = func(string) int { return 0 }
	s.live.mu.Unlock()
	if r := s.post(t, operator, "/sends/"+of.ID+"/repeat", url.Values{"count": {"7"}}, nil); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a repeat of what was not counted: %d", r.StatusCode)
	}
	if r := s.post(t, operator, "/sends/"+of.ID+"/retry", nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("retry: %d", r.StatusCode)
	}
	s.until(t, "those who failed are told", func() bool {
		of := s.room.Get(of.ID)
		return of.State == send.Faulty && of.Round == 1
	})
	told, twice := s.live.count()
	if told != 60 || twice != 0 {
		t.Errorf("after the retry %d are told, %d twice", told, twice)
	}
	if r := s.post(t, operator, "/sends/"+of.ID+"/repeat", url.Values{"count": {"1"}}, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("repeat: %d", r.StatusCode)
	}
	s.stands(t, of.ID, send.Completed)
	if _, twice := s.live.count(); twice != 1 {
		t.Errorf("%d were told twice, a person asked for one", twice)
	}
}

func TestTypedCounts(t *testing.T) {
	for typed, want := range map[string]int{"104212": 104212, "104 212": 104212, "104\u202f212": 104212, "104,212": 104212, "104.212": 104212, "0": 0} {
		if got, err := typedCount(typed); err != nil || got != want {
			t.Errorf("%q: %d, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", " ", "-4", "1e3", "0x10", "12a", "9999999999", strings.Repeat("1", 50), "١٢"} {
		if got, err := typedCount(typed); err == nil {
			t.Errorf("%q is %d", typed, got)
		}
	}
}

func TestMaskedAddresses(t *testing.T) {
	for to, want := range map[string]string{
		"jeanne.martin@orange.fr": "j•••@o•••.fr", "+33612345678": "+33•••••••78", "é@x.fr": "é•••@x•••.fr", "": "", "@": "•••", "a@": "•••", "+1": "•••", "who": "•••",
	} {
		if got := masked(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
}
