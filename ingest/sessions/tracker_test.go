package sessions_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unsafe"

	"vigie/ingest/beacon"
	"vigie/ingest/sessions"
	"vigie/internal/event"
)

var kickOff = time.Date(2026, 9, 8, 19, 45, 0, 0, time.UTC)

// at is a beacon of session s, some seconds after kick-off.
func at(seconds float64, change func(*event.Beacon)) event.Beacon {
	b := event.Beacon{Time: kickOff.Add(time.Duration(seconds * float64(time.Second))), Session: []byte("s"), Startup: event.Unknown}
	if change != nil {
		change(&b)
	}
	return b
}

func show(b *event.Beacon, keep bool) string {
	if !keep {
		return "dropped"
	}
	var s []string
	add := func(ok bool, format string, a ...any) {
		if ok {
			s = append(s, fmt.Sprintf(format, a...))
		}
	}
	add(b.Event != event.EventHeartbeat, "%s", b.Event)
	add(b.Startup != event.Unknown, "startup=%s", b.Startup)
	add(b.Started, "started")
	add(b.Playing != 0, "playing=%s", b.Playing)
	add(b.Rebuffering != 0, "rebuffering=%s", b.Rebuffering)
	add(b.Stalls != 0, "stalls=%d", b.Stalls)
	add(b.MediaTime != 0, "bits=%d/%s", b.BitsPlayed, b.MediaTime)
	add(b.CDNBytes|b.PeerBytes|b.PeerUploaded != 0, "bytes=%d/%d/%d", b.CDNBytes, b.PeerBytes, b.PeerUploaded)
	add(b.Totals, "TOTALS")
	add(b.ErrorCode != nil, "code=%s", b.ErrorCode)
	if len(s) == 0 {
		return "heartbeat"
	}
	return strings.Join(s, " ")
}

type step struct {
	in   event.Beacon
	want string
}

func follow(t *testing.T, name string, steps ...step) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		for range 2 { // a replay in another tracker, with other seeds, is no different
			tracker := sessions.New(10)
			for i, s := range steps {
				b := s.in
				keep := tracker.Observe([]byte("tool"), &b)
				if got := show(&b, keep); got != s.want {
					t.Errorf("step %d at %s:\n got %s\nwant %s", i+1, s.in.Time.Sub(kickOff), got, s.want)
				}
			}
		}
	})
}

func totals(seconds float64, cdn, down, up uint64) event.Beacon {
	return at(seconds, func(b *event.Beacon) { b.Totals, b.CDNBytes, b.PeerBytes, b.PeerUploaded = true, cdn, down, up })
}

func with(b event.Beacon, change func(*event.Beacon)) event.Beacon {
	change(&b)
	return b
}

func TestTotals(t *testing.T) {
	began := func(b *event.Beacon) { b.Event = event.EventRequest }
	follow(t, "a session that was there before us",
		step{totals(0, 100, 200, 50), "heartbeat"},
		step{totals(10, 130, 200, 51), "bytes=30/0/1"},
		step{totals(20, 130, 200, 51), "heartbeat"})
	follow(t, "one that begins",
		step{with(totals(0, 100, 0, 0), began), "playbackRequest bytes=100/0/0"},
		step{totals(10, 130, 7, 0), "bytes=30/7/0"})
	follow(t, "one that began without totals",
		step{at(0, func(b *event.Beacon) { b.Event, b.Sequence = event.EventStart, 1 }), "playbackStart"},
		step{totals(10, 130, 7, 0), "bytes=130/7/0"})
	follow(t, "a player that began anew",
		step{totals(0, 1000, 500, 0), "heartbeat"},
		step{totals(10, 40, 20, 0), "bytes=40/20/0"},
		step{totals(20, 50, 20, 0), "bytes=10/0/0"})
	follow(t, "an overtaken report",
		step{totals(0, 1000, 0, 0), "heartbeat"},
		step{totals(20, 3000, 0, 0), "bytes=2000/0/0"},
		step{totals(10, 2000, 0, 0), "heartbeat"},
		step{totals(30, 3500, 0, 0), "bytes=500/0/0"})
	follow(t, "a fall at the same time is not believed",
		step{totals(0, 1000, 0, 0), "heartbeat"},
		step{totals(0, 900, 0, 0), "heartbeat"},
		step{totals(1, 1100, 0, 0), "bytes=100/0/0"})
	follow(t, "a counter that is missing once",
		step{totals(0, 1000, 700, 0), "heartbeat"},
		step{totals(10, 1100, 0, 0), "bytes=100/0/0"},
		step{totals(20, 1200, 800, 0), "bytes=100/100/0"})
	follow(t, "no delta above the bound",
		step{totals(0, 1, 0, 0), "heartbeat"},
		step{totals(10, beacon.MaxTotal, 0, 0), fmt.Sprintf("bytes=%d/0/0", beacon.MaxBytes)},
		step{totals(20, beacon.MaxTotal, 0, 0), "heartbeat"})
}

