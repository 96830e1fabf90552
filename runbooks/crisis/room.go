package crisis

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/internal/bus"
	"vigie/internal/state"
)

// What can go wrong with an act, beside an Invalid, an Already and the errors of the bus.
var (
	ErrNotFound = errors.New("crisis: not found")
	ErrOver     = errors.New("crisis: it has ended")
	ErrOpen     = errors.New("crisis: it has not ended")
	ErrTooLate  = errors.New("crisis: it ended more than an hour ago: open another one")
	ErrFull     = errors.New("crisis: no more can be kept")
)

// Invalid says which value of an act cannot be taken, and why.
type Invalid struct{ Field, Reason string }

func (e Invalid) Error() string { return e.Field + ": " + e.Reason }

// Already refuses to open a crisis about a problem that belongs to one that is open.
type Already struct{ Crisis, Problem string }

func (e Already) Error() string {
	return fmt.Sprintf("crisis: problem %s belongs to %s", e.Problem, e.Crisis)
}

// Bounds of what is kept.
const (
	MaxOpen     = 50  // crises at a time
	MaxProblems = 50  // of a crisis
	MaxTitle    = 160 // characters
	MaxNote     = 2000
	MaxArg      = 500 // characters of an argument
	MaxArgs     = 12
	MaxLines    = 10_000 // of a crisis
	MaxLabels   = 16
	maxLabel    = 200
	maxName     = 120 // characters, of persons
	maxActs     = 500 // done to a crisis itself
	maxKept     = 2000
	reopenFor   = time.Hour
	began       = 24 * time.Hour // how long before it is opened a crisis may have been felt
)

// Config is what a Room is made of.
type Config struct {
	State *state.Bucket // not loaded yet: the Room keeps its kinds there
	Lines *bus.Stream   // see Stream
	Log   *slog.Logger
}

// Room is where crises are opened, led and ended. Its methods may be called at the same time. What it tells is what was
// last heard of; each act is kept once it returns.
type Room struct {
	cfg    Config
	crises *state.Kind[Crisis]
	claims *state.Kind[claim]
	lines  *lines
}

// New is a Room that knows nothing yet: load its bucket, then Load it, then Run both.
func New(cfg Config) *Room {
	return &Room{
		cfg: cfg, crises: state.Keep[Crisis](cfg.State, "crisis."), claims: state.Keep[claim](cfg.State, "crisisof."),
		lines: newLines(cfg.Lines),
	}
}

// Clean is what somebody typed as it is kept: valid UTF-8, without control characters but line breaks, and without those
// that nobody sees. It is an Invalid when it is longer than most characters, or must be there and is not.
func Clean(field, text string, most int, must bool) (string, error) {
	if len(text) > 8*most+1024 {
		return "", Invalid{field, fmt.Sprintf("is longer than %d characters", most)}
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == utf8.RuneError, unicode.In(r, unicode.Cf, unicode.Co):
			return -1
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		}
		return r
	}, strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n"))
	text = strings.TrimSpace(text)
	switch {
	case text == "" && must:
		return "", Invalid{field, "is missing"}
	case utf8.RuneCountInString(text) > most:
		return "", Invalid{field, fmt.Sprintf("is longer than %d characters", most)}
	}
	return text, nil
}

// CleanLabels are labels as they are kept; those without a value are left out.
func CleanLabels(labels map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name == "" || len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return nil, Invalid{"labels", fmt.Sprintf("%.40q is not 1 to 40 of a-z, 0-9 and _", name)}
		}
		value, err := line("labels."+name, labels[name], maxLabel, false)
		if err != nil {
			return nil, err
		}
		if value != "" {
			out[name] = value
		}
	}
	if len(out) > MaxLabels {
		return nil, Invalid{"labels", fmt.Sprintf("are more than %d", MaxLabels)}
	}
	return out, nil
}

// line is Clean for what stands in one line.
func line(field, text string, most int, must bool) (string, error) {
	text, err := Clean(field, text, most, must)
	return strings.ReplaceAll(text, "\n", " "), err
}

