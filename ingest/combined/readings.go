package combined

import "vigie/ingest/record"

// Readings says where each field comes from. Most have no name in the line; they are called what
// nginx calls them.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"[$time_local]"}, Note: "required; whole seconds"},
		{Field: "Method", From: []string{`"$request"`}},
		{Field: "Host", From: []string{"host=", `"$request"`}, Note: "of the request only where its target is absolute"},
		{Field: "Path", From: []string{`"$request"`}},
		{Field: "Query", From: []string{`"$request"`}},
		{Field: "Status", From: []string{"$status"}, Note: "required; - is none"},
		{Field: "Bytes", From: []string{"$bytes_sent"}},
		{Field: "FirstByte", From: []string{"uht=", "ttfb="}, Note: "s"},
		{Field: "Duration", From: []string{"rt=", "us="}, Note: "s; us: µs"},
		{Field: "Cache", From: []string{"cs="}},
		{Field: "Aborted", From: []string{"$status"}, Note: "499, 000 or -"},
		{Field: "Client", From: []string{"$remote_addr", `"$http_x_forwarded_for"`}, Note: "forwarded where the peer is private"},
		{Field: "ASN", From: []string{"asn="}},
		{Field: "Country", From: []string{"country="}, Note: "two letters"},
		{Field: "PoP", From: []string{"pop="}},
		{Field: "Protocol", From: []string{"proto=", `"$request"`}},
		{Field: "TLS", From: []string{"tls="}},
		{Field: "Referer", From: []string{`"$http_referer"`}},
		{Field: "UserAgent", From: []string{`"$http_user_agent"`}},
		{Field: "ID", From: []string{"id="}},
		{Field: "CMCD", From: []string{`"$request"`}, Note: "its query's CMCD"},
	}
}
