package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/audience"
)

// segmentsView are all saved segments.
type segmentsView struct {
	sendsPageView
	Segments []segmentRow
	None     string
	New      *segmentForm // nil: the reader may not
}

type segmentRow struct {
	ID, URL, Name, Where, Who string
	Canary                    bool
}

// segmentForm is a segment as it is written.
type segmentForm struct {
	ID, Name, Seen string // Seen: when what the writer saw was saved; "": a new one
	Canary         bool
	Rows           []conditionRow
	Names          []string // of attributes
	Values         []string // that some contact has
	Estimate       segmentEstimate
	Delete         string
	Open           bool
}

// conditionRow is one condition: an attribute, whether it is one of the values or none of them.
type conditionRow struct {
	N, Attribute, Values string
	Not                  bool
}

// segmentEstimate is how many a segment is now.
type segmentEstimate struct {
	Problems []string
	Text     string
	Reach    []contactsReach
	At       string
}

type segmentView struct {
	sendsPageView
	Form  segmentForm
	Where string
}

// spareConditions are the empty rows that a form offers beyond what is there.
const spareConditions = 2

func (s *Server) showSegments(c echo.Context) error { return s.renderSegments(c, http.StatusOK, "") }

func (s *Server) renderSegments(c echo.Context, status int, problem string) error {
	r := s.sendsReader(c)
	page, err := s.audiencePage(c, r, "segments")
	if err != nil {
		return err
	}
	v := segmentsView{sendsPageView: page}
	v.Problem = problem
	if v.Nothing == "" {
		for _, of := range r.contacts.Segments() {
			v.Segments = append(v.Segments, segmentRow{
				ID: of.ID, URL: "/audience/segments/" + url.PathEscape(of.ID), Name: foreign(of.Name, longestName), Where: r.where(of.Where), Canary: of.Canary,
				Who: r.T("audience.segment.by", "who", r.who(of.By), "time", r.until(of.Updated)),
			})
		}
		if len(v.Segments) == 0 {
			v.None = r.T("audience.segments.none")
		}
		if r.acts() {
			form := r.segmentForm(c.Request().Context(), nil, c.Request().PostForm)
			form.Open = problem != "" || len(v.Segments) == 0
			v.New = &form
		}
	}
	return render(c, status, segmentsPage(s.shellView(c, r.locale), v))
}

func (s *Server) showSegment(c echo.Context) error { return s.renderSegment(c, http.StatusOK, "") }

func (s *Server) renderSegment(c echo.Context, status int, problem string) error {
	r := s.sendsReader(c)
	if r.contacts == nil {
		return s.renderSegments(c, status, problem)
	}
	of := r.contacts.Segment(c.Param("id"))
	if of == nil {
		return echo.ErrNotFound
	}
	page, err := s.audiencePage(c, r, "segments")
	if err != nil {
		return err
	}
	page.Title, page.Problem = foreign(of.Name, longestName), problem
	v := segmentView{sendsPageView: page, Form: r.segmentForm(c.Request().Context(), of, c.Request().PostForm), Where: r.where(of.Where)}
	return render(c, status, segmentPage(s.shellView(c, r.locale), v))
}

// where is a question as people say it.
func (r sendsReader) where(all []audience.Condition) string {
	if len(all) == 0 {
		return r.T("audience.segment.everybody")
	}
	var parts []string
	for _, c := range all {
		key := "audience.condition.is"
		if c.Not {
			key = "audience.condition.not"
		}
		parts = append(parts, r.T(key, "name", foreign(c.Attribute, longestName), "values", foreign(strings.Join(c.Values, ", "), 300)))
	}
	return strings.Join(parts, " · ")
}

// segmentForm is filled in with what was typed, or with what is saved.
func (r sendsReader) segmentForm(ctx context.Context, of *audience.Segment, typed url.Values) segmentForm {
	f := segmentForm{}
	where := []audience.Condition{}
	if of != nil {
		f.ID, f.Name, f.Canary, f.Seen = of.ID, of.Name, of.Canary, of.Updated.UTC().Format(time.RFC3339Nano)
		f.Delete = "/audience/segments/" + url.PathEscape(of.ID) + "/delete"
		where = of.Where
	}
	if typed.Has("name") {
		f.Name, f.Canary, f.Seen = cut(typed.Get("name"), 200), typed.Get("canary") != "", cut(typed.Get("seen"), 60)
		if of == nil {
			f.ID = cut(typed.Get("id"), 80)
		}
		where = conditionsOf(typed)
	}
	for i, c := range where {
		f.Rows = append(f.Rows, conditionRow{strconv.Itoa(i), c.Attribute, strings.Join(c.Values, ", "), c.Not})
	}
	for range spareConditions {
		if len(f.Rows) < maxConditionRows {
			f.Rows = append(f.Rows, conditionRow{N: strconv.Itoa(len(f.Rows))})
		}
	}
	f.Names = []string{"lang"}
	if all, err := r.contacts.Attributes(ctx); err == nil {
		for _, a := range all {
			f.Names = append(f.Names, a.Name)
			for _, v := range a.Values {
				f.Values = append(f.Values, v.Text)
			}
		}
	}
	slices.Sort(f.Values)
	f.Values = slices.Compact(f.Values)
	f.Values = f.Values[:min(len(f.Values), 300)]
	if of != nil {
		f.Estimate = r.estimateOf(ctx, where)
	}
	return f
}

