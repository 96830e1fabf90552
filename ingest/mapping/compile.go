package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/event"
)

// Shapes of a payload.
const (
	JSON      = "json"
	CSV       = "csv"
	TSV       = "tsv"
	W3C       = "w3c"
	Delimited = "delimited"
)

// Bounds of a mapping.
const (
	maxName      = 255 // bytes of a sender's field name
	maxFrom      = 16  // alternatives of one field
	maxWords     = 256 // of values, and of drop's lists
	maxColumns   = 512
	maxDelimiter = 8
	maxNested    = 8 // dots in a path
)

// program is a compiled mapping. It is not changed after New.
type program struct {
	players   bool // beacons
	addressed bool // the viewer's address is mapped
	shape     string
	by        []byte
	fields    []string
	header    bool
	nulls     []string
	steps     []step
	drops     []drop
	tree      *node          // of JSON
	names     map[string]int // slot of each field that is read
	slots     int
	dated     bool
}

// step reads one key.
type step struct {
	target
	slots    []int
	values   *translation
	unit     unit
	layout   layout
	golang   string // layout, as Go writes one
	zone     *time.Location
	percent  bool
	first    int
	last     int
	constant []byte
}

type drop struct {
	slot   int
	values []string
}

// node is where the names of a sender's fields branch: a.b is a member of that name, or b in a.
type node struct{ entries map[string]entry }

type entry struct {
	slot   int // -1: none
	inside *node
}

// layout says how a time is written.
type layout uint8

const (
	layoutAny layout = iota
	layoutUnix
	layoutUnixMS
	layoutUnixUS
	layoutUnixNS
	layoutRFC3339
	layoutCLF
	layoutGo
)

func layouts() []string {
	return []string{"", "unix", "unix_ms", "unix_us", "unix_ns", "rfc3339", "clf"}
}

// problems collects what is wrong, by key.
type problems []error

func (p *problems) add(key, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
}

// New checks a mapping and makes a parser of it. The error names every key that is wrong.
func New(c Config) (event.Parser, error) {
	p, err := compile(c)
	if err != nil {
		return nil, err
	}
	return p.parse, nil
}

func compile(c Config) (*program, error) {
	var bad problems
	p := &program{shape: c.Shape, fields: c.Fields, header: c.Header, nulls: c.Nulls, names: map[string]int{}, tree: &node{entries: map[string]entry{}}}
	p.layOut(&c, &bad)
	targets := requestTargets()
	switch c.Record {
	case "", "request":
	case "beacon":
		targets, p.players = beaconTargets(), true
	default:
		bad.add("record", "%q is neither request nor beacon", c.Record)
	}
	if len(c.Nulls) > maxWords {
		bad.add("nulls", "more than %d words", maxWords)
	}
	known := map[string]bool{}
	for i := range targets {
		t := &targets[i]
		known[t.key] = true
		f, ok := c.Map[t.key]
		if ok {
			p.step(t, f, &bad)
		} else if t.kind == kindCMCD {
			p.steps = append(p.steps, step{target: *t}) // it is looked for in the query
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Map)) {
		if !known[key] {
			bad.add("map."+key, "is no field of a %s; there are %s", map[bool]string{true: "beacon", false: "request"}[p.players], keys(targets))
		}
	}
	required := "time"
	if p.players {
		required = "session"
	}
	if _, ok := c.Map[required]; !ok {
		bad.add("map."+required, "is missing: it is required")
	}
	if _, ok := c.Map["time"]; p.dated && !ok {
		bad.add("map.date", "needs time, which holds the clock")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Drop)) {
		if len(c.Drop[name]) == 0 || len(c.Drop[name]) > maxWords {
			bad.add("drop."+name, "1 to %d values are expected", maxWords)
			continue
		}
		p.drops = append(p.drops, drop{p.slot(name, "drop."+name, &bad), c.Drop[name]})
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	return p, nil
}

