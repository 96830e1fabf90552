package web

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	catalogue "vigie/alerts/signal"
	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/internal/match"
)

// alertsReader is who reads the pages of alerts, when and where, and what is known at that moment.
type alertsReader struct {
	*locale
	room   *alerts.Room
	snap   *alerts.Snapshot
	policy *route.Policy // never nil
	groups []*rule.Group
	board  *cockpit.Board // nil: none is published yet
	book   *match.Book
	now    time.Time
	zone   *time.Location
	user   account.User

	hasRunbook func(id string) bool // nil: there are none here
}

func (s *Server) alertsReader(c echo.Context) alertsReader {
	r := alertsReader{
		locale: s.localeOf(c), room: s.config.Alerts, now: time.Now(), zone: s.zoneOf(c), user: userOf(c), book: s.config.Matches, hasRunbook: s.hasRunbook(),
	}
	r.snap, r.policy, r.groups = r.room.Snapshot(), r.room.Policy(), r.room.Groups()
	if r.policy == nil {
		r.policy = &route.Policy{}
	}
	if p := s.scene(cockpit.Sight{}).board.Load(); p != nil {
		r.board = p.board
	}
	return r
}

// acts tells whether the reader may act on what the page shows.
func (r alertsReader) acts() bool { return r.user.May(account.Operator) }

// alertsTop is the bar over these pages; the match's clock in it is live.
func (s *Server) alertsTop(c echo.Context, r alertsReader, main string) (topView, error) {
	v, err := s.matchTop(c, r.locale, main, r.now)
	for i := range v.Pages {
		v.Pages[i].Current = v.Pages[i].URL == "/alerts"
	}
	return v, err
}

// alertsPageView is what all these pages have.
type alertsPageView struct {
	topView
	Language, ID, Title string
	Intro               string // what the page is for
	Sections            []pageLink
	Problem             string // why what was just asked is not done
	Said                string // what was just done
	Follow              bool   // it refreshes itself
}

func (s *Server) alertsPage(c echo.Context, r alertsReader, id string) (alertsPageView, error) {
	top, err := s.alertsTop(c, r, id+"-page")
	v := alertsPageView{topView: top, Language: r.Code, ID: id, Title: r.T("alerts." + id + ".title"), Intro: r.T("alerts." + id + ".intro"), Follow: true}
	for _, section := range []pageLink{
		{Name: "incidents", URL: "/alerts"}, {Name: "log", URL: "/alerts/log"}, {Name: "silences", URL: "/silences"},
		{Name: "oncall", URL: "/on-call"}, {Name: "rules", URL: "/alerts/rules"}, {Name: "channels", URL: "/alerts/channels"},
	} {
		section.Current = section.Name == id
		section.Name = r.T("alerts." + section.Name + ".nav")
		v.Sections = append(v.Sections, section)
	}
	if said := c.QueryParam("said"); said != "" {
		if text, ok := r.texts["alerts.said."+said]; ok {
			v.Said = text
		}
	}
	return v, err
}

// severityView is a severity as colour, shape and word.
func (r alertsReader) severity(s notice.Severity) healthView {
	switch s {
	case notice.Critical:
		return healthView{Class: "critical", Word: r.T("alerts.severity.critical")}
	case notice.Warning:
		return healthView{Class: "warning", Word: r.T("alerts.severity.warning")}
	case notice.Info:
		return healthView{Class: "fine", Word: r.T("alerts.severity.info")}
	}
	return healthView{Class: "unknown", Word: cmp.Or(foreign(string(s), longestName), missing)}
}

// text is a rule's text in the reader's language, or in the other where it has that one alone.
func (r alertsReader) text(t rule.Text) string { return foreign(t.In(r.Code), notice.MaxTitle) }

