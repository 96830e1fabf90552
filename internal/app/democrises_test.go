package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vigie/internal/bus/bustest"
	"vigie/internal/ch"
	"vigie/internal/ch/chtest"
	"vigie/internal/match"
	"vigie/internal/provider"
	"vigie/internal/state"
	"vigie/runbooks/audience"
	"vigie/runbooks/channel"
	"vigie/runbooks/library"
	"vigie/runbooks/send"
)

// demoConfig is the demo's, as far as crises go.
func demoConfig(t *testing.T, machines, control string) *Config {
	t.Helper()
	cfg, err := Read(bytes.NewReader(demoYAML))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen.Machines = machines
	cfg.defaults()
	cfg.Calendar = demoCalendar(demoNight(t, nil))
	for i := range cfg.Sources {
		cfg.Sources[i].Token = "token"
	}
	phone := newDemoPhone(control, io.Discard)
	if err := demoAlerts(cfg, phone); err != nil {
		t.Fatal(err)
	}
	if err := demoCrises(cfg, phone); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestTheDemosHouseIsWhatFilesCouldSay(t *testing.T) {
	for _, c := range []struct {
		name, machines, control string
		live, drill             []channel.Kind
		mapping, receipts       bool
	}{
		{"as usual", "127.0.0.1:8081", "127.0.0.1:8082", []channel.Kind{channel.Status, channel.Banner, channel.Webhook, channel.SMS}, []channel.Kind{channel.Status, channel.Banner, channel.Webhook, channel.SMS}, true, true},
		{"in a container", "0.0.0.0:8081", ":8082", []channel.Kind{channel.Status, channel.Banner, channel.Webhook, channel.SMS}, []channel.Kind{channel.Status, channel.Banner, channel.Webhook, channel.SMS}, true, true},
		{"seen from elsewhere", "192.0.2.7:8081", "192.0.2.7:8082", []channel.Kind{channel.Status, channel.Banner, channel.Webhook, channel.SMS}, []channel.Kind{channel.Status, channel.Banner, channel.Webhook, channel.SMS}, false, false},
		{"without a telephone", "127.0.0.1:8081", off, []channel.Kind{channel.Status, channel.Banner}, []channel.Kind{channel.Status, channel.Banner}, false, false},
	} {
		cfg := demoConfig(t, c.machines, c.control)
		if err := cfg.check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		h := cfg.Messages.House
		if _, err := outlets(h, nil, nil, cfg.Collectors.PublicURL); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		kinds := func(drill bool) (out []channel.Kind) {
			all := h.Channels
			if drill {
				all = h.Drill
			}
			for _, a := range all {
				out = append(out, a.Kind)
			}
			return out
		}
		receipts := slices.ContainsFunc(accountsOf(h), func(a send.Account) bool { return a.Kind == channel.SMS }) && h.Channels[len(h.Channels)-1].Receipts != nil
		if !slices.Equal(kinds(false), c.live) || !slices.Equal(kinds(true), c.drill) || (h.Mapping != nil) != c.mapping || receipts != c.receipts {
			t.Errorf("%s: accounts %v, of exercises %v, mapping %v, receipts %v", c.name, kinds(false), kinds(true), h.Mapping != nil, receipts)
		}
		if len(cfg.Messages.Scenarios) != 7 || len(cfg.Runbooks.All) != 7 {
			t.Errorf("%s: %d scenarios, %d runbooks", c.name, len(cfg.Messages.Scenarios), len(cfg.Runbooks.All))
		}
	}
}

func TestTheDemosMessagesAreArmedButForThree(t *testing.T) {
	b := bustest.Open(t)
	kv, err := b.KV(t.Context(), "messages")
	if err != nil {
		t.Fatal(err)
	}
	cfg := demoConfig(t, "127.0.0.1:8081", "127.0.0.1:8082")
	bucket := state.New(kv, slog.New(slog.DiscardHandler))
	l, err := library.New(library.Config{State: bucket, Limits: cfg.Messages.House.Limits})
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a folder that is used again changes nothing
		if err := demoLibrary(t.Context(), l, cfg.Messages.Scenarios); err != nil {
			t.Fatal(err)
		}
		var why []library.Why
		r := l.Readiness(demoMatch)
		for _, m := range r.Missing {
			why = append(why, m.Why)
		}
		slices.Sort(why)
		if r.Total != 42 || r.Armed != 39 || !slices.Equal(why, []library.Why{library.NotApproved, library.NotApproved, library.NotInReview}) {
			t.Errorf("%d of %d armed; missing for %v", r.Armed, r.Total, why)
		}
	}
	if !slices.ContainsFunc(cfg.Calendar, func(m *match.Match) bool { return m.ID == demoMatch }) {
		t.Error("the demo plays another match than its messages are armed for")
	}
}