// layOut checks what says how lines are split.
func (p *program) layOut(c *Config, bad *problems) {
	if p.shape == "" {
		p.shape = JSON
	}
	named := len(c.Fields) > 0 || c.Header
	switch p.shape {
	case JSON, W3C:
		if named {
			bad.add("fields", "are not for %s, which names its own; remove fields and header", p.shape)
		}
	case CSV, TSV, Delimited:
		switch {
		case !named:
			bad.add("fields", "are missing: name the columns, or set header when each body's first line does")
		case len(c.Fields) > 0 && c.Header:
			bad.add("header", "and fields are both set: keep one")
		}
	default:
		bad.add("shape", "%q is none of json, csv, tsv, w3c, delimited", c.Shape)
	}
	switch {
	case p.shape == TSV:
		p.by = []byte{'\t'}
	case p.shape == CSV && c.Delimiter == "":
		p.by = []byte{','}
	case p.shape == CSV || p.shape == Delimited:
		p.by = []byte(c.Delimiter)
	}
	switch {
	case p.shape == Delimited && c.Delimiter == "":
		bad.add("delimiter", "is missing")
	case c.Delimiter != "" && p.shape != CSV && p.shape != Delimited:
		bad.add("delimiter", "is for csv and delimited only")
	case len(c.Delimiter) > maxDelimiter || strings.ContainsAny(c.Delimiter, "\r\n\x00") || p.shape == CSV && strings.Contains(c.Delimiter, `"`):
		bad.add("delimiter", "%q must be 1 to %d bytes, no line break and, for csv, no quote", c.Delimiter, maxDelimiter)
	}
	if len(c.Fields) > maxColumns {
		bad.add("fields", "more than %d columns", maxColumns)
	}
	seen := map[string]bool{}
	for i, name := range c.Fields {
		if seen[name] && name != "" && name != "-" {
			bad.add(fmt.Sprintf("fields[%d]", i), "%q is there twice", name)
		}
		seen[name] = true
	}
}

func keys(targets []target) string {
	var b strings.Builder
	for i, t := range targets {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(t.key)
	}
	return b.String()
}

// slot is where the value of a sender's field is kept while its line is read.
func (p *program) slot(name, key string, bad *problems) int {
	switch {
	case name == "" || len(name) > maxName:
		bad.add(key, "a field's name of 1 to %d bytes is expected", maxName)
	case len(p.fields) > 0 && !slices.Contains(p.fields, name):
		bad.add(key, "%q is not among fields", name)
	case strings.Count(name, ".") > maxNested:
		bad.add(key, "%q is nested deeper than %d", name, maxNested)
	}
	if i, ok := p.names[name]; ok {
		return i
	}
	i := p.slots
	p.names[name] = i
	p.slots++
	at := p.tree
	for rest := name; ; {
		e, ok := at.entries[rest]
		if !ok {
			e.slot = -1
		}
		e.slot = i
		at.entries[rest] = e
		head, tail, dotted := strings.Cut(rest, ".")
		if !dotted {
			return i
		}
		if e, ok = at.entries[head]; !ok {
			e.slot = -1
		}
		if e.inside == nil {
			e.inside = &node{entries: map[string]entry{}}
		}
		at.entries[head] = e
		at, rest = e.inside, tail
	}
}

