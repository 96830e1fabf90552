package web

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// frenchSends reads the pages of sends at a moment, in French; no bus is there.
func frenchSends(t *testing.T, now time.Time) sendsReader {
	t.Helper()
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	return sendsReader{alertsReader: alertsReader{locale: all.byCode("fr"), now: now, zone: time.UTC}}
}

func listed(size, canary int) send.Leg {
	return send.Leg{Channel: "sms", Kind: channel.SMS, List: audience.Frozen{Size: size, Canary: canary}}
}

// A list has the stages that it will have, and no others.
func TestStagesOfALists(t *testing.T) {
	r := frenchSends(t, time.Now())
	for name, of := range map[string]struct {
		leg  send.Leg
		want string
	}{
		"a small one":                        {listed(40, 3), "maison (3) later, tous (40) later"},
		"as large as one without a sample":   {listed(200, 3), "maison (3) later, tous (200) later"},
		"one more":                           {listed(201, 3), "maison (3) later, échantillon (53) later, tous (201) later"},
		"without the house's own":            {listed(40, 0), "tous (40) later"},
		"of the house's own alone":           {listed(3, 3), "tous (3) later"},
		"large, without the house's own":     {listed(1000, 0), "échantillon (50) later, tous (1 000) later"},
		"very large: one in a hundred":       {listed(100_000, 10), "maison (10) later, échantillon (1 010) later, tous (100 000) later"},
		"posts":                              {send.Leg{Channel: "page", Kind: channel.Status, Posts: []string{"fr", "en"}}, ""},
		"under way: a sample":                {send.Leg{Kind: channel.SMS, Stage: send.Percent, Gate: 53, List: audience.Frozen{Size: 1000, Canary: 3}}, "maison (3) passed, échantillon (53) here, tous (1 000) later"},
		"under way: a small list's last one": {send.Leg{Kind: channel.SMS, Stage: send.All, Gate: 40, List: audience.Frozen{Size: 40, Canary: 3}}, "maison (3) passed, tous (40) here"},
	} {
		var got []string
		for _, v := range r.stages(&of.leg) {
			got = append(got, spaced(v.Name)+" "+v.State)
		}
		if strings.Join(got, ", ") != of.want {
			t.Errorf("%s: %q, want %q", name, got, of.want)
		}
	}
}

// A leg that is watched says until when; a pace is told once it is one.
func TestWhatALegWaitsFor(t *testing.T) {
	at := time.Date(2026, 7, 19, 21, 40, 0, 0, time.UTC)
	status := send.Leg{Channel: "page", Kind: channel.Status, Posts: []string{"fr"}}
	leg := func(stage send.Stage, gate int) send.Leg {
		l := listed(1000, 3)
		l.Stage, l.Gate, l.Since, l.Rate = stage, gate, at, 25
		return l
	}
	done := func(n int, rate float64) send.LegProgress {
		p := send.LegProgress{Tally: send.Tally{Size: 1000}, Since: at, Rate: rate}
		p.Of[send.Accepted], p.Of[send.Waiting] = n, 1000-n
		if rate > 0 {
			p.Left = time.Duration(float64(1000-n) / rate * float64(time.Second))
		}
		return p
	}
	for name, of := range map[string]struct {
		leg   send.Leg
		p     send.LegProgress
		after time.Duration
		state send.State
		want  string
	}{
		"the status page first":            {leg: leg("", 0), p: done(0, 0), want: "attend que la page d’état soit publiée"},
		"the house is being told":          {leg: leg(send.House, 3), p: done(1, .1), after: time.Second, want: "1 sur 3 servis, puis contrôle avant : échantillon (53)"},
		"the house is watched":             {leg: leg(send.House, 3), p: done(3, .1), after: 4 * time.Second, want: "contrôle jusqu’à 21:40:05, puis : échantillon (53)"},
		"the house is watched long enough": {leg: leg(send.House, 3), p: done(3, .1), after: 5 * time.Second, want: "contrôle terminé, ouverture : échantillon (53)"},
		"the sample is watched":            {leg: leg(send.Percent, 53), p: done(53, 2), after: 2 * time.Second, want: "contrôle jusqu’à 21:40:05, puis : tous (1 000)"},
		"too soon for a pace":              {leg: leg(send.All, 1000), p: done(60, 3), after: 2 * time.Second, want: "fin : débit en cours de mesure"},
		"a pace":                           {leg: leg(send.All, 1000), p: done(53+250, 25), after: 10 * time.Second, want: "encore 27 s, fin vers 21:40 · 25,0/s"},
		"the last half minute's":           {leg: leg(send.All, 1000), p: done(600, 10), after: 31 * time.Second, want: "encore 40 s, fin vers 21:41 · 10,0/s"},
		"nobody for half a minute":         {leg: leg(send.All, 1000), p: done(600, 0), after: 50 * time.Second, want: "personne n’est parti depuis 30 s : fin inconnue"},
		"paused":                           {leg: leg(send.All, 1000), p: done(600, 10), after: 50 * time.Second, state: send.Paused, want: ""},
		"everybody is served":              {leg: leg(send.All, 1000), p: done(1000, 10), after: 50 * time.Second, want: ""},
	} {
		r := frenchSends(t, at.Add(of.after))
		s := &send.Send{State: send.Sending, Legs: []send.Leg{status, of.leg}}
		if of.state != "" {
			s.State = of.state
		}
		var v legView
		r.fillPace(&v, s, 1, of.p)
		got := v.Left
		if v.Rate != "" {
			got += " · " + v.Rate
		}
		if spaced(got) != of.want {
			t.Errorf("%s: %q, want %q", name, spaced(got), of.want)
		}
	}
}

