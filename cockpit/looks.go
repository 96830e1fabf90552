package cockpit

import (
	"context"
	"slices"
	"sync"
	"time"

	"vigie/internal/watermark"
)

const (
	// maxSights are looked at beside the whole: each costs ClickHouse some five small questions a second.
	maxSights = 24
	// briskSights are looked at every second; with more of them, each less often.
	briskSights = 4
	// restingSight is how often a stretch of the past is read again, for late rows.
	restingSight = 10 * time.Second
	lensLife     = 30 * time.Second // after it was last looked through
)

// Look makes the board of a sight now, for the first who asks; from then on it is published like the
// whole's while Config.Watched names it. It fails with ErrNoSuchSight, ErrTooManySights, or when ctx
// ends.
func (c *Cockpit) Look(ctx context.Context, s Sight) (*Board, error) {
	if !c.exists(s) {
		return nil, ErrNoSuchSight
	}
	c.mu.Lock()
	m, room := c.moment, c.room
	if s == (Sight{}) || m == nil {
		c.mu.Unlock()
		if room == nil {
			return nil, ErrNoSuchSight
		}
		return room, nil
	}
	l := c.lenses[s]
	if l == nil {
		if len(c.lenses) >= maxSights {
			c.mu.Unlock()
			return nil, ErrTooManySights
		}
		l = newLens(&c.cfg, c.questions, s)
		c.lenses[s] = l
	}
	l.looked = time.Now()
	c.mu.Unlock()

	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if time.Since(l.made) < 2*tickEvery {
		return l.last, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tickLimit)
	defer cancel()
	return c.lookThrough(ctx, l, m, room), nil
}

// exists tells whether there can be anything at a sight: CDNs are known, networks and channels are what
// the data says.
func (c *Cockpit) exists(s Sight) bool {
	for _, scope := range []Scope{s.Scope, s.Beside} {
		if scope.CDN != "" && !slices.ContainsFunc(c.cfg.CDNs, func(cdn CDN) bool { return cdn.ID == scope.CDN }) {
			return false
		}
	}
	if s.Earlier != "" && s.Earlier != NoEarlier && c.cfg.Matches.Find(s.Earlier) == nil {
		return false
	}
	return s.Live() || s.From < s.To && s.To-s.From <= int64(longest/time.Second)
}

// lookThrough makes the lens's board: its own parts, and those that are the same for everyone.
func (c *Cockpit) lookThrough(ctx context.Context, l *lens, m *moment, room *Board) *Board {
	c.aim(ctx, l, m)
	b := l.tick(ctx, m)
	l.made = time.Now()
	b.share(room)
	if b.Beside != nil {
		b.Beside.share(room)
	}
	return b
}

// aim gives a lens the earlier match of its sight.
func (c *Cockpit) aim(ctx context.Context, l *lens, m *moment) {
	l.against = c.compared(m, l.sight)
	l.older = nil
	if earlier := l.against.match; earlier != nil {
		l.older = c.older.night(ctx, earlier, l.sight.Scope)
	}
	if l.beside != nil {
		c.aim(ctx, l.beside, m)
	}
}

// share fills in what does not depend on the sight.
func (b *Board) share(room *Board) {
	b.Tick, b.Services, b.Sources, b.Capacity = room.Tick, room.Services, room.Sources, room.Capacity
	b.Concerns, b.Changes = room.Concerns, room.Changes
	b.Pressure.Login, b.Pressure.Logins, b.Pressure.LoginErrors = room.Pressure.Login, room.Pressure.Logins, room.Pressure.LoginErrors
}

// touch tells all lenses that rows arrived.
func (c *Cockpit) touch(stretches []watermark.Stretch) {
	if len(stretches) == 0 {
		return
	}
	c.whole.touch(stretches)
	c.older.touch(stretches)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lenses {
		l.touch(stretches)
	}
}

// remind renews what the moment knows of people's decisions.
func (c *Cockpit) remind() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moment != nil {
		m := *c.moment
		m.now = time.Now()
		c.clockOf(&m)
		c.moment = &m
	}
}

// lookOn publishes the boards of the other sights that someone looks at, each in its own time: the whole
// never waits for them.
func (c *Cockpit) lookOn(ctx context.Context, wg *sync.WaitGroup) {
	var watched []Sight
	if c.cfg.Watched != nil {
		watched = c.cfg.Watched()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moment == nil {
		return
	}
	m, room := c.moment, c.room
	for _, s := range watched {
		if l := c.lenses[s]; l != nil {
			l.looked = time.Now()
		}
	}
	every := tickEvery * time.Duration((len(c.lenses)+briskSights-1)/briskSights)
	for s, l := range c.lenses {
		if time.Since(l.looked) > lensLife {
			delete(c.lenses, s)
			continue
		}
		select {
		case l.turn <- struct{}{}:
		default: // it is being looked through
			continue
		}
		wg.Go(func() {
			defer func() { <-l.turn }()
			rest := every
			if !s.Live() {
				rest = restingSight
			}
			if time.Since(l.made) < rest-tickEvery/2 {
				b := *l.last
				b.At, b.Match, b.Marks, b.Notes, b.Duty = m.now, m.clock, m.timeline, m.notes, m.duty
				b.share(room)
				l.last = &b
			} else {
				ctx, cancel := context.WithTimeout(ctx, tickLimit)
				defer cancel()
				c.lookThrough(ctx, l, m, room)
			}
			if ctx.Err() == nil {
				c.cfg.Publish(l.last)
			}
		})
	}
}
