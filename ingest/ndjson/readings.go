package ndjson

import "vigie/ingest/record"

// Readings says where each field comes from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"time"}, Note: "required"},
		{Field: "Method", From: []string{"method"}},
		{Field: "Host", From: []string{"host", "url"}},
		{Field: "Path", From: []string{"path", "url"}},
		{Field: "Query", From: []string{"query", "url"}},
		{Field: "Status", From: []string{"status"}},
		{Field: "Bytes", From: []string{"bytes"}},
		{Field: "FirstByte", From: []string{"first_byte_ms"}, Note: "ms"},
		{Field: "Duration", From: []string{"duration_ms"}, Note: "ms"},
		{Field: "Cache", From: []string{"cache"}},
		{Field: "Aborted", From: []string{"aborted"}},
		{Field: "Blocked", From: []string{"blocked"}},
		{Field: "Client", From: []string{"client"}},
		{Field: "ASN", From: []string{"asn"}},
		{Field: "Country", From: []string{"country"}, Note: "two letters"},
		{Field: "PoP", From: []string{"pop"}},
		{Field: "Protocol", From: []string{"protocol"}},
		{Field: "TLS", From: []string{"tls"}},
		{Field: "Referer", From: []string{"referer"}},
		{Field: "UserAgent", From: []string{"user_agent"}},
		{Field: "ID", From: []string{"id"}},
		{Field: "CMCD", From: []string{"cmcd", "query", "url"}, Note: "else the query's CMCD"},
		{Field: "CMCD.Session", From: []string{"session", "cmcd", "query", "url"}},
		{Field: "Weight", From: []string{"weight"}, Note: "above 0, up to 1,000,000"},
	}
}
