package web

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// AuditTrail is what was done, to be found again.
type AuditTrail interface {
	Find(ctx context.Context, f AuditFilter) (AuditPage, error)
	// Actions are the kinds of actions that there were, as in Action.What.
	Actions(ctx context.Context) ([]string, error)
}

// AuditFilter says which actions are wanted.
type AuditFilter struct {
	Who          string    // a part of it, in any case; "": anyone
	What         string    // "": anything
	Since, Until time.Time // from Since on, before Until; zero: open
	Before       AuditCursor
	Limit        int // 1 to 1,000
}

// AuditCursor is a place between two actions; the zero one is before the newest.
type AuditCursor struct {
	At       time.Time // to the millisecond
	Sequence uint64
}

// AuditPage is the newest actions that a filter wants.
type AuditPage struct {
	Actions []Action    // newest first
	Next    AuditCursor // zero: there are no more
	Partial bool        // actions are missing here: the archive is away, or far behind
}

func (c AuditCursor) String() string {
	return strconv.FormatInt(c.At.UnixMilli(), 10) + "." + strconv.FormatUint(c.Sequence, 10)
}

func parseAuditCursor(text string) (AuditCursor, bool) {
	at, sequence, ok := strings.Cut(text, ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	n, err2 := strconv.ParseUint(sequence, 10, 64)
	const year2261 = 9_200_000_000_000
	if !ok || err != nil || err2 != nil || ms < 0 || ms > year2261 {
		return AuditCursor{}, false
	}
	return AuditCursor{time.UnixMilli(ms).UTC(), n}, true
}

const (
	auditPageSize = 100
	auditBatch    = 1000
	auditExport   = 100_000 // lines of one CSV
	inputMinute   = "2006-01-02T15:04"
)

// auditQuery is the filter as the address has it.
type auditQuery struct {
	who, what, since, until, before string
}

func (q auditQuery) String() string {
	v := url.Values{}
	for _, of := range [][2]string{{"who", q.who}, {"what", q.what}, {"since", q.since}, {"until", q.until}, {"before", q.before}} {
		if of[1] != "" {
			v.Set(of[0], of[1])
		}
	}
	return v.Encode()
}

// auditFilterOf reads the filter; bad names the field that cannot be read.
func auditFilterOf(c echo.Context, zone *time.Location) (q auditQuery, f AuditFilter, bad string) {
	param := func(name string, most int) string {
		text := strings.TrimSpace(c.QueryParam(name))
		if len(text) > most {
			text = strings.ToValidUTF8(text[:most], "")
		}
		return text
	}
	q = auditQuery{who: param("who", 80), what: param("what", 80), since: param("since", 20), until: param("until", 20), before: param("before", 48)}
	f = AuditFilter{Who: q.who, What: q.what, Limit: auditPageSize}
	moment := func(name, text string, to *time.Time) {
		if text == "" {
			return
		}
		t, err := time.ParseInLocation(inputMinute, text, zone)
		if err != nil || t.Year() < 1970 || t.Year() > 2260 {
			bad = name
			return
		}
		*to = t
	}
	moment("since", q.since, &f.Since)
	moment("until", q.until, &f.Until)
	if q.before != "" {
		var ok bool
		if f.Before, ok = parseAuditCursor(q.before); !ok {
			bad = "before"
		}
	}
	return q, f, bad
}

type auditView struct {
	deskView
	Rows             []auditRow
	Who              fieldView
	Whats            []choiceView
	Since, Until     fieldView
	NextURL, CSVURL  string
	First            string // address of the newest page, when this is another
	Zone             string
	Partial, Nothing string
	Filtered         bool
}

type auditRow struct {
	Time, Who, WhoURL, What, On, From, Outcome string
	Fine                                       bool
}

// whatText names an action; one that this package does not know keeps its own name.
func (l *locale) whatText(what string) string {
	if text, ok := l.texts["audit.what."+what]; ok {
		return text
	}
	return what
}

func (l *locale) outcomeText(outcome string) string {
	if text, ok := l.texts["audit.outcome."+strings.ReplaceAll(outcome, " ", "_")]; ok {
		return text
	}
	return outcome
}

func (s *Server) showAudit(c echo.Context) error {
	if s.config.Trail == nil {
		return echo.ErrNotFound
	}
	ctx, l, zone := c.Request().Context(), s.localeOf(c), s.zoneOf(c)
	q, f, bad := auditFilterOf(c, zone)
	if bad == "before" {
		return echo.ErrBadRequest
	}
	v := auditView{
		deskView: s.deskView(c, l, "audit", l.T("audit.title")), Zone: zone.String(), Filtered: q != (auditQuery{before: q.before}),
		Who:   fieldView{Name: "who", Label: l.T("audit.who"), Value: q.who, Autocomplete: "off", Max: "80"},
		Since: fieldView{Name: "since", Label: l.T("audit.since"), Value: q.since, Type: "datetime-local"},
		Until: fieldView{Name: "until", Label: l.T("audit.until"), Value: q.until, Type: "datetime-local"},
		Whats: []choiceView{{Label: l.T("audit.what.any"), Chosen: q.what == ""}},
	}
	names, err := s.config.Trail.Actions(ctx)
	if err != nil {
		s.log.Warn("kinds of actions are not listed", "error", err)
	}
	known := q.what == ""
	for _, name := range names {
		v.Whats = append(v.Whats, choiceView{Value: name, Label: l.whatText(name), Chosen: name == q.what})
		known = known || name == q.what
	}
	if !known {
		v.Whats = append(v.Whats, choiceView{Value: q.what, Label: l.whatText(q.what), Chosen: true})
	}
	status := http.StatusOK
	switch bad {
	case "since":
		v.Since.Problem, status = l.T("bad.moment"), http.StatusUnprocessableEntity
	case "until":
		v.Until.Problem, status = l.T("bad.moment"), http.StatusUnprocessableEntity
	default:
		p, err := s.config.Trail.Find(ctx, f)
		if err != nil {
			return err
		}
		v.fill(l, zone, q, p)
	}
	return render(c, status, auditPage(s.shellView(c, l), v))
}

func (v *auditView) fill(l *locale, zone *time.Location, q auditQuery, p AuditPage) {
	for _, a := range p.Actions {
		row := auditRow{
			Time: a.At.In(zone).Format("2006-01-02 15:04:05"), Who: a.Who, What: l.whatText(a.What), On: a.On,
			Outcome: l.outcomeText(a.Outcome), Fine: a.Outcome == "ok" || a.Outcome == "asked",
		}
		if a.From.IsValid() {
			row.From = a.From.String()
		}
		if a.Who != "" {
			row.WhoURL = "/audit?" + auditQuery{who: a.Who}.String()
		}
		v.Rows = append(v.Rows, row)
	}
	if len(v.Rows) == 0 {
		v.Nothing = l.T("audit.nothing")
	}
	if p.Partial {
		v.Partial = l.T("audit.partial")
	}
	older, newest := q, q
	if newest.before = ""; q.before != "" {
		v.First = "/audit?" + newest.String()
	}
	if older.before = p.Next.String(); p.Next != (AuditCursor{}) {
		v.NextURL = "/audit?" + older.String()
	}
	v.CSVURL = "/audit.csv?" + newest.String()
}

// exportAudit writes what the filter wants as CSV, times in UTC, until 100,000 lines.
func (s *Server) exportAudit(c echo.Context) error {
	if s.config.Trail == nil {
		return echo.ErrNotFound
	}
	ctx := c.Request().Context()
	q, f, bad := auditFilterOf(c, s.zoneOf(c))
	if bad != "" {
		return echo.ErrBadRequest
	}
	f.Limit = auditBatch
	p, err := s.config.Trail.Find(ctx, f) // one that fails is still a clean error
	if err == nil && p.Partial {
		err = errArchiveAway
	}
	s.did(c, DidExportAudit, q.String(), err)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="audit.csv"`)
	w := csv.NewWriter(c.Response())
	_ = w.Write([]string{"time", "who", "what", "on", "from", "outcome"})
	for written := 0; ; {
		for _, a := range p.Actions {
			from := ""
			if a.From.IsValid() {
				from = a.From.String()
			}
			_ = w.Write([]string{a.At.UTC().Format("2006-01-02T15:04:05.000Z"), csvText(a.Who), csvText(a.What), csvText(a.On), from, csvText(a.Outcome)})
		}
		w.Flush()
		if err := w.Error(); err != nil {
			return err
		}
		if written += len(p.Actions); p.Next == (AuditCursor{}) || written >= auditExport {
			return nil
		}
		f.Before = p.Next
		if p, err = s.config.Trail.Find(ctx, f); err == nil && p.Partial {
			err = errArchiveAway
		}
		if err != nil {
			s.log.Error("export of the audit is cut short", "error", err)
			panic(http.ErrAbortHandler) // a file that ends early must not look whole
		}
	}
}

// errArchiveAway is met where less than everything will not do.
var errArchiveAway = echo.NewHTTPError(http.StatusServiceUnavailable, "the archive of the audit is away")

// csvText keeps spreadsheets from taking a text for a formula.
func csvText(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
