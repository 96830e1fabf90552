package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

// zones are offered; any other name of the time zone database may be typed.
var zones = []string{
	"Africa/Abidjan", "Africa/Algiers", "Africa/Casablanca", "Africa/Dakar", "Africa/Johannesburg", "Africa/Tunis", "America/Argentina/Buenos_Aires",
	"America/Bogota", "America/Cayenne", "America/Chicago", "America/Guadeloupe", "America/Los_Angeles", "America/Martinique", "America/Mexico_City",
	"America/Miquelon", "America/Montevideo", "America/Montreal", "America/New_York", "America/Sao_Paulo", "America/Toronto", "Asia/Dubai", "Asia/Kolkata",
	"Asia/Qatar", "Asia/Riyadh", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Amsterdam", "Europe/Athens",
	"Europe/Berlin", "Europe/Brussels", "Europe/Dublin", "Europe/Istanbul", "Europe/Lisbon", "Europe/London", "Europe/Luxembourg", "Europe/Madrid",
	"Europe/Paris", "Europe/Rome", "Europe/Stockholm", "Europe/Zurich", "Indian/Mayotte", "Indian/Reunion", "Pacific/Auckland", "Pacific/Noumea",
	"Pacific/Tahiti", "UTC",
}

type profileView struct {
	deskView
	Name              string
	Roles             []choiceView
	Languages, Themes []choiceView
	Zone              fieldView
	Zones             []string
	Old, New          fieldView
	Sessions          []sessionRow
	TimesIn           string
	Problem           string
}

type sessionRow struct {
	Agent, From, Since string
	Current            bool
}

func (s *Server) showProfile(c echo.Context) error {
	v, err := s.profileView(c, userOf(c))
	if err != nil {
		return err
	}
	switch c.QueryParam("said") {
	case "saved":
		v.Said = s.localeOf(c).T("people.said.saved")
	case "password":
		v.Said = s.localeOf(c).T("profile.said.password")
	}
	return render(c, http.StatusOK, profilePage(s.shellView(c, s.localeOf(c)), v))
}

func (s *Server) profileView(c echo.Context, u account.User) (profileView, error) {
	l, zone := s.localeOf(c), s.zoneOf(c)
	v := profileView{
		deskView: s.deskView(c, l, "me", l.T("profile.title")), Name: u.Name, Languages: l.languages(s.locales, u.Language), Zones: zones,
		Zone:    fieldView{Name: "zone", Label: l.T("profile.zone"), Value: u.Zone, Hint: l.T("profile.zone.hint"), Autocomplete: "off", List: "zones", Max: "64"},
		Old:     fieldView{Name: "old", Label: l.T("profile.password.old"), Type: "password", Autocomplete: "current-password", Max: "256", Required: true},
		New:     fieldView{Name: "new", Label: l.T("profile.password.new"), Type: "password", Autocomplete: "new-password", Max: "256", Required: true, Hint: l.T("bad.password")},
		TimesIn: zone.String(),
	}
	for _, r := range l.roleChoices(u.Roles) {
		if r.Chosen {
			v.Roles = append(v.Roles, r)
		}
	}
	for _, theme := range []string{"", "dark", "light"} {
		key := theme
		if key == "" {
			key = "system"
		}
		v.Themes = append(v.Themes, choiceView{Value: theme, Label: l.T("profile.theme." + key), Chosen: u.Theme == theme})
	}
	own, err := s.sessionsOf(c.Request().Context(), u)
	if err != nil {
		return v, err
	}
	current := s.sessions.GetString(c.Request().Context(), keyID)
	for _, of := range own {
		row := sessionRow{Agent: of.agent, From: of.from, Since: minute(of.since, zone), Current: of.id == current && current != ""}
		if row.Agent == "" {
			row.Agent = l.T("profile.session.unknown")
		}
		v.Sessions = append(v.Sessions, row)
	}
	return v, nil
}

// changeProfile does what the button says that sent the form.
func (s *Server) changeProfile(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	switch form.Get("do") {
	case "save":
		return s.saveProfile(c, form)
	case "password":
		return s.changePassword(c, form.Get("old"), form.Get("new"))
	case "sign-out":
		u := userOf(c)
		err := s.endSessions(c.Request().Context(), u)
		s.did(c, DidEndSessions, "", err)
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/sign-in")
	}
	return echo.ErrBadRequest
}

func (s *Server) saveProfile(c echo.Context, form url.Values) error {
	asked := userOf(c)
	asked.Language, asked.Theme, asked.Zone = form.Get("language"), form.Get("theme"), form.Get("zone")
	if s.locales.byCode(asked.Language) == nil {
		asked.Language = ""
	}
	_, err := s.config.Accounts.Change(c.Request().Context(), asked.Name, func(u *account.User) error {
		u.Language, u.Theme, u.Zone = asked.Language, asked.Theme, asked.Zone
		return nil
	})
	s.did(c, DidChangeProfile, "", err)
	if err == nil {
		// What this browser remembered on its own would be in the way.
		s.setPreference(c, languageCookie, asked.Language)
		s.setPreference(c, themeCookie, asked.Theme)
		return c.Redirect(http.StatusSeeOther, "/me?said=saved")
	}
	l := s.localeOf(c)
	field, text, ok := l.problem(err)
	if !ok {
		return err
	}
	asked.Zone = userOf(c).Zone
	v, listing := s.profileView(c, asked)
	if listing != nil {
		return listing
	}
	if v.Zone.Value = form.Get("zone"); field == "zone" {
		v.Zone.Problem = text
	} else {
		v.Problem = text
	}
	return render(c, statusOf(err), profilePage(s.shellView(c, l), v))
}

// changePassword needs the old one: who finds a screen unattended must not keep the account. It ends
// the person's other sessions.
func (s *Server) changePassword(c echo.Context, old, new string) error {
	ctx, u, l := c.Request().Context(), userOf(c), s.localeOf(c)
	hashing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var err error
	if !s.tries.allow(addressOf(c), u.Name) {
		err = errTooMany
	} else if _, err = s.config.Accounts.SignIn(hashing, u.Name, old); err == nil {
		err = s.config.Accounts.SetPassword(hashing, u.Name, new)
	}
	s.did(c, DidChangePassword, "", err)
	if err == nil {
		if u, err = s.config.Accounts.Find(ctx, u.Name); err == nil {
			err = s.enter(c, u)
		}
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/me?said=password")
	}
	v, listing := s.profileView(c, u)
	if listing != nil {
		return listing
	}
	status := statusOf(err)
	switch {
	case errors.Is(err, account.ErrDenied):
		v.Old.Problem, status = l.T("bad.old_password"), http.StatusUnprocessableEntity // the session is good
	case errors.Is(err, errTooMany):
		v.Old.Problem = l.T("signin.too_many")
		c.Response().Header().Set("Retry-After", "6")
	default:
		if _, is := errors.AsType[account.Invalid](err); !is {
			return err
		}
		v.New.Problem, v.New.Hint = l.T("bad.password"), ""
	}
	return render(c, status, profilePage(s.shellView(c, l), v))
}
