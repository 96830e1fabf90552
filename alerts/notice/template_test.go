package notice

import (
	"strings"
	"sync"
	"testing"
	"time"
)

func example() *Notification { return Fixtures()[0] }

func TestATeamsOwnWords(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{`{{.Title}}`, example().Title},
		{`{{upper .Labels.cdn}} {{default "?" .Labels.pop}}`, "MAISON ?"},
		{`({{join .Labels ", "}})`, "(cdn=maison, isp=orange, rule=cdn-errors)"},
		{`{{date "15:04" .Started}} {{lasted .Started .At}}`, "21:04 3 min"},
		{`{{number 0 .Viewers}} {{percent 0.042}}`, "12\u202f430 4,2\u202f%"},
		{`{{range .Alerts}}{{severity .Severity}}: {{.Title}}; {{else}}x{{end}}`, "critique: Erreurs de Maison chez Orange; avertissement: Premier octet de Maison chez Orange;"},
		{`{{if eq .Kind "resolved"}}fini{{else}}en cours{{end}}`, "en cours"},
		{`{{printf "%05.1f %s" 4.25 .Owner}}`, "004.2 video-sre"},
		{`{{define "x"}}({{.}}){{end}}{{template "x" .Owner}}`, "(video-sre)"},
		{"a\r\n\n\n\nb\x00", "a\n\nb"},
	} {
		tpl, err := Compile("équipe", c.template)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		if got, err := tpl.Render(example()); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.template, got, err, c.want)
		}
	}
}

// A template that would fail on match night fails when it is checked, and the error says where.
func TestAWrongTemplateIsFoundWhenItIsChecked(t *testing.T) {
	for _, c := range []struct{ name, template, want string }{
		{"a syntax error", "a\n{{.Title", "équipe:2: "},
		{"a field that there is not", "{{.Titel}}", "Titel"},
		{"a function that there is not", `{{env "HOME"}}`, "env"},
		{"an alert where there may be none", `{{(index .Alerts 0).Title}}`, "kind "},
		{"nothing to say for some kind", `{{if eq .Kind "firing"}}x{{end}}`, "kind worse, language fr: it says nothing"},
		{"a loop without end", `{{range 1000000000}}{{end}}x`, "too much"},
		{"loops in loops", `{{range 1000}}{{range 1000}}{{end}}{{end}}x`, "too much"},
		{"a template that uses itself", `{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`, "too much"},
		{"one that uses itself twice", `{{define "x"}}{{if lt (len .) 50}}{{template "x" (print . "a")}}{{template "x" (print . "a")}}{{end}}{{end}}{{template "x" ""}}y`, "too much"},
		{"a text that doubles", `{{$x := "aaaaaaaaaaaaaaaa"}}{{range 100}}{{$x = print $x $x}}{{end}}x`, "too much"},
		{"a text that is replaced by a longer one", `{{$x := "aaaaaaaaaaaaaaaa"}}{{range 100}}{{$x = replace "a" $x $x}}{{end}}x`, "too much"},
		{"a width of a million", `{{printf "%1000000d" 1}}`, "two digits"},
		{"a width from an argument", `{{printf "%*d" 1000000 1}}`, "no *"},
		{"an argument said again", `{{printf "%[1]s%[1]s" "a"}}`, "no ["},
		{"all of it printed", `{{print .}}`, "strings, numbers and times"},
		{"too much text", `{{range 1000}}` + strings.Repeat("x", 1000) + `{{end}}`, "too much"},
		{"too long a template", strings.Repeat("x", 20000), "longer than"},
		{"nothing", "", "équipe"},
		{"a call", `{{call .Title}}`, "not for templates"},
	} {
		_, err := Compile("équipe", c.template)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "équipe") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// At match time a template that fails, or says nothing, never silences: the plain words are said, and the log is told.
func TestATemplateThatFailsFallsBackToThePlainWords(t *testing.T) {
	for name, template := range map[string]string{
		"fails":        `{{if eq .Owner "surprise"}}{{index .Alerts 40}}{{end}}x`,
		"says nothing": `{{if eq .Owner "surprise"}} {{else}}x{{end}}`,
		"is too much":  `{{if eq .Owner "surprise"}}{{range 100000}}{{end}}{{end}}x`,
	} {
		tpl, err := Compile("équipe", template)
		if err != nil {
			t.Fatal(err)
		}
		n := example()
		n.Owner = "surprise"
		if text, err := tpl.Render(n); text != n.Text || err == nil || !strings.Contains(err.Error(), "équipe") {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		n.Text = ""
		if text, err := tpl.Render(n); text != n.Title || err == nil {
			t.Errorf("%s without a text: %q, %v", name, text, err)
		}
	}
}

func TestATemplateCannotHideADrill(t *testing.T) {
	tpl, err := Compile("équipe", `tout va mal`+strings.Repeat("!", 5000))
	if err != nil {
		t.Fatal(err)
	}
	n := example()
	n.Drill, n.Repeat = true, true
	text, err := tpl.Render(n)
	if err != nil || !strings.HasPrefix(text, french.DrillLine+"\n"+french.RepeatLine+"\ntout va mal") || count(text) > MaxText {
		t.Errorf("%q, %v", text, err)
	}
}

func TestATemplateIsSharedByChannels(t *testing.T) {
	tpl, err := Compile("équipe", `{{.ID}} {{date "15:04:05" .At}}{{range .Alerts}}{{.Title}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			n := example()
			n.At = n.At.Add(time.Duration(i) * time.Second)
			want := n.At.In(n.Zone).Format("15:04:05")
			if text, err := tpl.Render(n); err != nil || !strings.Contains(text, want) {
				t.Errorf("%q, %v, want %s", text, err, want)
			}
		})
	}
	wait.Wait()
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{`{{.Title}}`, `{{range $i, $a := .Alerts}}{{$i}}{{end}}`, `{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, `{{printf "%v" .At}}`, `{{with .Labels}}{{join . ", "}}{{end}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tpl, err := Compile("x", s)
		if err != nil {
			return
		}
		for _, n := range Fixtures() {
			if text, err := tpl.Render(n); err != nil || text == "" || count(text) > MaxText {
				t.Fatalf("%q passed its check and says %q, %v", s, text, err)
			}
		}
	})
}
