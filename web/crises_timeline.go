package web

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/match"
	"vigie/runbooks/crisis"
	"vigie/runbooks/send"
)

// timelineLine is one thing that happened in a crisis.
type timelineLine struct {
	pathStep
	URL  string // of what it is of
	Noun string // the words that are the link: Text is what stands before them
	Tail string // what stands after them
	Who  string
	Late string // it was written afterwards
	Note string
}

// lineKind is a filter of the timeline.
type lineKind struct {
	pageLink
	Count int
}

// The kinds of lines, by which the timeline is filtered.
var lineKinds = []string{"alerts", "steps", "messages", "notes"}

// kindOf is what a line is about.
func kindOf(l *crisis.Line) string {
	switch what := l.What; {
	case strings.HasPrefix(what, "alert-"), what == crisis.Joined:
		return "alerts"
	case what == "step-sent", what == componentSet, strings.HasPrefix(what, "send-"):
		return "messages"
	case strings.HasPrefix(what, "run-"), strings.HasPrefix(what, "step-"):
		return "steps"
	}
	return "notes"
}

// timelineOnPage is how many lines are shown at once; the others are a click away.
const timelineOnPage = 150

func (r crisesReader) fillTimeline(v *crisisView, c *crisis.Crisis, kind string, all bool) {
	lines := r.crises.Lines(c.ID)
	if !slices.Contains(lineKinds, kind) {
		kind = ""
	}
	address := "/crises/" + c.ID
	v.Kinds = []lineKind{{pageLink{Name: r.T("crises.kind.all"), URL: address + "#timeline", Current: kind == ""}, len(lines)}}
	counts := map[string]int{}
	for i := range lines {
		counts[kindOf(&lines[i])]++
	}
	for _, k := range lineKinds {
		v.Kinds = append(v.Kinds, lineKind{pageLink{Name: r.T("crises.kind." + k), URL: address + "?kind=" + k + "#timeline", Current: kind == k}, counts[k]})
	}
	shown := 0
	for i := range slices.Backward(lines) {
		l := &lines[i]
		if kind != "" && kindOf(l) != kind {
			continue
		}
		if shown++; shown > timelineOnPage && !all {
			q := url.Values{"all": {"1"}}
			if kind != "" {
				q.Set("kind", kind)
			}
			v.Earlier = address + "?" + q.Encode() + "#timeline"
			break
		}
		v.Lines = append(v.Lines, r.timelineLine(l))
	}
	v.LinesCount = r.plural("crises.lines", len(lines))
}

func (r crisesReader) timelineLine(l *crisis.Line) timelineLine {
	v := timelineLine{Who: r.who(l.By), Note: foreignLines(l.Text, crisis.MaxNote)}
	v.Kind, v.Time, v.Minute, v.Machine = kindOf(l), r.at(l.At), r.minute(l.At), l.At.UTC().Format(time.RFC3339)
	args := r.lineArgs(l)
	markNoun(args)
	text, rest := r.told("crisis.what."+l.What, args)
	v.Text, v.Noun, v.Tail = cutNoun(text)
	v.Rest = foreign(unmarked.Replace(rest), longestReason)
	if l.By == "" {
		v.Who = ""
	}
	if l.Late() {
		v.Late = r.T("crises.line.late", "time", r.until(l.Written))
	}
	switch sent := cmp.Or(l.Send, l.Args["send"]); {
	case sent != "":
		v.URL = "/sends/" + url.PathEscape(sent)
	case l.Run != "":
		v.URL = "/runs/" + url.PathEscape(l.Run)
		if step := l.Args["step"]; step != "" {
			v.URL += "#step-" + url.PathEscape(step)
		}
	case l.Problem != "":
		v.URL = "/alerts/" + url.PathEscape(l.Problem)
	case l.Args["problem"] != "":
		v.URL = "/alerts/" + url.PathEscape(l.Args["problem"])
	}
	switch {
	case v.URL == "":
		v.Text, v.Noun, v.Tail = v.Text+v.Noun+v.Tail, "", ""
	case v.Noun == "" || l.What == crisis.Opened: // the title is the crisis's own
		v.Text, v.Noun, v.Tail = v.Text+v.Noun+v.Tail+" · ", r.T("crises.line.see"), ""
	}
	return v
}

// What a line is of is the link in it, not the whole sentence: its words stand between two signs that no text has.
const nounFrom, nounTo = "\x02", "\x03"

var unmarked = strings.NewReplacer(nounFrom, "", nounTo, "")

// markNoun marks the values of a line that name what it is of.
func markNoun(args map[string]string) {
	for _, names := range [][]string{{"message", "scenario"}, {"title"}, {"runbook_title"}, {"problem"}} {
		found := false
		for _, name := range names {
			if args[name] != "" {
				args[name], found = nounFrom+args[name]+nounTo, true
			}
		}
		if found {
			return
		}
	}
}

