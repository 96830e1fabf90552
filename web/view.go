package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"sync"

	"github.com/gorilla/websocket"

	"vigie/cockpit"
)

// The pages that are live, by their names on the socket.
const (
	pageBoard   = "board"
	pageWall    = "wall" // the board without what a hand is needed for
	pageSources = "sources"
	pageMatches = "matches" // only the bar over it
)

// viewKey names one way to see a board: the page, the language and, of a board, what the matrix shows
// and what is looked at.
type viewKey struct {
	page     string
	language string
	metric   cockpit.Metric // of boards only, else zero
	sight    cockpit.Sight  // of boards only, else zero
}

// parseView reads what a socket asks to follow. Without a page it is the board, which needs a metric.
func parseView(languages locales, q url.Values) (viewKey, bool) {
	l := languages.byCode(q.Get("lang"))
	if l == nil {
		return viewKey{}, false
	}
	key := viewKey{page: q.Get("page"), language: l.Code}
	switch key.page {
	case "", pageBoard, pageWall:
		key.page = cmp.Or(key.page, pageBoard)
		var known, readable bool
		key.metric, known = cockpit.ParseMetric(q.Get("metric"))
		key.sight, readable = pageSight(key.page, q)
		return key, known && readable
	case pageSources, pageMatches:
		return key, true
	}
	return viewKey{}, false
}

// published is a board, and the alerts of its moment, with what all its views share.
type published struct {
	seq     uint64 // counts what was published since the process began; the first is 1
	boards  uint64 // the same of boards: the same one comes again when alerts alone changed
	board   *cockpit.Board
	alerts  *alertsNow // nil: there are none
	crises  *crisesNow // nil: there are none
	charts  []chartWire
	answers *apiAnswers // for programs
}

func (p *published) next(board *cockpit.Board, alerts *alertsNow, crises *crisesNow) *published {
	n := &published{seq: 1, boards: 1, board: board, alerts: alerts, crises: crises, answers: new(apiAnswers)}
	var before []chartWire
	if p != nil {
		n.seq, n.boards, before = p.seq+1, p.boards+1, p.charts
		if p.board == board {
			n.boards, n.charts, n.answers = p.boards, p.charts, p.answers
			return n
		}
	}
	for i, c := range chartsIn(board) {
		var old *cockpit.Chart
		if i < len(before) && before[i].id == c.id {
			old = before[i].chart
		}
		n.charts = append(n.charts, newChartWire(c.id, c.chart, old))
	}
	return n
}

// view renders boards for one page, language and metric, each board once, when the first one asks.
type view struct {
	page   string
	locale *locale
	metric cockpit.Metric

	mu      sync.Mutex
	current *frame
}

// frame is one board in one view, for any number of screens. It does not change once made.
type frame struct {
	seq      uint64
	boards   uint64              // of the board that it shows
	html     map[string]rendered // by element id
	delta    *websocket.PreparedMessage
	snapshot func() (*websocket.PreparedMessage, error) // made when first asked for, then shared
}

type rendered struct {
	html, shape string
	part        bool
}

// same tells whether a screen that shows before needs nothing of r.
func (r rendered) same(before rendered) bool {
	if r.shape != "" {
		return r.shape == before.shape
	}
	return r.html == before.html
}

// envelope is what goes over the socket. A delta holds only what differs from the frame From.
type envelope struct {
	Kind   string                     `json:"kind"` // snapshot, delta; a beat has this field alone
	Seq    uint64                     `json:"seq"`
	From   uint64                     `json:"from,omitempty"`
	At     int64                      `json:"at"` // the server's clock, ms since 1970
	HTML   map[string]string          `json:"html,omitempty"`
	Charts map[string]json.RawMessage `json:"charts,omitempty"`
}

