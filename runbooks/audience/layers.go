package audience

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"vigie/internal/ch"
	"vigie/internal/state"
)

// head says which generations of the table of contacts are in use. An import, a deletion and a purge each write a
// generation of their own, and then put it here by compare-and-set: until that moment nothing of it counts, from then
// on all of it does. What is in the table and not here belongs to somebody who died, and is dropped.
type head struct {
	Next   uint64  `json:"next"`             // the last number that was given to an import, or to a rewrite
	Layers []layer `json:"layers,omitempty"` // of contacts, the latest last
	Maps   []layer `json:"maps,omitempty"`   // of viewers' contacts
	Open   []open  `json:"open,omitempty"`   // being written
}

// layer is one generation in use.
type layer struct {
	N     uint64    `json:"n"`
	Rows  uint64    `json:"rows"`
	Once  bool      `json:"once,omitempty"` // each contact is once in it
	Until time.Time `json:"until,omitzero"` // of Maps: when it goes
}

// open is a generation that somebody writes.
type open struct {
	N       uint64    `json:"n"`
	Rewrite bool      `json:"rewrite,omitempty"` // of what is there; else an import
	At      time.Time `json:"at"`
	Beat    time.Time `json:"beat"` // of who writes it
}

const (
	headID = "head"
	// beatEvery is how often who writes a generation says so; staleAfter, when nobody believes it any more.
	beatEvery  = 10 * time.Second
	staleAfter = 2 * time.Minute
	// maxOpen bounds the imports that run at once, maxLayers the generations that each question reads.
	maxOpen   = 8
	maxLayers = 8
	maxMaps   = 20
)

func numbers(layers []layer) []uint64 {
	out := make([]uint64, len(layers))
	for i, l := range layers {
		out[i] = l.N
	}
	return out
}

// choosing is how statements choose, of the rows of a contact, the one that holds.
var choosing = regexp.MustCompile(`\s+ORDER BY id, version DESC, line DESC\s+LIMIT 1 BY id`)

// unchosen are the statements, by their names, for contacts who are in one generation, each once: there is nothing to
// choose then, which is most of what they cost.
func unchosen(sql map[string]string) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range []string{"people", "attributes", "languages"} {
		if out[name] = choosing.ReplaceAllString(sql[name], ""); out[name] == sql[name] {
			return nil, fmt.Errorf("audience: %s.sql does not choose among rows as all do", name)
		}
	}
	return out, nil
}

func (b *Book) statement(name string, of []layer) string {
	if len(of) == 1 && of[0].Once {
		return b.once[name]
	}
	return b.sql[name]
}

func rows(layers []layer) (n uint64) {
	for _, l := range layers {
		n += l.Rows
	}
	return n
}

// now is the head as the bucket has it at this moment, whatever this process has heard.
func (b *Book) now(ctx context.Context) (*head, error) {
	h, err := b.heads.Set(ctx, headID, func(*head) error { return state.ErrUnchanged })
	if err != nil {
		return nil, fmt.Errorf("audience: which contacts are in use: %w", err)
	}
	return h, nil
}

// steady calls read with the generations in use, and again where they have changed meanwhile: a generation that is
// not in use any more may be dropped while it is read, and would then be half there.
func (b *Book) steady(ctx context.Context, read func(h *head) error) error {
	for range 5 {
		before, err := b.now(ctx)
		if err != nil {
			return err
		}
		if err := read(before); err != nil {
			return err
		}
		after, err := b.now(ctx)
		if err != nil {
			return err
		}
		if slices.Equal(before.Layers, after.Layers) && slices.Equal(before.Maps, after.Maps) {
			return nil
		}
	}
	return errors.New("audience: the contacts change faster than they can be read: try again")
}

