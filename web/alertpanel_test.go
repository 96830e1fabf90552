package web

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
	"vigie/cockpit"
	"vigie/internal/account"
)

var room = &route.Policy{People: []route.Person{{ID: "marie", Name: "Marie Durand", Account: "operator"}}}

// firing is what is known of alerts at the board's moment when so many call.
func firing(b *cockpit.Board, n int) *alertsNow {
	s := &alerts.Snapshot{Version: 1, Judged: b.At.Add(-2 * time.Second), Leader: "vigie-1"}
	spark := make([]float64, 30)
	for i := range spark {
		spark[i] = 0.002 + 0.0004*math.Sin(float64(i)) + 0.03*max(0, float64(i-24))/6
	}
	spark[3] = -1
	for i, of := range []struct {
		severity notice.Severity
		fr, en   string
		labels   map[string]string
		signal   string
		ago      time.Duration
		viewers  float64
		carriers []alerts.Carrier
		acked    bool
		owner    string
	}{
		{notice.Critical, "Premier octet, Free × CloudFront", "First byte, Free × CloudFront", map[string]string{"cdn": "cloudfront", "isp": "Free"}, "first_byte", 7*time.Minute + 4*time.Second, 212_000,
			[]alerts.Carrier{{Dimension: "isp", Value: "Free", Share: .94}, {Dimension: "cdn", Value: "cloudfront", Share: .99}}, false, "Vidéo"},
		{notice.Critical, "droits : erreurs", "droits: errors", map[string]string{"service": "droits"}, "service_errors", 95 * time.Second, 18_200, nil, true, "API"},
		{notice.Warning, "Erreurs, Akamai", "Errors, Akamai", map[string]string{"cdn": "akamai"}, "errors", 31 * time.Second, 8_400, []alerts.Carrier{{Dimension: "isp", Value: "SFR", Share: .61}}, false, ""},
		{notice.Warning, "Délai de la source mux-export", "Lag of source mux-export", map[string]string{"source": "mux-export"}, "source_lag", 62 * time.Minute, math.NaN(), nil, false, ""},
		{notice.Info, "Part du pair-à-pair en baisse", "Peer-to-peer share is down", nil, "offload", 12 * time.Minute, math.NaN(), nil, false, ""},
		{notice.Warning, "Tentatives de connexion", "Sign-ins that fail", map[string]string{"service": "login"}, "login_failures", 4 * time.Minute, 3_100, nil, true, ""},
	} {
		if i == n {
			break
		}
		p := alerts.Problem{
			ID: "p" + strconv.Itoa(i), Key: of.en, Group: "cdn", Rule: "rule-" + strconv.Itoa(i), Title: rule.Text{FR: of.fr, EN: of.en}, Severity: of.severity, Owner: of.owner, Labels: of.labels,
			Detail: rule.Text{FR: "Interconnexion à 97 % du réservé", EN: "Interconnection at 97% of what is reserved"}, Runbook: "https://runbooks.example/" + of.signal,
			Began: b.At.Add(-of.ago), Facts: alerts.Facts{Viewers: of.viewers, Most: of.viewers, ViewersKnown: of.viewers > 0, Carriers: of.carriers, Spark: spark, Value: .032, ValueKnown: true},
			Alerts: []alerts.Member{{Alert: rule.Alert{Key: "a" + strconv.Itoa(i), Labels: of.labels, Usual: .004, UsualKnown: true, Severity: of.severity}, Signal: of.signal}},
		}
		incident := alerts.Incident{Problem: p, Said: 1}
		if of.acked {
			incident.Acked = &alerts.Ack{By: "operator", At: b.At.Add(-time.Minute), As: of.severity}
		}
		s.Open = append(s.Open, incident)
	}
	return newAlertsNow(s, room, 3)
}

