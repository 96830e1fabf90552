package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/send"
)

// DidFindPerson is what somebody did, as the audit has it in Action.What.
const DidFindPerson = "support-find"

// callerView is somebody whom the desk looked up.
type callerView struct {
	Asked   bool
	Problem string
	Nobody  string
	People  []foundPerson
}

// foundPerson is one contact: what they agreed to, and what was sent to them.
type foundPerson struct {
	ID       string
	Updated  string
	Ways     []personWay
	Never    string // the contact itself is never told
	Sends    []personSend
	Nothing  string // why there are none
	Language string
}

// personWay is one of somebody's addresses, masked.
type personWay struct {
	Kind, Address, Agreed, Never string
	Health                       healthView
}

// personSend is what one person got of a send.
type personSend struct {
	URL, Title, Drill, At, Kind, Outcome, Detail string
	Health                                       healthView
}

// longestPerson is how much of what was typed is looked at.
const longestPerson = 320

// findPerson looks somebody up. What is typed is in no address, in no log and, in the audit, is a key or masked.
func (s *Server) findPerson(c echo.Context) error {
	form, err := formOf(c)
	if err != nil {
		return err
	}
	text := strings.TrimSpace(form.Get("who"))
	r := s.crisesReader(c)
	v := callerView{Asked: true}
	var book *audience.Book
	if s.config.Audience != nil {
		book = s.config.Audience()
	}
	switch {
	case text == "" || len(text) > longestPerson:
		v.Problem = r.T("support.find.bad")
		return s.renderSupport(c, http.StatusUnprocessableEntity, v)
	case book == nil:
		v.Problem = r.T("support.find.away")
		return s.renderSupport(c, http.StatusServiceUnavailable, v)
	}
	keys := typedKeys(book, text)
	ctx, cancel := context.WithTimeout(c.Request().Context(), 5*time.Second)
	defer cancel()
	found, err := book.Lookup(ctx, text)
	if err != nil {
		err = errors.Join(echo.NewHTTPError(http.StatusServiceUnavailable), err)
	}
	s.did(c, DidFindPerson, auditedPerson(keys, found), err)
	if err != nil {
		s.log.Error("a person is not looked up", "error", err)
		v.Problem = r.T("support.find.away")
		return s.renderSupport(c, http.StatusServiceUnavailable, v)
	}
	for i := range found {
		v.People = append(v.People, r.foundPerson(ctx, &found[i]))
	}
	if len(found) == 0 {
		v.Nobody = r.T("support.find.nobody")
		if sent, _ := r.personSends(ctx, keys); len(sent) > 0 { // told from a list of earlier contacts
			v.People = append(v.People, foundPerson{ID: r.T("support.find.gone"), Sends: sent})
		}
	}
	return s.renderSupport(c, http.StatusOK, v)
}

// typedKeys are the keys of an address that was typed; none of what is no address.
func typedKeys(book *audience.Book, text string) map[channel.Kind]string {
	kind := channel.Email
	if !strings.Contains(text, "@") {
		if strings.Trim(text, "+0123456789 .-()/") != "" || len(text) < 6 {
			return nil
		}
		kind = channel.SMS
	}
	if key := book.Key(kind, text); key != "" {
		return map[channel.Kind]string{kind: key}
	}
	return nil
}

// auditedPerson is whom somebody asked for, as the audit may know it: the key of an address, or the pseudonymous id of who
// was found.
func auditedPerson(keys map[channel.Kind]string, found []audience.Found) string {
	for kind, key := range keys {
		return string(kind) + " " + key
	}
	if len(found) == 0 {
		return "nobody"
	}
	return "contact " + found[0].ID
}

func (r crisesReader) foundPerson(ctx context.Context, f *audience.Found) foundPerson {
	v := foundPerson{ID: foreign(f.ID, longestName), Updated: r.T("support.person.updated", "time", r.until(f.Updated)), Language: r.known("support.words.", f.Lang)}
	keys := map[channel.Kind]string{}
	add := func(kind channel.Kind, of *audience.Address, address string, agreed bool) {
		if of == nil {
			return
		}
		keys[kind] = of.Key
		way := personWay{Kind: r.T("support.kind." + string(kind)), Address: address, Agreed: r.T("support.person.agreed"), Health: healthView{Class: "fine", Word: r.T("support.person.reachable")}}
		if !agreed {
			way.Agreed, way.Health = r.T("support.person.disagreed"), healthView{Class: "unknown", Word: r.T("support.person.unreachable")}
		}
		if of.Suppressed != nil {
			way.Never, way.Health = r.never(of.Suppressed), healthView{Class: "warning", Word: r.T("support.person.unreachable")}
		}
		v.Ways = append(v.Ways, way)
	}
	add(channel.Email, f.ByEmail, foreign(masked(f.Email), longestReason), f.EmailAgree)
	add(channel.SMS, f.BySMS, foreign(masked(f.Phone), longestName), f.SMSAgree)
	if f.Suppressed != nil {
		v.Never = r.never(f.Suppressed)
	}
	v.Sends, v.Nothing = r.personSends(ctx, keys)
	return v
}

func (r crisesReader) never(of *audience.Suppression) string {
	return r.T("support.person.never", "reason", r.known("support.never.", of.Reason), "time", r.until(of.At))
}

// personSends are what was sent to somebody, the newest first, or why that is not known.
func (r crisesReader) personSends(ctx context.Context, keys map[channel.Kind]string) (list []personSend, nothing string) {
	if len(keys) == 0 || r.sends == nil {
		return nil, r.T("support.person.nothing")
	}
	reached, err := r.sends.To(ctx, keys)
	if err != nil {
		return nil, r.T("support.person.sends_away")
	}
	for i := range reached {
		list = append(list, r.personSend(&reached[i]))
	}
	if len(list) == 0 {
		return nil, r.T("support.person.nothing")
	}
	return list, ""
}

func (r crisesReader) personSend(of *send.Reached) personSend {
	v := personSend{
		URL: "/sends/" + of.Send.ID, Title: r.T("crises.send", "what", r.stepName(of.Send.Rendered.Step, 0), "scenario", r.scenario(of.Send.Rendered.Scenario)),
		At: r.until(of.Send.Confirmed), Outcome: r.T("support.outcome." + of.Line.Outcome.String()),
	}
	if !of.Line.At.IsZero() {
		v.At = r.until(of.Line.At)
	}
	if of.Send.Drill {
		v.Drill = r.T("crises.drill")
	}
	if of.Line.Leg < len(of.Send.Legs) {
		v.Kind = r.T("support.kind." + string(of.Send.Legs[of.Line.Leg].Kind))
	}
	switch o := of.Line.Outcome; {
	case o == send.Delivered, o == send.Accepted:
		v.Health = healthView{Class: "fine"}
	case slices.Contains([]send.Outcome{send.Waiting, send.Claimed}, o):
		v.Health = healthView{Class: "unknown"}
	default:
		v.Health = healthView{Class: "warning"}
	}
	if of.Line.Reason != "" || of.Line.Outcome == send.Undelivered {
		v.Detail = r.sendReason(of.Line.Outcome, of.Line.Reason)
	}
	return v
}
