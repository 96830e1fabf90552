// Package record bounds what the wire formats read: where a line ends and how long it may be,
// how much of a refused one is kept, and how long the texts of a request may grow. What a line
// means is left to the formats.
package record

import (
	"bytes"

	"vigie/internal/event"
)

const (
	Max        = 256 << 10 // bytes of one record; a longer one is refused unread
	MaxRefused = 4 << 10   // bytes of a refused record that travel with the refusal
)

// TooLong is the reason of a refusal that every format shares.
const TooLong = "line: longer than 256 KiB"

// Refuse tells to that payload[start:end] could not be read, and why.
func Refuse(to event.Sink, payload []byte, start, end int, reason string) {
	to.Refuse(event.Refusal{Offset: start, Record: payload[start:min(end, start+MaxRefused)], Reason: reason})
}

// Lines walks over the lines of a payload. Blank lines are skipped, a byte order mark at the start
// of the payload, the carriage return and any NUL at the end of a line are not part of it, and the
// last line needs no line feed.
type Lines struct {
	Text   []byte // the line; a slice of the payload
	Offset int    // of Text in the payload

	payload []byte
	next    int
}

func NewLines(payload []byte) Lines {
	l := Lines{payload: payload}
	if bytes.HasPrefix(payload, []byte("\xef\xbb\xbf")) {
		l.next = 3
	}
	return l
}

// Next moves to the next line that is not blank, and refuses those that are too long.
func (l *Lines) Next(to event.Sink) bool {
	for l.next < len(l.payload) {
		start, end := l.next, len(l.payload)
		if i := bytes.IndexByte(l.payload[start:], '\n'); i >= 0 {
			end = start + i
		}
		l.next = end + 1
		if end-start > Max {
			Refuse(to, l.payload, start, end, TooLong)
			continue
		}
		for end > start && isTail(l.payload[end-1]) {
			end--
		}
		l.Text, l.Offset = l.payload[start:end], start
		if !blank(l.Text) {
			return true
		}
	}
	return false
}

// Refuse tells to why the current line could not be read.
func (l *Lines) Refuse(to event.Sink, reason string) {
	Refuse(to, l.payload, l.Offset, l.Offset+len(l.Text), reason)
}

func isTail(c byte) bool { return c == '\r' || c == 0 }

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && !isTail(c) {
			return false
		}
	}
	return true
}
