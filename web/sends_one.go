package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/channel"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// sendView is one send, at any moment of its life.
type sendView struct {
	sendsPageView
	ID, URL, Follow    string
	Scenario, Step     string
	Crisis, CrisisURL  string
	State              stateWord
	Facts              []sendFact // who wrote, validated, prepared, confirmed
	Next               string     // what happens next, and who does it
	Size, SizeRaw      string
	People             int
	Digest, DigestText string
	NextBy             string
	Findings           []sendFinding
	Checking           bool // it stands where its preflight counts
	CanCheck, CanDrop  bool
	CanConfirm         bool
	NotYours           string // why the next act is not the reader's
	Verb               string // of the button that sends
	Legs               []legView
	Unsure, Stopped    string
	Dead               string // nobody is there who sends
	Running            bool   // confirmed and not over
	CanPause           bool
	CanResume          bool
	PausedWhy          string
	AbortWhat          string // what an abort does, with how many are gone already
	Gone               *goneView
	Retry              string // button; "": there is nobody to try again
	RetryURL           string
	Unknown            string // how many nobody knows of
	UnknownN           int
	Plans              []planView
	Cards              []lookGroup
	History            []actView
}

type sendFact struct{ Label, Value string }

type sendFinding struct {
	Class, Text string // Class: warning, critical
	Leg         string
}

// planView is a channel of a send before it begins: who gets it, and what it takes.
type planView struct {
	Name, Kind, Size string
	Personal         bool
	Facts            []sendFact
	Left             []sendFact // who is left out, and why
	Asked            string     // what the list was frozen from
}

// goneView is what an abort could not recall.
type goneView struct {
	Text, Correct string // Correct: the form for a correction; "": there is none to say, or the reader may not
	More          string
}

// actView is one thing that was done to a send. Quoted: the note is somebody's own words.
type actView struct {
	At, Machine, Text, Note string
	Quoted                  bool
}

func (s *Server) showSend(c echo.Context) error { return s.renderSend(c, http.StatusOK, "") }

// renderSend shows the send of the address, with why what was asked is not done.
func (s *Server) renderSend(c echo.Context, status int, problem string) error {
	r := s.sendsReader(c)
	of := r.sends.Get(c.Param("id"))
	if of == nil {
		return echo.ErrNotFound
	}
	page, err := s.sendsPage(c, r, "one")
	if err != nil {
		return err
	}
	v := r.newSend(c.Request().Context(), of)
	page.Title, page.Drill, page.Problem = v.Step+" · "+v.Scenario, of.Drill, problem
	v.sendsPageView = page
	return render(c, status, sendPage(s.shellView(c, r.locale), v))
}

func (r sendsReader) newSend(ctx context.Context, of *send.Send) sendView {
	v := sendView{
		ID: of.ID, URL: "/sends/" + of.ID, Scenario: r.scenario(of.Rendered.Scenario), Step: r.step(of.Rendered.Step), State: r.sendState(of.State),
		Size: r.size(of), People: of.People(), SizeRaw: strconv.Itoa(of.People()), Digest: of.Digest, DigestText: shortHash(of.Digest),
	}
	if !of.NextBy.IsZero() {
		v.NextBy = r.T("send.next_by", "time", r.until(of.NextBy))
	}
	if c := r.crisis(of.Crisis); c != nil {
		v.Crisis, v.CrisisURL = foreign(c.Title, longestTitle), "/crises/"+c.ID
	}
	r.fillFacts(&v, of)
	switch of.State {
	case send.Prepared, send.Checked:
		v.Checking, v.Follow = true, "1500"
		r.fillCheck(ctx, &v, of)
	case send.Confirmed, send.Sending, send.Paused:
		v.Running, v.Follow = true, "700"
	default:
		v.Follow = "3000" // receipts still come
	}
	if !of.Confirmed.IsZero() {
		v.Legs, v.Unsure = r.legs(of)
		r.reasons(ctx, of, v.Legs)
		r.fillRun(&v, of)
	}
	r.fillPlans(&v, of)
	v.Cards = r.cards(of)
	for _, a := range slices.Backward(of.History) {
		v.History = append(v.History, actView{
			At: r.at(a.At), Machine: a.At.UTC().Format(time.RFC3339), Text: r.T("send.did", "what", r.known("send.act.", a.What), "who", r.doer(a.By)), Note: r.sendNote(r.sends, a.What, a.Note, of.Drill), Quoted: a.By != "",
		})
	}
	return v
}

