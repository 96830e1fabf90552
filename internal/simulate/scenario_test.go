package simulate

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
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
		{"an incident with a selector it has no use for", "{kind: silence, ", "{kind: silence, isp: orange, ", "incidents[6].isp: means nothing to silence"},
		{"an incident on an unknown source", "source: mux}", "source: muxx}", `incidents[6].source: "muxx" is not one of maison`},
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

func TestTheSemiFinalIsTheFinalsNightButSmallerAndShorter(t *testing.T) {
	final, err := Final()
	if err != nil {
		t.Fatal(err)
	}
	semi, err := SemiFinal()
	if err != nil {
		t.Fatal(err)
	}
	if len(semi.Backends) != 0 || len(semi.Goals) != 2 || len(semi.Incidents) != 1 || len(semi.Audience) != 16 {
		t.Errorf("its lists are not its own: %d backends, %d goals, %d incidents, %d knots", len(semi.Backends), len(semi.Goals), len(semi.Incidents), len(semi.Audience))
	}
	if len(semi.CDNs) != len(final.CDNs) || len(semi.ISPs) != len(final.ISPs) || len(semi.Tools) != len(final.Tools) {
		t.Error("its networks are not the final's")
	}
	if ratio := float64(semi.Viewers) / float64(final.Viewers); ratio != 0.7 {
		t.Errorf("it has %v of the final's viewers", ratio)
	}
	if semi.Audience[len(semi.Audience)-1].At >= final.Audience[len(final.Audience)-1].At {
		t.Error("it is not shorter")
	}
}

// A night told by few lines weighs what it would weigh told by many.
func TestAThinMatchWeighsWhatAWholeOneDoes(t *testing.T) {
	sums := func(rate float64, sessions int) (requests, bytes float64) {
		s, err := SemiFinal()
		if err != nil {
			t.Fatal(err)
		}
		s.Incidents, s.Sessions = nil, sessions
		m := newMatch(t, func(c *Config) { c.Scenario, c.Rate = s, rate })
		weight, _ := m.Weights()
		for sec := m.WallTime(30 * time.Minute).Unix(); sec < m.WallTime(40*time.Minute).Unix(); sec++ {
			for _, l := range m.cast.lines(nil, sec, 1, nil) {
				requests += float64(weight)
				bytes += float64(weight) * float64(l.bytes)
			}
		}
		return requests, bytes
	}
	requests, bytes := sums(30, 250)
	wantRequests, wantBytes := sums(1500, 6000)
	if off := requests/wantRequests - 1; off < -0.03 || off > 0.03 {
		t.Errorf("%.3g requests, wants %.3g", requests, wantRequests)
	}
	if off := bytes/wantBytes - 1; off < -0.08 || off > 0.08 {
		t.Errorf("%.4g bytes, wants %.4g", bytes, wantBytes)
	}
	m := newMatch(t, nil)
	for _, at := range []time.Duration{-10 * time.Minute, 30 * time.Minute, 80 * time.Minute} {
		wall := m.WallTime(at)
		var whole float64
		for sec := wall.Unix(); sec < wall.Unix()+60; sec++ {
			weight, _ := m.Weights()
			for _, l := range m.cast.lines(nil, sec, 1, nil) {
				whole += float64(weight) * float64(l.bytes) * 8 / 60
			}
		}
		for _, l := range m.cast.people.all {
			if l.start <= wall.Unix() && wall.Unix() < l.end && l.offload > 0 {
				_, weight := m.Weights()
				whole += float64(weight) * float64(l.offload) * float64(l.kbps+audioKbps) * 1000
			}
		}
		if off := m.Traffic(wall, "", "")/whole - 1; off < -0.05 || off > 0.05 {
			t.Errorf("%s: %.4g bit/s are expected, %.4g are sent", at, m.Traffic(wall, "", ""), whole)
		}
	}
}
