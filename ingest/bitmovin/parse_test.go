package bitmovin_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/bitmovin"
	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/internal/event"
)

func origin() event.Origin {
	return event.Origin{Received: time.Date(2026, 9, 8, 19, 45, 10, 0, time.UTC), Client: netip.MustParseAddr("2001:db8::7"), UserAgent: []byte("ua")}
}

const (
	head = `Time=2026-09-08T19:45:10Z Session="s"`
	tail = ` Client=2001:db8::7 UserAgent="ua"`
)

func TestParse(t *testing.T) {
	f := func(name, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(bitmovin.Parse, []byte(`{"impressionId":"s",`+members+`}`), origin()).String()
			if !strings.Contains(want, "UserAgent") {
				want += tail
			}
			if want := head + want; got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	f("playing", `"sequenceNumber":4,"state":"playing","duration":10000,"played":9800,"buffered":0,"paused":0,"seeked":0,"startupTime":0,"videoStartupTime":0,"playerStartupTime":0,"videoBitrate":4200000,"audioBitrate":128000,"cdnProvider":"AKAMAI","videoId":"final","player":"bitmovin","version":"8.1","userAgent":"tv browser","deviceInformation":{"model":"x","isTV":true,"deviceClass":"TV"},"platform":"web","videoStartFailed":false,"errorCode":null`,
		` CDN="AKAMAI" Channel="final" Device="TV" Player="bitmovin 8.1" Started Playing=9.8s BitsPlayed=42414400 MediaTime=9.8s Sequence=5 Client=2001:db8::7 UserAgent="tv browser"`)
	f("start", `"state":"startup","duration":813,"videoStartupTime":813,"startupTime":900,"buffered":300`, ` Event=playbackStart Started Startup=813ms`)
	f("start of a collector that tells the sum alone", `"state":"startup","startupTime":900`, ` Event=playbackStart Started Startup=900ms`)
	f("an instant that has no start", `"state":"setup","startupTime":24,"videoStartupTime":0`, ``)
	f("playing by state", `"state":"playing","duration":1000`, ` Started Playing=1s`)
	f("rebuffering", `"state":"rebuffering","duration":700,"buffered":700`, ` Event=playbackStall Started Rebuffering=700ms Stalls=1`)
	f("rebuffering by state", `"state":"Buffering","duration":700`, ` Event=playbackStall Started Rebuffering=700ms Stalls=1`)
	f("paused", `"state":"pause","duration":1000,"paused":1000`, ``)
	f("seeking", `"state":"seeking","duration":1000,"seeked":1000`, ``)
	f("playing, of which a part was paused", `"state":"playing","duration":1000,"paused":1000`, ``)
	f("quality change", `"state":"qualitychange","duration":0,"videoBitrate":4800000`, ``)
	f("failed start", `"videoStartFailed":true,"videoStartFailedReason":"TIMEOUT","errorCode":1000,"buffered":50`, ` Event=playbackFail ErrorCode="1000"`)
	f("failed start without a code", `"videoStartFailed":true,"videoStartFailedReason":"TIMEOUT"`, ` Event=playbackFail ErrorCode="TIMEOUT"`)
	f("left before the start", `"videoStartFailed":true,"videoStartFailedReason":"PAGE_CLOSED"`, ` Event=playbackFinish`)
	f("failed play", `"state":"error","errorCode":1100,"played":500`, ` Event=playbackFail Started Playing=500ms ErrorCode="1100"`)
	f("an error that is information", `"state":"playing","errorCode":1100,"errorSeverity":"INFO"`, ``)
	f("no error", `"errorCode":0`, ``)
	f("a television without class", `"deviceInformation":{"isTV":true}`, ` Device="tv"`)
	f("platform", `"platform":"iOS","deviceInformation":"x"`, ` Device="iOS"`)
	f("version alone", `"version":"8.1"`, ` Player="8.1"`)
	f("names that are too long together", `"player":"`+strings.Repeat("p", 60)+`","version":"8.1.2"`, ` Player="`+strings.Repeat("p", 60)+`"`)
	f("more than is believed", `"played":3600001,"buffered":3600001,"videoStartupTime":600001,"videoBitrate":1000000001,"sequenceNumber":18446744073709551615`, ``)
	f("the most that is believed", `"played":3600000,"videoBitrate":1000000000,"audioBitrate":1000000000`, ` Started Playing=1h0m0s BitsPlayed=1000000000000 MediaTime=1h0m0s`)
	f("odd values", `"time":"x","state":{},"duration":[1],"played":-1,"deviceInformation":{"deviceClass":7`+"}", ` Device="7"`)
}

func TestTimes(t *testing.T) {
	for ms, want := range map[string]string{
		"1788896703120": "2026-09-08T19:45:03.12Z",
		"100":           "2026-09-08T19:45:10Z",
		"1788897010001": "2026-09-08T19:45:10Z",
	} {
		got := formattest.Read(bitmovin.Parse, []byte(`{"impressionId":"s","time":`+ms+`}`), origin()).String()
		if want = "Time=" + want + ` Session="s"` + tail; got != want {
			t.Errorf("%s: got %s, want %s", ms, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	const good, read = `{"impressionId":"s"}`, head + tail
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(bitmovin.Parse, []byte(payload), origin()).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("array", "["+good+","+good+"]", read, read)
	f("no session", `{"state":"playing"}`+"\n"+good, "refused at 0: "+bitmovin.NoSession, read)
	f("empty session", `{"impressionId":""}`, "refused at 0: "+bitmovin.NoSession)
	f("longer session", `{"impressionId":"`+strings.Repeat("s", 65)+`"}`, "refused at 0: "+bitmovin.BadSession)
	f("not JSON", "x\n"+good, "refused at 0: "+flatjson.NotObject, read)
	got := formattest.Read(bitmovin.Parse, []byte(good), event.Origin{}).String()
	if want := "refused at 0: " + bitmovin.NoTime; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sampleLine(1)))
	f.Add([]byte(`[{"impressionId":"\u00e9","deviceInformation":{"deviceClass":"\u0054V"},"played":1e3,"videoBitrate":"5"},{}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) {
			bitmovin.Parse(payload, from, bounded{t, from, to})
		}, b, origin())
		formattest.Neighbours(t, bitmovin.Parse, `{"impressionId":"s"}`, b, origin())
	})
}

type bounded struct {
	t    *testing.T
	from event.Origin
	event.Sink
}

func (s bounded) Beacon(b *event.Beacon) {
	if len(b.Session) == 0 || len(b.Session) > beacon.MaxSession || len(b.Player) > beacon.MaxName || len(b.UserAgent) > 512 || b.Client != s.from.Client ||
		b.Startup < event.Unknown || b.Startup > beacon.MaxStartup || b.Playing < 0 || b.Playing > beacon.MaxWatched ||
		b.Rebuffering < 0 || b.Rebuffering > beacon.MaxWatched || b.BitsPlayed > beacon.MaxBits || b.Stalls > 1 ||
		s.from.Received.Sub(b.Time) > beacon.MaxPast || b.Time.Sub(s.from.Received) > beacon.MaxFuture {
		s.t.Fatalf("%+v", b)
	}
	s.Sink.Beacon(b)
}

func sampleLine(i int) string {
	return fmt.Sprintf(`{"ad":0,"analyticsVersion":"v2.49.0","audioBitrate":128000,"buffered":0,"cdnProvider":"AKAMAI","deviceInformation":{"deviceClass":"Phone","isTV":false,"manufacturer":"Apple","model":"iPhone"},"droppedFrames":%d,"duration":%d,"impressionId":"%08x-0a4e-4c39-9f0a-2b6c1f7d9e10","isLive":true,"key":"79D9DC63","m3u8Url":"https://live.example.com/final/master.m3u8","paused":0,"platform":"iOS","played":%d,"player":"bitmovin","playerStartupTime":0,"seeked":0,"sequenceNumber":%d,"startupTime":0,"state":"playing","streamFormat":"hls","time":178889%04d%03d,"userAgent":"Mozilla/5.0 (iPhone)","userId":"u%d","version":"3.1.0","videoBitrate":%d,"videoId":"final","videoStartFailed":false,"videoStartupTime":0}`,
		i%5, 9000+i%1000, i*40503, 9000+i%1000, i%90, i%10000, i%1000, i, 800000+i%6*600000)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, bitmovin.Parse, sampleLine) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, bitmovin.Parse, sampleLine) }
