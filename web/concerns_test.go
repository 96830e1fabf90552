package web

import (
	"math"
	"strings"
	"testing"
	"time"

	"vigie/cockpit"
	"vigie/internal/match"
)

func TestConcernsInWords(t *testing.T) {
	b := final(t, 0)
	for language, want := range map[string][]string{
		"fr": {
			"critique Free × CloudFront : premier octet ×3,2 depuis 101′ · 212 000 spectateurs", "critique droits : erreurs 7,12 % depuis 105′", "à surveiller Free × CloudFront : 97 % du réservé depuis 102′",
			"à surveiller SFR × Akamai : erreurs ×4,0 depuis 105+1′ · 154 000 spectateurs", "à surveiller login : saturation 93,0 % depuis 106′ · 18 000 spectateurs", "à surveiller Requêtes bloquées : 29 % des requêtes depuis 97′", "à surveiller mux-export : muette depuis 105+2′",
		},
		"en": {
			"critical Free × CloudFront: first byte ×3.2 since 101′ · 212,000 viewers", "critical droits: errors 7.12% since 105′", "degraded Free × CloudFront: 97% of the reserve since 102′",
			"degraded SFR × Akamai: errors ×4.0 since 105+1′ · 154,000 viewers", "degraded login: saturation 93.0% since 106′ · 18,000 viewers", "degraded Blocked requests: 29% of the requests since 97′", "degraded mux-export: silent since 105+2′",
		},
	} {
		rows := parse(t, renderBoard(t, b, language, cockpit.MetricBits)).Find("#concerns li")
		if rows.Length() != len(want) {
			t.Fatalf("%s: %d lines, want %d", language, rows.Length(), len(want))
		}
		for i, text := range want {
			if got := plain(rows.Eq(i)); got != text {
				t.Errorf("%s: line %d says %q, want %q", language, i, got, text)
			}
			if i == 0 && rows.Eq(i).Find(".sign.critical").Length() != 1 {
				t.Error("a critical line has not its sign")
			}
		}
	}
}

func TestConcernsLeadToWhatTheyAreAbout(t *testing.T) {
	page := parse(t, renderBoard(t, final(t, 0), "fr", cockpit.MetricErrors))
	for i, want := range map[int]string{0: "/?cdn=cloudfront&isp=Free&metric=errors", 1: "", 3: "/?cdn=akamai&isp=SFR&metric=errors", 6: "/sources"} {
		if got := page.Find("#concerns li").Eq(i).Find("a").AttrOr("href", ""); got != want {
			t.Errorf("line %d leads to %q, want %q", i, got, want)
		}
	}
}

// One line more counts those that have none; on a wall there are fewer.
func TestConcernsBeyondTheLastLine(t *testing.T) {
	b := final(t, 0)
	for _, tt := range []struct {
		page  string
		n     int
		lines int
		more  string
	}{
		{pageBoard, 7, 7, ""}, {pageBoard, 8, 8, "+ 1 autre"}, {pageBoard, 9, 8, "+ 2 autres"}, {pageBoard, 64, 8, "+ 57 autres"},
		{pageWall, 4, 4, ""}, {pageWall, 5, 5, "+ 1 autre"}, {pageWall, 6, 5, "+ 2 autres"},
	} {
		board := *b
		board.Concerns = nil
		for range tt.n {
			board.Concerns = append(board.Concerns, b.Concerns[1])
		}
		page := parse(t, renderView(t, &board, viewKey{page: tt.page, language: "fr", metric: cockpit.MetricBits}))
		if lines, more := page.Find("#concerns li").Length(), plain(page.Find("#concerns .more")); lines != tt.lines || more != tt.more {
			t.Errorf("%s: of %d are %d lines and %q, want %d and %q", tt.page, tt.n, lines, more, tt.lines, tt.more)
		}
	}
}

