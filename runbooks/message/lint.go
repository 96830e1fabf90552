package message

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"vigie/internal/gsm"
	"vigie/runbooks/channel"
)

// Level is how bad a finding is.
type Level string

const (
	Wrong   Level = "error"   // it is not approved, armed or sent
	Warning Level = "warning" // somebody should look
)

// Finding is one thing to say about a text.
type Finding struct {
	Level Level        `json:"level"`
	Step  Step         `json:"step,omitempty"`
	Kind  channel.Kind `json:"kind,omitempty"` // "": of all
	Lang  string       `json:"lang,omitempty"`
	// Key is of the sentence in the languages' files, "lint." before it; Args are its values.
	Key  string            `json:"key"`
	Args map[string]string `json:"args,omitempty"`
	Text string            `json:"text"` // the sentence in English, for the command line
}

// Faulty tells whether one of them is an error.
func Faulty(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Wrong })
}

// sentences are what can be found, in English. Their keys are those of the languages' files, "lint." before them.
var sentences = map[string]string{
	"too_long":         "takes {used} {unit} in the worst case, {most} are allowed",
	"too_long_drill":   "would be refused in an exercise, with EXERCICE or DRILL before it: {used} {unit}, {most} are allowed",
	"sms_segments":     "takes {segments} segments in the worst case: write it shorter",
	"sms_cost":         "costs {cost} for each recipient in the worst case",
	"sms_ucs2":         "telephones' alphabet lacks {culprits}: {segments} segments in the worst case, {folded} when it is written with the nearest letters",
	"sms_lost":         "{culprits} would become a question mark: telephones have nothing near it",
	"sms_step":         "a short message that nobody needs: who got the first one gets the end, a correction or a cancellation that way",
	"subject_long":     "the subject takes {used} characters in the worst case; readers show about {most}",
	"subject_too_long": "the subject takes {used} characters in the worst case, {most} are allowed",
	"url":              "{url} is none of the house's addresses",
	"url_hole":         "{url}: a variable stands within an address; use a variable of type url for all of it",
	"url_variable":     "{variable} allows no address: it has no allow, and the house no list",
	"url_default":      "{variable}: its default {url} is none of the house's addresses, nor of its own",
	"marketing":        "“{word}” reads as advertising, which needs consent, hours and STOP: a crisis is no occasion",
	"unsaid":           "names {word}: the public is told what it sees, and not whose fault it is",
	"same":             "is the same as at {step}: X refuses a text that it has had, and readers learn nothing",
	"update_same":      "is the same each time: give it a variable of type time, or X refuses the second one",
	"unfinished":       "the first message has {kind}: who got it is never told that it ended",
	"sender":           "the sender {sender}: 3 to 11 letters and digits without accents or spaces, one letter at least",
	"sender_generic":   "the sender {sender} says nothing: operators refuse such words, and so do readers",
	"sender_marketing": "the sender {sender} is a number for advertising, which needs STOP and hours: use 38 and three digits, or a name",
}

// Sentences are the keys of findings, each with its sentence in English.
func Sentences() map[string]string {
	all := make(map[string]string, len(sentences))
	for key, text := range sentences {
		all[key] = text
	}
	return all
}

// linter collects what is found in one step.
type linter struct {
	s      *Scenario
	step   Step
	limits Limits
	unsaid *regexp.Regexp // of the house's list; nil: it is empty
	found  []Finding
}

// add says one thing; args are names and values in turn.
func (l *linter) add(level Level, kind channel.Kind, language, key string, args ...string) {
	f := Finding{Level: level, Step: l.step, Kind: kind, Lang: language, Key: key}
	text := sentences[key]
	for i := 0; i+1 < len(args); i += 2 {
		if f.Args == nil {
			f.Args = map[string]string{}
		}
		f.Args[args[i]] = args[i+1]
		text = strings.ReplaceAll(text, "{"+args[i]+"}", args[i+1])
	}
	f.Text = text
	l.found = append(l.found, f)
}

// Lint measures each text of a step against its channel's limits in the worst case that its variables allow, and looks
// for what readers, providers and the law would mind. It finds nothing in a step that has no message, and leaves to
// Check what is no text at all.
func (s *Scenario) Lint(step Step, limits Limits) []Finding {
	l := &linter{s: s, step: step, limits: limits, unsaid: limits.unsaid()}
	texts := s.Messages[step].said()
	for _, t := range texts {
		o, ok := s.worst(t, limits, false)
		if !ok {
			continue
		}
		l.room(t, o)
		if t.kind == channel.SMS {
			l.sms(t, o)
		}
		l.links(t)
		l.wording(t)
		if t.kind == channel.X {
			l.repeated(t)
		}
	}
	if len(texts) > 0 {
		l.variables()
	}
	if step == Resolved && len(texts) > 0 {
		for _, kind := range channel.Kinds() {
			if len(s.Messages[Initial].texts()[kind]) > 0 && len(s.Messages[step].texts()[kind]) == 0 {
				l.add(Warning, kind, "", "unfinished", "kind", string(kind))
			}
		}
	}
	if limits.Sender != "" && len(s.Messages[step].texts()[channel.SMS]) > 0 {
		for _, f := range CheckSender(limits.Sender) {
			f.Step = step
			l.found = append(l.found, f)
		}
	}
	return l.found
}

