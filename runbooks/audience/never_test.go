package audience

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/runbooks/channel"
)

func TestWhoIsSuppressedStaysSo(t *testing.T) {
	h := newHouse(t)
	b := h.open(nil)
	b.mustImport(t, crowd, ImportOptions{})
	b.segment(t, "all", false)
	for _, w := range []Whom{{Kind: email, Address: "B@example.com "}, {Kind: smsKind, Address: "06 00 00 00 03"}, {Contact: "e"}} {
		if err := b.Suppress(t.Context(), w, ByHand, "marie"); err != nil {
			t.Fatal(err)
		}
	}
	want := "a@example.com crew1@example.com"
	if _, all := b.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{}); addresses(all) != want {
		t.Errorf("told %s, want %s", addresses(all), want)
	}
	// Contacts are replaced; e has another address: it is the same person.
	b.mustImport(t, crowd, ImportOptions{Replace: true})
	b.mustImport(t, "id,email,email_agree\ne,new@example.com,1\n", ImportOptions{})
	other := h.open(nil)
	f, all := other.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{})
	if addresses(all) != want || f.Suppressed != 2 {
		t.Errorf("after a restart told %s; %+v", addresses(all), f)
	}
	if s, ok := other.Suppressed(b.Key(email, "e@example.com")); !ok || s.By != "marie" || s.Reason != ByHand || time.Since(s.At) > time.Minute {
		t.Errorf("the address that e had: %+v, %v", s, ok)
	}
	if n := other.SuppressedCount(); n[ByHand] != 4 {
		t.Errorf("%v", n)
	}
	found, err := other.Lookup(t.Context(), "e")
	if err != nil || len(found) != 1 || found[0].Suppressed == nil || found[0].ByEmail.Suppressed != nil {
		t.Errorf("%+v, %v", found, err)
	}
	for range 2 { // a second time there is nothing to do
		if _, err := other.Unsuppress(t.Context(), Whom{Contact: "e"}); err != nil {
			t.Fatal(err)
		}
	}
	if was, err := other.Unsuppress(t.Context(), Whom{Kind: email, Address: "b@example.com"}); !was || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	if _, all := other.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{}); addresses(all) != "a@example.com b@example.com crew1@example.com new@example.com" {
		t.Errorf("told %s", addresses(all))
	}
}

func TestSuppressionsThatCannotBeAreRefused(t *testing.T) {
	b := open1(t)
	for _, err := range []error{
		b.Suppress(t.Context(), Whom{Kind: email, Address: "nobody"}, ByHand, "x"),
		b.Suppress(t.Context(), Whom{Kind: channel.Status, Address: "a@example.com"}, ByHand, "x"),
		b.Suppress(t.Context(), Whom{}, ByHand, "x"),
		b.Suppress(t.Context(), Whom{Kind: email, Address: "a@example.com"}, "because", "x"),
		b.SuppressKey(t.Context(), "a@example.com", Bounced, "x"),
		b.SuppressKey(t.Context(), strings.Repeat("a", 25)+"1", Bounced, "x"),
	} {
		if err == nil {
			t.Error("taken")
		}
	}
	if n := b.SuppressedCount(); len(n) != 0 {
		t.Errorf("%v", n)
	}
}

