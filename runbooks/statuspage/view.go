package statuspage

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// pageView is the page as its template shows it: every word is chosen, every URL made.
type pageView struct {
	speech
	Base        string // from this page to the site's root: "" or "../"
	Self        string // from this page to itself in this language
	Name        string
	Title       string
	Description string
	Logo, Dark  string
	CSS, JS     string
	Canonical   string
	Alternates  []alternate
	Feed, JSON  string
	Support     string
	Drill       bool
	Poll        int // seconds

	Tone, Headline string // Tone: a State, "quiet", "unknown" or "incident"
	Checked        moment
	CheckedText    string
	Digest         string // other than before: something more than the time of the check has changed

	Open    []incidentView
	Groups  []groupView
	Days    []dayView
	Nothing string // of no day
	Zone    string
}

type alternate struct{ Lang, Name, Href, Absolute string }

// moment is a time for people and for machines.
type moment struct{ ISO, Text string }

type incidentView struct {
	ID, Title, TitleLang string
	Marked               bool // the title says by itself that it is an exercise's
	Phase, PhaseText     string
	When                 string
	Next, NextPast       string // what is said until the time that was promised, and after it
	Due                  string
	Late                 bool
	Count                string
	Unfold               bool
	Entries              []entryView // the newest first
}

type entryView struct {
	ID, Step, StepText string
	At                 moment
	Subject            string
	Lang               string // of the text
	OnlyIn             string
	Paragraphs         [][][]run
	Corrects           string
	Corrected          string
}

type groupView struct {
	Name string
	Rows []componentView
}

type componentView struct{ Name, State, Text string }

type dayView struct {
	Date      moment
	Incidents []incidentView
}

// scene is what a page is made of, in any language.
type scene struct {
	contents   *contents
	components []Component
	incidents  []*incident
	banners    []banner
	drill      bool
	fresh      bool // the bus answered lately
	now        time.Time
}

func (s *scene) open() (all []*incident) {
	for _, i := range s.incidents {
		if !i.Phase.closed() {
			all = append(all, i)
		}
	}
	return all
}

// past are the incidents that ended in the last 30 days, the latest first.
func (s *scene) past() (all []*incident) {
	for _, i := range s.incidents {
		if i.Phase.closed() && s.now.Sub(i.Ended) <= shown {
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b *incident) int { return b.Ended.Compare(a.Ended) })
	return all[:min(len(all), maxPast)]
}

const maxPast = 100 // incidents that the page lists; more than three a day

// tone is the whole in a word. It is well only where a person said so of each component, nothing is open, and that is
// known to hold now.
func (s *scene) tone() string {
	if len(s.open()) > 0 {
		return "incident"
	}
	if s.drill {
		return "quiet"
	}
	if !s.fresh {
		return "unknown"
	}
	worst, unsaid := Operational, len(s.components) == 0
	for _, c := range s.components {
		state := s.contents.Components[c.ID].State
		if state == Unsaid {
			unsaid = true
		} else if slices.Index(States(), state) > slices.Index(States(), worst) {
			worst = state
		}
	}
	if worst == Operational && unsaid {
		return "quiet"
	}
	return string(worst)
}

func (s *scene) view(f *fixed, sp speech, base string) *pageView {
	v := &pageView{
		speech: sp, Base: base, Self: "./", Name: f.config.Name[sp.lang], Drill: s.drill, Poll: int(f.config.Poll / time.Second),
		Title: sp.T("title"), CSS: base + f.css.name, JS: base + f.js.name, Support: f.config.Support[sp.lang],
		Zone: sp.T("zone", "place", place(sp.zone)), Tone: s.tone(),
	}
	if base == "" {
		v.Self = sp.lang + "/"
	}
	if f.logo != nil {
		v.Logo = base + f.logo.name
	}
	if f.logoDark != nil {
		v.Dark = base + f.logoDark.name
	}
	for _, lang := range languages {
		a := alternate{Lang: lang, Name: texts[lang]["language"], Href: base + lang + "/"}
		if f.config.URL != "" && !s.drill {
			a.Absolute = f.config.URL + lang + "/"
			if lang == sp.lang {
				v.Canonical = a.Absolute
			}
		}
		v.Alternates = append(v.Alternates, a)
	}
	open := s.open()
	switch {
	case s.drill && len(open) > 0:
		v.Headline = sp.T("drill.head")
	case s.drill:
		v.Headline = sp.T("drill.head.none")
	case len(open) > 1:
		v.Headline = sp.T("head.incidents", "n", strconv.Itoa(len(open)))
	default:
		v.Headline = sp.T("head." + v.Tone)
	}
	if s.drill {
		v.Title = sp.T("drill.title")
	} else {
		v.Feed, v.JSON = base+sp.lang+"/feed.xml", base+"status.json"
		s.checked(v)
	}
	v.Description = v.Headline
	for _, i := range open {
		v.Open = append(v.Open, s.incident(sp, i))
	}
	if !s.drill {
		v.Groups = s.groups(sp)
	}
	switch { // what is not known now is not said
	case s.drill || !s.fresh:
	case len(open) > 0:
		v.Nothing = sp.T("history.no_other")
	default:
		v.Nothing = sp.T("history.none")
	}
	for _, i := range s.past() {
		date := moment{i.Ended.In(sp.zone).Format(time.DateOnly), sp.date(i.Ended)}
		if n := len(v.Days); n == 0 || v.Days[n-1].Date != date {
			v.Days = append(v.Days, dayView{Date: date})
		}
		day := &v.Days[len(v.Days)-1]
		one := s.incident(sp, i)
		one.Unfold = s.now.Sub(i.Ended) < 12*time.Hour
		day.Incidents = append(day.Incidents, one)
	}
	return v
}

