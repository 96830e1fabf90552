package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	smtp "github.com/emersion/go-smtp"

	"vigie/alerts/webhook"
	"vigie/internal/bus/bustest"
)

// What is counted here is counted by those who were told: a mail server and a webhook's receiver.

const (
	alertsToken = "the-token-of-a-prometheus"
	hookSecret  = "the-secret-of-the-webhook"
)

// heard is one message as a receiver took it.
type heard struct {
	by, kind, problem string // by: mail or hook
	title             string
	repeat            bool
}

// ears are the receivers, and what they heard.
type ears struct {
	hook *httptest.Server
	smtp string // host:port

	mu    sync.Mutex
	heard []heard
	lose  func() bool // whether the next answer is lost after the message was taken
}

func listen(t *testing.T) *ears {
	t.Helper()
	e := &ears{lose: func() bool { return false }}
	e.hook = httptest.NewServer(http.HandlerFunc(e.serveHook))
	t.Cleanup(e.hook.Close)
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailbox{ears: e}, nil }))
	s.Domain, s.MaxMessageBytes = "localhost", 1<<20
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e.smtp = l.Addr().String()
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return e
}

func (e *ears) take(h heard) (lost bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, h)
	return e.lose()
}

func (e *ears) all() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func (e *ears) serveHook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || webhook.Verify(r.Header.Get(webhook.Header), time.Now(), body, hookSecret) != nil {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	var m webhook.Message
	if err := json.Unmarshal(body, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if e.take(heard{"hook", string(m.Kind), m.Problem, m.Title, m.Repeat}) {
		panic(http.ErrAbortHandler) // it was taken, and nobody hears so
	}
}

// mailbox is one session of the mail server.
type mailbox struct {
	ears *ears
	to   string
}

func (m *mailbox) Reset()                                    {}
func (m *mailbox) Logout() error                             { return nil }
func (m *mailbox) Mail(string, *smtp.MailOptions) error      { return nil }
func (m *mailbox) Rcpt(to string, _ *smtp.RcptOptions) error { m.to = to; return nil }
func (m *mailbox) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	h := heard{by: "mail", kind: message.Header.Get("X-Vigie-Kind"), problem: message.Header.Get("X-Vigie-Problem"), title: message.Header.Get("Subject")}
	h.repeat = message.Header.Get("X-Vigie-Repeat") == "true"
	m.ears.take(h)
	return nil
}

// pagesRoom is a room whose alerts are another system's.
const pagesRoom = `alerts:
  receive: [{id: prometheus, token_env: ALERTS_TOKEN}]
`

