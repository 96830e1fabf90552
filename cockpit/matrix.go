package cockpit

import (
	"cmp"
	"math"
	"slices"
	"time"

	"vigie/internal/event"
)

const (
	trendPoints = 30 // of a cell: 15 minutes
	trendSlots  = 3  // in one point, live
	usualSkip   = 4  // latest points that do not count as usual: two minutes
)

// matrix is networks by CDNs over the last complete minute.
func (l *lens) matrix() Matrix {
	logs, tools := l.logs(), l.tools()
	m := Matrix{Panel: Panel{AsOf: logs}, Window: l.over(wholeSlots(logs))}
	for _, cdn := range l.cfg.CDNs {
		m.Columns = append(m.Columns, Column{ID: cdn.ID, Name: cdn.Name, Colour: cdn.Colour})
	}
	m.Columns = append(m.Columns, Column{ID: Peers, Name: "P2P", Colour: len(l.cfg.CDNs), Peers: true})
	if logs.IsZero() {
		return m
	}
	end := wholeSlots(logs)
	m.AsOf = slotStart(end)
	sums := l.history.sum(l.judged(end), end)
	seen := map[cellKey]*experienced{}
	peers := map[string]float64{}
	leading := ""
	if !tools.IsZero() {
		toolEnd := wholeSlots(tools)
		for k, e := range l.history.sumExperience(l.judged(toolEnd), toolEnd) {
			cell := cellKey{k.cdn, k.isp}
			if seen[cell] == nil {
				seen[cell] = &experienced{}
			}
			seen[cell].add(e)
		}
		for s := l.judged(toolEnd); s < toolEnd; s++ {
			if sl := l.history.at(s); sl != nil {
				for isp, bytes := range sl.peers {
					peers[isp] += bytes
				}
			}
		}
		if sl := l.history.at(toolEnd - 1); sl != nil {
			leading = sl.leading
		}
	}
	isps := map[string]float64{}
	for k, s := range sums {
		isps[k.isp] += s.bytes
	}
	for isp, bytes := range peers {
		isps[isp] += bytes
	}
	names := make([]string, 0, len(isps))
	for isp := range isps {
		names = append(names, isp)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(-cmp.Compare(isps[a], isps[b]), cmp.Compare(a, b)) })

	seconds := m.Window.Seconds()
	columnTotals := make([]totals, len(m.Columns))
	var rowSums [][]totals
	for _, isp := range names {
		row := Row{ISP: isp}
		var rowTotal totals
		cells := make([]totals, len(m.Columns))
		for i, col := range m.Columns {
			cell := blankCell()
			var t totals
			if col.Peers {
				if bytes, ok := peers[isp]; ok {
					t.bytes, t.any = bytes, true
				}
			} else {
				key := cellKey{col.ID, isp}
				if s := sums[key]; s != nil {
					t.sent, t.bytes, t.any = *s, s.bytes, true
				}
				if e := seen[key]; e != nil {
					t.experienced = *e
				}
				t.audience = l.cells[toolKey{leading, col.ID, isp}]
			}
			if t.any {
				cell = t.cell(seconds)
				cell.Share = ratio(t.bytes, isps[isp])
			}
			if !col.Peers {
				l.judge(&cell, cellKey{col.ID, isp}, t.audience.told, end)
			} else if t.any {
				cell.Health = HealthFine
				cell.Trend[MetricBits] = l.peerTrend(isp, end)
			}
			row.Cells = append(row.Cells, cell)
			rowTotal.add(&t)
			columnTotals[i].add(&t)
			cells[i] = t
		}
		rowSums = append(rowSums, cells)
		row.Total = rowTotal.cell(seconds)
		row.Total.Share = 1
		m.Rows = append(m.Rows, row)
	}
	m.Rows = foldRows(m.Rows, rowSums, seconds)
	all := 0.0
	for i := range columnTotals {
		all += columnTotals[i].bytes
	}
	for i := range m.Columns {
		m.Columns[i].Total = columnTotals[i].cell(seconds)
		m.Columns[i].Total.Share = ratio(columnTotals[i].bytes, all)
	}
	return m
}

// maxRows is how many networks have a row of their own: a wall has no room for more, and a tail of
// small ones tells nothing that their sum does not.
const maxRows = 8

