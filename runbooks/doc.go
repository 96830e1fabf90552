// Package runbooks holds what teams wrote down before the match about what is done when something breaks, and the runs of
// it, which twenty people tick at once.
//
// Reading order: runbook.go is what a runbook is, parse.go how its file is read, yaml.go the parts of it that are YAML,
// due.go when steps are due, variables.go the {holes} in texts, html.go how texts are shown, check.go what is wrong with
// all of them beside each other, fit.go which one is for what happened; run.go is a run, view.go what can be said of it at
// a moment, room.go where runs are started and kept, acts.go what people do to them, call.go the calls of automatic
// steps, watch.go what happens by itself, export.go a run as a file.
//
// It guarantees: a run keeps the runbook as it was when it began; a step is done once, and who comes second is told who
// was first; prerequisites hold on the server; each act is in the crisis's timeline, once; a call is made once, unless
// a person repeats it; in an exercise nothing is called that was not written for exercises.
//
// It knows neither alerts nor messages: the signals of the board, what was sent and the match's clock are asked through
// its Config. Whether someone may act at all is for callers, as are words in languages.
package runbooks
