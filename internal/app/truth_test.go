package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/cockpit"
	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/match"
	"vigie/internal/simulate"
)

// The board is held against the simulator's own account of what it sent, in the demo's room. Sums
// must be equal to the last byte. What the board estimates is held against the rows: a quantile
// must fall into the histogram bucket that the exact one is in.
func TestTheBoardShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	room := openRoom(t)
	match := room.match
	for _, in := range []simulate.Incident{
		{Kind: simulate.CDN5xx, CDN: "akamai", Share: 0.3, For: time.Minute},
		{Kind: simulate.Saturation, ISP: "free", CDN: "cloudfront", For: time.Minute},
	} {
		if _, err := match.Inject(in); err != nil {
			t.Fatal(err)
		}
	}

	// Boards are made every second while it plays, for the second question of this test: was what
	// was drawn as complete, complete?
	playing, stop := context.WithTimeout(t.Context(), 40*time.Second)
	defer stop()
	over := make(chan error, 1)
	go func() { over <- match.Run(playing) }()
	board := room.cockpit()
	live := newFirstSolid()
	for running := true; running; {
		select {
		case err := <-over:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		case <-time.After(time.Second):
			live.look(board.Tick(t.Context(), time.Now()))
		}
	}
	truth := match.Truth()
	for _, s := range match.Stats() {
		if s.Dropped+s.Refused+s.Unsettled > 0 {
			t.Errorf("the simulator's %s did not bring everything: %+v", s.Source, s)
		}
	}
	var requests, beacons, bytes float64
	for _, r := range truth.Requests {
		requests += float64(r.Requests)
		bytes += float64(r.Bytes)
	}
	for _, q := range truth.Quality {
		beacons += float64(q.Beacons)
	}
	room.eventually("SELECT sum(requests) AS n FROM requests_1s", requests)
	room.eventually("SELECT sum(weight) AS n FROM beacons", beacons)
	if got := room.number("SELECT sum(bytes) AS n FROM requests_1s"); got != bytes {
		t.Errorf("%.0f bytes were rolled up, %.0f sent", got, bytes)
	}
	for sql, sum := range map[string]func(simulate.Quality) uint64{
		"SELECT sum(attempts) AS n FROM qoe_1s":                                 func(q simulate.Quality) uint64 { return q.Requested },
		"SELECT sum(starts) AS n FROM qoe_1s":                                   func(q simulate.Quality) uint64 { return q.Startups },
		"SELECT sum(startup_sum) AS n FROM qoe_1s":                              func(q simulate.Quality) uint64 { return q.StartupMS },
		"SELECT sum(failed_starts)+sum(failed_plays) AS n FROM qoe_1s":          func(q simulate.Quality) uint64 { return q.Failures },
		"SELECT sum(early_exits)+sum(ended)-sum(failed_plays) AS n FROM qoe_1s": func(q simulate.Quality) uint64 { return q.Finishes },
		"SELECT sum(playing) AS n FROM qoe_1s":                                  func(q simulate.Quality) uint64 { return q.PlayingMS },
		"SELECT sum(rebuffering) AS n FROM qoe_1s":                              func(q simulate.Quality) uint64 { return q.RebufferMS },
		"SELECT sum(stalls) AS n FROM qoe_1s":                                   func(q simulate.Quality) uint64 { return q.Stalls },
		"SELECT sum(bits_played) AS n FROM qoe_1s":                              func(q simulate.Quality) uint64 { return q.BitsPlayed },
		"SELECT sum(cdn_bytes) AS n FROM qoe_1s":                                func(q simulate.Quality) uint64 { return q.CDNBytes },
		"SELECT sum(peer_bytes) AS n FROM qoe_1s":                               func(q simulate.Quality) uint64 { return q.PeerBytes },
		"SELECT sum(peer_uploaded) AS n FROM qoe_1s":                            func(q simulate.Quality) uint64 { return q.PeerUploaded },
	} {
		var want float64
		for _, q := range truth.Quality {
			want += float64(sum(q))
		}
		room.eventually(sql, want) // a view's rows may come a moment after its table's
		if want == 0 && !strings.Contains(sql, "failed") {
			t.Errorf("nothing was sent of %s", sql)
		}
	}

	b := room.cockpit().Tick(t.Context(), time.Now())
	w := weigh(t, truth)
	if b.Flow.Error+b.Failing.Error+b.Matrix.Error+b.Tools.Error != "" {
		t.Fatal(b.Flow.Error, b.Failing.Error, b.Matrix.Error, b.Tools.Error)
	}

	// Charts, slot by slot.
	slots := 0
	for i, line := range b.Flow.Lines {
		for j, bits := range line.Points[:line.Solid] {
			at := b.Flow.Start.Add(time.Duration(j) * b.Flow.Step).Unix()
			want := w.slots[slotKey{at, line.ID}].bytes
			if line.ID == cockpit.Peers {
				want = w.peers(at)
			}
			if got := bits * b.Flow.Step.Seconds() / 8; math.Round(zero(got)) != want {
				t.Errorf("traffic of %s from %s: %.0f bytes on the board, %.0f sent", line.ID, time.Unix(at, 0).UTC().Format(time.TimeOnly), got, want)
			}
			if want > 0 {
				slots++
			}
			if line.ID == cockpit.Peers {
				continue
			}
			s, k := w.slots[slotKey{at, line.ID}], int((at-b.Failing.Start.Unix())/int64(b.Failing.Step.Seconds()))
			if s.requests > 0 && b.Failing.Lines[i].Points[k] != s.errors/s.requests {
				t.Errorf("errors of %s: %v on the board, sent were %v", line.ID, b.Failing.Lines[i].Points[k], s.errors/s.requests)
			}
		}
	}
	if slots < 8 {
		t.Errorf("only %d slots were compared", slots)
	}

	// The matrix, cell by cell, over its minute.
	cells, named := 0, map[string]bool{}
	for _, row := range b.Matrix.Rows {
		named[row.ISP] = true
	}
	for _, row := range b.Matrix.Rows {
		for i, cell := range row.Cells {
			column := b.Matrix.Columns[i]
			if column.Peers {
				continue
			}
			var want sums
			for key, s := range w.cells {
				inside := key.at >= b.Matrix.AsOf.Add(-b.Matrix.Window).Unix() && key.at < b.Matrix.AsOf.Unix()
				if inside && key.cdn == column.ID && (key.isp == row.ISP || row.Merged > 0 && !named[key.isp]) {
					want.requests += s.requests
					want.bytes += s.bytes
					want.errors += s.errors
				}
			}
			if want.requests == 0 {
				if !math.IsNaN(cell.Bits) {
					t.Errorf("%q × %s: %v on the board, nothing sent", row.ISP, column.ID, cell.Bits)
				}
				continue
			}
			cells++
			if got := math.Round(cell.Bits * b.Matrix.Window.Seconds() / 8); cell.Requests != want.requests || got != want.bytes || cell.Errors != want.errors/want.requests {
				t.Errorf("%q × %s: %.0f requests, %.0f bytes, errors %v on the board; sent %.0f, %.0f, %v", row.ISP, column.ID, cell.Requests, got, cell.Errors, want.requests, want.bytes, want.errors/want.requests)
			}
		}
	}
	if cells < 20 {
		t.Errorf("only %d cells were compared", cells)
	}

	// Tools and what viewers experienced.
	for _, tool := range b.Tools.Rows {
		var q simulate.Quality
		for _, of := range truth.Quality {
			if of.Tool == tool.Name && of.Second >= b.Tools.AsOf.Add(-b.Tools.Window).Unix() && of.Second < b.Tools.AsOf.Unix() {
				q.PlayingMS += of.PlayingMS
				q.RebufferMS += of.RebufferMS
				q.Failures += of.Failures
				q.Requested += of.Requested
			}
		}
		if want := float64(q.RebufferMS) / float64(q.PlayingMS+q.RebufferMS); tool.Rebuffering != want {
			t.Errorf("rebuffering by %s: %v on the board, sent was %v", tool.Name, tool.Rebuffering, want)
		}
		if want := float64(q.Failures) / float64(q.Requested); tool.Failures != want {
			t.Errorf("failures by %s: %v on the board, sent was %v", tool.Name, tool.Failures, want)
		}
	}
	if len(b.Tools.Rows) != 3 {
		t.Errorf("%d tools on the board", len(b.Tools.Rows))
	}
	window := fmt.Sprintf("time >= toDateTime(%d) AND time < toDateTime(%d)", b.Startup.AsOf.Add(-time.Minute).Unix(), b.Startup.AsOf.Unix())
	exact := room.number("SELECT toFloat64(quantileExactWeighted(0.5)(startup, toUInt64(weight)))/1000 AS n FROM beacons WHERE event = 'playbackStart' AND " + window)
	if low, high := around(exact*1000, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000); b.Startup.Value*1000 < low || b.Startup.Value*1000 > high {
		t.Errorf("median startup: %v s on the board, the rows' own is %v s, in the bucket from %v to %v ms", b.Startup.Value, exact, low, high)
	}

	// The audience is distinct sessions as estimated by a sketch of 2^14 places, half a per cent off,
	// times how many viewers each stands for.
	leading := room.number(fmt.Sprintf("SELECT max(u) AS n FROM (SELECT tool, toFloat64(uniqExact(session)) * any(weight) AS u FROM beacons WHERE event NOT IN ('playbackFail', 'playbackFinish') AND time >= toDateTime(%d) AND time < toDateTime(%d) GROUP BY tool)",
		b.Viewers.AsOf.Add(-30*time.Second).Unix(), b.Viewers.AsOf.Unix()))
	if off := math.Abs(b.Viewers.Value/leading - 1); !(off < 0.03) {
		t.Errorf("%.0f viewers on the board, %.0f by exact count of the widest tool's sessions", b.Viewers.Value, leading)
	}
	t.Logf("equal: %d slots of charts and %d cells of the matrix over %d lines of truth; %.0f requests, %.3f TB; viewers %.0f, exactly %.0f; median startup %.3f s, exactly %.3f s",
		slots, cells, len(truth.Requests)+len(truth.Quality), requests, bytes/1e12, b.Viewers.Value, leading, b.Startup.Value, exact)

	// What was drawn as complete: over all slots, at most the share that a watermark may be wrong
	// about was missing, and a little more. One batch that is later than any before it can be seen
	// by no watermark, so a single slot is not judged.
	judged, shown, sent := 0, 0.0, 0.0
	for key, bits := range live.bits {
		want := w.slots[key].bytes
		if key.cdn == cockpit.Peers {
			want = w.peers(key.at)
		}
		got := zero(bits) * 10 / 8
		shown, sent = shown+got, sent+want
		if got < 0.97*want {
			t.Logf("%s from %s was drawn as complete with %.1f %% of its bytes", key.cdn, time.Unix(key.at, 0).UTC().Format(time.TimeOnly), 100*got/want)
		}
		if want > 0 {
			judged++
		}
	}
	if shown < 0.97*sent {
		t.Errorf("what was drawn as complete had %.1f %% of its bytes", 100*shown/sent)
	}
	if judged == 0 {
		t.Error("nothing was complete while it played")
	}
	t.Logf("%d slots were drawn as complete while the match played", judged)
}

