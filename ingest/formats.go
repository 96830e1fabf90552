package ingest

import (
	"fmt"
	"strings"

	"vigie/ingest/akamai"
	"vigie/ingest/beacon"
	"vigie/ingest/combined"
	"vigie/ingest/ndjson"
	"vigie/ingest/nginx"
	"vigie/ingest/record"
	"vigie/ingest/w3c"
	"vigie/internal/event"
)

// kind is what the records of a format are.
type kind uint8

const (
	ofRequests     kind = iota // CDN logs
	ofBeacons                  // players and the tools that watch them
	ofMeasurements             // services
)

// format is one wire format.
type format struct {
	kind kind
	// parser makes the reader of one source, whose configuration says what the format itself does
	// not.
	parser func(*Source) (event.Parser, error)
	// readings tell which of the sender's fields each field of a record comes from; nil: there is
	// no telling.
	readings func(*Source) []record.Reading
	// header is what the top of a body holds that the rest cannot be read without.
	header func([]byte) []byte
	// whole: the parser unpacks bodies itself, and they cannot be cut.
	whole bool
}

// fixed is a format that needs no telling.
func fixed(k kind, parse event.Parser, readings func() []record.Reading) format {
	f := format{kind: k, parser: func(*Source) (event.Parser, error) { return parse, nil }}
	if readings != nil {
		f.readings = func(*Source) []record.Reading { return readings() }
	}
	return f
}

func (f format) withHeader(header func([]byte) []byte) format {
	f.header = header
	return f
}

// formats are the wire formats by the name they have in a source's configuration.
var formats = map[string]format{
	"akamai":   fixed(ofRequests, akamai.Parse, nil),
	"ndjson":   fixed(ofRequests, ndjson.Parse, nil),
	"nginx":    fixed(ofRequests, nginx.Parse, nil),
	"combined": fixed(ofRequests, combined.Parse, nil),
	"w3c":      fixed(ofRequests, w3c.Parse, nil).withHeader(w3c.Header),
	"beacon":   fixed(ofBeacons, beacon.Parse, nil),
}

// Formats are the names of the wire formats, sorted.
func Formats() []string { return sortedKeys(formats) }

// reader is a format as it is configured for one source.
type reader struct {
	format
	parse event.Parser
}

// reader makes the reader of a source's bodies in a format, which is usually the source's own.
func (s *Source) reader(name string) (*reader, error) {
	f, ok := formats[name]
	if !ok {
		return nil, fmt.Errorf("format: %.40q is none of %s", name, strings.Join(Formats(), ", "))
	}
	parse, err := f.parser(s)
	if err != nil {
		return nil, err
	}
	return &reader{f, parse}, nil
}