// busy is firing with all that is not listed beside it, and what was over lately.
func busy(b *cockpit.Board) *alertsNow {
	n := firing(b, 6)
	quiet := func(id string, mute *alerts.Mute, monitor bool) {
		n.Open = append(n.Open, alerts.Incident{Problem: alerts.Problem{
			ID: id, Title: rule.Text{FR: "Muette " + id, EN: "Muted " + id}, Severity: notice.Critical, Began: b.At.Add(-time.Hour), Mute: mute, Monitor: monitor, Labels: map[string]string{"cdn": "maison"},
		}})
	}
	quiet("q1", &alerts.Mute{Kind: alerts.Silenced, Until: b.At.Add(time.Hour)}, false)
	quiet("q2", &alerts.Mute{Kind: alerts.Maintained}, false)
	quiet("q3", &alerts.Mute{Kind: alerts.Consequence, ID: "p0"}, false)
	quiet("q4", nil, true)
	weak := rule.Alert{Rule: "shift", Group: "attack", Labels: map[string]string{"cdn": "akamai"}, Status: rule.Firing, Since: b.At.Add(-time.Minute), Weak: true}
	n.Weak = []rule.Alert{weak, weak}
	n.Blind = []rule.Alert{{Rule: "errors", Group: "cdn", Status: rule.NoData, Since: b.At.Add(-time.Hour), Why: "no data"}}
	over := n.Open[2]
	over.ID, over.Title, over.Began, over.Ended = "over", rule.Text{FR: "Trafic Maison en baisse", EN: "Traffic of Maison is down"}, b.At.Add(-40*time.Minute), b.At.Add(-5*time.Minute)
	n.Closed = []alerts.Incident{over}
	n.Open[0].Match, n.Open[1].Acked.Note = "final", "je regarde"
	n.Open[0].Again, n.Open[0].More, n.Open[2].Failing = 1, 11, 2
	return n
}

// longest is more than a wall should ever have to show.
func longest(b *cockpit.Board) *alertsNow {
	n := busy(b)
	for i := range n.Open {
		n.Open[i].Title = rule.Text{FR: strings.Repeat("Premier octet d’un réseau au nom bien long ", 4), EN: strings.Repeat("First byte of a network with a long name ", 4)}
		n.Open[i].Facts.Viewers, n.Open[i].Facts.ViewersKnown = 12_345_678, true
		n.Open[i].Facts.Carriers = []alerts.Carrier{{Dimension: "isp", Value: "Société réunionnaise du radiotéléphone", Share: .94}}
		n.Open[i].Began = b.At.Add(-11 * time.Hour)
		if n.Open[i].Acked != nil {
			n.Open[i].Acked.By = "Marie-Antoinette de La Rochefoucauld"
		}
	}
	more := n.Open
	for i := range 20 {
		of := more[i%6]
		of.ID = "more" + strconv.Itoa(i)
		n.Open = append(n.Open, of)
	}
	return n
}

