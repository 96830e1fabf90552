package ingest

import (
	"net/http"

	"vigie/ingest/otlp"
	"vigie/ingest/remotewrite"
)

// remoteWrite is the etiquette of Prometheus remote write 1.0 and 2.0: the sender hears what was
// stored of a body, and what of it need never be sent again.
func remoteWrite(c *Collector, w http.ResponseWriter, r *http.Request, d *delivery) {
	h := r.Header
	version, written, status, err := remotewrite.Check(h.Get("Content-Type"), h.Get("Content-Encoding"), h.Get("X-Prometheus-Remote-Write-Version"), d.body)
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
	plain, err := plainOf(d.body)
	if err != nil {
		c.metrics.bodies.WithLabelValues(d.source.ID, "invalid").Inc()
		c.book.refused(d.source.ID, err.Error())
		answer(http.StatusBadRequest, otlp.Status(kind, http.StatusBadRequest, err.Error()))
		return
	}
	result, status, err := otlp.Check(kind, plain)
	if err != nil {
		c.metrics.bodies.WithLabelValues(d.source.ID, "invalid").Inc()
		c.book.refused(d.source.ID, err.Error())
		answer(status, otlp.Status(kind, status, err.Error()))
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
