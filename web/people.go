package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/account"
)

// What people do to accounts and tokens, as the audit has it in Action.What.
const (
	DidAddPerson      = "person-add"
	DidChangePerson   = "person-change"
	DidDisablePerson  = "person-disable"
	DidEnablePerson   = "person-enable"
	DidRemovePerson   = "person-remove"
	DidSetPassword    = "password-reset"  // somebody else's
	DidChangePassword = "password-change" // one's own
	DidChangeProfile  = "profile-change"
	DidEndSessions    = "sessions-end"
	DidMakeToken      = "token-make"
	DidRevokeToken    = "token-revoke"
	DidEnterWall      = "wall-enter"
	DidExportAudit    = "audit-export"
)

// outcome is Action.Outcome for what ended with err.
func outcome(err error) string {
	switch status := statusOf(err); {
	case err == nil:
		return "ok"
	case status == http.StatusTooManyRequests:
		return "too many tries"
	case status < http.StatusInternalServerError:
		return "denied"
	}
	return "failed"
}

// did notes what the principal of the request did, or tried to.
func (s *Server) did(c echo.Context, what, on string, err error) {
	s.config.Audit(c.Request().Context(), Action{
		Who: principalOf(c).name(), What: what, On: on, From: addressOf(c), At: time.Now(), Outcome: outcome(err),
	})
}

// zoneOf is the time zone that the person reads times in: their own, else the venue's, else UTC.
func (s *Server) zoneOf(c echo.Context) *time.Location {
	if name := userOf(c).Zone; name != "" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	if p := s.scene(cockpit.Sight{}).board.Load(); p != nil && p.board.Match.Venue != nil {
		return p.board.Match.Venue
	}
	return time.UTC
}

// day and minute write moments in these pages; "" for the zero one.
func day(t time.Time, zone *time.Location) string { return written(t, zone, time.DateOnly) }

func minute(t time.Time, zone *time.Location) string { return written(t, zone, "2006-01-02 15:04") }

func written(t time.Time, zone *time.Location, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(layout)
}

// deskView is what the pages have that are not live: people, tokens, audit, profile.
type deskView struct {
	topView
	Title, ID string
	Said      string     // what was just done
	Secret    secretView // what is shown once
}

// secretView is a password or a token, shown once.
type secretView struct {
	Title, Note string
	Parts       []secretPart
}

type secretPart struct{ ID, Label, Value string }

func (s *Server) deskView(c echo.Context, l *locale, id, title string) deskView {
	top := newTopView(l, id, userOf(c), &frame{})
	top.Main = id + "-page"
	return deskView{topView: top, Title: title, ID: id}
}

// fieldView is a field of a form with what is wrong with it.
type fieldView struct {
	Name, Label, Value, Hint, Problem string
	Type                              string // "": text
	Autocomplete                      string
	List                              string // id of a datalist
	Max                               string
	Required                          bool
}

func (f fieldView) id() string { return "field-" + f.Name }

func (f fieldView) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

// describedBy names the elements that tell more of the field.
func (f fieldView) describedBy() string {
	var ids []string
	if f.Problem != "" {
		ids = append(ids, f.id()+"-problem")
	}
	if f.Hint != "" {
		ids = append(ids, f.id()+"-hint")
	}
	return strings.Join(ids, " ")
}

// choiceView is one of several; of a select, of radio buttons or of boxes to tick.
type choiceView struct {
	Value, Label, Hint string
	Chosen             bool
}

// problem is the field that an error is about, and what to do in the reader's language; ok is false when
// the form is not to blame.
func (l *locale) problem(err error) (field, text string, ok bool) {
	if invalid, is := errors.AsType[account.Invalid](err); is {
		return invalid.Field, l.T("bad." + invalid.Field), true
	}
	switch {
	case errors.Is(err, account.ErrExists):
		return "name", l.T("bad.name_taken"), true
	case errors.Is(err, account.ErrLastAdmin):
		return "roles", l.T("bad.last_admin"), true
	case errors.Is(err, account.ErrTooManyTokens):
		return "name", l.T("bad.too_many_tokens"), true
	}
	return "", "", false
}

func (l *locale) languages(all locales, chosen string) []choiceView {
	out := []choiceView{{Value: "", Label: l.T("profile.language.browser"), Chosen: chosen == ""}}
	for _, other := range all {
		out = append(out, choiceView{Value: other.Code, Label: l.T("profile.language." + other.Code), Chosen: chosen == other.Code})
	}
	return out
}

func (l *locale) roleChoices(has account.Roles) []choiceView {
	var out []choiceView
	for _, r := range account.AllRoles() {
		out = append(out, choiceView{Value: string(r), Label: l.T("role." + string(r)), Hint: l.T("role." + string(r) + ".may"), Chosen: has.Has(r)})
	}
	return out
}

func (l *locale) roleNames(rs account.Roles) []string {
	var out []string
	for _, r := range rs {
		out = append(out, l.T("role."+string(r)))
	}
	return out
}

// peopleView is the list, with the form that adds to it.
type peopleView struct {
	deskView
	Count  string
	People []personRow
	Form   personForm
	Adding bool // the form is open
	Zone   string
}

