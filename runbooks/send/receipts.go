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
// can sign nothing, /receipts/{account}/{token}; some use GET. Each channel authenticates its own provider, who is heard
// of its own account's messages alone. What they tell twice counts once, and what is known to have arrived stays arrived.
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
			if err := w.report(req.Context(), req.PathValue("account"), r); err != nil {
				w.cfg.Log.Warn("a provider's report cannot be written down: it is asked to tell again", "account", req.PathValue("account"), "error", err)
				http.Error(out, "try again", http.StatusServiceUnavailable)
				return
			}
		}
		out.WriteHeader(http.StatusNoContent)
	})
}

// report writes down what an account's provider tells. One about a message that is not known is nobody's.
func (w *Worker) report(ctx context.Context, account string, r channel.Report) error {
	l, leg, i, err := w.whose(account, r)
	if l == nil || err != nil {
		return err
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

var errNotYet = errors.New("what was sent is not known here yet")

// whose is the line that a report of an account is about; no ledger: none is.
func (w *Worker) whose(account string, r channel.Report) (l *ledger, leg, i int, err error) {
	room := w.cfg.Room
	if id, leg, key, ok := parseMessageID(r.ID); ok {
		if s := room.Get(id); s != nil && s.Drill == w.cfg.Drill && leg < len(s.Legs) && s.Legs[leg].Channel == account {
			l := room.ledger(id)
			if l == nil && s.Ended.IsZero() {
				return nil, 0, 0, errNotYet
			}
			if l != nil {
				if i, ok := l.legs[leg].find(key); ok {
					return l, leg, i, nil
				}
			}
			return nil, 0, 0, nil
		}
	}
	receipt := provider.Line(r.Receipt, maxWords) // as lines keep it
	if receipt == "" {
		return nil, 0, 0, nil
	}
	for _, s := range room.All() {
		for leg := range s.Legs {
			if s.Drill != w.cfg.Drill || s.Legs[leg].Channel != account {
				continue
			}
			l := room.ledger(s.ID)
			if l == nil {
				continue
			}
			if i, ok := l.findReceipt(leg, receipt); ok {
				return l, leg, i, nil
			}
			if !l.heardAll() || l.tally(leg).Get(Claimed) > 0 { // perhaps of one whose acceptance is not written yet
				err = errNotYet
			}
		}
	}
	return nil, 0, 0, err
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
