package ingest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"vigie/internal/event"
	"vigie/internal/pause"
)

// ImportConfig says where files go.
type ImportConfig struct {
	Source    Source // with its token; its format is the files'
	Collector string // base URL of the collectors, as http://127.0.0.1:8081
	Client    *http.Client
	Progress  func(bytes int64) // called with the bytes of the file read since the last call; may be nil
}

// Import sends files to a running collector in bodies of some megabytes, each named by what it
// holds and where in the file it stood: a file that is imported again counts once, packed or not.
type Import struct {
	cfg    ImportConfig
	reader *reader
	zone   *time.Location
}

// Imported tells what became of a file. It is read here as the writer reads it there.
type Imported struct {
	Bytes      int64 // of the text, unpacked
	Records    int
	Refused    int
	Reasons    map[string]int
	First      time.Time // of the records
	Last       time.Time
	Bodies     int
	Duplicates int // of Bodies: were there already
}

// NewImport checks what it can without sending anything.
func NewImport(cfg ImportConfig) (*Import, error) {
	r, err := cfg.Source.reader(cfg.Source.Format)
	if err != nil {
		return nil, err
	}
	if r.whole {
		return nil, fmt.Errorf("format %q is not one that is written to files", cfg.Source.Format)
	}
	zone, err := time.LoadLocation(cfg.Source.TimeZone)
	if err != nil {
		return nil, err
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 2 * time.Minute}
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int64) {}
	}
	return &Import{cfg, r, zone}, nil
}

const importTries = 8

// Send reads one file to its end, unpacking gzip, zstd and framed snappy.
func (im *Import) Send(ctx context.Context, file io.Reader) (*Imported, error) {
	in := bufio.NewReaderSize(counting{file, im.cfg.Progress}, 1<<20)
	u := newUnpacker(math.MaxInt)
	start, _ := in.Peek(len(magicSnappy))
	text, err := u.reader(start, in)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	if text == nil {
		text = in
	}
	out := &Imported{Reasons: map[string]int{}}
	u.cut(text, im.reader.header, im.reader.uncut, func(p piece) bool {
		switch {
		case p.refused != "":
			err = fmt.Errorf("after %d bytes: %s", p.base, p.refused)
		default:
			if err = im.send(ctx, out, p.text); err != nil {
				err = fmt.Errorf("after %d bytes: %w", out.Bytes, err)
				break
			}
			out.Bytes += int64(len(p.text) - p.top)
		}
		if p.pooled {
			u.release(p.text)
		}
		return err == nil
	})
	return out, err
}

func (im *Import) send(ctx context.Context, out *Imported, body []byte) error {
	s := &im.cfg.Source
	tally := &importTally{Imported: out, received: time.Now()}
	im.reader.parse(body, event.Origin{Received: tally.received, Client: netip.IPv6Loopback(), Zone: im.zone, Backfill: true}, tally)
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %d ", s.ID, out.Bytes)
	sum.Write(body)
	id := ImportBatch + hex.EncodeToString(sum.Sum(nil))

	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	z.Write(body)
	if err := z.Close(); err != nil {
		return err
	}
	for try := 1; ; try++ {
		duplicate, wait, err := im.post(ctx, id, packed.Bytes())
		if err == nil {
			out.Bodies++
			if duplicate {
				out.Duplicates++
			}
			return nil
		}
		if wait == 0 || try == importTries {
			return err
		}
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
	}
}

// post sends a body. wait is how long to wait before it is sent again; 0: it will not do.
func (im *Import) post(ctx context.Context, id string, body []byte) (duplicate bool, wait time.Duration, err error) {
	s := &im.cfg.Source
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, im.cfg.Collector+"/ingest/"+s.ID+"?backfill=1&format="+s.Format, bytes.NewReader(body))
	if err != nil {
		return false, 0, err
	}
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("X-Batch-Id", id)
	if s.User != "" {
		r.SetBasicAuth(s.User, s.Token)
	} else {
		r.Header.Set("Authorization", "Bearer "+s.Token)
	}
	res, err := im.cfg.Client.Do(r)
	if err != nil {
		return false, time.Second, fmt.Errorf("is a collector at %s? %w", im.cfg.Collector, err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	switch {
	case res.StatusCode == http.StatusOK:
		return bytes.Contains(answer, []byte(`"duplicate":true`)), 0, nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		wait = time.Duration(min(max(seconds, 1), 60)) * time.Second
	}
	return false, wait, fmt.Errorf("the collector answered %s: %s", res.Status, bytes.TrimSpace(answer))
}

// importTally counts what the writer will make of a body.
type importTally struct {
	*Imported
	received time.Time
}

func (t *importTally) take(at time.Time) {
	if reason := implausible(at, t.received, true); reason != "" {
		t.Refuse(event.Refusal{Reason: reason})
		return
	}
	t.Records++
	if t.First.IsZero() || at.Before(t.First) {
		t.First = at
	}
	t.Last = later(t.Last, at)
}

func (t *importTally) Request(r *event.Request) { t.take(r.Time) }
func (t *importTally) Beacon(b *event.Beacon)   { t.take(b.Time) }

func (t *importTally) Measurement(m *event.Measurement) { t.take(m.Time) }

func (t *importTally) Refuse(r event.Refusal) {
	t.Refused++
	t.Reasons[r.Reason]++
}

type counting struct {
	io.Reader
	progress func(int64)
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress(int64(n))
	return n, err
}
