package statuspage

import (
	"strconv"
	"strings"
	"time"
)

// languages are the page's, the first one for who asks for neither unless the configuration says otherwise.
var languages = []string{"fr", "en"}

// texts are the page's own words. What is published has its own.
var texts = map[string]map[string]string{
	"fr": {
		"language":            "Français",
		"title":               "État des services",
		"skip":                "Aller au contenu",
		"languages":           "Langue",
		"updated":             "La page a changé\u00a0: ",
		"checked":             "Vérifié",
		"last_known":          "Dernières informations connues :",
		"never_checked":       "Aucune information n’est encore connue",
		"frozen":              "Cette page n’arrive plus à s’actualiser. Ce qu’elle montre date de l’heure indiquée ci-dessus.",
		"head.operational":    "Tous les services fonctionnent normalement",
		"head.quiet":          "Aucun incident en cours",
		"head.unknown":        "L’état des services n’est pas connu pour le moment",
		"head.maintenance":    "Une maintenance est en cours",
		"head.degraded":       "Certains services sont perturbés",
		"head.partial":        "Certains services sont en panne",
		"head.major":          "Des services sont interrompus",
		"head.incident":       "Un incident est en cours",
		"head.incidents":      "{n} incidents sont en cours",
		"now":                 "En cours",
		"incident":            "Incident",
		"began":               "Depuis {when}",
		"ended":               "{from} – {to}",
		"next":                "Prochain point avant {when}",
		"next_past":           "Un point était prévu à {when}",
		"phase.investigating": "Analyse en cours",
		"phase.identified":    "Cause identifiée",
		"phase.resolved":      "Résolu",
		"phase.cancelled":     "Annulé",
		"step.initial":        "Incident signalé",
		"step.update":         "Point de situation",
		"step.identified":     "Cause identifiée",
		"step.resolved":       "Résolu",
		"step.correction":     "Correction",
		"step.cancel":         "Annulation",
		"corrects":            "Corrige le message de {when}",
		"corrected":           "Ce message a été corrigé à {when}\u00a0: il ne fait plus foi.",
		"only_in":             "Ce message n’a été publié que dans cette langue\u00a0: {language}.",
		"components":          "Services",
		"state.":              "Aucun problème signalé",
		"state.operational":   "Fonctionne normalement",
		"state.degraded":      "Perturbé",
		"state.partial":       "Panne partielle",
		"state.major":         "Interrompu",
		"state.maintenance":   "En maintenance",
		"state.unknown":       "Non connu pour le moment",
		"state.unsure":        "Peut être touché\u00a0: voir l’incident en cours",
		"history":             "30 derniers jours",
		"history.none":        "Aucun incident n’a été publié ces 30 derniers jours.",
		"history.no_other":    "Aucun autre incident n’a été publié ces 30 derniers jours.",
		"messages.one":        "1\u00a0message",
		"messages.many":       "{n}\u00a0messages",
		"support":             "Aide et contact",
		"feed":                "Flux Atom",
		"json":                "Données (JSON)",
		"zone":                "Heure de {place}",
		"drill":               "EXERCICE",
		"drill.title":         "EXERCICE – État des services",
		"drill.text":          "Ceci est un exercice. Aucun incident réel n’est décrit sur cette page.",
		"drill.head":          "EXERCICE\u00a0: un incident est simulé",
		"drill.head.none":     "EXERCICE\u00a0: aucun incident simulé en cours",
	},
	"en": {
		"language":            "English",
		"title":               "Service status",
		"skip":                "Skip to content",
		"languages":           "Language",
		"updated":             "The page has changed: ",
		"checked":             "Checked",
		"last_known":          "Last known information:",
		"never_checked":       "Nothing is known yet",
		"frozen":              "This page cannot refresh itself any more. What it shows dates from the time given above.",
		"head.operational":    "All services are working normally",
		"head.quiet":          "No ongoing incident",
		"head.unknown":        "The state of our services is not known at the moment",
		"head.maintenance":    "Maintenance is under way",
		"head.degraded":       "Some services are disrupted",
		"head.partial":        "Some services are down",
		"head.major":          "Services are interrupted",
		"head.incident":       "An incident is ongoing",
		"head.incidents":      "{n} incidents are ongoing",
		"now":                 "Ongoing",
		"incident":            "Incident",
		"began":               "Since {when}",
		"ended":               "{from} – {to}",
		"next":                "Next update by {when}",
		"next_past":           "An update was due at {when}",
		"phase.investigating": "Investigating",
		"phase.identified":    "Cause identified",
		"phase.resolved":      "Resolved",
		"phase.cancelled":     "Cancelled",
		"step.initial":        "Incident reported",
		"step.update":         "Update",
		"step.identified":     "Cause identified",
		"step.resolved":       "Resolved",
		"step.correction":     "Correction",
		"step.cancel":         "Cancellation",
		"corrects":            "Corrects the message of {when}",
		"corrected":           "This message was corrected at {when} and no longer holds.",
		"only_in":             "This message was published in this language only: {language}.",
		"components":          "Services",
		"state.":              "No problem reported",
		"state.operational":   "Working normally",
		"state.degraded":      "Disrupted",
		"state.partial":       "Partial outage",
		"state.major":         "Interrupted",
		"state.maintenance":   "Under maintenance",
		"state.unknown":       "Not known at the moment",
		"state.unsure":        "May be affected: see the ongoing incident",
		"history":             "Last 30 days",
		"history.none":        "No incident was published in the last 30 days.",
		"history.no_other":    "No other incident was published in the last 30 days.",
		"messages.one":        "1\u00a0message",
		"messages.many":       "{n}\u00a0messages",
		"support":             "Help and contact",
		"feed":                "Atom feed",
		"json":                "Data (JSON)",
		"zone":                "{place} time",
		"drill":               "DRILL",
		"drill.title":         "DRILL – Service status",
		"drill.text":          "This is a drill. No real incident is described on this page.",
		"drill.head":          "DRILL: an incident is being simulated",
		"drill.head.none":     "DRILL: no simulated incident at the moment",
	},
}

