package tape

import (
	"slices"
	"time"

	"vigie/alerts/signal"
)

// The columns of each family's statement. The first counts what tells, unweighted where it can be.
const (
	reqLines = iota
	reqRequests
	reqBytes
	reqErrors
	reqClient
	reqBlocked
	reqCacheTold // of segments
	reqCacheMissed
	reqCacheLines
	reqFirstByte // and fifteen more
	reqCols      = reqFirstByte + 16
)

const (
	expLines = iota
	expAttempts
	expStarts
	expPlaying
	expRebuffering
	expFailures
	expExits
	expCDNBytes
	expPeerBytes
	expStartup      // and fifteen more
	expToldAttempts = expStartup + 16
	expToldStarts   = expToldAttempts + 1
	expCols         = expStartup + 16 // of the statement; the two others are made of it
)

const (
	srvRequests = iota
	srvErrors
	srvCount
	srvSaturation // and one; a maximum
	srvDuration   // and fifteen more
	srvCols       = srvDuration + 16
)

const (
	audTold = iota
	audViewers
)

const (
	idLines = iota
	idRequests
	idCols
)

const (
	srcKnown = iota
	srcLag
	srcSilence
	srcRefused
	srcLines
)

// family is the sums of one table, and which of them were read. It is a template in allFamilies.
type family struct {
	name      signal.Family
	dims      []string
	statement string // one that takes grain, by and seconds; "": it has its own way
	columns   int    // of the statement
	fine      bool   // kept by the second
	most      []int  // columns that are greatest values, not sums
	stretch   int64  // slots that one question reads of what is long past
	recent    int64  // and of what came lately

	*names
	slots     int
	groupings []*grouping
	union     uint8

	head   int64             // seconds before it may be in the ring; 0: not begun
	known  int64             // seconds from it on were read, or began while we looked
	dirty  [fineSlots]uint64 // by second: a bit for each source that wrote to it
	loaded []bool            // by coarse slot: it was read, or began while we looked
	unread map[int64]bool    // coarse slots to read

	edges edges // how far what was read is complete
	err   string
}

// The audience comes first: what a session stands for is known by it.
var allFamilies = []family{
	{name: signal.Audience, dims: []string{"cdn", "isp", "channel", "device"}, stretch: 6, recent: 3},
	{name: signal.Requests, dims: []string{"cdn", "isp", "channel", "class"}, statement: "requests", columns: reqCols, fine: true, stretch: 30, recent: 30},
	{name: signal.Experience, dims: []string{"tool", "cdn", "isp", "channel", "device"}, statement: "experience", columns: expCols, fine: true, stretch: 30, recent: 30},
	{name: signal.Identity, dims: []string{"cdn", "kind", "name"}, stretch: 30, recent: 12},
	{name: signal.Services, dims: []string{"service", "metric", "resource"}, statement: "services", columns: srvCols, most: []int{srvSaturation}, stretch: 30, recent: 12},
	{name: signal.Sources, dims: []string{"source"}, fine: true},
}

// initial is the bit of what was never read, and of sources beyond those that have one of their own:
// it waits for no watermark.
const initial = uint64(1) << 63

func slotOf(second int64) int64 { return second / slotSeconds }

// begin moves the rings to a moment: what comes into them is empty until rows are told of.
func (f *family) begin(now int64) {
	head := now + aheadTime
	if len(f.groupings) == 0 || head <= f.head {
		return
	}
	first, fresh := f.head, f.head == 0 || head-f.head >= int64(f.slots-1)*slotSeconds
	if fresh {
		first = head - fineSlots
		f.known = head
	}
	f.known = max(f.known, head-fineSlots)
	if f.fine {
		for s := f.head - fineSlots; s < min(head-fineSlots, f.head) && !fresh; s++ {
			if f.dirty[s%fineSlots] != 0 { // its source is later than the ring is long
				f.unread[slotOf(s)] = true
			}
		}
		for s := max(first, head-fineSlots); s < head; s++ {
			f.dirty[s%fineSlots] = 0
			if fresh {
				f.dirty[s%fineSlots] = initial
			}
			for _, g := range f.groupings {
				for i := range g.keys {
					clear(g.fineRow(int32(i), s))
				}
			}
		}
	}
	from := slotOf(first-1) + 1
	if fresh {
		from = slotOf(head) - int64(f.slots) + 2
		clear(f.unread)
	}
	for s := from; s <= slotOf(head-1); s++ {
		f.loaded[s%int64(f.slots)] = !fresh
		if f.fine && !fresh && s*slotSeconds < head-fineSlots { // nobody looked for longer than the ring is long
			f.loaded[s%int64(f.slots)], f.unread[s] = false, true
		}
		if fresh && s <= slotOf(now) && !(f.fine && s*slotSeconds >= head-fineSlots) {
			f.unread[s] = true
		} else if fresh && !f.fine {
			f.loaded[s%int64(f.slots)] = s > slotOf(now)
		}
		for _, g := range f.groupings {
			for i := range g.keys {
				clear(g.coarseRow(int32(i), s))
			}
			if g.lead != nil {
				g.lead[s%int64(f.slots)] = 0
			}
		}
	}
	f.head = head
	for s := range f.unread {
		if s < f.oldest() {
			delete(f.unread, s)
		}
	}
}

// holds tells whether a coarse slot is in the ring, and was read.
func (f *family) holds(slot int64) bool {
	return slot >= f.oldest() && slot <= slotOf(f.head-1) && f.loaded[slot%int64(f.slots)]
}

