package ingest

import (
	"context"
	"fmt"
	"hash/crc32"
	"hash/maphash"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// BeaconConfig is about the doors that any viewer's machine can reach.
type BeaconConfig struct {
	Disabled   bool     `yaml:"disabled"`    // players are told to stop (410)
	Tool       string   `yaml:"tool"`        // name of the tool behind the endpoint; empty: "vigie"
	Weight     float64  `yaml:"weight"`      // sessions that one beacon's session stands for; 0: 1
	Origins    []string `yaml:"origins"`     // pages that may send credentials along, as https://tv.example; others may send without
	PerAddress int      `yaml:"per_address"` // beacons a second from one network (/24, /48); 0: 2,000, for carriers put many viewers behind one address
}

const (
	maxBeacon         = 64 << 10 // browsers queue no more than that for sendBeacon
	maxUserAgent      = 512
	defaultPerAddress = 2000
)

// Ids of the sources that viewers' machines reach without being configured.
const (
	BeaconSource = "beacons" // POST /beacon
	CMCDSource   = "cmcd"    // POST /cmcd
)

// PublicSources are the sources that viewers' machines reach, built in or configured with public:
// true. A source named cmcd in the configuration takes the place of the one built in.
func PublicSources(cfg BeaconConfig, configured []Source) []Source {
	if cfg.Tool == "" {
		cfg.Tool = "vigie"
	}
	out := []Source{{ID: BeaconSource, Tool: cfg.Tool, Format: "beacon", Weight: cfg.Weight, Public: true}}
	if !slices.ContainsFunc(configured, func(s Source) bool { return s.ID == CMCDSource }) {
		out = append(out, Source{ID: CMCDSource, Tool: CMCDSource, Format: "cmcd", Weight: cfg.Weight, Public: true})
	}
	for _, s := range configured {
		if s.Public {
			out = append(out, s)
		}
	}
	return out
}

// publicDoor takes in what players report of one source. Nothing that they say of themselves is
// believed: the address is the connection's, the tool is the configuration's.
type publicDoor struct {
	collector *Collector
	source    *Source
	batches   []*batcher // one a partition: a viewer's reports all go the same way
	rate      *rate      // of all public doors together
}

// publicDoors are the doors that a viewer's machine can reach.
type publicDoors []*publicDoor

func newPublicDoors(c *Collector) (publicDoors, error) {
	limit := c.cfg.Beacons.PerAddress
	if limit == 0 {
		limit = defaultPerAddress
	}
	var all publicDoors
	shared := newRate(limit)
	for _, s := range PublicSources(c.cfg.Beacons, c.cfg.Sources) {
		d := &publicDoor{collector: c, source: &s, rate: shared}
		var err error
		if s.own, err = s.reader(s.Format); err != nil {
			return nil, err
		}
		for i := range c.cfg.Streams {
			d.batches = append(d.batches, newBatcher(context.Background(), &s, false, false, func(ctx context.Context, of *delivery) (bool, error) {
				of.place = i + 1
				return c.door.store(ctx, of)
			}))
		}
		all = append(all, d)
	}
	return all, nil
}

func (p publicDoors) run(ctx context.Context) error {
	<-ctx.Done()
	for _, d := range p {
		for _, b := range d.batches {
			b.close()
		}
	}
	return nil
}

// mount serves each door: the built in ones at /beacon and /cmcd, the others at /play/{id}/…
func (p publicDoors) mount(mux *http.ServeMux) {
	for _, d := range p {
		paths := []string{"/play/" + d.source.ID, "/play/" + d.source.ID + "/"}
		switch d.source.ID {
		case BeaconSource:
			paths = []string{"/beacon"}
		case CMCDSource:
			paths = []string{"/cmcd"}
		}
		for _, path := range paths {
			mux.HandleFunc(path, d.serve)
		}
	}
}

func (d *publicDoor) serve(w http.ResponseWriter, r *http.Request) {
	d.allow(w, r)
	if d.collector.cfg.Beacons.Disabled {
		// CTA-5004-B tells players to stop for good at 410, and others take it as any refusal.
		refuse(w, http.StatusGone, "nothing is collected here")
		return
	}
	switch r.Method {
	case http.MethodPost:
		d.post(w, r)
	case http.MethodGet:
		d.get(w, r)
	case http.MethodOptions:
		w.Header().Set("Access-Control-Allow-Methods", "POST, GET")
		w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
		w.Header().Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, "POST, or GET from players that can only load images")
	}
}

// allow lets pages read the answer. Browsers send beacons whether they may or not.
func (d *publicDoor) allow(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	w.Header().Add("Vary", "Origin")
	if slices.Contains(d.collector.cfg.Beacons.Origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
}

func (d *publicDoor) post(w http.ResponseWriter, r *http.Request) {
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
	case d.source.own.inTarget:
		d.take(w, r, append(d.target(r), body...))
	default:
		d.take(w, r, body)
	}
}

// get takes a report in the address, from tools that send it so and players that can only load
// images.
func (d *publicDoor) get(w http.ResponseWriter, r *http.Request) {
	if d.source.own.inTarget {
		d.take(w, r, d.target(r))
		return
	}
	d.take(w, r, []byte(r.URL.Query().Get("d")))
}

// target is a request's target without the door's own path, ready for more of its query behind it.
func (d *publicDoor) target(r *http.Request) []byte {
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/play/"+d.source.ID)
	out := append([]byte(rest), '?')
	out = append(out, r.URL.RawQuery...)
	if r.URL.RawQuery != "" && r.Method != http.MethodGet {
		out = append(out, '&')
	}
	return out
}

func (d *publicDoor) take(w http.ResponseWriter, r *http.Request, body []byte) {
	c := d.collector
	answer := func(outcome string) { c.metrics.bodies.WithLabelValues(d.source.ID, outcome).Inc() }
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
	b, err := d.batches[d.place(client)].add(r.Context(), false, now, client, userAgent, body)
	if err == nil {
		select {
		case <-b.settled:
			err = b.err
		case <-r.Context().Done():
			return // the player is gone; its beacon is not
		}
	}
	if err != nil {
		outcome := c.refuseStore(w, err)
		answer(outcome)
		c.book.refused(d.source.ID, "not stored: "+outcome)
		return
	}
	c.stored(d.source.ID, len(body), false)
	w.WriteHeader(http.StatusNoContent)
}

// place is the partition of a viewer's reports. It is the same in every collector and after every
// restart, for what one writer knows of a session another does not.
func (d *publicDoor) place(client netip.Addr) int {
	at := network(client).As16()
	return int(crc32.ChecksumIEEE(at[:]) % uint32(len(d.batches)))
}

// client is the viewer's address: the peer's, or what the nearest trusted proxy says of it.
func (d *publicDoor) client(r *http.Request) netip.Addr {
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

func (d *publicDoor) trusted(a netip.Addr) bool {
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