func TestNoConcernIsNotFineWithoutData(t *testing.T) {
	for name, tt := range map[string]struct {
		board       *cockpit.Board
		class, text string
	}{
		"nothing calls":   {quiet(t), "fine", "Rien ne demande quelqu’un"},
		"nothing known":   {&cockpit.Board{At: time.Unix(0, 0).UTC()}, "unknown", "Rien à juger"},
		"a query failed":  {func() *cockpit.Board { b := quiet(t); b.Services.Error = "code: 159"; return b }(), "unknown", "Rien à juger"},
		"all of them did": {func() *cockpit.Board { b := failing(t); b.Concerns = nil; return b }(), "unknown", "Rien à juger"},
	} {
		page := parse(t, renderBoard(t, tt.board, "fr", cockpit.MetricBits))
		if said := page.Find("#concerns .nothing"); plain(said) != tt.text || said.Find(".sign."+tt.class).Length() != 1 {
			t.Errorf("%s: says %q, want %q as %s", name, plain(said), tt.text, tt.class)
		}
	}
	page := parse(t, renderBoard(t, failing(t), "fr", cockpit.MetricBits))
	if got := plain(page.Find("#concerns .failed")); got != "Non jugés, requête en échec : FAI × CDN, Services, Sources, Capacité réservée, Attaque et audience" {
		t.Errorf("what could not be judged is said as %q", got)
	}
}

func TestChangesInWords(t *testing.T) {
	for language, want := range map[string][]string{
		"fr": {
			"login : saturation 93,0 % à surveiller · 18 000 spectateurs 2 min", "2e prolongation phase du match 2 min", "SFR × Maison : erreurs ×4,0 revenu à la normale 4 min",
			"Akamai reprend 8 % de Free, report appliqué par l’aiguillage noté par claire 6 min", "Free × CloudFront : premier octet ×3,2 critique · 212 000 spectateurs 8 min",
		},
		"en": {
			"login: saturation 93.0% degraded · 18,000 viewers 2 min", "extra time, 2nd half phase of the match 2 min", "SFR × Maison: errors ×4.0 back to normal 4 min",
			"Akamai reprend 8 % de Free, report appliqué par l’aiguillage noted by claire 6 min", "Free × CloudFront: first byte ×3.2 critical · 212,000 viewers 8 min",
		},
	} {
		rows := parse(t, renderBoard(t, final(t, 0), language, cockpit.MetricBits)).Find("#changes li")
		if rows.Length() != len(want) {
			t.Fatalf("%s: %d lines, want %d", language, rows.Length(), len(want))
		}
		for i, text := range want {
			if got := plain(rows.Eq(i)); got != text {
				t.Errorf("%s: line %d says %q, want %q", language, i, got, text)
			}
		}
	}
	if got := plain(parse(t, renderBoard(t, quiet(t), "fr", cockpit.MetricBits)).Find("#changes .nothing")); got != "Rien n’a changé" {
		t.Errorf("without changes the panel says %q", got)
	}
}

// Without a cell that deviates, the sentence is about the loudest of the rest.
func TestTheSentenceIsAboutWhatCallsLoudest(t *testing.T) {
	service, none := final(t, 0), quiet(t)
	service.Worst, service.Concerns = nil, service.Concerns[1:]
	unreserved := final(t, 0)
	unreserved.Capacity = cockpit.Capacity{}
	young := final(t, 0)
	young.Worst.Usual, young.Capacity = math.NaN(), cockpit.Capacity{}
	for name, tt := range map[string]struct {
		board               *cockpit.Board
		class, say, details string
	}{
		"a cell":           {final(t, 0), "critical", "critique Free × CloudFront : premier octet ×3,2 depuis 101′ — 212 000 spectateurs", "820 ms au lieu de 256 ms (médiane des 15 dernières minutes) · 97 % du réservé vers ce réseau · sans CloudFront, Akamai au plus plein : 100 %"},
		"nothing reserved": {unreserved, "critical", "critique Free × CloudFront : premier octet ×3,2 depuis 101′ — 212 000 spectateurs", "820 ms au lieu de 256 ms (médiane des 15 dernières minutes)"},
		"no usual":         {young, "critical", "critique Free × CloudFront : premier octet 820 ms depuis 101′ — 212 000 spectateurs", ""},
		"a service":        {service, "critical", "critique droits : erreurs 7,12 % depuis 105′", ""},
		"nothing":          {none, "fine", "normal Rien ne dévie", "8 réseaux × 4 CDN jugés sur 5 mesures, complet jusqu’à 18:23:36"},
		"nothing known":    {&cockpit.Board{}, "unknown", "sans données Rien à juger", "Aucune source n’a encore livré de minute complète."},
	} {
		worst := parse(t, renderBoard(t, tt.board, "fr", cockpit.MetricBits)).Find("#worst")
		if say, details := plain(worst.Find(".say")), plain(worst.Find(".detail")); !worst.HasClass(tt.class) || say != tt.say || details != tt.details {
			t.Errorf("%s: %s %q %q, want %s %q %q", name, worst.AttrOr("class", ""), say, details, tt.class, tt.say, tt.details)
		}
	}
}

