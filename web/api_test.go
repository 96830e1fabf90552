package web

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/alerts"
	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/internal/match"
)

// program is a client with a token for the API.
func (s *site) program(t testing.TB) http.Header {
	t.Helper()
	_, secret, err := s.tokens.Make(t.Context(), account.Token{Name: "grafana", Kind: account.API, By: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{"Authorization": {"Bearer " + secret}}
}

func (s *site) asked(t testing.TB, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	r := s.do(t, browser(t), http.MethodGet, path, nil, header)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

func problemOf(t testing.TB, r *http.Response, body string) apiProblem {
	t.Helper()
	var p apiProblem
	if err := json.Unmarshal([]byte(body), &p); err != nil || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d is no problem in JSON: %s %s", r.StatusCode, r.Header.Get("Content-Type"), body)
	}
	return p
}

// apiNarrowed is the final, narrowed to a network and held beside another, with everything that a board can have.
func apiNarrowed(t testing.TB) *cockpit.Board {
	b := final(t, 0)
	b.Match.ID = "2022-12-18-argentine-france"
	b.Earlier.Align = match.PhaseSecondHalf
	b.Sight = cockpit.Sight{Scope: cockpit.Scope{ISP: "Free", CDN: "akamai", Channel: "tf1", Device: "tv"}, Compare: true, Beside: cockpit.Scope{ISP: "Orange", CDN: "maison", Channel: "tf1-uhd", Device: "phone"},
		From: b.At.Unix() / 10 * 10, To: b.At.Unix()/10*10 + 600, Earlier: "2022-12-13-argentine-croatie", Align: match.PhaseSecondHalf}
	b.Sources = many(t, 0).Sources
	for i := range b.Duty {
		b.Duty[i].From, b.Duty[i].To = b.At.Add(-time.Hour), b.At.Add(time.Hour)
	}
	b.Traffic.Without = []string{"Akamai"}
	for _, p := range []*cockpit.Panel{&b.Viewers.Panel, &b.Flow.Panel, &b.Pressure.Panel, &b.Capacity.Panel, &b.Matrix.Panel, &b.Tools.Panel, &b.Mesh.Panel, &b.Services.Panel, &b.Sources.Panel} {
		p.Error, p.Untold = "code: 159, timeout exceeded", "device"
	}
	nan := math.NaN()
	b.Breakdown = &cockpit.Breakdown{
		Panel: cockpit.Panel{AsOf: b.At, Error: "code: 159", Untold: "device"}, Window: time.Minute,
		Requests: []cockpit.Division{{By: "pop", Rest: 3, Parts: []cockpit.Part{
			{Name: "PAR1", Share: .4, Bits: 1e9, Requests: 812, Errors: .01, FirstByte: .2, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 48_000},
			{Share: .1, Bits: 1e7, Requests: 1, Errors: nan, FirstByte: nan, Sessions: nan, Startup: nan, Rebuffering: nan, Lines: 60}}}},
		Sessions: []cockpit.Division{{By: "device", Parts: []cockpit.Part{{Name: "tv", Share: .6, Bits: nan, Requests: nan, Errors: .01, FirstByte: nan, Sessions: 9_000, Startup: 1.1, Rebuffering: .004, Lines: 50_000}}}},
		Paths:    []cockpit.Path{{Path: "/live/tf1/=1.ts", Requests: 812, Errors: .1, Status: 503, FirstByte: .3, Lines: 812}, {Path: "=cmd|'/C calc'!A0", Requests: 1, Errors: nan, FirstByte: nan, Lines: 1}},
	}
	beside := *b
	beside.Beside = nil
	b.Beside = &beside
	return b
}

// apiFailed is a board of which nothing could be read for long.
func apiFailed(t testing.TB) *cockpit.Board {
	b := final(t, 0)
	b.At = b.At.Add(10 * time.Minute)
	for _, p := range []*cockpit.Panel{
		&b.Viewers.Panel, &b.Traffic.Panel, &b.Errors.Panel, &b.Startup.Panel, &b.Rebuffering.Panel, &b.Flow.Panel, &b.Failing.Panel, &b.Classes.Panel,
		&b.Pressure.Panel, &b.Capacity.Panel, &b.Matrix.Panel, &b.Tools.Panel, &b.Mesh.Panel, &b.Services.Panel, &b.Sources.Panel,
	} {
		p.Error = "code: 159, timeout exceeded"
	}
	return b
}

func apiEmpty() *cockpit.Board {
	at := time.Date(2026, 7, 19, 20, 41, 7, 0, time.UTC)
	return &cockpit.Board{At: at, Match: match.Now{ID: "next", KickOff: at.Add(time.Hour), ToKickOff: time.Hour}}
}

func TestTheAPITellsTheBoard(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	program := s.program(t)
	r, body := s.asked(t, "/api/v1/board", program)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "private, max-age=1" {
		t.Fatalf("answered %d %v: %s", r.StatusCode, r.Header, body)
	}
	var b struct {
		At     string
		Panels struct {
			Viewers struct {
				Value, Forecast float64
				Definition      string
			}
			Matrix struct {
				Rows []struct {
					Cells []map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &b); err != nil {
		t.Fatal(err)
	}
	if b.At != "2022-12-18T17:24:07Z" || b.Panels.Viewers.Value != 2_312_400 || b.Panels.Viewers.Forecast != 2_181_000 || b.Panels.Viewers.Definition == "" {
		t.Errorf("the board begins %+v", b)
	}
	if c := b.Panels.Matrix.Rows[1].Cells[2]; c["cdn"] != "cloudfront" || c["health"] != "critical" || c["why"] != "firstbyte" || c["first_byte_p95_seconds"] != .82 {
		t.Errorf("the worst cell is %v", c)
	}
	for _, secret := range []string{"+33 6", "12 34 56", "NaN", "Inf"} {
		if strings.Contains(body, secret) {
			t.Errorf("the board has %q in it", secret)
		}
	}

	again := program.Clone()
	again.Set("If-None-Match", r.Header.Get("ETag"))
	if r, body := s.asked(t, "/api/v1/board", again); r.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("the same board again answers %d with %d bytes", r.StatusCode, len(body))
	}
	s.Publish(final(t, 1))
	if r, _ := s.asked(t, "/api/v1/board", again); r.StatusCode != http.StatusOK {
		t.Errorf("the next board answers %d to the tag of the one before", r.StatusCode)
	}
	if r := s.do(t, browser(t), http.MethodHead, "/api/v1/board", nil, program); r.StatusCode != http.StatusOK || r.ContentLength < 1000 {
		t.Errorf("HEAD answers %d with a length of %d", r.StatusCode, r.ContentLength)
	}
}

func TestOnePanelComesAlone(t *testing.T) {
	s := newSite(t, nil)
	s.apiLimits.requests = newBuckets(10, time.Millisecond, 1000)
	s.Publish(final(t, 0))
	program := s.program(t)
	for _, panel := range apiPanelNames() {
		if panel == "breakdown" {
			continue
		}
		r, body := s.asked(t, "/api/v1/board/"+panel, program)
		var b struct{ Panels map[string]map[string]any }
		if err := json.Unmarshal([]byte(body), &b); err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", panel, r.StatusCode, err)
		}
		if len(b.Panels) != 1 || b.Panels[panel] == nil {
			t.Errorf("%s: panels are %d", panel, len(b.Panels))
		}
		definition, _ := b.Panels[panel]["definition"].(string)
		if len(definition) < 20 || strings.Contains(definition, "{") || strings.HasSuffix(definition, ".definition") {
			t.Errorf("%s means %q", panel, definition)
		}
	}
}

// Who reads alone may come in, and nobody else.
func TestProgramsNeedAToken(t *testing.T) {
	s := newSite(t, nil)
	s.Publish(final(t, 0))
	program := s.program(t)
	_, wall, err := s.tokens.Make(t.Context(), account.Token{Name: "wall", Kind: account.Wall, By: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	revoked, secret, err := s.tokens.Make(t.Context(), account.Token{Name: "old", Kind: account.API, By: "admin"})
	if err == nil {
		_, err = s.tokens.Revoke(t.Context(), revoked.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"/api/v1/", "/api/v1/board", "/api/v1/board/flow", "/api/v1/openapi.json", "/api/v1/matches", "/api/v1/nothing", "/export/flow.csv", "/signals"}
	for name, header := range map[string]http.Header{
		"nobody": {}, "a wrong token": {"Authorization": {"Bearer vigie_api_nonsense"}}, "a wall's token": {"Authorization": {"Bearer " + wall}},
		"a revoked one": {"Authorization": {"Bearer " + secret}}, "a password": {"Authorization": {"Basic dmlld2VyOnB3"}},
	} {
		for _, path := range paths {
			r, body := s.asked(t, path, header)
			if r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s got %d from %s", name, r.StatusCode, path)
				continue
			}
			if p := problemOf(t, r, body); p.Status != 401 || !strings.Contains(p.Detail, "Bearer") {
				t.Errorf("%s: %s", path, body)
			}
		}
	}
	if r, _ := s.asked(t, "/api/v1/board", http.Header{"Accept": {"text/html"}}); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/sign-in" {
		t.Errorf("a person who is not signed in got %d to %s", r.StatusCode, r.Header.Get("Location"))
	}
	if r := s.get(t, s.signedIn(t, "viewer"), "/export/flow.csv"); r.StatusCode != http.StatusOK {
		t.Errorf("a viewer got %d", r.StatusCode)
	}
	for _, path := range []string{"/", "/sources", "/me", "/tokens"} {
		if r, _ := s.asked(t, path, program); r.StatusCode == http.StatusOK {
			t.Errorf("a token for the API opens %s", path)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if r := s.do(t, browser(t), method, "/api/v1/board", nil, program); r.StatusCode != http.StatusForbidden {
			t.Errorf("%s answered %d", method, r.StatusCode)
		}
	}
}

func TestProblemsNameTheParameter(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Look = func(_ context.Context, sight cockpit.Sight) (*cockpit.Board, error) {
			switch sight.Scope.CDN {
			case "nowhere":
				return nil, cockpit.ErrNoSuchSight
			case "crowded":
				return nil, cockpit.ErrTooManySights
			case "broken":
				return nil, fmt.Errorf("dial tcp 10.1.2.3:9000: refused")
			}
			b := apiNarrowed(t)
			b.Sight = sight
			return b, nil
		}
	})
	s.apiLimits = &apiLimits{newBuckets(10, time.Millisecond, 1000), newBuckets(10, time.Millisecond, 1000)}
	program := s.program(t)
	if r, body := s.asked(t, "/api/v1/board", program); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("before the first board: %d %s", r.StatusCode, body)
	}
	s.Publish(final(t, 0))
	for path, want := range map[string]struct {
		status    int
		parameter string
	}{
		"/api/v1/board?cnd=akamai":                                        {400, "cnd"},
		"/api/v1/board?cdn=a&cdn=b":                                       {400, "cdn"},
		"/export/matrix.csv?isp=%00":                                      {400, "isp"},
		"/api/v1/board?channel=" + strings.Repeat("a", 65):                {400, "channel"},
		"/api/v1/board?vs=some":                                           {400, "vs"},
		"/api/v1/board?align=tea":                                         {400, "align"},
		"/api/v1/board?from=yesterday":                                    {400, "from"},
		"/api/v1/board?from=2026-07-19T20:41:00Z":                         {400, "to"},
		"/api/v1/board?from=2026-07-19T20:41:00Z&to=2026-07-19T20:40:00Z": {400, "to"},
		"/api/v1/board/nothing":                                           {404, "panel"}, "/api/v1/board/breakdown": {404, "panel"},
		"/export/nothing.csv": {404, "panel"}, "/export/flow": {404, "panel"}, "/export/breakdown.csv": {404, "panel"},
		"/signals?cdn=akamai":       {400, "cdn"},
		"/api/v1/board?cdn=nowhere": {404, ""}, "/api/v1/board?cdn=crowded": {503, ""}, "/api/v1/board?cdn=broken": {500, ""},
		"/api/v1/nothing": {404, ""}, "/api/v1/matches": {404, ""}, "/api/v1/matches/x": {404, "id"},
	} {
		r, body := s.asked(t, path, program)
		if p := problemOf(t, r, body); r.StatusCode != want.status || p.Status != want.status || string(p.Parameter) != want.parameter || p.Detail == "" || p.Title == "" || p.Request == "" {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
		}
		if strings.Contains(body, "10.1.2.3") {
			t.Errorf("%s: tells strangers what failed: %s", path, body)
		}
	}
}

func TestProgramsAreBounded(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.Look = func(_ context.Context, sight cockpit.Sight) (*cockpit.Board, error) {
			b := final(t, 0)
			b.At, b.Sight = time.Now(), sight
			return b, nil
		}
	})
	s.Publish(final(t, 0))
	if l := s.apiLimits; l.requests.burst != 20 || l.requests.every != 10 || l.sights.burst != 4 || l.sights.every != .1 {
		t.Errorf("the bounds are not those of the guide: %v of %d, %v of %d", l.requests.every, l.requests.burst, l.sights.every, l.sights.burst)
	}
	s.apiLimits = &apiLimits{newBuckets(10, time.Hour, 20), newBuckets(10, time.Hour, 4)}
	one, other := s.program(t), http.Header{}
	_, secret, err := s.tokens.Make(t.Context(), account.Token{Name: "other", Kind: account.API, By: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	other.Set("Authorization", "Bearer "+secret)

	count := map[int]int{}
	for i := range 8 {
		r, body := s.asked(t, fmt.Sprintf("/api/v1/board/viewers?isp=%d", i), one)
		count[r.StatusCode]++
		if p := problemIf429(t, r, body); p != nil && (r.Header.Get("Retry-After") != "10" || !strings.Contains(p.Detail, "sight")) {
			t.Errorf("%v %s", r.Header, body)
		}
	}
	if count[200] != 4 || count[429] != 4 {
		t.Errorf("eight sights that nobody looks at: %v", count)
	}
	if r, _ := s.asked(t, "/api/v1/board/viewers?isp=0", one); r.StatusCode != http.StatusOK {
		t.Errorf("one that is looked at: %d", r.StatusCode)
	}
	clear(count)
	for range 30 {
		r, body := s.asked(t, "/signals", other)
		count[r.StatusCode]++
		if p := problemIf429(t, r, body); p != nil && r.Header.Get("Retry-After") != "1" {
			t.Error(r.Header)
		}
	}
	if count[200] != 20 || count[429] != 10 {
		t.Errorf("thirty at once: %v", count)
	}
	if r, _ := s.asked(t, "/api/v1/openapi.json", one); r.StatusCode != http.StatusOK {
		t.Errorf("one is refused for what another does: %d", r.StatusCode)
	}
}

func problemIf429(t testing.TB, r *http.Response, body string) *apiProblem {
	if r.StatusCode != http.StatusTooManyRequests {
		return nil
	}
	p := problemOf(t, r, body)
	return &p
}

func TestMatchesAreToldWithoutTelephones(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Matches = bookOf(t) })
	s.Publish(final(t, 0))
	program := s.program(t)
	_, list := s.asked(t, "/api/v1/matches", program)
	var all struct {
		Matches []struct{ ID string }
	}
	if err := json.Unmarshal([]byte(list), &all); err != nil || len(all.Matches) != 2 || all.Matches[1].ID != "final" {
		t.Fatal(err, list)
	}
	path := "/api/v1/matches/final"
	if r, body := s.asked(t, path, program); r.StatusCode != http.StatusOK || strings.Contains(body, "+33") || !strings.Contains(body, "Claire Morel") {
		t.Errorf("a token is told %d %s", r.StatusCode, body)
	}
	r := s.get(t, s.signedIn(t, "viewer"), path)
	if body, _ := io.ReadAll(r.Body); !strings.Contains(string(body), "+33 6 12 34 56 41") {
		t.Errorf("a person is told %s", body)
	}
}

