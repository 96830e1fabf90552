package match

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestMatchesThatCannotBe(t *testing.T) {
	many := strings.Repeat("x", 300)
	for _, c := range []struct {
		name string
		edit func(*Match)
		want string // key and part of the text
	}{
		{"no name", func(m *Match) { m.Name = "" }, "name: is missing"},
		{"a book for a name", func(m *Match) { m.Name = many }, "name: is longer than 120"},
		{"a name that moves others about", func(m *Match) { m.Name = "a\u202eb" }, "name: has characters that cannot be shown"},
		{"an empty team", func(m *Match) { m.Teams = []string{"A", ""} }, "teams[1]: is missing"},
		{"a channel twice", func(m *Match) { m.Channels = []string{"une", "une"} }, `channels[1]: "une" is there twice`},
		{"criticality", func(m *Match) { m.Criticality = 5 }, "criticality: 5 is not between 1 and 4"},
		{"no kick-off", func(m *Match) { m.KickOff = time.Time{} }, "kick_off: is missing: write it as 2026-07-19T21:00:00+02:00"},
		{"no such place", func(m *Match) { m.Venue = "Europe/Saint-Denis" }, "time_zone: \"Europe/Saint-Denis\" is not a time zone"},
		{"wherever the server is", func(m *Match) { m.Venue = "Local" }, "time_zone"},
		{"unknown phase", func(m *Match) { m.Phases = []PhaseFrom{{"prolongation", 0}} }, `phases[0].phase: "prolongation" is none of first_half, half_time`},
		{"before is none", func(m *Match) { m.Phases = []PhaseFrom{{PhaseBefore, 0}} }, "phases[0].phase"},
		{"no order of play", func(m *Match) { m.Phases = []PhaseFrom{{PhaseHalfTime, 0}, {PhaseFirstHalf, time.Hour}} }, "phases[1].phase: first_half does not come after half_time"},
		{"a phase twice", func(m *Match) { m.Phases = []PhaseFrom{{PhaseHalfTime, 0}, {PhaseHalfTime, time.Hour}} }, "phases[1].phase"},
		{"out of order", func(m *Match) { m.Phases = []PhaseFrom{{PhaseFirstHalf, time.Hour}, {PhaseHalfTime, time.Minute}} }, "phases[1].from: 1m0s is not after"},
		{"before kick-off", func(m *Match) { m.Phases = []PhaseFrom{{PhaseFirstHalf, -time.Hour}} }, "phases[0].from"},
		{"compared with what cannot be", func(m *Match) { m.Compare = "../x" }, "compare"},
		{"someone without a name", func(m *Match) { m.Roster = []Duty{{Role: "video"}} }, "roster[0].name: is missing"},
		{"someone without a role", func(m *Match) { m.Roster = []Duty{{Name: "Ana"}} }, "roster[0].role: is missing"},
		{"a number without its country", func(m *Match) { m.Roster = []Duty{{Name: "Ana", Role: "video", Phone: "06 12 34 56 78"}} }, `roster[0].phone: "06 12 34 56 78" cannot be dialled: write it as +33612345678`},
		{"an extension", func(m *Match) { m.Roster = []Duty{{Name: "Ana", Role: "video", Phone: "+33612345678,,1"}} }, "roster[0].phone"},
		{"a turn that ends before it begins", func(m *Match) { m.Roster = []Duty{{Name: "Ana", Role: "v", From: kickOff, To: kickOff.Add(-1)}} }, "roster[0].to"},
		{"a turn that ended before the usual begin", func(m *Match) { m.Roster = []Duty{{Name: "Ana", Role: "v", To: kickOff.Add(-2 * time.Hour)}} }, "roster[0].to"},
		{"points at once", func(m *Match) { m.Forecast.Viewers = []Point{{0, 1}, {0, 2}} }, "forecast.viewers[1].at: 0s is not after"},
		{"fewer than none", func(m *Match) { m.Forecast.Viewers = []Point{{0, -1}} }, "forecast.viewers[0].value"},
		{"endless", func(m *Match) { m.Forecast.Traffic = []Point{{0, math.Inf(1)}} }, "forecast.traffic[0].value"},
		{"no number", func(m *Match) { m.Forecast.Traffic = []Point{{0, math.NaN()}} }, "forecast.traffic[0].value: is not a rate such as 1.6 Tbit/s"},
		{"next month", func(m *Match) { m.Forecast.Traffic = []Point{{30 * 24 * time.Hour, 1}} }, "forecast.traffic[0].at"},
		{"a point a second", func(m *Match) { m.Forecast.Traffic = make([]Point, 501) }, "forecast.traffic: has 501 entries, 500 are allowed"},
		{"capacity of nobody", func(m *Match) { m.Capacity = []Reserve{{Bits: 1}} }, "capacity[0].cdn: is missing"},
		{"no capacity", func(m *Match) { m.Capacity = []Reserve{{CDN: "a"}} }, "capacity[0].bits: is not a rate above zero"},
		{"capacity twice", func(m *Match) { m.Capacity = []Reserve{{"a", "Free", 1}, {"a", "", 1}, {"a", "Free", 2}} }, "capacity[2].cdn"},
		{"nearby at no time", func(m *Match) { m.Nearby = []Nearby{{Name: "x", To: kickOff}} }, "nearby[0].from: is missing"},
		{"nearby without end", func(m *Match) { m.Nearby = []Nearby{{Name: "x", From: kickOff}} }, "nearby[0].to: is missing"},
		{"nearby backwards", func(m *Match) { m.Nearby = []Nearby{{Name: "x", From: kickOff, To: kickOff}} }, "nearby[0].to"},
		{"an item twice", func(m *Match) { m.Checklist = []CheckItem{{"a", "x", ""}, {"a", "y", ""}} }, `checklist[1].id: "a" is there twice`},
		{"an item's id", func(m *Match) { m.Checklist = []CheckItem{{"A b", "x", ""}} }, `checklist[0].id: "A b" is not 1 to 64 of a-z`},
		{"an item without text", func(m *Match) { m.Checklist = []CheckItem{{"a", "", ""}} }, "checklist[0].text: is missing"},
		{"an item of nobody", func(m *Match) {
			m.Roster, m.Checklist = []Duty{{Name: "Ana", Role: "video"}}, []CheckItem{{"a", "x", "vidéo"}}
		}, `checklist[0].owner: "vidéo" is no role of the roster`},
		{"an id", func(m *Match) { m.ID = "Finale 2026" }, "id: "},
	} {
		m := Match{ID: "x", Name: "x", KickOff: kickOff}
		c.edit(&m)
		err := m.Check()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 0 && c.name != "a point a second" {
			t.Errorf("%s: %.300v, want %q alone", c.name, err, c.want)
		}
		if problem, ok := errors.AsType[*Problem](err); !ok || !strings.HasPrefix(c.want, problem.Key) {
			t.Errorf("%s: its place is not told: %#v", c.name, err)
		}
	}
	everything := &Match{Criticality: 9, Venue: "x", Nearby: []Nearby{{}}}
	if n := len(everything.Check().(interface{ Unwrap() []error }).Unwrap()); n < 6 {
		t.Errorf("%d problems are told of a match in which all is wrong", n)
	}
}

