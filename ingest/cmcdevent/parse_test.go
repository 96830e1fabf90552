package cmcdevent_test

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/cmcdevent"
	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/sessions"
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
	now    = "Time=2026-09-08T19:45:10Z"
	viewer = ` Client=2001:db8::7 UserAgent="ua"`
)

func TestParse(t *testing.T) {
	f := func(name, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			line := members + `,sid="s"`
			want := now + ` Session="s"` + want + viewer
			for where, text := range map[string]string{
				"plain": line, "with line feed": line + "\n", "with spaces": "  " + line + " \r\n",
				"encoded": url.QueryEscape(line), "as query argument": "CMCD=" + url.PathEscape(line),
			} {
				if got := formattest.Read(cmcdevent.Parse, []byte(text), origin()).String(); got != want {
					t.Errorf("%s: %s\n got %s\nwant %s", where, text, got, want)
				}
			}
		})
	}
	f("interval", `e=t,sta=p,v=2`, ` Started State=2`)
	f("everything", `ab=(2500),bg,bl=(2100;v 1800;a),br=(3000;v 164;a),bs,bsa=(3;v 1;a),bsd=(1200;v 100;a),bsda=(4150;v 350;a),cdn="cdn-a",cid="final",cs="g48d",d=4000,dfa=32,dl=1000,e=t,ec=("2001"),h="live.example.com",lb=(500;v 32;a) ,ltc=13500,msd=1700, mtp=(15000;v 6000;a), nor=("next.mp4"),nr,ot=v, pb=(2000;v 164;a),pr=1.1, pt=632782,rtp=12000,sf=d,sn=129,st=l,sta=p,su,tb=(6000;v 350;a),tbl=(2000;v 2000;a),tpb=(5000;v 164;a),v=2`,
		` CDN="cdn-a" Channel="final" Event=playbackStart Started Startup=1.7s Rebuffering=1.2s BitsPlayed=2164000 MediaTime=1s State=2 Sequence=130`)
	f("request", `e=ps,sta=s,sn=0`, ` Event=playbackRequest State=1 Sequence=1`)
	f("start", `e=ps,sta=p,msd=0`, ` Event=playbackStart Started State=2`)
	f("playing again", `e=ps,sta=p`, ` Started State=2`)
	f("stall", `e=ps,sta=r`, ` Event=playbackStall Started Stalls=1 State=3`)
	f("rebuffering goes on", `e=t,sta=r`, ` Started State=3`)
	f("starting goes on", `e=t,sta=s`, ` State=1`)
	f("paused", `e=ps,sta=a`, ` State=4`)
	f("seeking", `e=ps,sta=k`, ` State=4`)
	f("waiting", `e=ps,sta=w`, ` State=4`)
	f("preloading", `e=ps,sta=d`, ` State=4`)
	f("ended", `e=ps,sta=e`, ` Event=playbackFinish State=5`)
	f("quit", `e=ps,sta=q`, ` Event=playbackFinish State=5`)
	f("fatal", `e=e,ec=("DRM_NOT_SUPPORTED" "PLAYBACK_FAILED"),sta=f`, ` Event=playbackFail ErrorCode="DRM_NOT_SUPPORTED" State=5`)
	f("fatal, without a list", `e=e,ec="E1",sta=f`, ` Event=playbackFail ErrorCode="E1" State=5`)
	f("an error that is not fatal", `e=e,ec=("E1"),sta=p`, ` Started State=2`)
	f("a failure after the start", `e=t,msd=9,sta=f`, ` Event=playbackFail Started State=5`)
	f("no state", `e=m`, ``)
	f("an event of a later draft", `e=xyz,sta=p`, ` Started State=2`)
	f("a state of a later draft", `e=ps,sta=z`, ``)
	f("version 1", `e=t,v=1`, ``)

	f("host", `e=h,h="live.example.com"`, ` CDN="live.example.com"`)
	f("bit rate of what is loaded", `e=bc,br=(4200;v)`, ` BitsPlayed=4200000 MediaTime=1s`)
	f("bit rate of both in one", `e=bc,br=(4200;av)`, ` BitsPlayed=4200000 MediaTime=1s`)
	f("bit rate without type", `e=bc,br=4200`, ` BitsPlayed=4200000 MediaTime=1s`)
	f("audio alone", `e=bc,br=(164;a)`, ``)
	f("bit rate that is none", `e=bc,br=(1000001;v)`, ``)
	f("durations of several stalls", `e=t,bsd=(700;v 300;v 900;a)`, ` Rebuffering=1s`)
	f("durations without type", `e=t,bsd=(700 300)`, ` Rebuffering=1s`)
	f("durations beyond belief", `e=t,bsd=(3600001 3600000 1000)`, ` Rebuffering=1h0m0s`)
	f("a start beyond belief", `e=t,msd=600001`, ` Event=playbackStart Started`)
	f("a start that is none", `e=t,msd=-1`, ``)
	f("numbers that are none", `e=t,bsd=(x),br=(y;v),sn=-1,pb=()`, ``)
	f("the largest number", `e=t,sn=18446744073709551615`, ``)
	f("content as long as may be", `e=t,cid="`+strings.Repeat("c", 64)+`"`, ` Channel="`+strings.Repeat("c", 64)+`"`)
	f("content that is longer", `e=t,cid="`+strings.Repeat("c", 65)+`"`, ``)
	f("escapes", `e=t,cid="a\"b\\c"`, ` Channel="a\"b\\c"`)
	f("not ASCII", `e=t,cid="finale é"`, ` Channel="finale é"`)
	f("control characters", "e=t,cid=\"a\x01\",cdn=\"\x7f\"", ``)
	f("bad members beside it", `BR=1,e=t,,x="a,b",sid=,cid=final`, ` Channel="final"`)

	f("report of a request with a start", `e=rr,msd=812,sta=p,ttfb=9,url="u"`, ` Event=playbackStart Started Startup=812ms`)
	f("report of a request with a stall", `e=rr,bsd=(720;v),br=(4000;v)`, ` Rebuffering=720ms`)
}

