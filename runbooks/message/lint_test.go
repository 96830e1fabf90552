package message

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/gsm"
	"vigie/runbooks/channel"
)

// one is a scenario that says one text in one channel at one step.
func one(step Step, kind channel.Kind, text Text, variables map[string]*Variable) *Scenario {
	return &Scenario{ID: "one", Title: Words{"fr": "x"}, Variables: variables,
		Messages: map[Step]*Message{step: {Texts: map[channel.Kind]map[string]Text{kind: {"fr": text}}}}}
}

func TestWhatIsFoundInAText(t *testing.T) {
	limits := Limits{House: []string{"https://tele.example"}, Price: 0.05, Currency: "€", Unsaid: []string{"Fastly", "Level 3", ""}}
	place := map[string]*Variable{"v": {Type: Place, Values: []Choice{{"a", Words{"fr": "Paris"}}, {"b", Words{"fr": strings.Repeat("x", 150)}}}}}
	accent := map[string]*Variable{"v": {Type: Place, Values: []Choice{{"a", Words{"fr": "Nîmes"}}, {"b", Words{"fr": strings.Repeat("x", 60)}}}}}
	at := map[string]*Variable{"v": {Type: Time}}
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		name  string
		step  Step
		kind  channel.Kind
		text  Text
		vars  map[string]*Variable
		found string // level, key and arguments of all
	}{
		{"nothing", Initial, channel.SMS, Text{Body: "Panne. Voir tele.example/x"}, nil, ""},
		{"one segment in its worst case", Initial, channel.SMS, Text{Body: long(100) + "{v}"}, at, ""},
		{"a value that is too long for one", Initial, channel.SMS, Text{Body: long(20) + "{v}"}, place, "warning sms_cost 0.1 €"},
		{"a value that telephones lack", Initial, channel.SMS, Text{Body: long(20) + "{v}"}, accent, "warning sms_ucs2 î 1 1"},
		{"a value that telephones lack, and two segments", Initial, channel.SMS, Text{Body: long(70) + "{v}"}, accent, "warning sms_ucs2 î 1 2|warning sms_cost 0.1 €"},
		{"folded", Initial, channel.SMS, Text{Body: "Même à Nîmes, l’œuvre… {v}", Fold: true}, accent, ""},
		{"not folded", Initial, channel.SMS, Text{Body: "L’arrêt"}, nil, "warning sms_ucs2 ’ê 1 1"},
		{"what folding loses", Initial, channel.SMS, Text{Body: "Ночь ?", Fold: true}, nil, "warning sms_lost Ночь"},
		{"three segments", Initial, channel.SMS, Text{Body: long(307)}, nil, "warning sms_segments 3|warning sms_cost 0.15 €"},
		{"more than gateways take", Initial, channel.SMS, Text{Body: long(1601)}, nil, "error too_long 1683 septets 1601|warning sms_segments 11|warning sms_cost 0.55 €"},
		{"a telephone that rings for nothing", Update, channel.SMS, Text{Body: "Toujours"}, nil, "warning sms_step"},
		{"an offer", Initial, channel.SMS, Text{Body: "Un bon d’achat vous attend"}, nil, "warning sms_ucs2 ’ 1 1|warning marketing bon d’achat"},
		{"an offer in a mail", Initial, channel.Email, Text{Subject: "x", Body: "Code PROMO : X"}, nil, "warning marketing Code PROMO"},
		{"an offer on a page, which nobody is sent", Initial, channel.Status, Text{Subject: "x", Body: "Une remise"}, nil, ""},
		{"a word that has an offer in it", Initial, channel.SMS, Text{Body: "Nous avons souffert, il est offertoire"}, nil, ""},
		{"a name that is not said", Initial, channel.Status, Text{Subject: "Panne de FASTLY", Body: "x"}, nil, "warning unsaid FASTLY"},
		{"a name of two words", Initial, channel.Status, Text{Subject: "x", Body: "chez Level 3."}, nil, "warning unsaid Level 3"},
		{"partners are told names", Initial, channel.Webhook, Text{Body: "chez Level 3"}, nil, ""},
		{"a foreign address", Initial, channel.X, Text{Body: "Voir https://bit.ly/x"}, nil, "error url https://bit.ly/x"},
		{"a foreign address without its scheme", Initial, channel.SMS, Text{Body: "Voir bit.ly/x"}, nil, "error url bit.ly/x"},
		{"an address without encryption", Initial, channel.X, Text{Body: "http://tele.example/"}, nil, "error url http://tele.example/"},
		{"an address in a title", Initial, channel.Status, Text{Subject: "https://bit.ly/x", Body: "x"}, nil, "error url https://bit.ly/x"},
		{"a hole in an address", Initial, channel.X, Text{Body: "https://tele.example/{v}"}, at, "error url_hole https://tele.example/{v}"},
		{"an address of nobody's", Initial, channel.X, Text{Body: "{v}"}, map[string]*Variable{"v": {Type: URL, Default: "https://evil.com/"}}, "error url_default https://evil.com/ v"},
		{"X, full", Initial, channel.X, Text{Body: long(269)}, nil, ""},
		{"X, full in an exercise", Initial, channel.X, Text{Body: long(270)}, nil, "warning too_long_drill 280 weighted 281"},
		{"X, too full", Initial, channel.X, Text{Body: long(281)}, nil, "error too_long 280 weighted 281"},
		{"X, too full in its worst case", Initial, channel.X, Text{Body: long(131) + "{v}"}, place, "error too_long 280 weighted 281"},
		{"X, with any address", Initial, channel.X, Text{Body: long(245) + " {v}"}, map[string]*Variable{"v": {Type: URL, Allow: []string{"https://tele.fr/"}}}, ""},
		{"Bluesky has no short addresses", Initial, channel.Bluesky, Text{Body: long(240) + " {v}"}, map[string]*Variable{"v": {Type: URL, Allow: []string{"https://tele.fr/"}}}, "error too_long 300 graphemes 341"},
		{"an update that X would refuse", Update, channel.X, Text{Body: "Nous y travaillons"}, nil, "warning update_same"},
		{"a long subject", Initial, channel.Email, Text{Subject: long(79), Body: "x"}, nil, "warning subject_long 78 79"},
		{"a subject that is long in its worst case", Initial, channel.Email, Text{Subject: "{v}", Body: "x"}, place, "warning subject_long 78 150"},
		{"too long a subject", Initial, channel.Email, Text{Subject: long(151), Body: "x"}, nil, "error subject_too_long 150 151"},
		{"too long a title", Initial, channel.Banner, Text{Subject: long(81), Body: "x"}, nil, "error subject_too_long 80 81"},
		{"too long a page", Initial, channel.Status, Text{Subject: "x", Body: long(5001)}, nil, "error too_long 5000 characters 5001"},
	} {
		var got []string
		for _, f := range one(c.step, c.kind, c.text, c.vars).Lint(c.step, limits) {
			if f.Step != c.step || f.Text == "" || strings.ContainsAny(strings.ReplaceAll(f.Text, "{v}", ""), "{}") {
				t.Errorf("%s: %+v", c.name, f)
			}
			parts := []string{string(f.Level), f.Key}
			for _, name := range []string{"culprits", "word", "url", "variable", "cost", "folded", "most", "unit", "segments", "used"} {
				if f.Args[name] != "" {
					parts = append(parts, f.Args[name])
				}
			}
			got = append(got, strings.Join(parts, " "))
		}
		if strings.Join(got, "|") != c.found {
			t.Errorf("%s: %q, want %q", c.name, strings.Join(got, "|"), c.found)
		}
	}
}