// routing tells everything to both receivers at once.
func (e *ears) routing(t *testing.T, folder string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(e.smtp)
	text := fmt.Sprintf(`time_zone: Europe/Paris
language: en
people: [{id: marie, name: Marie, contacts: [{channel: mail, to: marie@example.com}]}]
channels:
  - {id: mail, type: email, host: %s, port: %s, tls: none, from: vigie@example.com}
  - {id: hook, type: webhook, url: %q, secret_env: HOOK_SECRET}
escalations: [{id: all, steps: [{tell: ["person:marie"], wait: 10m}]}]
default: {escalation: all, also: ["channel:hook"], wait: 1s, remind: 0}
`, host, port, e.hook.URL)
	if err := os.MkdirAll(filepath.Join(folder, "alerts", "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"routing.yaml": text, "rules/quiet.yaml": quietRules} {
		if err := os.WriteFile(filepath.Join(folder, "alerts", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// quietRules make the process judge; nothing of them fires.
const quietRules = `title: {en: Quiet}
rules: [{id: quiet, title: {en: "Quiet"}, signal: traffic, when: value > 1e15}]
`

// push tells alerts as Prometheus does, until they are taken.
func push(t *testing.T, at func() string, names []string, ended bool) {
	t.Helper()
	type alert struct {
		Labels   map[string]string `json:"labels"`
		StartsAt time.Time         `json:"startsAt"`
		EndsAt   time.Time         `json:"endsAt"`
	}
	var all []alert
	for _, name := range names {
		a := alert{map[string]string{"alertname": name, "severity": "critical", "instance": "db-1"}, time.Now().Add(-time.Second), time.Now().Add(10 * time.Minute)}
		if ended {
			a.EndsAt = time.Now()
		}
		all = append(all, a)
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 90*time.Second, "alerts are taken", func() bool {
		r, _ := http.NewRequest(http.MethodPost, "http://"+at()+"/api/v2/alerts", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+alertsToken)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// count checks that each receiver heard of each alert what it should, once, or more often and said so.
func (e *ears) count(t *testing.T, names []string, kind string, limit time.Duration) (repeats int) {
	t.Helper()
	missing := func() (none []string) {
		all := e.all()
		for _, name := range names {
			for _, by := range []string{"mail", "hook"} {
				if !slices.ContainsFunc(all, func(h heard) bool { return h.by == by && h.kind == kind && strings.Contains(h.title, name) }) {
					none = append(none, by+" of "+name)
				}
			}
		}
		return none
	}
	for end := time.Now().Add(limit); len(missing()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("not heard within %s: %s: %v", limit, kind, missing())
			return 0
		}
	}
	time.Sleep(2 * time.Second) // what comes twice comes now
	times := map[string]int{}
	for _, h := range e.all() {
		if h.kind != kind {
			continue
		}
		key := h.by + " " + h.title
		if h.repeat {
			repeats++
			continue
		}
		if times[key]++; times[key] > 1 {
			t.Errorf("heard %d times and not said to be a repeat: %s %s", times[key], h.by, h.title)
		}
	}
	return repeats
}

func namesOf(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%s%02dx", prefix, i))
	}
	return out
}

func TestNoPageIsLostOrRepeatedUnsaidWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	lives := envNumber(t, "VIGIE_PAGE_LIVES", 4)
	e := listen(t)
	p := newProcess(t, pagesRoom)
	p.env = append(p.env, "ALERTS_TOKEN="+alertsToken, "HOOK_SECRET="+hookSecret)
	e.routing(t, filepath.Dir(p.config))
	random := rand.New(rand.NewPCG(7, 7))
	var losing sync.Mutex
	e.lose = func() bool { losing.Lock(); defer losing.Unlock(); return random.IntN(4) == 0 }
	p.start()
	p.up()
	var names []string
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for i := range lives * 6 {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(200+i%5*300) * time.Millisecond):
			}
			push(t, func() string { return p.machines }, []string{fmt.Sprintf("Alert%02dx", i)}, false)
		}
	}()
	for i := range lives * 6 {
		names = append(names, fmt.Sprintf("Alert%02dx", i))
	}
	pause := rand.New(rand.NewPCG(3, 9))
	for range lives {
		time.Sleep(time.Duration(1000+pause.IntN(3000)) * time.Millisecond)
		p.kill()
		p.start()
	}
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		close(stop)
		t.Fatal("the sender is stuck")
	}
	repeats := e.count(t, names, "firing", 2*time.Minute)
	losing.Lock()
	e.mu.Lock()
	e.lose = func() bool { return false }
	e.mu.Unlock()
	losing.Unlock()
	push(t, func() string { return p.machines }, names, true)
	ends := e.count(t, names, "resolved", time.Minute)
	t.Logf("%d alerts, %d lives: %d messages, %d of them said to be repeats (%d of ends)", len(names), lives+1, len(e.all()), repeats+ends, ends)
}

// Two processes, a NATS and a ClickHouse of the operator's: the one that judges is killed, the other goes on.
func TestAnotherProcessJudgesAndTellsWhenTheOneThatDidIsKilled(t *testing.T) {
	t.Parallel()
	bus := bustest.Serve(t)
	clickhouse := freeAddress(t)
	serveClickHouse(t, clickhouse)

	e := listen(t)
	room := fmt.Sprintf("nats: {url: %q}\n%s", bus.ClientURL(), pagesRoom)
	var nodes []*process
	for range 2 {
		p := newProcess(t, room)
		p.env = append(p.env, "ALERTS_TOKEN="+alertsToken, "HOOK_SECRET="+hookSecret, "VIGIE_CLICKHOUSE_DSN=http://"+clickhouse+"/default", "VIGIE_ROLES=alerts")
		e.routing(t, filepath.Dir(p.config))
		p.start()
		nodes = append(nodes, p)
	}
	for _, p := range nodes {
		p.up()
	}
	live := nodes[0]
	at := func() string { return live.machines }
	push(t, at, namesOf("First", 5), false)
	e.count(t, namesOf("First", 5), "firing", 2*time.Minute)

	// One of the two judges: kill one, then the other, with alerts that come while none may.
	for i, victim := range nodes {
		live = nodes[1-i]
		victim.kill()
		names := namesOf(fmt.Sprintf("Round%d", i), 5)
		push(t, at, names, false)
		e.count(t, names, "firing", time.Minute)
		victim.start()
		victim.up()
	}
	all := slices.Concat(namesOf("First", 5), namesOf("Round0", 5), namesOf("Round1", 5))
	push(t, at, all, true)
	e.count(t, all, "resolved", time.Minute)
	repeats := 0
	for _, h := range e.all() {
		if h.repeat {
			repeats++
		}
	}
	t.Logf("%d messages of %d alerts, %d said to be repeats", len(e.all()), len(all), repeats)
}
