package app

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// loadMatches reads a configuration with a CDN and two channels, and these files in its folder of matches.
func loadMatches(t *testing.T, files map[string]string) (*Config, error) {
	t.Helper()
	all := map[string]string{"vigie.yaml": "cdns: [{id: maison}]\nenrich: {paths: {channels: [{id: une, paths: [\"/une/*\"]}, {id: deux, paths: [\"/deux/*\"]}]}}\n"}
	for name, text := range files {
		all["matches/"+name] = text
	}
	return Load(folder(t, all), env{}.get)
}

const least = "name: A – B\nkick_off: 2026-07-19T21:00:00+02:00\n"

func TestAMatchThatCannotBeSaysWhatAndWhere(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // all of it
	}{
		{"unknown key", least + "kickoff: x\n", []string{"[3:1]", `"kickoff"`}},
		{"unknown key deep in it", least + "roster:\n  - name: Ana\n    role: video\n    tel: x\n", []string{"[6:5]", `"tel"`}},
		{"unknown key of a reserve", least + "capacity:\n  - {cdn: maison, bit: 3}\n", []string{"[4:19]", `"bit"`}},
		{"unknown key of a point", least + "forecast: {traffic: [{on: 0s, value: 3}]}\n", []string{"[3:23]", `"on"`}},
		{"key twice", least + "name: C\n", []string{"[3:1]", `"name" already defined at [1:1]`}},
		{"no name", "kick_off: 2026-07-19T21:00:00+02:00\n", []string{"name: is missing"}},
		{"at no time", "name: a\nkick_off: tonight\n", []string{"[2:11]", "kick_off", "2026-07-19T21:00:00+02:00"}},
		{"zone", least + "time_zone: Paris\n", []string{"[3:12]", "time_zone", "Europe/Paris"}},
		{"criticality", least + "criticality: 5\n", []string{"[3:14]", "criticality: 5", "1 and 4"}},
		{"phase", least + "phases:\n  - {phase: third_half, from: 0s}\n", []string{"[4:13]", "phases[0].phase", `"third_half"`, "first_half"}},
		{"phases out of order", least + "phases:\n  - {phase: first_half, from: 10m}\n  - phase: half_time\n    from: 5m\n", []string{"[6:11]", "phases[1].from", "5m"}},
		{"a duration without its unit", least + "phases: [{phase: first_half, from: 10}]\n", []string{"[3:36]", "Duration"}},
		{"a number that cannot be dialled", least + "roster:\n  - name: Ana\n    role: video\n    phone: 0612345678\n", []string{"[6:12]", "roster[0].phone", "+33612345678"}},
		{"what is missing is where it should be", least + "roster:\n  - name: Ana\n", []string{"[4:5]", "roster[0].role: is missing"}},
		{"no rate", least + "capacity:\n  - {cdn: maison, bits: a lot}\n", []string{"[4:25]", "capacity[0].bits", "1.6 Tbit/s"}},
		{"a decimal comma", least + "capacity:\n  - cdn: maison\n    bits: 1,6 Tbit/s\n", []string{"[5:11]", "capacity[0].bits", "1.6 Tbit/s"}},
		{"no rate in a forecast", least + "forecast:\n  traffic:\n    - {at: 0s, value: 3 TB/s}\n", []string{"[5:23]", "forecast.traffic[0].value", "1.6 Tbit/s"}},
		{"points out of order", least + "forecast: {viewers: [{at: 5m, value: 1}, {at: 0s, value: 2}]}\n", []string{"[3:47]", "forecast.viewers[1].at"}},
		{"a CDN that is not", least + "capacity: [{cdn: masion, bits: 3}]\n", []string{"[3:18]", "capacity[0].cdn", `"masion"`, "(maison)"}},
		{"a channel that is not", least + "channels: [une, trois]\n", []string{"[3:17]", "channels[1]", `"trois"`, "(une, deux)"}},
		{"compared with what is not", least + "compare: semi\n", []string{"[3:10]", "compare", `"semi"`, ".yaml"}},
		{"an item twice", least + "checklist: [{id: a, text: x}, {id: a, text: y}]\n", []string{"[3:36]", "checklist[1].id", "twice"}},
		{"anchors", least + "competition: &a x\n", []string{"[3:14]", "anchors"}},
		{"two documents", least + "---\n" + least, []string{"[3:1]", "second document"}},
		{"a list", "- a\n", []string{"[1:1]", "mapping"}},
		{"nothing", "", []string{"name: is missing", "kick_off: is missing"}},
		{"enormous", strings.Repeat("# nothing\n", maxFile/9), []string{"larger than 1048576 bytes"}},
		{"all of it at once", "name: a\nkick_off: 2026-07-19T21:00:00Z\ncriticality: 9\nchannels: [x]\ncompare: y\n", []string{"criticality", "channels[0]", "compare"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadMatches(t, map[string]string{"finale.yaml": c.text})
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, want := range append(c.want, filepath.Join("matches", "finale.yaml")) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%.600v\nlacks %q", err, want)
				}
			}
		})
	}
	for name, want := range map[string]string{"Finale 2026.yaml": "id", "finale.yml": "finale.yaml"} {
		if _, err := loadMatches(t, map[string]string{name: least}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %s", name, err, want)
		}
	}
	// What is wrong in two files is told of both, and of vigie.yaml too.
	files := map[string]string{"vigie.yaml": "log: {level: loud}\n", "matches/a.yaml": "x: 1\n", "matches/b.yaml": "name: b\ncompare: a\n", "matches/README.md": "no match", "matches/.b.yaml.swp": "x"}
	_, err := Load(folder(t, files), env{}.get)
	for _, want := range []string{"log.level", "a.yaml", "b.yaml", "kick_off"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "compare") {
		t.Errorf("a match is told not to be there because its file cannot be read: %v", err)
	}
}

