package cockpit

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"vigie/internal/match"
	"vigie/internal/watermark"
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
	if n == nil || s < n.first || s >= n.first+int64(len(n.slots)) {
		return nil
	}
	return &n.slots[s-n.first]
}

// archive reads earlier matches, one at a time and beside the ticks: a whole match is a second's work for
// ClickHouse. One is read again when rows arrive for it: somebody imports it.
type archive struct {
	*questions
	log     *slog.Logger
	mu      sync.Mutex
	nights  map[nightKey]*keptNight
	reading bool
}

type nightKey struct {
	id    string
	scope Scope
}

// keptNight is what is known of an earlier match, and how well.
type keptNight struct {
	id       string
	night    *earlierNight // nil: not read yet, or nothing is known of it
	from, to time.Time
	stale    bool      // rows arrived since it was read
	tried    time.Time // to read it
	used     time.Time
}

const (
	nightsKept   = 8
	nightRetry   = 20 * time.Second
	nightTime    = 4 * time.Hour // from an hour before kick-off
	nightTimeout = time.Minute
)

func newArchive(q *questions, log *slog.Logger) *archive {
	return &archive{questions: q, log: log, nights: map[nightKey]*keptNight{}}
}

// touch tells which stretches rows arrived for.
func (a *archive) touch(stretches []watermark.Stretch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.nights {
		for _, t := range stretches {
			if t.From.Before(n.to) && !t.To.Before(n.from) {
				n.stale = true
			}
		}
	}
}

// night is an earlier match as far as it is known: nil until it was read.
func (a *archive) night(ctx context.Context, m *match.Match, scope Scope) *earlierNight {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	key := nightKey{m.ID, scope}
	n := a.nights[key]
	if n == nil {
		n = &keptNight{id: m.ID, from: m.KickOff.Add(-beforeMatch), to: m.KickOff.Add(nightTime - beforeMatch), stale: true}
		a.nights[key] = n
		a.forget()
	}
	n.used = now
	if n.stale && !a.reading && now.Sub(n.tried) >= nightRetry {
		a.reading, n.stale, n.tried = true, false, now
		go a.fetch(context.WithoutCancel(ctx), n, scope)
	}
	return n.night
}

// forget drops the night used longest ago when there are too many.
func (a *archive) forget() {
	if len(a.nights) <= nightsKept {
		return
	}
	var oldest nightKey
	for key, n := range a.nights {
		if o := a.nights[oldest]; o == nil || n.used.Before(o.used) && !n.tried.IsZero() {
			oldest = key
		}
	}
	delete(a.nights, oldest)
}

func (a *archive) fetch(ctx context.Context, n *keptNight, scope Scope) {
	ctx, cancel := context.WithTimeout(ctx, nightTimeout)
	defer cancel()
	night, err := a.read(ctx, n.from, n.to, scope)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reading = false
	if err != nil {
		n.stale = true
		a.log.Warn("an earlier match could not be read", "match", n.id, "error", err)
		return
	}
	n.night = night
}

// read returns nil when nothing is known of the night.
func (a *archive) read(ctx context.Context, start, end time.Time, scope Scope) (*earlierNight, error) {
	first, last := slotOf(start), slotOf(end)
	n := &earlierNight{first: first}
	any := false
	for from := first; from < last; from += stretchSlots {
		slots, err := a.readSlots(ctx, scope, from, min(from+stretchSlots, last))
		if err != nil {
			return nil, err
		}
		for _, s := range slots {
			n.slots = append(n.slots, earlierSlot{sent: s.all, watched: s.watched, traffic: s.bits(), audience: s.watching()})
			any = any || s.all.lines > 0 || s.watched.lines > 0
		}
	}
	if !any {
		return nil, nil
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

// olderMinute is the traffic of the earlier match in the minute around a slot: a line that is there to be
// compared with is told apart more easily when it does not tremble.
func (l *lens) olderMinute(s int64) float64 {
	sum, known := 0.0, 0
	for i := s - minuteSlots/2; i < s+minuteSlots/2; i++ {
		if o := l.olderAt(i); o != nil && o.traffic == o.traffic {
			sum += o.traffic
			known++
		}
	}
	return ratio(sum, float64(known))
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
		v = l.olderMinute(s)
		knows = knows || v == v
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
