package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/send"
)

// sendLinesView is who stands at an outcome, a page of them.
type sendLinesView struct {
	sendsPageView
	URL, Send, Step string
	Legs, Outcomes  []choiceView
	Lines           []sendLine
	Count, Page     string
	Earlier, Later  string
	CSV             string // "": the reader may not
	Masked          string // why addresses are not whole
	NoLines         string
}

type sendLine struct {
	To, Lang, Outcome, Class string
	At, Tries, Reason, Text  string
}

const (
	linesAPage  = 50
	linesABatch = 1000
)

// linesURL is the page of a leg's recipients at a group of outcomes.
func linesURL(id string, leg int, group string, page int) string {
	q := url.Values{"leg": {strconv.Itoa(leg)}, "of": {group}}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	return "/sends/" + id + "/lines?" + q.Encode()
}

// linesOf reads which recipients the address asks for; "all" is every outcome.
func linesOf(c echo.Context, of *send.Send) (leg int, group string, outcomes []send.Outcome, page int, ok bool) {
	leg, err := strconv.Atoi(c.QueryParam("leg"))
	if c.QueryParam("leg") == "" {
		leg, err = 0, nil
	}
	page, pageErr := strconv.Atoi(c.QueryParam("page"))
	if c.QueryParam("page") == "" {
		page, pageErr = 1, nil
	}
	group = c.QueryParam("of")
	if group == "" {
		group = "all"
	}
	known := group == "all"
	for _, g := range outcomeGroups() {
		if g.Class == group {
			outcomes, known = g.Of, true
		}
	}
	return leg, group, outcomes, page, known && err == nil && leg >= 0 && leg < len(of.Legs) && pageErr == nil && page >= 1 && page <= 1_000_000
}

func (s *Server) showSendLines(c echo.Context) error {
	r := s.sendsReader(c)
	of := r.sends.Get(c.Param("id"))
	if of == nil {
		return echo.ErrNotFound
	}
	leg, group, outcomes, at, ok := linesOf(c, of)
	if !ok {
		return echo.ErrBadRequest
	}
	page, err := s.sendsPage(c, r, "lines")
	if err != nil {
		return err
	}
	page.Drill = of.Drill
	v := sendLinesView{sendsPageView: page, URL: "/sends/" + of.ID, Send: r.scenario(of.Rendered.Scenario), Step: r.step(of.Rendered.Step)}
	for i := range of.Legs {
		v.Legs = append(v.Legs, choiceView{Value: linesURL(of.ID, i, group, 1), Label: r.account(of.Legs[i].Channel, of.Drill), Chosen: i == leg})
	}
	v.Outcomes = append(v.Outcomes, choiceView{Value: linesURL(of.ID, leg, "all", 1), Label: r.T("send.outcome.all"), Chosen: group == "all"})
	for _, g := range outcomeGroups() {
		v.Outcomes = append(v.Outcomes, choiceView{Value: linesURL(of.ID, leg, g.Class, 1), Label: r.T("send.outcome." + g.Class), Chosen: g.Class == group})
	}
	lines, total, err := r.sends.Lines(c.Request().Context(), of.ID, leg, outcomes, (at-1)*linesAPage, linesAPage)
	if err != nil {
		return sendStatus(err)
	}
	for _, l := range lines {
		v.Lines = append(v.Lines, r.line(l))
	}
	pages := max(1, (total+linesAPage-1)/linesAPage)
	v.Count, v.Page = r.plural("send.lines", total), r.T("send.lines.page", "page", r.all(at), "of", r.all(pages))
	if total == 0 {
		v.NoLines = r.T("send.lines.none")
	}
	if at > 1 {
		v.Earlier = linesURL(of.ID, leg, group, at-1)
	}
	if at < pages {
		v.Later = linesURL(of.ID, leg, group, at+1)
	}
	if r.acts() {
		v.CSV = strings.Replace(linesURL(of.ID, leg, group, 1), "/lines?", "/lines.csv?", 1)
	} else {
		v.Masked = r.T("send.lines.masked")
	}
	return render(c, http.StatusOK, sendLinesPage(s.shellView(c, r.locale), v))
}

