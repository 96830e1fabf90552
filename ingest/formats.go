package ingest

import (
	"bytes"
	"fmt"
	"strings"

	"vigie/ingest/akamai"
	"vigie/ingest/beacon"
	"vigie/ingest/bitmovin"
	"vigie/ingest/cloudflare"
	"vigie/ingest/cloudfront"
	"vigie/ingest/cmcdevent"
	"vigie/ingest/combined"
	"vigie/ingest/fastly"
	"vigie/ingest/mapping"
	"vigie/ingest/mux"
	"vigie/ingest/ndjson"
	"vigie/ingest/nginx"
	"vigie/ingest/npaw"
	"vigie/ingest/otlp"
	"vigie/ingest/record"
	"vigie/ingest/remotewrite"
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
	// uncut: a body is read as one, however long: it is one JSON value.
	uncut bool
	// inTarget: what is told stands in the request's target.
	inTarget bool
	// stateful: a report counts only beside the session's earlier ones; of other formats those do
	// that carry a state, a total or a number.
	stateful bool
	// etiquette is how its senders expect to be answered; nil: as most do.
	etiquette etiquette
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

// Framings: what a body is beside its format.
const (
	framingFirehose     = "firehose" // the envelope of Amazon Data Firehose, around bodies of any format
	framingRemoteWrite2 = "remote-write-2"
	framingJSON         = "json"
)

// formats are the wire formats by the name they have in a source's configuration.
var formats = map[string]format{
	"akamai": columns(akamai.Readings, func(s *Source) (event.Parser, error) {
		if len(s.Fields) == 0 {
			return akamai.Parse, nil
		}
		return akamai.Structured(s.Fields)
	}),
	"bitmovin": fixed(ofBeacons, bitmovin.Parse, bitmovin.Readings).remembering(),
	"beacon": {
		kind: ofBeacons,
		parser: func(s *Source) (event.Parser, error) {
			if s.Counters == "" && s.BytesUnit == "" {
				return beacon.Parse, nil
			}
			unit := uint64(1)
			if s.BytesUnit == "KB" {
				unit = 1024
			}
			return beacon.Configured(beacon.Options{Totals: s.Counters == "total", BytesUnit: unit}), nil
		},
		readings: func(*Source) []record.Reading { return beacon.Readings() },
	},
	"cloudflare": fixed(ofRequests, cloudflare.Parse, cloudflare.Readings),
	"cloudfront": columns(cloudfront.Readings, func(s *Source) (event.Parser, error) {
		if len(s.Fields) == 0 {
			return cloudfront.Parse, nil
		}
		return cloudfront.Columns(s.Fields, s.Delimiter)
	}).withHeader(cloudfront.Header),
	"cloudfront-realtime": columns(cloudfront.Readings, func(s *Source) (event.Parser, error) { return cloudfront.RealTime(s.Fields) }),
	"cmcd":                fixed(ofBeacons, cmcdevent.Parse, cmcdevent.Readings).remembering(),
	"combined":            fixed(ofRequests, combined.Parse, combined.Readings),
	"fastly": {
		parser: func(s *Source) (event.Parser, error) { return fastly.New(s.Mapping) },
		readings: func(s *Source) []record.Reading {
			whole, err := fastly.Overlay(s.Mapping)
			if err != nil {
				return fastly.Readings()
			}
			return whole.Readings()
		},
	},
	"mapping": {
		parser:   func(s *Source) (event.Parser, error) { return mapping.New(s.Mapping) },
		readings: func(s *Source) []record.Reading { return s.Mapping.Readings() },
	},
	"mux":        {kind: ofBeacons, parser: func(*Source) (event.Parser, error) { return mux.Parse, nil }, readings: func(*Source) []record.Reading { return mux.Readings() }, uncut: true},
	"ndjson":     fixed(ofRequests, ndjson.Parse, ndjson.Readings),
	"nginx":      fixed(ofRequests, nginx.Parse, nginx.Readings),
	"npaw":       fixed(ofBeacons, npaw.Parse, npaw.Readings).remembering().told(),
	"otlp":       {kind: ofMeasurements, parser: func(*Source) (event.Parser, error) { return otlp.ParseProto, nil }, uncut: true, etiquette: toCollector},
	"prometheus": {kind: ofMeasurements, parser: func(*Source) (event.Parser, error) { return remotewrite.ParseV1, nil }, whole: true, etiquette: remoteWrite},
	"w3c":        fixed(ofRequests, w3c.Parse, w3c.Readings).withHeader(w3c.Header),
}

// columns is a format of lines whose columns the source's configuration may name.
func columns(readings func() []record.Reading, parser func(*Source) (event.Parser, error)) format {
	return format{kind: ofRequests, parser: parser, readings: func(*Source) []record.Reading { return readings() }}
}

func (f format) remembering() format {
	f.stateful = true
	return f
}

func (f format) told() format {
	f.inTarget = true
	return f
}

// Formats are the names of the wire formats, sorted.
func Formats() []string { return sortedKeys(formats) }

// reader is a format as it is configured for one source.
type reader struct {
	format
	name  string
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
	if name == "mapping" { // a mapping says itself what its records are
		if s.Mapping.Record == "beacon" {
			f.kind = ofBeacons
		}
		if s.Mapping.Header || s.Mapping.Shape == "w3c" {
			f.header = topOf(s.Mapping)
		}
	}
	return &reader{f, name, parse}, nil
}

// topOf finds the lines at the top of a body that name the columns of the others.
func topOf(m mapping.Config) func([]byte) []byte {
	if m.Shape == "w3c" {
		return w3c.Header
	}
	return func(body []byte) []byte { return body[:bytes.IndexByte(body, '\n')+1] }
}
