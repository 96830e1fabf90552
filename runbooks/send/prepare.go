package send

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// PrepareConfig is what a send is prepared from.
type PrepareConfig struct {
	Library  *library.Library
	Audience func() *audience.Book // nil until ClickHouse is there
	Crisis   func(id string) *crisis.Crisis
	Crises   func() []*crisis.Crisis // those that go on; nil: the system prepares nothing by itself
	Limits   func() message.Limits
	// Live is what the board says now of what is hit, by Variable.Live: viewers, viewers_hit, error_rate, isp … nil: nothing.
	Live func(labels map[string]string) map[string]string
	Zone func(match string) *time.Location // of the match; nil: UTC
	Lang string                            // the house's first
}

// Draft is what a person chooses when they prepare a send.
type Draft struct {
	Crisis   string            `json:"crisis"`
	Scenario string            `json:"scenario"`
	Step     message.Step      `json:"step"`
	Values   map[string]string `json:"values,omitempty"`   // of variables; those that are not there are what Begin gives
	Channels []string          `json:"channels,omitempty"` // accounts; empty: all for which there are texts
	// Segment or Hit is the audience of personal channels of an initial message, where it is not the scenario's own.
	// What follows it goes to who got it.
	Segment string        `json:"segment,omitempty"`
	Hit     *audience.Hit `json:"hit,omitempty"`
	NextBy  time.Time     `json:"next_by,omitzero"` // promised; zero: by the scenario's timing
}

// Preview is a draft rendered, with nothing kept: for the form.
type Preview struct {
	Content  *library.Content
	Values   map[string]string // with which it was rendered
	Rendered *message.Rendered // nil: Problem says why
	Problem  error             // of the values
	Missing  []string          // variables without a value
	Findings []message.Finding // of the texts
	Audience audience.Ask      // of personal channels, of an initial message; its Kind is not set
	Previous *Send             // whose recipients it goes to; nil: of an initial one
	NextBy   time.Time         // zero: nothing is promised
	Accounts []Account         // for which there are texts
}

// Problems of a draft.
var (
	ErrNoCrisis   = errors.New("send: there is no such crisis, or it is over")
	ErrNoLibrary  = errors.New("send: no messages are configured")
	ErrNoInitial  = errors.New("send: nothing was said yet that this could follow")
	ErrPromise    = errors.New("send: the next message is promised for a moment that is past, or more than a day away")
	ErrUnderWay   = errors.New("send: the first message is still on its way, so that nobody knows yet who got it: wait, abort it, or use the channels that all can read")
	ErrNoChannel  = errors.New("send: no channel was chosen for which there are texts")
	ErrNoAudience = errors.New("send: contacts cannot be read now: ClickHouse is away. Channels that all can read can be used without it")
	ErrNoCanary   = errors.New("send: an exercise goes to the house's own people: name a segment of contacts that are them")
	ErrNoList     = errors.New("send: who is told is not chosen: a segment, or what was hit and when")
)

// usual times of a sequence.
const (
	usualInitial = 10 * time.Minute
	usualEvery   = 30 * time.Minute
	usualUpdates = 20
)

func every(t message.Timing) time.Duration { return cmp.Or(t.Every, usualEvery) }

// content is what the library lets be said: for an exercise also what nobody approved.
func (r *Room) content(ctx context.Context, c *crisis.Crisis, scenario string, step message.Step) (*library.Content, error) {
	if r.cfg.Prepare.Library == nil {
		return nil, ErrNoLibrary
	}
	if c.Drill {
		return r.cfg.Prepare.Library.ForDrill(ctx, scenario, step)
	}
	return r.cfg.Prepare.Library.ForSend(ctx, scenario, step, c.Match)
}

