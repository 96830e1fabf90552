package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/alerts"
	"vigie/alerts/notice"
	"vigie/alerts/rule"
	"vigie/alerts/tape"
	"vigie/cockpit"
	"vigie/internal/bus/bustest"
	"vigie/internal/match"
	"vigie/internal/simulate"
)

var (
	golden      = flag.Bool("golden", false, "TestGoldenNight plays two whole finals")
	goldenKeep  = flag.String("golden.keep", "", "folder that keeps what TestGoldenNight has stored: there, it is judged again and not played again")
	goldenTrace = flag.Bool("golden.trace", false, "TestGoldenNight tells of every alert, told or not")
)

const (
	goldenLines = 250              // of logs for each second, on average; with beacons it is twice that
	briefLines  = 100              // the same in make test
	goldenWarm  = 16 * time.Minute // before it is judged: a quarter of an hour is usual
	// Times the demo's reserves, of which 78 to 97 % are used at the peak.
	goldenReserve = 1.25
	// A problem is an incident's consequence when it begins while it lasts or in this time after it.
	goldenAfter = 3 * time.Minute
)

// How late sources are, as a night's are. Services are shown half a minute late, whoever tells them.
var goldenLate = map[string]time.Duration{
	"maison": 2 * time.Second, "akamai": 30 * time.Second, "cloudfront": 60 * time.Second,
	"npaw": 2 * time.Second, "mux": 2 * time.Second, "vigie-player": 2 * time.Second,
}

// fault is an incident of a golden night, and what is to be said of it.
type fault struct {
	simulate.Incident
	early bool     // what tells it first is 2 s late
	by    []naming // any of these is right
	also  []naming // and these are its consequences: right, too, but they name something else
}

// naming is a rule, and the labels that its alert must have.
type naming struct {
	rule   string
	labels map[string]string
}

func (n naming) is(rule string, labels map[string]string) bool {
	if n.rule != rule {
		return false
	}
	for k, v := range n.labels {
		if labels[k] != v {
			return false
		}
	}
	return true
}

func named(rule string, labels ...string) naming {
	n := naming{rule, map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		n.labels[labels[i]] = labels[i+1]
	}
	return n
}

// Where viewers are moved to, it gets fuller.
var elsewhere = []naming{named("capacity"), named("capacity-network")}

func saturated(isp, cdn, network string) ([]naming, []naming) {
	return []naming{named("cdn-first-byte", "cdn", cdn, "isp", network), named("cdn-network-errors", "cdn", cdn, "isp", network), named("cdn-network-stalls", "cdn", cdn, "isp", network)}, elsewhere
}

func failing(cdn string) ([]naming, []naming) {
	return []naming{named("cdn-errors", "cdn", cdn), named("cdn-stalls", "cdn", cdn)},
		append([]naming{named("cdn-network-errors", "cdn", cdn), named("cdn-network-stalls", "cdn", cdn), named("cdn-first-byte", "cdn", cdn)}, elsewhere...)
}

func attacked() ([]naming, []naming) {
	return []naming{named("attack")}, []naming{named("service-errors", "service", "login"), named("service-errors", "service", "inscription"), named("service-slow", "service", "login"), named("service-slow", "service", "inscription"), named("service-full", "service", "login"), named("service-full", "service", "inscription")}
}

func degraded(service string) ([]naming, []naming) {
	return []naming{named("service-errors", "service", service), named("service-slow", "service", service)}, nil
}

func released(device string) ([]naming, []naming) {
	return []naming{named("rebuffering", "device", device)}, nil
}
func late(source string) ([]naming, []naming) {
	return []naming{named("source-late", "source", source)}, []naming{named("source-silent", "source", source)}
}
func silent(source string) ([]naming, []naming) {
	return []naming{named("source-silent", "source", source)}, nil
}

func (f fault) told(by, also []naming) fault {
	f.by, f.also = by, also
	return f
}

func (f fault) first() fault {
	f.early = true
	return f
}

func begins(after time.Duration, in simulate.Incident) fault {
	in.At, in.For, in.Ramp = after, cmp.Or(in.For, 4*time.Minute), cmp.Or(in.Ramp, 10*time.Second)
	in.Steer = cmp.Or(in.Steer, 0.4)
	if in.Kind != simulate.Saturation && in.Kind != simulate.CDN5xx {
		in.Steer = 0
	}
	return fault{Incident: in}
}

