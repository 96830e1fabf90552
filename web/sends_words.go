package web

import (
	"regexp"
	"strconv"
	"strings"

	"vigie/runbooks/channel"
	"vigie/runbooks/send"
)

// What is said of sends on more pages than their own: the timelines of crises have the same words.

// sendAccount is what people call a channel, and its kind; the id, where it is configured no more.
func (r alertsReader) sendAccount(sends *send.Room, id string, drill bool) (name string, kind channel.Kind) {
	for _, a := range sends.Accounts(drill) {
		if a.ID == id {
			return foreign(cmpName(a), longestName), a.Kind
		}
	}
	return foreign(id, longestName), ""
}

// sendAccounts are channels' names, of their ids with commas between them.
func (r alertsReader) sendAccounts(sends *send.Room, ids string, drill bool) string {
	var names []string
	for id := range strings.SplitSeq(ids, ", ") {
		name, _ := r.sendAccount(sends, id, drill)
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// sendNote is what is noted beside an act: a person's words as they are, the system's in the reader's.
func (r alertsReader) sendNote(sends *send.Room, what, note string, drill bool) string {
	switch what {
	case send.ActGate:
		var parts []string
		for part := range strings.SplitSeq(note, ", ") {
			parts = append(parts, r.sendGate(sends, part, drill))
		}
		return strings.Join(parts, " · ")
	case send.ActPause:
		if leg, share, ok := strings.Cut(note, ": "); ok && failedOf.MatchString(share) {
			name, _ := r.sendAccount(sends, leg, drill)
			return r.T("send.note.leg", "leg", name, "what", r.failures(share))
		}
	}
	return foreign(note, longestReason)
}

// sendGate is how far a channel's gate was opened: its account, its stage and how many are before it. A channel that
// waits has no stage yet.
func (r alertsReader) sendGate(sends *send.Room, note string, drill bool) string {
	words := strings.Fields(note)
	if len(words) < 2 || len(words) > 3 {
		return foreign(note, longestReason)
	}
	n, err := strconv.Atoi(words[len(words)-1])
	if err != nil || n < 0 {
		return foreign(note, longestReason)
	}
	name, kind := r.sendAccount(sends, words[0], drill)
	what := ""
	switch {
	case len(words) == 2:
		what = r.T("send.note.waits")
	case kind != "" && !kind.Personal():
		what = r.plural("send.posts", n)
	default:
		what = r.known("send.stage.", words[1]) + ", " + r.plural("send.people", n)
	}
	return r.T("send.note.leg", "leg", name, "what", what)
}

// failedOf is how the system writes down how much failed.
var failedOf = regexp.MustCompile(`^(\d{1,9}) / (\d{1,9})$`)

// failures says how many of how many failed; what is written otherwise is quoted.
func (r alertsReader) failures(share string) string {
	found := failedOf.FindStringSubmatch(share)
	if found == nil {
		return r.T("alerts.quoted", "text", foreign(share, longestReason))
	}
	bad, _ := strconv.Atoi(found[1])
	of, _ := strconv.Atoi(found[2])
	return r.plural("send.failures", bad, "n", r.fixed(float64(bad), 0), "of", r.fixed(float64(of), 0))
}

// reached counts persons and posts: one is not the other.
type reached struct{ people, posts int }

func (c *reached) add(leg *send.Leg, n int) {
	if leg.Kind.Personal() {
		c.people += n
	} else {
		c.posts += n
	}
}

func (r alertsReader) counted(c reached) string {
	var parts []string
	if c.people > 0 {
		parts = append(parts, r.plural("send.people", c.people))
	}
	if c.posts > 0 {
		parts = append(parts, r.plural("send.posts", c.posts))
	}
	if len(parts) == 0 {
		return r.T("send.nobody")
	}
	return strings.Join(parts, " · ")
}

// countedOf is how many are done of how many: 12 sur 116 personnes · 2 sur 2 publications.
func (r alertsReader) countedOf(done, all reached) string {
	var parts []string
	n := func(n int) string { return r.fixed(float64(n), 0) }
	if all.people > 0 {
		parts = append(parts, r.plural("send.people.of", all.people, "done", n(done.people), "n", n(all.people)))
	}
	if all.posts > 0 {
		parts = append(parts, r.plural("send.posts.of", all.posts, "done", n(done.posts), "n", n(all.posts)))
	}
	return strings.Join(parts, " · ")
}

// sendReason is why somebody did not get it, in words. What a provider took and did not deliver was not refused.
func (r alertsReader) sendReason(o send.Outcome, reason string) string {
	switch {
	case o == send.Undelivered:
		return r.T("send.reason.undelivered")
	case reason == "":
		return r.T("send.reason.untold")
	}
	return r.known("send.reason.", reason)
}
