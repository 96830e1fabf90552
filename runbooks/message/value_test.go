package message

import (
	"strings"
	"testing"
	"time"

	"vigie/internal/gsm"
	"vigie/runbooks/channel"
)

func TestValuesAreSaidAsPeopleSayThem(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	match := time.Date(2026, 7, 19, 21, 43, 0, 0, paris)
	autumn := time.Date(2026, 10, 24, 23, 0, 0, 0, paris) // the clock goes back in that night
	spring := time.Date(2027, 3, 27, 23, 0, 0, 0, paris)
	isp := &Variable{Type: Operator, Live: "isp", Values: []Choice{{"free", Words{"fr": "Free", "en": "Free"}}, {"mobile", Words{"fr": "les réseaux mobiles", "en": "mobile networks"}}}}
	lasts := &Variable{Type: Duration}
	for _, c := range []struct {
		of     *Variable
		value  string
		now    time.Time
		fr, en string // everywhere but in short messages; a space that does not break is _
		sms    string // in French
	}{
		{&Variable{Type: Time}, "2026-07-19T21:40:00+02:00", match, "21_h_40", "21:40", "21h40"},
		{&Variable{Type: Time}, "2026-07-19T19:40:00Z", match, "21_h_40", "21:40", "21h40"},
		{&Variable{Type: Time}, "2026-07-19T21:05:00+02:00", match, "21_h_05", "21:05", "21h05"},
		{&Variable{Type: Time}, "2026-07-19T22:00:00+02:00", match, "22_h", "22:00", "22h"},
		{&Variable{Type: Time}, "2026-07-20T00:10:00+02:00", match, "0_h_10 (lundi_20_juillet)", "00:10 (Monday_20_July)", "0h10 (20/07)"},
		{&Variable{Type: Time}, "2026-08-01T21:00:00+02:00", match, "21_h (samedi_1er_août)", "21:00 (Saturday_1_August)", "21h (01/08)"},
		// The day is that of the clock on the wall: 25 hours after 23:00 of that night is still the next day.
		{&Variable{Type: Time}, "2026-10-25T23:59:00+01:00", autumn.Add(25 * time.Hour), "23_h_59", "23:59", "23h59"},
		{&Variable{Type: Time}, "2026-10-25T02:30:00+02:00", autumn, "2_h_30_CEST (dimanche_25_octobre)", "02:30_CEST (Sunday_25_October)", "2h30 CEST (25/10)"},
		{&Variable{Type: Time}, "2026-10-25T02:30:00+01:00", autumn.Add(4 * time.Hour), "2_h_30_CET", "02:30_CET", "2h30 CET"},
		{&Variable{Type: Time}, "2026-10-25T03:00:00+01:00", autumn.Add(4 * time.Hour), "3_h", "03:00", "3h"},
		{&Variable{Type: Time}, "2027-03-28T02:30:00+01:00", spring.Add(3 * time.Hour), "3_h_30", "03:30", "3h30"},
		{lasts, "20m", match, "20_minutes", "20_minutes", "20 minutes"},
		{lasts, "1m", match, "1_minute", "1_minute", "1 minute"},
		{lasts, "89s", match, "1_minute", "1_minute", "1 minute"},
		{lasts, "1h", match, "1_heure", "1_hour", "1 heure"},
		{lasts, "90m", match, "1_h_30", "1_hour 30_minutes", "1h30"},
		{lasts, "3h", match, "3_heures", "3_hours", "3 heures"},
		{&Variable{Type: Number}, "12345", match, "12_345", "12,345", "12 345"},
		{&Variable{Type: Number}, "999.7", match, "1_000", "1,000", "1 000"},
		{&Variable{Type: Number}, "3.52", match, "3,5", "3.5", "3,5"},
		{&Variable{Type: Number}, "0", match, "0", "0", "0"},
		{&Variable{Type: About}, "12345", match, "12_000", "12,000", "12 000"},
		{&Variable{Type: About}, "1549000", match, "1_500_000", "1,500,000", "1 500 000"},
		{&Variable{Type: About}, "99.7", match, "100", "100", "100"},
		{&Variable{Type: About}, "7.4", match, "7,4", "7.4", "7,4"},
		{isp, "mobile", match, "les réseaux mobiles", "mobile networks", "les réseaux mobiles"},
		{isp, "FREE", match, "Free", "Free", "Free"},
		{&Variable{Type: Operator}, "Numéricable", match, "Numéricable", "Numéricable", "Numéricable"},
		{&Variable{Type: Competition}, "Coupe d’Europe", match, "Coupe d’Europe", "Coupe d’Europe", "Coupe d’Europe"},
		{&Variable{Type: URL, Allow: []string{"https://tele.example/live"}}, "https://tele.example/live/1?x=2", match, "https://tele.example/live/1?x=2", "https://tele.example/live/1?x=2", "https://tele.example/live/1?x=2"},
	} {
		in := &Input{Zone: paris, Now: c.now}
		for _, v := range []struct {
			kind           channel.Kind
			language, want string
		}{{channel.Status, "fr", c.fr}, {channel.X, "en", c.en}, {channel.SMS, "fr", c.sms}} {
			got, err := voiceOf(v.kind, v.language, in).say(c.of, c.value)
			if want := strings.ReplaceAll(v.want, "_", hard); err != nil || got != want {
				t.Errorf("%s %s in %s: %q, %v, want %q", c.of.Type, c.value, v.language, got, err, want)
			}
			if c.of.Type != Competition && v.kind == channel.SMS && strings.ContainsFunc(got, func(r rune) bool { return gsm.Cost(r) == 0 }) {
				t.Errorf("%s %s: %q is not for telephones", c.of.Type, c.value, got)
			}
		}
	}
}

