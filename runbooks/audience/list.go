package audience

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/internal/bus"
	"vigie/internal/state"
)

// A list is lines of a key, a language and an address, with tabs between them, in chunks that are keys of a bucket:
// {id}.0, {id}.1 … What it is (Frozen) is kept beside it, and says that it is whole only when all chunks are there.

const (
	chunkRaw    = 480 << 10 // bytes of lines, which gzip makes no larger than 512 KB whatever they are
	maxList     = 5_000_000 // lines
	listWriters = 4
	unfinished  = time.Hour // for a list that is not whole yet
	maxFrozen   = 5_000     // lists that are remembered, with their lines or without
)

// kept is what the bucket has of a list.
type kept struct {
	Frozen
	Chunks int  `json:"chunks"`
	Whole  bool `json:"whole"`
}

// keep writes a list, and then that it is there.
func (b *Book) keep(ctx context.Context, f Frozen, all []Recipient) (*Frozen, error) {
	if len(all) > maxList {
		return nil, fmt.Errorf("audience: %d people, lists have at most %d", len(all), maxList)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	if f.Until.IsZero() {
		f.Until = now.Add(b.cfg.KeepLists)
	}
	if !f.Until.After(now) || f.Until.After(now.Add(mostKept)) {
		return nil, fmt.Errorf("until: %s is not between now and %d days from now", f.Until.Format(time.DateOnly), int(mostKept.Hours()/24))
	}
	f.ID = now.Format("20060102-150405-") + strings.ToLower(rand.Text()[:10])
	f.At, f.Until, f.Size, f.ByLang = now, f.Until.UTC().Truncate(time.Second), len(all), byLang(all)
	if err := b.lists.Create(ctx, f.ID, &kept{Frozen: Frozen{ID: f.ID, At: now, Until: now.Add(unfinished), Kind: f.Kind, By: f.By}}); err != nil {
		return nil, fmt.Errorf("audience: begin a list: %w", err)
	}
	hash := sha256.New()
	writers, writing := errgroup.WithContext(ctx)
	writers.SetLimit(listWriters)
	chunks := 0
	write := func(raw []byte) {
		hash.Write(raw)
		key := chunkKey(f.ID, chunks)
		chunks++
		writers.Go(func() error { return b.writeChunk(writing, key, raw) })
	}
	raw := make([]byte, 0, chunkRaw)
	for i := range all {
		r := &all[i]
		if len(raw)+len(r.Key)+len(r.Lang)+len(r.To)+3 > chunkRaw {
			write(raw)
			raw = make([]byte, 0, chunkRaw)
		}
		raw = append(append(append(append(append(append(raw, r.Key...), '\t'), r.Lang...), '\t'), r.To...), '\n')
	}
	if len(raw) > 0 {
		write(raw)
	}
	if err := writers.Wait(); err != nil {
		return nil, fmt.Errorf("audience: write a list: %w", err)
	}
	f.Hash = hex.EncodeToString(hash.Sum(nil))
	if _, err := b.lists.Edit(ctx, f.ID, func(k *kept) error {
		*k = kept{f, chunks, true}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("audience: end a list: %w", err)
	}
	return &f, nil
}

func chunkKey(id string, n int) string { return fmt.Sprintf("%s.%d", id, n) }

func (b *Book) writeChunk(ctx context.Context, key string, raw []byte) error {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(raw); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return b.cfg.Lists.Put(ctx, key, packed.Bytes())
}

func (b *Book) readChunk(ctx context.Context, key string) (string, error) {
	packed, _, err := b.cfg.Lists.Get(ctx, key)
	if err != nil {
		return "", err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	var raw strings.Builder
	raw.Grow(chunkRaw)
	if _, err := io.Copy(&raw, io.LimitReader(z, chunkRaw+1)); err != nil {
		return "", err
	}
	return raw.String(), nil
}

// Load reads a list and verifies that it is what was frozen. ErrNotFound: there is none, or it was never whole;
// ErrForgotten: its date is past; ErrDamaged: it is not what it was.
func (b *Book) Load(ctx context.Context, id string) (List, error) {
	k, err := b.frozen(ctx, id)
	if err != nil {
		return nil, err
	}
	chunks := make([]string, k.Chunks)
	readers, reading := errgroup.WithContext(ctx)
	readers.SetLimit(listWriters)
	for i := range chunks {
		readers.Go(func() (err error) {
			chunks[i], err = b.readChunk(reading, chunkKey(id, i))
			return err
		})
	}
	if err := readers.Wait(); errors.Is(err, bus.ErrNotFound) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("list %s: %w: %w", id, ErrDamaged, err)
	} else if err != nil {
		return nil, fmt.Errorf("audience: read list %s: %w", id, err)
	}
	l := &list{frozen: k.Frozen, all: make([]Recipient, 0, k.Size)}
	hash := sha256.New()
	for _, raw := range chunks {
		_, _ = io.WriteString(hash, raw)
		for line := range strings.Lines(raw) {
			key, rest, ok1 := strings.Cut(line, "\t")
			lang, to, ok2 := strings.Cut(rest, "\t")
			if !ok1 || !ok2 || len(l.all) == k.Size {
				return nil, fmt.Errorf("list %s: %w", id, ErrDamaged)
			}
			l.all = append(l.all, Recipient{key, strings.TrimSuffix(to, "\n"), lang})
		}
	}
	if hex.EncodeToString(hash.Sum(nil)) != k.Hash || len(l.all) != k.Size {
		return nil, fmt.Errorf("list %s: %w", id, ErrDamaged)
	}
	return l, nil
}

// frozen is what the bucket has of a list whose lines are there.
func (b *Book) frozen(ctx context.Context, id string) (*kept, error) {
	if id == "" || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, ErrNotFound
	}
	k, err := b.lists.Edit(ctx, id, func(*kept) error { return state.ErrUnchanged })
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return nil, fmt.Errorf("list %s: %w", id, ErrNotFound)
	case err != nil:
		return nil, fmt.Errorf("audience: read list %s: %w", id, err)
	case !k.Forgotten.IsZero():
		return nil, fmt.Errorf("list %s: %w", id, ErrForgotten)
	case !k.Whole:
		return nil, fmt.Errorf("list %s: it was not finished: %w", id, ErrNotFound)
	}
	return k, nil
}

