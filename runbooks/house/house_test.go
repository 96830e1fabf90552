package house

import (
	"math"
	"strings"
	"testing"

	"vigie/runbooks/channel"
)

func TestWhatAnAccountMayNotSay(t *testing.T) {
	for name, c := range map[string]struct {
		account Account
		key     string // "": nothing is wrong
	}{
		"nothing much":          {Account{ID: "a", Kind: channel.SMS, Rate: 0.1, Price: 0.06}, ""},
		"no number for a rate":  {Account{ID: "a", Kind: channel.SMS, Rate: math.NaN()}, "channels[0].rate"},
		"an endless rate":       {Account{ID: "a", Kind: channel.SMS, Rate: math.Inf(1)}, "channels[0].rate"},
		"a rate of months":      {Account{ID: "a", Kind: channel.SMS, Rate: 1e-9}, "channels[0].rate"},
		"no number for a price": {Account{ID: "a", Kind: channel.SMS, Price: math.NaN()}, "channels[0].price"},
	} {
		h := House{Channels: []Account{c.account}}
		if err := h.Check(); (err == nil) != (c.key == "") || err != nil && !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s: %v, want %q", name, err, c.key)
		}
	}
}

// An exercise's account that goes where a real one goes is refused, however it is written.
func TestExercisesAreApart(t *testing.T) {
	live := []Account{
		{ID: "mail", Kind: channel.Email, Host: "relay.tele.example"},
		{ID: "hook", Kind: channel.Webhook, URL: "https://push.tele.example/say", SecretEnv: "LIVE"},
		{ID: "page", Kind: channel.Status},
	}
	for name, c := range map[string]struct {
		drill   Account
		refused bool
	}{
		"the same relay":                    {Account{ID: "m", Kind: channel.Email, Host: "Relay.Tele.example.", Port: 587}, true},
		"another port of it":                {Account{ID: "m", Kind: channel.Email, Host: "relay.tele.example", Port: 2525}, false},
		"the same secret elsewhere":         {Account{ID: "h", Kind: channel.Webhook, URL: "https://elsewhere.example/", SecretEnv: "LIVE"}, true},
		"the same address, another account": {Account{ID: "h", Kind: channel.Webhook, URL: "https://push.tele.example/say/", SecretEnv: "DRILL"}, false},
		"the page of exercises":             {Account{ID: "p", Kind: channel.Status}, false},
	} {
		h := House{Channels: live, Drill: []Account{c.drill}}
		err := h.Fill(func(env, _ string) (string, error) { return "secret-" + env, nil })
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
