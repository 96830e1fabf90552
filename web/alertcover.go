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
		if labels["service"] != "" || labels["source"] != "" || cdn != "" && !isCDN(cdn, c) || isp != "" && isp != c.ISP {
			return false
		}
		return cdn != "" && isp != "" || (cdn != "" || isp != "") && slices.Contains(cellSignals[c.Metric], signal)
	}
	return false
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
		if covers(i, c) {
			return i, false
		}
	}
	return nil, false
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

// worstThing is what the sentence over the matrix is about: a deviating cell, an alert, both where the alert is
// about the cell, or the loudest concern.
type worstThing struct {
	deviation *cockpit.Deviation
	alert     *alerts.Incident
	concern   *cockpit.Concern
}

// sentence picks it. An alert comes before what the board found unless that is louder.
func (k look) sentence() worstThing {
	b := k.board
	var w worstThing
	if b.Sight.Live() {
		if calling, _ := k.incidents(); len(calling) > 0 && calling[0].Severity.Rank() >= notice.Warning.Rank() {
			w.alert = calling[0]
		}
	}
	switch {
	case b.Worst != nil:
		cell := &cockpit.Concern{Kind: cockpit.ConcernCell, Name: b.Worst.CDN, ISP: b.Worst.ISP, Metric: b.Worst.Metric, Health: b.Worst.Health}
		if column := columnNamed(b, b.Worst.CDN); column != nil {
			cell.CDN = column.ID
		}
		if w.alert != nil && covers(w.alert, cell) {
			w.deviation = b.Worst
		} else if w.alert == nil || severityOf(b.Worst.Health).Rank() > w.alert.Severity.Rank() {
			w.deviation, w.alert = b.Worst, nil
			if by, _ := k.coveredBy(cell); by != nil && calls(by) {
				w.alert = by
			}
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
