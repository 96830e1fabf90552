package message

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/runbooks/channel"
)

// Bounds of values where the variable has none of its own.
const (
	usualName   = 40       // characters of a name that the board knows
	usualURL    = 100      // characters
	maxURL      = 500      // characters
	maxNumber   = 1e9      // of a Number
	maxMinutes  = 24 * 60  // of a Duration
	maxValueRaw = 500      // bytes of what a form or the board gives
	maxNameRune = '\u024f' // of a name: Latin letters, which each channel can measure
	minYear     = 2000
	maxYear     = 2200
)

// hard is a space at which no line breaks. It is one character to every network, as the narrow one is not.
const hard = "\u00a0"

// voice is how something is said: a language, and whether for telephones, whose alphabet has a plain space only and
// whose room is scarce.
type voice struct {
	language string
	plain    bool
	zone     *time.Location
	now      time.Time
	house    []string
}

func voiceOf(kind channel.Kind, language string, in *Input) voice {
	zone := in.Zone
	if zone == nil {
		zone = time.UTC
	}
	return voice{language, kind == channel.SMS, zone, in.Now.In(zone), in.Limits.House}
}

func (v voice) french() bool { return v.language == "fr" }

func (v voice) space() string {
	if v.plain {
		return " "
	}
	return hard
}

// say is a value as people read it. The error says what is wrong with the value, without the variable's name.
func (v voice) say(of *Variable, value string) (string, error) {
	if value == "" {
		return "", fmt.Errorf("has no value")
	}
	if len(value) > maxValueRaw {
		return "", fmt.Errorf("is longer than %d bytes", maxValueRaw)
	}
	switch of.Type {
	case Time:
		t, err := time.Parse(time.RFC3339, value)
		if err != nil || t.Year() < minYear || t.Year() > maxYear {
			return "", fmt.Errorf("%.40q is no moment such as 2026-07-19T21:40:00+02:00", value)
		}
		return v.moment(t), nil
	case Duration:
		minutes, err := of.minutes(value)
		if err != nil {
			return "", err
		}
		return v.minutes(minutes), nil
	case Number, About:
		n, err := of.number(value)
		if err != nil {
			return "", err
		}
		return v.number(n), nil
	case URL:
		return value, of.address(value, v.house)
	case Service, Competition, Operator, Place:
		if len(of.Values) == 0 && (of.Type == Operator || of.Type == Competition) {
			return value, of.name(value)
		}
		for _, c := range of.Values {
			if c.ID == value || of.Live != "" && c.Called(value) {
				if c.Words[v.language] == "" {
					return "", fmt.Errorf("%q has no words in %s", value, v.language)
				}
				return c.Words[v.language], nil
			}
		}
		return "", fmt.Errorf("%.40q is none of its values: %s", value, unknown(value, of.ids()))
	}
	return "", fmt.Errorf("has no type that is known: %.40q", string(of.Type))
}

// Called tells whether the board says so for it: by its id or its words, in any language and case.
func (c Choice) Called(name string) bool {
	if strings.EqualFold(c.ID, name) {
		return true
	}
	for _, words := range c.Words {
		if strings.EqualFold(words, name) {
			return true
		}
	}
	return false
}

func (v *Variable) ids() []string {
	all := make([]string, len(v.Values))
	for i, c := range v.Values {
		all[i] = c.ID
	}
	return all
}

// most is v.Most, or what is usual.
func (v *Variable) most(usual float64) float64 {
	if v.Most > 0 {
		return v.Most
	}
	return usual
}

// Minutes are the bounds of a Duration.
func (v *Variable) Minutes() (least, most int) {
	return max(1, int(math.Ceil(v.Least))), int(v.most(maxMinutes))
}

// minutes reads a duration.
func (v *Variable) minutes(value string) (int, error) {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > 1000*time.Hour {
		return 0, fmt.Errorf("%.40q is no duration such as 20m", value)
	}
	n := int(math.Round(d.Minutes()))
	if least, most := v.Minutes(); n < least || n > most {
		return 0, fmt.Errorf("%d minutes are not between %d and %d", n, least, most)
	}
	return n, nil
}

// number reads one, and rounds it as its type says.
func (v *Variable) number(value string) (float64, error) {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(value, "xX_pP") {
		return 0, fmt.Errorf("%.40q is no number such as 12000 or 3.5", value)
	}
	if most := v.most(maxNumber); n < v.Least || n > most {
		return 0, fmt.Errorf("%s is not between %s and %s", value, plain(v.Least), plain(most))
	}
	return v.rounded(n), nil
}

