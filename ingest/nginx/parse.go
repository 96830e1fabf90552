// Package nginx reads access logs that nginx or Varnish writes as JSON, one object per line.
//
// Keys are short ones, or nginx's own names of variables. In nginx.conf:
//
//	log_format vigie escape=json '{"ts":"$msec","host":"$host","m":"$request_method",'
//	  '"uri":"$request_uri","st":"$status","bs":"$bytes_sent","rt":"$request_time",'
//	  '"uht":"$upstream_header_time","cs":"$upstream_cache_status","ip":"$remote_addr",'
//	  '"xff":"$http_x_forwarded_for","ref":"$http_referer","ua":"$http_user_agent",'
//	  '"proto":"$server_protocol","tls":"$ssl_protocol","id":"$request_id",'
//	  '"cmcd_r":"$http_cmcd_request","cmcd_o":"$http_cmcd_object",'
//	  '"cmcd_s":"$http_cmcd_session","cmcd_t":"$http_cmcd_status"}';
//	access_log syslog:server=vigie:5514,tag=nginx vigie;
//
// Every value is quoted, because nginx writes nothing for a variable that is not set. With
// Varnish, which has no syslog of its own:
//
//	varnishncsa -j -F '{"ts":"%{usec}t","host":"%{Host}i","m":"%m","uri":"%U%q","st":"%s",
//	  "bs":"%O","us":"%D","ttfb":"%{Varnish:time_firstbyte}x","cs":"%{Varnish:handling}x",
//	  "side":"%{Varnish:side}x","ip":"%h","xff":"%{X-Forwarded-For}i","ref":"%{Referer}i",
//	  "ua":"%{User-agent}i","proto":"%H"}' | logger -n vigie -P 5514 -t varnish
//
// (on one line.) What is read:
//
//	ts, msec, time_iso8601, time_local, time    the time, required
//	h, host, http_host; m, method, request_method
//	u, uri, url, request_uri                    with query; request holds method and protocol too
//	args, query_string                          the query, where the former has none
//	st, status; bs, bytes_sent, body_bytes_sent
//	rt, request_time                            seconds; us: microseconds
//	uht, upstream_header_time; ttfb             seconds to the first byte
//	cs, upstream_cache_status
//	ip, remote_addr; xff, http_x_forwarded_for  see field.Client
//	ref, http_referer; ua, http_user_agent; proto, server_protocol; tls, ssl_protocol
//	id, request_id; country, geoip2_country_code; asn; pop
//	cmcd_r, cmcd_o, cmcd_s, cmcd_t and http_cmcd_request …  the CMCD headers; only without them is
//	                                            CMCD looked for in the query
//	side                                        Varnish's: a line of "b", its own fetch, is dropped
//
// nginx has no time to first byte of its own: uht is the origin's, of the last origin that was
// asked when it is a list, and there is none for an answer from the cache. Status 499 is
// nginx's word for a client that left.
package nginx

import (
	"time"

	"vigie/ingest/cmcd"
	"vigie/ingest/field"
	"vigie/ingest/flatjson"
	"vigie/ingest/record"
	"vigie/internal/event"
)

// Reasons of refusals, beside flatjson's.
const (
	NoTime  = "ts: missing"
	BadTime = "ts: not a number, RFC 3339 or nginx's local time"
)

const clientClosed = 499

// Parse reads a payload; it is an event.Parser.
func Parse(payload []byte, from event.Origin, to event.Sink) {
	p := parser{objects: flatjson.New(payload), zone: from.Zone}
	for p.objects.Next(to) {
		reason := p.read()
		switch {
		case p.objects.Refused(to) || p.backend:
		case reason != "":
			p.objects.Refuse(to, reason)
		default:
			record.Bound(&p.request)
			to.Request(&p.request)
		}
	}
}

type parser struct {
	objects flatjson.Objects
	zone    *time.Location
	request event.Request
	backend bool // Varnish's own request to its origin
	scratch []byte
}

// read fills the request from the members of the current object, and says why it is none.
func (p *parser) read() (reason string) {
	r, o := &p.request, &p.objects
	*r = event.Request{FirstByte: event.Unknown, Duration: event.Unknown}
	p.backend, p.scratch = false, p.scratch[:0]
	reason = NoTime
	var ip, forwarded, args []byte
	var headers [4][]byte
	for o.Member() {
		b := field.Text(o.Text())
		if b == nil {
			continue
		}
		switch string(o.Key) {
		case "ts", "msec", "time_iso8601", "time_local", "time":
			var ok bool
			if r.Time, ok = p.time(b); ok {
				reason = ""
			} else {
				reason = BadTime
			}
		case "h", "host", "http_host":
			r.Host = b
		case "m", "method", "request_method":
			r.Method = b
		case "u", "uri", "url", "request_uri":
			p.target(b)
		case "request":
			method, target, protocol := field.RequestLine(b)
			r.Method, r.Protocol = method, protocol
			p.target(target)
		case "args", "query_string":
			args = b
		case "st", "status":
			var ok bool
			r.Status, ok = field.Status(b)
			r.Aborted = ok && r.Status == 0 || r.Status == clientClosed
		case "bs", "bytes_sent":
			r.Bytes, _ = field.Uint(b)
		case "body_bytes_sent":
			if n, ok := field.Uint(b); ok && r.Bytes == 0 {
				r.Bytes = n
			}
		case "rt", "request_time":
			r.Duration = field.Duration(b, time.Second)
		case "us":
			r.Duration = field.Duration(b, time.Microsecond)
		case "uht", "upstream_header_time", "ttfb":
			r.FirstByte = field.Duration(field.LastNumber(b), time.Second)
		case "cs", "upstream_cache_status":
			r.Cache = field.Cache(b)
		case "ip", "remote_addr":
			ip = b
		case "xff", "http_x_forwarded_for":
			forwarded = b
		case "ref", "http_referer":
			r.Referer = b
		case "ua", "http_user_agent":
			r.UserAgent = b
		case "proto", "server_protocol":
			r.Protocol = b
		case "tls", "ssl_protocol":
			r.TLS = b
		case "id", "request_id":
			r.ID = b
		case "asn":
			r.ASN, _ = field.ASN(b)
		case "country", "geoip2_country_code":
			r.Country, p.scratch = field.Upper(b, p.scratch)
		case "pop":
			r.PoP = b
		case "cmcd_r", "http_cmcd_request":
			headers[0] = b
		case "cmcd_o", "http_cmcd_object":
			headers[1] = b
		case "cmcd_s", "http_cmcd_session":
			headers[2] = b
		case "cmcd_t", "http_cmcd_status":
			headers[3] = b
		case "side":
			p.backend = string(b) == "b"
		}
	}
	if r.Query == nil {
		r.Query = args
	}
	r.Client = field.Client(ip, forwarded)
	told := false
	for _, h := range headers {
		if h != nil {
			cmcd.Scan(h, &r.CMCD)
			told = true
		}
	}
	if !told {
		cmcd.FromQuery(r.Query, &r.CMCD)
	}
	return reason
}

func (p *parser) time(b []byte) (time.Time, bool) {
	if len(b) > 2 && b[2] == '/' {
		return field.CLF(b, p.zone)
	}
	return field.Time(b, p.zone)
}

func (p *parser) target(b []byte) {
	r := &p.request
	host, path, query := field.Target(b)
	if r.Path, r.Query = path, query; host != nil {
		r.Host = host
	}
}

var _ event.Parser = Parse
