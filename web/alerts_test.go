package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/internal/bus"
	"vigie/internal/bus/bustest"
	"vigie/internal/provider"
)

// alertGroups are two files of rules.
func alertGroups(tb testing.TB) []*rule.Group {
	tb.Helper()
	groups := []*rule.Group{
		{
			ID: "cdn", Title: rule.Text{FR: "CDN et FAI", EN: "CDNs and ISPs"}, Owner: "cdn", Runbook: "https://wiki.example.com/cdn",
			Rules: []*rule.Rule{
				{
					ID: "first-byte", Title: rule.Text{FR: "{isp} × {cdn} : premier octet {value}", EN: "{isp} × {cdn}: first byte {value}"},
					Signal: "first_byte", By: []string{"cdn", "isp"}, When: "value > 0.4 and z > k", Recover: "value < 0.3", For: rule.Duration(12 * time.Second),
					Severity: rule.Severities{{Severity: notice.Critical, When: "criticality >= 3 and playing"}, {Severity: notice.Warning, When: "true"}},
				},
				{ID: "errors", Title: rule.Text{FR: "{cdn} : erreurs {value}", EN: "{cdn}: errors {value}"}, Signal: "errors", By: []string{"cdn"}, When: "value > 0.02 and change > 1"},
				{ID: "misses", Title: rule.Text{FR: "{cdn} : cache", EN: "{cdn}: cache"}, Signal: "cache_misses", By: []string{"cdn"}, When: "value > 0.2", Mode: rule.Monitor},
			},
		},
		{
			ID: "attack", Title: rule.Text{FR: "Attaque", EN: "Attack"}, Sensitivity: 4, Owner: "infra",
			Rules: []*rule.Rule{
				{ID: "asn", Title: rule.Text{FR: "{cdn} : mélange des réseaux", EN: "{cdn}: mix of networks"}, Signal: "asn_shift", By: []string{"cdn"}, When: "z > k", Family: "identity"},
				{ID: "surge", Title: rule.Text{FR: "{cdn} : requêtes", EN: "{cdn}: requests"}, Signal: "requests", By: []string{"cdn"}, When: "z > k", Family: "volume"},
			},
			Together: &rule.Together{ID: "attack", Title: rule.Text{FR: "Attaque probable sur {cdn}", EN: "Likely attack on {cdn}"}, By: []string{"cdn"}},
		},
	}
	for _, g := range groups {
		if err := g.Check(); err != nil {
			tb.Fatal(err)
		}
	}
	return groups
}

func alertPolicy(tb testing.TB) *route.Policy {
	tb.Helper()
	p := &route.Policy{
		TimeZone: "Europe/Paris",
		People: []route.Person{
			{ID: "marie", Name: "Marie Lefèvre", Account: "operator", Contacts: []route.Contact{{Channel: "sms", To: "+33639980141"}, {Channel: "mail", To: "marie@example.com"}}},
			{ID: "paul", Name: "Paul Adam", Language: "en", Contacts: []route.Contact{{Channel: "mail", To: "paul@example.com"}}},
			{ID: "ines", Name: "Inès Caron", Contacts: []route.Contact{{Channel: "sms", To: "+33639980142"}}},
		},
		Channels: []route.Channel{
			{ID: "mail", Type: route.Email, Host: "smtp.example.com", From: "vigie@example.com"},
			{ID: "sms", Type: route.SMS, URL: "https://sms.example.com/send?key=s3cret", Next: "mail", Throttle: route.Throttle{Most: 10, Per: route.Duration(time.Minute)}},
			{ID: "noc", Type: route.Slack, URL: "https://hooks.example.com/s3cret"},
		},
		Schedules: []route.Schedule{
			{ID: "cdn", Layers: []route.Layer{{People: []string{"marie", "paul", "ines"}, Every: route.Duration(24 * time.Hour), From: "2026-01-05T09:00"}}},
			{ID: "video", Layers: []route.Layer{{People: []string{"paul", "ines"}, Every: route.Duration(12 * time.Hour), From: "2026-01-05T08:00"}, {People: []string{"marie"}, Between: []string{"20:00", "23:30"}}}},
			{ID: "nuit", Layers: []route.Layer{{People: []string{"ines"}, Between: []string{"22:00", "07:00"}, Days: []string{"sat", "sun"}}}},
		},
		Escalations: []route.Escalation{{ID: "cdn", Repeat: 1, Steps: []route.Step{{Tell: []route.Ref{"oncall:cdn"}, Wait: route.Duration(3 * time.Minute)}, {Tell: []route.Ref{"person:paul"}, Wait: route.Duration(5 * time.Minute)}}}},
		Routes: []route.Route{
			{Match: route.When{Group: []string{"attack"}}, Also: []route.Ref{"channel:noc"}},
			{Match: route.When{Severity: []notice.Severity{notice.Critical}}, Escalation: "cdn", Also: []route.Ref{"channel:noc"}},
		},
		Default:    &route.Route{Also: []route.Ref{"channel:noc"}},
		Heartbeats: []route.Heartbeat{{Channel: "noc", Every: route.Duration(time.Minute)}},
	}
	if err := p.Check(); err != nil {
		tb.Fatal(err)
	}
	return p
}

// alertSite is a site whose room has problems, a ledger and a trail, as a process that judges would have left
// them.
type alertSite struct {
	*site
	room  *alerts.Room
	state *bus.KV
	now   time.Time
}

// put writes what the engine alone writes, and waits until the room knows of it.
func put(tb testing.TB, kv *bus.KV, key string, v any) {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	if err := kv.Put(tb.Context(), key, raw); err != nil {
		tb.Fatal(err)
	}
}

