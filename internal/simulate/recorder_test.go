package simulate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// recorder is a collector that reads every format with encoding/json, independently of the
// encoders, and adds up what it was told.
type recorder struct {
	t      testing.TB
	match  *Match // set before anything is sent
	http   *httptest.Server
	syslog net.Listener
	plan   []Network
	answer func(http.ResponseWriter, *http.Request, []byte) bool // true: it answered, and the body does not count

	mu       sync.Mutex
	requests map[Requests]requestSum // keys hold second, CDN and ISP only
	quality  map[Quality]qualitySum  // keys hold second, tool, CDN and ISP only
	bodies   map[string]int          // by path
	series   map[string]float64      // counters by all their labels: the last value
	served   map[Served]served       // keys hold from, until and service only
	scraped  map[string][2]int64     // by instance: the second after its last sample but one, and after its last
	lines    int
	messages uint64     // over syslog
	read     *sync.Cond // messages grew
}

func newRecorder(t testing.TB) *recorder {
	r := &recorder{t: t, requests: map[Requests]requestSum{}, quality: map[Quality]qualitySum{}, bodies: map[string]int{}, series: map[string]float64{}, served: map[Served]served{}, scraped: map[string][2]int64{}}
	r.read = sync.NewCond(&r.mu)
	r.http = httptest.NewServer(r)
	t.Cleanup(r.http.Close)
	var err error
	if r.syslog, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			conn, err := r.syslog.Accept()
			if err != nil {
				return
			}
			readers.Go(func() { r.readSyslog(conn) })
		}
	})
	t.Cleanup(func() { _ = r.syslog.Close(); readers.Wait() })
	return r
}

// settled waits until every syslog message that the match wrote was read.
func (r *recorder) settled() {
	r.match.mu.Lock()
	syslogs := r.match.syslogs
	r.match.mu.Unlock()
	var want uint64
	for _, y := range syslogs {
		want += y.snapshot().Acknowledged
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.messages < want {
		r.read.Wait()
	}
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	if r.answer != nil && r.answer(w, req, body) {
		return
	}
	r.take(req.URL, req.Header, body)
	w.WriteHeader(http.StatusAccepted)
}

func (r *recorder) take(u *url.URL, h http.Header, body []byte) {
	if h.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			r.t.Errorf("%s: %v", u, err)
			return
		}
		if body, err = io.ReadAll(z); err != nil {
			r.t.Errorf("%s: %v", u, err)
			return
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies[u.Path]++
	if u.Path == "/beacon" {
		_, sessions := r.match.Weights()
		r.readBeacon(body, uint64(sessions))
		return
	}
	if u.Path == "/ingest/"+r.match.cfg.Scenario.Scrape.Source {
		r.readScrapes(body)
		return
	}
	weight, err := strconv.ParseUint(u.Query().Get("weight"), 10, 64)
	if err != nil {
		r.t.Errorf("%s: weight: %v", u, err)
	}
	source := strings.TrimPrefix(u.Path, "/ingest/")
	for _, n := range r.match.cfg.Scenario.CDNs {
		if n.Name != source {
			continue
		}
		for text := range bytes.Lines(body) {
			r.readLine(n.Name, n.Format, text, weight)
		}
		return
	}
	var records []json.RawMessage
	if err := json.Unmarshal(body, &records); err != nil {
		r.t.Errorf("%s: %v", u, err)
	}
	for _, record := range records {
		r.readBeacon(record, weight)
	}
}

func (r *recorder) readSyslog(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	weight, _ := r.match.Weights()
	for {
		length, err := in.ReadString(' ')
		if err != nil {
			return // closed
		}
		n, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			r.t.Errorf("syslog frame: %v", err)
			return
		}
		msg := make([]byte, n)
		if _, err := io.ReadFull(in, msg); err != nil {
			r.t.Errorf("syslog message: %v", err)
			return
		}
		pri, rest, ok := strings.Cut(string(msg), ">")
		if !ok || pri != "<190" || len(rest) < 16 {
			r.t.Errorf("syslog header: %.60q", msg)
			return
		}
		if _, err := time.Parse(time.Stamp, rest[:15]); err != nil {
			r.t.Errorf("syslog time: %v", err)
		}
		host, payload, ok := strings.Cut(rest[16:], " nginx: ")
		if !ok || host != "edge-maison" {
			r.t.Errorf("syslog tag: %.60q", rest)
		}
		r.mu.Lock()
		r.readLine("maison", formatNginx, []byte(payload), uint64(weight))
		r.messages++
		r.read.Broadcast()
		r.mu.Unlock()
	}
}

