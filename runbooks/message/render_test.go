package message

import (
	"strings"
	"testing"
	"time"

	"vigie/runbooks/channel"
)

func input(t testing.TB) Input {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return Input{Zone: paris, Now: time.Date(2026, 7, 19, 21, 20, 0, 0, paris), Values: map[string]string{
		"next": "2026-07-19T21:40:00+02:00", "isp": "free", "page": "https://tele.example/live/2", "people": "12345", "lasts": "20m", "unused": "x"}}
}

func TestTextsAreRenderedInEachChannelAndLanguage(t *testing.T) {
	s := read(t, small)
	in := input(t)
	r, err := s.Render(Initial, in)
	if err != nil {
		t.Fatal(err)
	}
	if r.Scenario != "test" || r.Step != Initial || r.Hash != s.Hash(Initial) || len(r.Digest) != 64 {
		t.Errorf("%+v", r)
	}
	if _, there := r.Values["unused"]; there || len(r.Values) != 4 {
		t.Errorf("values that nobody uses are kept: %v", r.Values)
	}
	for _, c := range []struct {
		kind           channel.Kind
		language       string
		subject, text_ string
	}{
		{channel.Status, "fr", "Panne chez Free", "Point à 21_h_40.\n\nVoir https://tele.example/live/2"},
		{channel.Status, "en", "Trouble on Free", "Update by 21:40.\n\nSee https://tele.example/live/2"},
		{channel.SMS, "fr", "", "Panne, point à 21h40"},
		{channel.X, "fr", "", "Panne pour 12_000 personnes : https://tele.example/live/2"},
	} {
		o := r.Texts[c.kind][c.language]
		if want := strings.ReplaceAll(c.text_, "_", hard); o.Subject != c.subject || o.Text != want || o.HTML != "" || o.Measure != (Limits{}).Measure(c.kind, o.Subject, o.Text) {
			t.Errorf("%s %s: %+v, want %q %q", c.kind, c.language, o, c.subject, want)
		}
	}
	again, _ := s.Render(Initial, in)
	in.Values["people"] = "13345"
	other, _ := s.Render(Initial, in)
	if again.Digest != r.Digest || other.Digest == r.Digest {
		t.Error("the digest is not of the texts")
	}
}

// A public message is never sent with a hole, nor with something else in it, nor cut.
func TestNothingIsRenderedWithAHole(t *testing.T) {
	s := read(t, small)
	for name, value := range map[string]string{"next": "", "isp": "nobody", "page": "https://evil.com/live", "people": "many"} {
		in := input(t)
		in.Values[name] = value
		r, err := s.Render(Initial, in)
		if found := problems(t, err); r != nil || len(found) != 1 || !strings.HasPrefix(found[0], "values."+name+": ") {
			t.Errorf("%s=%q: %v, %v", name, value, r, err)
		}
	}
	if r, err := s.Render(Initial, Input{}); r != nil || len(problems(t, err)) != 4 {
		t.Errorf("without any: %v, %v", r, err)
	}
	if r, err := s.Render(Update, input(t)); r != nil || err == nil {
		t.Errorf("a step that is not there: %v, %v", r, err)
	}
	for name, body := range map[string]string{"an unknown variable": "{nxet}", "a brace": "{", "too long": strings.Repeat("x", 281)} {
		s := read(t, small)
		s.Messages[Initial].Texts[channel.X]["fr"] = Text{Body: body}
		if r, err := s.Render(Initial, input(t)); r != nil || err == nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestExercisesSaySo(t *testing.T) {
	s := read(t, small)
	for _, step := range []Step{Initial, Resolved, Correction} {
		in := input(t)
		in.Drill = true
		r, err := s.Render(step, in)
		if err != nil {
			t.Fatal(err)
		}
		for kind, texts := range r.Texts {
			for language, o := range texts {
				want := map[string]string{"fr": "EXERCICE - ", "en": "DRILL - "}[language]
				if !strings.HasPrefix(o.Text, want) || o.Subject != "" && !strings.HasPrefix(o.Subject, want) {
					t.Errorf("%s %s %s: %q %q", step, kind, language, o.Subject, o.Text)
				}
			}
		}
	}
}

// A promise that the system knows needs nobody to type it.
func TestThePromiseIsWhatTheRoomPromised(t *testing.T) {
	s := read(t, small)
	s.Variables["next"].Live = "next_by"
	in := input(t)
	delete(in.Values, "next")
	in.NextBy = in.Now.Add(25 * time.Minute)
	r, err := s.Render(Initial, in)
	if err != nil || r.Texts[channel.SMS]["en"].Text != "Trouble, update by 21:45" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAFormBeginsWithWhatIsUsual(t *testing.T) {
	s := read(t, small)
	now := time.Date(2026, 7, 19, 19, 23, 10, 0, time.UTC)
	values := s.Prefill(Initial, now)
	if len(values) != 2 || values["next"] != "2026-07-19T19:45:00Z" || values["page"] != "https://tele.example/live/1" {
		t.Errorf("%v", values)
	}
	if at := s.Prefill(Initial, now.Truncate(time.Hour))["next"]; at != "2026-07-19T19:20:00Z" {
		t.Errorf("at a full hour: %s", at)
	}
	if _, err := s.Render(Initial, Input{Values: s.Fixture(Initial, now)}); err != nil {
		t.Errorf("a preview: %v", err)
	}
}

func TestAMailHasTheSameWordsAsHTML(t *testing.T) {
	got := markup("fr", "Bonjour <b>,\n\nVoir https://tele.example/a?b=c&d. Puis\ntele.fr !\n\n\n\n\"Fin\"")
	want := `<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body>
<p>Bonjour &lt;b&gt;,</p>
<p>Voir <a href="https://tele.example/a?b=c&amp;d">https://tele.example/a?b=c&amp;d</a>. Puis<br>
<a href="https://tele.fr">tele.fr</a> !</p>
<p>&#34;Fin&#34;</p>
</body>
</html>
`
	if got != want {
		t.Errorf("%s", got)
	}
}
