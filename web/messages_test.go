package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/goccy/go-yaml"

	"vigie/internal/account"
	"vigie/internal/bus/bustest"
	"vigie/internal/match"
	"vigie/internal/state"
	"vigie/runbooks/channel"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// houseLimits are those of a house that pays for short messages.
func houseLimits() message.Limits {
	return message.Limits{Price: .0571, Currency: "€", House: []string{"https://etat.tele.example", "https://aide.tele.example"}, Unsaid: []string{"CloudFront"}}
}

// parseScenario and writeScenario are files of messages as internal/app reads and writes them.
func parseScenario(name string, text []byte) (*message.Scenario, error) {
	s := &message.Scenario{ID: strings.TrimSuffix(name, ".yaml")}
	if err := yaml.UnmarshalWithOptions(text, s, yaml.Strict()); err != nil {
		return nil, errors.New(yaml.FormatError(err, false, true))
	}
	return s, nil
}

func writeScenario(s *message.Scenario) ([]byte, error) { return yaml.Marshal(s) }

func texts(all ...any) map[channel.Kind]map[string]message.Text {
	out := map[channel.Kind]map[string]message.Text{}
	for i := 0; i+2 < len(all); i += 3 {
		out[all[i].(channel.Kind)] = map[string]message.Text{"fr": {Body: all[i+1].(string)}, "en": {Body: all[i+2].(string)}}
	}
	return out
}

// playback is a whole scenario: each step that it must have, in two languages.
func playback() *message.Scenario {
	titled := func(fr, en string, of map[channel.Kind]map[string]message.Text) *message.Message {
		of[channel.Status]["fr"] = message.Text{Subject: fr, Body: of[channel.Status]["fr"].Body}
		of[channel.Status]["en"] = message.Text{Subject: en, Body: of[channel.Status]["en"].Body}
		return &message.Message{Texts: of}
	}
	return &message.Scenario{
		ID: "lecture", Title: message.Words{"fr": "Lecture perturbée", "en": "Playback disturbed"}, About: message.Words{"fr": "Le direct s’arrête chez une partie des spectateurs.", "en": "The live stream stops for some viewers."},
		Audience: message.Impact, Timing: message.Timing{Initial: 10 * time.Minute, Every: 15 * time.Minute},
		Variables: map[string]*message.Variable{
			"next": {Type: message.Time, Label: message.Words{"fr": "Prochain point", "en": "Next update"}, Live: "next_by", Default: "+15m"},
			"where": {Type: message.Place, Label: message.Words{"fr": "Sur quoi", "en": "On what"}, Values: []message.Choice{
				{ID: "tv", Words: message.Words{"fr": "la box TV", "en": "TV boxes"}}, {ID: "phone", Words: message.Words{"fr": "le mobile", "en": "phones"}},
			}},
		},
		Messages: map[message.Step]*message.Message{
			message.Initial: titled("Direct perturbé", "Live stream disturbed", texts(
				channel.Status, "Le direct est perturbé sur {where}. Prochain point à {next}.", "The live stream is disturbed on {where}. Next update by {next}.",
				channel.SMS, "La Tele : le direct est perturbe sur {where}. Point a {next} : https://etat.tele.example", "La Tele: the stream is disturbed on {where}. Update by {next}: https://etat.tele.example",
				channel.X, "Le direct est perturbé sur {where}. Point à {next} : https://etat.tele.example", "The stream is disturbed on {where}. Update by {next}: https://etat.tele.example",
			)),
			message.Resolved: titled("Direct rétabli", "Live stream restored", texts(
				channel.Status, "Le direct est rétabli sur {where}.", "The live stream is restored on {where}.",
				channel.SMS, "La Tele : le direct est retabli. Merci de votre patience.", "La Tele: the stream is back. Thank you for your patience.",
				channel.X, "Le direct est rétabli sur {where}.", "The stream is back on {where}.",
			)),
			message.Correction: titled("Correction", "Correction", texts(
				channel.Status, "Notre message précédent était inexact. Le direct fonctionne.", "Our previous message was not right. The stream works.",
				channel.SMS, "La Tele : message precedent inexact. Le direct fonctionne.", "La Tele: the previous message was wrong. The stream works.",
				channel.X, "Notre message précédent était inexact. Le direct fonctionne.", "Our previous message was not right. The stream works.",
			)),
		},
	}
}

