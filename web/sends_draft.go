package web

import (
	"cmp"
	"errors"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/match"
	"vigie/runbooks/audience"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// matchZone is where times of a crisis's texts are told.
func (r sendsReader) matchZone(c *crisis.Crisis) *time.Location {
	if r.book != nil && c.Match != "" {
		if m := r.book.Find(c.Match); m != nil {
			return m.Zone()
		}
	}
	return r.zone
}

// Inputs of a form. Those of a variable are v.NAME, of a time also in.NAME: minutes from now.
func valueOf(q url.Values, name string) string { return strings.TrimSpace(cut(q.Get("v."+name), 500)) }

// Minutes from now that a time is chosen by with one touch: of what is announced, and of what has begun.
var (
	later = []int{10, 20, 30}
	ago   = []int{0, 5, 10}
)

// tense is on which side of now a time lies.
type tense int

const (
	anytime tense = iota
	past
	future
)

// tenseOf is what is known of a time: that it is when the incident began, when the next message is promised for, or
// some minutes after now. Of the others nothing is known.
func tenseOf(v *message.Variable) tense {
	switch {
	case v.Live == "began":
		return past
	case v.Live == "next_by", strings.HasPrefix(v.Default, "+"):
		return future
	}
	return anytime
}

// timeInput is a time's field; usual is what it is when nobody says otherwise, zero: nothing is. What has begun is
// offered as a moment, which stays the one that was read however long the form is open.
func (r sendsReader) timeInput(name, label string, usual time.Time, when tense, q url.Values, zone *time.Location) variableView {
	v := variableView{Name: name, Label: label, Kind: "time", Value: valueOf(q, name)}
	in := q.Get("in." + name)
	add := func(value, label string, at time.Time) {
		v.Choices = append(v.Choices, choiceView{Value: value, Label: label, Hint: hour(at, zone), Chosen: in == value})
	}
	if !usual.IsZero() {
		key := "sends.new.time.usual"
		if when == past {
			key = "sends.new.time.began"
		}
		add("", r.T(key), usual.Truncate(time.Minute))
	}
	if when != future {
		for _, n := range ago {
			at, label := r.now.Truncate(time.Minute).Add(-time.Duration(n)*time.Minute), r.T("sends.new.time.now")
			if n > 0 {
				label = r.T("sends.new.time.ago", "n", strconv.Itoa(n))
			}
			add(at.UTC().Format(time.RFC3339), label, at)
		}
	}
	if when != past {
		for _, n := range later {
			add(strconv.Itoa(n), r.T("sends.new.time.in", "n", strconv.Itoa(n)), promised(r.now.Add(time.Duration(n)*time.Minute)))
		}
	}
	if at, err := time.Parse(time.RFC3339, in); err == nil && !slices.ContainsFunc(v.Choices, func(c choiceView) bool { return c.Chosen }) {
		in, v.Value = "at", hour(at, zone) // it was offered some minutes ago
	}
	v.Typed = in == "at"
	return v
}

// promised is a moment as people say one: the nearest multiple of five minutes that is not sooner.
func promised(t time.Time) time.Time {
	if down := t.Truncate(5 * time.Minute); down.Before(t) {
		return down.Add(5 * time.Minute)
	}
	return t
}

func (r sendsReader) variable(name string, of *message.Variable, value string, q url.Values) variableView {
	label := r.words(of.Label, name)
	v := variableView{Name: name, Label: label, Value: valueOf(q, name), Kind: inputOf(of)}
	switch of.Type {
	case message.Duration:
		v.Hint = r.T("sends.new.minutes")
		if d, err := time.ParseDuration(value); err == nil && v.Value == "" {
			v.Placeholder = strconv.Itoa(int(math.Round(d.Minutes())))
		}
	case message.Number, message.About:
		v.Placeholder = value
	case message.URL:
		v.Offered = append(slices.Clone(of.Allow), r.limits.House...)
		v.Placeholder = value
		if v.Value == "" {
			v.Value = value
		}
	default:
		if len(of.Values) == 0 {
			v.Placeholder = value
			break
		}
		at := cmp.Or(v.Value, value)
		if v.Kind == "list" && at == "" {
			v.Choices = append(v.Choices, choiceView{Label: r.T("sends.new.choose"), Chosen: true})
		}
		for _, choice := range of.Values {
			v.Choices = append(v.Choices, choiceView{Value: choice.ID, Label: r.words(choice.Words, choice.ID), Chosen: at == choice.ID || v.Value == "" && of.Live != "" && choice.Called(value)})
		}
	}
	if of.Live != "" {
		v.Live = r.live(value)
	}
	return v
}

// inputOf is the kind of field that a variable is said in.
func inputOf(of *message.Variable) string {
	switch of.Type {
	case message.Time:
		return "time"
	case message.Duration:
		return "minutes"
	case message.Number, message.About:
		return "number"
	case message.URL:
		return "url"
	}
	switch n := len(of.Values); {
	case n == 0:
		return "text"
	case n <= 6:
		return "choice"
	}
	return "list"
}

// live says what the board gives, and as of when. A board that is late says so.
func (r sendsReader) live(value string) string {
	switch {
	case value == "":
		return r.T("sends.new.live.none")
	case r.board == nil:
		return r.T("sends.new.live.still", "value", foreign(r.readable(value), longestName))
	}
	return r.T("sends.new.live", "value", foreign(r.readable(value), longestName), "time", clock(r.board.At, r.zone), "age", r.span(r.now.Sub(r.board.At)))
}

// readable writes a value of a form as people read it.
func (r sendsReader) readable(value string) string {
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		if n == math.Trunc(n) {
			return r.fixed(n, 0)
		}
		return r.three(n)
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return hour(t.Truncate(time.Minute), r.zone)
	}
	return value
}