func TestAMatchMayHaveAllOfIt(t *testing.T) {
	m := Match{
		ID: "finale-2026", Name: "Argentine\u202f–\u00a0France", Competition: "Finale", Teams: []string{"Argentine", "France"}, Channels: []string{"une"},
		Criticality: 4, KickOff: kickOff, Venue: "Europe/Paris", Compare: "demi-finale",
		Roster:   []Duty{{Name: "Ana", Role: "video", Phone: "+33 6 12 34 56 78"}, {Name: "Bo", Role: "API"}},
		Forecast: Forecast{Viewers: []Point{{-time.Hour, 0}, {0, 2e6}}, Traffic: []Point{{0, 3.6e12}}},
		Capacity: []Reserve{{"a", "", 1.6e12}, {"a", "Free", 2e11}},
		Nearby:   []Nearby{{"A game's update", kickOff.Add(-time.Hour), kickOff, "40 GB"}}, Checklist: []CheckItem{{"purge", "Is it purged?", "video"}},
	}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
}

func TestTelephoneNumbersAreDialled(t *testing.T) {
	for phone, want := range map[string]string{
		"+33612345678": "+33612345678", "+33 6 12 34 56 78": "+33612345678", "+33\u202f6 12\u00a034 56 78": "+33612345678", "+1 212 555 0100": "+12125550100",
		"": "", "0612345678": "", "+0612345678": "", "+33": "", "+33-6-12": "", "+3361234567890123": "", "+336123456x": "", "tel:+33612345678": "", "+٣٣٦١٢٣٤٥": "",
	} {
		if got := Dial(phone); got != want {
			t.Errorf("%q dials %q, want %q", phone, got, want)
		}
	}
}

func TestRatesAreReadWithTheirUnit(t *testing.T) {
	for text, want := range map[string]float64{
		"1.6Tbit/s": 1.6e12, "200 Gbit/s": 2e11, " 5 Mbit/s ": 5e6, "12kbit/s": 12e3, "3 bit/s": 3, "1600000000000": 1.6e12, "1.6e12": 1.6e12, "0": 0,
	} {
		var b Bits
		if err := b.UnmarshalText([]byte(text)); err != nil || float64(b) != want {
			t.Errorf("%q is %v (%v), want %v", text, float64(b), err, want)
		}
	}
	for _, text := range []string{"", "fast", "1,6 Tbit/s", "1.6 TB/s", "1.6 tbit/s", "Tbit/s", "1e400", "NaN", "0x1p3 Gbit/s", "1 2 Gbit/s", "1.6 T"} {
		var b Bits
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, float64(b))
		} else if !strings.Contains(err.Error(), "1.6 Tbit/s or 200 Gbit/s") {
			t.Error(err)
		}
	}
}

func TestMatchesBesideEachOther(t *testing.T) {
	is := func(id, compare string) *Match { return &Match{ID: id, Compare: compare} }
	got := CheckCalendar([]*Match{is("a", ""), is("b", "a"), is("c", "c"), is("d", "x"), is("a", "")})
	if len(got) != 3 || len(got["a"]) != 1 || len(got["c"]) != 1 || len(got["d"]) != 1 {
		t.Fatalf("%v", got)
	}
	for id, want := range map[string]string{"a": `id: "a" is there twice`, "c": "compare: is the match itself", "d": `compare: there is no match "x"`} {
		if text := fmt.Sprint(got[id][0]); !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %q", id, text, want)
		}
	}
}
