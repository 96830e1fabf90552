package app

import (
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
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
	cfg.Alerts.files = alertFiles{at: map[string]func(string) string{}, secret: func(env, _ string) (string, error) {
		return map[string]string{"TELEPHONE": phone.url, "TELEPHONE_SECRET": phone.secret}[env], nil
	}}
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

// demoPhone is where the demo's messages arrive: a real webhook, that writes what it was told on the terminal.
type demoPhone struct {
	url, secret string
	out         io.Writer
}

// newDemoPhone rings at the door for incidents; nil: that door is closed, and nobody is told anything.
func newDemoPhone(control string, out io.Writer) *demoPhone {
	if control == off {
		return nil
	}
	return &demoPhone{url: "http://" + control + "/telephone", secret: rand.Text(), out: out}
}

// ServeHTTP takes a signed message.
func (p *demoPhone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, phoneBody))
	if err != nil || webhook.Verify(r.Header.Get("Vigie-Signature"), time.Now(), body, p.secret) != nil {
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
	io.WriteString(p.out, text)
}
