package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/internal/account"
	"vigie/internal/match"
)

// memoryMatches lives as long as its test, and nobody else writes to it.
type memoryMatches struct{ memoryKV }

func matchError(err error) error {
	switch {
	case errors.Is(err, account.ErrNotFound):
		return match.ErrNotFound
	case errors.Is(err, account.ErrExists), errors.Is(err, account.ErrConflict):
		return match.ErrConflict
	}
	return err
}

func (m *memoryMatches) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	v, revision, err := m.memoryKV.Get(ctx, key)
	return v, revision, matchError(err)
}

func (m *memoryMatches) Create(ctx context.Context, key string, value []byte) error {
	return matchError(m.memoryKV.Create(ctx, key, value))
}

func (m *memoryMatches) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	return matchError(m.memoryKV.Update(ctx, key, value, revision))
}

func (m *memoryMatches) Watch(ctx context.Context, _ func(string, []byte, bool)) error {
	<-ctx.Done()
	return ctx.Err()
}

// awayMatches are kept nowhere.
type awayMatches struct{ *memoryMatches }

func (awayMatches) Update(context.Context, string, []byte, uint64) error {
	return errors.New("the bus is away: 4711")
}
func (awayMatches) Create(context.Context, string, []byte) error {
	return errors.New("the bus is away: 4711")
}

// newMemoryMatches is an empty one.
func newMemoryMatches() *memoryMatches {
	return &memoryMatches{memoryKV{values: make(map[string]revised)}}
}

// season is a final that began at a time, and what is around it.
func season(tb testing.TB, kickOff time.Time, kv match.KV) *match.Book {
	tb.Helper()
	kickOff = kickOff.Truncate(time.Minute)
	bits := 1e12
	final := &match.Match{
		ID: "finale", Name: "Argentine – France", Competition: "Finale", Teams: []string{"Argentine", "France"}, Channels: []string{"une-4k", "une"},
		Criticality: 4, KickOff: kickOff, Venue: "Europe/Paris", Compare: "demi-finale",
		Roster: []match.Duty{
			{Name: "Hana Ruiz", Role: "API", Phone: "+33 6 39 98 01 18", From: kickOff.Add(3 * time.Hour)},
			{Name: "Inès Caron", Role: "vidéo", Phone: "+33 6 39 98 01 41"},
			{Name: "Malik Sané", Role: "API", Phone: "+33 6 39 98 01 17", To: kickOff.Add(3 * time.Hour)},
			{Name: "Léo Brandt", Role: "CDN"},
		},
		Forecast: match.Forecast{
			Viewers: []match.Point{{At: -time.Hour, Value: 180e3}, {At: 5 * time.Minute, Value: 2.1e6}, {At: 45 * time.Minute, Value: 2.2e6}, {At: 55 * time.Minute, Value: 1.7e6}, {At: 65 * time.Minute, Value: 2.2e6}, {At: 2*time.Hour + 20*time.Minute, Value: 2.5e6}},
			Traffic: []match.Point{{At: -time.Hour, Value: .24 * bits}, {At: 5 * time.Minute, Value: 2.9 * bits}, {At: 45 * time.Minute, Value: 3 * bits}, {At: 55 * time.Minute, Value: 2.4 * bits}, {At: 65 * time.Minute, Value: 3 * bits}, {At: 2*time.Hour + 20*time.Minute, Value: 3.6 * bits}, {At: 3 * time.Hour, Value: .8 * bits}},
		},
		Capacity: []match.Reserve{{CDN: "maison", Bits: 1.3 * bits}, {CDN: "akamai", Bits: 1.5 * bits}, {CDN: "cloudfront", Bits: 1.1 * bits}, {CDN: "cloudfront", ISP: "Free", Bits: .2 * bits}},
		Nearby: []match.Nearby{
			{Name: "Mise à jour d’un jeu", From: kickOff.Add(-2 * time.Hour), To: kickOff.Add(150 * time.Minute), Note: "60 Go par console"},
			{Name: "Étape du Tour", From: kickOff.Add(-8 * time.Hour), To: kickOff.Add(-2*time.Hour - 40*time.Minute)},
		},
		Checklist: []match.CheckItem{
			{ID: "cles", Text: "Les clés DRM de la 4K sont chez les trois CDN", Owner: "vidéo"},
			{ID: "connexion", Text: "La connexion a tenu 60 000 ouvertures par minute", Owner: "API"},
			{ID: "messages", Text: "Les messages aux spectateurs sont validés"},
		},
	}
	all := []*match.Match{
		final,
		{ID: "petite-finale", Name: "Maroc – Croatie", Competition: "3e place", Criticality: 2, KickOff: kickOff.Add(-2 * time.Hour), Venue: "Europe/Paris"},
		{ID: "demi-finale", Name: "France – Maroc", Competition: "Demi-finale", Criticality: 3, KickOff: kickOff.AddDate(0, 0, -4), Venue: "Europe/Paris"},
		{ID: "supercoupe", Name: `<img src=x onerror=alert(1)>"'`, KickOff: kickOff.AddDate(0, 0, 9), Venue: "America/New_York"},
	}
	for _, m := range all {
		if err := m.Check(); err != nil {
			tb.Fatal(err)
		}
	}
	book, err := match.OpenBook(tb.Context(), kv, all, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return book
}

// matchSite is a site half an hour after the final's kick-off.
func matchSite(t *testing.T) (*site, *match.Book) {
	t.Helper()
	book := season(t, time.Now().Add(-30*time.Minute), newMemoryMatches())
	return newSite(t, func(c *Config) { c.Matches = book }), book
}

func (s *site) page(t *testing.T, b *http.Client, path string) *goquery.Document {
	t.Helper()
	r := s.get(t, b, path)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %d", path, r.StatusCode)
	}
	return document(t, r)
}

