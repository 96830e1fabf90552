package syslog_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"vigie/ingest/syslog"
)

// drain reads to the end, and says how that came.
func drain(r io.Reader, most int) (messages []string, err error) {
	reader := syslog.NewReader(r, most)
	for {
		msg, err := reader.Next()
		switch {
		case errors.Is(err, syslog.ErrTooLong):
			messages = append(messages, "too long")
		case err != nil:
			return messages, err
		default:
			messages = append(messages, string(msg))
		}
	}
}

func TestReader(t *testing.T) {
	f := func(name, stream string, end error, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			for how, r := range map[string]io.Reader{
				"whole":        strings.NewReader(stream),
				"byte by byte": iotest.OneByteReader(strings.NewReader(stream)),
			} {
				got, err := drain(r, 10)
				if strings.Join(got, "|") != strings.Join(want, "|") || !errors.Is(err, end) {
					t.Errorf("%s: %q, %v; want %q, %v", how, got, err, want, end)
				}
			}
		})
	}
	f("nothing", "", io.EOF)
	f("lines", "<1>a\n<1>b\n", io.EOF, "<1>a", "<1>b")
	f("last line without its end", "<1>a\n<1>b", io.EOF, "<1>a", "<1>b")
	f("lines that end otherwise", "<1>a\r\n<1>b\x00\n\n\n<1>c\x00", io.EOF, "<1>a", "<1>b", "<1>c")
	f("lines without header", "a\nb\n", io.EOF, "a", "b")
	f("a line that begins with a digit, later", "<1>a\n5 b\n", io.EOF, "<1>a", "5 b")
	f("longest line", "<1>4567890\nb\n", io.EOF, "<1>4567890", "b")
	f("line that is too long", "<1>45678901\nb\n", io.EOF, "too long", "b")
	f("line that is much too long", strings.Repeat("x", 1000)+"\nb\n", io.EOF, "too long", "b")
	f("last line too long", "a\n"+strings.Repeat("x", 1000), io.EOF, "a", "too long")

	f("counted", "4 <1>a5 <1>\nb", io.EOF, "<1>a", "<1>\nb")
	f("counted, with line feeds all the same", "4 <1>a\n5 <1>b\n\n4 <1>c\r\n", io.EOF, "<1>a", "<1>b", "<1>c")
	f("longest counted", "10 <1>45678904 <1>b", io.EOF, "<1>4567890", "<1>b")
	f("counted too long", "11 <1>456789014 <1>b", io.EOF, "too long", "<1>b")
	f("counted much too long", "1000 "+strings.Repeat("x", 1000)+"4 <1>b", io.EOF, "too long", "<1>b")
	f("counted and cut", "4 <1>a9 <1>", io.ErrUnexpectedEOF, "<1>a")
	f("counted, too long and cut", "1000 xx", io.ErrUnexpectedEOF)
	f("cut in the length", "4 <1>a12", io.ErrUnexpectedEOF, "<1>a")
	f("no length", "4 <1>a<1>b\n", syslog.ErrFraming, "<1>a")
	f("length that no one means", "4 <1>a9999999999 x", syslog.ErrFraming, "<1>a")
	f("empty counted", "1 \n4 <1>b", io.EOF, "<1>b")
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	for _, stream := range []string{"", "<1>a\n", "4 <1>a", "4 <1>", "4", strings.Repeat("x", 100)} {
		_, err := drain(io.MultiReader(strings.NewReader(stream), iotest.ErrReader(broken)), 10)
		if !errors.Is(err, broken) {
			t.Errorf("behind %q: %v", stream, err)
		}
	}
}

func TestReaderBoundsByDefault(t *testing.T) {
	longest := strings.Repeat("x", syslog.MaxMessage)
	got, err := drain(strings.NewReader(longest+"\n"+longest+"x\n"), 0)
	if !errors.Is(err, io.EOF) || len(got) != 2 || got[0] != longest || got[1] != "too long" {
		t.Errorf("%d messages, %v", len(got), err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add("<1>a\n<1>b\r\n")
	f.Add("4 <1>a11 <1>456789015 <1>b\n")
	f.Add(strings.Repeat("x", 100) + "\n1 ")
	f.Fuzz(func(t *testing.T, stream string) {
		whole, err := drain(strings.NewReader(stream), 10)
		if err == nil {
			t.Fatal("no end")
		}
		bytewise, err2 := drain(iotest.OneByteReader(strings.NewReader(stream)), 10)
		if fmt.Sprint(whole, err) != fmt.Sprint(bytewise, err2) {
			t.Fatalf("whole %q, %v; byte by byte %q, %v", whole, err, bytewise, err2)
		}
		for _, m := range whole {
			if len(m) == 0 || len(m) > 10 {
				t.Fatalf("message of %d bytes", len(m))
			}
		}
		// Messages sent again with their length are the same messages.
		var counted strings.Builder
		for _, m := range whole {
			fmt.Fprintf(&counted, "%d %s", len(m), m)
		}
		again, err := drain(strings.NewReader(counted.String()), 10)
		if fmt.Sprintf("%q", again) != fmt.Sprintf("%q", whole) || !errors.Is(err, io.EOF) {
			t.Fatalf("sent again: %q, %v; want %q", again, err, whole)
		}
	})
}
