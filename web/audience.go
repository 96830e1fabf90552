package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/internal/account"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
)

// The pages of the audience: contacts and how they came, segments of them, who is never told, and who was hit.
// audience_upload.go takes files, audience_api.go is for the broadcaster's own systems.

// What people do about the audience, as the audit has it in Action.What.
const (
	DidImportContacts = "contacts-import"
	DidDeleteImport   = "contacts-import-delete"
	DidDeleteContact  = "contact-delete"
	DidSaveSegment    = "segment-save"
	DidDeleteSegment  = "segment-delete"
	DidSuppress       = "suppression-add"
	DidUnsuppress     = "suppression-remove"
	DidImportNever    = "suppressions-import"
	DidExportViewers  = "viewers-export"
	DidImportMapping  = "viewers-mapping"
)

// audienceRoutes: numbers are for all, what concerns persons for operators.
func (s *Server) audienceRoutes(people *echo.Group) {
	for path, show := range map[string]echo.HandlerFunc{
		"/audience": s.showContacts, "/audience/segments": s.showSegments, "/audience/segments/:id": s.showSegment, "/audience/never": s.showNever,
	} {
		people.GET(path, show, s.require(account.Viewer))
	}
	people.POST(apiContacts, s.takeContacts, s.requireContacts())
	people.GET("/audience/hits", s.showHits, s.require(account.Operator))
	people.GET("/audience/hits.csv", s.exportViewers, s.require(account.Operator))
	for path, do := range map[string]echo.HandlerFunc{
		uploadContacts: s.importContacts, uploadNever: s.importNever, uploadMapping: s.importMapping,
		"/audience/imports/:number/delete": s.deleteImport, "/audience/contacts/delete": s.deleteContact,
		"/audience/segments": s.saveSegment, "/audience/segments/:id/delete": s.deleteSegment, "/audience/estimate": s.estimateSegment,
		"/audience/never": s.suppress, "/audience/never/remove": s.unsuppress,
	} {
		people.POST(path, do, s.require(account.Operator))
	}
}

// audiencePage is what all these pages have. Without a database it says so.
func (s *Server) audiencePage(c echo.Context, r sendsReader, id string) (sendsPageView, error) {
	v := sendsPageView{
		Language: r.Code, ID: "audience-" + id, Title: r.T("audience." + id + ".title"), Intro: r.texts["audience."+id+".intro"], SectionsLabel: r.T("audience.sections"), Acts: r.acts(),
	}
	var err error
	v.topView, err = s.sendsTop(c, r, v.ID+"-page", "/sends")
	v.Sections = []pageLink{{Name: r.T("sends.list.nav"), URL: "/sends"}}
	for _, of := range []pageLink{{Name: "contacts", URL: "/audience"}, {Name: "segments", URL: "/audience/segments"}, {Name: "never", URL: "/audience/never"}, {Name: "hits", URL: "/audience/hits"}} {
		if of.Name == "hits" && !r.acts() {
			continue
		}
		of.Current = of.Name == id
		of.Name = r.T("audience." + of.Name + ".nav")
		v.Sections = append(v.Sections, of)
	}
	switch {
	case s.config.Audience == nil:
		v.Nothing = r.T("audience.none")
	case r.contacts == nil:
		v.Nothing = r.T("audience.not_yet")
	}
	if text, ok := r.texts["audience.said."+c.QueryParam("said")]; ok {
		v.Said = text
	}
	return v, err
}

// errNoContacts is met where an act asks for a database that is not there.
var errNoContacts = echo.NewHTTPError(http.StatusServiceUnavailable, "contacts cannot be read now")

// withoutContacts is why nothing can be done about contacts: there never are any here, or they are away.
func (s *Server) withoutContacts() error {
	if s.config.Audience == nil {
		return echo.ErrNotFound
	}
	return errNoContacts
}

// audienceAct does what the form asks, notes it in the audit, and goes back; show is the page with why it is not done.
type audienceAct struct {
	what string
	do   func(ctx context.Context, r sendsReader, form url.Values) (on string, err error)
	back string
	show func(c echo.Context, status int, problem string) error
}

