package statuspage

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/internal/bus/bustest"
	"vigie/internal/provider"
	"vigie/internal/state"
	"vigie/runbooks/channel"
)

func config() Config {
	return Config{
		Name: Words{"fr": "France Exemple", "en": "France Exemple"}, URL: "https://status.example.fr/", Support: Words{"fr": "https://aide.example.fr/", "en": "https://help.example.fr/"},
		Exercises: true,
		Components: []Component{
			{"live", Words{"fr": "Direct", "en": "Live"}, Words{"fr": "Regarder", "en": "Watch"}},
			{"replay", Words{"fr": "Replay", "en": "Catch-up"}, Words{"fr": "Regarder", "en": "Watch"}},
			{"login", Words{"fr": "Connexion au compte", "en": "Sign-in"}, Words{"fr": "Compte et appareils", "en": "Account and devices"}},
			{"apps", Words{"fr": "Site et applications", "en": "Site and apps"}, Words{"fr": "Compte et appareils", "en": "Account and devices"}},
		},
	}
}

var healthy = func(context.Context) error { return nil }

// night is a page on a real bus.
type night struct {
	*Page
	t      testing.TB
	http   *httptest.Server
	follow *state.Bucket
}

// open starts a page on a bus of the test's own, checked now.
func open(t testing.TB, c Config) *night {
	t.Helper()
	return openOn(t, c, newBus(t)())
}

// newBus gives what a process gets of the same bus, to each that asks.
func newBus(t testing.TB) func() *state.Bucket {
	t.Helper()
	b := bustest.Open(t)
	return func() *state.Bucket {
		kv, err := b.KV(t.Context(), "public")
		if err != nil {
			t.Fatal(err)
		}
		return state.New(kv, slog.New(slog.DiscardHandler))
	}
}

func openOn(t testing.TB, c Config, b *state.Bucket) *night {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	p.Use(b)
	if err := b.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.known.Checked = time.Now()
	if err := p.render(time.Now()); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/status", p.Handler("/status"))
	mux.Handle("/status/", p.Handler("/status"))
	mux.Handle("/exercice/", p.Exercise("/exercice/"))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &night{p, t, server, b}
}

// run runs the page, and what follows its bucket, until the test ends.
func (n *night) run() {
	ctx, stop := context.WithCancel(n.t.Context())
	var g sync.WaitGroup
	g.Go(func() { _ = n.Run(ctx) })
	g.Go(func() { _ = n.follow.Run(ctx) })
	n.t.Cleanup(func() { stop(); g.Wait() })
}

func (n *night) well() {
	n.t.Helper()
	for _, c := range n.config.Components {
		if err := n.SetComponent(n.t.Context(), "alice", c.ID, Operational); err != nil {
			n.t.Fatal(err)
		}
	}
}

// say publishes a message in French and in English.
func (n *night) say(to channel.Channel, m channel.Message, fr, en string) {
	n.t.Helper()
	for lang, text := range map[string]string{"fr": fr, "en": en} {
		if text == "" {
			continue
		}
		one := m
		one.ID, one.Lang = m.ID+"-"+lang, lang
		one.Subject, one.Text, _ = strings.Cut(text, "|")
		if one.Text == "" {
			one.Subject, one.Text = "", text
		}
		if _, err := to.Send(n.t.Context(), "", &one); err != nil {
			n.t.Fatal(err)
		}
	}
}

