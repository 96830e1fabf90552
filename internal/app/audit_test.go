package app

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"vigie/internal/bus/bustest"
	"vigie/web"
)

// What the site notes is what its page finds again, field by field.
func TestTheAuditKeepsWhatTheSiteNotes(t *testing.T) {
	audit, err := openAudit(t.Context(), bustest.Open(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 19, 19, 0, 0, 5e6, time.UTC)
	did := []web.Action{
		{At: at, Who: "command line", What: web.DidMakeToken, On: "wall:abc", Outcome: "ok"}, // from no address
		{At: at.Add(time.Second), Who: "claire", What: "sign-in", From: netip.MustParseAddr("2001:db8::7"), Outcome: "denied"},
	}
	for _, a := range did {
		audit.record(t.Context(), a)
	}
	p, err := audit.Find(t.Context(), web.AuditFilter{Limit: 1})
	if err != nil || len(p.Actions) != 1 || p.Actions[0] != did[1] || p.Next == (web.AuditCursor{}) {
		t.Fatalf("Find() = %+v, %v", p, err)
	}
	p, err = audit.Find(t.Context(), web.AuditFilter{Limit: 1, Before: p.Next})
	if err != nil || len(p.Actions) != 1 || p.Actions[0] != did[0] || p.Next != (web.AuditCursor{}) {
		t.Errorf("then %+v, %v", p, err)
	}
}
