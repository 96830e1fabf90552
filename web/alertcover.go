package web

import (
	"slices"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/cockpit"
)

// The board finds what deviates by itself, and so do rules. What both found is said once: by the alert, which
// somebody can take.

// cellSignals are the signals of which an alert about a CDN, or a network, speaks of a metric of its cells.
var cellSignals = map[cockpit.Metric][]string{
	cockpit.MetricBits:        {"traffic", "requests", "capacity_used"},
	cockpit.MetricErrors:      {"errors", "client_errors", "failures"},
	cockpit.MetricFirstByte:   {"first_byte"},
	cockpit.MetricRebuffering: {"rebuffering", "startup"},
}

var attackSignals = []string{"blocked", "asn_shift", "agent_shift", "asn_top", "agent_top"}

// covers tells whether a problem is about what a concern is.
func covers(i *alerts.Incident, c *cockpit.Concern) bool {
	if len(i.Alerts) == 0 {
		return alertCovers(i.Labels, "", c)
	}
	return slices.ContainsFunc(i.Alerts, func(m alerts.Member) bool { return m.Ended.IsZero() && alertCovers(m.Labels, m.Signal, c) })
}

func alertCovers(labels map[string]string, signal string, c *cockpit.Concern) bool {
	cdn, isp := labels["cdn"], labels["isp"]
	switch c.Kind {
	case cockpit.ConcernService:
		return labels["service"] != "" && labels["service"] == c.Name
	case cockpit.ConcernSource:
		return labels["source"] != "" && labels["source"] == c.Name
	case cockpit.ConcernBlocked:
		return slices.Contains(attackSignals, signal)
	case cockpit.ConcernReserve:
		return signal == "capacity_used" && isCDN(cdn, c) && isp == c.ISP
	case cockpit.ConcernCell:
		return aroundCell(labels, c) && (cdn != "" && isp != "" || slices.Contains(cellSignals[c.Metric], signal))
	}
	return false
}

// aroundCell tells whether labels name a cell, or the CDN or the network that it belongs to.
func aroundCell(labels map[string]string, c *cockpit.Concern) bool {
	cdn, isp := labels["cdn"], labels["isp"]
	return labels["service"] == "" && labels["source"] == "" && (cdn != "" || isp != "") && (cdn == "" || isCDN(cdn, c)) && (isp == "" || isp == c.ISP)
}

// surrounds tells whether a problem is about a cell, or in whatever measure about all of its CDN or network: what
// the cell shows is then a part of it, and two sentences about it would be one too many.
func surrounds(i *alerts.Incident, cell *cockpit.Concern) bool {
	if len(i.Alerts) == 0 {
		return aroundCell(i.Labels, cell)
	}
	return slices.ContainsFunc(i.Alerts, func(m alerts.Member) bool { return m.Ended.IsZero() && aroundCell(m.Labels, cell) })
}

// isCell tells whether a problem is about that cell and nothing wider.
func isCell(i *alerts.Incident, cell *cockpit.Concern) bool {
	return i.Labels["cdn"] != "" && i.Labels["isp"] != "" && aroundCell(i.Labels, cell)
}

func isCDN(label string, c *cockpit.Concern) bool {
	return label != "" && (label == c.CDN || label == c.Name)
}

// severityOf is how loud an alert would be that asks for the same.
func severityOf(h cockpit.Health) notice.Severity {
	switch h {
	case cockpit.HealthCritical:
		return notice.Critical
	case cockpit.HealthWarning:
		return notice.Warning
	}
	return ""
}

// coveredBy is the incident that is about a concern, and whether it says all that the concern does: it calls,
// and is as loud.
func (k look) coveredBy(c *cockpit.Concern) (by *alerts.Incident, said bool) {
	if !k.board.Sight.Live() {
		return nil, false
	}
	calling, muted := k.incidents()
	for _, i := range calling {
		if covers(i, c) {
			return i, i.Severity.Rank() >= severityOf(c.Health).Rank()
		}
	}
	for _, i := range muted {
		if !covers(i, c) {
			continue
		}
		if cause := causeOf(i, calling); cause != nil {
			return cause, cause.Severity.Rank() >= severityOf(c.Health).Rank()
		}
		return i, false
	}
	return nil, false
}