func newAlertSite(t *testing.T, edit func(*Config)) *alertSite {
	t.Helper()
	ctx := t.Context()
	b := bustest.Open(t)
	state, err := b.KV(ctx, "alerts")
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := b.KV(ctx, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	trail, err := b.Stream(ctx, bus.StreamConfig{Name: "ALERTS", Subjects: []string{alerts.TrailSubject}, MaxAge: alerts.TrailMaxAge, MaxBytes: alerts.TrailMaxBytes})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	fillAlerts(t, state, ledger, trail, now)
	room, err := alerts.OpenRoom(ctx, alerts.RoomConfig{State: state, Ledger: ledger, Trail: trail, Groups: alertGroups(t), Policy: alertPolicy(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { _ = room.Run(following) })
	t.Cleanup(func() { stop(); running.Wait() })
	for range 1000 { // the trail is read by and by
		if len(room.Trail("")) >= 6 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	s := &alertSite{room: room, state: state, now: now}
	s.site = newSite(t, func(c *Config) {
		c.Alerts = room
		c.Matches = season(t, now.Add(-30*time.Minute), newMemoryMatches())
		if edit != nil {
			edit(c)
		}
	})
	return s
}

// judging tells every two seconds that rules are judged, as the process that judges does: a browser may take longer
// to start than it takes to be missed.
func (s *alertSite) judging(t *testing.T) {
	done := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		for beat := 2; ; beat++ {
			raw, _ := json.Marshal(map[string]any{"owner": "regie-1", "beat": beat, "judged": time.Now().UTC()})
			if err := s.state.Put(context.WithoutCancel(t.Context()), "lead", raw); err != nil {
				t.Error(err)
			}
			select {
			case <-done:
				return
			case <-time.After(2 * time.Second):
			}
		}
	})
	t.Cleanup(func() { close(done); told.Wait() })
}

// fillAlerts writes a night: a critical problem that nobody has, one that somebody has, a muted one, one that is
// only tried, one that is over, an alert that is blind and one that is weak.
func fillAlerts(t *testing.T, state, ledger *bus.KV, trail *bus.Stream, now time.Time) {
	t.Helper()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	spark := make([]float64, 30)
	for i := range spark {
		spark[i] = 0.11 + 0.01*math.Sin(float64(i))
		if i > 22 {
			spark[i] = 0.2 + 0.05*float64(i-22)
		}
	}
	spark[4], spark[5] = -1, -1
	labels := map[string]string{"cdn": "cloudfront", "isp": "Free"}
	began := ago(7 * time.Minute)
	alert := func(id string, labels map[string]string, severity notice.Severity, value, usual float64) rule.Alert {
		return rule.Alert{
			Key: id + "-k", Rule: id, Group: "cdn", Labels: labels, Status: rule.Firing, Since: began, Begun: began.Add(-12 * time.Second), Fired: began, Seen: now, At: now,
			Severity: severity, Value: value, Usual: usual, Worst: value * 1.2, Known: true, UsualKnown: true, Sample: 900,
		}
	}
	worst := alerts.Problem{
		ID: "p1", Key: "first-byte", Group: "cdn", Rule: "first-byte", Severity: notice.Critical, Owner: "cdn", Runbook: "https://wiki.example.com/first-byte", Labels: labels,
		Title: rule.Text{FR: "Free × CloudFront : premier octet 0,55 s", EN: "Free × CloudFront: first byte 0.55 s"}, Began: began, Noticed: began, Opened: began.Add(5 * time.Second),
		Alerts: []alerts.Member{
			{Alert: alert("first-byte", labels, notice.Critical, 0.55, 0.12), Title: rule.Text{FR: "Free × CloudFront : premier octet 0,55 s", EN: "Free × CloudFront: first byte 0.55 s"}, Signal: "first_byte"},
			{Alert: alert("errors", map[string]string{"cdn": "cloudfront"}, notice.Warning, 0.031, 0.004), Title: rule.Text{FR: "CloudFront : erreurs 3,1 %", EN: "CloudFront: errors 3.1%"}, Signal: "errors", Inhibited: "first-byte-k"},
		},
		Facts: alerts.Facts{At: now, Viewers: 212000, Most: 240000, ViewersKnown: true, Carriers: []alerts.Carrier{{Dimension: "isp", Value: "Free", Share: .82}, {Dimension: "cdn", Value: "CloudFront", Share: .64}}, Spark: spark, Value: .55, ValueKnown: true},
		Turns: []alerts.Turn{{At: began.Add(5 * time.Second), Why: alerts.TurnOpened, As: notice.Critical}},
	}
	put(t, state, "p.p1", worst)
	taken := worst
	taken.ID, taken.Rule, taken.Severity, taken.Again = "p2", "errors", notice.Warning, 1
	taken.Title, taken.Labels = rule.Text{FR: `<img src=x onerror=alert(1)> : erreurs 2,1 %`}, map[string]string{"cdn": "maison"}
	taken.Alerts = []alerts.Member{{Alert: alert("errors", taken.Labels, notice.Warning, .021, .003), Signal: "errors"}}
	taken.Facts = alerts.Facts{}
	taken.Runbook = "javascript:alert(1)"
	put(t, state, "p.p2", taken)
	put(t, state, "k.p2", alerts.Care{Acked: &alerts.Ack{By: "operator", At: ago(4 * time.Minute), Note: "je regarde les origines", As: notice.Warning, Again: 1}, History: []alerts.CareAct{{At: ago(4 * time.Minute), By: "operator", What: alerts.ActAck, Note: "je regarde les origines"}}})
	muted := worst
	muted.ID, muted.Rule, muted.Severity, muted.Owner, muted.Group = "p3", "surge", notice.Critical, "infra", "attack"
	muted.Title, muted.Labels = rule.Text{FR: "Akamai : requêtes ×4", EN: "Akamai: requests ×4"}, map[string]string{"cdn": "akamai"}
	muted.Alerts = []alerts.Member{{Alert: alert("surge", muted.Labels, notice.Critical, 90e3, 22e3), Signal: "requests"}}
	muted.Mute = &alerts.Mute{Kind: alerts.Silenced, ID: "s1", Text: "essai de charge prévu", Until: now.Add(23 * time.Minute)}
	put(t, state, "p.p3", muted)
	put(t, state, "s.s1", route.Silence{ID: "s1", Reason: "essai de charge prévu", By: "operator", Matchers: []route.Matcher{{Name: "cdn", Op: route.Equal, Value: "akamai"}}, From: ago(30 * time.Minute), To: now.Add(23 * time.Minute), Made: ago(30 * time.Minute)})
	tried := worst
	tried.ID, tried.Rule, tried.Severity, tried.Monitor, tried.Opened, tried.Turns = "p4", "misses", notice.Warning, true, time.Time{}, nil
	tried.Title, tried.Labels = rule.Text{FR: "Maison : cache 24 %", EN: "Maison: cache 24%"}, taken.Labels
	tried.Alerts = []alerts.Member{{Alert: alert("misses", taken.Labels, notice.Warning, .24, .05), Signal: "cache_misses"}}
	put(t, state, "p.p4", tried)
	over := taken
	over.ID, over.Began, over.Ended = "p0", ago(80*time.Minute), ago(71*time.Minute)
	over.Title = rule.Text{FR: "Orange × maison : erreurs 1,4 %", EN: "Orange × maison: errors 1.4%"}
	put(t, state, "p.p0", over)
	put(t, state, "a.blind", rule.Alert{Key: "blind", Rule: "errors", Group: "cdn", Labels: map[string]string{"cdn": "fastly"}, Status: rule.NoData, Since: ago(3 * time.Minute), Reason: rule.ReasonNoData})
	put(t, state, "a.weak", rule.Alert{Key: "weak", Rule: "asn", Group: "attack", Labels: map[string]string{"cdn": "akamai"}, Status: rule.Firing, Since: ago(2 * time.Minute), Fired: ago(2 * time.Minute), Weak: true, Known: true, Value: .34, Usual: .04, UsualKnown: true, Severity: notice.Warning})
	put(t, state, "d.cdn", alerts.Dial{Group: "cdn", At: 7, By: "operator", Since: ago(20 * time.Minute)})
	put(t, state, "o.o1", route.Override{ID: "o1", Schedule: "cdn", Person: "ines", From: now.Add(20 * time.Hour), To: now.Add(34 * time.Hour), By: "operator", Reason: "échange", Made: ago(time.Hour)})
	put(t, state, "lead", map[string]any{"owner": "regie-1", "beat": 1, "judged": now})
	marie := route.Target{Channel: "sms", To: "+33639980141", Person: "marie", Name: "Marie Lefèvre", Via: "oncall:cdn"}
	paul := route.Target{Channel: "mail", To: "paul@example.com", Person: "paul", Name: "Paul Adam", Via: "person:paul"}
	noc := route.Target{Channel: "noc", Via: "channel:noc"}
	for _, e := range []alerts.Entry{
		{ID: "e1", Problem: "p1", Kind: notice.Firing, Target: marie, Why: "routes[1]", State: alerts.Failed, Made: began.Add(5 * time.Second), Done: began.Add(27 * time.Second), Reason: alerts.UnsaidPermanent, Detail: "400: unknown number",
			Tries: []alerts.Try{{At: began.Add(6 * time.Second), Took: 10 * time.Second, Outcome: "temporary", Reason: provider.ReasonUnreachable, Text: "no connection: dial tcp: i/o timeout"}, {At: began.Add(26 * time.Second), Took: 210 * time.Millisecond, Outcome: "permanent", Reason: provider.ReasonRefused, Text: "400: unknown number"}}},
		{ID: "e2", Problem: "p1", Kind: notice.Firing, Instead: "e1", Target: route.Target{Channel: "mail", To: "marie@example.com", Person: "marie", Name: "Marie Lefèvre", Via: "oncall:cdn"}, State: alerts.Accepted, Made: began.Add(27 * time.Second), Done: began.Add(28 * time.Second), Receipt: "<a1@example.com>",
			Tries: []alerts.Try{{At: began.Add(28 * time.Second), Took: 340 * time.Millisecond, Outcome: "accepted", Text: "250 2.0.0 Ok: queued as 4F2"}}},
		{ID: "e3", Problem: "p1", Kind: notice.Firing, Step: -1, Target: noc, State: alerts.Accepted, Made: began.Add(5 * time.Second), Done: began.Add(6 * time.Second), Tries: []alerts.Try{{At: began.Add(6 * time.Second), Took: 120 * time.Millisecond, Outcome: "accepted", Text: "ok"}}},
		{ID: "e4", Problem: "p1", Kind: notice.Firing, Step: 1, Target: paul, State: alerts.Queued, Made: began.Add(185 * time.Second), NotBefore: now.Add(40 * time.Second), Reason: alerts.UnsaidThrottled},
		{ID: "e5", Problem: "p2", Kind: notice.Firing, Step: 1, Target: paul, State: alerts.Suppressed, Made: ago(3 * time.Minute), Done: ago(3 * time.Minute), Reason: alerts.UnsaidAcked, Detail: "operator"},
		{ID: "t1", Kind: notice.Test, Target: noc, By: "operator", State: alerts.Accepted, Made: ago(time.Hour), Done: ago(time.Hour), Tries: []alerts.Try{{At: ago(time.Hour), Took: 98 * time.Millisecond, Outcome: "accepted", Text: "ok"}}},
	} {
		put(t, ledger, e.ID, e)
	}
	for _, l := range []alerts.Line{
		{At: ago(50 * time.Minute), What: "leading", Args: map[string]string{"owner": "regie-1"}},
		{At: ago(20 * time.Minute), What: "dial", By: "operator", Args: map[string]string{"group": "cdn", "from": "5", "to": "7"}},
		{At: began, What: "firing", Alert: "first-byte-k", Args: map[string]string{"rule": "first-byte", "labels": "cdn=cloudfront isp=Free", "value": "0.55", "usual": "0.12", "severity": "critical"}},
		{At: began.Add(5 * time.Second), Problem: "p1", What: "opened", Args: map[string]string{"route": "routes[1]", "severity": "critical"}},
		{At: began.Add(5 * time.Second), Problem: "p1", What: "queued", Args: map[string]string{"to": "Marie Lefèvre", "channel": "sms", "entry": "e1"}},
		{At: began.Add(90 * time.Second), Problem: "p1", What: "invented-tomorrow", Args: map[string]string{"colour": "blue"}},
		{At: ago(10 * time.Minute), Problem: "p3", What: "muted", Args: map[string]string{"kind": "silenced", "text": "essai de charge prévu", "until": now.Add(23 * time.Minute).Format(time.RFC3339)}},
	} {
		raw, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := trail.Publish(t.Context(), bus.Message{Subject: alerts.TrailSubject, Data: raw}); err != nil {
			t.Fatal(err)
		}
	}
}

// has checks that the words stand in that order in what is found.
func has(t *testing.T, what string, found *goquery.Selection, words ...string) {
	t.Helper()
	text := strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(plain(found))
	rest := text
	for _, w := range words {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("%s lacks %q, or has it too early: %q", what, w, text)
			return
		}
		rest = after
	}
}

func TestIncidentsAreAllThere(t *testing.T) {
	s := newAlertSite(t, nil)
	viewer := s.signedIn(t, "viewer")
	page := s.page(t, viewer, "/alerts?lang=fr")
	has(t, "the list", page.Find("#open"), "4 incidents en cours", "critique", "Free × CloudFront : premier octet 0,55 s", "212 000 spectateurs", "porté par FAI Free 82 %", "personne ne l’a prise",
		"<img src=x", "Marie Lefèvre s’en occupe", "je regarde les origines", "Akamai", "Muette par Marie Lefèvre jusqu’à", "essai de charge prévu", "Maison : cache", "à l’essai")
	if page.Find("#open img").Length() > 0 || page.Find(`a[href^="javascript"]`).Length() > 0 {
		t.Error("what arrived is taken for HTML, or for a link")
	}
	has(t, "what is over", page.Find("#closed"), "1 incident terminé", "Orange × maison")
	has(t, "what is blind", page.Find("#blind"), "sans données", "fastly", "plus rien n’arrive")
	has(t, "what is weak", page.Find("#weak"), "faible", "akamai", "identité", "34 %, d’habitude 4 %")
	if page.Find("form[action$='/ack']").Length() != 0 {
		t.Error("a viewer is shown a button that would be refused")
	}
	if got := s.page(t, s.signedIn(t, "operator"), "/alerts").Find("form[action$='/ack']").Length(); got != 2 {
		t.Errorf("%d problems can be taken by an operator, want the two that nobody has", got)
	}
	for query, want := range map[string]string{"severity=warning": "p2 p4", "group=attack": "p3", "owner=infra": "p3", "severity=critical&group=cdn": "p1", "owner=nobody": ""} {
		var got []string
		s.page(t, viewer, "/alerts?"+query).Find("#open article").Each(func(_ int, a *goquery.Selection) {
			got = append(got, strings.TrimPrefix(a.AttrOr("id", ""), "incident-"))
		})
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	has(t, "English", s.page(t, viewer, "/alerts?lang=en").Find("#open"), "4 open incidents", "critical", "Free × CloudFront: first byte 0.55 s", "212,000 viewers", "nobody has it", "on trial")
}

// Without a judgement nothing is fine.
func TestNoJudgementIsNeverCalm(t *testing.T) {
	s := newSite(t, nil)
	page := s.page(t, s.signedIn(t, "viewer"), "/alerts?lang=fr")
	has(t, "the page", page.Find("#incidents"), "Rien n’est jugé", "On ne sait pas")
	if page.Find("#open .calm").HasClass("fine") {
		t.Error("no data is green")
	}
}

func TestThePathFromDataToATelephone(t *testing.T) {
	s := newAlertSite(t, nil)
	viewer := s.signedIn(t, "viewer")
	page := s.page(t, viewer, "/alerts/p1?lang=fr")
	has(t, "the path", page.Find("#path .path"),
		"La condition est vraie", "L’alerte se déclenche", "critique", "L’incident s’ouvre", "route choisie : routes[1]",
		"non envoyé", "Marie Lefèvre par sms : pas cette fois, injoignable", "i/o timeout",
		"Dit à canal noc en 120 ms",
		"Marie Lefèvre par sms : refusé, demande refusée", "400: unknown number",
		"non envoyé", "Marie Lefèvre par sms (début) : refusé par le destinataire",
		"à la place de sms qui a échoué", "Dit à Marie Lefèvre par mail en 340 ms", "250 2.0.0 Ok: queued as 4F2", "<a1@example.com>",
		"invented-tomorrow", "colour=blue",
		"Paul Adam par mail : le canal a assez parlé pour l’instant, pas avant")
	if n := strings.Count(page.Find("#path").Text(), "L’alerte se déclenche"); n != 2 { // of both alerts, each once
		t.Errorf("what fired is told %d times", n)
	}
	has(t, "the rule", page.Find("#rule"), "Premier octet", "par CDN × FAI", "sur 10 s", "valeur > 0,4 et écart (en écarts habituels) > seuil de sensibilité", "pendant 12 s", "valeur < 0,3", "critique si criticité ≥ 3 et en jeu", "rules/cdn.yaml", "value > 0.4 and z > k")
	has(t, "the signal", page.Find("#what"), "Premier octet", "550 ms, d’habitude 120 ms", "alerte à")
	if page.Find("#what path").AttrOr("d", "") == "" || page.Find("#what .gap").Length() != 1 || page.Find("#what line.fired").Length() != 1 {
		t.Error("the picture lacks its line, the gap where nothing is known, or the moment")
	}
	if got := page.Find("#board-then").AttrOr("href", ""); !strings.Contains(got, "cdn=cloudfront") || !strings.Contains(got, "isp=Free") || !strings.Contains(got, "from=") {
		t.Errorf("the board at that moment is %s", got)
	}
	if got := page.Find("#runbook").AttrOr("href", ""); got != "https://wiki.example.com/first-byte" {
		t.Errorf("the runbook is %s", got)
	}
	has(t, "the parts", page.Find("#parts"), "CloudFront : erreurs", "conséquence de Free × CloudFront")
	has(t, "one that was not told", s.page(t, viewer, "/alerts/p2?lang=fr").Find("#path"), "Marie Lefèvre s’en occupe : « je regarde les origines »", "non envoyé", "Paul Adam par mail (début) : quelqu’un s’en occupe déjà", "Marie Lefèvre")
	has(t, "one that is muted", s.page(t, viewer, "/alerts/p3?lang=fr").Find("main"), "Muette par Marie Lefèvre jusqu’à", "non envoyé", "Personne n’est prévenu : silence, « essai de charge prévu », jusqu’à")
	has(t, "in English", s.page(t, viewer, "/alerts/p1?lang=en").Find("#path .path"), "The condition holds", "route chosen: routes[1]", "not sent", "Said to Marie Lefèvre by mail")
	if r := s.get(t, viewer, "/alerts/nothing"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a problem that there is not: %d", r.StatusCode)
	}
}

// Every line that the trail can have and every reason of the ledger has words in both languages.
func TestEverythingThatHappensHasWords(t *testing.T) {
	languages, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, what := range alerts.Whats() {
		keys = append(keys, "alerts.trail."+what, "alerts.what."+what)
	}
	for _, reason := range []string{
		alerts.UnsaidAcked, alerts.UnsaidAgain, alerts.UnsaidOver, alerts.UnsaidMuted, alerts.UnsaidThrottled, alerts.UnsaidCircuit, alerts.UnsaidPermanent, alerts.UnsaidTries, alerts.UnsaidNobody, alerts.UnsaidChannel, alerts.UnsaidLate,
		string(provider.ReasonRefused), string(provider.ReasonAuth), string(provider.ReasonUnknown), string(provider.ReasonRate), string(provider.ReasonServer), string(provider.ReasonUnreachable), string(provider.ReasonTimeout), string(provider.ReasonConfig),
		string(alerts.TurnOpened), string(alerts.TurnWorse), string(alerts.TurnUnmuted), string(alerts.TurnAgain), string(alerts.TurnHanded), string(alerts.TurnGivenUp),
	} {
		keys = append(keys, "alerts.reason."+reason)
	}
	for _, kind := range []alerts.MuteKind{alerts.Silenced, alerts.Maintained, alerts.Consequence, alerts.Tried} {
		keys = append(keys, "alerts.mute."+string(kind), "alerts.mute."+string(kind)+".until", "alerts.kind."+string(kind))
	}
	for _, kind := range []notice.Kind{notice.Firing, notice.Worse, notice.Reminder, notice.Resolved, notice.Test, notice.Heartbeat} {
		keys = append(keys, "alerts.kind."+string(kind))
	}
	for _, state := range []alerts.EntryState{alerts.Queued, alerts.Claiming, alerts.Accepted, alerts.Failed, alerts.Suppressed} {
		keys = append(keys, "alerts.state."+string(state))
	}
	for _, did := range []string{DidAckAlert, DidGiveUpAlert, DidHandOverAlert, DidNoteAlert, DidMakeSilence, DidEndSilence, DidMakeOverride, DidEndOverride, DidMaintain, DidEndMaintenance, DidTurnDial, DidBeginDrill, DidEndDrill, DidTestAlert, DidExportTrail} {
		keys = append(keys, "audit.what."+did)
	}
	for _, l := range languages {
		for _, key := range keys {
			if l.texts[key] == "" {
				t.Errorf("%s: %s has no text", l.Code, key)
			}
		}
	}
}

// Each act is done, audited and shown; what cannot be is said in words.
func TestActsOnAProblem(t *testing.T) {
	s := newAlertSite(t, nil)
	operator := s.signedIn(t, "operator")
	problem := func(id string) *alerts.Incident { return s.room.Snapshot().Find(id) }
	for _, tt := range []struct {
		path, what, on string
		form           url.Values
		done           func() bool
	}{
		{"/alerts/p1/ack", DidAckAlert, "p1", nil, func() bool { return problem("p1").Acked != nil && problem("p1").Acked.By == "operator" }},
		{"/alerts/p1/note", DidNoteAlert, "p1 vu avec CloudFront", url.Values{"text": {"vu avec CloudFront"}}, func() bool { return len(problem("p1").History) == 2 }},
		{"/alerts/p1/give-up", DidGiveUpAlert, "p1", nil, func() bool { return problem("p1").Acked == nil }},
		{"/alerts/p1/hand-over", DidHandOverAlert, "p1 paul à toi", url.Values{"person": {"paul"}, "note": {"à toi"}}, func() bool { h := problem("p1").History; return h[len(h)-1].To == "paul" }},
		{"/silences/s1/end", DidEndSilence, "s1", nil, func() bool { return !s.room.Snapshot().Silences[0].Active(time.Now()) }},
		{"/alerts/dials/cdn", DidTurnDial, "cdn 3", url.Values{"to": {"3"}}, func() bool { return s.room.Snapshot().Dials["cdn"].At == 3 }},
		{"/on-call/overrides/o1/end", DidEndOverride, "o1", nil, func() bool { return len(s.room.Snapshot().Overrides) == 0 }},
		{"/alerts/drill", DidBeginDrill, "", url.Values{"on": {"1"}, "word": {"exercice "}}, func() bool { return s.room.Snapshot().Drill.On }},
		{"/alerts/drill", DidEndDrill, "", url.Values{"on": {"0"}}, func() bool { return !s.room.Snapshot().Drill.On }},
	} {
		if tt.form == nil {
			tt.form = url.Values{}
		}
		s.does(t, operator, tt.path, tt.form, http.StatusSeeOther)
		s.audit.wants(t, "operator", tt.what, tt.on, "ok")
		if !tt.done() {
			t.Errorf("%s: not done", tt.path)
		}
	}
	has(t, "the path", s.page(t, operator, "/alerts/p1?lang=fr").Find("#path"), "Marie Lefèvre s’en occupe", "Marie Lefèvre note : « vu avec CloudFront »", "Marie Lefèvre rend l’incident", "passe l’incident à Paul Adam : « à toi »")
	for path, tt := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"/alerts/p2/ack":        {nil, http.StatusSeeOther, ""}, // who has it keeps it
		"/alerts/p0/ack":        {nil, http.StatusConflict, "c’est déjà terminé"},
		"/alerts/gone/ack":      {nil, http.StatusNotFound, "cela n’existe plus"},
		"/alerts/p3/give-up":    {nil, http.StatusUnprocessableEntity, "personne ne l’a"},
		"/alerts/p1/hand-over":  {url.Values{"person": {"nemo"}}, http.StatusUnprocessableEntity, "quelqu’un qui peut être joint"},
		"/alerts/p1/note":       {url.Values{"text": {" "}}, http.StatusUnprocessableEntity, "la note est vide"},
		"/alerts/dials/cdn":     {url.Values{"to": {"11"}}, http.StatusUnprocessableEntity, "de 1 à 10"},
		"/alerts/dials/nothing": {url.Values{"to": {"3"}}, http.StatusNotFound, "cela n’existe plus"},
		"/alerts/drill":         {url.Values{"on": {"1"}, "word": {"oui"}}, http.StatusUnprocessableEntity, "le mot n’était pas le bon"},
		"/silences/none/end":    {nil, http.StatusNotFound, "cela n’existe plus"},
	} {
		if tt.form == nil {
			tt.form = url.Values{}
		}
		page := s.does(t, operator, path+"?lang=fr", tt.form, tt.status)
		if tt.says != "" {
			has(t, path, page.Find(".refused"), tt.says)
			if s.audit.last(t).Outcome != "denied" {
				t.Errorf("%s: audited %+v", path, s.audit.last(t))
			}
		}
	}
	if s.room.Snapshot().Drill.On {
		t.Error("a wrong word began an exercise")
	}
	r := s.do(t, operator, http.MethodPost, "/alerts/p1/ack", strings.NewReader(""), http.Header{"Accept": {"application/json"}})
	if r.StatusCode != http.StatusNoContent {
		t.Errorf("a program's act: %d", r.StatusCode)
	}
}

// A silence is seen before it is made.
func TestASilenceIsSeenBeforeItIsMade(t *testing.T) {
	s := newAlertSite(t, nil)
	operator := s.signedIn(t, "operator")
	page := s.page(t, operator, "/silences/new?problem=p1&lang=fr")
	if got := page.Find("#silence-matchers").AttrOr("value", ""); got != "rule=first-byte cdn=cloudfront isp=Free" {
		t.Errorf("prefilled %q", got)
	}
	has(t, "the preview", page.Find("#silence-preview"), "1 incident en cours se tairait", "Free × CloudFront", "212 000")
	if s.page(t, operator, "/silences").Find("#silence-make").Length() != 0 {
		t.Error("a silence can be made before anybody saw what it mutes")
	}
	form := url.Values{"matchers": {"cdn=cloudfront"}, "reason": {"le CDN est prévenu"}, "until": {"60"}}
	has(t, "unseen", s.does(t, operator, "/silences", form, http.StatusUnprocessableEntity).Find(".refused"), "à confirmer")
	form.Set("seen", "cdn=cloudfront")
	form.Set("reason", " ")
	has(t, "without a reason", s.does(t, operator, "/silences", form, http.StatusUnprocessableEntity).Find(".refused"), "Dire pourquoi")
	form.Set("reason", "le CDN est prévenu")
	s.does(t, operator, "/silences", form, http.StatusSeeOther)
	made := s.room.Snapshot().Silences[0]
	if made.Reason != "le CDN est prévenu" || made.By != "operator" || time.Until(made.To).Round(time.Minute) != time.Hour {
		t.Errorf("made %+v", made)
	}
	if last := s.audit.last(t); last.What != DidMakeSilence || !strings.HasSuffix(last.On, " cdn=cloudfront le CDN est prévenu") || last.Outcome != "ok" {
		t.Errorf("audited %+v", last)
	}
	has(t, "the list", s.page(t, operator, "/silences").Find("#silence-list"), "le CDN est prévenu", "cdn=cloudfront", "Marie Lefèvre")
	for matchers, says := range map[string]string{"cdn": "illisibles", "severity=~.*": "Trop large"} {
		page := s.page(t, operator, "/silences?lang=fr&matchers="+url.QueryEscape(matchers))
		has(t, matchers, page.Find("#silence-preview"), says)
		if page.Find("#silence-make").Length() != 0 {
			t.Errorf("%s: can be made", matchers)
		}
	}
	bad := url.Values{"matchers": {"cdn=maison"}, "seen": {"cdn=maison"}, "reason": {"x"}, "until": {"own"}, "own": {"2001-01-01T10:00"}}
	s.does(t, operator, "/silences", bad, http.StatusUnprocessableEntity)
}

// The night on which the clock is set has another length, and nobody's turn a gap.
func TestOnCallOverAChangeOfTheClock(t *testing.T) {
	s := newAlertSite(t, nil)
	page := s.page(t, s.signedIn(t, "viewer"), "/on-call?lang=fr")
	if page.Find(".schedule").Length() != 3 || page.Find("#schedule-cdn .turns .name").Length() != 3 {
		t.Errorf("%d schedules, %d lanes", page.Find(".schedule").Length(), page.Find("#schedule-cdn .turns .name").Length())
	}
	if page.Find("#schedule-cdn .lane rect.override").Length() != 1 || page.Find("#schedule-nuit .lane rect.gap").Length() == 0 {
		t.Error("the override, or the gap, is not drawn")
	}
	has(t, "overrides", page.Find("#overrides"), "Inès Caron", "cdn", "échange")
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	policy := alertPolicy(t)
	l := s.locales.byCode("fr")
	r := alertsReader{locale: l, snap: &alerts.Snapshot{}, policy: policy, now: time.Date(2026, 10, 20, 12, 0, 0, 0, paris), zone: paris}
	v := r.schedule(&policy.Schedules[0])
	if !strings.Contains(v.Change, "25 heures") || !strings.Contains(v.Change, "25 oct") {
		t.Errorf("the change of the clock: %q", v.Change)
	}
	var whole float64
	for _, lane := range v.People {
		for _, b := range lane.Bars {
			var width float64
			if _, err := fmt.Sscanf(b.Width, "%f%%", &width); err != nil {
				t.Fatal(err)
			}
			whole += width
		}
	}
	if math.Abs(whole-100) > 0.5 {
		t.Errorf("the turns of two weeks are %.2f %% of them", whole)
	}
}

func TestWhomItWouldTell(t *testing.T) {
	s := newAlertSite(t, nil)
	viewer := s.signedIn(t, "viewer")
	page := s.page(t, viewer, "/on-call?lang=fr&group=cdn&severity=critical")
	has(t, "critical", page.Find("#explain"), "routes[0] ne convient pas : groupe est « cdn », il faut « attack »", "routes[1] convient", "canal noc", "astreinte cdn", "escalade cdn, étape 1", "si cela échoue", "Paul Adam", "la fin est dite")
	has(t, "a warning", s.page(t, viewer, "/on-call?lang=en&group=cdn&severity=warning").Find("#explain"), "no route matches: the default holds", "at once: channel noc")
}

func TestOverridesAndMaintenance(t *testing.T) {
	s := newAlertSite(t, nil)
	operator := s.signedIn(t, "operator")
	soon, later := s.now.Add(time.Hour).Format(inputMinute), s.now.Add(5*time.Hour).Format(inputMinute)
	s.does(t, operator, "/on-call/overrides", url.Values{"schedule": {"video"}, "person": {"paul"}, "from": {soon}, "to": {later}, "reason": {"malade"}}, http.StatusSeeOther)
	s.audit.wants(t, "operator", DidMakeOverride, "video paul malade", "ok")
	if n := len(s.room.Snapshot().Overrides); n != 2 {
		t.Errorf("%d overrides", n)
	}
	has(t, "backwards", s.does(t, operator, "/on-call/overrides?lang=fr", url.Values{"schedule": {"video"}, "person": {"paul"}, "from": {later}, "to": {soon}}, http.StatusUnprocessableEntity).Find(".refused"), "la fin doit venir après le début")
	s.does(t, operator, "/maintenance", url.Values{"title": {"Bascule du cache"}, "group": {"cdn"}, "label": {"cdn"}, "value": {"maison"}, "until": {"120"}}, http.StatusSeeOther)
	works := s.room.Snapshot().Maintenance
	if len(works) != 1 || works[0].Title != "Bascule du cache" || works[0].By != "operator" {
		t.Fatalf("maintenance %+v", works)
	}
	has(t, "the page", s.page(t, operator, "/silences?lang=fr").Find("#maintenance"), "Bascule du cache", "groupe cdn · CDN maison", "Marie Lefèvre")
	s.does(t, operator, "/maintenance/"+works[0].ID+"/end", url.Values{}, http.StatusSeeOther)
	has(t, "without a title", s.does(t, operator, "/maintenance?lang=fr", url.Values{"until": {"30"}}, http.StatusUnprocessableEntity).Find(".refused"), "un titre")
}

func TestRulesInWordsWithTheirDials(t *testing.T) {
	s := newAlertSite(t, nil)
	viewer := s.signedIn(t, "viewer")
	page := s.page(t, viewer, "/alerts/rules?lang=fr")
	has(t, "a group", page.Find("#group-cdn"), "CDN et FAI", "rules/cdn.yaml", "réglé sur 7 par Marie Lefèvre", "Premier octet", "Alerte quand", "en alerte", "à l’essai")
	if page.Find("#dial-cdn [aria-pressed=true]").Text() != "7" || page.Find("#dial-cdn .usual").Text() != "5" || page.Find("#dial-attack .usual").Text() != "4" {
		t.Error("the dials do not stand where they do")
	}
	if _, off := page.Find("#dial-cdn button").First().Attr("disabled"); !off {
		t.Error("a viewer may turn the dial")
	}
	has(t, "this process does not judge", s.page(t, viewer, "/alerts/dials/cdn?lang=fr").Find("main"), "ne juge pas les règles")
	s.previews.of("cdn").at, s.previews.of("cdn").result = time.Now(), previewed(s.now)
	part := s.page(t, viewer, "/alerts/dials/cdn?lang=fr")
	if part.Find(".columns li").Length() != 10 || part.Find(".columns .now b").Text() != "3" || part.Find(".columns li").Last().Find(".dots i").Length() != maxDots {
		t.Errorf("the preview: %s", plain(part.Find(".columns")))
	}
	has(t, "what fired", part.Find(".preview"), "Au réglage actuel (7) : 3 alertes", "Premier octet · cloudfront · Free")
	if r := s.get(t, viewer, "/alerts/dials/nothing"); r.StatusCode != http.StatusNotFound {
		t.Errorf("a dial that there is not: %d", r.StatusCode)
	}
}

// previewed is an hour that gets louder with the setting.
func previewed(now time.Time) []alerts.Previewed {
	var all []alerts.Previewed
	for n, problems := range []int{0, 0, 1, 1, 1, 2, 3, 4, 7, 14} {
		p := alerts.Previewed{Setting: n + 1, Problems: problems}
		for i := range problems {
			severity := notice.Warning
			if i == 0 {
				severity = notice.Critical
			}
			p.Fired = append(p.Fired, alerts.PreviewedAlert{Rule: "first-byte", Labels: map[string]string{"cdn": "cloudfront", "isp": "Free"}, From: now.Add(-time.Duration(i+5) * time.Minute), To: now.Add(-time.Duration(i) * time.Minute), Severity: severity})
		}
		all = append(all, p)
	}
	return all
}

func TestChannelsTellWhetherTheyWork(t *testing.T) {
	s := newAlertSite(t, nil)
	page := s.page(t, s.signedIn(t, "operator"), "/alerts/channels?lang=fr")
	has(t, "sms", page.Find("#channel-sms"), "sms", "échoue", "https://sms.example.com/…", "dernier échec", "demande refusée · 400: unknown number", "10 messages par 60 s au plus", "ensuite : mail")
	has(t, "noc", page.Find("#channel-noc"), "marche", "Slack", "dernier succès")
	has(t, "tests", page.Find("#tests"), "canal noc", "accepté", "98 ms")
	has(t, "the exercise", page.Find("#drill"), "EXERCICE", "Aucun exercice en cours")
	if html, _ := page.Html(); strings.Contains(html, "s3cret") {
		t.Error("a secret is on the page")
	}
	for _, ref := range []string{"channel:noc", "person:marie", "oncall:cdn", "route:routes[0]", "route:default"} {
		if page.Find(`input[name=ref][value="`+ref+`"]`).Length() != 1 {
			t.Errorf("%s cannot be tested", ref)
		}
	}
	has(t, "people", page.Find("main"), "Marie Lefèvre", "+33639980141", "marie@example.com")
}

func TestTheLogAndItsFile(t *testing.T) {
	s := newAlertSite(t, nil)
	viewer := s.signedIn(t, "viewer")
	has(t, "the log", s.page(t, viewer, "/alerts/log?lang=fr").Find("#alert-log"), "L’incident s’ouvre", "Free × CloudFront", "Marie Lefèvre règle la sensibilité de CDN et FAI : 5 → 7", "regie-1 juge les règles")
	if n := s.page(t, viewer, "/alerts/log?what=dial").Find(".path > li").Length(); n != 1 {
		t.Errorf("%d lines of dials", n)
	}
	r := s.get(t, viewer, "/alerts/log.csv?what=opened")
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	body := string(raw)
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/csv") || strings.Count(body, "\n") != 2 || !strings.Contains(body, ",opened,p1,") {
		t.Errorf("%s: %s", r.Header.Get("Content-Type"), body)
	}
	s.audit.wants(t, "viewer", DidExportTrail, "opened", "ok")
}

