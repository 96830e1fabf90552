package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"vigie/internal/bus/bustest"
)

// publicStatus is what anybody may read of the status page.
type publicStatus struct {
	State     string
	Incidents []publicIncident
	History   []publicIncident
}

type publicIncident struct {
	State string
	Posts []struct {
		Step  string
		Texts map[string]struct{ Title, Text string }
	}
}

// published is what the page of the machines' port says.
func published(t *testing.T, p *process) (s publicStatus) {
	t.Helper()
	eventually(t, 60*time.Second, "the status page", func() bool {
		res, err := http.Get("http://" + p.machines + "/status/status.json")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		s = publicStatus{}
		return res.StatusCode == http.StatusOK && json.NewDecoder(res.Body).Decode(&s) == nil
	})
	return s
}

// whom is who got something how often, by address.
func whom(all []message) map[string]int {
	out := map[string]int{}
	for _, m := range all {
		out[m.to]++
	}
	return out
}

// once checks that exactly these people got something, once each.
func once(t *testing.T, what string, got []message, want map[string]string) {
	t.Helper()
	counts := whom(got)
	for to := range want {
		if counts[to] != 1 {
			t.Errorf("%s: %s got it %d times", what, to, counts[to])
		}
	}
	for to, n := range counts {
		if _, ok := want[to]; !ok {
			t.Errorf("%s: %s got it %d times, and is not to be told", what, to, n)
		}
	}
}

// timeline is what a crisis's export says happened.
type timeline struct {
	Lines []struct {
		What, By, Send, Run string
		Args                map[string]string
		Drill               bool
	}
}

func exported(p *person, crisis string) (out timeline) {
	p.t.Helper()
	res, err := p.client.Get(p.at + crisis + "/export?as=json")
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("export: %s, %v", res.Status, err)
	}
	return out
}

