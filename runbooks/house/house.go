// Package house is what a team's file says of how it can tell viewers: the accounts that it has with channels, those of
// exercises apart, what a message may hold, its status page, and where its contacts' systems are.
//
// Check says everything that is wrong with it, each by its key. Exercises have accounts of their own, with credentials
// of their own: an account of theirs that would reach what is real is refused. Reading the file is package app's, as is
// making channels of accounts.
package house

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/match"
	"vigie/internal/provider"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/message"
	"vigie/runbooks/statuspage"
)

// House is messages/house.yaml.
type House struct {
	Languages []string `yaml:"languages"` // the first is who speaks none of them is told in; empty: fr, en
	Country   string   `yaml:"country"`   // calling code of numbers that are written as within it: "33"; "": they are refused
	Links     []string `yaml:"links"`     // what addresses in messages begin with: https://aide.tele.example/
	Unsaid    []string `yaml:"unsaid"`    // names that the public is not told: partners, systems
	Currency  string   `yaml:"currency"`  // "": €
	Cap       int      `yaml:"cap"`       // first messages to one person in a match; 0: 3
	// Contacts and Lists are for how long they are kept: 0: 90 and 30 days.
	Contacts int `yaml:"contacts_days"`
	Lists    int `yaml:"lists_days"`

	Channels []Account         `yaml:"channels"` // of what is real
	Drill    []Account         `yaml:"drill"`    // of exercises
	Status   statuspage.Config `yaml:"status"`
	Mapping  *Mapping          `yaml:"mapping"`  // the system that tells which viewer is which contact; null: by import
	Runbooks Runbooks          `yaml:"runbooks"` // what automatic steps may call
}

// Runbooks is what automatic steps may call.
type Runbooks struct {
	Calls []Callable `yaml:"calls"`
}

// Callable is what may be called, and how a call signs in.
type Callable struct {
	URL        string `yaml:"url"`    // what addresses begin with: https://steering.tv.example/
	Header     string `yaml:"header"` // that has the secret: Authorization
	SecretEnv  string `yaml:"secret_env"`
	SecretFile string `yaml:"secret_file"`

	Secret string `yaml:"-"`
}

// Mapping is the broadcaster's own system.
type Mapping struct {
	audience.MappingConfig `yaml:",inline"`
	SecretEnv              string `yaml:"secret_env"`
	SecretFile             string `yaml:"secret_file"`
}

// Account is one with a channel. Which settings a kind has is in the table allowed.
type Account struct {
	ID       string        `yaml:"id"`
	Kind     channel.Kind  `yaml:"kind"`
	Name     string        `yaml:"name"`     // as people call it; "": ID
	Rate     float64       `yaml:"rate"`     // recipients a second that the provider takes; 0: as it goes
	Price    float64       `yaml:"price"`    // of an SMS segment, a mail
	Valid    time.Duration `yaml:"valid"`    // nobody is told later; 0: 1h; sms: also how long the operator tries, at most 10h
	Parallel int           `yaml:"parallel"` // calls at a time by a process; 0: 16, mails: 4
	Timeout  time.Duration `yaml:"timeout"`  // of one call; 0: 20s; at most 25s

	URL        string `yaml:"url"`
	URLEnv     string `yaml:"url_env"` // the variable that holds it
	User       string `yaml:"user"`    // email; sms: as the provider means it; bluesky: the handle; x: the app's client id
	SecretEnv  string `yaml:"secret_env"`
	SecretFile string `yaml:"secret_file"`
	From       string `yaml:"from"`     // email: address; sms: number or name
	ReplyTo    string `yaml:"reply_to"` // email
	Host       string `yaml:"host"`     // email
	Port       int    `yaml:"port"`     // email; 0: 587, with tls 465
	TLS        string `yaml:"tls"`      // email: starttls, tls, none; "": starttls

	Provider string            `yaml:"provider"` // sms: generic, twilio, ovh
	Account  string            `yaml:"account"`  // sms: twilio's account, ovh's application key
	Service  string            `yaml:"service"`  // sms: ovh's service, twilio's messaging service
	Method   string            `yaml:"method"`   // sms, generic: as in alerts' channels
	Format   string            `yaml:"format"`
	Fields   map[string]string `yaml:"fields"`
	Headers  map[string]string `yaml:"headers"` // generic, webhook
	Auth     string            `yaml:"auth"`
	Accepted string            `yaml:"accepted"`
	Answer   string            `yaml:"answer"`   // where a JSON answer has the provider's id
	Receipts *Receipts         `yaml:"receipts"` // sms: what the provider tells later

	Limit      int    `yaml:"limit"`       // mastodon: characters that the server takes; 0: 500
	Visibility string `yaml:"visibility"`  // mastodon: public, unlisted; "": public
	RefreshEnv string `yaml:"refresh_env"` // x: the variable that holds the first refresh token

	Endpoint string `yaml:"-"` // URL, wherever it was kept
	Secret   string `yaml:"-"`
	Refresh  string `yaml:"-"`
}

