package match

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Problem is one thing that a match's file cannot say. Key is its place, as roster[2].phone.
type Problem struct{ Key, Text string }

func (p *Problem) Error() string { return p.Key + ": " + p.Text }

// Bounds of a file, beyond which nobody would read it on a night.
const (
	maxName      = 120 // characters, of names and roles
	maxText      = 280 // characters, of what is said in a sentence
	maxChannels  = 50
	maxRoster    = 100
	maxPoints    = 500
	maxReserves  = 500
	maxNearby    = 100
	maxChecklist = 200
	maxPhaseFrom = 24 * time.Hour
	maxForecast  = 7 * 24 * time.Hour // from kick-off, either way
)

// ParseID reads the id of a match, or of an item of its checklist: 1 to 64 of a-z, 0-9 and '-'.
func ParseID(id string) error {
	if id == "" || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%.80q is not 1 to 64 of a-z, 0-9 and -", id)
	}
	return nil
}

// checker collects what is wrong.
type checker struct{ errs []error }

func (c *checker) bad(key, format string, args ...any) {
	c.errs = append(c.errs, &Problem{key, fmt.Sprintf(format, args...)})
}

// text checks what people read: that it is there when it must be, is short and can be shown.
func (c *checker) text(key, s string, longest int, must bool) {
	switch {
	case s == "" && must:
		c.bad(key, "is missing")
	case utf8.RuneCountInString(s) > longest:
		c.bad(key, "is longer than %d characters", longest)
	case !printable(s):
		c.bad(key, "has characters that cannot be shown")
	}
}

func (c *checker) few(key string, n, most int) {
	if n > most {
		c.bad(key, "has %d entries, %d are allowed", n, most)
	}
}

// printable allows spaces that do not break, which French is full of.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) })
}

// Check says everything that is wrong with a match's file, each a Problem, and fills in what it leaves to
// usage.
func (m *Match) Check() error {
	c := &checker{}
	if err := ParseID(m.ID); m.ID != "" && err != nil {
		c.bad("id", "%v: the file's name is the match's id", err)
	}
	c.text("name", m.Name, maxName, true)
	c.text("competition", m.Competition, maxName, false)
	c.few("teams", len(m.Teams), 8)
	for i, team := range m.Teams {
		c.text(fmt.Sprintf("teams[%d]", i), team, maxName, true)
	}
	c.few("channels", len(m.Channels), maxChannels)
	for i, channel := range m.Channels {
		key := fmt.Sprintf("channels[%d]", i)
		c.text(key, channel, maxName, true)
		if slices.Index(m.Channels, channel) < i {
			c.bad(key, "%q is there twice", channel)
		}
	}
	if m.Criticality < 0 || m.Criticality > 4 {
		c.bad("criticality", "%d is not between 1 and 4", m.Criticality)
	}
	switch {
	case m.KickOff.IsZero():
		c.bad("kick_off", "is missing: write it as 2026-07-19T21:00:00+02:00")
	case m.KickOff.Year() < 1970 || m.KickOff.Year() > 2200:
		c.bad("kick_off", "%d is not a year of a match", m.KickOff.Year())
	}
	zone, err := time.LoadLocation(m.Venue)
	if err != nil || m.Venue == "Local" {
		c.bad("time_zone", "%.60q is not a time zone: use an IANA name such as Europe/Paris", m.Venue)
	}
	m.zone = zone
	m.checkPhases(c)
	if m.Compare != "" {
		if err := ParseID(m.Compare); err != nil {
			c.bad("compare", "%v: it is the name of another match's file without .yaml", err)
		}
	}
	m.checkRoster(c)
	checkPoints(c, "forecast.viewers", m.Forecast.Viewers, "a number of viewers")
	checkPoints(c, "forecast.traffic", m.Forecast.Traffic, "a rate such as 1.6 Tbit/s or 200 Gbit/s")
	m.checkCapacity(c)
	c.few("nearby", len(m.Nearby), maxNearby)
	for i, n := range m.Nearby {
		key := fmt.Sprintf("nearby[%d].", i)
		c.text(key+"name", n.Name, maxName, true)
		c.text(key+"note", n.Note, maxText, false)
		switch {
		case n.From.IsZero():
			c.bad(key+"from", "is missing: write it as 2026-07-19T18:00:00+02:00")
		case n.To.IsZero():
			c.bad(key+"to", "is missing: write it as 2026-07-19T23:00:00+02:00")
		case !n.To.After(n.From):
			c.bad(key+"to", "%s is not after from", n.To.Format(time.RFC3339))
		}
	}
	m.checkChecklist(c)
	return errors.Join(c.errs...)
}

