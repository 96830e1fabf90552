package route

import "time"

// wall is what a clock on the wall shows, in seconds, as if it never were set.
type wall int64

const (
	noWall  wall = -1 << 62
	minute  wall = 60
	hour    wall = 60 * minute
	day     wall = 24 * hour
	week    wall = 7 * day
	farZone      = 26 * 60 * 60 // seconds; no two zones, and no zone before and after it changed, are further apart
)

// clock is the clock on the wall of a place. When it is set back, what it has shown already does not begin
// again: a time that it shows twice has come when it shows it first. When it is set forward, the times that
// it leaves out come at the moment of the change. So time never runs backwards, every time of the wall
// comes exactly once, and what begins when another ends neither leaves a gap nor overlaps.
type clock struct{ zone *time.Location }

// reached is the latest time that the clock has shown by then.
func (c clock) reached(t time.Time) wall {
	t = t.In(c.zone)
	_, offset := t.Zone()
	now := t.Unix()
	latest := now + int64(offset)
	begin, _ := t.ZoneBounds()
	for !begin.IsZero() && now-begin.Unix() < farZone {
		before := begin.Add(-time.Second)
		_, offset := before.Zone()
		latest = max(latest, before.Unix()+int64(offset))
		begin, _ = before.ZoneBounds()
	}
	return wall(latest)
}

// when is the first moment at which the clock shows w or has passed it.
func (c clock) when(w wall) time.Time {
	t := time.Unix(int64(w)-farZone, 0).In(c.zone)
	for {
		_, offset := t.Zone()
		at := max(int64(w)-int64(offset), t.Unix())
		if _, end := t.ZoneBounds(); end.IsZero() || at < end.Unix() {
			return time.Unix(at, 0).UTC()
		} else {
			t = end.In(c.zone)
		}
	}
}

// parseWall reads 2026-11-02T09:00 or 2026-11-02; false: it is neither.
func parseWall(s string) (wall, bool) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 2000 && t.Year() < 2200 {
			return wall(t.Unix()), true
		}
	}
	return noWall, false
}

// date is the wall's midnight at which the day of w begins.
func (w wall) date() wall { return w - (w%day+day)%day }

// weekday is the day of the week, 0 is Monday. The first of January 1970 was a Thursday.
func (w wall) weekday() int { return int(((w.date()/day+3)%7 + 7) % 7) }

// text is how people write it.
func (w wall) text() string { return time.Unix(int64(w), 0).UTC().Format("2006-01-02T15:04") }