// Receipts is how a provider of short messages tells what became of them.
type Receipts struct {
	SecretEnv  string   `yaml:"secret_env"`
	SecretFile string   `yaml:"secret_file"`
	Header     string   `yaml:"header"`
	List       string   `yaml:"list"`
	Message    string   `yaml:"message"`
	Receipt    string   `yaml:"receipt"`
	State      string   `yaml:"state"`
	Time       string   `yaml:"time"`
	Text       string   `yaml:"text"`
	Delivered  []string `yaml:"delivered"`
	Failed     []string `yaml:"failed"`

	Secret string `yaml:"-"`
}

// allowed are the settings of each kind, beside those that all have.
var allowed = map[channel.Kind][]string{
	channel.Status:   {},
	channel.Banner:   {},
	channel.Email:    {"host", "port", "tls", "user", "secret", "from", "reply_to"},
	channel.SMS:      {"provider", "url", "user", "secret", "from", "account", "service", "method", "format", "fields", "headers", "auth", "accepted", "answer", "receipts"},
	channel.Mastodon: {"url", "secret", "limit", "visibility"},
	channel.Bluesky:  {"url", "user", "secret"},
	channel.X:        {"url", "user", "secret", "refresh_env"},
	channel.Webhook:  {"url", "secret", "headers"},
}

func (a *Account) set() map[string]bool {
	return map[string]bool{
		"url": a.URL != "" || a.URLEnv != "", "user": a.User != "", "secret": a.SecretEnv != "" || a.SecretFile != "", "from": a.From != "", "reply_to": a.ReplyTo != "",
		"host": a.Host != "", "port": a.Port != 0, "tls": a.TLS != "", "provider": a.Provider != "", "account": a.Account != "", "service": a.Service != "",
		"method": a.Method != "", "format": a.Format != "", "fields": len(a.Fields) > 0, "headers": len(a.Headers) > 0, "auth": a.Auth != "", "accepted": a.Accepted != "",
		"answer": a.Answer != "", "receipts": a.Receipts != nil, "limit": a.Limit != 0, "visibility": a.Visibility != "", "refresh_env": a.RefreshEnv != "",
	}
}

const (
	maxAccounts = 40
	maxListed   = 200
	maxText     = 200 // characters of one of them
	maxSecret   = 4096
)

var (
	language = regexp.MustCompile(`^[a-z]{2}$`)
	country  = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
)