func TestTheCalendar(t *testing.T) {
	s, book := matchSite(t)
	b := s.signedIn(t, "viewer")
	page := s.page(t, b, "/matches?lang=fr")
	sections := page.Find("#matches section")
	if got := plain(sections.Eq(0).Find(".name a")); got != "Maroc – Croatie Argentine – France" {
		t.Errorf("today: %q", got)
	}
	if got := sections.Eq(1).Find(".name a").Text(); got != `<img src=x onerror=alert(1)>"'` || page.Find("img").Length() > 0 {
		t.Errorf("coming: %q", got)
	}
	if got := plain(sections.Eq(2).Find(".name a")); got != "France – Maroc" {
		t.Errorf("past: %q", got)
	}
	final := page.Find(`li:has(a[href="/matches/finale"])`)
	kickOff := book.Find("finale").KickOff.In(book.Find("finale").Zone())
	for what, want := range map[string]string{
		"criticality": "criticité 4", "phase": "31′ · 1re mi-temps", "kick-off": kickOff.Format("15:04") + " Paris", "checklist": "3 sur 3 ouverts",
		"collision": "Mise à jour d’un jeu", "the other match": "Maroc – Croatie", "it is shown": "à l’écran",
	} {
		if got := plain(final); !strings.Contains(got, want) {
			t.Errorf("%s: %q lacks %q", what, got, want)
		}
	}
	if strings.Contains(plain(final.Find(".collides")), "Étape du Tour") {
		t.Error("what ends before the match collides with it")
	}
	if n := final.Find(".collides li .sign.warning").Length(); n != 2 {
		t.Errorf("%d collisions have the sign", n)
	}
	// Matches are there when nothing else is: no board was ever made.
	if page.Find("header.top .match, header.top #now").Length() == 0 {
		t.Error("the bar has no clock")
	}
	if page.Find(`nav.pages a[data-go="m"][aria-current]`).Length() != 1 || !strings.Contains(page.Find("#keys").Text(), "les matchs") {
		t.Error("the page is not in the navigation")
	}
}