func TestTheDemosContactsAreTakenAndCanBeAskedFor(t *testing.T) {
	b := bustest.Open(t)
	kv, err := b.KV(t.Context(), "audience")
	if err != nil {
		t.Fatal(err)
	}
	lists, err := b.KV(t.Context(), "lists")
	if err != nil {
		t.Fatal(err)
	}
	bucket := state.New(kv, slog.New(slog.DiscardHandler))
	db := chtest.Open(t)
	if err := db.Prepare(t.Context(), ch.Retention{}); err != nil {
		t.Fatal(err)
	}
	book, err := audience.New(audience.Config{DB: db, State: bucket, Lists: lists, Country: "33"})
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := book.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := demoAudience(t.Context(), book); err != nil {
			t.Fatal(err)
		}
	}
	all := book.Imports()
	if len(all) != 1 || all[0].Refused != 0 || all[0].Added != demoContacts {
		t.Fatalf("imports: %+v", all)
	}
	e, err := book.Estimate(t.Context(), book.Segment("everyone").Where, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.Contacts != demoContacts || e.SMS.Canary != 5 || e.Email.Canary != 5 || e.SMS.Size < 3500 || e.SMS.Size > 4300 || e.SMS.Repeated != 0 || e.SMS.Disagreed == 0 || e.SMS.Unreached == 0 {
		t.Errorf("everyone: %+v", e)
	}
	if e, err = book.Estimate(t.Context(), book.Segment("free").Where, nil); err != nil || e.SMS.Size < 600 || e.SMS.Size > 1200 {
		t.Errorf("free: %+v, %v", e, err)
	}
	for _, s := range demoConfig(t, "127.0.0.1:8081", "127.0.0.1:8082").Messages.Scenarios {
		if s.Audience != "impact" && book.Segment(s.Audience) == nil {
			t.Errorf("%s goes to the segment %q, which there is not", s.ID, s.Audience)
		}
	}
}

func TestTheDemosTelephoneShowsTheFirstMessagesAndCountsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newDemoPhone("127.0.0.1:1", &out)
		mux := http.NewServeMux()
		p.doors(mux)
		post := func(path, secret, body string) int {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+p.secrets[secret])
			r.Header.Set(provider.SignatureHeader, provider.Sign(p.secrets[secret], time.Now(), []byte(body)))
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			return w.Code
		}
		for i := range 40 {
			body := fmt.Sprintf(`{"to":"+336399800%02d","text":"Point à 21:40\u001b[2J","id":"20260719t204100-abcdef-3-%d"}`, i, i)
			if code := post("/telephone/sms", "SMS_TOKEN", body); code != http.StatusOK {
				t.Fatalf("answered %d", code)
			}
		}
		if code := post("/telephone/sms", "DRILL_SMS_TOKEN", "{}"); code != http.StatusForbidden {
			t.Errorf("an exercise's credentials: %d", code)
		}
		if code := post("/telephone/sms/exercice", "SMS_TOKEN", "{}"); code != http.StatusForbidden {
			t.Errorf("credentials of what is real at the exercise's gateway: %d", code)
		}
		time.Sleep(shownEvery + time.Second)
		synctest.Wait()
		p.mu.Lock()
		said := out.String()
		p.mu.Unlock()
		lines := strings.Split(strings.TrimSpace(said), "\n")
		if len(lines) != shownMessages+1 || !strings.Contains(lines[0], "✉ SMS +33639980000  Point à 21:40") || strings.Contains(said, "\x1b") || !strings.HasSuffix(lines[shownMessages], "✉ 40 SMS") {
			t.Errorf("wrote:\n%s", said)
		}
		body := `{"tool":"vigie","ids":["a","b","c","d","e","f","g","h"]}`
		r := httptest.NewRequest(http.MethodPost, phoneContacts, strings.NewReader(body))
		r.Header.Set(provider.SignatureHeader, provider.Sign(p.secrets["MAPPING_KEY"], time.Now(), []byte(body)))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		known := 0
		for line := range strings.Lines(w.Body.String()) {
			var one struct{ ID, Contact string }
			if err := json.Unmarshal([]byte(line), &one); err != nil || one.ID == "" || !strings.HasPrefix(one.Contact, "c-") {
				t.Errorf("%q: %v", line, err)
			}
			known++
		}
		if known == 0 || known == 8 {
			t.Errorf("%d of 8 viewers are known", known)
		}
	})
}
