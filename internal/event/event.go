// Package event is the vocabulary that Vigie's packages share: what a sender reported, in one
// shape whatever its wire format was. It holds data and its bounds, imports the standard library
// alone, and does no work.
//
// Requests come from CDN logs, Beacons from players and the tools that watch them, Measurements from
// services. All are filled by the parsers under ingest, many per millisecond, so their texts are slices of the
// payload: a Sink that keeps one after it returns must copy it.
package event

import (
	"net/netip"
	"time"
)

// Unknown marks a duration that the sender did not report. Zero is a real value: a cache in
// memory answers in less than the millisecond that most senders can write.
const Unknown time.Duration = -1

// Names of networks that no table names: ISPOther has an autonomous system number that is not in it,
// ISPUnknown has no number at all. They are kept apart, for a rise of Unknown is a fault of ours.
const (
	ISPOther   = "Other"
	ISPUnknown = "Unknown"
)

// Request is one answer that a CDN gave to one client, as its log tells it.
type Request struct {
	Time time.Time // when the CDN says it happened; the zero time is refused by the writer

	Method, Host []byte
	Path         []byte // without query
	Query        []byte // without '?'
	Status       uint16 // 0 when the client left before any answer
	Bytes        uint64 // bytes sent to the client, with headers where the sender tells them

	FirstByte time.Duration // request received to first byte sent, or Unknown
	Duration  time.Duration // request received to last byte sent, or Unknown
	Cache     Cache
	Aborted   bool // the client left before the last byte
	Blocked   bool // refused by a security rule, not by the service

	Client    netip.Addr // zero when not told
	ASN       uint32     // 0 when not told
	Country   []byte     // ISO 3166-1 alpha-2, as sent
	PoP       []byte
	Protocol  []byte
	TLS       []byte
	Referer   []byte
	UserAgent []byte
	ID        []byte // the sender's request id

	CMCD   CMCD
	Weight float64 // how many requests this line stands for; 0: as its source is configured
}

// CMCD holds the keys of CTA-5004 that Vigie keeps from a media request. Numbers are 0 when the
// player did not send them.
type CMCD struct {
	Session      []byte // sid
	Content      []byte // cid
	ObjectType   []byte // ot: m a v av i c tt k o
	StreamType   []byte // st: v l
	Bitrate      uint32 // br, kbit/s
	Throughput   uint32 // mtp, kbit/s
	BufferLength uint32 // bl, ms
	Starved      bool   // bs: the buffer ran dry since the previous request
	Startup      bool   // su: needed urgently, at start, seek or recovery
}

// Beacon is what one player reports of one viewing session since its previous beacon. The terms
// are those of CTA-2066. Counters are deltas, so that a lost beacon loses its own seconds only.
type Beacon struct {
	Time    time.Time
	Session []byte // pseudonymous, one per viewing; empty is refused by the writer
	Tool    []byte // which measuring tool or SDK says so
	CDN     []byte // as the player knows it; empty when it does not
	Channel []byte
	Device  []byte // tv, phone, tablet, desktop, console …
	Player  []byte // player and version
	Event   BeaconEvent
	Started bool // a picture was shown in this session: tells a failed play from a failed start

	Startup     time.Duration // playbackRequest to playbackStart; on EventStart only, else Unknown
	Playing     time.Duration // moving picture since the previous beacon
	Rebuffering time.Duration // stalled since the previous beacon, seeking apart
	Stalls      uint32
	BitsPlayed  uint64 // media bits of what was played
	MediaTime   time.Duration
	ErrorCode   []byte // on EventFail

	CDNBytes     uint64 // received over HTTP since the previous beacon
	PeerBytes    uint64 // received from peers
	PeerUploaded uint64 // given to peers
	Peers        uint32

	// What a stateless reader cannot turn into deltas, package sessions does.
	Totals   bool        // the three byte counters above are the session's totals, not deltas
	State    PlayerState // what the player does from Time on, where that is told instead of Playing and Rebuffering
	Sequence uint64      // number of the report within Session and Tool, so that a repeat is known; 0: not numbered

	Client    netip.Addr
	ASN       uint32
	Country   []byte
	UserAgent []byte
	Weight    float64
}

