// Package alertmanager pushes problems to an Alertmanager of Prometheus's, whose routes and silences then apply. A
// problem is one alert there. Whatever is pushed twice is one alert, so that nothing here is doubled.
//
// An alert lives for three minutes after it was pushed, and is then over for Alertmanager: while a problem goes on, it
// must be said again at least once a minute (Every), as Prometheus does. Each of these may be any kind but Resolved.
package alertmanager

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/provider"
)

const (
	// Every is how often a problem that goes on is to be said at least.
	Every = time.Minute
	// Lives is how long it goes on for Alertmanager after it was said: two that are lost end nothing.
	Lives = 3 * time.Minute

	maxURLs = 10
)

// Config is an Alertmanager, or all of a cluster.
type Config struct {
	URLs   []string // http://alertmanager:9093, each of a cluster; http is allowed where there is no Secret
	User   string   // with Secret, where it asks for a name and a password
	Secret string   // password, or without User a bearer token
	Post   provider.PostConfig
}

// Channel is a notice.Notifier. It has one destination: to is the label "receiver" where it is not empty.
type Channel struct {
	urls          []string
	authorization string
	post          *provider.Poster
}

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if len(c.URLs) == 0 || len(c.URLs) > maxURLs {
		return nil, fmt.Errorf("url: 1 to %d of a cluster", maxURLs)
	}
	ch := &Channel{}
	c.Post.Secrets = append([]string{c.Secret}, c.Post.Secrets...)
	for _, u := range c.URLs {
		if err := provider.CheckURL("url", u, c.Secret == ""); err != nil {
			return nil, err
		}
		if strings.Contains(u, "?") {
			return nil, errors.New("url: the address of Alertmanager alone, as http://alertmanager:9093")
		}
		u = strings.TrimSuffix(strings.TrimSuffix(u, "/"), "/api/v2/alerts")
		ch.urls = append(ch.urls, u+"/api/v2/alerts")
		c.Post.Secrets = append(c.Post.Secrets, provider.URLSecrets(u)...)
	}
	switch {
	case c.User != "" && c.Secret == "":
		return nil, errors.New("secret: missing, for user")
	case c.User != "":
		ch.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Secret))
	case c.Secret != "":
		ch.authorization = "Bearer " + c.Secret
	}
	ch.post = provider.NewPoster(c.Post)
	return ch, nil
}

// Notify pushes n's problem to each of the cluster, as Prometheus does: one that takes it is enough, for they tell each
// other. Of several failures the one that leaves most to hope is told: Ambiguous, then Temporary.
func (c *Channel) Notify(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	body, err := json.Marshal(render(to, n, time.Now()))
	if err != nil {
		return provider.Receipt{}, c.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
	}
	results := make(chan error)
	for _, u := range c.urls {
		go func() { results <- c.push(ctx, u, body) }()
	}
	took := 0
	var worst *provider.Failure
	for range c.urls {
		err := <-results
		if err == nil {
			took++
		} else if f := provider.Failed(err); worst == nil || f.Certainty < worst.Certainty {
			worst = f
		}
	}
	if took == 0 {
		return provider.Receipt{}, worst
	}
	return c.post.Receipt("", fmt.Sprintf("taken by %d of %d", took, len(c.urls))), nil
}

func (c *Channel) push(ctx context.Context, url string, body []byte) error {
	h := http.Header{"Content-Type": {"application/json"}}
	if c.authorization != "" {
		h.Set("Authorization", c.authorization)
	}
	a, err := c.post.Post(ctx, provider.Request{URL: url, Header: h, Body: body})
	if err == nil && len(a.Body) > 0 { // it answers without a word
		return c.post.Unreadable(a)
	}
	return err
}

// alert is one of its API's postableAlerts.
type alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     *time.Time        `json:"startsAt,omitempty"`
	EndsAt       *time.Time        `json:"endsAt,omitempty"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// render is n's problem as it is at now. Labels are what an alert is known by, so that severity, which routes look
// at, makes another of it: when it rose, or the problem is over, those of lower severities are over too.
func render(to string, n *notice.Notification, now time.Time) []alert {
	n = notice.Clean(n)
	a := alert{Labels: labels(to, n), Annotations: annotations(n), GeneratorURL: n.URL}
	now = now.UTC().Truncate(time.Millisecond)
	start, end := n.Started.UTC(), now.Add(Lives)
	if n.Started.IsZero() || start.After(now) || start.Year() < 1970 {
		start = now
	}
	if n.Kind == notice.Resolved {
		if end = n.Ended.UTC(); n.Ended.IsZero() || end.After(now) || end.Year() < 1970 {
			end = now
		}
		if end.Before(start) {
			start = end
		}
	}
	a.StartsAt, a.EndsAt = &start, &end
	all := []alert{a}
	if n.Kind == notice.Worse || n.Kind == notice.Resolved {
		for _, lower := range []notice.Severity{notice.Warning, notice.Info} {
			if lower.Rank() < n.Severity.Rank() {
				over := a
				over.Labels = map[string]string{}
				for name, value := range a.Labels {
					over.Labels[name] = value
				}
				over.Labels["severity"] = string(lower)
				if n.Kind == notice.Worse {
					over.EndsAt = &now
				}
				all = append(all, over)
			}
		}
	}
	return all
}

// labels are the problem's, with names that every Alertmanager takes, and Vigie's own, which theirs cannot be. They
// must be the same from the first to the last that is said of a problem.
func labels(to string, n *notice.Notification) map[string]string {
	all := map[string]string{}
	for name, value := range n.Labels {
		if name = labelName(name); name != "" && value != "" {
			// Of two that become one name, the larger value: the same each time.
			all[name] = max(all[name], value)
		}
	}
	switch {
	case n.Kind == notice.Heartbeat:
		all["alertname"] = "VigieHeartbeat"
	case n.Kind == notice.Test:
		all["alertname"] = "VigieTest"
	case all["rule"] != "":
		all["alertname"] = all["rule"]
	case all["alertname"] == "":
		all["alertname"] = "Vigie"
	}
	set := func(name, value string) {
		if delete(all, name); value != "" {
			all[name] = value
		}
	}
	set("vigie", "problem")
	set("problem", n.Problem)
	if severity := n.Severity; severity.Rank() > 0 {
		set("severity", string(severity))
	} else {
		set("severity", string(notice.Warning))
	}
	set("owner", n.Owner)
	set("receiver", provider.Line(to, notice.MaxTitle))
	drill := ""
	if n.Drill {
		drill = "true"
	}
	set("drill", drill)
	return all
}

// labelName is a name as versions of before 0.27 take it: letters, digits and underscores.
func labelName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, name)
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

func annotations(n *notice.Notification) map[string]string {
	all := map[string]string{"summary": n.Title, "description": n.Text, "spark": n.Spark, "dashboard_url": n.URL, "ack_url": n.AckURL, "runbook_url": n.Runbook}
	if v := math.Round(n.Viewers); v >= 0 && v < 1e15 {
		all["viewers"] = strconv.FormatFloat(v, 'f', 0, 64)
	}
	for name, value := range all {
		if value == "" {
			delete(all, name)
		}
	}
	return all
}
