package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/runbooks/crisis"
	"vigie/runbooks/send"
)

func TestWhoIsHitIsSaidInPlainWords(t *testing.T) {
	all := mustLocales(t)
	for _, tt := range []struct {
		labels map[string]string
		fr, en string
	}{
		{map[string]string{"isp": "Free", "channel": "TF1", "cdn": "akamai"}, "les abonnés Free qui regardent TF1", "viewers on Free watching TF1"},
		{map[string]string{"cdn": "akamai"}, "une partie des abonnés", "some of the viewers"},
		{map[string]string{"device": "tv", "region": "Bretagne"}, "une partie des abonnés, sur tv, en Bretagne", "some of the viewers, on tv, in Bretagne"},
		{nil, "On ne sait pas encore qui est touché", "It is not known yet who is hit"},
	} {
		for _, l := range all {
			want := map[string]string{"fr": tt.fr, "en": tt.en}[l.Code]
			got := crisesReader{alertsReader: alertsReader{locale: l}}.hit(tt.labels)
			if got != want {
				t.Errorf("%v: %q, want %q", tt.labels, got, want)
			}
			if strings.Contains(got, "akamai") {
				t.Errorf("%q names a CDN", got)
			}
		}
	}
}

func TestSupportSaysWhatWasSaidAndWhatWasNot(t *testing.T) {
	s := newCrisisSite(t)
	b := s.signedIn(t, "viewer")
	if got := plain(s.doc(t, b, "/support?lang=fr").Find("#support")); !strings.Contains(got, "aucun incident n’est ouvert") {
		t.Errorf("without a crisis: %s", got)
	}
	of := s.open(t, crisis.Crisis{})
	s.said(t, of, false)
	page := s.doc(t, b, "/support?lang=fr")
	if got := plain(page.Find(".now-panel")); !strings.Contains(got, "Rien n’a encore été dit au public") || page.Find(".words.unsent blockquote").Length() == 0 || page.Find("[data-say]").Length() != 0 {
		t.Errorf("before the first message: %s", got)
	}
	sent := s.said(t, of, true)
	for range 1000 {
		if s.sends.Get(sent.ID).State == send.Completed {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	page = s.doc(t, b, "/support?lang=fr&words=en")
	if got := page.Find(".words:not(.unsent) blockquote").First(); !strings.Contains(got.Text(), "disturbed on TV boxes") || got.AttrOr("lang", "") != "en" {
		t.Errorf("what was said: %q", got.Text())
	}
	if got := page.Find(".words:not(.unsent) .kind"); plain(got) != "Page d’état" { // the others are written, and were not used
		t.Errorf("said through %q", plain(got))
	}
	if got := plain(page.Find(".promise")); !strings.Contains(got, "promise avant") {
		t.Errorf("the promise: %s", got)
	}
	if page.Find("#person").Length() != 0 {
		t.Error("a viewer may look people up")
	}
}

// A person is looked up by those who may, with what they got; and the audit never has the address.
func TestSomebodyIsLookedUp(t *testing.T) {
	t.Parallel()
	s := newSendSite(t, 6, nil)
	of := s.confirmed(t, s.crisis(t, false))
	s.stands(t, of.ID, send.Completed)
	b := s.signedIn(t, "operator")
	for _, tt := range []struct {
		who, want, audited string
	}{
		{"c2@example.com", "c2", "email "},
		{"06 39 90 00 02", "", ""},
		{"+33639900002", "c2", "sms "},
		{"refuses", "n’a pas accepté", "contact refuses"},
		{"personne@example.com", "Personne de ce nom", "email "},
		{"dupont", "Personne de ce nom", "nobody"},
	} {
		r := s.post(t, b, "/support?lang=fr", url.Values{"who": {tt.who}}, nil)
		d, err := goquery.NewDocumentFromReader(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d", tt.who, r.StatusCode)
		}
		got := plain(d.Find("#person-found"))
		if !strings.Contains(got, tt.want) || strings.Contains(got, tt.who) && strings.ContainsAny(tt.who, "@+") {
			t.Errorf("%s: %s", tt.who, got)
		}
		if tt.want == "c2" && !strings.Contains(got, "remis à l’opérateur") {
			t.Errorf("%s: what they got is not told: %s", tt.who, got)
		}
		last := s.audit.last(t)
		if last.What != DidFindPerson || !strings.HasPrefix(last.On, tt.audited) || strings.Contains(last.On, "@") || strings.Contains(last.On, "9900") {
			t.Errorf("%s: audited as %+v", tt.who, last)
		}
	}
	if r := s.post(t, b, "/support?lang=fr", url.Values{"who": {" "}}, nil); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("nothing typed: %d", r.StatusCode)
	}
}
