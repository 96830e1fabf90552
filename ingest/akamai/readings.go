package akamai

import "vigie/ingest/record"

// Readings says which of DataStream's fields each field of a request comes from, for both formats.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"reqTimeSec"}, Note: "seconds since 1970, with or without a fraction; required"},
		{Field: "Method", From: []string{"reqMethod"}},
		{Field: "Host", From: []string{"reqHost"}},
		{Field: "Path", From: []string{"reqPath"}, Note: "percent-encoded"},
		{Field: "Query", From: []string{"queryStr"}, Note: "percent-encoded"},
		{Field: "Status", From: []string{"statusCode"}, Note: "0: the client left before any answer"},
		{Field: "Bytes", From: []string{"totalBytes", "bytes"}, Note: "bytes; totalBytes where it is above 0"},
		{Field: "FirstByte", From: []string{"timeToFirstByte", "turnAroundTimeMSec"}, Note: "ms"},
		{Field: "Duration", From: []string{"turnAroundTimeMSec", "transferTimeMSec"}, Note: "ms; the sum of both"},
		{Field: "Cache", From: []string{"cacheStatus", "cacheable", "breadcrumbs"}, Note: "breadcrumbs tell a hit of a peer from a miss"},
		{Field: "Aborted", From: []string{"lastByte", "errorCode", "statusCode"}, Note: "lastByte 0 of an answer 200; CLIENT_ABORT; status 0"},
		{Field: "Blocked", From: []string{"securityRules"}, Note: "its third part, the rule that denied"},
		{Field: "Client", From: []string{"cliIP"}},
		{Field: "ASN", From: []string{"asn"}},
		{Field: "Country", From: []string{"country"}, Note: "ISO 3166-1 alpha-2"},
		{Field: "PoP", From: []string{"serverCountry"}, Note: "a country: DataStream has nothing finer"},
		{Field: "Protocol", From: []string{"proto"}},
		{Field: "TLS", From: []string{"tlsVersion"}},
		{Field: "Referer", From: []string{"referer"}},
		{Field: "UserAgent", From: []string{"UA"}},
		{Field: "ID", From: []string{"reqId"}},
		{Field: "CMCD", From: []string{"cmcd", "queryStr"}, Note: "of the query its argument CMCD"},
	}
}
