package message

import (
	"regexp"
	"slices"
	"strings"

	"vigie/runbooks/channel"
)

// marketing are words of offers. French law (CPCE L34-5) takes a short message or a mail for prospection when it
// promotes goods, services or an image: then it needs consent, hours and a way to say STOP.
var marketing = words("offre", "offres", "offre spéciale", "promo", "promos", "promotion", "promotions", "promotionnel", "promotionnelle", "bon d'achat", "bons d'achat",
	"bon de réduction", "code promo", "réduction", "réductions", "remise", "remises", "rabais", "soldes", "cadeau", "cadeaux", "gratuit", "gratuite", "gratuitement",
	"offert", "offerte", "profitez", "abonnez-vous", "parrainage", "jeu-concours", "geste commercial",
	"offer", "offers", "special offer", "voucher", "vouchers", "discount", "discounts", "coupon", "coupons", "promo code", "free month", "giveaway", "subscribe now", "upgrade now", "gift")

// words matches any of some words as whole words, longest first, whatever their case and apostrophe.
func words(all ...string) *regexp.Regexp {
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	for i, w := range all {
		all[i] = strings.NewReplacer("'", "['’]", " ", `[\s\x{a0}\x{202f}]+`).Replace(regexp.QuoteMeta(w))
	}
	return regexp.MustCompile(`(?i)(?:^|[^\p{L}\p{N}])(` + strings.Join(all, "|") + `)(?:[^\p{L}\p{N}]|$)`)
}

// maxUnsaid bounds the house's list of names.
const maxUnsaid = 200

// wording looks for words that a crisis' message should not have.
func (l *linter) wording(t said) {
	text := line(t.Subject) + "\n" + clean(t.Body)
	if t.kind.Personal() {
		if found := marketing.FindStringSubmatch(text); found != nil {
			l.add(Warning, t.kind, t.language, "marketing", "word", found[1])
		}
	}
	if l.unsaid != nil && t.kind != channel.Webhook {
		if found := l.unsaid.FindStringSubmatch(text); found != nil {
			l.add(Warning, t.kind, t.language, "unsaid", "word", found[1])
		}
	}
}

func (l Limits) unsaid() *regexp.Regexp {
	all := slices.DeleteFunc(slices.Clone(l.Unsaid[:min(len(l.Unsaid), maxUnsaid)]), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(all) == 0 {
		return nil
	}
	return words(all...)
}

// empty are words that operators refuse as a sender.
var empty = []string{"alert", "alerte", "alerts", "contact", "info", "infos", "infosms", "message", "news", "notif", "notification", "notice", "pub", "rdv", "rappel", "service", "sms", "test", "urgent", "verify"}

// CheckSender says what France's operators would mind about a sender of short messages: a name of 3 to 11 letters
// and digits that says who sends, or a short number that is not one for advertising.
func CheckSender(sender string) []Finding {
	l := &linter{}
	short := strings.TrimPrefix(sender, "+")
	digits := short != "" && strings.Trim(short, "0123456789") == ""
	switch {
	case digits && len(short) == 5 && strings.HasPrefix(short, "36"):
		l.add(Warning, channel.SMS, "", "sender_marketing", "sender", sender)
	case digits && (len(short) == 5 && strings.HasPrefix(short, "38") || strings.HasPrefix(sender, "+") && len(short) >= 7 && len(short) <= 15):
	case digits || len(sender) < 3 || len(sender) > 11 || strings.Trim(sender, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "":
		l.add(Wrong, channel.SMS, "", "sender", "sender", sender)
	case slices.Contains(empty, strings.ToLower(sender)):
		l.add(Wrong, channel.SMS, "", "sender_generic", "sender", sender)
	}
	return l.found
}