func (v *Variable) rounded(n float64) float64 {
	if v.Type == About && n > 0 {
		unit := math.Pow(10, math.Floor(math.Log10(n))-1)
		if unit >= 1 {
			return math.Round(n/unit) * unit
		}
	}
	if n < 99.95 {
		return math.Round(n*10) / 10
	}
	return math.Round(n)
}

func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// name reads a name that the board, or the match, gives: letters of the Latin script, so that its room is known.
func (v *Variable) name(value string) error {
	if n, most := utf8.RuneCountInString(value), int(v.most(usualName)); n > most {
		return fmt.Errorf("%.60q has %d characters, %d are allowed", value, n, most)
	}
	if value != line(value) || strings.ContainsFunc(value, func(r rune) bool {
		return r != '’' && (r > maxNameRune || !unicode.IsPrint(r) || strings.ContainsRune("{}<>@/", r))
	}) || len(links(value)) > 0 {
		return fmt.Errorf("%.60q is no name: letters of the Latin script, digits, spaces and common signs", value)
	}
	return nil
}

// address reads an address.
func (v *Variable) address(value string, house []string) error {
	if n, most := len(value), int(v.most(usualURL)); n > most {
		return fmt.Errorf("has %d characters, %d are allowed", n, most)
	}
	if found := links(value); len(found) != 1 || found[0].text != value || !allowed(value, slices.Concat(v.Allow, house)) {
		return fmt.Errorf("%.80q begins with none of the addresses that are allowed: %s", value, listed(slices.Concat(v.Allow, house)))
	}
	return nil
}

func listed(all []string) string {
	if len(all) == 0 {
		return "there is none"
	}
	return strings.Join(all[:min(len(all), maxSuggest)], ", ")
}

var (
	frDays   = [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}
	frMonths = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
)

// moment is a time on the zone's clock; with its date, in brackets, when that is not today's, so that it can stand
// after « à » and "at". In the hour that comes twice when the clock goes back it says which one is meant.
func (v voice) moment(t time.Time) string {
	t = t.In(v.zone)
	var s string
	switch {
	case !v.french():
		s = t.Format("15:04")
	case v.plain:
		s = strings.TrimSuffix(fmt.Sprintf("%dh%02d", t.Hour(), t.Minute()), "00")
	default:
		s = strings.TrimSuffix(fmt.Sprintf("%d%sh%s%02d", t.Hour(), hard, hard, t.Minute()), hard+"00")
	}
	if twice(t) {
		s += v.space() + t.Format("MST")
	}
	ty, tm, td := t.Date()
	if y, m, d := v.now.Date(); ty == y && tm == m && td == d {
		return s
	}
	switch {
	case v.french() && v.plain:
		return fmt.Sprintf("%s (%02d/%02d)", s, td, int(tm))
	case v.french():
		day := strconv.Itoa(td)
		if td == 1 {
			day = "1er"
		}
		return s + " (" + frDays[t.Weekday()] + hard + day + hard + frMonths[tm-1] + ")"
	case v.plain:
		return s + t.Format(" (2 Jan)")
	}
	return s + " (" + strings.ReplaceAll(t.Format("Monday 2 January"), " ", hard) + ")"
}

// twice tells whether the clock on the wall shows the same a second time that night.
func twice(t time.Time) bool {
	const wall = "2006-01-02 15:04"
	return t.Add(time.Hour).Format(wall) == t.Format(wall) || t.Add(-time.Hour).Format(wall) == t.Format(wall)
}

// minutes is a duration: 20 minutes, 1 heure, 1 h 30.
func (v voice) minutes(n int) string {
	hours, minutes := n/60, n%60
	one := func(n int, word string) string {
		if n > 1 || n == 0 && !v.french() {
			word += "s"
		}
		return strconv.Itoa(n) + v.space() + word
	}
	switch {
	case hours == 0:
		return one(minutes, "minute")
	case minutes == 0 && v.french():
		return one(hours, "heure")
	case minutes == 0:
		return one(hours, "hour")
	case v.french() && v.plain:
		return fmt.Sprintf("%dh%02d", hours, minutes)
	case v.french():
		return fmt.Sprintf("%d%sh%s%02d", hours, hard, hard, minutes)
	}
	return one(hours, "hour") + " " + one(minutes, "minute")
}

// number writes a rounded number: 12 000 and 3,5; 12,000 and 3.5.
func (v voice) number(n float64) string {
	digits, decimals, _ := strings.Cut(strconv.FormatFloat(n, 'f', -1, 64), ".")
	thousands, point := ",", "."
	if v.french() {
		thousands, point = v.space(), ","
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + thousands + digits[at:]
	}
	if decimals != "" {
		digits += point + decimals
	}
	return digits
}
