package web

import (
	"math"
	"strings"
	"time"

	"vigie/cockpit"
	"vigie/internal/match"
)

// newAPIBoard is a board as programs read it.
func newAPIBoard(l *locale, b *cockpit.Board) *apiBoard {
	a := &apiBoard{
		At: jsonTime(b.At), Tick: b.Tick, CompleteTo: jsonTime(b.CompleteTo), Sight: newAPISight(b.Sight), Match: newAPIClock(&b.Match),
		Timeline: apiList(b.Marks, newAPIMark), Notes: apiList(b.Notes, newAPINote),
		Duty: apiList(b.Duty, func(d *match.Duty) apiDuty {
			return apiDuty{Name: d.Name, Role: d.Role, From: jsonTime(d.From), To: jsonTime(d.To)}
		}),
		Panels: newAPIPanels(l, b),
	}
	if b.Earlier.ID != "" {
		a.Earlier = &apiEarlier{ID: b.Earlier.ID, Name: b.Earlier.Name, Align: jsonText(b.Earlier.Align), Known: b.Earlier.Known}
	}
	if b.Beside != nil {
		side := newAPIPanels(l, b.Beside)
		side.Capacity, side.Services, side.Sources, side.Concerns, side.Changes = nil, nil, nil, nil, nil // the same for all scopes
		a.Beside = &apiSightSide{Scope: newAPIScope(b.Sight.Beside), Panels: side}
	}
	return a
}

func newAPIPanels(l *locale, b *cockpit.Board) apiPanels {
	head := func(name string, p *cockpit.Panel) apiPanel { return newAPIPanel(l, name, p) }
	number := func(name, unit string, n *cockpit.Number) *apiNumber {
		v := newAPINumber(head(name, &n.Panel), unit, n)
		return &v
	}
	chart := func(name, unit string, c *cockpit.Chart) *apiChart {
		return &apiChart{head(name, &c.Panel), newAPISeries(unit, c), apiList(c.Over, newAPILine), ifPositive(c.Reserved)}
	}
	p := apiPanels{
		Viewers: number("viewers", "viewers", &b.Viewers), Traffic: number("traffic", "bits_per_second", &b.Traffic),
		Errors: number("errors", "ratio", &b.Errors), Startup: number("startup", "seconds", &b.Startup), Rebuffering: number("rebuffering", "ratio", &b.Rebuffering),
		Flow: chart("flow", "bits_per_second", &b.Flow), Failing: chart("failing", "ratio", &b.Failing), Classes: chart("classes", "ratio", &b.Classes),
		Pressure: newAPIPressure(head("pressure", &b.Pressure.Panel), &b.Pressure),
		Capacity: newAPICapacity(head("capacity", &b.Capacity.Panel), &b.Capacity),
		Matrix:   newAPIMatrix(head("matrix", &b.Matrix.Panel), &b.Matrix),
		Tools:    newAPITools(head("tools", &b.Tools.Panel), &b.Tools),
		Mesh:     newAPIMesh(head("mesh", &b.Mesh.Panel), &b.Mesh),
		Services: newAPIServices(head("services", &b.Services.Panel), &b.Services),
		Sources:  newAPISources(head("sources", &b.Sources.Panel), &b.Sources),
	}
	concerns, changes := concernsPanel(b), cockpit.Panel{AsOf: b.At}
	p.Concerns = newAPIConcerns(head("concerns", &concerns), b)
	p.Changes = &apiChanges{head("changes", &changes), apiList(b.Changes, newAPIChange)}
	if b.Breakdown != nil {
		p.Breakdown = newAPIBreakdown(head("breakdown", &b.Breakdown.Panel), b.Breakdown)
	}
	return p
}

// concernsPanel is how old what is found by looking at the other panels is, and which of them failed.
func concernsPanel(b *cockpit.Board) cockpit.Panel {
	p := cockpit.Panel{AsOf: b.Matrix.AsOf}
	for _, of := range []struct {
		name string
		*cockpit.Panel
	}{{"matrix", &b.Matrix.Panel}, {"services", &b.Services.Panel}, {"sources", &b.Sources.Panel}, {"capacity", &b.Capacity.Panel}, {"pressure", &b.Pressure.Panel}} {
		if of.Error != "" {
			p.Error = of.name + ": " + of.Error
			return p
		}
	}
	return p
}

