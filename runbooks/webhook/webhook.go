// Package webhook tells another system what viewers are told: a partner's, or the house's own push service. It is a POST of
// JSON, signed as all that Vigie posts (provider.Sign), which has the same Idempotency-Key however often it is tried:
// what was heard before is not to be told again. What is in the JSON is version 1: fields may be added to it, none is
// taken away or changes its meaning without another version.
package webhook

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"vigie/internal/provider"
	"vigie/runbooks/channel"
)

// Config is a receiver.
type Config = provider.HookConfig

// Drill tells that a request is an exercise: "true" or "false".
const Drill = "X-Vigie-Drill"

// Channel is a channel.Channel. It has one destination.
type Channel struct{ hook *provider.Hook }

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	hook, err := provider.NewHook(c, Drill)
	if err != nil {
		return nil, err
	}
	return &Channel{hook}, nil
}

// Send tells m once. Any 2xx answer is a receipt; a JSON answer with an "id" gives the receipt that id.
func (c *Channel) Send(ctx context.Context, _ string, m *channel.Message) (provider.Receipt, error) {
	return c.hook.Post(ctx, m.ID, http.Header{Drill: {strconv.FormatBool(m.Drill)}}, Render(m))
}

// Message is the body, version 1. Times are RFC 3339 in UTC; a field that is not known is missing.
type Message struct {
	Version  string     `json:"version"` // "1"
	ID       string     `json:"id"`      // the same when it is tried again; also in Idempotency-Key
	Crisis   string     `json:"crisis"`  // the same for all that is said of a crisis
	Step     string     `json:"step"`    // initial, update, identified, resolved, correction, cancel
	Drill    bool       `json:"drill"`   // an exercise: viewers must not be told
	Language string     `json:"language"`
	Earlier  string     `json:"earlier,omitempty"` // the id that the receiver gave to what this follows
	Subject  string     `json:"subject,omitempty"`
	Text     string     `json:"text"`
	At       *time.Time `json:"at,omitempty"`
	NextBy   *time.Time `json:"next_by,omitempty"` // when the next one is promised
}

// Render is m as it is sent.
func Render(m *channel.Message) Message {
	return Message{"1", m.ID, m.Thread, m.Step, m.Drill, m.Lang, m.Earlier, m.Subject, m.Text, moment(m.At), moment(m.NextBy)}
}

// moment is t where JSON can write it.
func moment(t time.Time) *time.Time {
	if t = t.UTC(); t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return nil
	}
	return &t
}
