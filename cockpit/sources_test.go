package cockpit

import (
	"log/slog"
	"testing"
	"time"

	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/watermark"
)

func TestWhatAnOperatorIsToldOfASource(t *testing.T) {
	now := time.Unix(1_788_896_700, 0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	healthy := func() *watermark.Source {
		all := watermark.Told{1000, 1000, 1000, 1000, 1000, 0}
		return &watermark.Source{
			Received: ago(time.Second), Newest: ago(2 * time.Second), Pause: time.Second, Lines: 1000, Late: 2 * time.Second, Known: true,
			Recent: watermark.Delivered{Lines: 160, Told: watermark.Told{160, 160, 160, 160, 160, 0}},
			Minute: watermark.Delivered{Lines: 1000, Told: all},
			Whole:  watermark.Delivered{Lines: 10_000, Told: watermark.Told{10_000, 10_000, 10_000, 10_000, 10_000, 0}},
		}
	}
	for _, c := range []struct {
		name   string
		door   DoorState
		change func(*watermark.Source) *watermark.Source
		silent time.Duration
		want   Finding
		field  string
		health Health
	}{
		{"all is well", DoorState{Last: now}, nil, 0, FindingNone, "", HealthFine},
		{"nothing ever came", DoorState{}, func(*watermark.Source) *watermark.Source { return nil }, 0, FindingNever, "", HealthUnknown},
		{"it knocks with a wrong token", DoorState{LastRefused: ago(time.Second)}, func(*watermark.Source) *watermark.Source { return nil }, 0, FindingDenied, "", HealthCritical},
		{"one of its senders does, and others deliver", DoorState{Last: now, LastRefused: ago(time.Second)}, nil, 0, FindingNone, "", HealthFine},
		{"it was refused long ago", DoorState{LastRefused: ago(time.Hour)}, func(*watermark.Source) *watermark.Source { return nil }, 0, FindingNever, "", HealthUnknown},
		{"it delivers and nothing is stored", DoorState{Last: ago(time.Second)}, func(s *watermark.Source) *watermark.Source { s.Received = ago(12 * time.Second); return s }, 0, FindingStuck, "", HealthCritical},
		{"the first of it is not stored yet", DoorState{Last: ago(time.Second)}, func(*watermark.Source) *watermark.Source { return nil }, 0, FindingNever, "", HealthUnknown},
		{"it is silent", DoorState{Last: ago(30 * time.Second)}, func(s *watermark.Source) *watermark.Source { s.Received = ago(30 * time.Second); return s }, 30 * time.Second, FindingSilent, "", HealthWarning},
		{"one line in twenty cannot be read", DoorState{}, func(s *watermark.Source) *watermark.Source { s.Recent.Refused = 9; return s }, 0, FindingRefused, "", HealthWarning},
		{"one in a hundred is not news", DoorState{}, func(s *watermark.Source) *watermark.Source { s.Recent.Refused = 1; return s }, 0, FindingNone, "", HealthFine},
		{"half cannot be read", DoorState{}, func(s *watermark.Source) *watermark.Source { s.Recent.Refused = 200; return s }, 0, FindingRefused, "", HealthCritical},
		{"of few lines a minute's are judged", DoorState{}, func(s *watermark.Source) *watermark.Source {
			s.Recent = watermark.Delivered{Lines: 3, Refused: 3}
			return s
		}, 0, FindingNone, "", HealthFine},
		{"the first byte is not told any more", DoorState{}, func(s *watermark.Source) *watermark.Source { s.Recent.Told[1] = 0; return s }, 0, FindingChanged, "first_byte", HealthWarning},
		{"a session was never told", DoorState{}, func(s *watermark.Source) *watermark.Source { s.Recent.Told[5] = 0; return s }, 0, FindingNone, "", HealthFine},
		{"what arrives is old", DoorState{}, func(s *watermark.Source) *watermark.Source { s.Newest = ago(10 * time.Second); return s }, 0, FindingLate, "", HealthWarning},
		{"it is late by nature", DoorState{}, func(s *watermark.Source) *watermark.Source {
			s.Newest, s.Late = ago(60*time.Second), 45*time.Second
			return s
		}, 0, FindingNone, "", HealthFine},
	} {
		state := healthy()
		if c.change != nil {
			state = c.change(state)
		}
		f, field, health := finding(&Source{Door: c.door, Silent: c.silent}, state, now)
		if f != c.want || field != c.field || health != c.health {
			t.Errorf("%s: %v %q, health %v; want %v %q, health %v", c.name, f, field, health, c.want, c.field, c.health)
		}
	}
}

// Each is seen on what the tables say 12 s after it began: the page is told once a second, so well
// within 15 s.
func TestWhatGoesWrongWithASourceIsSeenWithin15Seconds(t *testing.T) {
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	// A delivery a second over five minutes, of 100 lines that tell what they did; the last 12 s are
	// each source's own.
	deliver := func(source, until, lines, refused, told, newest string) {
		t.Helper()
		sql := "INSERT INTO deliveries (stored, first, source, received, messages, bytes, lines, refused, late_1, told_bytes, told_first_byte, oldest, newest) " +
			"SELECT now64(3) - INTERVAL number SECOND AS at, number, '" + source + "', at, 1, 1000, " + lines + ", " + refused + ", 100, 100, " + told + ", at - INTERVAL 2 SECOND, " + newest +
			" FROM numbers(300) WHERE " + until
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	const always, recent = "1", "number < 12"
	onTime := "at - INTERVAL 1 SECOND"
	deliver("fine", always, "100", "0", "100", onTime)
	deliver("silent", "NOT ("+recent+")", "100", "0", "100", onTime)
	deliver("refused", always, "if("+recent+", 0, 100)", "if("+recent+", 100, 0)", "100", onTime)
	deliver("changed", always, "100", "0", "if("+recent+", 0, 100)", onTime)
	deliver("late", always, "100", "0", "100", "now64(3) - INTERVAL greatest(number, 12) SECOND")

	c, err := New(Config{DB: db, CDNs: []CDN{{ID: "a", Name: "A"}}, Sources: []SourceInfo{
		{ID: "fine", CDN: "a"}, {ID: "silent", CDN: "a"}, {ID: "refused", CDN: "a"}, {ID: "changed", CDN: "a"}, {ID: "late", CDN: "a"}, {ID: "cmcd", BuiltIn: true},
	}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	board := c.Tick(t.Context(), time.Now())
	want := map[string]Finding{"fine": FindingNone, "silent": FindingSilent, "refused": FindingRefused, "changed": FindingChanged, "late": FindingLate}
	for _, row := range board.Sources.Rows {
		if row.Finding != want[row.ID] {
			t.Errorf("%s: found %v (silent for %v, late %v, share refused %v)", row.ID, row.Finding, row.Silent, row.LateP95, row.Share)
		}
		if row.ID == "cmcd" {
			t.Error("a built-in source that nobody sends to is shown")
		}
		delete(want, row.ID)
	}
	if len(want) > 0 || board.Sources.Error != "" {
		t.Errorf("not on the board: %v %s", want, board.Sources.Error)
	}
}
