package providertest

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/internal/provider"
)

// Try says one thing once, and tells what came of it.
type Try func(ctx context.Context) (provider.Receipt, error)

// Provider is one that is spoken to, as its documentation describes it.
type Provider struct {
	New                   func(url string) (Try, error)                                // what speaks to a provider at url
	Secrets               []string                                                     // none of which an error or a receipt may have
	Accept                func(w http.ResponseWriter, r *http.Request, body []byte)    // its answer to what it accepts
	Check                 func(r *http.Request, body []byte) error                     // whether a request is what it asks for, strictly
	Aside                 func(w http.ResponseWriter, r *http.Request) (answered bool) // requests that send nothing
	Deny, Unknown, Refuse http.HandlerFunc                                             // its words for wrong credentials, destination, request; nil: 401, 404, 400
	Denied, UnknownTo     *Outcome                                                     // where they mean something else than usual
	Page                  *Outcome                                                     // of a page of HTML with status 200; nil: ambiguous
	Receipt               string                                                       // the id that Accept gives
}

// Outcome is what must come of a try; without a Reason it is a success.
type Outcome struct {
	Certainty provider.Certainty
	Reason    provider.Reason
	After     time.Duration
}

// Conform sends to a provider in each of its moods, and judges what is said to have come of it: what was
// accepted but not said to be is ambiguous, what was certainly not is temporary or permanent, each with the right
// reason; and how often it was accepted.
func Conform(t *testing.T, p Provider) {
	usual := map[Mode]Outcome{
		OK: {}, Slow: {},
		Silent:        {provider.Ambiguous, provider.ReasonTimeout, 0},
		Resets:        {provider.Ambiguous, provider.ReasonTimeout, 0},
		Truncates:     {provider.Ambiguous, provider.ReasonTimeout, 0},
		FailsAfter:    {provider.Ambiguous, provider.ReasonServer, 0},
		BadGateway:    {provider.Ambiguous, provider.ReasonServer, 0},
		Unavailable:   {provider.Ambiguous, provider.ReasonServer, 0},
		Busy:          {provider.Temporary, provider.ReasonRate, 7 * time.Second},
		BusyNoAfter:   {provider.Temporary, provider.ReasonRate, 0},
		BusyDate:      {provider.Temporary, provider.ReasonRate, 15 * time.Minute},
		BusyLong:      {provider.Temporary, provider.ReasonRate, 15 * time.Minute},
		TimesOut:      {provider.Temporary, provider.ReasonServer, 0},
		TooEarly:      {provider.Temporary, provider.ReasonServer, 0},
		Denies:        {provider.Permanent, provider.ReasonAuth, 0},
		Unknown:       {provider.Permanent, provider.ReasonUnknown, 0},
		Refuses:       {provider.Permanent, provider.ReasonRefused, 0},
		RedirectsAway: {provider.Permanent, provider.ReasonRefused, 0},
		Huge:          {provider.Permanent, provider.ReasonRefused, 0},
		Garbage:       {provider.Ambiguous, provider.ReasonServer, 0},
	}
	for mode, other := range map[Mode]*Outcome{Denies: p.Denied, Unknown: p.UnknownTo, Garbage: p.Page} {
		if other != nil {
			usual[mode] = *other
		}
	}
	for mode, want := range usual {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			r := NewReceiver(t, p)
			try, err := p.New(r.URL)
			if err != nil {
				t.Fatal(err)
			}
			r.Behave(mode)
			deadline := 20 * time.Second
			if mode == Silent {
				deadline = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			receipt, err := try(ctx)
			judge(t, p, want, err)
			tells(t, p.Secrets, "receipt", receipt.ID+receipt.Text)
			if err == nil && mode != Garbage && receipt.ID != p.Receipt {
				t.Errorf("receipt %q, want %q", receipt.ID, p.Receipt)
			}
			accepted := 0
			switch mode {
			case OK, Slow, Silent, Resets, Truncates, FailsAfter, BadGateway:
				accepted = 1
			}
			if n := len(r.Accepted()); n != accepted || r.Tries() != 1 {
				t.Errorf("accepted %d times in %d tries, want %d in 1", n, r.Tries(), accepted)
			}
			for _, err := range r.Wrong() {
				t.Error(err)
			}
		})
	}
	unreachable := map[string]func(t *testing.T) string{
		"nobody listens": func(t *testing.T) string {
			r := NewReceiver(t, p)
			r.Close()
			return r.URL
		},
		"no TLS where it should be": func(t *testing.T) string {
			return strings.Replace(NewReceiver(t, p).URL, "http://", "https://", 1)
		},
		"no such name": func(*testing.T) string { return "https://no-such-host.invalid" },
	}
	for name, url := range unreachable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try, err := p.New(url(t))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err = try(ctx)
			judge(t, p, Outcome{provider.Temporary, provider.ReasonUnreachable, 0}, err)
		})
	}
	t.Run("at the same time", func(t *testing.T) {
		r := NewReceiver(t, p)
		try, err := p.New(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		for range 8 {
			go func() {
				_, err := try(t.Context())
				failed <- err
			}()
		}
		for range 8 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		if n := len(r.Accepted()); n != 8 {
			t.Errorf("accepted %d of 8", n)
		}
	})
}

func judge(t *testing.T, p Provider, want Outcome, err error) {
	t.Helper()
	if want.Reason == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil {
		t.Fatalf("it is said to be heard, want %s, %s", want.Certainty, want.Reason)
	}
	f := provider.Failed(err)
	// What a Retry-After of a date leaves depends on the moment.
	if f.Certainty != want.Certainty || f.Reason != want.Reason || f.After != want.After {
		t.Errorf("%s, %s, after %s; want %s, %s, after %s: %v", f.Certainty, f.Reason, f.After, want.Certainty, want.Reason, want.After, err)
	}
	tells(t, p.Secrets, "error", err.Error())
	if text := err.Error(); len(text) > 2000 || strings.ContainsAny(text, "\r\n") {
		t.Errorf("an error of %d bytes: %q", len(text), text)
	}
}

func tells(t *testing.T, secrets []string, what, text string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("the %s tells a secret: %s", what, text)
		}
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// Golden holds what is sent against testdata/name.
func Golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is sent (-update writes it):\n%s", file, got)
	}
}
