package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"vigie/ingest/firehose"
)

// Headers of the HTTP endpoint contract of Amazon Data Firehose ("HTTP endpoint delivery request and
// response specifications").
const (
	firehoseRequest = "X-Amz-Firehose-Request-Id"
	firehoseKey     = "X-Amz-Firehose-Access-Key"
)

// firehoseBody is the longest body that Firehose sends, 64 MiB of records in base64, and some room:
// at 413 it drops a batch for good.
const firehoseBody = 96 << 20

func isFirehose(r *http.Request) bool { return r.Header.Get(firehoseRequest) != "" }

// toTheLetter is the etiquette of Firehose: what it does not recognise to the letter is a failure to
// it, and what it is refused for good it drops.
func toTheLetter(c *Collector, w http.ResponseWriter, r *http.Request, d *delivery) {
	id := r.Header.Get(firehoseRequest)
	refused := func(outcome string, status int, why string) {
		c.metrics.bodies.WithLabelValues(d.source.ID, outcome).Inc()
		c.book.refused(d.source.ID, why)
		answerFirehose(w, status, id, why)
	}
	if _, err := firehose.CommonAttributes(r.Header.Get("X-Amz-Firehose-Common-Attributes")); err != nil {
		refused("invalid", http.StatusBadRequest, err.Error())
		return
	}
	plain, release, err := c.plain(d.body)
	switch {
	case errors.Is(err, errMemory):
		w.Header().Set("Retry-After", "1")
		refused("refused", http.StatusServiceUnavailable, err.Error())
		return
	case err != nil:
		refused("invalid", http.StatusBadRequest, "body: "+err.Error())
		return
	}
	defer release()
	told, records, err := firehose.RequestID(plain)
	release() // storing may take long
	switch {
	case err != nil:
		refused("invalid", http.StatusBadRequest, err.Error())
		return
	case told != id:
		refused("invalid", http.StatusBadRequest, "requestId: is not that of the header "+firehoseRequest)
		return
	case records == 0:
		answerFirehose(w, http.StatusOK, id, "")
		return
	}
	d.framing = framingFirehose
	answer := &held{header: http.Header{}}
	if _, ok := c.keep(answer, r, d); !ok {
		w.Header().Set("Retry-After", answer.header.Get("Retry-After"))
		answerFirehose(w, answer.status, id, "not stored: try again later")
		return
	}
	answerFirehose(w, http.StatusOK, id, "")
}

// mostDeflated is how many bytes one byte of deflate can stand for (RFC 1951: 258 in two bits).
const mostDeflated = 1032

// plain unpacks a gzip body, up to what Firehose sends. What that takes is counted against MaxMemory
// until release is called; errMemory: there is none left.
func (c *Collector) plain(body []byte) (plain []byte, release func(), err error) {
	if !bytes.HasPrefix(body, magicGzip) {
		return body, func() {}, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	// A body ends with its length before it was packed (RFC 1952, 2.3.1). It may lie.
	told := int64(binary.LittleEndian.Uint32(body[len(body)-4:]))
	s := &share{of: c.memory}
	plain, err = s.gather(io.LimitReader(z, firehoseBody), min(told, mostDeflated*int64(len(body))), firehoseBody)
	if err != nil {
		s.release()
		return nil, nil, err
	}
	return plain, s.release, nil
}

func answerFirehose(w http.ResponseWriter, status int, id, why string) {
	body := firehose.Answer(id, time.Now(), why)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// held is an answer that is looked at before the sender gets its own.
type held struct {
	header http.Header
	status int
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) Write(b []byte) (int, error) { return len(b), nil }
func (h *held) WriteHeader(status int)      { h.status = status }
