package sms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"vigie/internal/provider"
)

// generic is any provider that takes a number and a text in one request.
type generic struct {
	c    Config
	post *provider.Poster
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// newGeneric allows http, for a modem's gateway in the same network; secrets can then be read on the way.
func newGeneric(c Config) (*generic, error) {
	c.Fields, c.Headers = maps.Clone(c.Fields), maps.Clone(c.Headers)
	if c.Method == "" {
		c.Method = http.MethodPost
		if len(c.Fields) == 0 {
			c.Method = http.MethodGet
		}
	}
	if c.Format == "" {
		c.Format = "json"
	}
	if err := provider.CheckURL("url", placeholder.ReplaceAllString(c.URL, "0"), true); err != nil {
		return nil, err
	}
	if host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(c.URL, "https://"), "http://"), "/"); strings.ContainsAny(host, "{}") {
		return nil, errors.New("url: the host cannot be filled in: what is in braces goes into the path or behind the question mark")
	}
	if !slices.Contains([]string{http.MethodPost, http.MethodGet, http.MethodPut}, c.Method) {
		return nil, fmt.Errorf("method: %q is none of POST, GET, PUT", c.Method)
	}
	if c.Method == http.MethodGet && len(c.Fields) > 0 {
		return nil, errors.New("fields: a GET has no body: put them into url")
	}
	if c.Format != "json" && c.Format != "form" {
		return nil, fmt.Errorf("format: %q is none of json, form", c.Format)
	}
	switch c.Auth {
	case "":
	case "basic":
		if c.User == "" {
			return nil, errors.New("user: missing, for auth: basic")
		}
		fallthrough
	case "bearer":
		if c.Secret == "" {
			return nil, fmt.Errorf("secret: missing, for auth: %s", c.Auth)
		}
	default:
		return nil, fmt.Errorf("auth: %q is none of basic, bearer", c.Auth)
	}
	used := map[string]bool{}
	look := func(field, value string) error {
		for _, p := range placeholder.FindAllString(value, -1) {
			used[p] = true
			if !slices.Contains([]string{"{to}", "{text}", "{from}", "{id}", "{user}", "{secret}", "{callback}"}, p) {
				return fmt.Errorf("%s: %s is none of {to}, {text}, {from}, {id}, {user}, {secret}, {callback}", field, p)
			}
		}
		return nil
	}
	errs := []error{look("url", c.URL), provider.CheckHeaders("headers", c.Headers)}
	for name, value := range c.Fields {
		errs = append(errs, look("fields."+name, value))
	}
	for name, value := range c.Headers {
		if !strings.Contains(value, "{") {
			c.Post.Secrets = append(c.Post.Secrets, value)
		}
		if errs = append(errs, look("headers."+name, value)); strings.Contains(value, "{text}") {
			errs = append(errs, fmt.Errorf("headers.%s: a text does not fit into a header", name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, p := range []string{"{to}", "{text}"} {
		if !used[p] {
			return nil, fmt.Errorf("url: %s is nowhere in url, fields or headers: what is sent to whom?", p)
		}
	}
	c.Post.Secrets = append(c.Post.Secrets, provider.URLSecrets(placeholder.ReplaceAllString(c.URL, ""))...)
	return &generic{c, provider.NewPoster(c.Post)}, nil
}

func (p *generic) send(ctx context.Context, m message) (provider.Receipt, error) {
	fill := func(value string, escape func(string) string) string {
		return placeholder.ReplaceAllStringFunc(value, func(name string) string {
			return escape(map[string]string{"{to}": m.to, "{text}": m.text, "{from}": p.c.From, "{id}": m.id, "{user}": p.c.User, "{secret}": p.c.Secret, "{callback}": callback(p.c.Callback, m.id)}[name])
		})
	}
	raw := func(s string) string { return s }
	path, query, asked := strings.Cut(p.c.URL, "?")
	r := provider.Request{Method: p.c.Method, URL: fill(path, url.PathEscape), Header: http.Header{}}
	if asked {
		r.URL += "?" + fill(query, url.QueryEscape)
	}
	for name, value := range p.c.Headers {
		r.Header.Set(name, fill(value, raw))
	}
	switch p.c.Auth {
	case "basic":
		r.Header.Set("Authorization", basic(p.c.User, p.c.Secret))
	case "bearer":
		r.Header.Set("Authorization", "Bearer "+p.c.Secret)
	}
	if p.c.Method != http.MethodGet {
		fields, form := map[string]string{}, url.Values{}
		for name, value := range p.c.Fields {
			fields[name] = fill(value, raw)
			form.Set(name, fields[name])
		}
		if r.Body = []byte(form.Encode()); p.c.Format == "json" {
			var err error
			if r.Body, err = json.Marshal(fields); err != nil {
				return provider.Receipt{}, p.post.Fail(provider.Permanent, provider.ReasonConfig, "encode: %v", err)
			}
			r.Header.Set("Content-Type", "application/json")
		} else {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	a, err := p.post.Post(ctx, r)
	if err != nil {
		return provider.Receipt{}, err
	}
	if !strings.Contains(string(a.Body), p.c.Accepted) {
		return provider.Receipt{}, p.post.Unreadable(a)
	}
	id := ""
	if p.c.Answer != "" {
		v, err := Decode(a.Body)
		if id = Text(At(v, p.c.Answer)); err != nil || id == "" {
			return provider.Receipt{}, p.post.Unreadable(a)
		}
	}
	return p.post.Receipt(id, fmt.Sprintf("%d %s", a.Status, a.Body)), nil
}

func basic(user, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
}
