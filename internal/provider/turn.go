package provider

import (
	"context"
	"errors"
)

// Turn is a mutex for what is asked of a provider by one call for all, as a session: the wait for it ends with ctx.
type Turn chan struct{}

// NewTurn is one that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn; done gives it back. The error is a *Failure: nothing was said.
func (t Turn) Take(ctx context.Context) (done func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, &Failure{Certainty: Temporary, Reason: ReasonTimeout, Err: errors.New("another call is still signing in")}
	}
}

// Before is the failure of something that was asked before anything was said, as to sign in: whatever became of
// it, the message was not taken.
func (p *Poster) Before(what string, err error) error {
	f := Failed(err)
	if f == nil {
		return nil
	}
	certainty := f.Certainty
	if certainty == Ambiguous {
		certainty = Temporary
	}
	g := p.Fail(certainty, f.Reason, "%s: %v", what, f.Err)
	g.After = f.After
	return g
}
