package statuspage

import (
	"net/http"
	"strings"
)

// handler answers from memory: a look into a map and a write.
type handler struct {
	prefix string // "/status"
	site   func() *site
}

func newHandler(prefix string, site func() *site) http.Handler {
	return &handler{trimPrefix(prefix), site}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, h.prefix)
	if h.prefix == "/" {
		path, ok = r.URL.Path, true
	}
	s := h.site()
	if !ok || path != "" && path[0] != '/' || s.usual == nil {
		missing(w)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header()["Allow"] = allowed
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if path == "" { // links are relative: they need the slash
		moved(w, h.prefix+"/")
		return
	}
	path = path[1:]
	var found *resource
	if path == "" {
		if found = s.root[preferred(r.Header.Get("Accept-Language"))]; found == nil {
			found = s.usual
		}
	} else if found = s.at[path]; found == nil {
		if s.at[path+"/"] != nil {
			moved(w, strings.TrimSuffix(h.prefix, "/")+"/"+path+"/")
			return
		}
		missing(w)
		return
	}
	found.serve(w, r)
}

var allowed = []string{"GET, HEAD"}

func moved(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.Header().Set("Cache-Control", middle)
	w.WriteHeader(http.StatusMovedPermanently)
}

func missing(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "public, max-age=10")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.Error(w, "404", http.StatusNotFound)
}

// serve writes r's final bytes.
func (r *resource) serve(w http.ResponseWriter, q *http.Request) {
	headers, body := r.plain, r.body
	if r.gzip != nil && takesGzip(q.Header["Accept-Encoding"]) {
		headers, body = r.zipped, r.gzip
	}
	to := w.Header()
	if r.matches(q.Header["If-None-Match"]) {
		for _, h := range headers {
			if h.name != "Content-Length" && h.name != "Content-Encoding" && h.name != "Content-Type" {
				to[h.name] = h.value
			}
		}
		w.WriteHeader(http.StatusNotModified)
		return
	}
	for _, h := range headers {
		to[h.name] = h.value
	}
	w.WriteHeader(http.StatusOK)
	if q.Method != http.MethodHead {
		_, _ = w.Write(body) // who went away hears nothing
	}
}

// matches compares weakly, as If-None-Match wants it, and whatever became of the encoding on the way: the hash is of
// the content.
func (r *resource) matches(tags []string) bool {
	for _, tag := range tags {
		if strings.TrimSpace(tag) == "*" {
			return true
		}
		for rest := tag; ; {
			at := strings.Index(rest, r.hash)
			if at < 0 {
				break
			}
			quoted := at > 0 && rest[at-1] == '"'
			rest = rest[at+len(r.hash):]
			if quoted && (strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, `-gz"`)) {
				return true
			}
		}
	}
	return false
}

// maxHeader bounds what is looked at of a header that is a list: who sends more gets what is usual.
const maxHeader = 1000

// takesGzip reads Accept-Encoding.
func takesGzip(values []string) bool {
	for _, value := range values {
		for rest := value[:min(len(value), maxHeader)]; rest != ""; {
			var item string
			item, rest, _ = strings.Cut(rest, ",")
			name, weight, weighted := strings.Cut(item, ";")
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "gzip") {
				return !weighted || quality(weight) > 0
			}
		}
	}
	return false
}

// preferred is the page's language that Accept-Language likes best; "": it likes none.
func preferred(value string) string {
	best, most := "", 0
	for rest := value[:min(len(value), maxHeader)]; rest != ""; {
		var item string
		item, rest, _ = strings.Cut(rest, ",")
		name, weight, weighted := strings.Cut(item, ";")
		name, _, _ = strings.Cut(strings.TrimSpace(name), "-")
		q := 1000
		if weighted {
			q = quality(weight)
		}
		if q <= most {
			continue
		}
		for _, lang := range languages {
			if strings.EqualFold(name, lang) {
				best, most = lang, q
			}
		}
	}
	return best
}

// quality is a weight as "q=0.5", in thousandths; what cannot be read is 0.
func quality(text string) int {
	text = strings.TrimSpace(text)
	if len(text) < 3 || text[0] != 'q' && text[0] != 'Q' || text[1] != '=' {
		return 0
	}
	text = text[2:]
	if text[0] == '1' {
		return 1000
	}
	if text[0] != '0' || len(text) == 1 || text[1] != '.' {
		return 0
	}
	q, unit := 0, 100
	for _, c := range text[2:min(len(text), 5)] {
		if c < '0' || c > '9' {
			break
		}
		q += int(c-'0') * unit
		unit /= 10
	}
	return q
}
