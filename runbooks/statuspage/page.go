package statuspage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/pause"
	"vigie/internal/state"
	"vigie/runbooks/channel"
)

// Page is the page and the banner. It is safe for concurrent use.
type Page struct {
	config  Config
	zone    *time.Location
	log     *slog.Logger
	fixed   *fixed // what no change changes
	targets []Target

	bucket  atomic.Pointer[kinds]
	changed chan struct{} // something may have changed

	mu      sync.Mutex // held while rendering
	known   contents   // what the last rendering was made of
	shown   atomic.Pointer[snapshot]
	waiting []chan struct{} // told after a rendering that changed something
}

// kinds are what is kept in the bucket. Exercises are kept apart, so that no list of what is public can hold one.
type kinds struct {
	posts, banners           *state.Kind[Post]
	drillPosts, drillBanners *state.Kind[Post]
	components               *state.Kind[Said]
}

const (
	checkEvery = 15 * time.Second
	checkWait  = 5 * time.Second
	staleAfter = 3 * time.Minute // without an answer of the bus, nothing is shown as well any more
	shown      = 30 * 24 * time.Hour
	keepDrills = 24 * time.Hour
	tidyEvery  = time.Hour
)

// New reads the logo and the file, and renders what was known last. It fails where the configuration, or the logo, is
// wrong; a file that cannot be read is logged and put aside.
func New(c Config) (*Page, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, err
	}
	p := &Page{config: c, zone: zone, log: c.Log, changed: make(chan struct{}, 1)}
	if p.fixed, err = newFixed(&c); err != nil {
		return nil, err
	}
	if p.targets, err = newTargets(&c.Export); err != nil {
		return nil, err
	}
	p.known = newContents()
	if c.File != "" {
		if p.known, err = readFile(c.File); err != nil {
			p.log.Error("what the status page showed last cannot be read: it begins empty, and the file is put aside", "file", c.File, "error", err)
			putAside(c.File)
		}
	}
	return p, p.render(time.Now())
}

// Use names the page's kinds in a bucket, and follows it. It must be called once, before the bucket's Load. Until
// then, what is sent is refused for now, and the page shows what its file knows.
func (p *Page) Use(b *state.Bucket) {
	p.bucket.Store(&kinds{
		posts: state.Keep[Post](b, "post."), banners: state.Keep[Post](b, "banner."),
		drillPosts: state.Keep[Post](b, "drill-post."), drillBanners: state.Keep[Post](b, "drill-banner."),
		components: state.Keep[Said](b, "component."),
	})
	b.OnChange(p.touch)
}

func (p *Page) touch() {
	select {
	case p.changed <- struct{}{}:
	default: // one waits already
	}
}

// Run follows what is published, asks whether the bus is there, keeps the file and writes the exports, until ctx ends.
// Its error is nil: what fails is logged, and tried again.
func (p *Page) Run(ctx context.Context) error {
	var g sync.WaitGroup
	healthy := make(chan time.Time)
	g.Go(func() { p.check(ctx, healthy) })
	if p.config.File != "" {
		changes := p.listen()
		g.Go(func() { p.save(ctx, changes) })
	}
	for _, t := range p.targets {
		changes := p.listen()
		g.Go(func() { p.exports(ctx, t, changes) })
	}
	g.Go(func() { p.tidy(ctx) })
	defer g.Wait()
	for {
		due := time.NewTimer(max(time.Until(p.shown.Load().until), 100*time.Millisecond))
		select {
		case <-ctx.Done():
			due.Stop()
			return nil
		case at := <-healthy:
			p.mu.Lock()
			p.known.Checked = at
			p.mu.Unlock()
		case <-p.changed:
		case <-due.C:
		}
		due.Stop()
		if err := p.render(time.Now()); err != nil {
			p.log.Error("render the status page: it shows what it showed", "error", err)
		}
	}
}

// check asks whether the bus is there, since what was heard of it is then what holds.
func (p *Page) check(ctx context.Context, healthy chan<- time.Time) {
	for p.config.Healthy != nil {
		asked := time.Now()
		waiting, cancel := context.WithTimeout(ctx, checkWait)
		err := p.config.Healthy(waiting)
		cancel()
		if err == nil && p.bucket.Load() != nil {
			select {
			case healthy <- asked:
			case <-ctx.Done():
			}
		}
		if pause.For(ctx, checkEvery) != nil {
			return
		}
	}
}

// listen is told after each rendering that changed something, once for those that nobody took up.
func (p *Page) listen() <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	p.mu.Lock()
	p.waiting = append(p.waiting, c)
	p.mu.Unlock()
	return c
}