func (s *Server) audienceAct(c echo.Context, a audienceAct) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	r := s.sendsReader(c)
	ctx, cancel := context.WithTimeout(c.Request().Context(), sendLimit)
	defer cancel()
	on := ""
	if s.config.Audience == nil {
		return echo.ErrNotFound
	}
	if r.contacts == nil {
		err = errNoContacts
	} else {
		on, err = a.do(ctx, r, form)
	}
	err = audienceStatus(err)
	s.did(c, a.what, cut(on, maxAudited), err)
	if err == nil {
		return c.Redirect(http.StatusSeeOther, a.back)
	}
	if statusOf(err) >= http.StatusInternalServerError {
		s.log.Error("what was decided about the audience is not kept", "what", a.what, "error", err)
	}
	return a.show(c, statusOf(err), r.audienceProblem(err))
}

// badInput is what somebody typed that cannot be taken; its text says why, in the package's words.
type badInput struct{ text string }

func (e badInput) Error() string { return e.text }

// Unwrap gives it its status.
func (e badInput) Unwrap() error { return echo.NewHTTPError(http.StatusUnprocessableEntity) }

// audienceStatus gives a Book's errors their status. What it says of a value names it first.
func audienceStatus(err error) error {
	if err == nil {
		return nil
	}
	for _, field := range []string{"address: ", "contact: ", "id: ", "reason: ", "key: ", "kind: ", "until: ", "replace: ", "format: "} {
		if strings.HasPrefix(err.Error(), field) {
			return badInput{err.Error()}
		}
	}
	if errors.Is(err, audience.ErrNoBeacons) {
		return badInput{err.Error()}
	}
	return sendStatus(err)
}

func (r sendsReader) audienceProblem(err error) string {
	if errors.Is(err, errNoContacts) {
		return r.T("audience.not_yet")
	}
	if bad, ok := errors.AsType[badInput](err); ok {
		field, reason, _ := strings.Cut(bad.text, ": ")
		if text, ok := r.texts["audience.bad."+field]; ok {
			return text
		}
		return r.T("alerts.bad.value", "field", foreign(field, longestName), "reason", foreign(reason, longestReason))
	}
	if text := r.sendProblem(err); text != r.T("send.bad.away") {
		return text
	}
	return r.T("audience.away")
}

// contactsView is what there is of contacts, and how it came.
type contactsView struct {
	sendsPageView
	Contacts string
	Away     string // why there are no numbers
	At       string
	Reach    []contactsReach
	Names    []attributeView
	Upload   uploadView
	Imports  []importRowView
	Delete   fieldView
}

// contactsReach is how many a channel reaches, and why not the others. They add up.
type contactsReach struct {
	Name, Size, Share string
	Bars              []outcomeBar
	Langs             []sendFact
	Left              []sendFact
}

type attributeView struct {
	Name, N, More string
	Values        []sendFact
}

// uploadView is a form that takes a file.
type uploadView struct {
	ID, URL, Title, What, Do string
	Contacts                 bool // it has the choices of contacts
}

type importRowView struct {
	Number                          uint64
	Name, Who, When, Counts, Until  string
	Refused, Trouble, Gone, Deleted string
	Refusals                        []refusalView
	More                            string
	Kind                            string
	Delete                          string // address; "": there is nothing to delete, or the reader may not
	DeleteWhat                      string
}

type refusalView struct{ Line, Column, Reason string }

func (s *Server) showContacts(c echo.Context) error { return s.renderContacts(c, http.StatusOK, "") }

func (s *Server) renderContacts(c echo.Context, status int, problem string) error {
	r := s.sendsReader(c)
	page, err := s.audiencePage(c, r, "contacts")
	if err != nil {
		return err
	}
	v := contactsView{sendsPageView: page}
	v.Problem = problem
	if v.Nothing == "" {
		r.fillContacts(c.Request().Context(), &v)
	}
	return render(c, status, contactsPage(s.shellView(c, r.locale), v))
}

// everybody is what the whole of the contacts comes to.
func (r sendsReader) everybody(ctx context.Context) estimateKept {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	return r.estimate("everybody", func() (*audience.Estimate, *audience.Impact, error) {
		e, err := r.contacts.Estimate(ctx, nil, nil)
		return e, nil, err
	})
}

