// Package formattest holds what the tests of the wire formats share: a sink that records what it is
// given as readable lines, and what must hold for any payload of any format.
package formattest

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"vigie/internal/event"
)

// Recorder is a sink that keeps a line of text for each record and refusal, in order: the fields
// that are set, by name, and for a refusal its offset and reason.
type Recorder struct {
	Lines    []string
	Refusals []event.Refusal
	Requests []event.Request // their texts are not copied
}

// Read parses a payload into a new Recorder.
func Read(parse event.Parser, payload []byte, from event.Origin) *Recorder {
	r := &Recorder{}
	parse(payload, from, r)
	return r
}

func (r *Recorder) Request(q *event.Request) {
	r.Lines = append(r.Lines, show(*q))
	r.Requests = append(r.Requests, *q)
}

func (r *Recorder) Beacon(b *event.Beacon) { r.Lines = append(r.Lines, show(*b)) }

func (r *Recorder) Measurement(m *event.Measurement) { r.Lines = append(r.Lines, show(*m)) }

func (r *Recorder) Refuse(f event.Refusal) {
	r.Lines = append(r.Lines, fmt.Sprintf("refused at %d: %s", f.Offset, f.Reason))
	r.Refusals = append(r.Refusals, f)
}

func (r *Recorder) String() string { return strings.Join(r.Lines, "\n") }

// show writes the fields of a record that are not zero and not unknown.
func show(record any) string {
	var b strings.Builder
	fields(&b, reflect.ValueOf(record))
	return strings.TrimSuffix(b.String(), " ")
}

func fields(b *strings.Builder, v reflect.Value) {
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch x := f.Interface().(type) {
		case event.CMCD:
			fields(b, f)
		case []byte:
			if len(x) > 0 {
				fmt.Fprintf(b, "%s=%q ", name, x)
			}
		case []event.Label:
			if len(x) > 0 {
				b.WriteString("Labels={")
				for i, l := range x {
					if i > 0 {
						b.WriteByte(',')
					}
					fmt.Fprintf(b, "%s=%q", l.Name, l.Value)
				}
				b.WriteString("} ")
			}
		case time.Time:
			fmt.Fprintf(b, "%s=%s ", name, x.Format(time.RFC3339Nano))
		case time.Duration:
			if x != event.Unknown && (x != 0 || name == "FirstByte" || name == "Duration") {
				fmt.Fprintf(b, "%s=%s ", name, x)
			}
		case bool:
			if x {
				fmt.Fprintf(b, "%s ", name)
			}
		case netip.Addr:
			if x.IsValid() {
				fmt.Fprintf(b, "%s=%s ", name, x)
			}
		default:
			if !f.IsZero() {
				fmt.Fprintf(b, "%s=%v ", name, x)
			}
		}
	}
}
