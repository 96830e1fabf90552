// Package rule judges signals: whether something is wrong that a file of rules says must not be, since when,
// and how badly.
//
// Reading order: group.go is a file of rules, yaml.go how some of it is written, check.go what may stand in it
// and beside.go what only other files make wrong; condition.go is the language of conditions and compile.go what
// makes functions of them; dial.go is what one setting of sensitivity moves. data.go is what is asked of data.
// evaluate.go goes through the seconds that were not judged yet, judge.go says what one of them makes of an alert
// (alert.go), nodata.go what becomes of it without data, severity.go how soon somebody must act, together.go when
// weak signals make one alert. text.go says it in words. case.go runs a file's tests, over series that are
// written down (series.go, night.go); past.go tells what would have fired at each setting of a dial.
//
// What it guarantees: it has no clock and asks nobody, so that the same calls give the same answers, now and over
// a past match. Each second of data is judged once and in order, however late or lumped it came. What is not
// known is never taken for good: it neither raises an alert nor ends one. Going on from Alerts, in another process
// and after judging some seconds again, gives what one process would have found that never stopped. A checked
// condition cannot fail.
//
// It leaves reading data to package tape, and what is said to whom to package alerts.
package rule