// speech is the page's words and times in one language and zone.
type speech struct {
	lang string
	zone *time.Location
}

// T is the text with a key, with names replaced: T("began", "when", "…").
func (s speech) T(key string, pairs ...string) string {
	text := texts[s.lang][key]
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+pairs[i]+"}", pairs[i+1])
	}
	return text
}

var (
	days = map[string][7]string{
		"fr": {"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
		"en": {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	}
	months = map[string][12]string{
		"fr": {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		"en": {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	}
)

// nb does not break, and is as narrow as French wants it before an h and a sign.
const nb = "\u202f"

// clock is 21 h 40, or 21:40.
func (s speech) clock(t time.Time) string {
	t = t.In(s.zone)
	if s.lang == "fr" {
		return strconv.Itoa(t.Hour()) + nb + "h" + nb + t.Format("04")
	}
	return t.Format("15:04")
}

// date is samedi 21 novembre 2026.
func (s speech) date(t time.Time) string {
	t = t.In(s.zone)
	day := strconv.Itoa(t.Day())
	if s.lang == "fr" && t.Day() == 1 {
		day = "1er"
	}
	return days[s.lang][t.Weekday()] + " " + day + "\u00a0" + months[s.lang][t.Month()-1] + " " + strconv.Itoa(t.Year())
}

// full is a date and a time.
func (s speech) full(t time.Time) string {
	if s.lang == "fr" {
		return s.date(t) + " à\u00a0" + s.clock(t)
	}
	return s.date(t) + " at\u00a0" + s.clock(t)
}

// after is t's time, with its date where that is not the day of what it is read beside: it says the same on any later day.
func (s speech) after(beside, t time.Time) string {
	if sameDay(beside.In(s.zone), t.In(s.zone)) {
		return s.clock(t)
	}
	return s.full(t)
}

func sameDay(a, b time.Time) bool {
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}

// place is what a zone is called: Paris.
func place(zone *time.Location) string {
	name := zone.String()
	return strings.ReplaceAll(name[strings.LastIndexByte(name, '/')+1:], "_", " ")
}
