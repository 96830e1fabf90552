package app

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"vigie/alerts"
	"vigie/alerts/alertmanager"
	"vigie/alerts/email"
	"vigie/alerts/notice"
	"vigie/alerts/pagerduty"
	"vigie/alerts/route"
	"vigie/alerts/slack"
	"vigie/alerts/sms"
	"vigie/alerts/teams"
	"vigie/alerts/webhook"
	"vigie/internal/match"
)

// channels makes what a policy names. What is wrong is a match.Problem each.
func channels(policy *route.Policy) (map[string]alerts.Channel, error) {
	out := map[string]alerts.Channel{}
	if policy == nil {
		return out, nil
	}
	var errs []error
	for i := range policy.Channels {
		c := &policy.Channels[i]
		key := fmt.Sprintf("channels[%d]", i)
		n, err := notifier(c)
		if err != nil {
			errs = append(errs, &match.Problem{Key: key, Text: err.Error()})
			continue
		}
		made := alerts.Channel{Notifier: n}
		if c.Template != "" {
			if made.Template, err = notice.Compile(c.ID, c.Template); err != nil {
				errs = append(errs, &match.Problem{Key: key + ".template", Text: err.Error()})
				continue
			}
		}
		out[c.ID] = made
	}
	return out, errors.Join(errs...)
}

func notifier(c *route.Channel) (notice.Notifier, error) {
	url, secret := string(c.Endpoint), string(c.Secret)
	switch c.Type {
	case route.Email:
		return email.New(email.Config{Host: c.Host, Port: c.Port, User: c.User, Secret: secret, From: c.From, TLS: map[string]email.TLS{
			"starttls": email.StartTLS, "tls": email.Implicit, "none": email.None,
		}[c.TLS]})
	case route.Webhook:
		return webhook.New(webhook.Config{URL: url, Secret: secret, Headers: plainHeaders(c)})
	case route.Slack:
		return slack.New(slack.Config{URL: url})
	case route.Teams:
		return teams.New(teams.Config{URL: url})
	case route.PagerDuty:
		return pagerduty.New(pagerduty.Config{URL: url, Key: secret})
	case route.SMS:
		s := sms.Config{Provider: c.Provider, URL: url, Account: c.Account, User: c.User, Secret: secret, Service: c.Service, From: c.From,
			Method: c.Method, Format: c.Format, Fields: maps.Clone(c.Fields), Auth: c.Auth, Accepted: c.Accepted, Validity: time.Duration(c.Validity), Headers: plainHeaders(c)}
		if c.Provider == "ovh" {
			s.User, s.Consumer = c.Account, c.User
		}
		return sms.New(s)
	case route.Alertmanager:
		a := alertmanager.Config{User: c.User, Secret: secret}
		for _, u := range c.URLs {
			a.URLs = append(a.URLs, string(u))
		}
		if len(a.URLs) == 0 {
			a.URLs = []string{url}
		}
		return alertmanager.New(a)
	}
	return nil, fmt.Errorf("type: %.40q is none that is known", c.Type)
}

// plainHeaders are a channel's, secrets and all.
func plainHeaders(c *route.Channel) map[string]string {
	out := make(map[string]string, len(c.Headers))
	for name, value := range c.Headers {
		out[name] = string(value)
	}
	return out
}
