package sms

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"vigie/alerts/notice"
	"vigie/alerts/notice/noticetest"
	"vigie/internal/gsm"
	"vigie/internal/provider"
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

func checkText(text string) error {
	if n, ucs2 := gsm.Segments(text); n != 1 || ucs2 || text == "" {
		return fmt.Errorf("%d messages, UCS-2 %v: %q", n, ucs2, text)
	}
	return nil
}

func twilioConfig(url string) Config {
	return Config{Provider: "twilio", URL: url, Account: account, User: "SK0123456789abcdef0123456789abcdef", Secret: secret, Service: service}
}

func TestTwilio(t *testing.T) {
	noticetest.Conform(t, noticetest.Provider{
		New:     func(url string) (notice.Notifier, error) { return New(twilioConfig(url)) },
		To:      "+33 6 12 34 56 78",
		Secrets: []string{secret},
		Accept: func(w http.ResponseWriter, r *http.Request, _ []byte) {
			answer(201, `{"sid":"SM1","status":"queued","error_code":null,"error_message":null,"to":"%s"}`, to)(w, r)
		},
		Receipt: "SM1",
		Check: func(r *http.Request, body []byte) error {
			user, password, _ := r.BasicAuth()
			form, err := url.ParseQuery(string(body))
			if err != nil || r.URL.Path != "/2010-04-01/Accounts/"+account+"/Messages.json" || user != "SK0123456789abcdef0123456789abcdef" || password != secret || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
				len(form) != 4 || form.Get("To") != to || form.Get("MessagingServiceSid") != service || form.Get("ValidityPeriod") != "900" {
				return fmt.Errorf("%v %s %v %v", err, r.URL, r.Header, form)
			}
			return checkText(form.Get("Body"))
		},
		Deny:    answer(401, `{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`),
		Unknown: answer(400, `{"code":21211,"message":"Invalid 'To' Phone Number: +3361234XXXX","status":400}`),
		Refuse:  answer(400, `{"code":21606,"message":"The 'From' number is not a valid message-capable number","status":400}`),
	})
}

func TestANumberThatIsNone(t *testing.T) {
	channel, err := New(twilioConfig("https://api.example"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = channel.Notify(t.Context(), "0612345678", notice.Fixtures()[0])
	if f := provider.Failed(err); f == nil || f.Certainty != provider.Permanent || f.Reason != provider.ReasonUnknown {
		t.Error(err)
	}
}

// What is sent is one request with one text in it, whatever labels and titles try.
func FuzzSMS(f *testing.F) {
	var got atomic.Pointer[url.Values]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values := r.URL.Query()
		got.Store(&values)
	}))
	f.Cleanup(server.Close)
	channel, err := New(Config{Provider: "generic", URL: server.URL + "/send?to={to}&text={text}&id={id}"})
	if err != nil {
		f.Fatal(err)
	}
	noticetest.Fuzz(f, func(t *testing.T, n *notice.Notification) {
		if _, err := channel.Notify(t.Context(), to, n); err != nil {
			t.Fatal(err)
		}
		values := *got.Load()
		text, _ := json.Marshal(values)
		if len(values) != 3 || values.Get("to") != to || len([]rune(values.Get("text"))) > 160 || values.Get("text") == "" || strings.ContainsAny(values.Get("text"), "\r\n\x00") {
			t.Errorf("%s", text)
		}
	})
}
