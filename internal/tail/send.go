package tail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"vigie/internal/pause"
)

// outcome is what became of a batch.
type outcome int

const (
	unsent   outcome = iota // ctx ended
	stored                  // the collectors have it, perhaps from an earlier try
	tooLarge                // smaller ones may do
	refused                 // for what it is; a copy was set aside
)

const (
	maxRetry      = 30 * time.Second
	maxRetryAfter = 5 * time.Minute
	refusals      = 3 // before a 400 is believed: a proxy gives one for a connection that broke
	maxAside      = 100
	maxAsideBytes = 64 << 20
)

// sender posts batches.
type sender struct {
	cfg     *Config
	url     string
	client  *http.Client
	sending chan struct{}
	refused string // folder of what was refused

	mu   sync.Mutex
	said map[string]time.Time // by what went wrong
}

func newSender(cfg *Config, refused string) *sender {
	client := &http.Client{Timeout: time.Minute}
	if cfg.HTTP != nil {
		given := *cfg.HTTP
		client = &given
	}
	// A POST that is redirected becomes a GET, and some page's 200 would pass for our answer.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &sender{
		cfg: cfg, url: cfg.To.JoinPath("ingest", cfg.Source).String(), client: client,
		sending: make(chan struct{}, senders), refused: refused, said: map[string]time.Time{},
	}
}

// send tries until the collectors have a batch or do not want it. split: half of it could be sent.
func (s *sender) send(ctx context.Context, id string, packed []byte, split bool) outcome {
	wait, refusedTimes := s.cfg.pace.retry, 0
	for {
		status, retryAfter, err := s.post(ctx, id, packed)
		if ctx.Err() != nil && err != nil {
			return unsent
		}
		next := wait + rand.N(wait/2+1)
		switch {
		case err == nil:
			return stored
		case status == http.StatusRequestEntityTooLarge && split:
			return tooLarge
		case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnsupportedMediaType, status == http.StatusUnprocessableEntity:
			if refusedTimes++; refusedTimes >= refusals {
				s.complain("a batch is refused: it is set aside", err)
				s.setAside(id, packed)
				return refused
			}
		case status == http.StatusUnauthorized, status == http.StatusForbidden:
			s.complain("the collectors do not let us in: check the token and the source; it is tried again", err)
			next = s.cfg.pace.slow
		case status != 0 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
			s.complain("this is not a collector's answer: check the address; it is tried again", err)
			next = s.cfg.pace.slow
		default:
			s.complain("the collectors are not to be reached, or busy: it is tried again", err)
			next = max(next, min(retryAfter, maxRetryAfter))
		}
		if pause.For(ctx, next) != nil {
			return unsent
		}
		wait = min(2*wait, max(maxRetry, s.cfg.pace.retry))
	}
}

// post tries once. status is the answer's, 0: there was none.
func (s *sender) post(ctx context.Context, id string, packed []byte) (status int, retryAfter time.Duration, err error) {
	select {
	case s.sending <- struct{}{}:
		defer func() { <-s.sending }()
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(packed))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("X-Batch-Id", id)
	if s.cfg.User != "" {
		r.SetBasicAuth(s.cfg.User, s.cfg.Token)
	} else {
		r.Header.Set("Authorization", "Bearer "+s.cfg.Token)
	}
	res, err := s.client.Do(r)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	switch {
	case res.StatusCode != http.StatusOK:
		return res.StatusCode, retryAfterOf(res.Header, time.Now()), fmt.Errorf("answer %s: %.200q", res.Status, answer)
	case err != nil:
		return 0, 0, fmt.Errorf("the answer was cut: %w", err)
	case !bytes.Contains(answer, []byte(`"stored":`)): // some other server's page
		return res.StatusCode, 0, fmt.Errorf("answer without what was stored: %.200q", answer)
	}
	return res.StatusCode, 0, nil
}

// retryAfterOf reads Retry-After, in seconds or as a date; 0: there is none.
func retryAfterOf(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 3600)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// complain logs, each kind once a minute: many files may wait for the same.
func (s *sender) complain(what string, err error) {
	s.mu.Lock()
	again := time.Since(s.said[what]) < complainEvery
	if !again {
		s.said[what] = time.Now()
	}
	s.mu.Unlock()
	if !again {
		s.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, what, slog.String("to", s.cfg.To.Redacted()), slog.String("source", s.cfg.Source), slog.String("error", err.Error()))
	}
}

// setAside keeps a refused batch for people to look at, and drops the oldest when there are many.
func (s *sender) setAside(id string, packed []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := fmt.Sprintf("%s-%s.gz", time.Now().UTC().Format("20060102T150405.000000000"), strings.ReplaceAll(strings.TrimPrefix(id, "tail:"), ":", "-"))
	err := os.MkdirAll(s.refused, 0o700)
	if err == nil {
		err = writeSynced(filepath.Join(s.refused, name), packed)
	}
	if err != nil {
		s.cfg.Log.Error("a refused batch could not be set aside", "error", err)
		return
	}
	entries, err := os.ReadDir(s.refused) // by name, which is by time
	if err != nil {
		return
	}
	slices.Reverse(entries)
	total := int64(0)
	for i, e := range entries {
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		if i >= maxAside || total > maxAsideBytes && i > 0 {
			if err := os.Remove(filepath.Join(s.refused, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				s.cfg.Log.Error("an old refused batch could not be removed", "error", err)
			}
		}
	}
}