// begin takes a number for a generation, and keeps saying that it is being written until done is called.
func (b *Book) begin(ctx context.Context, rewrite bool) (n uint64, done func(), err error) {
	now := time.Now().UTC()
	_, err = b.heads.Set(ctx, headID, func(h *head) error {
		running := 0
		for _, o := range h.Open {
			if now.Sub(o.Beat) < staleAfter && o.Rewrite == rewrite {
				running++
			}
		}
		if running >= maxOpen || rewrite && running > 0 {
			return ErrBusy
		}
		h.Next++
		n = h.Next
		h.Open = append(h.Open, open{n, rewrite, now, now})
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	beating, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for t := time.NewTicker(beatEvery); ; {
			select {
			case <-beating.Done():
				t.Stop()
				return
			case <-t.C:
				_, err := b.heads.Edit(beating, headID, func(h *head) error {
					i := slices.IndexFunc(h.Open, func(o open) bool { return o.N == n })
					if i < 0 {
						return state.ErrUnchanged
					}
					h.Open[i].Beat = time.Now().UTC()
					return nil
				})
				if err != nil && beating.Err() == nil {
					b.cfg.Log.Warn("say that an import goes on", "error", err)
				}
			}
		}
	}()
	return n, func() { stop(); <-ended }, nil
}

var errGivenUp = errors.New("audience: it took so long to be heard of that others gave it up: do it again")

// commit puts a generation among those in use, as change says, and ends its writing.
func (b *Book) commit(ctx context.Context, n uint64, change func(h *head) error) error {
	_, err := b.heads.Edit(ctx, headID, func(h *head) error {
		i := slices.IndexFunc(h.Open, func(o open) bool { return o.N == n })
		if i < 0 {
			return errGivenUp
		}
		h.Open = slices.Delete(h.Open, i, i+1)
		return change(h)
	})
	return err
}

// leave ends the writing of a generation that is not used, and drops what was written of it. It works though ctx has
// ended; what it cannot do, Tidy does later.
func (b *Book) leave(ctx context.Context, n uint64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	err := b.drop(ctx, n)
	if err == nil {
		_, err = b.heads.Edit(ctx, headID, func(h *head) error {
			h.Open = slices.DeleteFunc(h.Open, func(o open) bool { return o.N == n })
			return nil
		})
	}
	if err != nil {
		b.cfg.Log.Warn("drop an import that is not used: it is tried again", "generation", n, "error", err)
	}
}

func (b *Book) drop(ctx context.Context, n uint64) error {
	return b.cfg.DB.Exec(ctx, b.sql["drop"], ch.P("generation", strconv.FormatUint(n, 10)))
}

func (b *Book) count(ctx context.Context, n uint64) (uint64, error) {
	var found []struct {
		N uint64 `ch:"n"`
	}
	if err := b.cfg.DB.Select(ctx, &found, b.sql["count"], ch.P("generation", n)); err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].N, nil
}

// without is what a rewrite leaves out; its zero value leaves out what newer rows replace.
type without struct {
	expired time.Time // contacts whose date is not after this
	erased  string    // a contact, and viewers that are it
	imp     uint64    // contacts whose latest word is an import's
}

func (w without) params() []ch.Param {
	expired := w.expired
	if expired.IsZero() {
		expired = time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC) // before any: ClickHouse reads no 0
	}
	return []ch.Param{ch.P("expired", expired.UTC().Truncate(time.Second)), ch.P("import", w.imp), ch.P("erased", w.erased)}
}

// copyPart is how many rows one statement copies, about.
const copyPart = 1_000_000

// rewrite writes the rows that hold of some generations as one, and puts it in their place. They are those from the
// i-th on, of contacts or of maps; where somebody else replaced one of them meanwhile, that holds: ErrChanged.
func (b *Book) rewrite(ctx context.Context, of []layer, maps bool, w without) error {
	n, done, err := b.begin(ctx, true)
	if err != nil {
		return err
	}
	defer done()
	if err := b.copy(ctx, n, of, maps, w); err != nil {
		b.leave(ctx, n)
		return err
	}
	return nil
}

func (b *Book) copy(ctx context.Context, n uint64, of []layer, maps bool, w without) error {
	parts := rows(of)/copyPart + 1
	for part := range parts {
		params := append(w.params(), ch.P("generation", n), ch.P("of", numbers(of)), ch.P("parts", parts), ch.P("part", part))
		if err := b.cfg.DB.Exec(ctx, b.sql["copy"], params...); err != nil {
			return fmt.Errorf("audience: write contacts once more: %w", err)
		}
	}
	stored, err := b.count(ctx, n)
	if err != nil {
		return fmt.Errorf("audience: count contacts: %w", err)
	}
	err = b.commit(ctx, n, func(h *head) error {
		in := &h.Layers
		if maps {
			in = &h.Maps
		}
		i := slices.Index(*in, of[0])
		if i < 0 || len(*in)-i < len(of) || !slices.Equal((*in)[i:i+len(of)], of) {
			return ErrChanged
		}
		*in = slices.Replace(*in, i, i+len(of), layer{n, stored, true, latest(of)})
		return nil
	})
	if err != nil {
		return err
	}
	for _, l := range of { // nobody reads them any more but who will notice; where it fails, Tidy does it
		_ = b.drop(ctx, l.N)
	}
	return nil
}