// readScrapes reads a body of remote write 1.0 with protobuf's own reader, and what requests were
// counted since the scrape before.
func (r *recorder) readScrapes(body []byte) {
	text, err := snappy.Decode(nil, body)
	if err != nil {
		r.t.Errorf("scrapes: %v", err)
		return
	}
	fields := func(b []byte, f func(field protowire.Number, kind protowire.Type, value []byte, number uint64)) {
		for len(b) > 0 {
			field, kind, n := protowire.ConsumeTag(b)
			if n < 0 {
				r.t.Errorf("scrapes: %v", protowire.ParseError(n))
				return
			}
			b = b[n:]
			var value []byte
			var number uint64
			switch kind {
			case protowire.BytesType:
				value, n = protowire.ConsumeBytes(b)
			case protowire.Fixed64Type:
				number, n = protowire.ConsumeFixed64(b)
			default:
				number, n = protowire.ConsumeVarint(b)
			}
			if n < 0 {
				r.t.Errorf("scrapes: %v", protowire.ParseError(n))
				return
			}
			b = b[n:]
			f(field, kind, value, number)
		}
	}
	fields(text, func(_ protowire.Number, _ protowire.Type, series []byte, _ uint64) {
		labels, order := map[string]string{}, []string{}
		var value float64
		var millis int64
		fields(series, func(field protowire.Number, _ protowire.Type, message []byte, _ uint64) {
			var name, text string
			fields(message, func(of protowire.Number, _ protowire.Type, b []byte, n uint64) {
				switch {
				case field == 1 && of == 1:
					name = string(b)
				case field == 1:
					text = string(b)
				case of == 1:
					value = math.Float64frombits(n)
				default:
					millis = int64(n)
				}
			})
			if field == 1 {
				labels[name] = text
				order = append(order, name)
			}
		})
		if !slices.IsSorted(order) || len(labels) != len(order) {
			r.t.Errorf("labels %v are not sorted, or there twice", order)
		}
		instance, until := labels["instance"], millis/1000+1
		span := r.scraped[instance]
		switch {
		case until > span[1]:
			span = [2]int64{span[1], until}
			r.scraped[instance] = span
		case until < span[1]:
			r.t.Errorf("%s: a sample of second %d after one of %d", instance, until-1, span[1]-1)
		}
		key := fmt.Sprint(labels)
		grown := value - r.series[key]
		if name := labels["__name__"]; strings.HasSuffix(name, "_total") || strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_count") || strings.HasSuffix(name, "_sum") {
			if grown < 0 {
				r.t.Errorf("%s went back", key)
			}
			r.series[key] = value
		}
		if labels["__name__"] == "http_requests_total" && span[0] > 0 {
			at := Served{From: span[0], Until: until, Service: labels["job"]}
			sum := r.served[at]
			sum.requests += uint64(grown)
			if labels["code"] >= "500" {
				sum.errors += uint64(grown)
			}
			r.served[at] = sum
		}
		r.lines++
	})
}

// readLine reads one line as the collector's parsers do: ISP by ASN where the format has one, by
// address where it has not.
func (r *recorder) readLine(cdn, format string, text []byte, weight uint64) {
	var rec map[string]any
	if err := json.Unmarshal(text, &rec); err != nil {
		r.t.Errorf("%s: %v in %s", cdn, err, text)
		return
	}
	r.lines++
	str := func(k string) string {
		v, ok := rec[k]
		if !ok {
			return ""
		}
		if f, ok := v.(float64); ok {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
		return fmt.Sprint(v)
	}
	num := func(k string) uint64 {
		n, err := strconv.ParseUint(str(k), 10, 64)
		if err != nil {
			r.t.Errorf("%s: %s: %v", cdn, k, err)
		}
		return n
	}
	epoch := func(v string) int64 {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			r.t.Errorf("%s: time: %v", cdn, err)
		}
		return int64(f)
	}
	key := Requests{CDN: cdn}
	var sum requestSum
	var status uint64
	switch format {
	case formatAkamai:
		key.Second, key.ISP = epoch(str("reqTimeSec")), r.byASN(str("asn"))
		status, sum.bytes = num("statusCode"), weight*num("bytes")
		if rules := strings.Split(str("securityRules"), "|"); len(rules) == 3 && rules[2] != "" {
			sum.blocked = weight
		}
	case formatNDJSON:
		at, err := time.Parse(time.RFC3339Nano, str("time"))
		if err != nil {
			r.t.Errorf("%s: %v", cdn, err)
		}
		key.Second, key.ISP = at.Unix(), r.byASN(str("asn"))
		status, sum.bytes = num("status"), weight*num("bytes")
		if rec["blocked"] == true {
			sum.blocked = weight
		}
	default:
		key.Second, key.ISP = epoch(str("ts")), r.byAddress(str("ip"))
		status, sum.bytes = num("st"), weight*num("bs")
	}
	sum.requests = weight
	switch status / 100 {
	case 4:
		sum.clientErrors = weight
	case 5:
		sum.errors = weight
	}
	total := r.requests[key]
	total.add(&sum)
	r.requests[key] = total
}

