// Package match knows the matches that the room watches: what their files say, what their clocks
// show, and what people decide about them while they are played.
//
// Reading order: match.go is the file, bits.go and check.go what may stand in it; clock.go the phases, and
// the time since kick-off as a room says it; timeline.go what becomes of them when people move one;
// align.go which moment of one match is which of another; forecast.go what was expected; live.go what
// people move, note and tick off while it is played; book.go where that is kept, and calendar.go which
// match it is now.
//
// What it guarantees: a checked Match never fails later; what is decided live is written with
// compare-and-set, is bounded, and reaches every process within a second. It leaves reading the file's
// YAML to app, where the state is kept to who opens a Book, and drawing to web.
package match

import (
	"time"
)

// Match is what the room watches, as its file says. It must have been checked; it is not changed
// after that.
type Match struct {
	ID          string      `yaml:"-"` // of the file: matches/{id}.yaml
	Name        string      `yaml:"name"`
	Competition string      `yaml:"competition"`
	Teams       []string    `yaml:"teams"`
	Channels    []string    `yaml:"channels"`    // ids as the paths of the CDNs' logs give them
	Criticality int         `yaml:"criticality"` // 1 to 4, 4 is a nation's night; 0: not told
	KickOff     time.Time   `yaml:"kick_off"`
	Venue       string      `yaml:"time_zone"` // IANA name; empty: UTC
	Phases      []PhaseFrom `yaml:"phases"`    // in order; empty: the usual ones of a football match

	Compare   string      `yaml:"compare"` // id of the earlier match that this one is compared with
	Roster    []Duty      `yaml:"roster"`
	Forecast  Forecast    `yaml:"forecast"`
	Capacity  []Reserve   `yaml:"capacity"`
	Nearby    []Nearby    `yaml:"nearby"`
	Checklist []CheckItem `yaml:"checklist"`

	zone *time.Location // of Venue, once checked
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

// Duty is someone's turn.
type Duty struct {
	Name  string    `yaml:"name"`
	Role  string    `yaml:"role"`  // as the room calls it: video, API
	Phone string    `yaml:"phone"` // +33612345678, spaces allowed; empty: none
	From  time.Time `yaml:"from"`  // zero: from an hour before kick-off
	To    time.Time `yaml:"to"`    // zero: until two hours after the last phase begins
}

// Forecast is what was expected, as points between which lines are straight.
type Forecast struct {
	Viewers []Point `yaml:"viewers"` // concurrent viewers
	Traffic []Point `yaml:"traffic"` // bit/s, peers included
}

// Point is a value at a moment of the planned match.
type Point struct {
	At    time.Duration `yaml:"at"` // from kick-off, negative before it
	Value float64       `yaml:"value"`
}

// Reserve is capacity that was reserved for the match: on a CDN, or from it to one network.
type Reserve struct {
	CDN  string  `yaml:"cdn"`  // id
	ISP  string  `yaml:"isp"`  // empty: all of the CDN
	Bits float64 `yaml:"bits"` // bit/s
}

// Nearby is something planned that could collide with the match: a game's update, another event.
type Nearby struct {
	Name string    `yaml:"name"`
	From time.Time `yaml:"from"`
	To   time.Time `yaml:"to"`
	Note string    `yaml:"note"`
}

// CheckItem is one thing to have before the match is a go.
type CheckItem struct {
	ID    string `yaml:"id"`
	Text  string `yaml:"text"`
	Owner string `yaml:"owner"` // a role of the roster
}

// Now is the match's clock at a tick.
type Now struct {
	ID, Name, Competition string
	Criticality           int
	KickOff               time.Time
	Venue                 *time.Location
	Phase                 Phase
	Minute                int           // of play: 108; in added time it stays at the phase's last minute
	Added                 int           // minutes beyond it: 45 + 2
	ToKickOff             time.Duration // positive before the match
}

// Mark is the moment at which a phase begins. The marks of a match, in order of time, are its
// timeline.
type Mark struct {
	At    time.Time
	Phase Phase
}
