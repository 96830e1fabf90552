package runbooks

import (
	"context"
	"sync"
	"testing"
	"time"

	"vigie/internal/bus/bustest"
)

// One process watches; when it is gone another one does.
func TestAnotherProcessWatchesOn(t *testing.T) {
	b := bustest.Open(t)
	leases, err := b.KV(t.Context(), "leases")
	if err != nil {
		t.Fatal(err)
	}
	step := "\nkind: automatic\nsignal: {name: errors, where: {cdn: akamai}, below: 0.01}"
	rb := written(t, "a"+step, "m\nkind: manual", "b\nneeds: [m]"+step)
	cfg := Config{Runbooks: []*Runbook{rb}, Lease: leases, Signals: &board{known: true}}
	cfg.Owner = "one"
	one := process(t, b, false, cfg)
	cfg.Owner = "two"
	two := process(t, b, false, cfg)
	watchOn := func(r *Room) func() {
		ctx, stop := context.WithCancel(t.Context())
		var g sync.WaitGroup
		g.Go(func() { _ = r.Run(ctx) })
		return func() { stop(); g.Wait() }
	}
	run := started(t, one, Start{})
	done := func(id string) func() bool {
		return func() bool { return one.View(run.ID, time.Now()).Step(id).Status == Done }
	}
	stopOne := watchOn(one)
	until(t, "the first one ticks a", done("a"))
	stopTwo := watchOn(two)
	defer stopTwo()
	stopOne()
	if _, err := one.Tick(t.Context(), "paul", run.ID, "m", ""); err != nil {
		t.Fatal(err)
	}
	until(t, "the second one ticks b", done("b"))
	if n := len(one.Get(run.ID).Acts); n != 4 {
		t.Errorf("%d acts, want 4: each step is ticked once", n)
	}
}
