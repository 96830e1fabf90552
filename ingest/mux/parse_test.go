package mux_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vigie/ingest/beacon"
	"vigie/ingest/flatjson"
	"vigie/ingest/formattest"
	"vigie/ingest/mux"
	"vigie/ingest/record"
	"vigie/internal/event"
)

func origin() event.Origin {
	return event.Origin{Received: time.Date(2026, 9, 8, 19, 45, 10, 0, time.UTC), Client: netip.MustParseAddr("2001:db8::7")}
}

func sample(rest string) string { return `{"view_id":"s",` + rest + `}` }

func records(metrics string) string {
	return `"records":[{"start":"2026-09-08T19:44:30Z","duration_ms":30000,"metrics":[` + metrics + `]}]`
}

func metric(kind string, value any) string {
	return fmt.Sprintf(`{"type":"%s","value":%v}`, kind, value)
}

const (
	good = `{"view_id":"s","records":[{"start":"2026-09-08T19:44:30Z","duration_ms":30000,"metrics":[{"type":"REBUFFER_COUNT","value":1}]}]}`
	head = `Time=2026-09-08T19:45:00Z Session="s"`
	tail = ` Client=2001:db8::7`
	read = head + ` Stalls=1` + tail
)

func TestRecords(t *testing.T) {
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(mux.Parse, []byte(payload), origin()).String()
			for i := range want {
				want[i] = head + want[i]
			}
			if got != strings.Join(want, "\n") {
				t.Errorf("%s\n got %s\nwant %s", payload, got, strings.Join(want, "\n"))
			}
		})
	}
	f("all", sample(`"view_session_id":"v","ip":"192.0.2.7","asn":"3215","country":"FR","stream_type":"live","source":{"hostname":"https://live.example.com","host_id":"fastly"},"viewer_os_family":"Tizen","viewer_device_category":"tv","player_name":"main","video_id":"final",`+
		records(metric("WATCH_DURATION_MS", 30000)+","+metric("REBUFFER_DURATION_MS", 2000)+","+metric("REBUFFER_COUNT", 2)+","+metric("SEEK_LATENCY_MS", 300))),
		` CDN="fastly" Channel="final" Device="tv" Player="main" Started Playing=28s Rebuffering=2s Stalls=2 Client=192.0.2.7 ASN=3215 Country="FR"`)
	f("start", sample(records(metric("START_LATENCY_MS", 1320)+","+metric("WATCH_DURATION_MS", 20000))), ` Event=playbackStart Started Startup=1.32s Playing=18.68s`+tail)
	f("failed play", sample(`"player_error_code":"E1",`+records(metric("PLAYBACK_ERROR", 61000))), ` Event=playbackFail Started ErrorCode="E1"`+tail)
	f("failed start", sample(records(metric("PLAYBACK_ERROR", 0))), ` Event=playbackFail`+tail)
	f("failed start of a live stream, whose playhead is not 0", sample(`"video_startup_failure":true,`+records(metric("PLAYBACK_ERROR", 61000))), ` Event=playbackFail`+tail)
	f("start and failure", sample(records(metric("START_LATENCY_MS", 1000)+","+metric("PLAYBACK_ERROR", 0))), ` Event=playbackStart Started Startup=1s`+tail, ` Event=playbackFail Started`+tail)
	f("left before the start", sample(records(metric("WATCH_DURATION_MS", 0)+","+metric("EXIT_BEFORE_VIDEO_START", 1))), ` Event=playbackFinish`+tail)
	f("a host instead of a CDN", sample(`"source":{"hostname":"https://live.example.com/a"},`+records(metric("REBUFFER_COUNT", 1))), ` CDN="live.example.com" Stalls=1`+tail)
	f("two records", sample(`"records":[{"start":"2026-09-08T19:45:00Z","metrics":[`+metric("REBUFFER_COUNT", 1)+`]},{"duration":1000,"start":1788896699000,"metrics":[`+metric("REBUFFER_COUNT", 2)+`]}]`), ` Stalls=1`+tail, ` Stalls=2`+tail)
	f("start in seconds and nanos", sample(`"records":[{"start":{"seconds":1788896699,"nanos":500000000},"duration_ms":500,"metrics":[`+metric("REBUFFER_COUNT", 1)+`]}]`), ` Stalls=1`+tail)
	f("rebuffering longer than watched", sample(records(metric("WATCH_DURATION_MS", 1000)+","+metric("REBUFFER_DURATION_MS", 2000))), ` Started Rebuffering=2s`+tail)
	f("more than is believed", sample(records(metric("WATCH_DURATION_MS", 3600001)+","+metric("REBUFFER_COUNT", 1001)+","+metric("START_LATENCY_MS", 600001))), tail)
	f("odd metrics", sample(`"source":[],"ip":{},"asn":-1,`+records(`{"type":"REBUFFER_COUNT"},7,{"type":"NEW","value":1},{"value":3},`+metric("REBUFFER_DURATION_MS", `"x"`))), tail)
}

