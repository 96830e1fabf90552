package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/cockpit"
	"vigie/internal/account"
	"vigie/runbooks/channel"
	"vigie/runbooks/crisis"
	"vigie/runbooks/message"
	"vigie/runbooks/send"
)

// supportView is what somebody at the telephone needs: what happens, what to say, and what this person was told.
type supportView struct {
	crisesPageView
	Words     string // language of what is said
	Languages []pageLink
	Calm      string // nothing is known to be wrong, or why that is not known
	Crises    []supportCrisis
	Finds     bool // the reader may look people up
	Find      callerView
}

// supportCrisis is an open crisis in plain words.
type supportCrisis struct {
	ID, URL, Title string
	DrillWord      string
	Since          string
	Hit            string // the subscribers of Free who watch TF1
	Unhit          string // what is known not to be affected
	Promise        dueView
	NoPromise      string
	Said           []supportWords
	NothingSaid    string
	Next           []supportWords
}

// supportWords are the words of one message, by channel.
type supportWords struct {
	ID, Title, When string
	Sent            bool
	Missing         string // why there are none
	Texts           []supportText
}

// supportText is one to copy.
type supportText struct {
	ID, Kind, Subject, Text, Lang string
	Other                         string // it is in another language than was asked for
}

// whole is a text with its title over it.
func (t supportText) whole() string {
	if t.Subject == "" {
		return t.Text
	}
	return t.Subject + "\n" + t.Text
}

func (s *Server) showSupport(c echo.Context) error {
	return s.renderSupport(c, http.StatusOK, callerView{})
}

func (s *Server) renderSupport(c echo.Context, status int, person callerView) error {
	r := s.crisesReader(c)
	page, err := s.crisesPage(c, r, "support", "/support")
	if err != nil {
		return err
	}
	v := supportView{Words: r.Code, Finds: r.user.May(account.Operator), Find: person}
	for _, l := range s.locales {
		if l.Code == c.QueryParam("words") {
			v.Words = l.Code
		}
	}
	for _, code := range []string{"fr", "en"} {
		v.Languages = append(v.Languages, pageLink{Name: r.T("support.words." + code), URL: "/support?words=" + code, Key: code, Current: code == v.Words})
	}
	switch {
	case r.crises == nil:
		v.Calm = r.T("crises.none.here")
	case len(r.crises.Current()) == 0:
		v.Calm = r.T("support.calm")
	default:
		ctx, cancel := context.WithTimeout(c.Request().Context(), 3*time.Second)
		defer cancel()
		current := r.crises.Current()
		slices.SortStableFunc(current, func(a, b *crisis.Crisis) int { // what is real first
			if a.Drill != b.Drill && a.Drill {
				return 1
			} else if a.Drill != b.Drill {
				return -1
			}
			return 0
		})
		for _, of := range current {
			v.Crises = append(v.Crises, r.supportCrisis(ctx, of, v.Words))
		}
	}
	v.crisesPageView = page
	return render(c, status, supportPage(s.shellView(c, r.locale), v))
}

func (r crisesReader) supportCrisis(ctx context.Context, of *crisis.Crisis, words string) supportCrisis {
	v := supportCrisis{
		ID: of.ID, URL: "/crises/" + of.ID, Title: foreign(of.Title, longestReason), Since: r.since(of.Began),
		Hit: r.hit(of.Labels), Unhit: r.unhit(of.Labels),
	}
	if of.Drill {
		v.DrillWord = r.T("crises.drill")
	}
	last := map[string]*send.Send{} // by scenario: what was said last
	var promise time.Time
	for _, sent := range r.sends.Of(of.ID) {
		switch sent.State {
		case send.Sending, send.Paused, send.Completed, send.Faulty:
			last[sent.Rendered.Scenario] = sent
		}
	}
	for _, id := range slices.Sorted(maps.Keys(last)) {
		sent := last[id]
		if !sent.NextBy.IsZero() && (promise.IsZero() || sent.NextBy.Before(promise)) {
			promise = sent.NextBy
		}
		v.Said = append(v.Said, supportWords{
			ID: sent.ID, Title: r.T("crises.send", "what", r.stepName(sent.Rendered.Step, 0), "scenario", r.scenario(id)), Sent: true,
			When: r.T("support.said", "time", r.until(sent.Confirmed)), Texts: r.supportTexts(sent.ID, saidBy(sent), words),
		})
	}
	if len(v.Said) == 0 {
		v.NothingSaid = r.T("support.said.nothing")
	}
	if promise.IsZero() {
		v.NoPromise = r.T("support.promise.none")
	} else {
		v.Promise = r.due(r.T("support.promise", "time", r.until(promise)), "", promise)
	}
	for _, d := range r.sends.Due(of, r.now) {
		v.Next = append(v.Next, r.nextWords(ctx, d, words))
	}
	return v
}

