package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"vigie/alerts/notice"
)

// Past is data that can be moved on: what was known at a moment.
type Past interface {
	Data
	// MoveTo makes it the moment at, never before the last one, and says what was known beside the data.
	MoveTo(ctx context.Context, at time.Time) (Moment, error)
}

// Bounds of WouldFire.
const (
	maxPast  = 6 * time.Hour
	maxMoves = 10_000
	maxFired = 500 // of one setting
)

// Stretch is a part of the past.
type Stretch struct {
	From, To time.Time
	Step     time.Duration // from one judgement to the next, whole seconds; 0: 1 s. Longer ones are as many times cheaper, and miss what is shorter
}

// Would is what a dial at one of its settings would have told.
type Would struct {
	Setting Setting
	Fired   []WouldAlert // in the order in which they began; at most 500
	More    int          // beyond them
	Pages   int          // of all, those that somebody would have been told of
}

// WouldAlert is one alert of the past.
type WouldAlert struct {
	Key      string
	Rule     string
	Labels   map[string]string
	From, To time.Time // To is zero: it went on at the end
	Severity notice.Severity
	Weak     bool
	Paged    bool // at least a warning, no weak signal, and of rules that count
}

// WouldFire tells what a group's rules would have told in a stretch of the past at each of the ten settings of its
// dial, 1 first: it is the Evaluator of the present, asked again.
func WouldFire(ctx context.Context, groups []*Group, group string, past Past, s Stretch) ([]Would, error) {
	if s.Step == 0 {
		s.Step = time.Second
	}
	i := slices.IndexFunc(groups, func(g *Group) bool { return g.ID == group })
	switch {
	case i < 0:
		return nil, fmt.Errorf("there are no rules %q", group)
	case !s.To.After(s.From) || s.To.Sub(s.From) > maxPast:
		return nil, fmt.Errorf("from %s to %s is not a stretch of at most %s", s.From.Format(time.RFC3339), s.To.Format(time.RFC3339), Duration(maxPast))
	case s.Step < time.Second || s.Step%time.Second != 0:
		return nil, fmt.Errorf("a step of %s is not whole seconds", s.Step)
	case s.To.Sub(s.From)/s.Step > maxMoves:
		return nil, fmt.Errorf("%s in steps of %s are more than %d", s.To.Sub(s.From), s.Step, maxMoves)
	}
	would := make([]Would, MaxDial)
	evaluators := make([]*Evaluator, MaxDial)
	for n := range would {
		would[n].Setting = SettingAt(n + 1)
		evaluators[n] = NewEvaluator(groups[i:i+1], nil)
		evaluators[n].stride = int64(s.Step / time.Second)
	}
	data := &kept{Past: past, readings: map[asked]Reading{}}
	for at := s.From; !at.After(s.To); at = at.Add(s.Step) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := past.MoveTo(ctx, at)
		if err != nil {
			return nil, err
		}
		data.moved()
		for n, e := range evaluators {
			for _, c := range e.Step(m, data, Dials{group: n + 1}) {
				for _, span := range c.Spans {
					would[n].add(c.Alert, span)
				}
			}
		}
	}
	for n, e := range evaluators {
		for _, a := range e.Alerts() {
			if a.Active() {
				would[n].add(*a, Span{Fired: a.Fired, Severity: a.Severity})
			}
		}
		would[n].order()
	}
	return would, nil
}

func (w *Would) add(a Alert, s Span) {
	fired := WouldAlert{
		Key: a.Key, Rule: a.Rule, Labels: a.Labels, From: s.Fired, To: s.Ended, Severity: s.Severity, Weak: a.Weak,
		Paged: !a.Weak && !a.Monitor && s.Severity.Rank() >= notice.Warning.Rank(),
	}
	if fired.Paged {
		w.Pages++
	}
	if len(w.Fired) < maxFired {
		w.Fired = append(w.Fired, fired)
	} else {
		w.More++
	}
}

func (w *Would) order() {
	slices.SortStableFunc(w.Fired, func(a, b WouldAlert) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Key, b.Key))
	})
}

// kept are data of one moment that are read once, whoever asks.
type kept struct {
	Past
	series   map[View][]Series
	readings map[asked]Reading
}

type asked struct {
	view     View
	group    int
	at, base int64
}

func (k *kept) moved() {
	k.series = map[View][]Series{}
	clear(k.readings)
}

func (k *kept) Series(v View) []Series {
	if _, ok := k.series[v]; !ok {
		k.series[v] = slices.Clone(k.Past.Series(v))
	}
	return k.series[v]
}

func (k *kept) Read(v View, group int, at, base time.Time, r *Reading) {
	key := asked{v, group, at.Unix(), base.Unix()}
	reading, ok := k.readings[key]
	if !ok {
		k.Past.Read(v, group, at, base, &reading)
		k.readings[key] = reading
	}
	*r = reading
}
