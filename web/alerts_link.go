package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"vigie/alerts"
	"vigie/internal/account"
)

// byLink is behind the name of whoever acted by a link of a message, in Ack.By and the audit.
const byLink = " (lien)"

// ackLinkView is the page behind the link of a message: what it is about, who has it, and one button.
type ackLinkView struct {
	Row     incidentRow
	Found   bool
	Over    bool
	Mine    bool
	Open    bool // it can be acknowledged
	Person  string
	Problem string
	Action  string
	Whole   string // address of the whole page, for who is signed in
}

// link reads the secret of the address. The door is limited as the others are: by the address, whatever secret.
func (s *Server) link(c echo.Context) (incident *alerts.Incident, person string, err error) {
	h := c.Response().Header()
	h.Set("Referrer-Policy", "no-referrer") // the address is the secret
	h.Set("X-Robots-Tag", "noindex, nofollow")
	from := addressOf(c)
	if !s.tries.allow(from, "alert link "+from.String()) {
		return nil, "", errTooMany
	}
	problem, person, err := s.config.Alerts.AckLink(c.Param("secret"))
	if err != nil {
		return nil, "", alertStatus(err)
	}
	if incident = s.config.Alerts.Snapshot().Find(problem); incident == nil {
		return nil, "", alertStatus(alerts.ErrNotFound)
	}
	return incident, person, nil
}

// showAckLink acknowledges nothing: programs that show previews of links fetch it too.
func (s *Server) showAckLink(c echo.Context) error {
	i, person, err := s.link(c)
	if err != nil && statusOf(err) != http.StatusNotFound {
		return err
	}
	return s.renderAckLink(c, statusOf(err), i, person, "")
}

func (s *Server) renderAckLink(c echo.Context, status int, i *alerts.Incident, person, problem string) error {
	r := s.alertsReader(c)
	v := ackLinkView{Problem: problem}
	if i != nil {
		v.Found, v.Row, v.Over, v.Person = true, r.incident(i), !i.Ended.IsZero(), r.who(person)
		v.Mine = i.Acked != nil && i.Acked.By == r.actor(person)
		v.Open = !v.Over && i.Acked == nil
		v.Action = "/ack/" + c.Param("secret")
		if u, err := s.who(c.Request().Context()); err == nil && u.May(account.Viewer) {
			v.Whole = v.Row.URL
		}
	}
	return render(c, status, ackLinkPage(s.shellView(c, r.locale), v))
}

// actor is the name by which a person of the policy acts by a link: their account's, where they have one.
func (r alertsReader) actor(person string) string {
	for i := range r.policy.People {
		if p := &r.policy.People[i]; p.ID == person && p.Account != "" {
			return p.Account + byLink
		}
	}
	return person + byLink
}

// ackByLink acts as the person to whom the message went.
func (s *Server) ackByLink(c echo.Context) error {
	did := Action{What: DidAckAlert, From: addressOf(c), At: time.Now()}
	i, person, err := s.link(c)
	if err == nil {
		did.Who, did.On = s.alertsReader(c).actor(person), i.ID
		ctx, cancel := context.WithTimeout(c.Request().Context(), actLimit)
		defer cancel()
		err = alertStatus(s.config.Alerts.Acknowledge(ctx, i.ID, did.Who, ""))
	}
	did.Outcome = outcome(err)
	s.config.Audit(c.Request().Context(), did)
	switch status := statusOf(err); {
	case err == nil:
		return c.Redirect(http.StatusSeeOther, "/ack/"+c.Param("secret"))
	case status == http.StatusTooManyRequests:
		return err
	default:
		problem := ""
		if _, taken := errors.AsType[alerts.Taken](err); i != nil && !taken {
			problem = s.alertsReader(c).alertProblem(err)
		}
		if now := s.config.Alerts.Snapshot(); i != nil && now.Find(i.ID) != nil {
			i = now.Find(i.ID)
		}
		return s.renderAckLink(c, status, i, person, problem)
	}
}
