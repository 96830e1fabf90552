package tape

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"vigie/alerts/rule"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// The night of these tests: forty minutes of two CDNs, two networks, two channels, two classes, two tools and
// three devices, in which every number is another in every cell and minute. What came last of everything is
// at the moment it is filled.
const nightSeconds = 2400

type stage struct {
	t   *testing.T
	db  *ch.DB
	now time.Time // whole; rows are before it
}

// fill puts the night into the tables, single lines and their sums as the writer makes them.
func fill(t *testing.T) *stage {
	t.Helper()
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	// Twenty to a minute that begins now: no test waits for it.
	s := &stage{t: t, db: db, now: time.Now().Truncate(time.Second)}
	s.lines(nightSeconds, 0, "1", "")
	s.delivered(nightSeconds, 0)
	return s
}

// lines are those of the seconds from ago to ago, where a condition holds; times their number.
func (s *stage) lines(from, to int, weight, where string) {
	s.t.Helper()
	if where == "" {
		where = "1"
	}
	// number is a second and a line of it: twenty lines a second, of which some are thinned out by a hash.
	base := fmt.Sprintf(`SELECT *, cityHash64(n, second) AS h FROM (SELECT
		toDateTime(%d, 'UTC') - INTERVAL (%d + intDiv(number, 20) + 1) SECOND AS second, number %% 20 AS n,
		['a', 'b'][n %% 2 + 1] AS cdn, ['log', 'blog'][n %% 2 + 1] AS source, ['Orange', 'Free'][intDiv(n, 2) %% 2 + 1] AS isp,
		['une', 'deux'][intDiv(n, 4) %% 2 + 1] AS channel, ['segment', 'manifest'][if(n %% 3 = 0, 2, 1)] AS class
		FROM numbers(%d))`, s.now.Unix(), to, (from-to)*20)
	requests := fmt.Sprintf(`INSERT INTO requests (received, time, source, cdn, isp, channel, class, pop, asn, bytes, weight, status, first_byte, duration, cache, aborted, blocked, user_agent)
		SELECT now64(3), toDateTime64(second, 3, 'UTC') + INTERVAL (h %% 900) MILLISECOND, source, cdn, isp, channel, class, ['PAR', 'LYS'][h %% 2 + 1], h %% 4,
		1000 + h %% 7000, %s * (1 + n %% 3), multiIf(h %% 50 = 1, 503, h %% 40 = 2, 404, h %% 30 = 3, 403, 200), if(h %% 9 = 0, -1, h %% 900000), -1,
		['hit', 'miss', 'refresh', 'pass', 'unknown', ''][h %% 6 + 1], h %% 61 = 5, h %% 30 = 3, ''
		FROM (%s) WHERE h %% 5 > 0 AND (%s)`, weight, base, where)
	players := strings.NewReplacer("'log', 'blog'", "'player', 'npaw'", "['segment', 'manifest']", "['tv', 'phone']").Replace(base)
	players = strings.Replace(players, "AS class", "AS device", 1)
	beacons := fmt.Sprintf(`INSERT INTO beacons (received, time, source, tool, session, event, started, cdn, isp, channel, device, startup, playing, rebuffering, cdn_bytes, peer_bytes, weight)
		SELECT now64(3), toDateTime64(second, 3, 'UTC') + INTERVAL (h %% 900) MILLISECOND, src, if(src = 'player', 'mux', 'npaw'), concat(src, toString(h %% 300)),
		multiIf(h %% 10 = 0, 'playbackRequest', h %% 10 = 1, 'playbackStart', h %% 97 = 5, 'playbackFail', h %% 89 = 5, 'playbackFinish', 'heartbeat'), h %% 4 > 0,
		cdn, isp, channel, device, if(h %% 10 = 1, h %% 9000, -1), 900, h %% 130, h %% 5000, h %% 900, %s * if(src = 'player', 40, 25)
		FROM (SELECT *, ['player', 'player', 'npaw'][h %% 3 + 1] AS src FROM (%s)) WHERE h %% 7 > 0 AND (%s)`, weight, players, where)
	for _, sql := range []string{requests, beacons,
		fmt.Sprintf("INSERT INTO requests_1s %s", rollup(fmt.Sprintf("time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3) AND (%s)", s.now.Unix()-int64(from), s.now.Unix()-int64(to), where))),
		fmt.Sprintf(`INSERT INTO identities_10s (time, cdn, kind, name, source, received, lines, requests, errors, blocked, bytes)
			SELECT toStartOfInterval(requests.time, INTERVAL 10 SECOND)::DateTime('UTC') AS t, cdn, 'asn', toString(asn), source, now(), count(), sum(weight), 0, 0, 0 FROM requests
			WHERE time >= toDateTime64(%d, 3) AND time < toDateTime64(%d, 3) AND (%s) GROUP BY t, cdn, asn, source`, s.now.Unix()-int64(from), s.now.Unix()-int64(to), where),
	} {
		s.exec(sql)
	}
}