func (s *scene) checked(v *pageView) {
	at := s.contents.Checked.Truncate(time.Minute)
	switch {
	case s.contents.Checked.IsZero():
		v.CheckedText = v.T("never_checked")
		return
	case s.fresh:
		v.CheckedText = v.T("checked")
	default:
		v.CheckedText = v.T("last_known")
	}
	v.Checked = v.moment(at, v.full(at))
}

func (s speech) moment(t time.Time, text string) moment {
	return moment{t.In(s.zone).Format(time.RFC3339), text}
}

func (s *scene) incident(sp speech, i *incident) incidentView {
	v := incidentView{ID: threadID(i.Thread), Phase: string(i.Phase), PhaseText: sp.T("phase." + string(i.Phase))}
	if v.Title, v.TitleLang = i.title(sp.lang); v.Title == "" {
		v.Title, v.TitleLang = sp.T("incident"), sp.lang
	}
	mark := texts[v.TitleLang]["drill"]
	v.Marked = mark != "" && strings.HasPrefix(v.Title, mark)
	if i.Phase.closed() {
		v.When = sp.T("ended", "from", sp.after(i.Ended, i.Began), "to", sp.clock(i.Ended))
	} else {
		v.When = sp.T("began", "when", sp.full(i.Began))
	}
	if !i.NextBy.IsZero() {
		by := sp.after(i.last().At, i.NextBy)
		v.Next, v.NextPast = sp.T("next", "when", by), sp.T("next_past", "when", by)
		v.Due, v.Late = i.NextBy.In(sp.zone).Format(time.RFC3339), !s.now.Before(i.NextBy)
	}
	v.Count = sp.T("messages.many", "n", strconv.Itoa(len(i.Entries)))
	if len(i.Entries) == 1 {
		v.Count = sp.T("messages.one")
	}
	title := v.Title
	for _, e := range slices.Backward(i.Entries) {
		p := e.text(sp.lang)
		one := entryView{
			ID: "m-" + e.ID, Step: e.Step, StepText: sp.T("step." + e.Step), At: sp.moment(e.At, sp.after(i.Began, e.At)),
			Lang: p.Lang, Paragraphs: paragraphs(p.Text),
		}
		if p.Subject != title {
			one.Subject = p.Subject
		}
		if p.Lang != sp.lang {
			name := texts[p.Lang]["language"]
			if name == "" {
				name = p.Lang
			}
			one.OnlyIn = sp.T("only_in", "language", name)
		}
		if e.Corrects != nil {
			one.Corrects = sp.T("corrects", "when", sp.after(e.At, e.Corrects.At))
		}
		if e.CorrectedBy != nil {
			one.Corrected = sp.T("corrected", "when", sp.after(e.At, e.CorrectedBy.At))
		}
		v.Entries = append(v.Entries, one)
	}
	return v
}

// state is what a person said of a component. That it is well does not hold any more once an incident began: it is then
// unsaid, until somebody says so again.
func (s *scene) state(id string) State {
	said := s.contents.Components[id]
	if said.State != Operational {
		return said.State
	}
	for _, i := range s.open() {
		if said.Last().Before(i.Began.Truncate(time.Second)) {
			return Unsaid
		}
	}
	return Operational
}

// shown is what the page says of a component: what a person said of it, where that is known to hold now.
func (s *scene) shown(id string) State {
	state := s.state(id)
	switch {
	case !s.fresh && slices.Index(States(), state) <= 0: // that it was well may not hold any more
		return Unknown
	case state == Unsaid && len(s.open()) > 0:
		return Unsure
	}
	return state
}

// threadID is where a crisis is on its page.
func threadID(thread string) string { return "i-" + thread }

func (s *scene) groups(sp speech) []groupView {
	var all []groupView
	for _, c := range s.components {
		name := c.Group[sp.lang]
		at := slices.IndexFunc(all, func(g groupView) bool { return g.Name == name })
		if at < 0 {
			at = len(all)
			all = append(all, groupView{Name: name})
		}
		state := s.shown(c.ID)
		all[at].Rows = append(all[at].Rows, componentView{c.Name[sp.lang], string(state), state.In(sp.lang)})
	}
	return all
}
