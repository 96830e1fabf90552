package simulate

import (
	"math"
	"testing"
	"time"
)

func TestTheAudienceHasTheShapeOfAFinal(t *testing.T) {
	s, err := Final()
	if err != nil {
		t.Fatal(err)
	}
	a := newAudience(s.Audience, s.Goals)
	min := func(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }

	t.Run("it goes through every point where no goal lifts it", func(t *testing.T) {
		plain := newAudience(s.Audience, nil)
		for _, p := range s.Audience {
			if got := plain.at(p.At); math.Abs(got-p.Share) > 1e-9 {
				t.Errorf("at %s it is %v, wants %v", p.At, got, p.Share)
			}
		}
	})
	t.Run("it never overshoots its points", func(t *testing.T) {
		plain := newAudience(s.Audience, nil)
		for i := 1; i < len(s.Audience); i++ {
			p, q := s.Audience[i-1], s.Audience[i]
			lo, hi := math.Min(p.Share, q.Share), math.Max(p.Share, q.Share)
			for at := p.At; at < q.At; at += 7 * time.Second {
				if v := plain.at(at); v < lo-1e-9 || v > hi+1e-9 {
					t.Fatalf("at %s it is %v, outside %v..%v", at, v, lo, hi)
				}
			}
		}
	})
	t.Run("it has no jumps", func(t *testing.T) {
		for at := s.Audience[0].At; at < min(215); at += time.Second {
			if d := math.Abs(a.at(at+time.Second) - a.at(at)); d > 0.003 {
				t.Fatalf("at %s it moves by %.4f in a second", at, d)
			}
		}
	})
	for _, c := range []struct {
		name string
		ok   bool
	}{
		{"people rush in around kick-off", a.at(min(6)) > 2.5*a.at(min(-5))},
		{"half-time loses about an eighth", a.at(min(55))/a.at(min(48)) > 0.85 && a.at(min(55))/a.at(min(48)) < 0.9},
		{"they come back for the second half", a.at(min(70)) > a.at(min(55))+0.05},
		{"a goal lifts it within a minute", a.at(min(24)) > a.at(min(23))+0.01},
		{"a goal is forgotten within twenty minutes", a.at(min(46))-newAudience(s.Audience, nil).at(min(46)) < 0.001},
		{"extra time grows", a.at(min(152)) > a.at(min(118))},
		{"penalties are the peak", a.at(min(167)) >= 0.999 && a.at(min(167)) < 1.01},
		{"the exit takes minutes", a.at(min(177)) < 0.4*a.at(min(167))},
		{"it stays where the points end", a.at(min(400)) == a.at(min(211)) && a.at(min(-400)) == a.at(min(-90))},
	} {
		if !c.ok {
			t.Errorf("not so: %s", c.name)
		}
	}
}

func TestTheClockRunsFasterFromStartOnAndBackAgain(t *testing.T) {
	start := kickOff.Add(-time.Minute)
	c := clock{start: start, lead: 10 * time.Minute, speed: 10}
	for _, w := range []struct {
		wall  time.Duration // since start
		match time.Duration
	}{
		{0, -10 * time.Minute},
		{time.Minute, 0},
		{-time.Hour, -70 * time.Minute}, // history is at speed 1
		{7 * time.Minute, time.Hour},
	} {
		if got := c.match(start.Add(w.wall)); got != w.match {
			t.Errorf("%s after start the match is at %s, wants %s", w.wall, got, w.match)
		}
		if got := c.wall(w.match); !got.Equal(start.Add(w.wall)) {
			t.Errorf("match time %s is %s after start, wants %s", w.match, got.Sub(start), w.wall)
		}
	}
	m := newMatch(t, func(c *Config) { c.Speed, c.KickOff = 10, c.Start.Add(time.Minute) })
	if !m.KickOff().Equal(m.cfg.Start.Add(time.Minute)) {
		t.Errorf("Config.KickOff was not kept: %s", m.KickOff())
	}
}

func TestTheNumberOfSessionsFollowsTheAudience(t *testing.T) {
	m := newMatch(t, nil)
	_, weight := m.Weights()
	for at := -90 * time.Minute; at < 205*time.Minute; at += 97 * time.Second {
		wall, n := m.WallTime(at), 0
		m.cast.people.watching(wall.Unix(), func(_ int, s *session) {
			if wall.Unix() < s.end {
				n++
			}
		})
		if want := m.Audience(wall); max(n*weight-want, want-n*weight) > weight {
			t.Errorf("at %s %d sessions stand for %d viewers, wants %d", at, n, n*weight, want)
		}
	}
}
