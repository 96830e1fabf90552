// Package cockpit makes the board that every screen shows: once a second it asks ClickHouse a
// fixed set of questions, however many watch, and hands one Board to whoever draws it.
//
// Reading order: board.go is what comes out; tick.go the second's work; watermarks.go until when
// the sources are complete; history.go what is kept in memory by ten seconds, mended when late
// rows arrive; panels.go makes the parts of the board from it; clock.go is the match's time;
// hub.go hands frames to screens.
//
// What it guarantees: the number of queries a second does not depend on the audience. Each panel
// fails alone, says why, and keeps its last value with its age. Nothing is judged before it is
// complete, nor from fewer than 25 lines a minute, and no data is never zero.
//
// It leaves drawing and sockets to web, and what becomes of a deviation to alerts.
package cockpit
