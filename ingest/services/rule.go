// Package services says which measurements tell something of which service: rules choose series by
// metric and labels, and turn each measurement into the points that are stored. What no rule
// chooses is not stored.
//
// A rule, in YAML, is as short as this:
//
//	services:
//	  - name: "{job}"
//	    match: {metric: http_requests_total}
//	    signal: requests
//	    errors: {code: "~5.."}
//	  - name: login
//	    match: {metric: http_request_duration_seconds, labels: {job: login}}
//	    signal: duration
//	  - name: "{container}"
//	    match: {metric: container_memory_working_set_bytes, labels: {container: "~.+"}}
//	    signal: saturation
//	    as: used
//	    resource: memory
//	    per: [namespace, pod, container]
//
// The first rule that chooses a series has it, so what a team writes goes before Defaults. A
// duration's metric is its family: its native histogram, and the classic _bucket, _sum and _count,
// are found under it. The observations of a duration count as requests too, and as errors where the
// rule's errors say so. Several metrics may tell of the same requests; which of them is believed
// is decided where they are read (cockpit/sql/services.sql), never by adding them up.
//
// It guarantees that a series always gives the same points; that there are at most MaxServices
// services, any further one being Other; and that a measurement whose series was seen costs one
// hash and one look-up. Rates and resets are left to the reader, for they need the sample before.
package services

// Rule chooses series and says what they tell.
type Rule struct {
	// Name of the service. {label} stands for the label's value, {a|b} for the first of them that
	// the series has; a series that has none of them is not chosen.
	Name  string `yaml:"name"`
	Match Match  `yaml:"match"`

	// Signal is requests, errors, duration, saturation, or none, which keeps a series from the rules
	// behind this one.
	Signal string `yaml:"signal"`

	// As says what the value is, where the metric alone does not. Of a duration: histogram (native,
	// or the classic one's family; the usual), bucket, sum, count. Of a saturation: share (1 or, with
	// unit "%", 100 is full; the usual), used or limit, whose ratio it is.
	As string `yaml:"as"`

	// Unit of durations: s, ms, us, ns or min; empty: as the sender says, else the one that the
	// metric's name ends in, else s. Of shares: "1", or "%" for hundredths.
	Unit string `yaml:"unit"`

	// Errors are labels that make a request an error, as in Match: all of them must fit.
	Errors map[string]string `yaml:"errors"`

	// Resource is of what a saturation is: cpu, memory, connections …
	Resource string `yaml:"resource"`

	// Per are the labels that used and limit of one thing share: of one container, one pool.
	Per []string `yaml:"per"`
}

// Match chooses series. A label's pattern is its value, or "~" and a regular expression that fits
// the whole value, or "!" before either for what does not fit; "" is a label that is not there, "!"
// one that is. Labels are written as in Prometheus or, of OpenTelemetry, with their dots; of "a|b"
// the first that the series has counts.
type Match struct {
	Metric string            `yaml:"metric"`
	Labels map[string]string `yaml:"labels"`
}

// Signals.
const (
	Requests   = "requests"
	Errors     = "errors"
	Duration   = "duration"
	Saturation = "saturation"
	None       = "none"
)

// Parts of a signal: what As says, and what a point is.
const (
	Bucket = "bucket" // of a classic histogram: how many were at most its bound
	Sum    = "sum"
	Count  = "count"
	Share  = "share"
	Used   = "used"
	Limit  = "limit"

	asHistogram = "histogram"
)

const (
	// MaxServices is how many services there are in a process; those beyond it are Other.
	MaxServices = 500
	Other       = "other"

	maxRules   = 1000
	maxName    = 64      // bytes of a service's name; longer ones are cut
	maxSeries  = 200_000 // whose choice is remembered; beyond it all are forgotten and found again
	maxPattern = 1000    // bytes
)
