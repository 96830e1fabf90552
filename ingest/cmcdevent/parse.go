// Package cmcdevent reads what players report of themselves in the event mode of Common Media Client Data,
// version 2 (CTA-5004-B, April 2026, section 2.2; CTA-5004-A writes it alike): one record per line,
//
//	bl=(6000),br=(4200;v 256;a),cid="final",e=ps,msd=812,sid="6b1f0c52-…",sn=2,sta=p,ts=1788896703120,v=2
//
// of which a body holds one or many, with or without a line feed behind the last. A line may also be
// percent-encoded, with or without CMCD= in front, or be a JSON object with the same keys or an array of them, as drafts
// and some libraries have it.
//
// One event gives one beacon:
//
//	e      the event. rr, a report of one request, is no beacon and dropped, but where it carries msd or bsd,
//	       which are told only once: then these are. All others are, for the viewer is there
//	ts     the time; see beacon.Clock for those that no clock could show
//	sid    the session; required, up to 64 bytes
//	sn     Sequence is sn+1, for sn begins at 0
//	sta    State. On e=ps: s is a request, r a stall. On any event f is a failure, e and q the end; they come
//	       again on each later event, and package sessions counts the first
//	msd    a start, which took that long; on any event
//	bsd    Rebuffering: of a list the durations are added up by object type, and the longest counts, for audio
//	       and video starve together. bsa and bsda, counts since the session began, are not read: they
//	       tell nothing that sta and bsd do not
//	pb, br BitsPlayed and MediaTime of one second at that bit rate, which package sessions turns into those of
//	       what is played; pb, what is shown, before br, what is loaded. Video and audio are added; audio
//	       alone is no rate
//	ec     ErrorCode, of a failure; the first of the list
//	cdn, h CDN; h is a host's name, which the configuration may have among a CDN's aliases
//	cid    Channel, up to 64 bytes
//
// Playing time is in no single event: package sessions makes it of the states and the times between them.
// Startup is what the specification calls media start delay: told to play to playing, with any pre-roll. Without msd,
// package sessions takes the time from sta=s to sta=p. Rebuffering is playing that was interrupted by an
// empty buffer; startup and seeking apart.
//
// Device and player are not told; address and user agent are those of the HTTP request. Whoever can
// watch can write here: the bounds are those of package beacon, and what exceeds them is lost alone. A
// record of a version above 2 is refused as a whole, as the specification demands.
package cmcdevent

