package ch_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
)

// These tests hold for the embedded engine and, with VIGIE_TEST_CLICKHOUSE, for a server.

func TestTypesSurviveTheWayThereAndBack(t *testing.T) {
	db := chtest.Open(t)
	exec(t, db, `CREATE TABLE t
(
    u8 UInt8, u16 UInt16, u32 UInt32, u64 UInt64, i8 Int8, i16 Int16, i32 Int32, i64 Int64,
    f32 Float32, f64 Float64, ok Bool, at DateTime('UTC'), ms DateTime64(3, 'UTC'), s String, fixed FixedString(4),
    ip IPv6, low LowCardinality(String), kind Enum8('none' = 0, 'hit' = 1)
) ENGINE = MergeTree ORDER BY u64`)

	type row struct {
		U8    uint8      `ch:"u8"`
		U16   uint16     `ch:"u16"`
		U32   uint32     `ch:"u32"`
		U64   uint64     `ch:"u64"`
		I8    int8       `ch:"i8"`
		I16   int16      `ch:"i16"`
		I32   int32      `ch:"i32"`
		I64   int64      `ch:"i64"`
		F32   float32    `ch:"f32"`
		F64   float64    `ch:"f64"`
		OK    bool       `ch:"ok"`
		At    time.Time  `ch:"at"`
		Ms    time.Time  `ch:"ms"`
		S     string     `ch:"s"`
		Fixed string     `ch:"fixed"`
		IP    netip.Addr `ch:"ip"`
		Low   string     `ch:"low"`
		Kind  string     `ch:"kind"`
	}
	want := []row{
		{Kind: "none", IP: netip.IPv6Unspecified(), Fixed: "\x00\x00\x00\x00", At: time.Unix(0, 0).UTC(), Ms: time.Unix(0, 0).UTC()},
		{
			U8: 255, U16: 65535, U32: 1<<32 - 1, U64: 1<<64 - 1, I8: -128, I16: -32768, I32: -1 << 31, I64: -1 << 63,
			F32: 1.5, F64: -2.25, OK: true, At: time.Date(2026, 7, 19, 21, 0, 1, 0, time.UTC),
			Ms: time.Date(2026, 7, 19, 21, 0, 1, 234e6, time.UTC), S: "a;b'c\"\x00\n\\é`);DROP TABLE t;--", Fixed: "FR75",
			IP: netip.MustParseAddr("2001:db8::1"), Low: "cdn-a", Kind: "hit",
		},
	}
	kinds := map[string]int8{"none": 0, "hit": 1}
	b := ch.NewBlock()
	// The columns come in another order than the table's: they go by name.
	kind, low, ip, fixed, s := b.Int8("kind"), b.LowCardinality("low"), b.IPv6("ip"), b.FixedString("fixed", 4), b.String("s")
	ms, at, ok, f64, f32 := b.DateTime64("ms"), b.DateTime("at"), b.Bool("ok"), b.Float64("f64"), b.Float32("f32")
	i64, i32, i16, i8 := b.Int64("i64"), b.Int32("i32"), b.Int16("i16"), b.Int8("i8")
	u64, u32, u16, u8 := b.UInt64("u64"), b.UInt32("u32"), b.UInt16("u16"), b.UInt8("u8")
	for _, r := range want {
		kind.Append(kinds[r.Kind])
		low.AppendString(r.Low)
		if r.U8 == 0 {
			ip.Append(netip.Addr{})
		} else {
			ip.Append(r.IP)
		}
		fixed.Append([]byte(strings.TrimRight(r.Fixed, "\x00")))
		s.AppendString(r.S)
		ms.Append(r.Ms)
		at.Append(r.At)
		ok.Append(r.OK)
		f64.Append(r.F64)
		f32.Append(r.F32)
		i64.Append(r.I64)
		i32.Append(r.I32)
		i16.Append(r.I16)
		i8.Append(r.I8)
		u64.Append(r.U64)
		u32.Append(r.U32)
		u16.Append(r.U16)
		u8.Append(r.U8)
	}
	if err := db.Insert(t.Context(), "t", "", b); err != nil {
		t.Fatal(err)
	}
	var got []row
	if err := db.Select(t.Context(), &got, "SELECT * FROM t ORDER BY u64"); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestParametersAreValuesWhateverTheyHold(t *testing.T) {
	db := chtest.Open(t)
	for _, v := range []string{"", "plain", "'; DROP TABLE t; --", `back\slash \N \'`, "tab\tnew\nline\r", "zero\x00byte", "{x:String}", "é€😀"} {
		rows, err := db.Query(t.Context(), "SELECT {v:String}, length({v:String})", ch.P("v", v))
		if err != nil {
			t.Errorf("%q: %v", v, err)
			continue
		}
		var got string
		var n uint64
		for rows.Next() {
			if err := rows.Scan(&got, &n); err != nil {
				t.Errorf("%q: %v", v, err)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || got != v || n != uint64(len(v)) {
			t.Errorf("%q came back as %q, length %d, error %v", v, got, n, err)
		}
	}
}

func TestParametersHaveTheTypeTheStatementGives(t *testing.T) {
	db := chtest.Open(t)
	at := time.Date(2026, 7, 19, 21, 0, 1, 0, time.UTC)
	for _, c := range []struct {
		kind  string
		value any
		want  string
	}{
		{"UInt64", uint64(1<<64 - 1), "18446744073709551615"},
		{"Int32", -7, "-7"},
		{"Float64", 0.25, "0.25"},
		{"Bool", true, "true"},
		{"DateTime('UTC')", at, "2026-07-19 21:00:01"},
		{"DateTime64(3, 'UTC')", at.Add(250 * time.Millisecond), "2026-07-19 21:00:01.250"},
		{"IPv6", netip.MustParseAddr("2001:db8::1"), "2001:db8::1"},
		{"Array(String)", []string{"a", "b'c", `d\e`}, `['a','b\'c','d\\e']`},
		{"Array(UInt32)", []uint32{1, 2}, "[1,2]"},
		{"Nullable(String)", nil, "NULL"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			if got := text(t, db, "SELECT ifNull(toString({v:"+c.kind+"}), 'NULL')", ch.P("v", c.value)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestErrorsCarryClickHousesCodes(t *testing.T) {
	db := chtest.Open(t)
	exec(t, db, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
	for _, c := range []struct {
		name, sql string
		code      int
		later     bool
	}{
		{"syntax", "SELECT FROM FROM", 62, false},
		{"unknown table", "SELECT * FROM nosuch", 60, false},
		{"unknown database", "SELECT * FROM nosuch.t", 81, false},
		{"two statements", "SELECT 1; SELECT 2", 62, false},
		{"table exists", "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", 57, false},
		{"parameter missing", "SELECT {nosuch:String}", 456, false},
		{"raised in the middle of the rows", "SELECT throwIf(number = 1000000) FROM numbers(2000000)", 395, false},
		{"memory", "SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000", 241, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := drain(db.Query(t.Context(), c.sql))
			if ch.Code(err) != c.code || ch.IsUnavailable(err) != c.later {
				t.Errorf("code %d, unavailable %v: %v", ch.Code(err), ch.IsUnavailable(err), err)
			}
		})
	}
	if err := db.Exec(t.Context(), "DROP TABLE nosuch"); ch.Code(err) != 60 {
		t.Errorf("Exec: code %d: %v", ch.Code(err), err)
	}
	b := ch.NewBlock()
	b.UInt8("nosuch").Append(1)
	if err := db.Insert(t.Context(), "t", "", b); ch.Code(err) == 0 || ch.IsUnavailable(err) {
		t.Errorf("Insert of an unknown column: code %d: %v", ch.Code(err), err)
	}
}

func TestInsertRefusesNamesThatAreNot(t *testing.T) {
	db := chtest.Open(t)
	b := ch.NewBlock()
	b.UInt8("a").Append(1)
	for _, table := range []string{"", "t (a) SELECT 1 --", "a.b.c", "t;", "`t`"} {
		if err := db.Insert(t.Context(), table, "", b); err == nil || !strings.Contains(err.Error(), "not the name of a table") {
			t.Errorf("table %q: %v", table, err)
		}
	}
	b = ch.NewBlock()
	b.UInt8("a) SELECT 1 --").Append(1)
	if err := db.Insert(t.Context(), "t", "", b); err == nil || !strings.Contains(err.Error(), "not the name of a column") {
		t.Error(err)
	}
}

func TestSettingsEndWithTheirStatement(t *testing.T) {
	db := chtest.Open(t)
	before := text(t, db, "SELECT toString(getSetting('max_result_rows'))")
	for range 20 {
		if got := text(t, db, "SELECT toString(getSetting('max_result_rows')) SETTINGS max_result_rows = 123"); got != "123" {
			t.Fatalf("the statement's own setting: %s", got)
		}
		if got := text(t, db, "SELECT toString(getSetting('max_result_rows'))"); got != before {
			t.Fatalf("another statement saw %s, not %s", got, before)
		}
	}
}

func TestStatementsSpeakOfTheirDatabase(t *testing.T) {
	one, two := chtest.Open(t), chtest.Open(t)
	exec(t, one, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
	if err := two.Exec(t.Context(), "SELECT * FROM t"); ch.Code(err) != 60 {
		t.Errorf("a table of another database is seen: %v", err)
	}
	if got := text(t, two, "SELECT currentDatabase()"); got != two.Database() {
		t.Errorf("current database is %s, want %s", got, two.Database())
	}
}

func TestTheServerGivesUpBeforeTheClient(t *testing.T) {
	db := chtest.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := drain(db.Query(ctx, endless))
	if ch.Code(err) != 159 || !ch.IsUnavailable(err) {
		t.Errorf("code %d, unavailable %v: %v", ch.Code(err), ch.IsUnavailable(err), err)
	}
}

const endless = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"

func TestACallerThatLeavesTakesItsQueryWithIt(t *testing.T) {
	db := chtest.Open(t)
	mark := "mark_" + db.Database()
	running := func() string {
		return text(t, db, "SELECT toString(count()) FROM system.processes WHERE position(query, {mark:String}) > 0 AND position(query, 'system.processes') = 0", ch.P("mark", mark))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- drain(db.Query(ctx, endless+" /* "+mark+" */")) }()
	eventually(t, func() bool { return running() == "1" })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || ch.IsUnavailable(err) {
		t.Errorf("unavailable %v: %v", ch.IsUnavailable(err), err)
	}
	eventually(t, func() bool { return running() == "0" })
}

func TestRowsArriveBeforeTheLastIsKnown(t *testing.T) {
	db := chtest.Open(t)
	rows, err := db.Query(t.Context(), "SELECT number FROM numbers(1000000000000)")
	if err != nil {
		t.Fatal(err)
	}
	for range 200_000 {
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
	}
	if err := rows.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestOneInsertIsOnePartAndOneBlock(t *testing.T) {
	db := chtest.Open(t)
	exec(t, db, "CREATE TABLE t (at DateTime, v UInt64) ENGINE = MergeTree PARTITION BY toDate(at) ORDER BY v")
	exec(t, db, "CREATE TABLE blocks (rows UInt64) ENGINE = MergeTree ORDER BY rows")
	exec(t, db, "CREATE MATERIALIZED VIEW mv TO blocks AS SELECT count() AS rows FROM t")
	b := ch.NewBlock()
	at, v := b.DateTime("at"), b.UInt64("v")
	for i := range 50_000 {
		at.Append(time.Date(2026, 7, 19, 0, 0, i, 0, time.UTC))
		v.Append(uint64(i))
	}
	if err := db.Insert(t.Context(), "t", "", b); err != nil {
		t.Fatal(err)
	}
	got := text(t, db, "SELECT toString(tuple((SELECT groupArray(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = 't'), (SELECT groupArray(rows) FROM blocks)))")
	if want := "([50000],[50000])"; got != want {
		t.Errorf("rows by part and by block: %s, want %s", got, want)
	}
}

func TestInsertsAndSelectsGoSideBySide(t *testing.T) {
	db := chtest.Open(t)
	exec(t, db, "CREATE TABLE t (writer UInt8, v UInt64) ENGINE = MergeTree ORDER BY v")
	const writers, inserts, rows = 4, 10, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			b := ch.NewBlock()
			writer, v := b.UInt8("writer"), b.UInt64("v")
			for i := range inserts {
				b.Reset()
				for j := range rows {
					writer.Append(uint8(w))
					v.Append(uint64(i*rows + j))
				}
				if err := db.Insert(t.Context(), "t", "", b); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range inserts {
				var got []struct {
					N uint64 `ch:"n"`
				}
				if err := db.Select(t.Context(), &got, "SELECT count() AS n FROM t WHERE writer = {w:UInt8}", ch.P("w", w)); err != nil {
					t.Error(err)
				} else if got[0].N%rows != 0 {
					t.Errorf("a part of an insert was seen: %d rows", got[0].N)
				}
			}
		})
	}
	wg.Wait()
	if got, want := text(t, db, "SELECT toString(count()) FROM t"), fmt.Sprint(writers*inserts*rows); got != want {
		t.Errorf("%s rows, want %s", got, want)
	}
}

func exec(t *testing.T, db *ch.DB, sql string) {
	t.Helper()
	if err := db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// text is a statement's only value.
func text(t *testing.T, db *ch.DB, sql string, params ...ch.Param) string {
	t.Helper()
	rows, err := db.Query(t.Context(), sql, params...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return strings.Join(slices.Compact(got), "\n")
}

func drain(rows *ch.Rows, err error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

// eventually waits for what another process will do.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it did not come about in 10 s")
}
