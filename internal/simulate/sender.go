package simulate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// SenderStats counts what became of one sender's batches.
type SenderStats struct {
	Source       string `json:"source"`
	Acknowledged uint64 `json:"acknowledged"` // batches with a 2xx; syslog: messages written
	Retries      uint64 `json:"retries"`      // tries after the first; syslog: reconnections
	Refused      uint64 `json:"refused"`      // batches that the collector said never to send again
	Dropped      uint64 `json:"dropped"`      // batches that found the queue full, or were never tried at the end; syslog: messages
	Unsettled    uint64 `json:"unsettled"`    // batches whose fate nobody knows
	Queued       int    `json:"queued"`
}

// batch is one body on its way.
type batch struct {
	path        string // with query
	body        []byte
	contentType string
	gzip        bool
	snappy      bool // as Prometheus does, with its protocol's version
	id          bool // carry a batch id
	once        bool // do not repeat it when its fate is unknown, as navigator.sendBeacon cannot
	due         time.Time
	tally       tally

	doubtful bool // an answer may have been lost
}

// sender posts batches to one path of the collectors. Its queue is bounded: when full, a live sender
// drops what is new.
type sender struct {
	source  string
	url     string
	token   string
	client  *http.Client
	ledger  *ledger
	log     *slog.Logger
	workers int
	backoff time.Duration // the first pause after a failure

	room   chan struct{} // one token for each batch in the queue or in flight
	wake   chan struct{}
	hurry  chan struct{} // closed: nothing is held back until it is due
	mu     sync.Mutex
	queue  []*batch
	closed bool
	stats  SenderStats
	reason string // of the last refusal
}

const (
	queueMax   = 128
	backoffMax = 20 * time.Second
)

func (s *sender) open() {
	s.room = make(chan struct{}, queueMax)
	s.wake = make(chan struct{}, 1)
	s.hurry = make(chan struct{})
	s.workers = max(s.workers, 1)
	if s.backoff == 0 {
		s.backoff = 500 * time.Millisecond
	}
}

// offer queues a batch unless the queue is full.
func (s *sender) offer(b *batch) {
	select {
	case s.room <- struct{}{}:
		s.push(b)
	default:
		s.mu.Lock()
		s.stats.Dropped++
		first := s.stats.Dropped == 1
		s.mu.Unlock()
		if first {
			s.log.Warn("simulated sender drops batches: the collector is too slow", "source", s.source)
		}
	}
}

// put queues a batch when there is room for it.
func (s *sender) put(ctx context.Context, b *batch) error {
	select {
	case s.room <- struct{}{}:
		s.push(b)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sender) push(b *batch) {
	s.mu.Lock()
	s.queue = append(s.queue, b)
	s.mu.Unlock()
	s.nudge()
}

func (s *sender) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// finish says that nothing more comes: run returns once the queue is empty.
func (s *sender) finish() {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if !already {
		close(s.hurry)
	}
}

// run delivers until finish and an empty queue, or until ctx ends. What is left then is counted
// as dropped or listed as unsettled.
func (s *sender) run(ctx context.Context) {
	var wg sync.WaitGroup
	for range s.workers {
		wg.Go(func() {
			for {
				b := s.next(ctx)
				if b == nil {
					return
				}
				s.deliver(ctx, b)
				<-s.room
			}
		})
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Dropped += uint64(len(s.queue))
	s.queue = nil
}

// next waits for the batch that is due first.
func (s *sender) next(ctx context.Context) *batch {
	for {
		s.mu.Lock()
		at := -1
		for i, b := range s.queue {
			if at < 0 || b.due.Before(s.queue[at].due) {
				at = i
			}
		}
		closed := s.closed
		var wait time.Duration
		if at >= 0 {
			if wait = time.Until(s.queue[at].due); wait <= 0 || closed {
				b := s.queue[at]
				s.queue = append(s.queue[:at], s.queue[at+1:]...)
				more := len(s.queue) > 0
				s.mu.Unlock()
				if more {
					s.nudge() // another worker may take the next one
				}
				if ctx.Err() != nil {
					s.abandon(b)
					return nil
				}
				return b
			}
		}
		s.mu.Unlock()
		if at < 0 && closed {
			s.nudge()
			return nil
		}
		var timer <-chan time.Time
		if at >= 0 {
			timer = time.After(wait)
		}
		hurry := s.hurry
		if closed {
			hurry = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer:
		case <-s.wake:
		case <-hurry:
		}
	}
}

func (s *sender) abandon(b *batch) {
	s.mu.Lock()
	if b.doubtful {
		s.stats.Unsettled++
	} else {
		s.stats.Dropped++
	}
	s.mu.Unlock()
	if b.doubtful {
		s.ledger.leaveOpen(s.source, &b.tally)
	}
}

// deliver tries until the collector took the batch or refused it for good. The bytes and the batch
// id stay the same.
func (s *sender) deliver(ctx context.Context, b *batch) {
	pause := s.backoff
	for try := 0; ; try++ {
		if try > 0 {
			s.mu.Lock()
			s.stats.Retries++
			s.mu.Unlock()
		}
		status, after, err := s.post(ctx, b)
		switch {
		case err == nil && status/100 == 2:
			s.ledger.settle(&b.tally)
			s.mu.Lock()
			s.stats.Acknowledged++
			s.mu.Unlock()
			return
		case err != nil || status >= 500 && status != http.StatusServiceUnavailable:
			// What never reached the collector can be sent again without doubt.
			var op *net.OpError
			unsent := errors.As(err, &op) && op.Op == "dial"
			b.doubtful = b.doubtful || !unsent
			if b.once && b.doubtful {
				s.abandon(b)
				return
			}
			s.log.Debug("simulated sender retries", "source", s.source, "status", status, "err", err)
		case status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests:
			s.mu.Lock()
			s.stats.Refused++
			first := s.reason == ""
			s.reason = fmt.Sprintf("%s answered %d", b.path, status)
			s.mu.Unlock()
			if first {
				s.log.Warn("collector refuses a simulated sender", "source", s.source, "path", b.path, "status", status)
			}
			return
		}
		wait := pause
		pause = min(2*pause, backoffMax)
		if after > 0 {
			wait = after
		}
		select {
		case <-time.After(wait + rand.N(wait/2+1)):
		case <-ctx.Done():
			s.abandon(b)
			return
		}
	}
}

func (s *sender) post(ctx context.Context, b *batch) (status int, retryAfter time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+b.path, bytes.NewReader(b.body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", b.contentType)
	if b.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if b.snappy {
		req.Header.Set("Content-Encoding", "snappy")
		req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	}
	if b.id {
		sum := sha256.Sum256(b.body)
		req.Header.Set("X-Batch-Id", hex.EncodeToString(sum[:16]))
	}
	if user, password, basic := strings.Cut(s.token, ":"); basic {
		req.SetBasicAuth(user, password)
	} else if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	return res.StatusCode, parseRetryAfter(res.Header.Get("Retry-After"), time.Now()), nil
}

// parseRetryAfter reads RFC 9110 section 10.2.3, seconds or a date, as at most a minute.
func parseRetryAfter(v string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.Atoi(v); err == nil {
		d = time.Duration(min(max(seconds, 0), 60)) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), time.Minute)
}

func (s *sender) snapshot() SenderStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Source, st.Queued = s.source, len(s.queue)
	return st
}
