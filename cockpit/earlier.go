package cockpit

import (
	"context"
	"math"
	"sync"
	"time"

	"vigie/internal/match"
)

// earlierSlot is ten seconds of an earlier match, whatever its CDNs were.
type earlierSlot struct {
	sent     sent
	watched  experienced
	traffic  float64 // bit/s, peers included
	audience float64
}

// earlierSlots are some of them, added up: what a number is held against.
type earlierSlots struct {
	earlierSlot
	known int // slots that had anything
}

func (e *earlierSlots) add(s *earlierSlot) {
	e.sent.add(&s.sent)
	e.watched.add(&s.watched)
	if s.traffic == s.traffic {
		e.traffic += s.traffic
		e.known++
	}
	if s.audience > e.audience {
		e.audience = s.audience
	}
}

func (e *earlierSlots) bits() float64       { return ratio(e.traffic, float64(e.known)) }
func (e *earlierSlots) errorRatio() float64 { return ratio(e.sent.errors, e.sent.requests) }
func (e *earlierSlots) watching() float64 {
	if e.audience == 0 {
		return math.NaN()
	}
	return e.audience
}

// earlierNight is an earlier match in a scope, from an hour before its kick-off on. It does not change.
type earlierNight struct {
	first int64
	slots []earlierSlot
}

func (n *earlierNight) at(s int64) *earlierSlot {
	if s < n.first || s >= n.first+int64(len(n.slots)) {
		return nil
	}
	return &n.slots[s-n.first]
}

// archive reads earlier matches, each once, one at a time and beside the ticks: a whole match is a
// second's work for ClickHouse.
type archive struct {
	*questions
	mu      sync.Mutex
	nights  map[nightKey]*earlierNight // nil: it is being read, or could not be lately
	order   []nightKey                 // the one used longest ago first
	reading bool
	failed  map[nightKey]time.Time
}

type nightKey struct {
	id    string
	scope Scope
}

const (
	nightsKept   = 8
	nightRetry   = time.Minute
	nightTime    = 4 * time.Hour // from an hour before kick-off
	nightTimeout = time.Minute
)

func newArchive(q *questions) *archive {
	return &archive{questions: q, nights: map[nightKey]*earlierNight{}, failed: map[nightKey]time.Time{}}
}

// night is an earlier match as far as it is known: nil while it is read.
func (a *archive) night(ctx context.Context, m *match.Match, scope Scope, note func(error)) *earlierNight {
	key := nightKey{m.ID, scope}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := a.nights[key]; n != nil {
		return n
	}
	if a.reading || time.Since(a.failed[key]) < nightRetry {
		return nil
	}
	a.reading = true
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), nightTimeout)
		defer cancel()
		n, err := a.read(ctx, m, scope)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reading = false
		if err != nil {
			a.failed[key] = time.Now()
			note(err)
			return
		}
		delete(a.failed, key)
		a.nights[key] = n
		if a.order = append(a.order, key); len(a.order) > nightsKept {
			delete(a.nights, a.order[0])
			a.order = a.order[1:]
		}
	}()
	return nil
}

func (a *archive) read(ctx context.Context, m *match.Match, scope Scope) (*earlierNight, error) {
	first, last := slotOf(m.KickOff.Add(-beforeMatch)), slotOf(m.KickOff.Add(nightTime-beforeMatch))
	n := &earlierNight{first: first}
	for from := first; from < last; from += stretchSlots {
		slots, err := a.readSlots(ctx, scope, from, min(from+stretchSlots, last))
		if err != nil {
			return nil, err
		}
		for _, s := range slots {
			n.slots = append(n.slots, earlierSlot{sent: s.summed(), watched: s.watched, traffic: s.bits(), audience: s.watching()})
		}
	}
	return n, nil
}

// olderSlots are the moments of the earlier match that the slots [from, to) are held against.
func (l *lens) olderSlots(from, to int64) (*earlierSlots, bool) {
	var all earlierSlots
	found := false
	for s := from; s < to; s++ {
		if older := l.olderAt(s); older != nil {
			all.add(older)
			found = true
		}
	}
	return &all, found
}

func (l *lens) olderAt(s int64) *earlierSlot {
	if l.older == nil {
		return nil
	}
	t, ok := match.Align(slotStart(s), l.timeline, l.against.timeline, l.against.align)
	if !ok {
		return nil
	}
	return l.older.at(slotOf(t))
}

// ahead is how far the forecast and the earlier match are drawn into the time to come.
const ahead = 20 * time.Minute

// overlays are the lines drawn over the traffic of the slots [from, to): what was expected, and the
// earlier match.
func (l *lens) overlays(from, to int64) []Line {
	if l.match == nil {
		return nil
	}
	end := to
	if l.sight.Live() {
		end += int64(ahead / slotTime)
	}
	forecast, older := Line{ID: OverForecast, Name: OverForecast}, Line{ID: OverEarlier}
	expects, knows := false, false
	for s := from; s < end; s++ {
		v := math.NaN()
		if l.sight.Scope.Whole() {
			if e, ok := l.match.Expected(l.match.Forecast.Traffic, l.timeline, slotStart(s).Add(slotTime/2)); ok {
				v, expects = e, true
			}
		}
		forecast.Points = append(forecast.Points, v)
		v = math.NaN()
		if o := l.olderAt(s); o != nil && o.traffic == o.traffic {
			v, knows = o.traffic, true
		}
		older.Points = append(older.Points, v)
	}
	var lines []Line
	if expects {
		forecast.Solid = len(forecast.Points)
		lines = append(lines, forecast)
	}
	if knows {
		older.Name, older.Solid = l.against.match.Name, len(older.Points)
		lines = append(lines, older)
	}
	return lines
}
