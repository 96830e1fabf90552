package record_test

import (
	"bytes"
	"strings"
	"testing"

	"vigie/ingest/formattest"
	"vigie/ingest/record"
	"vigie/internal/event"
)

func TestLines(t *testing.T) {
	f := func(name, in string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			var to formattest.Recorder
			var got []string
			for l := record.NewLines([]byte(in)); l.Next(&to); {
				if !strings.HasPrefix(in[l.Offset:], string(l.Text)) {
					t.Errorf("%q is not at %d", l.Text, l.Offset)
				}
				got = append(got, string(l.Text))
			}
			for _, r := range to.Refusals {
				got = append(got, r.Reason)
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	f("nothing", "")
	f("one without line feed", "a", "a")
	f("several", "a\nb\n", "a", "b")
	f("blank ones", "\n \n\t\r\na\n\n", "a")
	f("carriage returns and NUL", "a\r\nb\x00\n", "a", "b")
	f("byte order mark", "\xef\xbb\xbfa\n", "a")
	f("columns that are empty at the end stay", "a\t\t\n", "a\t\t")
	f("the longest", strings.Repeat("x", record.Max)+"\nb", strings.Repeat("x", record.Max), "b")
	f("longer", strings.Repeat("x", record.Max+1)+"\nb", "b", record.TooLong)
}

func TestBoundCutsWhatViewersChoose(t *testing.T) {
	long := bytes.Repeat([]byte{'x'}, 1<<20)
	r := event.Request{Method: long, Host: long, Path: long, Query: long, Country: long, PoP: long, Protocol: long, TLS: long, Referer: long, UserAgent: long, ID: long}
	record.Bound(&r)
	for name, got := range map[string][2]int{
		"method": {len(r.Method), record.MaxKeyword}, "host": {len(r.Host), record.MaxHost}, "path": {len(r.Path), record.MaxPath},
		"query": {len(r.Query), record.MaxQuery}, "country": {len(r.Country), 0}, "pop": {len(r.PoP), record.MaxKeyword},
		"protocol": {len(r.Protocol), record.MaxKeyword}, "tls": {len(r.TLS), record.MaxKeyword}, "referer": {len(r.Referer), record.MaxHeader},
		"user agent": {len(r.UserAgent), record.MaxHeader}, "id": {len(r.ID), record.MaxID},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d bytes, want %d", name, got[0], got[1])
		}
	}
}
