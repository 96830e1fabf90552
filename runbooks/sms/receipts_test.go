package sms

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigie/runbooks/channel"
)

func request(t testing.TB, method, target, body string, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// The example of Twilio's documentation of its signature.
func TestTheSignatureIsTwilios(t *testing.T) {
	form := url.Values{"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675309"}, "Digits": {"1234"}, "From": {"+14158675309"}, "To": {"+18005551212"}}
	got := base64.StdEncoding.EncodeToString(twilioSignature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form))
	if want := "RSOYDt4T1cUTdK1PDd93/VVr8B8="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTwiliosReports(t *testing.T) {
	c, err := New(twilio(""))
	if err != nil {
		t.Fatal(err)
	}
	const delivered = "MessageSid=SM1&MessageStatus=delivered&To=%2B33612345678&AccountSid=AC1&ApiVersion=2010-04-01"
	sign := func(token, to, body string) string {
		form, err := url.ParseQuery(body)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(twilioSignature(token, to, form))
	}
	const at = "/receipts/sms?id=send-42-sms-00017"
	for _, x := range []struct {
		name, at, body, signature string
		want                      []channel.Report
		err                       error // nil: none; errUnread: any other than ErrDenied
	}{
		{"delivered", at, delivered, sign(auth, reports+"?id=send-42-sms-00017", delivered), []channel.Report{{ID: "send-42-sms-00017", Receipt: "SM1", State: channel.Delivered, Text: "delivered"}}, nil},
		{"failed", at, "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003", sign(auth, reports+"?id=send-42-sms-00017", "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003"), []channel.Report{{ID: "send-42-sms-00017", Receipt: "SM1", State: channel.Failed, Text: "undelivered, error 30003"}}, nil},
		{"on its way", at, "MessageSid=SM1&MessageStatus=sent", sign(auth, reports+"?id=send-42-sms-00017", "MessageSid=SM1&MessageStatus=sent"), nil, nil},
		{"without our id", "/receipts/sms", delivered, sign(auth, reports, delivered), []channel.Report{{Receipt: "SM1", State: channel.Delivered, Text: "delivered"}}, nil},
		{"with an id that is none of ours", "/receipts/sms?id=A%0AB", delivered, sign(auth, reports+"?id=A%0AB", delivered), []channel.Report{{Receipt: "SM1", State: channel.Delivered, Text: "delivered"}}, nil},
		{"of nothing", at, "MessageStatus=delivered", sign(auth, reports+"?id=send-42-sms-00017", "MessageStatus=delivered"), nil, errUnread},
		{"of another id", "/receipts/sms?id=send-42-sms-00018", delivered, sign(auth, reports+"?id=send-42-sms-00017", delivered), nil, channel.ErrDenied},
		{"of another state", at, strings.Replace(delivered, "delivered", "failed", 1), sign(auth, reports+"?id=send-42-sms-00017", delivered), nil, channel.ErrDenied},
		{"with the API key's secret", at, delivered, sign(secret, reports+"?id=send-42-sms-00017", delivered), nil, channel.ErrDenied},
		{"unsigned", at, delivered, "", nil, channel.ErrDenied},
		{"signed with rubbish", at, delivered, "!", nil, channel.ErrDenied},
		{"no form", at, "%zz", sign(auth, reports+"?id=send-42-sms-00017", ""), nil, channel.ErrDenied},
	} {
		got, err := c.Reports(request(t, http.MethodPost, x.at, x.body, "X-Twilio-Signature", x.signature), []byte(x.body))
		judge(t, x.name, got, err, x.want, x.err)
	}
	quiet := twilio("")
	quiet.Gateway.Callback = ""
	if c, err = New(quiet); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reports(request(t, http.MethodPost, at, delivered, "X-Twilio-Signature", sign("", at, delivered)), []byte(delivered)); !errors.Is(err, channel.ErrDenied) {
		t.Errorf("an account that asks for no reports: %v", err)
	}
}

var errUnread = errors.New("any")

func judge(t *testing.T, name string, got []channel.Report, err error, want []channel.Report, wantErr error) {
	t.Helper()
	switch {
	case wantErr == errUnread && (err == nil || errors.Is(err, channel.ErrDenied)), wantErr != errUnread && !errors.Is(err, wantErr), len(got) != len(want):
		t.Errorf("%s: %+v, %v", name, got, err)
	case len(got) > 0 && !reflect.DeepEqual(got, want):
		t.Errorf("%s: %+v, want %+v", name, got, want)
	case err != nil && (strings.Contains(err.Error(), token) || strings.Contains(err.Error(), auth)):
		t.Errorf("%s: %v", name, err)
	}
}

