package web

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/a-h/templ"

	"vigie/cockpit"
)

// What senders wrote is cut at so many characters.
const (
	longestReason  = 160
	longestSample  = 400
	longestSetting = 32 << 10
)

// sourcesFragments have no other input than these two: every screen on the page shows the same.
func sourcesFragments(l *locale, b *cockpit.Board) map[string]fragment {
	rows := worstFirst(b.Sources.Rows)
	fragments := map[string]fragment{
		"clock":   {Component: clockFragment(newClockView(l, b))},
		"now":     {Component: nowFragment(newNowView(l, b))},
		"summary": {Component: summaryFragment(newSummaryView(l, b))},
		"order":   {Component: orderFragment(newOrderView(rows))},
	}
	for i := range rows {
		row := newSourceRow(l, b, &rows[i])
		fragments[row.ID] = fragment{Component: sourceFragment(row)}
	}
	return fragments
}

// worstFirst sorts what calls for someone to the top, and the rest by what they bring.
func worstFirst(rows []cockpit.Source) []cockpit.Source {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b cockpit.Source) int {
		return cmp.Or(
			cmp.Compare(urgency(a.Health), urgency(b.Health)),
			-cmp.Compare(a.Rate, b.Rate), cmp.Compare(a.ID, b.ID))
	})
	return rows
}

func urgency(h cockpit.Health) int {
	switch h {
	case cockpit.HealthCritical:
		return 0
	case cockpit.HealthWarning:
		return 1
	case cockpit.HealthFine:
		return 3
	}
	return 2
}

// sourceID is the id of a source's fragment.
func sourceID(id string) string { return "source-" + id }

// findingKey is the family of texts about what is wrong with a source. One that is not judged yet has
// its own: it is not fine.
func findingKey(src *cockpit.Source) string {
	if src.Finding == cockpit.FindingNone && src.Health == cockpit.HealthUnknown {
		return "finding.young"
	}
	return "finding." + src.Finding.String()
}

// newFindingHealth says a source's state with the finding's own word.
func newFindingHealth(l *locale, src *cockpit.Source) healthView {
	h := newHealth(l, src.Health)
	if src.Finding != cockpit.FindingNone {
		h.Word = l.T(findingKey(src) + ".one")
	}
	return h
}

// summaryView counts sources by what is found.
type summaryView struct {
	Title, Definition, Error string
	Total, Nothing           string
	Health                   healthView
	Age                      ageView
	Counts                   []countView
}

type countView struct{ Class, Text string }

func newSummaryView(l *locale, b *cockpit.Board) summaryView {
	rows := worstFirst(b.Sources.Rows)
	v := summaryView{
		Title: l.T("sources.title"), Definition: l.T("source.definition"), Error: panelError(l, b.Sources.Panel),
		Age: newAge(l, b, b.Sources.Panel, 20*time.Second), Total: l.plural("source.total", len(rows)), Health: newHealth(l, cockpit.HealthUnknown),
	}
	if len(rows) == 0 {
		v.Nothing = l.T("source.nothing")
		return v
	}
	v.Health = newHealth(l, rows[0].Health)
	v.Counts = countFindings(l, rows)
	return v
}

// countFindings says how many are fine, then how many are not, and why, the worst first.
func countFindings(l *locale, rows []cockpit.Source) []countView {
	type kind struct {
		key    string
		health cockpit.Health
	}
	var kinds []kind
	n := map[kind]int{}
	for i := range rows {
		k := kind{findingKey(&rows[i]), rows[i].Health}
		if n[k]++; n[k] == 1 {
			kinds = append(kinds, k)
		}
	}
	var fine, counts []countView
	for _, k := range kinds { // in the order of rows: the worst first
		count := countView{newHealth(l, k.health).Class, l.fixed(float64(n[k]), 0) + nbsp + l.plural(k.key, n[k])}
		if k.health == cockpit.HealthFine {
			fine = append(fine, count)
		} else {
			counts = append(counts, count)
		}
	}
	return append(fine, counts...)
}

// orderView tells the script in which order the rows belong, as JSON in attributes. It moves them
// with care: those that call at once, the others now and then.
type orderView struct{ All, Calling string }

