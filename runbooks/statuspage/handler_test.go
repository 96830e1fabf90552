package statuspage

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestEveryRepresentationIsServedFromMemory(t *testing.T) {
	n := open(t, config())
	n.story(n.Status(), "night", time.Now().Add(-time.Hour), false, 5)
	for path, kind := range map[string]string{
		"/status/": "text/html; charset=utf-8", "/status/fr/": "text/html; charset=utf-8", "/status/en/index.html": "text/html; charset=utf-8",
		"/status/fr/feed.xml": "application/atom+xml; charset=utf-8", "/status/status.json": "application/json; charset=utf-8",
		"/status/banner.json": "application/json; charset=utf-8", "/status/banner.js": "text/javascript; charset=utf-8", "/status/assets/icon.svg": "image/svg+xml",
	} {
		res, body := n.get(path)
		tag := res.Header.Get("ETag")
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != kind || len(tag) < 10 || res.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(res.Header.Get("Cache-Control"), "stale-if-error=") || res.Header.Get("Set-Cookie") != "" || !strings.HasPrefix(res.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("%s: %s %v", path, res.Status, res.Header)
		}
		if policy := res.Header.Get("Content-Security-Policy"); kind == htmlType && (!strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'")) {
			t.Errorf("%s: %s", path, policy)
		}
		zipped, packed := n.get(path, "Accept-Encoding", "br;q=1, gzip;q=0.8")
		if zipped.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(strings.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil || !bytes.Equal(plain, []byte(body)) || zipped.Header.Get("ETag") == tag {
				t.Errorf("%s: gzip is another thing, or has the same tag: %v", path, err)
			}
		} else if kind == htmlType {
			t.Errorf("%s: no gzip", path)
		}
		for _, known := range []string{tag, zipped.Header.Get("ETag"), `W/` + tag, `"x", ` + tag, "*"} {
			res, body := n.get(path, "If-None-Match", known)
			if res.StatusCode != 304 || body != "" || res.Header.Get("ETag") != tag || res.Header.Get("Cache-Control") == "" || res.Header.Get("Content-Length") != "" {
				t.Errorf("%s: If-None-Match %s: %s %v", path, known, res.Status, res.Header)
			}
		}
		for _, other := range []string{`"x"`, strings.Trim(tag, `"`), tag[:len(tag)-2] + `"`, ""} {
			if res, _ := n.get(path, "If-None-Match", other); res.StatusCode != 200 {
				t.Errorf("%s: If-None-Match %s: %s", path, other, res.Status)
			}
		}
	}
}

