package notice

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"vigie/internal/gsm"
	"vigie/internal/provider"
)

// Facts are what Render is told beside a Notification's own fields.
type Facts struct {
	Title   string   // what is wrong, on one line, without status or severity: "Erreurs de Maison chez Orange : 4,2 %"; may be empty for Test and Heartbeat
	Detail  string   // a few lines more; may be empty
	Carried []string // what carries the deviation, the largest first: "Orange : 78 % des erreurs"
}

// Bounds of what is put into texts. What is more is cut.
const (
	maxShort   = gsm.Single
	maxID      = 64
	maxAlerts  = 20
	maxLabels  = 20
	maxCarried = 8
	maxKey     = 60
	maxLabel   = 120
	minSubject = 60 // characters of a title that a link may not push out of Short
)

// Render writes n's Title, Text and Short in n.Language from its other fields and f, and cleans and bounds what
// came from outside: labels, alerts, owner, links. It is called once, when n is made; Drill and Repeat must be set.
//
// Text has neither the title, which every channel shows, nor the links, which most show as buttons (Links). Short
// is in the alphabet of telephones, one message of 160 characters that cost one: letters that are not in it lose
// their accents (« fenêtre » « fenetre »), and the link to acknowledge, or to the board, is there where it leaves
// room to say what is wrong.
func Render(n *Notification, f Facts) {
	w := WordsIn(n.Language)
	n.clean()
	subject := provider.Line(f.Title, MaxTitle)
	if subject == "" {
		switch n.Kind {
		case Test:
			subject = w.TestTitle
		case Heartbeat:
			subject = w.HeartbeatTitle
		default:
			subject = w.NoTitle
		}
	}
	n.Title = provider.Line(heading(n, w)+subject, MaxTitle)
	n.Text = provider.Lines(body(n, w, f), MaxText)
	n.Short = short(n, w, subject)
}

// Clean is a copy of n in which everything is bounded, and nothing can break a line or a header: what a
// channel says. It is what Render left, unless somebody changed it after that.
func Clean(n *Notification) *Notification {
	c := *n
	c.clean()
	c.Title, c.Text, c.Short = provider.Line(n.Title, MaxTitle), provider.Lines(n.Text, MaxText), provider.Line(n.Short, maxShort)
	if c.Title == "" {
		c.Title = WordsIn(n.Language).NoTitle
	}
	return &c
}

func (n *Notification) clean() {
	if n.Zone == nil {
		n.Zone = time.UTC
	}
	n.ID = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, provider.Line(n.ID, maxID))
	n.Problem = provider.Line(n.Problem, MaxTitle)
	n.Labels = cleanLabels(n.Labels)
	n.Owner, n.Spark = provider.Line(n.Owner, maxLabel), provider.Line(n.Spark, maxKey)
	n.URL, n.AckURL, n.Runbook = provider.Link(n.URL), provider.Link(n.AckURL), provider.Link(n.Runbook)
	alerts := make([]Alert, 0, min(len(n.Alerts), maxAlerts))
	for _, a := range n.Alerts[:min(len(n.Alerts), maxAlerts)] {
		a.Title, a.Labels = provider.Line(a.Title, MaxTitle), cleanLabels(a.Labels)
		alerts = append(alerts, a)
	}
	n.Alerts = alerts
}

func cleanLabels(labels map[string]string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	clean := make(map[string]string, min(len(labels), maxLabels))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if len(clean) == maxLabels {
			break
		}
		if key := provider.Line(name, maxKey); key != "" {
			clean[key] = provider.Line(labels[name], maxLabel)
		}
	}
	return clean
}

// heading says before the title what kind of thing is said.
func heading(n *Notification, w *Words) string {
	var parts []string
	if n.Drill {
		parts = append(parts, w.Drill)
	}
	if n.Repeat {
		parts = append(parts, w.Repeat)
	}
	severity := strings.ToUpper(w.Severity[n.Severity])
	switch n.Kind {
	case Worse:
		parts = append(parts, w.Worse, severity)
	case Reminder:
		parts = append(parts, w.Reminder, severity)
	case Resolved:
		parts = append(parts, w.Resolved)
	case Test:
		parts = append(parts, w.Test)
	case Heartbeat:
	default:
		parts = append(parts, severity)
	}
	var b strings.Builder
	for _, p := range parts {
		if p != "" {
			b.WriteString(p + " – ")
		}
	}
	return b.String()
}