// messageSite is a site with a library on a real bus, half an hour before the final.
type messageSite struct {
	*site
	library *library.Library
}

func newMessageSite(t *testing.T, edit func(*Config)) *messageSite {
	t.Helper()
	ctx := t.Context()
	kv, err := bustest.Open(t).KV(ctx, "messages")
	if err != nil {
		t.Fatal(err)
	}
	bucket := state.New(kv, slog.New(slog.DiscardHandler))
	s := &messageSite{}
	if s.library, err = library.New(library.Config{State: bucket, Limits: houseLimits}); err != nil {
		t.Fatal(err)
	}
	if err := bucket.Load(ctx); err != nil {
		t.Fatal(err)
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { _ = bucket.Run(following) })
	t.Cleanup(func() { stop(); running.Wait() })
	s.site = newSite(t, func(c *Config) {
		c.Library, c.MessageLimits, c.ParseScenario, c.WriteScenario = s.library, houseLimits, parseScenario, writeScenario
		c.Matches = season(t, time.Now().Add(30*time.Minute), newMemoryMatches())
		c.LastApproved = s.library.LastApproved
		if edit != nil {
			edit(c)
		}
	})
	for _, u := range []account.User{
		{Name: "second", Roles: account.Roles{account.Author, account.Validator}, Display: "Sacha Weil"},
		{Name: "editor", Roles: account.Roles{account.Author}, Display: "Édith Roy"},
	} {
		if _, err := s.accounts.Add(ctx, u, password); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// kept saves a scenario as somebody would.
func (s *messageSite) kept(t *testing.T, by string, of *message.Scenario) *library.Entry {
	t.Helper()
	base := uint64(0)
	if e := s.library.Get(of.ID); e != nil {
		base = e.Version
	}
	e, err := s.library.Save(t.Context(), by, of, base)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *messageSite) ok(t *testing.T) func(*library.Entry, error) {
	return func(_ *library.Entry, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// reviewed submits and approves a step.
func (s *messageSite) reviewed(t *testing.T, step message.Step) {
	t.Helper()
	s.ok(t)(s.library.Submit(t.Context(), "author", "lecture", step))
	s.ok(t)(s.library.Approve(t.Context(), "validator", "lecture", step, s.library.Get("lecture").Scenario.Hash(step)))
}

func TestMessagesWithoutALibrarySayWhy(t *testing.T) {
	s := newSite(t, nil)
	page := s.page(t, s.signedIn(t, "viewer"), "/messages?lang=fr")
	if got := plain(page.Find("#messages .calm")); !strings.Contains(got, "pas de messages de crise") {
		t.Errorf("it says %q", got)
	}
}

func TestTheMatrixSaysWhoIsWaitedFor(t *testing.T) {
	s := newMessageSite(t, nil)
	s.kept(t, "author", playback())
	s.reviewed(t, message.Initial)
	s.ok(t)(s.library.Arm(t.Context(), "operator", "lecture", message.Initial, "finale"))
	s.ok(t)(s.library.Submit(t.Context(), "author", "lecture", message.Resolved))

	page := s.page(t, s.signedIn(t, "validator"), "/messages?lang=fr&match=finale")
	if got := plain(page.Find("#ready-title")); got != "Argentine – France : 2 messages sur 3 ne sont pas validés" {
		t.Errorf("ready: %q", got)
	}
	var cells []string
	page.Find("#scenario-lecture td").Each(func(_ int, td *goquery.Selection) { cells = append(cells, plain(td)) })
	want := []string{"armé armé par operator", "non écrit", "non écrit", "à valider soumis par author, il y a 0 s", "brouillon author, il y a 0 s", "non écrit"}
	if len(cells) != len(want) {
		t.Fatalf("cells: %q", cells)
	}
	for i := range want {
		if !strings.HasPrefix(cells[i], strings.Split(want[i], ", il y a")[0]) {
			t.Errorf("cell %d: %q, want %q", i, cells[i], want[i])
		}
	}
	groups := page.Find("#missing .missing-why")
	if got := plain(groups.Eq(0)); groups.Length() != 2 || !strings.Contains(got, "Peuvent valider : Sacha Weil, validator") || !strings.Contains(got, "Lecture perturbée · Fin") {
		t.Errorf("what waits: %q", got)
	}
	if got := plain(groups.Eq(1)); !strings.Contains(got, "il n’est pas soumis") || !strings.Contains(got, "Lecture perturbée · Correction") {
		t.Errorf("drafts: %q", got)
	}
	if got := plain(page.Find(".for-me a").Eq(1)); got != "À valider par moi : 1" {
		t.Errorf("filter: %q", got)
	}
	page = s.page(t, s.signedIn(t, "second"), "/messages?lang=en&match=finale&for=write")
	if page.Find("#scenario-lecture td:not(.dim)").Length() != 1 || page.Find("#scenario-lecture td.mine").Length() == 0 {
		t.Error("the filter leaves other than what is to write")
	}
	page = s.page(t, s.signedIn(t, "viewer"), "/messages?lang=en&match=finale")
	if page.Find(".for-me a, #arm-all, a[href='/messages/new']").Length() != 0 {
		t.Error("a viewer is offered what is not theirs to do")
	}
}

func TestPreviewMeasuresAsTheServerDoes(t *testing.T) {
	s := newMessageSite(t, nil)
	s.kept(t, "author", playback())
	b := s.signedIn(t, "author")
	form := formOfScenario(playback(), message.Initial)
	form.Set("step", "initial")
	form.Set("text.sms.fr", "L’accès est perturbé sur {where}")
	form.Set("text.sms.en", "hole {nothing} and {a")
	form.Set("text.x.fr", strings.Repeat("é", 300))
	form.Set("text.banner.fr", "CloudFront est en panne : <img src=x onerror=alert(1)>")
	page := document(t, s.post(t, b, "/messages/lecture/preview?lang=fr", form, nil))
	if got := page.Find("#see-sms-fr mark.culprit").First(); got.Text() != "’" || got.AttrOr("title", "") == "" {
		t.Errorf("the culprit is %q", got.Text())
	}
	if got := plain(page.Find("#see-sms-fr .culprits")); !strings.Contains(got, "UCS-2 à cause de ’") || strings.Contains(got, "é") {
		t.Errorf("culprits: %q", got)
	}
	if got := plain(page.Find("#see-sms-fr .folding")); !strings.Contains(got, "→ '") || !strings.Contains(got, "1 segment · 0,057 €") {
		t.Errorf("folding: %q", got)
	}
	if got := page.Find("#see-sms-fr .wording").First().Text(); got != "L’accès est perturbé sur la box TV" {
		t.Errorf("bubble: %q", got)
	}
	if got := plain(page.Find("#see-sms-en .lint-list")); !strings.Contains(got, "accolade") {
		t.Errorf("a brace that stands alone: %q", got)
	}
	if x := page.Find("#see-x-fr"); !x.HasClass("critical") || !strings.Contains(plain(x.Find(".counter")), "300 / 280") {
		t.Errorf("too long: %q", plain(x))
	}
	if got := plain(page.Find("#see-banner-fr .lint-list")); !strings.Contains(got, "nomme CloudFront") || page.Find("#see-banner-fr img").Length() != 0 {
		t.Errorf("names: %q", got)
	}
	if got := plain(page.Find("#lints .sum")); !strings.Contains(got, "empêche") {
		t.Errorf("lints: %q", got)
	}
	form.Set("see", "worst")
	form.Set("text.sms.fr", "Point a {next} sur {where}")
	page = document(t, s.post(t, b, "/messages/lecture/preview?lang=fr", form, nil))
	if got := page.Find("#see-sms-fr .wording").First().Text(); !strings.Contains(got, "23h59") {
		t.Errorf("worst: %q", got)
	}
	form.Set("see", "drill")
	page = document(t, s.post(t, b, "/messages/lecture/preview?lang=fr", form, nil))
	if got := page.Find("#see-sms-fr .wording").First().Text(); !strings.HasPrefix(got, "EXERCICE - ") {
		t.Errorf("drill: %q", got)
	}
	if e := s.library.Get("lecture"); e.Version != 1 {
		t.Error("a preview was kept")
	}
}

func TestTwoWhoWriteOtherTextsDoNotMeet(t *testing.T) {
	s := newMessageSite(t, nil)
	s.kept(t, "author", playback())
	b := s.signedIn(t, "author")
	made := func() url.Values {
		f := url.Values{}
		form := s.page(t, b, "/messages/lecture?lang=fr").Find("#message-form")
		form.Find("input, textarea, select").Each(func(_ int, in *goquery.Selection) {
			value := in.AttrOr("value", "")
			_, checked := in.Attr("checked")
			switch kind := goquery.NodeName(in) + in.AttrOr("type", ""); {
			case (kind == "inputradio" || kind == "inputcheckbox") && !checked:
				return
			case kind == "textarea":
				value = in.Text()
			case kind == "select":
				value = in.Find("option[selected]").AttrOr("value", in.Find("option").First().AttrOr("value", ""))
			}
			f.Set(in.AttrOr("name", ""), value)
		})
		return f
	}
	mine := made()

	if m := mergeOf(mine, formOfScenario(&s.library.Get("lecture").Scenario, message.Initial)); len(m.mine)+len(m.theirs) > 0 {
		t.Fatalf("a form as it was made changes %v", m)
	}
	// Nothing changed: nothing is saved, and it is no error.
	if r := s.post(t, b, "/messages/lecture", mine, nil); r.StatusCode != http.StatusSeeOther || s.library.Get("lecture").Version != 1 {
		body, _ := io.ReadAll(r.Body)
		t.Fatalf("a save without a change: %d, version %d\n%s", r.StatusCode, s.library.Get("lecture").Version, body)
	}

	other := playback()
	other.Messages[message.Initial].Texts[channel.X]["fr"] = message.Text{Body: "Le direct est perturbé. https://etat.tele.example"}
	s.kept(t, "editor", other)
	mine.Set("text.sms.fr", "La Tele : direct perturbe.")
	if r := s.post(t, b, "/messages/lecture", mine, nil); r.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(r.Body)
		t.Fatalf("other texts: %d\n%s", r.StatusCode, body)
	}
	texts := s.library.Get("lecture").Scenario.Messages[message.Initial].Texts
	if texts[channel.SMS]["fr"].Body != "La Tele : direct perturbe." || texts[channel.X]["fr"].Body != "Le direct est perturbé. https://etat.tele.example" {
		t.Errorf("both are to be there: %q, %q", texts[channel.SMS]["fr"].Body, texts[channel.X]["fr"].Body)
	}

	// The same text: both are shown, nothing is kept, and the next save decides.
	mine = made()
	other.Messages[message.Initial].Texts[channel.SMS]["fr"] = message.Text{Body: "Celui d’Édith"}
	s.kept(t, "editor", other)
	mine.Set("text.sms.fr", "Le mien")
	r := s.post(t, b, "/messages/lecture?lang=fr", mine, nil)
	page := document(t, r)
	if r.StatusCode != http.StatusConflict || page.Find(`textarea[name="text.sms.fr"]`).Text() != "Le mien" || plain(page.Find(".clash .from-other .wording")) != "Celui d’Édith" {
		t.Fatalf("a conflict: %d, mine %q, theirs %q", r.StatusCode, page.Find(`textarea[name="text.sms.fr"]`).Text(), plain(page.Find(".clash .from-other")))
	}
	if got := plain(page.Find("#message-form > .refused")); !strings.Contains(got, "Édith Roy a enregistré entre-temps") {
		t.Errorf("who: %q", got)
	}
	mine.Set("was.sms.fr", page.Find(`input[name="was.sms.fr"]`).AttrOr("value", ""))
	if r := s.post(t, b, "/messages/lecture", mine, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("mine, knowingly: %d", r.StatusCode)
	}
	if got := s.library.Get("lecture").Scenario.Messages[message.Initial].Texts[channel.SMS]["fr"].Body; got != "Le mien" {
		t.Errorf("kept: %q", got)
	}
}

func TestNobodyApprovesTheirOwn(t *testing.T) {
	s := newMessageSite(t, nil)
	s.kept(t, "second", playback())
	s.ok(t)(s.library.Submit(t.Context(), "second", "lecture", message.Initial))
	hash := s.library.Get("lecture").Scenario.Hash(message.Initial)
	path := "/messages/lecture/initial"
	for who, want := range map[string]struct {
		why    string
		status int
	}{
		"second":    {"Vous avez écrit ce message : une autre personne doit le valider.", http.StatusForbidden},
		"author":    {"Valider demande le rôle de valideur.", http.StatusForbidden},
		"admin":     {"Un administrateur ne l’a pas de ce fait.", http.StatusForbidden},
		"operator":  {"Valider demande le rôle de valideur.", http.StatusForbidden},
		"validator": {"", http.StatusSeeOther},
	} {
		if who == "validator" {
			continue // last: it is approved then
		}
		b := s.signedIn(t, who)
		page := s.page(t, b, path+"/review?lang=fr")
		if page.Find("#approve").Length() != 0 || !strings.Contains(plain(page.Find("#whynot")), want.why) {
			t.Errorf("%s: a button %d, why %q", who, page.Find("#approve").Length(), plain(page.Find("#whynot")))
		}
		if r := s.post(t, b, path+"/approve", url.Values{"hash": {hash}}, nil); r.StatusCode != want.status {
			t.Errorf("%s approves: %d", who, r.StatusCode)
		}
		if who == "second" {
			if got := s.audit.last(t); got.What != DidApproveMessage || got.Outcome != "denied" {
				t.Errorf("audited %+v", got)
			}
		}
	}
	if state := s.library.Get("lecture").State(message.Initial, "", time.Now()); state != library.InReview {
		t.Fatalf("it is %s", state)
	}

	v := s.signedIn(t, "validator")
	page := s.page(t, v, path+"/review?lang=fr")
	if page.Find("#approve").Length() != 1 || page.Find("#approve-form [name=hash]").AttrOr("value", "") != hash {
		t.Fatal("the validator has no button, or it is of another text")
	}
	// Somebody edits what is being read: the poll says so and takes the button away; the button of the old page is refused.
	edited := playback()
	edited.Messages[message.Initial].Texts[channel.SMS]["fr"] = message.Text{Body: "Autre chose"}
	s.kept(t, "editor", edited)
	page = s.page(t, v, path+"/review?lang=fr&seen="+hash)
	if !strings.Contains(plain(page.Find("#text-changed")), "Édith Roy a modifié ce message") || page.Find("#approve").Length() != 0 {
		t.Errorf("changed: %q", plain(page.Find("#text-changed")))
	}
	r := s.post(t, v, path+"/approve?lang=fr", url.Values{"hash": {hash}}, nil)
	if text := plain(document(t, r).Find(".refused")); r.StatusCode != http.StatusConflict || !strings.Contains(text, "Édith Roy a modifié ce message") {
		t.Errorf("an approval of what is no more: %d %q", r.StatusCode, text)
	}

	s.ok(t)(s.library.Submit(t.Context(), "editor", "lecture", message.Initial))
	hash = s.library.Get("lecture").Scenario.Hash(message.Initial)
	for range 2 { // a form that is sent twice does no harm
		if r := s.post(t, v, path+"/approve", url.Values{"hash": {hash}}, nil); r.StatusCode != http.StatusSeeOther {
			t.Errorf("approve: %d", r.StatusCode)
		}
	}
	if state := s.library.Get("lecture").State(message.Initial, "", time.Now()); state != library.Approved {
		t.Errorf("it is %s", state)
	}
	if got := s.audit.last(t); got.Who != "validator" || got.What != DidApproveMessage || !strings.HasPrefix(got.On, "lecture initial "+hash[:4]) || got.Outcome != "ok" {
		t.Errorf("audited %+v", got)
	}
}

func TestReviewShowsWhatChangedSinceTheLastApproval(t *testing.T) {
	s := newMessageSite(t, nil)
	s.kept(t, "author", playback())
	s.reviewed(t, message.Initial)
	edited := playback()
	edited.Messages[message.Initial].Texts[channel.X]["fr"] = message.Text{Body: "Le direct est coupé sur {where}. Point à {next} : https://etat.tele.example"}
	edited.Variables["where"].Values = edited.Variables["where"].Values[:1]
	s.kept(t, "author", edited)
	page := s.page(t, s.signedIn(t, "validator"), "/messages/lecture/initial/review?lang=fr")
	var where []string
	page.Find("#diff .differs h3").Each(func(_ int, h *goquery.Selection) { where = append(where, h.Text()) })
	if !slices.Equal(where, []string{"X, français", "Variables"}) {
		t.Errorf("differs in %q", where)
	}
	first := page.Find("#diff .differs").First()
	if first.Find("del").Text() != "perturbé" || first.Find("ins").Text() != "coupé" {
		t.Errorf("words: %q to %q", first.Find("del").Text(), first.Find("ins").Text())
	}
	if got := plain(s.page(t, s.signedIn(t, "validator"), "/messages/lecture/resolved/review?lang=fr").Find("#diff")); !strings.Contains(got, "jamais été validé") {
		t.Errorf("never approved: %q", got)
	}
}

func TestArmingForAMatch(t *testing.T) {
	s := newMessageSite(t, nil)
	s.kept(t, "author", playback())
	s.reviewed(t, message.Initial)
	s.reviewed(t, message.Resolved)
	o := s.signedIn(t, "operator")
	if r := s.post(t, o, "/messages/lecture/initial/arm", url.Values{"match": {"no-such"}}, nil); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a match that is in no calendar: %d", r.StatusCode)
	}
	r := s.post(t, o, "/messages/arm", url.Values{"match": {"finale"}}, nil)
	if r.StatusCode != http.StatusSeeOther {
		body, _ := io.ReadAll(r.Body)
		t.Fatalf("arm all: %d %s", r.StatusCode, body)
	}
	now := time.Now()
	for step, want := range map[message.Step]library.State{message.Initial: library.Armed, message.Resolved: library.Armed, message.Correction: library.Draft} {
		if got := s.library.Get("lecture").State(step, "finale", now); got != want {
			t.Errorf("%s is %s, want %s", step, got, want)
		}
	}
	page := s.page(t, o, "/messages/lecture/initial/review?lang=fr&match=finale")
	if got := plain(page.Find(".armed-for")); !strings.Contains(got, "Argentine – France") || !strings.Contains(got, "operator") {
		t.Errorf("armed: %q", got)
	}
	if r := s.post(t, o, "/messages/lecture/initial/disarm", url.Values{"match": {"finale"}}, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("disarm: %d", r.StatusCode)
	}
	v := s.signedIn(t, "validator")
	if r := s.post(t, v, "/messages/lecture/initial/reject", url.Values{"note": {""}}, nil); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a refusal without a reason: %d", r.StatusCode)
	}
	if r := s.post(t, v, "/messages/lecture/initial/reject", url.Values{"note": {"trop long"}}, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("reject: %d", r.StatusCode)
	}
	page = s.page(t, v, "/messages/lecture/initial/review?lang=fr")
	if got := plain(page.Find(".message-thread li").First()); !strings.Contains(got, "a refusé") || !strings.Contains(got, "trop long") {
		t.Errorf("thread: %q", got)
	}
	a := s.signedIn(t, "author")
	for _, act := range []string{"retire", "revive", "submit"} {
		if r := s.post(t, a, "/messages/lecture/initial/"+act, url.Values{}, nil); r.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d", act, r.StatusCode)
		}
	}
}

