package tape

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"vigie/alerts/rule"
	"vigie/alerts/signal"
	"vigie/internal/ch"
	"vigie/internal/watermark"
)

// Preview is the rule.Data of the last hour as it is in memory, by ten seconds: what the rules would have said.
// It may be used beside the Tape's own goroutine, and is itself for one. It shows what is known of these moments
// by now: rows that came late are there.
type Preview struct {
	tape *Tape
	*reader
	lag edges // how far behind each was when it was made
}

// Past is a Preview that stands at the oldest moment that it can show with what was usual before it, or at from,
// whichever is later.
func (t *Tape) Past(from time.Time) *Preview {
	t.mu.RLock()
	defer t.mu.RUnlock()
	live := t.live
	p := &Preview{tape: t, reader: newReader(live.st, &t.cfg), lag: live.edges}
	p.own, p.tape, p.reader.tape = true, t, nil
	p.cdns()
	oldest := live.edges.now - (coarseSlots-usualFrom-8)*slotSeconds
	p.move(max(from.Unix(), oldest))
	return p
}

// cdns makes lags of the edges.
func (p *Preview) cdns() {
	now := p.lag.now
	behind := func(e edge) edge {
		if e.at == 0 {
			return e
		}
		return edge{at: max(0, now-e.at)}
	}
	l := edges{now: now, logs: behind(p.lag.logs), tools: behind(p.lag.tools), services: behind(p.lag.services), sources: behind(p.lag.sources), cdns: map[uint32]edge{}, byTool: map[uint32]edge{}}
	none := func(e edge) edge {
		if e.at == 0 && !e.silent {
			return edge{at: -1}
		}
		return behind(e)
	}
	l.logs, l.tools = none(p.lag.logs), none(p.lag.tools)
	for id, e := range p.lag.cdns {
		l.cdns[id] = none(e)
	}
	for id, e := range p.lag.byTool {
		l.byTool[id] = none(e)
	}
	p.lag = l
}

// MoveTo shows another moment, no later than now. What was usual then is made of what was before.
func (p *Preview) MoveTo(at time.Time) {
	p.tape.mu.RLock()
	defer p.tape.mu.RUnlock()
	p.move(at.Unix())
}

func (p *Preview) move(at int64) {
	behind := func(e edge) edge {
		if e.at < 0 {
			return edge{}
		}
		return edge{at: (at - min(e.at, silentLag)) / slotSeconds * slotSeconds}
	}
	e := edges{now: at, logs: behind(p.lag.logs), tools: behind(p.lag.tools), services: behind(p.lag.services), sources: behind(p.lag.sources), cdns: map[uint32]edge{}, byTool: map[uint32]edge{}}
	for id, of := range p.lag.cdns {
		e.cdns[id] = behind(of)
	}
	for id, of := range p.lag.byTool {
		e.byTool[id] = behind(of)
	}
	p.moveOn(e)
}

// silentLag bounds the lag of what fell silent by now and delivered before.
const silentLag = 120

// Series are the groups of a view; see rule.Data.
func (p *Preview) Series(v rule.View) []rule.Series {
	p.tape.mu.RLock()
	defer p.tape.mu.RUnlock()
	return p.reader.Series(v)
}

// Read is what a group showed; see rule.Data.
func (p *Preview) Read(v rule.View, group int, at, base time.Time, r *rule.Reading) {
	p.tape.mu.RLock()
	defer p.tape.mu.RUnlock()
	p.reader.Read(v, group, at, base, r)
}

// Past is the rule.Data of a stretch of the past, read from ClickHouse by the second, as it would have been known
// then: each source as late as it is said to be. It is for one goroutine.
type Past struct {
	*Tape
	late     map[string]time.Duration
	from, to int64
	at       int64 // stands there
	read     int64 // seconds before it are read
	pending  map[signal.Family][]row
	present  map[string][]told // by source, seconds with lines, from a while before at on
	marks    watermark.Marks
}

// told is a second in which a source told something.
type told struct {
	second int64
	lines  float64
}

// pastStretch is how many seconds one question reads.
const pastStretch = 60

// pastHistory is what is read of before it begins: what was usual, and the longest stretch of a rule.
const pastHistory = 30 * time.Minute

