package route

import "time"

// Policy is a team's file alerts/routing.yaml. It must have been checked; it is not changed after that,
// and may then be asked from several goroutines.
type Policy struct {
	TimeZone    string        `yaml:"time_zone"` // IANA name, of all that has none of its own; empty: UTC
	Language    string        `yaml:"language"`  // of who has none of their own: fr, en; empty: fr
	People      []Person      `yaml:"people"`
	Channels    []Channel     `yaml:"channels"`
	Schedules   []Schedule    `yaml:"schedules"`
	Escalations []Escalation  `yaml:"escalations"`
	Routes      []Route       `yaml:"routes"`
	Default     *Route        `yaml:"default"` // where no route matches; what it says of wait, remind and resolved holds for routes that do not
	Maintenance []Maintenance `yaml:"maintenance"`
	Heartbeats  []Heartbeat   `yaml:"heartbeats"`

	zone        *time.Location
	people      map[string]*Person
	names       map[string]*Person // by folded name and by account, for rosters
	channels    map[string]*Channel
	schedules   map[string]*Schedule
	escalations map[string]*Escalation
	firstSMS    string // id of the first channel that reaches telephones
}

// Person can be told things.
type Person struct {
	ID       string    `yaml:"id"`
	Name     string    `yaml:"name"`     // as rosters of matches have it
	Account  string    `yaml:"account"`  // with which they sign in; empty: none
	Language string    `yaml:"language"` // fr, en
	Zone     string    `yaml:"zone"`     // IANA name; empty: the policy's
	Contacts []Contact `yaml:"contacts"` // the first is used, the others when it fails
}

// Contact is a way to reach a person.
type Contact struct {
	Channel string `yaml:"channel"`
	To      string `yaml:"to"` // an address, a number; empty: the channel's own
}

// Schedule tells who is on call. An override comes first, then the match's roster, then the layers.
type Schedule struct {
	ID        string  `yaml:"id"`
	Zone      string  `yaml:"zone"`       // IANA name; empty: the policy's
	Layers    []Layer `yaml:"layers"`     // the last one that has somebody wins
	FromMatch string  `yaml:"from_match"` // a role: whoever the match's roster has on duty for it
	Channel   string  `yaml:"channel"`    // reaches the roster's telephones, of whom People does not know; empty: the first sms channel

	clock clock
}

// Layer is people who take turns. All its times are those of the clock on the wall.
type Layer struct {
	People  []string `yaml:"people"`
	Every   Duration `yaml:"every"`   // 12h, 1d, 1w: then it is the next one's turn; may be missing for one person
	From    string   `yaml:"from"`    // 2026-11-02T09:00, the first one's turn begins; may be missing for one person
	To      string   `yaml:"to"`      // the layer ends; empty: never
	Between []string `yaml:"between"` // ["20:00", "08:00"]; empty: the whole day
	Days    []string `yaml:"days"`    // mon … sun, on which a stretch begins; empty: all

	from, to wall // noWall: unbounded
	hours    hours
	alone    bool // there is nobody to hand over to
}

// Escalation is who is told while nobody acknowledges.
type Escalation struct {
	ID     string `yaml:"id"`
	Steps  []Step `yaml:"steps"`
	Repeat int    `yaml:"repeat"` // times that it begins again after the last step's wait

	says []Say // all of it, in order
}

// Step is who is told at the same time.
type Step struct {
	Tell []Ref    `yaml:"tell"`
	Wait Duration `yaml:"wait"` // until the next step, or the next round
}

// Route says whom the problems that it matches are told. The first that matches is taken, and its
// children are asked for something more special; they have from it what they do not say, and what they
// tell also comes on top. One that tells nobody by itself only holds its children together.
type Route struct {
	Match      When      `yaml:"match"`
	Escalation string    `yaml:"escalation"`
	Also       []Ref     `yaml:"also"`     // told at once, and only once
	Nobody     bool      `yaml:"nobody"`   // on the board, no more
	Wait       *Duration `yaml:"wait"`     // before the first word, for what belongs together; nil: 5s
	Remind     *Duration `yaml:"remind"`   // while nobody acknowledges after the last step; 0: never; nil: 15m
	Resolved   *bool     `yaml:"resolved"` // tell the end too; nil: true
	Continue   bool      `yaml:"continue"` // the routes after it are asked too
	Routes     []Route   `yaml:"routes"`

	path string // "routes[0] › routes[2]"
	does effect
}

// effect is what a route says with what it has from those above it.
type effect struct {
	escalation   *Escalation // nil: none
	also         []Ref
	nobody       bool
	wait, remind time.Duration
	resolved     bool
}

func (e *effect) tells() bool { return e.escalation != nil || len(e.also) > 0 }

// Heartbeat is told while all is well, so that somebody else notices when it falls silent.
type Heartbeat struct {
	Channel string   `yaml:"channel"`
	To      string   `yaml:"to"`
	Every   Duration `yaml:"every"`
}
