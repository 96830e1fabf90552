package mapping

import (
	"bytes"
	"math"
	"slices"
	"time"
	"unsafe"

	"vigie/ingest/beacon"
	"vigie/ingest/cmcd"
	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's and record's.
const (
	NoTime     = "time: none of its fields is in the line"
	BadTime    = "time: not written as the mapping says"
	NoSession  = "session: none of its fields is in the line"
	BadSession = "session: longer than 64 bytes or not text"
	NoColumns  = "fields: no #Fields directive before the line"
	BadQuote   = "csv: quote not closed on its line, or text behind it"
)

const clientClosed = 499 // nginx's word for a client that left

// reader reads one payload.
type reader struct {
	*program
	state
	from    event.Origin
	values  [][]byte // by slot
	scratch []byte
	guesses guesses
}

func (p *program) parse(payload []byte, from event.Origin, to event.Sink) {
	r := reader{program: p, from: from, values: make([][]byte, p.slots)}
	if p.shape == JSON {
		r.objects(payload, to)
		return
	}
	r.lines(payload, to)
}

// objects reads JSON.
func (r *reader) objects(payload []byte, to event.Sink) {
	d := flatjson.NewDeep(payload)
	for d.Next(to) {
		clear(r.values)
		at := [maxNested + 2]*node{r.tree}
		for i := 0; d.Member(); i++ {
			e := r.guesses.find(at[d.Depth], d.Key, i)
			if e.slot >= 0 && d.Kind != flatjson.Nested {
				r.values[e.slot] = d.Text()
			}
			if e.inside != nil && d.Enter() {
				at[d.Depth+1] = e.inside
			}
		}
		if d.Refused(to) {
			continue
		}
		if reason := r.read(to); reason != "" {
			d.Refuse(to, reason)
		}
	}
}

// lines reads what has columns.
func (r *reader) lines(payload []byte, to event.Sink) {
	var slots []int // of each column; -1: not read
	var told bool
	space, tab := []byte{' '}, []byte{'\t'}
	columns := record.Columns{By: r.by, Quoted: r.shape == CSV}
	if len(r.fields) > 0 {
		slots, told = r.layout(slots, r.fields), true
	}
	lines := record.NewLines(payload)
	for lines.Next(to) {
		line := lines.Text
		if r.shape == W3C {
			if line[0] == '#' {
				if names, ok := bytes.CutPrefix(line, []byte("#Fields:")); ok {
					slots, told = r.named(slots, &record.Columns{By: space, Runs: true}, bytes.ReplaceAll(names, tab, space)), true
				}
				continue
			}
			columns = record.Columns{By: space, Quoted: true, Runs: true, Scratch: columns.Scratch}
			if bytes.IndexByte(line, '\t') >= 0 {
				columns = record.Columns{By: tab, Scratch: columns.Scratch}
			}
		}
		if !told && r.header {
			slots, told = r.named(slots, &columns, line), true
			continue
		}
		if !told {
			lines.Refuse(to, NoColumns)
			continue
		}
		clear(r.values)
		columns.Start(line)
		for i := range slots {
			v, ok := columns.Next()
			if !ok {
				break
			}
			if slots[i] >= 0 {
				r.values[slots[i]] = v
			}
		}
		if columns.Bad() {
			lines.Refuse(to, BadQuote)
			continue
		}
		if r.shape != W3C && r.heads() {
			continue
		}
		if reason := r.read(to); reason != "" {
			lines.Refuse(to, reason)
		}
	}
}

// layout is the slot of each column.
func (r *reader) layout(slots []int, names []string) []int {
	slots = slots[:0]
	for _, name := range names {
		slots = append(slots, r.slotOf([]byte(name)))
	}
	return slots
}

// named is the layout that a line of names gives.
func (r *reader) named(slots []int, columns *record.Columns, line []byte) []int {
	slots = slots[:0]
	columns.Start(line)
	for name, ok := columns.Next(); ok && len(slots) < maxColumns; name, ok = columns.Next() {
		slots = append(slots, r.slotOf(bytes.TrimSpace(name)))
	}
	return slots
}

func (r *reader) slotOf(name []byte) int {
	if i, ok := r.names[string(name)]; ok {
		return i
	}
	return -1
}

// heads says whether the line is a header: a sender that writes one to each file sends them all.
// Its columns hold the names of their own fields.
func (r *reader) heads() bool {
	for i := range r.steps {
		if s := &r.steps[i]; s.kind == kindTime || s.key == "session" {
			for _, slot := range s.slots {
				if n, ok := r.names[string(bytes.TrimSpace(r.values[slot]))]; ok && n == slot {
					return true
				}
			}
		}
	}
	return false
}

// read makes a record of the values, and says why it is none.
func (r *reader) read(to event.Sink) (reason string) {
	for i := range r.drops {
		d := &r.drops[i]
		for _, v := range d.values {
			if string(r.values[d.slot]) == v && r.values[d.slot] != nil {
				return ""
			}
		}
	}
	r.reset(r.from)
	for i := range r.steps {
		s := &r.steps[i]
		if s.kind == kindCMCD {
			r.media(s)
			continue
		}
		v := r.value(s)
		if v != nil {
			r.set(s, v)
		}
	}
	if r.players {
		return r.concludeBeacon(to)
	}
	return r.concludeRequest(to)
}

// reset forgets the record before.
func (r *reader) reset(from event.Origin) {
	r.state = state{request: event.Request{FirstByte: event.Unknown, Duration: event.Unknown}}
	r.beacon = event.Beacon{Startup: event.Unknown}
	r.from, r.scratch = from, r.scratch[:0]
}

// value is the first that is present of a step's fields, in our words; nil when there is none.
func (r *reader) value(s *step) []byte {
	for _, slot := range s.slots {
		if v := r.word(s, r.values[slot]); v != nil {
			return v
		}
	}
	return s.constant
}

// word is a value of the line without its wrappings, or nil when it is absent.
func (r *reader) word(s *step, v []byte) []byte {
	if v == nil {
		return nil
	}
	if s.values != nil {
		if to, ok := s.values.exact(v); ok {
			return field.Text(to)
		}
	}
	if v = field.Text(v); v == nil {
		return nil
	}
	for _, null := range r.nulls {
		if string(v) == null {
			return nil
		}
	}
	if s.values != nil {
		if to, ok := s.values.match(v); ok {
			return field.Text(to)
		}
	}
	if s.percent {
		v, r.scratch = field.Percent(v, r.scratch, false)
	}
	if s.first > 0 && len(v) > s.first {
		v = v[:s.first]
	}
	if s.last > 0 && len(v) > s.last {
		v = v[len(v)-s.last:]
	}
	return v
}

// media reads CMCD: all of the fields, for they may be its four headers, else the query.
func (r *reader) media(s *step) {
	for _, slot := range s.slots {
		v := r.word(s, r.values[slot])
		if v == nil {
			continue
		}
		r.told = true
		if bytes.Contains(v, []byte("%22")) || bytes.Contains(v, []byte("%3D")) {
			cmcd.ScanEncoded(v, &r.request.CMCD)
		} else {
			cmcd.Scan(v, &r.request.CMCD)
		}
	}
	if !r.told {
		cmcd.FromQuery(r.request.Query, &r.request.CMCD)
	}
}

// set reads a value, and reports whether it could.
func (r *reader) set(s *step, v []byte) bool {
	q, b := &r.request, &r.beacon
	switch s.kind {
	case kindTime:
		t, ok := r.time(s, v)
		q.Time, r.timed, r.mistimed = t, ok, !ok
		return ok
	case kindDate:
		r.date = v
	case kindLine:
		method, target, protocol := field.RequestLine(v)
		if method == nil {
			return false
		}
		q.Method, q.Protocol = method, protocol
		r.target(target)
	case kindURL:
		r.target(v)
	case kindPath:
		path, query, asked := bytes.Cut(v, []byte{'?'})
		if q.Path = path; asked {
			q.Query = query
		}
	case kindQuery:
		q.Query = bytes.TrimPrefix(v, []byte{'?'})
	case kindText:
		if s.texts && !field.Clean(v) || s.most > 0 && uint64(len(v)) > s.most {
			if s.key == "session" {
				r.told = true // it is there, and is none
			}
			return false
		}
		*s.text(&r.state) = v
	case kindStatus:
		n, ok := field.Status(v)
		if q.Status = n; ok && (n == 0 || n == clientClosed) {
			q.Aborted = true
		}
		return ok
	case kindNumber:
		return r.number(s, v)
	case kindDuration:
		d := r.duration(s, v)
		if d == event.Unknown {
			return false
		}
		*s.duration(&r.state) = d
	case kindBool:
		yes := field.True(v)
		*s.yes(&r.state) = yes
		return yes || no(v)
	case kindCache:
		q.Cache = field.Cache(v)
		return q.Cache != event.CacheUnknown
	case kindAddr:
		a, ok := field.Addr(v)
		*s.addr(&r.state) = a
		r.peer = v
		return ok
	case kindForwarded:
		a := field.Client(r.peer, v)
		*s.addr(&r.state) = a
		return a.IsValid()
	case kindASN:
		n, ok := field.ASN(v)
		*s.short(&r.state) = n
		return ok
	case kindCountry:
		if len(v) != 2 {
			return false
		}
		*s.text(&r.state), r.scratch = field.Upper(v, r.scratch)
	case kindObject:
		q.CMCD.ObjectType = nil
		cmcd.Set("ot", v, &q.CMCD)
		return q.CMCD.ObjectType != nil
	case kindStream:
		q.CMCD.StreamType = nil
		cmcd.Set("st", v, &q.CMCD)
		return q.CMCD.StreamType != nil
	case kindWeight:
		w, ok := s.unit.weight(v)
		if ok {
			q.Weight, b.Weight = w, w
		}
		return ok
	case kindEvent:
		e, ok := event.ParseBeaconEvent(v)
		b.Event = e
		return ok
	case kindState:
		i := slices.Index(playerStates(), string(v))
		b.State = event.PlayerState(max(i, 0))
		return i > 0
	}
	return true
}

func (r *reader) target(v []byte) {
	host, path, query := field.Target(v)
	if r.request.Path, r.request.Query = path, query; host != nil {
		r.request.Host = host
	}
}

func (r *reader) number(s *step, v []byte) bool {
	u := s.unit
	if u.den == 0 {
		u = unit{"", 1, 1}
	}
	n, ok := u.number(v, s.most)
	if !ok {
		return false
	}
	if s.short != nil {
		*s.short(&r.state) = uint32(min(n, math.MaxUint32))
	} else {
		*s.number(&r.state) = n
	}
	return true
}

func (r *reader) duration(s *step, v []byte) time.Duration {
	d := field.Duration(v, max(1, time.Duration(s.unit.num)))
	if s.most > 0 && uint64(max(d, 0)) > s.most {
		return event.Unknown
	}
	return d
}

// time reads a time as its layout says.
func (r *reader) time(s *step, v []byte) (time.Time, bool) {
	zone := s.zone
	if zone == nil {
		zone = r.from.Zone
	}
	if r.date != nil {
		start := len(r.scratch)
		r.scratch = append(append(append(r.scratch, r.date...), ' '), v...)
		v = r.scratch[start:]
	}
	switch s.layout {
	case layoutUnix:
		return field.EpochIn(v, time.Second)
	case layoutUnixMS:
		return field.EpochIn(v, time.Millisecond)
	case layoutUnixUS:
		return field.EpochIn(v, time.Microsecond)
	case layoutUnixNS:
		return field.EpochIn(v, time.Nanosecond)
	case layoutRFC3339:
		return field.RFC3339(v, zone)
	case layoutCLF:
		return field.CLF(v, zone)
	case layoutGo:
		if zone == nil {
			zone = time.UTC
		}
		// The string lives as long as the call: package time copies what it keeps.
		t, err := time.ParseInLocation(s.golang, unsafe.String(unsafe.SliceData(v), len(v)), zone)
		return t.UTC(), err == nil && field.Plausible(t)
	}
	if len(v) > 2 && v[2] == '/' {
		return field.CLF(v, zone)
	}
	return field.Time(v, zone)
}

func (r *reader) concludeRequest(to event.Sink) (reason string) {
	q := &r.request
	switch {
	case r.mistimed:
		return BadTime
	case !r.timed:
		return NoTime
	}
	if len(q.CMCD.Session) > cmcd.MaxSession {
		q.CMCD.Session = nil
	}
	record.Bound(q)
	to.Request(q)
	return ""
}

func (r *reader) concludeBeacon(to event.Sink) (reason string) {
	b := &r.beacon
	switch {
	case b.Session == nil && r.told:
		return BadSession
	case b.Session == nil:
		return NoSession
	}
	if b.Event != event.EventStart {
		b.Startup = event.Unknown
	}
	if !b.Totals {
		for _, n := range []*uint64{&b.CDNBytes, &b.PeerBytes, &b.PeerUploaded} {
			if *n > beacon.MaxBytes {
				*n = 0
			}
		}
	}
	if !r.addressed {
		b.Client = r.from.Client
	}
	if b.UserAgent == nil && !r.addressed {
		b.UserAgent = r.from.UserAgent
	}
	var told time.Time // of one that cannot be read, request.Time may hold something
	if r.timed {
		told = r.request.Time
	}
	if b.Time = beacon.Clock(told, &r.from); b.Time.IsZero() {
		return NoTime
	}
	to.Beacon(b)
	return ""
}