// Preview renders a draft. It fails when the draft cannot become a send whatever its values are.
func (r *Room) Preview(ctx context.Context, d Draft) (*Preview, error) {
	if r == nil || r.cfg.Prepare.Library == nil {
		return nil, ErrNoLibrary
	}
	c := r.cfg.Prepare.Crisis(d.Crisis)
	if c == nil || !c.Ended.IsZero() && !d.Step.Follows() {
		return nil, ErrNoCrisis
	}
	content, err := r.content(ctx, c, d.Scenario, d.Step)
	if err != nil {
		return nil, err
	}
	p := &Preview{Content: content}
	of := content.Scenario.Messages[d.Step]
	for _, a := range r.Accounts(c.Drill) {
		if len(of.Texts[a.Kind]) > 0 {
			p.Accounts = append(p.Accounts, a)
		}
	}
	now := r.cfg.now()
	if d.Step.Follows() {
		if p.Previous = r.initial(d.Crisis, d.Scenario); p.Previous == nil {
			return nil, ErrNoInitial
		}
	} else {
		switch {
		case d.Hit != nil:
			p.Audience.Hit = d.Hit
		case d.Segment != "":
			p.Audience.Segment = d.Segment
		case content.Scenario.Audience != message.Impact:
			p.Audience.Segment = content.Scenario.Audience
		}
	}
	switch {
	case d.Step == message.Resolved || d.Step == message.Cancel:
	case !d.NextBy.IsZero():
		if p.NextBy = d.NextBy.UTC().Truncate(time.Second); p.NextBy.Before(now) || p.NextBy.After(now.Add(24*time.Hour)) {
			return nil, ErrPromise
		}
	default:
		p.NextBy = rounded(now.Add(every(content.Scenario.Timing)))
	}
	p.Values = r.values(c, content, d, p, now)
	in := message.Input{Values: p.Values, Now: now, Drill: c.Drill, NextBy: p.NextBy, Zone: time.UTC}
	if r.cfg.Prepare.Zone != nil {
		in.Zone = r.cfg.Prepare.Zone(c.Match)
	}
	if r.cfg.Prepare.Limits != nil {
		in.Limits = r.cfg.Prepare.Limits()
	}
	for _, name := range content.Scenario.Uses(d.Step) {
		if p.Values[name] == "" {
			p.Missing = append(p.Missing, name)
		}
	}
	p.Findings = content.Scenario.Lint(d.Step, in.Limits)
	p.Rendered, p.Problem = content.Scenario.Render(d.Step, in)
	return p, nil
}

// rounded is a moment as people promise one: the next multiple of five minutes.
func rounded(t time.Time) time.Time {
	if r := t.Truncate(5 * time.Minute); r.Before(t) {
		return r.Add(5 * time.Minute)
	} else {
		return r
	}
}

// values are the variables' of a step: what the person typed, what the board says now, what was said before, what is
// usual, in this order.
func (r *Room) values(c *crisis.Crisis, content *library.Content, d Draft, p *Preview, now time.Time) map[string]string {
	out := content.Scenario.Prefill(d.Step, now)
	if out == nil {
		out = map[string]string{}
	}
	live := map[string]string{}
	if r.cfg.Prepare.Live != nil {
		live = r.cfg.Prepare.Live(c.Labels)
	}
	for _, name := range content.Scenario.Uses(d.Step) {
		v := content.Scenario.Variables[name]
		if v == nil {
			continue
		}
		if p.Previous != nil && v.Type != message.Time && v.Live == "" { // a moment that was promised before is over
			if last := r.last(d.Crisis, d.Scenario); last != nil && last.Rendered.Values[name] != "" {
				out[name] = last.Rendered.Values[name]
			}
		}
		switch {
		case v.Live == "minutes_since":
			out[name] = strconv.Itoa(int(now.Sub(c.Began).Minutes()))
		case v.Live == "began":
			out[name] = c.Began.UTC().Format(time.RFC3339)
		case v.Live == "next_by":
			if !p.NextBy.IsZero() {
				out[name] = p.NextBy.Format(time.RFC3339)
			}
		case v.Live != "" && live[v.Live] != "":
			out[name] = live[v.Live]
		}
		if typed, ok := d.Values[name]; ok && typed != "" {
			out[name] = typed
		}
	}
	return out
}

