// Package npaw reads the requests of NPAW's (Youbora's) plugins, one request target per line; of a POST, its body stands
// behind the query, as if it were part of it:
//
//	/start?accountCode=a&code=U_1_x&player=html5&title=final&live=true&timemark=1788896703120
//	/joinTime?code=U_1_x&time=1320
//	/ping?code=U_1_x&diffTime=5003&bitrate=4200000
//	/bufferUnderrun?code=U_1_x&duration=720
//	/error?code=U_1_x&errorCode=1001
//	/stop?code=U_1_x
//
// "GET " or "POST " in front, a host and folders before the last part of the path are passed over.
//
// The source is NPAW's own plugin library 5.1 (NicePlayers, youboralib.js), and for later versions general knowledge, for
// the interface is not published: a name that is not listed here is passed over, and every one but the session may be missing.
//
//	/init, /start       a request: the viewer wants to see it
//	/joinTime           a start, which took time (joinDuration, joinTime) ms since /start, pre-roll taken off
//	/ping               a heartbeat, every 5 s or so
//	/bufferUnderrun     a stall that is over, of duration (bufferDuration) ms; after the start and seeking apart
//	/pause, /resume     state
//	/error              a failure, with errorCode; not with an errorLevel or errorSeverity that says warning, info or nonfatal
//	/stop               the end
//	/seek               a heartbeat
//	/data, /configuration, /ad…, /infinity/… and other services that are no viewing: dropped
//
//	code (else sessionId, sessionRoot)   the session; code is one viewing, sessionId one visit
//	timemark                             ms since 1970; see beacon.Clock
//	bitrate                              bit/s: BitsPlayed and MediaTime of one second at that rate
//	cdn (else nodeHost), channel (else contentChannel, title), deviceType, player and playerVersion, ip
//	                                     CDN, Channel, Device, Player, Client
//
// Playing time is in no request: package sessions makes it of the states and the times between them, and takes the
// stalls off it. Without a start in sight it cannot know that a session is playing before its next
// event. Whoever can watch can write here: the bounds are those of package beacon.
package npaw