// foldRows puts the smallest networks into one last row, except those that ask for someone. sums
// are what each row's cells were made of.
func foldRows(rows []Row, sums [][]totals, seconds float64) []Row {
	if len(rows) <= maxRows {
		return rows
	}
	asks := func(r Row) bool {
		return slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Health > HealthFine })
	}
	quiet := maxRows - 1 // how many rows are left for those that ask for nobody
	for _, r := range rows {
		if asks(r) {
			quiet--
		}
	}
	var kept []Row
	var rest Row
	var tail totals
	folded, health := make([]totals, len(rows[0].Cells)), make([]Health, len(rows[0].Cells))
	for i, r := range rows {
		if loud := asks(r); len(kept) < maxRows-1 && (loud || quiet > 0) {
			if !loud {
				quiet--
			}
			kept = append(kept, r)
			continue
		}
		rest.Merged++
		for j := range sums[i] {
			folded[j].add(&sums[i][j])
			tail.add(&sums[i][j])
			health[j] = max(health[j], r.Cells[j].Health)
		}
	}
	for i := range folded {
		cell := folded[i].cell(seconds)
		cell.Share = ratio(folded[i].bytes, tail.bytes)
		cell.Health = health[i]
		rest.Cells = append(rest.Cells, cell)
	}
	rest.Total = tail.cell(seconds)
	rest.Total.Share = 1
	return append(kept, rest)
}

// totals are the sums that a cell's values are made of.
type totals struct {
	sent        sent
	experienced experienced
	bytes       float64
	audience    audience
	any         bool
}

func (t *totals) add(o *totals) {
	t.sent.add(&o.sent)
	t.experienced.add(&o.experienced)
	t.bytes += o.bytes
	t.audience.viewers += o.audience.viewers
	t.audience.told += o.audience.told
	t.any = t.any || o.any
}

func blankCell() Cell {
	nan := math.NaN()
	return Cell{Bits: nan, Share: nan, Errors: nan, FirstByte: nan, Rebuffering: nan, Requests: nan, Viewers: nan}
}

func (t *totals) cell(seconds float64) Cell {
	if !t.any {
		return blankCell()
	}
	return Cell{
		Bits:        t.bytes * 8 / seconds,
		Share:       math.NaN(),
		Errors:      ratio(t.sent.errors, t.sent.requests),
		FirstByte:   t.sent.firstByte.Quantile(0.95, event.FirstByteEdges[:]) / 1000,
		Rebuffering: t.experienced.rebufferingRatio(),
		Requests:    t.sent.requests,
		Viewers:     t.audience.viewers,
		Lines:       t.sent.lines,
	}
}

// judge fills in a cell's trends and what it asks for. told is how many sessions its experience is of.
func (l *lens) judge(cell *Cell, key cellKey, told uint64, end int64) {
	for m := range cell.Trend {
		cell.Trend[m] = make([]float64, trendPoints)
	}
	per := l.perTrend(end)
	for i := range trendPoints {
		var t totals
		rowBytes := 0.0
		from := end - int64(trendPoints-i)*per
		for s := from; s < from+per; s++ {
			sl := l.history.at(s)
			if sl == nil {
				continue
			}
			if r := sl.requests[key]; r != nil {
				t.sent.add(r)
				t.bytes += r.bytes
				t.any = true
			}
			if e := sl.byCell[key]; e != nil {
				t.experienced.add(e)
			}
			rowBytes += sl.byISP[key.isp]
		}
		point := t.cell((time.Duration(per) * slotTime).Seconds())
		cell.Trend[MetricBits][i] = point.Bits
		cell.Trend[MetricShare][i] = ratio(t.bytes, rowBytes)
		cell.Trend[MetricErrors][i] = point.Errors
		cell.Trend[MetricFirstByte][i] = point.FirstByte
		cell.Trend[MetricRebuffering][i] = point.Rebuffering
	}
	if !enough(cell.Lines, l.over(end)) {
		delete(l.since, key)
		return
	}
	limits := l.cfg.Limits
	cell.Health = HealthFine
	consider := func(h Health, why Metric) {
		if h > cell.Health {
			cell.Health, cell.Why = h, why
		}
	}
	// A first byte that doubles from 4 to 8 ms is nobody's business, and a 95th percentile of a few
	// lines is one line.
	const firstByteFloor, enoughForP95 = 0.2, 100
	if cell.FirstByte > firstByteFloor && cell.Lines >= enoughForP95 {
		consider(limits.FirstByte.judge(cell.FirstByte/cell.usual(MetricFirstByte)), MetricFirstByte)
	}
	consider(limits.Errors.judge(atLeast(cell.Errors, float64(cell.Lines))), MetricErrors)
	if told >= enoughSessions {
		consider(limits.Rebuffering.judge(cell.Rebuffering), MetricRebuffering)
	}

	switch _, running := l.since[key]; {
	case cell.Health > HealthFine && !running:
		l.since[key] = l.now.Add(-minuteSlots * slotTime / 2)
		delete(l.calm, key)
	case cell.Health > HealthFine:
		delete(l.calm, key)
	case running && l.calm[key].IsZero():
		l.calm[key] = l.now
	case running && l.now.Sub(l.calm[key]) > calmAfter:
		delete(l.since, key)
		delete(l.calm, key)
	}
}

