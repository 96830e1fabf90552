package sms

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/provider"
	"vigie/internal/provider/providertest"
)

const (
	to      = "+33612345678"
	account = "AC0123456789abcdef0123456789abcdef"
	service = "MG0123456789abcdef0123456789abcdef"
	secret  = "0123456789secret0123456789"
)

func answer(status int, format string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, format, args...)
	}
}

const text = "TF1+ : la vidéo s'interrompt chez certains abonnés, nous y travaillons. https://statut.example"

func checkText(got string) error {
	if got != text {
		return fmt.Errorf("%q, want %q", got, text)
	}
	return nil
}

// trying sends text by an account with a provider at url.
func trying(config func(url string) Config) func(url string) (providertest.Try, error) {
	return func(url string) (providertest.Try, error) {
		gateway, err := New(config(url))
		return func(ctx context.Context) (provider.Receipt, error) {
			return gateway.Send(ctx, "said-1", "+33 6 12 34 56 78", text)
		}, err
	}
}

func twilioConfig(url string) Config {
	return Config{Provider: "twilio", URL: url, Account: account, User: "SK0123456789abcdef0123456789abcdef", Secret: secret, Service: service, Callback: "https://vigie.example/receipts/sms"}
}

func TestTwilio(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New:     trying(func(url string) Config { return twilioConfig(url) }),
		Secrets: []string{secret},
		Accept: func(w http.ResponseWriter, r *http.Request, _ []byte) {
			answer(201, `{"sid":"SM1","status":"queued","error_code":null,"error_message":null,"to":"%s"}`, to)(w, r)
		},
		Receipt: "SM1",
		Check: func(r *http.Request, body []byte) error {
			user, password, _ := r.BasicAuth()
			form, err := url.ParseQuery(string(body))
			if err != nil || r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json" || user != "SK0123456789abcdef0123456789abcdef" || password != secret || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
				len(form) != 5 || form.Get("StatusCallback") != "https://vigie.example/receipts/sms?id=said-1" || form.Get("To") != to || form.Get("MessagingServiceSid") != service || form.Get("ValidityPeriod") != "900" {
				return fmt.Errorf("%v %s %v %v", err, r.URL, r.Header, form)
			}
			return checkText(form.Get("Body"))
		},
		Deny:    answer(401, `{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`),
		Unknown: answer(400, `{"code":21211,"message":"Invalid 'To' Phone Number: +3361234XXXX","status":400}`),
		Refuse:  answer(400, `{"code":21606,"message":"The 'From' number is not a valid message-capable number","status":400}`),
	})
}

func TestTwiliosCodes(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   providertest.Outcome
	}{
		{400, `{"code":21614,"status":400}`, providertest.Outcome{Certainty: provider.Permanent, Reason: provider.ReasonUnknown}},
		{400, `{"code":21610,"status":400}`, providertest.Outcome{Certainty: provider.Permanent, Reason: provider.ReasonUnknown}},
		{429, `{"code":20429,"status":429}`, providertest.Outcome{Certainty: provider.Temporary, Reason: provider.ReasonRate}},
		{400, `{"code":21611,"status":400}`, providertest.Outcome{Certainty: provider.Temporary, Reason: provider.ReasonRate}},
		{403, `{"code":20005,"status":403}`, providertest.Outcome{Certainty: provider.Permanent, Reason: provider.ReasonAuth}},
		{201, `{"sid":"SM1","status":"failed","error_code":30003}`, providertest.Outcome{Certainty: provider.Permanent, Reason: provider.ReasonRefused}},
		{201, `{"status":"queued"}`, providertest.Outcome{Certainty: provider.Ambiguous, Reason: provider.ReasonServer}},
	} {
		server := httptest.NewServer(answer(c.status, "%s", c.body))
		gateway, err := New(twilioConfig(server.URL))
		if err != nil {
			t.Fatal(err)
		}
		_, err = gateway.Send(t.Context(), "said-1", to, text)
		if f := provider.Failed(err); f == nil || f.Certainty != c.want.Certainty || f.Reason != c.want.Reason {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
		server.Close()
	}
}

func ovhConfig(url string) Config {
	return Config{Provider: "ovh", URL: url + "/1.0", User: "7kbG7Bk7S9Nt7ZSV", Secret: secret, Consumer: "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1", Service: "sms-ab12345-1"}
}

// ahead is how far the provider's clock is before ours.
const ahead = 40 * time.Minute

