package notice

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/gsm"
	"vigie/internal/provider"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What people read, for each kind of thing that is said.
func TestPlainWords(t *testing.T) {
	for _, language := range []string{"fr", "en"} {
		var b strings.Builder
		for _, n := range Fixtures() {
			if n.Language == language {
				b.WriteString("=== " + n.ID + "\n" + n.Title + "\n--- text\n" + n.Text + "\n--- links\n" + LinkLines(n) + "--- short\n" + n.Short + "\n\n")
			}
		}
		file := filepath.Join("testdata", "words."+language+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s is not what is said (go test ./alerts/notice -update):\n%s", file, b.String())
		}
	}
}

func TestADrillAndARepeatAreSaidEverywhere(t *testing.T) {
	for language, words := range map[string][2]string{"fr": {"EXERCICE", "peut-être déjà reçu"}, "en": {"DRILL", "may be a repeat"}} {
		n := &Notification{Kind: Firing, Severity: Critical, Language: language, Drill: true, Repeat: true}
		Render(n, Facts{Title: strings.Repeat("très long ", 100), Detail: strings.Repeat("x", 2*MaxText)})
		for name, text := range map[string]string{"Title": n.Title, "Text": n.Text, "Short": n.Short} {
			text = strings.ToLower(gsm.Fold(text))
			for _, w := range words {
				if !strings.Contains(text, strings.ToLower(gsm.Fold(w))) {
					t.Errorf("%s: %s lacks %q: %s", language, name, w, text)
				}
			}
		}
	}
}

func TestTheTelephonesLineKeepsWhatMattersMost(t *testing.T) {
	n := &Notification{Kind: Firing, Severity: Critical, Language: "fr", Viewers: 1, Started: time.Date(2026, 11, 21, 20, 4, 0, 0, time.UTC), At: time.Date(2026, 11, 21, 20, 5, 0, 0, time.UTC), AckURL: "https://vigie.example/a/k7Qm2x"}
	Render(n, Facts{Title: "L’hôte « Maison » est en panne…"})
	if want := `CRITIQUE - L'hote "Maison" est en panne..., 1 spectateur, 20:04 https://vigie.example/a/k7Qm2x`; n.Short != want {
		t.Errorf("%s\nwant %s", n.Short, want)
	}
	n.AckURL = "https://vigie.example/a/" + strings.Repeat("k", 100)
	Render(n, Facts{Title: strings.Repeat("Erreurs de Maison ", 9)})
	if strings.Contains(n.Short, "https") || !strings.HasSuffix(n.Short, "..., 1 spectateur, 20:04") {
		t.Errorf("the link drove out what is wrong: %s", n.Short)
	}
}

func TestALineIsALine(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"a\r\nBcc: b@c.example", 99, "a Bcc: b@c.example"},
		{"  a \t\x00 b  ", 99, "a b"},
		{"right\u202e to left\u200b\ufeff", 99, "right to left"},
		{"a\u2028b\u2029c\u0085d", 99, "a b c d"},
		{"\xff\xfea", 99, "a"},
		{"12 345", 99, "12 345"},
		{"équipe", 6, "équipe"},
		{"équipes", 6, "équip…"},
		{"a b", 2, "a…"},
		{"abc", 0, ""},
		{"😀😀", 1, "…"},
	} {
		if got := provider.Line(c.text, c.limit); got != c.want {
			t.Errorf("Line(%q, %d) = %q, want %q", c.text, c.limit, got, c.want)
		}
	}
	if got := provider.Lines("\n\na \r\n\n\n\n b\x00c\n", 99); got != "a\n\n b c" {
		t.Errorf("Lines: %q", got)
	}
	if got := provider.Lines("a\nb", 2); got != "a…" {
		t.Errorf("Lines: %q", got)
	}
}

func TestALinkIsOfTheWeb(t *testing.T) {
	for text, want := range map[string]bool{
		"https://wiki.example/a?b=c#d": true, "http://[::1]:8080/a": true,
		"": false, "javascript:alert(1)": false, "data:text/html,x": false, "//wiki.example": false, "https://": false, "wiki": false,
		"https://a@wiki.example/": false, "https://wiki.example/a b": false, "https://wiki.example/\nX: y": false, "https://wiki.example/|click>": false,
		"https://wiki.example/\"onclick=": false, "https://wıki.example": false, "https://wiki.example/" + strings.Repeat("a", 2000): false,
	} {
		if got := provider.Link(text) != ""; got != want {
			t.Errorf("Link(%q): %v", text, got)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Erreurs", "détail", "cdn", "maison\r\nBcc: x", "https://wiki.example", 12.0)
	f.Add("\u202e<!channel>", "\n\n\n", "\x00", strings.Repeat("é", 500), "javascript:x", -1.0)
	f.Fuzz(func(t *testing.T, title, detail, key, value, link string, viewers float64) {
		n := &Notification{Kind: Firing, Severity: Warning, Language: "fr", Viewers: viewers, Labels: map[string]string{key: value}, Owner: value, Spark: value, Runbook: link, URL: link, AckURL: link,
			Started: time.Unix(0, 0), At: time.Unix(1e6, 0), ID: value, Problem: value}
		for range 30 {
			n.Alerts = append(n.Alerts, Alert{Title: title, Labels: map[string]string{key: value}})
		}
		Render(n, Facts{Title: title, Detail: detail, Carried: []string{value, title, value, value, value, value, value, value, value, value}})
		if again := Clean(n); again.Title != n.Title || again.Text != n.Text || again.Short != n.Short || again.ID != n.ID {
			t.Errorf("cleaning what is clean changes it: %+v %+v", n, again)
		}
		for name, c := range map[string]struct {
			text  string
			limit int
			lines bool
		}{"title": {n.Title, MaxTitle, false}, "text": {n.Text, MaxText, true}, "short": {n.Short, 160, false}, "owner": {n.Owner, 120, false}} {
			if utf8.RuneCountInString(c.text) > c.limit || !utf8.ValidString(c.text) {
				t.Errorf("%s: %d characters, %q", name, utf8.RuneCountInString(c.text), c.text)
			}
			for _, r := range c.text {
				if unicode.IsControl(r) && !(c.lines && r == '\n') || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
					t.Errorf("%s has %q: %q", name, r, c.text)
				}
			}
		}
		if parts, ucs2 := gsm.Segments(n.Short); parts != 1 || ucs2 {
			t.Errorf("short is %d messages, UCS-2 %v: %q", parts, ucs2, n.Short)
		}
	})
}
