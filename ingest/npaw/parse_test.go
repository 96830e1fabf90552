package npaw_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/formattest"
	"vigie/ingest/npaw"
	"vigie/ingest/sessions"
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
	f := func(name, target, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if !strings.Contains(want, "Client") {
				want += tail
			}
			want := head + want
			for _, line := range []string{target, "GET " + target + " HTTP/1.1", "POST https://npaw.example.com/v1" + target + "\r\n", "https://npaw.example.com" + target} {
				if got := formattest.Read(npaw.Parse, []byte(line), origin()).String(); got != want {
					t.Errorf("%s\n got %s\nwant %s", line, got, want)
				}
			}
		})
	}
	f("start", "/start?accountCode=a&code=s&sessionId=v&username=u&player=html5&playerVersion=8.1&title=La+finale&channel=final&cdn=AKAMAI&live=true&duration=0&deviceType=tv&ip=192.0.2.7&mediaResource=https%3A%2F%2Flive.example.com%2F",
		` CDN="AKAMAI" Channel="final" Device="tv" Player="html5 8.1" Event=playbackRequest State=1 Client=192.0.2.7 UserAgent="ua"`)
	f("init", "/init?code=s", ` Event=playbackRequest State=1`)
	f("join", "/joinTime?code=s&time=1320&eventTime=0", ` Event=playbackStart Started Startup=1.32s State=2`)
	f("join of a later version", "/joinTime?code=s&joinDuration=1320&playhead=0", ` Event=playbackStart Started Startup=1.32s State=2`)
	f("join without its time", "/joinTime?code=s", ` Event=playbackStart Started State=2`)
	f("ping", "/ping?sessionId=s&time=12&diffTime=5003&bitrate=4200000&throughput=9000000&pingTime=5", ` BitsPlayed=4200000 MediaTime=1s`)
	f("stall", "/bufferUnderrun?code=s&time=12&duration=720", ` Event=playbackStall Started Rebuffering=720ms Stalls=1 State=2`)
	f("stall of a later version", "/bufferUnderrun?code=s&bufferDuration=720", ` Event=playbackStall Started Rebuffering=720ms Stalls=1 State=2`)
	f("pause", "/pause?code=s", ` Started State=4`)
	f("resume", "/resume?code=s", ` Started State=2`)
	f("seek", "/seek?code=s&duration=300", ``)
	f("error", "/error?code=s&errorCode=10%2E1&msg=x", ` Event=playbackFail ErrorCode="10.1" State=5`)
	f("warning", "/error?code=s&errorCode=1&errorLevel=Warning", ``)
	f("stop", "/stop?code=s&diffTime=100", ` Event=playbackFinish State=5`)
	f("folder and slash", "/infinity.example/stop/?code=s", ` Event=playbackFinish State=5`)
	f("code before the others", "/ping?sessionRoot=r&sessionId=v&code=s", ``)
	f("session's root", "/ping?sessionRoot=s", ``)
	f("host and title", "/ping?code=s&nodeHost=edge.example.com&title=La%20finale", ` CDN="edge.example.com" Channel="La finale"`)
	f("more than is believed", "/joinTime?code=s&time=600001&bitrate=1000000001", ` Event=playbackStart Started State=2`)
	f("stall beyond belief", "/bufferUnderrun?code=s&duration=3600001", ` Event=playbackStall Started Stalls=1 State=2`)
	f("odd arguments", "/ping?&&=&code=s&bitrate=x&title=%00&deviceType="+strings.Repeat("x", 33)+"&ip=router&timemark=soon&cdn", ``)
	f("names that are too long together", "/ping?code=s&player="+strings.Repeat("p", 60)+"&playerVersion=8.1.2", ` Player="`+strings.Repeat("p", 60)+`"`)
}

