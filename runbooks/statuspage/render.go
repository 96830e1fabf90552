package statuspage

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed assets
var assets embed.FS

// How long representations may be kept on the way. Behind a CDN the page's age is at most short, but when the origin
// cannot be reached: then what was known last is better than nothing, and says as of when.
const (
	short  = "public, max-age=5, stale-while-revalidate=30, stale-if-error=86400"
	middle = "public, max-age=300, stale-while-revalidate=600, stale-if-error=604800"
	long   = "public, max-age=31536000, immutable"
)

// policy is the page's own: its style, its script, its pictures, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"

// resource is one thing that can be asked for, in its final bytes. It is never changed.
type resource struct {
	name  string // where an export writes it: "fr/index.html"
	kind  string
	cache string
	body  []byte
	gzip  []byte
	hash  string

	// Values of headers, as net/http keeps them: answering makes none anew.
	plain, zipped []header
}

type header struct {
	name  string
	value []string
}

// newResource makes one. It is compressed when that makes it smaller.
func newResource(name, kind, cache string, body []byte, headers ...string) *resource {
	sum := sha256.Sum256(body)
	r := &resource{name: name, kind: kind, cache: cache, body: body, hash: hex.EncodeToString(sum[:10])}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(body)
	}
	if err == nil && z.Close() == nil && b.Len() < len(body) {
		r.gzip = bytes.Clone(b.Bytes())
	}
	shared := []header{
		{"Content-Type", []string{kind}}, {"Cache-Control", []string{cache}}, {"X-Content-Type-Options", []string{"nosniff"}},
		{"Vary", []string{"Accept-Encoding"}},
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Vary" {
			shared[3].value = []string{"Accept-Encoding, " + headers[i+1]}
			continue
		}
		shared = append(shared, header{headers[i], []string{headers[i+1]}})
	}
	r.plain = append(shared[:len(shared):len(shared)], header{"Etag", []string{`"` + r.hash + `"`}}, header{"Content-Length", []string{strconv.Itoa(len(body))}})
	if r.gzip != nil {
		r.zipped = append(shared[:len(shared):len(shared)], header{"Etag", []string{`"` + r.hash + `-gz"`}}, header{"Content-Length", []string{strconv.Itoa(len(r.gzip))}},
			header{"Content-Encoding", []string{"gzip"}})
	}
	return r
}

const (
	htmlType = "text/html; charset=utf-8"
	atomType = "application/atom+xml; charset=utf-8"
	jsonType = "application/json; charset=utf-8"
	cssType  = "text/css; charset=utf-8"
	jsType   = "text/javascript; charset=utf-8"
	svgType  = "image/svg+xml"
	pngType  = "image/png"
)

// fixed is what no publication changes.
type fixed struct {
	config         *Config
	css, js        *resource
	icon, script   *resource
	logo, logoDark *resource
}

func newFixed(c *Config) (*fixed, error) {
	f := &fixed{config: c}
	accent, err := parseColour(c.Accent)
	if err != nil {
		return nil, err
	}
	read := func(name string) []byte {
		b, readErr := assets.ReadFile("assets/" + name)
		if readErr != nil {
			err = readErr
		}
		return b
	}
	css := fmt.Sprintf(":root{--accent:%s;--brand:%s}\n@media screen and (prefers-color-scheme:dark){:root{--accent:%s}}\n", accent.legible(lightPage), accent, accent.legible(darkPage))
	f.css = hashed("page.css", cssType, append(read("page.css"), css...))
	f.js = hashed("page.js", jsType, read("page.js"))
	f.script = newResource("banner.js", jsType, middle, read("banner.js"), "Access-Control-Allow-Origin", "*", "Cross-Origin-Resource-Policy", "cross-origin")
	icon := bytes.ReplaceAll(read("icon.svg"), []byte("#0b5cad"), []byte(accent.String()))
	f.icon = newResource("assets/icon.svg", svgType, middle, icon, "Content-Security-Policy", pictures)
	if err != nil {
		return nil, err
	}
	if f.logo, err = readLogo("logo", c.Logo); err != nil {
		return nil, err
	}
	if f.logoDark, err = readLogo("logo_dark", c.LogoDark); err != nil {
		return nil, err
	}
	return f, nil
}

// pictures is the policy of an SVG that somebody opens by itself: it runs nothing.
const pictures = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// hashed has its content's hash in its name: it can be kept for ever.
func hashed(name, kind string, body []byte, headers ...string) *resource {
	sum := sha256.Sum256(body)
	ext := filepath.Ext(name)
	return newResource("assets/"+strings.TrimSuffix(name, ext)+"."+hex.EncodeToString(sum[:5])+ext, kind, long, body, headers...)
}