func TestDeltasOfTotalsAddUp(t *testing.T) {
	tracker := sessions.New(10)
	random := rand.New(rand.NewPCG(1, 2))
	var sum, total uint64
	for i := range 1000 {
		total += random.Uint64N(1 << 20)
		b := totals(float64(i), 0, total, 0)
		if i == 0 {
			b.Event = event.EventRequest
		}
		tracker.Observe(nil, &b)
		sum += b.PeerBytes
	}
	if sum != total {
		t.Errorf("deltas add up to %d, the total is %d", sum, total)
	}
}

func TestRepeats(t *testing.T) {
	number := func(seconds float64, n uint64) event.Beacon {
		return at(seconds, func(b *event.Beacon) { b.Sequence = n })
	}
	follow(t, "numbers",
		step{number(0, 1), "heartbeat"},
		step{number(0, 1), "dropped"},
		step{number(5, 3), "heartbeat"},
		step{number(4, 2), "heartbeat"},
		step{number(4, 2), "dropped"},
		step{number(5, 3), "dropped"},
		step{number(100, 66), "heartbeat"},
		step{number(5, 3), "dropped"},
		step{number(6, 4), "heartbeat"}, // late, for the first time
		step{number(200, 500), "heartbeat"},
		step{number(6, 4), "dropped"}, // too far behind to know
		step{number(201, 501), "heartbeat"},
		step{number(201, 500), "dropped"})
	follow(t, "numbers that begin anew",
		step{number(0, 1000), "heartbeat"},
		step{number(10, 1), "heartbeat"},
		step{number(10, 1), "dropped"},
		step{number(20, 2), "heartbeat"})
	follow(t, "no numbers, no repeats",
		step{at(0, nil), "heartbeat"},
		step{at(0, nil), "heartbeat"})

	tracker := sessions.New(10)
	for _, source := range []string{"a", "b"} {
		for i, want := range []bool{true, false} {
			b := number(0, 1)
			if got := tracker.Observe([]byte(source), &b); got != want {
				t.Errorf("source %s, time %d: %v", source, i+1, got)
			}
		}
	}
	if tracker.Len() != 2 {
		t.Errorf("%d sessions", tracker.Len())
	}
}

func does(seconds float64, state event.PlayerState, more ...func(*event.Beacon)) event.Beacon {
	return at(seconds, func(b *event.Beacon) {
		b.State = state
		for _, f := range more {
			f(b)
		}
	})
}

func is(e event.BeaconEvent) func(*event.Beacon) { return func(b *event.Beacon) { b.Event = e } }

func stall(b *event.Beacon) { b.Event, b.Stalls = event.EventStall, 1 }

func told(d time.Duration) func(*event.Beacon) { return func(b *event.Beacon) { b.Rebuffering = d } }

func rate(kbps uint64) func(*event.Beacon) {
	return func(b *event.Beacon) { b.MediaTime, b.BitsPlayed = time.Second, kbps*1000 }
}

const (
	starting    = event.StateStarting
	playing     = event.StatePlaying
	rebuffering = event.StateRebuffering
	idle        = event.StateIdle
	over        = event.StateOver
	untold      = event.StateUntold
)