func TestFraming(t *testing.T) {
	f := func(name, payload string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := formattest.Read(mux.Parse, []byte(payload), origin()).String()
			if got != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
	f("wrapper", `{"samples":[`+good+","+good+`]}`, read, read)
	f("wrappers on lines", `{"samples":[`+good+"]}\n"+`{"samples":[`+good+`]}`, read, read)
	f("wrapper over lines", "{\n\"samples\": [\n"+good+",\n"+good+"\n]\n}\n", read, read)
	f("no wrapper", good+"\n["+good+"]", read, read)
	f("empty wrapper", `{"samples":[]}`)
	f("not an array", `{"samples":{}}`+"\n"+good, "refused at 0: "+mux.NoSamples, read)
	f("a wrapper in a wrapper", `{"samples":[{"samples":[`+good+`]}]}`, "refused at 12: "+mux.NoSession)
	f("one bad sample", `{"samples":[{"records":[]},`+good+`]}`, "refused at 12: "+mux.NoSession, read)
	f("empty session", `{"view_id":"","records":[]}`, "refused at 0: "+mux.NoSession)
	f("longer session", `{"view_id":"`+strings.Repeat("s", 65)+`","records":[]}`, "refused at 0: "+mux.BadSession)
	f("no records", `{"view_id":"s"}`+"\n"+good, "refused at 0: "+mux.NoRecords, read)
	f("records that are none", `{"samples":[{"view_id":"s","records":[{"start":"soon","metrics":[{"type":"X"}]},{"start":1788896700000},{"start":1788896700000,"metrics":[{"type":"REBUFFER_COUNT","value":1}]}]}]}`,
		"refused at 38: "+mux.BadStart, "refused at 80: "+mux.NoMetrics, read)
	f("cut", `{"samples":[`+good+"\n"+good, "refused at 0: "+flatjson.NotClosed, read)

	large := `{"samples":[`
	var all []string
	for len(large) < record.Max {
		large += good + ","
		all = append(all, read)
	}
	f("large wrapper", large+`{"view_id":"s"}]}`, append(all, fmt.Sprintf("refused at %d: %s", len(large), mux.NoRecords))...)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"samples":[` + sampleLine(1) + `,` + sampleLine(2) + `]}`))
	f.Add([]byte(sampleLine(3)))
	f.Add([]byte(`{"samples":[{"view_id":"\u00e9","records":[{"start":{"seconds":1788896699},"metrics":[{"type":"\u0041","value":"1e3"}]}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		formattest.Holds(t, func(payload []byte, from event.Origin, to event.Sink) {
			mux.Parse(payload, from, bounded{t, to})
		}, b, origin())
		formattest.Neighbours(t, mux.Parse, good, b, origin())
	})
}

type bounded struct {
	t *testing.T
	event.Sink
}

func (s bounded) Beacon(b *event.Beacon) {
	if len(b.Session) == 0 || len(b.Session) > beacon.MaxSession || b.Time.IsZero() || b.Startup < event.Unknown || b.Startup > beacon.MaxStartup ||
		b.Playing < 0 || b.Playing > beacon.MaxWatched || b.Rebuffering < 0 || b.Rebuffering > beacon.MaxWatched || b.Stalls > beacon.MaxStalls {
		s.t.Fatalf("%+v", b)
	}
	s.Sink.Beacon(b)
}
