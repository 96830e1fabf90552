package web

import (
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"vigie/internal/match"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
)

// With which values a text is shown.
const (
	seeExample = "example"
	seeWorst   = "worst"
	seeDrill   = "drill"
)

func parseSee(text string) string {
	if text == seeWorst || text == seeDrill {
		return text
	}
	return seeExample
}

// lookView is one channel's text in one language as it will look, with what it costs and what is to be said about it.
type lookView struct {
	ID, Kind, Lang  string // ID is its element's
	KindName, Name  string // Name is the language's
	Shape           string // sms, post, mail, page, banner, data: how it is drawn
	Blank           bool   // there is no text
	Drill           bool   // it is shown as an exercise would say it
	Subject         string
	Pieces          []textPiece
	Step, At        string // of the status page
	Counter         counterView
	Problems        []string // why it cannot be rendered
	Findings        []lintView
	Culprits        string // what makes a short message dear, in words
	Folding, Folded string // what folding would change, and what it would cost then
	FoldedPieces    []textPiece
}

// textPiece is a part of a text; Class says what is particular about it.
type textPiece struct{ Text, Class, Title string }

// saidOf is a text with its line ends and spaces as they are, and what is particular about its parts.
func saidOf(head string, pieces []textPiece) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		b.WriteString(`<p class="wording">`)
		if head != "" {
			b.WriteString("<b>" + templ.EscapeString(head) + "</b> ")
		}
		for _, p := range pieces {
			text := templ.EscapeString(p.Text)
			switch p.Class {
			case "culprit":
				text = `<mark class="culprit" title="` + templ.EscapeString(p.Title) + `">` + text + "</mark>"
			case "address":
				text = `<span class="address">` + text + "</span>"
			case "gone":
				text = "<del>" + text + "</del>"
			case "came":
				text = "<ins>" + text + "</ins>"
			}
			b.WriteString(text)
		}
		b.WriteString("</p>")
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// counterView is how much of a channel's room a text takes.
type counterView struct {
	Text  string // 142 of 160 characters
	Cost  string // 1 segment · 0,07 € for each
	Worst string // the same in the worst case, where that is another one
	Class string // warning, critical: too long
	Share string // of the bar, of 100
}

// lintView is something to say about a text.
type lintView struct {
	Class, Word string
	Where       string // channel and language
	Text        string
}

// Full is a finding in one line.
func (f lintView) Full() string {
	if f.Where == "" {
		return f.Text
	}
	return f.Where + " : " + f.Text
}

var shapes = map[channel.Kind]string{
	channel.SMS: "sms", channel.Email: "mail", channel.Status: "page", channel.Banner: "banner", channel.Webhook: "raw",
	channel.Mastodon: "post", channel.Bluesky: "post", channel.X: "post",
}

// looker shows the texts of one step.
type looker struct {
	messagesReader
	s        *message.Scenario
	step     message.Step
	see      string
	values   map[string]string
	worst    *message.Rendered
	findings []message.Finding
}

func (r messagesReader) looker(s *message.Scenario, step message.Step, see string) looker {
	k := looker{messagesReader: r, s: s, step: step, see: parseSee(see), values: s.Fixture(step, r.now), worst: s.Worst(step, r.limits), findings: s.Lint(step, r.limits)}
	for name, v := range s.Variables {
		if v != nil && v.Live == "began" && v.Default == "" && k.values[name] != "" {
			k.values[name] = r.now.Add(-12 * time.Minute).Format(time.RFC3339)
		}
		// An address that the house's list alone allows.
		if v != nil && v.Type == message.URL && k.values[name] == "" && len(r.limits.House) > 0 && slices.Contains(s.Uses(step), name) {
			k.values[name] = r.limits.House[0]
		}
	}
	return k
}

// render makes one text, whatever is wrong with the others.
func (k looker) render(kind channel.Kind, lang string, t message.Text, see string) (message.Output, error) {
	one := *k.s
	one.Messages = map[message.Step]*message.Message{k.step: {Texts: map[channel.Kind]map[string]message.Text{kind: {lang: t}}}}
	if see == seeWorst {
		if o, ok := one.Worst(k.step, k.limits).Texts[kind][lang]; ok {
			return o, nil
		}
	}
	in := message.Input{Values: k.values, Zone: k.zone, Now: k.now, Drill: see == seeDrill, NextBy: k.now.Add(30 * time.Minute).Truncate(5 * time.Minute), Limits: k.limits}
	rendered, err := one.Render(k.step, in)
	if err != nil {
		return message.Output{Text: t.Body, Subject: t.Subject, Measure: k.limits.Measure(kind, t.Subject, t.Body)}, err
	}
	return rendered.Texts[kind][lang], nil
}

