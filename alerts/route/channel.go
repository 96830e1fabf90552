package route

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/alerts/notice"
	"vigie/internal/match"
	"vigie/internal/provider"
)

// Secret is a text that nobody may read in a log or an answer: it prints as …, after its scheme and host
// where it is an address.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	if u, err := url.Parse(string(s)); err == nil && u.Scheme != "" && u.Host != "" {
		return u.Scheme + "://" + u.Host + "/…"
	}
	return "…"
}

// GoString keeps it out of %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalJSON keeps it out of answers.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML keeps it out of files.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue keeps it out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Type is how a channel speaks.
type Type string

const (
	Email        Type = "email"
	Webhook      Type = "webhook"
	Slack        Type = "slack"
	Teams        Type = "teams"
	PagerDuty    Type = "pagerduty"
	SMS          Type = "sms"
	Alertmanager Type = "alertmanager"
)

// Channel is a way to say things. Which of its settings a type has is in the table allowed.
type Channel struct {
	ID         string            `yaml:"id"`
	Type       Type              `yaml:"type"`
	URL        Secret            `yaml:"url"`
	URLEnv     string            `yaml:"url_env"`  // name of the variable that holds it
	URLFile    string            `yaml:"url_file"` // file that holds it
	URLs       []Secret          `yaml:"urls"`     // alertmanager: each of a cluster
	User       string            `yaml:"user"`     // email, alertmanager; sms of ovh: the consumer key
	SecretEnv  string            `yaml:"secret_env"`
	SecretFile string            `yaml:"secret_file"`
	From       string            `yaml:"from"`     // email: address; sms: number or name of the sender
	To         string            `yaml:"to"`       // where it goes when nobody says so
	Provider   string            `yaml:"provider"` // sms: generic, twilio, ovh; empty: generic
	Account    string            `yaml:"account"`  // sms: twilio's account, ovh's application key
	Service    string            `yaml:"service"`  // sms: ovh's service, twilio's messaging service
	Host       string            `yaml:"host"`     // email
	Port       int               `yaml:"port"`     // email; 0: 587, with tls 465
	TLS        string            `yaml:"tls"`      // email: starttls, tls, none; empty: starttls
	Headers    map[string]Secret `yaml:"headers"`
	Template   string            `yaml:"template"`
	Language   string            `yaml:"language"` // of what is told to the channel itself; empty: the policy's
	Next       string            `yaml:"next"`     // the channel to use when this one fails
	Throttle   Throttle          `yaml:"throttle"`
	Timeout    Duration          `yaml:"timeout"` // of one try; 0: 10s

	// Of a gateway for SMS that is none of those known: what is sent, as {to} {text} {from} {id} {user} {secret} say.
	Method   string            `yaml:"method"`   // POST, GET; empty: POST, or GET without fields
	Format   string            `yaml:"format"`   // of the body: json, form; empty: json
	Fields   map[string]string `yaml:"fields"`   // of the body, by name
	Auth     string            `yaml:"auth"`     // basic (user and secret), bearer (secret); empty: none
	Accepted string            `yaml:"accepted"` // what an answer has in it when the message was taken; empty: any 2xx is enough
	Validity Duration          `yaml:"validity"` // sms: what could not be delivered for so long is dropped; 0: 15m

	// Filled in by FillSecrets.
	Endpoint Secret `yaml:"-" json:"-"` // URL, wherever it was kept
	Secret   Secret `yaml:"-" json:"-"`
}

// Throttle is how much a channel says at most; a zero one is none.
type Throttle struct {
	Most int      `yaml:"most"`
	Per  Duration `yaml:"per"`
}

// needsTo tells whether it reaches nobody without a destination.
func (c *Channel) needsTo() bool { return c.Type == Email || c.Type == SMS }

// allowed are the settings of each type, beside those that all have.
var allowed = map[Type][]string{
	Email:        {"host", "port", "tls", "user", "secret_env", "secret_file", "from", "to"},
	Webhook:      {"url", "url_env", "url_file", "headers", "secret_env", "secret_file", "to"},
	Slack:        {"url", "url_env", "url_file", "to"},
	Teams:        {"url", "url_env", "url_file", "to"},
	PagerDuty:    {"url", "url_env", "url_file", "secret_env", "secret_file", "service", "to"},
	SMS:          {"provider", "url", "url_env", "url_file", "headers", "user", "secret_env", "secret_file", "account", "service", "from", "to", "method", "format", "fields", "auth", "accepted", "validity"},
	Alertmanager: {"url", "url_env", "url_file", "urls", "headers", "user", "secret_env", "secret_file", "to"},
}

var types = []Type{Email, Webhook, Slack, Teams, PagerDuty, SMS, Alertmanager}

const (
	maxTo      = 320 // an address is no longer
	maxSecret  = 4096
	maxHeaders = 20
)

