package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

// TokenName is how the audit calls a token: its id, which stays, and the name that people know.
func TokenName(t account.Token) string {
	return strings.TrimSpace(string(t.Kind) + ":" + t.ID + " " + t.Name)
}

type tokensView struct {
	deskView
	Count  string
	Tokens []tokenRow
	Form   tokenForm
	Making bool // the form is open
	Zone   string
}

type tokenRow struct {
	ID, Name, Kind, Made, Used, Expires, State string
	InUse                                      bool
}

type tokenForm struct {
	Name         fieldView
	Kinds, Lives []choiceView
	KindProblem  string
	Problem      string
}

// tokenLives are the days that a token may be made for; 0: for good.
var tokenLives = []int{0, 1, 7, 30, 90, 365}

func newTokenForm(l *locale, name, kind string, days int, err error) tokenForm {
	f := tokenForm{Name: fieldView{Name: "name", Label: l.T("tokens.name"), Value: name, Hint: l.T("tokens.name.hint"), Autocomplete: "off", Max: "64", Required: true}}
	for _, k := range account.TokenKinds() {
		f.Kinds = append(f.Kinds, choiceView{
			Value: string(k), Label: l.T("tokens.kind." + string(k)), Hint: l.T("tokens.kind." + string(k) + ".may"), Chosen: kind == string(k),
		})
	}
	for _, d := range tokenLives {
		life := l.T("tokens.life.never")
		if d > 0 {
			life = l.plural("tokens.life", d)
		}
		f.Lives = append(f.Lives, choiceView{Value: strconv.Itoa(d), Label: life, Chosen: d == days})
	}
	switch field, text, _ := l.problem(err); field {
	case "name":
		f.Name.Problem = text
		if text == l.T("bad.name") { // an account's; a token's may be any text
			f.Name.Problem = l.T("bad.token_name")
		}
	case "kind":
		f.KindProblem = text
	default:
		f.Problem = text
	}
	return f
}

func (s *Server) showTokens(c echo.Context) error {
	l := s.localeOf(c)
	v := tokensView{deskView: s.deskView(c, l, "tokens", l.T("tokens.title")), Form: newTokenForm(l, "", string(account.Wall), 0, nil)}
	if c.QueryParam("said") == "revoked" {
		v.Said = l.T("tokens.said.revoked")
	}
	return s.renderTokens(c, http.StatusOK, v)
}

func (s *Server) renderTokens(c echo.Context, status int, v tokensView) error {
	l, zone := s.localeOf(c), s.zoneOf(c)
	all, err := s.config.Tokens.List(c.Request().Context())
	if err != nil {
		return err
	}
	used := 0
	for _, t := range all {
		row := tokenRow{
			ID: t.ID, Name: t.Name, Kind: l.T("tokens.kind." + string(t.Kind)), InUse: t.Refused(time.Now()) == nil,
			Made: l.T("tokens.made_by", "day", day(t.Created, zone), "who", t.By),
			Used: minute(t.LastUsed, zone), Expires: minute(t.Expires, zone), State: l.T("tokens.state.in_use"),
		}
		if row.Used == "" {
			row.Used = l.T("tokens.never")
		}
		if row.Expires == "" {
			row.Expires = l.T("tokens.never")
		}
		switch {
		case row.InUse:
			used++
		case !t.Revoked.IsZero():
			row.State = l.T("tokens.state.revoked", "time", minute(t.Revoked, zone))
		default:
			row.State = l.T("tokens.state.expired")
		}
		v.Tokens = append(v.Tokens, row)
	}
	v.Count, v.Zone = l.plural("tokens.count", used), zone.String()
	return render(c, status, tokensPage(s.shellView(c, l), v))
}

// changeToken does what the button says that sent the form.
func (s *Server) changeToken(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	switch form.Get("do") {
	case "make":
		return s.makeToken(c, form.Get("name"), form.Get("kind"), form.Get("days"))
	case "revoke":
		t, err := s.config.Tokens.Revoke(c.Request().Context(), form.Get("id"))
		s.did(c, DidRevokeToken, TokenName(t), err)
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/tokens?said=revoked")
	}
	return echo.ErrBadRequest
}

func (s *Server) makeToken(c echo.Context, name, kind, life string) error {
	l := s.localeOf(c)
	days, err := strconv.Atoi(life)
	if err != nil || days < 0 || days > 3650 {
		return echo.ErrBadRequest // the page offers a list
	}
	t := account.Token{Name: name, Kind: account.TokenKind(kind), By: userOf(c).Name}
	if days > 0 {
		t.Expires = time.Now().UTC().Truncate(time.Second).Add(time.Duration(days) * 24 * time.Hour)
	}
	made, secret, err := s.config.Tokens.Make(c.Request().Context(), t)
	on := TokenName(made)
	if err != nil {
		on = auditedName("", name)
	}
	s.did(c, DidMakeToken, on, err)
	v := tokensView{deskView: s.deskView(c, l, "tokens", l.T("tokens.title"))}
	if err != nil {
		if _, _, ok := l.problem(err); !ok {
			return err
		}
		v.Form, v.Making = newTokenForm(l, name, kind, days, err), true
		return s.renderTokens(c, statusOf(err), v)
	}
	v.Form = newTokenForm(l, "", string(account.Wall), 0, nil)
	v.Said = l.T("tokens.said.made", "name", made.Name)
	v.Secret = tokenShown(l, made.Kind, secret, s.origin(c))
	return s.renderTokens(c, http.StatusOK, v)
}

// tokenShown tells a wall's token three ways: a link to open or to send, an address to type, and the
// code to type there. In the link the code stands behind the #, which browsers send to nobody.
func tokenShown(l *locale, kind account.TokenKind, secret, origin string) secretView {
	v := secretView{Title: l.T("tokens.secret.title"), Note: l.T("tokens.secret.note")}
	if kind != account.Wall {
		v.Parts = []secretPart{{"secret-token", l.T("tokens.secret.header"), "Authorization: Bearer " + secret}}
		return v
	}
	code := strings.TrimPrefix(secret, kind.Prefix())
	var groups []string
	for i := 0; i < len(code); i += 4 {
		groups = append(groups, code[i:min(i+4, len(code))])
	}
	v.Parts = []secretPart{
		{"secret-link", l.T("tokens.secret.link"), origin + "/wall/enter#" + secret},
		{"secret-address", l.T("tokens.secret.address"), origin + "/wall/enter"},
		{"secret-code", l.T("tokens.secret.code"), strings.Join(groups, "-")},
	}
	return v
}

// origin is how the person's browser reaches this server.
func (s *Server) origin(c echo.Context) string {
	scheme := "http"
	if s.config.Secure || c.Request().TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.Request().Host
}
