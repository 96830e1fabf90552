package audience

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const people = `id;e-mail;Téléphone;langue;Accord e-mail;accord_sms;Offre;region
c1;Ana@Example.com;06 12 34 56 78;fr;oui;oui;premium;idf
c2;bob@example.com;+33698765432;en-GB;1;0;free;paca
c3;;+33611111111;;non;oui;free;idf
`

var peopleColumns = map[string]string{"Accord e-mail": "email_agree", "Offre": "offer"}

func TestContactsComeAsTheyAreWritten(t *testing.T) {
	b := open1(t)
	i := b.mustImport(t, people, ImportOptions{Columns: peopleColumns, By: "marie", Name: "mai.csv"})
	if got, want := summary(i), "3 lines: 3 added, 0 changed, 0 same, 0 refused, 0 repeated, 0 gone"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	found, err := b.Lookup(t.Context(), " ana@EXAMPLE.com ")
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	c := found[0].Contact
	if c.ID != "c1" || c.Email != "Ana@example.com" || c.Phone != "+33612345678" || c.Lang != "fr" || !c.EmailAgree || !c.SMSAgree ||
		len(c.Attributes) != 2 || c.Attributes["offer"] != "premium" || c.Attributes["region"] != "idf" || time.Since(c.Updated) > time.Minute {
		t.Errorf("%+v", c)
	}
	for text, want := range map[string]string{"0698765432": "c2", "+33 6 98 76 54 32": "c2", "c3": "c3", "nobody": "", "": "", "bob@example.co": ""} {
		found, err := b.Lookup(t.Context(), text)
		got := ""
		for _, f := range found {
			got += f.ID
		}
		if err != nil || got != want {
			t.Errorf("%q finds %q, %v, want %q", text, got, err, want)
		}
	}
	if found, _ := b.Lookup(t.Context(), "c3"); found[0].Lang != "fr" || found[0].ByEmail != nil || found[0].BySMS == nil || found[0].BySMS.Key != b.Key(smsKind, "06 11 11 11 11") {
		t.Errorf("c3: %+v", found[0])
	}
	if got := b.Imports(); len(got) != 1 || got[0].By != "marie" || got[0].Name != "mai.csv" || got[0].Ended.IsZero() {
		t.Errorf("imports: %+v", got)
	}
}

func TestTheSameAgainChangesNothing(t *testing.T) {
	b := open1(t)
	o := ImportOptions{Columns: peopleColumns}
	b.mustImport(t, people, o)
	for _, c := range []struct {
		what, text string
		o          ImportOptions
		want       string
	}{
		{"the same", people, o, "3 lines: 0 added, 0 changed, 3 same, 0 refused, 0 repeated, 0 gone"},
		{"one other", strings.Replace(people, "premium", "free", 1), o, "3 lines: 0 added, 1 changed, 2 same, 0 refused, 0 repeated, 0 gone"},
		{"one more, twice", "id,email\nc4,x@example.com\nc4,y@example.com\n", ImportOptions{}, "2 lines: 1 added, 0 changed, 0 same, 0 refused, 1 repeated, 0 gone"},
		{"as JSON", `{"id":"c4","email":"y@example.com"}`, ImportOptions{Format: "json"}, "1 lines: 0 added, 0 changed, 1 same, 0 refused, 0 repeated, 0 gone"},
		{"a trial of all others", "id,email\nc5,z@example.com\n", ImportOptions{Replace: true, Dry: true}, "1 lines: 1 added, 0 changed, 0 same, 0 refused, 0 repeated, 4 gone"},
		{"all others", "id,email\nc5,z@example.com\nc4,y@example.com\n", ImportOptions{Replace: true}, "2 lines: 1 added, 0 changed, 1 same, 0 refused, 0 repeated, 3 gone"},
	} {
		if got := summary(b.mustImport(t, c.text, c.o)); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.what, got, c.want)
		}
	}
	if n, err := b.Contacts(t.Context()); n != 2 || err != nil {
		t.Errorf("%d contacts, %v; want 2", n, err)
	}
	if found, _ := b.Lookup(t.Context(), "c4"); len(found) != 1 || found[0].Email != "y@example.com" {
		t.Errorf("the last line about c4 does not count: %+v", found)
	}
}