// Check says everything that is wrong, each a *match.Problem, and fills in what is left to usage.
func (h *House) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	if len(h.Languages) == 0 {
		h.Languages = []string{"fr", "en"}
	}
	for i, l := range h.Languages {
		if !language.MatchString(l) || slices.Index(h.Languages, l) != i {
			bad(fmt.Sprintf("languages[%d]", i), "%.20q is not a language's code of two letters, or is there twice", l)
		}
	}
	if len(h.Languages) > 6 {
		bad("languages", "more than 6: each message needs a text in each")
	}
	if h.Country != "" && !country.MatchString(h.Country) {
		bad("country", `%.20q is not a calling code, as "33"`, h.Country)
	}
	if h.Currency == "" {
		h.Currency = "€"
	}
	if utf8.RuneCountInString(h.Currency) > 4 {
		bad("currency", "is longer than 4 characters")
	}
	if h.Cap < 0 || h.Cap > 100 {
		bad("cap", "%d is not between 1 and 100; 0 is 3", h.Cap)
	}
	for key, days := range map[string]int{"contacts_days": h.Contacts, "lists_days": h.Lists} {
		if days < 0 || days > 1100 {
			bad(key, "%d is not between 1 and 1100", days)
		}
	}
	for i, l := range h.Links {
		if err := provider.CheckURL("", l, false); err != nil {
			bad(fmt.Sprintf("links[%d]", i), "is not what an address begins with, as https://aide.tele.example/")
		}
	}
	for i, l := range h.Runbooks.Calls {
		key := fmt.Sprintf("runbooks.calls[%d]", i)
		u, err := url.Parse(l.URL)
		if err := errors.Join(err, provider.CheckURL("", l.URL, false)); err != nil || u.Path == "" {
			bad(key+".url", "is not what an address begins with, as https://steering.tv.example/: with a path, so that no other host begins with it")
		}
		if (l.Header == "") != (l.SecretEnv == "" && l.SecretFile == "") {
			bad(key+".header", "header and secret_env (or secret_file) go together")
		}
		if err := provider.CheckHeaders("header", map[string]string{cmp.Or(l.Header, "X"): ""}); err != nil {
			bad(key+".header", "is no header's name")
		}
	}
	for i, name := range h.Unsaid {
		if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxText {
			bad(fmt.Sprintf("unsaid[%d]", i), "is empty, or longer than %d characters", maxText)
		}
	}
	for _, l := range []struct {
		key string
		n   int
	}{{"links", len(h.Links)}, {"unsaid", len(h.Unsaid)}, {"runbooks.calls", len(h.Runbooks.Calls)}} {
		if l.n > maxListed {
			bad(l.key, "has more than %d", maxListed)
		}
	}
	for _, list := range []struct {
		key string
		all []Account
	}{{"channels", h.Channels}, {"drill", h.Drill}} {
		if len(list.all) > maxAccounts {
			bad(list.key, "has more than %d", maxAccounts)
			continue
		}
		seen, one := map[string]bool{}, map[channel.Kind]bool{}
		for i := range list.all {
			a, key := &list.all[i], fmt.Sprintf("%s[%d].", list.key, i)
			a.check(func(name, format string, args ...any) { bad(key+name, format, args...) })
			if seen[a.ID] {
				bad(key+"id", "%q is there twice", a.ID)
			}
			if (a.Kind == channel.Status || a.Kind == channel.Banner) && one[a.Kind] {
				bad(key+"kind", "there is one %s", a.Kind)
			}
			seen[a.ID], one[a.Kind] = true, true
		}
	}
	if h.Mapping != nil {
		if (h.Mapping.SecretEnv == "") == (h.Mapping.SecretFile == "") {
			bad("mapping", "needs secret_env or secret_file, and not both: requests are signed")
		}
	}
	if h.Has(channel.Status) || h.Has(channel.Banner) {
		if err := h.Status.Check(); err != nil {
			for _, err := range joined(err) {
				if p, ok := errors.AsType[*match.Problem](err); ok {
					bad("status."+p.Key, "%s", p.Text)
				} else {
					bad("status", "%v", err)
				}
			}
		}
	}
	return errors.Join(errs...)
}

func joined(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	return []error{err}
}

// Has tells whether there is an account of a kind, for what is real.
func (h *House) Has(k channel.Kind) bool {
	return slices.ContainsFunc(h.Channels, func(a Account) bool { return a.Kind == k })
}

func (a *Account) check(bad func(name, format string, args ...any)) {
	if match.ParseID(a.ID) != nil {
		bad("id", "%.60q is not 1 to 64 of a-z, 0-9 and -", a.ID)
	}
	mine, known := allowed[a.Kind]
	if !known {
		bad("kind", "%.40q is none of %v", a.Kind, channel.Kinds())
		return
	}
	for name, is := range a.set() {
		if is && !slices.Contains(mine, name) {
			bad(name, "is no setting of %s: it has %s", a.Kind, strings.Join(mine, ", "))
		}
	}
	if a.Name == "" {
		a.Name = a.ID
	}
	if utf8.RuneCountInString(a.Name) > 60 || strings.ContainsFunc(a.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		bad("name", "is longer than 60 characters, or cannot be shown")
	}
	if a.Rate != 0 && !(a.Rate >= 0.01 && a.Rate <= 1e5) { // also of what is no number
		bad("rate", "%v is not between 0.01 and 100000 a second; 0: as fast as it goes", a.Rate)
	}
	if !(a.Price >= 0 && a.Price <= 100) {
		bad("price", "%v is not between 0 and 100", a.Price)
	}
	if a.Valid != 0 && (a.Valid < time.Minute || a.Valid > 10*time.Hour) {
		bad("valid", "%s is not between 1m and 10h", a.Valid)
	}
	if a.Parallel < 0 || a.Parallel > 100 {
		bad("parallel", "%d is not between 1 and 100", a.Parallel)
	}
	if a.Timeout != 0 && (a.Timeout < time.Second || a.Timeout > 25*time.Second) {
		bad("timeout", "%s is not between 1s and 25s", a.Timeout)
	}
	if a.SecretEnv != "" && a.SecretFile != "" {
		bad("secret_file", "secret_env is there too: keep one")
	}
	if a.URL != "" && a.URLEnv != "" {
		bad("url_env", "url is there too: keep one")
	}
	if a.Limit != 0 && (a.Limit < 100 || a.Limit > 100_000) {
		bad("limit", "%d is not between 100 and 100000", a.Limit)
	}
}

