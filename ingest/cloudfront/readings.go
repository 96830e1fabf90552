package cloudfront

import "vigie/ingest/record"

// Readings says which of CloudFront's fields each field of a request comes from, for all kinds of
// its logs: a name with parentheses is that of standard logs, its like without is that of
// real-time logs.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"timestamp(ms)", "timestamp", "date", "time"}, Note: "UTC; one of the first two, or date and time; of real-time logs the end of the answer; required"},
		{Field: "Method", From: []string{"cs-method"}},
		{Field: "Host", From: []string{"x-host-header", "cs(Host)", "cs-host"}, Note: "the last two name the distribution, not what the viewer asked for"},
		{Field: "Path", From: []string{"cs-uri-stem"}, Note: "percent-encoded"},
		{Field: "Query", From: []string{"cs-uri-query", "cs-uri-stem"}, Note: "of cs-uri-stem what stands behind '?'"},
		{Field: "Status", From: []string{"sc-status"}, Note: "000: the client left before any answer"},
		{Field: "Bytes", From: []string{"sc-bytes"}, Note: "bytes, with headers"},
		{Field: "FirstByte", From: []string{"time-to-first-byte"}, Note: "s"},
		{Field: "Duration", From: []string{"time-taken"}, Note: "s"},
		{Field: "Cache", From: []string{"x-edge-detailed-result-type", "x-edge-result-type", "x-edge-response-result-type"}, Note: "the last one of an answer that was aborted"},
		{Field: "Aborted", From: []string{"x-edge-detailed-result-type", "x-edge-result-type", "x-edge-response-result-type", "sc-status"}, Note: "ClientCommError, ClientHungUpRequest; an Error that was none before it was sent; status 000"},
		{Field: "Blocked", From: []string{"x-edge-detailed-result-type"}, Note: "InvalidRequestBlocked, ClientGeoBlocked; AWS WAF is not told"},
		{Field: "Client", From: []string{"c-ip"}},
		{Field: "ASN", From: []string{"asn"}},
		{Field: "Country", From: []string{"c-country"}, Note: "ISO 3166-1 alpha-2"},
		{Field: "PoP", From: []string{"x-edge-location"}, Note: "its first three letters, an airport"},
		{Field: "Protocol", From: []string{"cs-protocol-version"}},
		{Field: "TLS", From: []string{"ssl-protocol"}},
		{Field: "Referer", From: []string{"cs(Referer)", "cs-referer"}},
		{Field: "UserAgent", From: []string{"cs(User-Agent)", "cs-user-agent"}},
		{Field: "ID", From: []string{"x-edge-request-id"}},
		{Field: "CMCD", From: []string{
			"cmcd-session-id", "cmcd-content-id", "cmcd-object-type", "cmcd-stream-type", "cmcd-encoded-bitrate",
			"cmcd-measured-throughput", "cmcd-buffer-length", "cmcd-buffer-starvation", "cmcd-startup", "cs-uri-query",
		}, Note: "of the query its argument CMCD, where cmcd-session-id is not told; bitrates in kbit/s, buffer in ms"},
	}
}