// at is a moment where the reader is: its time of day, and its day where that is not today.
func (r alertsReader) at(t time.Time) string {
	if t.IsZero() {
		return missing
	}
	t = t.In(r.zone)
	if t.Format(time.DateOnly) == r.now.In(r.zone).Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return r.date(t) + nbsp + t.Format("15:04")
}

// until is the same to the minute: what people set has no seconds.
func (r alertsReader) until(t time.Time) string {
	if t.IsZero() {
		return missing
	}
	t = t.In(r.zone)
	if t.Format(time.DateOnly) == r.now.In(r.zone).Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return r.date(t) + nbsp + t.Format("15:04")
}

// minute is a moment as the match counts it: 101′; "" outside of play.
func (r alertsReader) minute(t time.Time) string {
	if r.board == nil || t.IsZero() || t.After(r.board.At.Add(time.Minute)) || r.board.At.Sub(t) > 6*time.Hour {
		return "" // of another night
	}
	if text := moment(r.board, t); strings.HasSuffix(text, "′") {
		return text
	}
	return ""
}

// since says when something began, as the match counts too, and how long ago.
func (r alertsReader) since(t time.Time) string {
	text := r.T("alerts.since", "time", r.until(t), "span", r.span(r.now.Sub(t)))
	if minute := r.minute(t); minute != "" {
		text = r.T("alerts.since.minute", "minute", minute, "time", r.until(t), "span", r.span(r.now.Sub(t)))
	}
	return text
}

// who is a person as the room calls them: their name in the policy, if their account or id is there.
func (r alertsReader) who(name string) string {
	base, link := strings.CutSuffix(name, byLink)
	for i := range r.policy.People {
		if p := &r.policy.People[i]; p.ID == base || p.Account != "" && p.Account == base {
			base = cmp.Or(p.Name, p.ID)
			break
		}
	}
	base = foreign(base, longestName)
	if link {
		return r.T("alerts.by_link", "who", base)
	}
	return cmp.Or(base, missing)
}

// viewers are how many are hit, as far as that is known.
func (r alertsReader) viewers(f alerts.Facts) string {
	if !f.ViewersKnown {
		return r.T("alerts.viewers.unknown")
	}
	return r.plural("alerts.viewers", int(min(max(f.Viewers, 0), math.MaxInt32)), "n", r.about(max(f.Viewers, 0)))
}

// carried says what carries a deviation: Free 62 %, CloudFront 58 %.
func (r alertsReader) carried(f alerts.Facts) string {
	parts := make([]string, 0, len(f.Carriers))
	for _, c := range f.Carriers {
		parts = append(parts, r.dimension(c.Dimension)+nbsp+foreign(c.Value, longestName)+nbsp+r.share(c.Share).String())
	}
	if len(parts) == 0 {
		return ""
	}
	return r.T("alerts.carried", "what", strings.Join(parts, ", "))
}

// dimension is the name of what a signal is divided by.
func (r alertsReader) dimension(d string) string {
	return r.known("alerts.dimension.", d)
}

// known is the text of a key that comes from elsewhere; one without a text is shown as it is.
func (r alertsReader) known(prefix, key string) string {
	if text, ok := r.texts[prefix+key]; ok {
		return text
	}
	return foreign(key, longestName)
}

func (r alertsReader) signal(name string) string { return r.known("alerts.signal.", name) }

// value writes a signal's value in its unit.
func (r alertsReader) value(name string, v float64) string {
	of, _ := catalogue.Find(name)
	return rule.Number(r.Code, v, of.Unit)
}

// rule is a rule by its id with its group; nil: there is none any more.
func (r alertsReader) rule(id string) (*rule.Group, *rule.Rule) {
	for _, g := range r.groups {
		for _, of := range g.Rules {
			if of.ID == id {
				return g, of
			}
		}
	}
	return nil, nil
}

// group is the title of a group of rules.
func (r alertsReader) group(id string) string {
	for _, g := range r.groups {
		if g.ID == id {
			return cmp.Or(r.text(g.Title), id)
		}
	}
	return r.known("alerts.group.", id)
}

