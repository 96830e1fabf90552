package alerts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"vigie/internal/bus"
)

// Line is one thing that was decided, or happened: the path from data to a telephone is all lines of one
// problem, in order, with the entries of the ledger.
type Line struct {
	At      time.Time         `json:"at"`
	Problem string            `json:"problem,omitempty"`
	Alert   string            `json:"alert,omitempty"` // key
	What    string            `json:"what"`            // one of Whats
	Args    map[string]string `json:"args,omitempty"`
	By      string            `json:"by,omitempty"`

	Sequence uint64 `json:"-"`
}

// Whats are what a Line can tell, for who has words for each.
func Whats() []string {
	return []string{
		"firing", "no-data", "error", "recovered",
		"opened", "turn", "muted", "unmuted", "resolved", "again",
		"queued", "nobody", "said", "plain", "suppressed", "failed", "retry", "throttled",
		ActAck, ActGiveUp, ActHandOver, ActNote,
		"silence", "silence-ended", "maintenance", "maintenance-ended", "override", "override-ended", "dial", "drill", "drill-ended",
		"leading", "late", "heartbeat-failed",
	}
}

// args makes a Line's Args of names and values; empty values are left out.
func args(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := pairs[i+1]; v != "" {
			if runes := []rune(v); len(runes) > 300 {
				v = string(runes[:299]) + "…"
			}
			m[pairs[i]] = v
		}
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

const (
	trailKept = 20_000 // lines in memory
	trailWait = 3 * time.Second
	// TrailSubject and the bounds of the stream that keeps the trail.
	TrailSubject  = "trail"
	TrailMaxAge   = 30 * 24 * time.Hour
	TrailMaxBytes = 256 << 20
)

var errTrail = errors.New("alerts: the trail's stream failed a moment ago")

// trail is what was decided, in order: kept by a stream of the bus, with the last lines in memory.
type trail struct {
	stream *bus.Stream

	mu   sync.Mutex
	kept []Line    // in order of their sequence
	next uint64    // sequence to go on with
	away time.Time // until then the stream is not asked: it failed
}

// add writes a line, also when ctx has ended. A bus that is away costs the line: what is decided does not
// wait for it.
func (t *trail) add(ctx context.Context, l Line) error {
	if l.At.IsZero() {
		l.At = time.Now().UTC()
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	t.mu.Lock()
	away := time.Now().Before(t.away)
	t.mu.Unlock()
	if away { // thousands of lines must not wait for it one after the other
		return errTrail
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trailWait)
	defer cancel()
	seq, _, err := t.stream.Publish(ctx, bus.Message{Subject: TrailSubject, Data: data})
	if err != nil {
		t.mu.Lock()
		t.away = time.Now().Add(trailWait)
		t.mu.Unlock()
		return err
	}
	l.Sequence = seq
	t.take(l)
	return nil
}

// line writes one into the trail.
func (r *Room) line(ctx context.Context, l Line) {
	if err := r.trail.add(ctx, l); err != nil && !errors.Is(err, errTrail) {
		r.cfg.Log.Warn("alerts: write the trail", "what", l.What, "error", err)
	}
}

// take keeps a line in memory, once and in its place.
func (t *trail) take(l Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, found := slices.BinarySearchFunc(t.kept, l.Sequence, func(k Line, seq uint64) int { return cmp.Compare(k.Sequence, seq) })
	if found {
		return
	}
	t.kept = slices.Insert(t.kept, i, l)
	if n := len(t.kept) - trailKept; n > trailKept/4 {
		t.kept = slices.Delete(t.kept, 0, n)
	}
}

// follow reads what is there, then what is written, until ctx ends or the stream breaks.
func (t *trail) follow(ctx context.Context, tell func()) error {
	state, err := t.stream.State(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	from := max(t.next, state.First)
	t.mu.Unlock()
	if state.Last > trailKept {
		from = max(from, state.Last-trailKept)
	}
	reader, err := t.stream.Read(ctx, from)
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		m, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		var l Line
		if json.Unmarshal(m.Data, &l) == nil {
			l.Sequence = m.Sequence
			t.take(l)
		}
		t.mu.Lock()
		t.next = m.Sequence + 1
		t.mu.Unlock()
		if m.Sequence >= state.Last {
			tell()
		}
	}
}

func (t *trail) lines(problem string) (out []Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if problem == "" {
		out = slices.Clone(t.kept[max(0, len(t.kept)-500):])
		slices.Reverse(out)
		return out
	}
	for _, l := range t.kept {
		if l.Problem == problem {
			out = append(out, l)
		}
	}
	return out
}
