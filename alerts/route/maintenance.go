package route

import (
	"fmt"
	"strings"
	"time"
)

// Maintenance is planned work: what it matches is judged and on the board, and nobody is told. One of the
// file has been checked with it; one that somebody makes live is checked by CheckMaintenance, also after it
// was read from where it is kept.
type Maintenance struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title"`
	From  string `yaml:"from" json:"from"`           // 2026-11-24T02:00 by the wall of Zone, or with an offset
	To    string `yaml:"to" json:"to"`               // the first moment that is not covered
	Zone  string `yaml:"zone" json:"zone,omitempty"` // IANA name; empty: the policy's
	Match When   `yaml:"match" json:"match"`         // empty: everything
	By    string `yaml:"-" json:"by,omitempty"`      // who made it, live

	from, to time.Time
}

// MaxMaintenance is how long one lasts at most.
const MaxMaintenance = 31 * 24 * time.Hour

// CheckMaintenance says what is wrong with a maintenance that somebody makes live, each a match.Problem, and
// makes it ready.
func (p *Policy) CheckMaintenance(m *Maintenance) error {
	k := &checker{}
	m.check(k, "", p.zone)
	k.text("by", m.By, maxName, true)
	return k.err()
}

func (m *Maintenance) check(k *checker, key string, usual *time.Location) {
	id[int](k, key+"id", m.ID, nil)
	k.text(key+"title", m.Title, maxText, true)
	zone := k.zone(key+"zone", m.Zone, usual)
	m.from, m.to = time.Time{}, time.Time{}
	for _, side := range []struct {
		name, text string
		into       *time.Time
	}{{"from", m.From, &m.from}, {"to", m.To, &m.to}} {
		switch at, ok := moment(side.text, zone); {
		case side.text == "":
			k.bad(key+side.name, "is missing")
		case !ok:
			k.bad(key+side.name, "%.40q is no time: write it as 2026-11-24T02:00", side.text)
		default:
			*side.into = at
		}
	}
	if !m.from.IsZero() && !m.to.IsZero() {
		span := &checker{}
		span.span(m.from.In(zone), m.to.In(zone), MaxMaintenance)
		for _, err := range span.errs {
			text := err.Error()
			name, text, _ := strings.Cut(text, ": ")
			k.bad(key+name, "%s", text)
		}
	}
	m.Match.check(k, key+"match.", zone)
}

// moment reads a time of the wall, or one with an offset.
func moment(s string, zone *time.Location) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	w, ok := parseWall(s)
	if !ok {
		return time.Time{}, false
	}
	return clock{zone}.when(w), true
}

// Window is from when to when it lasts.
func (m *Maintenance) Window() (from, to time.Time) { return m.from, m.to }

// Active tells whether it is on.
func (m *Maintenance) Active(at time.Time) bool { return !at.Before(m.from) && at.Before(m.to) }

// Covers tells whether it is on and matches.
func (m *Maintenance) Covers(s Subject, at time.Time) bool {
	return m.Active(at) && m.Match.matches(&s, at)
}

// InMaintenance is the first maintenance, of the file or live, that covers a problem; nil: none.
func (p *Policy) InMaintenance(s Subject, at time.Time, live []Maintenance) *Maintenance {
	for _, all := range [2][]Maintenance{p.Maintenance, live} {
		for i := range all {
			if all[i].Covers(s, at) {
				return &all[i]
			}
		}
	}
	return nil
}

func (m *Maintenance) String() string { return fmt.Sprintf("%s (%s)", m.Title, m.ID) }