func TestTheReaderSeesTheirOwnTimeToo(t *testing.T) {
	s, book := matchSite(t)
	if _, err := s.accounts.Change(t.Context(), "viewer", func(u *account.User) error { u.Zone = "America/Martinique"; return nil }); err != nil {
		t.Fatal(err)
	}
	page := s.page(t, s.signedIn(t, "viewer"), "/matches/finale")
	zone, err := time.LoadLocation("America/Martinique")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := plain(page.Find(".match-facts .own-time")), book.Find("finale").KickOff.In(zone).Format("15:04")+" Martinique"; !strings.HasSuffix(got, want) {
		t.Errorf("own time is %q, want %q", got, want)
	}
	// Another's account does not tell it: the browser may.
	if s.page(t, s.signedIn(t, "operator"), "/matches/finale").Find(".match-facts [data-own]").Length() != 1 {
		t.Error("the browser is not asked")
	}
}

func TestAMatchIsAllOnOnePage(t *testing.T) {
	s, book := matchSite(t)
	page := s.page(t, s.signedIn(t, "operator"), "/matches/finale?lang=en")
	kickOff := book.Find("finale").KickOff.In(book.Find("finale").Zone())
	for selector, want := range map[string]string{
		"h1": "Argentine – France Finale", ".match-head .stage": "31′ · 1st half", ".match-head .count": "3 of 3 open",
		`[data-phase="first_half"] .what`: "1st half now", `[data-phase="half_time"] .what`: "half-time next", `[data-phase="after"] .what`: "planned",
		`[data-phase="half_time"] .time b`: kickOff.Add(48 * time.Minute).Format("15:04"),
		"#roster li.on:nth-of-type(1)":     "vidéo Inès Caron", "#roster li:nth-of-type(4)": "later",
		"#forecast": "2.50 M", "#forecast .count": "The expected peak takes 92% of the 3.90 Tbit/s reserved.", "#forecast tbody tr:nth-of-type(4)": "cloudfront Free 200 Gbit/s",
		"#nearby li:nth-of-type(2)": "Étape du Tour", "#nearby li.overlaps": "Maroc – Croatie", "#checklist li:nth-of-type(1)": "open Les clés DRM",
		"#compare option[selected]": "France – Maroc",
	} {
		if got := plain(page.Find(selector).First()); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q in it", selector, got, want)
		}
	}
	if got := page.Find("#roster li.on a.call").First().AttrOr("href", ""); got != "tel:+33639980141" {
		t.Errorf("a tap calls %q", got)
	}
	if n := page.Find("#roster li").Length(); n != 4 || page.Find("#roster a").Length() != 3 {
		t.Errorf("%d people, %d numbers", n, page.Find("#roster a").Length())
	}
	if !page.Find("#forecast .count").HasClass("warning") {
		t.Error("92 % of what is reserved is no warning")
	}
	if page.Find("#nearby li.overlaps rect.overlaps").Length() != 2 || page.Find("#nearby .now").Length() == 0 {
		t.Error("the picture lacks what overlaps, or now")
	}
	if n := page.Find("[style], style, [onclick]").Length(); n != 0 {
		t.Errorf("%d elements with style or script in them", n)
	}
	if r := s.get(t, s.signedIn(t, "viewer"), "/matches/nothing"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a match that is not answers %d", r.StatusCode)
	}
	without := newSite(t, nil)
	b := without.signedIn(t, "viewer")
	if plain(without.page(t, b, "/matches").Find("#matches")) == "" || without.get(t, b, "/matches/finale").StatusCode != http.StatusNotFound {
		t.Error("a site without matches")
	}
}

// acts are all that can be asked for, with a form that is taken.
func acts() map[string]url.Values {
	return map[string]url.Values{
		"phase": {"phase": {"half_time"}, "at": {""}}, "skip": {"phase": {"extra_first"}}, "undo": {}, "check": {"item": {"cles"}, "verdict": {"go"}},
		"compare": {"earlier": {"petite-finale"}, "align": {"half_time"}}, "select": {}, "notes": {"text": {"But"}}, "notes/x/remove": {},
	}
}

