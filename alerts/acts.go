package alerts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vigie/alerts/route"
	"vigie/internal/bus"
	"vigie/internal/provider"
)

// edit changes a key by compare-and-set, again when somebody else was quicker. f gets what is there, the
// zero value where nothing is.
func edit[T any](ctx context.Context, r *Room, key string, f func(*T) error) (T, error) {
	var v T
	for range 10 {
		raw, revision, err := r.cfg.State.Get(ctx, key)
		v = *new(T)
		switch {
		case errors.Is(err, bus.ErrNotFound):
			revision = 0
		case err != nil:
			return v, err
		default:
			if err := json.Unmarshal(raw, &v); err != nil {
				return v, fmt.Errorf("alerts: key %s cannot be understood: %w", key, err)
			}
		}
		if err := f(&v); err != nil {
			return v, err
		}
		if raw, err = json.Marshal(v); err != nil {
			return v, err
		}
		if revision == 0 {
			_, err = r.cfg.State.Create(ctx, key, raw)
		} else {
			_, err = r.cfg.State.Update(ctx, key, raw, revision)
		}
		if errors.Is(err, bus.ErrConflict) {
			continue
		}
		if err == nil {
			r.hear(key, raw, false)
		}
		return v, err
	}
	return v, bus.ErrConflict
}

// care changes what people do about an open problem, and writes down the act.
func (r *Room) care(ctx context.Context, id string, act CareAct, f func(*Problem, *Care) error) error {
	if r == nil {
		return ErrNotFound
	}
	if utf8.RuneCountInString(act.Note) > maxNote {
		return Invalid{"note", fmt.Sprintf("is longer than %d characters", maxNote)}
	}
	act.Note = provider.Line(act.Note, maxNote)
	r.mu.Lock()
	p, ok := r.problems[id]
	r.mu.Unlock()
	if !ok {
		return ErrNotFound
	}
	act.At = time.Now().UTC()
	_, err := edit(ctx, r, keyCare+id, func(c *Care) error {
		full := len(c.History) >= maxHistory
		if full && act.What != ActAck { // whatever was written before, somebody must be able to say that they have it
			return ErrFull
		}
		if err := f(&p, c); err != nil {
			return err
		}
		if !full {
			c.History = append(c.History, act)
		}
		return nil
	})
	if err == nil {
		r.line(ctx, Line{Problem: id, What: act.What, By: act.By, Args: args("note", act.Note, "to", act.To)})
	}
	return err
}

// Acts of CareAct, and lines of the trail.
const (
	ActAck      = "ack"
	ActGiveUp   = "give-up"
	ActHandOver = "hand-over"
	ActNote     = "note"
)

// Acknowledge says that somebody has a problem: nobody else is called. Who has it already keeps it.
func (r *Room) Acknowledge(ctx context.Context, problem, by, note string) error {
	return r.care(ctx, problem, CareAct{What: ActAck, By: by, Note: note}, func(p *Problem, c *Care) error {
		if !p.Ended.IsZero() {
			return ErrOver
		}
		if a := acked(p, c); a != nil && a.By != by {
			return Taken{a.By, a.At}
		}
		c.Acked = &Ack{By: by, At: time.Now().UTC(), Note: note, As: p.Severity, Again: p.Again}
		return nil
	})
}

// Taken refuses to acknowledge what somebody has.
type Taken struct {
	By string
	At time.Time
}

func (e Taken) Error() string { return "alerts: " + e.By + " has it" }

// GiveUp takes an acknowledgement back: the escalation begins again.
func (r *Room) GiveUp(ctx context.Context, problem, by, note string) error {
	return r.care(ctx, problem, CareAct{What: ActGiveUp, By: by, Note: note}, func(p *Problem, c *Care) error {
		if !p.Ended.IsZero() {
			return ErrOver
		}
		if c.Acked == nil {
			return Invalid{"problem", "nobody has it"}
		}
		c.Acked = nil
		return nil
	})
}

