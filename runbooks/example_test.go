package runbooks

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"

	"vigie/internal/match"
)

// exampleKnown is what the example's runbooks may speak of: the match's roster and the rules as their files have them.
func exampleKnown(t *testing.T) Known {
	t.Helper()
	known := Known{
		Labels: []string{"cdn", "isp", "channel", "class", "device", "service", "source", "tool"},
		Signals: map[string][]string{
			"rebuffering": {"tool", "cdn", "isp", "channel", "device"}, "failures": {"tool", "cdn", "isp", "channel", "device"},
			"blocked": {"cdn", "isp", "channel", "class"}, "login_failures": {"service"}, "service_errors": {"service"},
		},
		Scenarios: map[string][]string{},
		Allow: []Allow{
			{URL: "https://steering.tv.example/"}, {URL: "https://flags.tv.example/"}, {URL: "https://attente.tv.example/"}, {URL: "https://origin.tv.example/v1/switch"}, {URL: "https://origin.tv.example/exercice/v1/switch"},
		},
	}
	for _, id := range []string{"cdn-isp", "cdn-lost", "login", "ddos", "origin", "p2p", "entitlement"} {
		known.Scenarios[id] = []string{"initial", "update", "identified", "resolved", "correction", "cancel"}
	}
	text, err := os.ReadFile("../docs/example/matches/finale-2026.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m match.Match
	if err := yaml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Roster {
		known.Roles = append(known.Roles, d.Role)
	}
	files, err := filepath.Glob("../docs/example/alerts/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no rules: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g struct {
			Rules    []struct{ ID string }
			Together *struct{ ID string }
		}
		if err := yaml.Unmarshal(text, &g); err != nil {
			t.Fatal(err)
		}
		for _, r := range g.Rules {
			known.Rules = append(known.Rules, r.ID)
		}
		if g.Together != nil {
			known.Rules = append(known.Rules, g.Together.ID)
		}
	}
	return known
}

// The runbooks that a team starts from are right, in both languages.
func TestTheExamplesCanBeCarriedOut(t *testing.T) {
	all, err := Read(folder(t, "../docs/example/runbooks"), decode)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(all, exampleKnown(t)); err != nil {
		t.Fatal(err)
	}
	if len(all) != 7 {
		t.Errorf("there are %d, want 7", len(all))
	}
	for _, rb := range all {
		if !slices.Equal(rb.Languages, []string{"fr", "en"}) {
			t.Errorf("%s is in %v", rb.ID, rb.Languages)
		}
		said := map[string]bool{}
		for _, s := range rb.Steps {
			for _, lang := range rb.Languages {
				if s.Title[lang] == "" || (s.Text["fr"] == "") != (s.Text["en"] == "") {
					t.Errorf("%s: the step %s is not whole in %s", rb.ID, s.ID, lang)
				}
				for _, c := range s.Choices {
					if c.Label[lang] == "" {
						t.Errorf("%s: a choice of %s is not in %s", rb.ID, s.ID, lang)
					}
				}
				if s.Evidence != nil && s.Evidence[lang] == "" {
					t.Errorf("%s: what %s asks for is not in %s", rb.ID, s.ID, lang)
				}
			}
			if s.Kind == Message {
				said[s.Message] = true
				if s.Scenario != rb.ID {
					t.Errorf("%s says %s", rb.ID, s.Scenario)
				}
			}
			if s.Call != nil && s.Call.DrillURL == "" {
				t.Errorf("%s: %s cannot be practised", rb.ID, s.ID)
			}
		}
		if !said["initial"] || !said["update"] || !said["resolved"] {
			t.Errorf("%s says %v: viewers are told at the begin, meanwhile and at the end", rb.ID, said)
		}
	}
}

// Each alert of the example's rules that a person is called for has its runbook first.
func TestTheExamplesAreForTheExamplesAlerts(t *testing.T) {
	all, err := Read(folder(t, "../docs/example/runbooks"), decode)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rule   string
		labels map[string]string
		want   string
	}{
		{"cdn-network-stalls", map[string]string{"cdn": "akamai", "isp": "Free"}, "cdn-isp"},
		{"cdn-first-byte", map[string]string{"cdn": "akamai", "isp": "Free"}, "cdn-isp"},
		{"capacity-network", map[string]string{"cdn": "akamai", "isp": "Free"}, "cdn-isp"},
		{"cdn-errors", map[string]string{"cdn": "maison"}, "cdn-lost"},
		{"source-silent", map[string]string{"source": "akamai"}, "cdn-lost"},
		{"service-errors", map[string]string{"service": "login"}, "login"},
		{"attack-logins", nil, "login"},
		{"attack", nil, "ddos"},
		{"attack-blocked", map[string]string{"cdn": "akamai"}, "ddos"},
		{"viewers-lost", nil, "origin"},
		{"failures", map[string]string{"device": "tv"}, "origin"},
		{"service-slow", map[string]string{"service": "manifest"}, "origin"},
		{"capacity", map[string]string{"cdn": "akamai"}, "p2p"},
		{"rebuffering", map[string]string{"device": "tv"}, "p2p"},
		{"service-errors", map[string]string{"service": "droits"}, "entitlement"},
	} {
		fits := For(all, c.labels, 4, match.PhaseFirstHalf, c.rule)
		if len(fits) == 0 || fits[0].Runbook.ID != c.want {
			t.Errorf("%s %v: %v, want %s", c.rule, c.labels, fits, c.want)
		}
	}
	if fits := For(all, map[string]string{"service": "epg"}, 4, match.PhaseFirstHalf, "service-errors"); len(fits) != 0 {
		t.Errorf("a service without a runbook has %v", fits)
	}
}