func newOrderView(rows []cockpit.Source) orderView {
	all, calling := make([]string, 0, len(rows)), make([]string, 0, len(rows))
	for i := range rows {
		id := sourceID(rows[i].ID)
		all = append(all, id)
		if rows[i].Health != cockpit.HealthFine {
			calling = append(calling, id)
		}
	}
	return orderView{jsonList(all), jsonList(calling)}
}

func jsonList(texts []string) string {
	text, err := json.Marshal(texts)
	if err != nil {
		return "[]" // texts always encode
	}
	return string(text)
}

// sourceRow is one source as it does now. Texts of senders are in Why, and in reasons.
type sourceRow struct {
	ID, Name            string
	Health              healthView
	Said                saidView
	Why                 string
	Hint, HintCode      string
	Rate, Bytes         quantity
	Seen                ageView
	Watermark           string
	Lag                 ageView
	Late                lateView
	Share, Quarantined  string
	Unreadable          bool
	Origin, OriginClass string // the CDN with its colour's class, or the tool
	Format              string
	Facts               []string
	Door, DoorWhy       string
	Reasons             string
	ReasonRows          []reasonView
	Labels              sourceLabels
}

// saidView is a sentence with an age in it, which goes on by itself.
type saidView struct {
	Before, After string
	Age           ageView
	Counts        bool
}

// lateView is how late lines arrive, drawn: half of them within the thick bar, 95 % within the thin
// one; the needle is what is missing now.
type lateView struct {
	Text, Title        string
	Half, Most, Needle string // 0..100, on lateScale; empty: not known
}

type reasonView struct {
	Text, Count, Last, Sample string
}

// sourceLabels head the columns on large screens, and stand beside each value on small ones.
type sourceLabels struct {
	Source, Finding, Rate, Bytes, Seen, Watermark, Lag, Late, Share, Sample string
}

func newSourceLabels(l *locale) sourceLabels {
	return sourceLabels{
		Source: l.T("source.label.source"), Finding: l.T("source.label.finding"), Rate: l.T("source.label.rate"), Bytes: l.T("source.label.bytes"),
		Seen: l.T("source.label.seen"), Watermark: l.T("source.label.watermark"), Lag: l.T("source.label.lag"), Late: l.T("source.label.late"),
		Share: l.T("source.label.share"), Sample: l.T("source.label.sample"),
	}
}

func newSourceRow(l *locale, b *cockpit.Board, src *cockpit.Source) sourceRow {
	v := sourceRow{
		ID: sourceID(src.ID), Name: src.ID, Health: newFindingHealth(l, src), Said: newSaid(l, b, src),
		Rate: quantity{Value: missing}, Bytes: quantity{Value: missing},
		Seen: newMomentAge(l, b, src.Seen), Lag: newMomentAge(l, b, src.Watermark), Watermark: clock(src.Watermark, b.Match.Venue),
		Late: newLate(l, src), Share: missing, Unreadable: src.Finding == cockpit.FindingRefused,
		Format: src.Format, Labels: newSourceLabels(l),
	}
	if !src.Seen.IsZero() {
		v.Rate, v.Bytes = l.rate(src.Rate), l.bytes(src.Bytes)
	}
	if !math.IsNaN(src.Share) && !src.Seen.IsZero() {
		v.Share = l.small(src.Share)
	}
	v.Origin, v.OriginClass = originOf(b, src)
	v.Facts = newFacts(l, b, src)
	v.Hint, v.HintCode = newHint(l, src)
	door := src.Door
	if src.Finding == cockpit.FindingDenied {
		v.Why = foreign(door.Why, longestReason)
	}
	if door.Refused > 0 {
		v.Door = l.plural("source.door", clamp(door.Refused), "n", l.count(float64(door.Refused)).String(), "time", stamp(b, door.LastRefused))
		if v.Why == "" {
			v.DoorWhy = foreign(door.Why, longestReason)
		}
	}
	if src.Quarantined > 0 || len(src.Reasons) > 0 {
		v.Quarantined = l.count(float64(src.Quarantined)).String()
		v.Reasons = l.plural("source.reasons", clamp(src.Quarantined), "n", v.Quarantined)
	}
	for _, r := range src.Reasons {
		v.ReasonRows = append(v.ReasonRows, reasonView{
			Text: foreign(r.Text, longestReason), Count: l.count(float64(r.Count)).String(), Last: stamp(b, r.Last), Sample: foreign(r.Sample, longestSample),
		})
	}
	return v
}

