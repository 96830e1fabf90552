package sms

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	short = regexp.MustCompile(`^[0-9]{3,8}$`)
	name  = regexp.MustCompile(`^[A-Za-z0-9]{1,11}$`)
	digit = regexp.MustCompile(`^[0-9]+$`)
)

// generics are names that say nobody's: French operators overwrite or block them since March 2025. Theirs is no
// closed list; these are the words that their resellers give as examples, and their plain kin.
var generics = []string{
	"alert", "alerte", "alertes", "alerts", "bank", "banque", "colis", "contact", "info", "infos", "infosms", "livraison", "message", "notif",
	"notification", "paiement", "parcel", "payment", "promo", "rappel", "rdv", "service", "sms", "test", "urgent", "verify",
}

// Sender checks whom a message is from: a number, a short number, or a name as French operators let it pass: at most
// 11 of A-Z, a-z and 0-9, not digits alone, and not a word that anybody could be. The error names field.
func Sender(field, from string) error {
	switch {
	case e164.MatchString(from) || short.MatchString(from):
		return nil
	case !name.MatchString(from) || digit.MatchString(from):
		return fmt.Errorf("%s: neither a number nor a name of at most 11 letters and digits without accents", field)
	case slices.Contains(generics, strings.ToLower(from)):
		return fmt.Errorf("%s: %q could be anybody: operators in France overwrite or block it; take the house's name", field, from)
	}
	return nil
}
