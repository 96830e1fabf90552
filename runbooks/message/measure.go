package message

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"vigie/internal/gsm"
	"vigie/runbooks/channel"
)

// Room of the channels, where no instance or provider has a say.
const (
	mostX           = 280 // weighted
	mostBluesky     = 300 // graphemes
	mostBlueskySize = 3000
	mostMastodon    = 500
	mastodonLink    = 23
	mostSMS         = 1600 // characters that gateways take
	mostMail        = 100 << 10
	mostSubject     = 150 // characters
	fineSubject     = 78
	mostTitle       = 120
	mostBannerTitle = 80
	mostStatus      = 5000
	mostBanner      = 300
	mostWebhook     = 10000
	fineSegments    = 2
	fineSMS         = 320
)

// Units of Measure: keys of texts.
const (
	characters = "characters"
	septets    = "septets"
	units      = "units"
	weighted   = "weighted"
	graphemes  = "graphemes"
	bytes      = "bytes"
)

func (l Limits) mastodon() (most, linkSize int) {
	most, linkSize = l.Mastodon, l.LinkSize
	if most <= 0 {
		most = mostMastodon
	}
	if linkSize <= 0 {
		linkSize = mastodonLink
	}
	return most, linkSize
}

// Measure is how much room a text takes of a channel, as it is. Most of a short message is the room of as many
// segments as it takes. Subjects have limits of their own, which Lint knows.
func (l Limits) Measure(kind channel.Kind, subject, text string) Measure {
	switch kind {
	case channel.SMS:
		return measureSMS(text)
	case channel.X:
		return Measure{Used: weigh(text), Most: mostX, Unit: weighted}
	case channel.Bluesky:
		used := uniseg.GraphemeClusterCount(text)
		if len(text)*mostBluesky > used*mostBlueskySize {
			return Measure{Used: len(text), Most: mostBlueskySize, Unit: bytes}
		}
		return Measure{Used: used, Most: mostBluesky, Unit: graphemes}
	case channel.Mastodon:
		most, linkSize := l.mastodon()
		return Measure{Used: linked(text, uniseg.GraphemeClusterCount, func(string) int { return linkSize }), Most: most, Unit: characters}
	case channel.Email:
		return Measure{Used: len(subject) + len(text) + len(markup("en", text)), Most: mostMail, Unit: bytes}
	}
	most := map[channel.Kind]int{channel.Status: mostStatus, channel.Banner: mostBanner}[kind]
	if most == 0 {
		most = mostWebhook
	}
	return Measure{Used: utf8.RuneCountInString(text), Most: most, Unit: characters}
}

// over tells whether the channel would refuse it.
func (m Measure) over(kind channel.Kind, text string) bool {
	if kind == channel.SMS {
		return utf8.RuneCountInString(text) > mostSMS
	}
	return m.Used > m.Most
}

func measureSMS(text string) Measure {
	n, ucs2 := gsm.Segments(text)
	if !ucs2 {
		return Measure{Used: gsm.Length(text), Most: room(n, gsm.Single, gsm.Part), Unit: septets, Segments: n}
	}
	return Measure{Used: len16(text), Most: room(n, gsm.SingleUnicode, gsm.PartUnicode), Unit: units, Segments: n, UCS2: true, Culprits: culprits(text)}
}

func room(segments, single, part int) int {
	if segments == 1 {
		return single
	}
	return segments * part
}

// len16 is a text's length in units of UTF-16.
func len16(text string) (n int) {
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// culprits are the characters that telephones' alphabet lacks, each once, the first 20.
func culprits(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if gsm.Cost(r) == 0 && n < 20 && !strings.ContainsRune(b.String(), r) {
			b.WriteRune(r)
			n++
		}
	}
	return b.String()
}

// linked is a text's length where addresses have one of their own.
func linked(text string, length, ofLink func(string) int) (n int) {
	at := 0
	for _, l := range links(text) {
		n += length(text[at:l.from]) + ofLink(l.text)
		at = l.to
	}
	return n + length(text[at:])
}
