//go:build !linux

package main

import (
	"context"
	"errors"
	"log/slog"
)

func serve(context.Context, config, *slog.Logger) error {
	return errors.New("the embedded engine runs on Linux: set clickhouse.dsn to a ClickHouse server instead")
}

func isLocked(error) bool { return false }