func ovhProvider() providertest.Provider {
	return providertest.Provider{
		New:     trying(func(url string) Config { return ovhConfig(url) }),
		Secrets: []string{secret, "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1"},
		Aside: func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/1.0/auth/time" && r.Method == http.MethodGet {
				fmt.Fprint(w, time.Now().Add(ahead).Unix())
				return true
			}
			return false
		},
		Accept: func(w http.ResponseWriter, r *http.Request, _ []byte) {
			answer(200, `{"totalCreditsRemoved":1,"invalidReceivers":[],"ids":[27814656],"validReceivers":["%s"]}`, to)(w, r)
		},
		Receipt: "27814656",
		Check: func(r *http.Request, body []byte) error {
			at, _ := strconv.ParseInt(r.Header.Get("X-Ovh-Timestamp"), 10, 64)
			if d := time.Until(time.Unix(at, 0)) - ahead; d < -time.Minute || d > time.Minute {
				return fmt.Errorf("signed %s away from its clock", d)
			}
			want := signature(secret, "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1", "POST", "http://"+r.Host+"/1.0/sms/sms-ab12345-1/jobs", string(body), r.Header.Get("X-Ovh-Timestamp"))
			if r.Method != http.MethodPost || r.URL.Path != "/1.0/sms/sms-ab12345-1/jobs" || r.Header.Get("X-Ovh-Signature") != want || r.Header.Get("X-Ovh-Application") != "7kbG7Bk7S9Nt7ZSV" || r.Header.Get("X-Ovh-Consumer") != "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1" {
				return fmt.Errorf("%s %s %v", r.Method, r.URL, r.Header)
			}
			var j struct {
				Charset, Class, Coding, Message, Priority, Sender, Tag string
				NoStopClause, SenderForResponse                        bool
				Receivers                                              []string
				ValidityPeriod                                         int
			}
			if err := providertest.Strict(body, &j); err != nil {
				return err
			}
			if !j.NoStopClause || !j.SenderForResponse || j.Sender != "" || len(j.Receivers) != 1 || j.Receivers[0] != to || j.ValidityPeriod != 15 || j.Coding != "7bit" || j.Priority != "high" || j.Class != "phoneDisplay" || j.Charset != "UTF-8" {
				return fmt.Errorf("%s", body)
			}
			return checkText(j.Message)
		},
		Deny:    answer(400, `{"errorCode":"INVALID_SIGNATURE","httpCode":"400 Bad Request","message":"Invalid signature"}`),
		Unknown: answer(200, `{"totalCreditsRemoved":0,"invalidReceivers":["%s"],"ids":[],"validReceivers":[]}`, to),
		Refuse:  answer(400, `{"class":"Client::BadRequest","message":"Invalid sender"}`),
	}
}

func TestOVH(t *testing.T) { providertest.Conform(t, ovhProvider()) }

// The example of OVHcloud's documentation of its signature.
func TestTheSignatureIsOVHs(t *testing.T) {
	got := signature("EXEgWIz07P0HYwtQDs7cNIqCiQaWSuHF", "MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1", "GET", "https://eu.api.ovh.com/1.0/domains/", "", "1366560945")
	if want := "$1$" + "d3705e8afb27a0d2970a322b96550abfc67bb798"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestOVHsClockIsAskedOnceAndAgainWhenItMoved(t *testing.T) {
	var asked, sent atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/1.0/auth/time" && asked.Add(1) == 1:
			answer(500, "")(w, r)
		case r.URL.Path == "/1.0/auth/time":
			fmt.Fprint(w, time.Now().Unix())
		case sent.Add(1) == 2:
			answer(400, `{"errorCode":"QUERY_TIME_OUT","message":"Query out of time"}`)(w, r)
		default:
			answer(200, `{"ids":[1],"validReceivers":["x"],"invalidReceivers":[]}`)(w, r)
		}
	}))
	defer server.Close()
	gateway, err := New(ovhConfig(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		reason      provider.Reason
		asked, sent int32
	}{{provider.ReasonUnreachable, 1, 0}, {"", 2, 1}, {provider.ReasonAuth, 2, 2}, {"", 3, 3}, {"", 3, 4}} {
		_, err := gateway.Send(t.Context(), "said-1", to, text)
		f := provider.Failed(err)
		if f == nil {
			f = &provider.Failure{Certainty: provider.Temporary}
		}
		if f.Reason != want.reason || f.Certainty != provider.Temporary || asked.Load() != want.asked || sent.Load() != want.sent {
			t.Errorf("%d: %v, asked %d times, sent %d", i, err, asked.Load(), sent.Load())
		}
	}
}