func (m *Match) checkPhases(c *checker) {
	if len(m.Phases) == 0 {
		m.Phases = usualPhases
	}
	c.few("phases", len(m.Phases), len(usualPhases))
	for i, p := range m.Phases {
		key := fmt.Sprintf("phases[%d].", i)
		rank := slices.Index(order, p.Phase)
		switch {
		case rank <= 0: // before is none that a file has
			c.bad(key+"phase", "%.60q is none of %s", p.Phase, joinPhases(order[1:]))
		case i > 0 && rank <= slices.Index(order, m.Phases[i-1].Phase):
			c.bad(key+"phase", "%s does not come after %s: the order is %s", p.Phase, m.Phases[i-1].Phase, joinPhases(order[1:]))
		}
		switch {
		case p.From < 0 || p.From > maxPhaseFrom:
			c.bad(key+"from", "%s is not between 0s and %s after kick-off", p.From, maxPhaseFrom)
		case i > 0 && p.From <= m.Phases[i-1].From:
			c.bad(key+"from", "%s is not after the phase before it", p.From)
		}
	}
}

func joinPhases(phases []Phase) string {
	names := make([]string, len(phases))
	for i, p := range phases {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

func (m *Match) checkRoster(c *checker) {
	c.few("roster", len(m.Roster), maxRoster)
	for i, d := range m.Roster {
		key := fmt.Sprintf("roster[%d].", i)
		c.text(key+"name", d.Name, maxName, true)
		c.text(key+"role", d.Role, maxName, true)
		if d.Phone != "" && Dial(d.Phone) == "" {
			c.bad(key+"phone", "%.40q cannot be dialled: write it as +33612345678, with its country", d.Phone)
		}
		if from, to := m.Turn(d, nil); !to.After(from) {
			c.bad(key+"to", "%s is not after %s, when the turn begins", to.Format(time.RFC3339), from.Format(time.RFC3339))
		}
	}
}

// Dial is a telephone number as a telephone wants it, + and 7 to 15 digits; "": it is none.
func Dial(phone string) string {
	digits, ok := strings.CutPrefix(strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u00a0' || r == '\u202f' {
			return -1
		}
		return r
	}, phone), "+")
	if !ok || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return ""
	}
	if _, err := strconv.ParseUint(digits, 10, 64); err != nil {
		return ""
	}
	return "+" + digits
}

func checkPoints(c *checker, key string, points []Point, what string) {
	c.few(key, len(points), maxPoints)
	for i, p := range points {
		at := fmt.Sprintf("%s[%d].", key, i)
		if p.At < -maxForecast || p.At > maxForecast {
			c.bad(at+"at", "%s is further from kick-off than %s", p.At, maxForecast)
		} else if i > 0 && p.At <= points[i-1].At {
			c.bad(at+"at", "%s is not after the point before it", p.At)
		}
		if !(p.Value >= 0) || math.IsInf(p.Value, 0) {
			c.bad(at+"value", "is not %s, 0 or more", what)
		}
	}
}

func (m *Match) checkCapacity(c *checker) {
	c.few("capacity", len(m.Capacity), maxReserves)
	seen := map[[2]string]bool{}
	for i, r := range m.Capacity {
		key := fmt.Sprintf("capacity[%d].", i)
		c.text(key+"cdn", r.CDN, maxName, true)
		c.text(key+"isp", r.ISP, maxName, false)
		if !(r.Bits > 0) || math.IsInf(r.Bits, 0) {
			c.bad(key+"bits", "is not a rate above zero such as 1.6 Tbit/s or 200 Gbit/s")
		}
		if at := [2]string{r.CDN, r.ISP}; seen[at] {
			c.bad(key+"cdn", "%q to %q is there twice", r.CDN, r.ISP)
		} else {
			seen[at] = true
		}
	}
}

func (m *Match) checkChecklist(c *checker) {
	c.few("checklist", len(m.Checklist), maxChecklist)
	seen := map[string]bool{}
	for i, item := range m.Checklist {
		key := fmt.Sprintf("checklist[%d].", i)
		if err := ParseID(item.ID); err != nil {
			c.bad(key+"id", "%v", err)
		} else if seen[item.ID] {
			c.bad(key+"id", "%q is there twice", item.ID)
		}
		seen[item.ID] = true
		c.text(key+"text", item.Text, maxText, true)
		c.text(key+"owner", item.Owner, maxName, false)
		if item.Owner != "" && len(m.Roster) > 0 && !slices.ContainsFunc(m.Roster, func(d Duty) bool { return d.Role == item.Owner }) {
			c.bad(key+"owner", "%q is no role of the roster", item.Owner)
		}
	}
}
