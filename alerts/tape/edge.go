package tape

import (
	"cmp"
	"time"

	"vigie/internal/watermark"
)

// edge is how far something is complete, and whether what tells it fell silent.
type edge struct {
	at     int64 // seconds; 0: nothing is known
	silent bool
}

// edges is how far everything is complete at a tick.
type edges struct {
	now               int64
	logs, tools       edge
	cdns, byTool      map[uint32]edge
	services, sources edge
}

// serviceLag is how long it takes until a scrape of usual length is stored: as the board has it.
const serviceLag = 30

// whole is a moment cut to its second; 0: none.
func whole(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// edgesOf tells how far the sources are by their marks. What fell silent stays where it was.
func (t *Tape) edgesOf(m *watermark.Marks, last *edges) edges {
	e := edges{now: m.Now.Unix(), cdns: map[uint32]edge{}, byTool: map[uint32]edge{}}
	of := func(pass func(*Source) bool, before edge) edge {
		var least time.Time
		silent := false
		for i := range t.cfg.Sources {
			info := &t.cfg.Sources[i]
			s := m.Sources[info.ID]
			if info.Services || s == nil || !pass(info) {
				continue
			}
			if mark := m.Watermark(s); !mark.IsZero() && (least.IsZero() || mark.Before(least)) {
				least = mark
			}
			silent = silent || m.Silent(s) > 0
		}
		if least.IsZero() {
			return edge{before.at, silent || before.at > 0}
		}
		return edge{whole(least), false}
	}
	e.logs = of(func(s *Source) bool { return s.CDN != "" }, last.logs)
	e.tools = of(func(s *Source) bool { return s.CDN == "" }, last.tools)
	for _, cdn := range t.cfg.CDNs {
		id := t.live.st.id(cdn)
		e.cdns[id] = of(func(s *Source) bool { return s.CDN == cdn }, last.cdns[id])
	}
	for i := range t.cfg.Sources {
		if s := &t.cfg.Sources[i]; s.CDN == "" && !s.Services {
			name := cmp.Or(s.Tool, s.ID)
			id := t.live.st.id(name)
			e.byTool[id] = of(func(o *Source) bool { return o.CDN == "" && cmp.Or(o.Tool, o.ID) == name }, last.byTool[id])
		}
	}
	e.services = edge{at: (e.now - serviceLag) / slotSeconds * slotSeconds}
	e.sources = edge{at: e.now}
	return e
}

// of is a CDN's edge, by its number; 0, or one that is not configured: of all.
func (e *edges) of(cdn uint32) edge {
	if of, ok := e.cdns[cdn]; ok {
		return of
	}
	return e.logs
}

// tool is a tool's edge, by its number; 0, or one that no source is called by: of all.
func (e *edges) tool(tool uint32) edge {
	if of, ok := e.byTool[tool]; ok {
		return of
	}
	return e.tools
}

// lesser is the one of two that is less far.
func lesser(a, b edge) edge {
	if b.at < a.at {
		a.at = b.at
	}
	a.silent = a.silent || b.silent
	return a
}
