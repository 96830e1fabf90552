package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/rule"
)

// rulesView is what is watched, and how sensitively.
type rulesView struct {
	alertsPageView
	Acts    bool
	Groups  []groupView
	Nothing string
	Judged  judgedView
}

// groupView is a file of rules with its dial.
type groupView struct {
	ID, Title, File string
	Owner, Runbook  string
	Mode, Tests     string
	Rules           []ruleRow
	Dial            dialView
	Depends         string
	Together        string
}

type ruleRow struct {
	ruleWords
	Name string
}

// dialView is where a group's sensitivity stands.
type dialView struct {
	Group, URL, Preview string
	Steps               []dialStep
	Turned              string // who turned it, when
	Acts                bool
	K                   string
}

type dialStep struct {
	N, Label  string
	Now       bool
	Usual     bool
	Disabled  bool
	UsualWord string
}

// previewView is what would have fired in the last hour at each setting.
type previewView struct {
	Group, Title string
	Columns      []previewColumn
	Nothing      string // why there is none
	AsOf         string
	Words        string
	Fired        []previewFired // at the setting where the dial stands
	FiredTitle   string
	Top          string
}

type previewColumn struct {
	N, Count, Title, Pages string
	Height                 string // of the bar, in percent
	Now, Usual             bool
	Dots                   []string // classes, one for each problem; at most maxDots
	More                   string
}

type previewFired struct {
	Health             healthView
	Title, Times, Span string
}

const maxDots = 12

func (s *Server) showRules(c echo.Context) error { return s.renderRules(c, http.StatusOK, "") }

func (s *Server) renderRules(c echo.Context, status int, problem string) error {
	r := s.alertsReader(c)
	page, err := s.alertsPage(c, r, "rules")
	if err != nil {
		return err
	}
	v := r.newRules()
	v.alertsPageView, v.Problem = page, problem
	return render(c, status, rulesPage(s.shellView(c, r.locale), v))
}

func (r alertsReader) newRules() rulesView {
	v := rulesView{Acts: r.acts(), Judged: r.judged()}
	firing, blind := map[string]int{}, map[string]int{}
	for i := range r.snap.Open {
		for n := range r.snap.Open[i].Alerts {
			if m := &r.snap.Open[i].Alerts[n]; m.Ended.IsZero() {
				firing[m.Rule]++
			}
		}
	}
	for i := range r.snap.Weak {
		firing[r.snap.Weak[i].Rule]++
	}
	for i := range r.snap.Blind {
		blind[r.snap.Blind[i].Rule]++
	}
	for _, g := range r.groups {
		of := groupView{
			ID: g.ID, Title: r.group(g.ID), File: "rules/" + g.ID + ".yaml", Owner: foreign(g.Owner, longestName), Runbook: r.runbook(g.Runbook),
			Dial: r.dial(g), Tests: r.T("alerts.tests.none"),
		}
		if len(g.Tests) > 0 {
			of.Tests = r.plural("alerts.tests", len(g.Tests))
		}
		if g.Mode != rule.Live {
			of.Mode = r.known("alerts.mode.", string(g.Mode))
		}
		if len(g.DependsOn) > 0 {
			names := make([]string, 0, len(g.DependsOn))
			for _, id := range g.DependsOn {
				names = append(names, r.group(id))
			}
			of.Depends = r.T("alerts.depends", "groups", strings.Join(names, ", "))
		}
		if t := g.Together; t != nil {
			of.Together = r.plural("alerts.together", max(t.Families, 2), "n", strconv.Itoa(max(t.Families, 2)), "title", r.general(&rule.Rule{ID: t.ID, Title: t.Title, By: t.By}))
		}
		for _, one := range g.Rules {
			row := ruleRow{ruleWords: r.ruleWords(g, one)}
			row.Name = r.general(one)
			if n := firing[one.ID]; n > 0 {
				row.States = append(row.States, stateCount{"critical", r.plural("alerts.count.firing", n)})
			}
			if n := blind[one.ID]; n > 0 {
				row.States = append(row.States, stateCount{"unknown", r.plural("alerts.count.blind", n)})
			}
			if len(row.States) == 0 && row.Live {
				state := stateCount{"fine", r.T("alerts.count.quiet")}
				if v.Judged.Health.Class != "fine" {
					state = stateCount{"unknown", r.T("alerts.count.unknown")}
				}
				row.States = append(row.States, state)
			}
			of.Rules = append(of.Rules, row)
		}
		v.Groups = append(v.Groups, of)
	}
	if len(v.Groups) == 0 {
		v.Nothing = r.T("alerts.rules.none")
	}
	return v
}

// general is a rule's title for any of its groups: FAI × CDN : premier octet …
func (r alertsReader) general(of *rule.Rule) string {
	text := r.text(of.Title)
	for _, name := range of.By {
		text = strings.ReplaceAll(text, "{"+name+"}", r.dimension(name))
	}
	for {
		before, after, found := strings.Cut(text, "{")
		_, rest, closed := strings.Cut(after, "}")
		if !found || !closed {
			return cmp.Or(strings.TrimSpace(text), of.ID)
		}
		text = before + "…" + rest
	}
}

