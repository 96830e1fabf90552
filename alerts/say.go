package alerts

import (
	"math"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/rule"
	"vigie/alerts/signal"
)

// notification is what an entry says. plain tells why the team's own words could not be had: then the plain
// ones are said.
func (r *Room) notification(e *Entry, p *Problem, links Links, by *road) (n *notice.Notification, plain error) {
	n = &notice.Notification{
		ID: e.ID, Problem: e.Problem, Kind: e.Kind, Severity: notice.Info, Drill: e.Drill, Repeat: e.mayBeSaid(),
		Language: e.Target.Language, At: time.Now(), Zone: time.UTC, Viewers: math.NaN(),
	}
	if zone, err := time.LoadLocation(e.Target.Zone); err == nil {
		n.Zone = zone
	}
	var f notice.Facts
	switch {
	case p != nil:
		f = r.describe(n, e, p, links)
	case e.Why == whyBlind:
		n.Severity = notice.Critical
		since, _ := time.Parse(time.RFC3339, e.Detail)
		n.Started = since
		f.Title = map[bool]string{
			true:  "Les alertes de Vigie ne sont plus jugées depuis " + since.In(n.Zone).Format("15:04:05"),
			false: "Vigie's alerts have not been judged since " + since.In(n.Zone).Format("15:04:05"),
		}[n.Language == "fr"]
	}
	notice.Render(n, f)
	if by.Template != nil {
		text, err := by.Template.Render(n)
		if err == nil {
			n.Text = text
		}
		plain = err
	}
	return n, plain
}

// describe fills in what a problem gives.
func (r *Room) describe(n *notice.Notification, e *Entry, p *Problem, links Links) notice.Facts {
	n.Severity, n.Started, n.Ended, n.Labels, n.Owner = p.Severity, p.Began, p.Ended, p.Labels, p.Owner
	n.Spark = spark(p.Facts.Spark)
	if p.Facts.ViewersKnown {
		n.Viewers = p.Facts.Viewers
		if e.Kind == notice.Resolved {
			n.Viewers = p.Facts.Most
		}
	}
	for i := range p.Alerts {
		m := &p.Alerts[i]
		if len(n.Alerts) == 20 {
			break
		}
		n.Alerts = append(n.Alerts, notice.Alert{Title: m.Title.In(n.Language), Labels: m.Labels, Severity: m.Severity, Since: m.Fired, Ended: m.Ended})
	}
	if links.Board != nil {
		n.URL = links.Board(p.Labels, p.Began)
	}
	if links.Ack != nil && e.Kind != notice.Resolved {
		n.AckURL = links.Ack(r.ackLink(p.ID, strings.TrimSpace(who(&e.Target))))
	}
	if strings.Contains(p.Runbook, "://") {
		n.Runbook = p.Runbook
	}
	f := notice.Facts{Title: p.Title.In(n.Language), Detail: p.Detail.In(n.Language)}
	for _, c := range p.Facts.Carriers {
		f.Carried = append(f.Carried, c.Value+": "+rule.Number(n.Language, c.Share, signal.Ratio))
	}
	return f
}

// spark draws up to thirty values in a line of text; those below zero are not known.
func spark(values []float64) string {
	const bars = "▁▂▃▄▅▆▇█"
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	if most == 0 {
		return ""
	}
	var b strings.Builder
	for _, v := range values {
		if v < 0 {
			b.WriteRune(' ')
			continue
		}
		b.WriteRune([]rune(bars)[int(v/most*7+0.5)])
	}
	return strings.TrimSpace(b.String())
}
