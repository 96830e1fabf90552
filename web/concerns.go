package web

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/alerts"
	"vigie/cockpit"
)

// So many lines have room; the last one counts the others.
const (
	concernsOnWall  = 4 // there is room for one line more, which says how many there are beside; alerts take theirs of it
	concernsOnBoard = 7
	changesOnBoard  = 8
)

// concernsView is all that asks for someone now.
type concernsView struct {
	Title, Count, Definition string
	CSV                      string
	Health                   healthView // of the panel as a whole
	Nothing                  string
	Blind                    string // panels that could not be judged
	Rows                     []concernView
	More                     string
	Said                     string // how many are said by alerts
	Hidden                   bool   // alerts say all there is
}

// concernView is one concern: Where : What, since when, how many viewers.
type concernView struct {
	Health         healthView
	Where, What    string // Where ends in a colon
	Usual          string
	Since, Viewers string
	Detail         string
	URL            string
	Alert          string // that there is one about it, which calls nobody, or is less loud
	AlertURL       string
}

// concernRoom is how many lines alerts leave.
func (k look) concernRoom() int {
	if !k.wall() {
		return concernsOnBoard
	}
	if k.alerts == nil {
		return concernsOnWall - k.crisisRoom()
	}
	calling, muted := k.incidents()
	lines := min(len(calling), k.incidentRoom(len(calling)))
	room := concernsOnWall - 1 - lines - k.crisisRoom()
	if k.troubled() || lines > 0 && (lines < len(calling) || len(newBeside(k, muted)) > 0 || blind(k) != "") {
		room--
	}
	return max(room, 0)
}

func newConcernsView(k look) concernsView {
	b := k.board
	v := concernsView{Title: k.T("concerns.title"), Definition: k.define("concerns.definition"), CSV: k.csv("concerns"), Blind: blind(k)}
	rows, said := k.concernsLeft()
	room := k.concernRoom()
	if calling, _ := k.incidents(); len(calling) > 0 {
		v.Title, v.Hidden = k.T("concerns.title.beside"), len(rows) == 0 && v.Blind == ""
	}
	if said > 0 {
		v.Said = k.plural("concerns.said", said)
	}
	if len(rows) > 0 {
		v.Health, v.Count = newHealth(k.locale, rows[0].Health), strconv.Itoa(len(rows))
	}
	if len(rows) > room {
		v.More = k.plural("concerns.more", len(rows)-room)
		if room == 0 {
			v.More = "" // the count in the head says it
		}
		rows = rows[:room]
	}
	for _, left := range rows {
		row := newConcern(k, left.Concern)
		if left.alert != nil {
			row.Alert = k.T("concern.alert")
			if !calls(left.alert) {
				row.Alert = k.T("concern.alert.quiet")
			}
			if !k.wall() {
				row.AlertURL = "/alerts/" + left.alert.ID
			}
		}
		v.Rows = append(v.Rows, row)
	}
	switch {
	case v.Count != "":
	case b.CompleteTo.IsZero() || v.Blind != "":
		v.Health, v.Nothing = newHealth(k.locale, cockpit.HealthUnknown), k.T("concerns.blind")
	default:
		v.Health, v.Nothing = newHealth(k.locale, cockpit.HealthFine), k.T("concerns.none")
	}
	return v
}