// readLogo reads a picture, by what it is and not by what it is called; nil: there is none.
func readLogo(key, name string) (*resource, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	defer file.Close()
	body, err := io.ReadAll(io.LimitReader(file, maxLogo+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", key, err)
	case len(body) > maxLogo:
		return nil, fmt.Errorf("%s: %s is larger than %d KB", key, name, maxLogo>>10)
	case bytes.HasPrefix(body, []byte("\x89PNG\r\n\x1a\n")):
		return hashed("logo.png", pngType, body), nil
	case bytes.Contains(body[:min(len(body), 1000)], []byte("<svg")):
		return hashed("logo.svg", svgType, body, "Content-Security-Policy", pictures), nil
	}
	return nil, fmt.Errorf("%s: %s is neither an SVG nor a PNG", key, name)
}

// site is what a handler serves, and an export writes. It is never changed.
type site struct {
	at    map[string]*resource // by path below the prefix: "fr/"
	files []*resource          // in the order of an export: what is referred to before what refers to it
	root  map[string]*resource // by language: who asks for none gets the one that suits
	usual *resource            // root in the language of the configuration
}

// snapshot is all that is shown until something changes.
type snapshot struct {
	public, exercise site
	digest           string
	until            time.Time // when it is to be made anew, whatever is published
}

// scene is what is public.
func (f *fixed) scene(known *contents, now time.Time) *scene {
	return &scene{contents: known, components: f.config.Components, incidents: incidents(known.Posts), now: now, fresh: now.Sub(known.Checked) < staleAfter}
}

// render makes a snapshot. It depends on what is known and on the minute alone: every process that knows the same
// serves the same bytes under the same ETag.
func (f *fixed) render(known *contents, zone *time.Location, now time.Time) (*snapshot, error) {
	public := f.scene(known, now)
	public.banners = banners(known.Banners, public.incidents, now, f.config.Resolved, f.config.Banner)
	s := &snapshot{until: now.Add(time.Hour)}
	var err error
	if s.public, err = f.site(public, zone); err != nil {
		return nil, err
	}
	drill := &scene{contents: known, incidents: incidents(known.DrillPosts), now: now, drill: true}
	drill.banners = banners(known.DrillBanners, drill.incidents, now, f.config.Resolved, f.config.Banner)
	if f.config.Exercises && len(known.DrillPosts)+len(known.DrillBanners) > 0 {
		if s.exercise, err = f.site(drill, zone); err != nil {
			return nil, err
		}
	}
	sooner := func(at time.Time) {
		if at.After(now) && at.Before(s.until) {
			s.until = at
		}
	}
	sooner(known.Checked.Add(staleAfter))
	for _, of := range []*scene{public, drill} {
		for _, i := range of.incidents {
			sooner(i.NextBy)
		}
		for _, b := range of.banners {
			sooner(b.Until)
		}
	}
	h := sha256.New()
	for _, of := range []*site{&s.public, &s.exercise} {
		for _, r := range of.files {
			io.WriteString(h, r.name+" "+r.hash+"\n")
		}
	}
	s.digest = hex.EncodeToString(h.Sum(nil))
	return s, nil
}

// site renders a scene in every language.
func (f *fixed) site(s *scene, zone *time.Location) (site, error) {
	out := site{at: map[string]*resource{}, root: map[string]*resource{}}
	add := func(r *resource, paths ...string) {
		for _, path := range append(paths, r.name) {
			out.at[path] = r
		}
		out.files = append(out.files, r)
	}
	cors := []string{"Access-Control-Allow-Origin", "*", "Cross-Origin-Resource-Policy", "cross-origin"}
	robots := []string{}
	if s.drill {
		robots = []string{"X-Robots-Tag", "noindex, nofollow, noarchive"}
	}
	for _, r := range []*resource{f.css, f.js, f.icon, f.logo, f.logoDark, f.script} {
		if r != nil {
			add(r)
		}
	}
	body, err := s.banner(f, zone)
	if err != nil {
		return out, err
	}
	add(newResource("banner.json", jsonType, short, body, append(cors, robots...)...))
	if !s.drill {
		if body, err = s.status(f, zone); err != nil {
			return out, err
		}
		add(newResource("status.json", jsonType, short, body, cors...))
	}
	var pages []*resource
	for _, lang := range languages {
		sp := speech{lang, zone}
		if !s.drill {
			if body, err = s.feed(f, sp); err != nil {
				return out, err
			}
			add(newResource(lang+"/feed.xml", atomType, short, body, append(cors, "Content-Language", lang)...))
		}
		headers := append([]string{"Content-Language", lang, "Content-Security-Policy", policy + "; frame-ancestors 'none'", "Referrer-Policy", "no-referrer"}, robots...)
		if body, err = s.page(f, sp, "../"); err != nil {
			return out, err
		}
		pages = append(pages, newResource(lang+"/index.html", htmlType, short, body, headers...))
		if body, err = s.page(f, sp, ""); err != nil {
			return out, err
		}
		out.root[lang] = newResource("index.html", htmlType, short, body, append(headers, "Vary", "Accept-Language")...)
	}
	for i, r := range pages {
		add(r, languages[i]+"/")
	}
	out.usual = out.root[f.config.Language]
	add(out.usual)
	return out, nil
}

// page renders one page twice: what it says but for the time of the check is its digest, by which an open page knows
// whether there is news.
func (s *scene) page(f *fixed, sp speech, base string) ([]byte, error) {
	v := s.view(f, sp, base)
	checked, of := v.Checked, v.CheckedText
	v.Checked, v.CheckedText = moment{}, ""
	var b bytes.Buffer
	if err := page(v).Render(context.Background(), &b); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b.Bytes())
	v.Checked, v.CheckedText, v.Digest = checked, of, hex.EncodeToString(sum[:6])
	b.Reset()
	if err := page(v).Render(context.Background(), &b); err != nil {
		return nil, err
	}
	return bytes.Clone(b.Bytes()), nil
}