const maxConditionRows = 10

// conditionsOf reads the form's rows; those without an attribute are empty.
func conditionsOf(form url.Values) (out []audience.Condition) {
	for i := range maxConditionRows {
		n := strconv.Itoa(i)
		c := audience.Condition{Attribute: strings.TrimSpace(cut(form.Get("attribute."+n), 80)), Not: form.Get("not."+n) != ""}
		for v := range strings.SplitSeq(form.Get("values."+n), ",") {
			if v = strings.TrimSpace(v); v != "" && len(c.Values) < 200 {
				c.Values = append(c.Values, v)
			}
		}
		if c.Attribute != "" {
			out = append(out, c)
		}
	}
	return out
}

func (r sendsReader) estimateOf(ctx context.Context, where []audience.Condition) segmentEstimate {
	check := audience.Segment{ID: "x", Name: "x", Where: where}
	if err := check.Check(); err != nil {
		return segmentEstimate{Problems: r.problemsOf(err)}
	}
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	got := r.estimate(fmt.Sprintf("where %q", fmt.Sprint(where)), func() (*audience.Estimate, *audience.Impact, error) {
		e, err := r.contacts.Estimate(ctx, where, nil)
		return e, nil, err
	})
	if got.err != nil {
		return segmentEstimate{Problems: []string{r.T("audience.away")}}
	}
	return segmentEstimate{
		Text: r.plural("audience.contacts", got.of.Contacts), At: r.at(got.at),
		Reach: []contactsReach{r.reachOf("email", got.of.Email, got.of.Contacts), r.reachOf("sms", got.of.SMS, got.of.Contacts)},
	}
}

// estimateSegment counts what the form says now, and keeps nothing.
func (s *Server) estimateSegment(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	r := s.sendsReader(c)
	if r.contacts == nil {
		return s.withoutContacts()
	}
	return render(c, http.StatusOK, segmentEstimatePart(s.shellView(c, r.locale), r.estimateOf(c.Request().Context(), conditionsOf(form))))
}

func (s *Server) saveSegment(c echo.Context) error {
	return s.audienceAct(c, audienceAct{what: DidSaveSegment, back: "/audience/segments?said=segment-saved", show: s.renderSegments, do: func(ctx context.Context, r sendsReader, form url.Values) (string, error) {
		of := audience.Segment{ID: strings.TrimSpace(form.Get("id")), Name: form.Get("name"), Where: conditionsOf(form), By: r.user.Name, Canary: form.Get("canary") != ""}
		if of.ID == "" {
			of.ID = slug(of.Name)
		}
		seen := time.Time{}
		if text := form.Get("seen"); text != "" {
			t, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return of.ID, audience.ErrChanged
			}
			seen = t
		}
		_, err := r.contacts.SaveSegment(ctx, of, seen)
		return of.ID, err
	}})
}

// slug makes an id of a name: Abonnés Île-de-France is abonnes-ile-de-france.
func slug(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(name) {
		if plain, ok := unaccented[c]; ok {
			c = plain
		}
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(cut(b.String(), 60), "-…")
}

var unaccented = map[rune]rune{
	'à': 'a', 'â': 'a', 'ä': 'a', 'ç': 'c', 'é': 'e', 'è': 'e', 'ê': 'e', 'ë': 'e', 'î': 'i', 'ï': 'i', 'ô': 'o', 'ö': 'o', 'ù': 'u', 'û': 'u', 'ü': 'u', 'œ': 'o',
}

func (s *Server) deleteSegment(c echo.Context) error {
	id := c.Param("id")
	return s.audienceAct(c, audienceAct{what: DidDeleteSegment, back: "/audience/segments?said=segment-deleted", show: s.renderSegments, do: func(ctx context.Context, r sendsReader, form url.Values) (string, error) {
		seen, err := time.Parse(time.RFC3339Nano, form.Get("seen"))
		if err != nil {
			return cut(id, 80), audience.ErrChanged
		}
		return cut(id, 80), r.contacts.DeleteSegment(ctx, id, seen)
	}})
}