func TestWhatIsChangedHasAnotherTag(t *testing.T) {
	n := open(t, config())
	tags := func() (all []string) {
		for _, path := range []string{"/status/fr/", "/status/en/", "/status/", "/status/fr/feed.xml", "/status/status.json"} {
			res, _ := n.get(path)
			all = append(all, res.Header.Get("ETag"))
		}
		return all
	}
	before := tags()
	n.known.Checked = n.known.Checked.Truncate(time.Minute).Add(time.Second)
	n.render(time.Now())
	same := tags()
	n.story(n.Status(), "night", time.Now(), false, 1)
	after := tags()
	for i := range before {
		if before[i] != same[i] {
			t.Errorf("%d: nothing changed in this minute, but the tag", i)
		}
		if before[i] == after[i] {
			t.Errorf("%d: the tag is the same after a post", i)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	n := open(t, config())
	for path, want := range map[string]int{
		"/status": 301, "/status/fr": 301, "/status/": 200, "/status/fr/": 200, "/status/de/": 404, "/status/../status/fr/": 404, "/status//": 404, "/statusx": 404,
		"/status/fr/status.json": 404, "/status/assets/": 404, "/status/" + strings.Repeat("a", 5000): 404,
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		n.Handler("/status").ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%.40s: %d, want %d", path, w.Code, want)
		}
	}
	if res, _ := n.get("/status/fr?x=//evil.example"); res.Header.Get("Location") != "/status/fr/" {
		t.Errorf("moved to %s", res.Header.Get("Location"))
	}
	for method, want := range map[string]int{"HEAD": 200, "POST": 405, "PUT": 405, "OPTIONS": 405, "TRACE": 405} {
		w := httptest.NewRecorder()
		n.http.Config.Handler.ServeHTTP(w, httptest.NewRequest(method, "/status/fr/", strings.NewReader("x")))
		if w.Code != want || w.Body.Len() != 0 || want == 405 && w.Header().Get("Allow") != "GET, HEAD" || want == 200 && w.Header().Get("Content-Length") == "0" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
	root := n.Page.Handler("/")
	w := httptest.NewRecorder()
	root.ServeHTTP(w, httptest.NewRequest("GET", "/fr/", nil))
	if w.Code != 200 {
		t.Errorf("at the root: %d", w.Code)
	}
}

func TestTheLanguageIsThatOfWhoAsks(t *testing.T) {
	n := open(t, config())
	for asked, want := range map[string]string{
		"": "fr", "en": "en", "en-GB,en;q=0.9,fr;q=0.8": "en", "fr-FR,fr;q=0.9,en;q=0.8": "fr", "de": "fr", "de,en;q=0.1": "en", "EN": "en", "fr;q=0.1,en;q=0.2": "en",
		"en;q=0": "fr", "en;q=x": "fr", "fr;q=0.5,en;q=0.5": "fr", ";;,,;q": "fr", "en; q=1.0": "en", strings.Repeat(",", 5000) + "en": "fr", "en;q=0.0,fr;q=0.001": "fr",
	} {
		res, body := n.get("/status/", "Accept-Language", asked)
		if got := res.Header.Get("Content-Language"); got != want || !strings.Contains(body, `<html lang="`+want+`"`) || !strings.Contains(res.Header.Get("Vary"), "Accept-Language") {
			t.Errorf("%.40q: %s, want %s", asked, got, want)
		}
	}
	for value, want := range map[string]bool{"gzip": true, "": false, "br": false, "gzip;q=0": false, "*": true, "br, GZIP": true, "gzip;q=0.001": true, "x-gzip": false, "deflate, gzip;q=1.0, *;q=0.5": true} {
		if takesGzip([]string{value}) != want {
			t.Errorf("Accept-Encoding %q: %t", value, !want)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"en-GB,en;q=0.9,fr;q=0.8", `W/"abc", "def"`, "gzip;q=0,*", ";q=", "q=1"} {
		f.Add(seed)
	}
	r := newResource("x", htmlType, short, []byte("hello"))
	f.Fuzz(func(t *testing.T, value string) {
		if lang := preferred(value); lang != "" && lang != "fr" && lang != "en" {
			t.Errorf("%q", lang)
		}
		takesGzip([]string{value})
		if r.matches([]string{value}) && !strings.Contains(value, r.hash) && strings.TrimSpace(value) != "*" {
			t.Errorf("%q matches", value)
		}
	})
}

// nowhere is a ResponseWriter that keeps its header's room, as a benchmark of the handler alone wants it.
type nowhere struct {
	h http.Header
	n int
}

func (w *nowhere) Header() http.Header         { return w.h }
func (w *nowhere) WriteHeader(int)             {}
func (w *nowhere) Write(b []byte) (int, error) { w.n += len(b); return len(b), nil }

func TestARequestAllocatesNothing(t *testing.T) {
	n := open(t, config())
	h := n.Page.Handler("/status")
	for _, path := range []string{"/status/", "/status/fr/", "/status/banner.json", "/status/nothing/at/all"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", "gzip, deflate, br")
		r.Header.Set("Accept-Language", "en-GB,en;q=0.9")
		w := &nowhere{h: http.Header{}}
		if got := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); got > 0 && !strings.Contains(path, "nothing") {
			t.Errorf("%s: %v allocations", path, got)
		}
	}
}