// doer is a person, or the system.
func (r sendsReader) doer(by string) string {
	if by == "" {
		return r.T("sends.by.system")
	}
	return r.who(by)
}

// shortHash is enough of a hash for two people to compare it over a telephone.
func shortHash(hash string) string {
	if len(hash) < 8 {
		return hash
	}
	return hash[:4] + nbsp + hash[4:8]
}

func (r sendsReader) fillFacts(v *sendView, of *send.Send) {
	add := func(key, value string) {
		if value != "" {
			v.Facts = append(v.Facts, sendFact{r.T("send.fact." + key), value})
		}
	}
	var authors []string
	for _, a := range of.Authors {
		authors = append(authors, r.who(a))
	}
	add("authors", strings.Join(authors, ", "))
	if of.Approved != "" {
		add("approved", r.who(of.Approved))
	} else {
		add("approved", r.T("send.fact.approved.nobody"))
	}
	add("prepared", r.preparer(of)+" · "+r.at(of.At))
	if of.Second != "" {
		add("second", r.who(of.Second)+" · "+r.at(of.Confirmed))
	}
	if !of.Ended.IsZero() {
		add("ended", r.at(of.Ended))
	}
	if of.Previous != "" {
		add("previous", r.T("send.fact.previous.what"))
	}
}

// notChecked is why a reader may not hand a send to the second person; "": they may. It says what the Room refuses.
func notChecked(of *send.Send, by string) string {
	switch {
	case of.Drill:
		return ""
	case by == of.Approved:
		return "validator"
	case slices.Contains(of.Authors, by):
		return "author"
	case of.By != "" && of.By != by:
		return "sender"
	}
	return ""
}

// fillCheck is what stands before the moment at which a send is confirmed.
func (r sendsReader) fillCheck(ctx context.Context, v *sendView, of *send.Send) {
	blocked := false
	for _, f := range r.preflight(ctx, of) {
		class := "warning"
		if f.Blocks {
			class, blocked = "critical", true
		}
		leg := ""
		if f.Leg != "" {
			leg = r.account(f.Leg, of.Drill)
		}
		v.Findings = append(v.Findings, sendFinding{class, r.finding(f), leg})
	}
	v.Verb = r.verb(of)
	may := r.acts()
	v.CanDrop = may
	if of.State == send.Prepared {
		why := notChecked(of, r.user.Name)
		v.CanCheck = may && why == "" && !blocked
		switch {
		case !may:
			v.NotYours = r.T("send.not.operator")
		case why == "sender":
			v.NotYours = r.T("send.not.prepared", "who", r.preparer(of))
		case why != "":
			v.NotYours = r.T("send.not." + why)
		}
		v.Next = r.T("send.next.prepared")
		if blocked {
			v.Next = r.T("send.next.blocked")
		}
		return
	}
	own := of.By == r.user.Name && !of.Drill
	v.CanConfirm = may && !own && !blocked
	switch {
	case !may:
		v.NotYours = r.T("send.not.operator")
	case own:
		v.NotYours = r.T("send.not.second")
	}
	v.Next = r.T("send.next.checked", "who", r.preparer(of))
	if of.Drill {
		v.Next = r.T("send.next.checked_drill", "who", r.preparer(of))
	}
	if blocked {
		v.Next = r.T("send.next.blocked")
	}
}

// verb is what the button says that sends. An exercise has another verb and no number of people in it.
func (r sendsReader) verb(of *send.Send) string {
	switch n := of.People(); {
	case of.Drill:
		return r.T("send.do.drill")
	case n > 0:
		return r.plural("send.do.people", n)
	default:
		return r.plural("send.do.posts", posts(of))
	}
}

