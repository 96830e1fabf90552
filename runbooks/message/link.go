package message

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// link is an address in a text, as telephones and networks would find it.
type link struct {
	from, to int    // bytes of the text
	text     string // as it is written
	bare     bool   // without https://
}

// address is the whole one.
func (l link) address() string {
	if l.bare {
		return "https://" + l.text
	}
	return l.text
}

// Between an address and what follows, in French as in English.
var (
	withScheme = regexp.MustCompile(`(?i)https?://[^\s<>"«»“”’‘\x60]+`)
	withDomain = regexp.MustCompile(`(?i)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+([a-z]{2,24})(?:/[^\s<>"«»“”’‘\x60]*)?`)
)

// links finds the addresses in a text, in order.
func links(text string) []link {
	var all []link
	for _, at := range withScheme.FindAllStringIndex(text, -1) {
		if wordBefore(text, at[0]) {
			continue
		}
		if l := cut(text, at[0], at[1], false); strings.Contains(l.text[strings.Index(l.text, "//"):], ".") || len(l.text) > len("https://") {
			all = append(all, l)
		}
	}
	for _, at := range withDomain.FindAllStringSubmatchIndex(text, -1) {
		inside := slices.ContainsFunc(all, func(l link) bool { return at[0] < l.to && l.from < at[1] })
		if !inside && !wordBefore(text, at[0]) && topLevel(text[at[2]:at[3]]) && !wordAfter(text, at[1]) {
			all = append(all, cut(text, at[0], at[1], true))
		}
	}
	slices.SortFunc(all, func(a, b link) int { return a.from - b.from })
	return all
}

// wordBefore tells whether an address would begin within a word, or be the domain of a mailbox.
func wordBefore(text string, at int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:at])
	return at > 0 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("@#$_-.", r))
}

// wordAfter tells whether a domain goes on, so that it is none.
func wordAfter(text string, at int) bool {
	r, _ := utf8.DecodeRuneInString(text[at:])
	return at < len(text) && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '@' || r == '_')
}

// cut leaves the punctuation at an address's end to the sentence. A bracket belongs to it when it opens there.
func cut(text string, from, to int, bare bool) link {
	for to > from {
		r, size := utf8.DecodeLastRuneInString(text[from:to])
		closes := r == ')' && strings.Count(text[from:to], "(") < strings.Count(text[from:to], ")")
		if !closes && !strings.ContainsRune(".,;:!?…'*]", r) {
			break
		}
		to -= size
	}
	return link{from, to, text[from:to], bare}
}

// ofURL are the characters that an address may have that is sent: one that every telephone and network reads as a
// whole, none of which costs two in a short message.
const ofURL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/?=&%#:+,@!"

// allowed tells whether an address begins with one of the prefixes: of the same host, and below the same folder.
func allowed(address string, prefixes []string) bool {
	u := parseURL(address)
	return u != nil && slices.ContainsFunc(prefixes, func(prefix string) bool {
		p := parseURL(prefix)
		if p == nil || p.Scheme != u.Scheme || !strings.EqualFold(p.Host, u.Host) {
			return false
		}
		folder := strings.TrimSuffix(p.Path, "/")
		return u.Path == folder || strings.HasPrefix(u.Path, folder+"/")
	})
}

// parseURL reads an address that may be sent; nil: it may not.
func parseURL(address string) *url.URL {
	if strings.Trim(address, ofURL) != "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || !strings.Contains(u.Hostname(), ".") || strings.HasSuffix(u.Host, ".") {
		return nil
	}
	if path := u.Path; strings.Contains(path, "/../") || strings.HasSuffix(path, "/..") || strings.ContainsAny(path, "\\\x00") || strings.Contains(path, "//") {
		return nil
	}
	return u
}

// badPrefix says why a prefix is none.
func badPrefix(prefix string) string {
	u := parseURL(prefix)
	switch {
	case len(prefix) > maxURL:
		return "is too long"
	case u == nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "is no beginning of an address: write it as https://tele.example/help/"
	}
	return ""
}

// topLevel tells whether letters are a domain's end that people and networks know: a country's, or one of the common
// others. Of « 18h.Merci » they make no address.
func topLevel(letters string) bool {
	letters = strings.ToLower(letters)
	if len(letters) == 2 {
		return strings.Contains(countries, " "+letters+" ")
	}
	return strings.Contains(generic, " "+letters+" ")
}

const (
	generic   = " com net org info edu gov int biz name pro mobi aero coop museum jobs travel tel cat asia post app dev page live video stream media news online site website store shop tech cloud digital link click social network tv web blog world today life team group agency fans football sport sports paris bzh alsace corsica eus example google "
	countries = " ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw "
)
