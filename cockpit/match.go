package cockpit

import (
	"time"
)

// Match is what the room watches: its names and its clock.
type Match struct {
	Name        string      `yaml:"name"`
	Competition string      `yaml:"competition"`
	Criticality int         `yaml:"criticality"` // 1 to 4
	KickOff     time.Time   `yaml:"kick_off"`
	Venue       string      `yaml:"time_zone"` // IANA name; empty: UTC
	Phases      []PhaseFrom `yaml:"phases"`    // in order; empty: the usual ones of a football match
}

// PhaseFrom says when a phase begins, counted from kick-off.
type PhaseFrom struct {
	Phase Phase         `yaml:"phase"`
	From  time.Duration `yaml:"from"`
}

// Phase is a part of a match. Its value is the key of its name in the languages' files.
type Phase string

const (
	PhaseBefore     Phase = "before"
	PhaseFirstHalf  Phase = "first_half"
	PhaseHalfTime   Phase = "half_time"
	PhaseSecondHalf Phase = "second_half"
	PhaseBreak      Phase = "break"
	PhaseExtraFirst Phase = "extra_first"
	PhaseExtraLast  Phase = "extra_second"
	PhasePenalties  Phase = "penalties"
	PhaseAfter      Phase = "after"
)

// MatchNow is the match's clock at a tick.
type MatchNow struct {
	Name, Competition string
	Criticality       int
	KickOff           time.Time
	Venue             *time.Location
	Phase             Phase
	Minute            int           // of play: 108; in added time it stays at the phase's last minute
	Added             int           // minutes beyond it: 45 + 2
	ToKickOff         time.Duration // positive before the match
}