// HandOver gives a problem to another person of the policy, who is called; nobody has it until they say so.
func (r *Room) HandOver(ctx context.Context, problem, person, by, note string) error {
	return r.care(ctx, problem, CareAct{What: ActHandOver, By: by, To: person, Note: note}, func(p *Problem, c *Care) error {
		if !p.Ended.IsZero() {
			return ErrOver
		}
		if r.cfg.Policy == nil || !slices.ContainsFunc(r.cfg.Policy.People, func(p route.Person) bool { return p.ID == person }) {
			return Invalid{"person", "is nobody of the policy"}
		}
		c.Acked = nil
		return nil
	})
}

// Note writes down something about a problem.
func (r *Room) Note(ctx context.Context, problem, by, note string) error {
	if provider.Line(note, maxNote) == "" {
		return Invalid{"note", "is empty"}
	}
	return r.care(ctx, problem, CareAct{What: ActNote, By: by, Note: note}, func(*Problem, *Care) error { return nil })
}

// newID is for what people make: it stands in addresses.
func newID() string {
	return time.Now().UTC().Format("20060102t150405") + "-" + strings.ToLower(rand.Text()[:6])
}

// full refuses more than is kept of a kind.
func full[T any](r *Room, kept map[string]T) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(kept) >= maxKept {
		return ErrFull
	}
	return nil
}

// Silence mutes what matches; its ID and Made are set here.
func (r *Room) Silence(ctx context.Context, s route.Silence) (route.Silence, error) {
	if r == nil {
		return s, ErrNotFound
	}
	s.ID, s.Made = newID(), time.Now().UTC()
	if err := s.Check(); err != nil {
		return s, err
	}
	if err := full(r, r.silences); err != nil {
		return s, err
	}
	_, err := edit(ctx, r, keySilence+s.ID, func(kept *route.Silence) error { *kept = s; return nil })
	if err == nil {
		r.line(ctx, Line{What: "silence", By: s.By, Args: args("silence", s.ID, "reason", s.Reason, "until", s.To.Format(time.RFC3339))})
	}
	return s, err
}

// EndSilence ends one before its time.
func (r *Room) EndSilence(ctx context.Context, id, by string) error {
	if r == nil {
		return ErrNotFound
	}
	_, err := edit(ctx, r, keySilence+id, func(s *route.Silence) error {
		if s.ID == "" {
			return ErrNotFound
		}
		now := time.Now().UTC()
		if !now.Before(s.To) || !s.Ended.IsZero() {
			return ErrOver
		}
		s.Ended, s.EndedBy = now, by
		return nil
	})
	if err == nil {
		r.line(ctx, Line{What: "silence-ended", By: by, Args: args("silence", id)})
	}
	return err
}

// WouldMute are the open problems that a silence would mute.
func (r *Room) WouldMute(s route.Silence) ([]Incident, error) {
	if r == nil {
		return nil, ErrNotFound
	}
	s.ID, s.Made = "preview", time.Now().UTC()
	if err := s.Check(); err != nil {
		return nil, err
	}
	var out []Incident
	for _, i := range r.Snapshot().Open {
		if new(world).mutes(&i.Problem, s.Matches) {
			out = append(out, i)
		}
	}
	return out, nil
}

// Override puts a person on call for a while; its ID and Made are set here.
func (r *Room) Override(ctx context.Context, o route.Override) (route.Override, error) {
	if r == nil || r.cfg.Policy == nil {
		return o, ErrNotFound
	}
	o.ID, o.Made = newID(), time.Now().UTC()
	if err := r.cfg.Policy.CheckOverride(&o); err != nil {
		return o, err
	}
	if err := full(r, r.override); err != nil {
		return o, err
	}
	_, err := edit(ctx, r, keyOverride+o.ID, func(kept *route.Override) error { *kept = o; return nil })
	if err == nil {
		r.line(ctx, Line{What: "override", By: o.By, Args: args("schedule", o.Schedule, "person", o.Person, "reason", o.Reason)})
	}
	return o, err
}

