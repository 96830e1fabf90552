// Package alerts sees to it that what is wrong is told to whoever can act, once, and that a reason stands
// for everything that was not told.
//
// Its parts, in the order of the way from data to a telephone: package tape reads what happened, by the
// second; package rule judges it; engine.go, in the one process that holds the lease, makes problems of
// alerts (problem.go, inhibit.go), decides what is due to be said (due.go, by package route) and writes it
// into the ledger (ledger.go); deliver.go, in every process, takes it from there and says it through a
// channel, each a package of its own. receive.go takes in the alerts of other systems. room.go is what all
// processes know of it, and where people act: acknowledge, hand over, silence, turn a dial. trail.go keeps,
// for each problem, what was decided and why.
//
// What it guarantees: rules are judged on complete seconds, each once, whichever process does it and
// however often that changes. What is due follows from what is kept, never from a moment that could be
// missed: a process that dies loses nothing. A notification is claimed by compare-and-set before it is
// said; where the outcome of a try is not known it is said again and says so, for a page that comes twice
// is better than one that never came.
//
// It leaves drawing to web, files to app, and what the public is told to runbooks.
package alerts
