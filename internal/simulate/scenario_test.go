package simulate

import (
	"net/netip"
	"os"
	"strings"
	"testing"
)

func TestAWrongScenarioNamesTheKey(t *testing.T) {
	text := string(finalYAML)
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "viewers: 2400000", "viewer: 2400000", `"viewer"`},
		{"a text for a number", "viewers: 2400000", "viewers: many", "viewers: many"},
		{"a bad duration", "lead: 10m", "lead: 10 minutes", `[6:7] lead: "10 minutes" is not a duration`},
		{"a bad duration in a list", "every: [3s, 5s]", "every: [3s, 5]", "every"},
		{"no viewers", "viewers: 2400000", "viewers: 0", "viewers: 0 is not between"},
		{"time that goes back", "{at: 6m, share: 0.80}", "{at: -6m, share: 0.80}", "audience[6].at"},
		{"a goal too big", "bump: 0.02}", "bump: 2}", "goals[0].bump"},
		{"a format nobody has", "format: ndjson", "format: w3c", `cdns[2].format: "w3c"`},
		{"a CDN twice", "name: cloudfront", "name: akamai", `cdns[2].name: "akamai" appears twice`},
		{"an ISP that a CDN only knows", "{orange: 42,", "{orage: 42,", `"orage" is not one of orange`},
		{"an ASN twice", "asn: 12322", "asn: 3215", `isps[1].asn: "3215" appears twice`},
		{"a quote in a user agent", "TeleApp/9.8.0 (iPhone;", `TeleApp"9.8.0 (iPhone;`, "devices[1].user_agent"},
		{"an incident without kind", "{kind: attack, ", "{", "incidents[1].kind"},
		{"an incident with a selector it has no use for", "{kind: silence, ", "{kind: silence, isp: orange, ", "incidents[5].isp: means nothing to silence"},
		{"an incident on an unknown source", "source: mux}", "source: muxx}", `incidents[5].source: "muxx" is not one of maison`},
		{"offload of everything", "offload: 0.45", "offload: 1", "devices[3].p2p.offload"},
		{"not a number", "share: 0.03, phase", "share: .nan, phase", "audience[0].share"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong := strings.Replace(text, c.old, c.new, 1)
			if wrong == text {
				t.Fatalf("%q is not in the scenario", c.old)
			}
			_, err := Load(strings.NewReader(wrong))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
		})
	}
	for name, text := range map[string]string{"an empty file": "", "a file too long": strings.Repeat("#", 2<<20), "a list": "- 1"} {
		if _, err := Load(strings.NewReader(text)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(string(finalYAML))
	f.Add("viewers: 1\naudience: [{at: 0s, share: 1}, {at: 1m, share: 1}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load(strings.NewReader(text))
		if (s == nil) == (err == nil) {
			t.Errorf("scenario %v, error %v", s, err)
		}
	})
}

func TestTheAddressPlanIsNobodysAndEveryClientIsInItsNetwork(t *testing.T) {
	m := newMatch(t, nil)
	plan := m.AddressPlan()
	bench, doc := netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("2001:db8::/32")
	for i, n := range plan {
		if !bench.Contains(n.Prefix.Addr()) && !doc.Contains(n.Prefix.Addr()) {
			t.Errorf("%s is not a range for benchmarks or documentation", n.Prefix)
		}
		if n.Prefix != n.Prefix.Masked() {
			t.Errorf("%s has host bits", n.Prefix)
		}
		for _, other := range plan[:i] {
			if other.Prefix.Overlaps(n.Prefix) {
				t.Errorf("%s (%s) and %s (%s) overlap", other.Prefix, other.Name, n.Prefix, n.Name)
			}
		}
	}
	network := func(a netip.Addr) uint32 {
		for _, n := range plan {
			if n.Prefix.Contains(a) {
				return n.ASN
			}
		}
		return 0
	}
	for i := range m.cast.people.all {
		s := &m.cast.people.all[i]
		if got, want := network(s.client), m.cfg.Scenario.ISPs[s.isp].ASN; got != want {
			t.Fatalf("%s is in AS%d, its session is of AS%d", s.client, got, want)
		}
	}
}

func TestTheDocumentedScenarioIsValid(t *testing.T) {
	page, err := os.ReadFile("../../docs/simulator.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the page has no example")
	}
	s, err := Load(strings.NewReader(example))
	if err != nil {
		t.Fatal(err)
	}
	m := newMatch(t, func(c *Config) { c.Scenario = s })
	if lines := m.cast.lines(nil, m.KickOff().Unix(), 1, nil); len(lines) == 0 {
		t.Error("nobody asks for anything at kick-off")
	}
	for _, k := range Kinds() {
		if !strings.Contains(string(page), "| `"+string(k)+"` |") {
			t.Errorf("the page does not explain %s", k)
		}
	}
}
