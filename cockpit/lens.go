package cockpit

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"vigie/internal/ch"
	"vigie/internal/watermark"
)

// A lens makes the boards of one sight. What it has read stays in its history, so that a tick asks for
// what came since the last one alone. It is for one goroutine at a time, but for touch.
type lens struct {
	*questions
	cfg    *Config
	sight  Sight
	beside *lens // of Sight.Beside; nil: nothing is compared

	*moment // of the tick under way

	history *history
	last    *Board
	edge    map[int64]map[string]*edgeSecond
	cells   map[toolKey]audience // by tool and cell, of the last complete 30 s
	since   map[cellKey]time.Time
	calm    map[cellKey]time.Time

	divided   *Breakdown
	dividedAt time.Time

	against earlierMatch
	older   *earlierNight // of against; nil: none, or not read yet

	turn chan struct{} // held by the goroutine that looks through it
	made time.Time     // when the last board was

	mu      sync.Mutex
	touched []watermark.Stretch // since the last tick
	looked  time.Time           // when someone last asked for it
}

// audience is how many watch, and how many sessions told so.
type audience struct {
	viewers float64
	told    uint64
}

// edgeSecond is one second of one CDN at the live edge.
type edgeSecond struct{ requests, bytes, errors float64 }

func newLens(cfg *Config, q *questions, s Sight) *lens {
	l := &lens{
		questions: q, cfg: cfg, sight: s, moment: &moment{}, history: newHistory(), last: &Board{Sight: s},
		since: map[cellKey]time.Time{}, calm: map[cellKey]time.Time{}, turn: make(chan struct{}, 1),
	}
	if s.Compare {
		beside := s
		beside.Scope, beside.Compare, beside.Beside = s.Beside, false, Scope{}
		l.beside = newLens(cfg, q, beside)
	}
	return l
}

// touch tells the lens that rows arrived. It may be called at any time.
func (l *lens) touch(stretches []watermark.Stretch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.touched = append(l.touched, stretches...); len(l.touched) > 10_000 { // nobody has looked for hours
		first, last := l.touched[0], l.touched[0]
		for _, t := range l.touched {
			if t.From.Before(first.From) {
				first = t
			}
			if t.To.After(last.To) {
				last = t
			}
		}
		l.touched = []watermark.Stretch{{From: first.From, To: last.To}}
	}
	if l.beside != nil {
		l.beside.touch(stretches)
	}
}

func (l *lens) takeTouched() []watermark.Stretch {
	l.mu.Lock()
	defer l.mu.Unlock()
	touched := l.touched
	l.touched = nil
	return touched
}

// bounds are the first slot that is looked at, and the last.
func (l *lens) bounds() (first, last int64) {
	if l.sight.Live() {
		return slotOf(windowStart(l.match, l.now)), slotOf(l.now)
	}
	return slotOf(time.Unix(l.sight.From, 0)), slotOf(time.Unix(l.sight.To, 0)) - 1
}

// until is a watermark as the sight has it: a stretch of the past ends where it ends, and what is older
// than any source is late is complete.
func (l *lens) until(mark time.Time) time.Time {
	if l.sight.Live() {
		return mark
	}
	end := time.Unix(l.sight.To, 0)
	if old := l.now.Add(-watermark.Oldest); mark.Before(old) {
		mark = old
	}
	if mark.Before(end) {
		return mark
	}
	return end
}

func (l *lens) logs() time.Time              { return l.until(l.marks.Logs()) }
func (l *lens) tools() time.Time             { return l.until(l.marks.Tools()) }
func (l *lens) settled(cdn string) time.Time { return l.until(l.marks.Settled(cdn)) }
func (l *lens) complete() time.Time          { return l.until(l.marks.All()) }

// judged is the first slot that the numbers are made of whose data are complete to before end: those of the
// last minute, or of a stretch of the past as far as it is complete.
func (l *lens) judged(end int64) (first int64) {
	if l.sight.Live() {
		return end - minuteSlots
	}
	first, _ = l.bounds()
	return min(first, end-1) // of what has only begun, one slot that nobody knows
}

// over is how long that is.
func (l *lens) over(end int64) time.Duration { return time.Duration(end-l.judged(end)) * slotTime }