// newMomentAge is the age of one value, which says nothing about the panel that it is in.
func newMomentAge(l *locale, b *cockpit.Board, t time.Time) ageView {
	v := newAge(l, b, cockpit.Panel{AsOf: t}, 0)
	v.Fresh = ""
	return v
}

func newSaid(l *locale, b *cockpit.Board, src *cockpit.Source) saidView {
	key := findingKey(src) + ".say"
	var since time.Time
	var text string
	switch src.Finding {
	case cockpit.FindingSilent:
		since = src.Seen
		if since.IsZero() {
			since = b.At.Add(-src.Silent)
		}
		text = l.T(key)
	case cockpit.FindingStuck:
		since, text = src.Seen, l.T(key)
		if since.IsZero() {
			text = l.T("finding.stuck.ever")
		}
	case cockpit.FindingLate:
		since, text = src.Watermark, l.T(key, "usual", l.span(src.LateP95))
		if since.IsZero() {
			text = l.T("finding.late.unknown", "usual", l.span(src.LateP95))
		}
	case cockpit.FindingRefused:
		text = l.T(key, "share", l.small(src.Share))
	case cockpit.FindingChanged:
		text = l.T(key, "field", fieldName(l, src.Field))
	default:
		text = l.T(key)
	}
	before, after, counts := strings.Cut(text, "{span}")
	return saidView{Before: strings.TrimSuffix(before, " "), After: after, Counts: counts, Age: newMomentAge(l, b, since)}
}

func fieldName(l *locale, field string) string {
	if text := l.T("field." + field); text != "field."+field {
		return text
	}
	return field
}

// newHint is what to do about a finding, in half a sentence; code is somebody else's text that ends it.
func newHint(l *locale, src *cockpit.Source) (hint, code string) {
	switch src.Finding {
	case cockpit.FindingNone:
		return "", ""
	case cockpit.FindingRefused:
		if len(src.Reasons) == 0 {
			return "", ""
		}
		return l.T("finding.refused.hint"), foreign(src.Reasons[0].Text, longestReason)
	case cockpit.FindingNever, cockpit.FindingDenied, cockpit.FindingChanged:
		if len(src.Settings) == 0 {
			return "", "" // these point to the settings
		}
	}
	return l.T(findingKey(src) + ".hint"), ""
}

// newFacts are what is so all the time, and what is worth knowing when it is not nothing.
func newFacts(l *locale, b *cockpit.Board, src *cockpit.Source) []string {
	facts := make([]string, 0, 3)
	if src.Weight > 1 {
		facts = append(facts, l.T("source.weight", "n", strings.TrimSuffix(l.fixed(src.Weight, 1), l.decimal+"0")))
	} else {
		facts = append(facts, l.T("source.unsampled"))
	}
	if !src.TokenSince.IsZero() { // from the environment, or there is none
		facts = append(facts, l.T("source.token", "age", l.fixed(max(0, math.Floor(b.At.Sub(src.TokenSince).Hours()/24)), 0)+l.unit+l.T("unit.day")))
	}
	if n := src.Door.Duplicates; n > 0 {
		facts = append(facts, l.plural("source.repeats", clamp(n), "n", l.count(float64(n)).String()))
	}
	return facts
}

// originOf is the CDN's name and colour, which the matrix and the chart know, or the tool's name.
func originOf(b *cockpit.Board, src *cockpit.Source) (name, class string) {
	if src.CDN == "" {
		return src.Tool, ""
	}
	for _, c := range b.Matrix.Columns {
		if c.ID == src.CDN {
			return c.Name, colour(c.Colour, c.Peers)
		}
	}
	for _, line := range b.Flow.Lines {
		if line.ID == src.CDN {
			return line.Name, colour(line.Colour, line.ID == cockpit.Peers)
		}
	}
	return src.CDN, ""
}

