package audience

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"html/template"
	"net/http"
	"strings"

	"golang.org/x/time/rate"
)

// UnsubscribeToken is what a List-Unsubscribe link carries for a key: the key, signed by the house. It does not end:
// who wants out years later gets out.
func (b *Book) UnsubscribeToken(key string) string { return key + b.signature(key) }

func (b *Book) signature(key string) string {
	if len(b.secrets.Sign) == 0 {
		panic("audience: tokens before Open")
	}
	h := hmac.New(sha256.New, b.secrets.Sign)
	h.Write([]byte("unsubscribe\x00" + key))
	return base32Lower.EncodeToString(h.Sum(nil))[:keyLen]
}

// ReadUnsubscribeToken tells whose a token is; false: the house did not sign it. It takes as long for each.
func (b *Book) ReadUnsubscribeToken(token string) (key string, ok bool) {
	if len(token) != 2*keyLen || !isKey(token[:keyLen]) {
		return "", false
	}
	key = token[:keyLen]
	return key, hmac.Equal([]byte(token[keyLen:]), []byte(b.signature(key)))
}

// Bounds of the page that anybody may open.
const (
	pagesASecond  = 500
	writesASecond = 50 // more than a mail to a nation brings about; each is a write to the bus
)

//go:embed unsubscribe.html
var unsubscribeHTML string

//go:embed unsubscribe.css
var unsubscribeCSS []byte

var unsubscribePage = template.Must(template.New("unsubscribe").Parse(unsubscribeHTML))

// page is what the page shows: one of ask, done, unknown, later.
type page struct {
	Lang, State string
}

// Unsubscribe serves /unsubscribe?t=TOKEN: a page that asks, and a POST, which is a person's button or a mail
// program's one click (RFC 8058), that does it. Looking does nothing, for mail filters look at every link.
func (b *Book) Unsubscribe() http.Handler {
	pages, writes := rate.NewLimiter(pagesASecond, pagesASecond), rate.NewLimiter(writesASecond, 4*writesASecond)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
			h.Set("Allow", "GET, HEAD, POST")
			http.Error(w, "GET, HEAD, POST", http.StatusMethodNotAllowed)
			return
		}
		query := r.URL.Query()
		if r.Method != http.MethodPost && query.Has("style") {
			h.Set("Content-Type", "text/css; charset=utf-8")
			h.Set("Cache-Control", "public, max-age=86400")
			_, _ = w.Write(unsubscribeCSS)
			return
		}
		p := page{b.spoken(r), "ask"}
		status := http.StatusOK
		key, ok := b.ReadUnsubscribeToken(query.Get("t"))
		_, already := b.Suppressed(key)
		later := func() {
			p.State, status = "later", http.StatusServiceUnavailable
			h.Set("Retry-After", "10")
		}
		switch {
		case !pages.Allow():
			later()
			status = http.StatusTooManyRequests
		case !ok:
			p.State, status = "unknown", http.StatusNotFound
		case already:
			p.State = "done"
		case r.Method != http.MethodPost:
		case !writes.Allow():
			later()
			status = http.StatusTooManyRequests
		default:
			p.State = "done"
			if err := b.SuppressKey(r.Context(), key, Unsubscribed, "unsubscribe"); err != nil {
				b.cfg.Log.Error("somebody could not unsubscribe", "key", key, "error", err)
				later()
			}
		}
		var out bytes.Buffer
		if err := unsubscribePage.Execute(&out, p); err != nil {
			b.cfg.Log.Error("show the page to unsubscribe", "error", err)
			http.Error(w, "500", http.StatusInternalServerError)
			return
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write(out.Bytes())
	})
}

// spoken is fr or en: what a browser asks for first, or else the house's.
func (b *Book) spoken(r *http.Request) string {
	asked := strings.ToLower(r.Header.Get("Accept-Language"))
	for tag := range strings.SplitSeq(asked[:min(len(asked), 200)], ",") {
		switch tag = strings.TrimSpace(tag); {
		case strings.HasPrefix(tag, "fr"):
			return "fr"
		case strings.HasPrefix(tag, "en"):
			return "en"
		}
	}
	if b.cfg.Lang == "fr" {
		return "fr"
	}
	return "en"
}
