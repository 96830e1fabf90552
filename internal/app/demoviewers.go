package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"vigie/internal/provider"
	"vigie/runbooks/webhook"
)

// Where the telephone takes what viewers would be told, and answers for systems that the demo does not have.
const (
	phoneAlerts   = "/telephone"
	phoneSMS      = "/telephone/sms"
	phonePartners = "/telephone/partenaires"
	phoneContacts = "/telephone/contacts"
	phoneCalls    = "/telephone/appels/"
	phoneDrill    = "/exercice" // behind the first two
)

const (
	shownMessages = 3               // of a send, one by one; then they are counted
	shownEvery    = 2 * time.Second // a count
	shownText     = 240             // characters
	maxInboxes    = 50              // sends that are counted at a time
	reportAfter   = 1500 * time.Millisecond
)

// inbox counts what telephones got of one send.
type inbox struct {
	got, said int
	counting  bool
}

// doors are the telephone's, beside the one for alerts.
func (p *demoPhone) doors(mux *http.ServeMux) {
	mux.Handle("POST "+phoneAlerts, p)
	mux.HandleFunc("POST "+phoneSMS, p.sms(false))
	mux.HandleFunc("POST "+phoneSMS+phoneDrill, p.sms(true))
	mux.HandleFunc("POST "+phonePartners, p.partners(false))
	mux.HandleFunc("POST "+phonePartners+phoneDrill, p.partners(true))
	mux.HandleFunc("POST "+phoneContacts, p.contacts)
	mux.HandleFunc(phoneCalls, p.call)
}

func (p *demoPhone) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format, args...)
}

// bearer tells whether a request has the secret that goes by a name.
func (p *demoPhone) bearer(r *http.Request, name string) bool {
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(p.secrets[name]))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// phoneBodyOf is a body; nil: it was answered already.
func phoneBodyOf(w http.ResponseWriter, r *http.Request) []byte {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, phoneBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil
	}
	return body
}

// sms is a gateway: it takes a message, and reports later what became of it.
func (p *demoPhone) sms(drill bool) http.HandlerFunc {
	secret, sign := "SMS_TOKEN", ""
	if drill {
		secret, sign = "DRILL_SMS_TOKEN", " (exercise)"
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if !p.bearer(r, secret) {
			http.Error(w, "not this demo's", http.StatusForbidden)
			return
		}
		var m struct{ To, Text, ID, Callback string }
		body := phoneBodyOf(w, r)
		if body == nil {
			return
		}
		if err := json.Unmarshal(body, &m); err != nil || m.To == "" || m.Text == "" {
			http.Error(w, "to and text are needed", http.StatusBadRequest)
			return
		}
		p.ring(m.ID, fmt.Sprintf("  ✉ SMS %s%s  %s\n", provider.Line(m.To, 20), sign, provider.Line(m.Text, shownText)))
		p.report(m.ID, m.Callback)
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"id": "sms-" + m.ID})
	}
}

// ring writes the first of a send, and counts the others.
func (p *demoPhone) ring(id, text string) {
	send := id
	for range 2 { // its channel and its recipient
		if at := strings.LastIndexByte(send, '-'); at > 0 {
			send = send[:at]
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inboxes[send] == nil {
		if len(p.inboxes) >= maxInboxes {
			clear(p.inboxes)
		}
		p.inboxes[send] = &inbox{}
	}
	in := p.inboxes[send]
	if in.got++; in.got <= shownMessages {
		in.said = in.got
		io.WriteString(p.out, text)
		return
	}
	if in.counting {
		return
	}
	in.counting = true
	time.AfterFunc(shownEvery, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		in.counting, in.said = false, in.got
		fmt.Fprintf(p.out, "  ✉ %d SMS\n", in.got)
	})
}

// reports are what the gateway has to tell, by where.
type reports struct {
	mu      sync.Mutex
	waiting map[string][]report
}

type report struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// maxReports waiting: what is more is never told, as happens.
const maxReports = 50_000

// report tells soon what became of a message: most arrive, some cannot, and of a few nobody ever hears.
func (p *demoPhone) report(id, callback string) {
	at, _, _ := strings.Cut(callback, "?")
	fate := hashed(id) % 1000
	if at == "" || fate < 8 {
		return
	}
	state := "delivered"
	if fate < 20 {
		state = "failed"
	}
	q := &p.reports
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		q.waiting = map[string][]report{}
	}
	if len(q.waiting[at]) >= maxReports {
		return
	}
	q.waiting[at] = append(q.waiting[at], report{id, state})
	if len(q.waiting[at]) == 1 {
		time.AfterFunc(reportAfter, func() { p.tell(at) })
	}
}

