package web

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

func (a *audit) fill(n int) {
	for i := range n {
		a.actions = append(a.actions, Action{
			At: time.Date(2026, 7, 19, 19, 0, i, 0, time.UTC), Who: "claire", What: "note", On: fmt.Sprint("n", i),
			From: netip.MustParseAddr("192.0.2.7"), Outcome: "ok",
		})
	}
}

func TestAuditIsPagedAndFiltered(t *testing.T) {
	s := newSite(t, nil)
	s.audit.fill(auditPageSize + 20)
	admin := s.signedIn(t, "admin")
	rows := func(page *goquery.Document) int { return page.Find("table.log tbody tr").Length() }

	page := document(t, s.get(t, admin, "/audit"))
	if rows(page) != auditPageSize || !strings.Contains(page.Find("tbody tr").First().Text(), "sign in") {
		t.Fatalf("%d rows, the first is %q; want the newest %d", rows(page), page.Find("tbody tr").First().Text(), auditPageSize)
	}
	next := page.Find("a[rel=next]").AttrOr("href", "")
	page = document(t, s.get(t, admin, next))
	if rows(page) != 21 || page.Find("a[rel=next]").Length() != 0 {
		t.Errorf("the next page has %d rows and %d links on", rows(page), page.Find("a[rel=next]").Length())
	}
	if last := page.Find("tbody tr").Last().Text(); !strings.Contains(last, "n0") || !strings.Contains(last, "2026-07-19 19:00:00") {
		t.Errorf("the oldest is %q", last)
	}

	for name, tt := range map[string]struct {
		query string
		want  int
	}{
		"a person":          {"who=claire&since=2026-07-19T19:01", 60},
		"until a moment":    {"until=2026-07-19T19:01", 60},
		"an action":         {"what=sign-in", 1},
		"an unknown action": {"what=dance", 0},
		"nobody":            {"who=nobody", 0},
	} {
		if got := rows(document(t, s.get(t, admin, "/audit?"+tt.query))); got != tt.want {
			t.Errorf("%s: %d rows, want %d", name, got, tt.want)
		}
	}
	page = document(t, s.get(t, admin, "/audit?who=claire&what=note"))
	if page.Find("#field-who").AttrOr("value", "") != "claire" || page.Find("#field-what [selected]").AttrOr("value", "") != "note" ||
		!strings.Contains(page.Find("a[download]").AttrOr("href", ""), "who=claire") {
		t.Error("the form, or the link to the CSV, forgot the filter")
	}
	for query, want := range map[string]int{"before=x": 400, "before=1.2.3": 400, "before=-1.2": 400, "before=9999999999999999.1": 400, "since=yesterday": 422, "until=0000-01-01T00:00": 422} {
		if r := s.get(t, admin, "/audit?"+query); r.StatusCode != want {
			t.Errorf("%s: %d, want %d", query, r.StatusCode, want)
		}
	}
}

func TestAuditAsCSV(t *testing.T) {
	s := newSite(t, nil)
	s.audit.fill(auditBatch + 5)
	s.audit.actions[0].On = "=HYPERLINK(\"http://evil.example\")"
	admin := s.signedIn(t, "admin")
	r := s.get(t, admin, "/audit.csv?who=claire")
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(r.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d, %v", r.StatusCode, r.Header)
	}
	lines, err := csv.NewReader(r.Body).ReadAll()
	if err != nil || len(lines) != auditBatch+6 {
		t.Fatalf("%d lines, %v; want all of them and a heading", len(lines), err)
	}
	last := strings.Join(lines[len(lines)-1], "|")
	if want := `2026-07-19T19:00:00.000Z|claire|note|'=HYPERLINK("http://evil.example")|192.0.2.7|ok`; last != want {
		t.Errorf("the last line is %s, want %s", last, want)
	}
	s.audit.wants(t, "admin", DidExportAudit, "who=claire", "ok")

	r = s.get(t, admin, "/audit.csv?since=yesterday")
	if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusBadRequest {
		t.Errorf("a filter that cannot be read: %d, %v", r.StatusCode, err)
	}
	none := newSite(t, func(c *Config) { c.Trail = nil })
	if r := none.get(t, none.signedIn(t, "admin"), "/audit"); r.StatusCode != http.StatusNotFound {
		t.Errorf("without a trail: %d", r.StatusCode)
	}
}

func TestAuditCursor(t *testing.T) {
	for _, c := range []AuditCursor{{time.UnixMilli(0).UTC(), 0}, {time.UnixMilli(1784487600123).UTC(), 1<<64 - 1}} {
		if got, ok := parseAuditCursor(c.String()); !ok || got != c {
			t.Errorf("%s is read as %v, %v", c, got, ok)
		}
	}
}
