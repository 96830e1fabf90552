package tape

import (
	"vigie/alerts/signal"
	"vigie/internal/watermark"
)

// sources is how senders deliver, as it is at each second: what a rule's over says matters to nothing.
type sources struct {
	r      *reader
	g      *grouping
	col    int
	sample int // column; -1: none
}

func (r *reader) sources(s signal.Signal, by []string, where map[string]string) shown {
	if len(by) != 1 && where["source"] == "" {
		return nil // how late all sources are together says nothing
	}
	g := r.st.grouping(signal.Sources, []string{"source"}, where, r.grow, srcLag, srcSilence, srcRefused, srcLines)
	if g == nil {
		return nil
	}
	out := &sources{r: r, g: g, sample: srcLines}
	switch s.Name {
	case "source_lag":
		out.col = srcLag
	case "source_silence":
		out.col, out.sample = srcSilence, -1
	case "source_refused":
		out.col = srcRefused
	}
	return out
}

func (s *sources) groups() int      { return len(s.g.keys) }
func (s *sources) last(i int) int64 { return s.g.last[i] }
func (s *sources) failed() string   { return s.g.family.err }
func (s *sources) edge(int) edge    { return s.r.edgesOf(s.g.family).sources }

func (s *sources) values(i int) []string { return s.g.values(s.r.st.names, i) }

func (s *sources) index(values []string) int { return (&sums{r: s.r, g: s.g}).index(values) }

func (s *sources) shown(row []float64) (value, sample float64) {
	if row[s.g.place[srcKnown]] == 0 {
		return nan, nan
	}
	sample = nan
	if s.sample >= 0 {
		sample = row[s.g.place[s.sample]]
	}
	return row[s.g.place[s.col]], sample
}

func (s *sources) window(i int, _, to, _ int64) (float64, float64) {
	if f := s.g.family; s.r.fine && f.finely(to-1, to) {
		return s.shown(s.g.fineRow(int32(i), to-1))
	} else if slot := slotOf(to - 1); f.holds(slot) {
		return s.shown(s.g.coarseRow(int32(i), slot))
	}
	return nan, nan
}

func (s *sources) slot(i int, slot, _ int64) float64 {
	if !s.g.family.holds(slot) {
		return nan
	}
	v, _ := s.shown(s.g.coarseRow(int32(i), slot))
	return v
}

// noteSources keeps how each source delivers at this second. One that has not delivered for so long that its
// deliveries are forgotten goes on being silent.
func (t *Tape) noteSources(marks *watermark.Marks, e *edges) {
	st := t.live.st
	f := st.families[signal.Sources]
	if len(f.groupings) == 0 {
		return
	}
	var rows []row
	for i := range t.cfg.Sources {
		info := &t.cfg.Sources[i]
		s := marks.Sources[info.ID]
		if s != nil {
			t.received[info.ID] = s.Received
		}
		received, ever := t.received[info.ID]
		if !ever {
			continue
		}
		r := row{slot: e.now - 1, key: key{st.id(info.ID)}}
		r.cols[srcKnown], r.cols[srcLag], r.cols[srcRefused] = 1, nan, nan
		if s == nil {
			r.cols[srcSilence] = marks.Now.Sub(received).Seconds()
		} else {
			r.cols[srcSilence] = marks.Silent(s).Seconds()
			if mark := marks.Watermark(s); !mark.IsZero() {
				r.cols[srcLag] = max(0, marks.Now.Sub(mark).Seconds())
			}
			lines := float64(s.Minute.Lines + s.Minute.Refused)
			r.cols[srcRefused], r.cols[srcLines] = ratio(float64(s.Minute.Refused), lines), lines
		}
		rows = append(rows, r)
	}
	slot := slotOf(e.now - 1)
	for _, g := range f.groupings {
		st.dropped += g.find(rows, st.log)
		for i := range rows {
			if at := g.moved[i]; at >= 0 {
				for p, c := range g.cols {
					g.fineRow(at, e.now-1)[p] = rows[i].cols[c]
					g.coarseRow(at, slot)[p] = rows[i].cols[c]
				}
				g.last[at] = e.now
			}
		}
	}
	f.known = f.head - fineSlots // each second tells whether it is known
	f.loaded[slot%int64(f.slots)] = true
	clear(f.unread)
	f.edges, f.err = *e, ""
}
