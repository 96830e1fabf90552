package app_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"vigie/internal/provider"
	"vigie/internal/provider/mail/mailtest"
	"vigie/runbooks/webhook"
)

// A crisis is lived here as its people live it: vigie is the real binary, people are browsers that fill in its forms,
// and what was told is counted by those who were told it.

// message is one thing as a receiver took it.
type message struct {
	to, lang, subject, text string
	drill                   bool
}

// taker is a gateway of short messages or a partner: it takes what is told with its own secret, and counts.
type taker struct {
	*httptest.Server
	secret string

	mu     sync.Mutex
	all    []message
	foul   []string // what came with another's secret, or cannot be read
	slow   time.Duration
	refuse map[string]bool // numbers that are none
	lose   int             // one answer in so many is lost, after the message was taken; 0: none
}

func newTaker(t *testing.T, secret string, read func(k *taker, r *http.Request, body []byte) (message, error)) *taker {
	t.Helper()
	k := &taker{secret: secret, refuse: map[string]bool{}}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m message
		if err == nil {
			m, err = read(k, r, body)
		}
		k.mu.Lock()
		slow, lost := k.slow, false
		switch {
		case err != nil:
			k.foul = append(k.foul, err.Error())
		case k.refuse[m.to]:
			err = fmt.Errorf("no such number")
		default:
			k.all = append(k.all, m)
			lost = k.lose > 0 && len(k.all)%k.lose == 0
		}
		n := len(k.all)
		k.mu.Unlock()
		time.Sleep(slow)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case lost:
			panic(http.ErrAbortHandler)
		default:
			fmt.Fprintf(w, `{"id":"m-%d"}`, n)
		}
	}))
	t.Cleanup(func() { k.CloseClientConnections(); k.Close() })
	return k
}

func readSMS(k *taker, r *http.Request, body []byte) (m message, err error) {
	if r.Header.Get("Authorization") != "Bearer "+k.secret {
		return m, fmt.Errorf("another's credentials")
	}
	var said struct{ To, Text string }
	err = json.Unmarshal(body, &said)
	return message{to: said.To, text: said.Text, drill: strings.Contains(said.Text, "EXERCICE") || strings.Contains(said.Text, "DRILL")}, err
}

func readHook(k *taker, r *http.Request, body []byte) (m message, err error) {
	if err := provider.Verify(r.Header.Get(provider.SignatureHeader), time.Now(), body, k.secret); err != nil {
		return m, err
	}
	var said webhook.Message
	err = json.Unmarshal(body, &said)
	return message{lang: said.Language, subject: said.Subject, text: said.Text, drill: said.Drill && r.Header.Get(webhook.Drill) == "true"}, err
}

func (k *taker) took() []message {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.all)
}

func (k *taker) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.all)
}

func (k *taker) set(f func(k *taker)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(k)
}

// hearers are receivers of what is real, or of exercises.
type hearers struct {
	mail      *mailtest.Server
	sms, hook *taker
}

func newHearers(t *testing.T, name string) *hearers {
	t.Helper()
	return &hearers{
		mail: (&mailtest.Server{Plain: true, Mechanisms: []string{}}).Start(t, false),
		sms:  newTaker(t, "the-gateway-s-token-"+name, readSMS), hook: newTaker(t, "the-partner-s-key-"+name, readHook),
	}
}

