// Package sms says notifications as short messages, through a provider's HTTP interface: Twilio, OVHcloud, or any
// other that takes a number and a text (generic). What is sent is a Notification's Short: one message of the
// alphabet of telephones.
package sms

import (
	"context"

	"vigie/alerts/notice"
	"vigie/internal/gsm"
	"vigie/internal/provider"
	"vigie/internal/provider/sms"
)

// Config is an account with a provider. Which fields it needs is the provider's; see each.
type Config = sms.Config

// Channel is a notice.Notifier. A destination is a number in international form: +33612345678.
type Channel struct{ gateway *sms.Gateway }

// New checks c. Its errors name the field.
func New(c Config) (*Channel, error) {
	gateway, err := sms.New(c)
	if err != nil {
		return nil, err
	}
	return &Channel{gateway}, nil
}

// Notify sends n's Short once.
func (c *Channel) Notify(ctx context.Context, to string, n *notice.Notification) (provider.Receipt, error) {
	n = notice.Clean(n)
	text := n.Short
	if text == "" {
		text = gsm.Cut(gsm.Fold(n.Title), gsm.Single)
	}
	return c.gateway.Send(ctx, n.ID, to, text)
}
