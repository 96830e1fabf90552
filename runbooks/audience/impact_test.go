package audience

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigie/internal/provider"
)

var kickOff = time.Now().UTC().Truncate(time.Minute).Add(-time.Hour)

// watch stores a beacon.
func (h *house) watch(tool, session, cdn, isp string, at time.Duration, more string) {
	h.t.Helper()
	playing, rebuffering, code, event, weight := 10000, 0, "", "heartbeat", 1
	switch more {
	case "stalled":
		rebuffering = 500
	case "barely":
		rebuffering = 50
	case "error":
		code = "404"
	case "failed":
		event = "playbackFail"
	case "sampled":
		weight = 20
	}
	sql := fmt.Sprintf(`INSERT INTO beacons (received, time, tool, session, cdn, isp, channel, device, event, playing, rebuffering, error_code, weight)
		SELECT now64(3), fromUnixTimestamp64Milli(toInt64(%d)), '%s', '%s', '%s', '%s', 'tf1', 'tv', '%s', %d, %d, '%s', %d`,
		kickOff.Add(at).UnixMilli(), tool, session, cdn, isp, event, playing, rebuffering, code, weight)
	if err := h.db.Exec(h.t.Context(), sql); err != nil {
		h.t.Fatal(err)
	}
}

var secondMinute = Hit{CDN: "b", ISP: "free", Channel: "tf1", From: kickOff.Add(time.Minute), To: kickOff.Add(2 * time.Minute)}

