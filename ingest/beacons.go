package ingest

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// BeaconConfig is about POST /beacon, which any viewer's machine can reach.
type BeaconConfig struct {
	Disabled   bool     `yaml:"disabled"`
	Tool       string   `yaml:"tool"`        // name of the tool behind the endpoint; empty: "vigie"
	Weight     float64  `yaml:"weight"`      // sessions that one beacon's session stands for; 0: 1
	Origins    []string `yaml:"origins"`     // pages that may send credentials along, as https://tv.example; others may send without
	PerAddress int      `yaml:"per_address"` // beacons a second from one network (/24, /48); 0: 2,000, for carriers put many viewers behind one address
}

const (
	maxBeacon         = 64 << 10 // browsers queue no more than that for sendBeacon
	maxUserAgent      = 512
	defaultPerAddress = 2000
	// BeaconSource is the id of the source behind POST /beacon.
	BeaconSource = "beacons"
)

// beaconDoor takes in players' beacons. Nothing that they say of themselves is believed: the
// address is the connection's, the tool is the configuration's.
type beaconDoor struct {
	collector *Collector
	source    *Source
	batches   *batcher
	rate      *rate
}

func newBeaconDoor(c *Collector) *beaconDoor {
	if c.cfg.Beacons.Tool == "" {
		c.cfg.Beacons.Tool = "vigie"
	}
	limit := c.cfg.Beacons.PerAddress
	if limit == 0 {
		limit = defaultPerAddress
	}
	d := &beaconDoor{
		collector: c,
		source:    &Source{ID: BeaconSource, Tool: c.cfg.Beacons.Tool, Format: "beacon", Weight: c.cfg.Beacons.Weight, Public: true},
		rate:      newRate(limit),
	}
	d.batches = newBatcher(context.Background(), d.source, false, false, c.door.store)
	return d
}

func (d *beaconDoor) run(ctx context.Context) error {
	<-ctx.Done()
	d.batches.close()
	return nil
}

func (d *beaconDoor) mount(mux *http.ServeMux) {
	if d.collector.cfg.Beacons.Disabled {
		return
	}
	mux.HandleFunc("POST /beacon", d.post)
	mux.HandleFunc("GET /beacon", d.pixel)
	mux.HandleFunc("OPTIONS /beacon", func(w http.ResponseWriter, r *http.Request) {
		d.allow(w, r)
		w.Header().Set("Access-Control-Allow-Methods", "POST, GET")
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
		w.Header().Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	})
}

// allow lets pages read the answer. Browsers send beacons whether they may or not.
func (d *beaconDoor) allow(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	w.Header().Add("Vary", "Origin")
	if slices.Contains(d.collector.cfg.Beacons.Origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
}

func (d *beaconDoor) post(w http.ResponseWriter, r *http.Request) {
	d.allow(w, r)
	if r.ContentLength > maxBeacon {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a beacon has at most %d bytes", maxBeacon))
		return
	}
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(10 * time.Second))
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBeacon+1))
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "the body ended before its end")
	case len(body) > maxBeacon:
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a beacon has at most %d bytes", maxBeacon))
	default:
		d.take(w, r, body)
	}
}

// pixel takes a beacon in the address, for players that can only load images.
func (d *beaconDoor) pixel(w http.ResponseWriter, r *http.Request) {
	d.allow(w, r)
	d.take(w, r, []byte(r.URL.Query().Get("d")))
}

func (d *beaconDoor) take(w http.ResponseWriter, r *http.Request, body []byte) {
	c := d.collector
	answer := func(outcome string) { c.metrics.bodies.WithLabelValues(BeaconSource, outcome).Inc() }
	now := time.Now()
	client := d.client(r)
	if !d.rate.admits(client, now) {
		answer("limited")
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusTooManyRequests, "too many beacons from this network")
		return
	}
	if len(body) == 0 {
		answer("empty")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	userAgent := r.UserAgent()
	userAgent = userAgent[:min(len(userAgent), maxUserAgent)]
	b, err := d.batches.add(r.Context(), false, now, client, userAgent, body)
	if err == nil {
		select {
		case <-b.settled:
			err = b.err
		case <-r.Context().Done():
			return // the player is gone; its beacon is not
		}
	}
	if err != nil {
		answer(c.refuseStore(w, err))
		return
	}
	answer("stored")
	c.metrics.bytes.WithLabelValues(BeaconSource).Add(float64(len(body)))
	w.WriteHeader(http.StatusNoContent)
}

// client is the viewer's address: the peer's, or what the nearest trusted proxy says of it.
func (d *beaconDoor) client(r *http.Request) netip.Addr {
	at := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && d.trusted(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap()
	}
	return at
}

func (d *beaconDoor) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(d.collector.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// rate counts beacons per network and second in a table of fixed size. Networks that share a
// place share its limit, so the seed is secret and chosen at start.
type rate struct {
	limit uint32
	seed  maphash.Seed
	slots [1 << 16]atomic.Uint64 // second (upper half) and count
}

func newRate(limit int) *rate { return &rate{limit: uint32(limit), seed: maphash.MakeSeed()} }

func (r *rate) admits(client netip.Addr, now time.Time) bool {
	slot := &r.slots[maphash.Comparable(r.seed, network(client))%uint64(len(r.slots))]
	second := uint64(uint32(now.Unix())) << 32
	for {
		old := slot.Load()
		count := uint64(1)
		if old&^0xffffffff == second {
			count = old&0xffffffff + 1
		}
		if slot.CompareAndSwap(old, second|count) {
			return uint32(count) <= r.limit
		}
	}
}