// tick makes the board of a moment.
func (l *lens) tick(ctx context.Context, m *moment) *Board {
	l.moment = m
	failed := failures{sources: m.failed}
	first, last := l.bounds()
	l.history.begin(first, last)
	for _, t := range l.takeTouched() {
		l.history.touch(t.From, t.To, last)
	}
	// The single lines of a stretch of the past are read once, and again when rows arrive for it.
	if !l.sight.Live() && len(l.history.dirty) > 0 {
		l.dividedAt = time.Time{}
	}
	var wg sync.WaitGroup
	wg.Go(func() { failed.edge = l.readEdge(ctx) })
	wg.Go(func() { failed.viewers = l.readCells(ctx) })
	wg.Go(func() { failed.divided = l.readDivided(ctx) })
	var beside *Board
	if l.beside != nil {
		wg.Go(func() { beside = l.beside.tick(ctx, m) })
	}
	failed.history = l.readUnread(ctx)
	wg.Wait()
	for _, err := range []error{failed.history, failed.edge, failed.viewers, failed.divided} {
		if err != nil && ctx.Err() == nil {
			l.cfg.Log.Warn("a panel could not be read", "error", err)
		}
	}
	board := l.board(failed)
	board.Beside = beside
	l.last = board
	return board
}

// failures are the reads that did not work at a tick, each of which some panels need.
type failures struct{ sources, history, edge, viewers, divided error }

// narrowed are the parameters by which a statement narrows to the scope. CDNs' logs know no device, so
// theirs leave it out.
func (s Scope) narrowed(device bool) []ch.Param {
	p := []ch.Param{ch.P("cdn", s.CDN), ch.P("isp", s.ISP), ch.P("channel", s.Channel)}
	if device {
		p = append(p, ch.P("device", s.Device))
	}
	return p
}

// logged tells whether CDNs' logs can be narrowed to the scope.
func (s Scope) logged() bool { return s.Device == "" }

// readUnread reads what rows arrived for, the latest first, for half a second; the rest is for the next
// ticks.
func (l *lens) readUnread(ctx context.Context) error {
	long := int64(stretchSlots)
	if !l.sight.Scope.Whole() { // a part of the rows
		long *= 4
	}
	begun := time.Now()
	for range stretches {
		from, to, ok := l.history.unread(long)
		if !ok {
			return nil
		}
		slots, err := l.readSlots(ctx, l.sight.Scope, from, to)
		if err != nil {
			return err
		}
		l.history.replace(from, slots)
		if time.Since(begun) > tickEvery/2 {
			return nil
		}
	}
	return nil
}

