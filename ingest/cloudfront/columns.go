package cloudfront

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vigie/ingest/record"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

// BadColumns is the reason of a refusal of Columns and RealTime. A line is never read by a list that
// it does not fit: what a wrong column says would look right.
const BadColumns = "columns: not as many as the source's fields"

const (
	maxFields    = 128 // of a source; AWS has about 75
	maxName      = 64  // bytes of a field's name
	maxDelimiter = 5   // bytes; as AWS allows
)

// Columns makes the parser of standard logging v2 in the format plain: lines of values, separated
// by a delimiter, in the order of the fields that the delivery was set up with. Both are as the
// delivery has them; an empty delimiter is a tab. A line that holds the names, or that begins with
// '#', is passed over. A line with more or fewer values than fields is refused, but for one empty
// value at its end.
//
// It is an error when a field comes twice, when none tells the time ("timestamp(ms)", "timestamp",
// or "date" and "time"), when there are more than 128, when a name looks like a misspelt one of
// CloudFront's, and when the delimiter is longer than 5 bytes or made of what values are made of.
// Any other name is a column to skip, for AWS adds some now and then.
func Columns(fields []string, delimiter string) (event.Parser, error) {
	if delimiter == "" {
		delimiter = "\t"
	}
	if len(delimiter) > maxDelimiter || strings.ContainsFunc(delimiter, inValues) {
		return nil, fmt.Errorf("delimiter %.20q: must be up to %d bytes, without letters, digits, line ends and - . _ / : %%", delimiter, maxDelimiter)
	}
	if err := check(fields, false); err != nil {
		return nil, err
	}
	return parser(fields, delimiter), nil
}

func inValues(r rune) bool {
	return r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || strings.ContainsRune("\r\n\x00-._/:%", r)
}

// RealTime makes the parser of real-time logs: lines of values separated by tabs. Fields are those
// that were chosen for the configuration, in any order, since AWS always sends them in its own; nil
// is all 63. A line with more or fewer values is refused, but for one empty value at its end.
//
// It is an error when a field comes twice, when timestamp is missing, and when a name is not one of
// AWS's: the error lists those that are near.
func RealTime(fields []string) (event.Parser, error) {
	if fields == nil {
		fields = realTime[:]
	}
	if err := check(fields, true); err != nil {
		return nil, err
	}
	sorted := slices.Clone(fields)
	slices.SortFunc(sorted, func(a, b string) int {
		return slices.Index(realTime[:], a) - slices.Index(realTime[:], b)
	})
	return parser(sorted, "\t"), nil
}

// check says what is wrong with the fields of a source.
func check(fields []string, strict bool) error {
	if len(fields) > maxFields {
		return fmt.Errorf("%d fields: at most %d", len(fields), maxFields)
	}
	at := make(map[string]int, len(fields))
	for i, name := range fields {
		if first, twice := at[name]; twice {
			return fmt.Errorf("field %d: %q is field %d already", i+1, name, first)
		}
		at[name] = i + 1
		if !plausible(name) {
			return fmt.Errorf("field %d: %.80q is not the name of a field", i+1, name)
		}
		if slices.Contains(realTime[:], name) || !strict && slices.Contains(standard[:], name) {
			continue
		}
		if like := near(name, strict); len(like) > 0 {
			return fmt.Errorf("field %d: %q is not a field of CloudFront: %s?", i+1, name, strings.Join(like, ", "))
		} else if strict {
			return fmt.Errorf("field %d: %q is not a field of CloudFront's real-time logs", i+1, name)
		}
	}
	switch {
	case at["timestamp"] > 0 || !strict && (at["timestamp(ms)"] > 0 || at["date"] > 0 && at["time"] > 0):
		return nil
	case strict:
		return errors.New("timestamp is missing: choose that field, and name it here")
	}
	return errors.New("timestamp(ms) is missing: choose that field (or timestamp, or date and time), and name it here")
}

// plausible says whether name is made like the names of fields: cs(User-Agent), x-edge-location.
func plausible(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for _, c := range []byte(name) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-_()", rune(c)) {
			return false
		}
	}
	return true
}

// parser reads lines of values by the fields in their order, which were checked.
func parser(fields []string, delimiter string) event.Parser {
	columns := make([]w3c.Column, len(fields))
	for i, name := range fields {
		columns[i] = w3c.Named([]byte(name))
	}
	by, names := []byte(delimiter), []byte(strings.Join(fields, delimiter))
	return func(payload []byte, _ event.Origin, to event.Sink) {
		var row w3c.Row
		for lines := record.NewLines(payload); lines.Next(to); {
			if lines.Text[0] == '#' || bytes.Equal(lines.Text, names) {
				continue
			}
			reason := BadColumns
			if fill(&row, columns, lines.Text, by) {
				reason = row.Conclude()
			}
			if reason != "" {
				lines.Refuse(to, reason)
				continue
			}
			hand(&row, to)
		}
	}
}

// fill reads a line, and reports whether it has as many values as there are columns.
func fill(row *w3c.Row, columns []w3c.Column, text, by []byte) bool {
	row.Reset()
	last := len(columns) - 1
	for i, c := range columns {
		end := -1
		if len(by) == 1 {
			end = bytes.IndexByte(text, by[0])
		} else {
			end = bytes.Index(text, by)
		}
		if (end < 0) != (i == last) && !(i == last && end == len(text)-len(by)) {
			return false
		}
		value := text
		if end >= 0 {
			value, text = text[:end], text[end+len(by):]
		}
		row.Set(c, value)
	}
	return true
}
