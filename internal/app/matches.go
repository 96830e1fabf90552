package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vigie/internal/bus"
	"vigie/internal/match"
)

const (
	usualMatches = "matches" // folder beside vigie.yaml
	matchEnding  = ".yaml"
	maxMatches   = 500
)

// matchFiles is what became of the files in Config.Matches.
type matchFiles struct {
	unread []error                        // of the folder, and of files that are no match
	broken []string                       // ids of those files
	at     map[string]func(string) string // by id: file, line and column of a key
}

// readMatches reads every match's file. What is wrong is kept for check to tell, so that all of it is told.
func (c *Config) readMatches() {
	c.files = matchFiles{at: map[string]func(string) string{}}
	if c.Matches == "" {
		return
	}
	bad := func(format string, args ...any) { c.files.unread = append(c.files.unread, fmt.Errorf(format, args...)) }
	entries, err := os.ReadDir(c.Matches)
	if err != nil {
		bad("matches: %w", err)
		return
	}
	for _, e := range entries {
		name := e.Name()
		path := filepath.Join(c.Matches, name)
		switch {
		case strings.HasPrefix(name, ".") || e.IsDir():
		case filepath.Ext(name) == ".yml":
			bad("matches: %s: would not be read: call it %s", path, strings.TrimSuffix(name, ".yml")+matchEnding)
		case filepath.Ext(name) != matchEnding:
		case len(c.Calendar) == maxMatches:
			bad("matches: %s has more than %d matches: move old ones to a folder in it", c.Matches, maxMatches)
			return
		default:
			m, at, err := readMatch(path)
			if err != nil {
				bad("match %s:\n%w", path, err)
				c.files.broken = append(c.files.broken, strings.TrimSuffix(name, matchEnding))
				continue
			}
			m.ID = strings.TrimSuffix(name, matchEnding)
			c.Calendar = append(c.Calendar, m)
			c.files.at[m.ID] = at
		}
	}
}

// readMatch reads one file, strictly, and tells where its keys are.
func readMatch(path string) (*match.Match, func(string) string, error) {
	return readFile[match.Match](path)
}

// checkMatches says what is wrong with the calendar, on its own and beside what else is configured: each
// with its file and line where it has one.
func (c *Config) checkMatches() []error {
	errs := slices.Clone(c.files.unread)
	tell := func(m *match.Match, problem *match.Problem) {
		errs = append(errs, placed(c.files.at[m.ID], "match "+m.ID, problem)...)
	}
	var cdns, channels []string
	for _, cdn := range c.CDNs {
		cdns = append(cdns, cdn.ID)
	}
	for _, channel := range c.Enrich.Paths.Channels {
		channels = append(channels, channel.ID)
	}
	beside := match.CheckCalendar(c.Calendar)
	for _, m := range c.Calendar {
		for _, err := range joined(m.Check()) {
			if problem, ok := errors.AsType[*match.Problem](err); ok {
				tell(m, problem)
			}
		}
		for _, problem := range beside[m.ID] {
			if problem.Key != "compare" || !slices.Contains(c.files.broken, m.Compare) { // that one's own fault is told
				tell(m, problem)
			}
		}
		beside[m.ID] = nil // of two with one id, once
		for i, r := range m.Capacity {
			if r.CDN != "" && !slices.Contains(cdns, r.CDN) {
				tell(m, &match.Problem{Key: fmt.Sprintf("capacity[%d].cdn", i), Text: fmt.Sprintf("%.60q is none of cdns (%s)", r.CDN, strings.Join(cdns, ", "))})
			}
		}
		for i, channel := range m.Channels {
			if len(channels) > 0 && !slices.Contains(channels, channel) {
				tell(m, &match.Problem{Key: fmt.Sprintf("channels[%d]", i), Text: fmt.Sprintf("%.60q is none of enrich.paths.channels (%s)", channel, strings.Join(channels, ", "))})
			}
		}
	}
	return errs
}

// nextMatch is the one of the calendar that is played at a moment, else the next one; nil: there is none.
func nextMatch(calendar []*match.Match, at time.Time) *match.Match {
	var next *match.Match
	for _, m := range calendar {
		if at.Before(m.End(nil)) && (next == nil || m.KickOff.Before(next.KickOff)) {
			next = m
		}
	}
	return next
}

// matchBucket is a bucket as match.KV wants it.
type matchBucket struct{ kv *bus.KV }

func matchError(err error) error {
	switch {
	case errors.Is(err, bus.ErrNotFound):
		return match.ErrNotFound
	case errors.Is(err, bus.ErrConflict):
		return match.ErrConflict
	}
	return err
}

func (m matchBucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	v, rev, err := m.kv.Get(ctx, key)
	return v, rev, matchError(err)
}

func (m matchBucket) Create(ctx context.Context, key string, value []byte) error {
	_, err := m.kv.Create(ctx, key, value)
	return matchError(err)
}

func (m matchBucket) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	_, err := m.kv.Update(ctx, key, value, revision)
	return matchError(err)
}

func (m matchBucket) Watch(ctx context.Context, f func(key string, value []byte, deleted bool)) error {
	return m.kv.Watch(ctx, f)
}
