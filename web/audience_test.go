package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/internal/account"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
)

// brought is a form with a file.
func brought(fields map[string]string, name, content string) (io.Reader, http.Header) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for field, value := range fields {
		_ = w.WriteField(field, value)
	}
	part, _ := w.CreateFormFile("file", name)
	_, _ = io.WriteString(part, content)
	_ = w.Close()
	return &b, http.Header{"Content-Type": {w.FormDataContentType()}}
}

func TestAFileOfContactsIsTakenAsItComes(t *testing.T) {
	s := newSendSite(t, 4, nil)
	b := s.signedIn(t, "operator")
	var file strings.Builder
	file.WriteString("Identifiant;Adresse;email_agree;offre\n")
	for i := range 40_000 { // far more than a form may have
		fmt.Fprintf(&file, "n%d;n%d@example.com;1;sport\n", i, i)
	}
	file.WriteString("bad;not an address;1;sport\n")
	body, header := brought(map[string]string{"dry": "1", "columns": "Identifiant=id, Adresse=email"}, "essai.csv", file.String())
	tried := s.do(t, b, http.MethodPost, uploadContacts+"?lang=fr", body, header)
	if got := plain(document(t, tried).Find("main")); tried.StatusCode != 200 || !strings.Contains(got, "40 001 lignes") || !strings.Contains(got, "40 000 nouveaux") {
		t.Errorf("a dry run: %d %s", tried.StatusCode, got)
	}
	if n, err := s.book.Contacts(t.Context()); err != nil || n != 5 {
		t.Fatalf("a dry run left %d contacts, %v", n, err)
	}
	body, header = brought(map[string]string{"columns": "Identifiant=id, Adresse=email"}, "abonnés 2.csv", file.String())
	if r := s.do(t, b, http.MethodPost, uploadContacts, body, header); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/audience?said=imported" {
		t.Fatalf("import: %d", r.StatusCode)
	}
	if a := s.audit.last(t); a.What != DidImportContacts || !strings.Contains(a.On, "added=40000") || !strings.Contains(a.On, "refused=1") {
		t.Errorf("audit: %+v", a)
	}
	page := s.page(t, b, "/audience?lang=fr")
	if got := plain(page.Find("#contacts-title")); !strings.HasPrefix(got, "40") || !strings.Contains(got, "005 contacts") {
		t.Errorf("contacts: %q", got)
	}
	row := page.Find(".imports > li").First()
	if got := plain(row); !strings.Contains(got, "abonnés 2.csv") || !strings.Contains(got, "1 ligne refusée") || strings.Contains(got, "not an address") {
		t.Errorf("the import: %q", got)
	}
	if s.page(t, s.signedIn(t, "viewer"), "/audience?lang=fr").Find("main form").Length() != 0 {
		t.Error("a viewer has forms")
	}
	action := row.Find("form").AttrOr("action", "")
	if r := s.post(t, b, action, nil, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("delete: %d", r.StatusCode)
	}
	if n, err := s.book.Contacts(t.Context()); err != nil || n != 5 {
		t.Errorf("after it was deleted there are %d, %v", n, err)
	}
}

func TestAFileThatIsNoneIsRefusedWithItsReason(t *testing.T) {
	s := newSendSite(t, 4, nil)
	b := s.signedIn(t, "operator")
	for name, tt := range map[string]struct {
		fields  map[string]string
		content string
		says    string
	}{
		"empty":       {nil, "", "it is empty"},
		"no id":       {nil, "email\na@example.com\n", "no column is the id"},
		"not UTF-8":   {nil, "id;pr\xe9nom\n1;x\n", "UTF-8"},
		"odd columns": {map[string]string{"columns": "Adresse"}, "id\n1\n", "Les colonnes s’écrivent"},
	} {
		body, header := brought(tt.fields, "x.csv", tt.content)
		r := s.do(t, b, http.MethodPost, uploadContacts+"?lang=fr", body, header)
		if got := plain(document(t, r).Find(".refused")); r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got, tt.says) {
			t.Errorf("%s: %d %q", name, r.StatusCode, got)
		}
	}
	if r := s.post(t, b, uploadContacts, url.Values{"dry": {"1"}}, nil); r.StatusCode != http.StatusBadRequest {
		t.Errorf("no file at all: %d", r.StatusCode)
	}
	body, header := brought(map[string]string{"columns": strings.Repeat("x", 5000)}, "x.csv", "id\n1\n")
	if r := s.do(t, b, http.MethodPost, uploadContacts, body, header); r.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("an endless field: %d", r.StatusCode)
	}
}

