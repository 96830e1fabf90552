package app

import (
	"context"
	"log/slog"
	"net/netip"

	"vigie/internal/audit"
	"vigie/internal/bus"
	"vigie/web"
)

// audited is the audit in web's terms.
type audited struct{ *audit.Log }

func openAudit(ctx context.Context, b *bus.Bus, log *slog.Logger) (audited, error) {
	l, err := audit.Open(ctx, b, log)
	return audited{l}, err
}

func (a audited) record(ctx context.Context, did web.Action) {
	e := audit.Entry{At: did.At, Who: did.Who, What: did.What, On: did.On, Outcome: did.Outcome}
	if did.From.IsValid() {
		e.From = did.From.String()
	}
	a.Record(ctx, e)
}

// Find is web.AuditTrail's.
func (a audited) Find(ctx context.Context, f web.AuditFilter) (web.AuditPage, error) {
	found, err := a.Log.Find(ctx, audit.Filter{
		Who: f.Who, What: f.What, Since: f.Since, Until: f.Until, Before: audit.Cursor(f.Before), Limit: f.Limit,
	})
	p := web.AuditPage{Next: web.AuditCursor(found.Next), Partial: found.Partial}
	for _, e := range found.Entries {
		from, _ := netip.ParseAddr(e.From) // acts at the command line have none
		p.Actions = append(p.Actions, web.Action{At: e.At, Who: e.Who, What: e.What, On: e.On, From: from, Outcome: e.Outcome})
	}
	return p, err
}
