package ingest

import (
	"errors"
	"net/http"

	"vigie/ingest/otlp"
	"vigie/ingest/remotewrite"
)

// remoteWrite is the etiquette of Prometheus remote write 1.0 and 2.0: the sender hears what was
// stored of a body, and what of it need never be sent again.
func remoteWrite(c *Collector, w http.ResponseWriter, r *http.Request, d *delivery) {
	contentType, encoding, told := r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), r.Header.Get("X-Prometheus-Remote-Write-Version")
	version, unpacked := remotewrite.Claim(contentType, encoding, told, d.body)
	s := &share{of: c.memory}
	if err := s.take(int64(unpacked)); err != nil {
		c.metrics.bodies.WithLabelValues(d.source.ID, "refused").Inc()
		c.book.refused(d.source.ID, err.Error())
		w.Header().Set("Retry-After", "1")
		if version == remotewrite.V2 {
			remotewrite.Written{}.Header(w.Header())
		}
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	defer s.release()
	version, written, status, err := remotewrite.Check(contentType, encoding, told, d.body)
	s.release() // storing may take long
	if version == remotewrite.V2 {
		d.framing = framingRemoteWrite2
	}
	if written.Any() || status == http.StatusNoContent && len(d.body) > 0 {
		kept := &held{header: http.Header{}}
		if _, ok := c.keep(kept, r, d); !ok {
			w.Header().Set("Retry-After", kept.header.Get("Retry-After"))
			if version == remotewrite.V2 {
				remotewrite.Written{}.Header(w.Header())
			}
			refuse(w, kept.status, "not stored: try again later")
			return
		}
	}
	if version == remotewrite.V2 {
		written.Header(w.Header())
	}
	if err != nil {
		c.metrics.bodies.WithLabelValues(d.source.ID, "invalid").Inc()
		c.book.refused(d.source.ID, err.Error())
		refuse(w, status, err.Error())
		return
	}
	w.WriteHeader(status)
}

// toCollector is the etiquette of OTLP/HTTP (OpenTelemetry Protocol specification, "OTLP/HTTP"): the answer
// is of the request's content type, and tells which points were not taken, so that nobody sends them
// again.
func toCollector(c *Collector, w http.ResponseWriter, r *http.Request, d *delivery) {
	kind := r.Header.Get("Content-Type")
	answer := func(status int, body []byte) {
		w.Header().Set("Content-Type", otlp.ContentType(kind))
		w.WriteHeader(status)
		w.Write(body)
	}
	refused := func(outcome string, status int, err error) {
		c.metrics.bodies.WithLabelValues(d.source.ID, outcome).Inc()
		c.book.refused(d.source.ID, err.Error())
		answer(status, otlp.Status(kind, status, err.Error()))
	}
	plain, release, err := c.plain(d.body)
	switch {
	case errors.Is(err, errMemory):
		w.Header().Set("Retry-After", "1")
		refused("refused", http.StatusServiceUnavailable, err)
		return
	case err != nil:
		refused("invalid", http.StatusBadRequest, err)
		return
	}
	defer release()
	result, status, err := otlp.Check(kind, plain)
	release() // storing may take long
	if err != nil {
		refused("invalid", status, err)
		return
	}
	if result.JSON {
		d.framing = framingJSON
	}
	if result.Points > 0 {
		kept := &held{header: http.Header{}}
		if _, ok := c.keep(kept, r, d); !ok {
			w.Header().Set("Retry-After", kept.header.Get("Retry-After"))
			answer(kept.status, otlp.Status(kind, kept.status, "not stored: try again later"))
			return
		}
	}
	if result.Rejected > 0 {
		c.book.refused(d.source.ID, result.Why)
	}
	answer(http.StatusOK, result.Answer(kind))
}
