//go:build linux

package engine

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct{ name, text, sql, format, insert, data string }{
		{"select", "SELECT 1", "SELECT 1", "", "", ""},
		{"semicolons at the end", "SELECT 1 ;; -- bye", "SELECT 1 ", "", "", ""},
		{"semicolon in a string", "SELECT ';'", "SELECT ';'", "", "", ""},
		{"semicolon in a comment", "SELECT /* ; */ 1 -- ;", "SELECT /* ; */ 1 -- ;", "", "", ""},
		{"semicolon in a heredoc", "SELECT $a$;$a$", "SELECT $a$;$a$", "", "", ""},
		{"format", "SELECT 1 FORMAT JSON", "SELECT 1 FORMAT JSON", "JSON", "", ""},
		{"format and semicolon", "SELECT 1 format JSON;", "SELECT 1 format JSON", "JSON", "", ""},
		{"format and settings", "SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV", "", ""},
		{"a column called format", "SELECT a FROM t ORDER BY format DESC", "SELECT a FROM t ORDER BY format DESC", "", "", ""},
		{"a function called format", "SELECT format('{}', a) FROM t", "SELECT format('{}', a) FROM t", "", "", ""},
		{"format inside a string", "SELECT ' FORMAT JSON'", "SELECT ' FORMAT JSON'", "", "", ""},

		{"values", "INSERT INTO t VALUES (1, ';')", "INSERT INTO t ", "", "Values", " (1, ';')"},
		{"values after columns", "insert into t (a, b) values(1)", "insert into t (a, b) ", "", "Values", "(1)"},
		{"format with a line end", "INSERT INTO t FORMAT CSV\n1;2", "INSERT INTO t ", "", "CSV", "1;2"},
		{"format with line end and blanks as data", "INSERT INTO t FORMAT CSV \r\n\n 1", "INSERT INTO t ", "", "CSV", "\n 1"},
		{"settings before the format", "INSERT INTO t SETTINGS a = 'VALUES' FORMAT Native\n\x00;", "INSERT INTO t SETTINGS a = 'VALUES' ", "", "Native", "\x00;"},
		{"format values", "INSERT INTO t FORMAT VALUES (1)", "INSERT INTO t ", "", "Values", "(1)"},
		{"a quoted table", "INSERT INTO `a`.`VALUES` (`FORMAT`) FORMAT TSV\n1", "INSERT INTO `a`.`VALUES` (`FORMAT`) ", "", "TSV", "1"},
		{"a table called values", "INSERT INTO values VALUES (1)", "INSERT INTO values ", "", "Values", " (1)"},
		{"a table called format", "INSERT INTO db.format FORMAT TSV\n1", "INSERT INTO db.format ", "", "TSV", "1"},
		{"into a table function", "INSERT INTO FUNCTION remote('h', db.t) VALUES (1)", "INSERT INTO FUNCTION remote('h', db.t) ", "", "Values", " (1)"},
		{"a comment that speaks of values", "INSERT /* VALUES */ INTO t -- FORMAT CSV\n VALUES (1)", "INSERT /* VALUES */ INTO t -- FORMAT CSV\n ", "", "Values", " (1)"},
		{"from a select", "INSERT INTO t SELECT 1", "INSERT INTO t SELECT 1", "", "", ""},
		{"from a select with a column called values", "INSERT INTO t (a) SELECT values FROM u;", "INSERT INTO t (a) SELECT values FROM u", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := split([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			data := ""
			if s.insert != "" {
				data = c.text[s.data:]
			}
			if s.sql != c.sql || s.format != c.format || s.insert != c.insert || data != c.data {
				t.Errorf("sql %q, format %q, insert %q, data %q", s.sql, s.format, s.insert, data)
			}
		})
	}
}

func TestSplitRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "Empty query",
		" -- nothing":                      "Empty query",
		"SELECT 1; SELECT 2":               "Multi-statements are not allowed: failed at position 9",
		"SELECT 1;;DROP TABLE t":           "Multi-statements",
		"INSERT INTO t SELECT 1; SELECT 2": "Multi-statements",
		"DROP TABLE t SYNC":                "SYNC would wait for ever",
		"DROP DATABASE d NO DELAY;":        "SYNC would wait for ever",
		"SELECT 1 INTO OUTFILE '/tmp/x'":   "INTO OUTFILE",
		"INSERT INTO t FROM INFILE '/x' FORMAT CSV": "FROM INFILE",
	} {
		if _, err := split([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Data is never SQL: whatever stands behind the place where a statement ends and its data begins,
// the statement is the same, and holds none of it.
func FuzzDataIsNeverSQL(f *testing.F) {
	for _, statement := range []string{
		"INSERT INTO t VALUES", "INSERT INTO t (a, `b;`) FORMAT CSV\n", "INSERT INTO `VALUES` SETTINGS x = 'FORMAT' FORMAT Native\r\n",
		"/* ; */ INSERT INTO t -- VALUES\n FORMAT JSONEachRow ", "INSERT INTO t (a) SELECT 'VALUES' FROM u FORMAT CSV\n", "SELECT 1", "INSERT INTO $a$ VALUES $a$",
	} {
		for _, data := range []string{"(1, 'a;b')", "'); DROP TABLE t; --", "\x00;\x00", "SELECT 1", " FORMAT CSV\n1", "$a$ */ `"} {
			f.Add(statement, data)
		}
	}
	f.Fuzz(func(t *testing.T, statement, data string) {
		alone, err := split([]byte(statement))
		if err != nil || alone.insert == "" {
			return
		}
		if alone.data < len(alone.sql) || alone.data > len(statement) || !strings.HasPrefix(statement, alone.sql) {
			t.Fatalf("%q: sql %q, data from %d", statement, alone.sql, alone.data)
		}
		head := statement[:alone.data]
		if strings.HasSuffix(head, "VALUES") || !strings.ContainsAny(head[len(head)-1:], " \n") {
			head += "\n" // as a client must part a format's name from its data
		}
		s, err := split([]byte(head + data))
		if err != nil || s.sql != alone.sql || s.insert != alone.insert {
			t.Fatalf("%q then %q: sql %q, format %q, error %v; alone: sql %q, format %q", head, data, s.sql, s.insert, err, alone.sql, alone.insert)
		}
		if again, err := split([]byte(s.from("/proc/self/fd/9"))); err != nil || again.insert != "" {
			t.Fatalf("what is run brings data of its own: %q: %+v, %v", s.from("/proc/self/fd/9"), again, err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("SELECT 1; SELECT 2")
	f.Add("WITH 1 AS x SELECT x FORMAT JSON SETTINGS a = 1")
	f.Add("SELECT $a$ ; $a$, 'it''s \\' ;', `;`")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := split([]byte(text))
		if err != nil || s.insert != "" {
			return
		}
		if !strings.HasPrefix(text, s.sql) {
			t.Fatalf("%q became %q", text, s.sql)
		}
		if again, err := split([]byte(s.sql)); s.sql != "" && err == nil && again != s {
			t.Fatalf("%q: %+v, and then %+v", text, s, again)
		}
	})
}