func TestAHitIsWhoWatchedWhatIsHit(t *testing.T) {
	h := newHouse(t)
	b := h.open(nil)
	if _, err := b.Impact(t.Context(), secondMinute); !errors.Is(err, ErrNoBeacons) {
		t.Errorf("no data is %v, want ErrNoBeacons", err)
	}
	h.watch("vigie", "before", "b", "free", 50*time.Second, "")
	h.watch("vigie", "after", "b", "free", 2*time.Minute, "")
	h.watch("vigie", "elsewhere", "a", "free", 70*time.Second, "stalled")
	if i, err := b.Impact(t.Context(), secondMinute); err != nil || i.Sessions != 0 || i.Viewers != 0 {
		t.Errorf("nobody of those who watch: %+v, %v", i, err)
	}
	for _, s := range []string{"fine", "barely", "stalled", "error", "failed"} {
		h.watch("vigie", "s-"+s, "b", "free", 70*time.Second, s)
		h.watch("vigie", "s-"+s, "b", "free", 80*time.Second, "")
	}
	h.watch("vigie", "=1+1", "b", "free", 70*time.Second, "") // a player that is none
	h.watch("other", "o-1", "b", "free", 70*time.Second, "sampled")
	i, err := b.Impact(t.Context(), secondMinute)
	if err != nil || *i != (Impact{Tool: "vigie", Sessions: 5, Viewers: 5, Sampled: 1}) {
		t.Errorf("%+v, %v", i, err)
	}
	suffered := secondMinute
	suffered.Suffered = true
	var out bytes.Buffer
	if n, err := b.ExportViewers(t.Context(), suffered, &out); n != 3 || err != nil || out.String() != "id\ns-error\ns-failed\ns-stalled\n" {
		t.Errorf("%d, %v: %q", n, err, out.String())
	}
	sampled := h.open(func(c *Config) { c.Tool = "other" })
	if i, err := sampled.Impact(t.Context(), secondMinute); err != nil || *i != (Impact{Tool: "other", Sessions: 1, Viewers: 20, Sampled: 20}) {
		t.Errorf("%+v, %v", i, err)
	}
	silent := h.open(func(c *Config) { c.Tool = "third" })
	if _, err := silent.Impact(t.Context(), secondMinute); !errors.Is(err, ErrNoBeacons) {
		t.Errorf("a tool that told nothing: %v", err)
	}
	for key, bad := range map[string]Hit{
		"from": {},
		"to":   {From: kickOff, To: kickOff.Add(MaxHit + time.Second)},
		"cdn":  {From: kickOff, To: kickOff.Add(time.Hour), CDN: strings.Repeat("x", 1000)},
	} {
		if _, err := b.Impact(t.Context(), bad); !problem(err, key) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// viewersOfCrowd are watched by contacts a to f of crowd, and by one whom nobody knows.
func (h *house) viewersOfCrowd() {
	for _, c := range []string{"a", "b", "c", "d", "e", "stranger", "guest"} {
		h.watch("vigie", "s-"+c, "b", "free", 70*time.Second, "")
	}
	h.watch("vigie", "s-a-tv", "b", "free", 70*time.Second, "") // a watches twice
}

func TestWhoWasHitIsMappedByAnImport(t *testing.T) {
	h := newHouse(t)
	b := h.open(nil)
	h.viewersOfCrowd()
	b.mustImport(t, crowd, ImportOptions{})
	ask := Ask{Hit: &secondMinute, Kind: email}
	if _, err := b.Freeze(t.Context(), ask, FreezeOptions{}); !errors.Is(err, ErrNoMapping) {
		t.Fatalf("%v, want ErrNoMapping", err)
	}
	var out bytes.Buffer
	if n, err := b.ExportViewers(t.Context(), secondMinute, &out); n != 8 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	// The broadcaster's answer: contacts, an address of its own, one who is no contact, one who was not asked about.
	mapping := "session;contact;email;email_agree\n"
	for _, c := range []string{"a", "b", "c", "d"} {
		mapping += "s-" + c + ";" + c + ";;\n"
	}
	mapping += "s-a-tv;a;;\ns-e;nobody;;\ns-guest;;guest@example.com;oui\ns-else;b;;\nx;;;\n"
	i := b.mustImport(t, mapping, ImportOptions{Viewers: true})
	if i.Added != 8 || i.Refused != 1 {
		t.Errorf("%s: %+v", summary(i), i.Refusals)
	}
	if n, _ := b.Contacts(t.Context()); n != 8 {
		t.Errorf("%d contacts: a mapping is none", n)
	}
	b.segment(t, "crew", true, Condition{"role", []string{"crew"}, false})
	f, all := b.mustFreeze(t, ask, FreezeOptions{})
	if addresses(all) != "a@example.com b@example.com crew1@example.com guest@example.com" || f.Canary != 1 || all[0].To != "crew1@example.com" {
		t.Errorf("told %s: %+v", addresses(all), f)
	}
	// d has no mail address, nobody is no contact; c and crew2 did not agree; the stranger is not mapped.
	if f.Unmapped != 1 || f.Unreached != 2 || f.Disagreed != 2 || f.Sampled != 1 || f.Unasked != 0 {
		t.Errorf("%+v", f)
	}
	if got, err := b.Impact(t.Context(), secondMinute); err != nil || !got.Mapped {
		t.Errorf("%+v, %v", got, err)
	}
	// Who is deleted is no viewer any more.
	if gone, err := b.DeleteContact(t.Context(), "b"); !gone || err != nil {
		t.Fatal(gone, err)
	}
	if f, all := b.mustFreeze(t, ask, FreezeOptions{}); addresses(all) != "a@example.com crew1@example.com guest@example.com" || f.Unmapped != 2 {
		t.Errorf("told %s: %+v", addresses(all), f)
	}
	// Mappings go after a week.
	if err := b.Tidy(t.Context(), time.Now().Add(8*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Freeze(t.Context(), ask, FreezeOptions{}); !errors.Is(err, ErrNoMapping) {
		t.Errorf("%v", err)
	}
}

const hookSecret = "0123456789abcdef"

// mapper is a broadcaster's system: contacts by what is behind s-.
func mapper(t *testing.T, answer func(w http.ResponseWriter, ids []string)) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := provider.Verify(r.Header.Get(provider.SignatureHeader), time.Now(), body, hookSecret); err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var q struct {
			Tool string   `json:"tool"`
			IDs  []string `json:"ids"`
		}
		if err := json.Unmarshal(body, &q); err != nil || q.Tool != "vigie" || len(q.IDs) == 0 {
			t.Errorf("%s: %v", body, err)
		}
		answer(w, q.IDs)
	}))
	t.Cleanup(s.Close)
	return s
}

func (h *house) asking(s *httptest.Server, batch int) *Book {
	h.t.Helper()
	m, err := NewMapping(MappingConfig{URL: s.URL + "/map", Secret: hookSecret, Batch: batch})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.open(func(c *Config) { c.Mapping = m })
}