type personRow struct {
	Name, Display, URL, Language, Since string
	Roles                               []string
	Disabled, Self                      bool
}

// personForm is what an admin says of someone.
type personForm struct {
	Name, Display fieldView
	Roles         []choiceView
	RolesProblem  string
	Languages     []choiceView
	Problem       string // of none of the fields
}

func (s *Server) newPersonForm(l *locale, u account.User, err error) personForm {
	f := personForm{
		Name:    fieldView{Name: "name", Label: l.T("people.name"), Value: u.Name, Hint: l.T("bad.name"), Autocomplete: "off", Max: "64", Required: true},
		Display: fieldView{Name: "display", Label: l.T("people.display"), Value: u.Display, Hint: l.T("people.display.hint"), Autocomplete: "off", Max: "64"},
		Roles:   l.roleChoices(u.Roles), Languages: l.languages(s.locales, u.Language),
	}
	field, text, _ := l.problem(err)
	switch field {
	case "name":
		if f.Name.Problem = text; text == f.Name.Hint {
			f.Name.Hint = ""
		}
	case "display":
		f.Display.Problem = text
	case "roles":
		f.RolesProblem = text
	default:
		f.Problem = text
	}
	return f
}

// personOf is what the form says. The page offers no role that there is not; one that comes all the
// same is for the store to refuse.
func (s *Server) personOf(form url.Values, u *account.User) {
	u.Display, u.Language, u.Roles = form.Get("display"), form.Get("language"), nil
	for _, r := range account.AllRoles() {
		if slices.Contains(form["role"], string(r)) {
			u.Roles = append(u.Roles, r)
		}
	}
	if slices.ContainsFunc(form["role"], func(r string) bool { return !slices.Contains(account.AllRoles(), account.Role(r)) }) {
		u.Roles = append(u.Roles, "unknown")
	}
	if s.locales.byCode(u.Language) == nil {
		u.Language = ""
	}
}

func (s *Server) showPeople(c echo.Context) error {
	l := s.localeOf(c)
	return s.renderPeople(c, http.StatusOK, peopleView{
		deskView: s.deskView(c, l, "people", l.T("people.title")),
		Form:     s.newPersonForm(l, account.User{Roles: account.Roles{account.Viewer}}, nil),
	})
}

func (s *Server) renderPeople(c echo.Context, status int, v peopleView) error {
	l, zone := s.localeOf(c), s.zoneOf(c)
	all, err := s.config.Accounts.List(c.Request().Context())
	if err != nil {
		return err
	}
	for _, u := range all {
		row := personRow{
			Name: u.Name, Display: cmp.Or(u.Display, u.Name), URL: "/people/" + u.Name, Roles: l.roleNames(u.Roles), Since: day(u.Created, zone),
			Disabled: u.Disabled, Self: u.Name == userOf(c).Name, Language: l.T("profile.language.browser"),
		}
		if s.locales.byCode(u.Language) != nil {
			row.Language = l.T("profile.language." + u.Language)
		}
		v.People = append(v.People, row)
	}
	v.Count, v.Zone = l.plural("people.count", len(all)), zone.String()
	return render(c, status, peoplePage(s.shellView(c, l), v))
}

func (s *Server) addPerson(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx, l := c.Request().Context(), s.localeOf(c)
	u := account.User{Name: form.Get("name")}
	s.personOf(form, &u)
	v := peopleView{deskView: s.deskView(c, l, "people", l.T("people.title"))}
	password := account.NewPassword()
	hashing, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	made, err := s.config.Accounts.Add(hashing, u, password)
	s.did(c, DidAddPerson, withRoles(auditedName(made.Name, u.Name), u.Roles), err)
	if err != nil {
		if _, _, ok := l.problem(err); !ok {
			return err
		}
		v.Form, v.Adding = s.newPersonForm(l, u, err), true
		return s.renderPeople(c, statusOf(err), v)
	}
	v.Form = s.newPersonForm(l, account.User{Roles: account.Roles{account.Viewer}}, nil)
	v.Said = l.T("people.added", "name", made.Display)
	v.Secret = passwordShown(l, made.Name, password)
	return s.renderPeople(c, http.StatusOK, v)
}

// withRoles tells the audit what someone may do from now on.
func withRoles(name string, rs account.Roles) string {
	if len(rs) == 0 {
		return name
	}
	return name + ": " + rs.String()
}

// auditedName is the account's name, or what was typed for one, cut to a name's length.
func auditedName(name, typed string) string {
	if name != "" {
		return name
	}
	if len(typed) > 64 {
		typed = typed[:64]
	}
	return strings.ToValidUTF8(typed, "")
}

func passwordShown(l *locale, name, password string) secretView {
	return secretView{Title: l.T("people.secret.title"), Note: l.T("people.secret.note"), Parts: []secretPart{
		{"secret-name", l.T("signin.name"), name}, {"secret-password", l.T("signin.password"), password},
	}}
}

// personView is one person's page.
type personView struct {
	deskView
	Name, Since, AuditURL string
	Disabled, Self        bool
	Form                  personForm
	Problem               string // of disabling or removing
}

