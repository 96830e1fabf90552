// Package ingest takes in what senders send and brings it to ClickHouse, counted once.
//
// Reading order: source.go says who may send what; collector.go, beacons.go and syslog.go are the
// doors; door.go publishes what they were given, untouched, to the raw stream and only then lets
// them answer; batch.go gathers small pieces before that. On the other side writer.go takes the
// stream range by range, range.go reads a range back into records, enrich.go adds what the sender
// did not say (network, channel, class of path), block.go lays it out in columns, and lease.go
// makes sure that each partition has one writer.
//
// What it guarantees: what a sender was told is stored is in the stream, on disk, and each record
// of it enters the tables and all their rollups exactly once, whatever dies when. A record that
// cannot be read is counted, and kept with its reason in the quarantine; its neighbours are not
// hurt. Every body, queue, label set and wait is bounded, and when the bound is reached the
// sender is told to come back (429 or 503 with Retry-After).
//
// What it leaves to others: wire formats are the packages below it, tables are migrations in
// internal/ch, and what the numbers mean is cockpit's.
package ingest
