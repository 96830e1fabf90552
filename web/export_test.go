package web

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/cockpit"
)

// table is what a spreadsheet makes of a panel: its header, and its rows by the header's names.
func table(t testing.TB, panel string, b *cockpit.Board) (header []string, rows []map[string]string) {
	t.Helper()
	content, err := exportOf(panel).csv(b)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(strings.NewReader(string(content))).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", panel, err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, cell := range cells {
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return all[0], rows
}

func TestAChartIsExportedPointByPoint(t *testing.T) {
	b := final(t, 0)
	b.Flow.Lines[1].Points[3] = math.NaN()
	header, rows := table(t, "flow", b)
	if got, want := strings.Join(header, " "), "time maison_bits_per_second akamai_bits_per_second cloudfront_bits_per_second p2p_bits_per_second "+
		"forecast_bits_per_second earlier_bits_per_second reserved_bits_per_second complete"; got != want {
		t.Errorf("the header is %s, want %s", got, want)
	}
	if len(rows) != len(b.Flow.Over[0].Points) {
		t.Errorf("%d rows for %d points", len(rows), len(b.Flow.Over[0].Points))
	}
	if rows[3]["akamai_bits_per_second"] != "" {
		t.Errorf("what is not known is %q", rows[3]["akamai_bits_per_second"])
	}
	for i, row := range rows {
		if at, err := time.Parse(time.RFC3339, row["time"]); err != nil || !at.Equal(b.Flow.Start.Add(time.Duration(i)*b.Flow.Step)) || at.Location() != time.UTC {
			t.Fatalf("row %d is of %s", i, row["time"])
		}
		if want := strconv.FormatBool(i < b.Flow.Solid); row["complete"] != want {
			t.Fatalf("row %d is complete: %s", i, row["complete"])
		}
		want := ""
		if i < len(b.Flow.Lines[0].Points) {
			want = strconv.FormatFloat(b.Flow.Lines[0].Points[i], 'f', -1, 64) // to the last digit
		}
		if row["maison_bits_per_second"] != want {
			t.Fatalf("row %d has %s of Maison, want %s", i, row["maison_bits_per_second"], want)
		}
	}
}

func TestTheMatrixIsExportedCellByCell(t *testing.T) {
	b := final(t, 0)
	_, rows := table(t, "matrix", b)
	if want := len(b.Matrix.Rows) * len(b.Matrix.Columns); len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	i := slices.IndexFunc(rows, func(r map[string]string) bool { return r["isp"] == "Free" && r["cdn"] == "cloudfront" })
	for name, want := range map[string]string{
		"traffic_bits_per_second": "190000000000", "error_ratio": "0.0162", "first_byte_p95_seconds": "0.82", "viewers": "211834", "lines": "627000",
		"health": "critical", "why": "firstbyte", "as_of": "2022-12-18T17:23:36Z", "merged_networks": "0",
	} {
		if rows[i][name] != want {
			t.Errorf("%s is %q, want %q", name, rows[i][name], want)
		}
	}
	peers := rows[slices.IndexFunc(rows, func(r map[string]string) bool { return r["isp"] == "Orange" && r["cdn"] == "p2p" })]
	if peers["error_ratio"] != "" || peers["requests"] != "" || peers["traffic_bits_per_second"] != "154000000000" {
		t.Errorf("the mesh has no requests: %v", peers)
	}
}

