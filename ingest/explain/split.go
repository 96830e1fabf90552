package explain

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// piece is a part of the sample that is parsed alone.
type piece struct {
	line     int // number of its first, from 1
	offset   int // of its first byte in the sample
	text     []byte
	preamble []byte   // lines that say how to read it
	members  []member // nil: the text has no names

	directive bool // begins with #, so that nothing may be read of it
}

// member is a field of the sender.
type member struct{ name, value string }

// member is the last one of that name.
func (p *piece) member(name string) (m member, ok bool) {
	for i := len(p.members) - 1; i >= 0; i-- {
		if p.members[i].name == name {
			return p.members[i], true
		}
	}
	return member{}, false
}

const (
	maxMembers = 1000 // of one record
	maxValue   = 1 << 10
	maxNested  = 8
)

// split takes a sample apart.
func split(payload []byte, opts Options) []piece {
	first := bytes.TrimLeft(payload, " \t\r\n\xef\xbb\xbf")
	switch {
	case len(first) == 0:
		return nil
	case bytes.IndexByte(payload[:min(len(payload), 1<<10)], 0) >= 0 || !text(payload[:min(len(payload), 1<<10)]):
		return []piece{{line: 1, text: payload}} // protobuf and the like
	case first[0] == '{' || first[0] == '[' && !bytes.Contains(payload, []byte("\n<")):
		return objects(payload)
	}
	return lines(payload, opts)
}

// text says whether b, which may end within a character, is mostly UTF-8: user agents may hold
// anything.
func text(b []byte) bool {
	bad := 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			bad++
		}
		b = b[n:]
	}
	return bad < 16
}

// counter counts the lines before an offset, which only grows.
type counter struct {
	payload []byte
	at      int
	lines   int
}

func (c *counter) number(offset int) int {
	if offset > c.at {
		c.lines += bytes.Count(c.payload[c.at:offset], []byte{'\n'})
		c.at = offset
	}
	return c.lines + 1
}

// junk is a sink that keeps what is no object.
type junk struct{ pieces []event.Refusal }

func (j *junk) Request(*event.Request)         {}
func (j *junk) Beacon(*event.Beacon)           {}
func (j *junk) Measurement(*event.Measurement) {}
func (j *junk) Refuse(r event.Refusal)         { j.pieces = append(j.pieces, r) }

// objects takes JSON apart.
func objects(payload []byte) (all []piece) {
	at := counter{payload: payload}
	var to junk
	add := func() {
		for _, r := range to.pieces {
			all = append(all, piece{line: at.number(r.Offset), offset: r.Offset, text: whole(payload, r)})
		}
		to.pieces = to.pieces[:0]
	}
	d := flatjson.NewDeep(payload)
	for d.Next(&to) {
		add()
		members := members(&d)
		if d.Refused(&to) {
			add()
			continue
		}
		start, end := d.Span()
		all = append(all, piece{line: at.number(start), offset: start, text: payload[start:end], members: members})
	}
	add()
	return all
}

// whole is the refused text, of which a refusal holds the begin, to the end of its line.
func whole(payload []byte, r event.Refusal) []byte {
	rest := payload[r.Offset:]
	if i := bytes.IndexByte(rest[len(r.Record):], '\n'); i >= 0 {
		return rest[:len(r.Record)+i]
	}
	return rest
}

// members lists those of the current object, and of the objects in it by their path.
func members(d *flatjson.Deep) (all []member) {
	var path [maxNested + 1]string
	for d.Member() {
		name := path[d.Depth] + string(d.Key)
		switch {
		case d.Kind != flatjson.Nested:
			value := string(d.Text())
			if d.Kind == flatjson.Null {
				value = "null"
			}
			all = append(all, member{name, clip(value, maxValue)})
		case d.Depth < maxNested && d.Enter():
			path[d.Depth+1] = name + "."
		default:
			all = append(all, member{name, "[…]"})
		}
		if len(all) > maxMembers {
			all = all[:maxMembers]
		}
	}
	if all == nil {
		all = []member{}
	}
	return all
}

// lines takes apart what has a record on each line.
func lines(payload []byte, opts Options) (all []piece) {
	at := counter{payload: payload}
	names := opts.Columns
	var preamble []byte
	var to junk
	add := func() {
		for _, r := range to.pieces {
			all = append(all, piece{line: at.number(r.Offset), offset: r.Offset, text: whole(payload, r), preamble: preamble})
		}
		to.pieces = to.pieces[:0]
	}
	headed := !opts.Header
	for l := record.NewLines(payload); l.Next(&to); {
		add()
		switch {
		case l.Text[0] == '#':
			// A format that knows no directives refuses it.
			all = append(all, piece{line: at.number(l.Offset), offset: l.Offset, text: l.Text, directive: true})
			if fields, ok := bytes.CutPrefix(l.Text, []byte("#Fields:")); ok {
				names, preamble = strings.Fields(string(fields)), append(bytes.Clone(l.Text), '\n')
			}
			continue
		case !headed:
			headed, preamble = true, append(bytes.Clone(l.Text), '\n')
			names = columns(l.Text, opts)
			continue
		}
		p := piece{line: at.number(l.Offset), offset: l.Offset, text: l.Text, preamble: preamble}
		if names != nil {
			values := columns(l.Text, opts)
			p.members = make([]member, 0, len(names))
			for i, name := range names {
				if i < len(values) {
					p.members = append(p.members, member{name, values[i]})
				}
			}
		} else if brace := bytes.IndexByte(l.Text, '{'); brace > 0 && (l.Text[0] == '<' || l.Text[0]-'0' <= 9) {
			d := flatjson.NewDeep(l.Text[brace:]) // in an envelope of syslog
			if d.Next(&to) {
				p.members = members(&d)
			}
			to.pieces = to.pieces[:0]
		}
		all = append(all, p)
	}
	add()
	return all
}

// columns are the values of a line.
func columns(line []byte, opts Options) (all []string) {
	c := record.Columns{By: []byte(opts.Delimiter), Quoted: opts.Quoted}
	if opts.Delimiter == "" {
		if c.By = []byte{'\t'}; bytes.IndexByte(line, '\t') < 0 {
			c = record.Columns{By: []byte{' '}, Quoted: true, Runs: true}
		}
	}
	c.Start(line)
	for v, ok := c.Next(); ok && len(all) < maxColumns; v, ok = c.Next() {
		all = append(all, clip(string(v), maxValue))
	}
	return all
}
