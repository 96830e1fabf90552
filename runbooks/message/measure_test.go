package message

import (
	"strings"
	"testing"

	"vigie/runbooks/channel"
)

func TestXCountsAsItCounts(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0},
		{"This is a test.", 15},
		{"http://test.com", 23},
		{"https://test.com", 23},
		{"test.com", 23},
		{"Test https://test.com test https://test.com test.com test", 86},
		{"https://test.com/" + strings.Repeat("x", 300), 23},
		{"https://" + strings.Repeat("x", 40) + ".invalid", 56}, // X may see no address
		{strings.Repeat("é", 280), 280},
		{"e\u0301", 1},            // composed before it is counted
		{"L’été « là »… – —", 18}, // three points in one count two
		{"21\u00a0h\u00a040", 7},
		{"12\u202f000", 7}, // the narrow space is outside of what counts one
		{"のの", 4},
		{"저찀쯿쿿", 8},
		{"🐱", 2},
		{"H🐱☺", 5},
		{"👨‍👩‍👧‍👦", 2},
		{"👍🏽", 2},
		{"🇫🇷🇲🇦", 4},
		{"🇫", 2},
		{"#️⃣", 2},
		{"1️⃣2️⃣", 4},
		{"©", 1},
		{"©️", 2},
		{"⚽️", 2},
		{"Ω ж ש ع", 7},
		{"ก\u0e33", 2}, // letters of one cluster that are no picture
	} {
		if got := weigh(c.text); got != c.want {
			t.Errorf("%q weighs %d, want %d", c.text, got, c.want)
		}
	}
}

func TestChannelsAreMeasuredInTheirOwnUnits(t *testing.T) {
	for _, c := range []struct {
		name string
		kind channel.Kind
		text string
		want Measure
		over bool
	}{
		{"a short message", channel.SMS, "Déjà été", Measure{Used: 8, Most: 160, Unit: septets, Segments: 1}, false},
		{"its last character", channel.SMS, strings.Repeat("é", 160), Measure{Used: 160, Most: 160, Unit: septets, Segments: 1}, false},
		{"two of them", channel.SMS, strings.Repeat("é", 161), Measure{Used: 161, Most: 306, Unit: septets, Segments: 2}, false},
		{"a euro costs two", channel.SMS, strings.Repeat("€", 81), Measure{Used: 162, Most: 306, Unit: septets, Segments: 2}, false},
		{"a circumflex halves it", channel.SMS, strings.Repeat("e", 70) + "ê’ê", Measure{Used: 73, Most: 134, Unit: units, Segments: 2, UCS2: true, Culprits: "ê’"}, false},
		{"an emoji is two units", channel.SMS, "⚽" + strings.Repeat("😀", 35), Measure{Used: 71, Most: 134, Unit: units, Segments: 2, UCS2: true, Culprits: "⚽😀"}, false},
		{"more than gateways take", channel.SMS, strings.Repeat("x", 1601), Measure{Used: 1601, Most: 1683, Unit: septets, Segments: 11}, true},
		{"X", channel.X, strings.Repeat("x", 281), Measure{Used: 281, Most: 280, Unit: weighted}, true},
		{"Bluesky", channel.Bluesky, "Été 👨‍👩‍👧‍👦", Measure{Used: 5, Most: 300, Unit: graphemes}, false},
		{"Bluesky's bytes", channel.Bluesky, strings.Repeat("👨‍👩‍👧‍👦", 121), Measure{Used: 3025, Most: 3000, Unit: bytes}, true},
		{"Bluesky's graphemes", channel.Bluesky, strings.Repeat("é", 301), Measure{Used: 301, Most: 300, Unit: graphemes}, true},
		{"Mastodon", channel.Mastodon, "à " + "https://tele.example/" + strings.Repeat("x", 500), Measure{Used: 25, Most: 500, Unit: characters}, false},
		{"a page", channel.Status, strings.Repeat("é", 5001), Measure{Used: 5001, Most: 5000, Unit: characters}, true},
		{"a banner", channel.Banner, strings.Repeat("é", 301), Measure{Used: 301, Most: 300, Unit: characters}, true},
		{"a call", channel.Webhook, "é", Measure{Used: 1, Most: 10000, Unit: characters}, false},
	} {
		got := Limits{}.Measure(c.kind, "", c.text)
		if got != c.want || got.over(c.kind, c.text) != c.over {
			t.Errorf("%s: %+v, over %v, want %+v", c.name, got, got.over(c.kind, c.text), c.want)
		}
	}
	own := Limits{Mastodon: 1000, LinkSize: 30}.Measure(channel.Mastodon, "", "https://tele.example")
	if own.Used != 30 || own.Most != 1000 {
		t.Errorf("an instance of its own: %+v", own)
	}
	if mail := (Limits{}).Measure(channel.Email, "x", strings.Repeat("é<", 20<<10)); mail.Used < 100<<10 || !mail.over(channel.Email, "") {
		t.Errorf("a mail of two forms: %+v", mail)
	}
}