func TestAWrongLineIsToldAndCostsNoOther(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	text := "\ufeffid,email,phone,lang,email_agree,sms_agree,offer\r\n" +
		"ok1,a@example.com,,fr,1,,\r\n" +
		",b@example.com,,,,,\r\n" + // 3
		"x,not an address,,,,,\r\n" + // 4
		"x,,0612,,,,\r\n" + // 5
		"x,,,,maybe,,\r\n" + // 6
		"x,,,,,,\"open\r\n" + // 7
		"x,a@example.com\r\n" + // 8
		"\r\n" +
		"x,,,français,,,\r\n" + // 10
		"x,,,,,,\xff\r\n" + // 11
		long + ",,,,,,\r\n" + // 12
		"x,a@b@example.com,,,,,\r\n" + // 13
		"x,a@example.com\x00,,,,,\r\n" + // 14
		"x\x07,,,,,,\r\n" + // 15
		"ok2,\"b@example.com\",,EN,0,,\"a, \"\"b\"\"\"\r\n" +
		"x,\"a\"b,,,,,\r\n" + // 17
		"x,,,,,," + strings.Repeat("é", maxValue+1) + "\r\n" + // 18
		"ok3,c@example.com,,,,,last"
	b := open1(t)
	i := b.mustImport(t, text, ImportOptions{})
	var lines []int
	for _, r := range i.Refusals {
		lines = append(lines, r.Line)
		if r.Reason == "" || strings.Contains(r.Reason, "example.com") {
			t.Errorf("line %d: reason %q", r.Line, r.Reason)
		}
	}
	if want := []int{3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 17, 18}; !slices.Equal(lines, want) {
		t.Errorf("refused %v, want %v: %+v", lines, want, i.Refusals)
	}
	if i.Added != 3 || i.Refused != 14 || i.Lines != 17 {
		t.Error(summary(i))
	}
	found, _ := b.Lookup(t.Context(), "ok2")
	if len(found) != 1 || found[0].Attributes["offer"] != `a, "b"` || found[0].Lang != "en" || found[0].EmailAgree {
		t.Errorf("ok2: %+v", found)
	}
	if i.Refusals[3].Column != "email_agree" {
		t.Errorf("column: %+v", i.Refusals[3])
	}
}

func TestJSONLinesAreStrict(t *testing.T) {
	b := open1(t)
	i := b.mustImport(t, `{"id":"a","email":"a@example.com","email_agree":true,"attributes":{"offer":"x"}}
{"id":"b","sms_agreed":true}
{"id":"c","email_agree":"true"}
{"id":"d"} {"id":"e"}
[]
{"id":"f","attributes":{"Offer":"x"}}
{"id":"g","attributes":{"email":"x"}}
{"id":"h","contact":"c"}
{"id":"i","updated":"2026-01-01T00:00:00Z"}`, ImportOptions{Format: "json"})
	if i.Added != 2 || i.Refused != 7 {
		t.Errorf("%s: %+v", summary(i), i.Refusals)
	}
	if !strings.Contains(i.Refusals[0].Reason, "sms_agreed") {
		t.Errorf("the unknown member is not named: %+v", i.Refusals[0])
	}
}

func TestHeadersThatCannotBeAreRefusedWhole(t *testing.T) {
	b := open1(t)
	for text, want := range map[string]string{
		"":                          "empty",
		"email;phone\na;b":          "no column is the id",
		"id;email;mail\n":           "both email",
		"id;offre spéciale!\n":      "leave it out",
		"id;\"offer\n":              "quote",
		"\xff\xfei\x00d\x00\n":      "UTF-8",
		strings.Repeat("a;", 40000): "longer",
		"id;" + manyColumns(21):     "attributes",
		"id;" + manyColumns(200):    "fields",
	} {
		i, err := b.Import(t.Context(), strings.NewReader(text), ImportOptions{Format: "csv"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want an error with %q", text, err, want)
		}
		if i != nil && i.Error == "" {
			t.Errorf("%.30q: the import does not tell", text)
		}
	}
	if _, err := b.Import(t.Context(), strings.NewReader("id\n"), ImportOptions{Format: "csv", Columns: map[string]string{"nom": "-"}}); err == nil {
		t.Error("a column that is not there is mapped")
	}
	i := b.mustImport(t, "id;Nom;offre spéciale!\nx;Dupont;1\n", ImportOptions{Columns: map[string]string{"Nom": "-", "offre spéciale!": "special"}})
	if found, _ := b.Lookup(t.Context(), "x"); i.Added != 1 || len(found[0].Attributes) != 1 || found[0].Attributes["special"] != "1" {
		t.Errorf("mapped: %+v", found)
	}
}

func manyColumns(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("a%d", i))
	}
	return strings.Join(all, ";") + "\n"
}

