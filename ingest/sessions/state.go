package sessions

import (
	"time"

	"vigie/ingest/beacon"
	"vigie/internal/event"
)

// hold turns the time since the report before into what the state of the player made of it, and takes the
// state that b tells. It reports false when b only says again that the session is over.
func (s *session) hold(b *event.Beacon, elapsed time.Duration, first bool) (keep bool) {
	inOrder := elapsed >= 0
	next := s.next(b, inOrder)
	s.durations(b, elapsed)
	if next == event.StateRebuffering && s.state == event.StatePlaying {
		b.Stalls = max(b.Stalls, 1)
	}
	if next == event.StatePlaying || next == event.StateRebuffering || b.Event == event.EventStart {
		s.flags |= shown
	}
	s.events(b, next, inOrder && !first)
	b.Started = b.Started || s.flags&shown != 0
	over := s.state == event.StateOver && b.State == event.StateOver
	s.state = next
	return !over || !empty(b)
}

// next is the state from b on, and takes off b what is no rebuffering after all.
func (s *session) next(b *event.Beacon, inOrder bool) event.PlayerState {
	switch {
	case b.State == event.StateUntold || !inOrder:
		return s.state
	case b.State != event.StateRebuffering:
		return b.State
	case s.state == event.StateStarting || s.state == event.StateIdle:
		quiet(b)
		return s.state
	case s.state == event.StateRebuffering: // known already
		quiet(b)
	}
	return event.StateRebuffering
}

func quiet(b *event.Beacon) {
	b.Stalls = 0
	if b.Event == event.EventStall {
		b.Event = event.EventHeartbeat
	}
}

// durations fills Playing, Rebuffering and what was played. A duration of stalls that b tells is exact,
// and tells of stalls that are over; that of the state is known up to the reports.
func (s *session) durations(b *event.Beacon, elapsed time.Duration) {
	if b.Playing > 0 {
		return
	}
	if elapsed < 0 || elapsed > Away {
		elapsed = 0
	}
	told := b.Rebuffering
	switch {
	case told > 0:
		if s.stalled == 0 && s.state == event.StatePlaying {
			b.Stalls = max(b.Stalls, 1)
		}
		b.Rebuffering = max(0, told-s.stalled)
		s.stalled = 0
	case s.state == event.StateRebuffering:
		b.Rebuffering = elapsed
		s.stalled += elapsed
	}
	if s.state == event.StatePlaying {
		b.Playing = max(0, elapsed-b.Rebuffering)
	}
	s.played(b)
}

// played fills BitsPlayed and MediaTime from the rate that held, and takes the rate that b tells.
func (s *session) played(b *event.Beacon) {
	rate := s.rate
	if ms := uint64(b.MediaTime / time.Millisecond); ms > 0 {
		s.rate = uint32(min(b.BitsPlayed/ms, maxRate))
	}
	b.BitsPlayed, b.MediaTime = 0, 0
	if rate > 0 {
		b.BitsPlayed = uint64(rate) * uint64(b.Playing/time.Millisecond)
		b.MediaTime = b.Playing
	}
}

const maxRate = 1e6 // kbit/s

// events sees to it that a session starts and ends once. inOrder is false at first sight, too.
func (s *session) events(b *event.Beacon, next event.PlayerState, inOrder bool) {
	switch {
	case b.Event == event.EventRequest:
		if s.asked != 0 && s.flags&startKnown == 0 {
			b.Event = event.EventHeartbeat
		} else {
			s.flags &^= shown | startKnown | endKnown
		}
		s.asked = b.Time.UnixNano()
	case b.Event == event.EventStart:
		if s.flags&startKnown != 0 {
			b.Event, b.Startup = event.EventHeartbeat, event.Unknown
		}
		s.flags |= startKnown
	case b.Event == event.EventHeartbeat && b.State == event.StatePlaying && inOrder && s.asked != 0 && s.flags&startKnown == 0:
		b.Event, b.Startup = event.EventStart, event.Unknown
		if took := time.Duration(b.Time.UnixNano() - s.asked); took >= 0 && took <= beacon.MaxStartup {
			b.Startup = took
		}
		s.flags |= startKnown
	case b.Event == event.EventFail || b.Event == event.EventFinish:
		if s.flags&endKnown != 0 {
			b.Event = event.EventHeartbeat
		}
		s.flags |= endKnown
	}
	switch next {
	case event.StatePlaying, event.StateRebuffering: // it goes on after all
		s.flags &^= endKnown
	case event.StateOver:
		s.asked = 0
	}
}

// empty says that a beacon tells nothing but that the session is there.
func empty(b *event.Beacon) bool {
	return b.Event == event.EventHeartbeat && b.ErrorCode == nil && b.Playing == 0 && b.Rebuffering == 0 && b.Stalls == 0 &&
		b.CDNBytes == 0 && b.PeerBytes == 0 && b.PeerUploaded == 0
}