func TestTimes(t *testing.T) {
	for ms, want := range map[string]string{"1788896703120": "2026-09-08T19:45:03.12Z", "1574773899156": "2026-09-08T19:45:10Z"} {
		got := formattest.Read(npaw.Parse, []byte(`/ping?code=s&timemark=`+ms), origin()).String()
		if want = "Time=" + want + ` Session="s"` + tail; got != want {
			t.Errorf("%s: got %s, want %s", ms, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	const good, read = `/ping?code=s`, head + tail
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(npaw.Parse, []byte(payload), origin()).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("several", good+"\n\n"+good+"\n", read, read)
	f("no viewing", "/data?system=a\n/infinity/session/event?sessionId=v\n/adStart?code=s\n/configuration\n"+good, read)
	f("another service", "/favicon.ico\n/\n"+good, "refused at 0: "+npaw.BadService, "refused at 13: "+npaw.BadService, read)
	f("no session", "/ping?code=\n"+good, "refused at 0: "+npaw.NoSession, read)
	f("no query", "/ping", "refused at 0: "+npaw.NoSession)
	f("longer session", "/ping?code="+strings.Repeat("s", 65), "refused at 0: "+npaw.BadSession)
	f("session that is no text", "/ping?code=a%00", "refused at 0: "+npaw.BadSession)
	f("arguments without end", "/ping?"+strings.Repeat("a=b&", 200)+"code=s", "refused at 0: "+npaw.NoSession)
	got := formattest.Read(npaw.Parse, []byte(good), event.Origin{}).String()
	if want := "refused at 0: " + npaw.NoTime; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAViewing follows one through package sessions.
func TestAViewing(t *testing.T) {
	var sum event.Beacon
	tracker := sessions.New(10)
	var body strings.Builder
	for _, r := range []struct {
		ms     int
		target string
	}{{0, "/init?"}, {10, "/start?"}, {1330, "/joinTime?time=1320"}, {6330, "/ping?bitrate=4000000"}, {9330, "/bufferUnderrun?duration=1000"}, {11330, "/ping?"}, {12330, "/pause?"}, {20330, "/ping?"}, {21330, "/resume?"}, {22330, "/stop?"}} {
		fmt.Fprintf(&body, "%s&code=s&timemark=%d\n", r.target, 1788896600000+r.ms)
	}
	events := map[event.BeaconEvent]int{}
	npaw.Parse([]byte(body.String()), origin(), sinkFunc(func(b *event.Beacon) {
		if tracker.Observe([]byte("npaw"), b) {
			events[b.Event]++
			sum.Playing += b.Playing
			sum.Rebuffering += b.Rebuffering
			sum.Stalls += b.Stalls
			sum.BitsPlayed += b.BitsPlayed
			sum.Startup = max(sum.Startup, b.Startup)
		}
	}))
	if sum.Playing != 11*time.Second || sum.Rebuffering != time.Second || sum.Stalls != 1 || sum.Startup != 1320*time.Millisecond || sum.BitsPlayed != 4_000_000*6 ||
		events[event.EventRequest] != 1 || events[event.EventStart] != 1 || events[event.EventFinish] != 1 {
		t.Errorf("%v %+v", events, sum)
	}
}

type sinkFunc func(*event.Beacon)

func (f sinkFunc) Beacon(b *event.Beacon)         { f(b) }
func (f sinkFunc) Request(*event.Request)         {}
func (f sinkFunc) Measurement(*event.Measurement) {}
func (f sinkFunc) Refuse(r event.Refusal)         { panic(r.Reason) }

func FuzzParse(f *testing.F) {
	f.Add([]byte(target(1)))
	f.Add([]byte("GET https://npaw.example.com/error?code=%41&errorCode=%zz&errorLevel=info HTTP/1.1\n/ad?"))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) {
			npaw.Parse(payload, from, bounded{t, from, to})
		}, b, origin())
		formattest.Neighbours(t, npaw.Parse, `/ping?code=s`, b, origin())
	})
}

type bounded struct {
	t    *testing.T
	from event.Origin
	event.Sink
}

func (s bounded) Beacon(b *event.Beacon) {
	if len(b.Session) == 0 || len(b.Session) > beacon.MaxSession || len(b.Player) > beacon.MaxName || len(b.Channel) > beacon.MaxName || len(b.ErrorCode) > beacon.MaxName ||
		b.Startup < event.Unknown || b.Startup > beacon.MaxStartup || b.Rebuffering < 0 || b.Rebuffering > beacon.MaxWatched || b.BitsPlayed > beacon.MaxBits ||
		s.from.Received.Sub(b.Time) > beacon.MaxPast || b.Time.Sub(s.from.Received) > beacon.MaxFuture {
		s.t.Fatalf("%+v", b)
	}
	s.Sink.Beacon(b)
}

func target(i int) string {
	return fmt.Sprintf("/%s?accountCode=example&code=U_%d_%08x&sessionId=V_%08x&timemark=178889%04d%03d&time=%d&diffTime=5003&bitrate=%d&throughput=%d&player=html5&playerVersion=8.%d&title=La%%20finale&mediaResource=https%%3A%%2F%%2Flive.example.com%%2Ffinal%%2Fmaster.m3u8%%3Fa%%3Db",
		[]string{"ping", "ping", "bufferUnderrun", "joinTime"}[i%4], i, i*40503, i*977, i%10000, i%1000, i%4000, 800000+i%6*600000, 5000000+i*977, i%9)
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, npaw.Parse, target) }

func TestAllocatesNothingPerLine(t *testing.T) { formattest.Steady(t, npaw.Parse, target) }