func TestWhatIsFoundBetweenSteps(t *testing.T) {
	s := read(t, small)
	keys := func(step Step, limits Limits) (all []string) {
		for _, f := range s.Lint(step, limits) {
			all = append(all, fmt.Sprint(f.Level, " ", f.Key, " ", f.Kind, " ", f.Args))
		}
		return all
	}
	if got := keys(Initial, Limits{}); len(got) != 0 {
		t.Errorf("initial: %v", got)
	}
	s.Messages[Correction].Texts[channel.X]["fr"] = s.Messages[Resolved].Texts[channel.X]["fr"]
	if got, want := keys(Correction, Limits{}), []string{"warning same x map[step:resolved]"}; !slices.Equal(got, want) {
		t.Errorf("the same text twice: %v", got)
	}
	delete(s.Messages[Resolved].Texts, channel.SMS)
	if got, want := keys(Resolved, Limits{}), []string{"warning unfinished sms map[kind:sms]"}; !slices.Equal(got, want) {
		t.Errorf("no end: %v", got)
	}
	if got, want := keys(Initial, Limits{Sender: "Info"}), []string{"error sender_generic sms map[sender:Info]"}; !slices.Equal(got, want) {
		t.Errorf("sender: %v", got)
	}
	if got := keys(Update, Limits{Sender: "Info"}); len(got) != 0 {
		t.Errorf("a step that is not there: %v", got)
	}
	if !Faulty([]Finding{{Level: Warning}, {Level: Wrong}}) || Faulty([]Finding{{Level: Warning}}) {
		t.Error("Faulty")
	}
}