func TestACrisisFromTheFirstWordToTheLast(t *testing.T) {
	if testing.Short() {
		t.Skip("starts vigie and its engine")
	}
	t.Parallel()
	const people = 40
	w := newWarRoom(t, "")
	anne := w.person("anne", "author,validator,operator,admin") // all that she may be, and still not the second pair of eyes
	vera, omar, sue := w.person("vera", "validator"), w.person("omar", "operator"), w.person("sue", "operator")
	w.start()
	w.ready()
	omar.audience(contacts(0, people))

	// Written.
	importFolder(anne)
	f := anne.form("/messages/direct?step=initial", "form[action='/messages/direct']")
	f.set("text.sms.fr", "Tele : le direct est perturbe depuis {since}. Point a {next} : etat.tele.example")
	f.send("do=submit")
	for _, step := range []string{"update", "resolved"} {
		submit(anne, step)
	}

	// Who wrote it does not approve it, whatever else she is: not by the page's address, not by an import.
	hash := vera.form(review("initial"), "#approve-form").fields.Get("hash")
	if anne.page(review("initial")).Find("#approve-form").Length() > 0 {
		t.Error("the author is offered to approve")
	}
	if status, doc := anne.post("/messages/direct/initial/approve", url.Values{"hash": {hash}, "match": {"finale"}}); status != http.StatusForbidden && status != http.StatusConflict {
		t.Errorf("the author approved: %d: %s", status, said(doc))
	}
	export, err := anne.client.Get(anne.at + "/messages/direct/export")
	if err != nil {
		t.Fatal(err)
	}
	doc := anne.form("/messages/import", "#import-files").upload("file", "direct.yaml", body(t, export))
	if f := doc.Find("#import-sure"); f.Length() > 0 {
		anne.formOf(doc, "#import-sure").send("")
	}
	if status, _ := omar.post("/messages/direct/initial/arm", url.Values{"match": {"finale"}}); status == http.StatusOK {
		t.Error("armed what nobody approved")
	}
	for _, step := range []string{"initial", "update", "resolved"} {
		approve(vera, step)
		arm(omar, step)
	}

	// The crisis, and what is done in it.
	crisis := openCrisis(omar, "Le direct est perturbé", false)
	run := omar.form(crisis, "form[action='/runs']:has(select[name=runbook])").set("runbook", "direct").send("").Url.Path
	if !strings.HasPrefix(run, "/runs/") {
		t.Fatalf("a run was started at %s", run)
	}
	omar.form(run, "#tick-look").set("evidence", "12 000 spectateurs").send("")

	// Prepared and checked by one, confirmed by another.
	initial := prepare(omar, crisis, "initial", func(f *filled) { f.set("in.next", "30") })
	check(omar, initial)
	if omar.page(initial).Find("#confirm").Length() > 0 {
		t.Error("who prepared it is offered to confirm")
	}
	f = sue.form(initial, "#confirm")
	size := f.form.Find("#count").AttrOr("data-count", "")
	mails, numbers := agreed(0, people)
	if size != strconv.Itoa(len(mails)+len(numbers)) {
		t.Errorf("%s would be told, %d agreed", size, len(mails)+len(numbers))
	}
	digest := f.fields.Get("digest")
	if status, doc := omar.post(initial+"/confirm", url.Values{"digest": {digest}, "count": {size}}); status == http.StatusOK {
		t.Errorf("the same person confirmed: %s", said(doc))
	}
	if status, doc := sue.post(initial+"/confirm", url.Values{"digest": {digest}, "count": {"12"}}); status == http.StatusOK {
		t.Errorf("confirmed with a wrong count: %s", said(doc))
	}
	nobody := "+33639980011" // a number that the gateway refuses
	w.live.sms.set(func(k *taker) { k.refuse[nobody] = true })
	if w.live.counts() != [3]int{} {
		t.Fatalf("told before it was confirmed: %v", w.live.counts())
	}
	confirm(sue, initial)
	over(sue, initial, 60*time.Second)

	// Exactly these words, once each.
	s := published(t, w.process)
	if len(s.Incidents) != 1 || len(s.Incidents[0].Posts) != 1 {
		t.Fatalf("the status page: %+v", s)
	}
	times := func(lang, pattern string) (since, next string) {
		t.Helper()
		text := s.Incidents[0].Posts[0].Texts[lang].Text
		m := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("the status page says %q", text)
		}
		return m[1], m[2]
	}
	depuis, suite := times("fr", `Le direct est perturbé depuis ([0-9]{1,2}\x{a0}h(?:\x{a0}[0-9]{2})?)\. Prochain point à ([0-9]{1,2}\x{a0}h(?:\x{a0}[0-9]{2})?)\.`)
	since, next := times("en", `The stream has been disturbed since ([0-9]{1,2}:[0-9]{2})\. Next update by ([0-9]{1,2}:[0-9]{2})\.`)
	once(t, "mail", w.live.letters(t), mails)
	delete(numbers, nobody)
	once(t, "SMS", w.live.sms.took(), numbers)
	for _, m := range w.live.sms.took() {
		want := "Tele : le direct est perturbe depuis " + plainly(depuis) + ". Point a " + plainly(suite) + " : etat.tele.example"
		if numbers[m.to] == "en" {
			want = "Tele: stream disturbed since " + since + ". Update by " + next + ": etat.tele.example"
		}
		if m.text != want {
			t.Fatalf("%s was told %q, not %q", m.to, m.text, want)
		}
	}
	for _, m := range w.live.letters(t) {
		subject, words := "Le direct est perturbé", "Bonjour,\n\nLe direct est perturbé depuis "+depuis+". Prochain point à "+suite+"."
		if mails[m.to] == "en" {
			subject, words = "The stream is disturbed", "Hello,\n\nThe stream has been disturbed since "+since+". Next update by "+next+"."
		}
		if m.subject != subject || !strings.HasPrefix(flat(m.text), flat(words)) || m.drill {
			t.Fatalf("%s was told %q: %q, not %q", m.to, m.subject, m.text, words)
		}
	}
	partner := func(at int, fr, en string) {
		t.Helper()
		said := map[string]string{}
		for _, m := range w.live.hook.took()[at:] {
			said[m.lang] += m.subject + "|"
			if m.drill {
				t.Errorf("the partner was told of an exercise: %+v", m)
			}
		}
		if said["fr"] != fr+"|" || said["en"] != en+"|" {
			t.Errorf("the partner was told %q", said)
		}
	}
	partner(0, "Direct perturbé", "The stream is disturbed")
	if banner := body(t, get(t, "http://"+w.machines+"/status/banner.json")); !strings.Contains(banner, "Direct perturbé") {
		t.Errorf("the banner: %s", banner)
	}

	// Its step ticked itself.
	eventually(t, 20*time.Second, "the step of the message is done", func() bool {
		return omar.page(run).Find("#step-tell").HasClass("is-done")
	})

	// An update is for all to read; the end is for exactly those who got the beginning.
	update := prepare(omar, crisis, "update", nil)
	check(omar, update)
	confirm(sue, update)
	over(sue, update, 60*time.Second)
	partner(2, "Toujours perturbé", "Still disturbed")
	sue.form("/audience", "form[action='/audience/contacts']").upload("file", "more.csv", contacts(people, 10))
	resolved := prepare(omar, crisis, "resolved", nil)
	check(omar, resolved)
	if got := confirm(sue, resolved); got != strconv.Itoa(len(mails)+len(numbers)) {
		t.Errorf("the end is for %s, %d got the beginning", got, len(mails)+len(numbers))
	}
	over(sue, resolved, 60*time.Second)
	once(t, "SMS of the end", w.live.sms.took()[len(numbers):], numbers)
	once(t, "mail of the end", w.live.letters(t)[len(mails):], mails)
	partner(4, "Direct rétabli", "The stream is back")
	omar.form(crisis, "#crisis-end").send("")
	if s := published(t, w.process); len(s.Incidents) != 0 || len(s.History) != 1 || len(s.History[0].Posts) != 3 || s.History[0].State != "resolved" {
		t.Errorf("the status page: %+v", s)
	}

	// Its timeline has each act once.
	acts := map[string]int{}
	for _, l := range exported(sue, crisis).Lines {
		acts[strings.TrimSpace(l.What+" "+strings.TrimPrefix(l.Args["send"], "/sends/")+l.Args["step"]+" "+l.By)]++
	}
	for _, send := range []struct{ at, step string }{{initial, "initial"}, {update, "update"}, {resolved, "resolved"}} {
		id := strings.TrimPrefix(send.at, "/sends/")
		for what, by := range map[string]string{"prepare": "omar", "check": "omar", "confirm": "sue", "begin": "", "end": ""} {
			if key := strings.TrimSpace("send-" + what + " " + id + send.step + " " + by); acts[key] != 1 {
				t.Errorf("%d lines %q in the timeline", acts[key], key)
			}
		}
	}
	for _, what := range []string{"opened  omar", "ended  omar", "run-started  omar", "step-done look omar"} {
		if acts[what] != 1 {
			t.Errorf("%d lines %q in the timeline: %v", acts[what], what, slices.Sorted(maps.Keys(acts)))
		}
	}
	if w.drill.counts() != [3]int{} || len(w.live.sms.foul)+len(w.live.hook.foul) > 0 {
		t.Errorf("exercises' receivers took %v; came with other credentials: %v %v", w.drill.counts(), w.live.sms.foul, w.live.hook.foul)
	}

	t.Run("an exercise", func(t *testing.T) { exercise(t, w, anne, omar) })
	t.Run("edited after it was prepared", func(t *testing.T) { editedAfter(t, w, anne, omar, sue) })
}

