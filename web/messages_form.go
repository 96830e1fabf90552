package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/match"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
)

// The editor's form has the texts of one step, and what the whole scenario has: its head and its variables. Each text,
// the head and the variables are a part; two people who change different parts at the same time do not meet. What a
// part was when the form was made comes back with it, as a digest.

// maxMessageBody is room for all texts of a step, each letter of them perhaps three times as long in a form.
const maxMessageBody = 1 << 20

// messageBody is how long the body of a request to a page of messages may be; 0: the route is none of theirs.
func messageBody(route string) int64 {
	if strings.HasPrefix(route, "/messages") {
		return maxMessageBody
	}
	return 0
}

// editedLanguages are those that a form has columns for.
func editedLanguages() []string { return []string{"fr", "en"} }

const (
	maxVariableRows = 40 // more than a scenario may have, so that its check says how many it may
	partHead        = "head"
	partVariables   = "variables"
)

func textPart(kind channel.Kind, lang string) string { return string(kind) + "." + lang }

// partOf is the part that a field of the form belongs to; "": none.
func partOf(field string) string {
	kind, rest, _ := strings.Cut(field, ".")
	switch kind {
	case "text", "subject", "fold":
		return rest
	case "var":
		return partVariables
	case "title", "about", "audience", "when", "runbook", "initial", "every", "most":
		return partHead
	}
	return ""
}

// typedText is what a field says, however the browser ends lines.
func typedText(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(values[0]))
}

// digests are of each part of a form. Fields that say nothing are not in them.
func digests(form url.Values) map[string]string {
	said := map[string]map[string]string{}
	for field, values := range canonical(form) {
		if part, text := partOf(field), typedText(values); part != "" && text != "" {
			if said[part] == nil {
				said[part] = map[string]string{}
			}
			said[part][field] = text
		}
	}
	all := map[string]string{}
	for part, fields := range said {
		raw, _ := json.Marshal(fields) // keys are sorted; strings always encode
		sum := sha256.Sum256(raw)
		all[part] = hex.EncodeToString(sum[:8])
	}
	return all
}

// canonical is a form whose rows of variables are numbered without holes, and have a name.
func canonical(form url.Values) url.Values {
	out := url.Values{}
	for field, values := range form {
		if !strings.HasPrefix(field, "var.") {
			out[field] = values
		}
	}
	n := 0
	for i := range maxVariableRows {
		from := "var." + strconv.Itoa(i) + "."
		if typedText(form[from+"name"]) == "" {
			continue
		}
		to := "var." + strconv.Itoa(n) + "."
		for _, field := range variableFields() {
			if values, ok := form[from+field]; ok {
				out[to+field] = values
			}
		}
		n++
	}
	return out
}

func variableFields() []string {
	return []string{"name", "type", "label.fr", "label.en", "values", "allow", "live", "least", "most", "default"}
}

// formOfScenario is the form of a scenario at a step.
func formOfScenario(s *message.Scenario, step message.Step) url.Values {
	f := url.Values{}
	set := func(field, text string) {
		if text != "" {
			f.Set(field, text)
		}
	}
	for _, lang := range editedLanguages() {
		set("title."+lang, s.Title[lang])
		set("about."+lang, s.About[lang])
	}
	set("audience", s.Audience)
	set("runbook", s.Runbook)
	var when []string
	for _, name := range slices.Sorted(maps.Keys(s.When)) {
		when = append(when, name+"="+s.When[name])
	}
	set("when", strings.Join(when, "\n"))
	set("initial", minutesText(s.Timing.Initial))
	set("every", minutesText(s.Timing.Every))
	if s.Timing.Most > 0 {
		set("most", strconv.Itoa(s.Timing.Most))
	}
	for i, name := range slices.Sorted(maps.Keys(s.Variables)) {
		v := s.Variables[name]
		if v == nil {
			v = &message.Variable{}
		}
		row := "var." + strconv.Itoa(i) + "."
		set(row+"name", name)
		set(row+"type", string(v.Type))
		set(row+"label.fr", v.Label["fr"])
		set(row+"label.en", v.Label["en"])
		var values []string
		for _, c := range v.Values {
			values = append(values, strings.TrimRight(c.ID+" | "+c.Words["fr"]+" | "+c.Words["en"], " |"))
		}
		set(row+"values", strings.Join(values, "\n"))
		set(row+"allow", strings.Join(v.Allow, "\n"))
		set(row+"live", v.Live)
		set(row+"least", numberText(v.Least))
		set(row+"most", numberText(v.Most))
		set(row+"default", v.Default)
	}
	if m := s.Messages[step]; m != nil {
		for kind, texts := range m.Texts {
			for lang, t := range texts {
				set("subject."+textPart(kind, lang), t.Subject)
				set("text."+textPart(kind, lang), t.Body)
				if t.Fold {
					set("fold."+textPart(kind, lang), "1")
				}
			}
		}
	}
	return f
}

func minutesText(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d%time.Minute == 0:
		return strconv.Itoa(int(d / time.Minute))
	}
	return d.String()
}

func numberText(n float64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// copyOf is a scenario of its own.
func copyOf(s *message.Scenario) (*message.Scenario, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("copy of a scenario: %w", err)
	}
	out := &message.Scenario{}
	if err := json.Unmarshal(raw, out); err != nil {
		return nil, fmt.Errorf("copy of a scenario: %w", err)
	}
	out.ID = s.ID
	return out, nil
}

