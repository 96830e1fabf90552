package rule

import (
	"io"
	"log/slog"
	"testing"

	"github.com/goccy/go-yaml"
)

// decode reads a file of rules as the application does.
func decode(t testing.TB, text string) *Group {
	t.Helper()
	g := &Group{ID: "test"}
	if err := yaml.UnmarshalWithOptions([]byte(text), g, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return g
}

// checked reads one that has nothing wrong.
func checked(t testing.TB, text string) *Group {
	t.Helper()
	g := decode(t, text)
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
