package statuspage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vigie/internal/pause"
	"vigie/internal/provider"
)

// File is one of an export.
type File struct {
	Name         string // with slashes: "fr/index.html"
	Type         string // media type
	CacheControl string
	Body         []byte // not to be changed
	Hash         string // another one for another Body
}

// Target is where an export goes. A file is there whole or not at all.
type Target interface {
	Put(ctx context.Context, f File) error
	String() string // for people, without secrets
}

// Export writes the public page to a target: every file, what is referred to before what refers to it, so that no page
// is ever there without what it needs. It stops at the first error.
func (p *Page) Export(ctx context.Context, to Target) error {
	return p.export(ctx, to, nil)
}

// export leaves out what was put before with the same hash.
func (p *Page) export(ctx context.Context, to Target, put map[string]string) error {
	for _, r := range p.shown.Load().public.files {
		if put[r.name] == r.hash {
			continue
		}
		if err := to.Put(ctx, File{r.name, r.kind, r.cache, r.body, r.hash}); err != nil {
			return fmt.Errorf("export %s to %s: %w", r.name, to, err)
		}
		if put != nil {
			put[r.name] = r.hash
		}
	}
	return nil
}

// exports writes what changed on each change, everything every so often, and tries again what failed.
func (p *Page) exports(ctx context.Context, to Target, changes <-chan struct{}) {
	put := map[string]string{}
	every := time.NewTicker(p.config.Export.Every)
	defer every.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
		case <-every.C:
			clear(put)
		}
		for {
			err := p.export(ctx, to, put)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				if failed {
					p.log.Info("the status page's export is whole again", "target", to.String())
				}
				failed = false
				break
			}
			p.log.Error("export the status page: what is there is older than it should be", "error", err)
			failed = true
			if pause.For(ctx, max(retryAfter, after(err))) != nil {
				return
			}
		}
	}
}

// after is how long a target asks to be left alone.
func after(err error) time.Duration {
	if f, ok := errors.AsType[*provider.Failure](err); ok {
		return f.After
	}
	return 0
}

func newTargets(e *Export) ([]Target, error) {
	var all []Target
	if e.Folder != "" {
		all = append(all, Folder(e.Folder))
	}
	if e.URL != "" {
		b, err := newBucket(e)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// Folder is a target on this machine; it is made where it is not there. Files that an earlier version wrote stay.
type Folder string

func (d Folder) String() string { return string(d) }

// Put writes a file through another one beside it. A plain file server tells versions apart by Last-Modified, in whole
// seconds (RFC 9110, section 8.8.2): of two writes in one second the later one is dated a second later, or whoever read
// between them would be told "not modified" until the next.
func (d Folder) Put(_ context.Context, f File) error {
	if !filepath.IsLocal(f.Name) {
		return fmt.Errorf("%q is not below the folder", f.Name)
	}
	name := filepath.Join(string(d), filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	was, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(name, f.Body); err != nil || was == nil {
		return err
	}
	is, err := os.Stat(name)
	if next := was.ModTime().Truncate(time.Second).Add(time.Second); err == nil && is.ModTime().Before(next) {
		err = os.Chtimes(name, time.Time{}, next)
	}
	return err
}

// putWait bounds one PUT.
const putWait = 30 * time.Second

// bucket is a target that takes files by HTTP PUT.
type bucket struct {
	base    url.URL
	headers http.Header
	poster  *provider.Poster
}

func newBucket(e *Export) (*bucket, error) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, errors.New("export.url: not a URL") // the error has it, and it may be a secret
	}
	b := &bucket{base: *u, headers: http.Header{}}
	secrets := provider.URLSecrets(e.URL)
	for name, value := range e.Headers {
		b.headers.Set(name, value)
		secrets = append(secrets, value)
	}
	b.poster = provider.NewPoster(provider.PostConfig{Secrets: secrets})
	return b, nil
}

func (b *bucket) String() string { return b.base.Host }

// Put replaces an object.
func (b *bucket) Put(ctx context.Context, f File) error {
	u := b.base
	u.RawPath = ""
	u.Path = strings.TrimSuffix(u.Path, "/") + "/" + f.Name
	h := b.headers.Clone()
	h.Set("Content-Type", f.Type)
	h.Set("Cache-Control", f.CacheControl)
	ctx, cancel := context.WithTimeout(ctx, putWait)
	defer cancel()
	_, err := b.poster.Post(ctx, provider.Request{Method: http.MethodPut, URL: u.String(), Header: h, Body: f.Body})
	return err
}
