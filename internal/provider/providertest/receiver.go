// Package providertest is a provider to send to, which behaves as real ones do on a bad night and counts what it
// accepted, and the tests that everything passes with it that speaks to a provider over HTTP.
package providertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Mode is how a Receiver behaves.
type Mode string

const (
	OK            Mode = "accepts"
	Slow          Mode = "accepts slowly"
	Silent        Mode = "accepts and does not answer"
	Resets        Mode = "accepts and closes the connection"
	Truncates     Mode = "accepts and its answer is cut off"
	FailsAfter    Mode = "accepts and answers 500"
	BadGateway    Mode = "accepts behind a gateway that answers 502"
	Busy          Mode = "answers 429 with Retry-After"
	BusyNoAfter   Mode = "answers 429 without Retry-After"
	BusyDate      Mode = "answers 503 with a date to retry after"
	BusyLong      Mode = "answers 429 with a Retry-After of a day"
	Unavailable   Mode = "answers 503 without Retry-After"
	TimesOut      Mode = "answers 408"
	TooEarly      Mode = "answers 425"
	Denies        Mode = "does not take the credentials"
	Unknown       Mode = "does not know the destination"
	Refuses       Mode = "finds the request wrong"
	Garbage       Mode = "answers 200 with a page of HTML"
	RedirectsAway Mode = "redirects to another host"
	Huge          Mode = "refuses with an answer of a megabyte"
)

// Received is a request that was accepted.
type Received struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// Receiver is a provider in this process, on a port of this machine.
type Receiver struct {
	URL string

	provider Provider
	server   *httptest.Server
	away     *httptest.Server // where RedirectsAway leads

	mutex    sync.Mutex
	mode     Mode
	accepted []Received
	tries    int
	wrong    []error
}

// NewReceiver starts a provider that answers as p says.
func NewReceiver(t testing.TB, p Provider) *Receiver {
	r := &Receiver{provider: p, mode: OK}
	r.away = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.wrong = append(r.wrong, fmt.Errorf("the request was said again where a redirect led"))
	}))
	r.server = httptest.NewServer(r)
	r.URL = r.server.URL
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
		r.away.Close()
	})
	return r
}

// Behave sets how the next requests are answered.
func (r *Receiver) Behave(m Mode) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.mode = m
}

// Accepted are the requests that a real provider would have acted on, whatever it answered.
func (r *Receiver) Accepted() []Received {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.accepted)
}

// Tries is how many requests came, accepted or not.
func (r *Receiver) Tries() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.tries
}

// Wrong are the requests that are not what the provider's documentation asks for, and takes them off its list.
func (r *Receiver) Wrong() []error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	wrong := r.wrong
	r.wrong = nil
	return wrong
}

// Close makes the provider unreachable.
func (r *Receiver) Close() { r.server.Close() }

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.provider.Aside != nil && r.provider.Aside(w, req) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	if err != nil {
		return
	}
	r.mutex.Lock()
	mode := r.mode
	r.tries++
	if r.provider.Check != nil {
		if err := r.provider.Check(req, body); err != nil {
			r.wrong = append(r.wrong, err)
		}
	}
	switch mode {
	case OK, Slow, Silent, Resets, Truncates, FailsAfter, BadGateway:
		r.accepted = append(r.accepted, Received{req.Method, req.URL.RequestURI(), req.Header.Clone(), body})
	}
	r.mutex.Unlock()
	r.answer(w, req, body, mode)
}

func (r *Receiver) answer(w http.ResponseWriter, req *http.Request, body []byte, mode Mode) {
	retry := func(status int, after string) {
		w.Header().Set("Retry-After", after)
		w.WriteHeader(status)
	}
	switch mode {
	case OK:
		r.provider.Accept(w, req, body)
	case Slow:
		select {
		case <-req.Context().Done():
		case <-time.After(100 * time.Millisecond):
			r.provider.Accept(w, req, body)
		}
	case Silent:
		<-req.Context().Done()
	case Resets:
		panic(http.ErrAbortHandler)
	case Truncates:
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(http.StatusOK)
		w.Write([]byte("{"))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case FailsAfter:
		w.WriteHeader(http.StatusInternalServerError)
	case BadGateway:
		w.WriteHeader(http.StatusBadGateway)
	case Busy:
		retry(http.StatusTooManyRequests, "7")
	case BusyLong:
		retry(http.StatusTooManyRequests, "86400")
	case BusyDate:
		retry(http.StatusServiceUnavailable, time.Now().Add(24*time.Hour).UTC().Format(http.TimeFormat))
	case BusyNoAfter:
		w.WriteHeader(http.StatusTooManyRequests)
	case Unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case TimesOut:
		w.WriteHeader(http.StatusRequestTimeout)
	case TooEarly:
		w.WriteHeader(http.StatusTooEarly)
	case Denies:
		either(r.provider.Deny, http.StatusUnauthorized)(w, req)
	case Unknown:
		either(r.provider.Unknown, http.StatusNotFound)(w, req)
	case Refuses:
		either(r.provider.Refuse, http.StatusBadRequest)(w, req)
	case RedirectsAway:
		http.Redirect(w, req, r.away.URL, http.StatusTemporaryRedirect)
	case Huge:
		w.WriteHeader(http.StatusBadRequest)
		w.Write(bytes.Repeat([]byte("x\r\n"), 1<<19))
	default:
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte("<html><title>Sign in to the network</title></html>"))
	}
}

func either(f http.HandlerFunc, status int) http.HandlerFunc {
	if f != nil {
		return f
	}
	return func(w http.ResponseWriter, req *http.Request) {
		// Some providers repeat what they were given.
		w.WriteHeader(status)
		fmt.Fprintf(w, "no: %s %s", req.URL.Path, req.Header.Get("Authorization"))
	}
}

// Strict decodes one JSON value into a provider's schema: what the schema does not have is an error.
func Strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one value: %s", body)
	}
	return nil
}