// latest is when the last of some maps goes; zero of contacts, whose rows have dates of their own alone.
func latest(of []layer) (t time.Time) {
	for _, l := range of {
		if l.Until.After(t) {
			t = l.Until
		}
	}
	return t
}

// purge rewrites all contacts, and all maps, without some. gone tells what was there of them.
func (b *Book) purge(ctx context.Context, w without) (gone int, err error) {
	for range 10 {
		h, err := b.now(ctx)
		if err != nil {
			return gone, err
		}
		again := false
		for _, in := range []struct {
			layers []layer
			maps   bool
		}{{h.Layers, false}, {h.Maps, true}} {
			if len(in.layers) == 0 {
				continue
			}
			n, err := b.expired(ctx, in.layers, w)
			if err != nil {
				return gone, err
			}
			if n == 0 {
				continue
			}
			err = b.rewrite(ctx, in.layers, in.maps, w)
			if errors.Is(err, ErrChanged) || errors.Is(err, ErrBusy) {
				again = true
				if !wait(ctx, 500*time.Millisecond) {
					return gone, ctx.Err()
				}
				continue
			}
			if err != nil {
				return gone, err
			}
			gone += n
		}
		if !again {
			return gone, nil
		}
	}
	return gone, ErrBusy
}

// expired counts the rows that hold and that w would leave out.
func (b *Book) expired(ctx context.Context, of []layer, w without) (int, error) {
	var found []struct {
		Contacts uint64 `ch:"contacts"`
		Expired  uint64 `ch:"expired"`
		Imported uint64 `ch:"imported"`
		Erased   uint64 `ch:"erased"`
	}
	if err := b.cfg.DB.Select(ctx, &found, b.sql["expired"], append(w.params(), ch.P("of", numbers(of)))...); err != nil {
		return 0, fmt.Errorf("audience: look for contacts: %w", err)
	}
	if len(found) == 0 {
		return 0, nil
	}
	n := uint64(0)
	if !w.expired.IsZero() {
		n += found[0].Expired
	}
	if w.imp != 0 {
		n += found[0].Imported
	}
	if w.erased != "" {
		n += found[0].Erased
	}
	return int(n), nil
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// merge makes few generations of many: the latest ones, up to one that is more than twice as large as they are
// together, so that each row is written again a few times only.
func (b *Book) merge(ctx context.Context) error {
	h, err := b.now(ctx)
	if err != nil || len(h.Layers) <= maxLayers {
		return err
	}
	from := len(h.Layers) - 1
	sum := h.Layers[from].Rows
	for from > 0 && (h.Layers[from-1].Rows <= 2*sum || from > maxLayers/2) {
		from--
		sum += h.Layers[from].Rows
	}
	err = b.rewrite(ctx, h.Layers[from:], false, without{})
	if errors.Is(err, ErrBusy) || errors.Is(err, ErrChanged) {
		return nil // somebody does it, or it is for later
	}
	return err
}

// Tidy does what is due at now: contacts past their date go, lists past theirs are forgotten, imports that nobody
// writes any more are dropped, and many small imports are made into one.
func (b *Book) Tidy(ctx context.Context, now time.Time) error {
	_, purged := b.purge(ctx, without{expired: now})
	return errors.Join(purged, b.sweep(ctx, now), b.merge(ctx), b.forgetDue(ctx, now))
}

// sweep drops what nobody uses.
func (b *Book) sweep(ctx context.Context, now time.Time) error {
	// First what is stored, then what is in use: what is begun in between is not among the first.
	var stored []struct {
		Generation uint64 `ch:"generation"`
	}
	if err := b.cfg.DB.Select(ctx, &stored, b.sql["generations"]); err != nil {
		return fmt.Errorf("audience: which imports are stored: %w", err)
	}
	h, err := b.heads.Set(ctx, headID, func(h *head) error {
		before := len(h.Open) + len(h.Maps)
		h.Open = slices.DeleteFunc(h.Open, func(o open) bool { return now.Sub(o.Beat) > staleAfter })
		h.Maps = slices.DeleteFunc(h.Maps, func(l layer) bool { return !l.Until.After(now) })
		if len(h.Open)+len(h.Maps) == before {
			return state.ErrUnchanged
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("audience: which contacts are in use: %w", err)
	}
	used := append(numbers(h.Layers), numbers(h.Maps)...)
	for _, o := range h.Open {
		used = append(used, o.N)
	}
	var errs []error
	for _, s := range stored {
		if !slices.Contains(used, s.Generation) {
			errs = append(errs, b.drop(ctx, s.Generation))
		}
	}
	return errors.Join(errs...)
}