// finely tells whether the seconds [from, to) are in the ring, and were read.
func (f *family) finely(from, to int64) bool {
	return f.fine && from >= f.known && to <= f.head
}

// touch notes that a source, by its bit, wrote to a stretch: after is how many slots more it changes.
func (f *family) touch(from, to time.Time, bit uint64, after int64) {
	if f.head == 0 || len(f.groupings) == 0 {
		return
	}
	first, last := from.Unix(), min(to.Unix(), f.head-1)
	end := min(slotOf(last)+after, slotOf(f.head-1))
	if f.fine {
		for s := max(first, f.head-fineSlots); s <= last; s++ {
			f.dirty[s%fineSlots] |= bit
		}
		end = min(slotOf(last), slotOf(f.head-fineSlots-1)) // which the ring may hold a part of
	}
	for s := max(slotOf(first), f.oldest()); s <= end; s++ {
		f.unread[s] = true
	}
}

// oldest is the first coarse slot that is kept.
func (f *family) oldest() int64 { return slotOf(f.head) - int64(f.slots) + 2 }

// due are the seconds to read now, in order: those that a source wrote to which tells them completely by now, and
// some of those before we began. ready tells which bits' sources have come so far.
func (f *family) due(ready func(second int64) uint64) (seconds []uint32) {
	if f.head == 0 || !f.fine {
		return nil
	}
	first := firstSeconds
	for s := f.head - 1; s >= f.head-fineSlots; s-- {
		d := f.dirty[s%fineSlots]
		if d == 0 || d&ready(s) == 0 {
			continue
		}
		if d == initial {
			if first == 0 {
				continue
			}
			first--
		}
		seconds = append(seconds, uint32(s))
	}
	slices.Reverse(seconds)
	return seconds
}

// firstSeconds is how many of the seconds before we began one question reads.
const firstSeconds = 60

// latest is the last stretch [from, to) of unread slots between two limits, n long at most; mends: of those
// alone that were read before.
func (f *family) latest(n, first, before int64, mends bool) (from, to int64, ok bool) {
	wanted := func(s int64) bool {
		return f.unread[s] && s >= first && s < before && (!mends || f.loaded[s%int64(f.slots)])
	}
	for s := range f.unread {
		if s >= to && wanted(s) {
			to, ok = s+1, true
		}
	}
	for from = to - 1; ok && to-from < n && wanted(from-1); {
		from--
	}
	return from, to, ok
}

// read tells that the slots [from, to) were.
func (f *family) read(from, to int64) {
	for s := from; s < to; s++ {
		if s >= f.oldest() && s <= slotOf(f.head-1) {
			f.loaded[s%int64(f.slots)] = true
		}
		delete(f.unread, s)
	}
}

// empty makes a coarse slot so, to be filled.
func (f *family) empty(slot int64) {
	for _, g := range f.groupings {
		for i := range g.keys {
			clear(g.coarseRow(int32(i), slot))
		}
	}
}

// add adds a row to what a series has; greatest values are taken instead.
func (g *grouping) add(to []float64, from *[maxCols]float64) {
	for i, c := range g.cols {
		to[i] += from[c]
	}
	for _, c := range g.family.most {
		if p := g.place[c]; p >= 0 {
			to[p] = max(to[p]-from[c], from[c])
		}
	}
}

// foldFine replaces some seconds by rows.
func (f *family) foldFine(seconds []uint32, rows []row, st *store) {
	for _, g := range f.groupings {
		for _, s := range seconds {
			for i := range g.keys {
				clear(g.fineRow(int32(i), int64(s)))
			}
		}
		st.dropped += g.find(rows, st.log)
		for i := range rows {
			r, s := &rows[i], g.moved[i]
			if s < 0 || r.slot < f.head-fineSlots || r.slot >= f.head {
				continue
			}
			g.add(g.fineRow(s, r.slot), &r.cols)
			if r.cols[0] > 0 {
				g.last[s] = max(g.last[s], r.slot+1)
			}
		}
	}
	slots := map[int64]bool{}
	for _, s := range seconds {
		f.dirty[s%fineSlots] = 0
		slots[slotOf(int64(s))] = true
	}
	for f.known > f.head-fineSlots && f.dirty[(f.known-1)%fineSlots]&initial == 0 {
		f.known--
	}
	for slot := range slots {
		if slot*slotSeconds < f.head-fineSlots || slot > slotOf(f.head-1) {
			continue
		}
		known := true
		for s := slot * slotSeconds; s < min((slot+1)*slotSeconds, f.head); s++ {
			known = known && f.dirty[s%fineSlots]&initial == 0
		}
		if known {
			f.loaded[slot%int64(f.slots)] = true
		}
		f.sum(slot)
	}
}

// sum makes a coarse slot of its seconds, as far as they are in the ring.
func (f *family) sum(slot int64) {
	for _, g := range f.groupings {
		g.sum(slot)
	}
}

// foldCoarse replaces the slots [from, to) by rows.
func (f *family) foldCoarse(from, to int64, rows []row, st *store) {
	for s := max(from, f.oldest()); s < to; s++ {
		f.empty(s)
	}
	for _, g := range f.groupings {
		st.dropped += g.find(rows, st.log)
		for i := range rows {
			r, s := &rows[i], g.moved[i]
			if s < 0 || r.slot < f.oldest() || r.slot > slotOf(f.head-1) {
				continue
			}
			g.add(g.coarseRow(s, r.slot), &r.cols)
			if r.cols[0] > 0 || f.name == signal.Services { // which may tell how full it is alone
				g.last[s] = max(g.last[s], (r.slot+1)*slotSeconds)
			}
		}
	}
	f.read(from, to)
}