func TestNoMoreRefusalsAreToldThanABound(t *testing.T) {
	b := open1(t)
	i := b.mustImport(t, "id,email\nok,\n"+strings.Repeat("x,y\n", 3*MaxRefusals), ImportOptions{})
	if i.Refused != 3*MaxRefusals || len(i.Refusals) != MaxRefusals || i.Added != 1 {
		t.Errorf("%s, %d told", summary(i), len(i.Refusals))
	}
}

// Whatever ends an import early, nothing of it counts, and nothing of it stays.
func TestHalfAnImportIsNeverUsed(t *testing.T) {
	b := open1(t)
	b.mustImport(t, people, ImportOptions{Columns: peopleColumns})
	for _, replace := range []bool{false, true} {
		var text strings.Builder
		text.WriteString("id,email\n")
		for n := range blockRows + 10 { // one block is stored before it breaks
			fmt.Fprintf(&text, "n%d,n%d@example.com\n", n, n)
		}
		i, err := b.Import(t.Context(), broken{strings.NewReader(text.String())}, ImportOptions{Format: "csv", Replace: replace})
		if err == nil || i.Error == "" {
			t.Fatalf("replace %v: no error", replace)
		}
		if n, err := b.Contacts(t.Context()); n != 3 || err != nil {
			t.Errorf("replace %v: %d contacts, %v", replace, n, err)
		}
		if n, err := b.count(t.Context(), i.Number); n != 0 || err != nil {
			t.Errorf("replace %v: %d rows are left, %v", replace, n, err)
		}
	}
	if _, err := b.Import(t.Context(), strings.NewReader("id,email\n,\n"), ImportOptions{Format: "csv", Replace: true}); err == nil {
		t.Error("all contacts were replaced by none")
	}
	h, err := b.now(t.Context())
	if err != nil || len(h.Open) != 0 || len(h.Layers) != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}