// letters are the mails that were taken.
func (o *hearers) letters(t *testing.T) (out []message) {
	t.Helper()
	for _, raw := range o.mail.Taken() {
		m, err := mailtest.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		to, err := m.Header.AddressList("To")
		if err != nil || len(to) != 1 {
			t.Fatalf("To: %v, %v", to, err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, message{to: to[0].Address, subject: subject, text: strings.TrimSpace(m.Text), drill: strings.Contains(m.Text, "EXERCICE") || strings.Contains(m.Text, "DRILL")})
	}
	return out
}

// counts are how much each took.
func (o *hearers) counts() [3]int { return [3]int{o.mail.Count(), o.sms.count(), o.hook.count()} }

// house is what a team's file says of all this.
func house(live, drill *hearers) string {
	accounts := func(o *hearers, from string) string {
		secret := strings.ToUpper(strings.TrimPrefix(o.sms.secret, "the-gateway-s-token-"))
		return fmt.Sprintf(`
  - {id: statut, kind: status}
  - {id: bandeau, kind: banner}
  - {id: partenaires, kind: webhook, url: %[1]q, secret_env: HOOK_%[2]s}
  - {id: courriel, kind: email, host: 127.0.0.1, port: %[3]d, tls: none, from: information@tele.example, parallel: 4}
  - {id: sms, kind: sms, provider: generic, url: %[4]q, fields: {to: "{to}", text: "{text}"}, auth: bearer, secret_env: SMS_%[2]s, answer: id, from: %[5]s, price: 0.06, parallel: 8, timeout: 5s}
`, o.hook.URL, secret, o.mail.Port, o.sms.URL, from)
	}
	return `languages: [fr, en]
country: "33"
links: ["https://etat.tele.example"]
channels:` + accounts(live, "TELE") + `drill:` + accounts(drill, "EXERCICE") + `
status:
  name: {fr: Télé, en: Télé}
  exercises: true
`
}

const crisisMatch = `name: Argentine – France
competition: Finale
teams: [Argentine, France]
channels: [une]
criticality: 4
kick_off: %s
time_zone: Europe/Paris
roster: [{name: Inès Caron, role: support}]
`

// directScenario is what a team has written and keeps beside its configuration.
const directScenario = `title: {fr: "Direct perturbé", en: "The stream is disturbed"}
audience: abonnes
runbook: direct
timing: {initial: 10m, every: 15m, most: 12}
variables:
  since: {type: time, label: {fr: "Depuis", en: "Since"}, live: began}
  next: {type: time, label: {fr: "Prochain point", en: "Next update"}, live: next_by, default: +15m}
messages:
  initial:
    status:
      fr: {subject: "Direct perturbé", text: "Le direct est perturbé depuis {since}. Prochain point à {next}."}
      en: {subject: "The stream is disturbed", text: "The stream has been disturbed since {since}. Next update by {next}."}
    banner:
      fr: {subject: "Direct perturbé", text: "Prochain point à {next} : https://etat.tele.example"}
      en: {subject: "The stream is disturbed", text: "Next update by {next}: https://etat.tele.example"}
    webhook:
      fr: {subject: "Direct perturbé", text: "Prochain point à {next}."}
      en: {subject: "The stream is disturbed", text: "Next update by {next}."}
    email:
      fr: {subject: "Le direct est perturbé", text: "Bonjour,\n\nLe direct est perturbé depuis {since}. Prochain point à {next}."}
      en: {subject: "The stream is disturbed", text: "Hello,\n\nThe stream has been disturbed since {since}. Next update by {next}."}
    sms:
      fr: "Tele : direct perturbe depuis {since}. Point a {next} : etat.tele.example"
      en: "Tele: stream disturbed since {since}. Update by {next}: etat.tele.example"
  update:
    status:
      fr: {subject: "Toujours perturbé", text: "Nous y travaillons. Prochain point à {next}."}
      en: {subject: "Still disturbed", text: "We are working on it. Next update by {next}."}
    webhook:
      fr: {subject: "Toujours perturbé", text: "Prochain point à {next}."}
      en: {subject: "Still disturbed", text: "Next update by {next}."}
  resolved:
    status:
      fr: {subject: "Direct rétabli", text: "Le direct est rétabli. Merci de votre patience."}
      en: {subject: "The stream is back", text: "The stream is back. Thank you for your patience."}
    banner:
      fr: {subject: "Direct rétabli", text: "Merci de votre patience."}
      en: {subject: "The stream is back", text: "Thank you for your patience."}
    webhook:
      fr: {subject: "Direct rétabli", text: "Merci de votre patience."}
      en: {subject: "The stream is back", text: "Thank you for your patience."}
    email:
      fr: {subject: "Le direct est rétabli", text: "Bonjour,\n\nLe direct est rétabli. Merci de votre patience."}
      en: {subject: "The stream is back", text: "Hello,\n\nThe stream is back. Thank you for your patience."}
    sms:
      fr: "Tele : le direct est retabli. Merci de votre patience."
      en: "Tele: the stream is back. Thank you for your patience."
  correction:
    status:
      fr: {subject: "Correction", text: "Notre message précédent était inexact. Le direct fonctionne."}
      en: {subject: "Correction", text: "Our last message was wrong. The stream works."}
    banner:
      fr: {subject: "Correction", text: "Le direct fonctionne."}
      en: {subject: "Correction", text: "The stream works."}
    webhook:
      fr: {subject: "Correction", text: "Le direct fonctionne."}
      en: {subject: "Correction", text: "The stream works."}
    email:
      fr: {subject: "Correction", text: "Bonjour,\n\nNotre message précédent était inexact. Le direct fonctionne."}
      en: {subject: "Correction", text: "Hello,\n\nOur last message was wrong. The stream works."}
    sms:
      fr: "Tele : message precedent inexact. Le direct fonctionne."
      en: "Tele: the last message was wrong. The stream works."
`

const directRunbook = `---
title: {fr: "Direct perturbé", en: "The stream is disturbed"}
owner: support
---

Ce que l’on fait.

## Regarder

` + "```step\nid: look\nkind: manual\nowner: support\nevidence: {fr: \"Combien\", en: \"How many\"}\n```" + `

Sur le tableau.

## Le dire

` + "```step\nid: tell\nkind: message\nscenario: direct\nstep: initial\nneeds: [look]\n```" + `

À tous.
`

// warRoom is a vigie with a house, and its people.
type warRoom struct {
	*process
	t           *testing.T
	live, drill *hearers
	persons     map[string]*person
	operator    *person // one of them
}

// newWarRoom starts a vigie; more is YAML of its configuration, env further variables.
func newWarRoom(t *testing.T, more string, env ...string) *warRoom {
	t.Helper()
	w := &warRoom{process: newProcess(t, more), t: t, live: newHearers(t, "live"), drill: newHearers(t, "drill"), persons: map[string]*person{}}
	w.furnish(w.process, env)
	return w
}

// furnish puts the house's files beside a process's configuration.
func (w *warRoom) furnish(p *process, env []string) {
	w.t.Helper()
	folder := filepath.Dir(p.config)
	for name, text := range map[string]string{
		"messages/house.yaml": house(w.live, w.drill), "messages/scenarios/direct.yaml": directScenario, "runbooks/direct.md": directRunbook,
		"matches/finale.yaml": fmt.Sprintf(crisisMatch, time.Now().Add(-20*time.Minute).Format(time.RFC3339)),
	} {
		at := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	p.env = append(p.env, "HOOK_LIVE="+w.live.hook.secret, "HOOK_DRILL="+w.drill.hook.secret, "SMS_LIVE="+w.live.sms.secret, "SMS_DRILL="+w.drill.sms.secret,
		"VIGIE_COLLECTORS_PUBLIC_URL=http://"+p.machines)
	p.env = append(p.env, env...)
}

const crisisPassword = "a password of the test"

// person makes somebody's account, at the command line.
func (w *warRoom) person(name, roles string) *person {
	w.t.Helper()
	add := w.command("user", "add", name, "--role", roles, "--language", "fr", "--password-stdin", "--config", w.config)
	add.Stdin = strings.NewReader(crisisPassword + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		w.t.Fatalf("add %s: %v: %s", name, err, out)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &person{t: w.t, name: name, at: "http://" + w.people, client: &http.Client{Jar: jar, Timeout: 60 * time.Second}}
	w.persons[name] = p
	if strings.Contains(roles, "operator") {
		w.operator = p
	}
	return p
}

// ready waits until its pages are there and contacts can be read, and signs everybody in.
func (w *warRoom) ready() {
	w.t.Helper()
	eventually(w.t, 90*time.Second, "the board is there", func() bool {
		res, err := http.Get("http://" + w.people + "/readyz")
		if err != nil {
			return !w.alive()
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	for _, p := range w.persons {
		p.signIn()
	}
	eventually(w.t, 90*time.Second, "contacts can be read", func() bool {
		_, doc := w.operator.try("/audience")
		return doc.Find("form[action='/audience/contacts']").Length() > 0 || !w.alive()
	})
}

// person is somebody at a browser.
type person struct {
	t      *testing.T
	name   string
	at     string
	client *http.Client
}

func (p *person) signIn() {
	p.t.Helper()
	f := p.form("/sign-in", ".door form")
	f.set("name", p.name)
	f.set("password", crisisPassword)
	if doc := f.send(""); doc.Find("input[type=password]").Length() > 0 {
		p.t.Fatalf("%s cannot sign in", p.name)
	}
}

// try asks for a page, whatever it answers.
func (p *person) try(path string) (int, *goquery.Document) {
	p.t.Helper()
	var res *http.Response
	eventually(p.t, 60*time.Second, "an answer to "+path, func() (is bool) {
		var err error
		res, err = p.client.Get(p.at + path)
		return err == nil
	})
	return p.read(res)
}

func (p *person) read(res *http.Response) (int, *goquery.Document) {
	p.t.Helper()
	defer res.Body.Close()
	doc, err := goquery.NewDocumentFromReader(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	doc.Url = res.Request.URL
	return res.StatusCode, doc
}

// page asks for a page that must be there.
func (p *person) page(path string) *goquery.Document {
	p.t.Helper()
	status, doc := p.try(path)
	if status != http.StatusOK {
		p.t.Fatalf("%s: GET %s: %d: %s", p.name, path, status, said(doc))
	}
	return doc
}

// elsewhere is a page that is none of vigie's own.
func (p *person) elsewhere(at string) *goquery.Document {
	p.t.Helper()
	res, err := http.Get(at)
	if err != nil {
		p.t.Fatal(err)
	}
	status, doc := p.read(res)
	if status != http.StatusOK {
		p.t.Fatalf("GET %s: %d", at, status)
	}
	return doc
}

// said is what a page says in words.
func said(doc *goquery.Document) string {
	text := strings.Join(strings.Fields(doc.Find("main").Text()), " ")
	return text[:min(len(text), 600)]
}

// post sends what no form offers.
func (p *person) post(path string, fields url.Values) (int, *goquery.Document) {
	p.t.Helper()
	res, err := p.client.PostForm(p.at+path, fields)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.read(res)
}

// filled is a form with what its page filled in.
type filled struct {
	p      *person
	action string
	fields url.Values
	form   *goquery.Selection
}

// form is the one form of a page that a selector finds.
func (p *person) form(path, selector string) *filled {
	p.t.Helper()
	return p.formOf(p.page(path), selector)
}

func (p *person) formOf(doc *goquery.Document, selector string) *filled {
	p.t.Helper()
	form := doc.Find(selector)
	if form.Length() != 1 {
		p.t.Fatalf("%s: %d forms %s at %s: %s", p.name, form.Length(), selector, doc.Url, said(doc))
	}
	f := &filled{p: p, action: form.AttrOr("action", doc.Url.Path), fields: url.Values{}, form: form}
	form.Find("input[name], select[name], textarea[name]").Each(func(_ int, e *goquery.Selection) {
		name := e.AttrOr("name", "")
		if _, off := e.Attr("disabled"); off {
			return
		}
		switch goquery.NodeName(e) {
		case "select":
			chosen := e.Find("option[selected]")
			if chosen.Length() == 0 {
				chosen = e.Find("option")
			}
			if chosen.Length() > 0 {
				f.fields.Add(name, chosen.First().AttrOr("value", chosen.First().Text()))
			}
		case "textarea":
			f.fields.Add(name, e.Text())
		default:
			kind := e.AttrOr("type", "text")
			_, checked := e.Attr("checked")
			if (kind == "checkbox" || kind == "radio") && !checked || kind == "file" {
				return
			}
			f.fields.Add(name, e.AttrOr("value", map[bool]string{true: "on"}[kind == "checkbox"]))
		}
	})
	return f
}

// set types into a field that the form has, or chooses what it offers.
func (f *filled) set(name string, values ...string) *filled {
	f.p.t.Helper()
	if f.form.Find(fmt.Sprintf("[name=%q]", name)).Length() == 0 {
		f.p.t.Fatalf("the form %s has no field %s: %v", f.action, name, f.fields)
	}
	f.fields[name] = values
	return f
}

// press is what comes of the form's button; "": its only one.
func (f *filled) press(button string) (int, *goquery.Document) {
	f.p.t.Helper()
	if name, value, ok := strings.Cut(button, "="); ok {
		f.fields.Set(name, value)
	}
	if f.form.AttrOr("enctype", "") == "multipart/form-data" {
		f.p.t.Fatal("a form for files")
	}
	return f.p.post(f.action, f.fields)
}

// send presses the button, which must do what it says.
func (f *filled) send(button string) *goquery.Document {
	f.p.t.Helper()
	status, doc := f.press(button)
	if status != http.StatusOK {
		f.p.t.Fatalf("%s: POST %s: %d: %s", f.p.name, f.action, status, said(doc))
	}
	return doc
}

// upload chooses a file in the form and sends it.
func (f *filled) upload(field, name, text string) *goquery.Document {
	f.p.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, values := range f.fields {
		for _, v := range values {
			m.WriteField(name, v)
		}
	}
	file, err := m.CreateFormFile(field, name)
	if err != nil {
		f.p.t.Fatal(err)
	}
	io.WriteString(file, text)
	m.Close()
	res, err := f.p.client.Post(f.p.at+f.action, m.FormDataContentType(), &body)
	if err != nil {
		f.p.t.Fatal(err)
	}
	status, doc := f.p.read(res)
	if status != http.StatusOK {
		f.p.t.Fatalf("%s: POST %s: %d: %s", f.p.name, f.action, status, said(doc))
	}
	return doc
}

// audience imports contacts and saves the two segments that sends need.
func (p *person) audience(csv string) {
	p.t.Helper()
	p.form("/audience", "form[action='/audience/contacts']").upload("file", "contacts.csv", csv)
	p.form("/audience/segments", "#segment-form").set("name", "Abonnés").send("")
	p.form("/audience/segments", "#segment-form").set("name", "Maison").set("attribute.0", "role").set("values.0", "equipe").set("canary", "1").send("")
}

// contacts invents n people; the first two are the house's own. The numbers are nobody's.
func contacts(from, n int) string {
	var b strings.Builder
	b.WriteString("id;email;phone;lang;email_agree;sms_agree;role\n")
	for i := from; i < from+n; i++ {
		lang, role, mails, messages := "fr", "", "oui", "oui"
		switch {
		case i < 2:
			role = "equipe"
		case i%7 == 0:
			mails = "non"
		case i%5 == 0:
			messages = "non"
		}
		if i%4 == 1 {
			lang = "en"
		}
		fmt.Fprintf(&b, "c-%05d;c-%05d@courriel.example;+3363998%04d;%s;%s;%s;%s\n", i, i, i, lang, mails, messages, role)
	}
	return b.String()
}

// agreed are the addresses and numbers of contacts who agreed, with their language.
func agreed(from, n int) (mails, numbers map[string]string) {
	mails, numbers = map[string]string{}, map[string]string{}
	for line := range strings.Lines(contacts(from, n)) {
		if f := strings.Split(strings.TrimSpace(line), ";"); strings.HasPrefix(f[0], "c-") {
			if f[4] == "oui" {
				mails[f[1]] = f[3]
			}
			if f[5] == "oui" {
				numbers[f[2]] = f[3]
			}
		}
	}
	return mails, numbers
}

// allApproved imports the folder's scenario as author, and has it approved and armed.
func allApproved(author, validator, operator *person) {
	author.t.Helper()
	importFolder(author)
	for _, step := range []string{"initial", "update", "resolved"} {
		submit(author, step)
		approve(validator, step)
		arm(operator, step)
	}
}

func importFolder(author *person) {
	author.t.Helper()
	doc := author.form("/messages/import", "#import-folder").send("")
	f := author.formOf(doc, "#import-sure")
	f.fields["id"] = []string{"direct"}
	f.send("")
}

func review(step string) string { return "/messages/direct/" + step + "/review?match=finale" }

func submit(author *person, step string) {
	author.t.Helper()
	author.form("/messages/direct?step="+step, "form[action='/messages/direct']").send("do=submit")
}

func approve(validator *person, step string) {
	validator.t.Helper()
	validator.form(review(step), "#approve-form").send("")
}

func arm(operator *person, step string) {
	operator.t.Helper()
	operator.form(review(step), "#arm-form").set("match", "finale").send("")
}

// openCrisis opens one and returns its address.
func openCrisis(p *person, title string, drill bool) string {
	p.t.Helper()
	selector := "form[action='/crises']:not(:has([name=drill]))"
	if drill {
		selector = "form[action='/crises']:has([name=drill])"
	}
	at := p.form("/crises", selector).set("title", title).send("").Url.Path
	if !strings.HasPrefix(at, "/crises/") {
		p.t.Fatalf("a crisis was opened at %s", at)
	}
	return at
}

// prepare prepares a message of the scenario and returns the send's address.
func prepare(p *person, crisis, step string, change func(f *filled)) string {
	p.t.Helper()
	f := p.form("/sends/new?crisis="+strings.TrimPrefix(crisis, "/crises/")+"&scenario=direct&step="+step, "#send-form")
	if change != nil {
		change(f)
	}
	at := f.send("").Url.Path
	if !strings.HasPrefix(at, "/sends/") {
		p.t.Fatalf("a send was prepared at %s", at)
	}
	return at
}

func check(p *person, send string) {
	p.t.Helper()
	p.form(send, "form[action='"+send+"/check']").send("")
}

// confirm reads how many will be told, as the page says, types it and confirms.
func confirm(p *person, send string) (people string) {
	p.t.Helper()
	f := p.form(send, "#confirm")
	people = f.form.Find("#count").AttrOr("data-count", "0")
	f.fields.Set("count", people)
	f.send("")
	return people
}

// over waits until a send has ended, and returns its page.
func over(p *person, send string, limit time.Duration) (doc *goquery.Document) {
	p.t.Helper()
	eventually(p.t, limit, "the send "+send+" ends", func() bool {
		doc = p.page(send)
		return doc.Find("#send").AttrOr("data-follow", "") == "3000"
	})
	return doc
}

// line is a recipient's, as the export has it.
type line struct{ to, lang, outcome string }

// lines are the recipients of a send's leg.
func lines(p *person, send string, leg int) (out []line) {
	p.t.Helper()
	var rows [][]string
	eventually(p.t, 60*time.Second, "the recipients of "+send, func() bool {
		res, err := p.client.Get(fmt.Sprintf("%s%s/lines.csv?leg=%d&of=all", p.at, send, leg))
		if err != nil {
			return false
		}
		defer res.Body.Close()
		rows, err = csv.NewReader(res.Body).ReadAll()
		return err == nil && res.StatusCode == http.StatusOK
	})
	for _, r := range rows[1:] {
		out = append(out, line{strings.TrimPrefix(r[0], "'"), r[1], r[2]})
	}
	return out
}