// What a provider took and did not deliver is not told as a refusal.
func TestWhyNobodyGotIt(t *testing.T) {
	r := frenchSends(t, time.Now())
	for want, of := range map[string]send.Line{
		"accepté par le fournisseur, puis non distribué": {Outcome: send.Undelivered, Reason: "refused", Text: "absent subscriber"},
		"demande refusée":      {Outcome: send.Refused, Reason: "refused"},
		"sans raison donnée":   {Outcome: send.Refused},
		"destinataire inconnu": {Outcome: send.Refused, Reason: "unknown_to"},
	} {
		if got := r.sendReason(of.Outcome, of.Reason); got != want {
			t.Errorf("%s, %q: %q, want %q", of.Outcome, of.Reason, got, want)
		}
	}
}

func TestFindingsInWords(t *testing.T) {
	r := frenchSends(t, time.Now())
	for want, f := range map[string]send.Finding{
		"Écartés : 1 sans accord, 1 200 au plafond de messages.": {Code: send.FoundLeftOut, Args: map[string]string{"disagreed": "1", "suppressed": "0", "capped": "1200", "unreached": "0"}},
		"Pas de canari : personne de la maison n’est sur cette liste (en tout, 3 écartés par le plafond de messages). Les 50 premiers servis seraient des spectateurs.": {Code: send.FoundNoCanary, Args: map[string]string{"first": "50", "capped": "3"}},
		"Pas de canari : personne de la maison n’est sur cette liste. Les 40 premiers servis seraient des spectateurs.":                                                 {Code: send.FoundNoCanary, Args: map[string]string{"first": "40", "capped": "0"}},
		"Il faut 70 min, le message vaut 60 min : les derniers ne seraient pas prévenus à temps.":                                                                       {Code: send.FoundSlow, Args: map[string]string{"takes": "1h10m0s", "valid": "1h0m0s"}},
		"fault_of_tomorrow why=x": {Code: "fault_of_tomorrow", Args: map[string]string{"why": "x"}},
	} {
		if got := spaced(r.finding(f)); got != want {
			t.Errorf("%s: %q, want %q", f.Code, got, want)
		}
	}
}

// A timeline says what a send's page says, with the channels' names; the noun alone is a link.
func TestSendsInATimeline(t *testing.T) {
	s := newCrisisSite(t)
	of := s.open(t, crisis.Crisis{})
	made, err := s.sends.Prepare(t.Context(), "operator", send.Draft{Crisis: of.ID, Scenario: "cdn-isp", Step: message.Initial, Values: map[string]string{"where": "tv"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.sends.Check(t.Context(), "operator", made.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.sends.Confirm(t.Context(), "paul", made.ID, made.Digest, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it ended", func() bool {
		return slices.ContainsFunc(s.crises.Lines(of.ID), func(l crisis.Line) bool { return l.What == "send-end" })
	})
	for note, what := range map[string]string{"page all 2, sms house 3, mail  0": "send-gate", "page: 2 / 2": "send-pause"} { // as package send notes it
		args := map[string]string{"send": made.ID, "scenario": "cdn-isp", "step": "initial", "size": "3", "channels": "page, sms", "note": note}
		if err := s.crises.Write(t.Context(), crisis.Line{ID: what, At: time.Now(), Crisis: of.ID, What: what, Args: args}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "they are there", func() bool {
		return slices.ContainsFunc(s.crises.Lines(of.ID), func(l crisis.Line) bool { return l.What == "send-gate" }) && slices.ContainsFunc(s.crises.Lines(of.ID), func(l crisis.Line) bool { return l.What == "send-pause" })
	})
	page := s.page(t, s.signedIn(t, "operator"), "/crises/"+of.ID+"?lang=fr")
	lines := page.Find("#timeline .events > li.messages")
	got := spaced(plain(lines))
	if !strings.Contains(got, "l’envoi s’élargit : message initial · Lecture perturbée (Page d’état : 2 publications · sms : maison, 3 personnes · mail : pas encore)") || !strings.Contains(got, "a mis en pause message initial · Lecture perturbée : Page d’état : 2 sur 2 en échec ou sans réponse") || strings.Contains(got, "page all") || !strings.Contains(got, "Paul Adam a confirmé message initial · Lecture perturbée (Page d’état)") {
		t.Errorf("the timeline says %q", got)
	}
	links := lines.Find("div a")
	if links.Length() < 4 || links.Length() != lines.Length() {
		t.Errorf("%d lines have %d links", lines.Length(), links.Length())
	}
	for i := range links.Length() {
		if a := links.Eq(i); spaced(plain(a)) != "message initial · Lecture perturbée" || a.AttrOr("href", "") != "/sends/"+made.ID {
			t.Errorf("a link says %q", plain(a))
		}
	}
	if got := spaced(plain(page.Find("#said"))); !strings.Contains(got, "2 sur 2 publications") {
		t.Errorf("what was sent: %q", got)
	}
	// A file has the same words, and no marks of links.
	raw, err := io.ReadAll(s.get(t, s.signedIn(t, "operator"), "/crises/"+of.ID+"/export?as=md").Body)
	if err != nil {
		t.Fatal(err)
	}
	file := string(raw)
	if !strings.Contains(spaced(file), "Page d’état : 2 publications") || strings.ContainsAny(file, nounFrom+nounTo) {
		t.Errorf("the file: %q", file)
	}
}

func TestNounsOfLines(t *testing.T) {
	for text, want := range map[string][3]string{
		"a fait « \x02Basculer\x03 », 2 min en retard": {"a fait « ", "Basculer", " », 2 min en retard"},
		"a confirmé \x02initial\x03 · \x02Panne\x03 à": {"a confirmé ", "initial · Panne", " à"},
		"a clos la crise": {"a clos la crise", "", ""},
	} {
		var got [3]string
		if got[0], got[1], got[2] = cutNoun(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
