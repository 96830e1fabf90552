package ingest

import (
	"bytes"
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
	refused := func(status int, why string) {
		c.metrics.bodies.WithLabelValues(d.source.ID, "invalid").Inc()
		c.book.refused(d.source.ID, why)
		answerFirehose(w, status, id, why)
	}
	if _, err := firehose.CommonAttributes(r.Header.Get("X-Amz-Firehose-Common-Attributes")); err != nil {
		refused(http.StatusBadRequest, err.Error())
		return
	}
	plain, err := plainOf(d.body)
	if err != nil {
		refused(http.StatusBadRequest, "body: "+err.Error())
		return
	}
	told, records, err := firehose.RequestID(plain)
	switch {
	case err != nil:
		refused(http.StatusBadRequest, err.Error())
		return
	case told != id:
		refused(http.StatusBadRequest, "requestId: is not that of the header "+firehoseRequest)
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

// plainOf unpacks a gzip body, up to what Firehose sends.
func plainOf(body []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, magicGzip) {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, firehoseBody))
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