func TestStates(t *testing.T) {
	follow(t, "a viewing",
		step{does(0, starting, is(event.EventRequest)), "playbackRequest"},
		step{does(1.5, playing), "playbackStart startup=1.5s started"},
		step{does(31.5, playing), "started playing=30s"},
		step{does(40, rebuffering, stall), "playbackStall started playing=8.5s stalls=1"},
		step{does(42, playing), "started rebuffering=2s"},
		step{does(50, idle), "started playing=8s"},
		step{does(60, idle), "started"},
		step{does(80, playing), "started"},
		step{does(81, over, is(event.EventFinish)), "playbackFinish started playing=1s"},
		step{does(111, over, is(event.EventFinish)), "dropped"})
	follow(t, "interval reports alone",
		step{does(0, playing), "started"},
		step{does(30, rebuffering), "started playing=30s stalls=1"},
		step{does(60, rebuffering), "started rebuffering=30s"},
		step{does(90, playing), "started rebuffering=30s"})
	follow(t, "away",
		step{does(0, playing), "started"},
		step{does(120, playing), "started playing=2m0s"},
		step{does(240.1, playing), "started"})
	follow(t, "overtaken",
		step{does(0, playing), "started"},
		step{does(20, playing), "started playing=20s"},
		step{does(10, rebuffering, stall), "playbackStall started stalls=1"},
		step{does(30, playing), "started playing=10s"})
	follow(t, "reports without a state leave it",
		step{does(0, playing), "started"},
		step{does(10, untold), "started playing=10s"},
		step{does(20, rebuffering, stall), "playbackStall started playing=10s stalls=1"},
		step{does(25, untold), "started rebuffering=5s"})
	follow(t, "waiting at the start is no rebuffering",
		step{does(0, starting, is(event.EventRequest)), "playbackRequest"},
		step{does(1, rebuffering, stall), "heartbeat"},
		step{does(4, playing), "playbackStart startup=4s started"})
	follow(t, "nor is it after a seek",
		step{does(0, playing), "started"},
		step{does(10, idle), "started playing=10s"},
		step{does(11, rebuffering, stall), "started"},
		step{does(14, playing), "started"},
		step{does(20, playing), "started playing=6s"})
	follow(t, "a stall is told twice",
		step{does(0, playing), "started"},
		step{does(10, rebuffering), "started playing=10s stalls=1"},
		step{does(11, rebuffering, stall), "started rebuffering=1s"})
	follow(t, "playing that is measured counts as it is",
		step{does(0, playing), "started"},
		step{does(10, playing, func(b *event.Beacon) { b.Playing, b.Rebuffering = 7*time.Second, time.Second }), "started playing=7s rebuffering=1s"})
}

func TestToldDurations(t *testing.T) {
	follow(t, "at the end of a stall that the state has shown",
		step{does(0, playing), "started"},
		step{does(10, rebuffering, stall), "playbackStall started playing=10s stalls=1"},
		step{does(20, rebuffering), "started rebuffering=10s"},
		step{does(25, playing, told(15*time.Second)), "started rebuffering=5s"},
		step{does(35, playing), "started playing=10s"})
	follow(t, "later",
		step{does(0, playing), "started"},
		step{does(10, rebuffering, stall), "playbackStall started playing=10s stalls=1"},
		step{does(12, playing), "started rebuffering=2s"},
		step{does(20, playing, told(2100*time.Millisecond)), "started playing=7.9s rebuffering=100ms"})
	follow(t, "of a stall that no state has shown",
		step{does(0, playing), "started"},
		step{does(30, playing, told(720*time.Millisecond)), "started playing=29.28s rebuffering=720ms stalls=1"},
		step{does(60, playing, told(time.Second)), "started playing=29s rebuffering=1s stalls=1"})
	follow(t, "at first sight",
		step{does(0, playing, told(720*time.Millisecond)), "started rebuffering=720ms"})
	follow(t, "longer than the time that there was",
		step{does(0, playing), "started"},
		step{does(1, playing, told(time.Minute)), "started rebuffering=1m0s stalls=1"})
}

func TestBitsPlayed(t *testing.T) {
	follow(t, "the rate that held",
		step{does(0, playing, rate(4000)), "started"},
		step{does(10, playing, rate(1000)), "started playing=10s bits=40000000/10s"},
		step{does(20, playing), "started playing=10s bits=10000000/10s"},
		step{does(30, idle), "started playing=10s bits=10000000/10s"},
		step{does(40, playing), "started"})
	follow(t, "no rate",
		step{does(0, playing), "started"},
		step{does(10, playing, rate(1000)), "started playing=10s"})
}

