package send

import (
	"math/rand/v2"
	"testing"
	"time"

	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
)

// said is a confirmed send of one scenario, minutes after the crisis began.
func said(step message.Step, minutes, next int, began time.Time) *Send {
	s := &Send{ID: string(step), State: Completed, Rendered: message.Rendered{Scenario: "cdn-lost", Step: step}, Confirmed: began.Add(time.Duration(minutes) * time.Minute)}
	if next > 0 {
		s.NextBy = began.Add(time.Duration(next) * time.Minute)
	}
	return s
}

func TestWhatIsDueByTheIncidentsClock(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	evening := time.Date(2026, 12, 19, 20, 41, 0, 0, paris)
	night := time.Date(2026, 10, 25, 1, 50, 0, 0, paris) // at three it is two again
	spring := time.Date(2026, 3, 29, 1, 50, 0, 0, paris) // at two it is three
	timing := message.Timing{Initial: 5 * time.Minute, Every: 15 * time.Minute, Most: 3}
	for _, c := range []struct {
		name  string
		began time.Time
		ended int // minutes; 0: it goes on
		sends func(began time.Time) []*Send
		now   int
		step  message.Step // "": nothing is due
		at    int
		over  bool
		n     int
		told  bool
	}{
		{"nothing was prepared", evening, 0, func(time.Time) []*Send { return nil }, 20, "", 0, false, 0, false},
		{"the first message, in time", evening, 0, func(time.Time) []*Send {
			return []*Send{{ID: "p", State: Prepared, Rendered: message.Rendered{Scenario: "cdn-lost", Step: message.Initial}}}
		}, 4, message.Initial, 5, false, 0, false},
		{"the first message, late", evening, 0, func(time.Time) []*Send {
			return []*Send{{ID: "p", State: Checked, Rendered: message.Rendered{Scenario: "cdn-lost", Step: message.Initial}}}
		}, 6, message.Initial, 5, true, 0, false},
		{"what was dropped counts for nothing", evening, 0, func(time.Time) []*Send {
			return []*Send{{ID: "p", State: Dropped, Rendered: message.Rendered{Scenario: "cdn-lost", Step: message.Initial}}}
		}, 6, "", 0, false, 0, false},
		{"an update, by what was promised", evening, 0, func(b time.Time) []*Send { return []*Send{said(message.Initial, 4, 20, b)} }, 10, message.Update, 20, false, 1, true},
		{"an update, by the timing where nothing was promised", evening, 0, func(b time.Time) []*Send { return []*Send{said(message.Initial, 4, 0, b)} }, 10, message.Update, 19, false, 1, false},
		{"the second update", evening, 0, func(b time.Time) []*Send {
			return []*Send{said(message.Initial, 4, 20, b), said(message.Update, 18, 35, b)}
		}, 36, message.Update, 35, true, 2, true},
		{"who identified the cause told something too", evening, 0, func(b time.Time) []*Send {
			return []*Send{said(message.Initial, 4, 20, b), said(message.Identified, 12, 30, b)}
		}, 21, message.Update, 30, false, 1, true},
		{"updates for ever are none: it should end", evening, 0, func(b time.Time) []*Send {
			return []*Send{said(message.Initial, 4, 20, b), said(message.Update, 18, 35, b), said(message.Update, 30, 45, b), said(message.Update, 45, 60, b)}
		}, 50, message.Resolved, 60, false, 0, false},
		{"the crisis is over: viewers are owed the end", evening, 30, func(b time.Time) []*Send { return []*Send{said(message.Initial, 4, 60, b)} }, 31, message.Resolved, 35, false, 0, true},
		{"the crisis is over, and a promise comes first", evening, 30, func(b time.Time) []*Send { return []*Send{said(message.Initial, 4, 32, b)} }, 33, message.Resolved, 32, true, 0, true},
		{"the crisis is over and nobody was told of it", evening, 30, func(time.Time) []*Send {
			return []*Send{{ID: "p", State: Prepared, Rendered: message.Rendered{Scenario: "cdn-lost", Step: message.Initial}}}
		}, 60, "", 0, false, 0, false},
		{"resolved is resolved", evening, 0, func(b time.Time) []*Send {
			return []*Send{said(message.Initial, 4, 20, b), said(message.Resolved, 18, 0, b)}
		}, 90, "", 0, false, 0, false},
		{"cancelled is over", evening, 0, func(b time.Time) []*Send {
			return []*Send{said(message.Initial, 4, 20, b), said(message.Cancel, 8, 0, b)}
		}, 90, "", 0, false, 0, false},
		{"a quarter of an hour over the night when the clock goes back", night, 0, func(b time.Time) []*Send {
			return []*Send{said(message.Initial, 5, 0, b), said(message.Update, 65, 0, b)}
		}, 79, message.Update, 80, false, 2, false},
		{"and when it goes forward", spring, 0, func(b time.Time) []*Send { return []*Send{said(message.Initial, 5, 0, b)} }, 21, message.Update, 20, true, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			crisis := &crisis.Crisis{ID: "night", Began: c.began}
			if c.ended > 0 {
				crisis.Ended = c.began.Add(time.Duration(c.ended) * time.Minute)
			}
			got := due(crisis, c.sends(c.began), func(string) message.Timing { return timing }, c.began.Add(time.Duration(c.now)*time.Minute))
			if c.step == "" {
				if len(got) > 0 {
					t.Fatalf("%+v is due, want nothing", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("%d messages are due: %+v", len(got), got)
			}
			d := got[0]
			if at := int(d.At.Sub(c.began).Minutes()); d.Step != c.step || at != c.at || d.Overdue != c.over || d.Number != c.n || d.Promised != c.told {
				t.Errorf("%s at %d min (overdue %v, number %d, promised %v), want %s at %d (%v, %d, %v)", d.Step, at, d.Overdue, d.Number, d.Promised, c.step, c.at, c.over, c.n, c.told)
			}
		})
	}
}

// What is better goes one way: whatever order outcomes come in, where they end is the same, and what arrived stays.
func TestOutcomesGoOneWay(t *testing.T) {
	for range 2000 {
		at := Claimed
		best := at
		order := []Outcome{Unknown, Accepted, Undelivered, Delivered, Claimed}
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, o := range order[:1+rand.IntN(len(order))] {
			if better(o, at, 1, 1) {
				at = o
			}
			if o == Delivered {
				best = Delivered
			}
		}
		if best == Delivered && at != Delivered {
			t.Fatalf("%v: ended %s", order, at)
		}
	}
	if better(Unknown, Waiting, 2, 1) || better(Refused, Claimed, 2, 1) {
		t.Error("what came of an earlier call took the place of a later one")
	}
}

func FuzzMessageID(f *testing.F) {
	f.Add("20261219t204100-abc123", 3, "k7")
	f.Fuzz(func(t *testing.T, send string, leg int, key string) {
		id := messageID(send, leg, key)
		s, n, k, ok := parseMessageID(id)
		if ok && messageID(s, n, k) != id {
			t.Errorf("%q was read as %q, %d, %q", id, s, n, k)
		}
		parseMessageID(send)
	})
}
