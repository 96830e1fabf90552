package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"vigie/ingest"
	"vigie/web"
)

// replayDoor lets `vigie replay` ask the writer of a running process. It answers with a line of JSON
// a second, the last of which says that it is over.
type replayDoor struct {
	writer atomic.Pointer[ingest.Writer] // nil until ClickHouse is there, or where this process has no writer
	audit  func(context.Context, web.Action)
}

// Replayed tells how far a replay is.
type Replayed = ingest.Replayed

type replayCall struct{ From, To time.Time }

type replayLine struct {
	Replayed
	Over  bool   `json:",omitempty"`
	Error string `json:",omitempty"`
}

func (d *replayDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call replayCall
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	lines := json.NewEncoder(w)
	tell := func(l replayLine) {
		lines.Encode(l)
		http.NewResponseController(w).Flush()
	}
	writer := d.writer.Load()
	if writer == nil {
		tell(replayLine{Over: true, Error: "this process writes nothing (its roles lack ingest), or ClickHouse is not there yet"})
		return
	}
	d.audit(r.Context(), web.Action{At: time.Now(), Who: atCommandLine, What: "replay", Outcome: "asked",
		On: call.From.UTC().Format(time.RFC3339) + " to " + call.To.UTC().Format(time.RFC3339)})
	done, err := writer.Replay(r.Context(), call.From, call.To, func(far Replayed) { tell(replayLine{Replayed: far}) })
	last := replayLine{Replayed: done, Over: true}
	if err != nil {
		last.Error = err.Error()
	}
	tell(last)
}

// Replay asks the process that has the configuration's data folder to read again what was received
// between two moments; progress is told once a second.
func (c *Config) Replay(ctx context.Context, from, to time.Time, progress func(Replayed)) (Replayed, error) {
	body, err := json.Marshal(replayCall{from, to})
	if err != nil {
		return Replayed{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://vigie/replay", bytes.NewReader(body))
	if err != nil {
		return Replayed{}, err
	}
	client := controlClient(c.Data)
	defer client.CloseIdleConnections()
	res, err := client.Do(r)
	if err != nil {
		return Replayed{}, fmt.Errorf("ask the running vigie (it must run, with the data folder %s): %w", c.Data, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return Replayed{}, fmt.Errorf("ask the running vigie: %s: %s", res.Status, bytes.TrimSpace(text))
	}
	for lines := json.NewDecoder(res.Body); ; {
		var l replayLine
		if err := lines.Decode(&l); err != nil {
			return Replayed{}, fmt.Errorf("the running vigie ended before the replay did; it goes on with it at its next start: %w", err)
		}
		if l.Over {
			if l.Error != "" {
				err = errors.New(l.Error)
			}
			return l.Replayed, err
		}
		progress(l.Replayed)
	}
}