func TestFilesComeInAsDraftsAndGoOut(t *testing.T) {
	folder := playback()
	folder.ID = "dossier"
	s := newMessageSite(t, func(c *Config) { c.Scenarios = []*message.Scenario{folder} })
	s.kept(t, "author", playback())
	s.reviewed(t, message.Initial)
	b := s.signedIn(t, "editor")

	r := s.get(t, b, "/messages/lecture/export")
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Disposition") != `attachment; filename="lecture.yaml"` {
		t.Fatalf("export: %d %q", r.StatusCode, r.Header.Get("Content-Disposition"))
	}
	read, err := parseScenario("lecture.yaml", text)
	if err != nil || read.Hash(message.Initial) != playback().Hash(message.Initial) {
		t.Fatalf("the file says something else (%v):\n%s", err, text)
	}
	changed := bytes.ReplaceAll(text, []byte("perturbe sur"), []byte("coupe sur"))
	upload := func(files map[string][]byte) *http.Response {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		_ = w.WriteField("from", "file")
		for name, text := range files {
			part, _ := w.CreateFormFile("file", name)
			_, _ = part.Write(text)
		}
		_ = w.Close()
		return s.do(t, b, http.MethodPost, "/messages/import?lang=fr", &body, http.Header{"Content-Type": {w.FormDataContentType()}})
	}
	page := document(t, upload(map[string][]byte{"lecture.yaml": changed}))
	row := page.Find(".importing > li").First()
	if got := plain(row); !strings.Contains(got, "change 1 message") || !strings.Contains(got, "Premier message : validé, redeviendrait un brouillon") {
		t.Errorf("what it would do: %q", got)
	}
	if _, ticked := row.Find("[name=id]").Attr("checked"); ticked {
		t.Error("what would end an approval is ticked")
	}
	if s.library.Get("lecture").Version != 1 {
		t.Error("it was imported unasked")
	}
	form := url.Values{"sure": {"1"}, "from": {"file"}, "id": {"lecture"}, "name": {"lecture.yaml"}, "text": {row.Find("[name=text]").AttrOr("value", "")}}
	if r := s.post(t, b, "/messages/import", form, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("import: %d", r.StatusCode)
	}
	e := s.library.Get("lecture")
	if e.Version != 2 || e.State(message.Initial, "", time.Now()) != library.Draft || !slices.Contains(e.Steps[message.Initial].Authors, "editor") {
		t.Errorf("imported: version %d, %s by %q", e.Version, e.State(message.Initial, "", time.Now()), e.Steps[message.Initial].Authors)
	}
	if got := s.audit.last(t); got.What != DidImportMessages || !strings.Contains(got.On, "lecture") {
		t.Errorf("audited %+v", got)
	}
	page = document(t, upload(map[string][]byte{"autre.yaml": []byte("titel: {}\n")}))
	if got := plain(page.Find(".importing > li").First()); !strings.Contains(got, "illisible") || !strings.Contains(got, "titel") {
		t.Errorf("a wrong file: %q", got)
	}
	page = document(t, s.post(t, b, "/messages/import?lang=fr", url.Values{"from": {"folder"}}, nil))
	if got := plain(page.Find(".importing > li").First()); !strings.Contains(got, "nouveau") {
		t.Errorf("the folder: %q", got)
	}
	if r := s.post(t, b, "/messages/import", url.Values{"from": {"folder"}, "sure": {"1"}, "id": {"dossier"}}, nil); r.StatusCode != http.StatusSeeOther || s.library.Get("dossier") == nil {
		t.Errorf("import of the folder: %d", r.StatusCode)
	}
}