// scheduled are the scenario's own incidents, with what is to be said of each.
func scheduled(s *simulate.Scenario) (all []fault) {
	for _, in := range s.Incidents {
		f := fault{Incident: in}
		switch in.Kind {
		case simulate.Saturation:
			f = f.told(saturated("free", in.CDN, "Free")).first()
		case simulate.CDN5xx:
			f = f.told(failing(in.CDN)).first()
		case simulate.Silence:
			f = f.told(silent(in.Source)).first()
		case simulate.Late:
			f = f.told(late(in.Source))
		case simulate.Attack:
			f = f.told(attacked())
		case simulate.PlayerRelease:
			f = f.told(released(in.Device)).first()
		case simulate.Degraded:
			f = f.told(degraded(in.Service))
		}
		all = append(all, f)
	}
	return all
}

const minute = time.Minute

// injected are one more of each kind, as somebody injects them: with the usual ramp of ten seconds, where the scenario's
// come in half a minute to two.
func injected() []fault {
	return []fault{
		begins(11*minute, simulate.Incident{Kind: simulate.CDN5xx, CDN: "maison", Share: 0.1}).told(failing("maison")).first(),
		begins(40*minute, simulate.Incident{Kind: simulate.Silence, Source: "maison"}).told(silent("maison")).first(),
		begins(63*minute, simulate.Incident{Kind: simulate.PlayerRelease, Device: "phone", Player: "tele-app 9.9.0", Share: 1}).told(released("phone")).first(),
		begins(113*minute, simulate.Incident{Kind: simulate.Degraded, Service: "login", Share: 0.2, Slow: 5}).told(degraded("login")),
		begins(137*minute, simulate.Incident{Kind: simulate.Late, Source: "cloudfront", Delay: minute}).told(late("cloudfront")),
		begins(151*minute, simulate.Incident{Kind: simulate.Saturation, ISP: "orange", CDN: "maison"}).told(saturated("orange", "maison", "Orange")).first(),
		begins(161*minute, simulate.Incident{Kind: simulate.Attack, CDN: "maison", Share: 0.4}).told(attacked()).first(),
	}
}

// goldenNight is a final that is judged.
type goldenNight struct {
	name     string
	kickOff  time.Time
	from, to time.Duration // judged, by the match's clock
	seed     uint64
	rate     float64 // log lines for each second, on average
	faults   []fault

	match *simulate.Match
	told  []toldProblem
	found []finding // of each fault
	false []toldProblem
	took  time.Duration
}

// toldProblem is one time that somebody would have been told of a problem.
type toldProblem struct {
	alerts.Problem
	at   time.Time // when its first alert fired, or it came back
	told time.Time
}

// finding is what was said of a fault.
type finding struct {
	fault
	said  string        // rule and labels; "": nothing
	after time.Duration // from its start, by the wall's clock
	told  time.Duration // the same of when somebody is told; 0: nobody
	pages []string      // the problems of which somebody is told because of it, by key
}