func (r sendsReader) line(l send.Line) sendLine {
	v := sendLine{To: l.Recipient.To, Lang: l.Recipient.Lang, Outcome: r.known("send.outcome1.", l.Outcome.String()), Text: foreign(l.Text, longestReason)}
	for _, g := range outcomeGroups() {
		if slices.Contains(g.Of, l.Outcome) {
			v.Class = g.Class
		}
	}
	if l.Outcome == send.Accepted || l.Outcome == send.Delivered {
		v.Text = "" // what it answers to what it took is no reason; the file has it
	}
	if !r.acts() {
		v.To = masked(v.To)
		v.Text = "" // a provider may repeat the address
	}
	if v.To == "" {
		v.To = r.said.language(l.Recipient.Lang)
	}
	v.To = foreign(v.To, 260)
	if !l.At.IsZero() {
		v.At = r.at(l.At)
	}
	if l.Tries > 0 {
		v.Tries = r.all(l.Tries)
	}
	if l.Reason != "" {
		v.Reason = r.sendReason(l.Outcome, l.Reason)
	}
	return v
}

// masked is an address of which as much is left as two people need to speak about it.
func masked(to string) string {
	if name, domain, ok := strings.Cut(to, "@"); ok {
		first := []rune(name)
		dot := strings.LastIndexByte(domain, '.')
		if len(first) == 0 || dot < 1 {
			return "•••"
		}
		return string(first[:1]) + "•••@" + domain[:1] + "•••" + domain[dot:]
	}
	if len(to) > 6 && to[0] == '+' {
		return to[:3] + strings.Repeat("•", len(to)-5) + to[len(to)-2:]
	}
	if to == "" {
		return ""
	}
	return "•••"
}

// exportSendLines writes a leg's recipients as CSV. It takes as long as it takes: each line is asked of the bus.
func (s *Server) exportSendLines(c echo.Context) error {
	r := s.sendsReader(c)
	of := r.sends.Get(c.Param("id"))
	if of == nil {
		return echo.ErrNotFound
	}
	leg, group, outcomes, _, ok := linesOf(c, of)
	if !ok {
		return echo.ErrBadRequest
	}
	ctx := c.Request().Context()
	lines, total, err := r.sends.Lines(ctx, of.ID, leg, outcomes, 0, linesABatch) // one that fails is still a clean error
	err = sendStatus(err)
	s.did(c, DidExportSend, of.ID+" "+of.Legs[leg].Channel+" "+group+" "+strconv.Itoa(total), err)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="`+of.ID+"-"+strconv.Itoa(leg)+"-"+group+`.csv"`)
	control := http.NewResponseController(c.Response())
	w := csv.NewWriter(c.Response())
	_ = w.Write([]string{"to", "lang", "outcome", "time", "tries", "receipt", "reason", "text"})
	for written := 0; ; {
		for _, l := range lines {
			at := ""
			if !l.At.IsZero() {
				at = utcText(l.At)
			}
			_ = w.Write([]string{csvText(l.Recipient.To), l.Recipient.Lang, l.Outcome.String(), at, strconv.Itoa(l.Tries), csvText(l.Receipt), l.Reason, csvText(l.Text)})
		}
		w.Flush()
		if err := w.Error(); err != nil {
			return err
		}
		if written += len(lines); len(lines) < linesABatch {
			return nil
		}
		_ = control.SetWriteDeadline(time.Now().Add(30 * time.Second))
		if lines, _, err = r.sends.Lines(ctx, of.ID, leg, outcomes, written, linesABatch); err != nil {
			s.log.Error("export of a send's recipients is cut short", "send", of.ID, "error", err)
			panic(http.ErrAbortHandler) // a file that ends early must not look whole
		}
	}
}