func body(n *Notification, w *Words, f Facts) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			b.WriteString(name + w.colon + value + "\n")
		}
	}
	b.WriteString(marks(n, w))
	if detail := provider.Lines(f.Detail, MaxText/4); detail != "" {
		b.WriteString(detail + "\n\n")
	}
	if n.Kind == Test || n.Kind == Heartbeat {
		return b.String() + w.clock(n.At, n.At, n.Zone) + " (" + zoneName(n.At, n.Zone) + ")"
	}
	line(w.severity, w.Severity[n.Severity])
	b.WriteString(span(n, w))
	line(w.viewers, w.number(n.Viewers, 0))
	var carried []string
	for _, c := range f.Carried[:min(len(f.Carried), maxCarried)] {
		if c = provider.Line(c, maxLabel); c != "" {
			carried = append(carried, c)
		}
	}
	line(w.carried, strings.Join(carried, " · "))
	line(w.lastHalfHour, n.Spark)
	line(w.owner, n.Owner)
	// Alerts take what labels leave. One alert that says what the title says is no list.
	labels := joinLabels(n.Labels, ", ")
	if labels != "" {
		labels = "\n" + provider.Line(w.labels+w.colon+labels, MaxText/4)
	}
	if len(n.Alerts) > 1 {
		line("\n"+w.alerts, fmt.Sprint(len(n.Alerts)))
		room := MaxText - count(b.String()) - count(labels) - 2*maxKey
		for i, a := range n.Alerts {
			item := "• " + alertLine(n, w, a) + "\n"
			if room -= count(item); room < 0 {
				fmt.Fprintf(&b, "• "+w.more+"\n", len(n.Alerts)-i)
				break
			}
			b.WriteString(item)
		}
	}
	return b.String() + labels
}

// marks are the lines before a text that must not be lost, whoever wrote it.
func marks(n *Notification, w *Words) string {
	text := ""
	if n.Drill {
		text += w.DrillLine + "\n"
	}
	if n.Repeat {
		text += w.RepeatLine + "\n"
	}
	return text
}

func count(s string) int { return len([]rune(s)) }

// span is since when, or from when to when.
func span(n *Notification, w *Words) string {
	if n.Started.IsZero() {
		return ""
	}
	zone := " (" + zoneName(n.Started, n.Zone) + ")"
	end, text := n.At, w.since+" "+w.clock(n.Started, n.At, n.Zone)
	if !n.Ended.IsZero() {
		end, text = n.Ended, w.from+" "+w.clock(n.Started, n.At, n.Zone)+" "+w.to+" "+w.clock(n.Ended, n.At, n.Zone)
	}
	text += zone
	if d := lasted(end.Sub(n.Started)); d != "" {
		text += ", " + d
	}
	return text + "\n"
}

func alertLine(n *Notification, w *Words, a Alert) string {
	title := a.Title
	if title == "" {
		title = provider.Line(joinLabels(a.Labels, ", "), MaxTitle)
	}
	parts := []string{}
	if s := w.Severity[a.Severity]; s != "" {
		parts = append(parts, s)
	}
	if !a.Ended.IsZero() {
		parts = append(parts, w.ended+" "+w.clock(a.Ended, n.At, n.Zone))
	} else if !a.Since.IsZero() {
		parts = append(parts, strings.ToLower(w.since)+" "+w.clock(a.Since, n.At, n.Zone))
	}
	if len(parts) == 0 {
		return title
	}
	return title + " (" + strings.Join(parts, ", ") + ")"
}

func joinLabels(labels map[string]string, separator string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, name+"="+labels[name])
	}
	return strings.Join(pairs, separator)
}

func short(n *Notification, w *Words, subject string) string {
	head, subject, tail := gsm.Fold(heading(n, w)), gsm.Fold(subject), ""
	if n.Kind != Test && n.Kind != Heartbeat {
		if v := math.Round(n.Viewers); v >= 1 && !math.IsInf(v, 0) {
			people := w.people
			if v == 1 {
				people = w.viewer
			}
			tail += ", " + w.number(v, 0) + " " + people
		}
		if !n.Started.IsZero() {
			tail += ", " + w.clock(n.Started, n.At, n.Zone)
		}
	}
	tail = gsm.Fold(tail)
	link := n.AckURL
	if link == "" {
		link = n.URL
	}
	if link != "" {
		link = " " + link
	}
	room := maxShort - gsm.Length(head) - gsm.Length(tail) - gsm.Length(link)
	if room < min(minSubject, gsm.Length(subject)) {
		room += gsm.Length(link)
		link = ""
	}
	if gsm.Length(subject) > room {
		subject = strings.TrimRight(gsm.Cut(subject, room-3), " ") + "..."
	}
	return head + subject + tail + link
}

// Named is a link and what it is called.
type Named struct {
	Text, URL string
	Primary   bool // the one to press
}

// Links are those of n that can be followed: to acknowledge, to the board, to the runbook.
func Links(n *Notification) []Named {
	w := WordsIn(n.Language)
	var all []Named
	for _, l := range []Named{{w.Acknowledge, provider.Link(n.AckURL), true}, {w.Board, provider.Link(n.URL), false}, {w.Runbook, provider.Link(n.Runbook), false}} {
		if l.URL != "" {
			all = append(all, l)
		}
	}
	return all
}

// LinkLines are the links as lines of text, for channels without buttons; "" where there are none.
func LinkLines(n *Notification) string {
	w := WordsIn(n.Language)
	text := ""
	for _, l := range Links(n) {
		text += l.Text + w.colon + l.URL + "\n"
	}
	return text
}