// initial is the send that others of a scenario follow in a crisis: the first that was confirmed and not aborted; where
// all were, the last of them, so that those whom it reached can be told that it was wrong.
func (r *Room) initial(crisis, scenario string) (out *Send) {
	for _, s := range r.Of(crisis) {
		if s.Rendered.Scenario != scenario || s.Rendered.Step != message.Initial || s.Confirmed.IsZero() {
			continue
		}
		if out = s; s.State != Aborted {
			return s
		}
	}
	return out
}

// last is the newest confirmed send of a scenario in a crisis.
func (r *Room) last(crisis, scenario string) (out *Send) {
	for _, s := range r.Of(crisis) {
		if s.Rendered.Scenario == scenario && !s.Confirmed.IsZero() {
			out = s
		}
	}
	return out
}

// Prepare renders a draft and freezes its lists, which takes some seconds for hundreds of thousands of people.
func (r *Room) Prepare(ctx context.Context, by string, d Draft) (*Send, error) {
	if r == nil {
		return nil, ErrNoLibrary
	}
	return r.prepare(ctx, by, newID(r.cfg.now()), d)
}

func (r *Room) prepare(ctx context.Context, by, id string, d Draft) (*Send, error) {
	p, err := r.Preview(ctx, d)
	if err != nil {
		return nil, err
	}
	if p.Problem != nil {
		return nil, p.Problem
	}
	c := r.cfg.Prepare.Crisis(d.Crisis)
	now := r.cfg.now()
	s := &Send{
		ID: id, Crisis: c.ID, Match: c.Match, Drill: c.Drill, Rendered: *p.Rendered, Authors: p.Content.Authors, Approved: p.Content.Approver,
		FirstLang: cmp.Or(r.cfg.Prepare.Lang, "fr"), NextBy: p.NextBy, State: Prepared, By: by, At: now,
	}
	if p.Previous != nil {
		s.Previous = p.Previous.ID
	}
	if by != "" {
		if err := s.maySend(by); err != nil {
			return nil, err
		}
	}
	for _, a := range p.Accounts {
		if len(d.Channels) > 0 && !slices.Contains(d.Channels, a.ID) {
			continue
		}
		leg, err := r.leg(ctx, s, a, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.ID, err)
		}
		if leg != nil {
			s.Legs = append(s.Legs, *leg)
		}
	}
	if len(s.Legs) == 0 {
		return nil, ErrNoChannel
	}
	s.Digest = s.digest()
	s.note(Act{At: now, By: by, What: ActPrepare})
	if err := r.sends.Create(ctx, s.ID, s); err != nil {
		return nil, err
	}
	r.tell(ctx, s, Act{At: now, By: by, What: ActPrepare})
	return s, nil
}

// leg is a send's part of one account; nil: nobody is told through it.
func (r *Room) leg(ctx context.Context, s *Send, a Account, p *Preview) (*Leg, error) {
	leg := &Leg{Channel: a.ID, Kind: a.Kind, Rate: a.Rate}
	texts := s.Rendered.Texts[a.Kind]
	if !a.Kind.Personal() {
		leg.Posts = slices.Sorted(maps.Keys(texts))
		if i := slices.Index(leg.Posts, s.FirstLang); i > 0 { // the house's own language first
			leg.Posts = slices.Insert(slices.Delete(leg.Posts, i, i+1), 0, s.FirstLang)
		}
		leg.Earlier = r.earlier(ctx, s, a)
		return leg, nil
	}
	book := (*audience.Book)(nil)
	if r.cfg.Prepare.Audience != nil {
		book = r.cfg.Prepare.Audience()
	}
	if book == nil {
		return nil, ErrNoAudience
	}
	frozen, err := r.freeze(ctx, book, s, a, p)
	if frozen == nil || err != nil {
		return nil, err
	}
	leg.List = *frozen
	for lang, n := range frozen.ByLang {
		leg.Units += n * max(1, texts[s.speaks(a.Kind, lang)].Measure.Segments)
	}
	leg.Cost = float64(leg.Units) * a.Price
	if a.Rate > 0 {
		leg.Takes = time.Duration(float64(frozen.Size) / a.Rate * float64(time.Second)).Round(time.Second)
	}
	return leg, nil
}

