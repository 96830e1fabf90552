package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
	"vigie/internal/match"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
)

// messagesReader is who reads the pages of messages, when and where, and what the house's channels allow.
type messagesReader struct {
	crisesReader
	ctx      context.Context // of the request: names are looked up in it
	accounts Accounts
	limits   message.Limits
	names    map[string]string // displayed names of accounts, as they were asked for
	staff    *struct{ users []account.User }
}

func (s *Server) messagesReader(c echo.Context) messagesReader {
	r := messagesReader{crisesReader: s.crisesReader(c), ctx: c.Request().Context(), accounts: s.config.Accounts, names: map[string]string{}, staff: &struct{ users []account.User }{}}
	if s.config.MessageLimits != nil {
		r.limits = s.config.MessageLimits()
	}
	return r
}

func (r messagesReader) writes() bool    { return r.user.May(account.Author) }
func (r messagesReader) validates() bool { return r.user.May(account.Validator) }
func (r messagesReader) arms() bool      { return r.user.May(account.Operator) }

// speaks tells whether the reader may comment: whoever may do something about messages.
func (r messagesReader) speaks() bool { return r.writes() || r.validates() || r.arms() }

// entry is the scenario of the address; echo's error when there is none.
func (s *Server) entry(c echo.Context) (*library.Entry, error) {
	if s.config.Library == nil || message.ParseID(c.Param("scenario")) != nil {
		return nil, echo.ErrNotFound
	}
	e := s.config.Library.Get(c.Param("scenario"))
	if e == nil {
		return nil, echo.ErrNotFound
	}
	return e, nil
}

// parseStep reads one; "" is the first.
func parseStep(text string) (message.Step, error) {
	step := message.Step(cmp.Or(text, string(message.Initial)))
	if !slices.Contains(message.Steps(), step) {
		return "", echo.ErrNotFound
	}
	return step, nil
}

// who is a person as the room calls them.
func (r messagesReader) who(name string) string {
	if name == "" {
		return missing
	}
	if known, ok := r.names[name]; ok {
		return known
	}
	shown := r.alertsReader.who(name)
	if shown == foreign(name, longestName) { // no policy knows them: as their account says
		if u, err := r.accounts.Find(r.ctx, name); err == nil {
			shown = foreign(cmp.Or(u.Display, name), longestName)
		}
	}
	r.names[name] = shown
	return shown
}

func (r messagesReader) whoAll(names []string) string {
	all := make([]string, 0, len(names))
	for _, name := range names {
		all = append(all, r.who(name))
	}
	return strings.Join(all, ", ")
}

// validators are the people who could approve what some wrote.
func (r messagesReader) validators(authors []string) []string {
	if r.staff.users == nil {
		r.staff.users, _ = r.accounts.List(r.ctx) // none are known while the accounts cannot be read
	}
	var all []string
	for _, u := range r.staff.users {
		if u.May(account.Validator) && !isOneOf(authors, u.Name) {
			all = append(all, r.who(u.Name))
		}
	}
	return all
}

// isOneOf compares people as the library does.
func isOneOf(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, name) })
}

// ago is a moment, to the minute, with how long ago that was.
func (r messagesReader) ago(t time.Time) string {
	return r.T("messages.ago", "time", r.until(t), "span", r.span(r.now.Sub(t)))
}

// by says who did a thing and when.
func (r messagesReader) by(m library.Mark) string {
	return r.T("messages.by", "who", r.who(m.By), "time", r.ago(m.At))
}

func (r messagesReader) title(s *message.Scenario) string {
	return foreign(cmp.Or(s.Title.In(r.Code), s.ID), longestReason)
}

func (r messagesReader) step(step message.Step) string { return r.known("step.", string(step)) }

func (r messagesReader) kind(kind channel.Kind) string { return r.known("channel.kind.", string(kind)) }

func (r messagesReader) language(code string) string {
	return r.known("messages.language.", code)
}