type matchKV struct{ match.KV }

func (matchKV) Get(context.Context, string) ([]byte, uint64, error) { return nil, 0, match.ErrNotFound }

// bookOf is a calendar with one match that has everything.
func bookOf(t testing.TB) *match.Book {
	t.Helper()
	kickOff := time.Date(2022, 12, 18, 15, 0, 0, 0, time.UTC)
	m := &match.Match{
		ID: "final", Name: "Argentine – France", Competition: "Finale", Teams: []string{"Argentine", "France"}, Channels: []string{"tf1"}, Criticality: 4, KickOff: kickOff, Venue: "Asia/Qatar",
		Phases:   []match.PhaseFrom{{Phase: match.PhaseFirstHalf}, {Phase: match.PhaseHalfTime, From: 45 * time.Minute}},
		Roster:   []match.Duty{{Name: "Claire Morel", Role: "Vidéo", Phone: "+33 6 12 34 56 41", From: kickOff, To: kickOff.Add(time.Hour)}},
		Forecast: match.Forecast{Viewers: []match.Point{{At: 0, Value: 1e6}, {At: time.Hour, Value: 2e6}}, Traffic: []match.Point{{At: 0, Value: 1e12}, {At: time.Hour, Value: 2e12}}},
		Capacity: []match.Reserve{{CDN: "akamai", ISP: "Free", Bits: 1e12}},
		Nearby:   []match.Nearby{{Name: "Mise à jour", From: kickOff, To: kickOff.Add(time.Hour), Note: "40 Go"}}, Checklist: []match.CheckItem{{ID: "drm", Text: "DRM", Owner: "Vidéo"}},
	}
	kv := &liveMatch{kickOff: kickOff}
	book, err := match.OpenBook(t.Context(), kv, []*match.Match{m, {ID: "earlier", Name: "demi-finale", KickOff: kickOff.Add(-100 * time.Hour)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// liveMatch is what people decided about the final.
type liveMatch struct {
	matchKV
	kickOff time.Time
}

func (k *liveMatch) Get(_ context.Context, key string) ([]byte, uint64, error) {
	if key != "final" {
		return nil, 0, match.ErrNotFound
	}
	at := k.kickOff.Format(time.RFC3339)
	return fmt.Appendf(nil, `{"version":1,"notes":[{"id":"n","at":%[1]q,"text":"bascule","by":"claire","said":%[1]q}],"answers":{"drm":{"verdict":"go","note":"vu","by":"claire","said":%[1]q}},
		"moves":[{"phase":"first_half","at":%[1]q,"by":"claire","said":%[1]q,"undone":"idir","undone_at":%[1]q}],"compare":{"earlier":"earlier","align":"first_half","by":"claire","said":%[1]q}}`, at), 1, nil
}

// Every key of every answer is described, and every key that is described is told by some answer.
func TestAnswersAreAsDescribed(t *testing.T) {
	var described jsonObject
	if err := json.Unmarshal(openAPI, &described); err != nil {
		t.Fatal(err)
	}
	schemas := described["components"].(jsonObject)["schemas"].(jsonObject)
	en := mustLocale(t, "en")
	told := map[string]bool{}
	check := func(name, schema string, answer any) {
		t.Helper()
		content, err := encodeJSON(answer)
		if err != nil {
			t.Fatal(name, err)
		}
		var v any
		if err := json.Unmarshal(content, &v); err != nil {
			t.Fatal(name, err)
		}
		conforms(t, name, jsonObject{"$ref": "#/components/schemas/" + schema}, v, schemas, told)
	}
	for name, b := range map[string]*cockpit.Board{"full": apiNarrowed(t), "whole": final(t, 0), "failed": apiFailed(t), "empty": apiEmpty(), "many sources": many(t, 0)} {
		check(name, "Board", newAPIBoard(en, b))
	}
	book := bookOf(t)
	check("a match", "Match", newAPIMatch(book, book.Find("final"), true))
	check("another", "Match", newAPIMatch(book, book.Find("earlier"), false))
	check("matches", "Matches", apiMatches{Now: "final", Matches: []apiMatchSummary{newAPIMatchSummary(book.Find("final"))}})
	check("alerts", "Alerts", newAPIAlerts(busy(final(t, 0))))
	check("no alerts", "Alerts", newAPIAlerts(newAlertsNow(&alerts.Snapshot{Trouble: []string{"no_leader"}}, nil, 0)))
	check("an import", "Import", apiImport{Until: jsonTime(time.Now()), Refusals: []apiRefusal{{Column: "email"}}})
	s := newSite(t, func(c *Config) { c.Matches = book })
	s.known = func() *alertsNow { return firing(final(t, 0), 1) }
	s.Publish(final(t, 0))
	program := s.program(t)
	for schema, path := range map[string]string{"Index": "/api/v1/", "Problem": "/api/v1/board?cdn=%00", "Matches": "/api/v1/matches", "Alerts": "/api/v1/alerts"} {
		_, body := s.asked(t, path, program)
		check(path, schema, json.RawMessage(body))
	}
	for name, schema := range schemas {
		for property := range schema.(jsonObject)["properties"].(jsonObject) {
			inEvery := (property == "error" || property == "untold") && (name == "Concerns" || name == "Changes")
			if !told[name+"."+property] && !inEvery {
				t.Errorf("%s.%s is described and no answer has it", name, property)
			}
		}
	}
}

// conforms holds a value against a schema, and notes which properties had one.
func conforms(t testing.TB, at string, schema jsonObject, v any, schemas jsonObject, told map[string]bool) {
	if ref, ok := schema["$ref"].(string); ok {
		name := ref[strings.LastIndex(ref, "/")+1:]
		of := schemas[name].(jsonObject)
		values, ok := v.(jsonObject)
		if !ok {
			t.Errorf("%s: %v is no %s", at, v, name)
			return
		}
		properties := of["properties"].(jsonObject)
		for key, value := range values {
			p, ok := properties[key].(jsonObject)
			if !ok {
				t.Errorf("%s.%s is not described", at, key)
				continue
			}
			list, isList := value.([]any)
			if value != nil && (!isList || len(list) > 0) {
				told[name+"."+key] = true
			}
			conforms(t, at+"."+key, p, value, schemas, told)
		}
		for _, key := range of["required"].([]any) {
			if _, ok := values[key.(string)]; !ok {
				t.Errorf("%s.%s is not told", at, key)
			}
		}
		return
	}
	if either, ok := schema["anyOf"].([]any); ok {
		if v != nil {
			conforms(t, at, either[0].(jsonObject), v, schemas, told)
		}
		return
	}
	var is string
	switch v := v.(type) {
	case nil:
		is = "null"
	case bool:
		is = "boolean"
	case string:
		is = "string"
	case float64:
		is = "number"
	case []any:
		is = "array"
		for i := range v {
			conforms(t, at+"[]", schema["items"].(jsonObject), v[i], schemas, told)
		}
	}
	switch types := schema["type"].(type) {
	case string:
		if is != types && !(types == "integer" && is == "number" && v == math.Trunc(v.(float64))) {
			t.Errorf("%s: %v is no %s", at, v, types)
		}
	case []any:
		if !slices.Contains(types, any(is)) {
			t.Errorf("%s: %v is none of %v", at, v, types)
		}
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, v) {
		t.Errorf("%s: %v is none of %v", at, v, values)
	}
	if schema["format"] == "date-time" && v != nil {
		if at2, err := time.Parse(time.RFC3339, v.(string)); err != nil || at2.Location() != time.UTC {
			t.Errorf("%s: %v is no time in UTC", at, v)
		}
	}
}

func mustLocale(t testing.TB, code string) *locale {
	t.Helper()
	all, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	return all.byCode(code)
}

// The guide's examples are addresses that there are, and it lists every panel and every signal.
func TestTheGuideOfTheAPIIsRight(t *testing.T) {
	content, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(content)
	s := newSite(t, func(c *Config) {
		c.Matches = bookOf(t)
		c.Look = func(_ context.Context, sight cockpit.Sight) (*cockpit.Board, error) {
			b := apiNarrowed(t)
			b.Sight = sight
			return b, nil
		}
	})
	s.Publish(final(t, 0))
	examples := regexp.MustCompile(`"\$VIGIE(/[^"]*)"`).FindAllStringSubmatch(guide, -1)
	if len(examples) < 8 {
		t.Errorf("there are %d examples", len(examples))
	}
	for i, example := range examples {
		if strings.HasPrefix(example[1], apiContacts) { // is tried where contacts are brought
			continue
		}
		_, secret, err := s.tokens.Make(t.Context(), account.Token{Name: fmt.Sprint("example ", i), Kind: account.API, By: "admin"})
		if err != nil {
			t.Fatal(err)
		}
		if r, body := s.asked(t, example[1], http.Header{"Authorization": {"Bearer " + secret}}); r.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d: %s", example[1], r.StatusCode, body)
		}
	}
	for _, name := range append(apiPanelNames(), exportNames()...) {
		if !strings.Contains(guide, "`"+name+"`") {
			t.Errorf("it does not name the panel %s", name)
		}
	}
	for _, signal := range signals {
		if !strings.Contains(guide, "`vigie_board_"+signal.name+"`") {
			t.Errorf("it does not name the signal vigie_board_%s", signal.name)
		}
	}
	for _, signal := range alertSignals {
		if !strings.Contains(guide, "`vigie_alerts_"+signal.name+"`") {
			t.Errorf("it does not name the signal vigie_alerts_%s", signal.name)
		}
	}
	for _, name := range regexp.MustCompile("`vigie_board_(\\w+)`").FindAllStringSubmatch(guide, -1) {
		if !slices.ContainsFunc(signals, func(s signal) bool { return s.name == name[1] }) {
			t.Errorf("it names the signal vigie_board_%s, which is none", name[1])
		}
	}
}
