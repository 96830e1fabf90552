package route

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// team is a policy with these layers as its only schedule.
func team(t testing.TB, zone string, layers ...Layer) *Policy {
	t.Helper()
	p := &Policy{
		TimeZone: zone,
		Channels: []Channel{{ID: "noc", Type: Webhook, URL: "https://noc.example/"}},
		Default:  &Route{Also: []Ref{"channel:noc"}},
	}
	for _, id := range []string{"ana", "ben", "cat", "dan"} {
		p.People = append(p.People, Person{ID: id, Name: id, Contacts: []Contact{{Channel: "noc"}}})
	}
	p.Schedules = []Schedule{{ID: "s", Layers: slices.Clone(layers)}}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	days   = Duration(24 * time.Hour)
	hourly = Duration(time.Hour)
)

func utc(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// oracle says who is on call by looking at the clock on the wall, every quarter of an hour from the begin: what it
// has shown once has come, whatever it shows later.
type oracle struct {
	zone   *time.Location
	shown  time.Time // the latest that the wall has shown, as if it were UTC
	layers []Layer
}

func (o *oracle) look(t *testing.T, at time.Time) string {
	l := at.In(o.zone)
	if now := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC); now.After(o.shown) {
		o.shown = now
	}
	w, person := o.shown, ""
	for _, layer := range o.layers {
		if who := o.layer(t, &layer, w); who != "" {
			person = who
		}
	}
	return person
}

func (o *oracle) layer(t *testing.T, l *Layer, w time.Time) string {
	turn := 0
	if l.From != "" {
		from, err := time.Parse("2006-01-02T15:04", l.From)
		if err != nil {
			t.Fatal(err)
		}
		if w.Before(from) {
			return ""
		}
		if l.Every > 0 {
			turn = int(w.Sub(from) / time.Duration(l.Every))
		}
	}
	if l.To != "" && w.Format("2006-01-02T15:04") >= l.To {
		return ""
	}
	on := func(day time.Time) bool {
		return len(l.Days) == 0 || slices.Contains(l.Days, map[time.Weekday]string{0: "sun", 1: "mon", 2: "tue", 3: "wed", 4: "thu", 5: "fri", 6: "sat"}[day.Weekday()])
	}
	clock, covered := w.Format("15:04"), false
	switch {
	case len(l.Between) == 0:
		covered = on(w)
	case l.Between[0] < l.Between[1]:
		covered = on(w) && l.Between[0] <= clock && clock < l.Between[1]
	default: // it began today, or yesterday
		covered = on(w) && l.Between[0] <= clock || on(w.AddDate(0, 0, -1)) && clock < l.Between[1]
	}
	if !covered {
		return ""
	}
	return l.People[turn%len(l.People)]
}

