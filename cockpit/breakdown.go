package cockpit

import (
	"cmp"
	"context"
	"math"
	"net/netip"
	"sync"
	"time"

	"vigie/internal/ch"
)

const (
	divideEvery   = 10 * time.Second // a narrowed sight is divided so often
	dividedLive   = 2 * time.Minute  // of single lines that are read for it
	dividedMost   = 10 * time.Minute // of a stretch of the past, its end
	samplesMost   = 100
	samplesWithin = 10 * time.Minute
)

// single is the stretch [from, to) of single lines that are read for the sight: at most so much of it.
func (l *lens) single(live, most time.Duration) (from, to time.Time) {
	if l.sight.Live() {
		to = l.complete()
		return to.Add(-live), to
	}
	from, to = time.Unix(l.sight.From, 0), time.Unix(l.sight.To, 0)
	if to.Sub(from) > most {
		from = to.Add(-most)
	}
	return from, to
}

// readDivided reads what a narrowed sight is made of, live now and then. Of everything there are too many
// single lines.
func (l *lens) readDivided(ctx context.Context) error {
	switch {
	case l.sight.Scope.Whole(), l.sight.Live() && l.now.Sub(l.dividedAt) < divideEvery, !l.sight.Live() && !l.dividedAt.IsZero():
		return nil
	}
	from, to := l.single(dividedLive, dividedMost)
	if to.IsZero() {
		return nil
	}
	out, err := l.divide(ctx, l.sight.Scope, from, to)
	if err != nil {
		return err
	}
	l.divided, l.dividedAt = out, l.now
	return nil
}

// divide reads the lines [from, to) of a scope by each of the dimensions.
func (q *questions) divide(ctx context.Context, scope Scope, from, to time.Time) (*Breakdown, error) {
	span := []ch.Param{ch.P("from", from.Truncate(time.Second)), ch.P("to", to.Truncate(time.Second))}
	seconds := to.Sub(from).Seconds()
	var requests []struct {
		By        string  `ch:"by"`
		Name      string  `ch:"name"`
		Lines     uint64  `ch:"lines"`
		Requests  float64 `ch:"requests"`
		Bytes     float64 `ch:"bytes"`
		Errors    float64 `ch:"errors"`
		FirstByte float64 `ch:"first_byte"`
		Parts     uint64  `ch:"parts"`
		All       float64 `ch:"whole"`
	}
	var sessions []struct {
		By          string  `ch:"by"`
		Name        string  `ch:"name"`
		Lines       uint64  `ch:"lines"`
		Sessions    float64 `ch:"sessions"`
		Startup     float64 `ch:"startup"`
		Playing     float64 `ch:"playing"`
		Rebuffering float64 `ch:"rebuffering"`
		Failures    float64 `ch:"failures"`
		Attempts    float64 `ch:"attempts"`
		Parts       uint64  `ch:"parts"`
		All         float64 `ch:"whole"`
	}
	var paths []struct {
		Path      string  `ch:"path"`
		Lines     uint64  `ch:"lines"`
		Requests  float64 `ch:"requests"`
		Errors    float64 `ch:"errors"`
		Status    uint16  `ch:"status"`
		FirstByte float64 `ch:"first_byte"`
	}
	var errs [3]error
	var wg sync.WaitGroup
	if scope.logged() {
		wg.Go(func() { errs[0] = q.ask(ctx, &requests, "divided_requests", append(scope.narrowed(false), span...)...) })
		wg.Go(func() { errs[1] = q.ask(ctx, &paths, "paths", append(scope.narrowed(false), span...)...) })
	}
	wg.Go(func() { errs[2] = q.ask(ctx, &sessions, "divided_sessions", append(scope.narrowed(true), span...)...) })
	wg.Wait()
	if err := cmp.Or(errs[0], errs[1], errs[2]); err != nil {
		return nil, err
	}
	nan := math.NaN()
	out := &Breakdown{Panel: Panel{AsOf: to}, Window: to.Sub(from)}
	if !scope.logged() {
		out.Untold = "device"
	}
	for _, r := range requests {
		addPart(&out.Requests, r.By, int(r.Parts), Part{
			Name: r.Name, Share: ratio(r.Requests, r.All), Bits: r.Bytes * 8 / seconds, Requests: r.Requests / seconds,
			Errors: ratio(r.Errors, r.Requests), FirstByte: told(r.FirstByte), Sessions: nan, Startup: nan, Rebuffering: nan, Lines: r.Lines,
		})
	}
	for _, s := range sessions {
		addPart(&out.Sessions, s.By, int(s.Parts), Part{
			Name: s.Name, Share: ratio(s.Sessions, s.All), Bits: nan, Requests: nan, Errors: ratio(s.Failures, s.Attempts), FirstByte: nan,
			Sessions: s.Sessions, Startup: told(s.Startup), Rebuffering: ratio(s.Rebuffering, s.Playing+s.Rebuffering), Lines: s.Lines,
		})
	}
	for _, p := range paths {
		out.Paths = append(out.Paths, Path{p.Path, p.Requests, ratio(p.Errors, p.Requests), int(p.Status), told(p.FirstByte), p.Lines})
	}
	return out, nil
}