// Restore takes an override back.
func (r *Room) Restore(ctx context.Context, id, by string) error {
	if r == nil {
		return ErrNotFound
	}
	o, err := edit(ctx, r, keyOverride+id, func(o *route.Override) error {
		if o.ID == "" {
			return ErrNotFound
		}
		now := time.Now().UTC()
		if !now.Before(o.To) {
			return ErrOver
		}
		if o.To = now; o.From.After(now) {
			o.From = now
		}
		return nil
	})
	if err == nil {
		r.line(ctx, Line{What: "override-ended", By: by, Args: args("schedule", o.Schedule, "person", o.Person)})
	}
	return err
}

// Maintain begins a live maintenance, or plans one; its ID is set here.
func (r *Room) Maintain(ctx context.Context, m route.Maintenance) (route.Maintenance, error) {
	if r == nil || r.cfg.Policy == nil {
		return m, ErrNotFound
	}
	m.ID = newID()
	if err := r.cfg.Policy.CheckMaintenance(&m); err != nil {
		return m, err
	}
	if err := full(r, r.works); err != nil {
		return m, err
	}
	_, err := edit(ctx, r, keyWork+m.ID, func(kept *route.Maintenance) error { *kept = m; return nil })
	if err == nil {
		r.line(ctx, Line{What: "maintenance", By: m.By, Args: args("maintenance", m.ID, "title", m.Title, "from", m.From, "to", m.To)})
	}
	return m, err
}

// EndMaintenance ends a live one before its time.
func (r *Room) EndMaintenance(ctx context.Context, id, by string) error {
	if r == nil || r.cfg.Policy == nil {
		return ErrNotFound
	}
	m, err := edit(ctx, r, keyWork+id, func(m *route.Maintenance) error {
		if m.ID == "" {
			return ErrNotFound
		}
		now := time.Now().UTC().Truncate(time.Second)
		if err := r.cfg.Policy.CheckMaintenance(m); err != nil {
			return err
		}
		from, to := m.Window()
		if !now.Before(to) {
			return ErrOver
		}
		if m.To = now.Format(time.RFC3339); now.Before(from) {
			m.From = now.Add(-time.Second).Format(time.RFC3339)
		}
		return nil
	})
	if err == nil {
		r.line(ctx, Line{What: "maintenance-ended", By: by, Args: args("maintenance", id, "title", m.Title)})
	}
	return err
}

// TurnDial sets a group's sensitivity, 1 to 10; it counts from the next second on.
func (r *Room) TurnDial(ctx context.Context, group string, to int, by string) error {
	if r == nil {
		return ErrNotFound
	}
	g := r.group(group)
	if g == nil {
		return ErrNotFound
	}
	if to < 1 || to > 10 {
		return Invalid{"to", "is not between 1 and 10"}
	}
	from := g.Sensitivity
	_, err := edit(ctx, r, keyDial+group, func(d *Dial) error {
		if d.At != 0 {
			from = d.At
		}
		*d = Dial{Group: group, At: to, By: by, Since: time.Now().UTC()}
		return nil
	})
	if err == nil {
		r.line(ctx, Line{What: "dial", By: by, Args: args("group", group, "from", fmt.Sprint(from), "to", fmt.Sprint(to))})
	}
	return err
}

// SetDrill begins an exercise, or ends it.
func (r *Room) SetDrill(ctx context.Context, on bool, by string) error {
	if r == nil {
		return ErrNotFound
	}
	_, err := edit(ctx, r, keyDrill, func(d *Drill) error {
		if d.On == on {
			return ErrOver
		}
		*d = Drill{On: on, By: by, Since: time.Now().UTC()}
		return nil
	})
	if err == nil {
		r.line(ctx, Line{What: map[bool]string{true: "drill", false: "drill-ended"}[on], By: by})
	}
	return err
}
