// Package bitmovin reads the samples that Bitmovin Analytics' collectors send, one flat JSON object each, as
// lines or in an array (bitmovin-analytics-collector-android, docs/payload-documentation.md, and the collectors'
// own sources). A sample is a stretch of time in which the player was in one state, sent at its end, or every
// 60 s while the state lasts; times are ms.
//
//	{"impressionId":"6b1f0c52-…","sequenceNumber":4,"time":1788896703120,"state":"playing","duration":9800,"played":9800,
//	 "videoBitrate":4200000,"audioBitrate":128000,"cdnProvider":"AKAMAI","videoId":"final","player":"bitmovin","version":"8.1",
//	 "deviceInformation":{"deviceClass":"TV"}}
//
//	impressionId        the session, one viewing; required
//	sequenceNumber      Sequence is this plus 1, for it begins at 0
//	time                the client's clock; see beacon.Clock
//	videoStartupTime    above 0: a start, which took that long, from the play command to the first frame;
//	                    startupTime, which adds the set-up of the player, only where that is not told
//	played              Playing; where no part of the sample is told (played, buffered, paused, seeked), duration when
//	                    state is playing
//	buffered            Rebuffering, and with state buffering or rebuffering a stall; where no part is told, duration in
//	                    those states. Before the start, and in state startup, it is waiting for the start and not read
//	videoStartFailed    a failed start; with videoStartFailedReason PAGE_CLOSED the viewer left before it
//	errorCode           a failure after the start; without videoStartFailed every error is fatal to Bitmovin, but for
//	                    an errorSeverity of INFO
//	videoBitrate, audioBitrate
//	                    bit/s; with the time played they give BitsPlayed and MediaTime
//	cdnProvider, videoId, player and version, deviceInformation.deviceClass (else .isTV, platform), userAgent
//	                    CDN, Channel, Player, Device, UserAgent
//
// A stall that lasts over a report counts once for each. The names are those of the collectors; which of them each platform
// fills, and the words of state, are known in part, so all but the session may be missing. A field of 0 is one that the
// sample has no use for. Whoever can watch can write here: the bounds are those of package beacon, and what exceeds them is lost alone.
package bitmovin