func (r *recorder) byASN(asn string) string {
	for _, p := range r.match.cfg.Scenario.ISPs {
		if asn != "" && asn == strconv.Itoa(int(p.ASN)) || asn == "" && p.ASN == 0 {
			return p.Name
		}
	}
	r.t.Errorf("AS%s is in nobody's table", asn)
	return ""
}

func (r *recorder) byAddress(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		r.t.Errorf("client: %v", err)
	}
	for _, n := range r.plan {
		if n.Prefix.Contains(a) {
			return n.Name
		}
	}
	return "elsewhere"
}

func (r *recorder) readBeacon(text []byte, weight uint64) {
	var b struct {
		V                                              int
		T                                              int64
		Session, Event, Tool, CDN, Client              string
		ASN                                            uint32
		StartupTime, WatchedTime                       uint64
		PlaybackStallDuration, PlaybackStallCount      uint64
		BitsPlayed, CDNBytes, P2PDownBytes, P2PUpBytes uint64
		Channel, Device, Player, ErrorCode             string
		MediaTime, Peers                               uint64
		Started                                        bool
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		r.t.Errorf("beacon: %v in %s", err, text)
		return
	}
	if b.V != 1 || b.Session == "" || b.Channel == "" || b.Device == "" || b.Player == "" {
		r.t.Errorf("beacon lacks something: %s", text)
	}
	key := Quality{Second: b.T / 1000 / 10 * 10, Tool: b.Tool, CDN: b.CDN}
	if b.Client != "" {
		key.ISP = r.byAddress(b.Client)
		if by := r.byASN(strconv.Itoa(int(b.ASN))); b.ASN != 0 && by != key.ISP {
			r.t.Errorf("%s is of %s, AS%d is %s", b.Client, key.ISP, b.ASN, by)
		}
	}
	sum := qualitySum{
		beacons: weight, playing: weight * b.WatchedTime, rebuffering: weight * b.PlaybackStallDuration, stalls: weight * b.PlaybackStallCount,
		bits: weight * b.BitsPlayed, cdnBytes: weight * b.CDNBytes, peerBytes: weight * b.P2PDownBytes, uploaded: weight * b.P2PUpBytes,
	}
	switch b.Event {
	case "playbackRequest":
		sum.requested = weight
	case "playbackStart":
		sum.startups, sum.startupMS = weight, weight*b.StartupTime
	case "playbackFail":
		sum.failures = weight
	case "playbackFinish":
		sum.finishes = weight
	case "":
	default:
		r.t.Errorf("beacon: event %q", b.Event)
	}
	total := r.quality[key]
	total.add(&sum)
	r.quality[key] = total
}

// agrees compares what was received with a truth, record by record.
func (r *recorder) agrees(truth Truth) {
	r.t.Helper()
	r.settled()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(truth.Requests) != len(r.requests) || len(truth.Quality) != len(r.quality) {
		r.t.Errorf("truth has %d and %d records, received %d and %d", len(truth.Requests), len(truth.Quality), len(r.requests), len(r.quality))
	}
	for _, want := range truth.Requests {
		got := r.requests[Requests{Second: want.Second, CDN: want.CDN, ISP: want.ISP}]
		if (requestSum{want.Requests, want.Bytes, want.Errors, want.ClientErrors, want.Blocked}) != got {
			r.t.Fatalf("truth %+v, received %+v", want, got)
		}
	}
	for _, want := range truth.Quality {
		got := r.quality[Quality{Second: want.Second, Tool: want.Tool, CDN: want.CDN, ISP: want.ISP}]
		if (qualitySum{want.Beacons, want.Requested, want.Startups, want.StartupMS, want.Failures, want.Finishes, want.PlayingMS, want.RebufferMS, want.Stalls, want.BitsPlayed, want.CDNBytes, want.PeerBytes, want.PeerUploaded}) != got {
			r.t.Fatalf("truth %+v, received %+v", want, got)
		}
	}
	if len(truth.Services) != len(r.served) {
		r.t.Errorf("truth has %d scrapes, received %d", len(truth.Services), len(r.served))
	}
	for _, want := range truth.Services {
		if got := r.served[Served{From: want.From, Until: want.Until, Service: want.Service}]; got != (served{want.Requests, want.Errors}) {
			r.t.Fatalf("truth %+v, received %+v", want, got)
		}
	}
	if len(truth.Unsettled) > 0 {
		r.t.Errorf("%d batches are unsettled", len(truth.Unsettled))
	}
}

// plays makes a match that sends to the recorder.
func (r *recorder) plays(change func(*Config)) *Match {
	r.t.Helper()
	m := newMatch(r.t, func(c *Config) {
		c.Collectors, c.Syslog, c.SyslogNetwork = r.http.URL, r.syslog.Addr().String(), "tcp"
		if change != nil {
			change(c)
		}
	})
	r.match, r.plan = m, m.AddressPlan()
	return m
}