// render makes what is shown of what is known now, and shows it when it is something else.
func (p *Page) render(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known.merge(p.bucket.Load(), p.config.Components)
	p.known.expire(now, p.config.Keep)
	next, err := p.fixed.render(&p.known, p.zone, now)
	if err != nil {
		return err
	}
	was := p.shown.Swap(next)
	if was != nil && was.digest == next.digest {
		return nil
	}
	for _, c := range p.waiting {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return nil
}

// tidy removes from the bucket what is too old to be kept.
func (p *Page) tidy(ctx context.Context) {
	for pause.For(ctx, tidyEvery) == nil {
		k := p.bucket.Load()
		if k == nil {
			continue
		}
		for _, of := range []struct {
			kind *state.Kind[Post]
			keep time.Duration
		}{{k.posts, p.config.Keep}, {k.banners, p.config.Keep}, {k.drillPosts, keepDrills}, {k.drillBanners, keepDrills}} {
			for _, id := range expired(byID(of.kind.All()), time.Now(), of.keep) {
				if err := of.kind.Delete(ctx, id); err != nil {
					p.log.Warn("forget an old post of the status page", "post", id, "error", err)
					break
				}
			}
		}
	}
}

// SetComponent says for by what state a component is in; the same again says that it still holds. It fails where there
// is no such component or state, and where the bus cannot be written to.
func (p *Page) SetComponent(ctx context.Context, by, id string, s State) error {
	k := p.bucket.Load()
	switch {
	case !slices.ContainsFunc(p.config.Components, func(c Component) bool { return c.ID == id }):
		return fmt.Errorf("%.80q is no component of the status page", id)
	case !slices.Contains(States(), s):
		return fmt.Errorf("%.40q is no state of a component", s)
	case k == nil:
		return errors.New("the bus is not there yet")
	}
	_, err := k.components.Set(ctx, id, func(said *Said) error {
		now := time.Now().Truncate(time.Second)
		if said.State == s {
			said.By, said.Again = by, now
			return nil
		}
		*said = Said{State: s, By: by, At: now}
		return nil
	})
	if err != nil {
		return err
	}
	return p.render(time.Now())
}

// Components are those of the configuration, with what was said of them, and what the page says of them now.
func (p *Page) Components() []Known {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.fixed.scene(&p.known, time.Now())
	all := make([]Known, len(p.config.Components))
	for i, c := range p.config.Components {
		all[i] = Known{c, p.known.Components[c.ID], now.shown(c.ID)}
	}
	return all
}

// Known is a component as it is shown, for the people who set it.
type Known struct {
	Component
	Said  Said  // State Unsaid: nobody did
	Shown State // what the public reads: what was said, or Unsaid, Unknown or Unsure
}

// Status is the channel whose posts are on the page. Its posts are found again: it is a channel.Finder.
func (p *Page) Status() channel.Channel { return &outlet{p, channel.Status} }

// Banner is the channel whose posts the app and the site show. It is a channel.Finder.
func (p *Page) Banner() channel.Channel { return &outlet{p, channel.Banner} }

// Handler serves the public page below prefix, as "/status". It serves GET and HEAD, reads no body, and sets no cookie.
func (p *Page) Handler(prefix string) http.Handler {
	return newHandler(prefix, func() *site { return &p.shown.Load().public })
}

// Exercise serves the page of an exercise below prefix, as "/exercice". There is nothing there unless the
// configuration allows it and an exercise published something in the last 24 hours.
func (p *Page) Exercise(prefix string) http.Handler {
	return newHandler(prefix, func() *site { return &p.shown.Load().exercise })
}

// contents are what was published and said, as the page knows it.
type contents struct {
	Checked      time.Time        `json:"checked,omitzero"` // when it was known last that this is all
	Posts        map[string]*Post `json:"posts"`
	Banners      map[string]*Post `json:"banners"`
	DrillPosts   map[string]*Post `json:"drill_posts,omitempty"`
	DrillBanners map[string]*Post `json:"drill_banners,omitempty"`
	Components   map[string]Said  `json:"components"`
}

func newContents() contents {
	return contents{Posts: map[string]*Post{}, Banners: map[string]*Post{}, DrillPosts: map[string]*Post{}, DrillBanners: map[string]*Post{}, Components: map[string]Said{}}
}

// merge adds what the bucket has. A post never changes, and what was said last of a component holds: so what a
// bucket that is half read, or was made anew, lacks stays known.
func (c *contents) merge(k *kinds, components []Component) {
	if k == nil {
		return
	}
	maps.Copy(c.Posts, byID(k.posts.All()))
	maps.Copy(c.Banners, byID(k.banners.All()))
	maps.Copy(c.DrillPosts, byID(k.drillPosts.All()))
	maps.Copy(c.DrillBanners, byID(k.drillBanners.All()))
	for _, of := range components {
		if said := k.components.Get(of.ID); said != nil && !said.At.Before(c.Components[of.ID].At) {
			c.Components[of.ID] = *said
		}
	}
}

func byID(posts []*Post) map[string]*Post {
	all := make(map[string]*Post, len(posts))
	for _, p := range posts {
		all[p.ID] = p
	}
	return all
}

// expire forgets what is too old.
func (c *contents) expire(now time.Time, keep time.Duration) {
	for _, of := range []struct {
		posts map[string]*Post
		keep  time.Duration
	}{{c.Posts, keep}, {c.Banners, keep}, {c.DrillPosts, keepDrills}, {c.DrillBanners, keepDrills}} {
		for _, id := range expired(of.posts, now, of.keep) {
			delete(of.posts, id)
		}
	}
}

// expired are the posts of threads whose last one is older than keep: a story is forgotten as a whole.
func expired(posts map[string]*Post, now time.Time, keep time.Duration) []string {
	last := map[string]time.Time{}
	for _, p := range posts {
		if p.At.After(last[p.Thread]) {
			last[p.Thread] = p.At
		}
	}
	var ids []string
	for id, p := range posts {
		if now.Sub(last[p.Thread]) > keep {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(a, b) })
	return ids
}

// trimPrefix is a handler's prefix as it is compared: "/status".
func trimPrefix(prefix string) string { return "/" + strings.Trim(prefix, "/") }
