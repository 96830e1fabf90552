// Package route decides whom a problem is told, and when: it knows a team's people, the channels that
// reach them, who is on call, how an escalation goes on, and what is silenced.
//
// It asks nobody and has no clock: the moment is an argument, and the same question gets the same answer. What
// is said and sent, and what became of it, is kept by alerts.
//
// Reading order: policy.go is the file, channel.go how things can be said; check.go what may stand in it,
// warn.go what may but should not; wall.go the time that a wall shows; schedule.go and shift.go who is
// on call; when.go what a route asks for, plan.go what is to be said, resolve.go to whom at that moment,
// explain.go the same for people; matcher.go and silence.go what people mute live, maintenance.go what is
// planned.
//
// What it guarantees: after a passed Check nothing here fails or panics; a Plan always has somebody to
// tell unless a route says that nobody is told; whoever cannot be reached is said in words.
package route

import (
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/match"
)

// Subject is what a problem is, as far as it decides who hears of it.
type Subject struct {
	Group, Rule, Owner string
	Severity           notice.Severity
	Labels             map[string]string
	Match              string // id; "": none
	Phase              match.Phase
	Criticality        int  // 1 to 4; 0: there is no match
	During             bool // a match is on
}

// Ref names somebody to tell: oncall:SCHEDULE, person:ID or channel:ID.
type Ref string

// The kinds of a Ref.
const (
	kindOnCall  = "oncall"
	kindPerson  = "person"
	kindChannel = "channel"
)

// Split is the kind and the id; without a colon the kind is "".
func (r Ref) Split() (kind, id string) {
	kind, id, ok := strings.Cut(string(r), ":")
	if !ok {
		return "", string(r)
	}
	return kind, id
}

// Duty is someone's turn for a match, as its roster has it now. Zero times do not bound it.
type Duty struct {
	Match, Role, Name, Phone string
	From, To                 time.Time
}

func (d *Duty) covers(at time.Time) bool {
	return (d.From.IsZero() || !at.Before(d.From)) && (d.To.IsZero() || at.Before(d.To))
}