import (
	"bytes"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/field"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals.
const (
	BadService = "service: not known"
	NoSession  = "code, sessionId: missing"
	BadSession = "code, sessionId: longer than 64 bytes or not text"
	NoTime     = "timemark: missing, and so is the time of reception"
)

const (
	maxBitrate = 1e9 // bit/s
	maxArgs    = 200 // of a request; the rest is passed over
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	p := parser{from: from}
	for lines := record.NewLines(payload); lines.Next(to); {
		service, query := split(lines.Text)
		kind := services(service)
		switch {
		case kind == ignored:
			continue
		case kind == unknown:
			lines.Refuse(to, BadService)
			continue
		}
		p.read(query)
		if reason := p.fill(kind); reason != "" {
			lines.Refuse(to, reason)
			continue
		}
		to.Beacon(&p.beacon)
	}
}

// split finds the service, the last part of the path, and the query.
func split(line []byte) (service, query []byte) {
	line = bytes.Trim(line, " \t")
	for _, method := range [...]string{"GET ", "POST "} {
		if len(line) > len(method) && string(line[:len(method)]) == method {
			line = bytes.TrimLeft(line[len(method):], " ")
		}
	}
	if i := bytes.IndexByte(line, ' '); i >= 0 { // HTTP/1.1
		line = line[:i]
	}
	_, path, query := field.Target(line)
	path = bytes.TrimRight(path, "/")
	if i := bytes.LastIndex(path, []byte("/infinity/")); i >= 0 {
		return path[i+1:], query
	}
	return path[bytes.LastIndexByte(path, '/')+1:], query
}

type kind uint8

const (
	unknown kind = iota
	ignored
	start
	join
	ping
	buffer
	pause
	resume
	failure
	stop
	other
)

func services(name []byte) kind {
	switch string(name) {
	case "init", "start":
		return start
	case "joinTime", "join":
		return join
	case "ping", "pings":
		return ping
	case "bufferUnderrun":
		return buffer
	case "pause":
		return pause
	case "resume":
		return resume
	case "error":
		return failure
	case "stop":
		return stop
	case "seek":
		return other
	case "data", "configuration", "offlineEvents", "cdn", "location":
		return ignored
	}
	if bytes.HasPrefix(name, []byte("ad")) || bytes.HasPrefix(name, []byte("infinity/")) {
		return ignored
	}
	return unknown
}

type parser struct {
	from    event.Origin
	beacon  event.Beacon
	request request
	scratch []byte
}

// request holds the arguments that are read, percent-encoding undone.
type request struct {
	code, session, root, timemark, cdn, node, channel, contentChannel, title, device, player, version, address []byte

	joined, joinedOld, buffered, bufferedOld, bitrate, errorCode, level []byte
}

func (p *parser) read(query []byte) {
	p.request, p.scratch = request{}, p.scratch[:0]
	for range maxArgs {
		if len(query) == 0 {
			return
		}
		arg, rest, _ := bytes.Cut(query, []byte("&"))
		query = rest
		name, value, _ := bytes.Cut(arg, []byte("="))
		if at := p.request.argument(name); at != nil && len(value) <= 3*beacon.MaxHost {
			*at, p.scratch = field.Percent(value, p.scratch, true)
		}
	}
}

// argument is where the value of an argument goes; nil when it is not read.
func (r *request) argument(name []byte) *[]byte {
	switch string(name) {
	case "code":
		return &r.code
	case "sessionId":
		return &r.session
	case "sessionRoot":
		return &r.root
	case "timemark":
		return &r.timemark
	case "cdn":
		return &r.cdn
	case "nodeHost":
		return &r.node
	case "channel":
		return &r.channel
	case "contentChannel":
		return &r.contentChannel
	case "title":
		return &r.title
	case "deviceType":
		return &r.device
	case "player":
		return &r.player
	case "playerVersion":
		return &r.version
	case "ip":
		return &r.address
	case "joinDuration", "joinTime":
		return &r.joined
	case "time": // the playhead, but on /joinTime
		return &r.joinedOld
	case "bufferDuration":
		return &r.buffered
	case "duration": // of the media, but on /bufferUnderrun
		return &r.bufferedOld
	case "bitrate":
		return &r.bitrate
	case "errorCode":
		return &r.errorCode
	case "errorLevel", "errorSeverity":
		return &r.level
	}
	return nil
}

// fill makes the beacon, and says why there is none.
func (p *parser) fill(of kind) (reason string) {
	r, b := &p.request, &p.beacon
	*b = event.Beacon{Startup: event.Unknown, Client: p.from.Client, UserAgent: p.from.UserAgent}
	name := first(r.code, r.session, r.root)
	if len(name) == 0 {
		return NoSession
	}
	if b.Session = beacon.Text(name, beacon.MaxSession); b.Session == nil {
		return BadSession
	}
	t, _ := field.Epoch(r.timemark)
	if b.Time = beacon.Clock(t, &p.from); b.Time.IsZero() {
		return NoTime
	}
	b.CDN = beacon.Text(first(r.cdn, r.node), beacon.MaxHost)
	b.Channel = beacon.Text(first(r.channel, r.contentChannel, r.title), beacon.MaxName)
	b.Device = beacon.Text(r.device, beacon.MaxDesignation)
	p.player()
	if a, ok := field.Addr(r.address); ok {
		b.Client = a
	}
	if n, ok := field.UintMax(r.bitrate, maxBitrate); ok && n > 0 {
		b.MediaTime, b.BitsPlayed = time.Second, n
	}
	p.event(of)
	return ""
}

func (p *parser) event(of kind) {
	r, b := &p.request, &p.beacon
	switch of {
	case start:
		b.Event, b.State = event.EventRequest, event.StateStarting
	case join:
		b.Event, b.State, b.Started = event.EventStart, event.StatePlaying, true
		b.Startup = beacon.Within(first(r.joined, r.joinedOld), beacon.MaxStartup)
	case buffer:
		b.Event, b.State, b.Started, b.Stalls = event.EventStall, event.StatePlaying, true, 1
		b.Rebuffering = max(0, beacon.Within(first(r.buffered, r.bufferedOld), beacon.MaxWatched))
	case pause:
		b.State, b.Started = event.StateIdle, true
	case resume:
		b.State, b.Started = event.StatePlaying, true
	case failure:
		if !harmless(r.level) {
			b.Event, b.State, b.ErrorCode = event.EventFail, event.StateOver, beacon.Text(r.errorCode, beacon.MaxName)
		}
	case stop:
		b.Event, b.State = event.EventFinish, event.StateOver
	}
}

func harmless(level []byte) bool {
	for _, word := range [...]string{"warning", "info", "nonfatal", "non-fatal"} {
		if len(level) == len(word) && bytes.EqualFold(level, []byte(word)) {
			return true
		}
	}
	return false
}

func (p *parser) player() {
	name, version := beacon.Text(p.request.player, beacon.MaxName), beacon.Text(p.request.version, beacon.MaxName)
	p.beacon.Player = name
	if name == nil || version == nil || len(name)+1+len(version) > beacon.MaxName {
		return
	}
	start := len(p.scratch)
	p.scratch = append(append(append(p.scratch, name...), ' '), version...)
	p.beacon.Player = p.scratch[start:len(p.scratch):len(p.scratch)]
}

// first is the first text that is told.
func first(texts ...[]byte) []byte {
	for _, t := range texts {
		if len(t) > 0 {
			return t
		}
	}
	return nil
}

var _ event.Parser = Parse