// set lists the settings that a channel has and some types have not.
func (c *Channel) set() map[string]bool {
	return map[string]bool{
		"url": c.URL != "", "url_env": c.URLEnv != "", "url_file": c.URLFile != "", "urls": len(c.URLs) > 0, "user": c.User != "",
		"secret_env": c.SecretEnv != "", "secret_file": c.SecretFile != "", "from": c.From != "", "to": c.To != "", "provider": c.Provider != "",
		"account": c.Account != "", "service": c.Service != "", "host": c.Host != "", "port": c.Port != 0, "tls": c.TLS != "", "headers": len(c.Headers) > 0,
		"method": c.Method != "", "format": c.Format != "", "fields": len(c.Fields) > 0, "auth": c.Auth != "", "accepted": c.Accepted != "", "validity": c.Validity != 0,
	}
}

func (c *Channel) check(k *checker, key string) {
	mine, known := allowed[c.Type]
	if !known {
		k.bad(key+"type", "%.40q is none of %s", c.Type, join(types))
		return
	}
	set := c.set()
	for _, name := range sorted(set) {
		if set[name] && !slices.Contains(mine, name) {
			k.bad(key+name, "is nothing that a channel of type %s has", c.Type)
		}
	}
	one := func(what string, names ...string) int {
		n := 0
		for _, name := range names {
			if set[name] {
				if n++; n == 2 {
					k.bad(key+name, "is one %s too many: give one of %s", what, strings.Join(names, ", "))
				}
			}
		}
		return n
	}
	urls := one("address", "url", "url_env", "url_file", "urls")
	secrets := one("secret", "secret_env", "secret_file")
	need := func(name string, has bool, what string) {
		if !has {
			k.bad(key+name, "is missing: %s", what)
		}
	}
	if c.URL != "" {
		k.problem(key+"url", c.checkURL(c.URL))
	}
	k.few(key+"urls", len(c.URLs), 10)
	for i, u := range c.URLs {
		k.problem(fmt.Sprintf("%surls[%d]", key, i), c.checkURL(u))
	}
	checkVariable(k, key+"url_env", c.URLEnv)
	checkVariable(k, key+"secret_env", c.SecretEnv)
	k.text(key+"url_file", c.URLFile, maxText, false)
	k.text(key+"secret_file", c.SecretFile, maxText, false)
	k.text(key+"user", c.User, maxText, false)
	k.text(key+"from", c.From, maxTo, false)
	k.text(key+"account", c.Account, maxText, false)
	k.text(key+"service", c.Service, maxText, false)
	k.few(key+"headers", len(c.Headers), maxHeaders)
	k.few(key+"fields", len(c.Fields), maxHeaders)
	for _, name := range sorted(c.Fields) {
		k.text(key+"fields."+name, c.Fields[name], maxText, false)
	}
	for _, s := range [][2]string{{"method", c.Method}, {"format", c.Format}, {"auth", c.Auth}, {"accepted", c.Accepted}} {
		k.text(key+s[0], s[1], maxName, false) // what they may be is the channel's to say
	}
	if c.Validity != 0 {
		k.within(key+"validity", c.Validity, time.Second, 3*24*time.Hour)
	}
	for _, name := range sorted(c.Headers) {
		value := string(c.Headers[name])
		if !headerName(name) || len(name) > 100 {
			k.bad(key+"headers", "%.40q is no name of a header", name)
		}
		if len(value) > maxSecret || !printable(value) {
			k.bad(key+"headers", "the value of %.40q is too long or cannot be sent", name)
		}
	}
	if c.Template != "" {
		if _, err := notice.Compile(cut(c.ID, 64), c.Template); err != nil {
			k.bad(key+"template", "%s", provider.Line(err.Error(), maxText))
		}
	}
	switch c.Type {
	case Email:
		need("host", c.Host != "", "the mail server, as smtp.example.com")
		if c.Host != "" && (len(c.Host) > 253 || strings.ContainsAny(c.Host, " /:@\x00\n\r\t")) && !strings.HasPrefix(c.Host, "[") && strings.Count(c.Host, ":") < 2 {
			k.bad(key+"host", "%.60q is no name of a server: its port goes to port", c.Host)
		}
		if !slices.Contains([]string{"", "starttls", "tls", "none"}, c.TLS) {
			k.bad(key+"tls", "%.40q is none of starttls, tls, none", c.TLS)
		}
		if c.TLS == "" {
			c.TLS = "starttls"
		}
		if c.Port < 0 || c.Port > 65535 {
			k.bad(key+"port", "%d is not between 1 and 65535", c.Port)
		}
		if c.Port == 0 {
			if c.Port = 587; c.TLS == "tls" {
				c.Port = 465
			}
		}
		need("from", c.From != "", "the address that mails come from")
		if c.From != "" {
			k.problem(key+"from", checkAddress(c.From))
		}
		if c.User != "" {
			need("secret_env", secrets > 0, "the variable, or with secret_file the file, that holds the password of "+cut(c.User, 40))
		}
	case Webhook, Slack, Teams:
		need("url", urls > 0, "url, url_env or url_file says where to send")
	case Alertmanager:
		need("urls", urls > 0, "url, urls, url_env or url_file says where Alertmanager is")
	case PagerDuty:
		need("secret_env", secrets > 0, "the variable, or with secret_file the file, that holds the routing key")
	case SMS:
		if c.Provider == "" {
			c.Provider = "generic"
		}
		switch c.Provider {
		case "generic":
			need("url", urls > 0, "url, url_env or url_file says where the gateway is")
		case "twilio":
			need("account", c.Account != "", "the account's SID")
			need("secret_env", secrets > 0, "the variable, or with secret_file the file, that holds the token")
			need("from", c.From != "" || c.Service != "", "a number, or service: the messaging service's SID")
		case "ovh":
			need("account", c.Account != "", "the application key")
			need("user", c.User != "", "the consumer key")
			need("service", c.Service != "", "the name of the service, as sms-ab12345-1")
			need("secret_env", secrets > 0, "the variable, or with secret_file the file, that holds the application secret")
		default:
			k.bad(key+"provider", "%.40q is none of generic, twilio, ovh", c.Provider)
		}
	}
	if c.To != "" {
		c.To = c.checkTo(k, key+"to", c.To)
	}
	if c.Throttle != (Throttle{}) {
		if c.Throttle.Most < 1 || c.Throttle.Most > 10000 {
			k.bad(key+"throttle.most", "%d is not between 1 and 10000", c.Throttle.Most)
		}
		k.within(key+"throttle.per", c.Throttle.Per, time.Second, 24*time.Hour)
	}
	if c.Timeout == 0 {
		c.Timeout = Duration(10 * time.Second)
	}
	k.within(key+"timeout", c.Timeout, time.Second, time.Minute)
	k.language(key+"language", c.Language)
}

