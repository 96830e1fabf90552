package web

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/alerts"
	"vigie/alerts/route"
	"vigie/cockpit"
)

// So many incidents have room; a count tells the others.
const (
	incidentsOnWall  = 4
	incidentsOnBoard = 8
)

// judgedWithin is how old the last judgement may be before the screens say that there is none.
const judgedWithin = 15 * time.Second

// alertsNow is what a frame knows of alerts. It is read-only.
type alertsNow struct {
	*alerts.Snapshot
	policy *route.Policy // never nil
	rules  int           // groups of them; 0: nothing is judged here

	hasRunbook func(id string) bool // nil: there are none here
}

func newAlertsNow(s *alerts.Snapshot, policy *route.Policy, rules int) *alertsNow {
	if policy == nil {
		policy = &route.Policy{}
	}
	return &alertsNow{Snapshot: s, policy: policy, rules: rules}
}

// alertsNow is what is known at this moment; nil: there are no alerts here.
func (s *Server) alertsNow() *alertsNow {
	if s.known == nil {
		return nil
	}
	return s.known()
}

// follow has every screen shown what changed, at once and at most five times a second.
func (s *Server) follow(onChange func(func())) {
	changed := make(chan struct{}, 1)
	onChange(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	s.sockets.Go(func() {
		for {
			select {
			case <-s.closing.Done():
				return
			case <-changed:
			}
			s.showAgain()
			select {
			case <-s.closing.Done():
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
}

// showAgain shows the boards that there are again, with the alerts and crises of now.
func (s *Server) showAgain() {
	s.scenesMu.Lock()
	scenes := make([]*scene, 0, len(s.scenes))
	for _, sc := range s.scenes {
		scenes = append(scenes, sc)
	}
	s.scenesMu.Unlock()
	for _, sc := range scenes {
		sc.mu.Lock()
		if p := sc.board.Load(); p != nil {
			s.show(sc, p.board)
		}
		sc.mu.Unlock()
	}
}

// unjudged tells whether alerts are not judged any more though there are rules, and since when: zero: they
// never were.
func (n *alertsNow) unjudged(now time.Time) (since time.Time, yes bool) {
	late := now.Sub(n.Judged) > judgedWithin || n.Leader == "" || slices.Contains(n.Trouble, "late") || slices.Contains(n.Trouble, "no_leader")
	return n.Judged, late && n.rules > 0
}

// reader writes what is known of alerts as the pages of alerts do.
func (n *alertsNow) reader(l *locale, b *cockpit.Board) alertsReader {
	zone := b.Match.Venue
	if zone == nil {
		zone = time.UTC
	}
	return alertsReader{locale: l, snap: n.Snapshot, policy: n.policy, board: b, now: b.At, zone: zone, hasRunbook: n.hasRunbook}
}

// calls tells whether a problem asks for somebody: one that is muted, or only tried, does not.
func calls(i *alerts.Incident) bool { return i.Ended.IsZero() && i.Mute == nil && !i.Monitor }

// held is who has a problem; nil: nobody, also when it got worse since somebody took it.
func held(i *alerts.Incident) *alerts.Ack {
	if i.Acked != nil && (i.Acked.As == "" || i.Acked.As.Rank() >= i.Severity.Rank()) {
		return i.Acked
	}
	return nil
}

// incidents are the open ones that the look's sight does not leave out, in the room's order; of a stretch
// of the past those that are known of it. muted are those of them that call nobody.
func (k look) incidents() (calling, muted []*alerts.Incident) {
	if k.alerts == nil {
		return nil, nil
	}
	of := func(list []alerts.Incident) {
		for n := range list {
			i := &list[n]
			switch {
			case !k.sees(i):
			case k.board.Sight.Live() && !i.Ended.IsZero():
			case i.Mute == nil && !i.Monitor:
				calling = append(calling, i)
			default:
				muted = append(muted, i)
			}
		}
	}
	of(k.alerts.Open)
	if !k.board.Sight.Live() {
		of(k.alerts.Closed)
	}
	return calling, muted
}

// sees tells whether a problem may belong to what is looked at: no label of it says otherwise.
func (k look) sees(i *alerts.Incident) bool {
	sight := k.board.Sight
	if !sight.Live() && (i.Began.Unix() >= sight.To || !i.Ended.IsZero() && i.Ended.Unix() < sight.From) {
		return false
	}
	return agrees(i.Labels, sight.Scope) &&
		(len(i.Alerts) == 0 || slices.ContainsFunc(i.Alerts, func(m alerts.Member) bool { return agrees(m.Labels, sight.Scope) }))
}

func agrees(labels map[string]string, s cockpit.Scope) bool {
	for name, wanted := range map[string]string{"cdn": s.CDN, "isp": s.ISP, "channel": s.Channel, "device": s.Device} {
		if has := labels[name]; wanted != "" && has != "" && has != wanted {
			return false
		}
	}
	return true
}

// alertPanel is the list of what fires.
type alertPanel struct {
	Present           bool // there are alerts here
	Past              bool
	Title, Definition string
	URL               string // "": nothing leads away
	Age               ageView
	Health            healthView // of the panel as a whole
	Count             string
	Nothing           string // said when nothing fires, or when that is not known
	Trouble           []string
	Rows              []incidentLine
	More              string
	Beside            []besideAlert
}

// besideAlert counts what is not listed: muted, weak, blind.
type besideAlert struct{ Class, Text string }

// incidentLine is a problem on the board.
type incidentLine struct {
	ID             string
	Health         healthView
	Title          string
	Since          string // ms since 1970, for the browser to count on from
	Lasts          string // 3:24
	Began          string // as the match counts
	Viewers, Short string
	Who            string
	Nobody         bool
	Carried, Value string
	Tags           []string
	Failing        string
	Spark          sparkView
	URL, Runbook   string
	Call           dutyView
	Shown          bool // the sentence about the worst tells it already
	Words          actWords
}

// actWords stand on what a hand can do about it.
type actWords struct{ Take, Runbook, Silence, HandOver, Open string }

// act is the address of something that an operator does about it.
func (v incidentLine) act(what string) string { return "/alerts/" + v.ID + "/" + what }

// shape is all but what counts on by itself.
func (v alertPanel) shape() string {
	v.Age = ageView{}
	v.Rows = slices.Clone(v.Rows)
	for i := range v.Rows {
		v.Rows[i].Lasts = ""
	}
	return shapeOf(v)
}

func newAlertPanel(k look) alertPanel {
	if k.alerts == nil {
		return alertPanel{}
	}
	r := k.alerts.reader(k.locale, k.board)
	v := alertPanel{
		Present: true, Past: !k.board.Sight.Live(), Title: k.T("alertpanel.title"), Definition: k.define("alertpanel.definition"),
		Health: newHealth(k.locale, cockpit.HealthFine),
	}
	if k.alerts.rules > 0 {
		v.Age = k.judged()
	}
	if !k.wall() {
		v.URL = "/alerts"
	}
	calling, muted := k.incidents()
	told := k.sentence().alert
	room := k.incidentRoom(len(calling))
	for n, i := range calling {
		if n == room {
			v.More = k.plural("alertpanel.more", len(calling)-room)
			break
		}
		row := newIncidentLine(k, r, i)
		row.Shown = told == i
		v.Rows = append(v.Rows, row)
	}
	if len(v.Rows) > 0 {
		v.Health, v.Count = v.Rows[0].Health, strconv.Itoa(len(calling))
	}
	since, unjudged := k.alerts.unjudged(k.board.At)
	switch {
	case v.Past:
		if v.Age = (ageView{}); len(v.Rows) == 0 {
			v.Nothing = k.T("alertpanel.none.then")
		}
	case unjudged:
		v.Health, v.Trouble = newHealth(k.locale, cockpit.HealthUnknown), []string{unjudgedText(r, since)}
		if k.wall() && !since.IsZero() {
			v.Trouble[0] = k.T("alertpanel.unjudged.brief", "time", r.at(since))
		}
	case len(v.Rows) == 0:
		v.Nothing = k.T("alertpanel.none")
		if k.alerts.rules == 0 {
			v.Nothing = k.T("alertpanel.none.rules")
		}
		if k.alerts.rules == 0 || len(k.alerts.Blind) > 0 {
			v.Health = newHealth(k.locale, cockpit.HealthUnknown)
		}
	}
	if v.Past {
		return v
	}
	v.Trouble = append(v.Trouble, r.otherTrouble()...)
	v.Beside = newBeside(k, muted)
	return v
}

// judged is until when alerts are judged.
func (k look) judged() ageView {
	a := newAge(k.locale, k.board, cockpit.Panel{AsOf: k.alerts.Judged}, 0)
	a.Fresh = "" // a panel that stands still for long says so in words
	if a.Known {
		a.Title = k.T("alertpanel.judged", "time", clock(k.alerts.Judged, k.board.Match.Venue))
	}
	return a
}

func unjudgedText(r alertsReader, since time.Time) string {
	if since.IsZero() {
		return r.T("alertpanel.unjudged.ever")
	}
	return r.T("alertpanel.unjudged", "time", r.at(since))
}

// otherTrouble is what is wrong with the alerts themselves beside that they are not judged.
func (r alertsReader) otherTrouble() []string {
	var channels, said []string
	for _, key := range r.snap.Trouble {
		name, isChannel := strings.CutPrefix(key, "channel:")
		switch {
		case key == "late" || key == "no_leader":
		case isChannel:
			channels = append(channels, foreign(name, longestName))
		default:
			said = append(said, r.T("alertpanel.trouble.other", "what", r.known("alerts.trouble.", key)))
		}
	}
	if len(channels) > 0 {
		said = append([]string{r.T("alertpanel.trouble.channels", "names", strings.Join(channels, ", "))}, said...)
	}
	return said[:min(len(said), 2)]
}

// newBeside counts what is not listed, the most important first.
func newBeside(k look, muted []*alerts.Incident) []besideAlert {
	var quiet, follow, tried int
	for _, i := range muted {
		switch {
		case i.Monitor || i.Mute.Kind == alerts.Tried:
			tried++
		case i.Mute.Kind == alerts.Consequence:
			follow++
		default:
			quiet++
		}
	}
	var list []besideAlert
	add := func(n int, class, text string) {
		if n > 0 {
			list = append(list, besideAlert{class, text})
		}
	}
	add(len(k.alerts.Blind), "unknown", k.plural("alertpanel.blind", len(k.alerts.Blind)))
	add(quiet, "", k.plural("alertpanel.muted", quiet))
	add(follow, "", k.plural("alertpanel.consequence", follow))
	add(len(k.alerts.Weak), "", k.plural("alertpanel.weak", len(k.alerts.Weak)))
	add(tried, "", k.plural("alertpanel.tried", tried))
	return list
}

// incidentRoom is how many of n incidents have room, beside the concerns that no alert has taken up.
func (k look) incidentRoom(n int) int {
	if !k.wall() {
		return incidentsOnBoard
	}
	room := incidentsOnWall
	if n > room {
		room-- // for the count
	}
	if concerns, _ := k.concernsLeft(); len(concerns) > 0 || blind(k) != "" {
		room = min(room, incidentsOnWall-1)
	}
	if k.troubled() {
		room = min(room, incidentsOnWall-2)
	}
	return max(room-k.crisisRoom(), 1)
}

func (k look) troubled() bool {
	if k.alerts == nil || !k.board.Sight.Live() {
		return false
	}
	_, unjudged := k.alerts.unjudged(k.board.At)
	return unjudged || len(k.alerts.Trouble) > 0
}

func newIncidentLine(k look, r alertsReader, i *alerts.Incident) incidentLine {
	v := incidentLine{
		ID: i.ID, Health: r.severity(i.Severity), Title: incidentTitle(r, i), Began: moment(k.board, i.Began),
		Since: strconv.FormatInt(i.Began.UnixMilli(), 10), Lasts: countdown(max(0, k.board.At.Sub(i.Began))), Carried: carriedBy(k, r, i.Facts, 1),
	}
	v.Health.Calm = false
	if !i.Ended.IsZero() {
		v.Since, v.Lasts = "", countdown(i.Ended.Sub(i.Began))
	}
	if i.Facts.ViewersKnown {
		v.Viewers, v.Short = k.T("matrix.viewers", "n", k.about(max(i.Facts.Viewers, 0))), k.count(math.Round(max(i.Facts.Viewers, 0))).String()
	}
	v.Who, v.Nobody = r.whoHas(i)
	if ack := held(i); ack != nil && k.wall() {
		v.Who = k.T("alertpanel.held.brief", "who", r.who(ack.By), "time", r.until(ack.At))
	}
	spark := make([]float64, 0, len(i.Facts.Spark))
	for _, point := range i.Facts.Spark[:min(len(i.Facts.Spark), 120)] {
		if point < 0 {
			point = math.NaN()
		}
		spark = append(spark, point)
	}
	v.Spark = newSpark(spark, len(spark), 120, 20)
	if len(i.Alerts) > 0 {
		loudest := &i.Alerts[0]
		if i.Facts.ValueKnown && loudest.Signal != "" {
			v.Value = r.value(loudest.Signal, i.Facts.Value)
			if loudest.UsualKnown {
				v.Value = k.T("alertpanel.value", "value", v.Value, "usual", r.value(loudest.Signal, loudest.Usual))
			}
		}
		if n := len(i.Alerts) + i.More; n > 1 {
			v.Tags = append(v.Tags, k.plural("alertpanel.alerts", n))
		}
	}
	if i.Again > 0 {
		v.Tags = append(v.Tags, k.plural("alertpanel.again", i.Again))
	}
	if i.Failing > 0 {
		v.Failing = k.plural("alertpanel.failing", i.Failing)
	}
	if k.wall() {
		return v
	}
	v.URL, v.Runbook, v.Call = "/alerts/"+i.ID, r.runbook(i.Runbook), k.callFor(i.Owner)
	v.Carried = carriedBy(k, r, i.Facts, 2)
	v.Words = actWords{
		k.T("alertpanel.take"), k.T("alertpanel.runbook"), k.T("alertpanel.silence"), k.T("alertpanel.hand_over"), k.T("alertpanel.open"),
	}
	return v
}

func incidentTitle(r alertsReader, i *alerts.Incident) string {
	return cmp.Or(r.text(i.Title), foreign(i.Rule, longestName))
}

// whoHas is who has a problem and since when.
func (r alertsReader) whoHas(i *alerts.Incident) (who string, nobody bool) {
	if ack := held(i); ack != nil {
		return r.T("alertpanel.held", "who", r.who(ack.By), "time", r.until(ack.At)), false
	}
	return r.T("alertpanel.nobody"), i.Ended.IsZero()
}

// carriedBy says what carries a deviation, the largest parts first: 94 % on Free.
func carriedBy(k look, r alertsReader, f alerts.Facts, most int) string {
	var parts []string
	for _, c := range f.Carriers[:min(most, len(f.Carriers))] {
		value := foreign(c.Value, longestName)
		if c.Dimension == "cdn" {
			for i := range k.board.Matrix.Columns {
				if k.board.Matrix.Columns[i].ID == c.Value {
					value = foreign(k.board.Matrix.Columns[i].Name, longestName)
				}
			}
		}
		parts = append(parts, r.T("alertpanel.carried", "share", r.share(c.Share).String(), "value", value))
	}
	return strings.Join(parts, ", ")
}

// callFor is whom to telephone about what belongs to owner: who is on duty for it, else who is on duty first.
func (k look) callFor(owner string) dutyView {
	var first dutyView
	for _, d := range newDuty(k).Rows {
		switch {
		case d.Call == "":
		case owner != "" && (strings.HasPrefix(strings.ToLower(d.Role), strings.ToLower(owner)) || strings.EqualFold(d.Name, owner)):
			return d
		case first.Call == "":
			first = d
		}
	}
	return first
}