// An exercise says so in every word, and reaches nothing that is real.
func exercise(t *testing.T, w *warRoom, anne, omar *person) {
	before := w.live.counts()
	public := published(t, w.process)
	crisis := openCrisis(omar, "Répétition", true)
	send := prepare(omar, crisis, "initial", nil)
	check(omar, send)
	page := omar.page(send)
	if !strings.Contains(strings.ToUpper(page.Find("main").Text()), "EXERCICE") {
		t.Error("the page of the send does not say that it is an exercise")
	}
	if button := strings.TrimSpace(page.Find("#confirm button").Text()); !strings.HasPrefix(button, "Simuler") {
		t.Errorf("the button says %q", button)
	}
	confirm(omar, send) // in an exercise alone one person may be both
	over(omar, send, 60*time.Second)
	if got := w.live.counts(); got != before {
		t.Errorf("what is real took %v before and %v after an exercise", before, got)
	}
	if got := published(t, w.process); len(got.Incidents)+len(got.History) != len(public.Incidents)+len(public.History) {
		t.Errorf("the public page has an exercise: %+v", got)
	}
	if banner := body(t, get(t, "http://"+w.machines+"/status/banner.json")); strings.Contains(banner, "EXERCICE") || strings.Contains(banner, `"drill":true`) {
		t.Errorf("the public banner has an exercise: %s", banner)
	}
	var said []string
	for _, m := range slices.Concat(w.drill.sms.took(), w.drill.hook.took(), w.drill.letters(t)) {
		said = append(said, m.text)
		if !m.drill {
			t.Errorf("does not say that it is an exercise: %+v", m)
		}
	}
	mails, numbers := agreed(0, 2) // the house's own people
	once(t, "mail of the exercise", w.drill.letters(t), mails)
	once(t, "SMS of the exercise", w.drill.sms.took(), numbers)
	page = omar.elsewhere("http://" + w.machines + "/exercice/fr/")
	if !strings.Contains(page.Text(), "Direct perturbé") {
		t.Errorf("the page of exercises: %s", flat(page.Text()))
	}
	said = append(said, page.Find("title").Text(), page.Find("h1").First().Text(), body(t, get(t, "http://"+w.machines+"/exercice/banner.json")))
	if len(said) != 2+2+2+3 {
		t.Errorf("%d texts were told: %q", len(said), said)
	}
	for _, text := range said {
		if !strings.Contains(text, "EXERCICE") && !strings.Contains(text, "DRILL") {
			t.Errorf("does not say that it is an exercise: %q", text)
		}
	}
	if len(w.drill.sms.foul)+len(w.drill.hook.foul) > 0 {
		t.Errorf("came with other credentials: %v %v", w.drill.sms.foul, w.drill.hook.foul)
	}
}

