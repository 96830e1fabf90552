package statuspage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"vigie/internal/match"
	"vigie/internal/provider"
	"vigie/internal/state"
	"vigie/runbooks/channel"
)

// outlet is the page, or the banner, as a channel.
type outlet struct {
	page *Page
	kind channel.Kind
}

var _ channel.Finder = (*outlet)(nil)

// Send publishes m. A repeat of what was published is taken again, and changes nothing; another text under an ID that
// is taken is refused.
func (o *outlet) Send(ctx context.Context, _ string, m *channel.Message) (provider.Receipt, error) {
	kind, err := o.where(m)
	if err != nil {
		return provider.Receipt{}, err
	}
	post, err := newPost(m, time.Now())
	if err != nil {
		return provider.Receipt{}, &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonRefused, Err: err}
	}
	if o.kind == channel.Banner && o.page.config.Labels != nil {
		post.Labels = aimed(o.page.config.Labels(m.Thread))
	}
	kept, err := kind.Set(ctx, m.ID, func(there *Post) error {
		switch {
		case there.ID == "":
			*there = *post
			return nil
		case there.same(post):
			return state.ErrUnchanged
		}
		return &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonRefused, Err: fmt.Errorf("post %s is another text: what was published is not edited", m.ID)}
	})
	if err != nil {
		if f, ok := errors.AsType[*provider.Failure](err); ok {
			return provider.Receipt{}, f
		}
		return provider.Receipt{}, lost(err)
	}
	if err := o.page.render(time.Now()); err != nil { // it is kept: Run tries again
		o.page.log.Error("render the status page: it shows what it showed", "error", err)
	}
	return o.receipt(kept), nil
}

// Find asks the bucket itself.
func (o *outlet) Find(ctx context.Context, _ string, m *channel.Message) (provider.Receipt, bool, error) {
	kind, err := o.where(m)
	if err != nil {
		return provider.Receipt{}, false, err
	}
	kept, err := kind.Set(ctx, m.ID, func(there *Post) error {
		if there.ID == "" {
			return errNone
		}
		return state.ErrUnchanged
	})
	switch {
	case errors.Is(err, errNone):
		return provider.Receipt{}, false, nil
	case err != nil:
		return provider.Receipt{}, false, lost(err)
	}
	return o.receipt(kept), true, nil
}

var errNone = errors.New("there is no such post")

// where is the kind that keeps m: an exercise's is never that of what is public.
func (o *outlet) where(m *channel.Message) (*state.Kind[Post], error) {
	k := o.page.bucket.Load()
	switch {
	case m.Drill && !o.page.config.Exercises:
		return nil, &provider.Failure{Certainty: provider.Permanent, Reason: provider.ReasonConfig, Err: errors.New("exercises have no status page: allow it with exercises: true")}
	case k == nil:
		return nil, &provider.Failure{Certainty: provider.Temporary, Reason: provider.ReasonUnreachable, Err: errors.New("the bus is not there yet")}
	case m.Drill && o.kind == channel.Banner:
		return k.drillBanners, nil
	case m.Drill:
		return k.drillPosts, nil
	case o.kind == channel.Banner:
		return k.banners, nil
	}
	return k.posts, nil
}

func (o *outlet) receipt(p *Post) provider.Receipt {
	text := o.page.config.URL
	if o.kind == channel.Status && text != "" {
		text += p.pageLang() + "/#" + threadID(p.Thread)
	}
	return provider.Receipt{ID: p.ID, Text: provider.Line(text, 200)}
}

// lost is an outcome that the bus did not tell. It is safe to send the same again.
func lost(err error) *provider.Failure {
	return &provider.Failure{Certainty: provider.Ambiguous, Reason: provider.ReasonServer, Err: err}
}

// newPost is m as it is kept, or what is wrong with it.
func newPost(m *channel.Message, now time.Time) (*Post, error) {
	switch {
	case match.ParseID(m.ID) != nil:
		return nil, fmt.Errorf("id: %w", match.ParseID(m.ID))
	case match.ParseID(m.Thread) != nil:
		return nil, fmt.Errorf("thread: %w", match.ParseID(m.Thread))
	case len(m.Lang) < 2 || len(m.Lang) > 12 || match.ParseID(m.Lang) != nil:
		return nil, fmt.Errorf("lang: %.20q is no language", m.Lang)
	case !slices.Contains(steps, m.Step):
		return nil, fmt.Errorf("step: %.40q is none of %v", m.Step, steps)
	case m.Text == "":
		return nil, errors.New("text: missing")
	case utf8.RuneCountInString(m.Text) > maxText:
		return nil, fmt.Errorf("text: longer than %d characters", maxText)
	case utf8.RuneCountInString(m.Subject) > maxSubject:
		return nil, fmt.Errorf("subject: longer than %d characters", maxSubject)
	case !printable(m.Subject):
		return nil, errors.New("subject: has characters that cannot be shown")
	case !printableLines(m.Text):
		return nil, errors.New("text: has characters that cannot be shown")
	case m.At.IsZero():
		return nil, errors.New("at: missing")
	case m.At.Sub(now) > maxAhead:
		return nil, fmt.Errorf("at: %s is ahead of this clock", m.At.Format(time.RFC3339))
	case m.NextBy.Sub(m.At) > maxPromise:
		return nil, fmt.Errorf("next by: %s is too far away", m.NextBy.Format(time.RFC3339))
	}
	p := &Post{ID: m.ID, Lang: m.Lang, Thread: m.Thread, Step: m.Step, Subject: m.Subject, Text: m.Text, At: m.At.UTC()}
	if !m.NextBy.IsZero() {
		p.NextBy = m.NextBy.UTC()
	}
	return p, nil
}

// aims are the labels of a crisis that a banner carries. Others, such as its CDN, are not for the public.
var aims = []string{"channel", "region"}

// aimed are the labels of a crisis that may be published.
func aimed(labels map[string]string) map[string]string {
	var out map[string]string
	for _, name := range aims {
		if value := labels[name]; value != "" && len(value) <= maxLabel && printable(value) {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = value
		}
	}
	return out
}
