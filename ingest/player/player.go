// Package player serves what a page with a <video> needs to report to Vigie: a script, and a page
// to try it.
//
//	GET /vigie-beacon.js   the script; its own comment says how a page uses it
//	GET /player            plays a stream whose address is typed in, or comes as ?src=, and reports it
//
// The script travels without its comments and indentation, which gzip takes to less than 4 KB. Any
// page may load it, caches may keep it for an hour.
//
// Addresses of /player are written by strangers. The server does not look at them; in the page a
// stream begins only when somebody presses a button, and no address chooses a script: the policy
// allows this host's alone. HLS is played by the browser where it can, else by a hls.js that the
// operator serves as /hls.js on the same host.
//
// What it leaves to others is POST /beacon (package ingest) and the schema (package beacon).
package player

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

var (
	//go:embed beacon.js
	beaconScript []byte
	//go:embed example.html
	examplePage []byte
	//go:embed example.js
	exampleScript []byte
	//go:embed example.css
	exampleStyle []byte
)

// policy lets media, and what hls.js loads, come from anywhere, and code from here alone.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self' blob: http: https:; " +
	"connect-src 'self' http: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// unread is what of a script only people read: comments that have their lines or a line's end to
// themselves, and indentation.
var unread = regexp.MustCompile(`(?m)^/\*(?s:.*?)\*/\n|^\s*//.*\n|\s+// .*$|^\s+`)

// Script is vigie-beacon.js as it travels. The caller may keep it.
func Script() []byte { return unread.ReplaceAll(beaconScript, nil) }

// Handler answers GET and HEAD of /vigie-beacon.js and /player, and of the /player.js and /player.css
// that the page loads. Other paths are not found.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /vigie-beacon.js", newFile(Script(), "text/javascript; charset=utf-8", map[string]string{
		"Access-Control-Allow-Origin":  "*", // for pages that ask for integrity or for errors in full
		"Cross-Origin-Resource-Policy": "cross-origin",
	}))
	page := map[string]string{
		"Content-Security-Policy":      policy,
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer", // the address of the page may hold a stream's token
	}
	mux.Handle("GET /player", newFile(examplePage, "text/html; charset=utf-8", page))
	mux.Handle("GET /player.js", newFile(exampleScript, "text/javascript; charset=utf-8", page))
	mux.Handle("GET /player.css", newFile(exampleStyle, "text/css; charset=utf-8", page))
	return mux
}

// file is a body that never changes, with its headers.
type file struct {
	plain, zipped []byte
	etag          string // without quotes
	headers       map[string]string
}

func newFile(body []byte, contentType string, headers map[string]string) *file {
	sum := sha256.Sum256(body)
	f := &file{plain: body, etag: hex.EncodeToString(sum[:12]), headers: map[string]string{
		"Content-Type":           contentType,
		"Cache-Control":          "public, max-age=3600",
		"Vary":                   "Accept-Encoding",
		"X-Content-Type-Options": "nosniff",
	}}
	for k, v := range headers {
		f.headers[k] = v
	}
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level is one of gzip's
	w.Write(body)                                              // a buffer takes everything
	w.Close()
	f.zipped = zipped.Bytes()
	return f
}

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for k, v := range f.headers {
		h.Set(k, v)
	}
	body, etag := f.plain, `"`+f.etag+`"`
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		body, etag = f.zipped, `"`+f.etag+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", etag)
	if has := r.Header.Get("If-None-Match"); has == "*" || strings.Contains(has, etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(body)
}

// takesGzip tells whether gzip is named and not refused.
func takesGzip(accept string) bool {
	for coding := range strings.SplitSeq(accept, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}
