package app

import (
	"context"
	"sync/atomic"

	"vigie/cockpit"
)

// sights is the cockpit as people's pages ask it: there once ClickHouse is.
type sights struct {
	cockpit atomic.Pointer[cockpit.Cockpit]
}

func (s *sights) look(ctx context.Context, at cockpit.Sight) (*cockpit.Board, error) {
	if c := s.cockpit.Load(); c != nil {
		return c.Look(ctx, at)
	}
	return nil, cockpit.ErrNoSuchSight
}

func (s *sights) samples(ctx context.Context, at cockpit.Sight, filter cockpit.SampleFilter) ([]cockpit.Sample, error) {
	if c := s.cockpit.Load(); c != nil {
		return c.Samples(ctx, at, filter)
	}
	return nil, cockpit.ErrNoSuchSight
}
