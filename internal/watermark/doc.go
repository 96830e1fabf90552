// Package watermark tells how far what senders deliver is complete: each source's watermark is the
// received frontier less the lateness that the source itself has shown, so that under 1 % of its rows
// arrive behind it. It also tells which stretches of time rows arrived for, so that whoever has read
// them before reads them again.
//
// Everything is known from table deliveries, one row per source and range that a writer stored. A
// source that fell silent holds nobody back: it is told as silent. What is made of that is left to
// the board and to the alerts.
package watermark