// freeze makes the list of a leg; nil: nobody was told through it before. An exercise goes to the house's own people,
// whoever it is about.
func (r *Room) freeze(ctx context.Context, book *audience.Book, s *Send, a Account, p *Preview) (*audience.Frozen, error) {
	before, err := r.told(ctx, s, a)
	if err != nil {
		return nil, err
	}
	if p.Previous != nil {
		got := before.reached()
		if got == nil {
			return nil, nil
		}
		return book.FreezeKeys(ctx, got, nil, audience.FreezeOptions{By: s.By})
	}
	ask := p.Audience
	if s.Drill {
		ask = audience.Ask{}
		for _, segment := range book.Segments() {
			if segment.Canary {
				ask.Segment = segment.ID
			}
		}
		if ask.Segment == "" {
			return nil, ErrNoCanary
		}
	}
	if ask.Segment == "" && ask.Hit == nil {
		return nil, ErrNoList
	}
	ask.Kind = a.Kind
	o := audience.FreezeOptions{By: s.By}
	if !s.Drill {
		if err := r.readMatch(ctx, s.Match); err != nil {
			return nil, err
		}
		o.Told = counted{r, s.Match}
	}
	frozen, err := book.Freeze(ctx, ask, o)
	if err != nil || len(before) == 0 {
		return frozen, err
	}
	// An earlier first message was aborted: who got it, perhaps, does not get it again.
	list, err := book.Load(ctx, frozen.ID)
	if err != nil {
		return nil, err
	}
	return book.FreezeKeys(ctx, list, func(key string) bool { return !before.perhaps(key) }, o)
}

// readMatch waits until it is known here what people were told in a match, for the cap on it.
func (r *Room) readMatch(ctx context.Context, match string) error {
	for _, s := range r.sends.All() {
		if s.Match != match || s.Drill || s.Confirmed.IsZero() || s.Forgotten || s.Rendered.Step.Follows() || s.People() == 0 {
			continue
		}
		if !s.Ended.IsZero() && r.cfg.now().Sub(s.Ended) > followFor {
			continue
		}
		l, err := r.open(ctx, s)
		if err == nil {
			err = l.hearAll(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// counted is what people were told in a match.
type counted struct {
	r     *Room
	match string
}

func (c counted) Count(key string) int { return c.r.Count(c.match, key) }

// earlier are the receipts of what was said last through an account in this crisis, by language: what is said next
// answers it.
func (r *Room) earlier(ctx context.Context, s *Send, a Account) map[string]string {
	if s.Previous == "" {
		return nil
	}
	out := map[string]string{}
	for _, before := range r.Of(s.Crisis) {
		if before.Rendered.Scenario != s.Rendered.Scenario || before.Confirmed.IsZero() {
			continue
		}
		at := slices.IndexFunc(before.Legs, func(l Leg) bool { return l.Channel == a.ID })
		if at < 0 {
			continue
		}
		l, err := r.open(ctx, before)
		if err != nil {
			continue
		}
		for i, lang := range before.Legs[at].Posts {
			if e, _, err := l.read(ctx, at, i); err == nil && e.Receipt != "" {
				out[lang] = e.Receipt
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// newID is a send's: it stands in addresses, and begins every message's id.
func newID(now time.Time) string {
	return now.Format("20060102t150405") + "-" + strings.ToLower(rand.Text()[:6])
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// digest is of all that the second person confirms.
func (s *Send) digest() string {
	type leg struct {
		Channel string
		Kind    channel.Kind
		List    string
		Size    int
		Posts   []string
	}
	legs := make([]leg, len(s.Legs))
	for i, l := range s.Legs {
		legs[i] = leg{l.Channel, l.Kind, l.List.Hash, l.Size(), l.Posts}
	}
	b, err := json.Marshal(struct {
		Crisis   string
		Drill    bool
		Rendered message.Rendered
		Legs     []leg
		NextBy   time.Time
		Previous string
	}{s.Crisis, s.Drill, s.Rendered, legs, s.NextBy, s.Previous})
	if err != nil {
		panic(err) // of structs of ours
	}
	return hashOf(b)
}