// What was edited since it was prepared is not what was approved: it cannot be sent.
func editedAfter(t *testing.T, w *warRoom, anne, omar, sue *person) {
	crisis := openCrisis(omar, "Encore perturbé", false)
	send := prepare(omar, crisis, "initial", nil)
	check(omar, send)
	f := sue.form(send, "#confirm")
	f.fields.Set("count", f.form.Find("#count").AttrOr("data-count", ""))
	before := w.live.counts()
	e := anne.form("/messages/direct?step=initial", "form[action='/messages/direct']")
	e.set("text.sms.fr", "Tele : autre chose. Point a {next} : etat.tele.example")
	e.send("do=save")
	status, doc := f.press("")
	if status == http.StatusOK {
		t.Errorf("confirmed: %s", said(doc))
	}
	if sue.page(send).Find("#confirm").Length() > 0 {
		t.Error("it can still be confirmed")
	}
	time.Sleep(time.Second) // what is told against all this is told now
	if got := w.live.counts(); got != before {
		t.Errorf("told %v before, %v after", before, got)
	}
	if status, doc := omar.post("/sends", prepareAgain(omar, crisis)); status == http.StatusOK {
		t.Errorf("prepared again: %s", said(doc))
	}
}

// prepareAgain is what a browser would still send that had the form open.
func prepareAgain(p *person, crisis string) url.Values {
	return url.Values{"crisis_form": {"1"}, "once": {"once-once-once-once"}, "crisis": {strings.TrimPrefix(crisis, "/crises/")}, "scenario": {"direct"}, "step": {"initial"}, "aud": {"own"}, "channel": {"statut", "sms"}}
}

