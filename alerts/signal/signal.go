// Package signal names what alerts can watch: each signal of the board, its unit, the dimensions that it
// can be divided by, and what makes a sample of it. It holds data alone; reading is package tape's.
package signal

import "slices"

// Family is where a signal's numbers come from, hence what it can be divided by and when it is complete.
type Family string

const (
	Requests   Family = "requests"   // CDNs' logs: cdn, isp, channel, class
	Experience Family = "experience" // players' beacons: tool, cdn, isp, channel, device
	Audience   Family = "audience"   // distinct sessions of beacons: cdn, isp, channel, device
	Identity   Family = "identity"   // who asks, by CDNs' logs: cdn
	Services   Family = "services"   // what services measure: service
	Sources    Family = "sources"    // what senders deliver: source
	Capacity   Family = "capacity"   // Requests against the match's reserves: cdn, isp
	SQL        Family = "sql"        // an expert's own question
)

// Unit says how a value is written.
type Unit string

const (
	Ratio     Unit = "ratio" // 0..1, shown in %
	Bits      Unit = "bit/s"
	PerSecond Unit = "1/s"
	Seconds   Unit = "s"
	Count     Unit = ""
)

// Signal is one thing to watch.
type Signal struct {
	Name   string
	Family Family
	Unit   Unit
	By     []string // what it may be divided by, or narrowed to
	Sample string   // what a minimum sample counts: requests, sessions, starts …
	Floor  float64  // a spread smaller than this is no spread, in the signal's unit
	Text   string   // one line for people, English; docs and errors
}

var (
	logs    = []string{"cdn", "isp", "channel", "class"}
	players = []string{"tool", "cdn", "isp", "channel", "device"}
	people  = []string{"cdn", "isp", "channel", "device"}
)

var all = []Signal{
	{"traffic", Requests, Bits, logs, "requests", 0, "bits sent, per second"},
	{"requests", Requests, PerSecond, logs, "requests", 0, "requests, per second"},
	{"errors", Requests, Ratio, logs, "requests", 0.002, "answers of the 500s and aborted ones, of all requests"},
	{"client_errors", Requests, Ratio, logs, "requests", 0.002, "answers of the 400s that no security rule gave, of all requests"},
	{"first_byte", Requests, Seconds, logs, "requests", 0.005, "time to first byte, the 95th of 100"},
	{"blocked", Requests, Ratio, logs, "requests", 0.005, "requests that security rules refuse, of all"},
	{"cache_misses", Requests, Ratio, logs, "requests", 0.005, "requests of segments that the cache had not, of those whose cache is told"},
	{"capacity_used", Capacity, Ratio, []string{"cdn", "isp"}, "requests", 0.01, "traffic against what the match's file reserves"},

	{"viewers", Audience, Count, people, "sessions", 1, "distinct sessions with a beacon in the last 30 s"},
	{"requests_per_viewer", Audience, PerSecond, []string{"cdn", "isp", "channel"}, "sessions", 0.01, "requests per second, of CDNs' logs, by viewer"},

	{"startup", Experience, Seconds, players, "starts", 0.05, "time to the first picture, median"},
	{"rebuffering", Experience, Ratio, players, "lines", 0.001, "time stalled, of the time playing or stalled"},
	{"failures", Experience, Ratio, players, "attempts", 0.002, "starts and plays that failed, of attempts"},
	{"early_exits", Experience, Ratio, players, "attempts", 0.005, "viewers who left before the picture, of attempts"},
	{"attempts", Experience, PerSecond, players, "attempts", 0.1, "attempts to start, per second"},
	{"offload", Experience, Ratio, players, "lines", 0.01, "bytes that viewers get from each other, of all that they get"},

	{"asn_shift", Identity, Ratio, []string{"cdn"}, "requests", 0.01, "how far the mix of networks (ASN) has moved from that of the last quarter of an hour: half the sum of the differences of shares, 0..1"},
	{"agent_shift", Identity, Ratio, []string{"cdn"}, "requests", 0.01, "the same of user agents' families"},
	{"asn_top", Identity, Ratio, []string{"cdn"}, "requests", 0.01, "share of the network (ASN) that grew most"},
	{"agent_top", Identity, Ratio, []string{"cdn"}, "requests", 0.01, "share of the user agents' family that grew most"},

	{"service_rate", Services, PerSecond, []string{"service"}, "calls", 0.1, "calls of a service, per second"},
	{"service_errors", Services, Ratio, []string{"service"}, "calls", 0.002, "calls that failed, of all"},
	{"service_duration", Services, Seconds, []string{"service"}, "calls", 0.005, "duration of calls, the 95th of 100"},
	{"service_saturation", Services, Ratio, []string{"service"}, "values", 0.01, "how full a service's fullest resource is"},
	{"login_failures", Services, Ratio, []string{"service"}, "calls", 0.005, "calls that failed of the services that people sign in by"},

	{"source_lag", Sources, Seconds, []string{"source"}, "lines", 1, "how far a source's complete seconds are behind now"},
	{"source_silence", Sources, Seconds, []string{"source"}, "", 1, "since when a source that delivered has not; 0 while it does"},
	{"source_refused", Sources, Ratio, []string{"source"}, "lines", 0.005, "lines that could not be read, of those of the last minute"},

	{"sql", SQL, Count, nil, "", 0, "what a statement of the rule's returns"},
}

// All are the signals, in the order of the documentation. The caller must not change them.
func All() []Signal { return all }

// Find is the signal with a name; false: there is none.
func Find(name string) (Signal, bool) {
	i := slices.IndexFunc(all, func(s Signal) bool { return s.Name == name })
	if i < 0 {
		return Signal{}, false
	}
	return all[i], true
}
