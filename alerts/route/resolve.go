package route

import (
	"cmp"
	"slices"
	"time"

	"vigie/internal/match"
)

// Target is where something is said.
type Target struct {
	Channel   string // id
	To        string // as the channel understands it; "": it has one of its own
	Person    string // id; "": the channel itself, or somebody whom only the roster knows
	Via       string // the Ref
	Language  string // fr, en
	Zone      string // IANA name, of who reads it
	Name      string // of who reads it; "": the channel itself
	Fallbacks []Target
}

// same tells whether both go to the same place.
func (t *Target) same(o *Target) bool { return t.Channel == o.Channel && t.To == o.To }

// who is whom people would say is told.
func (t *Target) who() string {
	if t.Name == "" {
		return t.Channel
	}
	return t.Name
}

// Resolve is who stands behind a Ref at a moment, each with what to try when the first way fails: the
// person's further contacts, then the channels that follow theirs. Nobody is told in words; the caller
// then goes on with the escalation's next step at once. For oncall an override comes first, then those whom
// duty has, then the layers.
func (p *Policy) Resolve(r Ref, at time.Time, overrides []Override, duty []Duty) ([]Target, string) {
	targets, why := p.Reach(r, at, overrides, duty)
	if len(targets) > 0 {
		return targets, ""
	}
	return nil, why.String()
}

// Reach is Resolve with a reason that can be translated.
func (p *Policy) Reach(r Ref, at time.Time, overrides []Override, duty []Duty) ([]Target, Line) {
	kind, id := r.Split()
	switch kind {
	case kindPerson:
		if one := p.people[id]; one != nil {
			return p.person(one, r)
		}
	case kindChannel:
		if c := p.channels[id]; c != nil {
			if c.needsTo() && c.To == "" {
				return nil, line("nobody.no_to", "channel", id)
			}
			return []Target{p.withNext([]Target{p.itself(c, r)}, nil)}, Line{}
		}
	case kindOnCall:
		if s := p.schedules[id]; s != nil {
			return p.onCall(s, r, at, overrides, duty)
		}
	}
	return nil, line("nobody.unknown", "ref", cut(string(r), 100))
}

// itself is a channel that is told what it has a destination for.
func (p *Policy) itself(c *Channel, via Ref) Target {
	return Target{Channel: c.ID, To: c.To, Via: string(via), Language: cmp.Or(c.Language, p.Language), Zone: p.zone.String()}
}

// person is the ways to reach somebody, as one Target.
func (p *Policy) person(one *Person, via Ref) ([]Target, Line) {
	if len(one.Contacts) == 0 {
		return nil, line("nobody.no_contact", "name", one.Name)
	}
	ways := make([]Target, len(one.Contacts))
	for i, c := range one.Contacts {
		ways[i] = p.to(one, c, via)
	}
	return []Target{p.withNext(ways, one)}, Line{}
}

func (p *Policy) to(one *Person, c Contact, via Ref) Target {
	return Target{
		Channel: c.Channel, To: cmp.Or(c.To, p.channels[c.Channel].To), Person: one.ID, Via: string(via),
		Language: cmp.Or(one.Language, p.Language), Zone: cmp.Or(one.Zone, p.zone.String()), Name: one.Name,
	}
}

// withNext is the first way, with the others and the channels that follow them to fall back on. A channel
// that follows is used with the person's contact there or on a channel of the same type, or else with its
// own destination; without any it is left out.
func (p *Policy) withNext(ways []Target, one *Person) Target {
	all := slices.Clone(ways)
	for _, way := range ways {
		for c, n := p.channels[way.Channel], 0; c != nil && c.Next != "" && n < maxNext; n++ {
			if c = p.channels[c.Next]; c == nil {
				break
			}
			next := p.itself(c, Ref(way.Via))
			if to := p.elsewhere(way, one, c); to != "" {
				next = way
				next.Channel, next.To = c.ID, to
			}
			if (next.To != "" || !c.needsTo()) && !slices.ContainsFunc(all, func(o Target) bool { return o.same(&next) }) {
				all = append(all, next)
			}
		}
	}
	first := all[0]
	first.Fallbacks = all[1:]
	if len(first.Fallbacks) == 0 {
		first.Fallbacks = nil
	}
	return first
}