// lateScale is where a lateness is on its bar: 1, 10 and 60 s are at 12, 42 and 72 of 100, because
// one second matters to a beacon and not to a log of five minutes.
func lateScale(d time.Duration) string {
	const longest = 300
	x := math.Log1p(min(max(d.Seconds(), 0), longest)) / math.Log1p(longest)
	return strconv.FormatFloat(100*x, 'f', 1, 64)
}

func newLate(l *locale, src *cockpit.Source) lateView {
	v := lateView{Text: missing}
	if src.LateP95 > 0 {
		half, most := l.lateness(src.LateP50), l.lateness(src.LateP95)
		v.Text, v.Title = half+" · "+most, l.T("source.late", "half", half, "most", most)
		v.Half, v.Most = lateScale(src.LateP50), lateScale(src.LateP95)
	}
	if !src.Watermark.IsZero() {
		v.Needle = lateScale(src.Lag)
	}
	return v
}

// lateness is a span, but does not write 0 s for a part of a second.
func (l *locale) lateness(d time.Duration) string {
	if d < time.Second {
		return l.latency(d.Seconds()).String()
	}
	return l.span(d)
}

// small is a share of which little matters: 7 %, 0.02 %.
func (l *locale) small(v float64) string {
	switch {
	case v == 0 || v >= .0995:
		return quantity{l.fixed(v*100, 0), "%", l.percent}.String()
	case v < .00005:
		return quantity{"<" + nnbsp + l.fixed(.01, 2), "%", l.percent}.String()
	case v < .01:
		return quantity{l.fixed(v*100, 2), "%", l.percent}.String()
	}
	return quantity{l.fixed(v*100, 1), "%", l.percent}.String()
}

func (l *locale) bytes(v float64) quantity {
	unit := l.T("unit.byte") + "/s"
	return l.scaled(v, unit, "k"+unit, "M"+unit, "G"+unit)
}

// stamp is a time of day at the venue, with its date when that is not today's.
func stamp(b *cockpit.Board, t time.Time) string {
	if t.IsZero() {
		return missing
	}
	zone := b.Match.Venue
	if zone == nil {
		zone = time.UTC
	}
	if t.In(zone).Format(time.DateOnly) != b.At.In(zone).Format(time.DateOnly) {
		return t.In(zone).Format("2006-01-02 15:04")
	}
	return clock(t, zone)
}

// foreign makes a stranger's text fit to be shown: cut, and without characters that move the others
// about. Escaping is the template's.
func foreign(s string, longest int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > longest {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) && r != '\u00a0' && r != '\u202f' { // controls, line ends, marks of direction, what is not UTF-8; not the spaces in 191 ms
			r = '·'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func clamp(n uint64) int { return int(min(n, math.MaxInt32)) }

// sourcesPageView is the page around its fragments. Settings do not change while the process lives,
// so they are here and in no frame.
type sourcesPageView struct {
	topView
	Language, Seq string
	Labels        sourceLabels
	Sources       []senderView
	html          map[string]rendered
}

type senderView struct {
	ID, Name string
	Settings []settingView
}

type settingView struct {
	ID, Title, Where, Language, Text string
}

func newSourcesPageView(l *locale, top topView, b *cockpit.Board, f *frame) sourcesPageView {
	v := sourcesPageView{topView: top, Language: l.Code, Seq: strconv.FormatUint(f.seq, 10), Labels: newSourceLabels(l), html: f.html}
	for _, src := range worstFirst(b.Sources.Rows) {
		s := senderView{ID: sourceID(src.ID), Name: src.ID}
		for i, set := range src.Settings {
			text := set.Text
			if len(text) > longestSetting {
				text = strings.ToValidUTF8(text[:longestSetting], "") + "…"
			}
			s.Settings = append(s.Settings, settingView{
				ID: "setting-" + src.ID + "-" + strconv.Itoa(i), Title: set.Title, Where: set.Where, Language: set.Language, Text: text,
			})
		}
		v.Sources = append(v.Sources, s)
	}
	return v
}

func (v sourcesPageView) fragment(id string) templ.Component { return templ.Raw(v.html[id].html) }
