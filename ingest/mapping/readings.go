package mapping

import (
	"slices"
	"strings"

	"vigie/ingest/record"
)

// Readings says where each field comes from under this mapping, which should have passed New. It
// lists what is mapped, in the order of the record.
func (c Config) Readings() []record.Reading {
	targets := requestTargets()
	if c.Record == "beacon" {
		targets = beaconTargets()
	}
	var all []record.Reading
	for _, t := range targets {
		f, ok := c.Map[t.key]
		if !ok && t.kind == kindCMCD {
			if ok = len(c.Map["query"].From)+len(c.Map["url"].From)+len(c.Map["request"].From) > 0; ok {
				f.From = slices.Concat(c.Map["query"].From, c.Map["url"].From, c.Map["request"].From)
			}
		}
		note := f.note(&t)
		if !ok && t.key == "aborted" {
			if f, ok = c.Map["status"]; ok {
				note = "0 or 499"
			}
		}
		if !ok {
			continue
		}
		for _, field := range t.fields {
			i := slices.IndexFunc(all, func(r record.Reading) bool { return r.Field == field })
			if i < 0 {
				all = append(all, record.Reading{Field: field, From: slices.Clone(f.From), Note: note})
				continue
			}
			r := &all[i] // what is read last wins
			r.From = slices.Compact(slices.Concat(f.From, r.From))
			r.Note = join(note, r.Note)
		}
	}
	return all
}

// note says how the value is read.
func (f From) note(t *target) string {
	var notes []string
	if t.kind == kindTime || t.key == "session" && t.texts {
		notes = append(notes, "required")
	}
	for _, s := range []string{f.Unit, f.Layout, f.Zone} {
		if s != "" {
			notes = append(notes, s)
		}
	}
	if len(f.Values) > 0 {
		notes = append(notes, "by values")
	}
	if f.Const != "" {
		notes = append(notes, "else "+f.Const)
	}
	return strings.Join(notes, ", ")
}

func join(a, b string) string {
	if a == "" || b == "" || a == b {
		return a + strings.Repeat(b, map[bool]int{true: 1, false: 0}[a == ""])
	}
	return a + ", " + b
}
