// Package provider speaks to other people's services, which send what we say on: once for each call, over HTTP (Poster)
// or, in the packages beside it, over SMTP and to gateways of short messages. What comes of a try is told as far as
// anybody can know it (Failure): certainly not taken, for now or for good, or perhaps taken. No error and no receipt
// has a secret in it.
//
// Whether to try again is for callers: nothing here does.
package provider

import (
	"errors"
	"time"
)

// Certainty is what is known of a try that failed.
type Certainty uint8

const (
	Ambiguous Certainty = iota // it may have been said: the answer was lost
	Temporary                  // it was not said, and may be later
	Permanent                  // it was not said and will not be as things are: someone must mend the configuration
)

func (c Certainty) String() string { return [...]string{"ambiguous", "temporary", "permanent"}[c] }

// Reason is a bounded set of words for why, for metrics and for people.
type Reason string

const (
	ReasonRefused     Reason = "refused"      // the provider says that the request is wrong
	ReasonAuth        Reason = "auth"         // it does not take our credentials
	ReasonUnknown     Reason = "unknown_to"   // there is no such destination
	ReasonRate        Reason = "rate_limited" // too much at a time
	ReasonServer      Reason = "server_error" // its own fault
	ReasonUnreachable Reason = "unreachable"  // no connection
	ReasonTimeout     Reason = "timeout"
	ReasonConfig      Reason = "config"
)

// Failure is why something was not said, or may not have been.
type Failure struct {
	Certainty Certainty
	Reason    Reason
	After     time.Duration // not to be tried again before; 0: the provider does not tell
	Err       error         // for people; no secrets
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Failed is err as a Failure; what is none is Ambiguous. nil stays nil.
func Failed(err error) *Failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Certainty: Ambiguous, Reason: ReasonServer, Err: err}
}

// Receipt is what a provider answered to what it took.
type Receipt struct {
	ID   string // the provider's, to ask it about; may be empty
	Text string // its answer, at most 200 characters, without secrets
}
