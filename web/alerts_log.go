package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
)

// logView is what was decided in the whole room, the latest first.
type logView struct {
	alertsPageView
	Whats    []choiceView
	Rows     []logRow
	CSVURL   string
	Nothing  string
	Zone     string
	Filtered bool
}

type logRow struct {
	Step             pathStep
	What, Title, URL string
}

// whatOf is the filter of the address; a line of a kind that this version does not know is found as well.
func whatOf(c echo.Context) string {
	what := c.QueryParam("what")
	if len(what) > 40 {
		return ""
	}
	return what
}

func (s *Server) showAlertLog(c echo.Context) error {
	r := s.alertsReader(c)
	page, err := s.alertsPage(c, r, "log")
	if err != nil {
		return err
	}
	v := r.newLog(r.room.Trail(""), whatOf(c))
	v.alertsPageView = page
	return render(c, http.StatusOK, alertLogPage(s.shellView(c, r.locale), v))
}

func (r alertsReader) newLog(lines []alerts.Line, what string) logView {
	v := logView{Zone: r.zone.String(), Filtered: what != "", CSVURL: "/alerts/log.csv"}
	if what != "" {
		v.CSVURL += "?what=" + url.QueryEscape(what)
	}
	kinds := slices.Clone(alerts.Whats())
	for i := range lines {
		of := &lines[i]
		if !slices.Contains(kinds, of.What) {
			kinds = append(kinds, of.What)
		}
		if what != "" && of.What != what {
			continue
		}
		row := logRow{Step: r.decided(of), What: r.known("alerts.what.", of.What)}
		row.Step.Time, row.Step.Machine, row.Step.Minute = r.at(of.At), of.At.UTC().Format(time.RFC3339Nano), r.minute(of.At)
		if i := r.snap.Find(of.Problem); i != nil {
			row.Title, row.URL = r.text(i.Title), "/alerts/"+i.ID
		} else if of.Problem != "" {
			row.Title = foreign(of.Problem, longestName)
		}
		v.Rows = append(v.Rows, row)
	}
	v.Whats = []choiceView{{Label: r.T("alerts.log.any"), Chosen: what == ""}}
	for _, kind := range kinds {
		v.Whats = append(v.Whats, choiceView{Value: kind, Label: r.known("alerts.what.", kind), Chosen: kind == what})
	}
	if len(v.Rows) == 0 {
		v.Nothing = r.T("alerts.log.none")
	}
	return v
}

// exportAlertLog writes what the page shows as CSV, times in UTC.
func (s *Server) exportAlertLog(c echo.Context) error {
	r := s.alertsReader(c)
	what := whatOf(c)
	lines := r.room.Trail("")
	s.did(c, DidExportTrail, what, nil)
	h := c.Response().Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="alerts.csv"`)
	w := csv.NewWriter(c.Response())
	_ = w.Write([]string{"time", "what", "problem", "alert", "by", "text", "args"})
	for i := range lines {
		of := &lines[i]
		if what != "" && of.What != what {
			continue
		}
		text, rest := r.line(of)
		_ = w.Write([]string{
			of.At.UTC().Format("2006-01-02T15:04:05.000Z"), csvText(of.What), csvText(of.Problem), csvText(of.Alert), csvText(of.By), csvText(text), csvText(rest),
		})
	}
	w.Flush()
	return w.Error()
}