// nextWords are those of a message that is due: approved and armed, and not said yet.
func (r crisesReader) nextWords(ctx context.Context, d send.Due, words string) supportWords {
	v := supportWords{ID: "next-" + d.Scenario + "-" + string(d.Step), Title: r.T("crises.send", "what", r.stepName(d.Step, d.Number), "scenario", r.scenario(d.Scenario)), When: r.T("support.next", "time", r.until(d.At))}
	if d.Send != "" {
		if of := r.sends.Get(d.Send); of != nil { // prepared: these very words
			v.Texts = r.supportTexts(v.ID, saidBy(of), words)
			return v
		}
	}
	p, err := r.sends.Preview(ctx, send.Draft{Crisis: d.Crisis, Scenario: d.Scenario, Step: d.Step})
	switch {
	case err != nil:
		v.Missing = r.T("support.next.not_armed")
	case p.Rendered == nil:
		v.Missing = r.T("support.next.values")
	default:
		v.Texts = r.supportTexts(v.ID, p.Rendered.Texts, words)
	}
	return v
}

// saidBy are the words of a send that its channels say: those written for channels that it does not use nobody was told.
func saidBy(of *send.Send) map[channel.Kind]map[string]message.Output {
	said := map[channel.Kind]map[string]message.Output{}
	for i := range of.Legs {
		leg := &of.Legs[i]
		if said[leg.Kind] == nil {
			said[leg.Kind] = map[string]message.Output{}
		}
		for lang, text := range of.Rendered.Texts[leg.Kind] {
			if len(leg.Posts) == 0 || slices.Contains(leg.Posts, lang) {
				said[leg.Kind][lang] = text
			}
		}
	}
	return said
}

// supportTexts are a message's words in a language, or in another one where it has none.
func (r crisesReader) supportTexts(id string, texts map[channel.Kind]map[string]message.Output, words string) (list []supportText) {
	for _, kind := range channel.Kinds() {
		by := texts[kind]
		if len(by) == 0 || kind == channel.Webhook {
			continue
		}
		lang := words
		if _, ok := by[lang]; !ok {
			lang = slices.Sorted(maps.Keys(by))[0]
		}
		v := supportText{ID: "words-" + id + "-" + string(kind), Kind: r.T("support.kind." + string(kind)), Subject: by[lang].Subject, Text: by[lang].Text, Lang: lang}
		if lang != words {
			v.Other = r.T("support.other_language", "language", r.known("support.words.", lang))
		}
		list = append(list, v)
	}
	return list
}

// hit says who is hit, as one says it to a viewer: nobody outside the house knows a CDN by its name.
func (r crisesReader) hit(labels map[string]string) string {
	value := func(name string) string { return foreign(labels[name], longestName) }
	who := r.T("support.hit.some")
	if labels["isp"] != "" {
		who = r.T("support.hit.isp", "isp", value("isp"))
	} else if labels["cdn"] == "" && labels["device"] == "" && labels["channel"] == "" && labels["service"] == "" {
		return r.T("support.hit.unknown")
	}
	for _, name := range []string{"channel", "device", "service", "region", "offer"} {
		if labels[name] != "" {
			who = r.T("support.hit."+name, "who", who, name, value(name))
		}
	}
	return who
}

// unhit are the networks of which the board knows that nothing is wrong with them.
func (r crisesReader) unhit(labels map[string]string) string {
	if labels["isp"] == "" || r.board == nil || r.board.Matrix.Error != "" || r.now.Sub(r.board.At) > 30*time.Second {
		return ""
	}
	var fine []string
	for i := range r.board.Matrix.Rows {
		row := &r.board.Matrix.Rows[i]
		if row.ISP == "" || row.ISP == labels["isp"] || row.Total.Health != cockpit.HealthFine || slices.ContainsFunc(row.Cells, func(cell cockpit.Cell) bool {
			return cell.Health == cockpit.HealthWarning || cell.Health == cockpit.HealthCritical
		}) {
			continue
		}
		fine = append(fine, foreign(row.ISP, longestName))
	}
	if len(fine) == 0 {
		return ""
	}
	return r.T("support.unhit", "names", strings.Join(fine[:min(len(fine), 6)], ", "))
}
