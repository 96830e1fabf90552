// Package tape is what rules are judged by: it keeps in memory, by the second for three minutes and by ten
// seconds for a hundred, the sums that the rules' signals are made of, reads what came since from
// ClickHouse once a second, and plays the present, or any moment of the past, to an evaluator as rule.Data.
//
// What it guarantees: the number of questions put to ClickHouse does not grow with the rules. A value is
// what the board shows under the same name. Nothing is told that was not complete by the sources'
// watermarks, so that late lines change what is usual and never what was judged. A question that fails
// leaves what is known as it was, and says so in Series.Error. Memory is bounded by rule.MaxGroups.
//
// It judges nothing: that is package rule's. It sends nothing.
//
// Reading order: tape.go is what others use; family.go which sums there are, and store.go where they are
// kept; read.go how they get there; edge.go how far they are complete. view.go is how a rule's view reads
// them, usual.go what is usual; each kind of signal has a file (sums.go, audience.go, services.go,
// sources.go, identity.go, capacity.go, statement.go). earlier.go is the earlier match, past.go the past, explain.go
// what carries a deviation.
package tape
