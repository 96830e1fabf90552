package main

import (
	"context"
	"errors"
	"log/slog"

	"vigie/internal/ch"
	"vigie/internal/ch/engine"
)

func serve(ctx context.Context, cfg config, log *slog.Logger) error {
	library, err := ch.FindLibrary(cfg.library)
	if err != nil {
		return err
	}
	return engine.Run(ctx, engine.Config{
		Data: cfg.data, Library: library, Socket: cfg.socket, Listen: cfg.listen,
		Threads: cfg.threads, Memory: cfg.memory, Log: log,
	})
}

func isLocked(err error) bool {
	var locked *engine.Locked
	return errors.As(err, &locked)
}
