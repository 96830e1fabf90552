package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/match"
)

// Bounds of a file.
const (
	maxName        = 120 // characters
	maxText        = 280
	maxValue       = 256 // of a label
	maxPeople      = 500
	maxContacts    = 5
	maxChannels    = 50
	maxNext        = 5 // channels after each other
	maxSchedules   = 100
	maxLayers      = 20
	maxLayerPeople = 50
	maxEscalations = 100
	maxSteps       = 10
	maxTell        = 10
	maxRepeat      = 9
	maxSays        = 200 // of one escalation, repeats included
	maxRoutes      = 500 // children included
	maxDepth       = 5
	maxMaintenance = 100
	maxHeartbeats  = 10
)

const (
	usualWait   = Duration(5 * time.Second)
	usualRemind = Duration(15 * time.Minute)
)

// checker collects what is wrong.
type checker struct{ errs []error }

func (k *checker) bad(key, format string, args ...any) {
	k.errs = append(k.errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
}

func (k *checker) problem(key, text string) {
	if text != "" {
		k.bad(key, "%s", text)
	}
}

func (k *checker) err() error { return errors.Join(k.errs...) }

// text checks what people read: that it is there when it must be, is short and can be shown.
func (k *checker) text(key, s string, longest int, must bool) {
	switch {
	case s == "" && must:
		k.bad(key, "is missing")
	case utf8.RuneCountInString(s) > longest:
		k.bad(key, "is longer than %d characters", longest)
	case !printable(s):
		k.bad(key, "has characters that cannot be shown")
	}
}

func (k *checker) few(key string, n, most int) {
	if n > most {
		k.bad(key, "has %d entries, %d are allowed", n, most)
	}
}

func (k *checker) within(key string, d Duration, least, most time.Duration) {
	switch {
	case d == notDuration:
		k.bad(key, "is no duration: write it as 30s, 5m, 12h, 1d or 1w")
	case time.Duration(d) < least || time.Duration(d) > most:
		k.bad(key, "%s is not between %s and %s", d, Duration(least), Duration(most))
	}
}

func (k *checker) span(from, to time.Time, most time.Duration) {
	year := func(key string, t time.Time) bool {
		switch {
		case t.IsZero():
			k.bad(key, "is missing")
		case t.Year() < 2000 || t.Year() >= 2200:
			k.bad(key, "%d is no year to plan for", t.Year())
		default:
			return true
		}
		return false
	}
	switch first := year("from", from); {
	case !year("to", to) || !first:
	case !to.After(from):
		k.bad("to", "%s is not after from", to.Format(time.RFC3339))
	case to.Sub(from) > most:
		k.bad("to", "is more than %s after from", Duration(most))
	}
}

func (k *checker) language(key, s string) {
	if s != "" && s != "fr" && s != "en" {
		k.bad(key, "%.40q is none of fr, en", s)
	}
}

// zone is a zone by its name, usual when it has none.
func (k *checker) zone(key, name string, usual *time.Location) *time.Location {
	if name == "" {
		return usual
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || len(name) > 100 {
		k.bad(key, "%.60q is not a time zone: use an IANA name such as Europe/Paris", name)
		return usual
	}
	return zone
}

// unknown says that there is no such thing, and what there is.
func (k *checker) unknown(key, what, id string, known any) {
	var ids []string
	switch m := known.(type) {
	case map[string]*Person:
		ids = sorted(m)
	case map[string]*Channel:
		ids = sorted(m)
	case map[string]*Schedule:
		ids = sorted(m)
	case map[string]*Escalation:
		ids = sorted(m)
	}
	there := "there is none at all"
	if len(ids) > 12 {
		there = fmt.Sprintf("there are %s and %d more", strings.Join(ids[:10], ", "), len(ids)-10)
	} else if len(ids) > 0 {
		there = "there are " + strings.Join(ids, ", ")
	}
	k.bad(key, "there is no %s %.64q: %s", what, id, there)
}

// id checks that an id is one and is there once.
func id[T any](k *checker, key, id string, known map[string]*T) {
	if err := match.ParseID(id); err != nil {
		k.bad(key, "%v", err)
	} else if known[id] != nil {
		k.bad(key, "%q is there twice", id)
	}
}

// Check says everything that is wrong with a file, each a match.Problem, and fills in what it leaves to
// usage.
func (p *Policy) Check() error {
	k := &checker{}
	p.zone = k.zone("time_zone", p.TimeZone, time.UTC)
	k.language("language", p.Language)
	if p.Language == "" {
		p.Language = "fr"
	}
	k.few("people", len(p.People), maxPeople)
	k.few("channels", len(p.Channels), maxChannels)
	k.few("schedules", len(p.Schedules), maxSchedules)
	k.few("escalations", len(p.Escalations), maxEscalations)
	k.few("maintenance", len(p.Maintenance), maxMaintenance)
	k.few("heartbeats", len(p.Heartbeats), maxHeartbeats)
	if n := count(p.Routes, 1); n > maxRoutes {
		k.bad("routes", "has more than %d entries, or entries inside each other more than %d deep", maxRoutes, maxDepth)
	}
	if len(k.errs) > 0 { // what is too much is not looked at
		if p.tooMuch() {
			return k.err()
		}
	}
	p.checkChannels(k)
	p.checkPeople(k)
	p.checkSchedules(k)
	p.checkEscalations(k)
	p.checkRoutes(k)
	for i := range p.Maintenance {
		key := fmt.Sprintf("maintenance[%d].", i)
		p.Maintenance[i].check(k, key, p.zone)
		for _, other := range p.Maintenance[:i] {
			if other.ID == p.Maintenance[i].ID {
				k.bad(key+"id", "%q is there twice", other.ID)
				break
			}
		}
	}
	for i := range p.Heartbeats {
		key := fmt.Sprintf("heartbeats[%d].", i)
		b := &p.Heartbeats[i]
		if c := p.channels[b.Channel]; c == nil {
			k.unknown(key+"channel", "channel", b.Channel, p.channels)
		} else if b.To != "" {
			b.To = c.checkTo(k, key+"to", b.To)
		} else if c.needsTo() && c.To == "" {
			k.bad(key+"to", "is missing, and channel %s has none", c.ID)
		}
		k.within(key+"every", b.Every, 10*time.Second, 24*time.Hour)
	}
	return k.err()
}

func (p *Policy) tooMuch() bool {
	return len(p.People) > maxPeople || len(p.Channels) > maxChannels || len(p.Schedules) > maxSchedules ||
		len(p.Escalations) > maxEscalations || len(p.Maintenance) > maxMaintenance || len(p.Heartbeats) > maxHeartbeats || count(p.Routes, 1) > maxRoutes
}

// count is how many routes there are; more than maxRoutes also when they are too deep.
func count(routes []Route, depth int) int {
	if depth > maxDepth && len(routes) > 0 {
		return maxRoutes + 1
	}
	n := len(routes)
	for i := 0; i < len(routes) && n <= maxRoutes; i++ {
		n += count(routes[i].Routes, depth+1)
	}
	return n
}

func (p *Policy) checkChannels(k *checker) {
	p.channels, p.firstSMS = map[string]*Channel{}, ""
	for i := range p.Channels {
		c, key := &p.Channels[i], fmt.Sprintf("channels[%d].", i)
		id(k, key+"id", c.ID, p.channels)
		c.check(k, key)
		if p.channels[c.ID] == nil {
			p.channels[c.ID] = c
		}
		if c.Type == SMS && p.firstSMS == "" {
			p.firstSMS = c.ID
		}
	}
	circle := false // one is told: those that lead into it are not wrong themselves
	for i := range p.Channels {
		c, key := &p.Channels[i], fmt.Sprintf("channels[%d].next", i)
		seen := []string{c.ID}
		for at := c; at.Next != ""; {
			next := p.channels[at.Next]
			switch {
			case next == nil && at == c:
				k.unknown(key, "channel", c.Next, p.channels)
			case next != nil && slices.Contains(seen, next.ID):
				if !circle {
					k.bad(key, "goes round in a circle: %s", cut(strings.Join(append(seen, next.ID), " › "), maxText))
				}
				circle, next = true, nil
			case len(seen) > maxNext:
				k.bad(key, "more than %d channels follow each other", maxNext)
				next = nil
			}
			if next == nil {
				break
			}
			seen, at = append(seen, next.ID), next
		}
	}
}

func (p *Policy) checkPeople(k *checker) {
	p.people, p.names = map[string]*Person{}, map[string]*Person{}
	for i := range p.People {
		one, key := &p.People[i], fmt.Sprintf("people[%d].", i)
		id(k, key+"id", one.ID, p.people)
		if p.people[one.ID] == nil {
			p.people[one.ID] = one
		}
		k.text(key+"name", one.Name, maxName, true)
		k.text(key+"account", one.Account, maxName, false)
		for _, n := range [2][2]string{{"name", one.Name}, {"account", one.Account}} {
			what, name := n[0], n[1]
			if name == "" {
				continue
			}
			if other := p.names[what+" "+fold(name)]; other != nil {
				k.bad(key+what, "%.60q is %s's already", name, other.ID)
			} else {
				p.names[what+" "+fold(name)] = one
			}
		}
		k.language(key+"language", one.Language)
		k.zone(key+"zone", one.Zone, p.zone)
		k.few(key+"contacts", len(one.Contacts), maxContacts)
		for j := range one.Contacts {
			contact, key := &one.Contacts[j], fmt.Sprintf("%scontacts[%d].", key, j)
			c := p.channels[contact.Channel]
			switch {
			case c == nil:
				k.unknown(key+"channel", "channel", contact.Channel, p.channels)
			case contact.To != "":
				contact.To = c.checkTo(k, key+"to", contact.To)
			case c.needsTo():
				k.bad(key+"to", "is missing: where on channel %s?", c.ID)
			}
			if slices.Contains(one.Contacts[:j], *contact) {
				k.bad(key+"to", "is there twice")
			}
		}
	}
}

// fold is a name as names are compared.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func (p *Policy) checkSchedules(k *checker) {
	p.schedules = map[string]*Schedule{}
	for i := range p.Schedules {
		s, key := &p.Schedules[i], fmt.Sprintf("schedules[%d].", i)
		id(k, key+"id", s.ID, p.schedules)
		if p.schedules[s.ID] == nil {
			p.schedules[s.ID] = s
		}
		s.clock.zone = k.zone(key+"zone", s.Zone, p.zone)
		k.few(key+"layers", len(s.Layers), maxLayers)
		k.text(key+"from_match", s.FromMatch, maxName, false)
		if len(s.Layers) == 0 && s.FromMatch == "" {
			k.bad(key+"layers", "is missing: give layers, from_match or both")
		}
		switch c := p.channels[s.Channel]; {
		case s.Channel == "":
		case s.FromMatch == "":
			k.bad(key+"channel", "is for the telephones of from_match, which is missing")
		case c == nil:
			k.unknown(key+"channel", "channel", s.Channel, p.channels)
		case c.Type != SMS:
			k.bad(key+"channel", "%s is of type %s: only sms reaches the roster's telephones", c.ID, c.Type)
		}
		for j := range s.Layers {
			s.Layers[j].check(k, fmt.Sprintf("%slayers[%d].", key, j), p)
		}
	}
}

func (l *Layer) check(k *checker, key string, p *Policy) {
	if len(l.People) == 0 {
		k.bad(key+"people", "is missing")
	}
	k.few(key+"people", len(l.People), maxLayerPeople)
	for i, person := range l.People {
		p.checkPerson(k, fmt.Sprintf("%speople[%d]", key, i), person)
	}
	l.alone = !slices.ContainsFunc(l.People, func(person string) bool { return person != l.People[0] })
	l.from, l.to = noWall, noWall
	read := func(name, text string, into *wall) {
		if text == "" {
			return
		}
		var ok bool
		if *into, ok = parseWall(text); !ok {
			k.bad(key+name, "%.40q is no time of the wall: write it as 2026-11-02T09:00, without an offset", text)
		}
	}
	read("from", l.From, &l.from)
	read("to", l.To, &l.to)
	if l.from != noWall && l.to != noWall && l.to <= l.from {
		k.bad(key+"to", "%s is not after from", l.To)
	}
	if l.Every != 0 {
		k.within(key+"every", l.Every, time.Hour, 52*7*24*time.Hour)
		if l.Every > 0 && time.Duration(l.Every)%time.Minute != 0 {
			k.bad(key+"every", "%s is not whole minutes", l.Every)
		}
	}
	if !l.alone {
		if l.Every == 0 {
			k.bad(key+"every", "is missing: how long is a turn of each of %d people?", len(l.People))
		}
		if l.From == "" {
			k.bad(key+"from", "is missing: when does the turn of %s begin?", cut(l.People[0], 64))
		}
	}
	l.hours.parse(k, key, l.Days, l.Between)
}

// checkPerson checks that there is such a person, who can be told things.
func (p *Policy) checkPerson(k *checker, key, id string) {
	if one := p.people[id]; one == nil {
		k.unknown(key, "person", id, p.people)
	} else if len(one.Contacts) == 0 {
		k.bad(key, "%s has no contacts: nothing would reach them", id)
	}
}

func (p *Policy) checkEscalations(k *checker) {
	p.escalations = map[string]*Escalation{}
	for i := range p.Escalations {
		e, key := &p.Escalations[i], fmt.Sprintf("escalations[%d].", i)
		id(k, key+"id", e.ID, p.escalations)
		if p.escalations[e.ID] == nil {
			p.escalations[e.ID] = e
		}
		if len(e.Steps) == 0 {
			k.bad(key+"steps", "is missing")
		}
		k.few(key+"steps", len(e.Steps), maxSteps)
		repeat := e.Repeat
		if repeat < 0 || repeat > maxRepeat {
			k.bad(key+"repeat", "%d is not between 0 and %d", e.Repeat, maxRepeat)
			repeat = 0
		}
		says := 0
		for j := range e.Steps {
			step, key := &e.Steps[j], fmt.Sprintf("%ssteps[%d].", key, j)
			if len(step.Tell) == 0 {
				k.bad(key+"tell", "is missing")
			}
			says += len(step.Tell) * (repeat + 1)
			p.checkRefs(k, key+"tell", step.Tell)
			last := j == len(e.Steps)-1
			switch {
			case step.Wait == 0 && !last:
				k.bad(key+"wait", "is missing: the next step would be told at the same time; wait, or make one step of both")
			case step.Wait == 0 && repeat > 0:
				k.bad(key+"wait", "is missing: it would begin again at the same time")
			case step.Wait != 0:
				k.within(key+"wait", step.Wait, time.Second, 24*time.Hour)
			}
		}
		if says > maxSays {
			k.bad(key+"repeat", "it would tell %d times, %d are allowed", says, maxSays)
			continue
		}
		e.says = e.flatten(repeat)
	}
}

func (p *Policy) checkRefs(k *checker, key string, refs []Ref) {
	k.few(key, len(refs), maxTell)
	for i, ref := range refs {
		key := fmt.Sprintf("%s[%d]", key, i)
		switch kind, id := ref.Split(); kind {
		case kindOnCall:
			if p.schedules[id] == nil {
				k.unknown(key, "schedule", id, p.schedules)
			}
		case kindPerson:
			p.checkPerson(k, key, id)
		case kindChannel:
			if c := p.channels[id]; c == nil {
				k.unknown(key, "channel", id, p.channels)
			} else if c.needsTo() && c.To == "" {
				k.bad(key, "channel %s has no `to`: whom does it tell?", id)
			}
		default:
			k.bad(key, "%.64q is none of oncall:SCHEDULE, person:ID, channel:ID", ref)
		}
		if slices.Contains(refs[:i], ref) {
			k.bad(key, "%.64q is there twice", ref)
		}
	}
}

func (p *Policy) checkRoutes(k *checker) {
	d := p.Default
	if d == nil {
		k.bad("default", "is missing: who is told what no route matches?")
		d = &Route{}
	} else {
		if !d.Match.all() {
			k.bad("default.match", "is not asked: the default is for what no route matches")
		}
		if len(d.Routes) > 0 || d.Continue {
			k.bad("default", "has no routes and no continue: it is for what no route matches")
		}
		switch {
		case d.Nobody:
			k.bad("default.nobody", "the default must tell somebody: say nobody on a route")
		case d.Escalation == "" && len(d.Also) == 0:
			k.bad("default", "tells nobody: give it escalation or also")
		}
	}
	d.path = "default"
	d.does = p.effect(k, "default.", d, &effect{wait: time.Duration(usualWait), remind: time.Duration(usualRemind), resolved: true})
	top := d.does
	top.escalation, top.also, top.nobody = nil, nil, false
	p.checkTree(k, "", "", p.Routes, &top, nil)
}

// checkTree checks routes beside each other, with what they have from those above.
func (p *Policy) checkTree(k *checker, prefix, path string, routes []Route, from *effect, above []*When) {
	for i := range routes {
		r := &routes[i]
		key := fmt.Sprintf("%sroutes[%d].", prefix, i)
		if r.path = fmt.Sprintf("routes[%d]", i); path != "" {
			r.path = path + " › " + r.path
		}
		before := len(k.errs)
		r.Match.check(k, key+"match.", p.zone)
		r.does = p.effect(k, key, r, from)
		if !r.acts() && len(r.Routes) == 0 && len(k.errs) == before {
			k.bad(strings.TrimSuffix(key, "."), "tells nobody: give it escalation, also or nobody: true")
		}
		if len(k.errs) == before {
			for _, parent := range above {
				if what := r.Match.apart(parent); what != "" {
					k.bad(key+"match."+what, "can never match together with what the routes around it ask for")
					break
				}
			}
			for j := range routes[:i] {
				if o := &routes[j]; o.acts() && !o.Continue && o.Match.within(&r.Match) {
					k.bad(strings.TrimSuffix(key, "."), "can never match: routes[%d] before it takes all that it would", j)
					break
				}
			}
		}
		p.checkTree(k, key, r.path, r.Routes, &r.does, append(slices.Clip(above), &r.Match))
	}
}

// effect is what a route says with what it has from above.
func (p *Policy) effect(k *checker, key string, r *Route, from *effect) effect {
	does := *from
	if r.Escalation != "" {
		if does.escalation = p.escalations[r.Escalation]; does.escalation == nil {
			k.unknown(key+"escalation", "escalation", r.Escalation, p.escalations)
		}
	}
	p.checkRefs(k, key+"also", r.Also)
	for _, ref := range r.Also {
		if !slices.Contains(does.also, ref) {
			does.also = append(slices.Clip(does.also), ref)
		}
	}
	switch {
	case r.Nobody && (r.Escalation != "" || len(r.Also) > 0):
		k.bad(key+"nobody", "is not true together with escalation or also")
	case r.Nobody:
		does.nobody, does.escalation, does.also = true, nil, nil
	case r.Escalation != "" || len(r.Also) > 0:
		does.nobody = false
	}
	if r.Wait != nil {
		k.within(key+"wait", *r.Wait, 0, 10*time.Minute)
		does.wait = time.Duration(*r.Wait)
	}
	if r.Remind != nil {
		if *r.Remind != 0 {
			k.within(key+"remind", *r.Remind, 10*time.Second, 24*time.Hour)
		}
		does.remind = time.Duration(*r.Remind)
	}
	if r.Resolved != nil {
		does.resolved = *r.Resolved
	}
	return does
}

func labelName(s string) bool {
	return s != "" && len(s) <= 64 && !(s[0] >= '0' && s[0] <= '9') &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// printable allows spaces that do not break, which French is full of.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) })
}

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func join[T ~string](s []T) string { return strings.Join(texts(s), ", ") }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
