// Package cockpit makes the board that every screen shows: once a second it asks ClickHouse a
// fixed set of questions, however many watch, and hands one Board to whoever draws it.
//
// Reading order: board.go is what comes out, sight.go what can be looked at; tick.go is the second's
// work, moment.go what all sights share in it, looks.go who looks at what; lens.go reads for one sight,
// Package watermark says until when it is complete, history.go keeps it by ten seconds, mended when late rows
// arrive; panels.go, matrix.go, mesh.go, pressure.go, capacity.go, breakdown.go and earlier.go make the
// parts of its board; concerns.go says what asks for someone; hub.go hands frames to screens.
//
// What it guarantees: the number of queries a second does not depend on the audience, only on how many
// different sights it looks at, which is bounded. Each panel
// fails alone, says why, and keeps its last value with its age. Nothing is judged before it is
// complete, nor from fewer than 25 lines a minute, and no data is never zero.
//
// It leaves drawing and sockets to web, and what becomes of a deviation to alerts.
package cockpit