func (r sendsReader) audienceForm(c *crisis.Crisis, of *message.Scenario, d send.Draft, q url.Values) *audienceForm {
	f := &audienceForm{Chosen: cmp.Or(q.Get("aud"), "own")}
	own := of.Audience
	switch {
	case c.Drill:
		f.Drill = r.T("sends.new.audience.drill")
		return f
	case r.contacts == nil:
		f.NoReading = r.T("send.bad.no_audience")
		return f
	case own == message.Impact || own == "":
		if q.Get("aud") == "" {
			f.Chosen = "hit"
		}
	default:
		f.Own = own
		if s := r.contacts.Segment(own); s != nil {
			f.Own = foreign(s.Name, longestName)
		}
	}
	for _, s := range r.contacts.Segments() {
		f.Segments = append(f.Segments, choiceView{Value: s.ID, Label: foreign(s.Name, longestName), Chosen: q.Get("segment") == s.ID})
	}
	h := r.hitOf(c, q)
	f.CDN, f.ISP, f.Channel, f.Device, f.Suffered = h.CDN, h.ISP, h.Channel, h.Device, h.Suffered
	f.From, f.To = h.From.In(r.zone).Format(inputMinute), h.To.In(r.zone).Format(inputMinute)
	return f
}

// hitOf is what was hit: as it was typed, or as the crisis says.
func (r sendsReader) hitOf(c *crisis.Crisis, q url.Values) audience.Hit {
	h := audience.Hit{From: c.Began, To: r.now.Truncate(time.Minute), Suffered: true}
	if !c.Ended.IsZero() {
		h.To = c.Ended
	}
	if h.To.Sub(h.From) > 6*time.Hour {
		h.From = h.To.Add(-6 * time.Hour)
	}
	h.CDN, h.ISP, h.Channel, h.Device = c.Labels["cdn"], c.Labels["isp"], c.Labels["channel"], c.Labels["device"]
	if !q.Has("hit.from") {
		return h
	}
	h.CDN, h.ISP, h.Channel, h.Device = cut(q.Get("hit.cdn"), 100), cut(q.Get("hit.isp"), 100), cut(q.Get("hit.channel"), 100), cut(q.Get("hit.device"), 100)
	h.Suffered = q.Get("hit.suffered") != ""
	if t, err := time.ParseInLocation(inputMinute, q.Get("hit.from"), r.zone); err == nil {
		h.From = t
	}
	if t, err := time.ParseInLocation(inputMinute, q.Get("hit.to"), r.zone); err == nil {
		h.To = t
	}
	return h
}

// wrongs are what is wrong with a form: at its fields, and in all.
type wrongs struct {
	fields []wrongField
	whole  []string
}

// wrongField is a field and what to do about it.
type wrongField struct{ Name, Label, Text string }

func (w *wrongs) none() bool { return len(w.fields)+len(w.whole) == 0 }

func (w *wrongs) at(name string) string {
	for _, f := range w.fields {
		if f.Name == name {
			return f.Text
		}
	}
	return ""
}

func (w *wrongs) add(name, label, text string) {
	if w.at(name) == "" {
		w.fields = append(w.fields, wrongField{name, label, text})
	}
}

// sentences are all of it over a form: its fields by their names, for what to do stands beside them.
func (r sendsReader) sentences(w *wrongs) []string {
	var labels []string
	for _, f := range w.fields {
		labels = append(labels, f.Label)
	}
	all := slices.Clone(w.whole)
	if len(labels) > 0 {
		all = slices.Insert(all, 0, r.T("sends.new.wrong", "fields", strings.Join(labels, ", ")))
	}
	return all
}

// valueProblems takes from an error what it says of values: each is told at its field.
func (r sendsReader) valueProblems(w *wrongs, of *message.Scenario, values map[string]string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			r.valueProblems(w, of, values, one)
		}
		return
	}
	p, ok := errors.AsType[*match.Problem](err)
	if !ok {
		return
	}
	name, ok := strings.CutPrefix(p.Key, "values.")
	if v := of.Variables[name]; ok && v != nil {
		w.add(name, r.words(v.Label, name), r.expected(v, values[name]))
		return
	}
	w.whole = append(w.whole, r.said.problems(p)...)
}

