package firehose

import "vigie/ingest/record"

// Readings is empty: an envelope has no fields of a record, they are all the other format's.
func Readings() []record.Reading { return nil }
