package web

import (
	"math"
	"time"

	"vigie/cockpit"
)

const (
	// The board has room for so many services; when there are more, the last line counts them.
	servicesOnBoard = 7
	// Names that senders choose are cut.
	longestName     = 60
	longestResource = 24
)

// The cockpit finds a resource warm and full from here on.
const warmAt, fullAt = .8, .95

type servicesView struct {
	Title, Definition, Error string
	Nothing                  bool // no service, no trouble: nothing is drawn
	Heads                    []string
	Age                      ageView
	Rows                     []serviceView
	More                     string
	Others                   []countView
}

type serviceView struct {
	Name, Rate, Errors, P95 string
	Alarm                   string // health's class when errors are why it calls
	Full, Resource          string // of its fullest resource: what, how much, the bar in percent
	Bar, Level              string
	Health                  healthView
}

func newServicesView(l *locale, b *cockpit.Board) servicesView {
	s := &b.Services
	v := servicesView{
		Title: l.T("services.title"), Definition: l.T("services.definition"),
		Error: panelError(l, s.Panel), Age: newAge(l, b, s.Panel, 20*time.Second),
		Heads: []string{l.T("services.rate"), l.T("services.errors"), l.T("services.p95"), l.T("services.saturation")},
	}
	v.Nothing = len(s.Rows) == 0 && v.Error == ""
	rows := s.Rows
	if len(rows) > servicesOnBoard {
		others := rows[servicesOnBoard-1:]
		rows = rows[:servicesOnBoard-1]
		v.More, v.Others = l.plural("services.more", len(others)), countServices(l, others)
		if len(v.Others) == 1 && others[0].Health == cockpit.HealthFine {
			v.More, v.Others = l.plural("services.more_normal", len(others)), nil
		}
	}
	for i := range rows {
		v.Rows = append(v.Rows, newServiceView(l, &rows[i]))
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
