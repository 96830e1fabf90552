package web

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/alerts/route"
	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/runbooks"
	"vigie/runbooks/crisis"
	"vigie/runbooks/library"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// crisesReader is who reads the pages of a crisis, when and where, and what is known at that moment.
type crisesReader struct {
	alertsReader
	crises  *crisis.Room     // nil: there are none
	runs    *runbooks.Room   // nil: there are none
	sends   *send.Room       // nil knows nothing
	library *library.Library // nil: there are no messages
	page    StatusPage       // nil: there is none
	people  []account.User   // who may act
}

func (s *Server) crisesReader(c echo.Context) crisesReader {
	r := crisesReader{crises: s.config.Crises, runs: s.config.Runbooks, sends: s.config.Sends, library: s.config.Library, page: s.config.StatusPage, people: s.operators(c)}
	if s.config.Alerts != nil {
		r.alertsReader = s.alertsReader(c)
		return r
	}
	r.alertsReader = alertsReader{
		locale: s.localeOf(c), now: time.Now(), zone: s.zoneOf(c), user: userOf(c), book: s.config.Matches,
		snap: &alerts.Snapshot{}, policy: &route.Policy{}, hasRunbook: s.hasRunbook(),
	}
	if p := s.scene(cockpit.Sight{}).board.Load(); p != nil {
		r.board = p.board
	}
	return r
}

// staff are the accounts, read anew at most every so often: pages that follow what happens ask every second.
type staff struct {
	mu   sync.Mutex
	at   time.Time
	list []account.User
}

const staffFor = 20 * time.Second

// known are those who were read last.
func (s *staff) known() []account.User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

// operators are those who may act, by name. None are known while the accounts cannot be read.
func (s *Server) operators(c echo.Context) []account.User {
	s.staff.mu.Lock()
	defer s.staff.mu.Unlock()
	if time.Since(s.staff.at) < staffFor {
		return s.staff.list
	}
	list, err := s.config.Accounts.List(c.Request().Context())
	if err != nil {
		s.log.Warn("accounts are not read", "error", err)
		return s.staff.list
	}
	list = slices.DeleteFunc(slices.Clone(list), func(u account.User) bool { return !u.May(account.Operator) })
	slices.SortFunc(list, func(a, b account.User) int { return cmp.Compare(cmp.Or(a.Display, a.Name), cmp.Or(b.Display, b.Name)) })
	s.staff.at, s.staff.list = time.Now(), list
	return list
}

// who is a person as the room calls them; Vigie where nobody did it.
func (r crisesReader) who(name string) string {
	if name == "" {
		return r.T("crises.vigie")
	}
	if known := r.alertsReader.who(name); known != foreign(name, longestName) {
		return known
	}
	for i := range r.people {
		if r.people[i].Name == name {
			return foreign(cmp.Or(r.people[i].Display, name), longestName)
		}
	}
	return foreign(name, longestName)
}

// persons are those to whom something may be handed, but one.
func (r crisesReader) persons(but string) []choiceView {
	var choices []choiceView
	for i := range r.people {
		if name := r.people[i].Name; name != but {
			choices = append(choices, choiceView{Value: name, Label: r.who(name)})
		}
	}
	return choices
}

// crisesPageView is what all these pages have.
type crisesPageView struct {
	topView
	Language, ID, Title, Intro string
	Sections                   []pageLink
	Problem, Said              string // why what was just asked is not done; what was
	Drill                      bool   // all of it belongs to an exercise
	Now                        string // ms since 1970, for what counts down
}

// crisesPage is the frame of a page; section is the address of the tab that it belongs to.
func (s *Server) crisesPage(c echo.Context, r crisesReader, id, section string) (crisesPageView, error) {
	top, err := s.matchTop(c, r.locale, id+"-page", r.now)
	page := "/crises"
	if section == "/support" {
		page = section
	}
	for i := range top.Pages {
		top.Pages[i].Current = top.Pages[i].URL == page
	}
	v := crisesPageView{
		topView: top, Language: r.Code, ID: id, Title: r.T("crises." + id + ".title"), Intro: r.T("crises." + id + ".intro"),
		Now: strconv.FormatInt(r.now.UnixMilli(), 10),
	}
	if section != "/support" {
		v.Sections = []pageLink{{Name: r.T("crises.nav"), URL: "/crises", Current: section == "/crises"}, {Name: r.T("runbooks.nav"), URL: "/runbooks", Current: section == "/runbooks"}}
	}
	if text, ok := r.texts["crises.said."+c.QueryParam("said")]; ok {
		v.Said = text
	}
	return v, err
}

// dueView is a moment by which something is asked for. The browser counts on from Machine.
type dueView struct {
	Text    string // initial message before 21:40
	Left    string // in 3 min, 4 min late
	Machine string // ms since 1970; "": at a moment that nobody knows yet
	Class   string // critical: overdue; warning: soon; "" else
	Word    string // overdue
	URL     string
	// Prepared tells that URL is what is prepared already.
	Prepared bool
}

// dueSoon is how long before it is due something asks for attention.
const dueSoon = 3 * time.Minute

func (r crisesReader) due(text, address string, at time.Time) dueView {
	v := dueView{Text: text, URL: address, Machine: strconv.FormatInt(at.UnixMilli(), 10)}
	left := at.Sub(r.now)
	switch {
	case left < 0:
		v.Class, v.Word, v.Left = "critical", r.T("crises.overdue"), r.T("crises.overdue.by", "span", countdown(-left))
	default:
		v.Left = r.T("crises.due.in", "span", countdown(left))
		if left < dueSoon {
			v.Class = "warning"
		}
	}
	return v
}

// stepName is what a message is in a crisis: initial message, update 2.
func (r crisesReader) stepName(step message.Step, number int) string {
	if step == message.Update && number > 0 {
		return r.T("crises.step.update.n", "n", strconv.Itoa(number))
	}
	return r.known("crises.step.", string(step))
}

// scenario is a scenario's title.
func (r crisesReader) scenario(id string) string {
	if r.library != nil {
		if e := r.library.Get(id); e != nil {
			return foreign(cmp.Or(e.Scenario.Title.In(r.Code), id), longestReason)
		}
	}
	return foreign(id, longestName)
}

// crisesClass is of the page's body.
func crisesClass(v crisesPageView) string {
	class := "office alerts crises crises-" + v.ID
	if v.Drill {
		class += " drilling"
	}
	return class
}