func TestStartsAndEnds(t *testing.T) {
	startup := func(d time.Duration) func(*event.Beacon) {
		return func(b *event.Beacon) { b.Event, b.Startup = event.EventStart, d }
	}
	code := func(b *event.Beacon) { b.ErrorCode = []byte("E1") }
	follow(t, "a start that is told behind the state",
		step{does(0, starting, is(event.EventRequest)), "playbackRequest"},
		step{does(2, playing), "playbackStart startup=2s started"},
		step{does(4, playing, startup(1900*time.Millisecond)), "started playing=2s"})
	follow(t, "a start that is told with the state",
		step{does(0, starting), "heartbeat"},
		step{does(30, playing, startup(812*time.Millisecond)), "playbackStart startup=812ms started"},
		step{does(60, playing), "started playing=30s"})
	follow(t, "without a request the start is not known from interval reports",
		step{does(0, starting), "heartbeat"},
		step{does(30, playing), "started"})
	follow(t, "a request is told twice",
		step{does(0, starting, is(event.EventRequest)), "playbackRequest"},
		step{does(1, starting, is(event.EventRequest)), "heartbeat"},
		step{does(3, playing), "playbackStart startup=2s started"})
	follow(t, "a start that took longer than anybody waits",
		step{does(0, starting, is(event.EventRequest)), "playbackRequest"},
		step{does(601, playing), "playbackStart started"})
	follow(t, "a failed start",
		step{does(0, starting, is(event.EventRequest)), "playbackRequest"},
		step{does(5, over, is(event.EventFail)), "playbackFail"},
		step{does(5, over, is(event.EventFail), code), "code=E1"},
		step{does(35, over, is(event.EventFail)), "dropped"},
		step{does(40, starting, is(event.EventRequest)), "playbackRequest"})
	follow(t, "a failed play",
		step{does(0, playing), "started"},
		step{does(5, over, is(event.EventFail), code), "playbackFail started playing=5s code=E1"})
	follow(t, "the same session once more",
		step{does(0, playing), "started"},
		step{does(5, over, is(event.EventFinish)), "playbackFinish started playing=5s"},
		step{does(60, starting, is(event.EventRequest)), "playbackRequest"},
		step{does(61, over, is(event.EventFail)), "playbackFail"})
	follow(t, "it went on after all",
		step{does(0, playing), "started"},
		step{does(5, over, is(event.EventFinish)), "playbackFinish started playing=5s"},
		step{does(6, playing), "started"},
		step{does(9, over, is(event.EventFinish)), "playbackFinish started playing=3s"})
}

func TestBeaconsThatSayAllAreNotRemembered(t *testing.T) {
	tracker := sessions.New(10)
	b := at(0, func(b *event.Beacon) { b.Playing, b.CDNBytes, b.Event = time.Second, 5, event.EventStall })
	want := show(&b, true)
	if got := show(&b, tracker.Observe(nil, &b)); got != want || tracker.Len() != 0 {
		t.Errorf("%s, %d sessions", got, tracker.Len())
	}
	none := event.Beacon{Totals: true, CDNBytes: 5}
	if !tracker.Observe(nil, &none) || tracker.Len() != 0 {
		t.Error("a beacon without session is remembered")
	}
}

func TestTheOldestHeardIsForgotten(t *testing.T) {
	const most = 100
	tracker := sessions.New(most)
	delta := func(session int, total uint64) uint64 {
		b := totals(float64(total), total, 0, 0)
		b.Session = fmt.Appendf(nil, "session %d", session)
		tracker.Observe(nil, &b)
		return b.CDNBytes
	}
	for i := range most {
		delta(i, 100)
	}
	delta(0, 150) // heard again: 1 is the oldest now
	for i := range most / 2 {
		delta(most+i, 100)
	}
	if tracker.Len() != most {
		t.Fatalf("%d sessions", tracker.Len())
	}
	if d := delta(0, 175); d != 25 {
		t.Errorf("the session that was heard again is forgotten: %d", d)
	}
	if d := delta(most-1, 110); d != 10 {
		t.Errorf("a younger session is forgotten: %d", d)
	}
	if d := delta(1, 110); d != 0 {
		t.Errorf("the oldest session is still there: %d", d)
	}
}

