// Package beacon reads what players, and the tools that watch them, report to Vigie: JSON objects,
// one or several, as lines or as an array, small enough for navigator.sendBeacon. The terms are
// those of CTA-2066.
//
//	{"v":1,"session":"6b1f0c52-0a4e-4c39-9f0a-2b6c1f7d9e10","t":1788896703120,
//	 "event":"playbackStart","tool":"vigie","channel":"tf1","cdn":"akamai","device":"tv",
//	 "player":"hls.js 1.7","startupTime":1320,"watchedTime":10000,"playbackStallCount":0,
//	 "playbackStallDuration":0,"bitsPlayed":32000000,"mediaTime":10000,
//	 "cdnBytes":3100000,"p2pDownBytes":900000,"p2pUpBytes":120000,"peers":7}
//
// (on one line.) Counters hold what came since the session's previous beacon; Configured is for senders
// that count otherwise. Only session is required.
//
//	v                      version of this schema: 1, or not there
//	session                one viewing, pseudonymous; up to 64 bytes
//	t                      ms since 1970
//	event                  playbackRequest, playbackStart, playbackStall, playbackFail,
//	                       playbackFinish, heartbeat; none is a heartbeat
//	started                true once a picture was shown: tells a failed play (on playbackFail) and a
//	                       normal end (on playbackFinish) from a failed start and an early exit
//	tool, channel, cdn, device, player, errorCode
//	                       texts of up to 32, 64, 32, 32, 64, 64 bytes
//	startupTime            ms from playbackRequest to playbackStart, on the latter only; up to 10 min
//	watchedTime            ms of moving picture; up to 1 h
//	playbackStallDuration  ms of rebuffering, seeking apart; up to 1 h
//	playbackStallCount     up to 1000
//	bitsPlayed             media bits of what was played; up to 10^12
//	mediaTime              ms of media played; up to 4 h
//	cdnBytes, p2pDownBytes, p2pUpBytes
//	                       up to 1 GiB each
//	mode                   "total": those three are the session's totals (up to 1 TiB), which package
//	                       sessions turns into what came since; "delta", or not there: they are not.
//	                       Under any other mode they are absent
//	peers                  connected now; up to 10000
//	state                  what the player does from t on: starting, playing, rebuffering, paused, seeking,
//	                       waiting, preloading, ended, failed, quit, or CTA-5004-B's letter for it; for
//	                       players that do not measure watchedTime and playbackStallDuration themselves:
//	                       package sessions makes these of the times between two beacons
//	seq                    number of the beacon in its session, from 1 on: a repeat counts once
//	client, asn            the viewer's address and network, from those that relay for many viewers;
//	                       what a viewer says of itself is not believed
//
// Whoever can watch can write here, so nothing is believed beyond its bound. A session that is
// missing or no clean text, another version, or an unknown event refuses the beacon. Any other value
// that is longer, larger, negative, not a number or not clean text (UTF-8 without control
// characters) is lost alone. Viewers' clocks are wrong as often as not: a time more than a day
// before the beacon was received, or more than five minutes after, is replaced by when it was
// received. A weight is not read. The user agent is that of the HTTP request, and so is the viewer's
// address where the beacon does not say it.
package beacon

import (
	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's.
const (
	NoSession  = "session: missing"
	BadSession = "session: longer than 64 bytes or not text"
	BadEvent   = "event: unknown"
	BadVersion = "v: not 1"
	NoTime     = "t: missing, and so is the time of reception"
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	parse(payload, from, to, Options{BytesUnit: 1}, false)
}

func parse(payload []byte, from event.Origin, to event.Sink, options Options, aliases bool) {
	p := parser{objects: flatjson.New(payload), from: from, options: options, aliases: aliases}
	for p.objects.Next(to) {
		reason := p.read()
		switch {
		case p.objects.Refused(to):
		case reason != "":
			p.objects.Refuse(to, reason)
		default:
			to.Beacon(&p.beacon)
		}
	}
}

type parser struct {
	objects flatjson.Objects
	from    event.Origin
	beacon  event.Beacon

	options  Options
	aliases  bool
	counters counters
}

// read fills the beacon from the members of the current object, and says why it is none.
func (p *parser) read() (reason string) {
	b, o := &p.beacon, &p.objects
	*b = event.Beacon{Startup: event.Unknown, Client: p.from.Client, UserAgent: p.from.UserAgent}
	p.counters = counters{}
	var at []byte
	hasSession := false
	for o.Member() {
		v := o.Text()
		switch string(o.Key) {
		case "v":
			if n, ok := field.Uint(v); o.Kind != flatjson.Null && (!ok || n != 1) {
				reason = BadVersion
			}
		case "session":
			hasSession = len(v) > 0
			b.Session = Text(v, MaxSession)
		case "t":
			at = v
		case "event":
			var ok bool
			if b.Event, ok = event.ParseBeaconEvent(v); !ok {
				reason = BadEvent
			}
		case "tool":
			b.Tool = Text(v, MaxDesignation)
		case "cdn":
			b.CDN = Text(v, MaxDesignation)
		case "device":
			b.Device = Text(v, MaxDesignation)
		case "channel":
			b.Channel = Text(v, MaxName)
		case "player":
			b.Player = Text(v, MaxName)
		case "started":
			b.Started = field.True(v)
		case "client":
			if a, ok := field.Addr(v); ok {
				b.Client = a
			}
		case "asn":
			b.ASN, _ = field.ASN(v)
		case "errorCode":
			b.ErrorCode = Text(v, MaxName)
		case "startupTime":
			b.Startup = Within(v, MaxStartup)
		case "watchedTime":
			b.Playing = max(0, Within(v, MaxWatched))
		case "playbackStallDuration":
			b.Rebuffering = max(0, Within(v, MaxWatched))
		case "mediaTime":
			b.MediaTime = max(0, Within(v, MaxMedia))
		case "playbackStallCount":
			n, _ := field.UintMax(v, MaxStalls)
			b.Stalls = uint32(n)
		case "peers":
			n, _ := field.UintMax(v, MaxPeers)
			b.Peers = uint32(n)
		case "bitsPlayed":
			b.BitsPlayed, _ = field.UintMax(v, MaxBits)
		case "cdnBytes":
			p.counters.cdn = v
		case "p2pDownBytes":
			p.counters.down = v
		case "p2pUpBytes":
			p.counters.up = v
		case "mode":
			p.counters.mode(v)
		case "state":
			b.State = State(v)
		case "seq":
			b.Sequence, _ = field.Uint(v)
		default:
			if p.aliases {
				p.alias(o.Key, v)
			}
		}
	}
	p.counters.fill(b, p.options)
	if b.Event != event.EventStart {
		b.Startup = event.Unknown
	}
	t, _ := field.Epoch(at)
	b.Time = Clock(t, &p.from)
	switch {
	case reason != "":
		return reason
	case !hasSession:
		return NoSession
	case b.Session == nil:
		return BadSession
	case b.Time.IsZero():
		return NoTime
	}
	return ""
}

var _ event.Parser = Parse
