package ingest

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"vigie/internal/bus"
	"vigie/internal/event"
)

// newScribe reads for the sources given, and keeps the size of each part that it filled.
func testScribe(t *testing.T, partRows int, sources ...Source) (*scribe, func(messages ...bus.Message) (*found, []int)) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	readables, err := newReadables(sources)
	if err != nil {
		t.Fatal(err)
	}
	isps, err := ShippedISPs()
	if err != nil {
		t.Fatal(err)
	}
	asns, err := OpenASNs(nil, log)
	if err != nil {
		t.Fatal(err)
	}
	enrich, err := newEnricher(EnrichConfig{}, isps, asns, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newScribe(readables, enrich, nil, log)
	return s, func(messages ...bus.Message) (*found, []int) {
		t.Helper()
		var parts []int
		s.part = newPart()
		s.full = func(full *part) (*part, error) {
			parts = append(parts, full.rows)
			return newPart(), nil
		}
		for i := range messages {
			messages[i].Sequence = uint64(i + 1)
			if messages[i].Header == nil {
				messages[i].Header = bus.Header{}
			}
			messages[i].Header[headerSource] = "s"
			messages[i].Header[headerReceived] = strconv.FormatInt(time.Now().UnixNano(), 10)
		}
		found, err := s.read(&span{messages: slices.Clone(messages), partRows: partRows})
		if err != nil {
			t.Fatal(err)
		}
		return found, append(parts, s.part.rows)
	}
}

func someLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"time":%d,"path":"/%d"}`+"\n", time.Now().UnixMilli(), i)
	}
	return b.String()
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

func TestAParserThatPanicsCostsItsMessageAlone(t *testing.T) {
	s, read := testScribe(t, 1000, Source{ID: "s", Format: "ndjson"})
	s.sources["s"].others["broken"] = &reader{parse: func([]byte, event.Origin, event.Sink) { panic("index out of range") }}
	good := bus.Message{Data: []byte(someLines(2))}
	bad := bus.Message{Data: []byte(someLines(1)), Header: bus.Header{headerFormat: "broken"}}
	found, parts := read(good, bad, good)
	if d := found.sources["s"]; d.lines != 4 || d.refused != 1 || d.messages != 3 || parts[0] != 4 {
		t.Errorf("%+v, parts %v", d, parts)
	}
	if q := found.quarantine; len(q) != 1 || q[0].reason != "parser: panicked" || q[0].sequence != 2 || string(q[0].sample) != string(bad.Data) {
		t.Errorf("%+v", q)
	}
}

func TestASpanIsCutIntoTheSamePartsEachTime(t *testing.T) {
	_, read := testScribe(t, 100, Source{ID: "s", Format: "ndjson"})
	messages := []bus.Message{{Data: []byte(someLines(250))}, {Data: gzipped(someLines(77) + "oops\n")}, {Data: []byte(someLines(73))}}
	for range 3 {
		found, parts := read(messages...)
		if !slices.Equal(parts, []int{100, 100, 100, 100, 0}) || found.sources["s"].lines != 400 || found.sources["s"].refused != 1 {
			t.Errorf("parts %v, %+v", parts, found.sources["s"])
		}
	}
}

func TestABodyOfSeveralMessagesIsReadAsOne(t *testing.T) {
	_, read := testScribe(t, 1_000_000, Source{ID: "s", Format: "ndjson"})
	whole := gzipped(someLines(5000))
	cut := len(whole) / 3
	chunk := func(n int, data []byte) bus.Message {
		return bus.Message{Data: data, Header: bus.Header{headerChunk: fmt.Sprintf("%d/3", n)}}
	}
	found, _ := read(chunk(1, whole[:cut]), chunk(2, whole[cut:2*cut]), chunk(3, whole[2*cut:]), bus.Message{Data: []byte(someLines(1))})
	if d := found.sources["s"]; d.lines != 5001 || d.refused != 0 || d.messages != 2 || d.bytes <= uint64(len(whole)) {
		t.Errorf("%+v", d)
	}
}

// Packed bodies are parsed some megabytes at a time: no line, array or header may suffer from that.
func TestPackedBodiesLargerThanAChunk(t *testing.T) {
	const n = 130_000 // lines of some 40 bytes: beyond unpackChunk
	array := "[" + strings.TrimSuffix(strings.ReplaceAll(someLines(n), "\n", ",\n"), ",\n") + "]"
	w3c := strings.Builder{}
	w3c.WriteString("#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status sc-bytes time-taken\n")
	for range n {
		w3c.WriteString(time.Now().UTC().Format("2006-01-02\t15:04:05") + "\t192.0.2.7\tGET\t/live/seg.m4s\t200\t1234\t0.003\n")
	}
	for _, c := range []struct{ name, format, text string }{
		{"lines", "ndjson", someLines(n)},
		{"an array", "ndjson", array},
		{"an array behind much white space", "ndjson", strings.Repeat(" \n", 100) + strings.ReplaceAll(array, "\n", "")},
		{"lines behind much white space", "ndjson", strings.Repeat("\n", 100) + someLines(n)},
		{"an array with a byte order mark", "ndjson", "\xef\xbb\xbf" + array},
		{"a header that holds for all that follows", "w3c", w3c.String()},
	} {
		_, read := testScribe(t, 10*n, Source{ID: "s", Format: c.format})
		if len(c.text) <= unpackChunk {
			t.Fatalf("%s: %d bytes are no test", c.name, len(c.text))
		}
		found, _ := read(bus.Message{Data: gzipped(c.text)})
		if d := found.sources["s"]; d.lines != n || d.refused != 0 {
			t.Errorf("%s: %d lines and %d refused of %d: %+v", c.name, d.lines, d.refused, n, found.quarantine)
		}
	}
}

func TestTheQuarantineOfASpanIsBounded(t *testing.T) {
	_, read := testScribe(t, 1000, Source{ID: "s", Format: "ndjson"})
	found, _ := read(bus.Message{Data: []byte(strings.Repeat("oops\n", 3000) + strings.Repeat(`{"path":"/"}`+"\n", 2000))})
	rows, counted := len(found.quarantine)+len(found.overflow), uint64(len(found.quarantine))
	for _, of := range found.overflow {
		counted += of.count
	}
	if rows > maxQuarantined+2 || counted != 5000 || found.sources["s"].refused != 5000 {
		t.Errorf("%d rows stand for %d of %d", rows, counted, found.sources["s"].refused)
	}
}

// A backlog makes parts large; when it is gone their memory goes, too, and not between two large spans.
func TestAPartThatIsMuchTooLargeIsMadeAnew(t *testing.T) {
	p := newPart()
	p.rows = 40_000
	large := p.again()
	if large != p || p.rows != 0 {
		t.Fatal("a part that was filled is emptied and used again")
	}
	for i := range 2 * roomyTimes {
		if p.rows = 100; i%roomyTimes == roomyTimes-2 {
			p.rows = 30_000
		}
		if p.again() != p {
			t.Fatalf("made anew after %d spans, though large ones come", i)
		}
	}
	for range roomyTimes + 1 {
		p.rows = 100
		if next := p.again(); next != p {
			if next.most != 0 || next.rows != 0 {
				t.Errorf("a new part remembers %d rows", next.most)
			}
			return
		}
	}
	t.Error("it stays as large as it ever was")
}