// Every table holds whatever a board may be, has a unit in the name of every number, and no text that a
// spreadsheet would take for a formula.
func TestExportsHold(t *testing.T) {
	b := apiNarrowed(t)
	b.Services.Rows[0].Name, b.Sources.Rows[0].ID, b.Matrix.Rows[0].ISP, b.Tools.Rows[0].Name = `=HYPERLINK("http://x")`, "@sum", "+33", "\tx\"y\n,"
	b.Services.Rows[1].Resource = "-2"
	units := regexp.MustCompile(`(^|_)(seconds|ratio|bits_per_second|bits_per_second_per_second|requests_per_second|bytes_per_second|lines_per_second|networks|lines|stored|refused|status|delivery|ago|of|cdn)$`)
	plain := []string{"time", "complete", "as_of", "isp", "cdn", "number", "unit", "value", "p95", "samples", "few", "health", "forecast", "earlier", "reserved", "viewers", "requests",
		"lines", "why", "tool", "format", "sessions", "beacons", "kind", "service", "resource", "source", "finding", "watermark", "name", "metric", "usual", "since", "of", "by"}
	for _, panel := range exportNames() {
		for name, b := range map[string]*cockpit.Board{"everything": b, "final": final(t, 0), "nothing": apiEmpty(), "failed": apiFailed(t)} {
			header, rows := table(t, panel, b)
			for _, column := range header {
				if !units.MatchString(column) && !slices.Contains(plain, column) {
					t.Errorf("%s: the column %s has no unit", panel, column)
				}
			}
			if name == "nothing" && len(rows) > 0 && panel != "numbers" {
				t.Errorf("%s has %d rows of nothing", panel, len(rows))
			}
			if name == "everything" && len(rows) == 0 {
				t.Errorf("%s has no rows", panel)
			}
			for _, row := range rows {
				for column, cell := range row {
					if _, err := strconv.ParseFloat(cell, 64); err == nil && !strings.Contains(cell, "N") && !strings.Contains(cell, "nf") {
						continue // −0.1 is a number, not a formula
					}
					if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) || strings.Contains(cell, "NaN") || strings.Contains(cell, "Inf") {
						t.Errorf("%s: %s is %q", panel, column, cell)
					}
				}
			}
		}
	}
	if _, rows := table(t, "services", b); rows[0]["service"] != `'=HYPERLINK("http://x")` {
		t.Errorf("a formula is %q", rows[0]["service"])
	}
}

func TestExportsAreFilesOfTheirSight(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	program := s.program(t)
	r, body := s.asked(t, "/export/flow.csv", program)
	if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="vigie-flow-2022-12-18T1724Z.csv"` {
		t.Errorf("the file is called %s", got)
	}
	if got := r.Header.Get("Content-Type"); got != "text/csv; charset=utf-8; header=present" || !strings.HasPrefix(body, "time,maison_") {
		t.Errorf("it is %s: %.40s", got, body)
	}
	again := program.Clone()
	again.Set("If-None-Match", r.Header.Get("ETag"))
	if r, _ := s.asked(t, "/export/flow.csv", again); r.StatusCode != http.StatusNotModified {
		t.Errorf("again: %d", r.StatusCode)
	}
	sight := cockpit.Sight{Scope: cockpit.Scope{CDN: "akamai", ISP: "Canal+ Caraïbes"}}
	if got, want := exportURL("matrix", sight), "/export/matrix.csv?cdn=akamai&isp=Canal%2B+Cara%C3%AFbes"; got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
	if got := exportURL("flow", cockpit.Sight{}); got != "/export/flow.csv" {
		t.Errorf("the address is %s", got)
	}
	if got := exportURL("duty", cockpit.Sight{}); got != "" {
		t.Errorf("who is on duty is exported to %s", got)
	}
}

// What is not known is null in JSON, an empty cell in CSV and no series, whatever zero stands in its place.
func TestWhatIsNotKnownIsNotToldAsZero(t *testing.T) {
	b := apiEmpty()
	b.Matrix.Columns = []cockpit.Column{{ID: "akamai"}, {ID: cockpit.Peers, Peers: true}}
	b.Sources.Rows = []cockpit.Source{{SourceInfo: cockpit.SourceInfo{ID: "never"}, Share: math.NaN(), Finding: cockpit.FindingNever}}
	content, err := encodeJSON(newAPIBoard(mustLocale(t, "en"), b))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	value := regexp.MustCompile(`^(value|p95|forecast|earlier|reserved|viewers|.*_ratio|.*_per_second|.*_p(50|95)_seconds|lag_seconds|requests)$`)
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				if _, ok := inner.(float64); ok && value.MatchString(key) {
					t.Errorf("%s.%s is %v", at, key, inner)
				}
				walk(at+"."+key, inner)
			}
		case []any:
			for i := range v {
				walk(at+"[]", v[i])
			}
		}
	}
	walk("", v)
	_, rows := table(t, "numbers", b)
	for _, row := range rows {
		if row["value"] != "" || row["health"] != "unknown" {
			t.Errorf("%s is %q, %s", row["number"], row["value"], row["health"])
		}
	}
	_, rows = table(t, "sources", b)
	if rows[0]["lines_per_second"] != "" || rows[0]["lag_seconds"] != "" || rows[0]["finding"] != "never" {
		t.Errorf("a source that never delivered is %v", rows[0])
	}
}
