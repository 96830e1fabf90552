// Package explain tells a person who sets a sender up what Vigie reads of a sample: record by record,
// each field with its value and the sender's field it comes from, and for each that is missing why;
// for each refusal what to do. It ends with a summary of the whole sample.
//
// It works with any format: the parser reads, and explain looks for the names that the format's
// readings tell in the text itself. So it can name what is in a line of JSON (members of members by their
// path) and in columns that a #Fields line, a header or the operator names; lines such as those of
// the combined format have no names, and it says so.
//
// What it prints may be pasted into a ticket: values of tokens and signatures are masked, addresses
// are cut to their network (/24, /48), bytes that a terminal would obey are written out. That is a
// courtesy and no proof: a secret in a place that nobody would look for one is printed.
package explain

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// Options say how a sample is shown, and what its text does not say.
type Options struct {
	Lines int  // records and refusals that are shown one by one; 0: 20. The summary is of all
	Full  bool // show tokens and whole addresses

	Columns   []string // names of the columns, where the operator gives them
	Header    bool     // or the first line does
	Delimiter string   // between columns; "": a tab where a line has one, else spaces
	Quoted    bool     // columns may be in quotes, as those of CSV
	Nulls     []string // marks of an absent value, beside nothing, null, - and ^
}

// Summary is what became of the sample.
type Summary struct {
	Records int            // read
	Refused int            // not read
	Dropped int            // passed over without a word, as the format says
	Reasons map[string]int // of refusals
	Never   []string       // fields that the format could tell, and no record had
	Unread  []string       // the sender's fields that nothing reads; up to 200
}

const (
	usualLines = 20
	maxUnread  = 200
	maxColumns = 512
)

// Explain prints what parse reads of payload, whose sender is from. The error is the writer's.
func Explain(w io.Writer, parse event.Parser, readings []record.Reading, payload []byte, from event.Origin, opts Options) (Summary, error) {
	if opts.Lines <= 0 {
		opts.Lines = usualLines
	}
	e := explainer{
		page: page{w: w, full: opts.Full}, readings: readings, opts: opts, seen: map[string]bool{}, unread: map[string]bool{}, shared: map[string]int{}, read: map[string]bool{},
		sum: Summary{Reasons: map[string]int{}},
	}
	for _, r := range readings {
		for _, name := range r.From {
			e.read[name] = true
			e.shared[name]++
		}
	}
	shown, hidden := 0, 0
	for _, p := range split(payload, opts) {
		var c capture
		parse(slices.Concat(p.preamble, p.text), from, &c)
		if p.directive && len(c.records)+len(c.refusals) == 0 {
			continue
		}
		e.count(&p, &c)
		if shown == opts.Lines {
			hidden++
			continue
		}
		shown++
		e.show(&p, &c)
	}
	if hidden > 0 {
		e.line("%d more records and refusals are not shown.", hidden)
		e.line("")
	}
	e.summarize()
	return e.sum, e.err
}

type explainer struct {
	page
	readings []record.Reading
	opts     Options
	sum      Summary
	kinds    []string        // of records seen, in order
	counts   []int           // of each kind
	seen     map[string]bool // fields with a value in some record
	read     map[string]bool // sender's fields that some reading names
	shared   map[string]int  // of a sender's field: how many of ours it fills
	unread   map[string]bool
	nameless bool // it was said that lines have no names
}

// count adds a piece to the summary.
func (e *explainer) count(p *piece, c *capture) {
	for _, r := range c.records {
		e.sum.Records++
		i := slices.Index(e.kinds, r.kind)
		if i < 0 {
			i = len(e.kinds)
			e.kinds, e.counts = append(e.kinds, r.kind), append(e.counts, 0)
		}
		e.counts[i]++
		for _, f := range r.fields {
			if f.is == told || f.is == zero && e.present(p, f.name) {
				e.seen[f.name] = true
			}
		}
	}
	for _, reason := range c.refusals {
		e.sum.Refused++
		e.sum.Reasons[reason]++
	}
	if len(c.records)+len(c.refusals) == 0 {
		e.sum.Dropped++
	}
	for _, m := range p.members {
		if !e.read[m.name] && len(e.unread) < maxUnread {
			e.unread[m.name] = true
		}
	}
}

