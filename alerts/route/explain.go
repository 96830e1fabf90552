package route

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Line is something to read: a key of the languages' files, and what stands in its text.
type Line struct {
	Key  string            `json:"key"`
	Args map[string]string `json:"args,omitempty"`
}

func line(key string, args ...string) Line {
	l := Line{Key: key, Args: make(map[string]string, len(args)/2)}
	for i := 0; i+1 < len(args); i += 2 {
		l.Args[args[i]] = args[i+1]
	}
	return l
}

// english are the lines' texts, for logs and for the command line.
var english = map[string]string{
	"nobody.unknown":    "{ref} is nobody that the file knows",
	"nobody.no_to":      "channel {channel} has no destination of its own",
	"nobody.no_contact": "{name} has no contacts",
	"nobody.gap":        "nobody is on call for {schedule} at {at} ({zone})",
	"nobody.no_duty":    "no roster has anybody on duty as {role}, for {schedule}",
	"nobody.no_way":     "{name} is on duty as {role}, and can be reached neither as a person of the file nor by telephone",

	"explain.differs":     "{route} does not match: {what} is “{is}”, it asks for “{wants}”",
	"explain.matches":     "{route} matches",
	"explain.holds":       "{route} matches, but tells nobody by itself and none of its routes matches",
	"explain.stops":       "the routes after {route} are not asked",
	"explain.continues":   "{route} continues: the routes after it are asked too",
	"explain.empty":       "nothing says whom to tell: alerts/routing.yaml is missing",
	"explain.default":     "no route matches: the default holds",
	"explain.maintenance": "nobody is told: maintenance {id}, {title}, until {until}",
	"explain.nobody":      "{route} says that nobody is told",
	"explain.wait":        "after {wait}, for what belongs together",
	"explain.say":         "after {after}, step {step} of {escalation}, round {round}: {who} on {channel} {to}",
	"explain.also":        "at once: {who} on {channel} {to}",
	"explain.fallback":    "if that fails: {who} on {channel} {to}",
	"explain.reaches":     "after {after}, {ref} reaches nobody",
	"explain.remind":      "then a reminder every {remind} until somebody acknowledges",
	"explain.no_remind":   "then no reminder",
	"explain.resolved":    "the end is told to those who were told",
	"explain.unresolved":  "the end is not told",
}

// String is the line in English.
func (l Line) String() string {
	text, ok := english[l.Key]
	if !ok {
		return l.Key
	}
	var pairs []string
	for _, name := range sorted(l.Args) {
		pairs = append(pairs, "{"+name+"}", l.Args[name])
	}
	return strings.TrimSpace(strings.NewReplacer(pairs...).Replace(text))
}

// Explain says what would be said about a problem that opens at a moment, and why: which routes were looked
// at, why each did not match, who would be told when, as overrides and duty are now.
func (p *Policy) Explain(s Subject, at time.Time, overrides []Override, duty []Duty) []Line {
	var lines []Line
	if m := p.InMaintenance(s, at, nil); m != nil {
		lines = append(lines, line("explain.maintenance", "id", m.ID, "title", m.Title, "until", m.to.In(p.zone).Format("2006-01-02 15:04")))
	}
	matched := explainRoutes(p.Routes, &s, at, nil, &lines)
	if len(matched) == 0 {
		if p.Default == nil {
			return append(lines, line("explain.empty"))
		}
		matched = append(matched, p.Default)
		lines = append(lines, line("explain.default"))
	}
	for _, r := range matched {
		if r.does.nobody {
			lines = append(lines, line("explain.nobody", "route", r.path))
		}
	}
	plan := plan(matched)
	if len(plan.Say) == 0 {
		return lines
	}
	lines = append(lines, line("explain.wait", "wait", Duration(plan.Wait).String()))
	for _, say := range plan.Say {
		when := plan.Wait + say.After
		after := Duration(when).String()
		targets, why := p.Reach(say.Tell, at.Add(when), overrides, duty)
		if len(targets) == 0 {
			lines = append(lines, line("explain.reaches", "after", after, "ref", string(say.Tell)), why)
		}
		key := "explain.say"
		if say.Step < 0 {
			key = "explain.also"
		}
		for _, t := range targets {
			lines = append(lines, line(key, "after", after, "step", strconv.Itoa(say.Step+1), "round", strconv.Itoa(say.Round+1), "escalation", say.Escalation,
				"ref", string(say.Tell), "who", t.who(), "channel", t.Channel, "to", t.To))
			for _, f := range t.Fallbacks {
				lines = append(lines, line("explain.fallback", "who", f.who(), "channel", f.Channel, "to", f.To))
			}
		}
	}
	if plan.Remind > 0 {
		lines = append(lines, line("explain.remind", "remind", Duration(plan.Remind).String()))
	} else {
		lines = append(lines, line("explain.no_remind"))
	}
	if plan.Resolved {
		return append(lines, line("explain.resolved"))
	}
	return append(lines, line("explain.unresolved"))
}

// explainRoutes is pick with words. A test holds them together.
func explainRoutes(routes []Route, s *Subject, at time.Time, taken []*Route, lines *[]Line) []*Route {
	for i := range routes {
		r := &routes[i]
		if what := r.Match.differs(s, at); what != "" {
			what, is, wants := r.Match.told(what, s, at)
			*lines = append(*lines, line("explain.differs", "route", r.path, "what", what, "is", is, "wants", wants))
			continue
		}
		before, place := len(taken), len(*lines)
		taken = explainRoutes(r.Routes, s, at, taken, lines)
		if len(taken) == before {
			if !r.acts() {
				*lines = slices.Insert(*lines, place, line("explain.holds", "route", r.path))
				continue
			}
			taken = append(taken, r)
		}
		*lines = slices.Insert(*lines, place, line("explain.matches", "route", r.path))
		if i+1 == len(routes) {
			break
		}
		if !r.Continue {
			*lines = append(*lines, line("explain.stops", "route", r.path))
			break
		}
		*lines = append(*lines, line("explain.continues", "route", r.path))
	}
	return taken
}
