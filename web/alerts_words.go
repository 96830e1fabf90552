package web

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/alerts"
	"vigie/alerts/route"
)

// told is a sentence whose values come from elsewhere. What stands in brackets in its text is said where all
// its values are there; values that the text has no place for come back in rest, for nothing is hidden. A key
// without a text is shown as it is.
func (l *locale) told(key string, args map[string]string) (text, rest string) {
	text, ok := l.texts[key]
	if !ok {
		text = foreign(key[strings.LastIndexByte(key, '.')+1:], longestName)
	}
	used := map[string]bool{}
	var b strings.Builder
	for text != "" {
		from, to := strings.IndexByte(text, '['), strings.IndexByte(text, ']')
		if from < 0 || to < from {
			from, to = len(text), len(text)-1
		}
		part, _ := fill(text[:from], args, used)
		b.WriteString(part)
		if to > from {
			if part, whole := fill(text[from+1:to], args, used); whole {
				b.WriteString(part)
			}
		}
		text = text[to+1:]
	}
	var left []string
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if !used[name] && args[name] != "" && !slices.Contains(machineArgs, name) {
			left = append(left, name+"="+args[name])
		}
	}
	return b.String(), strings.Join(left, " ")
}

// machineArgs are what lines have for programs: ids and numbers of what stands beside them in words.
var machineArgs = []string{"entry", "id", "turn", "step", "round", "via", "silence", "repeat", "weak", "over", "instead"}

// fill puts values into a part of a text; whole tells whether all of them are there.
func fill(part string, args map[string]string, used map[string]bool) (text string, whole bool) {
	var b strings.Builder
	whole = true
	for {
		before, after, found := strings.Cut(part, "{")
		b.WriteString(before)
		if !found {
			return b.String(), whole
		}
		name, rest, _ := strings.Cut(after, "}")
		used[name] = true
		if value := args[name]; value != "" {
			b.WriteString(value)
		} else {
			b.WriteString(missing)
			whole = false
		}
		part = rest
	}
}

// words are the values of a line as people read them: moments where the reader is, lengths of time, people
// and states by their names, and a signal's values in its unit.
func (r alertsReader) words(args map[string]string) map[string]string {
	signal := ""
	if _, of := r.rule(args["rule"]); of != nil {
		signal = of.Signal
	}
	out := make(map[string]string, len(args))
	for name, value := range args {
		if len(out) == 30 { // lines have no more
			break
		}
		value = foreign(value, 300)
		switch name {
		case "value", "usual":
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				value = r.value(signal, v)
			}
		case "took":
			if d, ok := readDuration(value); ok {
				value = r.latency(d.Seconds()).String()
			}
		case "wait", "after", "remind", "lasted":
			if d, ok := readDuration(value); ok {
				value = r.span(d)
			}
		case "minutes":
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < 1e6 {
				value = r.span(time.Duration(n) * time.Minute)
			}
		case "until", "since", "ends":
			if t, err := time.Parse(time.RFC3339, value); err == nil {
				value = r.until(t)
			}
		case "why", "reason", "why_key":
			value = r.reason(value)
		case "rule":
			if _, of := r.rule(value); of != nil {
				value = r.signal(of.Signal)
			}
		case "labels":
			value = r.labelWords(value)
		case "kind":
			value = r.known("alerts.kind.", value)
		case "group":
			value = r.group(value)
		case "person", "owner":
			value = r.who(value)
		case "severity":
			value = r.known("alerts.severity.", value)
		case "from", "to":
			if text, ok := r.texts["alerts.severity."+value]; ok {
				value = text
			} else if text, ok := r.texts["alerts.status."+value]; ok {
				value = text
			} else {
				value = r.target(value)
			}
		}
		out[name] = value
	}
	return out
}

// labelWords are labels as the trail has them: cdn=maison isp=Free Mobile. A value may have spaces.
func (r alertsReader) labelWords(text string) string {
	var parts, name, value []string
	for _, field := range strings.Fields(text) {
		n, v, found := strings.Cut(field, "=")
		switch {
		case found && labelName.MatchString(n):
			name, value = append(name, n), append(value, v)
		case len(name) == 0:
			return text // another writer's
		default:
			value[len(value)-1] += " " + field
		}
	}
	for i := range name {
		parts = append(parts, r.dimension(name[i])+" "+r.labelValue(name[i], value[i]))
	}
	return strings.Join(parts, ", ")
}

var labelName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// readDuration reads lengths of time as files and programs write them; "0s" says nothing worth a word.
func readDuration(text string) (time.Duration, bool) {
	var d route.Duration
	if err := d.UnmarshalText([]byte(text)); err != nil || d < 0 {
		return 0, false
	}
	return time.Duration(d), true
}

// reason is why something was not said; a key without words is shown as it is.
func (r alertsReader) reason(key string) string {
	for _, prefix := range []string{"alerts.reason.", "alerts.why.", "alerts.mute.kind."} {
		if text, ok := r.texts[prefix+key]; ok {
			return text
		}
	}
	return foreign(key, longestReason)
}

// target is somebody to tell: a person by their name, a schedule, a channel.
func (r alertsReader) target(text string) string {
	kind, id := route.Ref(text).Split()
	switch kind {
	case "person":
		return r.who(id)
	case "oncall":
		return r.T("alerts.ref.oncall", "schedule", foreign(id, longestName))
	case "channel":
		return r.T("alerts.ref.channel", "channel", foreign(id, longestName))
	case "route":
		return r.T("alerts.ref.route", "route", foreign(id, longestName))
	case "":
		return r.who(text)
	}
	return foreign(text, longestReason)
}

// reader is who an entry of the ledger speaks to.
func (r alertsReader) reader(t *route.Target) string {
	switch {
	case t.Name != "":
		return foreign(t.Name, longestName)
	case t.Person != "":
		return r.who(t.Person)
	}
	return r.T("alerts.ref.channel", "channel", foreign(t.Channel, longestName))
}

// line is a line of the trail in words.
func (r alertsReader) line(of *alerts.Line) (text, rest string) {
	args := r.words(of.Args)
	if of.By != "" {
		args["by"] = r.who(of.By)
	}
	return r.told("alerts.trail."+of.What, args)
}
