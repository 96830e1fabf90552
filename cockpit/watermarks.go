package cockpit

import (
	"time"
)

const (
	// lateShare is the share of a source's rows that its watermark may be wrong about.
	lateShare = 0.99
	// A source is silent when it lets us wait three times as long as it usually does, but never
	// sooner than soonestSilence. Until its habits are known, or while nothing arrives from anybody,
	// which may as well be our own fault, it is after silentAfter, or twice its lateness.
	soonestSilence = 10 * time.Second
	silentAfter    = 60 * time.Second
	// oldest is the lateness beyond which deliveries are not told apart: see table deliveries.
	oldest = 15 * time.Minute
	// steadyLines a minute make a source of which something newer is always about to come.
	steadyLines = 25
)

// sourceState is what the deliveries of the last ten minutes tell of one source.
type sourceState struct {
	ID       string
	Received time.Time     // the last of it that is stored
	Newest   time.Time     // the latest moment that a row of it tells of
	Pause    time.Duration // between two deliveries, the 9th of ten; 0: not known
	Lines    uint64        // of the last minute
	Late     time.Duration
	p50, p95 time.Duration // as Late, which is the 99th of 100
	Known    bool          // it has lately delivered rows that tell how late it is

	recent, minute, whole delivered // in ten seconds, a minute, ten minutes
}

// watermark is the moment up to which the source is complete, but for lateShare: the received
// frontier less the lateness that the source itself has shown. A batch may be later than any
// before it, so a steady source is not complete beyond the newest that it told of. Zero: it
// delivers nothing.
func (w *watermarks) watermark(s *sourceState) time.Time {
	if !s.Known || w.frontier.IsZero() || w.silent(s) > 0 {
		return time.Time{}
	}
	mark := w.frontier.Add(-s.Late)
	if s.Lines >= steadyLines && s.Newest.Before(mark) {
		return s.Newest
	}
	return mark
}

// silent is for how long a source has been quiet that should not be; 0: it is not silent.
func (w *watermarks) silent(s *sourceState) time.Duration {
	patience := max(silentAfter, 2*s.Late)
	if s.Pause > 0 && w.now.Sub(w.frontier) < soonestSilence {
		patience = max(soonestSilence, 3*s.Pause)
	}
	if quiet := w.now.Sub(s.Received); quiet > patience {
		return quiet
	}
	return 0
}

// watermarks are the sources' at one tick.
type watermarks struct {
	sources map[string]*sourceState
	cdns    map[string]string // source → CDN; "" for measuring tools
	now     time.Time

	// frontier is the moment up to which everything received, from whatever source, is stored:
	// writers take each partition of the raw stream in order.
	frontier time.Time
}

// idlePartition is how far a partition may be behind the others before it counts as one that
// simply gets nothing.
const idlePartition = 10 * time.Second

// front sets the frontier from the last receipt stored of each partition.
func (w *watermarks) front(partitions map[uint16]time.Time) {
	var last time.Time
	for _, t := range partitions {
		if t.After(last) {
			last = t
		}
	}
	w.frontier = last
	for _, t := range partitions {
		if t.Before(w.frontier) && last.Sub(t) < idlePartition {
			w.frontier = t
		}
	}
}

// complete is the moment up to which all live sources that pass the filter are complete. A source
// that went silent holds nobody back: it is shown as silent instead. Zero: none of them delivers.
func (w *watermarks) complete(pass func(cdn string) bool) time.Time {
	var least time.Time
	for id, s := range w.sources {
		if cdn, ok := w.cdns[id]; !ok || !pass(cdn) {
			continue
		}
		if m := w.watermark(s); !m.IsZero() && (least.IsZero() || m.Before(least)) {
			least = m
		}
	}
	return least
}

func (w *watermarks) all() time.Time { return w.complete(func(string) bool { return true }) }

func (w *watermarks) logs() time.Time {
	return w.complete(func(cdn string) bool { return cdn != "" })
}

func (w *watermarks) tools() time.Time {
	return w.complete(func(cdn string) bool { return cdn == "" })
}

// settled is the moment up to which a CDN's past is drawn as what it was: its watermark, and when its
// sources are silent how far they had come. What is older than any source is late stays as it is.
func (w *watermarks) settled(id string) time.Time {
	mark := w.cdn(id)
	if !mark.IsZero() {
		return mark
	}
	for source, s := range w.sources {
		if w.cdns[source] != id || !s.Known {
			continue
		}
		if had := s.Received.Add(-s.Late); mark.IsZero() || had.Before(mark) {
			mark = had
		}
	}
	if old := w.now.Add(-oldest); mark.Before(old) && !w.now.IsZero() {
		return old
	}
	return mark
}

func (w *watermarks) cdn(id string) time.Time {
	return w.complete(func(cdn string) bool { return cdn == id })
}