// TestAgainstAMap holds the table against a plain one, under random use and eviction.
func TestAgainstAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, most := range []int{1, 2, 7, 64, 65} {
		tracker := sessions.New(most)
		last := map[int]uint64{}
		var order []int
		for i := range 5000 {
			name := random.IntN(2*most + 1)
			total := uint64(i + 1)
			b := totals(float64(i), total, 0, 0)
			b.Session = fmt.Appendf(nil, "%d", name)
			tracker.Observe(nil, &b)
			want := uint64(0)
			if was, ok := last[name]; ok {
				want = total - was
				for j, n := range order {
					if n == name {
						order = append(order[:j], order[j+1:]...)
						break
					}
				}
			} else if len(order) == most {
				delete(last, order[0])
				order = order[1:]
			}
			last[name] = total
			order = append(order, name)
			if b.CDNBytes != want || tracker.Len() != len(order) {
				t.Fatalf("most %d, step %d: delta %d, want %d; %d sessions, want %d", most, i, b.CDNBytes, want, tracker.Len(), len(order))
			}
		}
	}
}

func FuzzObserve(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"))
	f.Fuzz(func(t *testing.T, script []byte) {
		tracker := sessions.New(3)
		for ; len(script) >= 8; script = script[8:] {
			c := script
			b := at(float64(int8(c[0]))*7, func(b *event.Beacon) {
				b.Session = []byte{'a' + c[1]%5}
				b.State = event.PlayerState(c[2] % 6)
				b.Event = event.BeaconEvent(c[2] >> 4 % 6)
				b.Sequence = uint64(c[3]) << (c[4] & 63)
				b.Totals = c[4]&64 != 0
				b.CDNBytes, b.PeerBytes = uint64(c[5])<<(c[4]%33), uint64(c[6])
				if b.Rebuffering = time.Duration(c[7]) * time.Second; c[7] > 200 {
					b.MediaTime, b.BitsPlayed = time.Second, uint64(c[7])<<20
				}
			})
			in := b
			if !tracker.Observe([]byte("x"), &b) {
				continue
			}
			if b.Totals || b.Playing < 0 || b.Playing > sessions.Away || b.Rebuffering < 0 || b.Rebuffering > max(in.Rebuffering, sessions.Away) ||
				in.Totals && max(b.CDNBytes, b.PeerBytes) > beacon.MaxBytes || b.BitsPlayed > beacon.MaxBits ||
				b.Startup < event.Unknown || b.Startup > beacon.MaxStartup || !b.Time.Equal(in.Time) || tracker.Len() > 3 {
				t.Fatalf("%+v\nfrom %+v", b, in)
			}
		}
	})
}

// steady are reports of many sessions in turn, as a writer sees them.
func steady(n int) func(t *sessions.Tracker) {
	names := make([][]byte, n)
	for i := range names {
		names[i] = fmt.Appendf(nil, "%08x-0a4e-4c39-9f0a-2b6c1f7d9e10", i*2654435761%4294967296)
	}
	source := []byte("cmcd")
	i := 0
	return func(t *sessions.Tracker) {
		b := event.Beacon{Time: kickOff.Add(time.Duration(i/n) * 10 * time.Second), Session: names[i*7919%n], State: playing, Sequence: uint64(i/n) + 1, Startup: event.Unknown,
			Totals: true, CDNBytes: uint64(i) * 100, PeerBytes: uint64(i) * 30}
		t.Observe(source, &b)
		i++
	}
}

func BenchmarkObserve(b *testing.B) {
	for _, n := range []int{1_000, 300_000} {
		b.Run(fmt.Sprintf("%d sessions", n), func(b *testing.B) {
			tracker, observe := sessions.New(n), steady(n)
			for range n {
				observe(tracker)
			}
			b.ReportAllocs()
			for b.Loop() {
				observe(tracker)
			}
		})
	}
	b.Run("eviction", func(b *testing.B) {
		tracker, observe := sessions.New(1000), steady(300_000)
		for range 1000 {
			observe(tracker)
		}
		b.ReportAllocs()
		for b.Loop() {
			observe(tracker)
		}
	})
}

func TestAllocatesNothingOnceFull(t *testing.T) {
	for _, most := range []int{1000, 100} {
		tracker, observe := sessions.New(most), steady(1000)
		for range 2000 {
			observe(tracker)
		}
		if n := testing.AllocsPerRun(1000, func() { observe(tracker) }); n != 0 {
			t.Errorf("%v allocations for a beacon, up to %d sessions", n, most)
		}
	}
}

func TestASessionIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(sessions.Session{}); size > 96 {
		t.Errorf("%d bytes", size)
	}
}
