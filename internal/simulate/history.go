package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// The sizes of history's batches: big enough that a bus likes them, small enough for any limit.
const (
	historyLines = 1500
	historyBeats = 1500
	quarter      = 15 * time.Minute
)

// History sends the seconds from..to, both at most Config.Past before Start and not after it, as fast
// as the collectors and Config.HistoryPace let it: the newest quarter of an hour first, each in order of time. All of it
// travels over HTTP; an nginx CDN's lines go to /ingest/{cdn} without syslog header, those of players
// that post their own go with their tool's. Where the window has more lines than
// Config.HistoryRate, lines and sessions are thinned by a whole factor, and weights grow by it.
// Backends' counters can only be told in order of time: they come first and whole, at longer steps.
//
// It returns once everything was acknowledged. The error says when something was refused, is
// unsettled or ctx ended.
func (m *Match) History(ctx context.Context, from, to time.Time) error {
	first, last := from.Unix(), to.Unix()
	switch {
	case first >= last:
		return fmt.Errorf("simulate: history from %s to %s is empty", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case first < m.cast.people.from || last > m.cfg.Start.Unix():
		return fmt.Errorf("simulate: history must lie within the %s before %s", m.cfg.Past, m.cfg.Start.Format(time.RFC3339))
	}
	k := max(1, int(math.Round(m.cast.peakLines*m.meanAudience(from, to)/m.cfg.HistoryRate)))
	requestWeight, sessionWeight := uint64(m.cast.requestWeight*k), uint64(m.cast.sessionWeight*k)
	incidents := m.current() // those injected later start after this

	s := m.cfg.Scenario
	var senders []*sender
	sources := func(source string) *edge {
		to := m.newSender(source, m.cfg.Tokens[source], 2)
		to.room = make(chan struct{}, 8) // generation waits for the collector
		senders = append(senders, to)
		return &edge{to: to}
	}
	cdns, tools := make([]*edge, len(s.CDNs)), make([]*edge, len(s.Tools))
	encoders := make([]encoder, len(s.CDNs))
	for i, n := range s.CDNs {
		cdns[i], encoders[i] = sources(n.Name), encoderOf(n.Format)
	}
	for i, t := range s.Tools {
		tools[i] = sources(t.Source)
	}
	var scrapes *edge
	if m.scrapes() {
		scrapes = sources(s.Scrape.Source)
		scrapes.to.workers = 1
	}
	m.mu.Lock()
	m.senders = append(m.senders, senders...)
	m.mu.Unlock()
	var wg sync.WaitGroup
	for _, to := range senders {
		wg.Go(func() { to.run(ctx) })
	}

	sent, done, began := 0, int64(0), time.Now()
	flush := func(e *edge, format string, weight uint64) error {
		if e.lines == 0 {
			return nil
		}
		sent += e.lines
		b := e.seal(format, e.to.source, weight, time.Time{})
		b.path += "&backfill=1" // old data tells nothing of how late a source is
		if pace := m.cfg.HistoryPace; pace > 0 && !sleepUntil(ctx, began.Add(time.Duration(float64(sent)/pace*float64(time.Second)))) {
			return ctx.Err()
		}
		return e.to.put(ctx, b)
	}
	flushAll := func() error {
		for i, e := range cdns {
			if err := flush(e, s.CDNs[i].Format, requestWeight); err != nil {
				return err
			}
		}
		for _, e := range tools {
			if err := flush(e, formatBeacon, sessionWeight); err != nil {
				return err
			}
		}
		return nil
	}
	var lines []line
	var beats []beat
	second := func(sec int64) error {
		at := newStamp(sec)
		w := m.cast.weather(incidents, sec)
		lines = m.cast.lines(lines[:0], sec, k, w)
		for i := range lines {
			l := &lines[i]
			if silent, _ := interference(incidents, s.CDNs[l.cdn].Name, sec); silent {
				continue
			}
			e := cdns[l.cdn]
			e.line(m.cast, encoders[l.cdn], &at, l, requestWeight)
			if e.lines >= historyLines {
				if err := flush(e, s.CDNs[l.cdn].Format, requestWeight); err != nil {
					return err
				}
			}
		}
		beats = m.cast.beats(beats[:0], sec, k, w)
		for i := range beats {
			q := &beats[i]
			if silent, _ := interference(incidents, s.Tools[q.tool].Source, sec); silent {
				continue
			}
			q.direct = false
			e := tools[q.tool]
			e.beat(m.cast, &at, q, sessionWeight)
			if e.lines >= historyBeats {
				if err := flush(e, formatBeacon, sessionWeight); err != nil {
					return err
				}
			}
		}
		return ctx.Err()
	}
	report := func() {
		if m.cfg.Progress != nil {
			m.cfg.Progress(Progress{time.Duration(done) * time.Second, time.Duration(last-first) * time.Second, sent})
		}
	}
	err := func() error {
		if scrapes != nil {
			n, err := m.scrapedBefore(ctx, first, last, incidents, scrapes)
			if sent += n; err != nil {
				return err
			}
		}
		for end := last; end > first; end -= int64(quarter / time.Second) {
			for sec := max(first, end-int64(quarter/time.Second)); sec < end; sec++ {
				if err := second(sec); err != nil {
					return err
				}
				if done++; done%15 == 0 {
					report()
				}
			}
			if err := flushAll(); err != nil {
				return err
			}
		}
		return nil
	}()
	for _, to := range senders {
		to.finish()
	}
	wg.Wait()
	if err != nil {
		return fmt.Errorf("simulate: history: %w", err)
	}
	report()
	var failed []error
	for _, to := range senders {
		if st := to.snapshot(); st.Refused+st.Dropped+st.Unsettled > 0 {
			failed = append(failed, fmt.Errorf("source %s: %d batches refused, %d not sent, %d unsettled: %s", st.Source, st.Refused, st.Dropped, st.Unsettled, to.reason))
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("simulate: history: %w", errors.Join(failed...))
	}
	return nil
}