// Fill asks get for what the file only names, by variable or by file. What is wrong is a *match.Problem each; none
// says a secret. Call it after Check.
func (h *House) Fill(get func(env, file string) (string, error)) error {
	var errs []error
	ask := func(key string, to *string, env, file string) {
		if env == "" && file == "" {
			return
		}
		text, err := get(env, file)
		text = strings.TrimSpace(text)
		switch {
		case err != nil:
			errs = append(errs, &match.Problem{Key: key, Text: err.Error()})
		case text == "" || len(text) > maxSecret || strings.ContainsFunc(text, unicode.IsControl):
			errs = append(errs, &match.Problem{Key: key, Text: "is empty, longer than 4096 bytes, or has characters that cannot be sent"})
		default:
			*to = text
		}
	}
	name := func(env, file string) string {
		if env != "" || file == "" {
			return "_env"
		}
		return "_file"
	}
	for _, list := range []struct {
		key string
		all []Account
	}{{"channels", h.Channels}, {"drill", h.Drill}} {
		for i := range list.all {
			a, key := &list.all[i], fmt.Sprintf("%s[%d].", list.key, i)
			a.Endpoint = a.URL
			ask(key+"url_env", &a.Endpoint, a.URLEnv, "")
			ask(key+"secret"+name(a.SecretEnv, a.SecretFile), &a.Secret, a.SecretEnv, a.SecretFile)
			ask(key+"refresh_env", &a.Refresh, a.RefreshEnv, "")
			if r := a.Receipts; r != nil {
				ask(key+"receipts.secret"+name(r.SecretEnv, r.SecretFile), &r.Secret, r.SecretEnv, r.SecretFile)
			}
		}
	}
	for i := range h.Runbooks.Calls {
		c := &h.Runbooks.Calls[i]
		ask(fmt.Sprintf("runbooks.calls[%d].secret%s", i, name(c.SecretEnv, c.SecretFile)), &c.Secret, c.SecretEnv, c.SecretFile)
	}
	if m := h.Mapping; m != nil {
		ask("mapping.secret"+name(m.SecretEnv, m.SecretFile), &m.Secret, m.SecretEnv, m.SecretFile)
	}
	return errors.Join(append(errs, h.apart()...)...)
}

// apart refuses accounts of exercises that would reach what is real: the same secret is the same account, and so is
// the same address without one.
func (h *House) apart() (errs []error) {
	for i := range h.Drill {
		d := &h.Drill[i]
		if d.Kind == channel.Status || d.Kind == channel.Banner { // the page of exercises is another one
			continue
		}
		for j := range h.Channels {
			l := &h.Channels[j]
			switch {
			case d.Secret != "" && d.Secret == l.Secret, d.Refresh != "" && d.Refresh == l.Refresh:
				errs = append(errs, &match.Problem{Key: fmt.Sprintf("drill[%d]", i), Text: fmt.Sprintf("has the credentials of channels[%d] (%s): an exercise must not be able to reach what is real", j, l.ID)})
			case d.Kind == l.Kind && d.place() == l.place() && d.Secret == l.Secret && d.User == l.User:
				errs = append(errs, &match.Problem{Key: fmt.Sprintf("drill[%d]", i), Text: fmt.Sprintf("goes where channels[%d] (%s) goes, by the same account: an exercise must not be able to reach what is real", j, l.ID)})
			}
		}
	}
	return errs
}

// place is where an account is, however it is written.
func (a *Account) place() string {
	port := a.Port
	if port == 0 && a.Host != "" {
		if port = 587; a.TLS == "tls" {
			port = 465
		}
	}
	return strings.ToLower(fmt.Sprintf("%s %s %d", strings.TrimRight(a.Endpoint, "/"), strings.TrimRight(a.Host, "."), port))
}

// Limits are what messages may hold.
func (h *House) Limits() message.Limits {
	l := message.Limits{House: h.Links, Unsaid: h.Unsaid, Currency: h.Currency}
	for _, a := range h.Channels {
		switch a.Kind {
		case channel.Mastodon:
			if a.Limit > 0 && (l.Mastodon == 0 || a.Limit < l.Mastodon) {
				l.Mastodon = a.Limit
			}
		case channel.SMS:
			if a.Price > l.Price {
				l.Price = a.Price
			}
			if l.Sender == "" {
				l.Sender = a.From
			}
		}
	}
	return l
}
