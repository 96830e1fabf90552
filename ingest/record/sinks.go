package record

import "vigie/internal/event"

// Nowhere is a sink that keeps nothing, for a door that only wants to know whether a body can be read.
type Nowhere struct{}

func (Nowhere) Request(*event.Request)         {}
func (Nowhere) Beacon(*event.Beacon)           {}
func (Nowhere) Measurement(*event.Measurement) {}
func (Nowhere) Refuse(event.Refusal)           {}

// Within is a sink for what is read of a part of a payload: offsets of refusals are made the payload's.
type Within struct {
	event.Sink
	At int // where the part begins
}

func (w *Within) Refuse(r event.Refusal) {
	r.Offset += w.At
	w.Sink.Refuse(r)
}
