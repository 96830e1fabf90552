package simulate

import (
	"math"
	"time"
)

// audience is the share of the peak's viewers that watch, over match time in seconds: a monotone
// cubic through the scenario's points, so that it is smooth and never overshoots them, plus goals.
type audience struct {
	x, y, slope []float64
	goals       []Goal
}

func newAudience(points []Point, goals []Goal) audience {
	n := len(points)
	a := audience{x: make([]float64, n), y: make([]float64, n), slope: make([]float64, n), goals: goals}
	for i, p := range points {
		a.x[i], a.y[i] = p.At.Seconds(), p.Share
	}
	// Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980): the harmonic mean of neighbouring
	// secants, and flat where they change sign.
	for i := 1; i < n-1; i++ {
		d0 := (a.y[i] - a.y[i-1]) / (a.x[i] - a.x[i-1])
		d1 := (a.y[i+1] - a.y[i]) / (a.x[i+1] - a.x[i])
		if d0*d1 > 0 {
			a.slope[i] = 2 * d0 * d1 / (d0 + d1)
		}
	}
	return a
}

// at is the share at a match time, never negative. Before the first point and after the last it
// stays what it is there.
func (a audience) at(match time.Duration) float64 {
	t, n := match.Seconds(), len(a.x)
	var v float64
	switch {
	case t <= a.x[0]:
		v = a.y[0]
	case t >= a.x[n-1]:
		return a.y[n-1]
	default:
		i := 0
		for t > a.x[i+1] {
			i++
		}
		h := a.x[i+1] - a.x[i]
		u := (t - a.x[i]) / h
		v = (1+2*u)*(1-u)*(1-u)*a.y[i] + u*(1-u)*(1-u)*h*a.slope[i] +
			u*u*(3-2*u)*a.y[i+1] + u*u*(u-1)*h*a.slope[i+1]
	}
	for _, g := range a.goals {
		v += g.Bump * bump((match - g.At).Seconds())
	}
	return max(v, 0)
}

// bump rises from 0 to 1 within 40 s and decays with a time constant of two minutes and a half.
func bump(s float64) float64 {
	const rise, decay = 40, 150
	switch {
	case s <= 0 || s > 8*decay:
		return 0
	case s < rise:
		return smooth(s / rise)
	default:
		return math.Exp(-(s - rise) / decay)
	}
}

// smooth goes from 0 to 1 with flat ends.
func smooth(u float64) float64 {
	u = min(max(u, 0), 1)
	return u * u * (3 - 2*u)
}

// clock maps wall-clock time to match time: at speed from start on, at 1 before it.
type clock struct {
	start time.Time
	lead  time.Duration // match time from start to kick-off
	speed float64
}

func (c clock) match(wall time.Time) time.Duration {
	d := wall.Sub(c.start)
	if d > 0 {
		d = time.Duration(float64(d) * c.speed)
	}
	return d - c.lead
}

func (c clock) wall(match time.Duration) time.Time {
	d := match + c.lead
	if d > 0 {
		d = time.Duration(float64(d) / c.speed)
	}
	return c.start.Add(d)
}
