package simulate

import (
	"net/netip"
	"strconv"
	"time"

	"vigie/internal/event"
)

// The log formats that a CDN may have.
const (
	formatAkamai = "akamai" // Akamai DataStream 2, JSON
	formatNDJSON = "ndjson" // Vigie's own schema, one object a line
	formatNginx  = "nginx"  // nginx's access log, JSON, in syslog (RFC 3164) as nginx sends it
)

// stamp is a second in every way that formats write it.
type stamp struct {
	sec     int64
	unix    string // 1795380067
	iso     string // 2026-11-22T20:41:07
	bsd     string // Nov 22 20:41:07, RFC 3164 section 4.1.2
	segment int64  // number of the newest media segment
}

func newStamp(sec int64) stamp {
	t := time.Unix(sec, 0).UTC()
	return stamp{sec, strconv.FormatInt(sec, 10), t.Format("2006-01-02T15:04:05"), t.Format(time.Stamp), sec / segmentSeconds}
}

type encoder func(c *cast, b []byte, at *stamp, l *line) []byte

func encoderOf(format string) encoder {
	switch format {
	case formatAkamai:
		return (*cast).akamai
	case formatNDJSON:
		return (*cast).ndjson
	default:
		return (*cast).nginx
	}
}

func pad3(b []byte, ms uint16) []byte {
	return append(b, '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10))
}

func appendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

// appendMillis writes milliseconds as seconds with three decimals, as nginx does.
func appendMillis(b []byte, ms float32) []byte {
	v := uint64(ms + 0.5)
	return pad3(append(appendUint(b, v/1000), '.'), uint16(v%1000))
}

func appendHex(b []byte, v uint64) []byte {
	n := len(b)
	b = append(b, "0123456789abcdef"...)
	putHex(b[n:], v)
	return b
}

func appendAddr(b []byte, a netip.Addr) []byte { return a.AppendTo(b) }

func (c *cast) host(l *line) string {
	if l.class >= service {
		if h := c.scenario.Services[l.service].Host; h != "" {
			return h
		}
	}
	return c.scenario.CDNs[l.cdn].Host
}

func (c *cast) method(l *line) string {
	if l.class >= service {
		return c.scenario.Services[l.service].Method
	}
	return "GET"
}

func (c *cast) path(b []byte, at *stamp, l *line) []byte {
	if l.class >= service {
		return append(b, c.scenario.Services[l.service].Path...)
	}
	b = append(append(b, "/live/"...), c.scenario.Channels[l.viewer.channel].Name...)
	switch l.class {
	case audio:
		b = append(b, "/a128"...)
	default:
		b = append(appendUint(append(b, "/v"...), uint64(l.viewer.kbps)), 'k')
	}
	switch l.class {
	case playlist:
		return append(b, "/index.m3u8"...)
	case initSegment:
		return append(b, "/init.mp4"...)
	default:
		return append(appendUint(append(b, "/seg-"...), uint64(at.segment)), ".m4s"...)
	}
}

// query is the request's query without '?': CMCD (CTA-5004, query mode) on media, a cache-busting
// parameter of attackers, nothing else.
func (c *cast) query(b []byte, l *line) []byte {
	switch l.class {
	case service:
		return b
	case assault:
		return appendHex(append(b, "_="...), l.id)
	}
	s := l.viewer
	b = append(b, "CMCD="...)
	if l.class == video {
		b = appendUint(append(b, "bl%3D"...), 4000+100*(s.key%120))
		b = appendUint(append(b, "%2Cbr%3D"...), uint64(l.kbps))
		if l.starved {
			b = append(b, "%2Cbs"...)
		}
		b = append(b, "%2C"...)
	}
	b = append(append(append(b, "cid%3D%22"...), c.scenario.Channels[s.channel].Name...), "%22"...)
	if l.class == video {
		b = appendUint(append(b, "%2Cmtp%3D"...), uint64(s.throughput*10)*100)
	}
	b = append(append(b, "%2Cot%3D"...), [...]string{video: "v", audio: "a", playlist: "m", initSegment: "i"}[l.class]...)
	b = append(append(append(b, "%2Csf%3Dh%2Csid%3D%22"...), s.id[:]...), "%22%2Cst%3Dl"...)
	return b
}

func contentType(k class) string {
	switch k {
	case video, initSegment:
		return "video/mp4"
	case audio:
		return "audio/mp4"
	case playlist:
		return "application/vnd.apple.mpegurl"
	default:
		return "application/json"
	}
}

// akamai writes a DataStream 2 line: every value is a string except version, and what is not
// US-ASCII or is white space is percent-encoded.
func (c *cast) akamai(b []byte, at *stamp, l *line) []byte {
	const overhead = 320
	isp := &c.scenario.ISPs[l.isp]
	body := max(l.bytes, overhead) - overhead
	b = append(b, `{"version":1,"streamId":"91274","cp":"1059344","reqId":"`...)
	b = appendHex(b, l.id)
	b = append(append(b, `","reqTimeSec":"`...), at.unix...)
	b = pad3(append(b, '.'), l.ms)
	b = appendUint(append(b, `","bytes":"`...), l.bytes)
	b = appendAddr(append(b, `","cliIP":"`...), l.client)
	b = appendUint(append(b, `","statusCode":"`...), uint64(l.status))
	b = append(append(b, `","proto":"HTTP/2","reqHost":"`...), c.host(l)...)
	b = append(append(b, `","reqMethod":"`...), c.method(l)...)
	b = c.path(append(b, `","reqPath":"`...), at, l)
	b = appendUint(append(b, `","reqPort":"443","rspContentLen":"`...), body)
	b = append(append(b, `","rspContentType":"`...), contentType(l.class)...)
	b = append(append(b, `","UA":"`...), c.encoded[l.agent]...)
	b = append(b, `","tlsOverheadTimeMSec":"0","tlsVersion":"TLSv1.3","objSize":"`...)
	b = appendUint(b, body)
	b = appendUint(append(b, `","uncompressedSize":"`...), body)
	b = append(b, `","overheadBytes":"320","totalBytes":"`...)
	b = appendUint(b, l.bytes)
	b = append(b, `","queryStr":"`...)
	n := len(b)
	if b = c.query(b, l); len(b) == n {
		b = append(b, '-')
	}
	first, total := uint64(l.first), uint64(l.total)
	b = appendUint(append(b, `","breadcrumbs":"//BC/%5Ba=23.33.41.20,c=g,k=0,l=`...), first)
	b = append(b, "%5D"...)
	if l.cache == event.CacheMiss { // without this hop, cacheable and not cached means a hit at a parent
		b = append(appendUint(append(b, ",%5Ba=192.0.2.80,c=o,k=0,l="...), first), "%5D"...)
	}
	b = append(b, `","accLang":"fr-FR","cookie":"-","range":"-","referer":"https%3A%2F%2Fwww.tele.example%2Fdirect","xForwardedFor":"-","maxAgeSec":"`...)
	if l.class == playlist {
		b = append(b, '1')
	} else {
		b = append(b, "3600"...)
	}
	b = append(b, `","reqEndTimeMSec":"1","errorCode":"`...)
	switch {
	case l.blocked:
		b = append(b, "ERR_ACCESS_DENIED|waf_deny"...)
	case l.status >= 500:
		b = append(b, "ERR_READ_TIMEOUT"...)
	default:
		b = append(b, '-')
	}
	b = appendUint(append(b, `","turnAroundTimeMSec":"`...), first)
	b = appendUint(append(b, `","transferTimeMSec":"`...), total-min(first, total))
	b = appendUint(append(b, `","timeToFirstByte":"`...), first)
	b = append(b, `","dnsLookupTimeMSec":"0","lastByte":"1","edgeIP":"23.50.51.`...)
	b = appendUint(b, uint64(l.edge))
	b = append(append(b, `","country":"`...), isp.Country...)
	b = append(b, `","state":"-","city":"-","serverCountry":"FR","billingRegion":"2","cacheStatus":"`...)
	hit, cacheable := byte('0'), byte('1')
	switch l.cache {
	case event.CacheHit:
		hit = '1'
	case event.CachePass, event.CacheError:
		cacheable = '0'
	}
	b = append(append(append(b, hit), `","cacheable":"`...), cacheable)
	b = append(b, `","securityRules":"`...)
	switch {
	case l.blocked:
		b = append(b, "vg01_28976|3900000:BOT-ANOMALY-HEADER|BOT-ANOMALY-HEADER"...)
	case l.class == assault:
		b = append(b, "vg01_28976|3900000|"...)
	default:
		b = append(b, '-')
	}
	if isp.ASN != 0 {
		b = appendUint(append(b, `","asn":"`...), uint64(isp.ASN))
	}
	return append(b, `","deliveryType":"live","deliveryFormat":"hls","customField":"-"}`+"\n"...)
}

// ndjson writes a line of Vigie's own schema.
func (c *cast) ndjson(b []byte, at *stamp, l *line) []byte {
	isp, n := &c.scenario.ISPs[l.isp], &c.scenario.CDNs[l.cdn]
	b = append(append(b, `{"time":"`...), at.iso...)
	b = pad3(append(b, '.'), l.ms)
	b = append(append(b, `Z","method":"`...), c.method(l)...)
	b = append(append(b, `","host":"`...), c.host(l)...)
	b = c.path(append(b, `","path":"`...), at, l)
	b = c.query(append(b, `","query":"`...), l)
	b = appendUint(append(b, `","status":`...), uint64(l.status))
	b = appendUint(append(b, `,"bytes":`...), l.bytes)
	b = appendUint(append(b, `,"first_byte_ms":`...), uint64(l.first))
	b = appendUint(append(b, `,"duration_ms":`...), uint64(l.total))
	b = append(append(b, `,"cache":"`...), l.cache.String()...)
	b = appendAddr(append(b, `","client":"`...), l.client)
	if isp.ASN != 0 {
		b = append(appendUint(append(b, `","asn":`...), uint64(isp.ASN)), `,"country":"`...)
	} else {
		b = append(b, `","country":"`...)
	}
	b = append(append(append(b, isp.Country...), `","pop":"`...), n.PoPs[int(l.edge)%len(n.PoPs)]...)
	b = append(append(b, `","protocol":"HTTP/3.0","tls":"TLSv1.3","user_agent":"`...), c.agents[l.agent]...)
	b = appendHex(append(b, `","id":"`...), l.id)
	if l.viewer != nil {
		b = append(append(b, `","session":"`...), l.viewer.id[:]...)
	}
	if l.blocked {
		return append(b, `","blocked":true}`+"\n"...)
	}
	return append(b, "\"}\n"...)
}

// nginx writes the line of this log_format, escape=json, all values quoted so that it always parses:
// ts=$msec host m=$request_method uri=$request_uri st=$status bs=$bytes_sent rt=$request_time
// urt=$upstream_response_time uht=$upstream_header_time cs=$upstream_cache_status ip=$remote_addr
// xff ref ua proto tls cmcd_s.
func (c *cast) nginx(b []byte, at *stamp, l *line) []byte {
	b = append(append(b, `{"ts":"`...), at.unix...)
	b = pad3(append(b, '.'), l.ms)
	b = append(append(b, `","host":"`...), c.host(l)...)
	b = append(append(b, `","m":"`...), c.method(l)...)
	b = c.path(append(b, `","uri":"`...), at, l)
	b = append(b, '?')
	n := len(b)
	if b = c.query(b, l); len(b) == n {
		b = b[:n-1]
	}
	b = appendUint(append(b, `","st":"`...), uint64(l.status))
	b = appendUint(append(b, `","bs":"`...), l.bytes)
	b = appendMillis(append(b, `","rt":"`...), l.total)
	upstream := l.cache != event.CacheHit && l.status != 403
	b = append(b, `","urt":"`...)
	if upstream {
		b = appendMillis(b, l.total)
	}
	b = append(b, `","uht":"`...)
	if upstream {
		b = appendMillis(b, l.first)
	}
	b = append(b, `","cs":"`...)
	switch l.cache {
	case event.CacheHit:
		b = append(b, "HIT"...)
	case event.CacheMiss, event.CacheError:
		b = append(b, "MISS"...)
	case event.CachePass:
		b = append(b, "BYPASS"...)
	}
	b = appendAddr(append(b, `","ip":"`...), l.client)
	b = append(append(b, `","xff":"","ref":"","ua":"`...), c.agents[l.agent]...)
	return append(b, `","proto":"HTTP/2.0","tls":"TLSv1.3","cmcd_s":""}`...)
}

// syslog writes the header that nginx puts before its access log: local7.info, no year, no zone.
func (c *cast) syslog(b []byte, at *stamp, l *line) []byte {
	b = append(append(b, "<190>"...), at.bsd...)
	b = append(append(b, ' '), c.hostname[l.cdn]...)
	return c.nginx(append(b, " nginx: "...), at, l)
}

// beacon writes one beacon of Vigie's own schema, version 1; its terms are CTA-2066's, its times
// are milliseconds. Those relayed by a tool's export carry the viewer's network.
func (c *cast) beacon(b []byte, at *stamp, q *beat) []byte {
	s := q.viewer
	b = append(append(b, `{"v":1,"session":"`...), s.id[:]...)
	b = append(append(b, `","t":`...), at.unix...)
	b = append(pad3(b, q.ms), `,"event":"`...)
	if q.event != event.EventHeartbeat {
		b = append(b, q.event.String()...)
	}
	b = append(b, '"')
	if q.shown && (q.event == event.EventFail || q.event == event.EventFinish) {
		b = append(b, `,"started":true`...)
	}
	b = append(append(b, `,"tool":"`...), c.scenario.Tools[q.tool].Name...)
	b = append(append(b, `","channel":"`...), c.scenario.Channels[s.channel].Name...)
	b = append(append(b, `","cdn":"`...), c.scenario.CDNs[q.cdn].Name...)
	b = append(append(b, `","device":"`...), c.scenario.Devices[s.device].Name...)
	b = append(append(append(b, `","player":"`...), q.player...), '"')
	if q.event == event.EventStart {
		b = appendUint(append(b, `,"startupTime":`...), uint64(q.startup))
	}
	b = appendUint(append(b, `,"watchedTime":`...), uint64(q.playing))
	b = appendUint(append(b, `,"playbackStallDuration":`...), uint64(q.rebuffering))
	b = appendUint(append(b, `,"playbackStallCount":`...), uint64(q.stalls))
	b = appendUint(append(b, `,"bitsPlayed":`...), q.bitsPlayed)
	b = appendUint(append(b, `,"mediaTime":`...), uint64(q.playing))
	b = append(b, `,"errorCode":"`...)
	if q.event == event.EventFail {
		b = append(b, "MEDIA_NETWORK_ERROR"...)
	}
	b = appendUint(append(b, `","cdnBytes":`...), q.cdnBytes)
	if s.peers > 0 {
		b = appendUint(append(b, `,"p2pDownBytes":`...), q.peerBytes)
		b = appendUint(append(b, `,"p2pUpBytes":`...), q.uploaded)
		b = appendUint(append(b, `,"peers":`...), uint64(s.peers))
	}
	if !q.direct {
		b = append(appendAddr(append(b, `,"client":"`...), q.client), '"')
		if asn := c.scenario.ISPs[s.isp].ASN; asn != 0 {
			b = appendUint(append(b, `,"asn":`...), uint64(asn))
		}
	}
	return append(b, '}')
}

// percentEncode writes a text as Akamai does in its logs.
func percentEncode(s string) string {
	b := make([]byte, 0, 3*len(s)/2)
	for i := range len(s) {
		switch ch := s[i]; {
		case ch >= 'a' && ch <= 'z', ch >= 'A' && ch <= 'Z', ch >= '0' && ch <= '9', ch == '.', ch == '-', ch == '_', ch == '*':
			b = append(b, ch)
		default:
			b = append(b, '%', "0123456789ABCDEF"[ch>>4], "0123456789ABCDEF"[ch&15])
		}
	}
	return string(b)
}