// Lists are those that were frozen, the latest first; of those that were forgotten what is known still.
func (b *Book) Lists() []Frozen {
	var out []Frozen
	for _, k := range b.lists.All() {
		if k.Whole {
			out = append(out, k.Frozen)
		}
	}
	slices.Reverse(out)
	return out
}

// Forget deletes a list's lines. That there was one stays, with its hash and size. One that is forgotten already is
// no error.
func (b *Book) Forget(ctx context.Context, id string) error {
	// First nobody loads it any more; then its lines go; then nothing is left to do.
	k, err := b.lists.Edit(ctx, id, func(k *kept) error {
		if !k.Forgotten.IsZero() {
			return state.ErrUnchanged
		}
		k.Forgotten = time.Now().UTC().Truncate(time.Second)
		return nil
	})
	if errors.Is(err, bus.ErrNotFound) {
		return fmt.Errorf("list %s: %w", id, ErrNotFound)
	}
	for n := 0; err == nil && n < k.Chunks; n++ {
		err = b.cfg.Lists.Delete(ctx, chunkKey(id, n))
	}
	if err == nil && k.Chunks > 0 {
		_, err = b.lists.Edit(ctx, id, func(k *kept) error { k.Chunks = 0; return nil })
	}
	if err != nil {
		return fmt.Errorf("audience: forget list %s: %w", id, err)
	}
	return nil
}

// forgetDue forgets lists whose date is not after now, deletes those that were never whole, and of more than can be
// remembered the oldest forgotten ones.
func (b *Book) forgetDue(ctx context.Context, now time.Time) error {
	var errs []error
	var stale []string
	all := b.lists.All()
	extra := len(all) - maxFrozen
	for _, k := range all {
		switch {
		case k.Whole && k.Forgotten.IsZero() && !k.Until.After(now), !k.Forgotten.IsZero() && k.Chunks > 0:
			errs = append(errs, b.Forget(ctx, k.ID))
		case !k.Whole && !k.Until.After(now):
			stale = append(stale, k.ID)
		case extra > 0 && !k.Forgotten.IsZero():
			errs = append(errs, b.lists.Delete(ctx, k.ID))
			extra--
		}
	}
	if len(stale) == 0 {
		return errors.Join(errs...)
	}
	keys, err := b.cfg.Lists.Keys(ctx) // how far it was written nobody knows
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, key := range keys {
		if id, _, _ := strings.Cut(key, "."); slices.Contains(stale, id) {
			if err := b.cfg.Lists.Delete(ctx, key); err != nil {
				return errors.Join(append(errs, err)...)
			}
		}
	}
	for _, id := range stale {
		errs = append(errs, b.lists.Delete(ctx, id))
	}
	return errors.Join(errs...)
}

// list is a List in memory, which is its chunks and 48 bytes a line.
type list struct {
	frozen Frozen
	all    []Recipient
}

func (l *list) Frozen() Frozen                 { return l.frozen }
func (l *list) All() iter.Seq2[int, Recipient] { return slices.All(l.all) }
func (l *list) At(i int) Recipient             { return l.all[i] }
func (l *list) Find(key string) (i int, ok bool) {
	for _, of := range [][2]int{{0, l.frozen.Canary}, {l.frozen.Canary, len(l.all)}} {
		i, ok := slices.BinarySearchFunc(l.all[of[0]:of[1]], key, func(r Recipient, key string) int { return strings.Compare(r.Key, key) })
		if ok {
			return of[0] + i, true
		}
	}
	return 0, false
}
