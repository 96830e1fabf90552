package audience

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/ch"
	"vigie/internal/state"
	"vigie/runbooks/channel"
)

// Why somebody is never told. Each value is the key of its name in the languages' files.
const (
	Unsubscribed = "unsubscribed"
	Bounced      = "bounced"
	Complained   = "complained"
	ByHand       = "by_hand"
)

// Suppression is why a key is never told.
type Suppression struct {
	Reason string    `json:"r"` // Unsubscribed, Bounced, Complained, ByHand
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// shard are those suppressed keys that begin with the same two characters: a thousand values hold them all, which
// every process has in memory.
type shard struct {
	Keys map[string]Suppression `json:"k"` // by the rest of the key
}

const (
	shardLen = 2
	// maxShard bounds a shard to what a message of the bus may carry; there are 1,024, so that 4 million fit.
	maxShard = 4000
)

// Whom names somebody: by an address, or as a contact, whatever its addresses become.
type Whom struct {
	Kind    channel.Kind // email, sms; "": Contact
	Address string
	Contact string // id
}

// keys are what somebody is known by: of a contact also the addresses that it has now.
func (b *Book) keys(ctx context.Context, w Whom) ([]string, error) {
	if w.Contact == "" {
		address, err := b.address(w.Kind, w.Address)
		if err != nil {
			return nil, fmt.Errorf("address: %w", err)
		}
		return []string{b.key(w.Kind, address)}, nil
	}
	if err := checkID("contact", w.Contact); err != nil {
		return nil, err
	}
	keys := []string{b.key(contactKind, w.Contact)}
	found, err := b.find(ctx, w.Contact, "", "")
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		if c.Email != "" {
			keys = append(keys, b.key(channel.Email, c.Email))
		}
		if c.Phone != "" {
			keys = append(keys, b.key(channel.SMS, c.Phone))
		}
	}
	return keys, nil
}

func checkReason(reason string) error {
	if !slices.Contains([]string{Unsubscribed, Bounced, Complained, ByHand}, reason) {
		return fmt.Errorf("reason: %.40q is none of %s, %s, %s, %s", reason, Unsubscribed, Bounced, Complained, ByHand)
	}
	return nil
}

// Suppress sees to it that somebody is never told. Of who is suppressed already the first reason stays.
func (b *Book) Suppress(ctx context.Context, w Whom, reason, by string) error {
	keys, err := b.keys(ctx, w)
	if err != nil {
		return err
	}
	return b.suppress(ctx, keys, reason, by)
}

// SuppressKey is Suppress of a Recipient's Key: of a provider that reports that an address bounces.
func (b *Book) SuppressKey(ctx context.Context, key, reason, by string) error {
	if !isKey(key) {
		return errors.New("key: is none")
	}
	return b.suppress(ctx, []string{key}, reason, by)
}

func (b *Book) suppress(ctx context.Context, keys []string, reason, by string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	_, err := b.suppressAll(ctx, keys, func(string) string { return reason }, by)
	return err
}

// suppressAll writes each shard once, and tells how many keys are new.
func (b *Book) suppressAll(ctx context.Context, keys []string, reason func(key string) string, by string) (added int, err error) {
	now := time.Now().UTC().Truncate(time.Second)
	slices.Sort(keys)
	for len(keys) > 0 {
		id := keys[0][:shardLen]
		n := 1
		for n < len(keys) && keys[n][:shardLen] == id {
			n++
		}
		some := keys[:n]
		keys = keys[n:]
		some = slices.Clone(some)
		some = slices.DeleteFunc(some, func(key string) bool { _, already := b.Suppressed(key); return already })
		if len(some) == 0 {
			continue
		}
		fresh := 0
		_, err := b.nevers.Set(ctx, id, func(s *shard) error {
			fresh = 0
			if s.Keys == nil {
				s.Keys = map[string]Suppression{}
			}
			for _, key := range some {
				if _, already := s.Keys[key[shardLen:]]; !already {
					s.Keys[key[shardLen:]] = Suppression{reason(key), by, now}
					fresh++
				}
			}
			if len(s.Keys) > maxShard {
				return errors.New("audience: more are suppressed than can be kept, which is 4 million")
			}
			if fresh == 0 {
				return state.ErrUnchanged
			}
			return nil
		})
		if err != nil {
			return added, fmt.Errorf("audience: suppress: %w", err)
		}
		added += fresh
	}
	return added, nil
}

// Unsuppress lets somebody be told again, and tells whether they were suppressed: of an address, that it was; of a
// contact, that it was itself or by an address that it has.
func (b *Book) Unsuppress(ctx context.Context, w Whom) (was bool, err error) {
	keys, err := b.keys(ctx, w)
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		_, err := b.nevers.Set(ctx, key[:shardLen], func(s *shard) error {
			if _, there := s.Keys[key[shardLen:]]; !there {
				return state.ErrUnchanged
			}
			was = true
			delete(s.Keys, key[shardLen:])
			return nil
		})
		if err != nil {
			return was, fmt.Errorf("audience: let somebody be told again: %w", err)
		}
	}
	return was, nil
}

// Suppressed tells whether a key is never told, and why. It asks nobody: workers look before they claim.
func (b *Book) Suppressed(key string) (Suppression, bool) {
	if len(key) != keyLen {
		return Suppression{}, false
	}
	s := b.nevers.Get(key[:shardLen])
	if s == nil {
		return Suppression{}, false
	}
	found, ok := s.Keys[key[shardLen:]]
	return found, ok
}