func TestValuesThatAreNone(t *testing.T) {
	for _, c := range []struct {
		of          *Variable
		value, want string
	}{
		{&Variable{Type: Time}, "", "has no value"},
		{&Variable{Type: Time}, "21:40", "is no moment"},
		{&Variable{Type: Time}, "0001-01-01T00:00:00Z", "is no moment"},
		{&Variable{Type: Time}, "soon", "is no moment"},
		{&Variable{Type: Duration}, "20", "is no duration"},
		{&Variable{Type: Duration}, "-5m", "is no duration"},
		{&Variable{Type: Duration}, "10s", "0 minutes are not between 1 and 1440"},
		{&Variable{Type: Duration, Least: 5, Most: 90}, "91m", "91 minutes are not between 5 and 90"},
		{&Variable{Type: Number}, "NaN", "is no number"},
		{&Variable{Type: Number}, "Inf", "is no number"},
		{&Variable{Type: Number}, "0x10", "is no number"},
		{&Variable{Type: Number}, "1_000", "is no number"},
		{&Variable{Type: Number}, "12 000", "is no number"},
		{&Variable{Type: Number}, "-1", "-1 is not between 0 and"},
		{&Variable{Type: Number, Most: 100}, "101", "101 is not between 0 and 100"},
		{&Variable{Type: Service, Values: []Choice{{ID: "a", Words: Words{"en": "x"}}}}, "a", "has no words in fr"},
		{&Variable{Type: Service, Values: []Choice{{ID: "a", Words: Words{"en": "x"}}}}, "A", "is none of its values"},
		{&Variable{Type: Place}, "Paris", "is none of its values"},
		{&Variable{Type: Operator}, "<b>Free</b>", "is no name"},
		{&Variable{Type: Operator}, "Free\nvoir", "is no name"},
		{&Variable{Type: Operator}, "voir evil.com", "is no name"},
		{&Variable{Type: Operator}, "{next}", "is no name"},
		{&Variable{Type: Operator}, "Фри", "is no name"},
		{&Variable{Type: Operator}, strings.Repeat("x", 41), "has 41 characters, 40 are allowed"},
		{&Variable{Type: Operator, Most: 10}, "Bouygues Telecom", "has 16 characters, 10 are allowed"},
		{&Variable{Type: URL}, "https://tele.example/", "begins with none of the addresses that are allowed: there is none"},
		{&Variable{Type: URL, Allow: []string{"https://tele.example/"}}, strings.Repeat("x", 101), "has 101 characters"},
		{&Variable{Type: "text"}, "x", "has no type that is known"},
		{&Variable{Type: Number}, strings.Repeat("1", 501), "is longer than 500 bytes"},
	} {
		if got, err := voiceOf(channel.Status, "fr", &Input{}).say(c.of, c.value); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.40q: %q, %v, want %q", c.of.Type, c.value, got, err, c.want)
		}
	}
}

func TestAddressesAreThoseThatAreAllowed(t *testing.T) {
	for _, c := range []struct {
		address string
		allowed bool
	}{
		{"https://tele.example/live", true},
		{"https://tele.example/live/", true},
		{"https://TELE.example/live/1?a=b#c", true},
		{"https://tele.example/live?a=b", true},
		{"https://etat.tele.example", true},
		{"https://etat.tele.example/", true},
		{"https://etat.tele.example/x", true},
		{"https://tele.example/", false},
		{"https://tele.example/lively", false},
		{"https://tele.example/live/../x", false},
		{"https://tele.example/live/%2e%2e/x", false},
		{"https://tele.example/live//x", false},
		{"http://tele.example/live", false},
		{"https://tele.example.evil.com/live", false},
		{"https://eviltele.example/live", false},
		{"https://tele.example@evil.com/live", false},
		{"https://evil.com/https://tele.example/live", false},
		{"https://evil.com/?https://tele.example/live", false},
		{"https://tele.example:8443/live", false},
		{"https://tele.example\\@evil.com/live", false},
		{"https://etat.tele.example./x", false},
		{"https://tele.example/live\u200b", false},
		{"https://tėle.example/live", false},
		{"javascript:alert(1)", false},
		{"//tele.example/live", false},
		{"", false},
	} {
		if got := allowed(c.address, []string{"https://tele.example/live", "https://etat.tele.example"}); got != c.allowed {
			t.Errorf("%q is allowed: %v", c.address, got)
		}
	}
}

func TestAddressesAreFoundWhereTelephonesFindThem(t *testing.T) {
	for text, want := range map[string]string{
		"Voir https://tele.example/a.":                    "https://tele.example/a",
		"(https://tele.example/a)":                        "https://tele.example/a",
		"https://tele.example/a_(b), puis":                "https://tele.example/a_(b)",
		"« https://tele.example/a »":                      "https://tele.example/a",
		"https://tele.example/a…":                         "https://tele.example/a",
		"HTTP://tele.example":                             "HTTP://tele.example",
		"bit.ly/x et t.co/y":                              "bit.ly/x|t.co/y",
		"etat.tele.example":                               "etat.tele.example",
		"ecrire a aide@tele.fr ou voir tele.fr":           "tele.fr",
		"Point à 18h.Merci":                               "",
		"à 21.40 h, p.ex. 3.5":                            "",
		"1.2.3.4":                                         "",
		"tele.frx":                                        "",
		"https://tele.example/a https://tele.example/b ?": "https://tele.example/a|https://tele.example/b",
		"https://tele.example/{isp}/x":                    "https://tele.example/{isp}/x",
	} {
		var got []string
		for _, l := range links(text) {
			if text[l.from:l.to] != l.text {
				t.Errorf("%q: %q is not at %d to %d", text, l.text, l.from, l.to)
			}
			got = append(got, l.text)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
