package runbooks

import (
	"bytes"
	"html"
	"net/url"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Page is the address at which the cockpit shows a runbook, without its id.
const Page = "/runbooks/"

// HTML is Markdown as the cockpit shows it: CommonMark with tables, and nothing that is HTML already. Links to other
// runbooks, as (cdn-lost.md), lead to their pages; pictures are shown as their text. value says what stands in a hole;
// one that it does not know stays as it is, marked. nil: it knows none. The result is safe to write into a page.
func HTML(markdown string, value func(name string) (string, bool)) string {
	if value == nil {
		value = func(string) (string, bool) { return "", false }
	}
	return toHTML(markdown, value, value)
}

// toHTML writes values into code and addresses as exact says them.
func toHTML(markdown string, value, exact func(name string) (string, bool)) string {
	if markdown == "" {
		return ""
	}
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(pictures{}, 100))),
	)
	source := []byte(markdown)
	doc := md.Parser().Parse(text.NewReader(source))
	for _, l := range links(doc) {
		if id, ok := runbookLink(string(l.Destination)); ok {
			l.Destination = []byte(Page + id)
		} else if !allowedLink(string(l.Destination)) {
			l.Destination = nil
		}
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, doc); err != nil {
		return "<p>" + html.EscapeString(markdown) + "</p>" // nothing that is written to memory fails
	}
	return fillHTML(out.String(), value, exact)
}

// HTML is a text of the run's, with its variables as people call them; in what is to be copied, and in links, as they are.
func (r *Run) HTML(markdown string) string { return toHTML(markdown, r.Value, r.value) }

// linkHole is a hole as it stands in a link's address.
var linkHole = regexp.MustCompile(`%7B([a-z][a-z0-9_]{0,39})%7D`)

// code is what goldmark wrote for it: nothing in it is a tag.
var code = regexp.MustCompile(`<code[^>]*>[^<]*</code>`)

// fillHTML puts values into HTML that goldmark wrote, in which a hole stands in text, in code, or encoded in an address.
func fillHTML(page string, value, exact func(string) (string, bool)) string {
	page = linkHole.ReplaceAllStringFunc(page, func(h string) string {
		if v, ok := exact(h[3 : len(h)-3]); ok {
			return url.QueryEscape(v)
		}
		return h
	})
	fill := func(page string, value func(string) (string, bool)) string {
		return hole.ReplaceAllStringFunc(page, func(h string) string {
			if v, ok := value(h[1 : len(h)-1]); ok {
				return html.EscapeString(v)
			}
			return h
		})
	}
	var out strings.Builder
	for {
		at := code.FindStringIndex(page)
		if at == nil {
			return out.String() + fill(page, value)
		}
		out.WriteString(fill(page[:at[0]], value) + fill(page[at[0]:at[1]], exact))
		page = page[at[1]:]
	}
}

func links(doc ast.Node) (all []*ast.Link) {
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if l, ok := n.(*ast.Link); ok && entering {
			all = append(all, l)
		}
		return ast.WalkContinue, nil
	})
	return all
}

// linksOf are the addresses in a text.
func linksOf(markdown string) (all []string) {
	for _, l := range links(goldmark.DefaultParser().Parse(text.NewReader([]byte(markdown)))) {
		all = append(all, string(l.Destination))
	}
	return all
}

// runbookLink is the id in a link to another runbook's file.
func runbookLink(destination string) (id string, ok bool) {
	name, _, _ := strings.Cut(strings.TrimPrefix(destination, "./"), "#")
	if !strings.HasSuffix(name, ".md") || strings.ContainsAny(name, "/:") {
		return "", false
	}
	id, _ = nameOf(name)
	return id, true
}

// allowedLink tells whether an address is one of the web, of the cockpit, of a telephone or a mail.
func allowedLink(destination string) bool {
	u, err := url.Parse(destination)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "https", "http":
		return u.Host != ""
	case "tel", "mailto":
		return true
	case "":
		return strings.HasPrefix(destination, "#") || strings.HasPrefix(destination, "/") && !strings.HasPrefix(destination, "//")
	}
	return false
}

// pictures writes the text of pictures, which the cockpit's pages do not load from elsewhere.
type pictures struct{}

func (pictures) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindImage, func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) { return ast.WalkContinue, nil })
}
