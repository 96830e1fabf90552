package ingest

import (
	"log/slog"
	"time"

	"vigie/internal/bus"
	"vigie/internal/lease"
)

// partitionLease makes one writer the only one of a partition, and remembers what it was about to write. A
// writer that was overtaken cannot plan or commit any more; an insert that it had planned does no harm, for
// its successor repeats it with the same token.
type partitionLease = lease.Lease[leaseState, *leaseState]

type leaseState struct {
	lease.Head
	Stream    int64  `json:"stream"`    // when the stream was made, Unix nanoseconds: sequences are its
	Committed uint64 `json:"committed"` // all up to here is in the tables
	From      uint64 `json:"from"`      // planned, 0: nothing is
	To        uint64 `json:"to"`
	PartRows  int    `json:"part_rows"` // rows of each insert of the planned range
}

const leaseTime = 10 * time.Second

func newLease(kv *bus.KV, key, owner string, alone bool, log *slog.Logger) *partitionLease {
	return lease.New[leaseState](kv, key, owner, alone, leaseTime, log)
}

// ofStream is what a lease's state becomes for a writer of the stream that was made then.
func ofStream(made time.Time, partition string, log *slog.Logger) func(*leaseState) {
	return func(s *leaseState) {
		if s.Stream == made.UnixNano() {
			return
		}
		if s.Stream != 0 { // a new stream: its sequences begin again
			log.Warn("the raw stream was made anew: its writer begins at its start", "partition", partition)
		}
		*s = leaseState{Head: s.Head, Stream: made.UnixNano()}
	}
}