func TestMatchesAreReadFromTheirFolder(t *testing.T) {
	cfg, err := loadMatches(t, map[string]string{
		"semi.yaml": least,
		"finale.yaml": least + `channels: [une]
compare: semi
roster: [{name: Ana, role: video, phone: +33 6 12 34 56 78}]
forecast:
  viewers: [{at: -1h, value: 0}, {at: 0s, value: 2e6}]
  traffic: [{at: -90s, value: 1.6Tbit/s}, {at: 2h, value: 3600000000000}, {at: 3h, value: 1.2e12}]
capacity:
  - {cdn: maison, bits: 200 Gbit/s}
  - {cdn: maison, isp: Free, bits: 5e10}
nearby: [{name: x, from: 2026-07-19T20:00:00+02:00, to: 2026-07-19T22:00:00+02:00}]
checklist: [{id: keys, text: "Are the keys there?", owner: video}]
`})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Calendar) != 2 {
		t.Fatalf("%d matches", len(cfg.Calendar))
	}
	m := cfg.Calendar[0]
	if m.ID != "finale" || m.Name != "A – B" || m.Compare != "semi" || len(m.Phases) != 8 || m.Roster[0].Phone != "+33 6 12 34 56 78" || m.Checklist[0].ID != "keys" {
		t.Errorf("%+v", m)
	}
	traffic := m.Forecast.Traffic
	if traffic[0].At != -90*time.Second || traffic[0].Value != 1.6e12 || traffic[1].Value != 3.6e12 || traffic[2].Value != 1.2e12 || m.Forecast.Viewers[1].Value != 2e6 {
		t.Errorf("%+v", m.Forecast)
	}
	if m.Capacity[0].Bits != 2e11 || m.Capacity[1].Bits != 5e10 || m.Capacity[1].ISP != "Free" || math.IsNaN(m.Capacity[0].Bits) {
		t.Errorf("%+v", m.Capacity)
	}

	// Elsewhere, by the file and by the environment; beside the file without a key.
	dir := folder(t, map[string]string{"vigie.yaml": "matches: season\n", "season/a.yaml": least, "other/b.yaml": least, "matches/c.yaml": least})
	for _, c := range []struct {
		environment env
		want        string
	}{{env{}, "a"}, {env{"VIGIE_MATCHES": filepath.Join(dir, "other")}, "b"}} {
		cfg, err := Load(dir, c.environment.get)
		if err != nil || len(cfg.Calendar) != 1 || cfg.Calendar[0].ID != c.want {
			t.Errorf("%v: %v, want match %s", err, cfg.Calendar, c.want)
		}
	}
	if cfg, err := Load(folder(t, map[string]string{"vigie.yaml": "data: x\n"}), env{}.get); err != nil || len(cfg.Calendar) != 0 {
		t.Errorf("without a folder: %v", err)
	}
}