// look is one text. One that is not there is blank.
func (k looker) look(kind channel.Kind, lang string) lookView {
	v := lookView{
		ID: "see-" + string(kind) + "-" + lang, Kind: string(kind), Lang: lang, KindName: k.kind(kind), Name: k.language(lang), Shape: shapes[kind],
		Step: k.messagesReader.step(k.step), At: k.until(k.now), Drill: k.see == seeDrill,
	}
	var t message.Text
	if m := k.s.Messages[k.step]; m != nil {
		t = m.Texts[kind][lang]
	}
	if strings.TrimSpace(t.Body) == "" && strings.TrimSpace(t.Subject) == "" {
		v.Blank = true
		return v
	}
	o, err := k.render(kind, lang, t, k.see)
	v.Problems = k.problems(err)
	v.Subject = foreign(o.Subject, 400)
	v.Pieces = k.pieces(o.Text, o.Measure.Culprits)
	v.Counter = k.counter(kind, o.Measure)
	if w, ok := k.worst.Texts[kind][lang]; ok && k.see != seeWorst && (w.Measure.Used != o.Measure.Used || w.Measure.Segments != o.Measure.Segments) {
		worst := k.counter(kind, w.Measure)
		v.Counter.Worst = k.T("messages.counter.worst", "text", strings.TrimSuffix(worst.Text+" · "+worst.Cost, " · "))
		if worst.Class == "critical" {
			v.Counter.Class = "critical"
		}
	}
	if kind == channel.SMS {
		k.fold(&v, lang, t, o)
	}
	for i := range k.findings {
		if f := &k.findings[i]; f.Kind == kind && (f.Lang == lang || f.Lang == "") && !(f.Key == "sms_cost" || f.Key == "sms_ucs2" && v.Culprits != "") { // which the counter says already
			said := k.finding(f)
			said.Where = ""
			v.Findings = append(v.Findings, said)
		}
	}
	return v
}

// fold says which characters make a short message dear, and what writing them otherwise would change.
func (k looker) fold(v *lookView, lang string, t message.Text, o message.Output) {
	if culprits := o.Measure.Culprits; culprits != "" {
		var names []string
		for _, c := range culprits {
			names = append(names, k.character(c))
		}
		v.Culprits = k.T("messages.sms.ucs2", "characters", strings.Join(names, " "))
	}
	if t.Fold {
		plain := t
		plain.Fold = false
		if was, err := k.render(channel.SMS, lang, plain, k.see); err == nil && was.Text != o.Text {
			v.Folding = k.foldPairs(lang, was.Text)
		}
		return
	}
	if o.Measure.UCS2 {
		folded := t
		folded.Fold = true
		if would, err := k.render(channel.SMS, lang, folded, k.see); err == nil {
			v.Folding = k.foldPairs(lang, o.Text)
			v.Folded = k.T("messages.sms.folded", "cost", k.counter(channel.SMS, would.Measure).Cost)
			v.FoldedPieces = []textPiece{{Text: would.Text}}
		}
	}
}

// foldPairs are the characters of a text that folding writes otherwise, each once: ’ → '.
func (k looker) foldPairs(lang, text string) string {
	var pairs []string
	seen := map[rune]bool{}
	for _, r := range text {
		if r < utf8.RuneSelf && r != '`' || seen[r] || len(pairs) == 20 {
			continue
		}
		seen[r] = true
		o, err := k.render(channel.SMS, lang, message.Text{Body: "x" + string(r) + "x", Fold: true}, seeExample)
		if to := strings.TrimSuffix(strings.TrimPrefix(o.Text, "x"), "x"); err == nil && to != string(r) {
			if to == " " {
				to = k.T("messages.character.space")
			}
			pairs = append(pairs, k.character(r)+nbsp+"→"+nbsp+to)
		}
	}
	return strings.Join(pairs, ", ")
}

// character names one that is to be seen, also when nobody can see it.
func (k looker) character(r rune) string {
	switch r {
	case '\u00a0':
		return k.T("messages.character.hard")
	case '\u202f':
		return k.T("messages.character.thin")
	case '’':
		return "’ (" + k.T("messages.character.apostrophe") + ")"
	}
	return string(r)
}

var addressIn = regexp.MustCompile(`https://[^\s<>"«»“”’]+`)

