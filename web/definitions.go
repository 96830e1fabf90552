package web

import (
	"slices"

	"vigie/cockpit"
)

// definitionView is what a tool calls by the names of the columns, which is never quite what
// another one does.
type definitionView struct {
	Tool  string
	Terms []termView
}

type termView struct{ Term, Meaning string }

// definedFormats are those of which it is known.
var definedFormats = []string{"beacon", "bitmovin", "cmcd", "mux", "npaw"}

func newDefinitions(l *locale, tools []cockpit.Tool) []definitionView {
	views := make([]definitionView, 0, len(tools))
	for i := range tools {
		t := &tools[i]
		v := definitionView{Tool: foreign(t.Name, longestName)}
		switch {
		case slices.Contains(definedFormats, t.Format):
			for _, term := range []string{"startup", "rebuffering", "failure"} {
				v.Terms = append(v.Terms, termView{l.T("definition." + term), l.T("definition." + term + "." + t.Format)})
			}
		case t.Format == "mapping":
			v.Terms = []termView{{Meaning: l.T("definition.mapping")}}
		default:
			v.Terms = []termView{{Meaning: l.T("definition.unknown")}}
		}
		views = append(views, v)
	}
	return views
}
