package web

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
	"vigie/runbooks/audience"
)

// apiImport is what came of contacts that a program brought.
type apiImport struct {
	Import   uint64       `json:"import" doc:"Its number: contacts can be deleted by it. 0: it was only tried."`
	Lines    int          `json:"lines" doc:"Without empty ones and CSV's header."`
	Added    int          `json:"added"`
	Changed  int          `json:"changed"`
	Same     int          `json:"same"`
	Refused  int          `json:"refused" doc:"Lines that were not taken: refusals says why. The others are in use."`
	Repeated int          `json:"repeated" doc:"Lines about a contact that a later line tells again: that one counts."`
	Gone     int          `json:"gone" doc:"With replace: contacts that were there and are not any more."`
	Until    jsonTime     `json:"until" doc:"The contacts are deleted then, unless they are brought again."`
	Refusals []apiRefusal `json:"refusals" doc:"The first 100."`
}

// apiRefusal is a line that was not taken. Nothing that it said is repeated.
type apiRefusal struct {
	Line   int      `json:"line" doc:"1 is the first."`
	Column jsonText `json:"column" doc:"null: the whole line."`
	Reason string   `json:"reason"`
}

const apiRefusals = 100

// requireContacts lets the broadcaster's system pass that brings contacts: by a token of that kind, and by nothing
// else. A person uses the page.
func (s *Server) requireContacts() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			scheme, secret, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
			if !strings.EqualFold(scheme, "Bearer") {
				secret = ""
			}
			t, err := s.config.Tokens.Check(c.Request().Context(), account.Contacts, strings.TrimSpace(secret))
			if err != nil {
				return s.problem(c, err)
			}
			c.Set(principalKey, principal{device: t})
			if !s.apiLimits.requests.allow(principalOf(c).name()) {
				return s.problem(c, fmt.Errorf("%w: 10 requests a second", errTooMany))
			}
			if err := next(c); err != nil {
				return s.problem(c, err)
			}
			return nil
		}
	}
}

// contactParams are those of an import by a program.
var contactParams = []string{"replace", "dry", "days", "name"}

// takeContacts takes contacts as CSV or as a JSON object a line, in a body of any length.
func (s *Server) takeContacts(c echo.Context) error {
	if err := onlyParams(c, contactParams); err != nil {
		return err
	}
	for _, name := range []string{"replace", "dry"} {
		if v := c.QueryParam(name); v != "" && v != "1" {
			return badParam{http.StatusBadRequest, name, "query", "is 1 or not there"}
		}
	}
	r := s.sendsReader(c)
	if r.contacts == nil {
		return s.withoutContacts()
	}
	o, err := importOptions(r, principalOf(c).name(), c.QueryParam("name"), c.QueryParam)
	if err != nil {
		return badParam{http.StatusBadRequest, "days", "query", "is no number of days between 1 and 3650"}
	}
	switch kind, _, _ := mime.ParseMediaType(c.Request().Header.Get("Content-Type")); kind {
	case "text/csv":
		o.Format = "csv"
	case "application/x-ndjson", "application/jsonl", "application/json":
		o.Format = "json"
	default:
		return badParam{http.StatusUnsupportedMediaType, "Content-Type", "header", "is neither text/csv nor application/x-ndjson, an object a line"}
	}
	body := slowly{c.Request().Body, http.NewResponseController(c.Response())}
	body.keep()
	ctx, cancel := context.WithTimeout(c.Request().Context(), importLimit)
	defer cancel()
	i, err := r.contacts.Import(ctx, body, o)
	s.sendsKept.recount()
	on := ""
	if i != nil {
		on = importedText(i)
	}
	err = importStatus(err, i)
	s.did(c, DidImportContacts, cut(on, maxAudited), err)
	switch bad, is := errors.AsType[badInput](err); {
	case is:
		return badParam{http.StatusUnprocessableEntity, "", "body", strings.TrimPrefix(bad.text, "file: ")}
	case errors.Is(err, audience.ErrBusy):
		return badParam{http.StatusTooManyRequests, "", "", "As many imports are under way as may be: try again in a minute."}
	case err != nil:
		return err
	}
	out := apiImport{
		Import: i.Number, Lines: i.Lines, Added: i.Added, Changed: i.Changed, Same: i.Same, Refused: i.Refused, Repeated: i.Repeated, Gone: i.Gone,
		Until: jsonTime(i.Until), Refusals: []apiRefusal{},
	}
	if i.Dry {
		out.Import = 0
	}
	for _, bad := range i.Refusals[:min(len(i.Refusals), apiRefusals)] {
		out.Refusals = append(out.Refusals, apiRefusal{bad.Line, jsonText(bad.Column), bad.Reason})
	}
	content, err := encodeJSON(out)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, "application/json", content)
}

// importedText is an import for the audit.
func importedText(i *audience.Import) string {
	text := fmt.Sprintf("%d %s lines=%d added=%d changed=%d refused=%d", i.Number, i.Name, i.Lines, i.Added, i.Changed, i.Refused)
	if i.Dry {
		return "dry " + text
	}
	return text
}

// importStatus tells what is wrong with a file from what failed here: of that the package says its name first.
func importStatus(err error, i *audience.Import) error {
	if err == nil {
		return nil
	}
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return err
	}
	_, known := errors.AsType[*echo.HTTPError](err)
	if i != nil && !known && !strings.HasPrefix(err.Error(), "audience: ") && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return badInput{"file: " + err.Error()}
	}
	return audienceStatus(err)
}
