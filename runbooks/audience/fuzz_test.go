package audience

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// reader is a book that reads lines, and has nothing to keep them in.
func reader() *Book {
	return &Book{cfg: Config{Country: "33"}, secrets: secrets{Salt: make([]byte, secretBytes), Sign: make([]byte, secretBytes)}}
}

// Whatever a file holds: each line is taken or refused, what is taken can be stored and told, a refusal repeats
// nothing of any length, and lines with a line of our own put behind them have that one too.
func fuzzLines(f *testing.F, o ImportOptions, good string, header func(text string) bool) {
	f.Fuzz(func(t *testing.T, text string) {
		b := reader()
		read := func(text string) (*Import, []told, error) {
			i := &Import{}
			var all []told
			err := b.read(context.Background(), i, strings.NewReader(text), o, func(_ int, l *told) { all = append(all, *l) })
			return i, all, err
		}
		i, all, err := read(text)
		if i.Lines != i.Refused+len(all) && err == nil {
			t.Fatalf("%d lines: %d refused, %d taken", i.Lines, i.Refused, len(all))
		}
		for _, r := range i.Refusals {
			if r.Line < 1 || r.Reason == "" || len(r.Reason) > 300 {
				t.Fatalf("%+v", r)
			}
		}
		for _, l := range all {
			again := l
			if err := b.check(&again, o.Viewers); err != nil || again.Email != l.Email || again.Phone != l.Phone || again.Lang != l.Lang {
				t.Fatalf("%+v is another one, checked again: %+v, %v", l, again, err)
			}
			if !utf8.ValidString(l.ID) || strings.ContainsAny(l.Email+l.Phone+l.Lang, "\t\n\r ") {
				t.Fatalf("%+v", l)
			}
			stored := appendAttributes(nil, l.Attributes)
			back := map[string]string{}
			if err := json.Unmarshal(stored, &back); err != nil {
				t.Fatalf("%s: %v", stored, err)
			}
			for name, value := range l.Attributes {
				if back[name] != value {
					t.Fatalf("%s is %q, and was %q", name, back[name], value)
				}
			}
		}
		if err != nil || !header(text) {
			return
		}
		_, more, err := read(text + "\n" + good)
		if err != nil || len(more) != len(all)+1 || more[len(all)].ID != "good" {
			t.Fatalf("a neighbour is lost: %v, %v", more, err)
		}
	})
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{people, crowd, "id\nx\n", "id;a\n\"x\"\"y\";\"\n", "\ufeffid,phone\r\nx,+33 6 12 34 56 78\r\n", "id\tlang\nx\tfr_FR", "id,email\n\"a\",b@c.de\n\n,\"\"\"\"\n"} {
		f.Add(text)
	}
	fuzzLines(f, ImportOptions{Format: "csv"}, "good", func(text string) bool {
		first := strings.TrimRight(strings.SplitN(strings.TrimLeft(text, "\n\r\t\v\f "), "\n", 2)[0], "\r\n")
		return first == "id"
	})
}

func FuzzJSONLines(f *testing.F) {
	for _, text := range []string{`{"id":"a"}`, `{"id":"a","email":"a@b.fr","phone":"0612345678","lang":"fr","email_agree":true,"sms_agree":false,"attributes":{"offer":"x\"\\é"}}`, "{}\n[]\nnull", `{"id":"\u0000"}`, `{"id":"a","attributes":{"a":"\ud800"}}`} {
		f.Add(text)
	}
	fuzzLines(f, ImportOptions{Format: "json"}, `{"id":"good"}`, func(string) bool { return true })
}

func FuzzViewers(f *testing.F) {
	f.Add(`{"id":"a","contact":"b"}` + "\n" + `{"id":"a","email":"a@b.fr","email_agree":true}`)
	fuzzLines(f, ImportOptions{Format: "json", Viewers: true}, `{"id":"good","contact":"c"}`, func(string) bool { return true })
}

// An address is what it is when it is normalised once more, and its key is one.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"a@example.com", " A.B+c@Example.COM ", "0612345678", "+33 (0)6 12", "00336 12 34 56 78", "a@b", "@", "é@example.com", "a@xn--bcher-kva.example"} {
		f.Add(text)
	}
	b := reader()
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []string{"email", "sms"} {
			k := email
			if kind == "sms" {
				k = smsKind
			}
			address, err := b.address(k, text)
			if (address == "") == (err == nil) {
				t.Fatalf("%q: %q, %v", text, address, err)
			}
			if err != nil {
				continue
			}
			again, err := b.address(k, address)
			if again != address || err != nil || strings.ContainsAny(address, "\t\r\n ,;<>\"") || !isKey(b.Key(k, text)) || b.Key(k, text) != b.key(k, address) {
				t.Fatalf("%q: %q, then %q, %v", text, address, again, err)
			}
		}
	})
}

func FuzzUnsubscribeToken(f *testing.F) {
	b := reader()
	f.Add(b.UnsubscribeToken(b.Key(email, "a@example.com")))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if key, ok := b.ReadUnsubscribeToken(token); ok && b.UnsubscribeToken(key) != token {
			t.Fatalf("%q is taken", token)
		}
	})
}
