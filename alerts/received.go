package alerts

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/rule"
	"vigie/internal/provider"
)

// Received is an alert of another system, as it was last told.
type Received struct {
	ID          string            `json:"id"`     // of its source and labels
	Source      string            `json:"source"` // which system told it
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Starts      time.Time         `json:"starts"`
	Ends        time.Time         `json:"ends"`          // it fires until then, unless it is told again
	URL         string            `json:"url,omitempty"` // where it was made
	Told        time.Time         `json:"told"`          // last, to a minute or so
}

// Source is another system that may tell its alerts.
type Source struct {
	ID        string `yaml:"id"`
	TokenFile string `yaml:"token_file"`
	TokenEnv  string `yaml:"token_env"`
	Token     string `yaml:"-"` // as bearer, or as the password of basic authentication
}

const (
	receivedBody   = 4 << 20
	receivedMost   = 5000 // alerts of one body
	receivedKept   = 2000 // of all systems
	receivedLabels = 64
	receivedText   = 2000    // characters of a value
	receivedBytes  = 8 << 10 // of labels, of annotations: what goes beyond is left out, for a problem of fifty of them must be kept
	toldEvery      = time.Minute
	resolveTime    = 5 * time.Minute // for which what has no end fires when it is not told again, as Alertmanager's resolve_timeout
	hookTime       = 24 * time.Hour
)

// Receiver is the door for other systems' alerts: Prometheus's own way (POST /api/v2/alerts, Alertmanager's
// API), and Alertmanager's webhook (POST /api/v2/alerts/webhook, version 4). What it answered 200 to is kept.
type Receiver struct {
	Room    *Room
	Sources []Source
}