// present says whether one of the sender's fields for ours alone is in the line with a value. A line without
// names has what every line of its format has, which is not what is written name=value.
func (e *explainer) present(p *piece, field string) bool {
	for _, r := range e.readings {
		if r.Field != field {
			continue
		}
		for _, name := range r.From {
			if p.members == nil && !strings.HasSuffix(name, "=") {
				return true
			}
			if m, ok := p.member(name); ok && !e.absent(m.value) {
				return true
			}
		}
	}
	return false
}

// of is the readings of a field: of a key of CMCD first its own.
func (e *explainer) of(field string) (all []record.Reading) {
	for _, r := range e.readings {
		if r.Field == field {
			all = append(all, r)
		}
	}
	if strings.HasPrefix(field, "CMCD.") {
		all = append(all, e.of("CMCD")...)
	}
	return all
}

func (e *explainer) absent(value string) bool {
	return value == "" || value == "-" || value == "^" || value == "null" || slices.Contains(e.opts.Nulls, value)
}

// show prints one piece.
func (e *explainer) show(p *piece, c *capture) {
	where := fmt.Sprintf("line %d, offset %d", p.line, p.offset)
	for _, reason := range c.refusals {
		e.wrapped(where+": refused: ", 2, reason)
		e.sample(p.text)
		e.wrapped("  what to do: ", 14, e.hint(p, reason))
		e.line("")
	}
	if len(c.records)+len(c.refusals) == 0 {
		e.line("%s: dropped, as the format says: it is neither a record nor a refusal", where)
		e.sample(p.text)
		e.line("")
	}
	for i, r := range c.records {
		if i == e.opts.Lines {
			e.line("  %d more records of this line are not shown.", len(c.records)-i)
			e.line("")
			break
		}
		e.line("%s: %s", where, r.kind)
		if i == 0 {
			e.sample(p.text)
			if p.members == nil && !e.nameless {
				e.nameless = true
				e.wrapped("  ", 2, "These lines have no names in them that could be looked for; what stands behind a value is where the format has it.")
			}
		}
		e.fields(p, r)
		e.line("")
	}
}

// fields prints the fields of a record.
func (e *explainer) fields(p *piece, r captured) {
	var untold, silent []string
	media := slices.ContainsFunc(r.fields, func(f shown) bool { return strings.HasPrefix(f.name, "CMCD.") && f.is == told })
	said := false
	for _, f := range r.fields {
		name := f.name
		if strings.HasPrefix(name, "CMCD.") && !media {
			if said {
				continue // none of its keys is there, for one reason
			}
			said, name = true, "CMCD"
		}
		readings := e.of(name)
		own := slices.ContainsFunc(readings, func(r record.Reading) bool { return r.Field == name })
		switch {
		case f.is == told || f.is == zero && e.present(p, name) && !e.wrong(p, readings, f):
			e.field(name, f.value, e.source(p, readings))
		case len(readings) == 0:
			untold = append(untold, name)
		case !own:
			silent = append(silent, strings.TrimPrefix(name, "CMCD."))
		default:
			e.missing(name, e.why(p, name, readings))
		}
	}
	if len(silent) > 0 {
		e.wrapped("  not in its CMCD: ", 4, strings.Join(silent, ", "))
	}
	if len(untold) > 0 {
		e.wrapped("  not in this format: ", 4, strings.Join(untold, ", "))
	}
}

// wrong says that a zero is not what the sender wrote.
func (e *explainer) wrong(p *piece, readings []record.Reading, f shown) bool {
	if f.value != "0" {
		return false
	}
	for _, r := range readings {
		for _, name := range r.From {
			if m, ok := p.member(name); ok && !e.absent(m.value) {
				return strings.Trim(m.value, "0.") != ""
			}
		}
	}
	return false
}

// source is the sender's field that a value comes from.
func (e *explainer) source(p *piece, readings []record.Reading) string {
	for _, r := range readings {
		if p.members == nil {
			return strings.Join(r.From, ", ")
		}
		for _, name := range r.From {
			if m, ok := p.member(name); ok && !e.absent(m.value) {
				return name
			}
		}
	}
	return ""
}

