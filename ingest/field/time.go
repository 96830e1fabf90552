package field

import "time"

// What lies outside these is a broken clock or a number that is no time, and would put rows where
// no one looks for them.
const (
	earliest = 946_684_800   // 2000-01-01
	latest   = 7_258_118_400 // 2200-01-01
)

// Time reads an epoch or an RFC 3339 time, whichever it is. A time without offset is in zone; nil
// is UTC.
func Time(b []byte, zone *time.Location) (time.Time, bool) {
	if len(b) > 4 && b[4] == '-' {
		return RFC3339(b, zone)
	}
	return Epoch(b)
}

// Epoch reads a number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart
// by its size, with or without a fraction. It is exact: nanoseconds exceed what a float64 holds.
func Epoch(b []byte) (time.Time, bool) {
	n, rest, ok := decimal(b)
	if !ok {
		return time.Time{}, false
	}
	unit := time.Nanosecond
	switch {
	case n < 1e11:
		unit = time.Second
	case n < 1e14:
		unit = time.Millisecond
	case n < 1e17:
		unit = time.Microsecond
	}
	return since1970(n, rest, unit)
}

// decimal is a number with or without a fraction, whose digits it returns.
func decimal(b []byte) (n uint64, rest []byte, ok bool) {
	whole := b
	for i, c := range b {
		if c == '.' {
			whole, rest = b[:i], b[i+1:]
			break
		}
	}
	n, ok = Uint(whole)
	return n, rest, ok && len(whole) <= 20 && digits(whole) && digits(rest)
}

func since1970(n uint64, rest []byte, unit time.Duration) (time.Time, bool) {
	perSecond := uint64(time.Second / unit)
	if n/perSecond >= latest {
		return time.Time{}, false
	}
	return within(int64(n/perSecond), int64(time.Duration(n%perSecond)*unit+fraction(rest, unit)))
}

// RFC3339 reads 2026-09-08T12:00:00.123+02:00, with its common variations: a space for the T, an
// offset of +0200 or +02, or no offset at all, which is in zone.
func RFC3339(b []byte, zone *time.Location) (time.Time, bool) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || (b[10]|0x20 != 't' && b[10] != ' ') {
		return time.Time{}, false
	}
	t, ok := day(b[:10])
	if !ok || !t.clock(b[11:19]) {
		return time.Time{}, false
	}
	rest := b[19:]
	if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		n := 1
		for n < len(rest) && rest[n]-'0' <= 9 {
			n++
		}
		t.nanos = int64(fraction(rest[1:n], time.Second))
		rest = rest[n:]
	}
	return t.at(rest, zone)
}

// CLF reads the time of the common log format, 08/Sep/2026:12:00:00 +0000; without its offset it
// is in zone.
func CLF(b []byte, zone *time.Location) (time.Time, bool) {
	if len(b) < 20 || b[2] != '/' || b[6] != '/' || b[11] != ':' {
		return time.Time{}, false
	}
	t := civil{month: month(b[3:6])}
	var ok1, ok2, ok3 bool
	t.day, ok1 = two(b)
	t.year, ok2 = four(b[7:])
	ok3 = t.clock(b[12:20])
	if !ok1 || !ok2 || !ok3 || !t.valid() {
		return time.Time{}, false
	}
	rest := b[20:]
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	return t.at(rest, zone)
}

// DateTime reads the two columns that W3C logs use, 2026-09-08 and 12:00:00 with or without a
// fraction, in UTC.
func DateTime(date, clock []byte) (time.Time, bool) {
	t, ok := day(date)
	if !ok || len(clock) < 8 || !t.clock(clock[:8]) {
		return time.Time{}, false
	}
	if len(clock) > 8 {
		if clock[8] != '.' || !digits(clock[9:]) {
			return time.Time{}, false
		}
		t.nanos = int64(fraction(clock[9:], time.Second))
	}
	return t.at(nil, nil)
}

type civil struct {
	year, month, day     int
	hour, minute, second int
	nanos                int64
}

func day(b []byte) (t civil, ok bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return t, false
	}
	var ok1, ok2, ok3 bool
	t.year, ok1 = four(b)
	t.month, ok2 = two(b[5:])
	t.day, ok3 = two(b[8:])
	return t, ok1 && ok2 && ok3 && t.valid()
}

// clock reads hh:mm:ss; a leap second is the first of the next minute.
func (t *civil) clock(b []byte) bool {
	var ok1, ok2, ok3 bool
	t.hour, ok1 = two(b)
	t.minute, ok2 = two(b[3:])
	t.second, ok3 = two(b[6:])
	return ok1 && ok2 && ok3 && b[2] == ':' && b[5] == ':' && t.hour < 24 && t.minute < 60 && t.second <= 60
}

func (t *civil) valid() bool {
	if t.month < 1 || t.month > 12 || t.day < 1 {
		return false
	}
	last := 31
	switch t.month {
	case 4, 6, 9, 11:
		last = 30
	case 2:
		last = 28
		if t.year%4 == 0 && (t.year%100 != 0 || t.year%400 == 0) {
			last = 29
		}
	}
	return t.day <= last
}

// at places t on the time line with the offset that is written, or in zone when none is.
func (t *civil) at(offset []byte, zone *time.Location) (time.Time, bool) {
	if len(offset) == 0 && zone != nil {
		u := time.Date(t.year, time.Month(t.month), t.day, t.hour, t.minute, t.second, int(t.nanos), zone).UTC()
		return u, u.Unix() >= earliest && u.Unix() < latest
	}
	ahead, ok := seconds(offset)
	if !ok {
		return time.Time{}, false
	}
	return within(t.days()*86400+int64(t.hour*3600+t.minute*60+t.second-ahead), t.nanos)
}

// days since 1970-01-01, for years after 0: the year is taken to start in March, so that the leap
// day is its last.
func (t *civil) days() int64 {
	y, m := t.year, t.month
	if m <= 2 {
		y--
		m += 12
	}
	return int64(365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + t.day - 1 - 719468)
}

// seconds reads nothing, Z, +hh, +hhmm or +hh:mm.
func seconds(b []byte) (int, bool) {
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	if len(b) < 3 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, ok := two(b[1:])
	if !ok || h > 23 {
		return 0, false
	}
	m := 0
	if rest := b[3:]; len(rest) > 0 {
		if rest[0] == ':' {
			rest = rest[1:]
		}
		if m, ok = two(rest); !ok || len(rest) != 2 || m > 59 {
			return 0, false
		}
	}
	s := h*3600 + m*60
	if b[0] == '-' {
		s = -s
	}
	return s, true
}

func within(sec, nanos int64) (time.Time, bool) {
	if sec < earliest || sec >= latest {
		return time.Time{}, false
	}
	return time.Unix(sec, nanos).UTC(), true
}

func two(b []byte) (int, bool) {
	if len(b) < 2 {
		return 0, false
	}
	x, y := b[0]-'0', b[1]-'0'
	return int(x)*10 + int(y), x <= 9 && y <= 9
}

func four(b []byte) (int, bool) {
	if len(b) < 4 {
		return 0, false
	}
	x, ok1 := two(b)
	y, ok2 := two(b[2:])
	return x*100 + y, ok1 && ok2
}

func month(b []byte) int {
	switch string(b) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}