func (r sendsReader) fillContacts(ctx context.Context, v *contactsView) {
	got := r.everybody(ctx)
	if got.err != nil {
		v.Away = r.T("audience.away")
	} else {
		v.Contacts, v.At = r.plural("audience.contacts", got.of.Contacts), r.at(got.at)
		v.Reach = []contactsReach{r.reachOf(channel.Email, got.of.Email, got.of.Contacts), r.reachOf(channel.SMS, got.of.SMS, got.of.Contacts)}
	}
	if all, err := r.contacts.Attributes(ctx); err == nil {
		for _, a := range all {
			v.Names = append(v.Names, r.attribute(a))
		}
	}
	v.Upload = uploadView{ID: "upload-contacts", URL: uploadContacts, Title: r.T("audience.upload"), What: r.T("audience.upload.what"), Do: r.T("audience.upload.do"), Contacts: true}
	v.Delete = fieldView{Name: "id", Label: r.T("audience.contact.id"), Hint: r.T("audience.contact.delete.what"), Max: "128", Required: true, Autocomplete: "off"}
	for _, i := range r.contacts.Imports() {
		v.Imports = append(v.Imports, r.importRow(i))
	}
}

func (r sendsReader) attribute(a audience.Attribute) attributeView {
	v := attributeView{Name: foreign(a.Name, longestName), N: r.all(a.Contacts)}
	for i, of := range a.Values {
		if i == 8 {
			break
		}
		v.Values = append(v.Values, sendFact{foreign(of.Text, longestName), r.all(of.Contacts)})
	}
	if more := len(a.Values) - len(v.Values); more > 0 || a.More {
		v.More = "…"
	}
	return v
}

func (r sendsReader) reachOf(kind channel.Kind, of audience.Reach, contacts int) contactsReach {
	v := contactsReach{Name: r.channel(string(kind)), Size: r.plural("send.people", of.Size)}
	if contacts > 0 {
		v.Share = r.share(math.Floor(100*float64(of.Size)/float64(contacts)) / 100).String() // all is all
	}
	at := 0
	for _, part := range []struct {
		key, class string
		n          int
	}{{"reached", "delivered", of.Size}, {"disagreed", "unsent", of.Disagreed}, {"unreached", "waiting", of.Unreached}, {"suppressed", "failed", of.Suppressed}, {"repeated", "calling", of.Repeated}} {
		if part.n == 0 && part.key != "reached" {
			continue
		}
		b := outcomeBar{Class: part.class, Label: r.T("send.left." + part.key), N: r.all(part.n)}
		if part.n > 0 {
			b.X, b.Width = percentOf(float64(at), float64(contacts)), percentOf(float64(part.n), float64(contacts))
		}
		at += part.n
		v.Bars = append(v.Bars, b)
	}
	for _, lang := range sortedByCount(of.ByLang) {
		v.Langs = append(v.Langs, sendFact{r.said.language(lang), r.all(of.ByLang[lang])})
	}
	return v
}

const refusalsShown = 50

func (r sendsReader) importRow(i *audience.Import) importRowView {
	v := importRowView{
		Number: i.Number, Name: foreign(i.Name, 200), Who: r.who(i.By), When: r.at(i.At), Kind: r.T("audience.import.contacts"),
		Counts: r.T("audience.import.counts", "lines", r.all(i.Lines), "added", r.all(i.Added), "changed", r.all(i.Changed), "same", r.all(i.Same)),
		Until:  r.T("audience.import.until", "day", r.date(i.Until.In(r.zone))),
	}
	if v.Name == "" {
		v.Name = r.T("audience.import.unnamed", "n", strconv.FormatUint(i.Number, 10))
	}
	if i.Viewers {
		v.Kind = r.T("audience.import.viewers")
	} else if i.Replace {
		v.Kind = r.T("audience.import.replace")
	}
	if i.Gone > 0 {
		v.Gone = r.plural("audience.import.gone", i.Gone)
	}
	if i.Refused > 0 {
		v.Refused = r.plural("audience.import.refused", i.Refused)
		for _, bad := range i.Refusals[:min(len(i.Refusals), refusalsShown)] {
			v.Refusals = append(v.Refusals, refusalView{r.all(bad.Line), foreign(bad.Column, longestName), foreign(bad.Reason, longestReason)})
		}
		if i.Refused > len(v.Refusals) {
			v.More = r.plural("audience.import.more", i.Refused-len(v.Refusals))
		}
	}
	if i.Error != "" {
		v.Trouble = r.T("audience.import.unused", "why", foreign(i.Error, longestReason))
	}
	switch {
	case !i.Deleted.IsZero():
		v.Deleted = r.T("audience.import.deleted", "who", r.who(i.DeletedBy), "time", r.at(i.Deleted))
	case r.acts() && i.Error == "" && !i.Dry && i.Lines > i.Refused:
		v.Delete = "/audience/imports/" + strconv.FormatUint(i.Number, 10) + "/delete"
		v.DeleteWhat = r.T("audience.import.delete.what", "name", v.Name)
	}
	return v
}