// Register puts its routes on a mux.
func (r *Receiver) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v2/alerts", func(w http.ResponseWriter, req *http.Request) { r.serve(w, req, readAlerts) })
	mux.HandleFunc("POST /api/v2/alerts/webhook", func(w http.ResponseWriter, req *http.Request) { r.serve(w, req, readWebhook) })
	mux.HandleFunc("GET /api/v2/status", func(w http.ResponseWriter, req *http.Request) { // what amtool and Prometheus ask for
		if _, ok := r.source(req); !ok {
			refuse(w, http.StatusUnauthorized, "no alert source has this token")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"cluster":{"status":"disabled","peers":[]},"versionInfo":{"version":"vigie"}}`)
	})
}

// source is who knocks. Every token is compared, whatever was found before.
func (r *Receiver) source(req *http.Request) (id string, ok bool) {
	token, bearer := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		_, token, _ = req.BasicAuth()
	}
	given := sha256.Sum256([]byte(token))
	for _, s := range r.Sources {
		want := sha256.Sum256([]byte(s.Token))
		if subtle.ConstantTimeCompare(given[:], want[:]) == 1 && s.Token != "" {
			id, ok = s.ID, true
		}
	}
	return id, ok
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": fmt.Sprintf(format, args...)})
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, read func([]byte) ([]Received, error)) {
	source, ok := r.source(req)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="vigie alerts"`)
		refuse(w, http.StatusUnauthorized, "no alert source has this token: see alerts.receive in the configuration")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, receivedBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "the body is larger than %d bytes, or was cut off", receivedBody)
		return
	}
	told, err := read(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	if err := r.Room.receive(req.Context(), source, told, time.Now().UTC()); err != nil {
		status := http.StatusServiceUnavailable
		if errors.Is(err, ErrFull) {
			status = http.StatusTooManyRequests
		}
		w.Header().Set("Retry-After", "5")
		refuse(w, status, "%v", err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// postable is an alert as Prometheus posts it (Alertmanager's openapi.yaml, postableAlert), and as a webhook
// has it.
type postable struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
	Status       string            `json:"status"` // of a webhook's
}

func readAlerts(body []byte) ([]Received, error) {
	var posted []postable
	if err := json.Unmarshal(body, &posted); err != nil {
		return nil, fmt.Errorf("the body is no list of alerts: %w", err)
	}
	return taken(posted)
}

func readWebhook(body []byte) ([]Received, error) {
	var hook struct {
		Version string     `json:"version"`
		Alerts  []postable `json:"alerts"`
	}
	if err := json.Unmarshal(body, &hook); err != nil {
		return nil, fmt.Errorf("the body is no webhook of Alertmanager's: %w", err)
	}
	if hook.Version != "4" {
		return nil, fmt.Errorf("version %.20q is none that is known: 4 is", hook.Version)
	}
	return taken(hook.Alerts)
}

func taken(posted []postable) ([]Received, error) {
	if len(posted) > receivedMost {
		return nil, fmt.Errorf("%d alerts in one body, %d are taken", len(posted), receivedMost)
	}
	out := make([]Received, 0, len(posted))
	for i, p := range posted {
		if len(p.Labels) > receivedLabels || len(p.Annotations) > receivedLabels {
			return nil, fmt.Errorf("[%d]: more than %d labels or annotations", i, receivedLabels)
		}
		if p.Status == "resolved" && p.EndsAt.IsZero() {
			p.EndsAt = time.Now()
		}
		last := time.Now().Add(hookTime)
		switch { // Prometheus tells with each telling until when it holds; a webhook is told the end, and little before
		case p.Status == "firing", p.EndsAt.After(last):
			p.EndsAt = last
		case p.EndsAt.IsZero():
			p.EndsAt = time.Now().Add(resolveTime)
		}
		if p.StartsAt.After(time.Now()) { // by a clock that is ahead
			p.StartsAt = time.Time{}
		}
		labels := tidied(p.Labels)
		if labels["alertname"] == "" {
			return nil, fmt.Errorf("[%d].labels.alertname: is missing", i)
		}
		out = append(out, Received{Labels: labels, Annotations: tidied(p.Annotations), Starts: p.StartsAt.UTC(), Ends: p.EndsAt.UTC(), URL: provider.Link(p.GeneratorURL)})
	}
	return out, nil
}

// tidied are labels without what could break a line, each of a bounded length, and all of them.
func tidied(labels map[string]string) map[string]string {
	out := make(map[string]string, len(labels))
	names, room := slices.Sorted(maps.Keys(labels)), receivedBytes
	for _, k := range append([]string{"alertname", "severity", "summary"}, names...) {
		v := provider.Line(labels[k], receivedText)
		if k = provider.Line(k, 100); k == "" || v == "" || out[k] != "" || len(k)+len(v) > room {
			continue
		}
		out[k] = v
		room -= len(k) + len(v)
	}
	return out
}

// receive keeps what was told. What is told again unchanged is written once a minute only.
func (r *Room) receive(ctx context.Context, source string, told []Received, now time.Time) error {
	fires := 0
	var over []string
	r.mu.Lock()
	for id, a := range r.received {
		if a.Ends.After(now) {
			fires++
		} else {
			over = append(over, id)
		}
	}
	r.mu.Unlock()
	if len(over) > receivedKept { // they are forgotten after an hour, and sooner when there are many
		for _, id := range over {
			if err := r.cfg.State.Delete(ctx, keyReceived+id); err != nil {
				return err
			}
			r.hear(keyReceived+id, nil, true)
		}
	}
	for _, a := range told {
		a.Source = source
		a.Labels["source"] = source
		parts := []any{source}
		for _, k := range slices.Sorted(maps.Keys(a.Labels)) {
			parts = append(parts, k, a.Labels[k])
		}
		a.ID, a.Told = idOf(parts...), now
		r.mu.Lock()
		was, known := r.received[a.ID]
		r.mu.Unlock()
		over, fired := !a.Ends.After(now), known && was.Ends.After(now)
		switch {
		case !a.Starts.IsZero():
		case fired:
			a.Starts = was.Starts
		default:
			a.Starts = now
		}
		switch {
		case !known && over:
			continue // it was never here
		case !fired && !over && fires >= receivedKept:
			return fmt.Errorf("%w: %d alerts of other systems fire: group or inhibit them where they are made", ErrFull, fires)
		case over && !fired:
			continue
		case fired && !over && now.Sub(was.Told) < toldEvery && was.Ends.Sub(now) > toldEvery && maps.Equal(was.Annotations, a.Annotations):
			continue
		}
		raw, err := json.Marshal(a)
		if err != nil {
			return err
		}
		write, cancel := context.WithTimeout(ctx, storeWait)
		err = r.cfg.State.Put(write, keyReceived+a.ID, raw)
		cancel()
		if err != nil {
			return err
		}
		r.hear(keyReceived+a.ID, raw, false)
		if fires += boolean(!over); fired {
			fires--
		}
	}
	return nil
}

// firingElsewhere are other systems' alerts that fire.
func (r *Room) firingElsewhere(now time.Time) (out []*firing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.received {
		if !now.Before(a.Ends) {
			continue
		}
		f := &firing{Alert: rule.Alert{
			Key: receivedGroup + "." + a.ID, Rule: a.Labels["alertname"], Group: receivedGroup, Labels: a.Labels,
			Status: rule.Firing, Since: a.Starts, Fired: a.Starts, Severity: severityOf(a.Labels["severity"]),
		}}
		title := a.Annotations["summary"]
		if title == "" {
			title = a.Labels["alertname"]
		}
		detail := a.Annotations["description"]
		f.title, f.detail = rule.Text{FR: provider.Line(title, notice.MaxTitle), EN: provider.Line(title, notice.MaxTitle)}, rule.Text{FR: detail, EN: detail}
		f.runbook = provider.Link(a.Annotations["runbook_url"])
		if f.owner = a.Labels["owner"]; f.owner == "" {
			f.owner = a.Labels["team"]
		}
		f.dims = map[string]string{}
		out = append(out, f)
	}
	return out
}

// severityOf reads what teams write into the label of that name.
func severityOf(text string) notice.Severity {
	switch strings.ToLower(text) {
	case "critical", "page", "error", "emergency", "high", "p1":
		return notice.Critical
	case "info", "none", "low", "p4", "p5", "informational":
		return notice.Info
	}
	return notice.Warning
}

// labelText is labels as people write them.
func labelText(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, " ")
}