func TestOVHsReports(t *testing.T) {
	c, err := New(ovh("https://eu.api.ovh.com"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name, at string
		want     []channel.Report
		err      error
	}{
		{"delivered", "/receipts/sms/" + token + "?id=27814656&ptt=0", []channel.Report{{Receipt: "27814656", State: channel.Delivered, Text: "0"}}, nil},
		{"failed", "/receipts/sms/" + token + "?id=27814656&ptt=801", []channel.Report{{Receipt: "27814656", State: channel.Failed, Text: "801"}}, nil},
		{"a code that is not the end", "/receipts/sms/" + token + "?id=27814656&ptt=254", nil, nil},
		{"of nothing", "/receipts/sms/" + token + "?ptt=0", nil, errUnread},
		{"without the token", "/receipts/sms?id=27814656&ptt=0", nil, channel.ErrDenied},
		{"with the token where it is logged", "/receipts/sms?id=27814656&ptt=0&token=" + token, nil, channel.ErrDenied},
		{"with half of it", "/receipts/sms/" + token[:10] + "?id=27814656&ptt=0", nil, channel.ErrDenied},
	} {
		got, err := c.Reports(request(t, http.MethodGet, x.at, ""), nil)
		judge(t, x.name, got, err, x.want, x.err)
	}
	silent := ovh("https://eu.api.ovh.com")
	silent.Receipts = Receipts{}
	if c, err = New(silent); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"/", "/receipts/sms/", "/receipts/sms/x?id=1&ptt=0"} {
		if _, err := c.Reports(request(t, http.MethodGet, at, ""), nil); !errors.Is(err, channel.ErrDenied) {
			t.Errorf("%s where no reports are awaited: %v", at, err)
		}
	}
}

func TestGenericReports(t *testing.T) {
	c, err := New(generic("https://sms.example"))
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 11, 21, 20, 43, 0, 0, time.UTC)
	for _, x := range []struct {
		name, token, body string
		want              []channel.Report
		err               error
	}{
		{"several", "Bearer " + token, `{"results":[{"ref":"send-42-sms-00017","id":"m-1","status":{"name":"DELIVERED","text":"on\r\nhandset"},"done":"2026-11-21T21:43:00+01:00"},{"id":1.50,"status":{"name":"EXPIRED"},"done":1795293780},{"id":"m-3","status":{"name":"PENDING"}}]}`,
			[]channel.Report{{ID: "send-42-sms-00017", Receipt: "m-1", State: channel.Delivered, At: when, Text: "on handset"}, {Receipt: "1.50", State: channel.Failed, At: when, Text: "EXPIRED"}}, nil},
		{"one alone", token, `{"results":{"id":"m-1","status":{"name":"REJECTED"},"done":1795293780000}}`, []channel.Report{{Receipt: "m-1", State: channel.Failed, At: when, Text: "REJECTED"}}, nil},
		{"none", token, `{"results":[]}`, nil, nil},
		{"of nothing", token, `{"results":[{"status":{"name":"DELIVERED"}}]}`, nil, errUnread},
		{"without a list", token, `{"id":"m-1"}`, nil, errUnread},
		{"half a body", token, `{"results":[{"id":"m-1"`, nil, errUnread},
		{"too many", token, `{"results":[` + strings.Repeat("1,", maxReports) + `1]}`, nil, errUnread},
		{"another token", "Bearer another-token-of-the-house", `{"results":[]}`, nil, channel.ErrDenied},
		{"no token", "", `{"results":[]}`, nil, channel.ErrDenied},
	} {
		got, err := c.Reports(request(t, http.MethodPost, "/receipts/sms", x.body, "Authorization", x.token), []byte(x.body))
		judge(t, x.name, got, err, x.want, x.err)
	}
	form := generic("https://sms.example")
	form.Receipts = Receipts{Secret: token, Header: "X-Token", Message: "id", State: "s", Delivered: []string{"1"}, Failed: []string{"2"}}
	if c, err = New(form); err != nil {
		t.Fatal(err)
	}
	got, err := c.Reports(request(t, http.MethodPost, "/receipts/sms?id=send-42-sms-00017", "s=1", "X-Token", token), []byte("s=1"))
	judge(t, "a form, and our id in the address", got, err, []channel.Report{{ID: "send-42-sms-00017", State: channel.Delivered, Text: "1"}}, nil)
}

// Whatever comes with the right token is read to reports of bounded fields, or is an error.
func FuzzReports(f *testing.F) {
	for _, s := range []string{`{"results":[{"id":"m-1","status":{"name":"DELIVERED"}}]}`, "id=1&status.name=DELIVERED", "[[]]", "{", "%zz", `{"results":{"id":"\u202e\u0000","status":{"name":"EXPIRED"},"done":-1}}`} {
		f.Add(s, "id=2&ptt=0")
	}
	var channels []*Channel
	for _, config := range []Config{generic("https://sms.example"), ovh("https://eu.api.ovh.com"), twilio("")} {
		c, err := New(config)
		if err != nil {
			f.Fatal(err)
		}
		channels = append(channels, c)
	}
	f.Fuzz(func(t *testing.T, body, query string) {
		for _, c := range channels {
			r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/receipts/sms/" + token, RawQuery: query}, Header: http.Header{"Authorization": {"Bearer " + token}}}
			if form, err := url.ParseQuery(body); err == nil && c.provider == "twilio" {
				r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(twilioSignature(auth, reports+question(query), form)))
			}
			got, err := c.Reports(r, []byte(body))
			if err != nil && len(got) > 0 {
				t.Errorf("%+v, %v", got, err)
			}
			for _, x := range got {
				if x.ID == "" && x.Receipt == "" || x.ID != "" && !ours.MatchString(x.ID) || x.State != channel.Delivered && x.State != channel.Failed || strings.ContainsAny(x.Receipt+x.Text, "\r\n\x00\u202e") || len(x.Receipt) > 4*maxField || len(x.Text) > 4*maxField {
					t.Errorf("%+v", x)
				}
			}
		}
	})
}

func question(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}
