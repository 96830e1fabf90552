package mux

import "vigie/ingest/record"

// Readings says where the fields of a beacon come from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"records.start", "records.duration_ms"}, Note: "required; the end of the record"},
		{Field: "Session", From: []string{"view_id"}, Note: "required, up to 64 bytes"},
		{Field: "Event", From: []string{"PLAYBACK_ERROR", "EXIT_BEFORE_VIDEO_START", "START_LATENCY_MS"}, Note: "failed, finished, started"},
		{Field: "Startup", From: []string{"START_LATENCY_MS"}, Note: "ms"},
		{Field: "Playing", From: []string{"WATCH_DURATION_MS"}, Note: "ms, less REBUFFER_DURATION_MS and START_LATENCY_MS of the record"},
		{Field: "Rebuffering", From: []string{"REBUFFER_DURATION_MS"}, Note: "ms"},
		{Field: "Stalls", From: []string{"REBUFFER_COUNT"}},
		{Field: "ErrorCode", From: []string{"player_error_code"}, Note: "with PLAYBACK_ERROR"},
		{Field: "CDN", From: []string{"source.host_id", "source.hostname"}, Note: "a hostname must be an alias of a CDN"},
		{Field: "Channel", From: []string{"video_id"}, Note: "a channel's id"},
		{Field: "Device", From: []string{"viewer_device_category"}},
		{Field: "Player", From: []string{"player_name"}},
		{Field: "Client", From: []string{"ip"}},
		{Field: "ASN", From: []string{"asn"}},
		{Field: "Country", From: []string{"country", "country_code"}, Note: "ISO 3166-1 alpha-2"},
	}
}