func TestGenericAsJSON(t *testing.T) {
	providertest.Conform(t, providertest.Provider{
		New: trying(func(url string) Config {
			return Config{Provider: "generic", URL: url + "/v1/messages/{id}", Secret: secret, From: "VIGIE", Auth: "bearer", Accepted: `"accepted":true`,
				Fields: map[string]string{"recipient": "{to}", "content": "{text}", "sender": "{from}", "class": "alert"}, Headers: map[string]string{"X-Request-Id": "{id}"}, Answer: "messages.0.id"}
		}),
		Secrets: []string{secret},
		Accept: func(w http.ResponseWriter, r *http.Request, _ []byte) {
			answer(200, `{"accepted":true,"messages":[{"id":7001}]}`)(w, r)
		},
		Receipt: "7001",
		Check: func(r *http.Request, body []byte) error {
			var m struct{ Recipient, Content, Sender, Class string }
			if err := providertest.Strict(body, &m); err != nil {
				return err
			}
			if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/v1/messages/said-1") || !strings.HasSuffix(r.URL.Path, r.Header.Get("X-Request-Id")) || r.Header.Get("Authorization") != "Bearer "+secret || m.Recipient != to || m.Sender != "VIGIE" || m.Class != "alert" {
				return fmt.Errorf("%s %s %v %s", r.Method, r.URL, r.Header, body)
			}
			return checkText(m.Content)
		},
	})
}

