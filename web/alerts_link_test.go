package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// ackSecret is what a message has in its link, signed with the room's own key.
func (s *alertSite) ackSecret(t *testing.T, problem, person string) string {
	t.Helper()
	key, _, err := s.state.Get(t.Context(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	text := problem + "|" + person
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("ack|" + text))
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// Whatever fetches the link of a message, only a press of its button acknowledges.
func TestALinkAcknowledgesByItsButtonAlone(t *testing.T) {
	s := newAlertSite(t, nil)
	path := "/ack/" + s.ackSecret(t, "p1", "paul")
	stranger := browser(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := s.do(t, stranger, method, path, nil, nil)
		if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d, %q, %q", method, r.StatusCode, r.Header.Get("Cache-Control"), r.Header.Get("Referrer-Policy"))
		}
	}
	if i := s.room.Snapshot().Find("p1"); i.Acked != nil {
		t.Fatalf("a look acknowledged: %+v", i.Acked)
	}
	page := s.page(t, stranger, path+"?lang=fr")
	has(t, "the page", page.Find("main"), "critique", "Free × CloudFront", "212 000 spectateurs", "Je prends", "Paul Adam", "Procédure", "Se connecter")
	if page.Find("form").Length() != 1 || page.Find("form button").Length() != 1 || strings.Contains(page.Find("main").Text(), "http") {
		t.Error("there is more than one thing to press")
	}
	// A browser that is told to send no referrer sends no origin either.
	r := s.do(t, stranger, http.MethodPost, path, strings.NewReader(""), http.Header{"Origin": {"null"}})
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != path {
		t.Fatalf("the button: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	s.audit.wants(t, "paul (lien)", DidAckAlert, "p1", "ok")
	if i := s.room.Snapshot().Find("p1"); i.Acked == nil || i.Acked.By != "paul (lien)" {
		t.Fatalf("acknowledged %+v", i.Acked)
	}
	after := s.page(t, stranger, path+"?lang=fr")
	has(t, "after it", after.Find("main"), "Paul Adam (lien) s’en occupe depuis")
	if after.Find("form").Length() != 0 {
		t.Error("it can be taken again")
	}
	// Who comes second is told who was first.
	second := s.does(t, stranger, "/ack/"+s.ackSecret(t, "p1", "ines")+"?lang=fr", url.Values{}, http.StatusConflict)
	has(t, "the second", second.Find("main"), "Paul Adam (lien) s’en occupe depuis")
	s.audit.wants(t, "ines (lien)", DidAckAlert, "p1", "denied")
	has(t, "what is over", s.page(t, stranger, "/ack/"+s.ackSecret(t, "p0", "paul")+"?lang=fr").Find("main"), "Terminé.")
	has(t, "somebody with an account", s.page(t, stranger, "/ack/"+s.ackSecret(t, "p3", "marie")+"?lang=fr").Find("main"), "Muette", "Marie Lefèvre")
	if href := s.page(t, s.signedIn(t, "viewer"), path).Find(`a[href="/alerts/p1"]`).Length(); href != 1 {
		t.Error("who is signed in is not led to the whole page")
	}
}

// A door is a door: what is no secret tells nothing, and nobody may try for long.
func TestALinkThatIsNone(t *testing.T) {
	s := newAlertSite(t, func(c *Config) { c.Proxies = loopback })
	good := s.ackSecret(t, "p1", "paul")
	from := func(a string) http.Header { return http.Header{"X-Forwarded-For": {a}} }
	for name, secret := range map[string]string{"empty": "%20", "another's signature": s.ackSecret(t, "p2", "paul")[:20] + good[20:], "long": strings.Repeat("a", 4000), "no problem": s.ackSecret(t, "p9", "paul")} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := s.do(t, browser(t), method, "/ack/"+secret, nil, from("203.0.113.7"))
			doc, err := goquery.NewDocumentFromReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode != http.StatusNotFound || doc.Find("form").Length() > 0 || strings.Contains(doc.Text(), "CloudFront") {
				t.Errorf("%s by %s: %d", name, method, r.StatusCode)
			}
		}
	}
	status := 0
	for range 40 {
		if status = s.do(t, browser(t), http.MethodGet, "/ack/nothing", nil, from("203.0.113.8")).StatusCode; status == http.StatusTooManyRequests {
			break
		}
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("forty tries: %d", status)
	}
	if r := s.do(t, browser(t), http.MethodGet, "/ack/"+good, nil, from("203.0.113.9")); r.StatusCode != http.StatusOK {
		t.Errorf("from elsewhere: %d", r.StatusCode)
	}
}
