package web

import (
	"encoding/json"
	"time"

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

// So many are drawn; of notes the latest.
const (
	notesDrawn = 100
	begunDrawn = 12
)

func newMarksView(k look) marksView {
	b := k.board
	marks := struct {
		Notes []noteMark  `json:"notes"`
		Begun []begunMark `json:"begun"`
	}{[]noteMark{}, []begunMark{}}
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
		add(b.Concerns[i].Since, begunName(k, &b.Concerns[i]), b.Concerns[i].Health)
	}
	for _, c := range b.Changes {
		if c.Began != nil {
			add(c.At, begunName(k, c.Began), c.Began.Health)
		}
	}
	text, err := json.Marshal(marks)
	if err != nil {
		return marksView{JSON: "{}"} // strings and whole numbers always encode
	}
	return marksView{Match: b.Match.ID, JSON: string(text)}
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
