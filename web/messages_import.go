package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"vigie/internal/match"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// Bounds of an import, beside the request's own.
const (
	maxImported   = 50
	maxImportFile = 300 << 10
)

// importView is where files come in: what they would do is shown before it is done.
type importView struct {
	alertsPageView
	Files    bool // files can be read
	Rows     []importRow
	Asked    bool
	Refusals []string
	From     string // file, folder
	Do       string // the button's words; "": there is nothing to do
	Folder   string // what the configuration's folder has; "": nothing
}

type importRow struct {
	ID, Title, Word, Class string
	Text                   string // of the file, to come back
	Name                   string
	Details                []string // what it would change
	Does                   bool     // it would do something
}

// importedFile is a file's scenario, or why it is none.
type importedFile struct {
	name, text string
	scenario   *message.Scenario
	err        error
}

func (s *Server) showImport(c echo.Context) error {
	return s.renderImport(c, http.StatusOK, "", nil, nil)
}

// renderImport shows what files, or the configuration's folder, would do.
func (s *Server) renderImport(c echo.Context, status int, from string, files []importedFile, refusal error) error {
	if s.config.Library == nil {
		return echo.ErrNotFound
	}
	r := s.messagesReader(c)
	page, err := s.messagesPage(c, r, "message-import", r.T("messages.import.title"))
	if err != nil {
		return err
	}
	v := importView{alertsPageView: page, Files: s.config.ParseScenario != nil, From: from, Asked: from != ""}
	if refusal != nil {
		v.Problem, v.Refusals = r.refusal(refusal)
	}
	does := 0
	for _, f := range files {
		row := r.importRow(f)
		if row.Does {
			does++
		}
		v.Rows = append(v.Rows, row)
	}
	if does > 0 {
		v.Do = r.plural("messages.import.do", does)
	}
	if n := len(s.config.Scenarios); n > 0 {
		v.Folder = r.plural("messages.import.folder", n)
	}
	return render(c, status, importPage(s.shellView(c, r.locale), v))
}

func (r messagesReader) importRow(f importedFile) importRow {
	row := importRow{Name: foreign(f.name, longestName), Text: f.text}
	if f.err != nil {
		row.Word, row.Class, row.Details = r.T("messages.import.bad"), "critical", r.problems(f.err)
		return row
	}
	row.ID, row.Title = f.scenario.ID, r.title(f.scenario)
	if err := f.scenario.CheckDraft(); err != nil {
		row.Word, row.Class, row.Details = r.T("messages.import.bad"), "critical", r.problems(err)
		return row
	}
	e := r.library.Get(f.scenario.ID)
	if e == nil {
		row.Word, row.Class, row.Does = r.T("messages.import.new"), "fine", true
		row.Details = r.problems(f.scenario.Check())
		return row
	}
	kept, changed := 0, 0
	for _, step := range message.Steps() {
		state := e.State(step, "", r.now)
		if e.Scenario.Hash(step) == f.scenario.Hash(step) {
			continue
		}
		changed++
		if state == library.Approved || state == library.Armed || state == library.InReview {
			kept++
			row.Details = append(row.Details, r.T("messages.import.ends", "step", r.step(step), "state", r.known("library.state.", string(state))))
		}
	}
	same := formOfScenario(&e.Scenario, message.Initial).Encode() == formOfScenario(f.scenario, message.Initial).Encode() && e.Scenario.Adhoc == f.scenario.Adhoc
	if changed == 0 && same {
		row.Word, row.Class = r.T("messages.import.same"), "unknown"
		return row
	}
	row.Word, row.Class, row.Does = r.plural("messages.import.changes", changed), "fine", true
	row.Details = append([]string{r.T("messages.import.over", "who", r.who(e.Saved.By), "time", r.ago(e.Saved.At))}, row.Details...)
	if kept > 0 {
		row.Class = "warning"
	}
	return row
}