// definitionOf is what a panel's values mean, in the words that stand on the screen.
func definitionOf(l *locale, panel string) string {
	switch panel {
	case "matrix":
		var parts []string
		for _, m := range cockpit.Metrics() {
			parts = append(parts, m.String()+": "+l.T("matrix.definition."+m.String()))
		}
		return strings.Join(parts, " ")
	case "mesh":
		return l.T("mesh.definition", "tool", "the tool that sees most of it")
	case "sources":
		return l.T("sources.definition") + " " + l.T("source.definition")
	}
	return l.T(panel + ".definition")
}

func newAPIPanel(l *locale, name string, p *cockpit.Panel) apiPanel {
	return apiPanel{Definition: definitionOf(l, name), AsOf: jsonTime(p.AsOf), Error: jsonText(p.Error), Untold: jsonText(p.Untold)}
}

func newAPIScope(s cockpit.Scope) apiScope {
	return apiScope{CDN: jsonText(s.CDN), ISP: jsonText(s.ISP), Channel: jsonText(s.Channel), Device: jsonText(s.Device)}
}

func newAPISight(s cockpit.Sight) apiSight {
	a := apiSight{Scope: newAPIScope(s.Scope), Compare: s.Compare, Earlier: jsonText(s.Earlier), Align: jsonText(s.Align)}
	if !s.Live() {
		a.From, a.To = jsonTime(time.Unix(s.From, 0)), jsonTime(time.Unix(s.To, 0))
	}
	return a
}

func newAPIClock(n *match.Now) *apiClock {
	if n.ID == "" && n.KickOff.IsZero() {
		return nil
	}
	c := &apiClock{
		ID: jsonText(n.ID), Name: n.Name, Competition: n.Competition, Criticality: n.Criticality, KickOff: jsonTime(n.KickOff),
		Phase: jsonText(n.Phase), Minute: n.Minute, Added: n.Added, ToKickOff: ifPositive(n.ToKickOff.Seconds()),
	}
	if n.Venue != nil {
		c.TimeZone = jsonText(n.Venue.String())
	}
	return c
}

func newAPIMark(m *match.Mark) apiMark { return apiMark{jsonTime(m.At), string(m.Phase)} }

func newAPINote(n *match.Note) apiNote {
	return apiNote{ID: n.ID, At: jsonTime(n.At), Text: n.Text, By: n.By, Said: jsonTime(n.Said)}
}

func newAPINumber(p apiPanel, unit string, n *cockpit.Number) apiNumber {
	v := apiNumber{
		apiPanel: p, Unit: unit, Value: jsonUnknown, P95: jsonUnknown, Samples: n.Samples, Health: newAPIHealth(cockpit.HealthUnknown), Few: n.Few,
		Before: comparedNumber(cockpit.Compared{Value: n.Before, Known: n.Compare}), Forecast: comparedNumber(n.Forecast), Earlier: comparedNumber(n.Earlier),
		Reserved: comparedNumber(n.Reserved), Lacks: append([]string{}, n.Without...), Recent: jsonNumbers(n.Spark),
		Complete: min(max(n.Solid, 0), len(n.Spark)),
	}
	if n.Known && !math.IsNaN(n.Value) {
		v.Value, v.P95, v.Health = jsonNumber(n.Value), ifPositive(n.P95), newAPIHealth(n.Health)
	}
	return v
}

func newAPISeries(unit string, c *cockpit.Chart) apiSeries {
	longest := 0
	for i := range c.Lines {
		longest = max(longest, len(c.Lines[i].Points))
	}
	return apiSeries{
		Unit: unit, Start: jsonTime(c.Start), Step: c.Step.Seconds(), Complete: min(max(c.Solid, 0), longest), Lines: apiList(c.Lines, newAPILine),
	}
}

func newAPILine(l *cockpit.Line) apiLine {
	return apiLine{ID: l.ID, Name: l.Name, Complete: min(max(l.Solid, 0), len(l.Points)), Values: jsonNumbers(l.Points)}
}

