package ingest

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"vigie/internal/ch"
	"vigie/internal/event"
)

// requestBlock lays requests out in the columns of table requests.
type requestBlock struct {
	*ch.Block
	received, time                                    *ch.DateTime64
	source, cdn, isp, country, pop, channel           *ch.LowCardinality
	class, host, method, cache, protocol, tls, object *ch.LowCardinality
	asn, bitrate, throughput, bufferLength            *ch.UInt32
	path, userAgent, id, session                      *ch.String
	status                                            *ch.UInt16
	bytes                                             *ch.UInt64
	firstByte, duration                               *ch.Int32
	aborted, blocked, starved                         *ch.UInt8
	client                                            *ch.IPv6
	weight                                            *ch.Float64
}

func newRequestBlock() *requestBlock {
	b := ch.NewBlock()
	return &requestBlock{
		Block:        b,
		received:     b.DateTime64("received"),
		time:         b.DateTime64("time"),
		source:       b.LowCardinality("source"),
		cdn:          b.LowCardinality("cdn"),
		isp:          b.LowCardinality("isp"),
		asn:          b.UInt32("asn"),
		country:      b.LowCardinality("country"),
		pop:          b.LowCardinality("pop"),
		channel:      b.LowCardinality("channel"),
		class:        b.LowCardinality("class"),
		host:         b.LowCardinality("host"),
		method:       b.LowCardinality("method"),
		path:         b.String("path"),
		status:       b.UInt16("status"),
		bytes:        b.UInt64("bytes"),
		firstByte:    b.Int32("first_byte"),
		duration:     b.Int32("duration"),
		cache:        b.LowCardinality("cache"),
		aborted:      b.UInt8("aborted"),
		blocked:      b.UInt8("blocked"),
		client:       b.IPv6("client"),
		protocol:     b.LowCardinality("protocol"),
		tls:          b.LowCardinality("tls"),
		userAgent:    b.String("user_agent"),
		id:           b.String("request_id"),
		session:      b.String("session"),
		object:       b.LowCardinality("object_type"),
		bitrate:      b.UInt32("bitrate"),
		throughput:   b.UInt32("throughput"),
		bufferLength: b.UInt32("buffer_length"),
		starved:      b.UInt8("starved"),
		weight:       b.Float64("weight"),
	}
}

// maxLabels bounds the texts that one block may hold in a column whose values a viewer's machine
// can choose; what comes after them is written as other.
const maxLabels = 4096

var labelOther = []byte("other")

func appendLabel(to *ch.LowCardinality, text []byte) { to.AppendBounded(text, maxLabels, labelOther) }

// seen is what the writer found out about a record beside what the sender said.
type seen struct {
	source, cdn, isp, channel []byte
	received                  time.Time
	client                    netip.Addr
	asn                       uint32
	class                     Class
	weight                    float64
}

// append lays a request out; its times in microseconds, -1 when unknown.
func (b *requestBlock) append(r *event.Request, s *seen, firstByte, duration int32) {
	b.received.Append(s.received)
	b.time.Append(r.Time)
	b.source.Append(s.source)
	b.cdn.Append(s.cdn)
	b.isp.Append(s.isp)
	b.asn.Append(s.asn)
	appendLabel(b.country, r.Country)
	appendLabel(b.pop, r.PoP)
	b.channel.Append(s.channel)
	b.class.AppendString(classes[s.class])
	appendLabel(b.host, r.Host)
	appendLabel(b.method, r.Method)
	b.path.Append(r.Path)
	b.status.Append(r.Status)
	b.bytes.Append(r.Bytes)
	b.firstByte.Append(firstByte)
	b.duration.Append(duration)
	b.cache.AppendString(r.Cache.String())
	b.aborted.Append(flag(r.Aborted))
	b.blocked.Append(flag(r.Blocked))
	b.client.Append(s.client)
	appendLabel(b.protocol, r.Protocol)
	appendLabel(b.tls, r.TLS)
	b.userAgent.Append(r.UserAgent)
	b.id.Append(r.ID)
	b.session.Append(r.CMCD.Session)
	appendLabel(b.object, r.CMCD.ObjectType)
	b.bitrate.Append(r.CMCD.Bitrate)
	b.throughput.Append(r.CMCD.Throughput)
	b.bufferLength.Append(r.CMCD.BufferLength)
	b.starved.Append(flag(r.CMCD.Starved))
	b.weight.Append(s.weight)
}

// beaconBlock lays beacons out in the columns of table beacons.
type beaconBlock struct {
	*ch.Block
	received, time                                  *ch.DateTime64
	source, tool, event, cdn, isp, country          *ch.LowCardinality
	channel, device, player, errorCode              *ch.LowCardinality
	session, userAgent                              *ch.String
	started                                         *ch.UInt8
	asn, playing, rebuffering, stalls, media, peers *ch.UInt32
	startup                                         *ch.Int32
	bits, cdnBytes, peerBytes, peerUploaded         *ch.UInt64
	client                                          *ch.IPv6
	weight                                          *ch.Float64
}

