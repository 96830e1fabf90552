package rule

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/alerts/signal"
	"vigie/internal/provider"
)

// MaxRendered bounds a text once its placeholders are filled in, in characters.
const MaxRendered = 600

// maxSaid bounds what stands for one placeholder.
const maxSaid = 80

// saidNames are the placeholders that every text may have, beside the names of labels.
var saidNames = []string{"value", "usual", "viewers", "since", "for"}

// Values are what a text's placeholders stand for. What is not known is written as a dash.
type Values struct {
	Labels  map[string]string // as people shall read them
	Unit    signal.Unit       // of Value and Usual
	Value   float64           // {value}; NaN: not known
	Usual   float64           // {usual}
	Viewers float64           // {viewers}: how many are hit
	Since   time.Time         // {since}: the time of day at which it began
	Zone    *time.Location    // of Since; nil: UTC
	For     time.Duration     // {for}: how long it has lasted; below 0: not known
}

// Values are an alert's, in the unit of its rule; a rule's of together is nil. Viewers and Zone are for the
// caller to fill in. now is a moment of the data's time.
func (a *Alert) Values(r *Rule, now time.Time) Values {
	v := Values{Labels: maps.Clone(a.Labels), Value: math.NaN(), Usual: math.NaN(), Viewers: math.NaN(), Since: a.Begun, For: -1}
	if r != nil {
		v.Unit = r.signal.Unit
	}
	if a.Known {
		v.Value = a.Value
	}
	if a.UsualKnown {
		v.Usual = a.Usual
	}
	if v.Since.IsZero() {
		v.Since = a.Since
	}
	if !v.Since.IsZero() {
		v.For = max(0, now.Sub(v.Since))
	}
	return v
}

// In is the text of a language, or of the other one where there is none.
func (t Text) In(lang string) string {
	if t.EN == "" || t.FR != "" && strings.HasPrefix(lang, "fr") {
		return t.FR
	}
	return t.EN
}

// Render fills in the placeholders. It never fails: one that stands for nothing known becomes a dash. The answer
// is one line of at most MaxRendered characters.
func (t Text) Render(lang string, v Values) string {
	text := t.In(lang)
	w := writing[strings.HasPrefix(lang, "fr")]
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			break
		}
		length := strings.IndexAny(text[open+1:], "{}")
		if length < 0 || text[open+1+length] == '{' {
			b.WriteString(text[:open+1])
			text = text[open+1:]
			continue
		}
		b.WriteString(text[:open])
		said := provider.Line(w.say(text[open+1:open+1+length], &v), maxSaid)
		if said == "" {
			said = missing
		}
		b.WriteString(said)
		text = text[open+length+2:]
	}
	b.WriteString(text)
	return provider.Line(b.String(), MaxRendered)
}

// missing stands where nothing is known; it is never mistaken for zero.
const missing = "—"

// script is how a language writes numbers.
type script struct{ decimal, group, unit, percent string }

var writing = map[bool]script{
	true:  {",", "\u202f", "\u202f", "\u202f"}, // French
	false: {".", ",", "\u00a0", ""},
}

func (w script) say(name string, v *Values) string {
	switch name {
	case "value":
		return w.number(v.Value, v.Unit)
	case "usual":
		return w.number(v.Usual, v.Unit)
	case "viewers":
		return w.number(v.Viewers, signal.Count)
	case "since":
		if v.Since.IsZero() {
			return ""
		}
		zone := v.Zone
		if zone == nil {
			zone = time.UTC
		}
		return v.Since.In(zone).Format("15:04:05")
	case "for":
		if v.For < 0 {
			return ""
		}
		return w.duration(v.For)
	}
	return v.Labels[name]
}

// Number writes a value as its unit wants it; what is none is a dash.
func Number(lang string, v float64, unit signal.Unit) string {
	return writing[strings.HasPrefix(lang, "fr")].number(v, unit)
}

// number is the same in one language.
func (w script) number(v float64, unit signal.Unit) string {
	if v-v != 0 {
		return missing
	}
	switch unit {
	case signal.Ratio:
		return w.three(v*100) + w.percent + "%"
	case signal.Bits:
		return w.scaled(v, "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")
	case signal.PerSecond:
		return w.scaled(v, "/s", "k/s", "M/s")
	case signal.Seconds:
		switch a := math.Abs(v); {
		case a < 0.9995:
			return w.fixed(v*1000, 0) + w.unit + "ms"
		case a < 99.95:
			return w.three(v) + w.unit + "s"
		}
		return w.duration(time.Duration(min(max(v, -1e9), 1e9) * float64(time.Second)))
	}
	switch a := math.Abs(v); {
	case a < 9.995 && v != math.Trunc(v): // a score
		return w.fixed(v, 2)
	case a < 999_999.5:
		return w.fixed(v, 0)
	}
	return w.scaled(v, "", "k", "M", "G")
}

// duration has two units at most: 42 s, 3 min 20 s, 2 h 05 min.
func (w script) duration(d time.Duration) string {
	s := int64(d.Abs() / time.Second)
	text := func(v int64, unit string) string { return strconv.FormatInt(v, 10) + w.unit + unit }
	switch {
	case s < 60:
		return text(s, "s")
	case s < 3600 && s%60 == 0:
		return text(s/60, "min")
	case s < 3600:
		return text(s/60, "min") + w.unit + text(s%60, "s")
	case s/60%60 == 0:
		return text(s/3600, "h")
	}
	return text(s/3600, "h") + w.unit + text(s/60%60, "min")
}

// scaled picks the largest of the units, each 1,000 times the one before, that leaves 1 or more.
func (w script) scaled(v float64, units ...string) string {
	for math.Abs(v) >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	text := w.three(v)
	if v == math.Trunc(v) {
		text = w.fixed(v, 0)
	}
	if units[0] == "" {
		return text
	}
	return text + w.unit + units[0]
}

// three writes v with three significant digits, or all those before the decimal sign.
func (w script) three(v float64) string {
	switch a := math.Abs(v); {
	case a < 9.995:
		return w.fixed(v, 2)
	case a < 99.95:
		return w.fixed(v, 1)
	}
	return w.fixed(v, 0)
}

func (w script) fixed(v float64, decimals int) string {
	digits := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(digits, ".")
	var b strings.Builder
	if v < 0 && strings.Trim(digits, "0.") != "" {
		b.WriteString("−")
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(w.group)
		}
		b.WriteRune(d)
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		b.WriteString(w.decimal + fraction)
	}
	return b.String()
}

// sorted writes labels for people: cdn=maison, isp=Orange.
func sorted(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+labels[name])
	}
	return strings.Join(parts, ", ")
}