// step compiles one key of the mapping.
func (p *program) step(t *target, f From, bad *problems) {
	key := "map." + t.key
	s := step{target: *t, percent: f.Percent, first: f.First, last: f.Last, values: newTranslation(f.Values)}
	if len(f.From) == 0 && f.Const == "" {
		bad.add(key+".from", "is missing: name the sender's field, or give const")
	}
	if len(f.From) > maxFrom {
		bad.add(key+".from", "more than %d fields", maxFrom)
	}
	for _, name := range f.From {
		s.slots = append(s.slots, p.slot(name, key+".from", bad))
	}
	if len(f.Values) > maxWords {
		bad.add(key+".values", "more than %d words", maxWords)
	}
	if f.First < 0 || f.First > 255 || f.Last < 0 || f.Last > 255 || f.First > 0 && f.Last > 0 {
		bad.add(key+".first", "first or last is a number of bytes, 1 to 255, and not both")
	}
	s.measure(f, key, bad)
	s.clock(f, key, bad)
	p.dated = p.dated || t.kind == kindDate
	p.addressed = p.addressed || t.kind == kindAddr || t.kind == kindForwarded
	if len(*bad) > 0 {
		return // what follows tries the step out
	}
	for _, word := range slices.Sorted(maps.Keys(f.Values)) {
		if strings.Contains(strings.TrimSuffix(strings.TrimPrefix(word, "*"), "*"), "*") {
			bad.add(key+".values."+word, "* stands for anything at the begin and the end only")
		}
		if to := f.Values[word]; to != "" && !s.reads(to) {
			bad.add(fmt.Sprintf("%s.values.%s", key, word), "%s", s.refusal(to))
		}
	}
	if f.Const != "" {
		s.constant = []byte(f.Const)
		if t.kind == kindTime || t.kind == kindDate || p.players && t.key == "session" {
			bad.add(key+".const", "a %s that is always the same says nothing", t.key)
		} else if !s.reads(f.Const) {
			bad.add(key+".const", "%s", s.refusal(f.Const))
		}
	}
	p.steps = append(p.steps, s)
}

// measure sets the unit.
func (s *step) measure(f From, key string, bad *problems) {
	if len(s.units) == 0 {
		if f.Unit != "" {
			bad.add(key+".unit", "is not for this field, which is no measure")
		}
		return
	}
	var all []string
	for _, u := range s.units {
		if u.name != "" {
			all = append(all, u.name)
		}
	}
	var ok bool
	switch s.unit, ok = named(s.units, f.Unit); {
	case !ok:
		bad.add(key+".unit", "%q is none of %s", f.Unit, strings.Join(all, ", "))
	case f.Unit == "" && s.kind == kindDuration && len(f.From) > 0:
		// Nothing tells 31 seconds from 31 milliseconds, and the wrong one looks well on a board.
		bad.add(key+".unit", "is missing: give one of %s", strings.Join(all, ", "))
	}
}

// clock sets how a time is written.
func (s *step) clock(f From, key string, bad *problems) {
	if s.kind != kindTime {
		if f.Layout != "" {
			bad.add(key+".layout", "is for time only")
		}
		if f.Zone != "" {
			bad.add(key+".zone", "is for time only")
		}
		return
	}
	if f.Zone != "" {
		var err error
		if s.zone, err = time.LoadLocation(f.Zone); err != nil || f.Zone == "Local" {
			bad.add(key+".zone", "%q is no IANA name such as Europe/Paris", f.Zone)
		}
	}
	if i := slices.Index(layouts(), f.Layout); i >= 0 {
		s.layout = layout(i)
		return
	}
	s.layout, s.golang = layoutGo, f.Layout
	sample := time.Date(2026, 11, 22, 19, 45, 3, 0, time.UTC)
	back, err := time.Parse(f.Layout, sample.Format(f.Layout))
	if err != nil || back.Format(time.TimeOnly) != sample.Format(time.TimeOnly) || back.Month() != sample.Month() || back.Day() != sample.Day() || len(f.Layout) > 64 {
		bad.add(key+".layout", "%q is none of %s, nor a layout as Go writes 2006-01-02 15:04:05", f.Layout, strings.Join(layouts()[1:], ", "))
	}
}

// reads tries whether a word of the configuration can be read.
func (s *step) reads(word string) bool {
	r := reader{}
	r.reset(event.Origin{})
	return r.set(s, []byte(word))
}

// refusal says what could have been read instead.
func (s *step) refusal(word string) string {
	switch s.kind {
	case kindCache:
		return fmt.Sprintf("%q is none of hit, refresh, miss, pass, error", word)
	case kindBool:
		return fmt.Sprintf("%q is neither true nor false", word)
	case kindEvent:
		return fmt.Sprintf("%q is none of playbackRequest, playbackStart, playbackStall, playbackFail, playbackFinish, heartbeat", word)
	case kindState:
		return fmt.Sprintf("%q is none of %s", word, strings.Join(playerStates()[1:], ", "))
	}
	return fmt.Sprintf("%q can't be read as %s", word, s.key)
}
