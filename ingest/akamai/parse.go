// Package akamai reads the log lines of Akamai DataStream 2 (delivery; Akamai TechDocs, DataStream
// 2, "Log format"): JSON, one object per line or in an array, with Parse; and the structured format,
// whose lines do not name their fields, with Structured.
//
// Nearly every value is a string. An absent one is missing, null, "", "-" or "^". Times are in
// milliseconds, but for reqTimeSec. Of what it reads:
//
//   - FirstByte is timeToFirstByte, else turnAroundTimeMSec; Duration is turnAroundTimeMSec plus
//     transferTimeMSec.
//   - Bytes is totalBytes where it is told, else bytes.
//   - PoP is serverCountry: DataStream has nothing finer.
//   - A request is aborted when its status is 0, its errorCode says that the client left, or the
//     last byte of a whole answer (status 200 to a GET) was not sent. A range need not hold it.
//   - A request is blocked when the third part of securityRules, the rule that denied, is there.
//   - The path stays percent-encoded, as from every other sender; user agent and referer do not.
//
// Lines with isMidgress 1 are traffic inside the CDN, which its edge has reported already. They are
// dropped, and so is the probe that Akamai sends when a stream is saved ({"access_validation":
// true} or 0,access_validation): they are neither records nor refusals.
package akamai

import (
	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's.
const (
	NoTime  = "reqTimeSec: missing"
	BadTime = "reqTimeSec: not a number of seconds"
)

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, _ event.Origin, to event.Sink) {
	p := parser{objects: flatjson.New(payload)}
	var quiet event.Sink = withoutProbe{to}
	for p.objects.Next(quiet) {
		reason := p.read()
		switch {
		case p.objects.Refused(quiet) || p.entry.midgress || p.entry.probe():
		case reason != "":
			p.objects.Refuse(to, reason)
		default:
			record.Bound(&p.entry.request)
			to.Request(&p.entry.request)
		}
	}
}

type parser struct {
	objects flatjson.Objects
	entry   entry
}

// read fills the entry from the members of the current object, and says why it is no request.
func (p *parser) read() (reason string) {
	p.entry.reset()
	for p.objects.Member() {
		if k := named(p.objects.Key); k != ignored {
			p.entry.set(k, p.objects.Text())
		}
	}
	return p.entry.conclude()
}

// withoutProbe is a sink that does not hear of the probe of a structured stream.
type withoutProbe struct{ event.Sink }

func (s withoutProbe) Refuse(r event.Refusal) {
	if !isProbe(r.Record) {
		s.Sink.Refuse(r)
	}
}

var _ event.Parser = Parse