// importMessages reads files, or the configuration's folder, and shows what they would do; with sure it does it.
func (s *Server) importMessages(c echo.Context) error {
	if s.config.Library == nil {
		return echo.ErrNotFound
	}
	form, files, err := s.importForm(c)
	if err != nil {
		return err
	}
	from := form.Get("from")
	if from == "folder" {
		for _, of := range s.config.Scenarios {
			files = append(files, importedFile{name: of.ID + ".yaml", scenario: of})
		}
	}
	if form.Get("sure") == "" {
		if len(files) == 0 {
			return s.renderImport(c, http.StatusUnprocessableEntity, "", nil, &library.Refused{Why: library.Invalid, Err: errNoFile})
		}
		return s.renderImport(c, http.StatusOK, from, files, nil)
	}
	var chosen []*message.Scenario
	for _, f := range files {
		if f.err == nil && slices.Contains(form["id"], f.scenario.ID) {
			chosen = append(chosen, f.scenario)
		}
	}
	ctx, cancel := acting(c)
	defer cancel()
	by := userOf(c).Name
	done, err := s.config.Library.Import(ctx, by, chosen)
	err = refusedStatus(err, by)
	s.did(c, DidImportMessages, cut(strings.TrimSpace("+"+strings.Join(done.Created, " +")+" "+strings.Join(done.Changed, " ")), maxAudited), err)
	if err != nil {
		return s.renderImport(c, statusOf(err), from, files, err)
	}
	return c.Redirect(http.StatusSeeOther, "/messages?said=imported")
}

var errNoFile = &match.Problem{Key: "file", Text: "is missing"}

// importForm reads a form with files, or one whose files were read before.
func (s *Server) importForm(c echo.Context) (url.Values, []importedFile, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		form, err := formOf(c)
		if err != nil {
			return nil, nil, err
		}
		var files []importedFile
		for i := range min(len(form["text"]), maxImported) {
			name := strconv.Itoa(i+1) + ".yaml"
			if i < len(form["name"]) {
				name = form["name"][i]
			}
			files = append(files, s.readScenario(name, form["text"][i]))
		}
		return form, files, nil
	}
	parts, err := c.Request().MultipartReader()
	if err != nil {
		return nil, nil, echo.ErrBadRequest
	}
	form, files := url.Values{}, []importedFile(nil)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return form, files, nil
		}
		if err != nil {
			return nil, nil, badBody(err)
		}
		text, err := io.ReadAll(io.LimitReader(part, maxImportFile+1))
		if err != nil {
			return nil, nil, badBody(err)
		}
		switch name := part.FileName(); {
		case name == "" && len(text) == 0, part.FormName() == "file" && len(text) == 0:
		case len(text) > maxImportFile:
			return nil, nil, echo.ErrStatusRequestEntityTooLarge
		case part.FormName() == "file" && len(files) < maxImported:
			files = append(files, s.readScenario(name, string(text)))
		case part.FormName() != "file":
			form.Add(part.FormName(), string(text))
		}
	}
}

func badBody(err error) error {
	if statusOf(err) == http.StatusRequestEntityTooLarge {
		return err
	}
	return echo.ErrBadRequest
}

// readScenario reads a file. Its name is the scenario's id.
func (s *Server) readScenario(name, text string) importedFile {
	f := importedFile{name: path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/")), text: text}
	if s.config.ParseScenario == nil {
		f.err = errors.New("files are not read here")
		return f
	}
	f.scenario, f.err = s.config.ParseScenario(f.name, []byte(text))
	if f.err == nil && f.scenario == nil {
		f.err = errors.New("there is nothing in it")
	}
	if f.err == nil && f.scenario.ID == "" {
		f.scenario.ID = strings.TrimSuffix(strings.TrimSuffix(f.name, ".yaml"), ".yml")
	}
	return f
}

// exportMessage is a scenario as its file would say it.
func (s *Server) exportMessage(c echo.Context) error {
	e, err := s.entry(c)
	if err != nil {
		return err
	}
	if s.config.WriteScenario == nil {
		return echo.ErrNotFound
	}
	of := s.config.Library.Export(e.Scenario.ID)
	if of == nil {
		return echo.ErrNotFound
	}
	text, err := s.config.WriteScenario(of)
	s.did(c, DidExportMessage, e.Scenario.ID, err)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Disposition", `attachment; filename="`+e.Scenario.ID+`.yaml"`)
	return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", text)
}
