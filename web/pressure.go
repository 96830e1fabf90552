package web

import (
	"math"

	"vigie/cockpit"
)

// pressureView says under the chart what is refused beside what is served, and whether people still
// get in.
type pressureView struct {
	Health                  healthView
	Blocked, Accepted, Peak string
	Login, Logins           string // the service, and what it is asked for
	Nothing                 string // instead of the first three
}

func newPressureHead(k look) chartHead {
	p := &k.board.Pressure
	chart := p.Chart
	chart.Panel = p.Panel // the panel's own: the chart is a part of it
	v := newChartHead(k, "pressure", &chart)
	if k.wall() {
		v.Title = k.T("pressure.wall")
	}
	v.Health = newPressureView(k).Health
	return v
}

func newPressureView(k look) pressureView {
	p := &k.board.Pressure
	v := pressureView{Health: newHealth(k.locale, p.Health)}
	unknown := func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }
	switch {
	case p.AsOf.IsZero() || unknown(p.Accepted) && unknown(p.Blocked):
		v.Health, v.Nothing = newHealth(k.locale, cockpit.HealthUnknown), k.T("pressure.nothing")
	default:
		v.Blocked = k.T("pressure.say.blocked", "rate", k.rate(p.Blocked).String())
		v.Accepted = k.T("pressure.say.accepted", "rate", k.rate(p.Accepted).String())
		if unknown(p.Blocked) {
			v.Health = newHealth(k.locale, cockpit.HealthUnknown)
		}
		if p.Peak > 0 && !p.PeakAt.IsZero() {
			v.Peak = k.T("pressure.peak", "rate", k.rate(p.Peak).String(), "time", moment(k.board, p.PeakAt))
		}
	}
	if p.Login != "" {
		v.Login = k.T("worst.where", "where", foreign(p.Login, longestChip))
		v.Logins = k.T("pressure.logins", "rate", k.rate(p.Logins).String(), "errors", k.ratio(p.LoginErrors).String())
		if unknown(p.LoginErrors) {
			v.Logins = k.T("pressure.logins.only", "rate", k.rate(p.Logins).String())
		}
	}
	return v
}