// told is a time in seconds; NaN where it is not told, which is negative or NaN in the tables.
func told(v float64) float64 {
	if v >= 0 {
		return v
	}
	return math.NaN()
}

// addPart appends a part to the division by that dimension; parts come by dimension.
func addPart(to *[]Division, by string, parts int, p Part) {
	if n := len(*to); n == 0 || (*to)[n-1].By != by {
		*to = append(*to, Division{By: by})
	}
	d := &(*to)[len(*to)-1]
	d.Parts = append(d.Parts, p)
	d.Rest = parts - len(d.Parts)
}

// Samples are the latest lines of a sight, a hundred at most, the newest first. Its errors are Look's.
func (c *Cockpit) Samples(ctx context.Context, s Sight, filter SampleFilter) ([]Sample, error) {
	if !c.exists(s) || !s.Scope.logged() {
		return nil, ErrNoSuchSight
	}
	c.mu.Lock()
	m := c.moment
	c.mu.Unlock()
	if m == nil {
		return nil, ErrNoSuchSight
	}
	l := newLens(&c.cfg, c.questions, s)
	l.moment = m
	from, to := l.single(samplesWithin, samplesWithin)
	if to.IsZero() {
		return nil, nil
	}
	var rows []struct {
		Time      int64  `ch:"time_ms"`
		CDN       string `ch:"cdn"`
		ISP       string `ch:"isp"`
		Channel   string `ch:"channel"`
		PoP       string `ch:"pop"`
		Method    string `ch:"method"`
		Path      string `ch:"path"`
		Cache     string `ch:"cache"`
		Status    uint16 `ch:"status"`
		Bytes     uint64 `ch:"bytes"`
		FirstByte int32  `ch:"first_byte"`
		Duration  int32  `ch:"duration"`
		Aborted   uint8  `ch:"aborted"`
		Blocked   uint8  `ch:"blocked"`
		Client    string `ch:"client"`
		Player    string `ch:"user_agent"`
	}
	failed := 0
	if filter.Failed {
		failed = 1
	}
	params := append(s.Scope.narrowed(false), ch.P("from", from.Truncate(time.Second)), ch.P("to", to.Truncate(time.Second)),
		ch.P("failed", failed), ch.P("status", filter.Status), ch.P("pop", filter.PoP), ch.P("most", samplesMost))
	if err := c.ask(ctx, &rows, "samples", params...); err != nil {
		return nil, err
	}
	samples := make([]Sample, 0, len(rows))
	for _, r := range rows {
		samples = append(samples, Sample{
			At: time.UnixMilli(r.Time), CDN: r.CDN, ISP: r.ISP, Channel: r.Channel, PoP: r.PoP, Method: r.Method, Path: r.Path, Cache: r.Cache,
			Status: int(r.Status), Bytes: r.Bytes, FirstByte: told(float64(r.FirstByte) / 1e6), Duration: told(float64(r.Duration) / 1e6),
			Aborted: r.Aborted != 0, Blocked: r.Blocked != 0, Client: address(r.Client), Player: r.Player,
		})
	}
	return samples, nil
}

// address is an IPv6 as it is written for people; empty: none was told.
func address(v6 string) string {
	a, err := netip.ParseAddr(v6)
	if err != nil || a.IsUnspecified() {
		return ""
	}
	return a.Unmap().String()
}