func TestANewScenarioGetsAnIDOfItsTitle(t *testing.T) {
	s := newMessageSite(t, nil)
	b := s.signedIn(t, "author")
	for _, tt := range []struct{ title, id, want string }{
		{"Lecture perturbée : cœur de réseau !", "", "/messages/lecture-perturbee-coeur-de-reseau?said=made"},
		{"Autre", "mon-id", "/messages/mon-id?said=made"},
	} {
		if r := s.post(t, b, "/messages", url.Values{"title.fr": {tt.title}, "id": {tt.id}}, nil); r.Header.Get("Location") != tt.want {
			t.Errorf("%q: %d %q, want %q", tt.title, r.StatusCode, r.Header.Get("Location"), tt.want)
		}
	}
	r := s.post(t, b, "/messages?lang=fr", url.Values{"title.fr": {"Une autre"}, "id": {"mon-id"}}, nil)
	if text := plain(document(t, r).Find(".refused")); r.StatusCode != http.StatusConflict || !strings.Contains(text, "déjà pris (créé par author") {
		t.Errorf("taken: %d %q", r.StatusCode, text)
	}
	r = s.post(t, b, "/messages", url.Values{"title.fr": {"Panne"}, "adhoc": {"1"}}, nil)
	id := strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Location"), "/messages/"), "?said=made")
	if e := s.library.Get(id); e == nil || !e.Scenario.Adhoc || !strings.HasPrefix(id, "panne-") {
		t.Errorf("ad hoc: %q", id)
	}
}

