package message

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"vigie/internal/gsm"
	"vigie/runbooks/channel"
)

const exampleFolder = "../../docs/example/messages/scenarios"

// house is what the examples' broadcaster configures.
var house = Limits{House: []string{"https://etat.tele.example", "https://aide.tele.example"}, Price: 0.045, Currency: "€", Sender: "LaTele",
	Unsaid: []string{"Akamai", "CloudFront", "Fastly", "CDN"}}

func read(t testing.TB, text string) *Scenario {
	t.Helper()
	s := &Scenario{ID: "test"}
	if err := yaml.UnmarshalWithOptions([]byte(text), s, yaml.Strict()); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	return s
}

func examples(t testing.TB) []*Scenario {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(exampleFolder, "*.yaml"))
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	var all []*Scenario
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &Scenario{}
		if err := yaml.UnmarshalWithOptions(text, s, yaml.Strict()); err != nil {
			t.Fatal(file, yaml.FormatError(err, false, true))
		}
		s.ID = strings.TrimSuffix(filepath.Base(file), ".yaml")
		all = append(all, s)
	}
	return all
}

func TestTheExamplesAreWithoutFaults(t *testing.T) {
	for _, s := range examples(t) {
		if err := s.Check(); err != nil {
			t.Errorf("%s:\n%v", s.ID, err)
		}
		for _, step := range Steps() {
			if s.Hash(step) == "" {
				t.Errorf("%s has no %s", s.ID, step)
			}
			for _, f := range s.Lint(step, house) {
				t.Errorf("%s %s %s %s: %s %s", s.ID, f.Step, f.Kind, f.Lang, f.Level, f.Text)
			}
		}
	}
}

// Each short message of the examples is one segment, in the worst case that its variables allow.
func TestTheExamplesShortMessagesAreOneSegment(t *testing.T) {
	n := 0
	for _, s := range examples(t) {
		for _, step := range Steps() {
			for language, o := range s.Worst(step, house).Texts[channel.SMS] {
				n++
				segments, ucs2 := gsm.Segments(o.Text)
				if segments != 1 || ucs2 {
					t.Errorf("%s %s %s: %d segments, UCS-2 %v (%s), %d: %s", s.ID, step, language, segments, ucs2, o.Measure.Culprits, o.Measure.Used, o.Text)
				}
				if step == Update || step == Identified {
					t.Errorf("%s %s: rings telephones", s.ID, step)
				}
			}
		}
	}
	if n < 6*4*2 {
		t.Errorf("%d short messages only", n)
	}
}

// Whatever is said in a drill fits as well, and the room of each channel is not used up by what is said twice a night.
func TestTheExamplesCanBeSaid(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 7, 19, 21, 43, 0, 0, paris)
	for _, s := range examples(t) {
		for _, step := range Steps() {
			for _, exercise := range []bool{false, true} {
				r, err := s.Render(step, Input{Values: s.Fixture(step, now), Zone: paris, Now: now, Drill: exercise, Limits: house})
				if err != nil {
					t.Errorf("%s %s: %v", s.ID, step, err)
					continue
				}
				for kind, texts := range r.Texts {
					for language, o := range texts {
						if strings.ContainsAny(o.Subject+o.Text, "{}") || o.Text == "" {
							t.Errorf("%s %s %s %s has a hole: %s", s.ID, step, kind, language, o.Text)
						}
						want := map[string]string{"fr": "EXERCICE - ", "en": "DRILL - "}[language]
						if strings.HasPrefix(o.Text, want) != exercise || o.Subject != "" && strings.HasPrefix(o.Subject, want) != exercise {
							t.Errorf("%s %s %s %s, exercise %v: %q %q", s.ID, step, kind, language, exercise, o.Subject, o.Text)
						}
					}
				}
			}
		}
	}
}

// The examples are those of the classic nights, and each says when the next news comes.
func TestTheExamplesPromiseTheNextNews(t *testing.T) {
	for _, s := range examples(t) {
		for _, step := range []Step{Initial, Update, Identified} {
			for kind, texts := range s.Messages[step].Texts {
				for language, text := range texts {
					if !slices.Contains(names(text.Body), "next") {
						t.Errorf("%s %s %s %s does not say when the next news comes", s.ID, step, kind, language)
					}
				}
			}
		}
	}
}
