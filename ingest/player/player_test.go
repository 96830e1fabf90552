package player_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"vigie/ingest/player"
)

func get(t *testing.T, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	player.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestTheScriptIsSmall(t *testing.T) {
	res := get(t, "/vigie-beacon.js", "Accept-Encoding", "br, gzip")
	zipped, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(zipped) >= 4096 {
		t.Errorf("the script takes %d bytes on its way, want less than 4096", len(zipped))
	}
	t.Logf("%d bytes with gzip", len(zipped))
	unzip, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(unzip)
	if err != nil || !bytes.Equal(plain, player.Script()) {
		t.Errorf("gzip and plain differ: %v", err)
	}
	if regexp.MustCompile(`(?m)^(//|/\*|\*|\s)`).Match(plain) {
		t.Error("comments, blank lines or indentation are sent to viewers")
	}
}

// Old televisions run browsers of 2017.
func TestTheScriptKeepsToES2017(t *testing.T) {
	source, err := os.ReadFile("beacon.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, newer := range []string{`\?\.[a-z(\[]`, `\?\?`, `catch \{`, `\{\.\.\.`, `, \.\.\.\w+\}`, `\*\*`, `\.flat\(`, `\.finally\(`, `\.at\(`, `fromEntries`, `replaceAll`, `for await`, `\|\|=|&&=`, `\d_\d`, `\d+n\b`, `\bimport\b`, `\bexport\b`, `\.#`, `\bstatic\b`, `\(\?<`} {
		if m := regexp.MustCompile(newer).Find(source); m != nil {
			t.Errorf("%s is newer than ES2017", m)
		}
	}
}

func TestAnyPageMayLoadTheScript(t *testing.T) {
	res := get(t, "/vigie-beacon.js")
	for name, want := range map[string]string{
		"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff",
		"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Vary": "Accept-Encoding", "Content-Encoding": "",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestACacheAsksAgainWithTheTagThatItHas(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		tag := get(t, "/vigie-beacon.js", "Accept-Encoding", coding).Header.Get("ETag")
		if !regexp.MustCompile(`^"[0-9a-f-]+(gzip)?"$`).MatchString(tag) {
			t.Fatalf("ETag: %s", tag)
		}
		for _, has := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			if res := get(t, "/vigie-beacon.js", "Accept-Encoding", coding, "If-None-Match", has); res.StatusCode != http.StatusNotModified || res.Header.Get("ETag") != tag {
				t.Errorf("%s: %s %s", has, res.Status, res.Header.Get("ETag"))
			}
		}
		if res := get(t, "/vigie-beacon.js", "Accept-Encoding", coding, "If-None-Match", `"other"`); res.StatusCode != http.StatusOK {
			t.Error(res.Status)
		}
	}
}

func TestGzipOnlyWhereItIsTaken(t *testing.T) {
	for accept, want := range map[string]string{"": "", "br": "", "gzip;q=0": "", "gzip; q=0.0": "", "gzip;q=0.5": "gzip", "deflate, GZIP": "gzip", "xgzip": ""} {
		if got := get(t, "/player", "Accept-Encoding", accept).Header.Get("Content-Encoding"); got != want {
			t.Errorf("%q: %q", accept, got)
		}
	}
}

// What a stranger wrote into the address is nowhere in the answer, and the policy would stop it.
func TestThePageDoesNotLookAtItsAddress(t *testing.T) {
	plain, _ := io.ReadAll(get(t, "/player").Body)
	res := get(t, "/player?src=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&hls=//attacker.example/x.js")
	if asked, _ := io.ReadAll(res.Body); !bytes.Equal(plain, asked) {
		t.Error("the page depends on its address")
	}
	policy := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "nonce") {
		t.Error(policy)
	}
	if regexp.MustCompile(`<script(>| [^>]*>[^<])|<style|style=| on\w+=`).Match(plain) {
		t.Error("the page has code or style inside, which its policy does not allow")
	}
}

func TestThePageSaysEverythingInBothLanguages(t *testing.T) {
	page, _ := io.ReadAll(get(t, "/player").Body)
	text := strings.ReplaceAll(string(page), `<html lang="en">`, "")
	if fr, en := strings.Count(text, `lang="fr"`), strings.Count(text, `lang="en"`); fr != en || fr < 5 {
		t.Errorf("%d texts in French, %d in English", fr, en)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{http.MethodHead, "/vigie-beacon.js", 200}, {http.MethodPost, "/vigie-beacon.js", 405}, {http.MethodGet, "/player.css", 200},
		{http.MethodGet, "/player.js", 200}, {http.MethodGet, "/", 404}, {http.MethodGet, "/player/", 404}, {http.MethodGet, "/beacon.js", 404},
	} {
		w := httptest.NewRecorder()
		player.Handler().ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.want)
		}
	}
}