func TestSendersOfFrance(t *testing.T) {
	for sender, want := range map[string]string{
		"LaTele": "", "TF1": "", "FranceTV24h": "", "38123": "", "+33612345678": "",
		"La Tele": "sender", "LaTélé": "sender", "LaTelevision": "sender", "TV": "sender", "La-Tele": "sender", "12345": "sender", "0612345678": "sender", "": "sender",
		"INFO": "sender_generic", "alerte": "sender_generic", "36123": "sender_marketing",
	} {
		found := CheckSender(sender)
		if got := strings.Join(keysOf(found), " "); got != want {
			t.Errorf("%q: %s, want %s", sender, got, want)
		}
	}
}

func keysOf(found []Finding) (all []string) {
	for _, f := range found {
		all = append(all, f.Key)
	}
	return all
}

// Whatever values are given, no text takes more room than the worst one.
func TestNothingIsWorseThanTheWorst(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	for range 3000 {
		variables := map[string]*Variable{
			"time":   {Type: Time},
			"lasts":  {Type: Duration, Least: float64(r.IntN(30)), Most: float64(30 + r.IntN(1000))},
			"people": {Type: VarType(pick("number", "about")), Most: float64(1 + r.IntN(1e6))},
			"page":   {Type: URL, Allow: []string{"https://tele.fr/"}, Most: float64(20 + r.IntN(60))},
			"isp":    {Type: Operator, Most: float64(5 + r.IntN(20))},
			"where":  {Type: Place, Values: []Choice{{"a", Words{"fr": "Nîmes"}}, {"b", Words{"fr": "Île-de-France €"}}, {"c", Words{"fr": "partout en France"}}, {"d", Words{"fr": "été 👍🏽"}}}},
		}
		var b strings.Builder
		for range 1 + r.IntN(8) {
			b.WriteString(pick("Panne ", strings.Repeat("x", r.IntN(60)), " à {time} ", " {lasts}", "{people} ", " {page} ", " {isp}", " chez {where},", "é", "’"))
		}
		values := map[string]string{
			"time":   time.Date(2026, time.Month(1+r.IntN(12)), 1+r.IntN(28), 12+r.IntN(12), r.IntN(60), 0, 0, time.UTC).Format(time.RFC3339),
			"lasts":  fmt.Sprint(int(variables["lasts"].Least)+1+r.IntN(int(variables["lasts"].Most-variables["lasts"].Least)), "m"),
			"people": plain(float64(r.IntN(int(variables["people"].Most) + 1))),
			"page":   "https://tele.fr/" + strings.Repeat("y", r.IntN(5)),
			"isp":    pick("SFR", "œuvr", "Œœé", "Zoé’s"),
			"where":  pick("a", "b", "c", "d"),
		}
		kind := channel.Kinds()[r.IntN(len(channel.Kinds()))]
		s := one(Initial, kind, Text{Subject: "x", Body: b.String(), Fold: kind == channel.SMS && r.IntN(2) == 0}, variables)
		if clean(b.String()) == "" {
			continue
		}
		got, err := s.Render(Initial, Input{Values: values, Now: time.Date(2026, 7, 19, 21, 0, 0, 0, time.UTC)})
		if err != nil {
			if strings.Contains(err.Error(), "are allowed") {
				continue // it does not fit, and Render said so
			}
			t.Fatalf("%q: %v", b.String(), err)
		}
		o, worst := got.Texts[kind]["fr"], s.Worst(Initial, Limits{}).Texts[kind]["fr"]
		if o.Measure.Segments > worst.Measure.Segments || o.Measure.Unit == worst.Measure.Unit && o.Measure.Used > worst.Measure.Used && worst.Measure.Segments == o.Measure.Segments {
			t.Fatalf("%s of %q: %+v, worst %+v\n%s\n%s", kind, b.String(), o.Measure, worst.Measure, o.Text, worst.Text)
		}
	}
}

