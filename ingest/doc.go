// Package ingest takes in what senders send and brings it to ClickHouse, counted once.
//
// Reading order: source.go says who may send what, and formats.go which package reads it and how its
// senders expect to be answered. collector.go is the door for machines, memory.go what bounds the
// bodies it holds; firehosedoor.go, metricsdoor.go and fastlydoor.go are what particular senders ask
// of it. publicdoor.go is the door for players and syslogdoor.go the one for syslog. batch.go gathers
// what is small and envelope.go wraps it; door.go publishes what the doors were given, untouched, to
// the raw stream and only then lets them answer; doorbook.go notes what each sender was told.
// import.go sends whole files to a collector.
//
// On the other side lease.go makes sure that each partition has one writer, writer.go takes the
// stream range by range, unpack.go cuts bodies into pieces, and range.go reads them back into
// records. enrich.go adds what the sender did not say, with paths.go (channel, class of path), mmdb.go,
// isp.go and network.go (network). block.go and measurements.go lay records out in columns, sums.go
// adds requests up by second, identities.go by who asks. tidy.go forgets what is stored and old, replay.go reads again what was
// received earlier, and sample.go shows how a piece of a log would be read.
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
