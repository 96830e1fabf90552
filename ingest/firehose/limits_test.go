package firehose

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"vigie/ingest/formattest"
	"vigie/internal/event"
)

// bomb is base64 of gzip of that many bytes.
func bomb(size int) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	zeros := make([]byte, 1<<20)
	for size > 0 {
		n, _ := w.Write(zeros[:min(size, len(zeros))])
		size -= n
	}
	w.Close()
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

// reader refuses each line it is given.
func reader(payload []byte, _ event.Origin, to event.Sink) {
	for offset := 0; offset < len(payload); {
		end := bytes.IndexByte(payload[offset:], '\n') + offset + 1
		to.Refuse(event.Refusal{Offset: offset, Record: payload[offset:min(end, offset+9)], Reason: fmt.Sprint(end-offset, " bytes")})
		offset = end
	}
}

func TestBombsAreNotUnpacked(t *testing.T) {
	const limit = 64 << 20
	payload := []byte(`{"records":[{"data":"` + bomb(400<<20) + `"}]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := formattest.Read(Parse(reader), payload, event.Origin{}).String()
	runtime.ReadMemStats(&after)
	if want := "refused at 21: " + TooBig; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8*limit { // what a buffer takes that doubles
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}

func TestLimits(t *testing.T) {
	f := func(name string, most limits, sizes []int, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var records []string
			for _, n := range sizes {
				records = append(records, `{"data":"`+bomb(n)+`"}`)
			}
			payload := `{"records":[` + strings.Join(records, ",") + `]}`
			var got []string
			for _, r := range formattest.Holds(t, parser(reader, most), []byte(payload), event.Origin{}).Refusals {
				got = append(got, r.Reason)
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	f("of a record", limits{record: 1000, body: 1 << 20}, []int{999, 1000, 1001, 5}, "1000 bytes", "1001 bytes", TooBig, "6 bytes") // with a line feed
	f("of a body", limits{record: 1000, body: 2500}, []int{1000, 1000, 1000, 5}, "1001 bytes", "1001 bytes", TooBigBody, TooBigBody)
}

func TestMoreRefusalsThanARecordHasBytes(t *testing.T) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(bytes.Repeat([]byte("x\n"), 1<<16))
	w.Close()
	packed := base64.StdEncoding.EncodeToString(out.Bytes())
	payload := `{"records":[{"data":"` + packed + `"},{"data":"eA=="}]}`
	r := formattest.Holds(t, Parse(reader), []byte(payload), event.Origin{})
	last := r.Refusals[len(r.Refusals)-1]
	if last.Offset != strings.Index(payload, "eA==") || string(last.Record) != "eA==" {
		t.Errorf("the record behind is refused at %d as %q", last.Offset, last.Record)
	}
	for _, f := range r.Refusals[:len(r.Refusals)-1] {
		if f.Offset < 21 || f.Offset >= 21+len(packed) {
			t.Fatalf("a line of the first record is refused at %d", f.Offset)
		}
	}
}
