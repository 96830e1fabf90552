package cockpit

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"vigie/internal/watermark"
)

// SourceInfo is what the configuration says of a source.
type SourceInfo struct {
	ID, CDN, Tool, Format string        // CDN is empty for measuring tools and services
	Weight                float64       // what one line stands for, unless the line says so
	TokenSince            time.Time     // when its token's file was written; zero: not known
	BuiltIn               bool          // there whether anybody sends to it or not: not shown until somebody does
	Settings              []SettingInfo // what to paste at the sender
}

// SettingInfo is a piece of a sender's configuration, ready to be pasted but for its token.
type SettingInfo struct{ Title, Where, Language, Text string }

// DoorState is what the collectors of all processes saw of a source since they started.
type DoorState struct {
	Stored, Bytes, Duplicates uint64
	Refused                   uint64    // bodies: a wrong token, an encoding or size that is not taken …
	Last                      time.Time // body stored, or known as a repeat
	LastRefused               time.Time
	Why                       string // the last refusal's, as its sender was told
}

// Sources shows what arrives, how late, and what was refused.
type Sources struct {
	Panel
	Rows []Source
}

// Source is one sender, as it does now.
type Source struct {
	SourceInfo
	Rate        float64       // lines/s, unweighted, last minute
	Bytes       float64       // bytes/s as they came, last minute
	Seen        time.Time     // the last delivery that is stored; zero: none in ten minutes
	Lag         time.Duration // now − watermark
	Watermark   time.Time     // zero: nothing received lately
	LateP50     time.Duration // upper edge of the bucket that half of the lines of ten minutes stay under
	LateP95     time.Duration
	Silent      time.Duration // since the last line; 0 while it delivers
	Quarantined uint64        // lines refused in the last hour that still are
	Share       float64       // of the lines of the last minute, refused; NaN: there were none
	Reasons     []Reason      // of the last hour, the most frequent first, five at most
	Door        DoorState
	Finding     Finding
	Field       string // of FindingChanged: what is not told any more, as "first_byte"
	Health      Health
}

// Reason is why lines of a source could not be read.
type Reason struct {
	Text   string
	Count  uint64
	Last   time.Time
	Sample string // the latest such line, its secrets and addresses masked
}

// Finding is what an operator should know of a source, the first that holds.
type Finding uint8

const (
	FindingNone    Finding = iota
	FindingNever           // it has never delivered, or not in ten minutes
	FindingDenied          // it knocks and is refused at the door
	FindingStuck           // it delivers and nothing of it is stored: our own fault
	FindingSilent          // it delivered and does not any more
	FindingRefused         // more than one line in twenty cannot be read
	FindingChanged         // it stopped telling a field
	FindingLate            // what arrives is older than it usually is
)

var findingNames = [...]string{"none", "never", "denied", "stuck", "silent", "refused", "changed", "late"}

func (f Finding) String() string { return findingNames[f] }

const (
	refusedShare  = 0.05 // from which a source's refusals ask for someone
	refusedMost   = 0.5  // from which nothing of it can be relied on
	usuallyTold   = 0.5  // share of lines above which a field is one that the source tells
	hardlyTold    = 0.02 // and below which it does not any more
	lateSurplus   = 5 * time.Second
	deniedSince   = 2 * time.Minute // for so long a refusal at the door is news
	stuckAfter    = 10 * time.Second
	reasonsEvery  = 5 * time.Second
	reasonsLimit  = 5
	sampleLongest = 400
)

