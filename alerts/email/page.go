package email

import (
	"html/template"
	"strings"

	"vigie/alerts/notice"
)

// plain is the text part: the title too, for it is what is forwarded and printed.
func plain(n *notice.Notification) string {
	text := n.Title + "\n\n" + n.Text + "\n"
	if links := notice.LinkLines(n); links != "" {
		text += "\n" + links
	}
	return text
}

// pages is the HTML part. It has no images and loads nothing; mail clients know no other styles than these.
var pages = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title></head>
<body style="margin:0;padding:16px;font:16px/1.45 system-ui,sans-serif">
<div style="max-width:44em;border-left:6px solid {{.Color}};padding:4px 16px">
<h1 style="font-size:20px;line-height:1.3;margin:0 0 12px">{{.Title}}</h1>
{{range .Paragraphs}}<p style="margin:0 0 12px">{{range .}}{{.}}<br>
{{end}}</p>
{{end}}{{if .Links}}<p style="margin:0 0 12px">{{range .Links}}<a href="{{.URL}}" style="display:inline-block;margin:0 8px 8px 0;padding:8px 14px;border:1px solid #777;border-radius:4px;{{if .Primary}}font-weight:bold;{{end}}">{{.Text}}</a>{{end}}</p>
{{end}}</div>
</body></html>
`))

func page(n *notice.Notification) (string, error) {
	language := "fr"
	if strings.HasPrefix(strings.ToLower(n.Language), "en") {
		language = "en"
	}
	var paragraphs [][]string
	for p := range strings.SplitSeq(n.Text, "\n\n") {
		paragraphs = append(paragraphs, strings.Split(p, "\n"))
	}
	var b strings.Builder
	err := pages.Execute(&b, struct {
		Language, Title string
		Color           template.CSS
		Paragraphs      [][]string
		Links           []notice.Named
	}{language, n.Title, color(n), paragraphs, notice.Links(n)})
	return b.String(), err
}

func color(n *notice.Notification) template.CSS {
	switch {
	case n.Kind == notice.Resolved:
		return "#2e7d32"
	case n.Severity == notice.Critical:
		return "#c62828"
	case n.Severity == notice.Warning:
		return "#ef6c00"
	}
	return "#546e7a"
}