func TestWhoWasHitIsMappedByTheBroadcastersSystem(t *testing.T) {
	h := newHouse(t)
	h.viewersOfCrowd()
	var requests, failures atomic.Int32
	server := mapper(t, func(w http.ResponseWriter, ids []string) {
		if len(ids) > 2 {
			t.Errorf("asked for %d at a time", len(ids))
		}
		requests.Add(1)
		if failures.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway) // once: it is asked again
			return
		}
		for _, id := range ids {
			switch c := strings.TrimSuffix(strings.TrimPrefix(id, "s-"), "-tv"); c {
			case "stranger":
			case "guest":
				fmt.Fprintf(w, `{"id":%q,"email":"guest@example.com","email_agree":true,"lang":"en"}`+"\n", id)
			default:
				fmt.Fprintf(w, `{"id":%q,"contact":%q}`+"\n", id, c)
			}
		}
		fmt.Fprintln(w, `{"id":"s-not-asked","contact":"f"}`+"\nno JSON")
	})
	b := h.asking(server, 2)
	b.mustImport(t, crowd, ImportOptions{})
	f, all := b.mustFreeze(t, Ask{Hit: &secondMinute, Kind: email}, FreezeOptions{})
	if addresses(all) != "a@example.com b@example.com e@example.com guest@example.com" || f.Unmapped != 1 || f.Unasked != 0 || f.ByLang["en"] != 2 {
		t.Errorf("told %s: %+v", addresses(all), f)
	}
	if requests.Load() != 5 { // 8 viewers by two, and one again
		t.Errorf("%d requests", requests.Load())
	}
	// What it answered is kept by nobody.
	head, err := b.now(t.Context())
	if err != nil || len(head.Maps) != 0 || len(head.Open) != 0 {
		t.Errorf("%+v, %v", head, err)
	}
	if n, _ := b.count(t.Context(), head.Next); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestAnswersInPartAreTold(t *testing.T) {
	h := newHouse(t)
	h.viewersOfCrowd()
	server := mapper(t, func(w http.ResponseWriter, ids []string) {
		for _, id := range ids {
			if id == "s-b" {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
		}
		for _, id := range ids {
			fmt.Fprintf(w, `{"id":%q,"contact":%q}`+"\n", id, strings.TrimPrefix(id, "s-"))
		}
	})
	b := h.asking(server, 1)
	b.mustImport(t, crowd, ImportOptions{})
	f, all := b.mustFreeze(t, Ask{Hit: &secondMinute, Kind: email}, FreezeOptions{})
	if addresses(all) != "a@example.com e@example.com" || f.Unasked != 1 || f.Unmapped != 1 {
		t.Errorf("told %s: %+v", addresses(all), f)
	}
}

func TestALongAnswerIsAskedForInParts(t *testing.T) {
	h := newHouse(t)
	h.viewersOfCrowd()
	server := mapper(t, func(w http.ResponseWriter, ids []string) {
		for _, id := range ids {
			fmt.Fprintf(w, `{"id":%q,"contact":%q}%s`+"\n", id, strings.TrimPrefix(id, "s-"), strings.Repeat(" ", provider.MaxAnswer/3))
		}
	})
	b := h.asking(server, 100)
	b.mustImport(t, crowd, ImportOptions{})
	f, all := b.mustFreeze(t, Ask{Hit: &secondMinute, Kind: email}, FreezeOptions{})
	if addresses(all) != "a@example.com b@example.com e@example.com" || f.Unasked != 0 || f.Unmapped != 0 {
		t.Errorf("told %s: %+v", addresses(all), f)
	}
}

func TestASystemThatRefusesUsIsAnError(t *testing.T) {
	for what, status := range map[string]int{"refused": http.StatusForbidden, "never answers": http.StatusServiceUnavailable} {
		t.Run(what, func(t *testing.T) {
			h := newHouse(t)
			h.watch("vigie", "s-a", "b", "free", 70*time.Second, "")
			b := h.asking(mapper(t, func(w http.ResponseWriter, ids []string) { w.WriteHeader(status) }), 0)
			_, err := b.Freeze(t.Context(), Ask{Hit: &secondMinute, Kind: email}, FreezeOptions{})
			if err == nil || strings.Contains(err.Error(), hookSecret) || !strings.Contains(err.Error(), fmt.Sprint(status)) {
				t.Errorf("%v", err)
			}
			if len(b.Lists()) != 0 {
				t.Errorf("%+v", b.Lists())
			}
		})
	}
}

func TestAMappingIsChecked(t *testing.T) {
	for key, c := range map[string]MappingConfig{
		"url":     {URL: "http://example.com/map", Secret: hookSecret}, // answers have addresses in them
		"secret":  {URL: "https://example.com/map", Secret: "short"},
		"batch":   {URL: "https://example.com/map", Secret: hookSecret, Batch: 100_000},
		"headers": {URL: "https://example.com/map", Secret: hookSecret, Headers: map[string]string{"a b": "c"}},
	} {
		if _, err := NewMapping(c); !problem(err, key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
