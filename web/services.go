package web

import (
	"math"
	"time"

	"vigie/cockpit"
)

const (
	// The board has room for so many services; when there are more, the last line counts them.
	servicesOnBoard = 7
	// The wall has six lines of two names; one with its number has a line of its own.
	chipsOnWall = 12
	// Names that senders choose are cut.
	longestName     = 60
	longestResource = 24
	longestChip     = 16
)

// The cockpit finds a resource warm and full from here on.
const warmAt, fullAt = .8, .95

type servicesView struct {
	headView
	Nothing bool // no service, no trouble: nothing is drawn
	Heads   []string
	Rows    []serviceView // with numbers, on the desk
	Chips   []chipView    // names, on the wall
	More    string
	Others  []countView
}

// chipView is a service by its name; it has a number where it asks for someone.
type chipView struct {
	Name, Value string
	Health      healthView
}

type serviceView struct {
	Name, Rate, Errors, P95 string
	Alarm                   string // health's class when errors are why it calls
	Full, Resource          string // of its fullest resource: what, how much, the bar in percent
	Bar, Level              string
	Health                  healthView
}

func newServicesView(k look) servicesView {
	l, s := k.locale, &k.board.Services
	v := servicesView{
		headView: newHead(k, "services", s.Panel, 20*time.Second),
		Heads:    []string{l.T("services.rate"), l.T("services.errors"), l.T("services.p95"), l.T("services.saturation")},
	}
	v.Nothing = len(s.Rows) == 0 && v.Error == ""
	rows, room := s.Rows, servicesOnBoard
	if k.wall() {
		room = chipsOnWall - callingServices(rows[:min(len(rows), chipsOnWall/2)])
	}
	if len(rows) > room {
		others := rows[room-1:]
		rows = rows[:room-1]
		v.More, v.Others = l.plural("services.more", len(others)), countServices(l, others)
		if len(v.Others) == 1 && others[0].Health == cockpit.HealthFine {
			v.More, v.Others = l.plural("services.more_normal", len(others)), nil
		}
	}
	for i := range rows {
		row := newServiceView(l, &rows[i])
		if k.wall() {
			v.Chips = append(v.Chips, newChip(l, &rows[i], row))
		} else {
			v.Rows = append(v.Rows, row)
		}
	}
	return v
}

func callingServices(rows []cockpit.Service) int {
	n := 0
	for i := range rows {
		if rows[i].Health == cockpit.HealthWarning || rows[i].Health == cockpit.HealthCritical {
			n++
		}
	}
	return n
}

func newChip(l *locale, s *cockpit.Service, row serviceView) chipView {
	v := chipView{Name: foreign(s.Name, longestChip), Health: row.Health}
	if s.Health == cockpit.HealthWarning || s.Health == cockpit.HealthCritical {
		v.Value = l.ratio(s.Errors).String()
		if s.Full {
			v.Value = row.Full
		}
	}
	return v
}

func newServiceView(l *locale, s *cockpit.Service) serviceView {
	v := serviceView{
		Name: foreign(s.Name, longestName), Rate: l.rate(s.Rate).String(), Errors: l.three(s.Errors * 100),
		P95: l.latency(s.P95).String(), Full: missing, Health: newHealth(l, s.Health),
	}
	if s.Health == cockpit.HealthUnknown && s.Requests > 0 {
		v.Health.Word = l.T("services.few")
	}
	level := cockpit.HealthUnknown
	if !math.IsNaN(s.Saturation) {
		switch {
		case s.Saturation >= fullAt:
			level = cockpit.HealthCritical
		case s.Saturation >= warmAt:
			level = cockpit.HealthWarning
		default:
			level = cockpit.HealthFine
		}
		v.Full, v.Resource = l.share(s.Saturation).String(), foreign(s.Resource, longestResource)
		v.Bar, v.Level = barOf(s.Saturation, 1), newHealth(l, level).Class
	}
	// Health is the worse of errors and saturation: what saturation does not account for, errors do.
	if s.Health > max(level, cockpit.HealthFine) {
		v.Alarm = v.Health.Class
	}
	return v
}

// countServices says how many there are of each health, the worst first.
func countServices(l *locale, rows []cockpit.Service) []countView {
	n := map[cockpit.Health]int{}
	for i := range rows {
		n[rows[i].Health]++
	}
	var counts []countView
	for _, h := range []cockpit.Health{cockpit.HealthCritical, cockpit.HealthWarning, cockpit.HealthFine, cockpit.HealthUnknown} {
		if n[h] > 0 {
			class := newHealth(l, h).Class
			key := "services.count." + class
			counts = append(counts, countView{class, l.fixed(float64(n[h]), 0) + nbsp + l.plural(key, n[h])})
		}
	}
	return counts
}
