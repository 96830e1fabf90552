package web

import (
	"github.com/labstack/echo/v4"

	"vigie/internal/account"
)

// alertRoutes are the pages of alerts: viewers read, operators act. The link of a message is for whoever has
// it.
func (s *Server) alertRoutes(people *echo.Group) {
	for path, show := range map[string]echo.HandlerFunc{
		"/alerts": s.showIncidents, "/alerts/:id": s.showIncident, "/alerts/log": s.showAlertLog, "/alerts/log.csv": s.exportAlertLog,
		"/alerts/rules": s.showRules, "/alerts/dials/:group": s.showDial, "/alerts/channels": s.showChannels,
		"/silences": s.showSilences, "/silences/new": s.showSilences, "/on-call": s.showOnCall,
	} {
		people.GET(path, show, s.require(account.Viewer))
	}
	for path, do := range map[string]echo.HandlerFunc{
		"/alerts/:id/ack": s.ackIncident, "/alerts/:id/give-up": s.giveUpIncident, "/alerts/:id/hand-over": s.handOverIncident, "/alerts/:id/note": s.noteIncident,
		"/alerts/dials/:group": s.turnDial, "/alerts/drill": s.setDrill, "/alerts/test": s.testAlert,
		"/silences": s.makeSilence, "/silences/:id/end": s.endSilence, "/maintenance": s.makeMaintenance, "/maintenance/:id/end": s.endMaintenance,
		"/on-call/overrides": s.makeOverride, "/on-call/overrides/:id/end": s.endOverride,
	} {
		people.POST(path, do, s.require(account.Operator))
	}
	people.GET("/ack/:secret", s.showAckLink)
	people.POST("/ack/:secret", s.ackByLink)
}
