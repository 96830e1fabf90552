// Package simulate plays a football match to Vigie's collectors: it sends, over the network and in
// the senders' own wire formats, what CDNs, players and measuring tools would send while millions
// watch.
//
// A [Scenario] says who watches when, from which networks, through which CDNs, on what devices. A
// [Match] turns it into a population of sampled sessions, and every second into log lines and
// beacons of those sessions: the requests, the bytes and what the viewers saw agree with each other
// because they are told by the same sessions. [Incident] bends that, by the scenario's schedule, by
// [Match.Inject] or over HTTP ([Match.Handler]). [Match.Truth] says exactly what was sent.
//
// # Scale
//
// One simulated session stands for a whole number of viewers and one log line for a whole number of
// requests ([Match.Weights]); both are constant for a match. HTTP bodies carry theirs as ?weight=.
// Syslog and /beacon have no place for it, so the collectors must be configured with it.
//
// # Time
//
// Event times are wall-clock times, so that a cockpit shows the match live whatever its speed.
// Speed moves the match's clock only: at 10, a half lasts four and a half minutes of wall clock and
// the rush of ten minutes before kick-off takes one. Before [Config.Start] the clock runs at 1, so an
// hour of history is an hour of match time.
//
// # Determinism
//
// What is generated for a second is a pure function of the scenario, the seed, Config.Start, the
// second and the incidents in force. A session's draws are its own: an incident does not change a byte
// of the sessions that it does not touch. How lines are cut into batches, and when a batch arrives,
// is the network's.
//
// # Senders' habits
//
// An "akamai" CDN posts gzip batches from several edges, each at its own pace. An "ndjson" CDN posts
// late and with a batch id. An "nginx" CDN writes syslog, a line at a time, as it happens. Measuring
// tools post arrays of beacons, and some players post their own. HTTP senders repeat the same bytes
// until they are acknowledged, honour Retry-After, and drop new batches, never old ones, when their
// bounded queue is full. A batch is in the truth once it was acknowledged with a 2xx, however
// often it was sent.
//
// # From a command
//
// A command reads a scenario with [Load] or takes [Final], fills [Config] from its flags (--viewers,
// --speed, --seed and --rate are its fields), and calls [Match.Run]; [Match.History] may run beside it
// with the hour that ends at Config.Start. It configures the collectors with [Match.Weights] and an
// address database made of [Match.AddressPlan], serves [Match.Handler] on loopback, and maps keys to
// [Match.Inject] and [Match.End].
//
// The package knows nothing of Vigie beside its wire contract.
package simulate
