package send

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vigie/internal/bus"
	"vigie/internal/provider"
	"vigie/runbooks/channel"
)

const maxReportBody = 256 << 10

// Receipts is the door at which providers tell what became of what they took, at /receipts/{account} and, for those that
// can sign nothing, /receipts/{account}/{token}; some use GET. Each channel authenticates its own provider. What they tell twice counts once, and what is known to have arrived stays arrived.
func (w *Worker) Receipts() http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, req *http.Request) {
		reporter, ok := w.cfg.Channels[req.PathValue("account")].(channel.Reporter)
		if !ok || req.Method != http.MethodPost && req.Method != http.MethodGet {
			http.Error(out, "no such account", http.StatusNotFound)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(out, req.Body, maxReportBody))
		if err != nil {
			http.Error(out, "the report is larger than 256 KB, or was cut off", http.StatusRequestEntityTooLarge)
			return
		}
		reports, err := reporter.Reports(req, body)
		switch {
		case errors.Is(err, channel.ErrDenied):
			http.Error(out, err.Error(), http.StatusForbidden)
			return
		case err != nil:
			http.Error(out, provider.Line(err.Error(), 200), http.StatusBadRequest)
			return
		}
		for _, r := range reports {
			if err := w.report(req.Context(), r); err != nil {
				w.cfg.Log.Warn("a provider's report cannot be written down: it is asked to tell again", "account", req.PathValue("account"), "error", err)
				http.Error(out, "try again", http.StatusServiceUnavailable)
				return
			}
		}
		out.WriteHeader(http.StatusNoContent)
	})
}

// report writes down what a provider tells. One about a message that is not known is nobody's.
func (w *Worker) report(ctx context.Context, r channel.Report) error {
	l, leg, i, ok := w.whose(r)
	if !ok {
		return nil
	}
	for {
		e, revision, err := l.read(ctx, leg, i)
		if err != nil {
			return err
		}
		was, _ := parseOutcome(e.Outcome)
		will := Delivered
		if r.State == channel.Failed {
			will = Undelivered
		}
		if revision == 0 || !better(will, was, e.Tries, e.Tries) {
			return nil
		}
		e.Outcome, e.At = will.String(), time.Now().UnixMilli()
		if r.Receipt != "" {
			e.Receipt = provider.Line(r.Receipt, maxWords)
		}
		if will == Undelivered {
			e.Reason, e.Text = string(provider.ReasonRefused), provider.Line(r.Text, maxWords)
		}
		if _, err = l.write(ctx, leg, i, e, revision); !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}

func (w *Worker) whose(r channel.Report) (l *ledger, leg, i int, ok bool) {
	if send, leg, key, ok := parseMessageID(r.ID); ok {
		if l := w.cfg.Room.ledger(send); l != nil && leg < len(l.legs) {
			i, ok := l.legs[leg].find(key)
			return l, leg, i, ok
		}
		return nil, 0, 0, false
	}
	if r.Receipt == "" {
		return nil, 0, 0, false
	}
	for _, s := range w.cfg.Room.All() {
		if l := w.cfg.Room.ledger(s.ID); l != nil && s.Drill == w.cfg.Drill {
			if leg, i, ok := l.find(r.Receipt); ok {
				return l, leg, i, true
			}
		}
	}
	return nil, 0, 0, false
}

// messageID is that of a recipient's message: it is at most 64 of a-z, 0-9, '-'.
func messageID(send string, leg int, key string) string {
	return send + "-" + strconv.Itoa(leg) + "-" + key
}

func parseMessageID(id string) (send string, leg int, key string, ok bool) {
	at := strings.LastIndexByte(id, '-')
	if at < 0 || len(id) > 64 {
		return "", 0, "", false
	}
	id, key = id[:at], id[at+1:]
	if at = strings.LastIndexByte(id, '-'); at <= 0 {
		return "", 0, "", false
	}
	leg, err := strconv.Atoi(id[at+1:])
	return id[:at], leg, key, err == nil && leg >= 0 && leg < 100 && key != ""
}
