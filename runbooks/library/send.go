package library

import (
	"context"
	"slices"
	"strings"
	"time"

	"vigie/runbooks/message"
)

// Content is what may be sent: these words, which somebody approved who wrote none of them. It is the caller's own.
type Content struct {
	Scenario message.Scenario
	Step     message.Step
	Hash     string
	Authors  []string
	Approver string // "": of an exercise, and nobody approved it
	Approved time.Time
	ArmedBy  string
	Drill    bool // it may be sent in an exercise alone
}

// ForSend is a message that is approved and armed for a match ("": outside of matches), as the bucket holds it at this
// moment. The error is a *Refused that says what is missing, or the bus's.
func (l *Library) ForSend(ctx context.Context, id string, step message.Step, match string) (*Content, error) {
	a, err := l.now(ctx, id, step)
	if err != nil {
		return nil, err
	}
	if a.life.Retired != nil {
		return nil, a.refuse(IsRetired, *a.life.Retired)
	}
	if err := a.approved(); err != nil {
		return nil, err
	}
	if wrote(a.life.Authors, a.life.Approval.By) { // no act leads here: who wrote to the bucket by hand does
		return nil, a.refuse(OwnWork, a.life.Approval.Mark)
	}
	if !a.life.armed(a.hash, match) {
		return nil, a.refuse(NotArmed, Mark{})
	}
	if err := a.sound(); err != nil {
		return nil, err
	}
	c := a.content()
	c.Approver, c.Approved, c.ArmedBy = a.life.Approval.By, a.life.Approval.At, a.life.Armed[match].By
	return c, nil
}

// ForDrill is a message as it is, approved or not: for an exercise, and for nothing else.
func (l *Library) ForDrill(ctx context.Context, id string, step message.Step) (*Content, error) {
	a, err := l.now(ctx, id, step)
	if err != nil {
		return nil, err
	}
	if a.life.Retired != nil {
		return nil, a.refuse(IsRetired, *a.life.Retired)
	}
	if err := a.sound(); err != nil {
		return nil, err
	}
	c := a.content()
	c.Drill = true
	if a.life.approved(a.hash, a.now) {
		c.Approver, c.Approved = a.life.Approval.By, a.life.Approval.At
	}
	return c, nil
}

// now is a message as the bucket holds it, not as this process heard of it last.
func (l *Library) now(ctx context.Context, id string, step message.Step) (*attempt, error) {
	if err := message.ParseID(id); err != nil {
		return nil, &Refused{Why: Unknown, Scenario: strings.ToValidUTF8(id[:min(len(id), 80)], ""), Step: step}
	}
	e, err := l.unchanged(ctx, id)
	if err != nil {
		return nil, l.failed(err, id, step)
	}
	return l.attempt(e, "", id, step)
}

func (a *attempt) content() *Content {
	return &Content{Scenario: a.entry.Scenario, Step: a.step, Hash: a.hash, Authors: slices.Clone(a.life.Authors)}
}
