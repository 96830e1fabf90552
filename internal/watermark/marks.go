package watermark

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
	// Oldest is the lateness beyond which deliveries are not told apart: see table deliveries.
	Oldest = 15 * time.Minute
	// SteadyLines a minute make a source of which something newer is always about to come.
	SteadyLines = 25
)

// Source is what the deliveries of the last ten minutes tell of one source.
type Source struct {
	ID       string
	Received time.Time     // the last of it that is stored
	Newest   time.Time     // the latest moment that a row of it tells of
	Pause    time.Duration // between two deliveries, the 9th of ten; 0: not known
	Lines    uint64        // of the last minute
	Late     time.Duration
	LateP50  time.Duration // as Late, which is the 99th of 100
	LateP95  time.Duration
	Known    bool // it has lately delivered rows that tell how late it is

	Recent, Minute, Whole Delivered // in ten seconds, a minute, ten minutes
}

// Watermark is the moment up to which the source is complete, but for lateShare: the received
// frontier less the lateness that the source itself has shown. A batch may be later than any
// before it, so a steady source is not complete beyond the newest that it told of. Zero: it
// delivers nothing.
func (w *Marks) Watermark(s *Source) time.Time {
	if !s.Known || w.Frontier.IsZero() || w.Silent(s) > 0 {
		return time.Time{}
	}
	mark := w.Frontier.Add(-s.Late)
	if s.Lines >= SteadyLines && s.Newest.Before(mark) {
		return s.Newest
	}
	return mark
}

// Silent is for how long a source has been quiet that should not be; 0: it is not silent.
func (w *Marks) Silent(s *Source) time.Duration {
	patience := max(silentAfter, 2*s.Late)
	if s.Pause > 0 && w.Now.Sub(w.Frontier) < soonestSilence {
		patience = max(soonestSilence, 3*s.Pause)
	}
	now := w.Now
	if w.behind() { // what came since may be of it
		now = w.Frontier
	}
	if quiet := now.Sub(s.Received); quiet > patience {
		return quiet
	}
	return 0
}

// behind tells whether the writers have a backlog: they store, and what they store came a while ago.
func (w *Marks) behind() bool {
	return w.Now.Sub(w.Stored) < soonestSilence && w.Now.Sub(w.Frontier) >= soonestSilence
}

// Marks are the sources' at one tick.
type Marks struct {
	Sources map[string]*Source
	CDNs    map[string]string // source → CDN; "" for measuring tools
	Now     time.Time
	Stored  time.Time // when something was stored last, from whatever source

	// Frontier is the moment up to which everything received, from whatever source, is stored:
	// writers take each partition of the raw stream in order.
	Frontier time.Time
}

// idlePartition is how far a partition may be behind the others before it counts as one that
// simply gets nothing.
const idlePartition = 10 * time.Second

// front sets the frontier from the last receipt stored of each partition.
func (w *Marks) front(partitions map[uint16]time.Time) {
	var last time.Time
	for _, t := range partitions {
		if t.After(last) {
			last = t
		}
	}
	w.Frontier = last
	for _, t := range partitions {
		if t.Before(w.Frontier) && last.Sub(t) < idlePartition {
			w.Frontier = t
		}
	}
}

// Complete is the moment up to which all live sources that pass the filter are complete. A source
// that went silent holds nobody back: it is shown as silent instead. Zero: none of them delivers.
func (w *Marks) Complete(pass func(cdn string) bool) time.Time {
	var least time.Time
	for id, s := range w.Sources {
		if cdn, ok := w.CDNs[id]; !ok || !pass(cdn) {
			continue
		}
		if m := w.Watermark(s); !m.IsZero() && (least.IsZero() || m.Before(least)) {
			least = m
		}
	}
	return least
}

func (w *Marks) All() time.Time { return w.Complete(func(string) bool { return true }) }

func (w *Marks) Logs() time.Time {
	return w.Complete(func(cdn string) bool { return cdn != "" })
}

func (w *Marks) Tools() time.Time {
	return w.Complete(func(cdn string) bool { return cdn == "" })
}

// Settled is the moment up to which a CDN's past is drawn as what it was: its watermark, and when its
// sources are silent how far they had come. What is older than any source is late stays as it is.
func (w *Marks) Settled(id string) time.Time {
	mark := w.CDN(id)
	if !mark.IsZero() {
		return mark
	}
	for source, s := range w.Sources {
		if w.CDNs[source] != id || !s.Known {
			continue
		}
		if had := s.Received.Add(-s.Late); mark.IsZero() || had.Before(mark) {
			mark = had
		}
	}
	if old := w.Now.Add(-Oldest); mark.Before(old) && !w.Now.IsZero() {
		return old
	}
	return mark
}

func (w *Marks) CDN(id string) time.Time {
	return w.Complete(func(cdn string) bool { return cdn == id })
}