func TestSentencesHaveTheirArguments(t *testing.T) {
	for key, text := range Sentences() {
		if text == "" || strings.HasSuffix(text, ".") {
			t.Errorf("%s: %q", key, text)
		}
	}
}

func FuzzPlaceholders(f *testing.F) {
	for _, text := range []string{"", "à {next}.", "{a}{b}", "{", "}", "{{a}}", "{a b}", "{é}", "a{next", "{" + strings.Repeat("a", 33) + "}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := parse(text)
		if err != nil {
			if !strings.ContainsAny(text, "{}") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again := fill(parts, func(name string) string { return "{" + name + "}" }); again != text {
			t.Errorf("%q became %q", text, again)
		}
		for _, p := range parts {
			if (p.text == "") == (p.variable == "") || strings.ContainsAny(p.text, "{}") || p.variable != "" && !validName(p.variable) {
				t.Errorf("%q has the part %+v", text, p)
			}
		}
	})
}

func FuzzWeight(f *testing.F) {
	for _, text := range []string{"", "Déjà là", "https://tele.fr/a b", "👨‍👩‍👧‍👦🇫🇷#️⃣", "tele.fr", "e\u0301", "a\xffb", "저찀"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := weigh(text)
		if n < 0 {
			t.Fatalf("%q weighs %d", text, n)
		}
		if len(links(text)) == 0 && n > 2*len([]rune(text)) {
			t.Errorf("%q weighs %d: more than two a character", text, n)
		}
		if more := weigh(text + "\nx"); more != n+2 {
			t.Errorf("%q weighs %d, with a line and a letter more %d", text, n, more)
		}
	})
}

func FuzzShortMessages(f *testing.F) {
	for _, text := range []string{"", "L’été à {v}", "🙂 «ê»", strings.Repeat("€", 90), "\u202f\u00a0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folded := gsm.Fold(text)
		m := measureSMS(folded)
		if m.UCS2 || m.Culprits != "" || gsm.Fold(folded) != folded && !strings.ContainsAny(folded, "«»") {
			t.Errorf("%q folds to %q: %+v", text, folded, m)
		}
		for _, s := range []string{text, folded} {
			if m := measureSMS(s); m.Segments < 1 || m.Used > m.Most || m.UCS2 != (m.Culprits != "") {
				t.Errorf("%q: %+v", s, m)
			}
		}
	})
}