// expected says what a field wants, and that what it has will not do.
func (r sendsReader) expected(of *message.Variable, value string) string {
	kind, pairs := inputOf(of), []string{}
	switch {
	case kind == "minutes":
		least, most := of.Minutes()
		pairs = []string{"least", r.all(least), "most", r.all(most)}
	case kind == "number" && of.Most > 0:
		kind, pairs = "number.between", []string{"least", r.three(of.Least), "most", r.three(of.Most)}
	case kind == "url":
		pairs = []string{"allowed", foreign(strings.Join(slices.Concat(of.Allow, r.limits.House), ", "), longestReason)}
	}
	what := r.T("sends.new.expected."+kind, pairs...)
	if value == "" {
		return r.T("sends.new.missing", "what", what)
	}
	return r.T("sends.new.unfit", "value", foreign(r.readable(value), longestName), "what", what)
}

// draft reads the form. What cannot be read is said in wrong.
func (r sendsReader) draft(c *crisis.Crisis, e *library.Entry, step message.Step, q url.Values) (d send.Draft, wrong wrongs) {
	d = send.Draft{Crisis: c.ID, Scenario: e.Scenario.ID, Step: step, Values: map[string]string{}}
	zone := r.matchZone(c)
	moment := func(name, label string, when tense) time.Time {
		t, text := r.moment(name, when, q, zone)
		if text != "" {
			wrong.add(name, label, text)
		}
		return t
	}
	for _, name := range e.Scenario.Uses(step) {
		of := e.Scenario.Variables[name]
		if of == nil {
			continue
		}
		label := r.words(of.Label, name)
		typed := valueOf(q, name)
		switch of.Type {
		case message.Time:
			typed = ""
			if t := moment(name, label, tenseOf(of)); !t.IsZero() {
				typed = t.Format(time.RFC3339)
			}
		case message.Duration:
			if typed != "" {
				n, err := strconv.Atoi(typed)
				if err != nil {
					wrong.add(name, label, r.expected(of, typed))
					continue
				}
				typed = strconv.Itoa(n) + "m"
			}
		case message.Number, message.About:
			typed = plainNumber(typed)
		}
		if typed != "" {
			d.Values[name] = typed
		}
	}
	d.NextBy = moment("next", r.T("sends.new.next"), future)
	if q.Has("crisis_form") {
		d.Channels = slices.Clone(q["channel"])
		if len(d.Channels) == 0 {
			wrong.whole = append(wrong.whole, r.T("send.bad.no_channel"))
		}
		if len(d.Channels) > 50 {
			d.Channels = d.Channels[:50]
		}
	}
	if step.Follows() || c.Drill {
		return d, wrong
	}
	asked := q.Get("aud")
	if asked == "" && (e.Scenario.Audience == message.Impact || e.Scenario.Audience == "") {
		asked = "hit"
	}
	switch asked {
	case "segment":
		d.Segment = cut(q.Get("segment"), 80)
		if d.Segment == "" {
			wrong.whole = append(wrong.whole, r.T("send.bad.no_list"))
		}
	case "hit":
		h := r.hitOf(c, q)
		d.Hit = &h
		if err := h.Check(); err != nil {
			wrong.whole = append(wrong.whole, r.problemsOf(err)...)
		}
	}
	return d, wrong
}

// moment reads a time of the form; zero: the usual one. text is what is wrong with it.
func (r sendsReader) moment(name string, when tense, q url.Values, zone *time.Location) (t time.Time, text string) {
	in, typed := q.Get("in."+name), valueOf(q, name)
	if n, err := strconv.Atoi(in); err == nil {
		if n < 1 || n > 24*60 {
			return time.Time{}, ""
		}
		return promised(r.now.Add(time.Duration(n) * time.Minute)), ""
	}
	var err error
	switch {
	case in == "at" && typed == "":
		return time.Time{}, r.T("sends.new.missing", "what", r.T("sends.new.expected.time"))
	case in == "at":
		t, err = typedTime(typed, zone, r.now)
	case in != "":
		t, err = time.Parse(time.RFC3339, in)
	}
	switch {
	case err != nil:
		return time.Time{}, r.T("sends.new.unfit", "value", foreign(cmp.Or(typed, in), longestName), "what", r.T("sends.new.expected.time"))
	case when == past && t.After(r.now.Add(time.Minute)):
		return time.Time{}, r.T("sends.new.bad.future", "time", hour(t, zone))
	}
	return t, ""
}

// plainNumber is a number as it is typed in French or in English: 12 000, 3,5.
func plainNumber(text string) string {
	text = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(text)
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		if _, after, _ := strings.Cut(text, ","); len(after) != 3 {
			return strings.Replace(text, ",", ".", 1)
		}
	}
	return strings.ReplaceAll(text, ",", "")
}

// problemsOf are the mistakes of an error, each in a sentence.
func (r sendsReader) problemsOf(err error) (all []string) {
	switch of := err.(type) {
	case nil:
	case *match.Problem:
		return r.said.problems(of)
	case interface{ Unwrap() []error }:
		for _, one := range of.Unwrap() {
			all = append(all, r.problemsOf(one)...)
		}
	case interface{ Unwrap() error }:
		return r.problemsOf(of.Unwrap())
	}
	return all
}