func newAPIPressure(head apiPanel, p *cockpit.Pressure) *apiPressure {
	return &apiPressure{
		apiPanel: head, Chart: newAPISeries("requests_per_second", &p.Chart),
		Accepted: ofPanel(&p.Panel, p.Accepted), Blocked: ofPanel(&p.Panel, p.Blocked), Peak: peakOf(p), PeakAt: jsonTime(p.PeakAt),
		Health: newAPIHealth(p.Health), Login: jsonText(p.Login), Logins: loginOf(p, p.Logins), LoginErrors: loginOf(p, p.LoginErrors),
	}
}

func peakOf(p *cockpit.Pressure) jsonNumber {
	if p.PeakAt.IsZero() {
		return jsonUnknown
	}
	return jsonNumber(p.Peak)
}

func loginOf(p *cockpit.Pressure, v float64) jsonNumber {
	if p.Login == "" {
		return jsonUnknown
	}
	return jsonNumber(v)
}

func newAPICapacity(head apiPanel, c *cockpit.Capacity) *apiCapacity {
	used := func(u *cockpit.Used) apiUsed {
		return apiUsed{
			CDN: u.CDN.ID, Name: u.CDN.Name, ISP: jsonText(u.ISP), Bits: jsonNumber(u.Bits), Reserved: ifPositive(u.Reserved),
			Slope: jsonNumber(u.Slope), Full: ifPositive(u.Full.Seconds()), Health: newAPIHealth(u.Health),
		}
	}
	taker := func(t *cockpit.Taker) apiTaker {
		return apiTaker{
			CDN: t.CDN.ID, Name: t.CDN.Name, More: jsonNumber(t.More), After: jsonNumber(t.After), Reserved: ifPositive(t.Reserved), Health: newAPIHealth(t.Health),
		}
	}
	return &apiCapacity{
		apiPanel: head, CDNs: apiList(c.CDNs, used), Cells: apiList(c.Cells, used),
		Losses: apiList(c.Losses, func(l *cockpit.Loss) apiLoss {
			return apiLoss{
				CDN: l.CDN.ID, Name: l.CDN.Name, Bits: jsonNumber(l.Bits), ISP: jsonText(l.ISP), Health: newAPIHealth(l.Health), Takers: apiList(l.Takers, taker),
			}
		}),
	}
}

// newAPICell is a cell, of peers or of a CDN. One without traffic has no counts either, and viewers of whom no
// beacon tells are not known to be none.
func newAPICell(c *cockpit.Cell, peers bool) apiCell {
	a := apiCell{
		Bits: jsonNumber(c.Bits), Share: jsonNumber(c.Share), Errors: jsonNumber(c.Errors), FirstByte: jsonNumber(c.FirstByte),
		Rebuffering: jsonNumber(c.Rebuffering), Requests: jsonNumber(c.Requests), Viewers: ifPositive(c.Viewers), Lines: c.Lines,
	}
	if peers || !a.Bits.known() {
		a.Requests = jsonUnknown
	}
	return a
}

func newAPIMatrix(head apiPanel, m *cockpit.Matrix) *apiMatrix {
	a := &apiMatrix{apiPanel: head, Window: m.Window.Seconds(), Rows: []apiRow{}}
	a.Columns = apiList(m.Columns, func(c *cockpit.Column) apiColumn {
		total := newAPICell(&c.Total, c.Peers)
		if m.AsOf.IsZero() {
			total = newAPICell(noCell, c.Peers)
		}
		return apiColumn{CDN: c.ID, Name: c.Name, Total: total}
	})
	for i := range m.Rows {
		r := &m.Rows[i]
		row := apiRow{ISP: jsonText(r.ISP), Merged: r.Merged, Cells: []apiCDNCell{}, Total: newAPICell(&r.Total, false)}
		for j := range r.Cells[:min(len(r.Cells), len(m.Columns))] {
			c := &r.Cells[j]
			cell := apiCDNCell{
				CDN: m.Columns[j].ID, apiCell: newAPICell(c, m.Columns[j].Peers), Health: newAPIHealth(c.Health),
				Trend: apiTrend{
					jsonNumbers(c.Trend[cockpit.MetricBits]), jsonNumbers(c.Trend[cockpit.MetricShare]), jsonNumbers(c.Trend[cockpit.MetricErrors]),
					jsonNumbers(c.Trend[cockpit.MetricFirstByte]), jsonNumbers(c.Trend[cockpit.MetricRebuffering]),
				},
			}
			if c.Health >= cockpit.HealthWarning {
				cell.Why = jsonText(c.Why.String())
			}
			row.Cells = append(row.Cells, cell)
		}
		a.Rows = append(a.Rows, row)
	}
	return a
}

