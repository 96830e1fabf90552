package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/crisis"
)

// StatusPage is what people say on the public status page of services, beside messages. Its methods may be called at
// the same time, and all but Set must not wait.
type StatusPage interface {
	Components() []Component
	States() []string               // that can be set, the best one first
	Word(lang, state string) string // in the page's own words
	// Set says for by what state a component is in, one of States.
	Set(ctx context.Context, by, component, state string) error
}

// Component is a service that viewers know by name. Name and Group are by language.
type Component struct {
	ID          string
	Name, Group map[string]string // Group may be empty
	Said        string            // what was said last; "": nothing was
	By          string
	At          time.Time // of the last time that it was said
	Shown       string    // what the public reads now: Said, or that it is not known or not sure
}

// in is a component's name in a language.
func (c *Component) in(lang string) string { return foreign(cmp.Or(c.Name[lang], c.ID), longestName) }

// seen tells one saying from the next.
func (c *Component) seen() string {
	if c.At.IsZero() {
		return "0"
	}
	return strconv.FormatInt(c.At.Unix(), 36)
}

// componentsView is the panel of what the status page says of services.
type componentsView struct {
	Groups []componentGroup
	Note   string // why nothing can be set here
	Still  string // what the page goes on to say after the crisis
	Back   string // what to do about it
	Acts   bool
}

type componentGroup struct {
	Name string
	Rows []componentRow
}

type componentRow struct {
	ID, Name, URL    string
	State, Word, Who string
	Seen             string
	Choices          []choiceView // Value: state
}

// DidSetComponent is the audit's word for it.
const DidSetComponent = "status-component"

// componentSet is what timelines have of it; args: component, state and before, as ids.
const componentSet = "component-set"

// unnotedError tells that something is said in public and not in the timeline.
type unnotedError struct{ error }

// meanwhileError tells that somebody said something else than the page showed.
type meanwhileError struct{ Component }

func (e meanwhileError) Error() string { return e.ID + ": said meanwhile by " + e.By }

// components are those of the public page; none where there is no page.
func (r crisesReader) components() []Component {
	if r.page == nil {
		return nil
	}
	return r.page.Components()
}

// ill tells whether the page goes on to say that a component is not well.
func (r crisesReader) ill(c *Component) bool {
	return c.Said != "" && !slices.Contains(r.page.States()[:1], c.Said)
}

// fillComponents is the panel. A crisis that is over has it as long as the page says that something is not well.
func (r crisesReader) fillComponents(v *crisisView, c *crisis.Crisis) {
	all := r.components()
	var ill []string
	for i := range all {
		if r.ill(&all[i]) {
			ill = append(ill, r.T("components.one", "name", all[i].in(r.Code), "state", r.page.Word(r.Code, all[i].Said)))
		}
	}
	still := ""
	if len(ill) > 0 {
		still = r.T("components.still", "what", strings.Join(ill, ", "))
	}
	if len(all) == 0 || !c.Open() && (c.Drill || still == "") {
		return
	}
	panel := &componentsView{Acts: v.Acts && !c.Drill}
	switch {
	case c.Drill:
		panel.Note = r.T("components.drill")
	case !c.Open():
		panel.Still = still
		if panel.Acts {
			panel.Back = r.T("components.still.how", "state", r.page.Word(r.Code, r.page.States()[0]))
		}
	case still != "":
		v.Remains = append(v.Remains, still)
	}
	for i := range all {
		one := &all[i]
		name := foreign(one.Group[r.Code], longestName)
		at := slices.IndexFunc(panel.Groups, func(g componentGroup) bool { return g.Name == name })
		if at < 0 {
			at = len(panel.Groups)
			panel.Groups = append(panel.Groups, componentGroup{Name: name})
		}
		panel.Groups[at].Rows = append(panel.Groups[at].Rows, r.componentRow(c, one))
	}
	v.Components = panel
}

func (r crisesReader) componentRow(c *crisis.Crisis, one *Component) componentRow {
	row := componentRow{
		ID: one.ID, Name: one.in(r.Code), URL: "/crises/" + c.ID + "/components/" + one.ID, State: one.Shown, Word: r.page.Word(r.Code, one.Shown),
		Seen: one.seen(), Who: r.T("components.nobody"),
	}
	switch {
	case one.Said == "":
	case one.Said == one.Shown:
		row.Who = r.T("components.who", "who", r.who(one.By), "time", r.until(one.At), "span", r.span(r.now.Sub(one.At)))
	default:
		row.Who = r.T("components.who.before", "who", r.who(one.By), "time", r.until(one.At), "state", r.page.Word(r.Code, one.Said))
	}
	for _, state := range r.page.States() {
		row.Choices = append(row.Choices, choiceView{Value: state, Label: r.page.Word(r.Code, state), Chosen: state == one.Shown})
	}
	return row
}

// componentArgs puts the names of a line's component and states.
func (r crisesReader) componentArgs(args map[string]string) {
	all := r.components()
	if i := slices.IndexFunc(all, func(c Component) bool { return c.ID == args["component"] }); i >= 0 {
		args["component"] = all[i].in(r.Code)
	}
	for _, name := range []string{"state", "before"} {
		if r.page != nil && args[name] != "" {
			args[name] = cmp.Or(r.page.Word(r.Code, args[name]), args[name])
		}
	}
}

// setComponent says on the public page what state a component is in. The same again changes nothing.
func (s *Server) setComponent(c echo.Context) error {
	if s.config.StatusPage == nil {
		return echo.ErrNotFound
	}
	id := c.Param("component")
	return s.onCrisis(c, DidSetComponent, "#components", func(ctx context.Context, of, by string, form url.Values) (string, error) {
		page, state := s.config.StatusPage, form.Get("state")
		more := id + " " + state
		all := page.Components()
		i := slices.IndexFunc(all, func(one Component) bool { return one.ID == id })
		switch {
		case i < 0:
			return more, crisis.Invalid{Field: "component", Reason: "is not known"}
		case !slices.Contains(page.States(), state):
			return more, crisis.Invalid{Field: "state", Reason: "is not known"}
		case s.config.Crises.Get(of).Drill:
			return more, crisis.Invalid{Field: "component.drill", Reason: "is real"}
		}
		was := all[i]
		seen := form.Get("seen")
		switch {
		case was.Shown == state: // sent twice, or two had the same thought
			return more, nil
		case seen != "" && seen != was.seen():
			return more, meanwhileError{was}
		}
		if err := page.Set(ctx, by, id, state); err != nil {
			return more, err
		}
		line := crisis.Line{Crisis: of, What: componentSet, By: by, Args: map[string]string{"component": id, "state": state}}
		if was.Said != "" && was.Said != state {
			line.Args["before"] = was.Said
		}
		if seen != "" { // so that two that are sent at once are there once
			line.ID = fmt.Sprintf("%s.component.%s.%s.%s", of, id, state, was.seen())
		}
		if err := s.config.Crises.Write(ctx, line); err != nil {
			return more, unnotedError{err}
		}
		return more, nil
	})
}

// componentProblem says what is wrong with it; "": it is something else.
func (r crisesReader) componentProblem(err error) string {
	if _, ok := errors.AsType[unnotedError](err); ok {
		return r.T("components.bad.unnoted")
	}
	if now, ok := errors.AsType[meanwhileError](err); ok {
		return r.T("components.bad.meanwhile", "who", r.who(now.By), "time", r.at(now.At), "name", now.in(r.Code), "state", r.page.Word(r.Code, now.Said))
	}
	return ""
}