func TestTheTrailInWords(t *testing.T) {
	languages, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	r := alertsReader{locale: languages[0], policy: &route.Policy{}, now: time.Date(2026, 7, 19, 21, 0, 0, 0, time.UTC), zone: time.UTC}
	for _, tt := range []struct {
		what string
		args map[string]string
		want string
	}{
		{"recovered", map[string]string{"labels": "source=npaw", "value": "3", "usual": "27", "since": "2026-07-19T20:42:00Z", "weak": "1"}, "Back to normal, source npaw (3), usually 27 · was true since 20:42"},
		{"no-data", map[string]string{"labels": "cdn=maison isp=Free Mobile", "why": "stale", "usual": "27", "severity": "critical", "since": "2026-07-19T20:42:00Z"}, "No data to judge by, CDN maison, ISP Free Mobile (stale), usually 27 · the alert stays critical, true since 20:42"},
		{"firing", map[string]string{"labels": "hand written", "value": "3"}, "The alert fires, hand written (3)"},
		{"resolved", map[string]string{"lasted": "7m42s"}, "The incident is over after 7 min"},
		{"said", map[string]string{"to": "person:paul", "took": "29ms"}, "Said to paul in 29 ms"},
	} {
		text, rest := r.line(&alerts.Line{What: tt.what, Args: tt.args})
		if got := strings.ReplaceAll(text, nbsp, " "); got != tt.want || rest != "" {
			t.Errorf("%s: %q and %q, want %q", tt.what, got, rest, tt.want)
		}
	}
	many := make([]pathStep, 0, 12)
	for range 11 {
		many = append(many, pathStep{Kind: "data", what: "pending"})
	}
	many = append(many, pathStep{Kind: "data", what: "firing"})
	if got := r.likewise(many); len(got) != 4 || got[2].Text != "likewise 9 more alerts" || got[3].what != "firing" {
		t.Errorf("eleven times the same: %+v", got)
	}
}