// noCell is one of which nothing is known.
var noCell = &cockpit.Cell{Bits: math.NaN(), Share: math.NaN(), Errors: math.NaN(), FirstByte: math.NaN(), Rebuffering: math.NaN()}

func newAPITools(head apiPanel, t *cockpit.Tools) *apiTools {
	return &apiTools{head, t.Window.Seconds(), apiList(t.Rows, func(t *cockpit.Tool) apiTool {
		return apiTool{
			Name: t.Name, Format: t.Format, Startup: jsonNumber(t.Startup), Rebuffering: jsonNumber(t.Rebuffering), Failures: jsonNumber(t.Failures),
			Bitrate: jsonNumber(t.Bitrate), Sessions: jsonNumber(t.Sessions), Beacons: t.Beacons,
		}
	})}
}

func newAPIMesh(head apiPanel, m *cockpit.Mesh) *apiMesh {
	return &apiMesh{
		apiPanel: head, Window: m.Window.Seconds(), Tool: jsonText(m.Tool), Bits: ofPanel(&m.Panel, m.Bits), Offload: ofPanel(&m.Panel, m.Offload),
		Networks: apiList(m.Networks, func(n *cockpit.MeshNetwork) apiNetwork {
			return apiNetwork{ISP: n.ISP, Down: jsonNumber(n.Down), Up: jsonNumber(n.Up), Offload: jsonNumber(n.Offload)}
		}),
		Fallback: apiList(m.Fallback, func(f *cockpit.Fallback) apiFallback {
			return apiFallback{CDN: f.CDN.ID, Name: f.CDN.Name, Now: jsonNumber(f.Now), More: jsonNumber(f.More)}
		}),
	}
}

func newAPIServices(head apiPanel, s *cockpit.Services) *apiServices {
	return &apiServices{head, s.Window.Seconds(), apiList(s.Rows, func(s *cockpit.Service) apiService {
		return apiService{
			Name: s.Name, Rate: jsonNumber(s.Rate), Errors: jsonNumber(s.Errors), P95: jsonNumber(s.P95), Mean: jsonNumber(s.Mean),
			Saturation: jsonNumber(s.Saturation), Resource: jsonText(s.Resource), Requests: jsonNumber(s.Requests), Health: newAPIHealth(s.Health),
		}
	})}
}

// deliveredRate is a rate of a source: not known when it did not deliver in ten minutes.
func deliveredRate(s *cockpit.Source, rate float64) jsonNumber {
	if s.Seen.IsZero() && rate == 0 {
		return jsonUnknown
	}
	return jsonNumber(rate)
}

func lagOf(s *cockpit.Source) jsonNumber {
	if s.Watermark.IsZero() {
		return jsonUnknown
	}
	return jsonNumber(s.Lag.Seconds())
}

func newAPISources(head apiPanel, s *cockpit.Sources) *apiSources {
	return &apiSources{head, apiList(s.Rows, func(s *cockpit.Source) apiSource {
		return apiSource{
			ID: s.ID, CDN: jsonText(s.CDN), Tool: jsonText(s.Tool), Format: s.Format, Rate: deliveredRate(s, s.Rate), Bytes: deliveredRate(s, s.Bytes),
			Seen: jsonTime(s.Seen), Watermark: jsonTime(s.Watermark), Lag: lagOf(s),
			LateP50: ifPositive(s.LateP50.Seconds()), LateP95: ifPositive(s.LateP95.Seconds()), Silent: s.Silent.Seconds(),
			Quarantined: s.Quarantined, Share: jsonNumber(s.Share),
			Reasons: apiList(s.Reasons, func(r *cockpit.Reason) apiReason { return apiReason{r.Text, r.Count, jsonTime(r.Last)} }),
			Door:    apiDoor{s.Door.Stored, s.Door.Bytes, s.Door.Duplicates, s.Door.Refused, jsonTime(s.Door.Last), jsonTime(s.Door.LastRefused)},
			Finding: s.Finding.String(), Field: jsonText(s.Field), Health: newAPIHealth(s.Health),
		}
	})}
}

