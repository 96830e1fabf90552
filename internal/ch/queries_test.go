package ch_test

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"vigie/internal/ch"
)

func TestQueriesAreNamedAsTheirFiles(t *testing.T) {
	folder := fstest.MapFS{
		"sql/traffic.sql":     file("-- bits per second\nSELECT 1;\n"),
		"sql/errors.sql":      file("SELECT ';'"),
		"sql/empty.sql":       file("\n"),
		"sql/notes.md":        file("no"),
		"sql/deeper/more.sql": file("SELECT 2"),
	}
	got, err := ch.Queries(folder, "sql", "traffic", "errors")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"traffic": "-- bits per second\nSELECT 1", "errors": "SELECT ';'", "empty": ""}
	if !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, missing := range []string{"nosuch", "empty"} {
		if _, err := ch.Queries(folder, "sql", "traffic", missing); err == nil || !strings.Contains(err.Error(), "sql/"+missing+".sql") {
			t.Errorf("%s: %v", missing, err)
		}
	}
}
