package mapping

import (
	"math"
	"net/netip"
	"time"

	"vigie/ingest/beacon"
	"vigie/internal/event"
)

// kind says how the value of a field is read.
type kind uint8

const (
	kindTime kind = iota
	kindDate
	kindURL
	kindLine
	kindPath
	kindQuery
	kindText
	kindStatus
	kindNumber
	kindDuration
	kindBool
	kindCache
	kindAddr
	kindForwarded
	kindASN
	kindCountry
	kindCMCD
	kindObject
	kindStream
	kindWeight
	kindEvent
	kindState
)

// target is a key of a mapping: a field of a record, or what fills several.
type target struct {
	key    string
	fields []string // of the record, by their names in package event; CMCD's behind "CMCD."
	kind   kind
	units  []unit
	most   uint64 // of a number, a duration (ns), or a text (bytes)
	texts  bool   // the text must be clean: UTF-8 without control characters

	text     func(*state) *[]byte
	number   func(*state) *uint64
	short    func(*state) *uint32
	duration func(*state) *time.Duration
	yes      func(*state) *bool
	addr     func(*state) *netip.Addr
}

// state is what one line is read into.
type state struct {
	request event.Request
	beacon  event.Beacon

	date, peer []byte

	timed, mistimed bool // there is a time; there is one that cannot be read
	told            bool // there is CMCD, or a session, whether it can be read or not
}

// requestTargets are the keys of request mappings, in the order in which they are read: what fills
// several fields stands before what fills one of them.
func requestTargets() []target {
	r := func(s *state) *event.Request { return &s.request }
	text := func(key, field string, at func(*state) *[]byte) target {
		return target{key: key, fields: []string{field}, kind: kindText, text: at}
	}
	yes := func(key, field string, at func(*state) *bool) target {
		return target{key: key, fields: []string{field}, kind: kindBool, yes: at}
	}
	media := func(key, field string, units []unit, at func(*state) *uint32) target {
		return target{key: key, fields: []string{field}, kind: kindNumber, units: units, most: math.MaxUint32, short: at}
	}
	return []target{
		{key: "date", fields: []string{"Time"}, kind: kindDate},
		{key: "time", fields: []string{"Time"}, kind: kindTime},
		{key: "request", fields: []string{"Method", "Host", "Path", "Query", "Protocol"}, kind: kindLine},
		{key: "url", fields: []string{"Host", "Path", "Query"}, kind: kindURL},
		text("method", "Method", func(s *state) *[]byte { return &r(s).Method }),
		text("host", "Host", func(s *state) *[]byte { return &r(s).Host }),
		{key: "path", fields: []string{"Path"}, kind: kindPath},
		{key: "query", fields: []string{"Query"}, kind: kindQuery},
		{key: "status", fields: []string{"Status"}, kind: kindStatus},
		{key: "bytes", fields: []string{"Bytes"}, kind: kindNumber, units: sizes(), most: math.MaxInt64, number: func(s *state) *uint64 { return &r(s).Bytes }},
		{key: "first_byte", fields: []string{"FirstByte"}, kind: kindDuration, units: durations(), duration: func(s *state) *time.Duration { return &r(s).FirstByte }},
		{key: "duration", fields: []string{"Duration"}, kind: kindDuration, units: durations(), duration: func(s *state) *time.Duration { return &r(s).Duration }},
		{key: "cache", fields: []string{"Cache"}, kind: kindCache},
		yes("aborted", "Aborted", func(s *state) *bool { return &r(s).Aborted }),
		yes("blocked", "Blocked", func(s *state) *bool { return &r(s).Blocked }),
		{key: "client", fields: []string{"Client"}, kind: kindAddr, addr: func(s *state) *netip.Addr { return &r(s).Client }},
		{key: "forwarded", fields: []string{"Client"}, kind: kindForwarded, addr: func(s *state) *netip.Addr { return &r(s).Client }},
		{key: "asn", fields: []string{"ASN"}, kind: kindASN, short: func(s *state) *uint32 { return &r(s).ASN }},
		{key: "country", fields: []string{"Country"}, kind: kindCountry, text: func(s *state) *[]byte { return &r(s).Country }},
		text("pop", "PoP", func(s *state) *[]byte { return &r(s).PoP }),
		text("protocol", "Protocol", func(s *state) *[]byte { return &r(s).Protocol }),
		text("tls", "TLS", func(s *state) *[]byte { return &r(s).TLS }),
		text("referer", "Referer", func(s *state) *[]byte { return &r(s).Referer }),
		text("user_agent", "UserAgent", func(s *state) *[]byte { return &r(s).UserAgent }),
		text("id", "ID", func(s *state) *[]byte { return &r(s).ID }),
		{key: "cmcd", fields: []string{"CMCD"}, kind: kindCMCD},
		{key: "session", fields: []string{"CMCD.Session"}, kind: kindText, most: 64, text: func(s *state) *[]byte { return &r(s).CMCD.Session }},
		{key: "content", fields: []string{"CMCD.Content"}, kind: kindText, most: 128, text: func(s *state) *[]byte { return &r(s).CMCD.Content }},
		{key: "object_type", fields: []string{"CMCD.ObjectType"}, kind: kindObject},
		{key: "stream_type", fields: []string{"CMCD.StreamType"}, kind: kindStream},
		media("bitrate", "CMCD.Bitrate", rates(), func(s *state) *uint32 { return &r(s).CMCD.Bitrate }),
		media("throughput", "CMCD.Throughput", rates(), func(s *state) *uint32 { return &r(s).CMCD.Throughput }),
		media("buffer_length", "CMCD.BufferLength", lengths(), func(s *state) *uint32 { return &r(s).CMCD.BufferLength }),
		yes("starved", "CMCD.Starved", func(s *state) *bool { return &r(s).CMCD.Starved }),
		yes("startup", "CMCD.Startup", func(s *state) *bool { return &r(s).CMCD.Startup }),
		{key: "weight", fields: []string{"Weight"}, kind: kindWeight, units: weights()},
	}
}

