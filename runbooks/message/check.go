package message

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/match"
	"vigie/runbooks/channel"
)

// Bounds of a scenario.
const (
	maxTitle     = 120 // characters
	maxAbout     = 1000
	maxWhen      = 10
	maxKey       = 64
	maxVariables = 30
	maxValues    = 50 // of a variable
	maxWords     = 80 // characters of a value's words
	maxAllow     = 20
	maxSubject   = 300
	maxBody      = 20000
	maxScenario  = 256 << 10 // bytes of all texts
	maxUpdates   = 200
	longest      = 24 * time.Hour
)

// live are what the board can say of a variable, by type.
var live = map[VarType][]string{
	Number:   {"viewers", "viewers_hit", "error_rate", "minutes_since"},
	About:    {"viewers", "viewers_hit", "minutes_since"},
	Operator: {"isp"},
	Time:     {"next_by", "began"},
}

// Live are what the board can say of a variable of a type: values of Variable.Live.
func Live(t VarType) []string { return slices.Clone(live[t]) }

// checker collects what is wrong: what cannot be kept, and what is not complete.
type checker struct {
	s    *Scenario
	errs []error
	// whole also looks for what a draft may still lack.
	whole bool
	used  map[string]bool // variables that some text names
}

func (c *checker) bad(key, format string, args ...any) {
	c.errs = append(c.errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
}

// lacks is bad of what a draft may lack.
func (c *checker) lacks(key, format string, args ...any) {
	if c.whole {
		c.bad(key, format, args...)
	}
}

// text checks that what people read is short and can be shown; lines may break where told.
func (c *checker) text(key, s string, longest int, lines bool) {
	switch {
	case utf8.RuneCountInString(s) > longest:
		c.bad(key, "is longer than %d characters", longest)
	case !shown(s, lines):
		c.bad(key, "has characters that cannot be shown, or that nobody sees")
	}
}

// shown allows spaces that do not break, which French is full of, and what emojis are joined with.
func shown(s string, lines bool) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) && !(lines && r == '\n') && r != '\u200d'
	})
}

func (c *checker) few(key string, n, most int) bool {
	if n > most {
		c.bad(key, "has %d entries, %d are allowed", n, most)
	}
	return n <= most
}

func (c *checker) words(key string, w Words, longest int, must bool) {
	for _, language := range slices.Sorted(maps.Keys(w)) {
		at := key + "." + language
		if !known(language) {
			c.bad(at, "%.40q is no language of messages: %s", language, unknown(language, languages))
			continue
		}
		c.text(at, w[language], longest, false)
	}
	for _, language := range c.s.Languages() {
		if must && w[language] == "" {
			c.lacks(key+"."+language, "is missing")
		}
	}
}

// ParseID reads the id of a scenario, of a segment or of a match: 1 to 64 of a-z, 0-9 and '-'.
func ParseID(id string) error { return match.ParseID(id) }

// Check says everything that is wrong with a scenario, each a *match.Problem: what cannot be kept at all, and what is
// not complete.
func (s *Scenario) Check() error { return errors.Join(s.problems(true)...) }

// CheckDraft says what cannot be kept at all: ids, bounds, characters, braces.
func (s *Scenario) CheckDraft() error { return errors.Join(s.problems(false)...) }

