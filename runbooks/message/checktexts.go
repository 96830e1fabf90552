package message

import (
	"maps"
	"slices"

	"vigie/runbooks/channel"
)

// needed are the steps that each scenario has: no beginning without an end, and nothing said that could not be put
// right at once.
var needed = map[Step]string{
	Initial:    "is missing: it is what is said first",
	Resolved:   "is missing: who was told that it began is told that it ended",
	Correction: "is missing: nothing is said whose correction was not written and validated before",
}

func (c *checker) messages() {
	size := 0
	for _, step := range slices.Sorted(maps.Keys(c.s.Messages)) {
		key := "messages." + string(step)
		if !slices.Contains(Steps(), step) {
			c.bad(key, "%.40q is no step: %s", string(step), unknown(string(step), stepNames()))
			continue
		}
		for _, kind := range slices.Sorted(maps.Keys(c.s.Messages[step].texts())) {
			at := key + "." + string(kind)
			if !slices.Contains(channel.Kinds(), kind) {
				c.bad(at, "%.40q is no channel: %s", string(kind), unknown(string(kind), kindNames()))
				continue
			}
			texts := c.s.Messages[step].Texts[kind]
			for _, language := range slices.Sorted(maps.Keys(texts)) {
				size += len(texts[language].Subject) + len(texts[language].Body)
				c.said(at+"."+language, kind, language, texts[language])
			}
			c.translated(at, kind, texts)
		}
	}
	if size > maxScenario {
		c.bad("messages", "are %d bytes together, %d are allowed", size, maxScenario)
	}
	for _, step := range Steps() {
		if why := needed[step]; why != "" && len(c.s.Messages[step].said()) == 0 {
			c.lacks("messages."+string(step), "%s", why)
		}
	}
	c.reach()
}

func stepNames() []string {
	var all []string
	for _, s := range Steps() {
		all = append(all, string(s))
	}
	return all
}

func kindNames() []string {
	var all []string
	for _, k := range channel.Kinds() {
		all = append(all, string(k))
	}
	return all
}

// titled tells whether a channel's texts may have, and must have, a subject.
func titled(kind channel.Kind) (may, must bool) {
	must = kind == channel.Email || kind == channel.Status
	return must || kind == channel.Banner || kind == channel.Webhook, must
}

func (c *checker) said(key string, kind channel.Kind, language string, t Text) {
	if !known(language) {
		c.bad(key, "%.40q is no language of messages: %s", language, unknown(language, languages))
		return
	}
	if len(c.s.Languages()) > 0 && c.s.Title[language] == "" {
		c.lacks(key, "the title is not in this language")
	}
	may, must := titled(kind)
	switch {
	case t.Subject != "" && !may:
		c.bad(key+".subject", "is nothing that %s has", kind)
	case t.Subject == "" && must:
		c.lacks(key+".subject", "is missing")
	}
	if t.Fold && kind != channel.SMS {
		c.bad(key+".fold", "is for sms alone")
	}
	if t.Body == "" {
		c.lacks(key+".text", "is missing")
	}
	c.text(key+".subject", t.Subject, maxSubject, false)
	c.text(key+".text", t.Body, maxBody, true)
	for _, place := range [][2]string{{".subject", t.Subject}, {".text", t.Body}} {
		if _, err := parse(place[1]); err != nil {
			c.bad(key+place[0], "%v", err)
		}
	}
	there := slices.Sorted(maps.Keys(c.s.Variables))
	for _, name := range names(t.Subject, t.Body) {
		v := c.s.Variables[name]
		if v == nil {
			c.lacks(key, "there is no variable {%s}: %s", name, unknown(name, there))
		}
		if at := names(t.Subject); v != nil && v.Type == URL && slices.Contains(at, name) {
			c.lacks(key+".subject", "has an address, {%s}: it belongs in the text", name)
		}
	}
}

// translated says which languages are missing. Who is told one by one, or reads the house's own pages, is told in each;
// an account of a network may speak one.
func (c *checker) translated(key string, kind channel.Kind, texts map[string]Text) {
	if kind == channel.Mastodon || kind == channel.Bluesky || kind == channel.X || kind == channel.Webhook || len(texts) == 0 {
		return
	}
	for _, language := range c.s.Languages() {
		if _, there := texts[language]; !there {
			c.lacks(key+"."+language, "is missing: the title is in %s too", language)
		}
	}
}

// reach says who would be told a part of it: the beginning without the correction, or something that follows without
// the beginning.
func (c *checker) reach() {
	first := c.s.Messages[Initial].texts()
	if len(first) == 0 {
		return
	}
	for _, kind := range channel.Kinds() {
		_, initial := first[kind]
		for _, step := range Steps() {
			texts, there := c.s.Messages[step].texts()[kind]
			key := "messages." + string(step) + "." + string(kind)
			switch {
			case !initial && there && len(texts) > 0 && step.Follows() && kind.Personal():
				c.lacks(key, "nobody gets it: it goes to those who got the initial message, which has no %s", kind)
			case initial && !there && step == Correction && len(c.s.Messages[Correction].said()) > 0:
				c.lacks(key, "is missing: what is said there could not be corrected there")
			}
		}
		if initial && kind.Personal() && c.s.Audience == "" {
			c.lacks("audience", "is missing: who gets %s? The id of a segment, or %s", kind, Impact)
		}
	}
}
