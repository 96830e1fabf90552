// Package mapping reads the logs and beacons of a sender that Vigie does not know, by a mapping that
// stands in the source's configuration: which of the sender's fields fills which of ours, in which
// unit. The payload is JSON (one object per line, several on a line, or arrays), CSV (RFC 4180), TSV, W3C
// extended log, or columns by any other delimiter.
//
//	mapping:
//	  shape: json
//	  map:
//	    time: {from: ts, layout: unix_ms}
//	    host: vhost
//	    url: clientRequest.uri            # a member in a member, or one with a dot in its name
//	    first_byte: {from: ttfb, unit: us}
//	    cache: {from: cacheStatus, values: {"TCP_HIT*": hit, TCP_MISS: miss}}
//	    bytes: [wire_bytes, body_bytes]   # the first that is present
//
// Keys of map are the fields of event.Request and event.CMCD, or of event.Beacon, in snake case; and
// for what a sender has in one: url (host, path and query), request (a request line), cmcd (all of
// it, as its headers or its query argument have it; of several fields all are read), forwarded
// (X-Forwarded-For), date (where time is the clock alone). Without cmcd, CMCD is looked for in the query. A
// request is aborted at status 0 and 499 where aborted does not say otherwise.
//
// A mapping is checked when it is compiled, so that it cannot fail later: unknown keys and units, a
// duration without unit, words that no field knows. A line then loses what cannot be read of it, field by
// field; it is refused without its time or, a beacon, without its session. A quoted CSV value ends on its
// line, so that a quote that is not closed costs that line alone. Bounds of texts and counts
// are those of packages record and beacon. Nothing is allocated per line, but by layouts of Go's with
// an offset that is no whole hour.
//
// Beacons whose address is not mapped are taken to come from the viewer itself; one mapped but
// absent stays absent.
package mapping
