package message

import (
	"html/template"
	"strings"
)

// page is a mail's other form: the same words, with addresses that can be pressed. It has no style, no picture and
// nothing that is fetched.
var page = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body>
{{range .Paragraphs}}<p>{{range $i, $line := .}}{{if $i}}<br>
{{end}}{{range $line}}{{if .Address}}<a href="{{.Address}}">{{.Text}}</a>{{else}}{{.Text}}{{end}}{{end}}{{end}}</p>
{{end}}</body>
</html>
`))

// piece is a part of a line; Address is of a link.
type piece struct{ Text, Address string }

// markup is a text as HTML: paragraphs by empty lines, addresses as links, all else escaped.
func markup(language, text string) string {
	var paragraphs [][][]piece
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if strings.Trim(paragraph, "\n") == "" {
			continue
		}
		var lines [][]piece
		for line := range strings.SplitSeq(strings.Trim(paragraph, "\n"), "\n") {
			lines = append(lines, pieces(line))
		}
		paragraphs = append(paragraphs, lines)
	}
	var b strings.Builder
	if err := page.Execute(&b, map[string]any{"Language": language, "Paragraphs": paragraphs}); err != nil {
		return "" // a mail then has its text alone; a Builder never fails
	}
	return b.String()
}

func pieces(line string) []piece {
	var all []piece
	at := 0
	for _, l := range links(line) {
		if at < l.from {
			all = append(all, piece{Text: line[at:l.from]})
		}
		all = append(all, piece{Text: l.text, Address: l.address()})
		at = l.to
	}
	if at < len(line) {
		all = append(all, piece{Text: line[at:]})
	}
	return all
}