func TestOnCallIsWhatTheClockOnTheWallSaysEveryQuarterOfAYear(t *testing.T) {
	schedules := map[string][]Layer{
		"a week each":               {{People: []string{"ana", "ben", "cat"}, Every: 7 * days, From: "2026-01-05T09:00"}},
		"a day each, at half two":   {{People: []string{"ana", "ben", "cat"}, Every: days, From: "2026-01-01T02:30"}},
		"an hour each":              {{People: []string{"ana", "ben", "cat", "dan", "ana"}, Every: hourly, From: "2026-01-01T00:00"}},
		"half a day each":           {{People: []string{"ana", "ben", "cat"}, Every: 12 * hourly, From: "2026-01-01T02:00"}},
		"nights over days":          {{People: []string{"ana", "ben"}, Every: 7 * days, From: "2026-01-05T09:00"}, {People: []string{"cat", "dan"}, Every: days, From: "2026-01-05T20:00", Between: []string{"20:00", "08:00"}}},
		"nights and days, apart":    {{People: []string{"ana"}, Between: []string{"08:00", "20:00"}}, {People: []string{"ben"}, Between: []string{"20:00", "08:00"}}},
		"apart in the lost hour":    {{People: []string{"ana"}, Between: []string{"02:30", "14:00"}}, {People: []string{"ben"}, Between: []string{"14:00", "02:30"}}},
		"apart at its begin":        {{People: []string{"ana"}, Between: []string{"02:00", "03:00"}}, {People: []string{"ben"}, Between: []string{"01:30", "02:00"}}},
		"weekends, with gaps":       {{People: []string{"ana", "ben"}, Every: 7 * days, From: "2026-01-03T00:00", Days: []string{"sat", "sun"}}},
		"one day a week":            {{People: []string{"ana"}, Days: []string{"thu"}}},
		"the nights of weekends":    {{People: []string{"ana", "ben", "cat"}, Every: 2 * days, From: "2026-01-03T12:00", Days: []string{"sat", "sun"}, Between: []string{"22:00", "06:15"}}},
		"somebody for a while":      {{People: []string{"ana"}}, {People: []string{"ben", "cat"}, Every: days, From: "2026-03-27T12:00", To: "2026-04-02T02:15"}},
		"one who begins in the gap": {{People: []string{"ana", "ben"}, Every: 7 * days, From: "2026-03-29T02:30"}},
	}
	for _, zone := range []string{"Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC", "Africa/Casablanca", "America/Havana"} {
		for name, layers := range schedules {
			t.Run(zone+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := team(t, zone, layers...)
				place, _ := time.LoadLocation(zone)
				o := &oracle{zone: place, layers: layers}
				begin := time.Date(2026, 1, 1, 0, 0, 0, 0, place).UTC().Truncate(15 * time.Minute)
				end := begin.AddDate(1, 0, 0)
				for at := begin.Add(-48 * time.Hour); at.Before(begin); at = at.Add(15 * time.Minute) {
					o.look(t, at)
				}
				shifts := p.Shifts("s", begin, end, nil)
				wrong, shift := 0, 0
				for at := begin; at.Before(end) && wrong < 5; at = at.Add(15 * time.Minute) {
					want := o.look(t, at)
					got, until := p.OnCall("s", at, nil)
					if got != want || !until.IsZero() && !until.After(at) {
						wrong++
						t.Errorf("at %s it is %q until %s, not %q", at.In(place), got, until, want)
					}
					if shift < len(shifts)-1 && !at.Before(shifts[shift].To) {
						shift++
					}
					if s := shifts[shift]; s.Person != want || at.Before(s.From) || !at.Before(s.To) {
						wrong++
						t.Errorf("at %s the calendar has %+v, not %q", at.In(place), s, want)
					} else if got == want && s.To != end && !until.Equal(s.To) {
						wrong++
						t.Errorf("at %s: until %s, the calendar says %s", at.In(place), until, s.To)
					}
				}
				for i, s := range shifts {
					switch {
					case !s.To.After(s.From), i == 0 && s.From != begin, i == len(shifts)-1 && s.To != end:
						t.Errorf("%+v", s)
					case i > 0 && (!s.From.Equal(shifts[i-1].To) || s.Person == shifts[i-1].Person):
						t.Errorf("%+v comes after %+v", s, shifts[i-1])
					}
				}
			})
		}
	}
}

