package web

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"vigie/alerts"
	"vigie/cockpit"
)

// marksView tells the charts what happened on their axis beside the phases: what people noted, and what
// began to ask for someone. It is JSON in an attribute.
type marksView struct {
	Match string // id, that notes are posted to
	JSON  string
}

type noteMark struct {
	At   int64  `json:"at"` // s since 1970
	Text string `json:"text"`
	By   string `json:"by"`
}

type begunMark struct {
	At     int64  `json:"at"`
	Text   string `json:"text"`
	Health string `json:"health"`
}

// alertMark is a problem on the axis, from when it began until it ended.
type alertMark struct {
	ID     string `json:"id"`
	At     int64  `json:"at"`
	End    int64  `json:"end,omitempty"` // 0: it goes on
	Text   string `json:"text"`
	Health string `json:"health"`
	URL    string `json:"url,omitempty"` // the board at that moment
}

// So many are drawn; of notes and alerts the latest.
const (
	notesDrawn  = 100
	begunDrawn  = 12
	alertsDrawn = 24
)

func newMarksView(k look) marksView {
	b := k.board
	marks := struct {
		Notes  []noteMark  `json:"notes"`
		Begun  []begunMark `json:"begun"`
		Alerts []alertMark `json:"alerts,omitempty"`
	}{Notes: []noteMark{}, Begun: []begunMark{}}
	for _, n := range b.Notes[max(0, len(b.Notes)-notesDrawn):] {
		marks.Notes = append(marks.Notes, noteMark{n.At.Unix(), n.Text, n.By})
	}
	seen := make(map[begunMark]bool)
	add := func(at time.Time, text string, h cockpit.Health) {
		m := begunMark{at.Unix(), text, newHealth(k.locale, h).Class}
		if h < cockpit.HealthWarning || at.IsZero() || text == "" || seen[m] || len(marks.Begun) == begunDrawn {
			return
		}
		seen[m] = true
		marks.Begun = append(marks.Begun, m)
	}
	if d := b.Worst; d != nil {
		add(d.Since, crossing(k.locale, d.ISP, d.CDN), d.Health)
	}
	for i := range b.Concerns {
		if _, said := k.coveredBy(&b.Concerns[i]); !said {
			add(b.Concerns[i].Since, begunName(k, &b.Concerns[i]), b.Concerns[i].Health)
		}
	}
	for _, c := range b.Changes {
		if c.Began == nil {
			continue
		}
		if _, said := k.coveredBy(c.Began); !said {
			add(c.At, begunName(k, c.Began), c.Began.Health)
		}
	}
	for _, i := range k.alertsOnAxis() {
		m := alertMark{ID: i.ID, At: i.Began.Unix(), Text: incidentTitle(k.alerts.reader(k.locale, b), i), Health: k.alerts.reader(k.locale, b).severity(i.Severity).Class}
		if !i.Ended.IsZero() {
			m.End = i.Ended.Unix()
		}
		if !k.wall() {
			m.URL = k.momentURL(i.Began)
		}
		marks.Alerts = append(marks.Alerts, m)
	}
	text, err := json.Marshal(marks)
	if err != nil {
		return marksView{JSON: "{}"} // strings and whole numbers always encode
	}
	return marksView{Match: b.Match.ID, JSON: string(text)}
}

// alertsOnAxis are the problems, open or over, that stand within what the traffic's chart shows: the latest, in
// order of time.
func (k look) alertsOnAxis() []*alerts.Incident {
	if k.alerts == nil {
		return nil
	}
	var all []*alerts.Incident
	for _, list := range [][]alerts.Incident{k.alerts.Open, k.alerts.Closed} {
		for n := range list {
			if i := &list[n]; !i.Monitor && i.Mute == nil && k.sees(i) && (i.Ended.IsZero() || i.Ended.After(k.board.Flow.Start)) {
				all = append(all, i)
			}
		}
	}
	slices.SortFunc(all, func(a, b *alerts.Incident) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.ID, b.ID)) })
	return all[max(0, len(all)-alertsDrawn):]
}

// momentURL is the board from ten minutes before a moment to five after it, as far as there is one.
func (k look) momentURL(t time.Time) string {
	s := k.board.Sight
	s.From = t.Add(-10*time.Minute).Unix() / sightStep * sightStep
	s.To = min(t.Add(5*time.Minute).Unix(), k.board.At.Unix()) / sightStep * sightStep
	if s.From <= 0 || s.To <= s.From {
		return ""
	}
	return boardURL(s, k.metric)
}

// alertTable has the marks of alerts in words, for those who do not see them.
type alertTable struct {
	Caption, Title, Began, Ended string
	Rows                         []alertTableRow
}

type alertTableRow struct {
	Health              healthView
	Title, Began, Ended string
	URL                 string
}

func newAlertTable(k look) alertTable {
	v := alertTable{Caption: k.T("alertpanel.table"), Title: k.T("alertpanel.title"), Began: k.T("alertpanel.began"), Ended: k.T("alertpanel.ended")}
	for _, i := range k.alertsOnAxis() {
		r := k.alerts.reader(k.locale, k.board)
		row := alertTableRow{Health: r.severity(i.Severity), Title: incidentTitle(r, i), Began: moment(k.board, i.Began), Ended: k.T("alertpanel.goes_on"), URL: k.momentURL(i.Began)}
		if !i.Ended.IsZero() {
			row.Ended = moment(k.board, i.Ended)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// begunName is a concern in as few words as a mark has room for.
func begunName(k look, c *cockpit.Concern) string {
	name := foreign(c.Name, longestName)
	switch c.Kind {
	case cockpit.ConcernCell, cockpit.ConcernReserve:
		return crossing(k.locale, c.ISP, name)
	case cockpit.ConcernBlocked:
		return k.T("concern.blocked")
	}
	return name
}