func TestTimes(t *testing.T) {
	f := func(ts, want string) {
		t.Helper()
		got := formattest.Read(cmcdevent.Parse, []byte(`e=t,sid=s,ts=`+ts), origin()).String()
		if want = "Time=" + want + ` Session="s"` + viewer; got != want {
			t.Errorf("ts=%s: got %s, want %s", ts, got, want)
		}
	}
	f("1788896703120", "2026-09-08T19:45:03.12Z")
	f("1788810309999", "2026-09-08T19:45:10Z") // more than a day ago
	f("1788897010001", "2026-09-08T19:45:10Z") // more than five minutes ahead
	f("0", "2026-09-08T19:45:10Z")
	f("soon", "2026-09-08T19:45:10Z")
}

func TestJSON(t *testing.T) {
	f := func(name, members, want string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(cmcdevent.Parse, []byte(`{"sid":"s",`+members+`}`), origin()).String()
			if want := now + ` Session="s"` + want + viewer; got != want {
				t.Errorf("%s\n got %s\nwant %s", members, got, want)
			}
		})
	}
	f("all", `"e":"ps","sta":"p","msd":812,"sn":2,"cid":"final","h":"live.example.com","br":[4200,256],"bsd":[720],"v":2`,
		` CDN="live.example.com" Channel="final" Event=playbackStart Started Startup=812ms Rebuffering=720ms BitsPlayed=4200000 MediaTime=1s State=2 Sequence=3`)
	f("items with parameters", `"e":"t","br":[{"value":4200,"params":{"v":true}}],"bsd":[ {"value": 720} ]`, ` Rebuffering=720ms BitsPlayed=4200000 MediaTime=1s`)
	f("codes", `"e":"e","sta":"f","ec":["E1","E2"]`, ` Event=playbackFail ErrorCode="E1" State=5`)
	f("no lists", `"e":"t","br":4200,"bsd":720,"ec":"E1"`, ` Rebuffering=720ms BitsPlayed=4200000 MediaTime=1s`)
	f("odd values", `"e":"t","br":[],"bsd":{},"pb":null,"sn":"x","msd":[null]`, ``)
}

func TestBatches(t *testing.T) {
	const good, record = `e=t,sid="s"`, now + ` Session="s"` + viewer
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(cmcdevent.Parse, []byte(payload), origin()).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("lines", good+"\n"+good+"\n\n"+good+"\n", record, record, record)
	f("empty", "\n")
	f("reports of requests are dropped", `e=rr,rc=200,sid="s",ts=1788896703120,ttfb=9,ttlb=20,url="https://live.example.com/a.m4s",v=2`+"\n"+good, record)
	f("even without session", `e=rr`)
	f("no event", "sid=\"s\",sta=p\n"+good, "refused at 0: "+cmcdevent.NoEvent, record)
	f("no session", good+"\ne=t,ts=1788896703120,v=2", record, "refused at 12: "+cmcdevent.NoSession)
	f("longest session", `e=t,sid="`+strings.Repeat("s", 64)+`"`, now+` Session="`+strings.Repeat("s", 64)+`"`+viewer)
	f("longer session", `e=t,sid="`+strings.Repeat("s", 65)+`"`, "refused at 0: "+cmcdevent.BadSession)
	f("session that is no text", "e=t,sid=\"\x00\"", "refused at 0: "+cmcdevent.BadSession)
	f("session that is not closed", `e=t,sid="abc`, "refused at 0: "+cmcdevent.BadSession)
	f("version 3", `e=t,sid="s",v=3`, "refused at 0: "+cmcdevent.BadVersion)
	f("not CMCD", "GET / HTTP/1.1\n"+good, "refused at 0: "+cmcdevent.NoEvent, record)
	f("JSON array", `[{"e":"t","sid":"s"},{"e":"t","sid":"s"}]`, record, record)
	f("JSON array over lines", "[\n{\"e\":\"t\",\"sid\":\"s\"},\n{\"e\":\"t\",\"sid\":\"s\"}\n]\n", record, record)
	f("JSON among lines", good+"\n"+`{"e":"t"}`+"\n"+`{"e":"t","sid":"s"}`, record, "refused at 12: "+cmcdevent.NoSession, record)
	f("JSON that is cut", good+"\n {\"e\":\"t\n"+good, record, "refused at 13: "+flatjson.BadString, record)
}