// fillRun is what stands from the moment on at which a send was confirmed.
func (r sendsReader) fillRun(v *sendView, of *send.Send) {
	p := r.sends.Progress(of.ID)
	var gone, left reached
	refused, unknown, lost := 0, 0, 0
	for i := range p.Legs {
		for _, o := range send.Outcomes() {
			if n := p.Legs[i].Get(o); o.Told() {
				gone.add(&of.Legs[i], n)
			} else if o == send.Recalled || o == send.Waiting {
				left.add(&of.Legs[i], n)
			}
		}
		refused += p.Legs[i].Get(send.Refused)
		unknown += p.Legs[i].Get(send.Unknown)
		lost += p.Legs[i].Get(send.Undelivered)
	}
	if v.Running {
		if p.Live == 0 {
			v.Dead = r.T("send.dead")
		}
		v.CanPause = r.acts() && of.State != send.Paused
		v.CanResume = r.acts() && of.State == send.Paused
		v.AbortWhat = r.T("send.abort.what", "gone", r.counted(gone), "left", r.counted(left))
		if !p.Known {
			v.AbortWhat = r.T("send.abort.what.unknown")
		}
		if of.State == send.Paused {
			v.PausedWhy = r.pausedWhy(of)
		}
		v.Next = r.T("send.next." + string(of.State))
		return
	}
	switch of.State {
	case send.Completed:
		v.Next = r.T("send.next.completed")
		if lost > 0 {
			v.Next = r.plural("send.next.lost", lost)
		}
	case send.Faulty:
		v.Next = r.T("send.next.faulty")
		if refused > 0 && r.acts() {
			v.Retry = r.plural("send.retry", refused)
			if of.Drill {
				v.Retry = r.plural("send.retry.drill", refused)
			}
		}
		if unknown > 0 {
			v.Unknown, v.UnknownN = r.plural("send.unknown", unknown), unknown
		}
	case send.Aborted:
		v.Next = r.T("send.next.aborted")
		g := &goneView{Text: r.T("send.gone", "gone", r.counted(gone), "left", r.counted(left))}
		if !p.Known {
			g.Text = r.T("send.progress.unknown")
		}
		if of.Aborted != nil {
			g.More = r.T("send.aborted.by", "who", r.doer(of.Aborted.By), "time", r.at(of.Aborted.At))
			if of.Aborted.Note != "" {
				g.More += " " + r.T("alerts.quoted", "text", foreign(of.Aborted.Note, longestReason))
			}
		}
		if c := r.crisis(of.Crisis); c != nil && r.acts() && gone != (reached{}) {
			g.Correct = newSendURL(c, of.Rendered.Scenario, string(message.Correction))
		}
		v.Gone = g
	}
}

// fillPlans is who gets it through each channel, what it costs and how long it takes.
func (r sendsReader) fillPlans(v *sendView, of *send.Send) {
	for i := range of.Legs {
		leg := &of.Legs[i]
		p := planView{Name: r.account(leg.Channel, of.Drill), Kind: r.channel(string(leg.Kind)), Personal: leg.Kind.Personal()}
		fact := func(key, value string) { p.Facts = append(p.Facts, sendFact{r.T("send.plan." + key), value}) }
		if !p.Personal {
			p.Size = r.plural("send.posts", len(leg.Posts))
			fact("langs", strings.Join(leg.Posts, ", "))
			v.Plans = append(v.Plans, p)
			continue
		}
		list := &leg.List
		p.Size = r.plural("send.people", list.Size)
		if list.Canary > 0 {
			fact("canary", r.all(list.Canary))
		}
		var langs []string
		for _, lang := range sortedByCount(list.ByLang) {
			langs = append(langs, lang+" "+r.all(list.ByLang[lang]))
		}
		if len(langs) > 0 {
			fact("langs", strings.Join(langs, " · "))
		}
		if leg.Units > 0 && leg.Kind == channel.SMS {
			fact("units", r.all(leg.Units))
		}
		if leg.Cost > 0 {
			fact("cost", r.said.money(leg.Cost))
		}
		if leg.Takes > 0 {
			fact("takes", r.span(leg.Takes))
		}
		fact("frozen", r.T("send.frozen", "time", r.at(list.At), "hash", shortHash(list.Hash)))
		p.Left = r.leftOut(list)
		p.Asked = r.asked(&list.Asked)
		v.Plans = append(v.Plans, p)
	}
}

// preflown is what a preflight found, and when.
type preflown struct {
	at     time.Time
	digest string
	found  []send.Finding
}

// preflightFor is how long a page believes a preflight: who checks or confirms has it done anew.
const preflightFor = 3 * time.Second

func (r sendsReader) preflight(ctx context.Context, of *send.Send) []send.Finding {
	r.kept.mu.Lock()
	kept, ok := r.kept.flown[of.ID]
	r.kept.mu.Unlock()
	if ok && kept.digest == of.Digest && r.now.Sub(kept.at) < preflightFor {
		return kept.found
	}
	kept = preflown{r.now, of.Digest, r.sends.Preflight(ctx, of.ID)}
	r.kept.mu.Lock()
	defer r.kept.mu.Unlock()
	if r.kept.flown == nil || len(r.kept.flown) > 200 {
		r.kept.flown = map[string]preflown{}
	}
	r.kept.flown[of.ID] = kept
	return kept.found
}

func (k *sendsKept) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.flown, id)
	maps.DeleteFunc(k.why, func(of whyKey, _ reasonsKept) bool { return of.send == id })
}
