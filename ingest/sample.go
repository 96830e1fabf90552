package ingest

import (
	"errors"
	"fmt"
	"io"
	"time"

	"vigie/ingest/explain"
	"vigie/ingest/firehose"
	"vigie/ingest/mapping"
	"vigie/internal/event"
)

// maxSample bounds what Explain unpacks a sample to.
const maxSample = 64 << 20

// Explain writes how a sample of what the source sends is read, record by record, and why a field is
// missing. The sample may be packed, and in Firehose's envelope. lines is how many records are shown,
// 0: 20; full shows tokens and whole addresses.
func (s *Source) Explain(w io.Writer, sample []byte, lines int, full bool) (explain.Summary, error) {
	r, err := s.reader(s.Format)
	if err != nil {
		return explain.Summary{}, err
	}
	if r.readings == nil {
		return explain.Summary{}, fmt.Errorf("format %q is not one of lines: point its sender at Vigie and look at the sources page", s.Format)
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return explain.Summary{}, err
	}
	var text []byte
	newUnpacker(maxSample).unpack(sample, nil, true, func(p piece) bool {
		if text = p.text; p.refused != "" {
			err = errors.New(p.refused)
		}
		return err == nil
	})
	if err != nil {
		return explain.Summary{}, err
	}
	opt := explain.Options{Lines: lines, Full: full, Columns: s.Fields, Delimiter: s.Delimiter}
	if s.Format == "mapping" {
		m := s.Mapping
		opt.Columns, opt.Header, opt.Nulls, opt.Delimiter = m.Fields, m.Header, m.Nulls, m.Delimiter
		if m.Shape == mapping.CSV {
			opt.Quoted = true
			if opt.Delimiter == "" {
				opt.Delimiter = ","
			}
		}
	}
	parse := r.parse
	if _, _, err := firehose.RequestID(text); err == nil {
		fmt.Fprintln(w, "The sample is a body of Amazon Data Firehose; its records are read as the source's format.")
		parse = firehose.Parse(parse)
	}
	return explain.Explain(w, parse, r.readings(s), text, event.Origin{Received: time.Now(), Zone: zone}, opt)
}