// person checks an account's name.
func person(field, name string) error {
	_, err := Clean(field, name, maxName, true)
	return err
}

// newID sorts by the time at which it is made.
func newID(at time.Time) string {
	return at.UTC().Format("20060102-150405") + "-" + strings.ToLower(rand.Text()[:6])
}

// Open opens a crisis of c's Title, Match, Drill, Labels, Problems and Began, zero: now. The one who opens it leads it,
// unless c has a Lead. An Already names the crisis that one of the problems belongs to; ErrFull: too many are open.
func (r *Room) Open(ctx context.Context, by string, c Crisis) (*Crisis, error) {
	now := time.Now().UTC().Round(0)
	if err := person("by", by); err != nil {
		return nil, err
	}
	title, err := line("title", c.Title, MaxTitle, true)
	if err != nil {
		return nil, err
	}
	labels, err := CleanLabels(c.Labels)
	if err != nil {
		return nil, err
	}
	problems, err := cleanProblems(c.Problems)
	if err != nil {
		return nil, err
	}
	if c.Match, err = line("match", c.Match, 64, false); err != nil {
		return nil, err
	}
	lead := cmp.Or(c.Lead, by)
	if err := person("lead", lead); err != nil {
		return nil, err
	}
	start := c.Began.UTC().Round(0)
	switch {
	case c.Began.IsZero():
		start = now
	case start.After(now.Add(time.Minute)):
		return nil, Invalid{"began", "is not over yet"}
	case start.Before(now.Add(-began)):
		return nil, Invalid{"began", "is more than a day ago"}
	}
	if len(r.Current()) >= MaxOpen {
		return nil, ErrFull
	}
	made := &Crisis{ID: newID(now), Title: title, Match: c.Match, Drill: c.Drill, Labels: labels, Problems: problems, Began: start, Opened: now, By: by, Lead: lead}
	if err := r.claim(ctx, made.ID, problems, now); err != nil {
		return nil, err
	}
	args := map[string]string{"title": title}
	if lead != by {
		args["lead"] = lead
	}
	made.act(Line{At: now, What: Opened, By: by, Args: args})
	if err := r.crises.Create(ctx, made.ID, made); err != nil {
		return nil, err
	}
	r.told(ctx, made)
	r.prune(ctx)
	return made, nil
}

// prune lets go of the oldest crises that have ended; their lines stay as long as the stream keeps them.
func (r *Room) prune(ctx context.Context) {
	all := r.crises.All()
	for i := 0; len(all)-i > maxKept && i < 10; i++ {
		if !all[i].Open() {
			if err := r.crises.Delete(ctx, all[i].ID); err != nil {
				r.cfg.Log.Warn("crisis: let go of an old one", "crisis", all[i].ID, "error", err)
			}
		}
	}
}

// act writes a line into c's own acts.
func (c *Crisis) act(l Line) {
	l.Crisis, l.Drill = c.ID, c.Drill
	l.ID = fmt.Sprintf("%s.%d", c.ID, len(c.Acts)+1)
	c.Acts = append(c.Acts, l)
}

// edit changes an open crisis, and its timeline with it.
func (r *Room) edit(ctx context.Context, by, id string, f func(c *Crisis, now time.Time) (*Line, error)) (*Crisis, error) {
	if err := person("by", by); err != nil {
		return nil, err
	}
	if !validID(id) {
		return nil, ErrNotFound
	}
	c, err := r.crises.Edit(ctx, id, func(c *Crisis) error {
		now := time.Now().UTC().Round(0)
		l, err := f(c, now)
		switch {
		case err != nil:
			return err
		case l == nil:
			return state.ErrUnchanged
		case len(c.Acts) >= maxActs && l.What != Ended:
			return ErrFull
		}
		l.At, l.By = now, by
		c.act(*l)
		return nil
	})
	if errors.Is(err, bus.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	r.told(ctx, c)
	return c, nil
}

func open(f func(c *Crisis) (*Line, error)) func(*Crisis, time.Time) (*Line, error) {
	return func(c *Crisis, _ time.Time) (*Line, error) {
		if !c.Open() {
			return nil, ErrOver
		}
		return f(c)
	}
}

// Lead hands a crisis over to someone. The one who leads it already is no error.
func (r *Room) Lead(ctx context.Context, by, id, to string) (*Crisis, error) {
	if err := person("to", to); err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, open(func(c *Crisis) (*Line, error) {
		if c.Lead == to {
			return nil, nil
		}
		from := c.Lead
		c.Lead = to
		return &Line{What: Led, Args: pairs("to", to, "from", from)}, nil
	}))
}

