package provider

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// How a channel treats each answer is tested with every channel, by noticetest.Conform. Here is what they share.

func TestRetryAfterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for text, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "0": time.Second, "900": 15 * time.Minute, "86400": 15 * time.Minute, "99999999999999999999999": 15 * time.Minute,
			"-1": 0, "soon": 0, "1.5": 0,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat):       time.Second,
			time.Now().Add(48 * time.Hour).UTC().Format(http.TimeFormat):   15 * time.Minute,
		} {
			if got := RetryAfter(http.Header{"Retry-After": {text}}); got != want {
				t.Errorf("%q: %s, want %s", text, got, want)
			}
		}
	})
}

func TestAnErrorTellsNoSecret(t *testing.T) {
	const secret = "sécret/with+signs=="
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "no: "+secret+" "+url.QueryEscape(secret)+" "+url.PathEscape(secret)+" "+r.URL.String())
	}))
	defer server.Close()
	for _, to := range []string{server.URL + "/" + url.PathEscape(secret), "http://127.0.0.1:1/" + url.PathEscape(secret), "http://no-such-host.invalid/?key=" + url.QueryEscape(secret), "http://\x7f/" + secret} {
		p := NewPoster(PostConfig{Secrets: append(URLSecrets(to), secret)})
		_, err := p.Post(t.Context(), Request{URL: to})
		if err == nil {
			t.Fatal(to)
		}
		for _, s := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			if strings.Contains(err.Error(), s) {
				t.Errorf("%v", err)
			}
		}
		if receipt := p.Receipt(secret, "took "+secret); strings.Contains(receipt.ID+receipt.Text, secret) {
			t.Errorf("%+v", receipt)
		}
		if text := p.Hiding("another").Fail(Temporary, ReasonRate, "%s another", secret).Error(); strings.Contains(text, secret) || strings.Contains(text, "another") {
			t.Error(text)
		}
	}
}

// A request is said once, whatever Go's client would do by itself: with an Idempotency-Key it says a request again
// when the connection breaks, and a redirect makes it ask elsewhere.
func TestATryIsOneRequest(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var heard atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buffer := make([]byte, 4096)
				for n := 0; ; n++ {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					heard.Add(1)
					if n > 0 || heard.Load() > 1 {
						return
					}
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	p := NewPoster(PostConfig{})
	r := Request{URL: "http://" + l.Addr().String(), Header: http.Header{"Idempotency-Key": {"1"}}}
	if _, err := p.Post(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	_, err = p.Post(t.Context(), r)
	if f := Failed(err); f == nil || f.Certainty != Ambiguous || heard.Load() != 2 {
		t.Errorf("%v, heard %d", err, heard.Load())
	}
}

func TestTLSIsCheckedAndNotOld(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = nil
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	old := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for _, c := range []struct {
		url    string
		config PostConfig
		want   bool
	}{{server.URL, PostConfig{Roots: roots}, true}, {server.URL, PostConfig{}, false}, {old.URL, PostConfig{Roots: roots}, false}} {
		_, err := NewPoster(c.config).Post(t.Context(), Request{URL: c.url})
		if f := Failed(err); (f == nil) != c.want || f != nil && (f.Certainty != Temporary || f.Reason != ReasonUnreachable) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

func TestAProxyOnTheWay(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.WriteString(w, "by proxy to "+r.URL.Host)
	}))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := NewPoster(PostConfig{Proxy: u})
	if a, err := p.Post(t.Context(), Request{URL: "http://hooks.example/x"}); err != nil || string(a.Body) != "by proxy to hooks.example" {
		t.Errorf("%s, %v", a.Body, err)
	}
	_, err = p.Post(t.Context(), Request{URL: "https://hooks.example/x"})
	if f := Failed(err); f == nil || f.Certainty != Temporary || f.Reason != ReasonUnreachable {
		t.Errorf("a tunnel that is refused: %v", err)
	}
}

func TestADeadlineBeforeThereIsAConnectionIsTemporary(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := NewPoster(PostConfig{}).Post(ctx, Request{URL: "http://127.0.0.1:1/"})
	if f := Failed(err); f == nil || f.Certainty != Temporary || f.Reason != ReasonUnreachable {
		t.Error(err)
	}
}

func TestDestinations(t *testing.T) {
	for _, c := range []struct {
		url   string
		plain bool
		want  bool
	}{
		{"https://hooks.example/x", false, true}, {"http://127.0.0.1:8080/x", false, true}, {"http://localhost/x", false, true}, {"http://[::1]/x", false, true},
		{"http://hooks.example/x", false, false}, {"http://hooks.lan/x", true, true}, {"http://localhost.example/x", false, false},
		{"", true, false}, {"hooks.example", true, false}, {"/x", true, false}, {"file:///etc/passwd", true, false}, {"gopher://x/", true, false}, {"https://:443/", true, false},
		{"https://hooks.example/#x", true, false}, {"https://hooks.example/" + strings.Repeat("x", 2000), true, false},
	} {
		err := CheckURL("url", c.url, c.plain)
		if (err == nil) != c.want || err != nil && (!strings.HasPrefix(err.Error(), "url: ") || len(c.url) > 15 && strings.Contains(err.Error(), c.url)) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}