func TestOnlyOperatorsAct(t *testing.T) {
	s, book := matchSite(t)
	viewer := s.signedIn(t, "viewer")
	if n := s.page(t, viewer, "/matches/finale").Find(`main form:has(button[type="submit"])`).Length(); n != 0 {
		t.Errorf("a viewer is offered %d forms", n)
	}
	for path, form := range acts() {
		for name, b := range map[string]*http.Client{"viewer": viewer, "stranger": browser(t)} {
			r := s.post(t, b, "/matches/finale/"+path, form, nil)
			if want := map[string]int{"viewer": http.StatusForbidden, "stranger": http.StatusUnauthorized}[name]; r.StatusCode != want {
				t.Errorf("%s by a %s: %d, want %d", path, name, r.StatusCode, want)
			}
		}
		if r := s.do(t, s.signedIn(t, "operator"), http.MethodPost, "/matches/finale/"+path, strings.NewReader(form.Encode()), http.Header{"Sec-Fetch-Site": {"cross-site"}}); r.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, r.StatusCode)
		}
		if r := s.get(t, viewer, "/matches/finale/"+path); r.StatusCode != http.StatusMethodNotAllowed && r.StatusCode != http.StatusNotFound {
			t.Errorf("%s by GET: %d", path, r.StatusCode)
		}
	}
	if len(book.Moves("finale"))+len(book.Notes("finale"))+len(book.Answers("finale")) != 0 {
		t.Error("something was done")
	}
}

func TestOperatorsAct(t *testing.T) {
	s, book := matchSite(t)
	b := s.signedIn(t, "operator")
	final := book.Find("finale")
	kickOff := final.KickOff.In(final.Zone())
	for _, step := range []struct {
		path    string
		form    url.Values
		section string
		action  Action
		so      func() bool
	}{
		{"phase", url.Values{"phase": {"half_time"}, "at": {kickOff.Add(50 * time.Minute).Format("15:04:05")}}, "phases", Action{What: DidMovePhase, On: "finale half_time "},
			func() bool { return book.Timeline("finale")[1].At.Equal(kickOff.Add(50 * time.Minute)) }},
		{"phase", url.Values{"phase": {"half_time"}}, "phases", Action{What: DidMovePhase, On: "finale half_time "},
			func() bool { return time.Since(book.Timeline("finale")[1].At) < time.Minute }},
		{"undo", nil, "phases", Action{What: DidUndoMove, On: "finale"}, func() bool { return book.Timeline("finale")[1].At.Equal(kickOff.Add(50 * time.Minute)) }},
		{"skip", url.Values{"phase": {"extra_first"}}, "phases", Action{What: DidSkipPhase, On: "finale extra_first"}, func() bool { return len(book.Timeline("finale")) == 4 }},
		{"check", url.Values{"item": {"cles"}, "verdict": {"no-go"}, "note": {"il en manque une"}}, "checklist", Action{What: DidAnswer, On: "finale cles no-go il en manque une"},
			func() bool { return book.Answers("finale")["cles"].Verdict == match.NoGo }},
		{"check", url.Values{"item": {"connexion"}, "verdict": {"go"}}, "checklist", Action{What: DidAnswer, On: "finale connexion go"},
			func() bool { return book.Answers("finale")["connexion"].By == "operator" }},
		{"compare", url.Values{"earlier": {"petite-finale"}, "align": {"half_time"}}, "compare", Action{What: DidCompare, On: "finale petite-finale half_time"},
			func() bool { earlier, _ := book.Compared("finale"); return earlier == "petite-finale" }},
		{"notes", url.Values{"text": {"But 1-0"}, "at": {"1"}}, "", Action{}, func() bool { return len(book.Notes("finale")) == 0 }},
		{"notes", url.Values{"text": {"But 1-0"}}, "notes", Action{What: DidAddNote, On: "But 1-0"}, func() bool { return len(book.Notes("finale")) == 1 }},
	} {
		r := s.post(t, b, "/matches/finale/"+step.path, step.form, nil)
		if step.section == "" {
			if r.StatusCode != http.StatusUnprocessableEntity || !step.so() {
				t.Errorf("%s %v: %d", step.path, step.form, r.StatusCode)
			}
			continue
		}
		if got, want := r.Header.Get("Location"), "/matches/finale#"+step.section; r.StatusCode != http.StatusSeeOther || got != want || !step.so() {
			t.Errorf("%s %v: %d to %q, want it done and %q", step.path, step.form, r.StatusCode, got, want)
		}
		if got := s.audit.last(t); got.Who != "operator" || got.What != step.action.What || !strings.Contains(got.On, step.action.On) || got.Outcome != "ok" {
			t.Errorf("%s: audited %+v", step.path, got)
		}
	}
	page := s.page(t, b, "/matches/finale?lang=fr")
	for selector, want := range map[string]string{
		".match-head .count.critical":      "1 no-go · 1 sur 3 ouvert",
		"#item-cles":                       "il en manque une",
		`[data-phase="half_time"] .time`:   "prévue " + kickOff.Add(48*time.Minute).Format("15:04") + " · annoncée par operator",
		`[data-phase="extra_first"].gone`:  "pas jouée",
		"#phases .last":                    "Dernière annonce : « 1re prolongation » pas jouée, par operator",
		"#notes li":                        "But 1-0 operator",
		`#compare [name="align"] :checked`: "",
	} {
		if got := plain(page.Find(selector).First()); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}

	// Two matches are watched: the other one can be put on the board, and the choice be taken back.
	if got := page.Find("#shown").Text(); !strings.Contains(got, "celui-ci") {
		t.Errorf("of what is shown it says %q", got)
	}
	if r := s.post(t, b, "/matches/petite-finale/select", nil, nil); r.StatusCode != http.StatusSeeOther || book.At(time.Now()).ID != "petite-finale" {
		t.Errorf("select: %d, it is %s", r.StatusCode, book.At(time.Now()).ID)
	}
	if s.page(t, b, "/matches/petite-finale").Find(`#shown [name="free"]`).Length() != 1 {
		t.Error("the choice cannot be taken back")
	}
	if s.post(t, b, "/matches/petite-finale/select", url.Values{"free": {"1"}}, nil); book.At(time.Now()).ID != "finale" {
		t.Error("the choice was not taken back")
	}
}

