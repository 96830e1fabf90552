package ch_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"vigie/internal/ch/chtest"
)

type migrations = fstest.MapFS

func file(sql string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(sql)} }

func TestMigrateRunsInOrderAndOnce(t *testing.T) {
	db := chtest.Open(t)
	folder := migrations{
		"0002_row.sql":   file("INSERT INTO a SELECT {{.Value}};\n"),
		"0001_table.sql": file("CREATE TABLE IF NOT EXISTS a (v UInt8) ENGINE = MergeTree ORDER BY v"),
		"README.md":      file("not a migration"),
	}
	for _, value := range []int{7, 8} { // what configuration decides is no change of the file
		if err := db.Migrate(t.Context(), folder, struct{ Value int }{value}); err != nil {
			t.Fatal(err)
		}
	}
	folder["0010_later.sql"] = file("INSERT INTO a SELECT 9")
	if err := db.Migrate(t.Context(), folder, struct{ Value int }{0}); err != nil {
		t.Fatal(err)
	}
	if got := text(t, db, "SELECT toString(arraySort(groupArray(v))) FROM a"); got != "[7,9]" {
		t.Errorf("the table has %s", got)
	}
	if got := text(t, db, "SELECT toString(arraySort(groupArray(name))) FROM schema_migrations"); got != "['0001_table.sql','0002_row.sql','0010_later.sql']" {
		t.Errorf("recorded are %s", got)
	}
}

func TestMigrateGoesOnWhereItFailed(t *testing.T) {
	db := chtest.Open(t)
	folder := migrations{
		"0001_table.sql": file("CREATE TABLE a (v UInt8) ENGINE = MergeTree ORDER BY v"),
		"0002_row.sql":   file("INSERT INTO a SELECT nosuch"),
	}
	err := db.Migrate(t.Context(), folder, nil)
	if err == nil || !strings.Contains(err.Error(), "0002_row.sql") {
		t.Errorf("the error does not name the file: %v", err)
	}
	folder["0002_row.sql"] = file("INSERT INTO a SELECT 1") // it never ran: it may be changed
	if err := db.Migrate(t.Context(), folder, nil); err != nil {
		t.Fatal(err)
	}
	if got := text(t, db, "SELECT toString(count()) FROM a"); got != "1" {
		t.Errorf("%s rows", got)
	}
}

func TestMigrateRefuses(t *testing.T) {
	applied := migrations{
		"0001_a.sql": file("CREATE TABLE a (v UInt8) ENGINE = MergeTree ORDER BY v"),
		"0003_c.sql": file("CREATE TABLE c (v UInt8) ENGINE = MergeTree ORDER BY v"),
	}
	for _, c := range []struct {
		name   string
		change func(migrations)
		want   string
	}{
		{"a changed file", func(m migrations) { m["0001_a.sql"] = file("SELECT 1") }, "0001_a.sql was changed"},
		{"an older file", func(m migrations) { m["0002_b.sql"] = file("SELECT 1") }, "0002_b.sql comes before 0003_c.sql"},
		{"a file that is gone", func(m migrations) { delete(m, "0003_c.sql") }, "the database has 0003_c.sql"},
		{"another that is gone", func(m migrations) { delete(m, "0001_a.sql") }, "the database has 0001_a.sql"},
		{"two of one number", func(m migrations) { m["0003_b.sql"] = file("SELECT 1") }, "same number"},
		{"a name without number", func(m migrations) { m["first.sql"] = file("SELECT 1") }, "NNNN_name.sql"},
		{"a field that is not there", func(m migrations) { m["0004_d.sql"] = file("SELECT {{.Nosuch}}") }, "0004_d.sql"},
		{"a template that is none", func(m migrations) { m["0004_d.sql"] = file("SELECT {{") }, "0004_d.sql"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := chtest.Open(t)
			if err := db.Migrate(t.Context(), applied, nil); err != nil {
				t.Fatal(err)
			}
			changed := migrations{}
			for name, f := range applied {
				changed[name] = f
			}
			c.change(changed)
			if err := db.Migrate(t.Context(), changed, struct{}{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
