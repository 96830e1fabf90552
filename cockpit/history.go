package cockpit

import (
	"math"
	"slices"
	"time"

	"vigie/internal/histogram"
)

// slotTime is the grain of what is kept in memory for the charts.
const slotTime = 10 * time.Second

func slotOf(t time.Time) int64         { return t.Unix() / int64(slotTime/time.Second) }
func slotStart(slot int64) time.Time   { return time.Unix(slot*int64(slotTime/time.Second), 0) }
func wholeSlots(until time.Time) int64 { return slotOf(until) } // slots before it have ended by then

type cellKey struct{ cdn, isp string }

// sent is what a CDN sent to a network in one slot.
type sent struct {
	lines                   uint64
	requests, bytes, errors float64
	server, client, blocked float64 // of requests: 5xx; 4xx that no rule refused; refused by security rules
	firstByte               histogram.Buckets
}

func (s *sent) add(o *sent) {
	s.lines += o.lines
	s.requests += o.requests
	s.bytes += o.bytes
	s.errors += o.errors
	s.server += o.server
	s.client += o.client
	s.blocked += o.blocked
	s.firstByte.Add(&o.firstByte)
}

type toolKey struct{ tool, cdn, isp string }

// experienced is what a tool saw of a CDN's viewers on a network in one slot.
type experienced struct {
	lines                                                                                                  uint64
	attempts, starts, playing, rebuffering, failures, bitsPlayed, mediaTime, peerBytes, uploaded, cdnBytes float64
	startup                                                                                                histogram.Buckets
}

func (e *experienced) add(o *experienced) {
	e.lines += o.lines
	e.attempts += o.attempts
	e.starts += o.starts
	e.playing += o.playing
	e.rebuffering += o.rebuffering
	e.failures += o.failures
	e.bitsPlayed += o.bitsPlayed
	e.mediaTime += o.mediaTime
	e.peerBytes += o.peerBytes
	e.uploaded += o.uploaded
	e.cdnBytes += o.cdnBytes
	e.startup.Add(&o.startup)
}

// slot is ten seconds of the night. It is filled once, settled, and read many times.
type slot struct {
	requests   map[cellKey]*sent
	experience map[toolKey]*experienced
	viewers    map[string]float64 // by tool

	// What settle derives.
	all      sent // of all CDNs and networks
	byCDN    map[string]*sent
	byISP    map[string]float64 // bytes sent
	byCell   map[cellKey]*experienced
	watched  experienced        // all tools and cells
	peers    map[string]float64 // bytes from other viewers, by network; nil: no tool says
	peerSum  float64
	leading  string // the tool that sees most viewers
	audience float64
}

func newSlot() *slot {
	return &slot{requests: map[cellKey]*sent{}, experience: map[toolKey]*experienced{}, viewers: map[string]float64{}}
}

func (s *slot) settle() {
	s.byCDN, s.byISP, s.byCell = map[string]*sent{}, map[string]float64{}, map[cellKey]*experienced{}
	for k, r := range s.requests {
		if s.byCDN[k.cdn] == nil {
			s.byCDN[k.cdn] = &sent{}
		}
		s.byCDN[k.cdn].add(r)
		s.all.add(r)
		s.byISP[k.isp] += r.bytes
	}
	peerBytes := map[string]float64{}
	for k, e := range s.experience {
		cell := cellKey{k.cdn, k.isp}
		if s.byCell[cell] == nil {
			s.byCell[cell] = &experienced{}
		}
		s.byCell[cell].add(e)
		s.watched.add(e)
		peerBytes[k.tool] += e.peerBytes
	}
	// Every tool may report the same bytes, so those of the tool that saw most are taken.
	if tool, most := largest(peerBytes); tool != "" {
		s.peers, s.peerSum = map[string]float64{}, most
		for k, e := range s.experience {
			if k.tool == tool {
				s.peers[k.isp] += e.peerBytes
			}
		}
	}
	// Each tool counts sessions of its own, so the widest view is taken, never the sum.
	s.leading, s.audience = largest(s.viewers)
}

// largest is the key with the largest value, the first by name among equals.
func largest(of map[string]float64) (key string, value float64) {
	for k, v := range of {
		if key == "" || v > value || v == value && k < key {
			key, value = k, v
		}
	}
	return key, value
}

// history keeps the window's slots, and which of them must be read again because rows arrived for
// them. It belongs to the ticking goroutine.
type history struct {
	first int64 // slot; what is older is not kept
	slots map[int64]*slot
	dirty map[int64]bool
}

func newHistory() *history {
	return &history{slots: map[int64]*slot{}, dirty: map[int64]bool{}}
}

// begin moves the window's start and marks what came into it as unread.
func (h *history) begin(first, now int64) {
	if first == h.first {
		return
	}
	until := h.first
	if len(h.slots) == 0 && len(h.dirty) == 0 {
		until = now + 1
	}
	for s := first; s < until; s++ {
		h.dirty[s] = true
	}
	h.first = first
	for s := range h.slots {
		if s < first {
			delete(h.slots, s)
		}
	}
	for s := range h.dirty {
		if s < first {
			delete(h.dirty, s)
		}
	}
}

// touch marks the slots of a stretch of time as unread, within the window and not beyond last.
func (h *history) touch(from, to time.Time, last int64) {
	for s := max(slotOf(from), h.first); s <= min(slotOf(to)+2, last); s++ { // sessions count in two slots more
		h.dirty[s] = true
	}
}

// unread takes the next stretch [from, to) of unread slots, the latest first, at most n long.
func (h *history) unread(n int64) (from, to int64, ok bool) {
	if len(h.dirty) == 0 {
		return 0, 0, false
	}
	last := int64(math.MinInt64)
	for s := range h.dirty {
		last = max(last, s)
	}
	from = last
	for h.dirty[from-1] && last-from+1 < n {
		from--
	}
	return from, last + 1, true
}

// replace gives what is known of the slots from a first one on.
func (h *history) replace(from int64, slots []*slot) {
	for i, sl := range slots {
		delete(h.dirty, from+int64(i))
		h.slots[from+int64(i)] = sl
	}
}

func (h *history) at(s int64) *slot { return h.slots[s] }

// sum adds up the requests of [from, to) by cell.
func (h *history) sum(from, to int64) map[cellKey]*sent {
	out := map[cellKey]*sent{}
	for s := from; s < to; s++ {
		if sl := h.slots[s]; sl != nil {
			for k, v := range sl.requests {
				if out[k] == nil {
					out[k] = &sent{}
				}
				out[k].add(v)
			}
		}
	}
	return out
}

// sumExperience adds up the experience of [from, to) by tool and cell.
func (h *history) sumExperience(from, to int64) map[toolKey]*experienced {
	out := map[toolKey]*experienced{}
	for s := from; s < to; s++ {
		if sl := h.slots[s]; sl != nil {
			for k, v := range sl.experience {
				if out[k] == nil {
					out[k] = &experienced{}
				}
				out[k].add(v)
			}
		}
	}
	return out
}

// median of what is known; NaN when nothing is.
func median(values []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	middle := len(known) / 2
	if len(known)%2 == 0 {
		return (known[middle-1] + known[middle]) / 2
	}
	return known[middle]
}