// pieces marks the characters that make a text dear, and addresses.
func (k looker) pieces(text, culprits string) []textPiece {
	var all []textPiece
	plain := func(text string) {
		for text != "" {
			at := strings.IndexAny(text, culprits)
			if culprits == "" || at < 0 {
				all = append(all, textPiece{Text: text})
				return
			}
			if at > 0 {
				all = append(all, textPiece{Text: text[:at]})
			}
			c, size := utf8.DecodeRuneInString(text[at:])
			all = append(all, textPiece{Text: text[at : at+size], Class: "culprit", Title: k.character(c)})
			text = text[at+size:]
		}
	}
	for _, at := range addressIn.FindAllStringIndex(text, -1) {
		before := 0
		for _, p := range all {
			before += len(p.Text)
		}
		plain(text[before:at[0]])
		all = append(all, textPiece{Text: text[at[0]:at[1]], Class: "address"})
	}
	before := 0
	for _, p := range all {
		before += len(p.Text)
	}
	plain(text[before:])
	return all
}

func (r messagesReader) counter(kind channel.Kind, m message.Measure) counterView {
	v := counterView{Text: r.T("messages.counter", "used", r.fixed(float64(m.Used), 0), "most", r.fixed(float64(m.Most), 0), "unit", r.known("messages.unit.", m.Unit))}
	share := 100.0
	if m.Most > 0 {
		share = min(100*float64(m.Used)/float64(m.Most), 100)
	}
	v.Share = strconv.FormatFloat(share, 'f', 1, 64)
	switch {
	case kind == channel.SMS:
		v.Cost = r.plural("messages.segments", m.Segments)
		if r.limits.Price > 0 {
			v.Cost += " · " + r.T("messages.cost", "cost", r.money(r.limits.Price*float64(m.Segments)))
		}
		if m.UCS2 || m.Segments > 2 {
			v.Class = "warning"
		}
	case m.Used > m.Most:
		v.Class = "critical"
	case share > 95:
		v.Class = "warning"
	}
	return v
}

// money is an amount in the house's currency.
func (r messagesReader) money(amount float64) string {
	digits := 2
	if amount < .1 {
		digits = 3
	}
	return strings.TrimSpace(r.fixed(amount, digits) + nbsp + foreign(r.limits.Currency, 8))
}

// finding says one in the reader's language.
func (r messagesReader) finding(f *message.Finding) lintView {
	v := lintView{Class: "warning", Word: r.T("messages.finding.warning")}
	if f.Level == message.Wrong {
		v.Class, v.Word = "critical", r.T("messages.finding.error")
	}
	if f.Kind != "" {
		v.Where = r.kind(f.Kind)
		if f.Lang != "" {
			v.Where += ", " + r.language(f.Lang)
		}
	}
	text, ok := r.texts["lint."+f.Key]
	if !ok {
		v.Text = foreign(f.Text, 300)
		return v
	}
	var pairs []string
	for name, value := range f.Args {
		switch name {
		case "unit":
			value = r.known("messages.unit.", value)
		case "kind":
			value = r.kind(channel.Kind(value))
		case "step":
			value = r.step(message.Step(value))
		case "cost":
			amount, currency, _ := strings.Cut(value, " ")
			if n, err := strconv.ParseFloat(amount, 64); err == nil {
				value = strings.TrimSpace(r.fixed(n, 3) + nbsp + currency)
			}
		case "culprits":
			value = strings.Join(strings.Split(value, ""), " ")
		}
		pairs = append(pairs, "{"+name+"}", foreign(value, longestReason))
	}
	v.Text = strings.NewReplacer(pairs...).Replace(text)
	return v
}

// problems are those of a Check, of a file or of Render, each with its place in the reader's words.
func (r messagesReader) problems(err error) []string {
	var all []string
	var walk func(error)
	walk = func(err error) {
		if err == nil {
			return
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range joined.Unwrap() {
				walk(one)
			}
			return
		}
		if p, ok := errors.AsType[*match.Problem](err); ok {
			all = append(all, r.problemAt(p))
			return
		}
		all = append(all, foreign(err.Error(), 400))
	}
	walk(err)
	slices.Sort(all)
	return slices.Compact(all)
}

func (r messagesReader) problemAt(p *match.Problem) string {
	return r.T("messages.problem", "place", r.place(p.Key), "reason", r.reasonOf(p.Text))
}