// elsewhere is where the one who would be reached one way can be by another channel; "": nowhere. A number
// or an address serves every channel of its type.
func (p *Policy) elsewhere(way Target, one *Person, c *Channel) string {
	if one != nil {
		for _, contact := range one.Contacts {
			if contact.Channel == c.ID {
				return cmp.Or(contact.To, c.To)
			}
		}
	}
	if way.Name == "" && c.To != "" || !c.needsTo() { // the channel itself, which has a destination
		return ""
	}
	if p.channels[way.Channel].Type == c.Type {
		return way.To
	}
	if one != nil {
		for _, contact := range one.Contacts {
			if p.channels[contact.Channel].Type == c.Type {
				return contact.To
			}
		}
	}
	return ""
}

// onCall is who has the turn.
func (p *Policy) onCall(s *Schedule, via Ref, at time.Time, overrides []Override, duty []Duty) ([]Target, Line) {
	if o := p.overriding(s.ID, at, overrides); o != nil {
		if targets, _ := p.person(p.people[o.Person], via); len(targets) > 0 {
			return targets, Line{}
		}
	}
	var why Line
	if s.FromMatch != "" {
		var targets []Target
		targets, why = p.onDuty(s, via, at, duty)
		if len(targets) > 0 {
			return targets, Line{}
		}
	}
	person, _ := s.layered(s.clock.reached(at))
	if one := p.people[person]; one != nil {
		return p.person(one, via)
	}
	if why.Key != "" {
		return nil, why
	}
	return nil, line("nobody.gap", "schedule", s.ID, "at", at.In(s.clock.zone).Format("2006-01-02 15:04"), "zone", s.clock.zone.String())
}

// onDuty is whom the match's roster has.
func (p *Policy) onDuty(s *Schedule, via Ref, at time.Time, duty []Duty) ([]Target, Line) {
	why := line("nobody.no_duty", "schedule", s.ID, "role", s.FromMatch)
	var all []Target
	for i := range duty {
		d := &duty[i]
		if fold(d.Role) != fold(s.FromMatch) || !d.covers(at) {
			continue
		}
		targets, reason := p.onRoster(s, via, d)
		if len(targets) == 0 {
			why = reason
		}
		for _, t := range targets {
			if !slices.ContainsFunc(all, func(o Target) bool { return o.same(&t) }) {
				all = append(all, t)
			}
		}
	}
	return all, why
}

// onRoster is how to reach somebody of a roster: as the person of the same name, or by their telephone.
func (p *Policy) onRoster(s *Schedule, via Ref, d *Duty) ([]Target, Line) {
	one := p.names["name "+fold(d.Name)]
	if one != nil && len(one.Contacts) > 0 {
		return p.person(one, via)
	}
	channel := s.Channel
	if channel == "" {
		channel = p.firstSMS
	}
	number := match.Dial(d.Phone)
	if number == "" || channel == "" {
		return nil, line("nobody.no_way", "name", cut(d.Name, maxName), "role", s.FromMatch)
	}
	t := Target{Channel: channel, To: number, Via: string(via), Language: p.Language, Zone: p.zone.String(), Name: cut(d.Name, maxName)}
	return []Target{p.withNext([]Target{t}, nil)}, Line{}
}

// Person is somebody by their id; nil: there is nobody. It must not be changed.
func (p *Policy) Person(id string) *Person { return p.people[id] }

// Targets lists every place that the policy can say something to, each once: people's contacts, then the
// channels that reach somebody by themselves. They are what a test-fire tries.
func (p *Policy) Targets() []Target {
	var all []Target
	add := func(t Target) {
		if !slices.ContainsFunc(all, func(o Target) bool { return o.same(&t) }) {
			all = append(all, t)
		}
	}
	for i := range p.People {
		one := &p.People[i]
		for _, c := range one.Contacts {
			add(p.to(one, c, Ref(kindPerson+":"+one.ID)))
		}
	}
	for i := range p.Channels {
		c := &p.Channels[i]
		if targets, _ := p.Reach(Ref(kindChannel+":"+c.ID), time.Time{}, nil, nil); len(targets) > 0 {
			targets[0].Fallbacks = nil
			add(targets[0])
		}
	}
	for i := range p.Heartbeats {
		b := &p.Heartbeats[i]
		if b.To != "" {
			add(Target{Channel: b.Channel, To: b.To, Via: kindChannel + ":" + b.Channel, Language: p.Language, Zone: p.zone.String()})
		}
	}
	return all
}