import (
	"bytes"
	"math"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/cmcd"
	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's.
const (
	NoEvent    = "e: missing"
	NoSession  = "sid: missing"
	BadSession = "sid: longer than 64 bytes or not text"
	BadVersion = "v: above 2"
	NoTime     = "ts: missing, and so is the time of reception"
)

const (
	version = 2
	maxRate = 1_000_000 // kbit/s
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	p := parser{lines: record.NewLines(payload), from: from}
	var inLine *record.Within
	for p.lines.Next(to) {
		text := bytes.TrimLeft(p.lines.Text, " \t")
		if len(text) > 0 && bytes.IndexByte([]byte("{[],"), text[0]) >= 0 {
			if inLine == nil {
				inLine = &record.Within{Sink: to}
			}
			inLine.At = p.lines.Offset + len(p.lines.Text) - len(text)
			p.json(text, inLine)
			continue
		}
		p.begin()
		p.dictionary(text)
		p.conclude(&p.lines, to)
	}
}

type parser struct {
	lines   record.Lines
	objects flatjson.Objects // of a line
	from    event.Origin
	line    line
	beacon  event.Beacon
	scratch []byte
}

// line is what a record says.
type line struct {
	event, state, session, channel, cdn, host, code []byte

	time         time.Time
	version      uint64
	number       uint64 // sn+1; 0: not told
	started      bool   // msd is told
	startup      time.Duration
	starved      time.Duration // 0: not told
	shown        uint64        // kbit/s, pb
	loaded       uint64        // br
	sessionThere bool
}

func (p *parser) begin() {
	p.line = line{startup: event.Unknown}
	p.scratch = p.scratch[:0]
}

// dictionary reads a record as RFC 8941 writes it, percent-encoded or not.
func (p *parser) dictionary(text []byte) {
	var members cmcd.Members
	if encoded, ok := encoding(text); ok {
		members = cmcd.NewMembersEncoded(encoded)
	} else {
		members = cmcd.NewMembers(text)
	}
	for members.Next() {
		p.member(members.Key(), &members)
	}
}

// encoding takes CMCD= off a line, and says whether it is percent-encoded: then no '=' stands before
// the first escape.
func encoding(text []byte) ([]byte, bool) {
	if len(text) > 5 && text[4] == '=' && bytes.EqualFold(text[:4], []byte("CMCD")) {
		return text[5:], true
	}
	first := bytes.IndexAny(text, "=%")
	return text, first > 0 && text[first] == '%'
}

func (p *parser) member(key []byte, m *cmcd.Members) {
	switch string(key) {
	case "bsd":
		p.line.starved = starved(m.Items())
		return
	case "pb":
		p.line.shown = rate(m.Items())
		return
	case "br":
		p.line.loaded = rate(m.Items())
		return
	}
	if !isKept(key) {
		return
	}
	first := m.First()
	var text []byte
	text, p.scratch = first.Text(p.scratch, beacon.MaxHost)
	p.line.set(key, text)
	if string(key) == "sid" {
		p.line.sessionThere = true
	}
}

func isKept(key []byte) bool {
	switch string(key) {
	case "e", "sta", "sid", "cid", "cdn", "h", "ec", "ts", "v", "sn", "msd":
		return true
	}
	return false
}

// set takes a key that is one text or number.
func (l *line) set(key, text []byte) {
	switch string(key) {
	case "e":
		l.event = text
	case "sta":
		l.state = text
	case "sid":
		l.session = beacon.Text(text, beacon.MaxSession)
	case "cid":
		l.channel = beacon.Text(text, beacon.MaxName)
	case "cdn":
		l.cdn = beacon.Text(text, beacon.MaxHost)
	case "h":
		l.host = beacon.Text(text, beacon.MaxHost)
	case "ec":
		l.code = beacon.Text(text, beacon.MaxName)
	case "ts":
		l.time, _ = field.Epoch(text)
	case "v":
		l.version, _ = field.Uint(text)
	case "sn":
		if n, ok := field.UintMax(text, math.MaxUint64-1); ok {
			l.number = n + 1
		}
	case "msd":
		if d := field.Duration(text, time.Millisecond); d != event.Unknown {
			l.started, l.startup = true, beacon.Within(text, beacon.MaxStartup)
		}
	}
}

// starved adds up durations of starvation by object type, and returns the longest.
func starved(items cmcd.Items) time.Duration {
	var video, audio, others time.Duration
	for items.Next() {
		n, ok := items.Uint()
		if !ok || n > uint64(beacon.MaxWatched/time.Millisecond) {
			continue
		}
		d := &others
		switch items.Type() {
		case 'v':
			d = &video
		case 'a':
			d = &audio
		}
		*d = min(*d+time.Duration(n)*time.Millisecond, beacon.MaxWatched)
	}
	return max(video, audio, others)
}

// rate adds up the bit rates of what is played at once, and is 0 for audio alone.
func rate(items cmcd.Items) uint64 {
	var picture, audio uint64
	for items.Next() {
		n, ok := items.Uint()
		if !ok || n > maxRate {
			continue
		}
		if items.Type() == 'a' {
			audio = n
		} else {
			picture = max(picture, n)
		}
	}
	if picture == 0 {
		return 0
	}
	return min(picture+audio, maxRate)
}

// refuser is a record's reader, which knows where it stands.
type refuser interface {
	Refuse(to event.Sink, reason string)
}

// conclude hands over what the record says, or refuses it.
func (p *parser) conclude(at refuser, to event.Sink) {
	l := &p.line
	report := string(l.event) == "rr"
	switch {
	case l.version > version:
		at.Refuse(to, BadVersion)
		return
	case len(l.event) == 0:
		at.Refuse(to, NoEvent)
		return
	case report && !l.started && l.starved == 0:
		return
	case !l.sessionThere:
		at.Refuse(to, NoSession)
		return
	case l.session == nil:
		at.Refuse(to, BadSession)
		return
	}
	p.fill(report)
	if p.beacon.Time.IsZero() {
		at.Refuse(to, NoTime)
		return
	}
	to.Beacon(&p.beacon)
}

func (p *parser) fill(report bool) {
	l, b := &p.line, &p.beacon
	*b = event.Beacon{
		Time: beacon.Clock(l.time, &p.from), Session: l.session, Channel: l.channel, CDN: l.cdn,
		Startup: event.Unknown, Rebuffering: l.starved, Sequence: l.number,
		Client: p.from.Client, UserAgent: p.from.UserAgent, Started: l.started,
	}
	if b.CDN == nil {
		b.CDN = l.host
	}
	if report { // its state and rates are of the request's time, not of now
		if l.started {
			b.Event, b.Startup = event.EventStart, l.startup
		}
		return
	}
	b.State = beacon.State(l.state)
	if kbps := l.shown; kbps > 0 || l.loaded > 0 {
		if kbps == 0 {
			kbps = l.loaded
		}
		b.MediaTime, b.BitsPlayed = time.Second, kbps*1000
	}
	letter := byte(0)
	if b.State != event.StateUntold {
		letter = l.state[0]
	}
	change := string(l.event) == "ps"
	switch {
	case letter == 'f':
		b.Event, b.ErrorCode = event.EventFail, l.code
	case b.State == event.StateOver:
		b.Event = event.EventFinish
	case l.started:
		b.Event, b.Startup = event.EventStart, l.startup
	case change && b.State == event.StateStarting:
		b.Event = event.EventRequest
	case change && b.State == event.StateRebuffering:
		b.Event, b.Stalls = event.EventStall, 1
	}
	switch b.State {
	case event.StatePlaying, event.StateRebuffering:
		b.Started = true
	}
}

// json reads the objects of a line.
func (p *parser) json(text []byte, to event.Sink) {
	p.objects = flatjson.New(text)
	for p.objects.Next(to) {
		p.begin()
		for p.objects.Member() {
			p.jsonMember(&p.objects)
		}
		if !p.objects.Refused(to) {
			p.conclude(&p.objects, to)
		}
	}
}

func (p *parser) jsonMember(o *flatjson.Objects) {
	text := o.Text()
	if o.Kind == flatjson.Nested {
		text = first(o.Value)
	}
	number := func() uint64 { n, _ := field.UintMax(text, maxRate); return n }
	switch string(o.Key) {
	case "bsd":
		p.line.starved = max(0, beacon.Within(text, beacon.MaxWatched))
	case "pb":
		p.line.shown = number()
	case "br":
		p.line.loaded = number()
	case "sid":
		p.line.sessionThere = o.Kind == flatjson.String || o.Kind == flatjson.Bare
		p.line.set(o.Key, text)
	default:
		p.line.set(o.Key, text)
	}
}

// first is the first text or number of a list, which stands in it as it is or as {"value":…,"params":…}.
func first(list []byte) []byte {
	at := bytes.TrimLeft(list, "[ \t")
	if len(at) > 0 && at[0] == '{' {
		_, at, _ = bytes.Cut(at, []byte(`"value"`))
		at = bytes.TrimLeft(at, ": \t")
	}
	if len(at) > 0 && at[0] == '"' {
		text, _, _ := bytes.Cut(at[1:], []byte(`"`))
		return text
	}
	if end := bytes.IndexAny(at, ",]} \t"); end >= 0 {
		at = at[:end]
	}
	return at
}

var _ event.Parser = Parse
