package audience

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"vigie/internal/ch"
	"vigie/internal/match"
)

// Bounds of hits.
const (
	MaxHit    = 6 * time.Hour
	MaxViewer = 2_000_000 // sessions of one hit that are mapped
)

// Check says everything that is wrong with a hit, each a *match.Problem.
func (h *Hit) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &match.Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	switch {
	case h.From.IsZero() || h.To.IsZero():
		bad("from", "from when until when is missing")
	case !h.To.After(h.From):
		bad("to", "is not after from")
	case h.To.Sub(h.From) > MaxHit:
		bad("to", "is more than %d hours after from", int(MaxHit.Hours()))
	}
	for key, v := range map[string]string{"cdn": h.CDN, "isp": h.ISP, "channel": h.Channel, "device": h.Device} {
		if err := checkValue(v); err != nil {
			bad(key, "%v", err)
		}
	}
	return errors.Join(errs...)
}

// Impact is how many a hit is about. A tool may sample, and then speaks of a part of them; another tool may see more.
type Impact struct {
	Tool     string  `json:"tool"`     // whose sessions they are
	Sessions int     `json:"sessions"` // distinct, that told something: who can be mapped, MaxViewer at most
	Viewers  float64 `json:"viewers"`  // that they stand for
	Sampled  float64 `json:"sampled"`  // viewers by session that can be mapped; above 1 others will not be told
	Mapped   bool    `json:"mapped"`   // somebody tells which viewer is which contact: Config.Mapping, or an import
}

func (b *Book) window(h *Hit) []ch.Param {
	return []ch.Param{
		ch.P("from", h.From.UTC().Truncate(time.Millisecond)), ch.P("to", h.To.UTC().Truncate(time.Millisecond)),
		ch.P("cdn", h.CDN), ch.P("isp", h.ISP), ch.P("channel", h.Channel), ch.P("device", h.Device),
		ch.P("suffered", h.Suffered), ch.P("limit", b.cfg.Rebuffering),
	}
}

// Impact counts who was hit. ErrNoBeacons: no player told anything then, which is not nobody.
func (b *Book) Impact(ctx context.Context, h Hit) (*Impact, error) {
	if err := h.Check(); err != nil {
		return nil, err
	}
	var found []struct {
		Tool     string  `ch:"tool"`
		Sessions uint64  `ch:"sessions"`
		Viewers  float64 `ch:"viewers"`
	}
	if err := b.cfg.DB.Select(ctx, &found, b.sql["hit_size"], b.window(&h)...); err != nil {
		return nil, fmt.Errorf("audience: count who was hit: %w", err)
	}
	i := &Impact{Tool: b.cfg.Tool, Mapped: b.cfg.Mapping != nil}
	if head := b.heads.Get(headID); head != nil && len(head.Maps) > 0 {
		i.Mapped = true
	}
	for _, f := range found {
		if b.cfg.Tool == "" || f.Tool == b.cfg.Tool {
			i.Tool, i.Sessions, i.Viewers = f.Tool, int(min(f.Sessions, MaxViewer)), f.Viewers
			break
		}
	}
	if i.Sessions > 0 {
		i.Sampled = i.Viewers / float64(i.Sessions)
		return i, nil
	}
	var heard []struct {
		Tool     string `ch:"tool"`
		Sessions uint64 `ch:"sessions"`
	}
	if err := b.cfg.DB.Select(ctx, &heard, b.sql["heard"], b.window(&h)[:2]...); err != nil {
		return nil, fmt.Errorf("audience: look whether players told anything: %w", err)
	}
	for _, t := range heard {
		if b.cfg.Tool == "" || t.Tool == b.cfg.Tool {
			i.Tool = t.Tool
			return i, nil // it told of others
		}
	}
	return nil, ErrNoBeacons
}

// viewers are the sessions of those who were hit, in the order of their bytes.
func (b *Book) viewers(ctx context.Context, h Hit) ([]string, *Impact, error) {
	i, err := b.Impact(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	ids := make([]string, 0, i.Sessions)
	rows, err := b.cfg.DB.Query(ctx, b.sql["hit"], append(b.window(&h), ch.P("tool", i.Tool), ch.P("most", uint64(MaxViewer)))...)
	if err != nil {
		return nil, nil, fmt.Errorf("audience: read who was hit: %w", err)
	}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("audience: read who was hit: %w", err), rows.Close())
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, nil, fmt.Errorf("audience: read who was hit: %w", err)
	}
	return ids, i, nil
}