// TestGoldenNight plays simulated finals through the collectors, the stream and the writers into the engine, and
// judges them with the rules that docs/example starts teams with, second by second, each source as late as it is
// on such a night. What is asserted follows from the data alone.
//
// make golden plays a whole final without an incident and one with fourteen. Otherwise it is the half hour around
// a kick-off, without an incident until ten minutes into the match and with four after that.
func TestGoldenNight(t *testing.T) {
	kickOff := time.Date(2022, 12, 18, 15, 0, 0, 0, time.UTC) // what is drawn depends on it, so that it is the same each time
	nights := []*goldenNight{{
		name: "the beginning", kickOff: kickOff, from: -8 * minute, to: 25 * minute, seed: 7, rate: briefLines,
		faults: []fault{
			begins(10*minute, simulate.Incident{Kind: simulate.CDN5xx, CDN: "maison", Share: 0.1, For: 2 * minute}).told(failing("maison")).first(),
			begins(14*minute, simulate.Incident{Kind: simulate.Silence, Source: "mux", For: minute}).told(silent("mux")).first(),
			begins(17*minute, simulate.Incident{Kind: simulate.Saturation, ISP: "orange", CDN: "maison", For: 2 * minute}).told(saturated("orange", "maison", "Orange")).first(),
			begins(21*minute, simulate.Incident{Kind: simulate.Degraded, Service: "droits", Share: 0.2, Slow: 5, For: 2 * minute}).told(degraded("droits")),
		},
	}}
	if *golden {
		final, err := simulate.Final()
		if err != nil {
			t.Fatal(err)
		}
		faults := append(scheduled(final), injected()...)
		slices.SortFunc(faults, func(a, b fault) int { return cmp.Compare(a.At, b.At) })
		nights = []*goldenNight{
			{name: "a final without an incident", kickOff: kickOff, from: -30 * minute, to: 195 * minute, seed: 7, rate: goldenLines},
			{name: "a final with incidents", kickOff: kickOff.Add(24 * time.Hour), from: -30 * minute, to: 195 * minute, seed: 8, rate: goldenLines, faults: faults},
		}
	} else {
		t.Parallel()
	}
	room := openGolden(t, nights)
	var judging errgroup.Group
	for _, n := range nights {
		judging.Go(func() error { return n.judge(t, room) })
	}
	if err := judging.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, n := range nights {
		t.Logf("%s, judged in %s\n\n%s", n.name, n.took.Round(time.Second), n.table())
		if len(n.false) > 0 {
			t.Errorf("%s: %d pages tell of nothing that is wrong", n.name, len(n.false))
		}
		var early []time.Duration
		for _, f := range n.found {
			switch {
			case f.said == "":
				t.Errorf("%s: nobody was told of %s", n.name, f.describe())
			case f.early:
				early = append(early, f.after)
			}
		}
		if slices.Sort(early); len(early) > 0 && early[len(early)/2] >= 15*time.Second {
			t.Errorf("%s: half of what sources tell that are 2 s late took %s or more", n.name, early[len(early)/2])
		}
	}
}

