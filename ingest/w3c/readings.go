package w3c

import "vigie/ingest/record"

// Readings says where each field comes from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"timestamp(ms)", "timestamp", "date", "time"}, Note: "required; UTC"},
		{Field: "Method", From: []string{"cs-method"}},
		{Field: "Host", From: []string{"x-host-header", "cs(Host)", "cs-host"}},
		{Field: "Path", From: []string{"cs-uri-stem", "cs-uri"}},
		{Field: "Query", From: []string{"cs-uri-query", "cs-uri-stem", "cs-uri"}},
		{Field: "Status", From: []string{"sc-status"}},
		{Field: "Bytes", From: []string{"sc-bytes"}},
		{Field: "FirstByte", From: []string{"time-to-first-byte"}, Note: "s"},
		{Field: "Duration", From: []string{"time-taken"}, Note: "s; of IIS ms"},
		{Field: "Cache", From: []string{"x-edge-detailed-result-type", "x-edge-result-type"}},
		{Field: "Aborted", From: []string{"sc-status", "x-edge-detailed-result-type", "x-edge-result-type", "x-edge-response-result-type"}, Note: "000, ClientCommError, a Hit that ended as Error"},
		{Field: "Client", From: []string{"c-ip"}},
		{Field: "ASN", From: []string{"asn"}},
		{Field: "Country", From: []string{"c-country"}, Note: "two letters"},
		{Field: "PoP", From: []string{"x-edge-location"}, Note: "its first three letters"},
		{Field: "Protocol", From: []string{"cs-protocol-version", "cs-version"}},
		{Field: "TLS", From: []string{"ssl-protocol"}},
		{Field: "Referer", From: []string{"cs(Referer)", "cs-referer"}},
		{Field: "UserAgent", From: []string{"cs(User-Agent)", "cs-user-agent"}},
		{Field: "ID", From: []string{"x-edge-request-id"}},
		{Field: "CMCD", From: []string{"cs-uri-query", "cs-uri-stem", "cs-uri"}, Note: "where cmcd-session-id is not told"},
		{Field: "CMCD.Session", From: []string{"cmcd-session-id"}},
		{Field: "CMCD.Content", From: []string{"cmcd-content-id"}},
		{Field: "CMCD.ObjectType", From: []string{"cmcd-object-type"}},
		{Field: "CMCD.StreamType", From: []string{"cmcd-stream-type"}},
		{Field: "CMCD.Bitrate", From: []string{"cmcd-encoded-bitrate"}},
		{Field: "CMCD.Throughput", From: []string{"cmcd-measured-throughput"}},
		{Field: "CMCD.BufferLength", From: []string{"cmcd-buffer-length"}},
		{Field: "CMCD.Starved", From: []string{"cmcd-buffer-starvation"}},
		{Field: "CMCD.Startup", From: []string{"cmcd-startup"}},
	}
}