func TestDutyIsCalledByOneTapAndMaskedOnAWall(t *testing.T) {
	b := final(t, 0)
	desk := parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#duty")
	first := desk.Find("li").First()
	if got := plain(first); got != "Vidéo Claire Morel +33 6 12 34 56 41" {
		t.Errorf("on duty: %q", got)
	}
	if call := first.Find("a"); call.AttrOr("href", "") != "tel:+33612345641" || call.AttrOr("aria-label", "") != "Appeler Vidéo Claire Morel" {
		t.Errorf("a call goes to %q as %q", call.AttrOr("href", ""), call.AttrOr("aria-label", ""))
	}
	b.Duty = append(b.Duty, match.Duty{Name: "x", Role: "Réseau", Phone: "12"}, match.Duty{Role: "CDN"}, match.Duty{Role: "Pub"})
	html := renderView(t, b, viewKey{page: pageWall, language: "fr", metric: cockpit.MetricBits})
	if got := plain(parse(t, html).Find("#duty")); got != "Astreinte Vidéo 06 ·· ·· 41 API et identité 06 ·· ·· 17 Réseau ·· ·· +2" {
		t.Errorf("a wall says %q", got)
	}
	for id, r := range html {
		if strings.Contains(r.html, "tel:") || strings.Contains(r.html, "12 34 56") || strings.Contains(r.html, "Claire") {
			t.Errorf("%s has a telephone number on a wall", id)
		}
	}
	for phone, want := range map[string]string{
		"+33 6 12 34 56 41": "06 ·· ·· 41", "+44 7700 900123": "+44 ·· ·· 23", "06.12.34.56.41": "·· ··", "112": "·· ··", "": "·· ··", "<b>": "·· ··",
	} {
		if got := strings.ReplaceAll(maskPhone(phone), nbsp, " "); got != want {
			t.Errorf("%q is masked as %q, want %q", phone, got, want)
		}
	}
	b.Duty = nil
	if got := plain(parse(t, renderBoard(t, b, "fr", cockpit.MetricBits)).Find("#duty .nothing")); got != "Le fichier du match ne nomme personne pour maintenant." {
		t.Errorf("without anyone on duty: %q", got)
	}
}

// What people and senders wrote stays text.
func TestWordsOfOthersInListsAreText(t *testing.T) {
	b := final(t, 0)
	b.Concerns[0].Name, b.Concerns[1].Name, b.Concerns[0].ISP = hostile, hostile, hostile
	b.Changes[3].Note.Text, b.Changes[3].Note.By = hostile+strings.Repeat("é", 5000), hostile
	b.Duty[0].Name, b.Duty[0].Role, b.Duty[0].Phone = hostile, hostile, `06" onclick="alert(1)`
	b.Earlier.Name, b.Traffic.Without = hostile, []string{hostile, hostile, hostile}
	b.Capacity.CDNs[0].CDN.Name, b.Capacity.Losses[0].CDN.Name, b.Capacity.Losses[0].ISP, b.Pressure.Login = hostile, hostile, hostile, hostile
	for _, p := range []string{pageBoard, pageWall} {
		html := renderView(t, b, viewKey{page: p, language: "en", metric: cockpit.MetricBits})
		page := parse(t, html)
		if n := page.Find("img, [onerror], [onclick]").Length(); n != 0 {
			t.Errorf("%s: %d elements came out of names", p, n)
		}
		if text := page.Find("#changes .title").Text(); strings.Count(text, "é") > 500 {
			t.Errorf("%s: a note is not cut", p)
		}
	}
}