// labelView is one label.
type labelView struct{ Name, Value string }

func (r alertsReader) labels(of map[string]string) []labelView {
	views := make([]labelView, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		views = append(views, labelView{r.dimension(name), r.labelValue(name, of[name])})
	}
	return views
}

// labelValue is what people call the value of a label: a CDN's id is its name.
func (r alertsReader) labelValue(name, value string) string {
	switch {
	case name == "cdn" && r.board != nil:
		value = cdnName(r.board, value)
	case name == "isp":
		value = networkName(r.locale, value)
	}
	return foreign(value, longestName)
}

// typedLabel is the value of a label of which somebody typed what people call it.
func (r alertsReader) typedLabel(name, text string) string {
	if name != "cdn" || r.board == nil {
		return text
	}
	for _, of := range r.board.Matrix.Columns {
		if strings.EqualFold(of.Name, text) {
			return of.ID
		}
	}
	return text
}

// dimensions are names of what signals are divided by: FAI, CDN.
func (r alertsReader) dimensions(names []string) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = r.dimension(name)
	}
	return strings.Join(words, ", ")
}

// muted is why nobody is told, in a sentence; "" where they are.
func (r alertsReader) muted(m *alerts.Mute) string {
	if m == nil {
		return ""
	}
	key := "alerts.mute." + string(m.Kind)
	if _, ok := r.texts[key]; !ok {
		key = "alerts.mute.other"
	}
	text := foreign(m.Text, longestReason)
	if text == "" && m.Cause != "" {
		text = foreign(m.Cause, longestReason)
	}
	if m.Kind == alerts.Consequence {
		if i := r.snap.Find(m.ID); i != nil {
			text = r.text(i.Title)
		}
	}
	if m.Kind == alerts.Silenced {
		for _, s := range r.snap.Silences {
			if s.ID == m.ID {
				return r.T("alerts.mute.silenced.by", "who", r.who(s.By), "until", r.until(s.To), "reason", foreign(s.Reason, longestReason))
			}
		}
	}
	if !m.Until.IsZero() {
		return r.T(key+".until", "reason", cmp.Or(text, missing), "until", r.until(m.Until))
	}
	return r.T(key, "reason", cmp.Or(text, missing))
}

// judgedView is whether what the page says can be believed: as of when data are judged, by whom, and what is
// wrong with the alerts themselves.
type judgedView struct {
	Health  healthView
	Text    string
	Trouble []string
}

// judgedLate is how far behind judgement may be before no alert means nothing.
const judgedLate = 30 * time.Second

func (r alertsReader) judged() judgedView {
	v := judgedView{Health: newHealth(r.locale, cockpit.HealthFine)}
	switch late := r.now.Sub(r.snap.Judged); {
	case r.snap.Judged.IsZero():
		v.Health, v.Text = newHealth(r.locale, cockpit.HealthUnknown), r.T("alerts.judged.never")
	case late > judgedLate:
		v.Health, v.Text = newHealth(r.locale, cockpit.HealthWarning), r.T("alerts.judged.late", "time", r.at(r.snap.Judged), "span", r.span(late))
	default:
		v.Text = r.T("alerts.judged", "time", r.at(r.snap.Judged))
	}
	for _, key := range r.snap.Trouble {
		name, of, _ := strings.Cut(key, ":")
		if text, ok := r.texts["alerts.trouble."+name]; ok {
			v.Trouble = append(v.Trouble, strings.ReplaceAll(text, "{of}", foreign(of, longestName)))
		} else {
			v.Trouble = append(v.Trouble, foreign(key, longestName))
		}
	}
	return v
}

// percentOf is a share of an axis, for an SVG.
func percentOf(part, whole float64) string {
	if whole <= 0 {
		return "0%"
	}
	return strconv.FormatFloat(100*min(max(part/whole, 0), 1), 'f', 2, 64) + "%"
}