// get answers a path, with headers by pairs.
func (n *night) get(path string, headers ...string) (*http.Response, string) {
	n.t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.http.Config.Handler.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

func (n *night) doc(path string) *goquery.Document {
	n.t.Helper()
	res, body := n.get(path)
	if res.StatusCode != 200 {
		n.t.Fatalf("%s: %s", path, res.Status)
	}
	d, err := goquery.NewDocumentFromReader(strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	return d
}

func spoken(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

// story publishes an incident, so many steps of it.
func (n *night) story(to channel.Channel, thread string, began time.Time, drill bool, steps int) {
	n.t.Helper()
	mark, markEN := "", ""
	if drill {
		mark, markEN = "EXERCICE – ", "DRILL – "
	}
	for i, m := range []struct {
		step   string
		after  time.Duration
		next   time.Duration
		fr, en string
	}{
		{initial, 0, 20 * time.Minute, "Direct : lecture perturbée|Une partie des téléspectateurs voit le direct s’interrompre depuis 20 h 38. Nos équipes cherchent la cause.\n\nLe match reste accessible à la télévision.", "Live: playback disrupted|Some viewers have seen the live stream stop since 20:38. Our teams are looking for the cause.\n\nThe match is still available on TV."},
		{identified, 14 * time.Minute, 20 * time.Minute, "La cause est trouvée : un de nos diffuseurs ne répond plus chez un opérateur. Le trafic est reporté sur d’autres.", "The cause is known: one of our distributors no longer answers on one network. Traffic is being moved to others."},
		{update, 31 * time.Minute, 20 * time.Minute, "Le direct revient pour 8 téléspectateurs sur 10. Si l’image reste figée, rechargez la page ou relancez l’application.\nPlus de détails : https://aide.example.fr/direct.", "The live stream is back for 8 viewers in 10. If the picture is frozen, reload the page or restart the app.\nMore: https://help.example.fr/live."},
		{update, 47 * time.Minute, 15 * time.Minute, "Il reste des coupures brèves dans l’application sur téléviseur. Le site et les applications mobiles fonctionnent.", "Short interruptions remain in the TV app. The site and the mobile apps work."},
		{correction, 52 * time.Minute, 15 * time.Minute, "Nous avons écrit que les applications mobiles fonctionnent toutes : des coupures restent possibles sur Android.", "We wrote that all mobile apps work: interruptions are still possible on Android."},
		{resolved, 70 * time.Minute, 0, "Le direct fonctionne de nouveau normalement pour tous depuis 21 h 44. Nous vous présentons nos excuses.", "The live stream has been working normally for everyone since 21:44. We apologise."},
	}[:steps] {
		at := began.Add(m.after)
		one := channel.Message{ID: thread + "-" + string(rune('a'+i)), Thread: thread, Step: m.step, At: at, Drill: drill}
		if m.next > 0 {
			one.NextBy = at.Add(m.next)
		}
		n.say(to, one, mark+m.fr, markEN+m.en)
	}
}

// What each step makes of an incident, by itself and after others.
func TestAnIncidentIsWhatWasPublished(t *testing.T) {
	for _, c := range []struct {
		steps string
		want  Phase
	}{
		{"initial", Investigating}, {"update", Investigating}, {"initial identified", Identified}, {"initial identified update", Identified},
		{"initial resolved", Resolved}, {"initial cancel", Cancelled}, {"initial update resolved", Resolved}, {"correction", Investigating},
		// It goes on after all.
		{"initial resolved update", Investigating}, {"initial resolved initial", Investigating},
		// What was corrected counts no more.
		{"initial identified resolved correction", Identified}, {"initial resolved correction resolved", Resolved},
		{"initial identified correction", Investigating}, {"initial update correction resolved", Resolved}, {"initial cancel correction", Investigating},
		// Of a correction that was wrong, nothing comes back: what it was of stays corrected.
		{"initial resolved correction correction", Investigating},
	} {
		posts := map[string]*Post{}
		began := time.Date(2026, 7, 19, 20, 41, 0, 0, time.UTC)
		steps := strings.Fields(c.steps)
		for i, step := range steps {
			for _, lang := range languages {
				p := &Post{ID: "s" + string(rune('a'+i)) + "-" + lang, Lang: lang, Thread: "night", Step: step, Text: "x", At: began.Add(time.Duration(i) * time.Minute), NextBy: began.Add(time.Hour)}
				posts[p.ID] = p
			}
		}
		all := incidents(posts)
		if len(all) != 1 || len(all[0].Entries) != len(steps) {
			t.Fatalf("%s: %d incidents", c.steps, len(all))
		}
		i := all[0]
		if i.Phase != c.want || i.Ended.IsZero() == i.Phase.closed() || i.NextBy.IsZero() != i.Phase.closed() || !i.Began.Equal(began) {
			t.Errorf("%s: %s, ended %s, next by %s, want %s", c.steps, i.Phase, i.Ended, i.NextBy, c.want)
		}
		for n, e := range i.Entries {
			if e.Step == correction && n > 0 && (e.Corrects != i.Entries[n-1] || i.Entries[n-1].CorrectedBy != e) {
				t.Errorf("%s: the correction is not of what is before it", c.steps)
			}
		}
	}
}

// Languages of one message are one entry: by their IDs, or by step and moment; what nothing joins stays apart.
func TestLanguagesAreJoined(t *testing.T) {
	at := time.Date(2026, 7, 19, 20, 41, 0, 0, time.UTC)
	for _, c := range []struct {
		what string
		a, b Post
		want int
	}{
		{"ids that differ in their language", Post{ID: "x-fr", Lang: "fr", At: at}, Post{ID: "x-en", Lang: "en", At: at.Add(time.Second)}, 1},
		{"the same moment", Post{ID: "x1", Lang: "fr", At: at}, Post{ID: "x2", Lang: "en", At: at}, 1},
		{"other moments", Post{ID: "x1", Lang: "fr", At: at}, Post{ID: "x2", Lang: "en", At: at.Add(time.Second)}, 2},
		{"the same language", Post{ID: "x1", Lang: "fr", At: at}, Post{ID: "x2", Lang: "fr", At: at}, 2},
		{"another step under such an id", Post{ID: "x-fr", Lang: "fr", At: at}, Post{ID: "x-en", Lang: "en", At: at, Step: update}, 2},
		{"another crisis", Post{ID: "x1", Lang: "fr", At: at}, Post{ID: "x2", Lang: "en", At: at, Thread: "other"}, 2},
	} {
		posts := map[string]*Post{}
		for _, p := range []*Post{&c.a, &c.b} {
			if p.Thread == "" {
				p.Thread = "night"
			}
			if p.Step == "" {
				p.Step = initial
			}
			posts[p.ID] = p
		}
		n := 0
		for _, i := range incidents(posts) {
			n += len(i.Entries)
		}
		if n != c.want {
			t.Errorf("%s: %d entries, want %d", c.what, n, c.want)
		}
	}
}

func TestAPostIsPublishedOnceAndNeverEdited(t *testing.T) {
	n := open(t, config())
	m := channel.Message{ID: "send-1-fr", Lang: "fr", Thread: "night", Step: initial, Subject: "Direct perturbé", Text: "Le direct est perturbé.", At: time.Now()}
	for _, to := range []channel.Channel{n.Status(), n.Banner()} {
		if _, found, err := to.(channel.Finder).Find(t.Context(), "", &m); found || err != nil {
			t.Errorf("found before it was sent: %v, %v", found, err)
		}
		first, err := to.Send(t.Context(), "", &m)
		if err != nil || first.ID != m.ID {
			t.Fatalf("%+v, %v", first, err)
		}
		if again, err := to.Send(t.Context(), "", &m); err != nil || again != first {
			t.Errorf("a repeat: %+v, %v", again, err)
		}
		if r, found, err := to.(channel.Finder).Find(t.Context(), "", &m); !found || err != nil || r != first {
			t.Errorf("not found after it was sent: %v, %v", found, err)
		}
		other := m
		other.Text = "Tout va bien."
		_, err = to.Send(t.Context(), "", &other)
		if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent {
			t.Errorf("another text under the same id: %v", err)
		}
	}
	if got := n.doc("/status/fr/").Find(".entry"); got.Length() != 1 || !strings.Contains(spoken(got), "Le direct est perturbé.") {
		t.Errorf("on the page: %q", spoken(got))
	}
}

func TestWhatCannotBePublishedIsRefusedForGood(t *testing.T) {
	n := open(t, config())
	for what, change := range map[string]func(*channel.Message){
		"an unknown step":         func(m *channel.Message) { m.Step = "Cancel" },
		"no step":                 func(m *channel.Message) { m.Step = "" },
		"an id with a dot":        func(m *channel.Message) { m.ID = "a.b" },
		"no id":                   func(m *channel.Message) { m.ID = "" },
		"a thread with a slash":   func(m *channel.Message) { m.Thread = "a/b" },
		"no text":                 func(m *channel.Message) { m.Text = "" },
		"a text too long":         func(m *channel.Message) { m.Text = strings.Repeat("é", maxText+1) },
		"a subject of two lines":  func(m *channel.Message) { m.Subject = "a\nb" },
		"a control character":     func(m *channel.Message) { m.Text = "a\x00b" },
		"turned text":             func(m *channel.Message) { m.Text = "a\u202eb" },
		"broken UTF-8":            func(m *channel.Message) { m.Text = "a\xffb" },
		"no time":                 func(m *channel.Message) { m.At = time.Time{} },
		"a time to come":          func(m *channel.Message) { m.At = time.Now().Add(time.Hour) },
		"a promise in ten years":  func(m *channel.Message) { m.NextBy = time.Now().AddDate(10, 0, 0) },
		"a language of one sign":  func(m *channel.Message) { m.Lang = "f" },
		"a language with a quote": func(m *channel.Message) { m.Lang = `f"r` },
	} {
		m := channel.Message{ID: "a-fr", Lang: "fr", Thread: "night", Step: initial, Text: "x", At: time.Now()}
		change(&m)
		_, err := n.Status().Send(t.Context(), "", &m)
		if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonRefused {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(n.known.Posts) != 0 {
		t.Error("something was published")
	}
}

// An exercise and what is public have no post in common, whatever is asked for.
func TestAnExerciseIsNeverPublic(t *testing.T) {
	n := open(t, config())
	if res, _ := n.get("/exercice/fr/"); res.StatusCode != 404 || n.shown.Load().exercise.usual != nil {
		t.Errorf("the exercise's page is there before any: %s", res.Status)
	}
	n.story(n.Status(), "drill", time.Now().Add(-time.Hour), true, 4)
	n.story(n.Banner(), "drill", time.Now().Add(-time.Hour), true, 4)
	for path, r := range n.shown.Load().public.at {
		if strings.HasPrefix(path, "assets/") || path == "banner.js" {
			continue
		}
		for _, word := range []string{"EXERCICE", "DRILL", "perturbé", "disrupted:"} {
			if strings.Contains(string(r.body), word) {
				t.Errorf("%s has %q", path, word)
			}
		}
	}
	for _, lang := range languages {
		d := n.doc("/exercice/" + lang + "/")
		mark := texts[lang]["drill"]
		for _, at := range []string{"title", "h1", "#headline", ".stripe", ".entry .step", ".incident h3"} {
			d.Find(at).Each(func(_ int, s *goquery.Selection) {
				if !strings.Contains(s.Text(), mark) || strings.Contains(s.Text(), mark+" "+mark) {
					t.Errorf("%s: %s does not say %s: %q", lang, at, mark, spoken(s))
				}
			})
			if d.Find(at).Length() == 0 {
				t.Errorf("%s: no %s", lang, at)
			}
		}
		if robots, _ := d.Find("meta[name=robots]").Attr("content"); !strings.Contains(robots, "noindex") {
			t.Errorf("robots: %q", robots)
		}
	}
	res, body := n.get("/exercice/banner.json")
	if !strings.Contains(res.Header.Get("X-Robots-Tag"), "noindex") || !strings.Contains(body, `"drill":true`) {
		t.Errorf("%v %s", res.Header, body)
	}
	for _, path := range []string{"/exercice/status.json", "/exercice/fr/feed.xml"} {
		if res, _ := n.get(path); res.StatusCode != 404 {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	c := config()
	c.Exercises = false
	off := open(t, c)
	_, err := off.Status().Send(t.Context(), "", &channel.Message{ID: "a-fr", Lang: "fr", Thread: "drill", Step: initial, Text: "EXERCICE", At: time.Now(), Drill: true})
	if f := provider.Failed(err); f == nil || f.Reason != provider.ReasonConfig {
		t.Errorf("an exercise where none is allowed: %v", err)
	}
}

func TestThePageIsHonest(t *testing.T) {
	n := open(t, config())
	tone := func() string {
		for _, one := range []string{"operational", "quiet", "unknown", "incident", "maintenance", "degraded", "partial", "major"} {
			if n.doc("/status/fr/").Find(".hero.is-"+one).Length() == 1 {
				return one
			}
		}
		return ""
	}
	if got := tone(); got != "quiet" {
		t.Errorf("nobody said anything: %s", got)
	}
	n.well()
	if got := tone(); got != "operational" {
		t.Errorf("all is said to be well: %s", got)
	}
	for _, s := range []State{Maintenance, Degraded, Partial, Major} {
		if err := n.SetComponent(t.Context(), "alice", "live", s); err != nil {
			t.Fatal(err)
		}
		if got := tone(); got != string(s) {
			t.Errorf("%s: %s", s, got)
		}
	}
	// Nothing is well that is not known to be now; what is bad stays so.
	if err := n.render(time.Now().Add(staleAfter + time.Minute)); err != nil {
		t.Fatal(err)
	}
	d := n.doc("/status/fr/")
	if got := spoken(d.Find(".hero")); tone() != "unknown" || !strings.Contains(got, "Dernières informations connues") {
		t.Errorf("the bus is away: %s", got)
	}
	if d.Find(".state.is-operational").Length() != 0 || d.Find(".state.is-major").Length() != 1 || d.Find(".state.is-unknown").Length() != 3 {
		t.Errorf("components: %s", spoken(d.Find(".group")))
	}
	if err := n.SetComponent(t.Context(), "alice", "none", Major); err == nil {
		t.Error("a component that is none was set")
	}
	if err := n.SetComponent(t.Context(), "alice", "live", "fine"); err == nil {
		t.Error("a state that is none was set")
	}
	for _, path := range []string{"/status/fr/", "/status/status.json"} {
		if _, body := n.get(path); strings.Contains(body, "alice") {
			t.Errorf("%s tells who set it", path)
		}
	}
}

// While an incident goes on, nothing is well but what a person said to be well since it began.
func TestComponentsAreNotWellByThemselvesDuringAnIncident(t *testing.T) {
	n := open(t, config())
	set := func(id string, s State) {
		t.Helper()
		if err := n.SetComponent(t.Context(), "alice", id, s); err != nil {
			t.Fatal(err)
		}
	}
	shown := func() string {
		var states []string
		n.doc("/status/fr/").Find(".group .state").Each(func(_ int, one *goquery.Selection) {
			class, _ := one.Attr("class")
			states = append(states, strings.TrimPrefix(class, "state is-"))
		})
		for i, c := range n.Components() { // whoever sets them sees what the public sees
			if string(c.Shown) != states[i] {
				t.Errorf("%s: %q for who sets it, %q in public", c.ID, c.Shown, states[i])
			}
		}
		return strings.Join(states, " ")
	}
	set("live", Operational)
	set("replay", Degraded)
	set("login", Operational)
	if got := shown(); got != "operational degraded operational " {
		t.Fatalf("before: %s", got)
	}
	for id, said := range n.known.Components { // that was a while ago
		said.At = said.At.Add(-time.Hour)
		n.known.Components[id] = said
		if _, err := n.bucket.Load().components.Set(t.Context(), id, func(s *Said) error { *s = said; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	n.story(n.Status(), "night", time.Now().Add(-10*time.Minute), false, 1)
	if got := shown(); got != "unsure degraded unsure unsure" {
		t.Errorf("an incident goes on: %s", got)
	}
	for path, want := range map[string]string{"/status/fr/": "Peut être touché\u00a0: voir l’incident en cours", "/status/en/": "May be affected: see the ongoing incident"} {
		if _, body := n.get(path); strings.Count(body, want) != 3 {
			t.Errorf("%s says %d times %q", path, strings.Count(body, want), want)
		}
	}
	if _, body := n.get("/status/status.json"); strings.Contains(body, `"operational"`) {
		t.Errorf("the JSON says that something is well: %s", body)
	}
	set("login", Operational) // said again, now
	if got := shown(); got != "unsure degraded operational unsure" {
		t.Errorf("somebody looked: %s", got)
	}
	if _, body := n.get("/status/status.json"); strings.Count(body, `"operational"`) != 1 {
		t.Errorf("the JSON, after somebody looked: %s", body)
	}
}

func TestWhatWasPromisedIsSaidAsItIs(t *testing.T) {
	n := open(t, config())
	began := time.Now().Add(-50 * time.Minute).Truncate(time.Minute)
	n.story(n.Status(), "night", began, false, 4) // the last one promised 15 minutes after 47
	sp := speech{"fr", n.zone}
	by := began.Add(62 * time.Minute)
	for _, c := range []struct {
		now        time.Time
		says, also string
	}{{by.Add(-time.Second), "Prochain point avant " + sp.clock(by), "is-incident"}, {by, "Un point était prévu à " + sp.clock(by), "is-incident"}} {
		n.known.Checked = c.now
		if err := n.render(c.now); err != nil {
			t.Fatal(err)
		}
		d := n.doc("/status/fr/")
		if got := d.Find(".next span:not([hidden])").Text(); got != c.says {
			t.Errorf("%q, want %q", got, c.says)
		}
		if until := n.shown.Load().until; c.now.Before(by) && !until.Equal(by) {
			t.Errorf("it would be made anew at %s, not at %s", until, by)
		}
	}
}

// What was corrected stays, marked; hostile text is text; only http links are links; a language that is missing is said.
func TestTextsAreShownAsTheyAre(t *testing.T) {
	n := open(t, config())
	at := time.Now().Add(-time.Hour)
	n.say(n.Status(), channel.Message{ID: "a", Thread: "night", Step: initial, At: at}, `<script>alert(1)</script>|Voir https://aide.example.fr/a(b). Ou javascript:alert(1) "<b>" https://x"onload=alert(1)`+"\n\nDeuxième", "")
	n.say(n.Status(), channel.Message{ID: "b", Thread: "night", Step: correction, At: at.Add(5 * time.Minute)}, "Rectification.", "Put right.")
	d := n.doc("/status/fr/")
	if d.Find("script").Length() != 1 || d.Find(".words b").Length() != 0 || d.Find("[onload]").Length() != 0 {
		t.Error("a text became markup")
	}
	links := d.Find(".words a").Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("href", "") })
	if len(links) != 2 || links[0] != "https://aide.example.fr/a(b)" || links[1] != "https://x" {
		t.Errorf("links: %q", links)
	}
	if got := d.Find("del .words p"); got.Length() != 3 || d.Find(".was-corrected .mark").Length() != 1 {
		t.Errorf("the corrected text: %s", spoken(d.Find(".entries")))
	}
	en := n.doc("/status/en/")
	if got := spoken(en.Find(".step-initial")); !strings.Contains(got, "in this language only: Français") || en.Find(".step-initial .words").AttrOr("lang", "") != "fr" {
		t.Errorf("%s", got)
	}
	if got := spoken(en.Find(".step-correction")); !strings.Contains(got, "Put right.") || !strings.Contains(got, "Corrects the message of") {
		t.Errorf("%s", got)
	}
	_, body := n.get("/status/banner.json")
	if strings.Contains(body, "<") {
		t.Errorf("%s", body)
	}
}

func TestBanners(t *testing.T) {
	began := time.Date(2026, 7, 19, 20, 41, 0, 0, time.UTC)
	post := func(thread, step string, after time.Duration) *Post {
		return &Post{ID: thread + "-" + step + "-fr", Lang: "fr", Thread: thread, Step: step, Text: "x", At: began.Add(after)}
	}
	for _, c := range []struct {
		what         string
		banner, page []*Post
		after        time.Duration
		want         string
	}{
		{"nothing", nil, nil, 0, ""},
		{"one", []*Post{post("a", initial, 0)}, nil, time.Minute, "a-initial"},
		{"of two crises the newest first", []*Post{post("a", initial, 0), post("b", initial, time.Minute)}, nil, 2 * time.Minute, "b-initial a-initial"},
		{"the last one of a crisis", []*Post{post("a", initial, 0), post("a", update, time.Minute)}, nil, 2 * time.Minute, "a-update"},
		{"resolved is said for a while", []*Post{post("a", initial, 0), post("a", resolved, time.Minute)}, nil, 15 * time.Minute, "a-resolved"},
		{"and then goes", []*Post{post("a", initial, 0), post("a", resolved, time.Minute)}, nil, 17 * time.Minute, ""},
		{"a correction of resolved stays", []*Post{post("a", resolved, 0), post("a", correction, time.Minute)}, nil, time.Hour, "a-correction"},
		{"what nobody renews goes", []*Post{post("a", initial, 0)}, nil, 6*time.Hour + time.Second, ""},
		{"what the page calls over goes", []*Post{post("a", initial, 0)}, []*Post{post("a", initial, 0), post("a", resolved, time.Minute)}, 2 * time.Minute, ""},
		{"unless it was said since", []*Post{post("a", update, 2*time.Minute)}, []*Post{post("a", resolved, time.Minute)}, 3 * time.Minute, "a-update"},
	} {
		var got []string
		for _, b := range banners(byID(c.banner), incidents(byID(c.page)), began.Add(c.after), 15*time.Minute, 6*time.Hour) {
			got = append(got, b.Entry.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestBannersAreTinyAndAimed(t *testing.T) {
	c := config()
	c.Labels = func(thread string) map[string]string {
		return map[string]string{"channel": "TF1", "region": "a\x00b", "cdn": "CDN-B", "isp": thread}
	}
	n := open(t, c)
	res, body := n.get("/status/banner.json")
	if body != `{"version":1,"active":false,"poll":30}`+"\n" || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%s %v", body, res.Header)
	}
	n.story(n.Banner(), "night", time.Now(), false, 1)
	if _, body := n.get("/status/banner.json"); !strings.Contains(body, `"labels":{"channel":"TF1"}`) || !strings.Contains(body, `"active":true`) {
		t.Errorf("%s", body)
	}
	if d := n.doc("/status/fr/"); d.Find(".incident").Length() != 0 {
		t.Error("a banner is on the page")
	}
}

// What was known is served again without the bus; a file that nobody can read costs nothing else.
func TestAStartWithoutTheBus(t *testing.T) {
	c := config()
	c.File = filepath.Join(t.TempDir(), "status.json")
	var away atomic.Bool
	c.Healthy = func(context.Context) error {
		if away.Load() {
			return errors.New("away")
		}
		return nil
	}
	n := open(t, c)
	n.well()
	n.story(n.Status(), "night", time.Now().Add(-time.Hour), false, 4)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_ = n.Run(ctx) // what was changed last is kept whenever it ends
	away.Store(true)
	again, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	again.Handler("/status").ServeHTTP(w, httptest.NewRequest("GET", "/status/fr/", nil))
	if got := w.Body.String(); w.Code != 200 || strings.Count(got, `class="entry `) != 4 {
		t.Errorf("%d %s", w.Code, got)
	}
	_, err = again.Status().Send(t.Context(), "", &channel.Message{ID: "x-fr", Lang: "fr", Thread: "night", Step: update, Text: "x", At: time.Now()})
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Temporary {
		t.Errorf("sent without a bus: %v", err)
	}
	for _, text := range []string{"", "{", `{"posts":null}`, `{"posts":{"a":null}}`, `{"posts":{"a":{"id":"b"}}}`, "[]"} {
		if err := writeFile(c.File, []byte(text)); err != nil {
			t.Fatal(err)
		}
		p, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		if p.shown.Load().public.usual == nil || len(p.known.Posts) != 0 {
			t.Errorf("%q", text)
		}
		if _, err := readFile(c.File + ".unreadable"); err == nil {
			t.Errorf("%q was not put aside", text)
		}
	}
}

func TestTheWordsAreInEveryLanguage(t *testing.T) {
	for key := range texts["fr"] {
		if texts["en"][key] == "" {
			t.Errorf("en lacks %s", key)
		}
		if strings.Count(texts["fr"][key], "{") != strings.Count(texts["en"][key], "{") {
			t.Errorf("%s takes other variables", key)
		}
	}
	if len(texts["fr"]) != len(texts["en"]) || len(texts) != len(languages) {
		t.Error("the languages have not the same texts")
	}
	var keys []string
	for _, s := range append(States(), Unsaid, "unknown", "unsure") {
		keys = append(keys, "state."+string(s))
	}
	for _, s := range append(States(), "quiet", "unknown", "incident") {
		keys = append(keys, "head."+string(s))
	}
	for _, s := range steps {
		keys = append(keys, "step."+s)
	}
	for _, p := range []Phase{Investigating, Identified, Resolved, Cancelled} {
		keys = append(keys, "phase."+string(p))
	}
	for _, file := range []string{"page.templ", "view.go", "feed.go"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.T\("([a-z._]+[a-z])"`).FindAllSubmatch(b, -1) {
			keys = append(keys, string(m[1]))
		}
	}
	if len(keys) < 50 {
		t.Errorf("%d keys only", len(keys))
	}
	keys = append(keys, "language", "head.incident", "state.")
	for key := range texts["fr"] {
		if !slices.Contains(keys, key) {
			t.Errorf("nobody uses %s", key)
		}
	}
	for _, key := range keys {
		if texts["fr"][key] == "" {
			t.Errorf("fr lacks %s", key)
		}
	}
}

func TestTimesAsTheyAreSaid(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 1, 19, 5, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{speech{"fr", paris}.full(at), "mercredi 1er\u00a0juillet 2026 à\u00a021\u202fh\u202f05"},
		{speech{"en", paris}.full(at), "Wednesday 1\u00a0July 2026 at\u00a021:05"},
		{speech{"fr", paris}.after(at, at.Add(time.Hour)), "22\u202fh\u202f05"},
		{speech{"fr", paris}.after(at, at.Add(3*time.Hour)), "jeudi 2\u00a0juillet 2026 à\u00a00\u202fh\u202f05"},
		{speech{"fr", paris}.moment(at, "").ISO, "2026-07-01T21:05:00+02:00"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
