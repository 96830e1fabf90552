package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"vigie/internal/provider"
)

// twilio is its Messages resource. There is no key that would make two requests one message: what is ambiguous may
// be there twice when it is tried again.
type twilio struct {
	url, user, secret, from, service, callback string
	validity                                   time.Duration
	post                                       *provider.Poster
}

func newTwilio(c Config) (*twilio, error) {
	base := c.URL
	if base == "" {
		base = "https://api.twilio.com"
	}
	if err := provider.CheckURL("url", base, false); err != nil {
		return nil, err
	}
	if !regexp.MustCompile(`^AC[0-9a-zA-Z]{32}$`).MatchString(c.Account) {
		return nil, errors.New("account: not an account's SID: AC and 32 characters")
	}
	if c.Secret == "" {
		return nil, errors.New("secret: missing: the account's auth token, or an API key's secret")
	}
	if (c.Service == "") == (c.From == "") {
		return nil, errors.New("from: either a sender, or service: a messaging service's SID")
	}
	if c.From != "" {
		if err := Sender("from", c.From); err != nil {
			return nil, err
		}
	} else if !regexp.MustCompile(`^MG[0-9a-zA-Z]{32}$`).MatchString(c.Service) {
		return nil, errors.New("service: not a messaging service's SID: MG and 32 characters")
	}
	if c.User == "" {
		c.User = c.Account
	}
	return &twilio{base + "/2010-04-01/Accounts/" + c.Account + "/Messages.json", c.User, c.Secret, c.From, c.Service, c.Callback, c.Validity, provider.NewPoster(c.Post)}, nil
}

func (p *twilio) send(ctx context.Context, m message) (provider.Receipt, error) {
	form := url.Values{"To": {m.to}, "Body": {m.text}, "ValidityPeriod": {strconv.Itoa(int(p.validity / time.Second))}}
	if p.service != "" {
		form.Set("MessagingServiceSid", p.service)
	} else {
		form.Set("From", p.from)
	}
	if to := callback(p.callback, m.id); to != "" {
		form.Set("StatusCallback", to)
	}
	a, err := p.post.Post(ctx, provider.Request{URL: p.url, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {basic(p.user, p.secret)}}, Body: []byte(form.Encode())})
	var answer struct {
		SID       string `json:"sid"`
		Status    any    `json:"status"` // a word, or in an error the HTTP status
		ErrorCode *int   `json:"error_code"`
		Code      int    `json:"code"`
		Message   string `json:"message"`
	}
	unread := json.Unmarshal(a.Body, &answer)
	if err != nil {
		if f := (*provider.Failure)(nil); errors.As(err, &f) && unread == nil {
			switch answer.Code {
			case 21211, 21217, 21401, 21421, 21610, 21612, 21614: // no such number, one that takes no messages, one whose owner said STOP
				f.Certainty, f.Reason = provider.Permanent, provider.ReasonUnknown
			case 20003, 20005, 20006, 20008: // credentials, account suspended, no right, test credentials
				f.Certainty, f.Reason = provider.Permanent, provider.ReasonAuth
			case 14107, 20429, 21611, 30022: // too many requests, a queue that is full
				f.Certainty, f.Reason = provider.Temporary, provider.ReasonRate
			}
		}
		return provider.Receipt{}, err
	}
	status, _ := answer.Status.(string)
	if unread != nil || answer.SID == "" {
		return provider.Receipt{}, p.post.Unreadable(a)
	}
	if status == "failed" || status == "undelivered" || status == "canceled" {
		code := 0
		if answer.ErrorCode != nil {
			code = *answer.ErrorCode
		}
		return provider.Receipt{}, p.post.Fail(provider.Permanent, provider.ReasonRefused, "took it as %s with status %s, error %d", answer.SID, status, code)
	}
	return p.post.Receipt(answer.SID, fmt.Sprintf("%d %s", a.Status, status)), nil
}
