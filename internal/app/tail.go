package app

import (
	"context"

	"vigie/internal/tail"
)

// TailOptions say what `vigie tail` follows and where it sends it.
type TailOptions = tail.Config

// Tail follows log files until ctx ends.
func Tail(ctx context.Context, opt TailOptions) error { return tail.Run(ctx, opt) }
