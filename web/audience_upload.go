package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/audience"
)

// Files of contacts are as long as an audience: they are read as they come, and are nowhere as a whole.

// Addresses that take files.
const (
	uploadContacts = "/audience/contacts"
	uploadNever    = "/audience/never/import"
	uploadMapping  = "/audience/mapping"
	apiContacts    = "/api/v1/contacts"
)

const (
	maxUpload   = 4 << 30 // bytes: 20 million lines
	maxOption   = 1 << 10 // of a form's field beside the file
	idleUpload  = 30 * time.Second
	importLimit = 30 * time.Minute
)

// longestBody is how long the body of a request to a route may be.
func longestBody(route string) int64 {
	switch route {
	case uploadContacts, uploadNever, uploadMapping, apiContacts:
		return maxUpload
	}
	return maxBody
}

// slowly lets a body take as long as it goes on coming: the limits of a request are for forms.
type slowly struct {
	io.Reader
	control *http.ResponseController
}

func (r slowly) Read(b []byte) (int, error) {
	r.keep()
	return r.Reader.Read(b)
}

func (r slowly) keep() {
	_ = r.control.SetReadDeadline(time.Now().Add(idleUpload))
	_ = r.control.SetWriteDeadline(time.Now().Add(importLimit))
}

// upload gives take the file of a form, with the fields that came before it.
func upload(c echo.Context, take func(ctx context.Context, name string, fields map[string]string, file io.Reader) error) error {
	request := c.Request()
	body := slowly{request.Body, http.NewResponseController(c.Response())}
	body.keep()
	request.Body = io.NopCloser(body)
	ctx, cancel := context.WithTimeout(request.Context(), importLimit)
	defer cancel()
	parts, err := request.MultipartReader()
	if err != nil {
		return echo.ErrBadRequest
	}
	fields := map[string]string{}
	for range 20 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return uploadError(err)
		}
		if part.FileName() != "" {
			return uploadError(take(ctx, part.FileName(), fields, part))
		}
		if fields[part.FormName()], err = option(part); err != nil {
			return uploadError(err)
		}
	}
	return badInput{"file: is missing"}
}

func option(part *multipart.Part) (string, error) {
	b, err := io.ReadAll(io.LimitReader(part, maxOption+1))
	if len(b) > maxOption {
		return "", echo.NewHTTPError(http.StatusRequestEntityTooLarge)
	}
	return strings.TrimSpace(string(b)), err
}

// uploadError tells a body that broke off from what went wrong here.
func uploadError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", echo.ErrBadRequest, err)
	}
	return err
}

// importOptions are those that a form or an address gives.
func importOptions(r sendsReader, by, name string, get func(string) string) (audience.ImportOptions, error) {
	o := audience.ImportOptions{Format: "csv", By: by, Name: foreign(name, 200), Replace: get("replace") != "", Dry: get("dry") != ""}
	if strings.HasSuffix(strings.ToLower(name), ".json") || strings.HasSuffix(strings.ToLower(name), ".jsonl") || strings.HasSuffix(strings.ToLower(name), ".ndjson") {
		o.Format = "json"
	}
	if days := get("days"); days != "" {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 3650 {
			return o, badInput{"until: is no number of days"}
		}
		o.Until = r.now.Add(time.Duration(n) * 24 * time.Hour)
	}
	if columns := get("columns"); columns != "" {
		o.Columns = map[string]string{}
		for pair := range strings.SplitSeq(columns, ",") {
			header, name, ok := strings.Cut(pair, "=")
			if !ok {
				return o, badInput{"columns: are not written as E-mail=email, Région=region"}
			}
			o.Columns[strings.TrimSpace(header)] = strings.TrimSpace(name)
		}
	}
	return o, nil
}

// importDone is the end of an upload: the page with what came of it. A script that sent it is told where to go.
func (s *Server) importDone(c echo.Context, what string, i *audience.Import, err error, show func(c echo.Context, status int, problem string) error, back string) error {
	s.sendsKept.recount()
	on := ""
	if i != nil {
		on = importedText(i)
	}
	err = importStatus(err, i)
	s.did(c, what, cut(on, maxAudited), err)
	r := s.sendsReader(c)
	if err != nil {
		if statusOf(err) >= http.StatusInternalServerError {
			s.log.Error("an import failed", "what", what, "error", err)
		}
		problem := r.audienceProblem(err)
		if bad, ok := errors.AsType[badInput](err); ok && strings.HasPrefix(bad.text, "file: ") && i != nil {
			problem = r.T("audience.import.unused", "why", foreign(strings.TrimPrefix(bad.text, "file: "), longestReason))
		}
		return show(c, statusOf(err), problem)
	}
	if i.Dry || what == DidImportNever {
		return s.renderImported(c, r, i, back)
	}
	return c.Redirect(http.StatusSeeOther, back+"?said=imported")
}

func (s *Server) importContacts(c echo.Context) error {
	return s.takeFile(c, DidImportContacts, s.renderContacts, "/audience", func(ctx context.Context, r sendsReader, name string, fields map[string]string, file io.Reader) (*audience.Import, error) {
		o, err := importOptions(r, r.user.Name, name, func(f string) string { return fields[f] })
		if err != nil {
			return nil, err
		}
		return r.contacts.Import(ctx, file, o)
	})
}

func (s *Server) importMapping(c echo.Context) error {
	return s.takeFile(c, DidImportMapping, s.renderHits, "/audience/hits", func(ctx context.Context, r sendsReader, name string, _ map[string]string, file io.Reader) (*audience.Import, error) {
		o, err := importOptions(r, r.user.Name, name, func(string) string { return "" })
		if err != nil {
			return nil, err
		}
		o.Viewers = true
		return r.contacts.Import(ctx, file, o)
	})
}

func (s *Server) importNever(c echo.Context) error {
	return s.takeFile(c, DidImportNever, s.renderNever, "/audience/never", func(ctx context.Context, r sendsReader, name string, _ map[string]string, file io.Reader) (*audience.Import, error) {
		i, err := r.contacts.ImportSuppressions(ctx, file, r.user.Name)
		if i != nil {
			i.Name = foreign(name, 200)
		}
		return i, err
	})
}

func (s *Server) takeFile(c echo.Context, what string, show func(c echo.Context, status int, problem string) error, back string,
	take func(ctx context.Context, r sendsReader, name string, fields map[string]string, file io.Reader) (*audience.Import, error)) error {
	r := s.sendsReader(c)
	if r.contacts == nil {
		return s.withoutContacts()
	}
	var i *audience.Import
	err := upload(c, func(ctx context.Context, name string, fields map[string]string, file io.Reader) (err error) {
		i, err = take(ctx, r, cmp.Or(name, "contacts.csv"), fields, file)
		return err
	})
	return s.importDone(c, what, i, err, show, back)
}

// importedView is what came of an import of which nothing else shows it: one that only tried, and suppressions.
type importedView struct {
	sendsPageView
	Row  importRowView
	Dry  bool
	Back string
}

func (s *Server) renderImported(c echo.Context, r sendsReader, i *audience.Import, back string) error {
	page, err := s.audiencePage(c, r, "imported")
	if err != nil {
		return err
	}
	if i.Dry {
		page.Title = r.T("audience.imported.dry")
	}
	row := r.importRow(i)
	row.Delete = ""
	return render(c, http.StatusOK, importedPage(s.shellView(c, r.locale), importedView{page, row, i.Dry, back}))
}
