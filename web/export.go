package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
)

// export is a chart or a table of the board as CSV: its first row are names, with units.
type export struct {
	panel string
	write func(b *cockpit.Board, w *csvRows)
}

// exportURL is where a panel of a sight is to be had as CSV; "" for one that is not exported.
func exportURL(panel string, s cockpit.Sight) string {
	if exportOf(panel) == nil {
		return ""
	}
	address := "/export/" + panel + ".csv"
	if q := sightQuery(s); len(q) > 0 {
		address += "?" + q.Encode()
	}
	return address
}

func exportOf(panel string) *export {
	for i := range exports {
		if exports[i].panel == panel {
			return &exports[i]
		}
	}
	return nil
}

func (s *Server) export(c echo.Context) error {
	panel, isCSV := strings.CutSuffix(c.Param("file"), ".csv")
	of := exportOf(panel)
	if of == nil || !isCSV {
		return badParam{http.StatusNotFound, "panel", "path", "is none of " + strings.Join(exportNames(), ", ")}
	}
	p, err := s.boardFor(c)
	if err != nil {
		return err
	}
	if panel == "breakdown" && p.board.Breakdown == nil {
		return badParam{http.StatusNotFound, "panel", "path", "breakdown is of narrowed sights: add cdn, isp, channel or device"}
	}
	content, err := of.csv(p.board)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="vigie-%s-%s.csv"`, panel, p.board.At.UTC().Format("2006-01-02T1504Z")))
	return answerWith(c, "text/csv; charset=utf-8; header=present", p.tag(), content)
}

func exportNames() []string {
	names := make([]string, len(exports))
	for i := range exports {
		names[i] = exports[i].panel
	}
	return names
}

func (e *export) csv(b *cockpit.Board) ([]byte, error) {
	var out bytes.Buffer
	w := &csvRows{w: csv.NewWriter(&out)}
	e.write(b, w)
	w.w.Flush()
	if err := w.w.Error(); err != nil {
		return nil, fmt.Errorf("web: write %s.csv: %w", e.panel, err)
	}
	return out.Bytes(), nil
}

const maxExportRows = 50_000 // far beyond what a board has

// csvRows writes rows of values as programs and spreadsheets read them: numbers with a dot and all their
// digits, times in UTC, and nothing where a value is not known. Texts cannot be taken for formulas.
type csvRows struct {
	w    *csv.Writer
	rows int
	row  []string
}

func (w *csvRows) add(values ...any) {
	if w.rows++; w.rows > maxExportRows {
		return
	}
	w.row = w.row[:0]
	for _, v := range values {
		w.row = append(w.row, csvCell(v))
	}
	_ = w.w.Write(w.row) // it fails when flushed
}

func csvCell(v any) string {
	switch v := v.(type) {
	case string:
		return csvText(v)
	case apiHealth:
		return string(v)
	case jsonNumber:
		if !v.known() {
			return ""
		}
		return strconv.FormatFloat(float64(v), 'f', -1, 64)
	case float64:
		return csvCell(jsonNumber(v))
	case time.Time:
		return utcText(v)
	case time.Duration:
		return csvCell(v.Seconds())
	case int:
		return strconv.Itoa(v)
	case uint64:
		return strconv.FormatUint(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case nil:
		return ""
	}
	return csvText(fmt.Sprint(v))
}