// NewPast stands at from. It reads what was before by ten seconds; late tells how late each source is, by its id:
// one that is missing is on time.
func NewPast(ctx context.Context, cfg Config, from, to time.Time, late map[string]time.Duration) (*Past, error) {
	cfg.Metrics = nil
	t, err := newTape(cfg, coarseSlots)
	if err != nil {
		return nil, err
	}
	p := &Past{Tape: t, late: late, from: from.Unix(), to: to.Unix(), pending: map[signal.Family][]row{}, present: map[string][]told{}}
	if p.to <= p.from {
		return nil, errors.New("the past ends before it begins")
	}
	p.at = p.from
	p.read = (p.from - fineSlots + aheadTime) / slotSeconds * slotSeconds // so much of the ring is full when it begins
	p.live.own = true
	st := t.live.st
	for _, f := range st.ordered {
		if len(f.groupings) == 0 {
			continue
		}
		f.begin(p.read)
		clear(f.unread)
		f.known = p.read
		for s := range f.dirty {
			f.dirty[s] = 0
		}
		first, last := slotOf(p.from-int64(pastHistory/time.Second)), slotOf(p.read+aheadTime)
		for s := range f.loaded {
			f.loaded[s] = false
		}
		if f.name == signal.Sources {
			f.read(first, last)
			continue
		}
		for from := first; from <= last; from += f.stretch {
			fold, err := t.readStretch(ctx, st, f, from, min(from+f.stretch, last+1))
			if err != nil {
				return nil, err
			}
			fold()
		}
		if !f.fine {
			continue
		}
		// What of it is not over yet comes by seconds.
		for s := slotOf(p.read); s <= last; s++ {
			f.empty(s)
		}
	}
	if err := p.seek(ctx, p.read-int64(watermark.Oldest/time.Second), p.read); err != nil {
		return nil, err
	}
	for at := p.read; at < p.from; at++ {
		if err := p.step(ctx, at+1); err != nil {
			return nil, err
		}
	}
	// The earlier match, all of it.
	for before := uint64(0); p.asked.Load() != before; {
		before = p.asked.Load()
		if err := p.fillEarlier(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// MoveTo shows a later moment, second by second. When it fails what was shown before stays, and it may be tried
// again.
func (p *Past) MoveTo(ctx context.Context, at time.Time) error {
	to := at.Unix()
	if to > p.to {
		return fmt.Errorf("%s is after the end of this past", at.Format(time.RFC3339))
	}
	for p.at < to {
		if err := p.step(ctx, p.at+1); err != nil {
			return err
		}
	}
	return nil
}

// step shows the moment at: the second before it is added to what is known.
func (p *Past) step(ctx context.Context, at int64) error {
	if at > p.read {
		if err := p.stretch(ctx, p.read, min(p.read+pastStretch, max(p.to, p.read+1))); err != nil {
			return err
		}
	}
	st := p.live.st
	for _, f := range st.ordered {
		f.begin(at)
		if !f.fine || f.name == signal.Sources || len(f.groupings) == 0 {
			continue
		}
		rows := p.pending[f.name]
		n := 0
		for n < len(rows) && rows[n].slot < at {
			n++
		}
		if n > 0 {
			f.foldFine([]uint32{uint32(at - 1)}, rows[:n], st)
		}
		p.pending[f.name] = rows[n:]
		f.loaded[slotOf(at-1)%int64(f.slots)] = true
	}
	p.at = at
	p.mark(at)
	e := p.edgesOf(&p.marks, &p.live.edges)
	for _, f := range st.ordered {
		f.edges = e
	}
	p.noteSources(&p.marks, &e)
	p.live.moveOn(e)
	if len(p.statements) > 0 && at >= p.from {
		_ = p.putStatements(ctx) // what fails is in its Series
	}
	return ctx.Err()
}

// stretch reads the seconds [from, to).
func (p *Past) stretch(ctx context.Context, from, to int64) error {
	st := p.live.st
	var wg sync.WaitGroup
	var errs [8]error
	var rows [8][]row
	var folds [8]func()
	for i, f := range st.ordered {
		if len(f.groupings) == 0 || f.name == signal.Sources {
			continue
		}
		wg.Go(func() {
			if f.fine {
				rows[i], errs[i] = p.sums(ctx, st, f, from, to, 1, nil)
				return
			}
			folds[i], errs[i] = p.readStretch(ctx, st, f, slotOf(from), slotOf(to-1)+1)
		})
	}
	wg.Go(func() { errs[7] = p.seek(ctx, from, to) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	for i, f := range st.ordered {
		if folds[i] != nil {
			f.begin(to) // slots that are not over yet have room; what is shown ends where it is complete
			folds[i]()
		}
		if rows[i] != nil {
			st.tell(f, rows[i])
			slices.SortStableFunc(rows[i], func(a, b row) int { return int(a.slot - b.slot) })
			p.pending[f.name] = append(slices.Clone(p.pending[f.name]), rows[i]...)
		}
	}
	p.read = to
	return nil
}

// seek learns in which of the seconds [from, to) the sources told something.
func (p *Past) seek(ctx context.Context, from, to int64) error {
	var rows []struct {
		Source string  `ch:"by_source"`
		Second int64   `ch:"second"`
		Lines  float64 `ch:"told"`
	}
	if err := p.ask(ctx, &rows, "present", ch.P("from", time.Unix(from, 0)), ch.P("to", time.Unix(to, 0))); err != nil {
		return err
	}
	for _, r := range rows {
		p.present[r.Source] = append(p.present[r.Source], told{r.Second, r.Lines})
	}
	for source, seconds := range p.present {
		old := 0
		for old < len(seconds) && seconds[old].second < from-int64(watermark.Oldest/time.Second) {
			old++
		}
		p.present[source] = slices.Delete(seconds, 0, old)
	}
	return nil
}

// mark makes the sources' marks of a moment: each received by then what is older than it is late.
func (p *Past) mark(at int64) {
	now := time.Unix(at, 0)
	p.marks = watermark.Marks{Sources: map[string]*watermark.Source{}, CDNs: map[string]string{}, Now: now, Frontier: now}
	for _, info := range p.cfg.Sources {
		p.marks.CDNs[info.ID] = info.CDN
		late := p.late[info.ID]
		arrived := at - int64(late/time.Second)
		seconds := p.present[info.ID]
		n, _ := slices.BinarySearchFunc(seconds, arrived, func(t told, to int64) int { return int(t.second - to) })
		if n == 0 {
			continue
		}
		newest := seconds[n-1].second + 1
		s := &watermark.Source{ID: info.ID, Received: time.Unix(newest, 0).Add(late), Newest: time.Unix(newest, 0), Pause: time.Second, Late: late, LateP50: late, LateP95: late, Known: true}
		for i := n - 1; i >= 0 && seconds[i].second >= arrived-60; i-- {
			s.Lines += uint64(seconds[i].lines)
		}
		s.Minute.Lines = s.Lines
		if s.Received.After(now) {
			s.Received = now
		}
		p.marks.Sources[info.ID] = s
	}
}
