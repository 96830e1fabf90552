package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"
)

//go:embed locales
var localeFiles embed.FS

// locale is one language: its texts, and how it writes numbers (number.go).
type locale struct {
	Code  string // as in the lang attribute and in addresses
	texts map[string]string
	numbers
}

type locales []*locale // the first is for those who read none of them

func loadLocales() (locales, error) {
	var all locales
	for _, code := range []string{"en", "fr"} {
		l := &locale{Code: code, numbers: numbersOf[code]}
		content, err := fs.ReadFile(localeFiles, path.Join("locales", code+".json"))
		if err != nil {
			return nil, fmt.Errorf("web: language %s: %w", code, err)
		}
		if err := json.Unmarshal(content, &l.texts); err != nil {
			return nil, fmt.Errorf("web: language %s: %w", code, err)
		}
		for key := range all.texts() {
			if l.texts[key] == "" {
				return nil, fmt.Errorf("web: language %s has no text for %q", code, key)
			}
		}
		all = append(all, l)
	}
	return all, nil
}

func (ls locales) texts() map[string]string {
	if len(ls) == 0 {
		return nil
	}
	return ls[0].texts
}

// T is the text of the key, with each {name} replaced by the value that follows the name in
// pairs. A key without a text is shown as it is; a test keeps that from happening.
func (l *locale) T(key string, pairs ...string) string {
	text, ok := l.texts[key]
	if !ok {
		return key
	}
	if len(pairs) == 0 {
		return text
	}
	replace := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		replace = append(replace, "{"+pairs[i]+"}", pairs[i+1])
	}
	return strings.NewReplacer(replace...).Replace(text)
}

// plural is T of key.one or key.many, as the language counts, with the number as {n} unless pairs
// have it.
func (l *locale) plural(key string, n int, pairs ...string) string {
	if len(pairs) == 0 {
		pairs = []string{"n", l.fixed(float64(n), 0)}
	}
	return l.T(key+l.number(n), pairs...)
}

// number is the ending of the key of a text about so many.
func (l *locale) number(n int) string {
	if n == 1 || n == 0 && l.Code == "fr" {
		return ".one"
	}
	return ".many"
}

func (ls locales) byCode(code string) *locale {
	for _, l := range ls {
		if l.Code == code {
			return l
		}
	}
	return nil
}

func (ls locales) accepted(header string) *locale {
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return ls[0]
	}
	for _, tag := range wanted {
		base, _ := tag.Base()
		if l := ls.byCode(base.String()); l != nil {
			return l
		}
	}
	return ls[0]
}

const (
	languageCookie = "vigie_lang"
	themeCookie    = "vigie_theme"
)

// localeOf picks the language: asked for in the address, which is remembered; the account's; chosen
// earlier on this browser; what the browser accepts.
func (s *Server) localeOf(c echo.Context) *locale {
	if l := s.locales.byCode(c.QueryParam("lang")); l != nil {
		s.setPreference(c, languageCookie, l.Code)
		return l
	}
	if l := s.locales.byCode(userOf(c).Language); l != nil {
		return l
	}
	if cookie, err := c.Cookie(languageCookie); err == nil {
		if l := s.locales.byCode(cookie.Value); l != nil {
			return l
		}
	}
	return s.locales.accepted(c.Request().Header.Get("Accept-Language"))
}
