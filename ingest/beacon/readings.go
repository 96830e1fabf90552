package beacon

import "vigie/ingest/record"

// Readings says where each field comes from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"t"}, Note: "ms since 1970; else when it was received"},
		{Field: "Session", From: []string{"session"}, Note: "required; up to 64 bytes"},
		{Field: "Tool", From: []string{"tool"}},
		{Field: "CDN", From: []string{"cdn"}},
		{Field: "Channel", From: []string{"channel"}},
		{Field: "Device", From: []string{"device"}},
		{Field: "Player", From: []string{"player"}},
		{Field: "Event", From: []string{"event"}, Note: "none: heartbeat"},
		{Field: "Started", From: []string{"started"}},
		{Field: "Startup", From: []string{"startupTime"}, Note: "ms; on playbackStart only"},
		{Field: "Playing", From: []string{"watchedTime"}, Note: "ms"},
		{Field: "Rebuffering", From: []string{"playbackStallDuration"}, Note: "ms"},
		{Field: "Stalls", From: []string{"playbackStallCount"}},
		{Field: "BitsPlayed", From: []string{"bitsPlayed"}},
		{Field: "MediaTime", From: []string{"mediaTime"}, Note: "ms"},
		{Field: "ErrorCode", From: []string{"errorCode"}},
		{Field: "CDNBytes", From: []string{"cdnBytes"}},
		{Field: "PeerBytes", From: []string{"p2pDownBytes"}},
		{Field: "PeerUploaded", From: []string{"p2pUpBytes"}},
		{Field: "Peers", From: []string{"peers"}},
		{Field: "Totals", From: []string{"mode"}, Note: "total or delta"},
		{Field: "State", From: []string{"state"}, Note: "starting, playing, rebuffering, paused …"},
		{Field: "Sequence", From: []string{"seq"}, Note: "from 1 on"},
		{Field: "Client", From: []string{"client"}, Note: "else the sender's own address"},
		{Field: "ASN", From: []string{"asn"}},
	}
}
