package cockpit

import (
	"math"
	"slices"
	"strings"
	"time"
)

// pressure is what was served beside what security rules refused.
func (l *lens) pressure() Pressure {
	until := l.logs()
	seconds := slotTime.Seconds()
	p := Pressure{Panel: Panel{AsOf: until}, Accepted: math.NaN(), Blocked: math.NaN(), Logins: math.NaN(), LoginErrors: math.NaN()}
	p.Chart = l.lines([]string{PressureAccepted, PressureBlocked}, []func(*sent) float64{
		func(s *sent) float64 { return (s.requests - s.blocked) / seconds },
		func(s *sent) float64 { return s.blocked / seconds },
	})
	if until.IsZero() {
		return p
	}
	blocked := p.Chart.Lines[1]
	for i, v := range blocked.Points[:blocked.Solid] {
		if v > p.Peak {
			p.Peak, p.PeakAt = v, p.Chart.Start.Add(time.Duration(i)*slotTime)
		}
	}
	complete := wholeSlots(until)
	all := l.sentIn(l.judged(complete), complete)
	if all.lines == 0 {
		return p
	}
	over := l.over(complete)
	p.Accepted, p.Blocked = (all.requests-all.blocked)/over.Seconds(), all.blocked/over.Seconds()
	if enough(all.lines, over) {
		p.Health = l.cfg.Limits.Blocked.judge(atLeast(ratio(all.blocked, all.requests), float64(all.lines)))
	}
	return p
}

// LoginServices are how services that people sign in by are called, the likeliest first.
func LoginServices() []string {
	return []string{"login", "auth", "signin", "sign-in", "connexion", "identity"}
}

// tellLogins adds what the service says that people sign in by.
func (c *Cockpit) tellLogins(b *Board) {
	for _, name := range LoginServices() {
		i := slices.IndexFunc(b.Services.Rows, func(s Service) bool { return strings.EqualFold(s.Name, name) })
		if i < 0 {
			continue
		}
		s := b.Services.Rows[i]
		b.Pressure.Login, b.Pressure.Logins, b.Pressure.LoginErrors = s.Name, s.Rate, s.Errors
		return
	}
}