// openGolden is a room in which the nights have been played.
func openGolden(t *testing.T, nights []*goldenNight) *room {
	folder := *goldenKeep
	if folder == "" {
		var err error
		if folder, err = os.MkdirTemp("", "vigie-golden-"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(folder) })
	}
	played := filepath.Join(folder, "nights.json")
	var kickOffs []time.Time
	if text, err := os.ReadFile(played); err == nil {
		if err := json.Unmarshal(text, &kickOffs); err != nil || len(kickOffs) != len(nights) {
			t.Fatalf("%s is of other nights: %v", played, err)
		}
		for i, n := range nights {
			n.kickOff = kickOffs[i]
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	room := openRoomIn(t, folder, simulate.Config{Seed: 7, Start: time.Now().Truncate(time.Second)})
	var playing errgroup.Group
	for _, n := range nights {
		scenario, err := simulate.Final()
		if err != nil {
			t.Fatal(err)
		}
		scenario.Incidents = nil
		for _, f := range n.faults {
			scenario.Incidents = append(scenario.Incidents, f.Incident)
		}
		c := room.played
		c.Scenario, c.Seed, c.KickOff, c.Start, c.HistoryRate = scenario, n.seed, n.kickOff, n.kickOff.Add(n.to+minute), n.rate
		if n.match, err = simulate.New(c); err != nil {
			t.Fatal(err)
		}
		if kickOffs != nil {
			continue
		}
		began := time.Now()
		playing.Go(func() error {
			err := n.match.History(t.Context(), n.kickOff.Add(n.from-goldenWarm), c.Start)
			t.Logf("%s was played in %s", n.name, time.Since(began).Round(time.Second))
			return err
		})
	}
	if err := playing.Wait(); err != nil {
		t.Fatal(err)
	}
	if kickOffs != nil {
		return room
	}
	want := [2]float64{}
	for _, n := range nights {
		truth := n.match.Truth()
		for _, r := range truth.Requests {
			want[0] += float64(r.Requests)
		}
		for _, q := range truth.Quality {
			want[1] += float64(q.Beacons)
		}
		kickOffs = append(kickOffs, n.kickOff)
	}
	room.stored("SELECT sum(requests) AS n FROM requests_1s", want[0])
	room.stored("SELECT sum(weight) AS n FROM beacons", want[1])
	t.Logf("%.1f million lines and %.1f million beacons", room.number("SELECT toFloat64(sum(lines)) AS n FROM requests_1s")/1e6, room.number("SELECT toFloat64(count()) AS n FROM beacons")/1e6)
	text, err := json.Marshal(kickOffs)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(played, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return room
}

// stored waits for all of what was sent, for as long as it becomes more.
func (r *room) stored(sql string, want float64) {
	r.t.Helper()
	for had, since := -1.0, time.Now(); ; time.Sleep(100 * time.Millisecond) {
		got := r.number(sql)
		switch {
		case got == want:
			return
		case got != had:
			had, since = got, time.Now()
		case time.Since(since) > time.Minute:
			r.t.Fatalf("%s\nis %.0f, not %.0f, and has been for a minute", sql, got, want)
		}
	}
}

// judge plays what is stored of a night to the rules of the example.
func (n *goldenNight) judge(t *testing.T, room *room) error {
	began := time.Now()
	cfg := &Config{CDNs: room.cfg.CDNs, Sources: room.cfg.Sources, Collectors: room.cfg.Collectors}
	if err := demoAlerts(cfg, newDemoPhone("127.0.0.1:1", io.Discard)); err != nil {
		return err
	}
	if err := errors.Join(cfg.checkAlerts()...); err != nil {
		return err
	}
	kv, err := bustest.Open(t).KV(t.Context(), "matches")
	if err != nil {
		return err
	}
	final := demoCalendar(n.match)[0]
	final.Compare = ""
	for i := range final.Capacity { // the demo's are tight on purpose: on a sound night they are not
		final.Capacity[i].Bits *= goldenReserve
	}
	if err := final.Check(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	book, err := match.OpenBook(t.Context(), matchBucket{kv}, []*match.Match{final}, log)
	if err != nil {
		return err
	}
	c := tape.Config{DB: room.db, Groups: cfg.Alerts.Rules, Matches: book, Logins: cockpit.LoginServices(), Log: log}
	for _, cdn := range cfg.CDNs {
		c.CDNs = append(c.CDNs, cdn.ID)
	}
	for _, s := range sourceInfos(cfg) {
		c.Sources = append(c.Sources, tape.Source{ID: s.ID, CDN: s.CDN, Tool: s.Tool, Services: s.CDN == "" && s.Tool == ""})
	}
	from, to := n.kickOff.Add(n.from), n.kickOff.Add(n.to)
	lateness := maps.Clone(goldenLate)
	past, err := tape.NewPast(t.Context(), c, from, to, lateness)
	if err != nil {
		return err
	}
	told := alerts.NewRetelling(cfg.Alerts.Rules, cfg.Alerts.Policy, book)
	problems, firstAt, firedAt := map[string]alerts.Problem{}, map[string]time.Time{}, map[string]time.Time{}
	n.found = make([]finding, len(n.faults))
	for i, f := range n.faults {
		n.found[i].fault = f
	}
	for at := from; !at.After(to); at = at.Add(time.Second) {
		for source, usual := range goldenLate {
			lateness[source] = usual + n.delayed(source, at.Add(-usual))
		}
		if err := past.MoveTo(t.Context(), at); err != nil {
			return err
		}
		for _, p := range told.Second(at, past) {
			if _, ok := problems[p.ID]; !ok {
				firstAt[p.ID] = at
			}
			problems[p.ID] = p
		}
		for key, a := range told.Alerts() {
			switch first := firedAt[key]; {
			case a.Active() && first.IsZero():
				firedAt[key] = at
				if *goldenTrace {
					t.Logf("%s %8s %-8s %-40s %s value %.4g usual %.4g z %.1f of %.0f", n.name, n.clock(at), a.Severity, a.Rule, labelled(a.Labels), a.Value, a.Usual, a.Z, a.Sample)
				}
				n.see(a, at)
			case !a.Active() && !first.IsZero():
				delete(firedAt, key)
				if *goldenTrace {
					t.Logf("%s %8s %-8s %-40s %s ended after %s", n.name, n.clock(at), "", a.Rule, labelled(a.Labels), at.Sub(first))
				}
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(problems)) {
		p := problems[id]
		if p.Opened.IsZero() || p.Severity.Rank() < notice.Warning.Rank() {
			continue
		}
		for _, turn := range p.Turns {
			switch turn.Why {
			case alerts.TurnOpened:
				n.told = append(n.told, toldProblem{p, firstAt[id], turn.At})
			case alerts.TurnAgain, alerts.TurnUnmuted: // it came back, or is no consequence any more
				n.told = append(n.told, toldProblem{p, turn.At, turn.At})
			}
		}
	}
	n.weigh()
	n.took = time.Since(began)
	return nil
}

// see notes the first alert that names a fault rightly while it lasts.
func (n *goldenNight) see(a *rule.Alert, at time.Time) {
	for i := range n.found {
		f := &n.found[i]
		start := n.kickOff.Add(f.At)
		if f.said == "" && !at.Before(start) && at.Before(start.Add(f.For+goldenAfter)) && slices.ContainsFunc(f.by, func(by naming) bool { return by.is(a.Rule, a.Labels) }) {
			f.said, f.after = strings.TrimSpace(a.Rule+" "+labelled(a.Labels)), at.Sub(start)
		}
	}
}

// weigh finds out which problems tell of which fault.
func (n *goldenNight) weigh() {
	for _, p := range n.told {
		explained := false
		for i := range n.found {
			f := &n.found[i]
			start := n.kickOff.Add(f.At)
			if p.at.Before(start) || p.at.After(start.Add(f.For+goldenAfter)) {
				continue
			}
			of := func(all []naming) bool {
				return slices.ContainsFunc(all, func(by naming) bool {
					return slices.ContainsFunc(p.Alerts, func(m alerts.Member) bool { return by.is(m.Rule, m.Labels) })
				})
			}
			if of(f.by) || of(f.also) {
				f.pages = append(f.pages, p.Key)
			}
			switch {
			case of(f.by):
				explained = true
				if f.told == 0 {
					f.told = p.told.Sub(start)
				}
			case of(f.also):
				explained = true
			}
		}
		if !explained {
			n.false = append(n.false, p)
		}
	}
	for i := range n.found {
		if n.found[i].told == 0 {
			n.found[i].said = "" // it was seen, and nobody was told
		}
	}
}

// delayed is how much later than usual a source's lines come that were due at a moment: what is held back comes
// all at once.
func (n *goldenNight) delayed(source string, due time.Time) time.Duration {
	for _, f := range n.faults {
		start := n.kickOff.Add(f.At)
		if f.Kind != simulate.Late || f.Source != source || due.Before(start) {
			continue
		}
		if since := due.Sub(start); since < f.For+f.Delay {
			return min(f.Delay, since)
		}
	}
	return 0
}

func (n *goldenNight) clock(at time.Time) string {
	return at.Sub(n.kickOff).Round(time.Second).String()
}

func labelled(labels map[string]string) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+"="+labels[k])
	}
	return strings.Join(all, " ")
}

// describe is a fault in words.
func (f *fault) describe() string {
	what := []string{string(f.Kind)}
	for _, of := range []string{f.ISP, f.CDN, f.Source, f.Device, f.Service} {
		if of != "" {
			what = append(what, of)
		}
	}
	if f.Share > 0 {
		what = append(what, fmt.Sprintf("%.0f %%", 100*f.Share))
	}
	if f.Delay > 0 {
		what = append(what, f.Delay.String())
	}
	return strings.Join(what, " ")
}

// table is what docs/alerts.md shows of a night.
func (n *goldenNight) table() string {
	var b strings.Builder
	if len(n.found) > 0 {
		b.WriteString("| at | incident | comes in | found by | after | told after | pages |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	}
	var early, all []time.Duration
	for _, f := range n.found {
		said := cmp.Or(f.said, "**not found**")
		fmt.Fprintf(&b, "| %.0f' | %s | %s | %s | %.0f s | %.0f s | %d |\n", f.At.Minutes(), f.describe(), f.Ramp, said, f.after.Seconds(), f.told.Seconds(), len(f.pages))
		if len(f.pages) != 1 && *goldenTrace {
			fmt.Fprintln(&b, "   ", f.pages)
		}
		if f.said != "" {
			all = append(all, f.after)
			if f.early {
				early = append(early, f.after)
			}
		}
	}
	middle := func(d []time.Duration) time.Duration {
		if len(d) == 0 {
			return 0
		}
		slices.Sort(d)
		return d[len(d)/2]
	}
	fmt.Fprintf(&b, "\n%d of %d incidents found; median %s, of what sources tell that are 2 s late %s; %d problems told, %d of them false\n", len(all), len(n.found), middle(all), middle(early), len(n.told), len(n.false))
	for _, p := range n.false {
		fmt.Fprintf(&b, "  false: at %s for %s, %s: %s\n", n.clock(p.at), p.Ended.Sub(p.Began), p.Key, p.Title.FR)
		for _, m := range p.Alerts {
			fmt.Fprintf(&b, "         %s %s %s value %.4g usual %.4g\n", m.Rule, labelled(m.Labels), m.Severity, m.Value, m.Usual)
		}
	}
	return b.String()
}
