package audience

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"vigie/runbooks/channel"
)

// Found is a contact as the support desk sees it.
type Found struct {
	Contact
	ByEmail    *Address     // nil: it has no mail address
	BySMS      *Address     // nil: no number
	Suppressed *Suppression // the contact itself, whatever its addresses; nil: it is not
}

// Address is where a contact can be told, and whether it is.
type Address struct {
	Key        string       // what the ledger knows it by
	Suppressed *Suppression // nil: it is not
}

// Lookup finds contacts by a mail address, a number or an id, as they are now: at most 20, the one with the id first.
// None is no error.
func (b *Book) Lookup(ctx context.Context, text string) ([]Found, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxEmail || !printable(text) {
		return nil, nil
	}
	email, err := mail(text)
	if err != nil {
		email = ""
	}
	phone, err := b.phone(text)
	if err != nil {
		phone = ""
	}
	rows, err := b.find(ctx, text, strings.ToLower(email), phone)
	if err != nil {
		return nil, err
	}
	out := make([]Found, 0, len(rows))
	for _, r := range rows {
		f := Found{Contact: Contact{ID: r.ID, Email: r.Email, Phone: r.Phone, Lang: r.Lang, EmailAgree: r.EmailAgree == 1, SMSAgree: r.SMSAgree == 1, Updated: r.Updated}}
		if err := json.Unmarshal([]byte(r.Attributes), &f.Attributes); err != nil {
			return nil, fmt.Errorf("audience: read the attributes of a contact: %w", err)
		}
		f.ByEmail = b.reachable(channel.Email, r.Email)
		f.BySMS = b.reachable(channel.SMS, r.Phone)
		if s, ok := b.Suppressed(b.key(contactKind, r.ID)); ok {
			f.Suppressed = &s
		}
		out = append(out, f)
	}
	return out, nil
}

func (b *Book) reachable(kind channel.Kind, address string) *Address {
	if address == "" {
		return nil
	}
	a := &Address{Key: b.key(kind, address)}
	if s, ok := b.Suppressed(a.Key); ok {
		a.Suppressed = &s
	}
	return a
}
