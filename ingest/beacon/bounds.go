package beacon

import (
	"time"

	"vigie/ingest/field"
	"vigie/internal/event"
)

// Bounds of what one beacon can say, whatever its format: whoever can watch can write them.
const (
	MaxStartup = 10 * time.Minute
	MaxWatched = time.Hour
	MaxMedia   = 4 * time.Hour
	MaxStalls  = 1000
	MaxBits    = 1e12
	MaxBytes   = 1 << 30
	MaxTotal   = 1 << 40 // of a byte counter that holds a session's total
	MaxPeers   = 10_000
	MaxPast    = 24 * time.Hour
	MaxFuture  = 5 * time.Minute

	// Bytes of texts.
	MaxSession     = 64
	MaxName        = 64  // channel, player, error code
	MaxDesignation = 32  // tool, device, a CDN by its name
	MaxHost        = 128 // a CDN by the name of its host
)

// Clock is the time that a beacon says, or that of its reception where it says none (the zero time) or one
// that no honest clock could show: viewers' clocks are wrong as often as not. Old data that is sent on
// purpose may be of any age.
func Clock(told time.Time, from *event.Origin) time.Time {
	received := from.Received
	switch {
	case received.IsZero():
	case told.IsZero(), told.Sub(received) > MaxFuture, received.Sub(told) > MaxPast && !from.Backfill:
		return received
	}
	return told
}

// Within is a number of milliseconds up to most, else event.Unknown.
func Within(b []byte, most time.Duration) time.Duration {
	if d := field.Duration(b, time.Millisecond); d <= most {
		return d
	}
	return event.Unknown
}

// Text is b when it is clean text, UTF-8 without control characters, of at most most bytes, else nil.
func Text(b []byte, most int) []byte {
	if len(b) == 0 || len(b) > most || !field.Clean(b) {
		return nil
	}
	return b
}