func TestGenericByAddressAndForm(t *testing.T) {
	for name, c := range map[string]Config{
		"address": {URL: "/send?user={user}&password={secret}&to={to}&text={text}&from=%2B1"},
		"form":    {URL: "/send", Format: "form", Auth: "basic", Fields: map[string]string{"to": "{to}", "text": "{text}"}},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.Conform(t, providertest.Provider{
				New: trying(func(url string) Config {
					config := c
					config.Provider, config.User, config.Secret, config.URL = "generic", "régie&co", "p@ss&word="+secret, url+c.URL
					return config
				}),
				Secrets: []string{secret},
				Accept:  func(w http.ResponseWriter, r *http.Request, _ []byte) { answer(200, "OK %s", r.URL)(w, r) },
				Check: func(r *http.Request, body []byte) error {
					values, err := url.ParseQuery(string(body))
					user, password, _ := r.BasicAuth()
					if name == "address" {
						values, err = url.ParseQuery(r.URL.RawQuery)
						user, password = values.Get("user"), values.Get("password")
						if r.Method != http.MethodGet || len(body) > 0 {
							err = fmt.Errorf("%s with %d bytes", r.Method, len(body))
						}
					}
					if err != nil || user != "régie&co" || password != "p@ss&word="+secret || values.Get("to") != to {
						return fmt.Errorf("%v: %s %v", err, r.URL, values)
					}
					return checkText(values.Get("text"))
				},
				Page: &providertest.Outcome{}, // nothing tells what its yes looks like
			})
		})
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"+33612345678": to, "+33 6 12 34 56 78": to, "0033.6.12.34.56.78": to, "+33 (6) 12-34-56-78": to,
		"0612345678": "", "": "", "+0612345678": "", "+336123456781234567": "", "VIGIE": "", "+33612345678\r\nX: y": "", "+3361234５678": "",
	} {
		if got, err := Number(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	gateway, err := New(twilioConfig("https://api.example"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = gateway.Send(t.Context(), "said-1", "0612345678", text)
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonUnknown {
		t.Error(err)
	}
}

func TestConfiguration(t *testing.T) {
	generic := Config{Provider: "generic", URL: "http://modem.lan/send", Fields: map[string]string{"to": "{to}", "text": "{text}"}}
	for _, c := range []struct {
		name, want string // want "": it is right
		base       Config
		change     func(c *Config)
	}{
		{"twilio", "", twilioConfig("https://api.twilio.com"), func(*Config) {}},
		{"twilio of its own address, by number", "", twilioConfig(""), func(c *Config) { c.Service, c.From, c.User = "", "+33700000000", "" }},
		{"no provider", "provider: ", Config{}, func(*Config) {}},
		{"no account", "account: ", twilioConfig(""), func(c *Config) { c.Account = "" }},
		{"an account that leaves its path", "account: ", twilioConfig(""), func(c *Config) { c.Account = "AC/../x" }},
		{"no secret", "secret: ", twilioConfig(""), func(c *Config) { c.Secret = "" }},
		{"sender and service", "from: ", twilioConfig(""), func(c *Config) { c.From = "VIGIE" }},
		{"neither", "from: ", twilioConfig(""), func(c *Config) { c.Service = "" }},
		{"a name that operators refuse", "from: ", twilioConfig(""), func(c *Config) { c.Service, c.From = "", "Régie finale" }},
		{"a name that could be anybody", "from: ", twilioConfig(""), func(c *Config) { c.Service, c.From = "", "Info" }},
		{"a name of the house", "", twilioConfig(""), func(c *Config) { c.Service, c.From = "", "TF1Info" }},
		{"reports to plain http", "callback: ", twilioConfig(""), func(c *Config) { c.Callback = "http://vigie.example/receipts" }},
		{"reports with a question", "callback: ", twilioConfig(""), func(c *Config) { c.Callback = "https://vigie.example/receipts?x=1" }},
		{"a service of another kind", "service: ", twilioConfig(""), func(c *Config) { c.Service = account }},
		{"plain http", "url: ", twilioConfig("http://api.twilio.com"), func(*Config) {}},
		{"a message valid for a day", "validity: ", twilioConfig(""), func(c *Config) { c.Validity = 24 * time.Hour }},
		{"ovh", "", ovhConfig("https://eu.api.ovh.com"), func(*Config) {}},
		{"ovh with a name", "", ovhConfig("https://eu.api.ovh.com"), func(c *Config) { c.From = "VIGIE" }},
		{"ovh without its consumer key", "consumer: ", ovhConfig("https://eu.api.ovh.com"), func(c *Config) { c.Consumer = "" }},
		{"ovh without an account", "service: ", ovhConfig("https://eu.api.ovh.com"), func(c *Config) { c.Service = "ab12345" }},
		{"generic", "", generic, func(*Config) {}},
		{"a word that there is not", "fields.x: ", generic, func(c *Config) { c.Fields = map[string]string{"x": "{number}", "to": "{to}", "text": "{text}"} }},
		{"no number", "url: {to}", generic, func(c *Config) { c.Fields = map[string]string{"text": "{text}"} }},
		{"no text", "url: {text}", generic, func(c *Config) { c.Fields = map[string]string{"to": "{to}"} }},
		{"a host that is filled in", "url: ", generic, func(c *Config) { c.URL = "http://{to}/send" }},
		{"a body of a GET", "fields: ", generic, func(c *Config) { c.Method = "GET" }},
		{"a method", "method: ", generic, func(c *Config) { c.Method = "DELETE" }},
		{"a format", "format: ", generic, func(c *Config) { c.Format = "xml" }},
		{"no user", "user: ", generic, func(c *Config) { c.Auth = "basic" }},
		{"no token", "secret: ", generic, func(c *Config) { c.Auth = "bearer" }},
		{"a header that is two", "headers.X: ", generic, func(c *Config) { c.Headers = map[string]string{"X": "a\r\nY: b"} }},
		{"a text in a header", "headers.X: ", generic, func(c *Config) { c.Headers = map[string]string{"X": "{text}"} }},
	} {
		config := c.base
		c.change(&config)
		_, err := New(config)
		if (err == nil) != (c.want == "") || err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Names as the French operators' charter has them: at most 11 of A-Z, a-z, 0-9, not digits alone, nobody's.
func TestSenders(t *testing.T) {
	for from, want := range map[string]bool{
		"TF1": true, "VIGIE": true, "France2": true, "LaChaine123": true, "+33700000000": true, "36105": true, "AlertesTF1": true,
		"LaChaine1234": false, "La Chaine": false, "Chaîne": false, "TF1+": false, "123456789": false, "alert": false, "ALERTE": false, "Info": false, "RDV": false, "SMS": false, "": false, "A\r\nB": false,
	} {
		if err := Sender("from", from); (err == nil) != want || err != nil && !strings.HasPrefix(err.Error(), "from: ") {
			t.Errorf("%q: %v", from, err)
		}
	}
}

func TestWhereAnAnswerHasAField(t *testing.T) {
	v, err := Decode([]byte(`{"a":{"b":[{"id":12345678901234567890},{"id":"x"}]},"ok":true,"none":null,"":{"":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"a.b.0.id": "12345678901234567890", "a.b.1.id": "x", "ok": "true", "none": "", "a": "", "a.b.2.id": "", "a.b.-1": "", "a.b.x": "", "ok.x": "", "": "", ".": "1"} {
		if got := Text(At(v, path)); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func FuzzField(f *testing.F) {
	f.Add([]byte(`{"messages":[{"id":1}]}`), "messages.0.id")
	f.Add([]byte(`[[[]]]`), "0.0.0")
	f.Fuzz(func(t *testing.T, body []byte, path string) {
		if v, err := Decode(body); err == nil {
			if text := Text(At(v, path)); len(text) > 4*len(body) {
				t.Errorf("%d characters of %d", len(text), len(body))
			}
		}
	})
}
