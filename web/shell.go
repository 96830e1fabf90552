package web

import (
	"cmp"
	"maps"
	"strconv"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

// shellView is what every page has around it.
type shellView struct {
	*locale
	Theme            string // "dark", "light"; empty: as the system says
	CSS, JS, Icon    string
	Font             string
	Texts            map[string]string // for the script
	LanguageName     string
	OtherLanguage    string
	OtherLanguageURL string
	Alarm            alarmView
}

func (s *Server) shellView(c echo.Context, l *locale) shellView {
	v := shellView{
		locale: l, CSS: s.assets.url("app.css"), JS: s.assets.url("app.js"), Icon: s.assets.url("icon.svg"), Font: s.assets.url("inter.woff2"),
		Texts: make(map[string]string), Alarm: s.alarm(l),
	}
	if cookie, err := c.Cookie(themeCookie); err == nil && (cookie.Value == "dark" || cookie.Value == "light") {
		v.Theme = cookie.Value
	}
	for key, text := range l.texts {
		if len(key) > 3 && key[:3] == "js." {
			v.Texts[key[3:]] = text
		}
	}
	for _, other := range s.locales {
		if other != l {
			// The same page in the other language, whatever it looks at.
			q := maps.Clone(c.QueryParams())
			q.Set("lang", other.Code)
			v.OtherLanguage, v.OtherLanguageURL = other.Code, "?"+q.Encode()
		}
	}
	return v
}

// topView is the bar over a page that is live.
type topView struct {
	Pages   []pageLink
	Display string // the person's; "" on a screen that nobody signed in on
	Admin   bool   // has pages for people, tokens and the audit
	Zone    string // the person's own time zone, shown beside the venue's time; "": none
	Main    string // the id of what comes after it
	html    map[string]rendered
}

type pageLink struct {
	Name, URL, Key string // Key, after g, goes there
	Current        bool
}

func newTopView(l *locale, page string, u account.User, f *frame) topView {
	main := "board"
	if page == pageSources {
		main = "sources-page"
	}
	return topView{Display: cmp.Or(u.Display, u.Name), Admin: u.May(account.Admin), Zone: u.Zone, Main: main, html: f.html, Pages: []pageLink{
		{l.T("nav.board"), "/", "b", page == pageBoard},
		{l.T("alerts.nav"), "/alerts", "a", false},
		{l.T("nav.crises"), "/crises", "c", false},
		{l.T("nav.messages"), "/messages", "e", false},
		{l.T("nav.support"), "/support", "h", false},
		{l.T("matches.title"), "/matches", "m", page == pageMatches},
		{l.T("sources.title"), "/sources", "s", page == pageSources},
	}}
}

func (v topView) top(id string) templ.Component { return templ.Raw(v.html[id].html) }

type signInView struct {
	Name, Problem string
}

type errorView struct {
	shellView
	Status, Title, Text, ID string
}

// errorView takes the general text of the status's class where there is none of its own.
func (s *Server) errorView(c echo.Context, status int, id string) errorView {
	l := s.localeOf(c)
	key := "error." + strconv.Itoa(status)
	if _, ok := l.texts[key]; !ok {
		key = "error.400"
		if status >= 500 {
			key = "error.500"
		}
	}
	return errorView{shellView: s.shellView(c, l), Status: strconv.Itoa(status), Title: l.T("error.title"), Text: l.T(key), ID: id}
}
