package notice

import (
	"math"
	"time"
)

// Fixtures are examples of all that can be said: each kind in both languages, once with everything and once with
// what may be missing missing. Templates are tried with them, and the channels' tests.
func Fixtures() []*Notification {
	at := time.Date(2026, 11, 21, 20, 7, 30, 0, time.UTC)
	zone := time.FixedZone("CET", 3600) // no data of zones needed
	var all []*Notification
	for _, language := range []string{"fr", "en"} {
		f := Facts{Title: "Erreurs 5xx de Maison chez Orange : 4,2 %", Detail: "Habituel : 0,3 %", Carried: []string{"Orange : 78 % des erreurs", "segments : 64 %"}}
		first, second := "Erreurs de Maison chez Orange", "Premier octet de Maison chez Orange"
		if language == "en" {
			f = Facts{Title: "5xx errors of Maison at Orange: 4.2%", Detail: "Usual: 0.3%", Carried: []string{"Orange: 78% of the errors", "segments: 64%"}}
			first, second = "Errors of Maison at Orange", "First byte of Maison at Orange"
		}
		for _, kind := range []Kind{Firing, Worse, Reminder, Resolved, Test, Heartbeat} {
			n := &Notification{
				ID: "fixture-" + string(kind) + "-" + language, Problem: "cdn-errors.maison.orange", Kind: kind, Severity: Critical, Language: language,
				Spark: "▁▁▁▂▂▃▅▇", Started: at.Add(-3*time.Minute - 20*time.Second), At: at, Zone: zone, Viewers: 12430,
				Labels: map[string]string{"cdn": "maison", "isp": "orange", "rule": "cdn-errors"}, Owner: "video-sre",
				Alerts: []Alert{
					{Title: first, Labels: map[string]string{"cdn": "maison", "isp": "orange"}, Severity: Critical, Since: at.Add(-3 * time.Minute)},
					{Title: second, Labels: map[string]string{"cdn": "maison", "isp": "orange"}, Severity: Warning, Since: at.Add(-2 * time.Minute), Ended: at.Add(-time.Minute)},
				},
				URL: "https://vigie.example/board?at=2026-11-21T20:04:10Z", AckURL: "https://vigie.example/a/k7Qm2x", Runbook: "https://wiki.example/cdn-errors",
			}
			bare := &Notification{ID: n.ID + "-bare", Problem: n.Problem, Kind: kind, Severity: Warning, Language: language, At: at, Started: at, Viewers: math.NaN(), Drill: kind == Firing, Repeat: kind == Worse}
			if kind == Resolved {
				n.Ended, bare.Ended = at.Add(-10*time.Second), at
				n.AckURL = ""
			}
			if kind == Test || kind == Heartbeat {
				n.Alerts, n.Labels, n.Spark, n.AckURL, n.Runbook, n.Viewers, n.Severity = nil, nil, "", "", "", math.NaN(), Info
				f = Facts{}
			}
			Render(n, f)
			Render(bare, Facts{Title: f.Title})
			all = append(all, n, bare)
		}
	}
	return all
}
