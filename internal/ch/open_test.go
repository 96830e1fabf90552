package ch_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"vigie/internal/ch"
)

func TestOpenSaysWhatIsWrongAndKeepsTheSecret(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  ch.Config
		want string
	}{
		{"nothing", ch.Config{}, "neither a DSN nor a data folder"},
		{"both", ch.Config{DSN: "http://h:1", Engine: ch.Engine{DataDir: "/nowhere"}}, "both set"},
		{"a DSN that is none", ch.Config{DSN: "clickhouse://u:secret@h:x/db"}, "clickhouse.dsn"},
		{"nobody there", ch.Config{DSN: "http://u:secret@127.0.0.1:1/db"}, "127.0.0.1:1 does not answer"},
		{"nobody there, natively", ch.Config{DSN: "clickhouse://u:secret@127.0.0.1:1/db"}, "127.0.0.1:1 does not answer"},
		{"no such binary", ch.Config{Engine: ch.Engine{DataDir: t.TempDir(), Binary: "/nowhere/vigie-engine"}}, "engine binary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c.cfg.Log = slog.New(slog.DiscardHandler)
			_, err := ch.Open(ctx, c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}