// place is a key of a file as the form has it.
func (r messagesReader) place(key string) string {
	var words []string
	for i, part := range strings.Split(key, ".") {
		name, index, indexed := strings.Cut(part, "[")
		switch {
		case i == 0 && (name == "messages" || name == "values"):
			continue
		case slices.Contains(message.Steps(), message.Step(name)):
			words = append(words, r.step(message.Step(name)))
		case slices.Contains(channel.Kinds(), channel.Kind(name)):
			words = append(words, r.kind(channel.Kind(name)))
		case name == "fr" || name == "en":
			words = append(words, r.language(name))
		case r.texts["messages.place."+name] != "":
			words = append(words, r.T("messages.place."+name))
		default:
			words = append(words, foreign(part, longestName))
			continue
		}
		if indexed {
			n, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err == nil {
				words[len(words)-1] += nbsp + strconv.Itoa(n+1)
			}
		}
	}
	return strings.Join(words, ", ")
}

// reasonsKnown are the sentences of message's checks that people meet while they write, with the key of their text.
var reasonsKnown = []struct {
	shape *regexp.Regexp
	key   string
	names []string
}{
	{regexp.MustCompile(`^is missing: the title is in (\w+) too$`), "language", []string{"language"}},
	{regexp.MustCompile(`^is missing: it is what is said first$`), "initial", nil},
	{regexp.MustCompile(`^is missing: who was told that it began`), "resolved", nil},
	{regexp.MustCompile(`^is missing: nothing is said whose correction`), "correction", nil},
	{regexp.MustCompile(`^is missing: what is said there could not be corrected`), "uncorrected", nil},
	{regexp.MustCompile(`^is missing: who gets`), "audience", nil},
	{regexp.MustCompile(`^is missing: the scenario's languages`), "title", nil},
	{regexp.MustCompile(`^(?:are|is) missing: a \w+ is one of them$`), "values", nil},
	{regexp.MustCompile(`^(?:is|are) missing$`), "missing", nil},
	{regexp.MustCompile(`^has no value$`), "no_value", nil},
	{regexp.MustCompile(`^is empty$`), "missing", nil},
	{regexp.MustCompile(`^is used in no text$`), "unused", nil},
	{regexp.MustCompile(`^there is no variable \{(\w+)\}`), "no_variable", []string{"name"}},
	{regexp.MustCompile(`^there is no such variable`), "no_variable_here", nil},
	{regexp.MustCompile(`^the title is not in this language$`), "title_language", nil},
	{regexp.MustCompile(`^nobody gets it`), "nobody", nil},
	{regexp.MustCompile(`^a brace stands alone near "(.*)": `), "brace", []string{"near"}},
	{regexp.MustCompile(`^\{(.*)\} is no variable`), "variable_name", []string{"name"}},
	{regexp.MustCompile(`^"(.*)" is no name: 1 to`), "variable_name", []string{"name"}},
	{regexp.MustCompile(`^is longer than (\d+) characters$`), "long", []string{"most"}},
	{regexp.MustCompile(`^takes (\d+) (\w+), (\d+) are allowed$`), "takes", []string{"used", "unit", "most"}},
	{regexp.MustCompile(`^has an address, \{`), "subject_address", nil},
	{regexp.MustCompile(`begins with none of the addresses that are allowed`), "address", nil},
	{regexp.MustCompile(`is none of its values`), "none_of", nil},
	{regexp.MustCompile(`^is nothing that \w+ has$`), "not_of", nil},
	{regexp.MustCompile(`has characters that cannot be shown`), "unshown", nil},
	{regexp.MustCompile(`is not 1 to 64 of a-z`), "id", nil},
	{regexp.MustCompile(`is no duration`), "duration", nil},
	{regexp.MustCompile(`^is no number$`), "number", nil},
	{regexp.MustCompile(`^is no label: `), "label", nil},
	{regexp.MustCompile(`is there twice$`), "twice", nil},
	{regexp.MustCompile(`^is not in the calendar$`), "calendar", nil},
}

// reasonOf is a check's sentence in the reader's language, or as it is where it has none.
func (r messagesReader) reasonOf(text string) string {
	for _, known := range reasonsKnown {
		found := known.shape.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		var pairs []string
		for i, name := range known.names {
			value := foreign(found[i+1], longestName)
			switch name {
			case "unit":
				value = r.known("messages.unit.", value)
			case "language":
				value = r.language(value)
			}
			pairs = append(pairs, name, value)
		}
		return r.T("messages.reason."+known.key, pairs...)
	}
	return foreign(text, 300)
}