// room is the demo's, in this process.
type room struct {
	t      *testing.T
	cfg    *Config
	played simulate.Config // of match
	match  *simulate.Match
	db     *ch.DB
}

func openRoom(t *testing.T) *room {
	t.Helper()
	folder, err := os.MkdirTemp("", "vigie-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	now := time.Now().Truncate(time.Second)
	return openRoomIn(t, folder, simulate.Config{Seed: 7, Rate: 800, Start: now, KickOff: now.Add(-20 * time.Minute)})
}

// openRoomIn keeps what the room stores in a folder; where a match's lines go is filled in.
func openRoomIn(t *testing.T, folder string, played simulate.Config) *room {
	t.Helper()
	engine, err := chtest.Engine()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := Read(bytes.NewReader(demoYAML))
	if err != nil {
		t.Fatal(err)
	}
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	cfg.Data = filepath.Join(folder, "data")
	cfg.Listen = ListenConfig{People: free(), Machines: free(), SyslogTCP: free(), SyslogUDP: off}
	cfg.ClickHouse.Listen, cfg.ClickHouse.Binary = free(), engine
	tokens := map[string]string{}
	for i := range cfg.Sources {
		cfg.Sources[i].Token = "token-of-" + cfg.Sources[i].ID
		tokens[cfg.Sources[i].ID] = cfg.Sources[i].Token
	}
	cfg.defaults()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	ready := make(chan struct{})
	r := &room{t: t, cfg: cfg}
	played.Collectors, played.Syslog, played.SyslogNetwork, played.Tokens, played.Log = "http://"+cfg.Listen.Machines, cfg.Listen.SyslogTCP, "tcp", tokens, log
	r.played = played
	if r.match, err = simulate.New(played); err != nil {
		t.Fatal(err)
	}
	requests, sessions := r.match.Weights()
	for i := range cfg.Sources {
		cfg.Sources[i].Weight = float64(requests)
		if cfg.Sources[i].Format == "beacon" {
			cfg.Sources[i].Weight = float64(sessions)
		}
	}
	cfg.Collectors.Beacons.Weight = float64(sessions)
	cfg.Calendar = demoCalendar(r.match)
	networks := filepath.Join(folder, "networks.mmdb")
	if err := writeNetworks(networks, r.match.AddressPlan()); err != nil {
		t.Fatal(err)
	}
	cfg.Enrich.ASNFiles = []string{networks}
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, cfg, Options{Log: log, Ready: func(Addresses) { close(ready) }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	if r.db, err = ch.Open(t.Context(), ch.Config{DSN: "http://" + cfg.ClickHouse.Listen + "/default", Log: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.db.Close() })
	return r
}

// cockpit is another one than the process's own, on the same tables.
func (r *room) cockpit() *cockpit.Cockpit {
	r.t.Helper()
	kv, err := bustest.Open(r.t).KV(r.t.Context(), "matches")
	if err != nil {
		r.t.Fatal(err)
	}
	book, err := match.OpenBook(r.t.Context(), matchBucket{kv}, r.cfg.Calendar, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	c := cockpit.Config{DB: r.db, Sources: []cockpit.SourceInfo{{ID: "beacons"}}, Matches: book, Log: slog.New(slog.DiscardHandler)}
	for _, cdn := range r.cfg.CDNs {
		c.CDNs = append(c.CDNs, cockpit.CDN{ID: cdn.ID, Name: cdn.Name, Colour: cdn.Colour})
	}
	for _, s := range r.cfg.Sources {
		c.Sources = append(c.Sources, cockpit.SourceInfo{ID: s.ID, CDN: s.CDN})
	}
	board, err := cockpit.New(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return board
}

func (r *room) number(sql string) float64 {
	r.t.Helper()
	var rows []struct {
		N float64 `ch:"n"`
	}
	if err := r.db.Select(r.t.Context(), &rows, sql); err != nil {
		r.t.Fatal(err)
	}
	return rows[0].N
}

func (r *room) eventually(sql string, want float64) {
	r.t.Helper()
	var got float64
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = r.number(sql); got == want {
			return
		}
	}
	r.t.Fatalf("%s\nis %.0f, not %.0f, after 30 s", sql, got, want)
}

// firstSolid keeps what each slot of the traffic showed when it was first drawn as complete.
type firstSolid struct{ bits map[slotKey]float64 }

func newFirstSolid() *firstSolid { return &firstSolid{map[slotKey]float64{}} }

func (f *firstSolid) look(b *cockpit.Board) {
	for _, line := range b.Flow.Lines {
		for i, bits := range line.Points[:line.Solid] {
			key := slotKey{b.Flow.Start.Add(time.Duration(i) * b.Flow.Step).Unix(), line.ID}
			if _, ok := f.bits[key]; !ok {
				f.bits[key] = bits
			}
		}
	}
}

// weighed is the truth by what the board shows.
type weighed struct {
	slots map[slotKey]sums
	cells map[cellSecond]sums
	mesh  map[toolSlot]float64
}

type (
	slotKey struct {
		at  int64
		cdn string
	}
	cellSecond struct {
		at       int64
		cdn, isp string
	}
	toolSlot struct {
		at   int64
		tool string
	}
	sums struct{ requests, bytes, errors float64 }
)

func weigh(t *testing.T, truth simulate.Truth) *weighed {
	t.Helper()
	isps := ispNames(t)
	w := &weighed{map[slotKey]sums{}, map[cellSecond]sums{}, map[toolSlot]float64{}}
	for _, r := range truth.Requests {
		isp, ok := isps[r.ISP]
		if !ok {
			t.Fatalf("the network %q has no name", r.ISP)
		}
		slot, cell := slotKey{r.Second - r.Second%10, r.CDN}, cellSecond{r.Second, r.CDN, isp}
		add := func(s sums) sums {
			return sums{s.requests + float64(r.Requests), s.bytes + float64(r.Bytes), s.errors + float64(r.Errors)}
		}
		w.slots[slot], w.cells[cell] = add(w.slots[slot]), add(w.cells[cell])
	}
	for _, q := range truth.Quality {
		w.mesh[toolSlot{q.Second, q.Tool}] += float64(q.PeerBytes)
	}
	return w
}

// peers are the bytes of the tool that saw most in a slot: tools see the same mesh.
func (w *weighed) peers(at int64) (most float64) {
	for key, bytes := range w.mesh {
		if key.at == at {
			most = max(most, bytes)
		}
	}
	return most
}

// ispNames are the board's names of the simulated networks, by way of the shipped table.
func ispNames(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open("../../ingest/isps.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table := csv.NewReader(f)
	table.Comment = '#'
	rows, err := table.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	byNumber := map[string]string{}
	for _, row := range rows {
		byNumber[strings.TrimSpace(row[0])] = strings.TrimSpace(row[1])
	}
	scenario, err := simulate.Final()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, isp := range scenario.ISPs {
		name, ok := byNumber[fmt.Sprint(isp.ASN)]
		switch {
		case isp.ASN == 0:
			name = "Unknown"
		case !ok:
			name = "Other"
		}
		names[isp.Name] = name
	}
	return names
}

// around is the bucket that a value is in.
func around(v float64, edges ...float64) (low, high float64) {
	for _, edge := range edges {
		if v < edge {
			return low, edge
		}
		low = edge
	}
	return low, math.Inf(1)
}

// zero is 0 where the board says that nothing is known.
func zero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