// causeOf is the one of those that call of which a problem is a consequence; nil: it is none.
func causeOf(i *alerts.Incident, calling []*alerts.Incident) *alerts.Incident {
	if i.Mute == nil || i.Mute.Kind != alerts.Consequence {
		return nil
	}
	for _, cause := range calling {
		if cause.ID == i.Mute.ID {
			return cause
		}
	}
	return nil
}

// leftConcern is a concern that the list has, with the alert about it, if there is one that calls nobody or is
// less loud.
type leftConcern struct {
	*cockpit.Concern
	alert *alerts.Incident
}

// concernsLeft are those that no alert says, and how many are said.
func (k look) concernsLeft() (left []leftConcern, said int) {
	for n := range k.board.Concerns {
		c := &k.board.Concerns[n]
		by, covered := k.coveredBy(c)
		if covered {
			said++
			continue
		}
		left = append(left, leftConcern{c, by})
	}
	return left, said
}

// worstThing is what the sentence over the matrix is about: a deviating cell, an alert, both where the cell is
// what the alert is about or a part of it, or the loudest concern.
type worstThing struct {
	deviation *cockpit.Deviation
	alert     *alerts.Incident
	concern   *cockpit.Concern
	part      bool // the alert is about more than the cell, and as loud: it has the sentence, the cell a word in it
}

// loudest are the alerts that the sentence may be about: as loud as any, and nobody's if there are such.
func (k look) loudest() []*alerts.Incident {
	calling, _ := k.incidents()
	if !k.board.Sight.Live() || len(calling) == 0 || calling[0].Severity.Rank() < notice.Warning.Rank() {
		return nil
	}
	quieter := func(i *alerts.Incident) bool { return i.Severity.Rank() < calling[0].Severity.Rank() }
	loudest := slices.DeleteFunc(slices.Clone(calling), quieter)
	if free := slices.DeleteFunc(slices.Clone(loudest), func(i *alerts.Incident) bool { return held(i) != nil }); len(free) > 0 {
		return free
	}
	return loudest
}

// sentence picks it. An alert comes before what the board found unless that is louder.
func (k look) sentence() worstThing {
	b := k.board
	var w worstThing
	loudest := k.loudest()
	if len(loudest) > 0 {
		w.alert = loudest[0]
	}
	switch {
	case b.Worst != nil:
		cell := &cockpit.Concern{Kind: cockpit.ConcernCell, Name: b.Worst.CDN, ISP: b.Worst.ISP, Metric: b.Worst.Metric, Health: b.Worst.Health}
		if column := columnNamed(b, b.Worst.CDN); column != nil {
			cell.CDN = column.ID
		}
		by, _ := k.coveredBy(cell)
		if slices.Contains(loudest, by) {
			w.alert = by
		} else if n := slices.IndexFunc(loudest, func(i *alerts.Incident) bool { return surrounds(i, cell) }); n >= 0 {
			w.alert = loudest[n]
		}
		switch {
		case w.alert == nil || severityOf(b.Worst.Health).Rank() > w.alert.Severity.Rank():
			w.deviation, w.alert = b.Worst, nil
			if by != nil && calls(by) {
				w.alert = by
			}
		case by == w.alert || surrounds(w.alert, cell):
			w.deviation, w.part = b.Worst, !isCell(w.alert, cell)
		}
	case len(b.Concerns) > 0:
		c := &b.Concerns[0]
		if w.alert != nil && severityOf(c.Health).Rank() <= w.alert.Severity.Rank() {
			break
		}
		w.concern, w.alert = c, nil
		if by, _ := k.coveredBy(c); by != nil && calls(by) {
			w.alert = by
		}
	}
	return w
}