func TestWhatCannotBeDoneSaysWhatToDo(t *testing.T) {
	s, book := matchSite(t)
	b := s.signedIn(t, "operator")
	kickOff := book.Find("finale").KickOff.In(book.Find("finale").Zone())
	for name, c := range map[string]struct {
		path   string
		form   url.Values
		status int
		want   string
	}{
		"before the phase before": {"phase", url.Values{"phase": {"second_half"}, "at": {kickOff.Add(40 * time.Minute).Format("15:04")}}, 422,
			"« 2de mi-temps » peut commencer à partir de " + kickOff.Add(48*time.Minute+time.Second).Format(time.TimeOnly)},
		"no time":          {"phase", url.Values{"phase": {"half_time"}, "at": {"25:00"}}, 422, "écrivez l’heure comme 21:49"},
		"no phase":         {"phase", url.Values{"phase": {"third_half"}}, 422, "cette phase"},
		"nothing to undo":  {"undo", nil, 422, "rien à reprendre"},
		"an empty note":    {"notes", url.Values{"text": {" "}}, 422, "1 à 280 caractères"},
		"a verdict":        {"check", url.Values{"item": {"cles"}, "verdict": {"maybe"}}, 422, "répondez go ou no-go"},
		"an item":          {"check", url.Values{"item": {"x"}, "verdict": {"go"}}, 404, "n’existe plus"},
		"an unknown match": {"compare", url.Values{"earlier": {"x"}}, 404, "n’existe plus"},
		"itself":           {"compare", url.Values{"earlier": {"finale"}}, 422, "à lui-même"},
	} {
		r := s.post(t, b, "/matches/finale/"+c.path+"?lang=fr", c.form, nil)
		got := plain(document(t, r).Find(".refused[role=alert]"))
		if r.StatusCode != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: %d %q, want %d and %q", name, r.StatusCode, got, c.status, c.want)
		}
		if a := s.audit.last(t); a.Outcome != "denied" {
			t.Errorf("%s: audited %+v", name, a)
		}
	}
	if r := s.post(t, b, "/matches/nothing/undo", nil, nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("a match that is not: %d", r.StatusCode)
	}
	if r := s.post(t, b, "/matches/finale/notes", url.Values{"text": {strings.Repeat("x", maxBody)}}, nil); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a long body: %d", r.StatusCode)
	}

	// A bus that is away: it is said, nothing is pretended, and nothing of inside is shown.
	away := newSite(t, func(c *Config) {
		c.Matches = season(t, time.Now(), awayMatches{newMemoryMatches()})
	})
	r := away.post(t, away.signedIn(t, "operator"), "/matches/finale/phase?lang=fr", url.Values{"phase": {"half_time"}}, nil)
	page := document(t, r)
	if got := plain(page.Find(".refused")); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, "le bus ne répond pas") || strings.Contains(page.Text(), "4711") {
		t.Errorf("%d: %q", r.StatusCode, got)
	}
	if a := away.audit.last(t); a.Outcome != "failed" {
		t.Errorf("audited %+v", a)
	}
}