// checkTo says what is wrong with a destination, and is it as the channel wants it.
func (c *Channel) checkTo(k *checker, key, to string) string {
	switch c.Type {
	case Email:
		k.problem(key, checkAddress(to))
	case SMS:
		number := match.Dial(to)
		if number == "" {
			k.bad(key, "%.40q cannot be dialled: write it as \"+33612345678\", with its country and in quotes", to)
			return to
		}
		return number
	default:
		k.text(key, to, maxTo, false)
	}
	return to
}

func checkAddress(s string) string {
	if _, err := mail.ParseAddress(s); err != nil || len(s) > maxTo || !printable(s) {
		return fmt.Sprintf("%.60q is no address of a mailbox", s)
	}
	return ""
}

// checkURL says what is wrong with an address, without saying it: it may be a secret.
func (c *Channel) checkURL(s Secret) string {
	plain := c.Type == Alertmanager || c.Type == Webhook || c.Type == SMS // whose secrets are elsewhere
	if err := provider.CheckURL("url", string(s), plain); err != nil {
		return strings.TrimPrefix(err.Error(), "url: ")
	}
	if u, err := url.Parse(string(s)); err != nil || u.User != nil || !printable(string(s)) {
		return "has a user or a password in it: use user and secret_env, or headers"
	}
	return ""
}

func checkVariable(k *checker, key, name string) {
	if len(name) > 100 || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		k.bad(key, "%.40q is no name of a variable", name)
	}
}

func headerName(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// FillSecrets asks get for what the file only names, by variable or by file, and fills in Endpoint and
// Secret of each channel. What is wrong is a match.Problem each; none says a secret. Call it after Check.
func (p *Policy) FillSecrets(get func(env, file string) (string, error)) error {
	k := &checker{}
	ask := func(key, env, file string) string {
		if key += "env"; env == "" {
			key = strings.TrimSuffix(key, "env") + "file"
		}
		text, err := get(env, file)
		text = strings.TrimSpace(text)
		switch {
		case err != nil:
			k.bad(key, "%v", err)
		case text == "":
			k.bad(key, "is empty")
		case len(text) > maxSecret:
			k.bad(key, "is longer than %d bytes", maxSecret)
		case !printable(text):
			k.bad(key, "has characters that cannot be sent")
		default:
			return text
		}
		return ""
	}
	for i := range p.Channels {
		c, key := &p.Channels[i], fmt.Sprintf("channels[%d].", i)
		c.Endpoint = c.URL
		if c.URLEnv != "" || c.URLFile != "" {
			text := ask(key+"url_", c.URLEnv, c.URLFile)
			if text != "" {
				name := "url_file"
				if c.URLEnv != "" {
					name = "url_env"
				}
				k.problem(key+name, c.checkURL(Secret(text)))
			}
			c.Endpoint = Secret(text)
		}
		if c.SecretEnv != "" || c.SecretFile != "" {
			c.Secret = Secret(ask(key+"secret_", c.SecretEnv, c.SecretFile))
		}
	}
	return k.err()
}
