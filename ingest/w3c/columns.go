package w3c

import "bytes"

// Column is what a field of the log means to Vigie.
type Column uint8

const (
	Ignored Column = iota // a field that Vigie has no use for
	date
	clock
	timestamp
	timestampMillis // it wins over timestamp, which CloudFront also sends in whole seconds
	client
	method
	host       // the name of the distribution or server
	viewerHost // the name that the viewer used; it wins over host
	stem
	query
	status
	size
	taken
	firstByte
	result
	detailedResult
	responseResult
	location
	protocol
	tls
	referer
	userAgent
	requestID
	asn
	country
	sid
	cid
	ot
	st
	br
	mtp
	bl
	bs
	su
)

// maxColumns is more than any sender has; what stands further right is not read.
const maxColumns = 128

// layout says what the columns of the lines below a #Fields directive are.
type layout struct {
	columns [maxColumns]Column
	n       int
	iis     bool // time-taken is in milliseconds
}

// readFields reads the names of a #Fields directive.
func readFields(names []byte) layout {
	var l layout
	for name := range bytes.FieldsSeq(names) {
		if l.n == maxColumns {
			break
		}
		l.columns[l.n] = Named(name)
		l.n++
		l.iis = l.iis || string(name) == "sc-win32-status"
	}
	return l
}

// Named is the column of that name, as CloudFront (all its kinds of logs) and IIS write it.
func Named(name []byte) Column {
	switch string(name) {
	case "date":
		return date
	case "time":
		return clock
	case "timestamp":
		return timestamp
	case "timestamp(ms)":
		return timestampMillis
	case "c-ip":
		return client
	case "cs-method":
		return method
	case "cs(Host)", "cs-host":
		return host
	case "x-host-header":
		return viewerHost
	case "cs-uri-stem", "cs-uri":
		return stem
	case "cs-uri-query":
		return query
	case "sc-status":
		return status
	case "sc-bytes":
		return size
	case "time-taken":
		return taken
	case "time-to-first-byte":
		return firstByte
	case "x-edge-result-type":
		return result
	case "x-edge-detailed-result-type":
		return detailedResult
	case "x-edge-response-result-type":
		return responseResult
	case "x-edge-location":
		return location
	case "cs-protocol-version", "cs-version":
		return protocol
	case "ssl-protocol":
		return tls
	case "cs(Referer)", "cs-referer":
		return referer
	case "cs(User-Agent)", "cs-user-agent":
		return userAgent
	case "x-edge-request-id":
		return requestID
	case "asn":
		return asn
	case "c-country":
		return country
	case "cmcd-session-id":
		return sid
	case "cmcd-content-id":
		return cid
	case "cmcd-object-type":
		return ot
	case "cmcd-stream-type":
		return st
	case "cmcd-encoded-bitrate":
		return br
	case "cmcd-measured-throughput":
		return mtp
	case "cmcd-buffer-length":
		return bl
	case "cmcd-buffer-starvation":
		return bs
	case "cmcd-startup":
		return su
	}
	return Ignored
}

// cloudFront is the order of CloudFront's standard logs (legacy), which are also met without their
// header, and in older files without their last columns.
const cloudFront = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status " +
	"cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id " +
	"x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher " +
	"x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port " +
	"time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start " +
	"sc-range-end"

// fewest columns of a line that is taken for CloudFront's though no header says so.
const fewest = 24
