package beacon

import (
	"testing"
	"time"

	"vigie/internal/event"
)

func TestTheTimeOfABeaconIsOneThatAnHonestClockShows(t *testing.T) {
	received := time.Date(2026, 7, 19, 21, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		told     time.Time
		backfill bool
		want     time.Time
	}{
		{"as told", received.Add(-3 * time.Second), false, received.Add(-3 * time.Second)},
		{"told late, within a day", received.Add(-MaxPast), false, received.Add(-MaxPast)},
		{"a clock that is days slow", received.Add(-96 * time.Hour), false, received},
		{"the night of four days ago, sent on purpose", received.Add(-96 * time.Hour), true, received.Add(-96 * time.Hour)},
		{"a clock that is fast", received.Add(MaxFuture + time.Second), false, received},
		{"nothing sent on purpose is of the future", received.Add(MaxFuture + time.Second), true, received},
		{"not told", time.Time{}, false, received},
		{"not told in old data", time.Time{}, true, received},
	} {
		if got := Clock(tt.told, &event.Origin{Received: received, Backfill: tt.backfill}); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if told := received.Add(-96 * time.Hour); !Clock(told, &event.Origin{}).Equal(told) {
		t.Error("without a time of reception the told one is all there is")
	}
}
