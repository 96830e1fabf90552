package notice

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Words are what plain texts are made of in one language. Channels take the words of their buttons from here.
type Words struct {
	Drill, DrillLine   string // before a title; as a line
	Repeat, RepeatLine string
	Severity           map[Severity]string
	Worse, Reminder    string // before a title
	Resolved, Test     string
	TestTitle          string // where nobody gave one
	HeartbeatTitle     string
	NoTitle            string

	Board, Acknowledge, Runbook string // links

	colon                                 string // with the space before it
	severity, since, viewers, carried     string
	lastHalfHour, owner, labels           string
	alerts, more, unknown, viewer, people string
	from, to, ended, day                  string
	group, decimal                        string
}

var french = Words{
	Drill: "EXERCICE", DrillLine: "EXERCICE – ceci est un exercice, rien de ceci n’a lieu.",
	Repeat: "peut-être déjà reçu", RepeatLine: "Peut-être déjà reçu : la réponse au premier envoi s’est perdue.",
	Severity: map[Severity]string{Info: "information", Warning: "avertissement", Critical: "critique"},
	Worse:    "AGGRAVÉ", Reminder: "RAPPEL", Resolved: "TERMINÉ", Test: "ESSAI",
	TestTitle: "Essai de ce canal, il n’y a rien à faire", HeartbeatTitle: "Les alertes veillent", NoTitle: "Problème sans titre",
	Board: "Tableau de bord", Acknowledge: "Acquitter", Runbook: "Procédure",
	colon: "\u00a0: ", severity: "Gravité", since: "Depuis", viewers: "Spectateurs touchés", carried: "Porté par",
	lastHalfHour: "Dernière demi-heure", owner: "Responsable", labels: "Étiquettes", alerts: "Alertes", more: "et %d de plus",
	unknown: "pas connu", viewer: "spectateur", people: "spectateurs", from: "De", to: "à", ended: "terminée à", day: "02/01",
	group: "\u202f", decimal: ",",
}

var english = Words{
	Drill: "DRILL", DrillLine: "DRILL – this is an exercise, none of this is happening.",
	Repeat: "may be a repeat", RepeatLine: "May be a repeat: the answer to the first try was lost.",
	Severity: map[Severity]string{Info: "information", Warning: "warning", Critical: "critical"},
	Worse:    "WORSE", Reminder: "REMINDER", Resolved: "RESOLVED", Test: "TEST",
	TestTitle: "Test of this channel, nothing to do", HeartbeatTitle: "Alerts are watching", NoTitle: "Problem without a title",
	Board: "Board", Acknowledge: "Acknowledge", Runbook: "Runbook",
	colon: ": ", severity: "Severity", since: "Since", viewers: "Viewers hit", carried: "Carried by",
	lastHalfHour: "Last half hour", owner: "Owner", labels: "Labels", alerts: "Alerts", more: "and %d more",
	unknown: "not known", viewer: "viewer", people: "viewers", from: "From", to: "to", ended: "ended at", day: "2 Jan",
	group: ",", decimal: ".",
}

// WordsIn are those of a language; French, the room's first, where it is none of ours.
func WordsIn(language string) *Words {
	if strings.HasPrefix(strings.ToLower(language), "en") {
		return &english
	}
	return &french
}

// number writes a count, or with decimals a measure.
func (w *Words) number(x float64, decimals int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return w.unknown
	}
	text := strconv.FormatFloat(min(max(x, -1e15), 1e15), 'f', min(max(decimals, 0), 6), 64)
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	var b strings.Builder
	if strings.HasPrefix(text, "-") {
		b.WriteByte('-')
	}
	for i, digit := range whole {
		if left := len(whole) - i; i > 0 && left%3 == 0 {
			b.WriteString(w.group)
		}
		b.WriteRune(digit)
	}
	if fraction != "" {
		b.WriteString(w.decimal + fraction)
	}
	return b.String()
}

func (w *Words) percent(share float64) string {
	text := w.number(100*share, 1)
	if text == w.unknown {
		return text
	}
	if w.decimal == "," {
		return text + "\u202f%"
	}
	return text + "%"
}

// clock is a time of the day, with the day where it is not that of at.
func (w *Words) clock(t, at time.Time, zone *time.Location) string {
	t, at = t.In(zone), at.In(zone)
	if t.YearDay() != at.YearDay() || t.Year() != at.Year() {
		return t.Format(w.day + " 15:04")
	}
	return t.Format("15:04")
}

// lasted writes a duration; nothing for one that is negative.
func lasted(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d h %02d", d/time.Hour, d%time.Hour/time.Minute)
}

// zoneName is what a clock's reader is told: the place, or what the zone is called there at that moment.
func zoneName(t time.Time, zone *time.Location) string {
	if name := zone.String(); name != "" && name != "Local" {
		return name
	}
	name, _ := t.In(zone).Zone()
	return name
}