// cutNoun is a text before, within and after what is marked.
func cutNoun(text string) (before, noun, after string) {
	from, to := strings.Index(text, nounFrom), strings.LastIndex(text, nounTo)
	if from < 0 || to < from {
		return unmarked.Replace(text), "", ""
	}
	return unmarked.Replace(text[:from]), unmarked.Replace(text[from:to]), unmarked.Replace(text[to:])
}

// sayLine is a line in words, without who did it and its note; rest are values that the words have no place for.
func (r crisesReader) sayLine(l *crisis.Line) (text, rest string) {
	return r.told("crisis.what."+l.What, r.lineArgs(l))
}

// lineArgs are a line's values as people read them.
func (r crisesReader) lineArgs(l *crisis.Line) map[string]string {
	args := maps.Clone(l.Args)
	if args == nil {
		args = map[string]string{}
	}
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if label, ok := strings.CutPrefix(name, "label_"); ok {
			labels = append(labels, r.dimension(label)+nbsp+r.labelValue(label, args[name]))
			delete(args, name)
			continue
		}
		args[name] = foreign(args[name], longestReason)
	}
	if len(labels) > 0 {
		args["labels"] = strings.Join(labels, ", ")
	}
	for _, name := range []string{"to", "from", "lead", "was", "second"} {
		if args[name] != "" {
			args[name] = r.who(args[name])
		}
	}
	if args["problem"] != "" {
		if i := r.snap.Find(args["problem"]); i != nil {
			args["problem"] = cmp.Or(r.text(i.Title), i.Rule)
		}
	}
	if strings.HasPrefix(l.What, "alert-") {
		if i := r.snap.Find(l.Problem); i != nil { // in the reader's language
			args["title"] = cmp.Or(r.text(i.Title), i.Rule)
		}
	}
	if r.runs != nil && l.Run != "" {
		if run := r.runs.Get(l.Run); run != nil { // in the reader's language
			args["runbook_title"] = r.runTitle(run)
			if s := run.Runbook.Step(args["step"]); s != nil {
				args["title"] = r.filled(run, s.Title.In(r.Code))
				if choice := s.Choice(args["choice"]); choice != nil {
					args["label"] = r.filled(run, choice.Label.In(r.Code))
				}
			}
		}
	}
	if id := args["scenario"]; id != "" {
		args["scenario"] = r.scenario(id)
	}
	if strings.HasPrefix(l.What, "send-") {
		r.sendArgs(l, args)
	}
	if span, err := time.ParseDuration(args["late"]); err == nil {
		args["late"] = r.span(span)
	}
	if l.What == "step-taken" {
		delete(args, "to") // who takes it
	}
	if l.What == componentSet {
		r.componentArgs(args)
	}
	for _, machine := range []string{"runbook", "send", "choice", "signal"} {
		delete(args, machine)
	}
	return args
}

// sendArgs are what a send's own page says of it, too.
func (r crisesReader) sendArgs(l *crisis.Line, args map[string]string) {
	if args["step"] != "" {
		args["message"] = r.known("crises.step.", args["step"])
	}
	if n, err := strconv.Atoi(l.Args["size"]); err == nil {
		args["size"] = r.plural("send.people", n)
	}
	if ids := l.Args["channels"]; ids != "" {
		args["channels"] = r.sendAccounts(r.sends, ids, l.Drill)
	}
	if note := l.Args["note"]; note != "" {
		args["note"] = r.sendNote(r.sends, strings.TrimPrefix(l.What, "send-"), note, l.Drill)
	}
	switch l.What {
	case "send-" + send.ActPrepare, "send-" + send.ActConfirm:
	default: // who is told through what was decided there, and is not said again in each line
		delete(args, "size")
		delete(args, "channels")
	}
}

// foreignLines is foreign for what has lines of its own.
func foreignLines(text string, longest int) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = foreign(lines[i], longest)
	}
	return strings.Join(lines, "\n")
}

// match is the match of the moment; false: there is none.
func (r crisesReader) match() (match.Now, bool) {
	if r.book == nil {
		return match.Now{}, false
	}
	m := r.book.At(r.now)
	if m == nil {
		return match.Now{}, false
	}
	return m.Now(r.book.Timeline(m.ID), r.now), true
}

// exportCrisis is a crisis with its timeline, as a file.
func (s *Server) exportCrisis(c echo.Context) error {
	r := s.crisesReader(c)
	of := r.crisis(c.Param("id"))
	if of == nil {
		return echo.ErrNotFound
	}
	lines, err := r.crises.AllLines(c.Request().Context(), of.ID)
	if err != nil {
		return err
	}
	e := crisis.Export{Crisis: of, Lines: lines, Zone: r.zone, Drill: r.T("crises.drill"), Say: func(l crisis.Line) string {
		text, rest := r.sayLine(&l)
		return strings.TrimSpace(text + " " + rest)
	}}
	return s.crisesFile(c, DidExportCrisis, "crisis-"+of.ID, map[string]fileFormat{"csv": {"text/csv; charset=utf-8", e.CSV}, "md": {"text/markdown; charset=utf-8", e.Markdown}, "json": {"application/json", e.JSON}})
}
