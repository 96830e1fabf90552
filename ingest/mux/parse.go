// Package mux reads the monitoring samples that Mux Data exports (muxinc/mux-protobuf, message
// monitoring_samples.v1.Samples, as JSON; Mux's guide "Export monitoring data"), every 30 s and for each view
// that is being watched:
//
//	{"samples":[{"view_id":"6b1f0c52-…","ip":"192.0.2.0","asn":3215,"source":{"hostname":"https://live.example.com","host_id":"fastly"},
//	  "viewer_device_category":"tv","player_name":"main","records":[{"start":"2026-09-08T19:44:30Z","duration_ms":30000,
//	  "metrics":[{"type":"WATCH_DURATION_MS","value":30000},{"type":"REBUFFER_COUNT","value":1}]}]}]}
//
// The wrapper may be missing: samples one per line, or in an array. A wrapper of more than 256 KiB must be the
// whole payload and hold nothing but its samples.
//
// Each record of a sample gives a beacon, at the record's end; one that tells both a start and an end gives two.
//
//	START_LATENCY_MS         a start; Startup: from the player's being told to play (page loaded and player
//	                         ready) to the first frame, pre-roll included
//	WATCH_DURATION_MS        the time that a viewer tries to watch: with waiting for the start, rebuffering and
//	                         seeking, without pauses. Playing is this less the REBUFFER_DURATION_MS and
//	                         the START_LATENCY_MS of the same record, so it still holds the waits of seeks
//	REBUFFER_DURATION_MS     Rebuffering: stalls after the start, without seeking
//	REBUFFER_COUNT           Stalls
//	PLAYBACK_ERROR           a failure, fatal by definition; its value is the playhead, so above 0 a picture
//	                         was shown, unless the sample says video_startup_failure. ErrorCode is the sample's
//	                         player_error_code
//	EXIT_BEFORE_VIDEO_START  the end of a session that never started, told up to a minute late
//
// Other metrics are passed over; of a metric that is there twice the last counts. Session is view_id, one
// viewing (view_session_id is one visit). CDN is the source's host_id, else its hostname without its scheme, which the
// configuration may have among a CDN's aliases. Nothing that an exporter relays is believed beyond the bounds
// of package beacon. The older spelling duration for duration_ms is read too, and a start as RFC 3339, as a
// number or as {"seconds":…,"nanos":…}.
package mux

