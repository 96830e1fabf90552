package audience

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/internal/match"
	"vigie/internal/provider"
)

// MappingConfig is the broadcaster's system that is asked which viewer is which contact.
type MappingConfig struct {
	URL     string              `yaml:"url"`     // https; http for this machine alone, for answers have addresses in them
	Secret  string              `yaml:"-"`       // that both sides sign with, at least 16 characters
	Headers map[string]string   `yaml:"headers"` // that let a request through a gateway
	Batch   int                 `yaml:"batch"`   // ids a request; 0: 200. An answer has at most 64 KB: where it has more, fewer are asked for
	Post    provider.PostConfig `yaml:"-"`
}

// Bounds of asking.
const (
	usualBatch = 200
	maxBatch   = 1000
	askers     = 4
	askTries   = 3
	askTimeout = 20 * time.Second
	askAll     = 10 * time.Minute
	maxPause   = 15 * time.Second
	maxFailing = 8 // batches in a row that got no answer, until nobody asks any more
)

// Check says everything that is wrong, each a *match.Problem; no value of it is told.
func (c *MappingConfig) Check() error {
	var errs []error
	bad := func(key string, err error) {
		if err != nil {
			errs = append(errs, &match.Problem{Key: key, Text: err.Error()})
		}
	}
	bad("url", provider.CheckURL("url", c.URL, false))
	bad("headers", provider.CheckHeaders("headers", c.Headers))
	if len(c.Secret) < provider.MinSecret {
		bad("secret", fmt.Errorf("is shorter than %d characters", provider.MinSecret))
	}
	if c.Batch < 0 || c.Batch > maxBatch {
		bad("batch", fmt.Errorf("%d is not between 1 and %d", c.Batch, maxBatch))
	}
	return errors.Join(errs...)
}

// Mapping asks the broadcaster's system.
type Mapping struct {
	cfg  MappingConfig
	post *provider.Poster
}

// NewMapping checks c.
func NewMapping(c MappingConfig) (*Mapping, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Batch == 0 {
		c.Batch = usualBatch
	}
	c.Post.Secrets = slices.Concat(c.Post.Secrets, []string{c.Secret}, provider.URLSecrets(c.URL))
	for _, v := range c.Headers {
		c.Post.Secrets = append(c.Post.Secrets, v)
	}
	return &Mapping{c, provider.NewPoster(c.Post)}, nil
}

// question is what the broadcaster's system is asked, signed as webhooks are (provider.Sign). It answers with lines of
// JSON, in any order: {"id":"…","contact":"…"}, or {"id":"…","email":"…","phone":"…","lang":"fr","email_agree":true,
// "sms_agree":false}. Viewers whom it does not know it leaves out.
type mappingQuestion struct {
	Tool string   `json:"tool"` // whose sessions the ids are
	IDs  []string `json:"ids"`
}

// errCut is met when an answer has more than is read of one.
var errCut = errors.New("the answer is longer than is read of one")

// ask asks once.
func (m *Mapping) ask(ctx context.Context, tool string, ids []string) ([]byte, error) {
	body, err := json.Marshal(mappingQuestion{tool, ids})
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for name, value := range m.cfg.Headers {
		header.Set(name, value)
	}
	header.Set("Content-Type", "application/json")
	header.Set("Accept", "application/x-ndjson")
	header.Set(provider.SignatureHeader, provider.Sign(m.cfg.Secret, time.Now(), body))
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	a, err := m.post.Post(ctx, provider.Request{URL: m.cfg.URL, Header: header, Body: body})
	if err != nil {
		return nil, err
	}
	if len(a.Body) >= provider.MaxAnswer {
		return nil, errCut
	}
	return a.Body, nil
}

// insist asks until there is an answer, a few times: a question may be repeated, whatever became of it.
func (m *Mapping) insist(ctx context.Context, tool string, ids []string) ([]byte, error) {
	for try := 1; ; try++ {
		answer, err := m.ask(ctx, tool, ids)
		if err == nil || errors.Is(err, errCut) {
			return answer, err
		}
		f := provider.Failed(err)
		if f.Certainty == provider.Permanent || try == askTries || !wait(ctx, min(max(f.After, time.Second<<(try-1)), maxPause)) {
			return nil, err
		}
	}
}

// asking is one question of many batches.
type asking struct {
	b    *Book
	tool string

	mu      sync.Mutex
	s       *store
	i       *Import
	line    int
	unasked int
	failing int
	last    error
}

// ask stores what the broadcaster's system says of viewers as a generation that is nobody's but the caller's, who
// leaves it. unasked are those about whom there was no answer at all; where that is everybody, and where the system
// refuses us, it fails.
func (b *Book) ask(ctx context.Context, tool string, ids []string) (n uint64, unasked int, err error) {
	ctx, cancel := context.WithTimeout(ctx, askAll)
	defer cancel()
	n, done, err := b.begin(ctx, false)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	now := time.Now().UTC().Truncate(time.Millisecond)
	a := &asking{b: b, tool: tool, i: &Import{Number: n, At: now, Until: now.Add(usualViewers), Viewers: true}}
	a.s = b.newStore(ctx, a.i)
	work, working := errgroup.WithContext(ctx)
	work.SetLimit(askers)
	for batch := range slices.Chunk(ids, b.cfg.Mapping.cfg.Batch) {
		work.Go(func() error { return a.batch(working, batch) })
	}
	err = work.Wait()
	if stored := a.s.end(); err == nil {
		err = stored
	}
	if err == nil && a.unasked == len(ids) {
		err = a.last
	}
	if err != nil {
		b.leave(ctx, n)
		return 0, 0, fmt.Errorf("audience: ask which viewer is which contact: %w", err)
	}
	if a.i.Refused > 0 || a.unasked > 0 {
		b.cfg.Log.Warn("the system that maps viewers to contacts did not tell all", "viewers", len(ids), "without_answer", a.unasked, "lines", a.i.Lines, "lines_refused", a.i.Refused, "refusals", a.i.Refusals[:min(3, len(a.i.Refusals))], "error", a.last)
	}
	return n, a.unasked, nil
}

// batch asks for some, who are in order. Its error ends all asking.
func (a *asking) batch(ctx context.Context, ids []string) error {
	a.mu.Lock()
	given := a.failing >= maxFailing
	if given {
		a.unasked += len(ids)
	}
	a.mu.Unlock()
	if given {
		return nil
	}
	answer, err := a.b.cfg.Mapping.insist(ctx, a.tool, ids)
	if errors.Is(err, errCut) && len(ids) > 1 {
		half := len(ids) / 2
		return errors.Join(a.batch(ctx, ids[:half]), a.batch(ctx, ids[half:]))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.unasked += len(ids)
		a.failing++
		a.last = err
		if ctx.Err() != nil {
			return err
		}
		if f := provider.Failed(err); f.Certainty == provider.Permanent && !errors.Is(err, errCut) {
			return err
		}
		return nil
	}
	a.failing = 0
	from := a.line
	err = a.b.read(ctx, a.i, bytes.NewReader(answer), ImportOptions{Format: "json", Viewers: true}, func(line int, t *told) {
		if _, asked := slices.BinarySearch(ids, t.ID); !asked {
			a.i.refuse(line, refuse("id", "was not asked about"))
			return
		}
		a.line = from + line
		a.s.add(a.line, t)
	})
	return err
}