import (
	"bytes"
	"math"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's.
const (
	NoSession  = "impressionId: missing"
	BadSession = "impressionId: longer than 64 bytes or not text"
	NoTime     = "time: missing, and so is the time of reception"
)

const (
	maxBitrate   = 1e9 // bit/s
	maxUserAgent = 512
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	p := parser{objects: flatjson.New(payload), from: from}
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
	sample  sample
	scratch []byte
}

// sample holds what has to be seen together with other fields.
type sample struct {
	session, player, version, code, reason, severity, state []byte

	time                          time.Time
	duration, played, buffered    time.Duration // event.Unknown: not told
	videoStartup, startup         time.Duration
	videoBitrate, audioBitrate    uint64
	named, parts, startFailed, tv bool
}

func (p *parser) read() (reason string) {
	b, s, o := &p.beacon, &p.sample, &p.objects
	*b = event.Beacon{Startup: event.Unknown, Client: p.from.Client, UserAgent: p.from.UserAgent}
	*s = sample{duration: event.Unknown, played: event.Unknown, buffered: event.Unknown, videoStartup: event.Unknown, startup: event.Unknown}
	p.scratch = p.scratch[:0]
	for o.Member() {
		p.member(o.Key, o.Text())
	}
	b.Time = beacon.Clock(s.time, &p.from)
	switch {
	case !s.named:
		return NoSession
	case s.session == nil:
		return BadSession
	case b.Time.IsZero():
		return NoTime
	}
	b.Session = s.session
	p.durations()
	p.event()
	p.labels()
	return ""
}

func (p *parser) member(key, v []byte) {
	b, s := &p.beacon, &p.sample
	switch string(key) {
	case "impressionId":
		s.named = len(v) > 0
		s.session = beacon.Text(v, beacon.MaxSession)
	case "sequenceNumber":
		if n, ok := field.UintMax(v, math.MaxUint64-1); ok {
			b.Sequence = n + 1
		}
	case "time":
		s.time, _ = field.Epoch(v)
	case "state":
		s.state = v
	case "duration":
		s.duration = beacon.Within(v, beacon.MaxWatched)
	case "played":
		s.played = beacon.Within(v, beacon.MaxWatched)
		s.parts = s.parts || s.played > 0
	case "buffered":
		s.buffered = beacon.Within(v, beacon.MaxWatched)
		s.parts = s.parts || s.buffered > 0
	case "paused", "seeked":
		s.parts = s.parts || beacon.Within(v, beacon.MaxWatched) > 0
	case "videoStartupTime":
		s.videoStartup = beacon.Within(v, beacon.MaxStartup)
	case "startupTime":
		s.startup = beacon.Within(v, beacon.MaxStartup)
	case "videoBitrate":
		s.videoBitrate, _ = field.UintMax(v, maxBitrate)
	case "audioBitrate":
		s.audioBitrate, _ = field.UintMax(v, maxBitrate)
	case "errorCode":
		if s.code = beacon.Text(field.Text(v), beacon.MaxName); string(s.code) == "0" {
			s.code = nil
		}
	case "errorSeverity":
		s.severity = v
	case "videoStartFailed":
		s.startFailed = field.True(v)
	case "videoStartFailedReason":
		s.reason = beacon.Text(v, beacon.MaxName)
	case "cdnProvider":
		b.CDN = beacon.Text(v, beacon.MaxHost)
	case "videoId":
		b.Channel = beacon.Text(v, beacon.MaxName)
	case "player":
		s.player = beacon.Text(v, beacon.MaxName)
	case "version":
		s.version = beacon.Text(v, beacon.MaxName)
	case "userAgent":
		if ua := beacon.Text(v, maxUserAgent); ua != nil {
			b.UserAgent = ua
		}
	case "deviceInformation":
		p.device()
	case "platform":
		if b.Device == nil {
			b.Device = beacon.Text(v, beacon.MaxDesignation)
		}
	}
}

func (p *parser) device() {
	if p.objects.Kind != flatjson.Nested {
		return
	}
	in := flatjson.New(p.objects.Value)
	if !in.Next(silent{}) {
		return
	}
	for in.Member() {
		switch string(in.Key) {
		case "deviceClass":
			if d := beacon.Text(in.Text(), beacon.MaxDesignation); d != nil {
				p.beacon.Device = d
			}
		case "isTV":
			p.sample.tv = field.True(in.Text())
		}
	}
}

func (p *parser) durations() {
	b, s := &p.beacon, &p.sample
	stalled := is(s.state, "buffering") || is(s.state, "rebuffering")
	switch {
	case s.parts:
		b.Playing, b.Rebuffering = max(0, s.played), max(0, s.buffered)
	case is(s.state, "playing"):
		b.Playing = max(0, s.duration)
	case stalled:
		b.Rebuffering = max(0, s.duration)
	}
	if s.startFailed || s.videoStartup > 0 || is(s.state, "startup") || is(s.state, "setup") {
		b.Rebuffering, stalled = 0, false
	}
	if stalled && b.Rebuffering > 0 {
		b.Event, b.Stalls = event.EventStall, 1
	}
	if rate := s.videoBitrate; rate > 0 && b.Playing > 0 {
		b.MediaTime = b.Playing
		b.BitsPlayed = min((rate+s.audioBitrate)*uint64(b.Playing/time.Millisecond)/1000, beacon.MaxBits)
	}
}

func (p *parser) event() {
	b, s := &p.beacon, &p.sample
	startup := s.videoStartup
	if startup == event.Unknown {
		startup = s.startup
	}
	switch {
	case s.startFailed && is(s.reason, "PAGE_CLOSED"):
		b.Event = event.EventFinish
	case s.startFailed:
		b.Event, b.ErrorCode = event.EventFail, s.code
		if b.ErrorCode == nil {
			b.ErrorCode = s.reason
		}
	case s.code != nil && !is(s.severity, "INFO"):
		b.Event, b.ErrorCode, b.Started = event.EventFail, s.code, true
	case startup > 0:
		b.Event, b.Startup = event.EventStart, startup
	}
	b.Started = b.Started || b.Playing > 0 || b.Rebuffering > 0 || b.Event == event.EventStart
	if s.startFailed {
		b.Started = false
	}
}

func (p *parser) labels() {
	b, s := &p.beacon, &p.sample
	if s.tv && b.Device == nil {
		p.scratch = append(p.scratch, "tv"...)
		b.Device = p.scratch[:len(p.scratch):len(p.scratch)]
	}
	if b.Player = s.player; len(s.version) > 0 && len(s.player)+1+len(s.version) <= beacon.MaxName {
		start := len(p.scratch)
		p.scratch = append(p.scratch, s.player...)
		if len(s.player) > 0 {
			p.scratch = append(p.scratch, ' ')
		}
		p.scratch = append(p.scratch, s.version...)
		b.Player = p.scratch[start:len(p.scratch):len(p.scratch)]
	}
}

// is compares words of which collectors differ in the case.
func is(word []byte, with string) bool {
	return len(word) == len(with) && bytes.EqualFold(word, []byte(with))
}

// silent hears of no refusals: what is not readable inside a sample is lost alone.
type silent struct{ event.Sink }

func (silent) Refuse(event.Refusal) {}

var _ event.Parser = Parse
