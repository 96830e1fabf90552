package web

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"vigie/alerts"
	"vigie/cockpit"
)

// worstView is one sentence about the thing that deviates most, then what is known of its way out.
// Where is empty when nothing deviates.
type worstView struct {
	Health               healthView
	Where, What          string
	Viewers, ViewersNote string
	Detail               string
	URL, Look            string // the board narrowed to it
	Call                 dutyView
	Alert                *incidentLine // that is about it; nil: there is none
}

func newWorstView(k look) worstView {
	b := k.board
	switch w := k.sentence(); {
	case w.deviation != nil && !w.part:
		return newDeviation(k, w.deviation).withAlert(k, w.alert)
	case w.concern != nil: // no cell deviates, but something calls
		c := newConcern(k, w.concern)
		v := worstView{Health: c.Health, Where: c.Where, What: c.What, Viewers: c.Viewers, Detail: c.Usual, URL: c.URL}
		if c.Since != "" {
			v.What = k.T("worst.what", "what", c.What, "since", c.Since)
		}
		return v.withWayOut(k).withAlert(k, w.alert)
	case w.alert != nil:
		return newAlertSentence(k, w.alert, w.deviation)
	case len(b.Matrix.Rows) == 0 || b.CompleteTo.IsZero():
		return worstView{Health: newHealth(k.locale, cockpit.HealthUnknown), What: k.T("worst.blind"), Detail: k.T("worst.blind_detail")}
	}
	return worstView{
		Health: newHealth(k.locale, cockpit.HealthFine), What: k.T("worst.none"),
		Detail: k.T("worst.judged", "isps", strconv.Itoa(len(b.Matrix.Rows)), "cdns", strconv.Itoa(len(b.Matrix.Columns)),
			"time", clock(b.CompleteTo, b.Match.Venue)),
	}
}

// newAlertSentence says an alert, and of the cell that is a part of it, if there is one, what it shows.
func newAlertSentence(k look, i *alerts.Incident, d *cockpit.Deviation) worstView {
	r := k.alerts.reader(k.locale, k.board)
	most := longestInSentence
	if k.wall() {
		most = longestOnWall
	}
	v := worstView{Where: foreign(incidentTitle(r, i), most), What: k.T("concern.since", "time", moment(k.board, i.Began))}
	v = v.withWayOut(k).withAlert(k, i)
	v.Health, v.URL, v.Look = v.Alert.Health, v.Alert.URL, ""
	details := []string{strings.TrimRight(r.text(i.Detail), ". ")}
	if d == nil {
		details = append(details, v.Alert.Carried)
	} else {
		details = append(details, k.T("worst.part", "where", crossing(k.locale, d.ISP, d.CDN), "what", lowerFirst(deviates(k.locale, d.Metric, d.Value, d.Usual))))
		if !k.wall() { // it has them beside it, and no room to say them twice
			details = append(details, newHints(k, d)...)
		}
	}
	v.Detail = strings.Join(slices.DeleteFunc(details, func(text string) bool { return text == "" }), " · ")
	return v
}

func newDeviation(k look, d *cockpit.Deviation) worstView {
	v := worstView{
		Health: newHealth(k.locale, d.Health),
		Where:  k.T("worst.where", "where", crossing(k.locale, d.ISP, d.CDN)),
	}
	if d.Viewers > 0 {
		v.Viewers = k.about(d.Viewers)
	}
	var details []string
	if !math.IsNaN(d.Usual) { // a cell may be too young to have a usual
		details = append(details, k.T("worst.usual", "value", metricText(k.locale, d.Metric, d.Value), "usual", metricText(k.locale, d.Metric, d.Usual)))
	}
	v.Detail = strings.Join(append(details, newHints(k, d)...), " · ")
	v.What = k.T("worst.what", "what", lowerFirst(deviates(k.locale, d.Metric, d.Value, d.Usual)), "since", moment(k.board, d.Since))
	if column := columnNamed(k.board, d.CDN); column != nil {
		v.URL = k.link(func(s *cockpit.Scope) { s.ISP, s.CDN = d.ISP, column.ID })
	}
	return v.withWayOut(k)
}

// withWayOut adds what a hand can do about it; a wall has none.
func (v worstView) withWayOut(k look) worstView {
	if v.Viewers != "" {
		v.ViewersNote = k.T("worst.viewers")
	}
	if k.wall() {
		return v
	}
	v.Look = k.T("worst.look")
	for _, d := range newDuty(k).Rows {
		if d.Call != "" {
			v.Call = d
			break
		}
	}
	return v
}

// withAlert adds who has it, what an operator can do about that, and the viewers that its line has too: one thing
// has one number.
func (v worstView) withAlert(k look, i *alerts.Incident) worstView {
	if i == nil {
		return v
	}
	if i.Facts.ViewersKnown && i.Facts.Viewers >= 1 {
		v.Viewers, v.ViewersNote = k.about(i.Facts.Viewers), k.T("worst.viewers")
	}
	line := newIncidentLine(k, k.alerts.reader(k.locale, k.board), i)
	if v.Alert = &line; line.Call.Call != "" {
		v.Call = line.Call
	}
	return v
}

// In a sentence a network's name is cut at so many characters.
const longestNetwork = 24

// and an alert's title at so many; a wall has two lines for it all.
const (
	longestInSentence = 72
	longestOnWall     = 52
)

// crossing is a network × a CDN, or one of them.
func crossing(l *locale, isp, cdn string) string {
	return strings.Trim(foreign(networkName(l, isp), longestNetwork)+" × "+cdn, " ×")
}

// deviates says a metric by how many times it is what it usually is, or as it is.
func deviates(l *locale, m cockpit.Metric, value, usual float64) string {
	what := l.T("metric." + m.String())
	if usual > 0 && value >= usual {
		return what + " " + l.times(value/usual)
	}
	return what + " " + metricText(l, m, value)
}

func columnNamed(b *cockpit.Board, name string) *cockpit.Column {
	for i := range b.Matrix.Columns {
		if b.Matrix.Columns[i].Name == name {
			return &b.Matrix.Columns[i]
		}
	}
	return nil
}

// newHints say how full the deviating CDN's way to the network is, and whether the others would hold
// without it. Where nothing is reserved there is nothing to say.
func newHints(k look, d *cockpit.Deviation) []string {
	var hints []string
	for i := range k.board.Capacity.Cells {
		if u := &k.board.Capacity.Cells[i]; u.CDN.Name == d.CDN && u.ISP == d.ISP && u.Reserved > 0 && !math.IsNaN(u.Bits) {
			hints = append(hints, k.T("worst.full", "share", k.share(u.Bits/u.Reserved).String()))
			break
		}
	}
	for i := range k.board.Capacity.Losses {
		if loss := &k.board.Capacity.Losses[i]; loss.CDN.Name == d.CDN {
			if fullest := fullestTaker(loss); fullest != nil {
				key := "worst.holds"
				if fullest.After > fullest.Reserved {
					key = "worst.breaks"
				}
				hints = append(hints, k.T(key, "cdn", d.CDN, "taker", fullest.CDN.Name, "share", k.share(fullest.After/fullest.Reserved).String()))
			}
			break
		}
	}
	return hints
}

// fullestTaker is nil where no taker has a reserve.
func fullestTaker(loss *cockpit.Loss) *cockpit.Taker {
	var fullest *cockpit.Taker
	for i := range loss.Takers {
		t := &loss.Takers[i]
		if t.Reserved > 0 && !math.IsNaN(t.After) && (fullest == nil || t.After/t.Reserved > fullest.After/fullest.Reserved) {
			fullest = t
		}
	}
	return fullest
}
