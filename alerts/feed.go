package alerts

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/alerts/rule"
	"vigie/alerts/tape"
	"vigie/internal/match"
)

// OpenTape is the tape of what happens now, as an Engine uses it.
func OpenTape(cfg tape.Config) (Tape, error) {
	t, err := tape.New(cfg)
	if err != nil {
		return nil, err
	}
	return &feed{Tape: t, cfg: cfg}, nil
}

// feed is a tape in the Engine's terms.
type feed struct {
	*tape.Tape
	cfg tape.Config
}

const (
	previewOf   = time.Hour // of which a dial shows what would have fired
	previewStep = 10 * time.Second
	trendPoints = 180 // of ten seconds
)

// Explain names the kinds of values as the board does.
func (f *feed) Explain(ctx context.Context, signal string, labels map[string]string, from, to time.Time) ([]Carrier, error) {
	carriers, err := f.Tape.Explain(ctx, signal, labels, from, to)
	out := make([]Carrier, 0, len(carriers))
	for _, c := range carriers {
		out = append(out, Carrier{Dimension: c.Dim, Value: c.Value, Share: c.Share})
	}
	return out, err
}

// Trend finds the group by the values of the rule's dimensions.
func (f *feed) Trend(r *rule.Rule, labels map[string]string) (start time.Time, step time.Duration, points []float64) {
	v := r.View()
	var want []string
	if v.By != "" {
		for _, dim := range strings.Split(v.By, ",") {
			want = append(want, labels[dim])
		}
	}
	series := f.Series(v)
	i := slices.IndexFunc(series, func(s rule.Series) bool { return slices.Equal(s.Values, want) })
	if i < 0 {
		return time.Time{}, 0, nil
	}
	points = f.Spark(v, i, trendPoints)
	end := series[i].Complete.Truncate(previewStep)
	return end.Add(-trendPoints * previewStep), previewStep, points
}

// Preview judges the last hour again, at each setting of the dial.
func (f *feed) Preview(ctx context.Context, g *rule.Group) ([]Previewed, error) {
	now := time.Now()
	from := now.Add(-previewOf)
	would, err := rule.WouldFire(ctx, []*rule.Group{g}, g.ID, &replayed{f.Tape.Past(from), f.cfg.Matches}, rule.Stretch{From: from, To: now, Step: previewStep})
	if err != nil {
		return nil, err
	}
	out := make([]Previewed, 0, len(would))
	for i, w := range would {
		p := Previewed{Setting: i + 1}
		last := map[string]time.Time{} // the end of each problem, by its key
		for _, a := range w.Fired {    // in the order in which they began
			if a.Weak {
				continue
			}
			end := a.To
			if end.IsZero() {
				end = now
			}
			told := firing{Alert: rule.Alert{Key: a.Key, Group: g.ID, Labels: a.Labels}, dims: a.Labels, group: g}
			key := told.problemKey()
			if a.Paged && a.From.Sub(last[key]) > comesBack {
				p.Problems++
			}
			if end.After(last[key]) {
				last[key] = end
			}
			p.Fired = append(p.Fired, PreviewedAlert{Rule: a.Rule, Labels: maps.Clone(a.Labels), From: a.From, To: a.To, Severity: a.Severity})
		}
		out = append(out, p)
	}
	return out, nil
}

// replayed is a tape's past with the match's clock at that time.
type replayed struct {
	*tape.Preview
	matches *match.Book
}

// MoveTo shows another moment.
func (r *replayed) MoveTo(_ context.Context, at time.Time) (rule.Moment, error) {
	r.Preview.MoveTo(at)
	return momentOf(r.matches, at), nil
}

// momentOf is what rules know beside the data.
func momentOf(book *match.Book, now time.Time) rule.Moment {
	m := rule.Moment{Now: now}
	if on := book.At(now); on != nil {
		clock := on.Now(book.Timeline(on.ID), now)
		m.Match, m.Phase, m.Minute, m.Criticality = on.ID, clock.Phase, clock.Minute, on.Criticality
	}
	return m
}
