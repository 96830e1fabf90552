package bitmovin

import "vigie/ingest/record"

// Readings says where the fields of a beacon come from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"time"}, Note: "ms since 1970; the time of reception where a clock cannot be right"},
		{Field: "Session", From: []string{"impressionId"}, Note: "required, up to 64 bytes"},
		{Field: "Sequence", From: []string{"sequenceNumber"}, Note: "plus 1; a repeat counts once"},
		{Field: "Event", From: []string{"videoStartFailed", "errorCode", "videoStartupTime", "state"}, Note: "failed, failed, started, stalled"},
		{Field: "Startup", From: []string{"videoStartupTime", "startupTime"}, Note: "ms, above 0"},
		{Field: "Playing", From: []string{"played", "duration"}, Note: "ms; duration with state playing"},
		{Field: "Rebuffering", From: []string{"buffered", "duration"}, Note: "ms; duration with state buffering or rebuffering"},
		{Field: "Stalls", From: []string{"state"}, Note: "buffering or rebuffering: 1"},
		{Field: "BitsPlayed", From: []string{"videoBitrate", "audioBitrate"}, Note: "bit/s, over the time played"},
		{Field: "ErrorCode", From: []string{"errorCode", "videoStartFailedReason"}},
		{Field: "CDN", From: []string{"cdnProvider"}},
		{Field: "Channel", From: []string{"videoId"}, Note: "a channel's id"},
		{Field: "Device", From: []string{"deviceInformation.deviceClass", "platform", "deviceInformation.isTV"}},
		{Field: "Player", From: []string{"player", "version"}},
		{Field: "UserAgent", From: []string{"userAgent"}, Note: "else of the HTTP request"},
	}
}
