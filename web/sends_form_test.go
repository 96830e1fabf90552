package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/runbooks/channel"
	"vigie/runbooks/message"
)

// beginning is a scenario with times of each kind. Nobody validated it: an exercise may say it all the same.
func beginning() *message.Scenario {
	s := playback()
	s.ID, s.Audience = "debut", "everybody"
	maps.Copy(s.Variables, map[string]*message.Variable{
		"since": {Type: message.Time, Label: message.Words{"fr": "Début", "en": "Beginning"}, Live: "began"},
		"ended": {Type: message.Time, Label: message.Words{"fr": "Rétablissement", "en": "Recovery"}},
		"check": {Type: message.Time, Label: message.Words{"fr": "Contrôle", "en": "Check"}, Default: "+20m"},
		"lasts": {Type: message.Duration, Label: message.Words{"fr": "Durée", "en": "Length"}, Least: 5, Most: 90},
	})
	text := s.Messages[message.Initial].Texts[channel.Status]
	for lang, t := range text {
		t.Body += " {since} {ended} {check} {lasts}"
		text[lang] = t
	}
	return s
}

func (s *sendSite) formOf(t *testing.T, b *http.Client, crisis string) *goquery.Document {
	t.Helper()
	return s.page(t, b, "/sends/new?lang=fr&crisis="+crisis+"&scenario=debut&step=initial")
}

// What began is offered in the past, what is announced in the future, and what nobody knows on both sides.
func TestTimesAreOfferedOnTheSideOnWhichTheyLie(t *testing.T) {
	s := newSendSite(t, 4, nil)
	if _, err := s.library.Save(t.Context(), "author", beginning(), 0); err != nil {
		t.Fatal(err)
	}
	c, operator := s.crisis(t, true), s.signedIn(t, "operator")
	page := s.formOf(t, operator, c.ID)
	offered := func(name string) (words, values []string) {
		page.Find(`input[type=radio][name="in.` + name + `"]`).Each(func(_ int, i *goquery.Selection) {
			words = append(words, strings.Fields(plain(i.Parent().Find("span")))[0])
			values = append(values, i.AttrOr("value", ""))
		})
		return words, values
	}
	for name, want := range map[string][]string{
		"since": {"début", "maintenant", "−5", "−10", "à"},
		"ended": {"maintenant", "−5", "−10", "+10", "+20", "+30", "à"},
		"check": {"d’usage", "+10", "+20", "+30", "à"},
		"next":  {"d’usage", "+10", "+20", "+30", "à"},
	} {
		if got, _ := offered(name); !slices.Equal(got, want) {
			t.Errorf("%s is offered as %q, want %q", name, got, want)
		}
	}
	// What was offered as a moment stays that moment, however long the form is open.
	form := hiddenOf(page)
	form.Set("v.where", "tv")
	form.Set("v.lasts", "20")
	form.Set("channel", "page-drill")
	_, values := offered("since")
	fiveAgo, err := time.Parse(time.RFC3339, values[2])
	if err != nil || time.Since(fiveAgo) < 5*time.Minute || time.Since(fiveAgo) > 7*time.Minute {
		t.Fatalf("−5 min is %q", values[2])
	}
	form.Set("in.since", fiveAgo.Add(-time.Minute).Format(time.RFC3339)) // of a form that was opened a minute ago
	form.Set("in.ended", values[1])
	r := s.post(t, operator, "/sends", form, nil)
	if r.StatusCode != http.StatusSeeOther {
		t.Fatalf("prepare: %d %s", r.StatusCode, plain(document(t, r).Find("main")))
	}
	of := s.room.Get(strings.TrimPrefix(r.Header.Get("Location"), "/sends/"))
	if got, err := time.Parse(time.RFC3339, of.Rendered.Values["since"]); err != nil || !got.Equal(fiveAgo.Add(-time.Minute)) {
		t.Errorf("it began at %s, chosen was %s: %v", got, fiveAgo.Add(-time.Minute), err)
	}
	if of.Rendered.Values["ended"] != values[1] {
		t.Errorf("it ended at %s, chosen was %s", of.Rendered.Values["ended"], values[1])
	}
}

// Each field says what is wrong with it and what to do, in the words of who fills it in; nothing that was typed is lost.
func TestAFieldSaysWhatItWants(t *testing.T) {
	s := newSendSite(t, 4, nil)
	if _, err := s.library.Save(t.Context(), "author", beginning(), 0); err != nil {
		t.Fatal(err)
	}
	c, operator := s.crisis(t, true), s.signedIn(t, "operator")
	form := hiddenOf(s.formOf(t, operator, c.ID))
	form.Set("channel", "page-drill")
	soon := time.Now().Add(20 * time.Minute)
	form.Set("in.since", soon.UTC().Format(time.RFC3339))
	form.Set("in.check", "at")
	form.Set("in.next", "at")
	form.Set("v.next", time.Now().Add(-20*time.Minute).In(time.FixedZone("Paris", 3600)).Format("15:04"))
	form.Set("v.lasts", "400")
	wants := map[string]string{
		"where": "Il manque une réponse : choisissez-en une",
		"since": "n’est pas encore passé",
		"ended": "Il manque une réponse : choisissez une heure, ou tapez-la",
		"check": "Il manque une réponse : choisissez une heure, ou tapez-la",
		"next":  "choisissez une autre heure",
		"lasts": "de 5 à 90",
	}
	r := s.post(t, operator, "/sends", form, nil)
	page := document(t, r)
	if r.StatusCode != http.StatusUnprocessableEntity || len(s.room.All()) != 0 {
		t.Fatalf("prepare: %d, and %d sends", r.StatusCode, len(s.room.All()))
	}
	for name, want := range wants {
		if got := spaced(plain(page.Find("#wrong-" + name))); !strings.Contains(got, want) {
			t.Errorf("%s says %q, want %q", name, got, want)
		}
	}
	top := spaced(plain(page.Find(".refused")))
	for _, want := range []string{"Rien n’est préparé.", "Sur quoi", "Début", "Rétablissement", "Contrôle", "Durée"} {
		if !strings.Contains(top, want) {
			t.Errorf("the page says %q, without %q", top, want)
		}
	}
	for _, authors := range []string{"défaut", "where", "values", "lasts", "valeur"} {
		if strings.Contains(top+plain(page.Find(".field-wrong")), authors) {
			t.Errorf("who fills it in reads %q", authors)
		}
	}
	if page.Find(".send-form [autofocus]").Length() != 1 || page.Find("#v-lasts").AttrOr("value", "") != "400" {
		t.Error("what was typed is lost, or nothing leads to what is wrong")
	}
	// While somebody types, what is mended is said no more.
	form.Set("v.where", "tv")
	form.Set("v.lasts", "40")
	seen := document(t, s.post(t, operator, "/sends/preview", form, nil))
	for _, name := range []string{"where", "lasts"} {
		if of := seen.Find("#wrong-" + name); of.Length() != 1 || plain(of) != "" {
			t.Errorf("%s still says %q", name, plain(of))
		}
	}
	if got := plain(seen.Find("#wrong-ended")); got == "" {
		t.Error("what is still missing is said no more")
	}
}

// spaced is a text whose spaces are all plain ones.
func spaced(text string) string {
	return strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(text)
}
