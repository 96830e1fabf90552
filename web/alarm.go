package web

import (
	"encoding/json"
	"time"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/cockpit"
)

// alarmView is what every page says of alerts, over everything else: that an exercise goes on, that nobody
// judges any more; and, for the browser, what its title, its icon and a voice tell.
type alarmView struct {
	Drill, DrillDetail string
	Trouble            string
	JSON               string
}

// alarmData is for the script. Count are the problems that nobody has.
type alarmData struct {
	Count   int            `json:"count"`
	Loudest string         `json:"loudest,omitempty"` // class of a severity, of those
	Blind   bool           `json:"blind,omitempty"`   // they are not judged
	Open    []alarmProblem `json:"open"`
}

type alarmProblem struct {
	ID     string `json:"id"`
	Health string `json:"health"`
	Nobody bool   `json:"nobody,omitempty"`
	Say    string `json:"say"`
}

const alarmsTold = 20

func newAlarmView(l *locale, known *alertsNow, now time.Time, zone *time.Location) alarmView {
	if known == nil {
		return alarmView{}
	}
	r := known.reader(l, &cockpit.Board{At: now})
	if zone != nil {
		r.zone = zone
	}
	var v alarmView
	if d := known.Drill; d.On {
		v.Drill, v.DrillDetail = l.T("alarm.drill"), l.T("alarm.drill.detail", "who", r.who(d.By), "time", r.until(d.Since))
	}
	data := alarmData{Open: []alarmProblem{}}
	if since, unjudged := known.unjudged(now); unjudged {
		v.Trouble, data.Blind = unjudgedText(r, since), true
	}
	loudest := notice.Severity("")
	for n := range known.Open {
		i := &known.Open[n]
		if !calls(i) {
			continue
		}
		nobody := held(i) == nil
		if nobody {
			data.Count++
			if i.Severity.Rank() > loudest.Rank() {
				loudest, data.Loudest = i.Severity, r.severity(i.Severity).Class
			}
		}
		if len(data.Open) < alarmsTold {
			data.Open = append(data.Open, alarmProblem{i.ID, r.severity(i.Severity).Class, nobody, spoken(r, i)})
		}
	}
	text, err := json.Marshal(data)
	if err != nil {
		text = []byte("{}") // strings and whole numbers always encode
	}
	v.JSON = string(text)
	return v
}

// alarm is what a page says when it is asked for: as of its board where there is one, as the frames go on from it.
func (s *Server) alarm(l *locale) alarmView {
	b := s.boardNow()
	if b == nil {
		b = &cockpit.Board{At: time.Now()}
	}
	return newAlarmView(l, s.alertsNow(), b.At, b.Match.Venue)
}

// spoken is a new problem in one sentence for those who hear the page. It stays as it is while the numbers move.
func spoken(r alertsReader, i *alerts.Incident) string {
	return r.T("alarm.spoken", "severity", r.severity(i.Severity).Word, "title", incidentTitle(r, i))
}
