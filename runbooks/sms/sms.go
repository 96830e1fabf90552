// Package sms tells viewers by short message, through Twilio, OVHcloud or any provider that takes a number and a text,
// and reads what they report of it later. The text is sent as it is given: what telephones' alphabet lacks was folded,
// or not, when the message was written.
//
// No provider here knows a key that would make two requests one message, so an answer that is lost leaves a message
// that may be there. Twilio can list messages by number and day, and OVHcloud by number, but neither by our reference,
// and a list that lacks one proves nothing while it is being taken: the channel is no channel.Finder. What helps
// is the report: Twilio's comes to an address that has our own id in it and is signed with it, and so tells what became
// of a message even when the answer to its sending was lost; so does a generic provider's that is given {callback}.
package sms

import (
	"context"
	"fmt"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/sms"
	"vigie/runbooks/channel"
)

// Config is an account with a provider.
type Config struct {
	// Gateway is the account. Its Validity, 0: 20 minutes; its Callback is this channel's public address for reports,
	// for generic only where its fields have {callback}.
	Gateway  sms.Config
	Receipts Receipts
}

// Channel is a channel.Channel and a channel.Reporter. A recipient is a number in international form.
type Channel struct {
	gateway  *sms.Gateway
	provider string
	callback string
	receipts Receipts
}

// usualValidity is how long a message to viewers is worth delivering: told after the match, it is worse than untold.
const usualValidity = 20 * time.Minute

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	if c.Gateway.Validity == 0 {
		c.Gateway.Validity = usualValidity
	}
	gateway, err := sms.New(c.Gateway)
	if err != nil {
		return nil, fmt.Errorf("gateway.%w", err)
	}
	if err := c.Receipts.check(c.Gateway); err != nil {
		return nil, fmt.Errorf("receipts.%w", err)
	}
	return &Channel{gateway, c.Gateway.Provider, c.Gateway.Callback, c.Receipts}, nil
}

// Send tells m once.
func (c *Channel) Send(ctx context.Context, to string, m *channel.Message) (provider.Receipt, error) {
	return c.gateway.Send(ctx, m.ID, to, m.Text)
}
