package bluesky

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFacets(t *testing.T) {
	for text, want := range map[string]string{
		"rien du tout":                            "",
		"voir https://statut.example":             "https://statut.example",
		"É’— 📺 https://statut.example/été":        "https://statut.example/", // as browsers' own: what is no ASCII is escaped in a link
		"(https://statut.example/a_(b)) fin":      "https://statut.example/a_(b)",
		"« https://statut.example. »":             "https://statut.example",
		"https://a.example, https://b.example !":  "https://a.example https://b.example",
		"xhttps://a.example":                      "",
		"https://":                                "",
		"http://user:pass@a.example":              "",
		"javascript:alert(1)":                     "",
		"#finale":                                 "#finale",
		"Le match #FRA_ARG, #été2026 !":           "#FRA_ARG #été2026",
		"n°1 #1 #2026":                            "",
		"a#b https://a.example/#c":                "https://a.example/#c",
		"(#a) «#b»":                               "#a #b",
		"# seul ## deux":                          "",
		"#" + strings.Repeat("x", 65):             "",
		"\xff#a \xffhttps://a.example \xff":       "https://a.example",
		"https://a.example\u00a0#b\u202f#c":       "https://a.example #b #c",
		strings.Repeat("https://a.example ", 100): strings.TrimSpace(strings.Repeat("https://a.example ", maxFacets)),
	} {
		var got []string
		for _, f := range facets(text) {
			part := text[f.Index.Start:f.Index.End]
			if feature := f.Features[0]; part != feature.URI && part != "#"+feature.Tag {
				t.Errorf("%q: %q is %+v", text, part, feature)
			}
			got = append(got, part)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzFacets(f *testing.F) {
	for _, s := range []string{"https://a.example/é #b", "\xff#\xff", "((https://a.example/(x)))", "#é\u0301 #😀", "https://a.example?#x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := facets(text)
		if len(found) > maxFacets {
			t.Errorf("%d", len(found))
		}
		for _, x := range found {
			if x.Index.Start < 0 || x.Index.End > len(text) || x.Index.Start >= x.Index.End || !utf8.ValidString(text[x.Index.Start:x.Index.End]) {
				t.Fatalf("%q: %+v", text, x)
			}
			if part := text[x.Index.Start:x.Index.End]; part != x.Features[0].URI && part != "#"+x.Features[0].Tag {
				t.Errorf("%q: %q is %+v", text, part, x)
			}
		}
	})
}
