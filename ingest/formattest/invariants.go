package formattest

import (
	"bytes"
	"strings"
	"testing"

	"vigie/ingest/record"
	"vigie/internal/event"
)

// Holds fails the test where a payload breaks what every format promises: refusals lie in the
// payload, in order, with their own bytes, of bounded size; records have a time; the payload is
// left as it is; the same payload gives the same result.
func Holds(t *testing.T, parse event.Parser, payload []byte, from event.Origin) *Recorder {
	t.Helper()
	before := bytes.Clone(payload)
	r := Read(parse, payload, from)
	if !bytes.Equal(before, payload) {
		t.Fatal("the payload was changed")
	}
	last := -1
	for _, f := range r.Refusals {
		if f.Offset <= last || f.Offset >= len(payload) {
			t.Fatalf("refusal at %d after one at %d in %d bytes", f.Offset, last, len(payload))
		}
		last = f.Offset
		if len(f.Record) > record.MaxRefused || !bytes.HasPrefix(payload[f.Offset:], f.Record) {
			t.Fatalf("refused record at %d is not what stands there: %.80q", f.Offset, f.Record)
		}
		if f.Reason == "" {
			t.Fatal("refusal without reason")
		}
	}
	for _, q := range r.Requests {
		if q.Time.IsZero() || q.FirstByte < event.Unknown || q.Duration < event.Unknown {
			t.Fatalf("time %v, first byte %v, duration %v", q.Time, q.FirstByte, q.Duration)
		}
		for _, b := range []struct {
			text []byte
			most int
		}{{q.Path, record.MaxPath}, {q.Query, record.MaxQuery}, {q.UserAgent, record.MaxHeader}, {q.Host, record.MaxHost}, {q.Country, 2}} {
			if len(b.text) > b.most {
				t.Fatalf("text of %d bytes, bound %d", len(b.text), b.most)
			}
		}
	}
	if again := Read(parse, payload, from); again.String() != r.String() {
		t.Fatalf("read twice:\n%s\n%s", r, again)
	}
	return r
}

// Neighbours fails the test when a line, put between two good ones, changes what is read of them,
// or is itself read otherwise than alone.
func Neighbours(t *testing.T, parse event.Parser, good string, line []byte, from event.Origin) {
	t.Helper()
	middle := strings.ReplaceAll(string(line), "\n", " ")
	want := Read(parse, []byte(good), from).Lines
	alone := Read(parse, []byte(middle), from)
	all := Holds(t, parse, []byte(good+"\n"+middle+"\n"+good), from)
	if len(all.Lines) != len(alone.Lines)+2*len(want) {
		t.Fatalf("%q between two good lines:\n%s", middle, all)
	}
	if !sameLines(all.Lines[:len(want)], want) || !sameLines(all.Lines[len(all.Lines)-len(want):], want) {
		t.Fatalf("neighbours of %q:\n%s", middle, all)
	}
	if strings.HasSuffix(strings.TrimRight(middle, " \t\r"), "{") {
		return // JSON that goes on on the next line, so why it is refused depends on that
	}
	for i, l := range alone.Lines {
		got := all.Lines[len(want)+i]
		if strings.HasPrefix(l, "refused") { // at another offset
			_, l, _ = strings.Cut(l, ": ")
			_, got, _ = strings.Cut(got, ": ")
		}
		if got != l {
			t.Fatalf("%q: alone %s\nbetween others %s", middle, l, got)
		}
	}
}

func sameLines(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// Lines are the lines of a payload that are not blank, as record.Lines should see them.
func Lines(payload []byte) [][]byte {
	var lines [][]byte
	for line := range bytes.Lines(bytes.TrimPrefix(payload, []byte("\xef\xbb\xbf"))) {
		if len(bytes.Trim(line, " \t\r\n\x00")) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}