// The board writes notes without leaving the page.
func TestNotesForPrograms(t *testing.T) {
	s, book := matchSite(t)
	b, json := s.signedIn(t, "operator"), http.Header{"Accept": {"application/json"}}
	at := book.Find("finale").KickOff.Add(10 * time.Minute)
	note := func(form url.Values) int {
		return s.post(t, b, "/matches/finale/notes", form, json).StatusCode
	}
	if status := note(url.Values{"text": {"But"}, "at": {strconv.FormatInt(at.Unix(), 10)}}); status != http.StatusNoContent || !book.Notes("finale")[0].At.Equal(at) {
		t.Errorf("a note answers %d", status)
	}
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"nothing": {url.Values{}, 422}, "long": {url.Values{"text": {strings.Repeat("é", 281)}}, 422}, "in 1970": {url.Values{"text": {"x"}, "at": {"12"}}, 422},
		"no time": {url.Values{"text": {"x"}, "at": {"NaN"}}, 422}, "endless": {url.Values{"text": {"x"}, "at": {"1e300"}}, 422}, "negative": {url.Values{"text": {"x"}, "at": {"-5"}}, 422},
	} {
		if status := note(c.form); status != c.want {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
	id := book.Notes("finale")[0].ID
	if _, err := s.accounts.Add(t.Context(), account.User{Name: "other", Roles: account.Roles{account.Operator}}, password); err != nil {
		t.Fatal(err)
	}
	if r := s.post(t, s.signedIn(t, "other"), "/matches/finale/notes/"+id+"/remove", nil, json); r.StatusCode != http.StatusForbidden {
		t.Errorf("another operator's removal: %d", r.StatusCode)
	}
	if s.page(t, s.signedIn(t, "other"), "/matches/finale").Find("#notes li form").Length() != 0 {
		t.Error("another is offered to remove it")
	}
	if r := s.post(t, s.signedIn(t, "admin"), "/matches/finale/notes/"+id+"/remove", nil, json); r.StatusCode != http.StatusNoContent || len(book.Notes("finale")) != 0 {
		t.Errorf("an admin's removal: %d", r.StatusCode)
	}
	if r := s.post(t, b, "/matches/finale/notes/"+id+"/remove", nil, json); r.StatusCode != http.StatusNotFound {
		t.Errorf("what is gone: %d", r.StatusCode)
	}
}

// A time of day belongs to the day that is nearest to when it was expected.
func TestTimesOfDayAroundMidnight(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	near := time.Date(2026, 7, 19, 23, 50, 0, 0, paris)
	for text, want := range map[string]string{"23:58": "19 23:58:00", "00:04:30": "20 00:04:30", "21:00": "19 21:00:00", " 11:40 ": "20 11:40:00", "11:55": "19 11:55:00"} {
		got, err := typedTime(text, paris, near)
		if err != nil || got.Format("2 15:04:05") != want {
			t.Errorf("%q is %v (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"24:00", "9:61", "noon", "21h49", "21:49:61"} {
		if _, err := typedTime(text, paris, near); err == nil {
			t.Errorf("%q is a time", text)
		}
	}
}
