package cmcdevent

import "vigie/ingest/record"

// Readings says where the fields of a beacon come from.
func Readings() []record.Reading {
	return []record.Reading{
		{Field: "Time", From: []string{"ts"}, Note: "ms since 1970; the time of reception where a clock cannot be right"},
		{Field: "Session", From: []string{"sid"}, Note: "required, up to 64 bytes"},
		{Field: "Sequence", From: []string{"sn"}, Note: "plus 1; a repeat counts once"},
		{Field: "Event", From: []string{"sta", "msd", "e"}, Note: "sta f, e, q: failed, finished; msd: started; e=ps with sta s, r: requested, stalled"},
		{Field: "State", From: []string{"sta"}, Note: "required for Playing"},
		{Field: "Playing", From: []string{"sta"}, Note: "time between two reports in which sta was p"},
		{Field: "Startup", From: []string{"msd", "sta"}, Note: "ms; without msd from sta=s to sta=p of events ps"},
		{Field: "Rebuffering", From: []string{"bsd", "sta"}, Note: "ms, the longest of audio and video; else the time in which sta was r"},
		{Field: "Stalls", From: []string{"sta", "bsd"}, Note: "sta p to r, or a bsd without it"},
		{Field: "BitsPlayed", From: []string{"pb", "br"}, Note: "kbit/s, video and audio, over the time played"},
		{Field: "ErrorCode", From: []string{"ec"}, Note: "the first, with sta=f"},
		{Field: "CDN", From: []string{"cdn", "h"}, Note: "h must be an alias of a CDN"},
		{Field: "Channel", From: []string{"cid"}, Note: "a channel's id, up to 64 bytes"},
	}
}
