package cockpit

import (
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"vigie/internal/match"
	"vigie/internal/watermark"
)

// BenchmarkBoard makes the board of a whole final out of what is in memory: four CDNs, ten networks,
// three tools, four hours. It is what a tick costs beside its questions.
func BenchmarkBoard(b *testing.B) {
	m := &match.Match{ID: "final", Name: "Final", KickOff: time.Now().Add(-150 * time.Minute).Truncate(10 * time.Second)}
	for at := -time.Hour; at < 4*time.Hour; at += 5 * time.Minute {
		m.Forecast.Traffic = append(m.Forecast.Traffic, match.Point{At: at, Value: 3e12})
		m.Forecast.Viewers = append(m.Forecast.Viewers, match.Point{At: at, Value: 2e6})
	}
	for _, cdn := range []string{"a", "b", "c", "d"} {
		m.Capacity = append(m.Capacity, match.Reserve{CDN: cdn, Bits: 1e12})
	}
	if err := m.Check(); err != nil {
		b.Fatal(err)
	}
	cfg := Config{Limits: Limits{}.usual(), Log: slog.New(slog.DiscardHandler)}
	for i, id := range []string{"a", "b", "c", "d"} {
		cfg.CDNs = append(cfg.CDNs, CDN{ID: id, Name: id, Colour: i})
		cfg.Sources = append(cfg.Sources, SourceInfo{ID: id, CDN: id})
	}
	l := newLens(&cfg, nil, Sight{})
	now := time.Now()
	marks := watermark.Marks{CDNs: map[string]string{"a": "a", "b": "b", "c": "c", "d": "d", "t": ""}, Now: now, Frontier: now, Sources: map[string]*watermark.Source{}}
	for id := range marks.CDNs {
		marks.Sources[id] = &watermark.Source{ID: id, Received: now, Newest: now, Known: true, Late: 2 * time.Second}
	}
	l.moment = &moment{now: now, marks: marks, match: m, timeline: m.Planned(), clock: m.Now(nil, now)}
	first, last := l.bounds()
	l.history.begin(first, last)
	slots := make([]*slot, last-first+1)
	for i := range slots {
		s := newSlot()
		for _, cdn := range cfg.CDNs {
			for isp := range 10 {
				r := &sent{lines: 500, requests: 5000, bytes: 1e9, errors: 3, server: 2, client: 5}
				e := &experienced{lines: 100, starts: 5, attempts: 5, playing: 1e6, rebuffering: 3e3, peerBytes: 1e8, cdnBytes: 1e9}
				for k := range r.firstByte {
					r.firstByte[k], e.startup[k] = 300, 3
				}
				name := fmt.Sprint("network ", isp)
				s.requests[cellKey{cdn.ID, name}] = r
				for _, tool := range []string{"mux", "npaw", "player"} {
					s.experience[toolKey{tool, cdn.ID, name}] = e
				}
			}
		}
		s.viewers["mux"] = 2e6 + 1e5*math.Sin(float64(i)/50)
		s.settle()
		slots[i] = s
	}
	l.history.replace(first, slots)
	older := &earlierNight{first: first - 34_560}
	for range slots {
		older.slots = append(older.slots, earlierSlot{traffic: 2e12, audience: 1e6})
	}
	semi := &match.Match{ID: "semi", Name: "Semi", KickOff: m.KickOff.Add(-96 * time.Hour)}
	if err := semi.Check(); err != nil {
		b.Fatal(err)
	}
	l.against, l.older = earlierMatch{match: semi, timeline: semi.Planned()}, older
	b.ReportAllocs()
	for b.Loop() {
		board := l.board(failures{})
		if len(board.Matrix.Rows) == 0 || !board.Traffic.Earlier.Known {
			b.Fatal("the board is empty")
		}
		l.capacity(&board.Mesh)
	}
}
