package beacon_test

import (
	"testing"

	"vigie/ingest/beacon"
	"vigie/ingest/formattest"
	"vigie/internal/event"
)

func TestTotals(t *testing.T) {
	kilo := beacon.Configured(beacon.Options{BytesUnit: 1024})
	f := func(name string, parse event.Parser, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(parse, []byte(`{"session":"s",`+members+`}`), origin()).String()
			if want := received + ` Session="s"` + want + viewer; got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	f("mode total", beacon.Parse, `"mode":"total","cdnBytes":5,"p2pDownBytes":6,"p2pUpBytes":7`, ` CDNBytes=5 PeerBytes=6 PeerUploaded=7 Totals`)
	f("mode delta", beacon.Parse, `"mode":"delta","cdnBytes":5`, ` CDNBytes=5`)
	f("no mode", beacon.Parse, `"mode":null,"cdnBytes":5`, ` CDNBytes=5`)
	f("a mode that is not known leaves the rest", beacon.Parse, `"mode":"gauge","cdnBytes":5,"peers":3`, ` Peers=3`)
	f("mode behind the counters", beacon.Parse, `"cdnBytes":5,"mode":"total"`, ` CDNBytes=5 Totals`)
	f("totals of nothing", beacon.Parse, `"mode":"total"`, ``)
	f("totals of zero", beacon.Parse, `"mode":"total","cdnBytes":0`, ` Totals`)
	f("the most of a total", beacon.Parse, `"mode":"total","cdnBytes":1099511627776,"p2pUpBytes":1099511627777`, ` CDNBytes=1099511627776 Totals`)
	f("names of SDKs are not read unless configured", beacon.Parse, `"totalHTTPDownloaded":10,"numOfPeers":2`, ``)
	f("SwarmCloud", kilo, `"totalHTTPDownloaded":10240,"totalP2PDownloaded":30720,"totalP2PUploaded":20480,"p2pDownloadSpeed":512`,
		` CDNBytes=10485760 PeerBytes=31457280 PeerUploaded=20971520 Totals`)
	f("Peer5", beacon.Configured(beacon.Options{}), `"numOfPeers":4,"totalHttpDownloaded":10,"totalP2PDownloaded":30`, ` CDNBytes=10 PeerBytes=30 Peers=4 Totals`)
	f("the unit does not exceed the bound", kilo, `"totalP2PDownloaded":1073741824,"totalP2PUploaded":1073741825`, ` PeerBytes=1099511627776 Totals`)
	f("unit of deltas", kilo, `"cdnBytes":1048576,"p2pUpBytes":1048577`, ` CDNBytes=1073741824`)
	f("configured totals", beacon.Configured(beacon.Options{Totals: true}), `"cdnBytes":5`, ` CDNBytes=5 Totals`)
}

func TestStateAndSequence(t *testing.T) {
	f := func(members, want string) {
		t.Helper()
		got := formattest.Read(beacon.Parse, []byte(`{"session":"s",`+members+`}`), origin()).String()
		if want := received + ` Session="s"` + want + viewer; got != want {
			t.Errorf("%s\n got %s\nwant %s", members, got, want)
		}
	}
	f(`"state":"playing","seq":7`, ` State=2 Sequence=7`)
	f(`"state":"r","seq":0`, ` State=3`)
	f(`"state":"dancing","seq":-1`, ``)
	f(`"state":null,"seq":18446744073709551616`, ``)
}

func TestStates(t *testing.T) {
	for text, want := range map[string]event.PlayerState{
		"s": event.StateStarting, "starting": event.StateStarting,
		"p": event.StatePlaying, "r": event.StateRebuffering,
		"a": event.StateIdle, "k": event.StateIdle, "w": event.StateIdle, "d": event.StateIdle, "paused": event.StateIdle,
		"e": event.StateOver, "f": event.StateOver, "q": event.StateOver, "ended": event.StateOver,
		"": event.StateUntold, "P": event.StateUntold,
	} {
		if got := beacon.State([]byte(text)); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func FuzzConfigured(f *testing.F) {
	f.Add([]byte(`{"session":"s","mode":"total","totalHTTPDownloaded":10240,"totalP2PDownloaded":"30720","numOfPeers":3,"seq":1,"state":"p"}`))
	parse := beacon.Configured(beacon.Options{BytesUnit: 1024})
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) {
			parse(payload, from, totals{t, to})
		}, b, origin())
	})
}

type totals struct {
	t *testing.T
	event.Sink
}

func (s totals) Beacon(b *event.Beacon) {
	most := uint64(beacon.MaxBytes)
	if b.Totals {
		most = beacon.MaxTotal
	}
	if max(b.CDNBytes, b.PeerBytes, b.PeerUploaded) > most {
		s.t.Fatalf("%+v", b)
	}
	s.Sink.Beacon(b)
}