// state is where a message stands, as colour, shape and word. Colour calls when the match is near: a draft of next
// month is nobody's emergency.
func (r messagesReader) state(state library.State, near bool) messageState {
	v := messageState{Sign: string(state), Word: r.known("library.state.", string(state))}
	if state == "" {
		v.Sign, v.Word = "none", r.T("library.state.none")
	}
	if near && (state == library.Draft || state == library.InReview) {
		v.Calls = true
	}
	return v
}

// messageState is a state as it is drawn.
type messageState struct {
	Sign, Word string
	Calls      bool // it is not validated, and the match is near
}

// nearMatch is how long before a match what is missing calls for somebody.
const nearMatch = 48 * time.Hour

// chosenMatch is the match that a page is about: the one of the address, the one that is on, the next one. nil: none is
// to come, or the reader asked for what is armed outside of matches.
func (r messagesReader) chosenMatch(asked string, told bool) *match.Match {
	if told {
		return r.book.Find(asked)
	}
	if m := r.book.At(r.now); m != nil {
		return m
	}
	for _, m := range r.coming() {
		return m
	}
	return nil
}

// coming are the matches that are on or to come, the next one first.
func (r messagesReader) coming() []*match.Match {
	var all []*match.Match
	for _, m := range r.book.Matches() {
		if m.End(r.book.Timeline(m.ID)).After(r.now) {
			all = append(all, m)
		}
	}
	return all
}

// near tells whether a match is on, or soon.
func (r messagesReader) near(m *match.Match) bool {
	return m != nil && m.KickOff.Sub(r.now) < nearMatch && m.End(r.book.Timeline(m.ID)).After(r.now)
}

func (r messagesReader) matchName(id string) string {
	if id == "" {
		return r.T("messages.match.none")
	}
	if m := r.book.Find(id); m != nil {
		return foreign(m.Name, longestReason)
	}
	return foreign(id, longestName)
}

func matchID(m *match.Match) string {
	if m == nil {
		return ""
	}
	return m.ID
}

// matchChoices are the matches that messages can be armed for.
func (r messagesReader) matchChoices(chosen string) []choiceView {
	var all []choiceView
	there := chosen == ""
	for _, m := range r.coming() {
		there = there || m.ID == chosen
		all = append(all, choiceView{Value: m.ID, Label: foreign(m.Name, longestReason) + " · " + r.date(m.KickOff.In(r.zone)), Chosen: m.ID == chosen})
	}
	if !there { // it is over
		all = append(all, choiceView{Value: chosen, Label: r.matchName(chosen), Chosen: true})
	}
	return append(all, choiceView{Value: "", Label: r.T("messages.match.none"), Chosen: chosen == ""})
}

// segments are the audiences that a scenario can name.
func (s *Server) segments() []*audience.Segment {
	if s.config.Audience == nil {
		return nil
	}
	book := s.config.Audience()
	if book == nil {
		return nil
	}
	return book.Segments()
}

// messagesPage is what all these pages have.
func (s *Server) messagesPage(c echo.Context, r messagesReader, id, title string) (alertsPageView, error) {
	top, err := s.matchTop(c, r.locale, id+"-page", r.now)
	for i := range top.Pages {
		top.Pages[i].Current = top.Pages[i].URL == "/messages"
	}
	v := alertsPageView{topView: top, Language: r.Code, ID: id, Title: title, Sections: []pageLink{{Name: r.T("messages.nav.all"), URL: "/messages", Current: id == "messages"}}}
	if r.writes() && s.config.Library != nil {
		v.Sections = append(v.Sections,
			pageLink{Name: r.T("messages.nav.new"), URL: "/messages/new", Current: id == "message-new"},
			pageLink{Name: r.T("messages.nav.import"), URL: "/messages/import", Current: id == "message-import"})
	}
	if said := c.QueryParam("said"); said != "" {
		if text, ok := r.texts["messages.said."+said]; ok {
			v.Said = text
		}
	}
	return v, err
}
