package statuspage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

func TestConfigurationIsChecked(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"name: {fr: a}", "name.en: is missing"},
		{"name: {fr: a, en: b, de: c}", `name: "de" is none`},
		{"accent: red", "accent: "},
		{"url: javascript:alert(1)", "url: "},
		{"url: https://a.example/?x=1", "url: "},
		{"support: {fr: 'ftp://x'}", "support.fr: "},
		{"time_zone: Local", "time_zone: "},
		{"language: de", "language: "},
		{"components: [{id: A, name: {fr: a, en: a}}]", "components[0].id: "},
		{"components: [{id: a, name: {fr: a, en: a}}, {id: a, name: {fr: a, en: a}}]", "components[1].id: "},
		{"components: [{id: a}]", "components[0].name.fr: "},
		{"components: [{id: a, name: {fr: a, en: a}, group: {fr: x}}]", "components[0].group.en: "},
		{"poll: 1s", "poll: "}, {"resolved: 48h", "resolved: "}, {"banner: 1m", "banner: "}, {"keep: 24h", "keep: "},
		{"export: {every: 1s}", "export.every: "}, {"export: {url: 'http://bucket.example/x?sig=hushhush'}", "export.url: "},
		{"export: {url: 'https://b.example/', headers: {'a b': x}}", "export.headers: "},
	} {
		text := c.text
		if !strings.HasPrefix(text, "name:") {
			text = "name: {fr: a, en: a}\n" + text
		}
		var got Config
		if err := yaml.UnmarshalWithOptions([]byte(text), &got, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		if err := got.Check(); err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hushhush") {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
	usual := Config{Name: Words{"fr": "a", "en": "a"}, URL: "https://status.example.fr"}
	if err := usual.Check(); err != nil || usual.Poll != 30*time.Second || usual.TimeZone != "Europe/Paris" || usual.Language != "fr" || usual.URL != "https://status.example.fr/" {
		t.Errorf("%+v, %v", usual, err)
	}
}

func TestALogoIsAPicture(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		body, kind string
	}{
		"a.svg": {`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`, svgType}, "a.png": {"\x89PNG\r\n\x1a\n", pngType}, "b.svg": {"\x89PNG\r\n\x1a\n", pngType},
		"html.svg": {"<html>", ""}, "big.png": {"\x89PNG\r\n\x1a\n" + strings.Repeat("x", maxLogo), ""}, "gif.png": {"GIF89a", ""},
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(c.body), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := readLogo("logo", file)
		if (err == nil) != (c.kind != "") || r != nil && r.kind != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := config()
	c.Logo, c.LogoDark = filepath.Join(dir, "a.svg"), filepath.Join(dir, "a.png")
	n := open(t, c)
	src := n.doc("/status/fr/").Find(".brand img").AttrOr("src", "")
	if res, _ := n.get("/status/" + strings.TrimPrefix(src, "../")); res.StatusCode != 200 || !strings.Contains(res.Header.Get("Content-Security-Policy"), "sandbox") || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %s %v", src, res.Status, res.Header)
	}
	c.Logo = filepath.Join(dir, "none.svg")
	if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), "logo: ") {
		t.Errorf("%v", err)
	}
}

func TestTheAccentCanBeReadWhateverItIs(t *testing.T) {
	for _, text := range []string{"#ffffff", "#000000", "#ffff00", "#0b5cad", "#ff0000", "#00ff00", "#808080", "#101010", "#fefe10"} {
		c, err := parseColour(text)
		if err != nil || c.String() != text {
			t.Fatalf("%s: %s, %v", text, c, err)
		}
		for _, on := range []colour{lightPage, darkPage} {
			said, err := parseColour(c.legible(on).String())
			if err != nil || contrast(said, on) < 4.5 {
				t.Errorf("%s on %s: %.2f", text, on, contrast(said, on))
			}
		}
	}
	for _, text := range []string{"", "#", "red", "#12345", "#1234567", "#gggggg", "0b5cad0"} {
		if _, err := parseColour(text); err == nil {
			t.Errorf("%q is a colour", text)
		}
	}
}