func get(t *testing.T, at string) *http.Response {
	t.Helper()
	res, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// plainly is a time as a short message says it.
func plainly(hour string) string { return strings.ReplaceAll(hour, "\u00a0", "") }

// flat is a text whose lines may be broken elsewhere.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// settled checks a send that has ended: each person is in one state, and the receivers agree with all that is certain.
func settled(t *testing.T, p *person, send string, leg int, took []message, want map[string]string) (unknown int) {
	t.Helper()
	counts := whom(took)
	for to, n := range counts {
		if n > 1 {
			t.Errorf("%s was told %d times", to, n)
		}
		if _, ok := want[to]; !ok {
			t.Errorf("%s was told, and is on no list", to)
		}
	}
	all := lines(p, send, leg)
	states, seen := map[string]int{}, map[string]bool{}
	for _, l := range all {
		states[l.outcome]++
		if seen[l.to] {
			t.Errorf("%s is there twice", l.to)
		}
		seen[l.to] = true
		switch l.outcome {
		case "accepted", "delivered":
			if counts[l.to] != 1 {
				t.Errorf("%s is %s, and was told %d times", l.to, l.outcome, counts[l.to])
			}
		case "unknown":
		default:
			t.Errorf("%s is %s", l.to, l.outcome)
		}
	}
	for to := range want {
		if !seen[to] {
			t.Errorf("%s is in no state", to)
		}
	}
	t.Logf("%d people: %v; %d were told", len(all), states, len(counts))
	return states["unknown"]
}

// shown checks that a send's page says of how many nobody knows whether they were told.
func shown(t *testing.T, p *person, send string, unknown int) {
	t.Helper()
	f := p.page(send).Find("#repeat")
	if f.Length() > 0 != (unknown > 0) {
		t.Errorf("%d are unknown, and the page offers to tell them again: %v", unknown, f.Length() > 0)
	}
}

// ended waits until a send has ended. Where it stopped for what it found unknown, a person goes on with it, as they
// would.
func ended(t *testing.T, p *person, send string, limit time.Duration) (resumed int) {
	t.Helper()
	eventually(t, limit, "the send "+send+" ends", func() bool {
		doc := p.page(send)
		if f := doc.Find("form[action='" + send + "/resume']"); f.Length() > 0 {
			resumed++
			p.formOf(doc, "form[action='"+send+"/resume']").press("")
		}
		return doc.Find("#send").AttrOr("data-follow", "") == "3000"
	})
	return resumed
}

func TestNobodyIsToldTwiceWhenVigieIsKilledInTheMiddleOfASend(t *testing.T) {
	if testing.Short() {
		t.Skip("kills vigie and starts it again")
	}
	t.Parallel()
	const people = 400
	w := newWarRoom(t, "")
	anne, vera := w.person("anne", "author"), w.person("vera", "validator")
	omar, sue := w.person("omar", "operator"), w.person("sue", "operator")
	w.start()
	w.ready()
	omar.audience(contacts(0, people))
	allApproved(anne, vera, omar)
	crisis := openCrisis(omar, "Le direct est perturbé", false)
	send := prepare(omar, crisis, "initial", nil)
	check(omar, send)
	w.live.sms.set(func(k *taker) { k.slow = 100 * time.Millisecond })
	confirm(sue, send)
	_, numbers := agreed(0, people)
	for i, share := range []float64{0.3, 0.6} { // the first hundredths have gone; then again
		eventually(t, 90*time.Second, "some were told", func() bool { return float64(w.live.sms.count()) > share*float64(len(numbers)) && w.alive() })
		w.kill()
		t.Logf("killed at %d of %d, for the %d. time", w.live.sms.count(), len(numbers), i+1)
		w.start()
		w.up()
	}
	resumed := ended(t, sue, send, 2*time.Minute)
	mails, _ := agreed(0, people)
	leg := map[string]int{}
	for i := range 5 {
		if all := lines(sue, send, i); len(all) == len(numbers) && strings.HasPrefix(all[0].to, "+") {
			leg["sms"] = i
		} else if len(all) == len(mails) && strings.Contains(all[0].to, "@") {
			leg["mail"] = i
		}
	}
	unknown := settled(t, sue, send, leg["sms"], w.live.sms.took(), numbers)
	unknown += settled(t, sue, send, leg["mail"], w.live.letters(t), mails)
	for i := range 5 {
		if i == leg["sms"] || i == leg["mail"] {
			continue
		}
		for _, l := range lines(sue, send, i) { // posts
			if l.outcome == "unknown" {
				unknown++
			}
		}
	}
	shown(t, sue, send, unknown)
	if n := len(w.live.hook.took()); n > 2 {
		t.Errorf("the partner was told %d times in two languages", n)
	}
	t.Logf("a person went on with it %d times", resumed)
}

// Three processes that send, on a NATS and a ClickHouse of the operator's, and one that has the pages.
func TestNobodyIsToldTwiceByThreeProcessesThatAreKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts four processes and kills three")
	}
	t.Parallel()
	const people = 3000
	seed := envNumber(t, "VIGIE_CRASH_SEED", int(time.Now().UnixNano()%1e9))
	t.Logf("VIGIE_CRASH_SEED=%d", seed)
	random := rand.New(rand.NewPCG(uint64(seed), 6))
	bus := bustest.Serve(t)
	clickhouse := freeAddress(t)
	serveClickHouse(t, clickhouse)

	config := fmt.Sprintf("nats: {url: %q}\n", bus.ClientURL())
	dsn := "VIGIE_CLICKHOUSE_DSN=http://" + clickhouse + "/default"
	w := newWarRoom(t, config, dsn, "VIGIE_ROLES=cockpit")
	anne, vera := w.person("anne", "author"), w.person("vera", "validator")
	omar, sue := w.person("omar", "operator"), w.person("sue", "operator")
	w.start()
	var workers []*process
	for range 3 {
		p := newProcess(t, config)
		w.furnish(p, []string{dsn, "VIGIE_ROLES=messages"})
		p.start()
		workers = append(workers, p)
	}
	w.ready()
	omar.audience(contacts(0, people))
	allApproved(anne, vera, omar)
	for _, p := range workers {
		p.up()
	}
	crisis := openCrisis(omar, "Le direct est perturbé", false)
	send := prepare(omar, crisis, "initial", func(f *filled) { f.set("channel", "statut", "sms") })
	check(omar, send)
	w.live.sms.set(func(k *taker) { k.slow, k.lose = 60*time.Millisecond, 397 })
	confirm(sue, send)
	_, numbers := agreed(0, people)
	share := 0.05
	for _, i := range random.Perm(3) {
		share += 0.05 + 0.2*random.Float64()
		eventually(t, 2*time.Minute, "some were told", func() bool { return float64(w.live.sms.count()) > share*float64(len(numbers)) })
		workers[i].kill()
		t.Logf("process %d killed at %d of %d", i, w.live.sms.count(), len(numbers))
		if random.IntN(2) == 0 {
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
		}
		workers[i].start()
	}
	resumed := ended(t, sue, send, 3*time.Minute)
	shown(t, sue, send, settled(t, sue, send, 1, w.live.sms.took(), numbers))
	if s := published(t, workers[0]); len(s.Incidents) != 1 || len(s.Incidents[0].Posts) != 1 {
		t.Errorf("the status page: %+v", s)
	}
	t.Logf("a person went on with it %d times", resumed)
}