// broken is when the alerts themselves are in trouble.
func broken(b *cockpit.Board) *alertsNow {
	n := firing(b, 2)
	n.Judged, n.Leader, n.Trouble = b.At.Add(-73*time.Second), "", []string{"channel:noc", "channel:sms", "no_leader"}
	n.Drill = alerts.Drill{On: true, By: "operator", Since: b.At.Add(-10 * time.Minute)}
	return n
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func alertPage(t *testing.T, b *cockpit.Board, n *alertsNow, page, language string) *goquery.Document {
	t.Helper()
	return parse(t, renderAlerts(t, b, n, viewKey{page: page, language: language, metric: cockpit.MetricBits}))
}

func TestIncidentsSayWhatAndWho(t *testing.T) {
	b := final(t, 0)
	page := alertPage(t, b, busy(b), pageBoard, "fr")
	lines := page.Find("#alerts .incident")
	for i, want := range []string{
		"Premier octet, Free × CloudFront critique 7:04 personne 212 000 spectateurs 212 k 94 % sur Free, 99 % sur CloudFront",
		"droits : erreurs critique 1:35 Marie Durand depuis 18:23 18 200 spectateurs 18,2 k",
		"Erreurs, Akamai à surveiller 0:31 personne 8 400 spectateurs 8 400 61 % sur SFR",
		"Délai de la source mux-export à surveiller 1:02:00 personne",
		"Part du pair-à-pair en baisse information 12:00 personne",
	} {
		line := lines.Eq(i)
		if got := plain(line); !strings.HasPrefix(got, want) {
			t.Errorf("line %d says %q, want %q", i, got, want)
		}
		if line.Find(".sign").Length() != 1 || line.Find("svg.spark path").Length() == 0 {
			t.Errorf("line %d has %d signs and %d lines of a sparkline", i, line.Find(".sign").Length(), line.Find("svg.spark path").Length())
		}
	}
	if got := plain(lines.Eq(2).Find(".value, .tag, .failing")); !strings.Contains(got, ", d’ordinaire 0,4") || !strings.HasSuffix(got, "2 envois non aboutis") {
		t.Errorf("the third says %q", got)
	}
	if got := plain(lines.Eq(0).Find(".tag")); got != "12 alertes revenue 1 fois" {
		t.Errorf("the first says %q", got)
	}
	if got := plain(page.Find("#alerts .beside")); got != "1 sans données 2 muettes 1 conséquence 2 signaux faibles 1 à l’essai" {
		t.Errorf("beside them: %q", got)
	}
	if !lines.Eq(0).HasClass("nobody") || lines.Eq(1).HasClass("nobody") {
		t.Error("what nobody has is not told from what somebody has")
	}
	for selector, want := range map[string]string{
		"#incident-p0 form[data-act=ack]": "/alerts/p0/ack", "#incident-p0 .runbook": "https://runbooks.example/first_byte", "#incident-p0 .call": "tel:+33612345641",
		"#incident-p0 .open": "/alerts/p0", "#incident-p0 a[href*=silences]": "/silences/new?problem=p0", "#incident-p0 a[href*=hand-over]": "/alerts/p0#hand-over",
	} {
		e := page.Find(selector)
		if got := e.AttrOr("href", e.AttrOr("action", "")); got != want {
			t.Errorf("%s leads to %q, want %q", selector, got, want)
		}
	}
	if page.Find("#incident-p1 form[data-act=ack]").Length() != 0 {
		t.Error("what somebody has can be taken again")
	}
	english := alertPage(t, b, busy(b), pageBoard, "en")
	if got := plain(english.Find("#alerts .incident").First()); !strings.HasPrefix(got, "First byte, Free × CloudFront critical 7:04 nobody 212,000 viewers") {
		t.Errorf("in English it says %q", got)
	}
	// Titles are others' words.
	n := firing(b, 1)
	n.Open[0].Title.FR, n.Open[0].Runbook = `<img src=x onerror=alert(1)>`, "javascript:alert(1)"
	evil := alertPage(t, b, n, pageBoard, "fr")
	if evil.Find("img").Length() != 0 || evil.Find("#alerts .runbook").Length() != 0 {
		t.Error("a title or a runbook of somebody else's gets into the page")
	}
}

func TestNoAlertIsGreyAndSaysAsOfWhen(t *testing.T) {
	b := quiet(t)
	page := alertPage(t, b, firing(b, 0), pageBoard, "fr")
	head := page.Find("#alerts-head .age")
	if got := plain(page.Find("#alerts .nothing")); got != "Aucune alerte" || page.Find("#alerts .nothing .sign.fine").Length() != 1 {
		t.Errorf("it says %q", got)
	}
	if head.AttrOr("data-as-of", "") != strconv.FormatInt(b.At.Add(-2*time.Second).UnixMilli(), 10) || head.AttrOr("title", "") != "Données jugées jusqu’à 18:24:05" {
		h, _ := goquery.OuterHtml(head)
		t.Errorf("as of: %s", h)
	}
	// A rule that sees nothing, or no rules at all, is not fine.
	blind := firing(b, 0)
	blind.Blind = make([]rule.Alert, 3)
	bare := firing(b, 0)
	bare.rules, bare.Judged, bare.Leader = 0, time.Time{}, ""
	for name, n := range map[string]*alertsNow{"blind": blind, "without rules": bare} {
		page := alertPage(t, b, n, pageWall, "en")
		if page.Find("#alerts .nothing .sign.unknown").Length() != 1 || page.Find("#alerts .nothing .sign.fine").Length() != 0 || page.Find("#alarm .unjudged").Length() != 0 {
			t.Errorf("%s: it says %q", name, plain(page.Find("#alerts")))
		}
	}
	if page := alertPage(t, b, nil, pageBoard, "fr"); plain(page.Find("#alerts")) != "" || page.Find("#alarm").AttrOr("data-alarm", "") != "" {
		t.Errorf("where there are no alerts it says %q", plain(page.Find("#alerts")))
	}
}

func TestAlertsThatAreNotJudgedAreNeverFine(t *testing.T) {
	b := quiet(t)
	for name, tt := range map[string]struct {
		edit func(*alertsNow)
		want string
	}{
		"late":      {func(n *alertsNow) { n.Judged = b.At.Add(-16 * time.Second) }, "Les alertes ne sont plus jugées depuis 18:23:51"},
		"no leader": {func(n *alertsNow) { n.Leader = "" }, "Les alertes ne sont plus jugées depuis 18:24:05"},
		"told":      {func(n *alertsNow) { n.Trouble = []string{"late"} }, "Les alertes ne sont plus jugées depuis 18:24:05"},
		"never":     {func(n *alertsNow) { n.Judged, n.Leader = time.Time{}, "" }, "Les alertes n’ont pas encore été jugées"},
		"in time":   {func(n *alertsNow) { n.Judged = b.At.Add(-15 * time.Second) }, ""},
	} {
		for _, page := range []string{pageBoard, pageWall} {
			n := firing(b, 0)
			tt.edit(n)
			doc := alertPage(t, b, n, page, "fr")
			if got := plain(doc.Find("#alarm .unjudged")); got != tt.want {
				t.Errorf("%s, %s: over the page it says %q, want %q", name, page, got, tt.want)
			}
			panel := tt.want
			if page == pageWall {
				panel = strings.Replace(panel, "Les alertes ne sont plus", "Plus", 1)
			}
			if got := plain(doc.Find("#alerts .trouble")); got != panel {
				t.Errorf("%s, %s: the panel says %q, want %q", name, page, got, tt.want)
			}
			if fine := doc.Find("#alerts .sign.fine, #alerts .nothing").Length(); (fine != 0) != (tt.want == "") {
				t.Errorf("%s, %s: %d signs say that all is well", name, page, fine)
			}
			var data alarmData
			if err := json.Unmarshal([]byte(doc.Find("#alarm").AttrOr("data-alarm", "")), &data); err != nil || data.Blind != (tt.want != "") {
				t.Errorf("%s: the script is told %+v (%v)", name, data, err)
			}
		}
	}
	n := firing(b, 0)
	n.Trouble = []string{"channel:noc", "channel:sms"}
	if got := plain(alertPage(t, b, n, pageBoard, "en").Find("#alerts .trouble")); got != "Does not get through: noc, sms" {
		t.Errorf("channels in trouble: %q", got)
	}
}

// What an alert is about is not said again by the board's own list, unless the alert calls nobody or is less loud.
func TestConcernsOfAlertsAreSaidOnce(t *testing.T) {
	b := final(t, 0)
	said := func(n *alertsNow) string { return plain(alertPage(t, b, n, pageBoard, "fr").Find("#concerns .lines")) }
	before := said(firing(b, 0))
	for _, name := range []string{"Free × CloudFront : premier octet", "droits", "mux-export"} {
		if !strings.Contains(before, name) {
			t.Fatalf("without alerts the concerns are %q", before)
		}
	}
	after := said(firing(b, 4))
	for _, name := range []string{"Free × CloudFront : premier octet", "droits", "mux-export"} {
		if strings.Contains(after, name) {
			t.Errorf("with an alert about it, the concerns still have %s: %q", name, after)
		}
	}
	page := alertPage(t, b, firing(b, 4), pageBoard, "fr")
	if got := plain(page.Find("#concerns-title")); got != "Sans alerte" {
		t.Errorf("the rest is called %q", got)
	}
	n := firing(b, 1)
	n.Open[0].Mute = &alerts.Mute{Kind: alerts.Silenced}
	if got := said(n); !strings.Contains(got, "Free × CloudFront : premier octet ×3,2 depuis 101′ · 212 000 spectateurs · alerte muette") {
		t.Errorf("a muted alert hides what the board finds: %q", got)
	}
	n = firing(b, 1)
	n.Open[0].Severity = notice.Warning
	if got := said(n); !strings.Contains(got, "· alerte en cours") {
		t.Errorf("a quieter alert hides what the board finds: %q", got)
	}
	// All of them taken up: nothing is said in contradiction.
	b.Concerns = b.Concerns[:1]
	if page := alertPage(t, b, firing(b, 1), pageBoard, "fr"); page.Find("#concerns[hidden]").Length() != 1 {
		t.Errorf("beside an alert the concerns say %q", plain(page.Find("#concerns")))
	}
}

func TestTheSentenceIsAboutTheLoudestAlert(t *testing.T) {
	b := final(t, 0)
	about := func(n *alertsNow) string { return plain(alertPage(t, b, n, pageBoard, "fr").Find("#worst")) }
	if got := about(firing(b, 1)); !strings.Contains(got, "Free × CloudFront : premier octet ×3,2 depuis 101′") || !strings.Contains(got, "personne · ") || !strings.Contains(got, "Je prends Procédure Appeler Vidéo") {
		t.Errorf("an alert about the cell: %q", got)
	}
	n := firing(b, 2)
	n.Open = n.Open[1:]
	if got := about(n); !strings.HasPrefix(got, "critique droits : erreurs depuis 106′ — 18 200 spectateurs Marie Durand depuis 18:23 · Interconnexion") || strings.Contains(got, "Je prends") {
		t.Errorf("an alert about something else, as loud: %q", got)
	}
	n = firing(b, 3)
	n.Open = n.Open[2:]
	if got := about(n); !strings.Contains(got, "Free × CloudFront : premier octet") || strings.Contains(got, "personne") {
		t.Errorf("an alert that is less loud than the cell: %q", got)
	}
	// One about the whole CDN has the sentence, whatever its cells deviate in, and the cell is a word in it; before
	// one that is as loud and about something else, unless somebody has it.
	n = firing(b, 3)
	n.Open[1].Acked = nil
	n.Open = n.Open[1:]
	wide := &n.Open[1]
	wide.Severity, wide.Labels, wide.Alerts[0].Labels, wide.Title.FR = notice.Critical, map[string]string{"cdn": "cloudfront"}, map[string]string{"cdn": "cloudfront"}, "CloudFront répond 9,8 % d’erreurs"
	const led = "critique CloudFront répond 9,8 % d’erreurs depuis 107′ — 8 400 spectateurs personne · Interconnexion à 97 % du réservé · surtout Free × CloudFront : premier octet ×3,2"
	if got := about(n); !strings.HasPrefix(got, led) {
		t.Errorf("an alert about the CDN of the cell: %q", got)
	}
	wide.Acked = &alerts.Ack{By: "operator", At: b.At, As: notice.Critical}
	if got := about(n); !strings.HasPrefix(got, "critique droits : erreurs depuis") {
		t.Errorf("somebody has the one about the CDN: %q", got)
	}
	// What is muted as its consequence is said by its cause.
	n = firing(b, 2)
	n.Open[0].Mute = &alerts.Mute{Kind: alerts.Consequence, ID: n.Open[1].ID}
	n.Open[1].Acked = nil
	if got := about(n); !strings.HasPrefix(got, "critique droits : erreurs depuis 106′ — 18 200 spectateurs personne · ") || !strings.Contains(got, "surtout Free × CloudFront : premier octet ×3,2") {
		t.Errorf("an alert of which the cell is a consequence: %q", got)
	}
	if got := plain(alertPage(t, b, n, pageBoard, "fr").Find("#concerns .lines")); strings.Contains(got, "Free × CloudFront : premier octet") {
		t.Errorf("a consequence is said twice: %q", got)
	}
	b = quiet(t)
	n = firing(b, 1)
	n.Open[0].Severity = notice.Info
	if got := about(n); !strings.Contains(got, "Rien ne dévie") {
		t.Errorf("an alert that only informs: %q", got)
	}
	page := alertPage(t, final(t, 0), firing(final(t, 0), 1), pageWall, "fr")
	if page.Find("#worst a, #worst button, #alerts a, #alerts button, #alerts form").Length() != 0 {
		t.Error("on a wall there is something to touch")
	}
}

func TestASightHasTheAlertsThatMayBeItsOwn(t *testing.T) {
	for name, tt := range map[string]struct {
		scope cockpit.Scope
		want  string
	}{
		"everything":       {cockpit.Scope{}, "p0 p1 p2 p3"},
		"its own cell":     {cockpit.Scope{CDN: "cloudfront", ISP: "Free"}, "p0 p1 p3"},
		"another CDN":      {cockpit.Scope{CDN: "akamai"}, "p1 p2 p3"},
		"another network":  {cockpit.Scope{ISP: "Orange"}, "p1 p2 p3"},
		"a channel's view": {cockpit.Scope{Channel: "tf1"}, "p0 p1 p2 p3"},
	} {
		b := final(t, 0)
		b.Sight.Scope = tt.scope
		var got []string
		alertPage(t, b, firing(b, 4), pageBoard, "en").Find("#alerts .incident").Each(func(_ int, l *goquery.Selection) {
			got = append(got, strings.TrimPrefix(l.AttrOr("id", ""), "incident-"))
		})
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
	// A stretch of the past has what went on then, and nothing to do about it.
	b := final(t, 0)
	b.Sight.From, b.Sight.To = b.At.Add(-20*time.Minute).Unix(), b.At.Add(-10*time.Minute).Unix()
	page := alertPage(t, b, busy(b), pageBoard, "fr")
	if got := plain(page.Find("#alerts .incidents")); !strings.Contains(got, "Trafic Maison en baisse") || strings.Contains(got, "Akamai à surveiller 0:31") || page.Find("#alerts .acts").Length() != 0 {
		t.Errorf("ten minutes ago: %q", got)
	}
}

func TestChangesAndMarksHaveAlerts(t *testing.T) {
	b := final(t, 0)
	page := alertPage(t, b, busy(b), pageBoard, "fr")
	changes := plain(page.Find("#changes"))
	for _, want := range []string{"Erreurs, Akamai alerte à surveiller · 8 400 spectateurs < 1 min", "Trafic Maison en baisse alerte terminée après 35:00 5 min", "Premier octet, Free × CloudFront alerte critique · 212 000 spectateurs 7 min"} {
		if !strings.Contains(changes, want) {
			t.Errorf("what changed lacks %q: %q", want, changes)
		}
	}
	if strings.Contains(changes, "Free × CloudFront : ") {
		t.Errorf("what an alert says is said again: %q", changes)
	}
	var marks struct {
		Begun  []begunMark
		Alerts []alertMark
	}
	if err := json.Unmarshal([]byte(page.Find("#marks").AttrOr("data-marks", "")), &marks); err != nil {
		t.Fatal(err)
	}
	at := map[string]alertMark{}
	for _, m := range marks.Alerts {
		at[m.ID] = m
	}
	if len(at) != 7 || at["over"].End != b.At.Add(-5*time.Minute).Unix() || at["p0"].End != 0 || at["p0"].Health != "critical" || at["q1"].ID != "" {
		t.Errorf("marks: %+v", at)
	}
	if want := "/?from=2022-12-18T17%3A07%3A00Z&to=2022-12-18T17%3A22%3A00Z"; at["p0"].URL != want {
		t.Errorf("a mark leads to %q, want %q", at["p0"].URL, want)
	}
	if got := plain(page.Find("#alerts-table tbody tr").First()); got != "Délai de la source mux-export à surveiller 61′ en cours" {
		t.Errorf("in the table: %q", got)
	}
	if wall := alertPage(t, b, busy(b), pageWall, "fr"); strings.Contains(wall.Find("#marks").AttrOr("data-marks", ""), `"url"`) {
		t.Error("marks on a wall lead away")
	}
}

// Every page with a bar says that an exercise goes on.
func TestADrillIsOnEveryPage(t *testing.T) {
	b := final(t, 0)
	n := firing(b, 1)
	n.Drill = alerts.Drill{On: true, By: "operator", Since: b.At.Add(-10 * time.Minute)}
	s := newSite(t, nil)
	s.known = func() *alertsNow { return n }
	s.Publish(b)
	admin := s.signedIn(t, "admin")
	for _, path := range []string{"/?lang=fr", "/wall?lang=fr", "/sources?lang=fr", "/matches?lang=fr", "/people?lang=fr", "/me?lang=fr", "/audit?lang=fr"} {
		if got := plain(document(t, s.get(t, admin, path)).Find("#alarm .drill")); got != "EXERCICE lancé par Marie Durand à 18:14 : tout ce qui est envoyé le dit" {
			t.Errorf("%s says %q", path, got)
		}
	}
	n.Drill.On = false
	if page := document(t, s.get(t, admin, "/?lang=fr")); page.Find("#alarm .drill").Length() != 0 {
		t.Error("it is over, and still said")
	}
}

func TestAnAlertIsShownAtOnce(t *testing.T) {
	b := final(t, 0)
	n := firing(b, 0)
	s := newSite(t, nil)
	s.known = func() *alertsNow { return n }
	s.Publish(b)
	c := s.dial(t, s.signedIn(t, "viewer"), "metric=traffic&lang=fr")
	if first := receive(t, c); !strings.Contains(first.HTML["alerts"], "Aucune alerte") {
		t.Fatalf("at first: %s", first.HTML["alerts"])
	}
	n = firing(b, 2)
	s.showAgain()
	f := receive(t, c)
	if f.Kind != "delta" || !strings.Contains(f.HTML["alerts"], "incident-p0") || len(f.Charts) != 0 {
		t.Fatalf("then %s with %d charts: %s", f.Kind, len(f.Charts), f.HTML["alerts"])
	}
	if _, has := f.HTML["matrix"]; has {
		t.Error("what alerts have no part in is sent again")
	}
	s.showAgain() // nothing is another
	s.Publish(final(t, 1))
	f = receive(t, c)
	for f.Kind == "beat" {
		f = receive(t, c)
	}
	if f.Kind != "delta" || f.From != 2 {
		t.Fatalf("the next board is %s from %d", f.Kind, f.From)
	}
	if points := chartOf(t, f, "flow").Lines[0].Points; len(points) > 20 {
		t.Errorf("after a change of alerts the charts are sent whole: %d points", len(points))
	}
	if _, has := f.HTML["alerts"]; has {
		t.Error("a second later the list is sent again though nothing of it changed but how long it lasts")
	}
}

func TestOnlyWhoMayActHasButtons(t *testing.T) {
	b := final(t, 0)
	s := newSite(t, nil)
	s.known = func() *alertsNow { return firing(b, 2) }
	s.Publish(b)
	for who, may := range map[string]bool{"viewer": false, "author": false, "operator": true, "admin": true} {
		page := document(t, s.get(t, s.signedIn(t, who), "/?lang=fr"))
		if _, operates := page.Find("#board").Attr("data-operates"); operates != may || (page.Find("#take").Length() == 1) != may {
			t.Errorf("%s has buttons: %v, want %v", who, operates, may)
		}
	}
}

func TestAlertsForPrograms(t *testing.T) {
	b := final(t, 0)
	n := busy(b)
	s := newSite(t, nil)
	s.known = func() *alertsNow { return n }
	s.Publish(b)
	_, secret := s.token(t, account.API, "Grafana")
	ask := func(path string) *http.Response {
		return s.do(t, browser(t), "GET", path, nil, http.Header{"Authorization": {"Bearer " + secret}})
	}
	var a struct {
		Judged time.Time
		Open   []struct {
			ID, Severity string
			Viewers      *float64
			Acknowledged *struct{ By string }
			Muted        *string
			Monitor      bool
		}
		Closed, Weak, Blind []struct{ ID string }
	}
	r := ask("/api/v1/alerts")
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("answered %d (%v)", r.StatusCode, err)
	}
	if len(a.Open) != 10 || len(a.Closed) != 1 || len(a.Weak) != 2 || len(a.Blind) != 1 || !a.Judged.Equal(n.Judged) {
		t.Errorf("it has %d open, %d closed, %d weak, %d blind, judged to %v", len(a.Open), len(a.Closed), len(a.Weak), len(a.Blind), a.Judged)
	}
	if o := a.Open[1]; o.Acknowledged == nil || o.Acknowledged.By != "operator" || *o.Viewers != 18_200 || o.Muted != nil {
		t.Errorf("the second is %+v", o)
	}
	if o := a.Open[3]; o.Acknowledged != nil || o.Viewers != nil {
		t.Errorf("what is not known is %+v", o)
	}
	if o := a.Open[6]; o.Muted == nil || *o.Muted != "silenced" {
		t.Errorf("a silenced one is %+v", o)
	}
	if r := ask("/api/v1/alerts?x=1"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("an unknown parameter: %d", r.StatusCode)
	}
	told := body(t, ask("/signals"))
	for _, want := range []string{
		`vigie_alerts_open{severity="critical"} 2`, `vigie_alerts_open{severity="warning"} 3`, `vigie_alerts_unacknowledged{severity="critical"} 1`, `vigie_alerts_muted{why="silenced"} 1`,
		`vigie_alerts_muted{why="monitor"} 1`, "vigie_alerts_weak 2", "vigie_alerts_blind 1", "vigie_alerts_leader 1", "vigie_alerts_drill 0",
	} {
		if !strings.Contains(told, want+"\n") {
			t.Errorf("the signals lack %s", want)
		}
	}
	s.known = nil
	if r := ask("/api/v1/alerts"); r.StatusCode != http.StatusNotFound {
		t.Errorf("without alerts: %d", r.StatusCode)
	}
	if strings.Contains(body(t, ask("/signals")), "vigie_alerts_") {
		t.Error("without alerts there are signals of them")
	}
}