func (s *Server) deleteImport(c echo.Context) error {
	number, err := strconv.ParseUint(c.Param("number"), 10, 64)
	if err != nil {
		return echo.ErrNotFound
	}
	return s.audienceAct(c, audienceAct{what: DidDeleteImport, back: "/audience?said=import-deleted", show: s.renderContacts, do: func(ctx context.Context, r sendsReader, _ url.Values) (string, error) {
		n, err := r.contacts.DeleteImport(ctx, number, r.user.Name)
		s.sendsKept.recount()
		return strconv.FormatUint(number, 10) + " contacts=" + strconv.Itoa(n), err
	}})
}

func (s *Server) deleteContact(c echo.Context) error {
	return s.audienceAct(c, audienceAct{what: DidDeleteContact, back: "/audience?said=contact-deleted", show: s.renderContacts, do: func(ctx context.Context, r sendsReader, form url.Values) (string, error) {
		id := strings.TrimSpace(form.Get("id"))
		was, err := r.contacts.DeleteContact(ctx, id)
		if err == nil && !was {
			err = audience.ErrNotFound
		}
		s.sendsKept.recount()
		return cut(id, 80), err
	}})
}

// recount makes the next page count anew.
func (k *sendsKept) recount() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.counts)
}

// neverView is who is never told: how many, and why.
type neverView struct {
	sendsPageView
	Total   string
	Reasons []sendFact
	Upload  uploadView
	Kinds   []choiceView
	Why     []choiceView
}

func (s *Server) showNever(c echo.Context) error { return s.renderNever(c, http.StatusOK, "") }

func (s *Server) renderNever(c echo.Context, status int, problem string) error {
	r := s.sendsReader(c)
	page, err := s.audiencePage(c, r, "never")
	if err != nil {
		return err
	}
	v := neverView{sendsPageView: page}
	v.Problem = problem
	if v.Nothing == "" {
		total := 0
		counts := r.contacts.SuppressedCount()
		for _, reason := range neverReasons() {
			total += counts[reason]
			v.Reasons = append(v.Reasons, sendFact{r.T("audience.never." + reason), r.all(counts[reason])})
			v.Why = append(v.Why, choiceView{Value: reason, Label: r.T("audience.never." + reason), Chosen: reason == audience.ByHand})
		}
		v.Total = r.plural("audience.never.total", total)
		v.Kinds = []choiceView{
			{Value: string(channel.Email), Label: r.T("audience.whom.email"), Chosen: true}, {Value: string(channel.SMS), Label: r.T("audience.whom.sms")}, {Value: "", Label: r.T("audience.whom.contact")},
		}
		v.Upload = uploadView{ID: "upload-never", URL: uploadNever, Title: r.T("audience.never.upload"), What: r.T("audience.never.upload.what"), Do: r.T("audience.never.upload.do")}
	}
	return render(c, status, neverPage(s.shellView(c, r.locale), v))
}

func neverReasons() []string {
	return []string{audience.Unsubscribed, audience.Bounced, audience.Complained, audience.ByHand}
}

// whomOf reads who is meant.
func whomOf(form url.Values) audience.Whom {
	kind, text := form.Get("kind"), strings.TrimSpace(form.Get("whom"))
	if kind == "" {
		return audience.Whom{Contact: text}
	}
	return audience.Whom{Kind: channel.Kind(kind), Address: text}
}

func (s *Server) suppress(c echo.Context) error {
	return s.audienceAct(c, audienceAct{what: DidSuppress, back: "/audience/never?said=suppressed", show: s.renderNever, do: func(ctx context.Context, r sendsReader, form url.Values) (string, error) {
		w := whomOf(form)
		err := r.contacts.Suppress(ctx, w, form.Get("reason"), r.user.Name)
		s.sendsKept.recount()
		return named(w) + " " + form.Get("reason"), err
	}})
}

func (s *Server) unsuppress(c echo.Context) error {
	return s.audienceAct(c, audienceAct{what: DidUnsuppress, back: "/audience/never?said=unsuppressed", show: s.renderNever, do: func(ctx context.Context, r sendsReader, form url.Values) (string, error) {
		w, why := whomOf(form), strings.TrimSpace(form.Get("why"))
		if why == "" {
			return named(w), badInput{"why: is missing"}
		}
		was, err := r.contacts.Unsuppress(ctx, w)
		if err == nil && !was {
			err = audience.ErrNotFound
		}
		s.sendsKept.recount()
		return named(w) + " " + cut(why, 120), err
	}})
}

