package tape

import (
	"slices"
	"strings"

	"vigie/alerts/signal"
	"vigie/internal/event"
	"vigie/internal/histogram"
)

// services is what services tell, as the board judges it: over the minute that ended 30 s ago, whatever
// a rule's over says, for they report every 10 to 60 s. By ten seconds: a value is that of the minute
// before the last ten seconds that ended.
type services struct {
	r      *reader
	g      *grouping // by service, metric and resource
	by     bool      // divided by service; else all of them are one group
	logins bool      // only those that people sign in by
	of     func(*service) (value, sample float64)

	seen    int // of g's series
	names   []uint32
	members [][]int
}

const serviceSlots = 6

// service is one of them over a stretch.
type service struct {
	requests, errors, asked, timed float64
	duration                       histogram.Buckets
	saturation, values             float64 // NaN: not told
}

func (r *reader) services(s signal.Signal, by []string, where map[string]string) shown {
	cols := []int{srvRequests, srvErrors, srvCount, srvSaturation}
	if s.Name == "service_duration" {
		cols = buckets(cols, srvDuration)
	}
	g := r.st.grouping(signal.Services, []string{"metric", "resource", "service"}, where, r.grow, cols...)
	if g == nil {
		return nil
	}
	out := &services{r: r, g: g, by: len(by) > 0, logins: s.Name == "login_failures"}
	switch s.Name {
	case "service_rate":
		out.of = func(s *service) (float64, float64) {
			if s.asked == 0 {
				return nan, 0
			}
			return s.requests / (serviceSlots * slotSeconds), s.asked
		}
	case "service_errors", "login_failures":
		out.of = func(s *service) (float64, float64) { return ratio(s.errors, s.asked), s.asked }
	case "service_duration":
		out.of = func(s *service) (float64, float64) {
			return s.duration.Quantile(0.95, event.ServiceEdges[:]) / 1000, s.timed
		}
	case "service_saturation":
		out.of = func(s *service) (float64, float64) { return s.saturation, s.values }
	}
	return out
}

// learn finds the services among the series.
func (s *services) learn() {
	for ; s.seen < len(s.g.keys); s.seen++ {
		name := s.g.keys[s.seen][0]
		if s.logins && !slices.ContainsFunc(s.r.cfg.Logins, func(login string) bool { return strings.EqualFold(login, s.r.st.text(name)) }) {
			continue
		}
		if !s.by {
			name = 0
		}
		i := slices.Index(s.names, name)
		if i < 0 {
			i = len(s.names)
			s.names = append(s.names, name)
			s.members = append(s.members, nil)
		}
		s.members[i] = append(s.members[i], s.seen)
	}
}

func (s *services) groups() int {
	s.learn()
	return len(s.names)
}

func (s *services) values(i int) []string {
	if !s.by {
		return []string{}
	}
	return []string{s.r.st.text(s.names[i])}
}

func (s *services) index(values []string) int {
	s.learn()
	if !s.by && len(s.names) > 0 {
		return 0
	}
	return slices.IndexFunc(s.names, func(id uint32) bool { return len(values) == 1 && s.r.st.text(id) == values[0] })
}

func (s *services) edge(int) edge  { return s.r.edgesOf(s.g.family).services }
func (s *services) failed() string { return s.g.family.err }

func (s *services) last(i int) (last int64) {
	for _, m := range s.members[i] {
		last = max(last, s.g.last[m])
	}
	return last
}

// over adds up the slots [first, last) of a group. Several metrics may tell of the same requests, so of each
// service the one that saw most is believed; of those that saw the same the one that tells most errors.
func (s *services) over(i int, first, last int64) (value, sample float64) {
	all := service{saturation: nan}
	believed := map[uint32]*service{}
	metrics := map[[2]uint32]*service{}
	for _, m := range s.members[i] {
		k := s.g.keys[m]
		of := metrics[[2]uint32{k[0], k[1]}]
		if of == nil {
			of = &service{}
			metrics[[2]uint32{k[0], k[1]}] = of
		}
		for slot := first; slot < last; slot++ {
			if !s.g.family.holds(slot) {
				return nan, nan
			}
			row := s.g.coarseRow(int32(m), slot)
			get := func(col int) float64 {
				if p := s.g.place[col]; p >= 0 {
					return row[p]
				}
				return 0
			}
			of.requests += get(srvRequests)
			of.errors += get(srvErrors)
			of.timed += get(srvCount)
			for b := range of.duration {
				of.duration[b] += get(srvDuration + b)
			}
			if full := get(srvSaturation); full > 0 {
				all.values++
				if !(all.saturation >= full-1) {
					all.saturation = full - 1
				}
			}
		}
	}
	for k, of := range metrics {
		b := believed[k[0]]
		if b == nil {
			b = &service{}
			believed[k[0]] = b
		}
		if asked := max(of.requests, of.errors); asked > b.asked || asked == b.asked && of.errors > b.errors {
			b.asked, b.requests, b.errors = asked, of.requests, of.errors
		}
		if of.timed > b.timed {
			b.timed, b.duration = of.timed, of.duration
		}
	}
	for _, b := range believed {
		all.requests += b.requests
		all.errors += b.errors
		all.asked += b.asked
		all.timed += b.timed
		all.duration.Add(&b.duration)
	}
	return s.of(&all)
}

func (s *services) window(i int, _, to, _ int64) (float64, float64) {
	return s.over(i, slotOf(to)-serviceSlots, slotOf(to))
}

func (s *services) slot(i int, slot, _ int64) float64 {
	v, _ := s.over(i, slot+1-serviceSlots, slot+1)
	return v
}