// ExportViewers writes the sessions of who was hit as CSV (a column id), for the broadcaster to map: its answer is an
// Import with Viewers. It tells how many they are. Ids are plain, so that no spreadsheet takes one for a formula.
func (b *Book) ExportViewers(ctx context.Context, h Hit, w io.Writer) (int, error) {
	ids, _, err := b.viewers(ctx, h)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(w)
	_, _ = out.WriteString("id\n")
	for _, id := range ids {
		_, _ = out.WriteString(id + "\n")
	}
	return len(ids), out.Flush()
}

// askHit gives a sieve the contacts of those who were hit, and the house's own people.
func (b *Book) askHit(ctx context.Context, s *sieve, h Hit, f *Frozen) error {
	if b.cfg.Mapping == nil {
		now, err := b.now(ctx)
		if err != nil {
			return err
		}
		if len(now.Maps) == 0 {
			return ErrNoMapping
		}
	}
	ids, i, err := b.viewers(ctx, h)
	if err != nil {
		return err
	}
	f.Sampled = i.Sampled
	var answered []uint64 // what the broadcaster's system says now; nil: what was imported
	if b.cfg.Mapping != nil && len(ids) > 0 {
		n, unasked, err := b.ask(ctx, i.Tool, ids)
		if err != nil {
			return err
		}
		defer b.leave(ctx, n)
		answered, f.Unasked = []uint64{n}, unasked
	}
	return b.steady(ctx, func(head *head) error {
		s.reset()
		maps := answered
		if b.cfg.Mapping == nil {
			maps = numbers(head.Maps)
		}
		return b.askMapped(ctx, s, head, maps, ids, f)
	})
}

// askMapped gives a sieve those contacts that some generations say ids are, and the house's own people.
func (b *Book) askMapped(ctx context.Context, s *sieve, h *head, maps []uint64, ids []string, f *Frozen) error {
	nobody, err := question()
	if err != nil {
		return err
	}
	house := map[string]bool{} // taken; few
	if err := b.people(ctx, h, nobody, func(p *person) { house[p.id] = true; s.take(p.by(s.kind)) }); err != nil {
		return err
	}
	f.Unmapped = len(ids)
	if len(maps) == 0 || len(ids) == 0 {
		return nil
	}
	params := []ch.Param{ch.P("maps", maps), ch.P("of", numbers(h.Layers)), ch.P("kind", string(s.kind)), ch.P("lang", b.cfg.Lang), ch.P("now", time.Now().UTC().Truncate(time.Second))}
	wanted := map[string]bool{} // contacts; false: not met yet
	next := 0
	err = b.each(ctx, "mapped", params, true, func(c *candidate, of string) {
		for next < len(ids) && ids[next] < c.id { // both are in order
			next++
		}
		if next == len(ids) || ids[next] != c.id {
			return
		}
		f.Unmapped--
		if of == "" {
			s.take(c)
		} else {
			wanted[of] = false
		}
	})
	if err != nil {
		return err
	}
	err = b.each(ctx, "referred", params, false, func(c *candidate, _ string) {
		if _, asked := wanted[c.id]; !asked {
			return
		}
		wanted[c.id] = true
		if !house[c.id] {
			s.take(c)
		}
	})
	for _, met := range wanted {
		if !met {
			s.unreached++ // mapped to somebody who is not among the contacts
		}
	}
	return err
}

// each reads the rows of a statement.
func (b *Book) each(ctx context.Context, name string, params []ch.Param, refers bool, take func(c *candidate, of string)) error {
	rows, err := b.cfg.DB.Query(ctx, b.sql[name], params...)
	if err != nil {
		return fmt.Errorf("audience: read whose viewers are: %w", err)
	}
	var agree uint8
	for rows.Next() {
		var c candidate
		var of string
		into := []any{&c.id, &of, &c.address, &c.lang, &agree}
		if !refers {
			into = slices.Delete(into, 1, 2)
		}
		if err := rows.Scan(into...); err != nil {
			return errors.Join(fmt.Errorf("audience: read whose viewers are: %w", err), rows.Close())
		}
		c.agree = agree == 1
		take(&c, of)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("audience: read whose viewers are: %w", err)
	}
	return nil
}