// blind names the panels whose last query failed: what they would say is missing from the list.
func blind(k look) string {
	b := k.board
	var names []string
	for _, p := range []struct {
		id    string
		panel cockpit.Panel
	}{{"matrix", b.Matrix.Panel}, {"services", b.Services.Panel}, {"sources", b.Sources.Panel}, {"capacity", b.Capacity.Panel}, {"pressure", b.Pressure.Panel}} {
		if p.panel.Error != "" {
			names = append(names, k.T(p.id+".title"))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return k.T("concerns.without", "names", strings.Join(names, ", "))
}

func newConcern(k look, c *cockpit.Concern) concernView {
	v := concernView{Health: newHealth(k.locale, c.Health)}
	name := foreign(c.Name, longestName)
	where := name
	switch c.Kind {
	case cockpit.ConcernCell:
		where = crossing(k.locale, c.ISP, name)
		v.What = lowerFirst(deviates(k.locale, c.Metric, c.Value, c.Usual))
		if c.Usual > 0 {
			v.Usual = k.T("worst.usual", "value", metricText(k.locale, c.Metric, c.Value), "usual", metricText(k.locale, c.Metric, c.Usual))
		}
		v.URL = k.link(func(s *cockpit.Scope) { s.ISP, s.CDN = c.ISP, c.CDN })
	case cockpit.ConcernReserve:
		where = crossing(k.locale, c.ISP, name)
		v.What = k.T("concern.reserve", "share", k.share(c.Value).String())
		v.URL = k.link(func(s *cockpit.Scope) { s.ISP, s.CDN = c.ISP, c.CDN })
	case cockpit.ConcernService:
		reason := "errors"
		if c.Full {
			reason = "saturation"
		}
		v.What = k.T("concern."+reason, "value", k.ratio(c.Value).String())
	case cockpit.ConcernSource:
		v.What = k.T("finding." + c.Finding.String() + ".one")
		if !k.wall() {
			v.URL = "/sources"
		}
	case cockpit.ConcernBlocked:
		where = k.T("concern.blocked")
		v.What = k.T("concern.blocked.share", "share", k.share(c.Value).String())
	}
	if math.IsNaN(c.Value) && c.Kind != cockpit.ConcernCell && c.Kind != cockpit.ConcernSource {
		v.What = v.Health.Word
	}
	v.Where = k.T("worst.where", "where", where)
	var details []string
	if !c.Since.IsZero() {
		v.Since = moment(k.board, c.Since)
		details = append(details, k.T("concern.since", "time", v.Since))
	}
	if c.Viewers > 0 {
		v.Viewers = k.about(c.Viewers)
		details = append(details, k.T("matrix.viewers", "n", v.Viewers))
	}
	v.Detail = strings.Join(details, " · ")
	return v
}

// changesView is what happened in the last ten minutes, the latest first.
type changesView struct {
	Title, Definition string
	Nothing, More     string
	Rows              []changeView
}

type changeView struct {
	Class        string // of its sign; empty: a word of people, which is not judged
	Title, Sub   string
	Ago, Moment  string
	Where, After string // Where : After, of a concern
	URL          string
}

func newChangesView(k look) changesView {
	v := changesView{Title: k.T("changes.title"), Definition: k.define("changes.definition")}
	rows := k.alertChanges()
	for i := range k.board.Changes {
		c := &k.board.Changes[i]
		if began := cmp.Or(c.Began, c.Ended); began != nil {
			if by, said := k.coveredBy(began); said && lately(k.board, by.Began) {
				continue // the alert says it
			}
		}
		rows = append(rows, datedChange{c.At, newChange(k, c)})
	}
	slices.SortStableFunc(rows, func(a, b datedChange) int { return -a.at.Compare(b.at) })
	if len(rows) == 0 {
		v.Nothing = k.T("changes.none")
	}
	if len(rows) > changesOnBoard {
		v.More = k.plural("changes.more", len(rows)-changesOnBoard+1)
		rows = rows[:changesOnBoard-1]
	}
	for i := range rows {
		v.Rows = append(v.Rows, rows[i].changeView)
	}
	return v
}

type datedChange struct {
	at time.Time
	changeView
}

// changesSince is how far back the list goes.
const changesSince = 10 * time.Minute

// lately tells whether something belongs to the list by its time.
func lately(b *cockpit.Board, t time.Time) bool { return !t.After(b.At) && b.At.Sub(t) <= changesSince }

// alertChanges are the alerts that began or ended.
func (k look) alertChanges() []datedChange {
	if k.alerts == nil {
		return nil
	}
	var rows []datedChange
	r := k.alerts.reader(k.locale, k.board)
	for _, list := range [][]alerts.Incident{k.alerts.Open, k.alerts.Closed} {
		for n := range list {
			i := &list[n]
			if i.Monitor || i.Mute != nil || !k.sees(i) {
				continue
			}
			v := changeView{Title: incidentTitle(r, i), URL: "/alerts/" + i.ID}
			if lately(k.board, i.Began) {
				v.Class, v.Ago, v.Moment = r.severity(i.Severity).Class, k.ago(i.Began), moment(k.board, i.Began)
				v.Sub = k.T("changes.alert", "severity", r.severity(i.Severity).Word)
				if i.Facts.ViewersKnown && i.Facts.Most >= 1 {
					v.Sub += " · " + k.T("matrix.viewers", "n", k.about(i.Facts.Most))
				}
				rows = append(rows, datedChange{i.Began, v})
			}
			if !i.Ended.IsZero() && lately(k.board, i.Ended) {
				v.Class, v.Ago, v.Moment = "fine", k.ago(i.Ended), moment(k.board, i.Ended)
				v.Sub = k.T("changes.alert.ended", "lasted", countdown(i.Ended.Sub(i.Began)))
				rows = append(rows, datedChange{i.Ended, v})
			}
		}
	}
	return rows
}

func (k look) ago(t time.Time) string {
	if minutes := int(k.board.At.Sub(t).Minutes()); minutes > 0 {
		return k.T("changes.ago", "n", strconv.Itoa(minutes))
	}
	return k.T("changes.now")
}

func newChange(k look, c *cockpit.Change) changeView {
	v := changeView{Ago: k.ago(c.At), Moment: moment(k.board, c.At)}
	switch {
	case c.Began != nil:
		began := newConcern(k, c.Began)
		v.Class, v.Where, v.After, v.Sub, v.URL = began.Health.Class, began.Where, began.What, began.Health.Word, began.URL
		if began.Viewers != "" {
			v.Sub += " · " + k.T("matrix.viewers", "n", began.Viewers)
		}
	case c.Ended != nil:
		ended := newConcern(k, c.Ended)
		v.Class, v.Where, v.After, v.Sub, v.URL = "fine", ended.Where, ended.What, k.T("changes.ended"), ended.URL
	case c.Note != nil:
		v.Title, v.Sub = foreign(c.Note.Text, longestReason), k.T("changes.note", "who", foreign(c.Note.By, longestName))
	case c.Phase != "":
		v.Title, v.Sub = k.T("phase."+string(c.Phase)), k.T("changes.phase")
	}
	return v
}