// PlayerState is what a player does, in the terms of CTA-5004-B's key sta.
type PlayerState uint8

const (
	StateUntold PlayerState = iota
	StateStarting
	StatePlaying
	StateRebuffering
	StateIdle // paused, seeking, preloading, waiting: neither playing nor stalled
	StateOver // ended, failed, quit
)

// BeaconEvent is why a beacon was sent. The names on the wire are CTA-2066's.
type BeaconEvent uint8

const (
	EventHeartbeat BeaconEvent = iota
	EventRequest               // playbackRequest: the viewer asked for the stream
	EventStart                 // playbackStart: first frame shown
	EventStall                 // playbackStall
	EventFail                  // playbackFail: fatal; before EventStart it is a failed start
	EventFinish                // playbackFinish: before EventStart it is an exit before video start
)

var beaconEvents = [...]string{"heartbeat", "playbackRequest", "playbackStart", "playbackStall", "playbackFail", "playbackFinish"}

func (e BeaconEvent) String() string { return beaconEvents[e] }

// ParseBeaconEvent reads an event's name as it is on the wire; "" is a heartbeat.
func ParseBeaconEvent(name []byte) (BeaconEvent, bool) {
	if len(name) == 0 {
		return EventHeartbeat, true
	}
	for i, n := range beaconEvents {
		if string(name) == n {
			return BeaconEvent(i), true
		}
	}
	return 0, false
}

// Cache says where the answer came from, in the coarse terms that every CDN's own can be mapped to.
type Cache uint8

const (
	CacheUnknown Cache = iota
	CacheHit
	CacheRefresh // revalidated or updated, served from cache
	CacheMiss
	CachePass // not cacheable by rule
	CacheError
)

var caches = [...]string{"unknown", "hit", "refresh", "miss", "pass", "error"}

func (c Cache) String() string { return caches[c] }

// Origin is what the collector knows of a payload beside its bytes.
type Origin struct {
	Received  time.Time
	Client    netip.Addr     // the peer that sent it; a viewer for beacons, a log shipper for syslog
	UserAgent []byte         // of the HTTP request, for beacons
	Zone      *time.Location // for formats that write local time; nil is UTC
	Backfill  bool           // old data that somebody sends on purpose: its times may be of any age
}

// Measurement is one value, or one histogram, of one series of a service's metrics.
type Measurement struct {
	Time   time.Time
	Name   []byte  // of the metric
	Unit   []byte  // UCUM, where the sender tells it
	Labels []Label // sorted by name, no name twice
	Kind   MeasurementKind
	Value  float64 // of a Gauge, Counter or Delta

	// Of a Histogram or HistogramDelta; Bounds are upper edges, ascending, without the last, open one.
	Bounds  []float64
	Buckets []float64 // one more than Bounds; each counts its own, not those below it
	Sum     float64   // NaN when not told
	Count   float64

	Stale bool // the series ends here: nothing else is told
}

// Label is one dimension of a series.
type Label struct{ Name, Value []byte }

// MeasurementKind says how values of a series add up.
type MeasurementKind uint8

const (
	Gauge          MeasurementKind = iota // as it is now
	Counter                               // since the series began, growing; a fall is a restart
	Delta                                 // since the value before
	Histogram                             // since the series began
	HistogramDelta                        // since the value before
)

// Refusal is one record that could not be read. Its neighbours are not affected.
type Refusal struct {
	Offset int    // of the record's first byte in the payload given to the parser
	Record []byte // as it came
	Reason string // names the field and what was wrong with it; bounded set of texts, no data from the record
}

// Sink receives what a parser reads. What it is given is valid until it returns.
type Sink interface {
	Request(*Request)
	Beacon(*Beacon)
	Measurement(*Measurement)
	Refuse(Refusal)
}

// Parser reads one payload of one wire format. It is pure: it keeps nothing between calls and
// may be called concurrently. It never fails as a whole; what it cannot read it refuses.
type Parser func(payload []byte, from Origin, to Sink)
