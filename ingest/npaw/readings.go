package npaw

import "vigie/ingest/record"

// Readings says where the fields of a beacon come from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"timemark"}, Note: "ms since 1970; the time of reception where it is missing or a clock cannot be right"},
		{Field: "Session", From: []string{"code", "sessionId", "sessionRoot"}, Note: "required, up to 64 bytes"},
		{Field: "Event", From: []string{"/init", "/start", "/joinTime", "/bufferUnderrun", "/error", "/stop"}, Note: "requested, requested, started, stalled, failed, finished"},
		{Field: "State", From: []string{"/start", "/joinTime", "/pause", "/resume", "/stop"}, Note: "required for Playing"},
		{Field: "Playing", From: []string{"/joinTime", "/resume"}, Note: "time between two requests while playing, less the stalls"},
		{Field: "Startup", From: []string{"joinDuration", "joinTime", "time"}, Note: "ms, of /joinTime"},
		{Field: "Rebuffering", From: []string{"bufferDuration", "duration"}, Note: "ms, of /bufferUnderrun"},
		{Field: "Stalls", From: []string{"/bufferUnderrun"}},
		{Field: "BitsPlayed", From: []string{"bitrate"}, Note: "bit/s, over the time played"},
		{Field: "ErrorCode", From: []string{"errorCode"}, Note: "of /error"},
		{Field: "CDN", From: []string{"cdn", "nodeHost"}, Note: "a host must be an alias of a CDN"},
		{Field: "Channel", From: []string{"channel", "contentChannel", "title"}, Note: "a channel's id"},
		{Field: "Device", From: []string{"deviceType"}},
		{Field: "Player", From: []string{"player", "playerVersion"}},
		{Field: "Client", From: []string{"ip"}, Note: "else the peer; not of a viewer"},
	}
}
