package runbooks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/provider"
)

// maxAnswer is how much of an answer is kept, in characters.
const maxAnswer = 300

// Call makes the call of an automatic step, or repeats one that failed or whose outcome is unknown; what it did is for
// the timeline to tell. It returns once the call is claimed: the answer comes with a change. A CallingError: it is being
// made; a DoneError: it was, and answered; an UnsaidError: it cannot be made yet.
func (r *Room) Call(ctx context.Context, by, id, step string) (*Run, error) {
	if by == vigie {
		return nil, Invalid{Field: "by", Reason: "is missing"}
	}
	return r.call(ctx, by, id, step)
}

// call claims the call, which one process can, and then makes it.
func (r *Room) call(ctx context.Context, by, id, step string) (*Run, error) {
	var claim *Call
	var req provider.Request
	var secrets []string
	run, err := r.edit(ctx, by, id, func(run *Run, now time.Time) (*Act, error) {
		claim = nil
		s, err := run.doable(step, now)
		if err != nil {
			return nil, err
		}
		if s.Call == nil {
			return nil, ErrKind
		}
		count := 1
		if t := run.Steps[step]; t != nil && t.Call != nil {
			if t.Call.State == Calling && now.Sub(t.Call.At) <= callFor {
				return nil, &CallingError{t.Call.By, t.Call.At}
			}
			if by == vigie { // what was called is never repeated without a person
				return nil, nil
			}
			count = t.Call.Count + 1
		}
		target := run.target(s.Call)
		if target == "" {
			t := run.tick(step)
			t.Call = &Call{State: NotCalled, At: now, By: by, Ended: now, Count: count}
			t.Done = &Mark{At: now, By: by}
			return &Act{What: ActCallDrill, Step: step}, nil
		}
		if req, secrets, err = run.request(s.Call, target, r.cfg.Allow); err != nil {
			return nil, err
		}
		if r.cfg.Poster == nil {
			return nil, Invalid{Field: "http.url", Reason: "this process calls nothing"}
		}
		claim = &Call{ID: strings.ToLower(rand.Text()[:16]), State: Calling, At: now, By: by, Count: count}
		run.tick(step).Call = claim
		return &Act{What: ActCalling, Step: step, Args: map[string]string{"count": strconv.Itoa(count)}}, nil
	})
	if err != nil || claim == nil {
		return run, err
	}
	h := run.Runbook.Step(step).Call
	made := *claim
	r.calls.Go(func() { // whoever asked need not wait, and its end is not the call's
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(h.Wait, maxWait))
		defer cancel()
		answer, err := r.cfg.Poster.Hiding(secrets...).Post(ctx, req)
		r.answered(context.WithoutCancel(ctx), run.ID, step, made, h.outcome(answer, err))
	})
	return run, nil
}

// outcome is what came of a call.
type outcome struct {
	state  CallState
	status int
	text   string
}

func (h *HTTP) outcome(a provider.Answer, err error) outcome {
	o := outcome{state: Answered, status: a.Status}
	f := provider.Failed(err)
	taken := f == nil
	if len(h.Status) > 0 && a.Status != 0 {
		taken = slices.Contains(h.Status, a.Status)
	}
	switch {
	case taken && h.Contains != "" && !strings.Contains(string(a.Body), h.Contains):
		o.state, o.text = CallFailed, fmt.Sprintf("answered %d without %q", a.Status, h.Contains)
	case taken:
		o.text = strconv.Itoa(a.Status)
	case f == nil:
		o.state, o.text = CallFailed, fmt.Sprintf("answered %d, which is not expected", a.Status)
	case f.Certainty == provider.Ambiguous:
		o.state, o.text = CallUnknown, f.Error()
	default:
		o.state, o.text = CallFailed, f.Error()
	}
	o.text = provider.Line(o.text, maxAnswer)
	return o
}

// answered writes what came of a call, as long as the claim is still the process's own. It tries for a while: what a
// provider answered is told once.
func (r *Room) answered(ctx context.Context, id, step string, made Call, o outcome) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		_, err := r.edit(ctx, made.By, id, func(run *Run, now time.Time) (*Act, error) {
			t := run.tick(step)
			if t.Call == nil || t.Call.ID != made.ID || t.Call.State != Calling && t.Call.State != CallUnknown {
				return nil, nil
			}
			t.Call.State, t.Call.Ended, t.Call.Status, t.Call.Answer = o.state, now, o.status, o.text
			a := &Act{Step: step, Args: map[string]string{"answer": o.text}}
			switch o.state {
			case Answered:
				a.What = ActCalled
				if t.Done == nil && t.Skipped == nil {
					t.Done = &Mark{At: now, By: made.By, Note: o.text}
				}
			case CallUnknown:
				a.What = ActCallUnknown
			default:
				a.What = ActCallFailed
			}
			return a, nil
		})
		if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrOver) || errors.Is(err, ErrFull) {
			return
		}
		r.cfg.Log.Warn("runbooks: write what a call answered", "run", id, "step", step, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// request is a call with the run's values. An UnsaidError names what nobody has said yet.
func (r *Run) request(h *HTTP, target string, allow []Allow) (req provider.Request, secrets []string, err error) {
	var missing []string
	fill := func(text string, as func(string) string) string {
		filled, m := r.fill(text, as)
		missing = append(missing, m...)
		return filled
	}
	path, query, asks := strings.Cut(target, "?")
	address := fill(path, asPath)
	if asks {
		address += "?" + fill(query, asQuery)
	}
	head := http.Header{}
	for name, value := range h.Headers {
		head.Set(name, fill(value, asHeader))
	}
	if h.Body != "" && head.Get("Content-Type") == "" {
		head.Set("Content-Type", "application/json")
	}
	as := asIs
	switch kind := head.Get("Content-Type"); {
	case strings.Contains(kind, "json"):
		as = asJSON
	case strings.Contains(kind, "urlencoded"):
		as = asQuery
	}
	body := fill(h.Body, as)
	if len(missing) > 0 {
		slices.Sort(missing)
		return req, nil, &UnsaidError{slices.Compact(missing)}
	}
	to, ok := allowed(address, allow)
	if !ok {
		return req, nil, Invalid{Field: "http.url", Reason: "is not among the addresses that runbooks may call"}
	}
	for name, value := range to.Headers {
		head.Set(name, value)
		secrets = append(secrets, value)
		if _, token, ok := strings.Cut(value, " "); ok { // Bearer …
			secrets = append(secrets, token)
		}
	}
	return provider.Request{Method: h.Method, URL: address, Header: head, Body: []byte(body)}, secrets, nil
}