// render returns the view's frame of p, or a later one when someone else was quicker.
func (v *view) render(p *published) (*frame, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.current
	if before != nil && before.seq >= p.seq {
		return before, nil
	}
	html, again := make(map[string]rendered), before != nil && before.boards == p.boards
	fragments := v.fragments
	if again { // alerts and crises alone may have changed
		fragments = v.alertFragments
	}
	if err := renderInto(html, fragments(p)); err != nil {
		return nil, err
	}
	if again {
		news := false
		for id, r := range html {
			news = news || !r.part && !r.same(before.html[id])
		}
		if !news {
			return before, nil
		}
		all := maps.Clone(before.html)
		maps.Copy(all, html)
		html = all
	}
	f := &frame{seq: p.seq, boards: p.boards, html: html}
	f.snapshot = sync.OnceValues(func() (*websocket.PreparedMessage, error) {
		return prepare(envelope{
			Kind: "snapshot", Seq: p.seq, At: p.board.At.UnixMilli(), Charts: v.charts(p, true),
			HTML: pick(html, func(_ string, r rendered) bool { return !r.part }),
		})
	})
	if before != nil {
		m := envelope{
			Kind: "delta", Seq: p.seq, From: before.seq, At: p.board.At.UnixMilli(),
			HTML: pick(html, func(id string, r rendered) bool { return !r.same(before.html[id]) }),
		}
		if !again { // charts tell what differs from the board just before; an older frame needs them whole
			m.Charts = v.charts(p, before.boards+1 != p.boards)
		}
		var err error
		if f.delta, err = prepare(m); err != nil {
			return nil, err
		}
	}
	v.current = f
	return f, nil
}

func pick(html map[string]rendered, want func(id string, r rendered) bool) map[string]string {
	picked := make(map[string]string, len(html))
	for id, r := range html {
		if want(id, r) {
			picked[id] = r.html
		}
	}
	return picked
}

// charts are on the board only.
func (v *view) charts(p *published, whole bool) map[string]json.RawMessage {
	if v.page == pageSources || v.page == pageMatches {
		return nil
	}
	return chartsOf(p, v.page, whole)
}

// fragments are all that p has for the view.
func (v *view) fragments(p *published) map[string]fragment {
	var fragments map[string]fragment
	switch v.page {
	case pageSources:
		fragments = sourcesFragments(v.locale, p.board)
	case pageMatches:
		fragments = topFragments(v.locale, p.board)
	default:
		fragments = boardFragments(v.page, v.locale, v.metric, p.board)
	}
	maps.Copy(fragments, v.alertFragments(p))
	return fragments
}

// alertFragments are those that alerts and crises have a part in.
func (v *view) alertFragments(p *published) map[string]fragment {
	k := look{v.locale, p.board, v.metric, v.page, p.alerts, p.crises}
	fragments := map[string]fragment{"alarm": {Component: alarmFragment(newAlarmView(k.locale, k.alerts, p.board.At, p.board.Match.Venue))}}
	if v.page == pageMatches {
		fragments["changed"] = fragment{Component: changedFragment(k.crises.told())}
	}
	if v.page == pageSources || v.page == pageMatches {
		return fragments
	}
	crises := newCrisesPanel(k)
	fragments["crises"] = fragment{Component: crisesFragment(crises), shape: crises.shape()}
	alerts := newAlertPanel(k)
	fragments["alerts"] = fragment{Component: alertsFragment(alerts), shape: alerts.shape()}
	fragments["alerts-head"] = fragment{Component: alertsHeadFragment(alerts), part: true}
	fragments["worst"] = fragment{Component: worstFragment(newWorstView(k))}
	fragments["marks"] = fragment{Component: marksFragment(newMarksView(k))}
	fragments["concerns"] = fragment{Component: concernsFragment(newConcernsView(k))}
	if !k.wall() {
		fragments["changes"] = fragment{Component: changesFragment(newChangesView(k))}
		fragments["alerts-table"] = fragment{Component: alertsTableFragment(newAlertTable(k))}
	}
	return fragments
}

func renderInto(html map[string]rendered, fragments map[string]fragment) error {
	var buf bytes.Buffer
	for id, f := range fragments {
		buf.Reset()
		if err := f.Render(context.Background(), &buf); err != nil {
			return fmt.Errorf("web: render %s: %w", id, err)
		}
		html[id] = rendered{html: buf.String(), shape: f.shape, part: f.part}
	}
	return nil
}

func prepare(m envelope) (*websocket.PreparedMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is not put into a page as it is
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("web: encode frame: %w", err)
	}
	pm, err := websocket.NewPreparedMessage(websocket.TextMessage, b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("web: prepare frame: %w", err)
	}
	return pm, nil
}
