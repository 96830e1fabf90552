package web

import (
	"net/url"
	"strings"
	"testing"

	"vigie/cockpit"
	"vigie/internal/match"
)

func TestAnAddressHasTheWholeSight(t *testing.T) {
	for name, s := range map[string]cockpit.Sight{
		"everything, live":           {},
		"a cell":                     {Scope: cockpit.Scope{CDN: "akamai", ISP: "Free & Co / été"}},
		"all that narrows":           {Scope: cockpit.Scope{CDN: "a", ISP: "b", Channel: "c", Device: "d"}},
		"two cells":                  {Scope: cockpit.Scope{CDN: "a"}, Compare: true, Beside: cockpit.Scope{CDN: "b", Device: "tv"}},
		"a cell and everything":      {Scope: cockpit.Scope{CDN: "a"}, Compare: true},
		"a stretch of the past":      {From: 1784487660, To: 1784488320},
		"another earlier match":      {Earlier: "semi-2026", Align: match.PhaseSecondHalf},
		"none, in a stretch":         {From: 1784487660, To: 1784488320, Earlier: cockpit.NoEarlier},
		"all of it at the same time": {Scope: cockpit.Scope{ISP: "x"}, Compare: true, Beside: cockpit.Scope{ISP: "y"}, From: 10, To: 20, Earlier: "m", Align: match.PhaseHalfTime},
	} {
		address := boardURL(s, cockpit.MetricErrors)
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := parseSight(u.Query()); !ok || got != s {
			t.Errorf("%s: %s is read as %+v, %v", name, address, got, ok)
		}
		if got, ok := pageSight(pageWall, u.Query()); !ok || got != (cockpit.Sight{}) {
			t.Errorf("%s: on a wall it is %+v", name, got)
		}
	}
}

func TestAddressesThatNoLinkHas(t *testing.T) {
	for _, q := range []string{
		"cdn=" + strings.Repeat("x", maxSightText+1),
		"isp=%00", "isp=%ff", "channel=a%0ab", "vs_device=%1b[2J",
		"from=2026-07-19T20:41:00Z", "to=2026-07-19T20:41:00Z", "from=yesterday&to=today",
		"from=20&to=10", "from=10&to=19", "from=-20&to=10", "from=0&to=10", "from=10&to=40000",
		"from=99999999999999999999&to=1",
	} {
		values, err := url.ParseQuery(q)
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := parseSight(values); ok {
			t.Errorf("%s is read as %+v", q, s)
		}
	}
}

func FuzzAddressesOfSights(f *testing.F) {
	f.Add("cdn=a&isp=b&vs=all&from=10&to=20&align=half_time")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		s, ok := parseSight(q)
		if !ok {
			return
		}
		again, ok := parseSight(sightQuery(s))
		if !ok || again != s {
			t.Errorf("%+v becomes %s, which is read as %+v", s, sightQuery(s).Encode(), again)
		}
	})
}
