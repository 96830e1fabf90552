package rule

import (
	"strings"
	"testing"
)

// cdns are rules as a team writes them.
const cdns = `
title: {fr: CDN, en: CDNs}
owner: video
runbook: https://wiki.example.org/cdn
one_problem_per: [cdn]
rules:
  - id: cdn-errors
    title: {fr: "Erreurs de {cdn} à {value}", en: "Errors of {cdn} at {value}"}
    signal: errors
    by: [cdn]
    when: value > 0.02 * floor_factor and z > k
    recover: value < 0.01
    for: 6s
    keep_firing_for: 20s
    severity:
      - critical: criticality >= 3 and playing
      - warning: true
  - id: traffic-missing
    title: {fr: "Trafic absent de {cdn}"}
    signal: traffic
    by: [cdn]
    against: forecast
    when: value < 0.5 * forecast
    for: 10s
    no_data: alert
`

func TestRulesAreTestedByTheirOwnFile(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a fault is found, with its severity, and ends", `
  - name: fault
    match: {phase: second_half, minute: 61, criticality: 4}
    series:
      - {signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60 0.001x120}
      - {signal: errors, labels: {cdn: autre}, values: 0.001x300}
    expect:
      - {at: 122s, rule: cdn-errors, status: ok}
      - {at: 126s, rule: cdn-errors, labels: {cdn: maison}, status: pending}
      - {at: 131s, rule: cdn-errors, labels: {cdn: maison}, severity: critical}
      - {at: 200s, rule: cdn-errors, labels: {cdn: maison}}
      - {at: 220s, rule: cdn-errors, labels: {cdn: maison}, status: ok}
      - {never: cdn-errors, labels: {cdn: autre}}
      - {never: traffic-missing}
`, ""},
		{"outside the match it is a warning", `
  - name: fault
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60}]
    expect: [{at: 140s, rule: cdn-errors, severity: warning}]
`, ""},
		{"a short one is not", `
  - name: blip
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.06x2 0.001x60}]
    expect: [{never: cdn-errors}]
`, ""},
		{"too few requests say nothing, at a dial that is less sensitive even more", `
  - name: few
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60, sample: 2x180}]
    expect: [{never: cdn-errors}]
  - name: few enough
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60, sample: "3"}]
    expect: [{at: 150s, rule: cdn-errors}]
  - name: few for this dial
    dial: 1
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60, sample: "3"}]
    expect: [{never: cdn-errors}]
`, ""},
		{"no data do not end what fires", `
  - name: hole
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60 _x200 0.08x10 0.001x60}]
    expect:
      - {at: 235s, rule: cdn-errors}
      - {at: 245s, rule: cdn-errors, status: no-data}
      - {at: 385s, rule: cdn-errors}
      - {at: 440s, rule: cdn-errors, status: ok}
`, ""},
		{"a source that falls silent is no data at once, and what it had comes later", `
  - name: silence
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60, silent: [{from: 125s, to: 150s}]}]
    expect:
      - {at: 130s, rule: cdn-errors, status: no-data}
      - {at: 149s, rule: cdn-errors, status: no-data}
      - {at: 150s, rule: cdn-errors}
`, ""},
		{"no data are an alert where the rule says so", `
  - name: gone
    series: [{signal: traffic, labels: {cdn: maison}, values: 100x60 _x200, forecast: 100x260}]
    expect:
      - {at: 120s, rule: traffic-missing, status: ok}
      - {at: 123s, rule: traffic-missing, status: no-data}
      - {at: 131s, rule: traffic-missing}
`, ""},
		{"what is not known is not judged", `
  - name: without a forecast
    series: [{signal: traffic, labels: {cdn: maison}, values: 100x60 1x60}]
    expect: [{never: traffic-missing}]
  - name: with one
    series: [{signal: traffic, labels: {cdn: maison}, values: 100x60 1x60, forecast: 100x120}]
    expect: [{at: 100s, rule: traffic-missing}]
`, ""},
		{"what is not as expected is said", `
  - name: wrong
    series: [{signal: errors, labels: {cdn: maison}, values: 0.001x120 0.08x60}]
    expect:
      - {at: 140s, rule: cdn-errors, status: ok}
      - {at: 140s, rule: cdn-errors, labels: {cdn: maison}, severity: critical}
      - {at: 100s, rule: cdn-errors}
      - {never: cdn-errors}
`, `tests[0].expect[2]: wrong: at 100s cdn-errors is ok, not firing as expected
tests[0].expect[3]: wrong: at 128s cdn-errors of cdn=maison fired, which it never may
tests[0].expect[0]: wrong: at 140s cdn-errors of cdn=maison is firing, not ok as expected
tests[0].expect[1]: wrong: at 140s cdn-errors of cdn=maison is warning, not critical as expected`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var said []string
			for _, err := range checked(t, cdns+"tests:"+test.text).RunTests() {
				said = append(said, err.Error())
			}
			if got := strings.Join(said, "\n"); got != test.want {
				t.Errorf("said\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}
