package nginx

import "vigie/ingest/record"

// Readings says where each field comes from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"ts", "msec", "time_iso8601", "time_local", "time"}, Note: "required"},
		{Field: "Method", From: []string{"m", "method", "request_method", "request"}},
		{Field: "Host", From: []string{"h", "host", "http_host"}},
		{Field: "Path", From: []string{"u", "uri", "url", "request_uri", "request"}},
		{Field: "Query", From: []string{"u", "uri", "url", "request_uri", "request", "args", "query_string"}},
		{Field: "Status", From: []string{"st", "status"}},
		{Field: "Bytes", From: []string{"bs", "bytes_sent", "body_bytes_sent"}},
		{Field: "FirstByte", From: []string{"uht", "upstream_header_time", "ttfb"}, Note: "s; none from nginx's own cache"},
		{Field: "Duration", From: []string{"rt", "request_time", "us"}, Note: "s; us: µs"},
		{Field: "Cache", From: []string{"cs", "upstream_cache_status"}},
		{Field: "Aborted", From: []string{"st", "status"}, Note: "499 or 000"},
		{Field: "Client", From: []string{"ip", "remote_addr", "xff", "http_x_forwarded_for"}, Note: "forwarded where the peer is private"},
		{Field: "ASN", From: []string{"asn"}},
		{Field: "Country", From: []string{"country", "geoip2_country_code"}, Note: "two letters"},
		{Field: "PoP", From: []string{"pop"}},
		{Field: "Protocol", From: []string{"proto", "server_protocol", "request"}},
		{Field: "TLS", From: []string{"tls", "ssl_protocol"}},
		{Field: "Referer", From: []string{"ref", "http_referer"}},
		{Field: "UserAgent", From: []string{"ua", "http_user_agent"}},
		{Field: "ID", From: []string{"id", "request_id"}},
		{Field: "CMCD", From: []string{"cmcd_r", "cmcd_o", "cmcd_s", "cmcd_t", "http_cmcd_request", "http_cmcd_object", "http_cmcd_session", "http_cmcd_status",
			"u", "uri", "url", "request_uri", "request", "args", "query_string"}, Note: "its headers, else the query's CMCD"},
	}
}