// applyForm writes parts of a form into a scenario. What it cannot read is a *match.Problem that names its field; the
// rest is written all the same.
func applyForm(form url.Values, s *message.Scenario, step message.Step, parts func(part string) bool) error {
	var errs []error
	bad := func(key, text string) { errs = append(errs, &match.Problem{Key: key, Text: text}) }
	get := func(field string) string { return typedText(form[field]) }
	if parts(partHead) {
		s.Title, s.About = words(get("title.fr"), get("title.en")), words(get("about.fr"), get("about.en"))
		s.Audience, s.Runbook = get("audience"), get("runbook")
		s.When = map[string]string{}
		for line := range strings.Lines(get("when")) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if name = strings.TrimSpace(name); name == "" {
				continue
			}
			if !ok {
				bad("when", "is no label: cdn=akamai")
			}
			s.When[name] = strings.TrimSpace(value)
		}
		for field, d := range map[string]*time.Duration{"initial": &s.Timing.Initial, "every": &s.Timing.Every} {
			var ok bool
			if *d, ok = minutesOf(get(field)); !ok {
				bad("timing."+field, "is no duration")
			}
		}
		s.Timing.Most = 0
		if text := get("most"); text != "" {
			n, err := strconv.Atoi(text)
			if s.Timing.Most = n; err != nil {
				bad("timing.most", "is no number")
			}
		}
	}
	if parts(partVariables) {
		s.Variables = map[string]*message.Variable{}
		for i := range maxVariableRows {
			applyVariable(form, s, "var."+strconv.Itoa(i)+".", bad)
		}
	}
	if s.Messages == nil {
		s.Messages = map[message.Step]*message.Message{}
	}
	m := s.Messages[step]
	if m == nil || m.Texts == nil {
		m = &message.Message{Texts: map[channel.Kind]map[string]message.Text{}}
		s.Messages[step] = m
	}
	for _, kind := range channel.Kinds() {
		for _, lang := range editedLanguages() {
			part := textPart(kind, lang)
			if !parts(part) {
				continue
			}
			t := message.Text{Subject: get("subject." + part), Body: get("text." + part), Fold: get("fold."+part) != ""}
			if t.Subject == "" && t.Body == "" {
				delete(m.Texts[kind], lang)
				continue
			}
			if m.Texts[kind] == nil {
				m.Texts[kind] = map[string]message.Text{}
			}
			m.Texts[kind][lang] = t
		}
	}
	s.Clean()
	return errors.Join(errs...)
}

func applyVariable(form url.Values, s *message.Scenario, row string, bad func(key, text string)) {
	get := func(field string) string { return typedText(form[row+field]) }
	name := get("name")
	if name == "" {
		return
	}
	key := "variables." + name
	if s.Variables[name] != nil {
		bad(key, "is there twice")
	}
	v := &message.Variable{Type: message.VarType(get("type")), Label: words(get("label.fr"), get("label.en")), Live: get("live"), Default: get("default")}
	for line := range strings.Lines(get("values")) {
		part := strings.SplitN(strings.TrimSpace(line), "|", 3)
		for len(part) < 3 {
			part = append(part, "")
		}
		if id := strings.TrimSpace(part[0]); id != "" {
			v.Values = append(v.Values, message.Choice{ID: id, Words: words(strings.TrimSpace(part[1]), strings.TrimSpace(part[2]))})
		}
	}
	for line := range strings.Lines(get("allow")) {
		if prefix := strings.TrimSpace(line); prefix != "" {
			v.Allow = append(v.Allow, prefix)
		}
	}
	for field, n := range map[string]*float64{"least": &v.Least, "most": &v.Most} {
		if text := get(field); text != "" {
			var err error
			if *n, err = strconv.ParseFloat(strings.ReplaceAll(text, ",", "."), 64); err != nil {
				*n = 0
				bad(key+"."+field, "is no number")
			}
		}
	}
	s.Variables[name] = v
}

func words(fr, en string) message.Words {
	w := message.Words{}
	if fr != "" {
		w["fr"] = fr
	}
	if en != "" {
		w["en"] = en
	}
	return w
}

// minutesOf reads 20, or 1h30m.
func minutesOf(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(n) * time.Minute, n >= 0 && n <= 24*60
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// merge is what becomes of a form when others saved meanwhile.
type merge struct {
	mine   map[string]bool // parts that the form writes
	theirs map[string]bool // parts that both changed, each otherwise
}

// mergeOf compares a form with what is kept now, by what each part was when the form was made. A form that does not
// tell what it was made of writes all it has.
func mergeOf(form, kept url.Values) merge {
	m := merge{mine: map[string]bool{}, theirs: map[string]bool{}}
	typed, now := digests(form), digests(kept)
	parts := map[string]bool{}
	for _, of := range []map[string]string{typed, now} {
		for part := range of {
			parts[part] = true
		}
	}
	for part := range parts {
		was, told := form["was."+part], form.Has("made")
		before := typedText(was)
		switch {
		case typed[part] == now[part]:
		case !told || before == now[part]:
			m.mine[part] = true
		case typed[part] == before: // they alone changed it
		default:
			m.mine[part], m.theirs[part] = true, true
		}
	}
	return m
}