// A process that dies in the middle leaves rows, which nobody reads and which are dropped when nobody claims them.
func TestWhatADeadProcessLeftIsDropped(t *testing.T) {
	b := open1(t)
	b.mustImport(t, people, ImportOptions{Columns: peopleColumns})
	n, done, err := b.begin(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	done() // it does not beat any more
	i := &Import{Number: n, At: time.Now(), Until: time.Now().Add(time.Hour)}
	if err := b.fill(t.Context(), i, strings.NewReader("id,email\nc1,other@example.com\nc9,c9@example.com\n"), ImportOptions{Format: "csv"}); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.Contacts(t.Context()); got != 3 {
		t.Errorf("%d contacts: those of who is not done count", got)
	}
	if err := b.Tidy(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if rows, _ := b.count(t.Context(), n); rows != 2 {
		t.Errorf("%d rows: an import that goes on was dropped", rows)
	}
	if err := b.Tidy(t.Context(), time.Now().Add(2*staleAfter)); err != nil {
		t.Fatal(err)
	}
	if rows, _ := b.count(t.Context(), n); rows != 0 {
		t.Errorf("%d rows are left", rows)
	}
	if err := b.use(t.Context(), i); !errors.Is(err, errGivenUp) {
		t.Errorf("who comes back late: %v", err)
	}
	if got, _ := b.Contacts(t.Context()); got != 3 {
		t.Errorf("%d contacts", got)
	}
}

func TestDeletingIsForGood(t *testing.T) {
	b := open1(t)
	first := b.mustImport(t, "id,email,email_agree\na,a1@example.com,1\nb,b1@example.com,1\nc,c1@example.com,1\n", ImportOptions{})
	second := b.mustImport(t, "id,email,email_agree\na,a2@example.com,0\nd,d2@example.com,1\n", ImportOptions{})
	if gone, err := b.DeleteContact(t.Context(), "c"); !gone || err != nil {
		t.Fatalf("%v, %v", gone, err)
	}
	if gone, err := b.DeleteContact(t.Context(), "c"); gone || err != nil {
		t.Errorf("a second time: %v, %v", gone, err)
	}
	if found, _ := b.Lookup(t.Context(), "c1@example.com"); len(found) != 0 {
		t.Errorf("still there: %+v", found)
	}
	n, err := b.DeleteImport(t.Context(), second.Number, "paul")
	if n != 2 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	// What the first import said of a must not come back: it had agreed then.
	if found, _ := b.Lookup(t.Context(), "a"); len(found) != 0 {
		t.Errorf("an agreement that was taken back is there again: %+v", found)
	}
	if got := b.imports.Get(importID(second.Number)); got.DeletedBy != "paul" || got.Deleted.IsZero() {
		t.Errorf("%+v", got)
	}
	if n, err := b.DeleteImport(t.Context(), first.Number, "paul"); n != 1 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	if _, err := b.DeleteImport(t.Context(), 12345, "paul"); !errors.Is(err, ErrNotFound) {
		t.Errorf("one that never was: %v", err)
	}
	var stored []struct {
		N uint64 `ch:"n"`
	}
	if err := b.cfg.DB.Select(t.Context(), &stored, "SELECT count() AS n FROM contacts"); err != nil || stored[0].N != 0 {
		t.Errorf("%v rows are left, %v", stored, err)
	}
}

func TestContactsGoOnTheirDate(t *testing.T) {
	b := open1(t)
	now := time.Now()
	b.mustImport(t, "id,email,email_agree\na,a@example.com,1\nb,b@example.com,1\n", ImportOptions{Until: now.Add(48 * time.Hour)})
	b.mustImport(t, "id,email\na,a@example.com\n", ImportOptions{Until: now.Add(24 * time.Hour)}) // a agrees no more
	if err := b.Tidy(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if n, _ := b.Contacts(t.Context()); n != 2 {
		t.Errorf("%d contacts before their date", n)
	}
	if err := b.Tidy(t.Context(), now.Add(30*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if found, _ := b.Lookup(t.Context(), "a"); len(found) != 0 {
		t.Errorf("what was said before came back: %+v", found)
	}
	if found, _ := b.Lookup(t.Context(), "b"); len(found) != 1 {
		t.Errorf("b: %+v", found)
	}
	if _, err := b.Import(t.Context(), strings.NewReader("id\n"), ImportOptions{Format: "csv", Until: now.Add(-time.Hour)}); err == nil {
		t.Error("a date that is past is taken")
	}
}

// Many small imports become few, and say the same.
func TestManyImportsBecomeFew(t *testing.T) {
	b := open1(t)
	for n := range 3 * maxLayers {
		b.mustImport(t, fmt.Sprintf("id,email,n\nsame,same@example.com,%d\nc%d,c%d@example.com,1\n", n, n, n), ImportOptions{})
	}
	h, err := b.now(t.Context())
	if err != nil || len(h.Layers) > maxLayers {
		t.Errorf("%d generations, %v", len(h.Layers), err)
	}
	if n, _ := b.Contacts(t.Context()); n != 3*maxLayers+1 {
		t.Errorf("%d contacts", n)
	}
	if found, _ := b.Lookup(t.Context(), "same"); len(found) != 1 || found[0].Attributes["n"] != fmt.Sprint(3*maxLayers-1) {
		t.Errorf("the latest does not hold: %+v", found)
	}
}

// Who reads while contacts are replaced sees the old ones or the new ones, never a part.
func TestReadersSeeAllOrNothing(t *testing.T) {
	h := newHouse(t)
	writer, reader := h.open(nil), h.open(nil)
	file := func(n int) string {
		var text strings.Builder
		text.WriteString("id,email,email_agree,file\n")
		for k := range 500 {
			fmt.Fprintf(&text, "c%d,c%d@f%d.example.com,1,%d\n", k, k, n, n)
		}
		return text.String()
	}
	writer.mustImport(t, file(0), ImportOptions{})
	reader.segment(t, "all", false)
	done := make(chan error)
	go func() {
		for n := range 6 {
			if _, err := writer.Import(t.Context(), strings.NewReader(file(n+1)), ImportOptions{Format: "csv", Replace: n%2 == 0}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for frozen := 0; ; frozen++ {
		f, all := reader.mustFreeze(t, Ask{Segment: "all", Kind: email}, FreezeOptions{})
		domains := map[string]bool{}
		for _, r := range all {
			_, domain, _ := strings.Cut(r.To, "@")
			domains[domain] = true
		}
		if f.Size != 500 || len(domains) != 1 {
			t.Fatalf("a list of %d, of %v", f.Size, domains)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

func TestImportsAtATimeAreBounded(t *testing.T) {
	b := open1(t)
	for range maxOpen {
		_, done, err := b.begin(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
	}
	if _, err := b.Import(t.Context(), strings.NewReader("id\n"), ImportOptions{Format: "csv"}); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
}