func TestContactsAreBroughtByTheirTokenAlone(t *testing.T) {
	s := newSendSite(t, 4, nil)
	made, secret := s.token(t, account.Contacts, "CRM")
	_, api := s.token(t, account.API, "Grafana")
	_, wall := s.token(t, account.Wall, "Mur")
	b := browser(t)
	bring := func(secret, kind, query, body string) *http.Response {
		t.Helper()
		return s.do(t, b, http.MethodPost, apiContacts+query, strings.NewReader(body), http.Header{"Authorization": {"Bearer " + secret}, "Content-Type": {kind}})
	}
	const line = `{"id":"a1","email":"a1@example.com","email_agree":true,"attributes":{"offer":"sport"}}` + "\n"
	r := bring(secret, "application/x-ndjson", "?name=CRM", line+`{"id":"a2","email":"nobody"}`+"\n")
	var got apiAnswerOfImport
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.StatusCode != 200 || got.Added != 1 || got.Refused != 1 || len(got.Refusals) != 1 || got.Refusals[0].Line != 2 || got.Refusals[0].Column != "email" || got.Import == 0 {
		t.Errorf("%d %+v, %v", r.StatusCode, got, err)
	}
	if a := s.audit.last(t); a.Who != "contacts:"+made.ID || a.What != DidImportContacts || a.Outcome != "ok" {
		t.Errorf("audit: %+v", a)
	}
	if i := s.book.Imports()[0]; i.Name != "CRM" || i.By != "contacts:"+made.ID {
		t.Errorf("the import: %+v", i)
	}
	if r := bring(secret, "text/csv", "?dry=1", "id;email\nb1;b1@example.com\n"); r.StatusCode != 200 {
		t.Errorf("CSV: %d", r.StatusCode)
	}
	guide, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile(`"\$VIGIE`+apiContacts+`([^"]*)"`).FindAllStringSubmatch(string(guide), -1)
	if len(examples) == 0 {
		t.Error("the guide has no example")
	}
	for _, example := range examples {
		if r := bring(secret, "text/csv", example[1], "id;email\nb1;b1@example.com\n"); r.StatusCode != 200 {
			t.Errorf("the guide's example %s: %d", example[1], r.StatusCode)
		}
	}
	for name, tt := range map[string]struct {
		secret, kind, query, body string
		status                    int
	}{
		"an API's token":      {api, "text/csv", "", "id\n1\n", 401},
		"a wall's token":      {wall, "text/csv", "", "id\n1\n", 401},
		"no token":            {"", "text/csv", "", "id\n1\n", 401},
		"another kind":        {secret, "application/xml", "", "<id/>", 415},
		"no kind":             {secret, "", "", "id\n1\n", 415},
		"unknown parameter":   {secret, "text/csv", "?replaec=1", "id\n1\n", 400},
		"replace with a word": {secret, "text/csv", "?replace=yes", "id\n1\n", 400},
		"no number of days":   {secret, "text/csv", "?days=0", "id\n1\n", 400},
		"nothing":             {secret, "text/csv", "", "", 422},
		"replace by nothing":  {secret, "text/csv", "?replace=1", "id\n", 422},
	} {
		r := bring(tt.secret, tt.kind, tt.query, tt.body)
		if r.StatusCode != tt.status || r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d", name, r.StatusCode, r.Header.Get("Content-Type"), tt.status)
		}
	}
	// The token opens nothing else, and nobody else's session opens this.
	for _, path := range []string{"/api/v1/board", "/api/v1/alerts", "/audience", "/sends", "/export/traffic.csv", "/signals"} {
		if r := s.do(t, b, http.MethodGet, path, nil, http.Header{"Authorization": {"Bearer " + secret}}); r.StatusCode == http.StatusOK {
			t.Errorf("a token for contacts opens %s", path)
		}
	}
	if r := s.do(t, s.signedIn(t, "admin"), http.MethodPost, apiContacts, strings.NewReader("id\n1\n"), http.Header{"Content-Type": {"text/csv"}}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("an administrator's session brings contacts: %d", r.StatusCode)
	}
	if _, err := s.tokens.Revoke(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if r := bring(secret, "text/csv", "", "id\n1\n"); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("revoked: %d", r.StatusCode)
	}
}

// apiAnswerOfImport is apiImport as a program reads it.
type apiAnswerOfImport struct {
	Import                uint64
	Lines, Added, Refused int
	Refusals              []struct {
		Line           int
		Column, Reason string
	}
}