// finding says what is wrong with a source, and how much.
func finding(row *Source, s *watermark.Source, now time.Time) (f Finding, field string, h Health) {
	door := row.Door
	switch {
	case door.LastRefused.After(door.Last) && now.Sub(door.LastRefused) < deniedSince:
		return FindingDenied, "", HealthCritical
	case s == nil && now.Sub(door.Last) < deniedSince && now.Sub(door.Last) > stuckAfter,
		s != nil && door.Last.Sub(s.Received) > stuckAfter:
		return FindingStuck, "", HealthCritical
	case s == nil:
		return FindingNever, "", HealthUnknown
	case row.Silent > 0:
		return FindingSilent, "", HealthWarning
	}
	recent := s.Recent
	if recent.Lines+recent.Refused < enoughLines {
		recent = s.Minute
	}
	if n := recent.Lines + recent.Refused; n > 0 && recent.Refused > 0 {
		switch share := float64(recent.Refused) / float64(n); {
		case share >= refusedMost:
			return FindingRefused, "", HealthCritical
		case share >= refusedShare:
			return FindingRefused, "", HealthWarning
		}
	}
	if before := s.Whole.Without(s.Minute); before.Lines >= enoughLines && recent.Lines >= enoughLines {
		for i, name := range watermark.Fields() {
			if float64(before.Told[i]) >= usuallyTold*float64(before.Lines) && float64(recent.Told[i]) <= hardlyTold*float64(recent.Lines) {
				return FindingChanged, name, HealthWarning
			}
		}
	}
	if s.Lines >= watermark.SteadyLines && now.Sub(s.Newest) > 2*s.Late+lateSurplus {
		return FindingLate, "", HealthWarning
	}
	if !s.Known {
		return FindingNone, "", HealthUnknown
	}
	return FindingNone, "", HealthFine
}

func (c *Cockpit) sources(now time.Time) Sources {
	out := Sources{Panel: Panel{AsOf: now}}
	for _, info := range c.cfg.Sources {
		row := Source{SourceInfo: info, Door: c.doors[info.ID], Reasons: c.reasons[info.ID], Share: math.NaN()}
		for _, r := range row.Reasons {
			row.Quarantined += r.Count
		}
		row.Quarantined = max(row.Quarantined, c.refused[info.ID])
		s := c.marks.Sources[info.ID]
		if s != nil {
			row.Rate, row.Bytes, row.Seen = float64(s.Lines)/60, float64(s.Minute.Bytes)/60, s.Received
			row.LateP50, row.LateP95 = s.LateP50, s.LateP95
			row.Silent = c.marks.Silent(s)
			row.Watermark = c.marks.Watermark(s)
			row.Share = ratio(float64(s.Minute.Refused), float64(s.Minute.Lines+s.Minute.Refused))
			if !row.Watermark.IsZero() {
				row.Lag = now.Sub(row.Watermark)
			}
		}
		row.Finding, row.Field, row.Health = finding(&row, s, now)
		if info.BuiltIn && row.Finding == FindingNever {
			continue
		}
		out.Rows = append(out.Rows, row)
	}
	slices.SortFunc(out.Rows, func(a, b Source) int {
		return cmp.Or(-cmp.Compare(a.Rate, b.Rate), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// readReasons asks why lines were refused, and what the doors saw, now and then.
func (c *Cockpit) readReasons(ctx context.Context, now time.Time) error {
	if c.cfg.Doors != nil {
		doors, err := c.cfg.Doors(ctx)
		if err != nil {
			return err
		}
		c.doors = doors
	}
	if now.Sub(c.reasoned) < reasonsEvery {
		return nil
	}
	var rows []struct {
		Source   string `ch:"source"`
		Reason   string `ch:"reason"`
		Count    uint64 `ch:"count"`
		Received int64  `ch:"received_ms"`
		Sample   string `ch:"sample"`
	}
	if err := c.ask(ctx, &rows, "refused"); err != nil {
		return err
	}
	c.reasoned = now
	c.reasons, c.refused = map[string][]Reason{}, map[string]uint64{}
	for _, r := range rows {
		c.refused[r.Source] += r.Count
		if len(c.reasons[r.Source]) >= reasonsLimit {
			continue
		}
		sample := r.Sample
		if c.cfg.Mask != nil {
			sample = c.cfg.Mask(sample)
		}
		if len(sample) > sampleLongest {
			sample = sample[:sampleLongest] + "…"
		}
		c.reasons[r.Source] = append(c.reasons[r.Source], Reason{r.Reason, r.Count, time.UnixMilli(r.Received), sample})
	}
	return nil
}
