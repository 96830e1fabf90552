package web

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/alerts"
	"vigie/alerts/notice"
)

// alertSignals are those of alerts; their names follow vigie_alerts_. Where there are no alerts they are absent.
var alertSignals = []signal{
	{"open", "Problems that go on and of which people are told.", []string{"severity"}},
	{"unacknowledged", "Those of them that nobody has.", []string{"severity"}},
	{"muted", "Problems that go on and of which nobody is told, by why: silenced, maintenance, consequence, monitor.", []string{"why"}},
	{"weak", "Weak signals that fire.", nil},
	{"blind", "Alerts that cannot be judged: no data, or an error.", nil},
	{"judged_timestamp_seconds", "Data are judged by this moment.", nil},
	{"leader", "1 while a process judges.", nil},
	{"trouble", "1 while something is wrong with the alerts themselves: late, no_leader, channel:ID.", []string{"what"}},
	{"drill", "1 while an exercise goes on.", nil},
}

type alertCollector struct {
	known func() *alertsNow
	descs map[string]*prometheus.Desc
}

func newAlertCollector(known func() *alertsNow) *alertCollector {
	c := &alertCollector{known, make(map[string]*prometheus.Desc, len(alertSignals))}
	for _, s := range alertSignals {
		c.descs[s.name] = prometheus.NewDesc("vigie_alerts_"+s.name, s.help, s.labels, nil)
	}
	return c
}

func (c *alertCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

func (c *alertCollector) Collect(to chan<- prometheus.Metric) {
	if n := c.known(); n != nil {
		(&scrape{descs: c.descs, to: to, told: map[string]bool{}}).alerts(n)
	}
}

func (s *scrape) alerts(n *alertsNow) {
	open, nobody := map[notice.Severity]int{}, map[notice.Severity]int{}
	muted := map[alerts.MuteKind]int{}
	for k := range n.Open {
		i := &n.Open[k]
		switch {
		case calls(i):
			if open[i.Severity]++; held(i) == nil {
				nobody[i.Severity]++
			}
		case i.Mute != nil:
			muted[i.Mute.Kind]++
		default:
			muted[alerts.Tried]++
		}
	}
	for _, severity := range []notice.Severity{notice.Critical, notice.Warning, notice.Info} {
		s.tell("open", jsonNumber(open[severity]), string(severity))
		s.tell("unacknowledged", jsonNumber(nobody[severity]), string(severity))
	}
	for _, why := range []alerts.MuteKind{alerts.Silenced, alerts.Maintained, alerts.Consequence, alerts.Tried} {
		s.tell("muted", jsonNumber(muted[why]), string(why))
	}
	s.tell("weak", jsonNumber(len(n.Weak)))
	s.tell("blind", jsonNumber(len(n.Blind)))
	s.at("judged_timestamp_seconds", n.Judged)
	s.tell("leader", flag01(n.Leader != ""))
	s.tell("drill", flag01(n.Drill.On))
	for _, what := range n.Trouble {
		s.tell("trouble", 1, strings.ToValidUTF8(what, ""))
	}
}

func flag01(yes bool) jsonNumber {
	if yes {
		return 1
	}
	return 0
}