func (p *demoPhone) tell(at string) {
	q := &p.reports
	q.mu.Lock()
	all := q.waiting[at]
	delete(q.waiting, at)
	q.mu.Unlock()
	const most = 1500 // of a request
	for len(all) > 0 {
		n := min(most, len(all))
		body, err := json.Marshal(all[:n])
		if err != nil {
			return
		}
		all = all[n:]
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(string(body)))
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+p.secrets["SMS_RECEIPTS"])
			r.Header.Set("Content-Type", "application/json")
			if res, err := http.DefaultClient.Do(r); err == nil {
				res.Body.Close()
			}
		}
		cancel()
	}
}

// partners is a distributor that shows messages on its boxes.
func (p *demoPhone) partners(drill bool) http.HandlerFunc {
	secret, sign := "PARTNERS_KEY", ""
	if drill {
		secret, sign = "DRILL_PARTNERS_KEY", " (exercise)"
	}
	return func(w http.ResponseWriter, r *http.Request) {
		body := phoneBodyOf(w, r)
		if body == nil {
			return
		}
		var m webhook.Message
		if !p.signed(w, r, body, secret) {
			return
		}
		if err := json.Unmarshal(body, &m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.say("  ⇢ partners%s, in %s: %s\n", sign, provider.Line(m.Language, 8), provider.Line(cmp.Or(m.Subject, m.Text), shownText))
		w.WriteHeader(http.StatusNoContent)
	}
}

func (p *demoPhone) signed(w http.ResponseWriter, r *http.Request, body []byte, name string) bool {
	if provider.Verify(r.Header.Get(provider.SignatureHeader), time.Now(), body, p.secrets[name]) != nil {
		http.Error(w, "not signed by this demo", http.StatusForbidden)
		return false
	}
	return true
}

// contacts tells which viewer is which contact: of seven in ten it is known.
func (p *demoPhone) contacts(w http.ResponseWriter, r *http.Request) {
	body := phoneBodyOf(w, r)
	if body == nil || !p.signed(w, r, body, "MAPPING_KEY") {
		return
	}
	var asked struct{ IDs []string }
	if err := json.Unmarshal(body, &asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := json.NewEncoder(w)
	for _, id := range asked.IDs {
		if n := hashed(id); n%10 < 7 {
			out.Encode(map[string]string{"id": id, "contact": contactID(int(n / 10 % demoContacts))})
		}
	}
}

// call takes what runbooks call, and does nothing of it.
func (p *demoPhone) call(w http.ResponseWriter, r *http.Request) {
	if !p.bearer(r, "CALLS_TOKEN") {
		http.Error(w, "not this demo's", http.StatusForbidden)
		return
	}
	body := phoneBodyOf(w, r)
	if body == nil {
		return
	}
	to, err := url.PathUnescape(strings.TrimPrefix(r.URL.Path, phoneCalls))
	if err != nil {
		to = r.URL.Path
	}
	p.say("  ⚙ %s %s %s\n", provider.Line(r.Method, 10), provider.Line(to, 120), provider.Line(string(body), shownText))
	w.WriteHeader(http.StatusNoContent)
}

func hashed(text string) uint32 {
	h := fnv.New32a()
	io.WriteString(h, text)
	return h.Sum32()
}