// beaconTargets are the keys of beacon mappings. Bounds are those of package beacon.
func beaconTargets() []target {
	b := func(s *state) *event.Beacon { return &s.beacon }
	text := func(key, field string, most uint64, at func(*state) *[]byte) target {
		return target{key: key, fields: []string{field}, kind: kindText, most: most, texts: true, text: at}
	}
	duration := func(key, field string, most time.Duration, at func(*state) *time.Duration) target {
		return target{key: key, fields: []string{field}, kind: kindDuration, units: durations(), most: uint64(most), duration: at}
	}
	number := func(key, field string, units []unit, most uint64, at func(*state) *uint64) target {
		return target{key: key, fields: []string{field}, kind: kindNumber, units: units, most: most, number: at}
	}
	return []target{
		{key: "date", fields: []string{"Time"}, kind: kindDate},
		{key: "time", fields: []string{"Time"}, kind: kindTime},
		text("session", "Session", beacon.MaxSession, func(s *state) *[]byte { return &b(s).Session }),
		text("tool", "Tool", beacon.MaxDesignation, func(s *state) *[]byte { return &b(s).Tool }),
		text("cdn", "CDN", beacon.MaxHost, func(s *state) *[]byte { return &b(s).CDN }),
		text("channel", "Channel", beacon.MaxName, func(s *state) *[]byte { return &b(s).Channel }),
		text("device", "Device", beacon.MaxDesignation, func(s *state) *[]byte { return &b(s).Device }),
		text("player", "Player", beacon.MaxName, func(s *state) *[]byte { return &b(s).Player }),
		{key: "event", fields: []string{"Event"}, kind: kindEvent},
		{key: "started", fields: []string{"Started"}, kind: kindBool, yes: func(s *state) *bool { return &b(s).Started }},
		duration("startup", "Startup", beacon.MaxStartup, func(s *state) *time.Duration { return &b(s).Startup }),
		duration("playing", "Playing", beacon.MaxWatched, func(s *state) *time.Duration { return &b(s).Playing }),
		duration("rebuffering", "Rebuffering", beacon.MaxWatched, func(s *state) *time.Duration { return &b(s).Rebuffering }),
		duration("media_time", "MediaTime", beacon.MaxMedia, func(s *state) *time.Duration { return &b(s).MediaTime }),
		{key: "stalls", fields: []string{"Stalls"}, kind: kindNumber, most: beacon.MaxStalls, short: func(s *state) *uint32 { return &b(s).Stalls }},
		number("bits_played", "BitsPlayed", bits(), beacon.MaxBits, func(s *state) *uint64 { return &b(s).BitsPlayed }),
		text("error_code", "ErrorCode", beacon.MaxName, func(s *state) *[]byte { return &b(s).ErrorCode }),
		number("cdn_bytes", "CDNBytes", sizes(), beacon.MaxTotal, func(s *state) *uint64 { return &b(s).CDNBytes }),
		number("peer_bytes", "PeerBytes", sizes(), beacon.MaxTotal, func(s *state) *uint64 { return &b(s).PeerBytes }),
		number("peer_uploaded", "PeerUploaded", sizes(), beacon.MaxTotal, func(s *state) *uint64 { return &b(s).PeerUploaded }),
		{key: "peers", fields: []string{"Peers"}, kind: kindNumber, most: beacon.MaxPeers, short: func(s *state) *uint32 { return &b(s).Peers }},
		{key: "totals", fields: []string{"Totals"}, kind: kindBool, yes: func(s *state) *bool { return &b(s).Totals }},
		{key: "state", fields: []string{"State"}, kind: kindState},
		number("sequence", "Sequence", nil, math.MaxInt64, func(s *state) *uint64 { return &b(s).Sequence }),
		{key: "client", fields: []string{"Client"}, kind: kindAddr, addr: func(s *state) *netip.Addr { return &b(s).Client }},
		{key: "forwarded", fields: []string{"Client"}, kind: kindForwarded, addr: func(s *state) *netip.Addr { return &b(s).Client }},
		{key: "asn", fields: []string{"ASN"}, kind: kindASN, short: func(s *state) *uint32 { return &b(s).ASN }},
		{key: "country", fields: []string{"Country"}, kind: kindCountry, text: func(s *state) *[]byte { return &b(s).Country }},
		{key: "user_agent", fields: []string{"UserAgent"}, kind: kindText, most: 2 << 10, text: func(s *state) *[]byte { return &b(s).UserAgent }},
		{key: "weight", fields: []string{"Weight"}, kind: kindWeight, units: weights()},
	}
}

// playerStates are the words of a state, in the order of event.PlayerState.
func playerStates() []string {
	return []string{"", "starting", "playing", "rebuffering", "idle", "over"}
}