// why says why a field is missing.
func (e *explainer) why(p *piece, field string, readings []record.Reading) string {
	var names, marks []string
	var note string
	for _, r := range readings {
		for _, name := range r.From {
			if slices.Contains(names, name) {
				continue
			}
			names = append(names, name)
			m, ok := p.member(name)
			switch {
			case !ok:
			case e.absent(m.value):
				marks = append(marks, fmt.Sprintf("%s is %q, which says absent", name, m.value))
			case strings.HasPrefix(field, "CMCD") || e.shared[name] > 1:
				marks = append(marks, fmt.Sprintf("there is none in %s", name))
			default:
				said := fmt.Sprintf("%s is %q, which can't be read", name, clip(m.value, 60))
				if r.Note != "" {
					said += " (" + r.Note + ")"
				}
				return said
			}
		}
		if note == "" {
			note = r.Note
		}
	}
	switch {
	case len(names) == 0:
		return "nothing is configured to fill it"
	case p.members == nil:
		return "not in the line; it would be from " + strings.Join(names, ", ")
	case len(marks) > 0:
		return strings.Join(marks, "; ")
	case len(names) == 1:
		return names[0] + " is not in the line"
	}
	return "none of " + strings.Join(names, ", ") + " is in the line"
}

// hint says what can be done about a refusal.
func (e *explainer) hint(p *piece, reason string) string {
	at, what, _ := strings.Cut(reason, ": ")
	switch {
	case strings.Contains(reason, "longer than"):
		return "find the field that makes it so long, and have the sender cut it or leave it out."
	case at == "json":
		return "every record must be a whole JSON object. Look whether the sender cuts its lines, forgets to escape quotes, or puts something other than a syslog header in front of the object."
	case at == "csv":
		return "a value in quotes must end on its line, with a quote that the delimiter follows; a quote in it is doubled."
	case at == "fields":
		return "send the line that names the columns before the others, or name them in the source's mapping."
	}
	keys := strings.Split(strings.ToLower(at), ", ")
	for _, r := range e.readings {
		if !slices.Contains(keys, strings.ToLower(r.Field)) && !slices.ContainsFunc(r.From, func(n string) bool { return slices.Contains(keys, strings.ToLower(n)) }) {
			continue
		}
		note := ""
		if r.Note != "" {
			note = " (" + r.Note + ")"
		}
		for _, name := range r.From {
			if m, ok := p.member(name); ok && !e.absent(m.value) && what != "missing" {
				return fmt.Sprintf("%s is %q here; have the sender write it as the format wants it%s, or name another layout.", name, clip(m.value, 60), note)
			}
		}
		if p.members != nil {
			return fmt.Sprintf("have the sender add %s%s.", strings.Join(r.From, " or "), note)
		}
	}
	return "compare the line with the example in docs/formats.md; is this source's format the right one?"
}

// summarize prints the end.
func (e *explainer) summarize() {
	media := slices.ContainsFunc(slices.Collect(maps.Keys(e.seen)), func(n string) bool { return strings.HasPrefix(n, "CMCD.") })
	for _, r := range e.readings {
		name := r.Field
		if strings.HasPrefix(name, "CMCD.") && !media {
			name = "CMCD"
		}
		if e.sum.Records > 0 && !e.seen[name] && !(name == "CMCD" && media) && !slices.Contains(e.sum.Never, name) {
			e.sum.Never = append(e.sum.Never, name)
		}
	}
	e.sum.Unread = slices.Sorted(maps.Keys(e.unread))
	e.line("summary")
	var kinds []string
	for i, k := range e.kinds {
		kinds = append(kinds, fmt.Sprintf("%d %s", e.counts[i], plural(k, e.counts[i])))
	}
	if len(kinds) == 0 {
		kinds = append(kinds, "none")
	}
	e.wrapped("  read:             ", 20, strings.Join(kinds, ", "))
	if e.sum.Dropped > 0 {
		e.line("  dropped:          %d", e.sum.Dropped)
	}
	reasons := slices.SortedFunc(maps.Keys(e.sum.Reasons), func(a, b string) int {
		if n := e.sum.Reasons[b] - e.sum.Reasons[a]; n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	for _, r := range reasons {
		e.wrapped("  refused:          ", 20, fmt.Sprintf("%d %s", e.sum.Reasons[r], r))
	}
	if len(e.sum.Never) > 0 {
		e.wrapped("  never seen:       ", 20, strings.Join(e.sum.Never, ", "))
	}
	if len(e.sum.Unread) > 0 {
		e.wrapped("  read by nothing:  ", 20, strings.Join(e.sum.Unread, ", "))
	}
}

func plural(kind string, n int) string {
	if n == 1 {
		return kind
	}
	return kind + "s"
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
