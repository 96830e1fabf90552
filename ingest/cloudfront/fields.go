package cloudfront

import (
	"slices"
	"strings"

	"vigie/internal/spelling"
)

// realTime are the fields of real-time logs in the order in which AWS sends them, whatever the order
// in which they were chosen.
var realTime = [...]string{
	"timestamp", "c-ip", "time-to-first-byte", "sc-status", "sc-bytes", "cs-method", "cs-protocol", "cs-host",
	"cs-uri-stem", "cs-bytes", "x-edge-location", "x-edge-request-id", "x-host-header", "time-taken",
	"cs-protocol-version", "c-ip-version", "cs-user-agent", "cs-referer", "cs-cookie", "cs-uri-query",
	"x-edge-response-result-type", "x-forwarded-for", "ssl-protocol", "ssl-cipher", "x-edge-result-type",
	"fle-encrypted-fields", "fle-status", "sc-content-type", "sc-content-len", "sc-range-start", "sc-range-end",
	"c-port", "x-edge-detailed-result-type", "c-country", "cs-accept-encoding", "cs-accept",
	"cache-behavior-path-pattern", "cs-headers", "cs-header-names", "cs-headers-count",
	"primary-distribution-id", "primary-distribution-dns-name", "origin-fbl", "origin-lbl", "asn",
	"cmcd-encoded-bitrate", "cmcd-buffer-length", "cmcd-buffer-starvation", "cmcd-content-id",
	"cmcd-object-duration", "cmcd-deadline", "cmcd-measured-throughput", "cmcd-next-object-request",
	"cmcd-next-range-request", "cmcd-object-type", "cmcd-playback-rate", "cmcd-requested-maximum-throughput",
	"cmcd-streaming-format", "cmcd-session-id", "cmcd-stream-type", "cmcd-startup", "cmcd-top-bitrate",
	"cmcd-version",
}

// standard are the fields of standard logs, legacy and v2; v2 may have those of real-time logs too.
var standard = [...]string{
	"date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
	"cs(Referer)", "cs(User-Agent)", "cs-uri-query", "cs(Cookie)", "x-edge-result-type", "x-edge-request-id",
	"x-host-header", "cs-protocol", "cs-bytes", "time-taken", "x-forwarded-for", "ssl-protocol", "ssl-cipher",
	"x-edge-response-result-type", "cs-protocol-version", "fle-status", "fle-encrypted-fields", "c-port",
	"time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len", "sc-range-start",
	"sc-range-end", "timestamp(ms)", "DistributionId",
}

// near are up to three fields that are written nearly like name, the nearest first.
func near(name string, strict bool) []string {
	of := realTime[:]
	if !strict {
		of = slices.Concat(of, standard[:])
	}
	like := spelling.Near(name, of, 2, letters)
	return like[:min(3, len(like))]
}

// letters is a name without what is easily forgotten: capitals and punctuation.
func letters(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_()", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}