// unitOf is what a metric's values are.
func unitOf(m cockpit.Metric) string {
	switch m {
	case cockpit.MetricBits:
		return "bits_per_second"
	case cockpit.MetricFirstByte:
		return "seconds"
	}
	return "ratio"
}

func newAPIConcerns(head apiPanel, b *cockpit.Board) *apiConcerns {
	a := &apiConcerns{apiPanel: head, Rows: apiList(b.Concerns, newAPIConcern)}
	if d := b.Worst; d != nil {
		a.Worst = &apiDeviation{
			ISP: d.ISP, CDN: d.CDN, Metric: d.Metric.String(), Unit: unitOf(d.Metric), Value: jsonNumber(d.Value), Usual: jsonNumber(d.Usual),
			Viewers: ifPositive(d.Viewers), Health: newAPIHealth(d.Health), Since: jsonTime(d.Since),
		}
	}
	return a
}

func newAPIConcern(c *cockpit.Concern) apiConcern {
	a := apiConcern{
		Kind: c.Kind.String(), Name: jsonText(c.Name), CDN: jsonText(c.CDN), ISP: jsonText(c.ISP), Unit: "ratio", Value: jsonNumber(c.Value),
		Usual: jsonNumber(c.Usual), Viewers: ifPositive(c.Viewers), Health: newAPIHealth(c.Health), Since: jsonTime(c.Since),
	}
	switch c.Kind {
	case cockpit.ConcernCell:
		a.Metric, a.Unit = jsonText(c.Metric.String()), unitOf(c.Metric)
	case cockpit.ConcernSource:
		a.Finding = jsonText(c.Finding.String())
	}
	return a
}

func newAPIChange(c *cockpit.Change) apiChange {
	a := apiChange{At: jsonTime(c.At), Phase: jsonText(c.Phase)}
	concern := func(kind string, c *cockpit.Concern) {
		of := newAPIConcern(c)
		a.Kind, a.Concern = kind, &of
	}
	switch {
	case c.Began != nil:
		concern("began", c.Began)
	case c.Ended != nil:
		concern("ended", c.Ended)
	case c.Note != nil:
		note := newAPINote(c.Note)
		a.Kind, a.Note = "note", &note
	default:
		a.Kind = "phase"
	}
	return a
}

func newAPIBreakdown(head apiPanel, b *cockpit.Breakdown) *apiBreakdown {
	part := func(p *cockpit.Part) apiPart {
		return apiPart{
			Name: jsonText(p.Name), Share: jsonNumber(p.Share), Bits: jsonNumber(p.Bits), Requests: jsonNumber(p.Requests), Errors: jsonNumber(p.Errors),
			FirstByte: jsonNumber(p.FirstByte), Sessions: jsonNumber(p.Sessions), Startup: jsonNumber(p.Startup), Rebuffering: jsonNumber(p.Rebuffering), Lines: p.Lines,
		}
	}
	division := func(d *cockpit.Division) apiDivision { return apiDivision{d.By, apiList(d.Parts, part), d.Rest} }
	return &apiBreakdown{
		apiPanel: head, Window: b.Window.Seconds(), Requests: apiList(b.Requests, division), Sessions: apiList(b.Sessions, division),
		Paths: apiList(b.Paths, func(p *cockpit.Path) apiPath {
			return apiPath{p.Path, jsonNumber(p.Requests), jsonNumber(p.Errors), ifPositive(float64(p.Status)), jsonNumber(p.FirstByte), p.Lines}
		}),
	}
}
