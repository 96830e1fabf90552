package syslog

import (
	"bytes"
	"sort"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// Parse reads a payload of messages, one per line, each in its envelope, and gives what is in them
// to inner, which sees one payload of lines. A line without envelope is given as it is. Refusals
// tell the offset and the text that the message has with its envelope.
func Parse(inner event.Parser) event.Parser {
	return func(payload []byte, from event.Origin, to event.Sink) {
		e := envelopes{Sink: to, payload: payload, places: make([]place, 0, bytes.Count(payload, []byte{'\n'})+1)}
		opened := make([]byte, 0, len(payload))
		lines := record.NewLines(payload)
		for lines.Next(to) {
			_, message, _ := ParseHeader(lines.Text)
			e.places = append(e.places, place{inner: len(opened), outer: lines.Offset, end: lines.Offset + len(lines.Text)})
			opened = append(append(opened, message...), '\n')
		}
		inner(opened, from, e)
	}
}

// envelopes is the sink of the inner parser: it puts refused messages back in their envelopes.
type envelopes struct {
	event.Sink
	payload []byte
	places  []place
}

// place is where a message began without its envelope, and where it is with it.
type place struct{ inner, outer, end int }

func (e envelopes) Refuse(r event.Refusal) {
	i := sort.Search(len(e.places), func(i int) bool { return e.places[i].inner > r.Offset }) - 1
	if i < 0 {
		return
	}
	record.Refuse(e.Sink, e.payload, e.places[i].outer, e.places[i].end, r.Reason)
}
