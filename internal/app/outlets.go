package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"vigie/internal/bus"
	"vigie/internal/match"
	"vigie/internal/provider/mail"
	gateway "vigie/internal/provider/sms"
	"vigie/runbooks/bluesky"
	"vigie/runbooks/channel"
	"vigie/runbooks/email"
	"vigie/runbooks/house"
	"vigie/runbooks/mastodon"
	"vigie/runbooks/send"
	"vigie/runbooks/sms"
	"vigie/runbooks/statuspage"
	"vigie/runbooks/webhook"
	"vigie/runbooks/x"
)

// outletSet are the channels of what is real, and those of exercises: never in one map.
type outletSet struct{ live, drill map[string]channel.Channel }

// of are those that a worker may have.
func (o *outletSet) of(drill bool) map[string]channel.Channel {
	if drill {
		return o.drill
	}
	return o.live
}

// outlets makes the channels of a house. What is wrong is a match.Problem each. Without a page or a bucket of tokens
// nothing is kept anywhere: that is for checking. public is where providers reach this house, "" nowhere.
func outlets(h *house.House, page *statuspage.Page, tokens *bus.KV, public string) (*outletSet, error) {
	out := &outletSet{map[string]channel.Channel{}, map[string]channel.Channel{}}
	var errs []error
	for _, list := range []struct {
		key   string
		all   []house.Account
		to    map[string]channel.Channel
		drill bool
	}{{"channels", h.Channels, out.live, false}, {"drill", h.Drill, out.drill, true}} {
		for i := range list.all {
			a := &list.all[i]
			made, err := outlet(a, page, tokens, public, list.drill)
			if err != nil {
				errs = append(errs, &match.Problem{Key: fmt.Sprintf("%s[%d]", list.key, i), Text: err.Error()})
				continue
			}
			if made != nil {
				list.to[a.ID] = made
			}
		}
	}
	return out, errors.Join(errs...)
}

func outlet(a *house.Account, page *statuspage.Page, tokens *bus.KV, public string, drill bool) (channel.Channel, error) {
	switch a.Kind {
	case channel.Status:
		if page == nil {
			return nil, nil
		}
		return page.Status(), nil
	case channel.Banner:
		if page == nil {
			return nil, nil
		}
		return page.Banner(), nil
	case channel.Email:
		return email.New(email.Config{ReplyTo: a.ReplyTo, Server: mail.Config{Host: a.Host, Port: a.Port, User: a.User, Secret: a.Secret, From: a.From, Sessions: a.Parallel, TLS: map[string]mail.TLS{
			"starttls": mail.StartTLS, "tls": mail.Implicit, "none": mail.None,
		}[a.TLS]}})
	case channel.SMS:
		c := sms.Config{Gateway: gateway.Config{Provider: a.Provider, URL: a.Endpoint, Account: a.Account, User: a.User, Secret: a.Secret, Service: a.Service, From: a.From,
			Method: a.Method, Format: a.Format, Fields: maps.Clone(a.Fields), Headers: maps.Clone(a.Headers), Auth: a.Auth, Accepted: a.Accepted, Answer: a.Answer, Validity: a.Valid}}
		if c.Gateway.Validity > 30*time.Minute || c.Gateway.Validity == 0 {
			c.Gateway.Validity = 20 * time.Minute // of the operator's own tries, once it took it
		}
		if a.Provider == "ovh" {
			c.Gateway.User, c.Gateway.Consumer = a.Account, a.User
		}
		if r := a.Receipts; r != nil {
			c.Receipts = sms.Receipts{Secret: r.Secret, Header: r.Header, List: r.List, Message: r.Message, Receipt: r.Receipt, State: r.State, Time: r.Time, Text: r.Text, Delivered: r.Delivered, Failed: r.Failed}
			if public != "" && a.Provider != "ovh" {
				c.Gateway.Callback = public + receiptsPath(drill) + url.PathEscape(a.ID)
			}
		}
		return sms.New(c)
	case channel.Mastodon:
		return mastodon.New(mastodon.Config{URL: a.Endpoint, Token: a.Secret, Visibility: a.Visibility})
	case channel.Bluesky:
		return bluesky.New(bluesky.Config{URL: a.Endpoint, Identifier: a.User, Password: a.Secret})
	case channel.X:
		c := x.Config{URL: a.Endpoint, ClientID: a.User, ClientSecret: a.Secret, Refresh: a.Refresh, Keep: &x.Memory{}}
		if tokens != nil {
			key := "x." + a.ID
			if drill {
				key = "x-drill." + a.ID
			}
			c.Keep = keptTokens{tokens, key}
		}
		return x.New(c)
	case channel.Webhook:
		return webhook.New(webhook.Config{URL: a.Endpoint, Secret: a.Secret, Headers: maps.Clone(a.Headers)})
	}
	return nil, fmt.Errorf("kind: %.40q is none that is known", a.Kind)
}

// receiptsPath is where providers tell what became of messages.
func receiptsPath(drill bool) string {
	if drill {
		return "/receipts/drill/"
	}
	return "/receipts/"
}

// accountsOf are a house's, as sends know them.
func accountsOf(h *house.House) (out []send.Account) {
	if h == nil {
		return nil
	}
	for _, list := range []struct {
		all   []house.Account
		drill bool
	}{{h.Channels, false}, {h.Drill, true}} {
		for _, a := range list.all {
			parallel := a.Parallel
			if parallel == 0 && a.Kind == channel.Email {
				parallel = 4
			}
			out = append(out, send.Account{ID: a.ID, Kind: a.Kind, Name: a.Name, Drill: list.drill, Rate: a.Rate, Price: a.Price, Valid: a.Valid, Parallel: parallel, Timeout: a.Timeout})
		}
	}
	return out
}

// keptTokens are an account's of X, on the bus: each is used once, by whichever process is first.
type keptTokens struct {
	kv  *bus.KV
	key string
}

// Load is what is held.
func (k keptTokens) Load(ctx context.Context) (out x.Tokens, err error) {
	value, _, err := k.kv.Get(ctx, k.key)
	if errors.Is(err, bus.ErrNotFound) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal(value, &out)
	}
	return out, err
}

// Swap holds now instead of was.
func (k keptTokens) Swap(ctx context.Context, was, now x.Tokens) (bool, error) {
	value, err := json.Marshal(now)
	if err != nil {
		return false, err
	}
	held, revision, err := k.kv.Get(ctx, k.key)
	switch {
	case errors.Is(err, bus.ErrNotFound):
		if was != (x.Tokens{}) {
			return false, nil
		}
		_, err = k.kv.Create(ctx, k.key, value)
	case err != nil:
		return false, err
	default:
		var is x.Tokens
		if err := json.Unmarshal(held, &is); err != nil || is != was {
			return false, err
		}
		_, err = k.kv.Update(ctx, k.key, value, revision)
	}
	if errors.Is(err, bus.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}