// named is who is meant, for the audit: a contact by its pseudonymous id, an address masked.
func named(w audience.Whom) string {
	if w.Kind == "" {
		return "contact " + cut(w.Contact, 60)
	}
	return string(w.Kind) + " " + masked(cut(w.Address, 254))
}

// hitsView is who was hit: how many, their ids for the broadcaster, and the way back.
type hitsView struct {
	sendsPageView
	CDN, ISP, Channel, Device string
	From, To                  string
	Suffered                  bool
	Size                      string
	CSV                       string
	Upload                    uploadView
	Zone                      string
}

func (s *Server) showHits(c echo.Context) error { return s.renderHits(c, http.StatusOK, "") }

func (s *Server) renderHits(c echo.Context, status int, problem string) error {
	r := s.sendsReader(c)
	page, err := s.audiencePage(c, r, "hits")
	if err != nil {
		return err
	}
	v := hitsView{sendsPageView: page, Zone: r.zone.String()}
	v.Problem = problem
	if v.Nothing == "" {
		r.fillHits(c.Request().Context(), &v, c.QueryParams())
	}
	return render(c, status, hitsPage(s.shellView(c, r.locale), v))
}

// hitAsked reads what was hit from the address; without any the last half hour.
func (r sendsReader) hitAsked(q url.Values) audience.Hit {
	h := audience.Hit{
		CDN: cut(q.Get("hit.cdn"), 100), ISP: cut(q.Get("hit.isp"), 100), Channel: cut(q.Get("hit.channel"), 100), Device: cut(q.Get("hit.device"), 100),
		Suffered: q.Get("hit.suffered") != "" || !q.Has("hit.from"), To: r.now.Truncate(time.Minute), From: r.now.Truncate(time.Minute).Add(-30 * time.Minute),
	}
	if t, err := time.ParseInLocation(inputMinute, q.Get("hit.from"), r.zone); err == nil {
		h.From = t
	}
	if t, err := time.ParseInLocation(inputMinute, q.Get("hit.to"), r.zone); err == nil {
		h.To = t
	}
	return h
}

func (r sendsReader) fillHits(ctx context.Context, v *hitsView, q url.Values) {
	h := r.hitAsked(q)
	v.CDN, v.ISP, v.Channel, v.Device, v.Suffered = h.CDN, h.ISP, h.Channel, h.Device, h.Suffered
	v.From, v.To = h.From.In(r.zone).Format(inputMinute), h.To.In(r.zone).Format(inputMinute)
	v.Upload = uploadView{ID: "upload-mapping", URL: uploadMapping, Title: r.T("audience.mapping"), What: r.T("audience.mapping.what"), Do: r.T("audience.mapping.do")}
	if !q.Has("hit.from") {
		return
	}
	if err := h.Check(); err != nil {
		v.Problem = strings.Join(r.problemsOf(err), " ")
		return
	}
	v.Size = r.impactOf(ctx, h)
	v.CSV = "/audience/hits.csv?" + q.Encode()
}

// exportViewers writes the ids of viewers whom something hit.
func (s *Server) exportViewers(c echo.Context) error {
	r := s.sendsReader(c)
	if r.contacts == nil {
		return s.withoutContacts()
	}
	h := r.hitAsked(c.QueryParams())
	if !c.QueryParams().Has("hit.from") || h.Check() != nil {
		return echo.ErrBadRequest
	}
	header := c.Response().Header()
	header.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	header.Set("Content-Disposition", `attachment; filename="viewers-`+h.From.UTC().Format("2006-01-02T1504Z")+`.csv"`)
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(2 * time.Minute))
	n, err := r.contacts.ExportViewers(c.Request().Context(), h, c.Response())
	err = audienceStatus(err)
	s.did(c, DidExportViewers, cut(r.asked(&audience.Ask{Hit: &h}), maxAudited-20)+" ids="+strconv.Itoa(n), err)
	if err != nil && c.Response().Committed {
		s.log.Error("export of viewers is cut short", "error", err)
		panic(http.ErrAbortHandler) // a file that ends early must not look whole
	}
	if err != nil {
		header.Del("Content-Disposition")
		return s.renderHits(c, statusOf(err), r.audienceProblem(err))
	}
	return nil
}
