package record_test

import (
	"strings"
	"testing"

	"vigie/ingest/record"
)

func TestColumns(t *testing.T) {
	f := func(name string, c record.Columns, line string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var got []string
			c.Start([]byte(line))
			for v, ok := c.Next(); ok; v, ok = c.Next() {
				got = append(got, string(v))
			}
			if c.Bad() {
				got = append(got, "bad")
			}
			if strings.Join(got, "¦") != strings.Join(want, "¦") || len(got) != len(want) {
				t.Errorf("%s: got %q, want %q", line, got, want)
			}
		})
	}
	csv := record.Columns{By: []byte(","), Quoted: true}
	tsv := record.Columns{By: []byte("\t")}
	spaces := record.Columns{By: []byte(" "), Quoted: true, Runs: true}
	wide := record.Columns{By: []byte("||")}
	f("csv", csv, `a,b,c`, "a", "b", "c")
	f("csv, empty ones", csv, `,a,`, "", "a", "")
	f("csv, nothing", csv, ``, "")
	f("csv, quotes", csv, `"a,b","c ""d"" e","",f"g`, "a,b", `c "d" e`, "", `f"g`)
	f("csv, only quotes", csv, `"""",""""""`, `"`, `""`)
	f("csv, quote not closed", csv, `a,"b,c`, "a", "bad")
	f("csv, text behind a quote", csv, `"a"b,c`, "bad")
	f("tsv has no quotes", tsv, "\"a\t\"b\"\t", `"a`, `"b"`, "")
	f("spaces", spaces, ` a  "b c" d `, "a", "b c", "d")
	f("delimiter of two", wide, "a||b|c||", "a", "b|c", "")
}