// atLeast is the ratio that n observations vouch for: the lower end of Wilson's 99 % interval
// (E. B. Wilson 1927, JASA 22:209). One error among eighty lines is 1.2 %, but says at least 0.1 %.
func atLeast(ratio, n float64) float64 {
	const z = 2.576
	if n <= 0 || ratio != ratio {
		return math.NaN()
	}
	centre := ratio + z*z/(2*n)
	spread := z * math.Sqrt(ratio*(1-ratio)/n+z*z/(4*n*n))
	return max(0, (centre-spread)/(1+z*z/n))
}

// usual is the cell's own median of the last quarter of an hour, the last two minutes apart.
func (c *Cell) usual(m Metric) float64 {
	trend := c.Trend[m]
	if len(trend) < trendPoints {
		return math.NaN()
	}
	return median(trend[:trendPoints-usualSkip])
}

// value is what the cell has of a metric.
func (c *Cell) value(m Metric) float64 {
	switch m {
	case MetricShare:
		return c.Share
	case MetricErrors:
		return c.Errors
	case MetricFirstByte:
		return c.FirstByte
	case MetricRebuffering:
		return c.Rebuffering
	}
	return c.Bits
}

// perTrend is how many slots are in one point of a trend: of a stretch of the past the trend has all.
func (l *lens) perTrend(end int64) int64 {
	if l.sight.Live() {
		return trendSlots
	}
	return max(1, (end-l.judged(end))/trendPoints)
}

func (l *lens) peerTrend(isp string, end int64) []float64 {
	out := make([]float64, trendPoints)
	per := l.perTrend(end)
	for i := range out {
		out[i] = math.NaN()
		bytes, any := 0.0, false
		from := end - int64(trendPoints-i)*per
		for s := from; s < from+per; s++ {
			if sl := l.history.at(s); sl != nil {
				bytes += sl.peers[isp]
				any = any || sl.peers != nil
			}
		}
		if any {
			out[i] = bytes * 8 / (time.Duration(per) * slotTime).Seconds()
		}
	}
	return out
}

// worst is the cell that asks loudest: critical before warning, then by the viewers it concerns,
// then by its requests.
func (l *lens) worst(m *Matrix) *Deviation {
	var out *Deviation
	var lines float64
	for _, row := range m.Rows {
		for i := range row.Cells {
			cell := &row.Cells[i]
			if cell.Health < HealthWarning {
				continue
			}
			louder := out == nil || cell.Health > out.Health ||
				cell.Health == out.Health && (cell.Viewers > out.Viewers || cell.Viewers == out.Viewers && cell.Requests > lines)
			if !louder {
				continue
			}
			lines = cell.Requests
			out = &Deviation{
				ISP: row.ISP, CDN: m.Columns[i].Name, Metric: cell.Why, Value: cell.value(cell.Why), Usual: cell.usual(cell.Why),
				Since: l.since[cellKey{m.Columns[i].ID, row.ISP}], Viewers: cell.Viewers, Health: cell.Health,
			}
			if out.Since.IsZero() {
				out.Since = l.now
			}
		}
	}
	return out
}