// Each sentence that the packages behind these pages can say has one in each language.
func TestWhatMessagesSayHasAText(t *testing.T) {
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key := range message.Sentences() {
		keys = append(keys, "lint."+key)
	}
	for _, why := range library.Reasons() {
		keys = append(keys, "library.why."+string(why))
	}
	for _, step := range message.Steps() {
		keys = append(keys, "step."+string(step))
	}
	for _, kind := range channel.Kinds() {
		keys = append(keys, "channel.kind."+string(kind), "channel.kind."+string(kind)+".what")
	}
	for _, of := range message.VarTypes() {
		keys = append(keys, "messages.type."+string(of))
		for _, live := range message.Live(of) {
			keys = append(keys, "messages.live."+live)
		}
	}
	for _, known := range reasonsKnown {
		keys = append(keys, "messages.reason."+known.key)
	}
	for _, l := range all {
		for _, key := range keys {
			if l.texts[key] == "" {
				t.Errorf("%s has no %q", l.Code, key)
			}
		}
	}
}

// What a check says while somebody writes is said in the reader's words.
func TestProblemsAreSaidInTheReadersLanguage(t *testing.T) {
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	r := messagesReader{crisesReader: crisesReader{alertsReader: alertsReader{locale: all.byCode("fr")}}}
	s := playback()
	delete(s.Messages, message.Correction)
	s.Messages[message.Initial].Texts[channel.Email] = map[string]message.Text{"fr": {Body: "Bonjour {name}"}}
	s.Variables["unused"] = &message.Variable{Type: message.Service}
	s.Audience = ""
	got := strings.Join(r.problems(s.Check()), "\n")
	for _, want := range []string{
		"Correction : manque : rien n’est dit", "Premier message, Courriel, anglais : manque en anglais", "Premier message, Courriel, français, titre : manque",
		"la variable name n’existe pas", "Variable, unused : n’est dans aucun texte", "Variable, unused, libellé, français : manque", "Destinataires : manque : à qui",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q:\n%s", want, got)
		}
	}
	for _, english := range []string{" is ", "missing", "there "} {
		if strings.Contains(got, english) {
			t.Errorf("it says %q:\n%s", english, got)
		}
	}
	if got := r.problems(&match.Problem{Key: "whatever[3].x", Text: "is odd"}); len(got) != 1 || !strings.Contains(got[0], "is odd") {
		t.Errorf("an unknown one: %q", got)
	}
}