// CheckStep says what is wrong for one of its messages: Check without what is said of the other steps' texts, and of
// variables that this step does not use.
func (s *Scenario) CheckStep(step Step) error {
	if len(s.Messages[step].said()) == 0 {
		return &match.Problem{Key: "messages." + string(step), Text: "is missing"}
	}
	used := s.Uses(step)
	var errs []error
	for _, err := range s.problems(true) {
		p, ok := errors.AsType[*match.Problem](err)
		if part := strings.Split(p.Key, "."); ok && len(part) > 1 {
			name, _, _ := strings.Cut(part[1], "[")
			if part[0] == "messages" && len(part) > 2 && part[1] != string(step) || part[0] == "variables" && !slices.Contains(used, name) {
				continue
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Scenario) problems(whole bool) []error {
	c := &checker{s: s, whole: whole, used: map[string]bool{}}
	for _, step := range Steps() {
		for _, name := range s.Uses(step) {
			c.used[name] = true
		}
	}
	if err := match.ParseID(s.ID); err != nil {
		c.bad("id", "%v: the file's name is the scenario's id", err)
	}
	c.words("title", s.Title, maxTitle, false)
	if len(s.Languages()) == 0 {
		c.lacks("title", "is missing: the scenario's languages are those of its title")
	}
	c.words("about", s.About, maxAbout, false)
	if c.few("when", len(s.When), maxWhen) {
		for _, name := range slices.Sorted(maps.Keys(s.When)) {
			c.text("when."+name, name, maxKey, false)
			c.text("when."+name, s.When[name], 256, false)
			if s.When[name] == "" {
				c.bad("when."+name, "is empty: * is any value")
			}
		}
	}
	c.id("runbook", s.Runbook)
	c.id("audience", s.Audience)
	c.timing()
	if c.few("variables", len(s.Variables), maxVariables) {
		for _, name := range slices.Sorted(maps.Keys(s.Variables)) {
			c.variable(name, s.Variables[name])
		}
	}
	c.messages()
	return c.errs
}

func (c *checker) id(key, id string) {
	if err := match.ParseID(id); id != "" && err != nil {
		c.bad(key, "%v", err)
	}
}

func (c *checker) timing() {
	t := c.s.Timing
	if t.Initial < 0 || t.Initial > longest {
		c.bad("timing.initial", "%s is not between 0s and %s", t.Initial, longest)
	}
	if t.Every != 0 && (t.Every < time.Minute || t.Every > longest) {
		c.bad("timing.every", "%s is not between 1m and %s", t.Every, longest)
	}
	if t.Most < 0 || t.Most > maxUpdates {
		c.bad("timing.most", "%d is not between 0 and %d", t.Most, maxUpdates)
	}
}

func (c *checker) variable(name string, v *Variable) {
	key := "variables." + name
	if !validName(name) {
		c.bad(key, "%.40q is no name: 1 to %d of a-z, 0-9 and _ after a letter", name, maxVariable)
		return
	}
	if v == nil {
		c.bad(key, "is empty: it needs a type")
		return
	}
	if !slices.Contains(VarTypes(), v.Type) {
		c.bad(key+".type", "%.40q is no type: %s", string(v.Type), unknown(string(v.Type), typeNames()))
		return
	}
	c.words(key+".label", v.Label, maxTitle, true)
	c.choices(key, v)
	c.few(key+".allow", len(v.Allow), maxAllow)
	for i, prefix := range v.Allow {
		if why := badPrefix(prefix); why != "" {
			c.bad(fmt.Sprintf("%s.allow[%d]", key, i), "%.80q %s", prefix, why)
		}
	}
	if len(v.Allow) > 0 && v.Type != URL {
		c.bad(key+".allow", "is for addresses alone: the type is %s", v.Type)
	}
	if v.Live != "" && !slices.Contains(live[v.Type], v.Live) {
		c.bad(key+".live", "the board says no %.40q of a %s: %s", v.Live, v.Type, unknown(v.Live, live[v.Type]))
	}
	c.bounds(key, v)
	c.preset(key, v)
	if !c.used[name] {
		c.lacks(key, "is used in no text")
	}
}

func typeNames() []string {
	all := make([]string, 0, len(VarTypes()))
	for _, t := range VarTypes() {
		all = append(all, string(t))
	}
	return all
}

func (c *checker) choices(key string, v *Variable) {
	choice := slices.Contains([]VarType{Service, Competition, Operator, Place}, v.Type)
	switch {
	case len(v.Values) > 0 && !choice:
		c.bad(key+".values", "are nothing that a %s has", v.Type)
	case len(v.Values) == 0 && (v.Type == Service || v.Type == Place):
		c.lacks(key+".values", "are missing: a %s is one of them", v.Type)
	}
	c.few(key+".values", len(v.Values), maxValues)
	for i, value := range v.Values {
		at := fmt.Sprintf("%s.values[%d]", key, i)
		if err := match.ParseID(value.ID); err != nil {
			c.bad(at+".id", "%v", err)
		}
		if slices.IndexFunc(v.Values, func(other Choice) bool { return other.ID == value.ID }) < i {
			c.bad(at+".id", "%q is there twice", value.ID)
		}
		c.words(at+".words", value.Words, maxWords, true)
		for _, language := range slices.Sorted(maps.Keys(value.Words)) {
			if words := value.Words[language]; strings.ContainsAny(words, "{}") || len(links(words)) > 0 {
				c.bad(at+".words."+language, "has a brace or an address in it")
			}
		}
	}
}

func (c *checker) bounds(key string, v *Variable) {
	limit := map[VarType]float64{Number: maxNumber, About: maxNumber, Duration: maxMinutes, URL: maxURL, Operator: 200, Competition: 200}[v.Type]
	sized := v.Type == Number || v.Type == About || v.Type == Duration
	switch {
	case !(v.Most >= 0) || v.Most > limit:
		c.bad(key+".most", "%s is not between 0 and %s for a %s", plain(v.Most), plain(limit), v.Type)
	case !(v.Least >= 0) || v.Least > limit || v.Least > 0 && !sized:
		c.bad(key+".least", "%s is nothing that a %s has", plain(v.Least), v.Type)
	case v.Most > 0 && v.Least > v.Most:
		c.bad(key+".least", "%s is more than most", plain(v.Least))
	}
}

// preset checks a default as Render will read it.
func (c *checker) preset(key string, v *Variable) {
	if v.Default == "" {
		return
	}
	if v.Type == Time && strings.HasPrefix(v.Default, "+") {
		if d, err := time.ParseDuration(v.Default[1:]); err != nil || d < 0 || d > longest {
			c.bad(key+".default", "%.40q is no time from now, such as +20m, of at most %s", v.Default, longest)
		}
		return
	}
	in := &Input{}
	for _, language := range c.s.Languages() {
		_, err := voiceOf(channel.Status, language, in).say(v, v.Default)
		if v.Type == URL && len(v.Allow) == 0 && len(links(v.Default)) == 1 {
			err = nil // the house's list is not known here: Lint knows it
		}
		if err != nil {
			c.lacks(key+".default", "%v", err)
			return
		}
	}
}