func (r alertsReader) dial(g *rule.Group) dialView {
	d, ok := r.snap.Dials[g.ID]
	if !ok {
		d.At, d.Usual = g.Sensitivity, g.Sensitivity
	}
	v := dialView{Group: g.ID, URL: "/alerts/dials/" + url.PathEscape(g.ID), Preview: "/alerts/dials/" + url.PathEscape(g.ID), Acts: r.acts()}
	v.Turned = r.T("alerts.dial.never")
	if d.By != "" {
		v.Turned = r.T("alerts.dial.turned", "who", r.who(d.By), "time", r.at(d.Since), "to", strconv.Itoa(d.At))
	}
	for n := rule.MinDial; n <= rule.MaxDial; n++ {
		step := dialStep{N: strconv.Itoa(n), Now: n == d.At, Usual: n == d.Usual, Disabled: !v.Acts, Label: r.T("alerts.dial.to", "n", strconv.Itoa(n))}
		switch {
		case step.Now && step.Usual:
			step.Label += " (" + r.T("alerts.dial.now") + ", " + r.T("alerts.dial.usual") + ")"
		case step.Now:
			step.Label += " (" + r.T("alerts.dial.now") + ")"
		case step.Usual:
			step.Label += " (" + r.T("alerts.dial.usual") + ")"
		}
		v.Steps = append(v.Steps, step)
	}
	return v
}

// previews keeps what would have fired for a minute: it takes seconds to find out, and several people look at
// the same time. Whoever asks while somebody does waits for the same answer.
type previews struct {
	mu   sync.Mutex
	kept map[string]*keptPreview
}

type keptPreview struct {
	mu     sync.Mutex
	at     time.Time
	result []alerts.Previewed
}

const (
	previewKept = time.Minute
	previewWait = 20 * time.Second
)

func (p *previews) of(group string) *keptPreview {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil {
		p.kept = map[string]*keptPreview{}
	}
	k, ok := p.kept[group]
	if !ok {
		k = &keptPreview{}
		p.kept[group] = k // groups are those of the files: the caller asks for no other
	}
	return k
}

func (p *previews) get(ctx context.Context, room *alerts.Room, group string) ([]alerts.Previewed, time.Time, error) {
	k := p.of(group)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := ctx.Err(); err != nil { // who waited for another's answer for too long
		return nil, time.Time{}, err
	}
	if time.Since(k.at) < previewKept {
		return k.result, k.at, nil
	}
	result, err := room.Preview(ctx, group)
	if err != nil {
		return nil, time.Time{}, err
	}
	k.result, k.at = result, time.Now()
	return k.result, k.at, nil
}

// showDial shows what each setting of a group's dial would have told in the last hour; as a part of the page
// of rules, or as a page by itself.
func (s *Server) showDial(c echo.Context) error {
	r := s.alertsReader(c)
	var g *rule.Group
	for _, of := range r.groups {
		if of.ID == c.Param("group") {
			g = of
		}
	}
	if g == nil {
		return echo.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), previewWait)
	defer cancel()
	result, at, err := s.previews.get(ctx, r.room, g.ID)
	if err != nil && !errors.Is(err, alerts.ErrNotFound) {
		s.log.Warn("what a dial would do is not shown", "group", g.ID, "error", err)
	}
	v := r.newPreview(g, result, at, err)
	if c.Request().Header.Get("X-Part") != "" {
		return render(c, http.StatusOK, previewPart(s.shellView(c, r.locale), v))
	}
	page, err := s.alertsPage(c, r, "rules")
	if err != nil {
		return err
	}
	page.Title = v.Title
	return render(c, http.StatusOK, dialPage(s.shellView(c, r.locale), page, r.dial(g), v))
}

func (r alertsReader) newPreview(g *rule.Group, result []alerts.Previewed, at time.Time, err error) previewView {
	v := previewView{Group: g.ID, Title: r.T("alerts.preview", "group", r.group(g.ID))}
	switch {
	case errors.Is(err, alerts.ErrNotFound):
		v.Nothing = r.T("alerts.preview.elsewhere")
		return v
	case err != nil:
		v.Nothing = r.T("alerts.preview.failed")
		return v
	}
	v.AsOf = r.T("alerts.preview.as_of", "time", r.at(at))
	d := r.snap.Dials[g.ID]
	top := 1
	for i := range result {
		top = max(top, result[i].Problems)
	}
	v.Top = strconv.Itoa(top)
	for i := range result {
		of := &result[i]
		n := strconv.Itoa(of.Setting)
		col := previewColumn{
			N: n, Count: strconv.Itoa(of.Problems), Height: percentText(100 * float64(of.Problems) / float64(top)), Now: of.Setting == d.At, Usual: of.Setting == d.Usual,
			Title: r.plural("alerts.preview.column", of.Problems, "n", strconv.Itoa(of.Problems), "setting", n),
		}
		for k := range of.Fired {
			if k == maxDots {
				col.More = "+" + strconv.Itoa(len(of.Fired)-maxDots)
				break
			}
			col.Dots = append(col.Dots, r.severity(of.Fired[k].Severity).Class)
		}
		v.Columns = append(v.Columns, col)
		if of.Setting != d.At {
			continue
		}
		v.FiredTitle = r.plural("alerts.preview.fired", len(of.Fired), "n", strconv.Itoa(len(of.Fired)), "setting", n)
		for k := range of.Fired {
			if k == 50 {
				break
			}
			f := &of.Fired[k]
			_, one := r.rule(f.Rule)
			title := foreign(f.Rule, longestName)
			if one != nil {
				title = r.signal(one.Signal)
			}
			for _, l := range r.labels(f.Labels) {
				title += " · " + l.Value
			}
			row := previewFired{Health: r.severity(f.Severity), Title: title, Times: r.at(f.From) + " → " + r.T("alerts.preview.going")}
			if !f.To.IsZero() {
				row.Times, row.Span = r.at(f.From)+" → "+r.at(f.To), r.span(f.To.Sub(f.From))
			}
			v.Fired = append(v.Fired, row)
		}
	}
	if len(v.Columns) == 0 {
		v.Nothing = r.T("alerts.preview.none")
	}
	return v
}
