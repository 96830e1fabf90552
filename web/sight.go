package web

import (
	"net/url"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/cockpit"
	"vigie/internal/match"
)

// A sight stands in the address as a whole: cdn, isp, channel, device narrow it; vs_cdn and so on are
// what it is compared with, vs=all everything; from and to, as 2026-07-19T20:41:00Z, are a stretch of
// the past; earlier and align say which match is laid beside, and where both clocks meet.

const maxSightText = 64 // bytes of a name in an address

// parseSight reads a sight from an address. It fails on what no link of ours has; what it does not
// know is not its own.
func parseSight(q url.Values) (cockpit.Sight, bool) {
	var s cockpit.Sight
	ok := true
	text := func(key string) string {
		v := q.Get(key)
		if len(v) > maxSightText || !utf8.ValidString(v) {
			ok = false
			return ""
		}
		for _, r := range v {
			if !unicode.IsPrint(r) {
				ok = false
				return ""
			}
		}
		return v
	}
	scope := func(prefix string) cockpit.Scope {
		return cockpit.Scope{CDN: text(prefix + "cdn"), ISP: text(prefix + "isp"), Channel: text(prefix + "channel"), Device: text(prefix + "device")}
	}
	second := func(key string) int64 {
		v := q.Get(key)
		if v == "" {
			return 0
		}
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				ok = false
				return 0
			}
			t = time.Unix(n, 0)
		}
		return t.Unix() / sightStep * sightStep
	}
	s.Scope, s.Beside = scope(""), scope("vs_")
	s.Compare = !s.Beside.Whole() || q.Get("vs") == "all"
	s.From, s.To = second("from"), second("to")
	s.Earlier, s.Align = text("earlier"), match.Phase(text("align"))
	if s.From != 0 || s.To != 0 {
		ok = ok && s.From > 0 && s.To > s.From && s.To-s.From <= longestSight
	}
	return s, ok
}

// pageSight is what a page looks at by its address. A wall looks at everything, whatever its address says: it
// has no hand to come back with, and a stranger who has its token must not cost the database anything.
func pageSight(page string, q url.Values) (cockpit.Sight, bool) {
	if page == pageWall {
		return cockpit.Sight{}, true
	}
	return parseSight(q)
}

const (
	sightStep    = 10       // seconds: the grain of what is kept
	longestSight = 8 * 3600 // seconds
)

// sightQuery is the sight as parseSight reads it; empty for everything, live.
func sightQuery(s cockpit.Sight) url.Values {
	q := url.Values{}
	set := func(key, v string) {
		if v != "" {
			q.Set(key, v)
		}
	}
	scope := func(prefix string, sc cockpit.Scope) {
		set(prefix+"cdn", sc.CDN)
		set(prefix+"isp", sc.ISP)
		set(prefix+"channel", sc.Channel)
		set(prefix+"device", sc.Device)
	}
	scope("", s.Scope)
	if s.Compare {
		if s.Beside.Whole() {
			q.Set("vs", "all")
		}
		scope("vs_", s.Beside)
	}
	if !s.Live() {
		set("from", time.Unix(s.From, 0).UTC().Format(time.RFC3339))
		set("to", time.Unix(s.To, 0).UTC().Format(time.RFC3339))
	}
	set("earlier", s.Earlier)
	set("align", string(s.Align))
	return q
}

// boardURL is the board's address with a sight and a metric of the matrix.
func boardURL(s cockpit.Sight, metric cockpit.Metric) string {
	q := sightQuery(s)
	if metric != cockpit.MetricBits {
		q.Set("metric", metric.String())
	}
	if len(q) == 0 {
		return "/"
	}
	return "/?" + q.Encode()
}

// BoardURL is the address, without its host, of the board narrowed to what labels name, as it was around a moment, or
// is where that is zero: where a message about an alert leads, and its page. What follows the moment shows as it comes.
func BoardURL(labels map[string]string, at time.Time) string {
	sight := cockpit.Sight{Scope: cockpit.Scope{CDN: labels["cdn"], ISP: labels["isp"], Channel: labels["channel"], Device: labels["device"]}}
	for _, v := range []*string{&sight.Scope.CDN, &sight.Scope.ISP, &sight.Scope.Channel, &sight.Scope.Device} {
		if len(*v) > maxSightText {
			*v = ""
		}
	}
	if !at.IsZero() {
		sight.From, sight.To = at.Add(-10*time.Minute).Unix()/sightStep*sightStep, at.Add(10*time.Minute).Unix()/sightStep*sightStep
	}
	return boardURL(sight, cockpit.MetricBits)
}
