package beacon

import (
	"vigie/ingest/field"
	"vigie/internal/event"
)

// Options are for senders whose byte counters are not what Parse expects: the SDKs of peer-to-peer networks
// count from the start of a session, some of them in kilobytes.
type Options struct {
	Totals    bool   // the three byte counters are the session's totals, even where "mode" does not say so
	BytesUnit uint64 // bytes that one unit of them stands for: 1 (also for 0), or 1024
}

// Configured is Parse with options. It also reads the SDKs' own names, which are always totals:
//
//	totalHTTPDownloaded, totalHttpDownloaded  cdnBytes       SwarmCloud (CDNBye), Peer5
//	totalP2PDownloaded                        p2pDownBytes   SwarmCloud, Peer5
//	totalP2PUploaded                          p2pUpBytes     SwarmCloud
//	numOfPeers                                peers          Peer5
//
// SwarmCloud counts in KB of 1024, Peer5 does not say (bytes, by general knowledge). Novage's
// p2p-media-loader tells each piece in bytes: add the pieces up between two beacons, and Parse will do.
func Configured(options Options) event.Parser {
	if options.BytesUnit == 0 {
		options.BytesUnit = 1
	}
	return func(payload []byte, from event.Origin, to event.Sink) {
		parse(payload, from, to, options, true)
	}
}

// counters are the three byte counters as they came, until it is known what they count.
type counters struct {
	cdn, down, up []byte
	totals, lost  bool
}

// alias reads a member under the name that an SDK has for it.
func (p *parser) alias(key, v []byte) {
	c := &p.counters
	switch string(key) {
	case "totalHTTPDownloaded", "totalHttpDownloaded":
		c.cdn, c.totals = v, true
	case "totalP2PDownloaded":
		c.down, c.totals = v, true
	case "totalP2PUploaded":
		c.up, c.totals = v, true
	case "numOfPeers":
		n, _ := field.UintMax(v, MaxPeers)
		p.beacon.Peers = uint32(n)
	}
}

// mode says what the counters count. Of a mode that is not known, nothing can be counted.
func (c *counters) mode(v []byte) {
	switch string(v) {
	case "total":
		c.totals = true
	case "", "delta":
	default:
		c.lost = true
	}
}

func (c *counters) fill(b *event.Beacon, options Options) {
	if c.lost {
		return
	}
	most := uint64(MaxBytes)
	if b.Totals = c.totals || options.Totals; b.Totals {
		most = MaxTotal
	}
	unit := options.BytesUnit
	read := func(v []byte) uint64 {
		n, _ := field.UintMax(v, most/unit)
		return n * unit
	}
	b.CDNBytes, b.PeerBytes, b.PeerUploaded = read(c.cdn), read(c.down), read(c.up)
	if c.cdn == nil && c.down == nil && c.up == nil {
		b.Totals = false // nothing was counted, which is not the same as zero
	}
}