func newBeaconBlock() *beaconBlock {
	b := ch.NewBlock()
	return &beaconBlock{
		Block:        b,
		received:     b.DateTime64("received"),
		time:         b.DateTime64("time"),
		source:       b.LowCardinality("source"),
		tool:         b.LowCardinality("tool"),
		session:      b.String("session"),
		event:        b.LowCardinality("event"),
		started:      b.UInt8("started"),
		cdn:          b.LowCardinality("cdn"),
		isp:          b.LowCardinality("isp"),
		asn:          b.UInt32("asn"),
		country:      b.LowCardinality("country"),
		channel:      b.LowCardinality("channel"),
		device:       b.LowCardinality("device"),
		player:       b.LowCardinality("player"),
		startup:      b.Int32("startup"),
		playing:      b.UInt32("playing"),
		rebuffering:  b.UInt32("rebuffering"),
		stalls:       b.UInt32("stalls"),
		bits:         b.UInt64("bits_played"),
		media:        b.UInt32("media_time"),
		errorCode:    b.LowCardinality("error_code"),
		cdnBytes:     b.UInt64("cdn_bytes"),
		peerBytes:    b.UInt64("peer_bytes"),
		peerUploaded: b.UInt64("peer_uploaded"),
		peers:        b.UInt32("peers"),
		client:       b.IPv6("client"),
		userAgent:    b.String("user_agent"),
		weight:       b.Float64("weight"),
	}
}

func (b *beaconBlock) append(r *event.Beacon, s *seen, tool, device []byte) {
	b.received.Append(s.received)
	b.time.Append(r.Time)
	b.source.Append(s.source)
	b.tool.Append(tool)
	b.session.Append(r.Session)
	b.event.AppendString(r.Event.String())
	b.started.Append(flag(r.Started || r.Event == event.EventStart || r.Playing > 0))
	b.cdn.Append(s.cdn)
	b.isp.Append(s.isp)
	b.asn.Append(s.asn)
	appendLabel(b.country, r.Country)
	b.channel.Append(s.channel)
	b.device.Append(device)
	appendLabel(b.player, r.Player)
	b.startup.Append(clamped(r.Startup, time.Millisecond))
	b.playing.Append(uint32(max(clamped(r.Playing, time.Millisecond), 0)))
	b.rebuffering.Append(uint32(max(clamped(r.Rebuffering, time.Millisecond), 0)))
	b.stalls.Append(r.Stalls)
	b.bits.Append(r.BitsPlayed)
	b.media.Append(uint32(max(clamped(r.MediaTime, time.Millisecond), 0)))
	appendLabel(b.errorCode, r.ErrorCode)
	b.cdnBytes.Append(r.CDNBytes)
	b.peerBytes.Append(r.PeerBytes)
	b.peerUploaded.Append(r.PeerUploaded)
	b.peers.Append(r.Peers)
	b.client.Append(s.client)
	b.userAgent.Append(r.UserAgent)
	b.weight.Append(s.weight)
}

// deliveryBlock lays out table deliveries.
type deliveryBlock struct {
	*ch.Block
	stored, received, oldest, newest             *ch.DateTime64
	partition                                    *ch.UInt16
	first, last, messages, bytes, lines, refused *ch.UInt64
	late                                         [len(lateEdges) + 1]*ch.UInt64
	told                                         struct{ bytes, firstByte, duration, cache, client, session *ch.UInt64 }
	source                                       *ch.LowCardinality
}

// lateEdges are the upper edges of the lateness buckets of table deliveries; the last is open.
var lateEdges = [...]time.Duration{
	1 * time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 7 * time.Second,
	10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second,
	60 * time.Second, 90 * time.Second, 120 * time.Second, 300 * time.Second, 900 * time.Second,
}

// quarantineBlock lays out table quarantine.
type quarantineBlock struct {
	*ch.Block
	received                *ch.DateTime64
	source, reason          *ch.LowCardinality
	partition               *ch.UInt16
	sequence, offset, count *ch.UInt64
	sample                  *ch.String
}

func newDeliveryBlock() *deliveryBlock {
	b := ch.NewBlock()
	d := &deliveryBlock{
		Block:     b,
		stored:    b.DateTime64("stored"),
		partition: b.UInt16("partition"),
		first:     b.UInt64("first"),
		last:      b.UInt64("last"),
		source:    b.LowCardinality("source"),
		received:  b.DateTime64("received"),
		messages:  b.UInt64("messages"),
		bytes:     b.UInt64("bytes"),
		lines:     b.UInt64("lines"),
		refused:   b.UInt64("refused"),
		oldest:    b.DateTime64("oldest"),
		newest:    b.DateTime64("newest"),
	}
	d.told.bytes, d.told.firstByte, d.told.duration = b.UInt64("told_bytes"), b.UInt64("told_first_byte"), b.UInt64("told_duration")
	d.told.cache, d.told.client, d.told.session = b.UInt64("told_cache"), b.UInt64("told_client"), b.UInt64("told_session")
	for i := range d.late {
		d.late[i] = b.UInt64("late_" + strconv.Itoa(i))
	}
	return d
}

func newQuarantineBlock() *quarantineBlock {
	b := ch.NewBlock()
	return &quarantineBlock{
		Block:     b,
		received:  b.DateTime64("received"),
		source:    b.LowCardinality("source"),
		reason:    b.LowCardinality("reason"),
		partition: b.UInt16("partition"),
		sequence:  b.UInt64("sequence"),
		offset:    b.UInt64("offset"),
		count:     b.UInt64("count"),
		sample:    b.String("sample"),
	}
}

// clamped is a duration in whole units as an Int32: -1 when unknown, the largest when beyond it.
func clamped(d, unit time.Duration) int32 {
	if d < 0 {
		return -1
	}
	return int32(min(d/unit, math.MaxInt32))
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