// Describe changes a crisis's title and labels, as more becomes known.
func (r *Room) Describe(ctx context.Context, by, id, title string, labels map[string]string) (*Crisis, error) {
	title, err := line("title", title, MaxTitle, true)
	if err != nil {
		return nil, err
	}
	if labels, err = CleanLabels(labels); err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, open(func(c *Crisis) (*Line, error) {
		if c.Title == title && maps.Equal(c.Labels, labels) {
			return nil, nil
		}
		args := pairs("title", title)
		names := slices.Sorted(maps.Keys(labels))
		for _, name := range names[:min(len(names), MaxArgs-1)] {
			args["label_"+name] = labels[name]
		}
		c.Title, c.Labels = title, labels
		return &Line{What: Described, Args: args}, nil
	}))
}

// End ends a crisis, with a note for who reads its timeline; "": none. ErrOver: somebody else did.
func (r *Room) End(ctx context.Context, by, id, note string) (*Crisis, error) {
	note, err := Clean("note", note, MaxNote, false)
	if err != nil {
		return nil, err
	}
	return r.edit(ctx, by, id, func(c *Crisis, now time.Time) (*Line, error) {
		if !c.Open() {
			return nil, ErrOver
		}
		c.Ended, c.EndBy = now, by
		return &Line{What: Ended, Text: note}, nil
	})
}

// Reopen opens a crisis again that ended within the last hour. Its problems are its own again, unless another crisis
// has them now.
func (r *Room) Reopen(ctx context.Context, by, id, why string) (*Crisis, error) {
	why, err := Clean("note", why, MaxNote, false)
	if err != nil {
		return nil, err
	}
	if len(r.Current()) >= MaxOpen {
		return nil, ErrFull
	}
	c, err := r.edit(ctx, by, id, func(c *Crisis, now time.Time) (*Line, error) {
		switch {
		case c.Open():
			return nil, ErrOpen
		case now.Sub(c.Ended) > reopenFor:
			return nil, ErrTooLate
		}
		c.Ended, c.EndBy = time.Time{}, ""
		return &Line{What: Reopened, Text: why}, nil
	})
	return c, err
}

// Get is the crisis with an id; nil: there is none. What Get and its like return is everybody's: not to be changed.
func (r *Room) Get(id string) *Crisis { return r.crises.Get(id) }

// All are all crises that are kept, the last opened first.
func (r *Room) All() []*Crisis {
	all := r.crises.All()
	slices.Reverse(all)
	return all
}

// Current are the crises that go on, the last opened first.
func (r *Room) Current() []*Crisis {
	return slices.DeleteFunc(r.All(), func(c *Crisis) bool { return !c.Open() })
}

// OnChange calls f after each change of a crisis or a timeline, of this process or another's: f must not wait.
func (r *Room) OnChange(f func()) {
	r.cfg.State.OnChange(f)
	r.lines.onChange(f)
}

// Version is another one after each change.
func (r *Room) Version() uint64 { return r.cfg.State.Version() + r.lines.now() }

func validID(id string) bool {
	return id != "" && len(id) <= 100 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// pairs makes arguments of names and values; empty values are left out.
func pairs(values ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(values); i += 2 {
		if values[i+1] != "" {
			m[values[i]] = values[i+1]
		}
	}
	return m
}