func TestAFormSaysWhatItWasMadeOf(t *testing.T) {
	for _, path := range exampleScenarios(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseScenario(filepath.Base(path), text)
		if err != nil {
			t.Fatal(err)
		}
		s.Clean()
		for _, step := range message.Steps() {
			back, err := copyOf(s)
			if err != nil {
				t.Fatal(err)
			}
			if err := applyForm(formOfScenario(s, step), back, step, func(string) bool { return true }); err != nil {
				t.Errorf("%s %s: %v", s.ID, step, err)
			}
			for _, of := range message.Steps() {
				if back.Hash(of) != s.Hash(of) {
					t.Errorf("%s: a form of %s changes %s", s.ID, step, of)
				}
			}
			if fmt.Sprint(back.Title, back.About, back.When, back.Timing, back.Runbook) != fmt.Sprint(s.Title, s.About, s.When, s.Timing, s.Runbook) {
				t.Errorf("%s: a form of %s changes its head", s.ID, step)
			}
		}
	}
}

func exampleScenarios(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../docs/example/messages/scenarios/*.yaml")
	if err != nil || len(all) == 0 {
		t.Fatalf("no examples (%v)", err)
	}
	return all
}

func TestDiffOfWords(t *testing.T) {
	for _, tt := range []struct{ before, after, want string }{
		{"le direct est coupé", "le direct est coupé", ""},
		{"", "neuf", "+neuf"},
		{"vieux", "", "-vieux"},
		{"le direct est perturbé.", "le direct est coupé.", "=le direct est -perturbé+coupé=."},
		{"a b c", "a c", "=a -b =c"},
		{"à 21 h", "à 22 h", "=à -21+22= h"},
	} {
		var got strings.Builder
		for _, p := range diffWords(tt.before, tt.after) {
			got.WriteString(map[string]string{"": "=", "gone": "-", "came": "+"}[p.Class] + p.Text)
		}
		if got.String() != tt.want {
			t.Errorf("%q to %q: %q, want %q", tt.before, tt.after, got.String(), tt.want)
		}
	}
	long := strings.Repeat("mot ", 5000)
	if got := diffWords(long, long+"x"); len(got) != 2 {
		t.Errorf("a long text differs in %d parts", len(got))
	}
}