// rollup is what the writer adds up.
func rollup(where string) string {
	var b strings.Builder
	edges := []int{5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000}
	names := ""
	for i := range 16 {
		low := 0
		if i > 0 {
			low = edges[i-1] * 1000
		}
		names += fmt.Sprintf(", first_byte_%d", i)
		if i == 15 {
			fmt.Fprintf(&b, ", sumIf(weight, first_byte >= %d)", low)
		} else {
			fmt.Fprintf(&b, ", sumIf(weight, first_byte >= %d AND first_byte < %d)", low, edges[i]*1000)
		}
	}
	return "(time, source, cdn, isp, channel, class, status_class, cache, blocked, received, lines, requests, bytes, errors" + names + `)
		SELECT toStartOfSecond(requests.time)::DateTime('UTC') AS t, source, cdn, isp, channel, class, toUInt8(intDiv(status, 100)) AS s, cache, blocked, toStartOfInterval(now(), INTERVAL 10 SECOND) AS r,
		count(), sum(weight), sum(requests.bytes * weight), sumIf(weight, status >= 500 OR status = 0 OR aborted)` + b.String() + ` FROM requests WHERE ` + where + ` GROUP BY t, source, cdn, isp, channel, class, s, cache, blocked, r`
}

// delivered tells that the sources have sent the seconds from ago to ago, within a second of them.
func (s *stage) delivered(from, to int) {
	s.t.Helper()
	s.deliver(from, to, "log", "blog", "player", "npaw")
}

var deliveries = 0

func (s *stage) deliver(from, to int, sources ...string) {
	s.t.Helper()
	for _, source := range sources {
		deliveries++
		s.exec(fmt.Sprintf("INSERT INTO deliveries (stored, first, source, received, messages, lines, refused, late_0, oldest, newest) SELECT now64(3), %d, '%s', toDateTime64(%d, 3), 1, 6000, 60, 6000, toDateTime64(%d, 3), toDateTime64(%d, 3)",
			deliveries, source, s.now.Unix()-int64(to), s.now.Unix()-int64(from), s.now.Unix()-int64(to)))
	}
}

func (s *stage) exec(sql string) {
	s.t.Helper()
	if err := s.db.Exec(s.t.Context(), sql); err != nil {
		s.t.Fatalf("%v\n%s", err, sql)
	}
}

// number is what plain SQL says.
func (s *stage) number(sql string) float64 {
	s.t.Helper()
	var rows []struct {
		N float64 `ch:"n"`
	}
	if err := s.db.Select(s.t.Context(), &rows, sql); err != nil {
		s.t.Fatalf("%v\n%s", err, sql)
	}
	if len(rows) == 0 {
		return math.NaN()
	}
	return rows[0].N
}

func config(db *ch.DB, rules ...*rule.Rule) Config {
	for i, r := range rules {
		if r.ID == "" {
			r.ID = fmt.Sprintf("rule-%d", i)
		}
		if r.When == "" {
			r.When = "value > 0"
		}
		if r.Over == 0 {
			r.Over = rule.Duration(10 * time.Second)
		}
	}
	return Config{
		DB: db, Groups: []*rule.Group{{ID: "test", Rules: rules}}, CDNs: []string{"a", "b"}, Logins: []string{"login"}, Log: slog.New(slog.DiscardHandler),
		Sources: []Source{{ID: "log", CDN: "a"}, {ID: "blog", CDN: "b"}, {ID: "player", Tool: "mux"}, {ID: "npaw"}},
	}
}

func open(t *testing.T, cfg Config) *Tape {
	t.Helper()
	tape, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tape
}

// full ticks at a moment and reads all of the past.
func full(t *testing.T, tape *Tape, now time.Time) {
	t.Helper()
	for range fineSlots/firstSeconds + 1 { // the first ones read a minute each
		if err := tape.Tick(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		if err := tape.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		more := 0
		for _, f := range tape.live.st.ordered {
			if len(f.groupings) > 0 && f.head > 0 {
				if _, _, ok := f.latest(1, f.oldest(), f.limit(&tape.live.edges), false); ok {
					more++
				}
			}
		}
		if more == 0 {
			return
		}
	}
	t.Fatal("the past does not end")
}

func near(a, b, by float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return math.Abs(a-b) <= by*math.Abs(b)+1e-9
}

// group is the index of a view's series with these values.
func group(t *testing.T, d rule.Data, v rule.View, values ...string) (int, rule.Series) {
	t.Helper()
	for i, s := range d.Series(v) {
		if strings.Join(s.Values, ",") == strings.Join(values, ",") {
			return i, s
		}
	}
	t.Fatalf("%+v has no group %q: %+v", v, values, d.Series(v))
	return 0, rule.Series{}
}
