package record

// Reading says where one field of a record comes from, so that a person who sets a sender up can be
// told why a field is missing.
type Reading struct {
	Field string   // of event.Request, event.Beacon or event.Measurement, by its name there
	From  []string // the sender's own fields, the one that is preferred first
	Note  string   // unit, condition: "ms", "required", "of a GET answered 200"
}
