package alerts

import (
	"time"

	"vigie/alerts/notice"
	"vigie/alerts/route"
	"vigie/alerts/rule"
)

// Problem is what one person is told of once: alerts that belong together. The engine alone writes it.
type Problem struct {
	ID       string            `json:"id"`    // sorts by the time at which it began: a-z, 0-9, '-'
	Key      string            `json:"key"`   // what its alerts have in common
	Group    string            `json:"group"` // of rules; "received" of other systems' alerts
	Rule     string            `json:"rule"`  // of its loudest alert
	Title    rule.Text         `json:"title"`
	Detail   rule.Text         `json:"detail,omitzero"`
	Severity notice.Severity   `json:"severity"` // the highest since it began
	Owner    string            `json:"owner,omitempty"`
	Runbook  string            `json:"runbook,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"` // those that all its alerts have in common
	Match    string            `json:"match,omitempty"`

	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero"`  // zero: it goes on
	Noticed time.Time `json:"noticed"`         // when Vigie knew of it, by the wall's clock
	Again   int       `json:"again,omitempty"` // how often it came back soon after it had ended

	Alerts  []Member `json:"alerts"`            // the loudest first; at most 50
	More    int      `json:"more,omitempty"`    // alerts beyond them
	Monitor bool     `json:"monitor,omitempty"` // its rules are being tried: nobody is told
	Mute    *Mute    `json:"mute,omitempty"`    // why nobody is told now; nil: they are

	Opened   time.Time `json:"opened,omitzero"`     // when somebody is told first; zero: not yet, or nobody is
	WasMuted bool      `json:"was_muted,omitempty"` // since the last turn began
	Turns    []Turn    `json:"turns,omitempty"`     // each begins the escalation anew; the last counts

	Facts Facts `json:"facts"`
}

// Member is an alert of a problem.
type Member struct {
	rule.Alert
	Title     rule.Text `json:"title"`
	Signal    string    `json:"signal,omitempty"`
	Inhibited string    `json:"inhibited,omitempty"` // key of the alert that makes this one a consequence; "": none
	Ended     time.Time `json:"ended,omitzero"`
}

// Turn is one run of an escalation.
type Turn struct {
	At     time.Time       `json:"at"`
	Why    TurnReason      `json:"why"`
	As     notice.Severity `json:"as"`
	Person string          `json:"person,omitempty"` // who it was handed to; "": the route's
	By     string          `json:"by,omitempty"`
	Again  int             `json:"again,omitempty"` // Problem.Again as it was
	Acts   int             `json:"acts,omitempty"`  // of Care.History that asked for no more than this or an earlier turn
	About  route.Subject   `json:"about,omitzero"`  // what its route was chosen by: what changes later calls nobody who was not meant
}

// TurnReason is why an escalation begins.
type TurnReason string

const (
	TurnOpened  TurnReason = "opened"
	TurnWorse   TurnReason = "worse"
	TurnUnmuted TurnReason = "unmuted" // what muted it is over
	TurnAgain   TurnReason = "again"
	TurnHanded  TurnReason = "handed"
	TurnGivenUp TurnReason = "given-up" // who had acknowledged took it back
)

// Mute is why nobody is told of a problem.
type Mute struct {
	Kind  MuteKind  `json:"kind"`
	ID    string    `json:"id,omitempty"`    // of the silence or maintenance; of the problem that it is a consequence of
	Cause string    `json:"cause,omitempty"` // key of the alert that it is a consequence of
	Text  string    `json:"text,omitempty"`  // its reason
	Until time.Time `json:"until,omitzero"`
}

// MuteKind is what mutes.
type MuteKind string

const (
	Silenced    MuteKind = "silenced"
	Maintained  MuteKind = "maintenance"
	Consequence MuteKind = "consequence" // inhibited
	Tried       MuteKind = "monitor"
)

// Facts are what is found out about a problem while it lasts, every ten seconds.
type Facts struct {
	At           time.Time `json:"at,omitzero"`
	Viewers      float64   `json:"viewers"` // hit now; with ViewersKnown
	Most         float64   `json:"most"`    // since it began
	ViewersKnown bool      `json:"viewers_known"`
	Carriers     []Carrier `json:"carriers,omitempty"` // what carries the deviation, the largest first; at most 4
	Spark        []float64 `json:"spark,omitempty"`    // of the loudest alert's signal, 30 points of a minute; -1: not known
	Value        float64   `json:"value"`              // of it, now
	ValueKnown   bool      `json:"value_known"`
}

// Carrier is one value of one dimension that carries a share of a deviation.
type Carrier struct {
	Dimension string  `json:"dimension"`
	Value     string  `json:"value"`
	Share     float64 `json:"share"` // of the excess, 0..1
}

// Care is what people do about a problem. People alone write it.
type Care struct {
	Acked   *Ack      `json:"acked,omitempty"`   // nil: nobody has it
	History []CareAct `json:"history,omitempty"` // at most 200, in order
}

// Ack is who has a problem.
type Ack struct {
	By   string          `json:"by"`
	At   time.Time       `json:"at"`
	Note string          `json:"note,omitempty"`
	As   notice.Severity `json:"as"` // how loud it was: when it gets worse nobody has it any more
	// Again is Problem.Again as it was: who was told that it ended does not have what comes back.
	Again int `json:"again,omitempty"`
}

// CareAct is one thing that somebody did.
type CareAct struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	What string    `json:"what"` // ack, give-up, hand-over, note
	To   string    `json:"to,omitempty"`
	Note string    `json:"note,omitempty"`
}