func TestSegmentsAreSavedCountedAndGuarded(t *testing.T) {
	s := newSendSite(t, 10, nil)
	b := s.signedIn(t, "operator")
	form := url.Values{"name": {"Équipe du soir"}, "attribute.0": {"role"}, "values.0": {"viewer, staff"}, "attribute.1": {"lang"}, "values.1": {"en"}, "not.1": {"1"}}
	if got := plain(document(t, s.post(t, b, "/audience/estimate?lang=fr", form, nil)).Find("body")); !strings.HasPrefix(got, "7 contacts") { // four who speak French, and the house's own three
		t.Errorf("the estimate: %q", got)
	}
	if r := s.post(t, b, "/audience/segments", form, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("save: %d", r.StatusCode)
	}
	of := s.book.Segment("equipe-du-soir")
	if of == nil || of.By != "operator" || len(of.Where) != 2 || !of.Where[1].Not || len(of.Where[0].Values) != 2 {
		t.Fatalf("saved: %+v", of)
	}
	form.Set("id", of.ID)
	form.Set("seen", of.Updated.Add(-time.Second).Format(time.RFC3339Nano))
	if r := s.post(t, b, "/audience/segments?lang=fr", form, nil); r.StatusCode != http.StatusConflict {
		t.Errorf("over somebody else's: %d", r.StatusCode)
	}
	form.Set("seen", s.page(t, b, "/audience/segments/equipe-du-soir").Find("[name=seen]").AttrOr("value", ""))
	form.Set("name", "Soir")
	if r := s.post(t, b, "/audience/segments", form, nil); r.StatusCode != http.StatusSeeOther || s.book.Segment(of.ID).Name != "Soir" {
		t.Errorf("change: %d", r.StatusCode)
	}
	form.Set("canary", "1")
	form.Set("seen", s.book.Segment(of.ID).Updated.Format(time.RFC3339Nano))
	if r := s.post(t, b, "/audience/segments", form, nil); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a second canary: %d", r.StatusCode)
	}
	if r := s.post(t, b, "/audience/segments/equipe-du-soir/delete", url.Values{"seen": {form.Get("seen")}}, nil); r.StatusCode != http.StatusSeeOther || s.book.Segment(of.ID) != nil {
		t.Errorf("delete: %d", r.StatusCode)
	}
}

func TestNeverIsNever(t *testing.T) {
	s := newSendSite(t, 10, nil)
	b := s.signedIn(t, "operator")
	if r := s.post(t, b, "/audience/never", url.Values{"kind": {"email"}, "whom": {"c4@example.com"}, "reason": {audience.Complained}}, nil); r.StatusCode != http.StatusSeeOther {
		t.Fatalf("suppress: %d", r.StatusCode)
	}
	if a := s.audit.last(t); a.What != DidSuppress || strings.Contains(a.On, "c4@example.com") || !strings.Contains(a.On, "c•••@e•••.com") {
		t.Errorf("the audit has an address: %+v", a)
	}
	if got, ok := s.book.Suppressed(s.book.Key(channel.Email, "c4@example.com")); !ok || got.Reason != audience.Complained {
		t.Errorf("suppressed: %+v", got)
	}
	if got := plain(s.page(t, b, "/audience/never?lang=fr").Find("#never .fact-list")); !strings.Contains(got, "plainte 1") {
		t.Errorf("counts: %q", got)
	}
	if r := s.post(t, b, "/audience/never?lang=fr", url.Values{"kind": {"sms"}, "whom": {"nobody"}, "reason": {audience.ByHand}}, nil); r.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(plain(document(t, r).Find(".refused")), "format international") {
		t.Errorf("no number: %d", r.StatusCode)
	}
	remove := url.Values{"kind": {"email"}, "whom": {"c4@example.com"}}
	if r := s.post(t, b, "/audience/never/remove", remove, nil); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", r.StatusCode)
	}
	remove.Set("why", "l’a demandé par écrit")
	if r := s.post(t, b, "/audience/never/remove", remove, nil); r.StatusCode != http.StatusSeeOther {
		t.Errorf("remove: %d", r.StatusCode)
	}
	if r := s.post(t, b, "/audience/never/remove", remove, nil); r.StatusCode != http.StatusNotFound {
		t.Errorf("who is not there: %d", r.StatusCode)
	}
	body, header := brought(nil, "stop.csv", "address;reason\nc1@example.com;unsubscribed\nnobody;unsubscribed\n")
	r := s.do(t, b, http.MethodPost, uploadNever+"?lang=fr", body, header)
	if got := plain(document(t, r).Find("main")); r.StatusCode != 200 || !strings.Contains(got, "1 nouveaux") || !strings.Contains(got, "1 ligne refusée") {
		t.Errorf("import: %d %q", r.StatusCode, got)
	}
	if n := s.book.SuppressedCount()[audience.Unsubscribed]; n != 1 {
		t.Errorf("%s are suppressed", strconv.Itoa(n))
	}
}

func TestSlugs(t *testing.T) {
	for name, want := range map[string]string{"Abonnés Île-de-France": "abonnes-ile-de-france", "  VIP  ": "vip", "«»": "", "Cœur & Âme": "cour-ame"} {
		if got := slug(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