func (s *Server) showPerson(c echo.Context) error {
	u, err := s.config.Accounts.Find(c.Request().Context(), c.Param("name"))
	if err != nil {
		return err
	}
	return s.renderPerson(c, http.StatusOK, u, s.personView(c, u))
}

func (s *Server) personView(c echo.Context, u account.User) personView {
	l := s.localeOf(c)
	v := personView{deskView: s.deskView(c, l, "people", u.Display), Form: s.newPersonForm(l, u, nil)}
	if said := c.QueryParam("said"); slices.Contains([]string{"saved", "disabled", "enabled"}, said) {
		v.Said = l.T("people.said." + said)
	}
	return v
}

func (s *Server) renderPerson(c echo.Context, status int, u account.User, v personView) error {
	l := s.localeOf(c)
	v.Name, v.Disabled, v.Self = u.Name, u.Disabled, u.Name == userOf(c).Name
	v.Since = day(u.Created, s.zoneOf(c))
	v.AuditURL = "/audit?who=" + url.QueryEscape(u.Name)
	return render(c, status, personPage(s.shellView(c, l), v))
}

// changePerson does what the button says that sent the form.
func (s *Server) changePerson(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	u, err := s.config.Accounts.Find(ctx, c.Param("name"))
	if err != nil {
		return err
	}
	switch form.Get("do") {
	case "save":
		return s.savePerson(c, u, form)
	case "password":
		return s.resetPassword(c, u)
	case "disable", "remove":
		return s.closeAccount(c, u, form.Get("do") == "remove")
	case "enable":
		_, err := s.config.Accounts.Change(ctx, u.Name, func(u *account.User) error { u.Disabled = false; return nil })
		s.did(c, DidEnablePerson, u.Name, err)
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/people/"+u.Name+"?said=enabled")
	}
	return echo.ErrBadRequest
}

func (s *Server) savePerson(c echo.Context, u account.User, form url.Values) error {
	asked := u
	s.personOf(form, &asked)
	changed, err := s.config.Accounts.Change(c.Request().Context(), u.Name, func(u *account.User) error {
		u.Display, u.Language, u.Roles = asked.Display, asked.Language, asked.Roles
		return nil
	})
	s.did(c, DidChangePerson, withRoles(u.Name, asked.Roles), err)
	if err == nil {
		if changed.Name == userOf(c).Name && !changed.May(account.Admin) {
			return c.Redirect(http.StatusSeeOther, "/me") // this page is not theirs any more
		}
		return c.Redirect(http.StatusSeeOther, "/people/"+u.Name+"?said=saved")
	}
	l := s.localeOf(c)
	if _, _, ok := l.problem(err); !ok {
		return err
	}
	v := s.personView(c, u)
	v.Form = s.newPersonForm(l, asked, err)
	return s.renderPerson(c, statusOf(err), u, v)
}

func (s *Server) resetPassword(c echo.Context, u account.User) error {
	password := account.NewPassword()
	hashing, cancel := context.WithTimeout(c.Request().Context(), 5*time.Second)
	defer cancel()
	err := s.config.Accounts.SetPassword(hashing, u.Name, password)
	s.did(c, DidSetPassword, u.Name, err)
	if err != nil {
		return err
	}
	l := s.localeOf(c)
	v := s.personView(c, u)
	v.Said, v.Secret = l.T("people.said.password"), passwordShown(l, u.Name, password)
	if u.Name == userOf(c).Name { // or the page that shows it would be this session's last
		if u, err = s.config.Accounts.Find(c.Request().Context(), u.Name); err == nil {
			err = s.enter(c, u)
		}
		if err != nil {
			return err
		}
	}
	return s.renderPerson(c, http.StatusOK, u, v)
}

// closeAccount disables or removes; nobody does so to themselves.
func (s *Server) closeAccount(c echo.Context, u account.User, remove bool) error {
	ctx, l := c.Request().Context(), s.localeOf(c)
	what, to := DidDisablePerson, "/people/"+u.Name+"?said=disabled"
	if remove {
		what, to = DidRemovePerson, "/people"
	}
	var err error
	switch {
	case u.Name == userOf(c).Name:
		err = errOneself
	case remove:
		err = s.config.Accounts.Remove(ctx, u.Name)
	default:
		_, err = s.config.Accounts.Change(ctx, u.Name, func(u *account.User) error { u.Disabled = true; return nil })
	}
	s.did(c, what, u.Name, err)
	if err == nil {
		return c.Redirect(http.StatusSeeOther, to)
	}
	v := s.personView(c, u)
	switch {
	case errors.Is(err, errOneself):
		v.Problem = l.T("bad.oneself")
	case errors.Is(err, account.ErrLastAdmin):
		v.Problem = l.T("bad.last_admin")
	default:
		return err
	}
	return s.renderPerson(c, http.StatusConflict, u, v)
}

// errOneself keeps admins from locking themselves out by a slip of the finger.
var errOneself = echo.NewHTTPError(http.StatusConflict, "an admin may not disable or remove their own account")
