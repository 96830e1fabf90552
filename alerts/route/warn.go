package route

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/match"
)

// Warnings says what may stand in a checked file but will surprise somebody on the night: hours in which
// nobody is on call, things that nobody uses, a single way to reach somebody. The caller decides whether it
// goes on.
func (p *Policy) Warnings() []*match.Problem {
	var all []*match.Problem
	warn := func(key, format string, args ...any) {
		all = append(all, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	gaps := map[string]string{}
	for i := range p.Schedules {
		s := &p.Schedules[i]
		if gap := s.gap(); gap != "" {
			gaps[s.ID] = gap
			warn(fmt.Sprintf("schedules[%d]", i), "%s", gap)
		}
	}
	for i := range p.Escalations {
		e := &p.Escalations[i]
		holes := 0
		for j := range e.Steps {
			step := &e.Steps[j]
			hole := !slices.ContainsFunc(step.Tell, func(r Ref) bool {
				kind, id := r.Split()
				return kind != kindOnCall || gaps[id] == ""
			})
			if hole {
				holes++
				_, id := step.Tell[0].Split()
				warn(fmt.Sprintf("escalations[%d].steps[%d]", i, j), "reaches nobody at times: schedule %s: %s", id, gaps[id])
			}
		}
		if holes == len(e.Steps) {
			warn(fmt.Sprintf("escalations[%d]", i), "may reach nobody at all: end it with a person or a channel")
		}
	}
	used := p.used()
	p.warnUnused(warn, used)
	for i := range p.Channels {
		c, key := &p.Channels[i], fmt.Sprintf("channels[%d].", i)
		if c.URL != "" && (c.Type == Slack || c.Type == Teams) {
			warn(key+"url", "whoever reads this file can write to the channel: use url_env or url_file")
		}
		for _, u := range append([]Secret{c.URL}, c.URLs...) {
			if strings.HasPrefix(string(u), "http:") && (c.User != "" || c.SecretEnv != "" || c.SecretFile != "" || len(c.Headers) > 0) {
				warn(key+"url", "sends a secret without encryption: use https")
			}
		}
		for _, name := range sorted(c.Headers) {
			if strings.EqualFold(name, "authorization") || strings.Contains(strings.ToLower(name), "token") || strings.Contains(strings.ToLower(name), "key") {
				warn(key+"headers", "%s looks like a secret: keep it out of the file with secret_env or secret_file", name)
			}
		}
		if targets, _ := p.Reach(Ref(kindChannel+":"+c.ID), time.Time{}, nil, nil); c.Next != "" && len(targets) == 1 && targets[0].Fallbacks == nil && used[kindChannel+":"+c.ID] {
			warn(key+"next", "%s has no `to`: when %s fails nothing takes its place", c.Next, c.ID)
		}
		if c.Type == Email && c.TLS == "none" && c.User != "" {
			warn(key+"tls", "sends the password of %s without encryption", cut(c.User, 60))
		}
	}
	for i := range p.People {
		one := &p.People[i]
		if len(one.Contacts) == 1 && p.channels[one.Contacts[0].Channel].Next == "" {
			warn(fmt.Sprintf("people[%d].contacts", i), "%s can be reached in one way only: give a second one, or channel %s a next", one.Name, one.Contacts[0].Channel)
		}
	}
	late := func(key string, r *Route) {
		if r.does.tells() && r.does.wait > 30*time.Second && slices.Contains(r.Match.Severity, notice.Critical) {
			warn(key, "what is critical waits %s before the first word", Duration(r.does.wait))
		}
	}
	var walk func(prefix string, routes []Route)
	walk = func(prefix string, routes []Route) {
		for i := range routes {
			key := fmt.Sprintf("%sroutes[%d]", prefix, i)
			late(key+".wait", &routes[i])
			walk(key+".", routes[i].Routes)
		}
	}
	walk("", p.Routes)
	for i := range p.Maintenance {
		if p.Maintenance[i].Match.all() {
			warn(fmt.Sprintf("maintenance[%d].match", i), "is missing: nobody is told of anything while it lasts")
		}
	}
	if len(p.Heartbeats) == 0 {
		warn("heartbeats", "is missing: if Vigie itself falls silent nobody outside notices")
	}
	return all
}

// gap is the hours of a week in which the layers have nobody, in words; "": there are none. Layers that end
// are not counted on.
func (s *Schedule) gap() string {
	const minutes = int(week / minute)
	var has [minutes]bool
	for i := range s.Layers {
		l := &s.Layers[i]
		if l.to != noWall {
			continue
		}
		for d := range 7 {
			if !l.hours.days[d] {
				continue
			}
			for m := int(l.hours.from / minute); m < int(l.hours.to/minute); m++ {
				has[(d*int(day/minute)+m)%minutes] = true
			}
		}
	}
	empty := 0
	for _, h := range has {
		if !h {
			empty++
		}
	}
	switch {
	case empty == 0:
		return ""
	case empty == minutes && s.FromMatch != "":
		return fmt.Sprintf("nobody is on call but whom a match's roster has as %s", cut(s.FromMatch, 60))
	case empty == minutes:
		return "nobody is on call once its layers have ended"
	}
	// The first gap that begins in the week, and where it ends, which may be in the next one.
	begin := 0
	for has[begin] || !has[(begin+minutes-1)%minutes] {
		begin++
	}
	end := begin
	for !has[end%minutes] {
		end++
	}
	return fmt.Sprintf("nobody is on call from %s to %s: %s a week in all", weekMinute(begin), weekMinute(end), Duration(time.Duration(empty)*time.Minute))
}

func weekMinute(m int) string {
	m %= int(week / minute)
	return fmt.Sprintf("%s %02d:%02d", dayNames[m/(24*60)], m/60%24, m%60)
}

// used is what routes lead to at once or by what they lead to: Refs, and escalation:ID.
func (p *Policy) used() map[string]bool {
	used := map[string]bool{}
	use := func(refs []Ref) {
		for _, r := range refs {
			used[string(r)] = true
		}
	}
	var walk func(routes []Route)
	walk = func(routes []Route) {
		for i := range routes {
			used["escalation:"+routes[i].Escalation] = true
			use(routes[i].Also)
			walk(routes[i].Routes)
		}
	}
	walk(p.Routes)
	if p.Default != nil {
		walk([]Route{*p.Default})
	}
	for i := range p.Escalations {
		for _, step := range p.Escalations[i].Steps {
			use(step.Tell)
		}
	}
	return used
}

// warnUnused tells of what nothing leads to.
func (p *Policy) warnUnused(warn func(key, format string, args ...any), told map[string]bool) {
	used := maps.Clone(told)
	for i := range p.Escalations {
		if !used["escalation:"+p.Escalations[i].ID] {
			warn(fmt.Sprintf("escalations[%d]", i), "no route uses %s", p.Escalations[i].ID)
		}
	}
	roster := false
	for i := range p.Schedules {
		s := &p.Schedules[i]
		if !used[kindOnCall+":"+s.ID] {
			warn(fmt.Sprintf("schedules[%d]", i), "nothing tells oncall:%s", s.ID)
		}
		for _, l := range s.Layers {
			for _, id := range l.People {
				used[kindPerson+":"+id] = true
			}
		}
		if s.FromMatch != "" {
			roster = true
			used[kindChannel+":"+cmp.Or(s.Channel, p.firstSMS)] = true
		}
	}
	for i := range p.People {
		one := &p.People[i]
		if !used[kindPerson+":"+one.ID] && !roster { // of a roster anybody may be
			warn(fmt.Sprintf("people[%d]", i), "nothing tells %s", one.ID)
		}
		for _, c := range one.Contacts {
			used[kindChannel+":"+c.Channel] = true
		}
	}
	for _, b := range p.Heartbeats {
		used[kindChannel+":"+b.Channel] = true
	}
	for _, c := range p.Channels {
		used[kindChannel+":"+c.Next] = true
	}
	for i := range p.Channels {
		if id := p.Channels[i].ID; !used[kindChannel+":"+id] {
			warn(fmt.Sprintf("channels[%d]", i), "nothing leads to %s", id)
		}
	}
}
