package ingest

import (
	"net/http"

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