func TestSuppressionsAreImported(t *testing.T) {
	b := open1(t)
	text := "address;contact;reason\n" +
		"a@example.com;;bounced\n" +
		"06 12 34 56 78;;\n" +
		";c1;complained\n" +
		"A@example.com;;\n" + // again
		"nobody;;\n" + // 6
		"a@example.com;c1;\n" + // 7
		"b@example.com;;because\n" + // 8
		"b@example.com\n" // 9
	for n, want := range []struct{ added, same int }{{3, 0}, {0, 3}} {
		i, err := b.ImportSuppressions(t.Context(), strings.NewReader(text), "marie")
		if err != nil || i.Lines != 8 || i.Added != want.added || i.Same != want.same || i.Refused != 4 || i.Repeated != 1 || i.Refusals[0].Line != 6 || i.Refusals[3].Line != 9 {
			t.Errorf("time %d: %s, %v: %+v", n, summary(i), err, i.Refusals)
		}
	}
	for key, reason := range map[string]string{b.Key(email, "a@example.com"): Bounced, b.Key(smsKind, "+33612345678"): ByHand, b.Key(contactKind, "c1"): Complained} {
		if s, ok := b.Suppressed(key); !ok || s.Reason != reason {
			t.Errorf("%+v, %v, want %s", s, ok, reason)
		}
	}
	for _, text := range []string{"", "name\nx\n", "address,email\nx,y\n"} {
		if _, err := b.ImportSuppressions(t.Context(), strings.NewReader(text), "marie"); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestATokenIsTheHousesOwn(t *testing.T) {
	b, other := open1(t), open1(t)
	key := b.Key(email, "a@example.com")
	token := b.UnsubscribeToken(key)
	if got, ok := b.ReadUnsubscribeToken(token); got != key || !ok {
		t.Errorf("%q, %v", got, ok)
	}
	swap := "a"
	if strings.HasSuffix(token, "a") {
		swap = "b"
	}
	for _, bad := range []string{"", key, token[:len(token)-1] + swap, token + "a", strings.ToUpper(token), other.UnsubscribeToken(key), b.UnsubscribeToken(b.Key(email, "b@example.com"))[:keyLen] + token[keyLen:]} {
		if _, ok := b.ReadUnsubscribeToken(bad); ok {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestUnsubscribing(t *testing.T) {
	b := open1(t)
	server := httptest.NewServer(b.Unsubscribe())
	defer server.Close()
	key := b.Key(email, "a@example.com")
	do := func(method, query, lang, body string) (int, string, http.Header) {
		t.Helper()
		r, err := http.NewRequest(method, server.URL+"/unsubscribe"+query, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", lang)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text), res.Header
	}
	token := "?t=" + url.QueryEscape(b.UnsubscribeToken(key))
	// Looking does nothing: filters open every link of a mail.
	for lang, want := range map[string]string{"fr-FR,fr;q=0.9": "Ne plus recevoir", "en-GB": "Stop receiving", "de": "Ne plus recevoir", "": "Ne plus recevoir"} {
		status, text, header := do("GET", token, lang, "")
		if status != 200 || !strings.Contains(text, want) || !strings.Contains(text, `<form method="post">`) || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %s", lang, status, text)
		}
	}
	if _, ok := b.Suppressed(key); ok {
		t.Fatal("looking unsubscribes")
	}
	if status, text, _ := do("POST", "?t=forged", "fr", ""); status != 404 || !strings.Contains(text, "pas valable") {
		t.Errorf("forged: %d %s", status, text)
	}
	if status, _, _ := do("DELETE", token, "fr", ""); status != 405 {
		t.Errorf("DELETE: %d", status)
	}
	for range 2 {
		if status, text, _ := do("POST", token, "en", "List-Unsubscribe=One-Click"); status != 200 || !strings.Contains(text, "Done") {
			t.Errorf("one click: %d %s", status, text)
		}
	}
	if s, ok := b.Suppressed(key); !ok || s.Reason != Unsubscribed {
		t.Errorf("%+v, %v", s, ok)
	}
	if status, text, header := do("GET", "?style", "fr", ""); status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/css") || !strings.Contains(text, "color-scheme") {
		t.Errorf("style: %d %s", status, text)
	}
}

func TestUnsubscribingIsBounded(t *testing.T) {
	b := open1(t)
	page := b.Unsubscribe()
	refused := 0
	for range 2 * pagesASecond {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest("GET", "/unsubscribe?t=x", nil))
		if w.Code == http.StatusTooManyRequests {
			refused++
			if w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		}
	}
	if refused == 0 {
		t.Error("nobody is refused")
	}
}
