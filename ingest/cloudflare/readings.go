package cloudflare

import "vigie/ingest/record"

// Readings says which fields of the dataset each field of a request comes from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"EdgeStartTimestamp", "EdgeEndTimestamp"}, Note: "RFC 3339, seconds or nanoseconds since 1970; one of them is required"},
		{Field: "Method", From: []string{"ClientRequestMethod"}},
		{Field: "Host", From: []string{"ClientRequestHost"}},
		{Field: "Path", From: []string{"ClientRequestPath", "ClientRequestURI"}, Note: "percent-encoded"},
		{Field: "Query", From: []string{"ClientRequestURI"}, Note: "behind its '?', percent-encoded"},
		{Field: "Status", From: []string{"EdgeResponseStatus"}, Note: "0: the client left before any answer"},
		{Field: "Bytes", From: []string{"EdgeResponseBytes", "EdgeResponseBodyBytes"}, Note: "bytes; the first with headers"},
		{Field: "FirstByte", From: []string{"EdgeTimeToFirstByteMs"}, Note: "ms"},
		{Field: "Duration", From: []string{"EdgeEndTimestamp", "EdgeStartTimestamp"}, Note: "the one less the other; only of times finer than a second, so set timestamp_format to unixnano"},
		{Field: "Cache", From: []string{"CacheCacheStatus"}},
		{Field: "Aborted", From: []string{"EdgeResponseStatus"}, Note: "0 or 499"},
		{Field: "Blocked", From: []string{"SecurityAction", "SecurityActions", "WAFAction", "FirewallMatchesActions"}, Note: "any of them that ends the request"},
		{Field: "Client", From: []string{"ClientIP"}},
		{Field: "ASN", From: []string{"ClientASN"}},
		{Field: "Country", From: []string{"ClientCountry"}, Note: "ISO 3166-1 alpha-2"},
		{Field: "PoP", From: []string{"EdgeColoCode"}, Note: "IATA code of the airport"},
		{Field: "Protocol", From: []string{"ClientRequestProtocol"}},
		{Field: "TLS", From: []string{"ClientSSLProtocol"}},
		{Field: "Referer", From: []string{"ClientRequestReferer"}},
		{Field: "UserAgent", From: []string{"ClientRequestUserAgent"}},
		{Field: "ID", From: []string{"RayID"}},
		{Field: "CMCD", From: []string{"RequestHeaders", "ClientRequestURI"}, Note: "of the headers CMCD-*, which are custom fields of the job; of the query its argument CMCD"},
	}
}
