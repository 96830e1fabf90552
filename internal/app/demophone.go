package app

import (
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/webhook"
	"vigie/docs/example"
	"vigie/internal/provider"
)

//go:embed demo-routing.yaml
var demoRouting []byte

// phoneBody bounds what the demo's telephone takes.
const phoneBody = 1 << 20

// demoAlerts gives the demo the rules of the example, and people whose telephone is its own terminal.
func demoAlerts(cfg *Config, phone *demoPhone) error {
	rules, err := fs.Sub(example.Alerts, "alerts/rules")
	if err != nil {
		return err
	}
	cfg.Alerts.files = alertFiles{at: map[string]func(string) string{}, secret: phone.told}
	cfg.Alerts.readRules(rules, "docs/example/alerts/rules")
	if phone == nil {
		return nil
	}
	policy, at, err := readText[route.Policy]("demo-routing.yaml", demoRouting)
	if err != nil {
		return err
	}
	cfg.Alerts.Policy, cfg.Alerts.files.at[""] = policy, at
	return nil
}

// demoPhone is where the demo's messages arrive: real webhooks and a gateway for short messages, that write what they
// were told on the terminal.
type demoPhone struct {
	address string            // host:port
	secrets map[string]string // and addresses, by the variables that files name
	out     io.Writer

	mu      sync.Mutex // of out
	inboxes map[string]*inbox
	reports reports
}

// newDemoPhone rings at the door for incidents; nil: that door is closed, and nobody is told anything.
func newDemoPhone(control string, out io.Writer) *demoPhone {
	if control == off {
		return nil
	}
	p := &demoPhone{address: dialable(control), secrets: map[string]string{}, out: out, inboxes: map[string]*inbox{}}
	for name, path := range map[string]string{
		"TELEPHONE": phoneAlerts, "SMS": phoneSMS, "PARTNERS": phonePartners, "DRILL_SMS": phoneSMS + phoneDrill, "DRILL_PARTNERS": phonePartners + phoneDrill,
	} {
		p.secrets[name] = p.at(path)
	}
	for _, name := range []string{"TELEPHONE_SECRET", "SMS_TOKEN", "SMS_RECEIPTS", "PARTNERS_KEY", "DRILL_SMS_TOKEN", "DRILL_PARTNERS_KEY", "MAPPING_KEY", "CALLS_TOKEN"} {
		p.secrets[name] = rand.Text()
	}
	return p
}

// at is the address of one of the telephone's doors.
func (p *demoPhone) at(path string) string { return "http://" + p.address + path }

// told is what files only name.
func (p *demoPhone) told(env, _ string) (string, error) {
	if p == nil {
		return "", errors.New("the demo has no telephone")
	}
	return p.secrets[env], nil
}

// ServeHTTP takes a signed message.
func (p *demoPhone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, phoneBody))
	if err != nil || webhook.Verify(r.Header.Get("Vigie-Signature"), time.Now(), body, p.secrets["TELEPHONE_SECRET"]) != nil {
		http.Error(w, "not signed by this demo", http.StatusForbidden)
		return
	}
	var m webhook.Message
	if err := json.Unmarshal(body, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text := fmt.Sprintf("  ☎ %-6s %s\n", provider.Line(m.To, 40), provider.Line(m.Title, notice.MaxTitle))
	if m.AckURL != "" && m.Kind == notice.Firing {
		text += fmt.Sprintf("           I have it: %s\n", provider.Link(m.AckURL))
	}
	p.say("%s", text)
}
