package web

import (
	"cmp"
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

// sooner are the minutes that a time is chosen by with one touch.
var sooner = []int{10, 20, 30}

func (r sendsReader) timeInput(name, label, value string, q url.Values, zone *time.Location) variableView {
	v := variableView{Name: name, Label: label, Kind: "time", Value: valueOf(q, name)}
	in := q.Get("in." + name)
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		v.Usual = hour(t.Truncate(time.Minute), zone)
	}
	if v.Usual != "" {
		v.Choices = append(v.Choices, choiceView{Value: "", Label: r.T("sends.new.time.usual"), Hint: v.Usual, Chosen: in == ""})
	}
	for _, n := range sooner {
		at := r.now.Add(time.Duration(n) * time.Minute)
		v.Choices = append(v.Choices, choiceView{Value: strconv.Itoa(n), Label: r.T("sends.new.time.in", "n", strconv.Itoa(n)), Hint: hour(promised(at), zone), Chosen: in == strconv.Itoa(n)})
	}
	v.Choices = append(v.Choices, choiceView{Value: "at", Label: r.T("sends.new.time.at"), Chosen: in == "at"})
	return v
}

// promised is a moment as people say one: the nearest multiple of five minutes that is not sooner.
func promised(t time.Time) time.Time {
	if down := t.Truncate(5 * time.Minute); down.Before(t) {
		return down.Add(5 * time.Minute)
	}
	return t
}

func (r sendsReader) variable(name string, of *message.Variable, value string, q url.Values, zone *time.Location) variableView {
	label := r.words(of.Label, name)
	if of.Type == message.Time {
		return r.timeInput(name, label, value, q, zone)
	}
	v := variableView{Name: name, Label: label, Value: valueOf(q, name), Kind: "text"}
	switch of.Type {
	case message.Duration:
		v.Kind, v.Hint = "minutes", r.T("sends.new.minutes")
		if d, err := time.ParseDuration(value); err == nil && v.Value == "" {
			v.Placeholder = strconv.Itoa(int(math.Round(d.Minutes())))
		}
	case message.Number, message.About:
		v.Kind, v.Placeholder = "number", value
	case message.URL:
		v.Kind = "url"
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
		v.Kind = "choice"
		if len(of.Values) > 6 {
			v.Kind = "list"
		}
		at := cmp.Or(v.Value, value)
		if v.Kind == "list" && at == "" {
			v.Choices = append(v.Choices, choiceView{Label: r.T("sends.new.choose"), Chosen: true})
		}
		for _, choice := range of.Values {
			v.Choices = append(v.Choices, choiceView{Value: choice.ID, Label: r.words(choice.Words, choice.ID), Chosen: at == choice.ID})
		}
	}
	if of.Live != "" {
		v.Live = r.live(value)
	}
	return v
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

// draft reads the form. What cannot be read is said in wrong.
func (r sendsReader) draft(c *crisis.Crisis, e *library.Entry, step message.Step, q url.Values) (d send.Draft, wrong []string) {
	d = send.Draft{Crisis: c.ID, Scenario: e.Scenario.ID, Step: step, Values: map[string]string{}}
	zone := r.matchZone(c)
	moment := func(name, label string) time.Time {
		in := q.Get("in." + name)
		if in == "at" {
			if valueOf(q, name) == "" {
				return time.Time{}
			}
			t, err := typedTime(valueOf(q, name), zone, r.now)
			if err != nil {
				wrong = append(wrong, r.T("sends.new.bad.time", "label", label))
				return time.Time{}
			}
			return t
		}
		n, err := strconv.Atoi(in)
		if err != nil || n < 1 || n > 24*60 {
			return time.Time{}
		}
		return promised(r.now.Add(time.Duration(n) * time.Minute))
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
			if t := moment(name, label); !t.IsZero() {
				typed = t.Format(time.RFC3339)
			}
		case message.Duration:
			if typed != "" {
				n, err := strconv.Atoi(typed)
				if err != nil {
					wrong = append(wrong, r.T("sends.new.bad.minutes", "label", label))
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
	d.NextBy = moment("next", r.T("sends.new.next"))
	if q.Has("crisis_form") {
		d.Channels = slices.Clone(q["channel"])
		if len(d.Channels) == 0 {
			wrong = append(wrong, r.T("send.bad.no_channel"))
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
			wrong = append(wrong, r.T("send.bad.no_list"))
		}
	case "hit":
		h := r.hitOf(c, q)
		d.Hit = &h
		if err := h.Check(); err != nil {
			wrong = append(wrong, r.problemsOf(err)...)
		}
	}
	return d, wrong
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