// SuppressedCount is how many keys are suppressed, by reason.
func (b *Book) SuppressedCount() map[string]int {
	n := map[string]int{}
	for _, s := range b.nevers.All() {
		for v := range maps.Values(s.Keys) {
			n[v.Reason]++
		}
	}
	return n
}

// ImportSuppressions reads CSV whose first line names the columns address (a mail address or a number) or contact, or
// both, and may name reason (else by_hand). Lines that are wrong are told, and cost no other. Of the answer Lines,
// Added, Same, Refused and Refusals are filled in.
func (b *Book) ImportSuppressions(ctx context.Context, r io.Reader, by string) (*Import, error) {
	i := &Import{By: by, At: time.Now().UTC()}
	in := lines{r: bufio.NewReaderSize(r, maxLine)}
	var t *table
	place := map[string]int{}
	reasons := map[string]string{}
	var keys []string
	flush := func() error {
		n := len(reasons)
		added, err := b.suppressAll(ctx, keys, func(key string) string { return reasons[key] }, by)
		i.Added += added
		i.Same += n - added
		keys = keys[:0]
		clear(reasons)
		return err
	}
	for {
		line, err := in.next()
		if err == io.EOF {
			break
		}
		long := errors.Is(err, errLong)
		if err != nil && !long {
			return i, fmt.Errorf("read line %d: %w", in.n, err)
		}
		if !long && len(strings.TrimSpace(string(line))) == 0 {
			continue
		}
		if t == nil {
			if long {
				return i, fmt.Errorf("the first line is longer than %d bytes: is it CSV?", maxLine)
			}
			if t, err = suppressionColumns(line, place); err != nil {
				return i, err
			}
			continue
		}
		if i.Lines++; i.Lines > maxLines {
			return i, fmt.Errorf("more than %d lines: import it in parts", maxLines)
		}
		var key, reason string
		if !long {
			key, reason, err = b.suppressionLine(t, place, line)
		}
		if err != nil {
			i.refuse(in.n, err)
			continue
		}
		if _, twice := reasons[key]; twice {
			i.Repeated++
			continue
		}
		reasons[key] = reason
		if keys = append(keys, key); len(keys) >= 200_000 {
			if err := flush(); err != nil {
				return i, err
			}
		}
	}
	if t == nil {
		return i, errors.New("it is empty: the first line names the columns")
	}
	return i, flush()
}

func suppressionColumns(line []byte, place map[string]int) (*table, error) {
	t := &table{comma: separator(line)}
	headers, err := t.split(trimMark(line))
	if err != nil {
		return nil, fmt.Errorf("the first line, which names the columns: %w", err)
	}
	for n, h := range headers {
		name := named(string(h))
		switch name {
		case "email", "phone", "mail", "e_mail", "telephone", "mobile", "adresse":
			name = "address"
		case "contact_id", "id":
			name = "contact"
		case "motif", "raison":
			name = "reason"
		}
		if _, twice := place[name]; twice {
			return nil, fmt.Errorf("two columns are %.40q: leave one out", name)
		}
		place[name] = n
	}
	_, address := place["address"]
	_, contact := place["contact"]
	if !address && !contact {
		return nil, errors.New("no column is address or contact: the first line names the columns, as address;reason")
	}
	t.columns = make([]string, len(headers))
	return t, nil
}

func (b *Book) suppressionLine(t *table, place map[string]int, line []byte) (key, reason string, err error) {
	fields, err := t.split(line)
	if err != nil {
		return "", "", refuse("", "%v", err)
	}
	if len(fields) != len(t.columns) {
		return "", "", refuse("", "has %d fields, the first line has %d", len(fields), len(t.columns))
	}
	of := func(column string) string {
		if n, ok := place[column]; ok {
			return strings.TrimSpace(string(fields[n]))
		}
		return ""
	}
	if reason = of("reason"); reason == "" {
		reason = ByHand
	}
	if err := checkReason(reason); err != nil {
		return "", "", refuse("reason", "is none of %s, %s, %s, %s", Unsubscribed, Bounced, Complained, ByHand)
	}
	address, contact := of("address"), of("contact")
	switch {
	case (address == "") == (contact == ""):
		return "", "", refuse("", "an address or a contact: one of them")
	case contact != "":
		if err := checkID("contact", contact); err != nil {
			return "", "", err
		}
		return b.key(contactKind, contact), reason, nil
	}
	kind := channel.SMS
	if strings.Contains(address, "@") {
		kind = channel.Email
	}
	if address, err = b.address(kind, address); err != nil {
		return "", "", refuse("address", "%v", err)
	}
	return b.key(kind, address), reason, nil
}

// find reads contacts with an id, a mail address in lower case, or a number; at most 20.
func (b *Book) find(ctx context.Context, id, email, phone string) (found []foundContact, err error) {
	err = b.steady(ctx, func(h *head) error {
		found = nil
		err := b.cfg.DB.Select(ctx, &found, b.sql["lookup"], ch.P("of", numbers(h.Layers)), ch.P("id", id), ch.P("email", email), ch.P("phone", phone),
			ch.P("lang", b.cfg.Lang), ch.P("now", time.Now().UTC().Truncate(time.Second)))
		if err != nil {
			return fmt.Errorf("audience: look for a contact: %w", err)
		}
		return nil
	})
	return found, err
}

type foundContact struct {
	ID         string    `ch:"id"`
	Email      string    `ch:"email"`
	Phone      string    `ch:"phone"`
	Lang       string    `ch:"said"`
	EmailAgree uint8     `ch:"email_agree"`
	SMSAgree   uint8     `ch:"sms_agree"`
	Attributes string    `ch:"attributes"`
	Updated    time.Time `ch:"updated"`
}