// readSlots reads the slots [from, to), settled.
func (q *questions) readSlots(ctx context.Context, scope Scope, from, to int64) ([]*slot, error) {
	span := []ch.Param{ch.P("from", slotStart(from)), ch.P("to", slotStart(to))}
	var requests []struct {
		Slot      int64     `ch:"slot"`
		CDN       string    `ch:"cdn"`
		ISP       string    `ch:"isp"`
		Lines     uint64    `ch:"lines"`
		Requests  float64   `ch:"requests"`
		Bytes     float64   `ch:"bytes"`
		Errors    float64   `ch:"errors"`
		Server    float64   `ch:"server"`
		Client    float64   `ch:"client"`
		Blocked   float64   `ch:"blocked"`
		FirstByte []float64 `ch:"first_byte"`
	}
	var experience []struct {
		Slot        int64     `ch:"slot"`
		Tool        string    `ch:"tool"`
		CDN         string    `ch:"cdn"`
		ISP         string    `ch:"isp"`
		Lines       uint64    `ch:"lines"`
		Attempts    float64   `ch:"attempts"`
		Starts      float64   `ch:"starts"`
		Playing     float64   `ch:"playing"`
		Rebuffering float64   `ch:"rebuffering"`
		Failures    float64   `ch:"failures"`
		BitsPlayed  float64   `ch:"bits_played"`
		MediaTime   float64   `ch:"media_time"`
		PeerBytes   float64   `ch:"peer_bytes"`
		Uploaded    float64   `ch:"peer_uploaded"`
		CDNBytes    float64   `ch:"cdn_bytes"`
		Startup     []float64 `ch:"startup"`
	}
	var viewers []struct {
		Slot    int64   `ch:"slot"`
		Tool    string  `ch:"tool"`
		Viewers float64 `ch:"viewers"`
	}
	var errs [3]error
	var wg sync.WaitGroup
	if scope.logged() {
		wg.Go(func() { errs[0] = q.ask(ctx, &requests, "requests", append(scope.narrowed(false), span...)...) })
	}
	wg.Go(func() { errs[1] = q.ask(ctx, &experience, "experience", append(scope.narrowed(true), span...)...) })
	wg.Go(func() { errs[2] = q.ask(ctx, &viewers, "viewers", append(scope.narrowed(true), span...)...) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	slots := make([]*slot, to-from)
	for i := range slots {
		slots[i] = newSlot()
	}
	for i := range requests {
		r := &requests[i]
		s := &sent{lines: r.Lines, requests: r.Requests, bytes: r.Bytes, errors: r.Errors, server: r.Server, client: r.Client, blocked: r.Blocked}
		copy(s.firstByte[:], r.FirstByte)
		slots[r.Slot-from].requests[cellKey{r.CDN, r.ISP}] = s
	}
	for i := range experience {
		r := &experience[i]
		e := &experienced{
			lines: r.Lines, attempts: r.Attempts, starts: r.Starts, playing: r.Playing, rebuffering: r.Rebuffering,
			failures: r.Failures, bitsPlayed: r.BitsPlayed, mediaTime: r.MediaTime, peerBytes: r.PeerBytes, uploaded: r.Uploaded, cdnBytes: r.CDNBytes,
		}
		copy(e.startup[:], r.Startup)
		slots[r.Slot-from].experience[toolKey{r.Tool, r.CDN, r.ISP}] = e
	}
	for _, r := range viewers {
		slots[r.Slot-from].viewers[r.Tool] = r.Viewers
	}
	for _, s := range slots {
		s.settle()
	}
	return slots, nil
}

// edgeWindow is how far back the numbers that move look, behind the watermark.
const edgeWindow = time.Minute

// readEdge reads the last complete minute by second; of a stretch of the past the slots are enough.
func (l *lens) readEdge(ctx context.Context) error {
	until := l.logs()
	if until.IsZero() || !l.sight.Live() || !l.sight.Scope.logged() {
		l.edge = nil
		return nil
	}
	var rows []struct {
		Second   uint32  `ch:"second"`
		CDN      string  `ch:"cdn"`
		Requests float64 `ch:"requests"`
		Bytes    float64 `ch:"bytes"`
		Errors   float64 `ch:"errors"`
	}
	span := []ch.Param{ch.P("from", until.Add(-edgeWindow).Truncate(time.Second)), ch.P("to", until.Truncate(time.Second))}
	if err := l.ask(ctx, &rows, "seconds", append(l.sight.Scope.narrowed(false), span...)...); err != nil {
		return err
	}
	l.edge = map[int64]map[string]*edgeSecond{}
	for _, r := range rows {
		second := int64(r.Second)
		if l.edge[second] == nil {
			l.edge[second] = map[string]*edgeSecond{}
		}
		l.edge[second][r.CDN] = &edgeSecond{r.Requests, r.Bytes, r.Errors}
	}
	return nil
}

// readCells reads the audience of each cell, of a stretch of the past at its end.
func (l *lens) readCells(ctx context.Context) error {
	until := l.tools()
	if until.IsZero() {
		l.cells = nil
		return nil
	}
	var rows []struct {
		Tool    string  `ch:"tool"`
		CDN     string  `ch:"cdn"`
		ISP     string  `ch:"isp"`
		Viewers float64 `ch:"viewers"`
		Told    uint64  `ch:"told"`
	}
	end := wholeSlots(until)
	span := []ch.Param{ch.P("from", slotStart(end-3)), ch.P("to", slotStart(end))}
	if err := l.ask(ctx, &rows, "viewers_by_cell", append(l.sight.Scope.narrowed(true), span...)...); err != nil {
		return err
	}
	l.cells = map[toolKey]audience{}
	for _, r := range rows {
		l.cells[toolKey{r.Tool, r.CDN, r.ISP}] = audience{r.Viewers, r.Told}
	}
	return nil
}

// firstText is the text of the first of them that is an error.
func firstText(errs ...error) string {
	var text string
	for _, err := range errs {
		text = cmp.Or(text, errText(err))
	}
	return text
}
