package ingest

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// The board compares when a source's batches were taken with when those that were read had been
// received: what waited for the stream must not look as if it were stuck behind it.
func TestABatchThatHadToWaitIsReceivedWhenItIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var taken, received time.Time
		b := newBatcher(t.Context(), &Source{ID: "edge"}, true, true, func(_ context.Context, d *delivery) (bool, error) {
			if time.Since(begun) < time.Minute {
				return false, errors.New("full")
			}
			taken, received = time.Now(), d.received
			first, _, err := disclose(d.body)
			if err != nil || first.received.Sub(begun).Abs() > time.Millisecond {
				t.Errorf("its payload was received at %v: %v", first.received, err)
			}
			return false, nil
		})
		going, err := b.add(t.Context(), true, begun, netip.Addr{}, "", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		<-going.settled
		if taken.IsZero() || !received.Equal(taken) {
			t.Errorf("taken at %v, received at %v", taken, received)
		}
		b.close()
	})
}
