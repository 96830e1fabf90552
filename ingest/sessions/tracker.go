// Package sessions remembers what a viewing session said before, so that a report which makes sense only
// beside the previous one can be counted: totals become deltas, states become durations, a repeat
// is known as one. It is the only part of the way from bytes to rows that has a state.
//
// It knows no clock but the beacons' own times: the same beacons in the same order give the same result,
// whenever they are read again. What it has not seen it does not invent: of a session that is new to it,
// because it just began or because a writer did, the first report is where counting starts.
//
// # Totals
//
// A counter's delta is what it grew by. It is 0 at first sight, but for a session that began before our
// eyes (EventRequest, EventStart): then it is the value. A fall at a later time is a player that began
// anew: the delta is the value. At an earlier time it is a report that was overtaken: the delta is 0. A
// counter of 0 says nothing. No delta exceeds beacon.MaxBytes.
//
// # States
//
// The time since the session's previous report goes to Playing or Rebuffering, by the state that held
// meanwhile; a report without a state leaves it as it was. Above Away it goes to nothing: the
// session was away. A report that was overtaken adds no time.
//
//   - Rebuffering interrupts playing. A player that waits for data before its first picture is
//     starting, and after a pause or a seek it is still in that, whatever it says (CTA-2066, and
//     CTA-5004-B for its state r).
//   - A stall's duration that a report tells (Rebuffering) counts instead of the state's: what the state
//     has given before is taken off it, and what is left is taken off the playing time around it.
//   - Stalls is 1 where rebuffering begins, or where a duration tells of a stall that no state showed.
//   - Playing that a report tells itself counts as it is.
//   - MediaTime and BitsPlayed of a report with a state are a bit rate, that from then on. What is
//     played at a known rate gives both.
//   - A request (EventRequest), then playing: that is the start, which took the time between. A session
//     starts, fails and finishes once; told again it is a heartbeat, and a mere repeat of an end is
//     dropped, for a viewer that is gone would seem to be there. A request begins it anew.
//   - Started is true once a picture was shown.
package sessions

import (
	"time"

	"vigie/ingest/beacon"
	"vigie/internal/event"
)

// Away is how long a state is believed to hold without a further report. Players send one every 10 to 60 s.
const Away = 2 * time.Minute

// Tracker remembers sessions, up to a number; then it forgets the one that was not heard of for longest. A
// session takes about 105 bytes. It is not safe for concurrent use: each writer has its own, for a session's
// reports all go the same way.
type Tracker struct {
	table
}

// New makes a tracker of up to most sessions, at least 1.
func New(most int) *Tracker { return &Tracker{newTable(max(most, 1))} }

// Len is how many sessions are remembered.
func (t *Tracker) Len() int { return t.used }

// Observe completes a beacon in place from what its session said before, and remembers what it says; the
// name of the source keeps sessions of several tools apart. Afterwards the byte counters are deltas. It
// reports false for a repeat, which must not be counted.
//
// Beacons that say all of what they mean (no totals, state or number) pass as they are.
func (t *Tracker) Observe(source []byte, b *event.Beacon) (keep bool) {
	if len(b.Session) == 0 {
		return true
	}
	s, first := t.find(source, b.Session), false
	if s == nil {
		if !b.Totals && b.State == event.StateUntold && b.Sequence == 0 {
			return true
		}
		s, first = t.open(), true
		s.heard = b.Time.UnixNano()
	}
	now := b.Time.UnixNano()
	elapsed := time.Duration(now - s.heard)
	if b.Sequence != 0 && !s.isNew(b.Sequence, elapsed > 0) {
		return false
	}
	if b.Event == event.EventRequest || b.Event == event.EventStart {
		s.flags |= fromStart
	}
	if b.Totals {
		s.deltas(b, elapsed)
	}
	keep = true
	if b.State != event.StateUntold || s.state != event.StateUntold {
		keep = s.hold(b, elapsed, first)
	}
	s.heard = max(s.heard, now)
	return keep
}

// session is what is remembered.
type session struct {
	key     uint64 // hash of source and session
	heard   int64  // ns since 1970: the latest time that it told
	asked   int64  // the same, of its request; 0: not seen, or over
	totals  [3]uint64
	highest uint64 // number, and which of the 64 up to it were seen
	seen    uint64
	stalled time.Duration // rebuffering that was counted by state since a duration was told
	rate    uint32        // kbit/s of what is played; 0: not known
	newer   uint32        // neighbours in the order of hearing
	older   uint32
	chain   uint32 // next session of the same bucket
	state   event.PlayerState
	flags   flags
}

type flags uint8

const (
	fromStart  flags = 1 << iota // it was seen to begin
	counted                      // its totals are known
	shown                        // a picture was
	startKnown                   // and it was told
	endKnown                     // how it ended
)

// isNew says whether a number is seen for the first time. One more than 64 behind is a repeat too, but for
// a later report: then numbering began anew.
func (s *session) isNew(n uint64, later bool) bool {
	switch {
	case n > s.highest:
		if ahead := n - s.highest; ahead < 64 {
			s.seen = s.seen<<ahead | 1
		} else {
			s.seen = 1
		}
		s.highest = n
		return true
	case s.highest-n < 64:
		bit := uint64(1) << (s.highest - n)
		if s.seen&bit != 0 {
			return false
		}
		s.seen |= bit
		return true
	case later:
		s.highest, s.seen = n, 1
		return true
	}
	return false
}

// deltas turns the totals of b into what came since the report before.
func (s *session) deltas(b *event.Beacon, elapsed time.Duration) {
	b.Totals = false
	known := s.flags&(counted|fromStart) != 0
	s.flags |= counted
	for i, v := range [...]*uint64{&b.CDNBytes, &b.PeerBytes, &b.PeerUploaded} {
		total, delta := *v, uint64(0)
		switch {
		case total == 0 || elapsed < 0:
		case total >= s.totals[i]:
			delta = total - s.totals[i]
			s.totals[i] = total
		case elapsed > 0:
			delta = total
			s.totals[i] = total
		}
		if !known {
			delta = 0
		}
		*v = min(delta, beacon.MaxBytes)
	}
}
