package web

import (
	"maps"
	"slices"
	"strings"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// lookGroup is a message as one kind of channel says it, in each language.
type lookGroup struct {
	Kind, Names string
	Looks       []lookView
}

// looks are the texts of a message as its recipients get them, by channel.
func (r sendsReader) looks(rendered *message.Rendered, accounts []send.Account, chosen []string) (out []lookGroup) {
	if rendered == nil {
		return nil
	}
	for _, a := range accounts {
		if !chosenAccount(chosen, a.ID) || len(rendered.Texts[a.Kind]) == 0 {
			continue
		}
		name := r.channel(string(a.Kind))
		if i := slices.IndexFunc(out, func(g lookGroup) bool { return g.Kind == name }); i >= 0 {
			out[i].Names += ", " + foreign(cmpName(a), longestName)
			continue
		}
		g := lookGroup{Kind: name, Names: foreign(cmpName(a), longestName)}
		for _, lang := range firstFrench(slices.Sorted(maps.Keys(rendered.Texts[a.Kind]))) {
			g.Looks = append(g.Looks, r.look(a.Kind, lang, rendered.Step, rendered.Texts[a.Kind][lang]))
		}
		out = append(out, g)
	}
	return out
}

func cmpName(a send.Account) string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// firstFrench puts the house's usual language first.
func firstFrench(langs []string) []string {
	if i := slices.Index(langs, "fr"); i > 0 {
		langs = slices.Insert(slices.Delete(langs, i, i+1), 0, "fr")
	}
	return langs
}

// look is one text as it will be sent: these bytes.
func (r sendsReader) look(kind channel.Kind, lang string, step message.Step, o message.Output) lookView {
	m := r.limits.Measure(kind, o.Subject, o.Text) // how much room there is, is not kept with a send
	return lookView{
		ID: "see-" + string(kind) + "-" + lang, Kind: string(kind), Lang: lang, KindName: r.channel(string(kind)), Name: r.said.language(lang), Shape: shapes[kind],
		Subject: foreign(o.Subject, 400), Pieces: looker{messagesReader: r.said}.pieces(o.Text, m.Culprits), Counter: r.said.counter(kind, m), Step: r.step(step), At: r.until(r.now),
	}
}

// cards are the texts of a send, which are not changed any more.
func (r sendsReader) cards(of *send.Send) []lookGroup {
	var accounts []send.Account
	for i := range of.Legs {
		accounts = append(accounts, send.Account{ID: of.Legs[i].Channel, Kind: of.Legs[i].Kind, Name: r.account(of.Legs[i].Channel, of.Drill)})
	}
	return r.looks(&of.Rendered, accounts, nil)
}

// sortedByCount are the keys of a count, the largest first.
func sortedByCount(counts map[string]int) []string {
	keys := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(keys, func(a, b string) int { return counts[b] - counts[a] })
	return keys
}

// leftOut is who is not on a list, and why. What is zero is not told.
func (r sendsReader) leftOut(of *audience.Frozen) (out []sendFact) {
	for _, left := range []struct {
		key string
		n   int
	}{
		{"disagreed", of.Disagreed}, {"suppressed", of.Suppressed}, {"capped", of.Capped}, {"unreached", of.Unreached}, {"repeated", of.Repeated},
		{"unmapped", of.Unmapped},
	} {
		if left.n > 0 {
			out = append(out, sendFact{r.T("send.left." + left.key), r.all(left.n)})
		}
	}
	return out
}

// asked is what a list was frozen from.
func (r sendsReader) asked(a *audience.Ask) string {
	switch {
	case a.Hit != nil:
		var what []string
		for _, of := range []struct{ name, value string }{{"cdn", a.Hit.CDN}, {"isp", a.Hit.ISP}, {"channel", a.Hit.Channel}, {"device", a.Hit.Device}} {
			if of.value != "" {
				what = append(what, r.labelValue(of.name, of.value))
			}
		}
		if len(what) == 0 {
			what = append(what, r.T("send.asked.all"))
		}
		return r.T("send.asked.hit", "what", strings.Join(what, " × "), "from", r.until(a.Hit.From), "to", r.until(a.Hit.To))
	case a.Segment != "":
		name := a.Segment
		if r.contacts != nil {
			if s := r.contacts.Segment(a.Segment); s != nil {
				name = s.Name
			}
		}
		return r.T("send.asked.segment", "name", foreign(name, longestName))
	}
	return ""
}
