package crisis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigie/internal/bus"
	"vigie/internal/state"
)

// claim says which crisis a problem belongs to, so that of two people who open one about the same problem at once the
// second is told of the first's.
type claim struct {
	Crisis string    `json:"crisis"`
	At     time.Time `json:"at"`
}

// claimFor is how long a claim holds whose crisis is not there: its process may have died before it made it.
const claimFor = 10 * time.Second

func cleanProblems(problems []string) ([]string, error) {
	problems = slices.Clone(problems)
	slices.Sort(problems)
	problems = slices.Compact(problems)
	if len(problems) > MaxProblems {
		return nil, Invalid{"problems", fmt.Sprintf("are more than %d", MaxProblems)}
	}
	for _, p := range problems {
		if !validID(p) {
			return nil, Invalid{"problems", fmt.Sprintf("%.40q is no id of a problem", p)}
		}
	}
	return problems, nil
}

// claim makes the problems a crisis's own. Already: one is another's.
func (r *Room) claim(ctx context.Context, crisis string, problems []string, now time.Time) error {
	for _, p := range problems {
		_, err := r.claims.Set(ctx, p, func(c *claim) error {
			switch {
			case c.Crisis == crisis:
				return state.ErrUnchanged
			case c.Crisis == "":
			default:
				of, err := r.fresh(ctx, c.Crisis)
				if err != nil && !errors.Is(err, ErrNotFound) {
					return err
				}
				if of != nil && of.Open() || of == nil && now.Sub(c.At) < claimFor {
					return Already{c.Crisis, p}
				}
			}
			*c = claim{crisis, now}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fresh is a crisis as the bucket has it.
func (r *Room) fresh(ctx context.Context, id string) (*Crisis, error) {
	c, err := r.crises.Edit(ctx, id, func(*Crisis) error { return state.ErrUnchanged })
	if errors.Is(err, bus.ErrNotFound) {
		return nil, ErrNotFound
	}
	return c, err
}

// known is a crisis as this process knows it, or, when it has not heard of it yet, as the bucket has it.
func (r *Room) known(ctx context.Context, id string) (*Crisis, error) {
	if c := r.crises.Get(id); c != nil {
		return c, nil
	}
	if !validID(id) {
		return nil, ErrNotFound
	}
	return r.fresh(ctx, id)
}

// Join says that problems of alerts belong to a crisis. Those that do already are no error; Already: one belongs to
// another crisis that is open.
func (r *Room) Join(ctx context.Context, by, id string, problems ...string) (*Crisis, error) {
	problems, err := cleanProblems(problems)
	if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		return nil, Invalid{"problems", "are missing"}
	}
	c, err := r.known(ctx, id)
	if err != nil {
		return nil, err
	}
	if !c.Open() {
		return nil, ErrOver
	}
	if err := r.claim(ctx, id, problems, time.Now().UTC()); err != nil {
		return nil, err
	}
	for _, p := range problems { // a line for each
		c, err = r.edit(ctx, by, id, open(func(c *Crisis) (*Line, error) {
			if slices.Contains(c.Problems, p) {
				return nil, nil
			}
			if len(c.Problems) >= MaxProblems {
				return nil, ErrFull
			}
			c.Problems = append(c.Problems, p)
			return &Line{What: Joined, Problem: p, Args: pairs("problem", p)}, nil
		}))
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Of is the open crisis that a problem belongs to; nil: none.
func (r *Room) Of(problem string) *Crisis {
	for _, c := range r.Current() {
		if slices.Contains(c.Problems, problem) {
			return c
		}
	}
	return nil
}