import (
	"bytes"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's.
const (
	NoSamples  = "samples: not an array"
	NoSession  = "view_id: missing"
	BadSession = "view_id: longer than 64 bytes or not text"
	NoRecords  = "records: missing"
	BadStart   = "start: missing or not a time"
	NoMetrics  = "metrics: missing or not readable"
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	p := parser{from: from, to: to}
	if len(payload) > record.Max {
		if elements, at, ok := flatjson.Unwrap(payload, "samples"); ok {
			p.within.At = at
			p.samples(elements)
			return
		}
	}
	p.samples(payload)
}

type parser struct {
	from   event.Origin
	to     event.Sink
	within record.Within
	sample sample
	metric metrics
	beacon event.Beacon
}

// sample is what holds for all records of a view, and where they stand.
type sample struct {
	wrapped []byte // the array of a wrapper
	wrapper bool
	session []byte
	named   bool
	records []byte
	client  []byte
	asn     uint32
	country []byte
	host    []byte
	cdn     []byte
	device  []byte
	player  []byte
	channel []byte
	code    []byte
	failed  bool // before a picture was shown
}

// samples reads the objects of b: samples, or wrappers of samples.
func (p *parser) samples(b []byte) {
	p.within.Sink = p.to
	p.walk(b, p.within.At, true)
}

func (p *parser) walk(b []byte, at int, wrappers bool) {
	objects := flatjson.New(b)
	for {
		p.within.At = at
		if !objects.Next(&p.within) {
			return
		}
		p.sample = sample{}
		for objects.Member() {
			p.sample.member(&objects)
		}
		s := &p.sample
		switch {
		case objects.Refused(&p.within):
		case s.wrapper && wrappers:
			if len(s.wrapped) == 0 || s.wrapped[0] != '[' {
				objects.Refuse(&p.within, NoSamples)
				continue
			}
			p.walk(s.wrapped, at+cap(b)-cap(s.wrapped), false)
		case !s.named:
			objects.Refuse(&p.within, NoSession)
		case s.session == nil:
			objects.Refuse(&p.within, BadSession)
		case s.records == nil:
			objects.Refuse(&p.within, NoRecords)
		default:
			p.records(s.records, at+cap(b)-cap(s.records))
		}
	}
}

func (s *sample) member(o *flatjson.Objects) {
	v := o.Text()
	switch string(o.Key) {
	case "samples":
		s.wrapper = true
		if s.wrapped = nil; o.Kind == flatjson.Nested {
			s.wrapped = o.Value
		}
	case "view_id":
		s.named = len(v) > 0
		s.session = beacon.Text(v, beacon.MaxSession)
	case "records":
		if s.records = nil; o.Kind == flatjson.Nested {
			s.records = o.Value
		}
	case "source":
		s.source(o)
	case "ip":
		s.client = v
	case "asn":
		s.asn, _ = field.ASN(v)
	case "country", "country_code":
		s.country = beacon.Text(v, 2)
	case "viewer_device_category":
		s.device = beacon.Text(v, beacon.MaxDesignation)
	case "player_name":
		s.player = beacon.Text(v, beacon.MaxName)
	case "video_id":
		s.channel = beacon.Text(v, beacon.MaxName)
	case "player_error_code":
		s.code = beacon.Text(v, beacon.MaxName)
	case "video_startup_failure":
		s.failed = field.True(v)
	}
}

func (s *sample) source(o *flatjson.Objects) {
	s.host, s.cdn = nil, nil
	if o.Kind != flatjson.Nested {
		return
	}
	in := flatjson.New(o.Value)
	if !in.Next(silent{}) {
		return
	}
	for in.Member() {
		switch string(in.Key) {
		case "hostname":
			host := in.Text()
			if i := bytes.Index(host, []byte("://")); i >= 0 {
				host = host[i+3:]
			}
			if i := bytes.IndexByte(host, '/'); i >= 0 {
				host = host[:i]
			}
			s.host = beacon.Text(host, beacon.MaxHost)
		case "host_id":
			s.cdn = beacon.Text(in.Text(), beacon.MaxHost)
		}
	}
}

// metrics are those of one record.
type metrics struct {
	start                          time.Time
	length                         time.Duration
	latency, watched, rebuffering  time.Duration // event.Unknown: not told
	stalls                         uint64
	known                          bool // one of them is told
	failed, failedPlay, leftBefore bool
}

func (p *parser) records(b []byte, at int) {
	objects := flatjson.New(b)
	for {
		p.within.At = at
		if !objects.Next(&p.within) {
			return
		}
		m := &p.metric
		*m = metrics{latency: event.Unknown, watched: event.Unknown, rebuffering: event.Unknown}
		for objects.Member() {
			m.member(&objects, p.from.Zone)
		}
		switch {
		case objects.Refused(&p.within):
		case m.start.IsZero():
			objects.Refuse(&p.within, BadStart)
		case !m.known:
			objects.Refuse(&p.within, NoMetrics)
		default:
			p.tell()
		}
	}
}

func (m *metrics) member(o *flatjson.Objects, zone *time.Location) {
	switch string(o.Key) {
	case "start":
		m.start = start(o, zone)
	case "duration_ms", "duration":
		m.length = max(0, beacon.Within(o.Text(), beacon.MaxWatched))
	case "metrics":
		if o.Kind != flatjson.Nested {
			return
		}
		in := flatjson.New(o.Value)
		for in.Next(silent{}) {
			var kind, value []byte
			for in.Member() {
				switch string(in.Key) {
				case "type":
					kind = in.Text()
				case "value":
					value = in.Text()
				}
			}
			m.take(kind, value)
		}
	}
}

func start(o *flatjson.Objects, zone *time.Location) time.Time {
	if o.Kind != flatjson.Nested {
		t, _ := field.Time(o.Text(), zone)
		return t
	}
	in := flatjson.New(o.Value)
	var t time.Time
	var nanos uint64
	if in.Next(silent{}) {
		for in.Member() {
			switch string(in.Key) {
			case "seconds":
				t, _ = field.Epoch(in.Text())
			case "nanos":
				nanos, _ = field.UintMax(in.Text(), 999_999_999)
			}
		}
	}
	if t.IsZero() {
		return t
	}
	return t.Add(time.Duration(nanos))
}

func (m *metrics) take(kind, value []byte) {
	if kind == nil {
		return
	}
	m.known = true
	switch string(kind) {
	case "START_LATENCY_MS":
		m.latency = beacon.Within(value, beacon.MaxStartup)
	case "WATCH_DURATION_MS":
		m.watched = beacon.Within(value, beacon.MaxWatched)
	case "REBUFFER_DURATION_MS":
		m.rebuffering = beacon.Within(value, beacon.MaxWatched)
	case "REBUFFER_COUNT":
		m.stalls, _ = field.UintMax(value, beacon.MaxStalls)
	case "PLAYBACK_ERROR":
		n, ok := field.Uint(value)
		m.failed, m.failedPlay = true, ok && n > 0
	case "EXIT_BEFORE_VIDEO_START":
		m.leftBefore = true
	}
}

// tell hands over what a record says.
func (p *parser) tell() {
	s, m, b := &p.sample, &p.metric, &p.beacon
	*b = event.Beacon{
		Time: m.start.Add(m.length), Session: s.session, CDN: s.cdn, Channel: s.channel, Device: s.device, Player: s.player,
		Startup: m.latency, Rebuffering: max(0, m.rebuffering), Stalls: uint32(m.stalls),
		Client: p.from.Client, ASN: s.asn, Country: s.country,
	}
	if b.CDN == nil {
		b.CDN = s.host
	}
	if a, ok := field.Addr(s.client); ok {
		b.Client = a
	}
	if m.watched > 0 {
		b.Playing = max(0, m.watched-b.Rebuffering-max(0, m.latency))
	}
	b.Started = b.Playing > 0 || b.Rebuffering > 0
	if m.latency != event.Unknown {
		b.Event, b.Started = event.EventStart, true
		p.to.Beacon(b)
		if !m.failed && !m.leftBefore {
			return
		}
		b.Startup, b.Playing, b.Rebuffering, b.Stalls = event.Unknown, 0, 0, 0
	}
	switch {
	case m.failed:
		b.Event, b.ErrorCode = event.EventFail, s.code
		b.Started = !s.failed && (b.Started || m.failedPlay)
	case m.leftBefore:
		b.Event = event.EventFinish
		b.Started = m.latency != event.Unknown
	}
	p.to.Beacon(b)
}

// silent hears of no refusals: what is not readable inside a record is lost alone.
type silent struct{ event.Sink }

func (silent) Refuse(event.Refusal) {}

var _ event.Parser = Parse