// room is how much of the channel the text takes.
func (l *linter) room(t said, o Output) {
	m := o.Measure
	switch {
	case m.over(t.kind, o.Text):
		l.add(Wrong, t.kind, t.language, "too_long", "used", strconv.Itoa(m.Used), "most", strconv.Itoa(m.Most), "unit", m.Unit)
	default:
		if d, ok := l.s.worst(t, l.limits, true); ok && d.Measure.over(t.kind, d.Text) {
			l.add(Warning, t.kind, t.language, "too_long_drill", "used", strconv.Itoa(d.Measure.Used), "most", strconv.Itoa(d.Measure.Most), "unit", d.Measure.Unit)
		}
	}
	fine, most := 0, 0
	switch t.kind {
	case channel.Email:
		fine, most = fineSubject, mostSubject
	case channel.Status, channel.Webhook:
		fine, most = mostTitle, mostTitle
	case channel.Banner:
		fine, most = mostBannerTitle, mostBannerTitle
	}
	n := utf8.RuneCountInString(l.subject(t))
	switch {
	case n > most && most > 0:
		l.add(Wrong, t.kind, t.language, "subject_too_long", "used", strconv.Itoa(n), "most", strconv.Itoa(most))
	case n > fine && fine > 0:
		l.add(Warning, t.kind, t.language, "subject_long", "used", strconv.Itoa(n), "most", strconv.Itoa(fine))
	}
}

// subject is the longest one.
func (l *linter) subject(t said) string {
	v := voiceOf(t.kind, t.language, &Input{Limits: l.limits})
	parts, _ := parse(line(t.Subject))
	return fill(parts, func(name string) string {
		if of := l.s.Variables[name]; of != nil {
			return longestBy(v.sayings(of), utf8.RuneCountInString)
		}
		return ""
	})
}

func (l *linter) sms(t said, o Output) {
	m := o.Measure
	segments := strconv.Itoa(m.Segments)
	if m.UCS2 {
		folded, _ := gsm.Segments(gsm.Fold(o.Text))
		l.add(Warning, t.kind, t.language, "sms_ucs2", "culprits", m.Culprits, "segments", segments, "folded", strconv.Itoa(folded))
	}
	if t.Fold {
		if lost := l.lost(t); lost != "" {
			l.add(Warning, t.kind, t.language, "sms_lost", "culprits", lost)
		}
	}
	if m.Segments > fineSegments || utf8.RuneCountInString(o.Text) > fineSMS {
		l.add(Warning, t.kind, t.language, "sms_segments", "segments", segments)
	}
	if l.limits.Price > 0 && m.Segments > 1 {
		l.add(Warning, t.kind, t.language, "sms_cost", "cost", strings.TrimSpace(fmt.Sprintf("%.3g", l.limits.Price*float64(m.Segments))+" "+l.limits.Currency))
	}
	if l.step == Update || l.step == Identified {
		l.add(Warning, t.kind, t.language, "sms_step")
	}
}

// lost are the characters of which Fold makes a question mark.
func (l *linter) lost(t said) string {
	o := t
	o.Fold = false
	text, ok := l.s.worst(o, l.limits, false)
	if !ok {
		return ""
	}
	var b strings.Builder
	for _, r := range text.Text {
		if r != '?' && gsm.Cost(r) == 0 && gsm.Fold(string(r)) == "?" && !strings.ContainsRune(b.String(), r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// links looks at the addresses that stand in a text, as it is written. Those of variables are looked at when they are
// rendered.
func (l *linter) links(t said) {
	for _, text := range []string{line(t.Subject), clean(t.Body)} {
		for _, found := range links(text) {
			switch {
			case strings.ContainsAny(found.text, "{}"):
				l.add(Wrong, t.kind, t.language, "url_hole", "url", found.text)
			case !allowed(found.address(), l.limits.House):
				l.add(Wrong, t.kind, t.language, "url", "url", found.text)
			}
		}
	}
}

func (l *linter) variables() {
	for _, name := range l.s.Uses(l.step) {
		v := l.s.Variables[name]
		if v == nil || v.Type != URL {
			continue
		}
		prefixes := slices.Concat(v.Allow, l.limits.House)
		switch {
		case len(prefixes) == 0:
			l.add(Wrong, "", "", "url_variable", "variable", name)
		case v.Default != "" && !allowed(v.Default, prefixes):
			l.add(Wrong, "", "", "url_default", "variable", name, "url", v.Default)
		}
	}
}

// repeated looks for a text that X would have had already.
func (l *linter) repeated(t said) {
	if l.step == Update && len(names(t.Body)) == 0 {
		l.add(Warning, t.kind, t.language, "update_same")
	}
	for _, step := range Steps() {
		if step == l.step {
			return // an earlier one's finding is enough
		}
		if other, there := l.s.Messages[step].texts()[t.kind][t.language]; there && clean(other.Body) == clean(t.Body) {
			l.add(Warning, t.kind, t.language, "same", "step", string(step))
		}
	}
}
