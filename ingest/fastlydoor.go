package ingest

import (
	"net/http"

	"vigie/ingest/fastly"
)

// fastlyChallenge proves to Fastly that this host wants its logs: it asks before it delivers, and
// again at times. Where any source names no services, all are welcome; each still needs its token.
func (c *Collector) fastlyChallenge(w http.ResponseWriter, r *http.Request) {
	var services []string
	asked, any := false, false
	for i := range c.cfg.Sources {
		s := &c.cfg.Sources[i]
		if s.Format != "fastly" {
			continue
		}
		asked = true
		any = any || len(s.Services) == 0
		services = append(services, s.Services...)
	}
	if !asked {
		http.NotFound(w, r)
		return
	}
	if any {
		services = nil
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write(fastly.Challenge(services))
}