// What the property says in general, by dates that anybody can look up.
func TestHandoversAroundTheNightsOfTheClockChange(t *testing.T) {
	weekly := Layer{People: []string{"ana", "ben"}, Every: 7 * days, From: "2026-03-16T09:00"}
	night := []Layer{{People: []string{"ana"}}, {People: []string{"ben"}, Between: []string{"20:00", "08:00"}}}
	for _, c := range []struct {
		name, zone string
		layers     []Layer
		from, to   string // UTC
		want       string
	}{
		{"nine o’clock stays nine o’clock in spring", "Europe/Paris", []Layer{weekly}, "2026-03-20 00:00", "2026-04-07 00:00", "ana 03-23 08:00 ben 03-30 07:00 ana 04-06 07:00 ben"},
		{"and in autumn", "Europe/Paris", []Layer{weekly}, "2026-10-20 00:00", "2026-11-03 00:00", "ben 10-26 08:00 ana 11-02 08:00 ben"},
		{"and in New York", "America/New_York", []Layer{weekly}, "2026-10-27 00:00", "2026-11-10 00:00", "ana 11-02 14:00 ben 11-09 14:00 ana"},
		{"a night of eleven hours", "Europe/Paris", night, "2026-03-28 12:00", "2026-03-29 12:00", "ana 03-28 19:00 ben 03-29 06:00 ana"},
		{"a night of thirteen hours", "Europe/Paris", night, "2026-10-24 12:00", "2026-10-25 12:00", "ana 10-24 18:00 ben 10-25 07:00 ana"},
		{"a night that is half an hour short", "Australia/Lord_Howe", night, "2026-10-03 06:00", "2026-10-04 00:00", "ana 10-03 09:30 ben 10-03 21:00 ana"},
		{"a time that does not exist comes when the clock jumps over it", "Europe/Paris", []Layer{{People: []string{"ana", "ben"}, Every: days, From: "2026-03-28T02:30"}}, "2026-03-28 02:00", "2026-03-30 12:00", "ana 03-29 01:00 ben 03-30 00:30 ana"},
		{"a time that comes twice counts the first time", "Europe/Paris", []Layer{{People: []string{"ana", "ben"}, Every: days, From: "2026-10-24T02:30"}}, "2026-10-24 02:00", "2026-10-26 12:00", "ana 10-25 00:30 ben 10-26 01:30 ana"},
		{"who had the hour that does not exist has no turn", "Europe/Paris", []Layer{{People: []string{"ana", "ben", "cat"}, Every: hourly, From: "2026-03-29T00:00"}}, "2026-03-28 23:00", "2026-03-29 02:00", "ana 03-29 00:00 ben 03-29 01:00 ana"},
		{"who has the hour that comes twice has both", "Europe/Paris", []Layer{{People: []string{"ana", "ben", "cat"}, Every: hourly, From: "2026-10-25T00:00"}}, "2026-10-24 22:00", "2026-10-25 03:00", "ana 10-24 23:00 ben 10-25 00:00 cat 10-25 02:00 ana"},
		{"a midnight that does not exist", "America/Havana", []Layer{{People: []string{"ana"}, Days: []string{"sun"}}}, "2026-03-08 00:00", "2026-03-10 00:00", " 03-08 05:00 ana 03-09 04:00 "},
		{"a day that does not exist", "Pacific/Apia", []Layer{{People: []string{"ana", "ben", "cat"}, Every: days, From: "2011-12-29T00:00"}}, "2011-12-29 10:00", "2012-01-01 00:00", "ana 12-30 10:00 cat 12-31 10:00 ana"},
		{"a gap is told", "UTC", []Layer{{People: []string{"ana"}, Between: []string{"08:00", "20:00"}}}, "2026-01-01 00:00", "2026-01-02 00:00", " 01-01 08:00 ana 01-01 20:00 "},
		{"nobody is on call before it begins", "UTC", []Layer{{People: []string{"ana"}, From: "2026-01-01T08:00"}}, "2026-01-01 00:00", "2026-01-02 00:00", " 01-01 08:00 ana"},
		{"the last layer that has somebody wins", "UTC", []Layer{{People: []string{"ana"}}, {People: []string{"ben"}, Between: []string{"08:00", "24:00"}}, {People: []string{"cat"}, Between: []string{"12:00", "13:00"}}}, "2026-01-01 00:00", "2026-01-01 23:00", "ana 01-01 08:00 ben 01-01 12:00 cat 01-01 13:00 ben"},
	} {
		p := team(t, c.zone, c.layers...)
		got := ""
		for i, s := range p.Shifts("s", utc(t, c.from), utc(t, c.to), nil) {
			if i > 0 {
				got += s.From.UTC().Format(" 01-02 15:04 ")
			}
			got += s.Person
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestTheClockOnTheWall(t *testing.T) {
	for _, zone := range []string{"Europe/Paris", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns", "Africa/Cairo", "Antarctica/Troll", "Asia/Kathmandu", "UTC"} {
		place, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		c := clock{place}
		begin := time.Date(2011, 12, 1, 0, 0, 0, 0, time.UTC)
		last := c.reached(begin)
		for at := begin; at.Before(begin.AddDate(1, 0, 0)); at = at.Add(7 * time.Minute) {
			w := c.reached(at)
			if w < last {
				t.Fatalf("%s: the wall runs backwards at %s", zone, at)
			}
			if back := c.when(w); back.After(at) || c.reached(back) != w {
				t.Fatalf("%s: %s is reached at %s, not at %s", zone, w.text(), at, back)
			}
			if w > last { // nothing is reached before its time
				for _, x := range []wall{last + 1, w} {
					first := c.when(x)
					if c.reached(first) < x || c.reached(first.Add(-time.Second)) >= x {
						t.Fatalf("%s: %s does not come at %s", zone, x.text(), first)
					}
				}
			}
			last = w
		}
	}
}

func TestAnOverrideComesBeforeTheLayers(t *testing.T) {
	p := team(t, "UTC", Layer{People: []string{"ana"}})
	at := func(s string) time.Time { return utc(t, "2026-01-01 "+s) }
	all := []Override{
		{ID: "a", Schedule: "s", Person: "ben", From: at("08:00"), To: at("12:00"), Made: at("01:00")},
		{ID: "b", Schedule: "s", Person: "cat", From: at("10:00"), To: at("11:00"), Made: at("02:00")},
		{ID: "c", Schedule: "s", Person: "dan", From: at("09:00"), To: at("11:30"), Made: at("00:00")},  // made before both
		{ID: "d", Schedule: "x", Person: "dan", From: at("00:00"), To: at("23:00"), Made: at("03:00")},  // of another
		{ID: "e", Schedule: "s", Person: "gone", From: at("00:00"), To: at("23:00"), Made: at("03:00")}, // not in the file any more
		{ID: "f", Schedule: "s", Person: "dan", From: at("14:00"), To: at("14:00"), Made: at("03:00")},  // taken back
	}
	for range 3 { // however they are ordered
		all = append(all[1:], all[0])
		got := ""
		for _, s := range p.Shifts("s", at("00:00"), at("20:00"), all) {
			got += s.From.Format("15:04 ") + s.Person + s.Override + " "
		}
		if want := "00:00 ana 08:00 bena 10:00 catb 11:00 bena 12:00 ana "; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if who, until := p.OnCall("s", at("09:00"), all); who != "ben" || !until.Equal(at("10:00")) {
		t.Error(who, until)
	}
	if who, until := p.OnCall("s", at("12:00"), all); who != "ana" || !until.IsZero() {
		t.Error("after the last: ", who, until)
	}
	if who, _ := p.OnCall("none", at("09:00"), all); who != "" {
		t.Error(who)
	}
}

func TestOverridesThatCannotBe(t *testing.T) {
	p := team(t, "UTC", Layer{People: []string{"ana"}})
	p.People = append(p.People, Person{ID: "eve", Name: "Eve"})
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	at := utc(t, "2026-01-01 00:00")
	for _, c := range []struct {
		want string
		edit func(*Override)
	}{
		{`schedule: there is no schedule "x": there are s`, func(o *Override) { o.Schedule = "x" }},
		{`person: there is no person "x": there are ana, ben, cat, dan, eve`, func(o *Override) { o.Person = "x" }},
		{"person: eve has no contacts", func(o *Override) { o.Person = "eve" }},
		{"from: is missing", func(o *Override) { o.From = time.Time{} }},
		{"to: 2026-01-01T00:00:00Z is not after from", func(o *Override) { o.To = o.From }},
		{"to: is more than 31d after from", func(o *Override) { o.To = o.From.Add(MaxOverride + 1) }},
		{"by: is missing", func(o *Override) { o.By = "" }},
		{"reason: has characters that cannot be shown", func(o *Override) { o.Reason = "\n" }},
	} {
		o := Override{Schedule: "s", Person: "ana", From: at, To: at.Add(time.Hour), By: "ben"}
		if err := p.CheckOverride(&o); err != nil {
			t.Fatal(err)
		}
		c.edit(&o)
		if err := p.CheckOverride(&o); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestCalendarsAreBounded(t *testing.T) {
	p := team(t, "Europe/Paris", Layer{People: []string{"ana", "ben"}, Every: hourly, From: "2026-01-01T00:00"})
	from := utc(t, "2026-01-01 00:00")
	shifts := p.Shifts("s", from, from.AddDate(100, 0, 0), nil)
	if n := len(shifts); n > MaxShifts || n < 400*24-10 || shifts[n-1].To.After(from.Add(MaxCalendar)) {
		t.Error(n, shifts[len(shifts)-1])
	}
	if p.Shifts("s", from, from, nil) != nil || p.Shifts("x", from, from.AddDate(1, 0, 0), nil) != nil {
		t.Error("there is a calendar of nothing")
	}
}

func ExamplePolicy_OnCall() {
	p := &Policy{
		TimeZone:  "Europe/Paris",
		Channels:  []Channel{{ID: "noc", Type: Webhook, URL: "https://noc.example/"}},
		People:    []Person{{ID: "marie", Name: "Marie", Contacts: []Contact{{Channel: "noc"}}}, {ID: "paul", Name: "Paul", Contacts: []Contact{{Channel: "noc"}}}},
		Schedules: []Schedule{{ID: "cdn", Layers: []Layer{{People: []string{"marie", "paul"}, Every: Duration(7 * 24 * time.Hour), From: "2026-11-02T09:00"}}}},
		Default:   &Route{Also: []Ref{"oncall:cdn"}},
	}
	if err := p.Check(); err != nil {
		panic(err)
	}
	fmt.Println(p.OnCall("cdn", time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC), nil))
	// Output: marie 2026-11-23 08:00:00 +0000 UTC
}