func TestNoTimeAtAll(t *testing.T) {
	got := formattest.Read(cmcdevent.Parse, []byte(`e=t,sid=s`), event.Origin{}).String()
	if want := "refused at 0: " + cmcdevent.NoTime; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestAViewing follows the reports of one viewing, as hls.js sends them, through package sessions.
func TestAViewing(t *testing.T) {
	body := ""
	for i, report := range []string{
		`0 e=ps,sta=s`, `1200 e=ps,sta=p`, `1500 e=bc,br=(4000),sta=p`, `31200 br=(4000),e=t,sta=p`,
		`40200 br=(4000),e=ps,sta=r`, `42200 br=(4000),e=ps,sta=p`, `61200 br=(4000),e=t,sta=p`,
		`62200 br=(4000),e=ps,sta=f`, `62201 br=(4000),e=e,ec=("fragLoadError"),sta=f`, `92200 e=t,sta=f`,
	} {
		var ms int
		var members string
		fmt.Sscanf(report, "%d %s", &ms, &members)
		line := fmt.Sprintf("cid=\"final\",%s,sid=\"s\",sn=%d,ts=%d,v=2\n", members, i, 1788896600000+ms)
		body += line + line // each is sent twice
	}
	sum := event.Beacon{}
	events := map[event.BeaconEvent]int{}
	heard := 0
	tracker := sessions.New(10)
	cmcdevent.Parse([]byte(body), origin(), sinkFunc(func(b *event.Beacon) {
		if !tracker.Observe([]byte("hls.js"), b) {
			return
		}
		heard++
		events[b.Event]++
		sum.Playing += b.Playing
		sum.Rebuffering += b.Rebuffering
		sum.Stalls += b.Stalls
		sum.BitsPlayed += b.BitsPlayed
		sum.MediaTime += b.MediaTime
		if b.Event == event.EventStart {
			sum.Startup = b.Startup
		}
		if b.Event == event.EventFail && !b.Started {
			t.Error("a failed play seems to be a failed start")
		}
	}))
	if heard != 9 || sum.Startup != 1200*time.Millisecond || sum.Playing != 59*time.Second || sum.Rebuffering != 2*time.Second || sum.Stalls != 1 ||
		sum.MediaTime != 58700*time.Millisecond || sum.BitsPlayed != 4_000_000*587/10 ||
		events[event.EventRequest] != 1 || events[event.EventStart] != 1 || events[event.EventStall] != 1 || events[event.EventFail] != 1 {
		t.Errorf("%d beacons, %v, %+v", heard, events, sum)
	}
}

type sinkFunc func(*event.Beacon)

func (f sinkFunc) Beacon(b *event.Beacon)         { f(b) }
func (f sinkFunc) Request(*event.Request)         {}
func (f sinkFunc) Measurement(*event.Measurement) {}
func (f sinkFunc) Refuse(r event.Refusal)         { panic(r.Reason) }

func FuzzParse(f *testing.F) {
	f.Add([]byte(eventLine(1)))
	f.Add([]byte(eventLine(2) + "\n" + url.QueryEscape(eventLine(3))))
	f.Add([]byte(`{"sid":"s","e":"ps","sta":"f","ec":["E"],"br":[{"value":1}]}`))
	f.Add([]byte(`e=rr,msd=1,sid="\"",bsd=(1;v 2;a`))
	f.Fuzz(func(t *testing.T, b []byte) {
		from := origin()
		formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) {
			cmcdevent.Parse(payload, from, bounded{t, from, to})
		}, b, from)
		formattest.Neighbours(t, cmcdevent.Parse, `e=t,sid="s"`, b, from)
	})
}

// bounded is a sink that fails the test when a beacon says more than may be believed.
type bounded struct {
	t    *testing.T
	from event.Origin
	event.Sink
}

func (s bounded) Beacon(b *event.Beacon) {
	if len(b.Session) == 0 || len(b.Session) > beacon.MaxSession || len(b.Channel) > beacon.MaxName || len(b.CDN) > beacon.MaxHost || len(b.ErrorCode) > beacon.MaxName ||
		b.Weight != 0 || b.Client != s.from.Client || b.Startup < event.Unknown || b.Startup > beacon.MaxStartup ||
		b.Playing != 0 || b.Rebuffering < 0 || b.Rebuffering > beacon.MaxWatched || b.BitsPlayed > beacon.MaxBits || b.MediaTime > time.Second || b.Stalls > 1 ||
		s.from.Received.Sub(b.Time) > beacon.MaxPast || b.Time.Sub(s.from.Received) > beacon.MaxFuture {
		s.t.Fatalf("%+v", b)
	}
	s.Sink.Beacon(b)
}
