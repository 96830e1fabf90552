package beacon_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/internal/event"
)

func origin() event.Origin {
	return event.Origin{
		Received:  time.Date(2026, 9, 8, 19, 45, 10, 0, time.UTC),
		Client:    netip.MustParseAddr("2001:db8::7"),
		UserAgent: []byte("ua"),
	}
}

const (
	received = "Time=2026-09-08T19:45:10Z"
	viewer   = ` Client=2001:db8::7 UserAgent="ua"`
)

func TestParse(t *testing.T) {
	f := func(name, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(beacon.Parse, []byte(`{"session":"s",`+members+`}`), origin()).String()
			if want := received + ` Session="s"` + want + viewer; got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	f("all", `"v":1,"event":"playbackStart","tool":"vigie","channel":"tf1","cdn":"akamai","device":"tv","player":"hls.js 1.7","startupTime":1320.5,`+
		`"watchedTime":10000,"playbackStallDuration":250,"playbackStallCount":2,"bitsPlayed":32000000,"mediaTime":9900,"errorCode":"E1",`+
		`"cdnBytes":3100000,"p2pDownBytes":900000,"p2pUpBytes":120000,"peers":7`,
		` Tool="vigie" CDN="akamai" Channel="tf1" Device="tv" Player="hls.js 1.7" Event=playbackStart Startup=1.3205s Playing=10s Rebuffering=250ms`+
			` Stalls=2 BitsPlayed=32000000 MediaTime=9.9s ErrorCode="E1" CDNBytes=3100000 PeerBytes=900000 PeerUploaded=120000 Peers=7`)
	f("nothing", `"v":1`, ``)
	f("nulls", `"v":null,"event":null,"tool":null,"watchedTime":null,"t":null`, ``)
	f("events", `"event":"playbackFail"`, ` Event=playbackFail`)
	f("heartbeat by name", `"event":"heartbeat"`, ``)
	f("startup time of another event", `"startupTime":1320,"event":"playbackStall"`, ` Event=playbackStall`)
	f("a weight is not believed", `"weight":1000`, ``)
	f("an address that is none", `"client":"router","asn":-1`, ``)
	f("a failed play", `"event":"playbackFail","started":true`, ` Event=playbackFail Started`)
	f("the most that is believed", `"event":"playbackStart","startupTime":600000,"watchedTime":3600000,"playbackStallDuration":3600000,"playbackStallCount":1000,"bitsPlayed":1000000000000,"mediaTime":14400000,"cdnBytes":1073741824,"p2pDownBytes":1073741824,"p2pUpBytes":1073741824,"peers":10000`,
		` Event=playbackStart Startup=10m0s Playing=1h0m0s Rebuffering=1h0m0s Stalls=1000 BitsPlayed=1000000000000 MediaTime=4h0m0s CDNBytes=1073741824 PeerBytes=1073741824 PeerUploaded=1073741824 Peers=10000`)
	f("more than is believed", `"event":"playbackStart","startupTime":600001,"watchedTime":3600001,"playbackStallDuration":3600001,"playbackStallCount":1001,"bitsPlayed":1000000000001,"mediaTime":14400001,"cdnBytes":1073741825,"p2pDownBytes":1073741825,"p2pUpBytes":1073741825,"peers":10001`,
		` Event=playbackStart`)
	f("not numbers", `"watchedTime":"x","playbackStallCount":-1,"bitsPlayed":1e400,"cdnBytes":{"a":1},"peers":[1],"p2pUpBytes":true`, ``)
	f("numbers as strings", `"watchedTime":"10000"`, ` Playing=10s`)
	f("texts as long as may be", `"channel":"`+strings.Repeat("x", 64)+`","tool":"`+strings.Repeat("y", 32)+`"`, ` Tool="`+strings.Repeat("y", 32)+`" Channel="`+strings.Repeat("x", 64)+`"`)
	f("texts that are longer", `"channel":"`+strings.Repeat("x", 65)+`","tool":"`+strings.Repeat("y", 33)+`"`, ``)
	f("text in another script", `"channel":"フランス"`, ` Channel="フランス"`)
	f("texts with control characters", `"channel":"a\u0000b","tool":"a\nb","device":"\u0085","cdn":"\u007f"`, ``)
	f("text that is not UTF-8", "\"channel\":\"\xff\"", ``)
}

func TestTimes(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(beacon.Parse, []byte(`{"session":"s","t":`+value+`}`), origin()).String()
			if want = "Time=" + want + ` Session="s"` + viewer; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	const now = "2026-09-08T19:45:10Z"
	f("believed", "1788896703120", "2026-09-08T19:45:03.12Z")
	f("a day old", "1788810310000", "2026-09-07T19:45:10Z")
	f("older", "1788810309999", now)
	f("five minutes ahead", "1788897010000", "2026-09-08T19:50:10Z")
	f("further ahead", "1788897010001", now)
	f("zero", "0", now)
	f("negative", "-1", now)
	f("text", `"soon"`, now)
	f("too large", "99999999999999999999", now)
}

func TestRefusals(t *testing.T) {
	const good, record = `{"session":"s"}`, received + ` Session="s"` + viewer
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(beacon.Parse, []byte(payload), origin()).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("lines", good+"\n"+good, record, record)
	f("array", "["+good+","+good+"]", record, record)
	f("no session", `{"v":1}`+"\n"+good, "refused at 0: "+beacon.NoSession, record)
	f("empty session", `{"session":""}`, "refused at 0: "+beacon.NoSession)
	f("session that is null", `{"session":null}`, "refused at 0: "+beacon.NoSession)
	f("longest session", `{"session":"`+strings.Repeat("s", 64)+`"}`, received+` Session="`+strings.Repeat("s", 64)+`"`+viewer)
	f("longer session", `{"session":"`+strings.Repeat("s", 65)+`"}`, "refused at 0: "+beacon.BadSession)
	f("session that is no text", `{"session":"a\u0000"}`, "refused at 0: "+beacon.BadSession)
	f("unknown event", `[{"session":"s","event":"playbackPause"},`+good+"]", "refused at 1: "+beacon.BadEvent, record)
	f("other version", `{"v":2,"session":"s"}`, "refused at 0: "+beacon.BadVersion)
	f("version that is none", `{"v":"x","session":"s"}`, "refused at 0: "+beacon.BadVersion)
	f("not JSON", "GET /\n"+good, "refused at 0: "+flatjson.NotObject, record)
}

func TestNoTimeAtAll(t *testing.T) {
	got := formattest.Read(beacon.Parse, []byte(`{"session":"s"}`), event.Origin{}).String()
	if want := "refused at 0: " + beacon.NoTime; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(beaconLine(1)))
	f.Add([]byte("[" + beaconLine(2) + ",\n" + beaconLine(3) + "]"))
	f.Add([]byte(`{"session":"\u00e9","t":"1e9","event":"","v":null,"watchedTime":1e3}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		from := origin()
		formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) {
			beacon.Parse(payload, from, bounded{t, from, to})
		}, b, from)
		formattest.Neighbours(t, beacon.Parse, `{"session":"s"}`, b, from)
	})
}

// bounded is a sink that fails the test when a beacon says more than may be believed.
type bounded struct {
	t    *testing.T
	from event.Origin
	event.Sink
}

func (s bounded) Beacon(b *event.Beacon) {
	if len(b.Session) == 0 || len(b.Session) > 64 || b.Weight != 0 || b.Client != s.from.Client ||
		b.Startup < event.Unknown || b.Startup > beacon.MaxStartup || b.Playing < 0 || b.Playing > beacon.MaxWatched ||
		b.Rebuffering < 0 || b.Rebuffering > beacon.MaxWatched || b.MediaTime < 0 || b.MediaTime > beacon.MaxMedia ||
		b.Stalls > beacon.MaxStalls || b.BitsPlayed > beacon.MaxBits || b.Peers > beacon.MaxPeers ||
		max(b.CDNBytes, b.PeerBytes, b.PeerUploaded) > beacon.MaxTotal || !b.Totals && max(b.CDNBytes, b.PeerBytes, b.PeerUploaded) > beacon.MaxBytes ||
		s.from.Received.Sub(b.Time) > beacon.MaxPast || b.Time.Sub(s.from.Received) > beacon.MaxFuture {
		s.t.Fatalf("%+v", b)
	}
	s.Sink.Beacon(b)
}

func TestARelayTellsItsViewersNetwork(t *testing.T) {
	var got event.Beacon
	beacon.Parse([]byte(`{"session":"s","client":"192.0.2.7","asn":"AS3215"}`), event.Origin{Received: time.Now(), Client: netip.MustParseAddr("2001:db8::7")}, sinkFunc(func(b *event.Beacon) { got = *b }))
	if got.Client.String() != "192.0.2.7" || got.ASN != 3215 {
		t.Errorf("client %s, AS%d", got.Client, got.ASN)
	}
}

type sinkFunc func(*event.Beacon)

func (f sinkFunc) Beacon(b *event.Beacon)         { f(b) }
func (f sinkFunc) Request(*event.Request)         {}
func (f sinkFunc) Measurement(*event.Measurement) {}
func (f sinkFunc) Refuse(event.Refusal)           {}
